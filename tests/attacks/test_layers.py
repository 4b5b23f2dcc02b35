"""Each layer of the sandbox, left out alone, lets through what it holds, and nothing else: it is the one that holds."""

import ast
import ctypes
import os
import socket
from contextlib import contextmanager

import pytest

from autograder.kernels import Kernel
from autograder.sandbox.limits import LAYERS, MIB, Limits
from autograder.sandbox.parent import Sandbox
from autograder.sandbox.provisioner import WarmSandbox
from autograder.sandbox.trial import try_sandbox

LIMITS = Limits(cell=30, notebook=60, memory=320 * MIB, processes=60, scratch=8 * MIB)
TRIED = LAYERS - {"ipc", "memory", "process_count"}  # layers that the trial before grading looks at
KEY = 0x0A77AC  # of a piece of System V memory on the host

# What gets through where only the layer of that name is missing. Bounded, and gone within seconds, if all pass.
ATTACKS = {
    "capabilities": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 255).close()",
    "files": "os.listdir('/var/lib')",
    "identity": "assert os.getuid() == 0",
    "ipc": "assert ctypes.CDLL(None).shmget({key}, 0, 0) >= 0",
    "memory": "bytearray(400 * 2**20)",
    "network": "socket.create_connection(('127.0.0.1', {port}), timeout=2).close()",
    "process_count": "fork(120)",
    "processes": "assert os.path.exists('/proc/{grader}/status')",
    "scratch": "open('/tmp/attack-was-here', 'wb').write(bytes(16 * 2**20))",
    "seccomp": "assert ctypes.CDLL(None).syscall(250, 0, -3, 1) >= 0",  # keyctl
}
PROGRAM = """
import ctypes, os, signal, socket, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def fork(count):
    children = []
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                time.sleep(20)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
passed = []
for name, attack in attacks.items():
    try:
        exec(attack)
        passed.append(name)
    except (OSError, AssertionError, MemoryError):
        pass
print(passed)
"""


@contextmanager
def something_to_reach():
    """A server and a piece of shared memory on this machine: what a program outside of the sandbox can reach."""
    libc = ctypes.CDLL(None, use_errno=True)
    memory = libc.shmget(KEY, 4096, 0o1666)
    assert memory >= 0, os.strerror(ctypes.get_errno())
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield {"key": KEY, "port": server.getsockname()[1], "grader": os.getpid()}
    finally:
        libc.shmctl(memory, 0, None)


def what_passes(layers, monkeypatch):
    """Names of the attacks that get through in a kernel with these layers."""
    sandbox = Sandbox.start(warm=False, layers=frozenset(layers))
    monkeypatch.setattr(WarmSandbox, "sandbox", sandbox)
    monkeypatch.setattr(WarmSandbox, "owner", os.getpid())
    monkeypatch.setattr(WarmSandbox, "not_safe", None)
    try:
        with something_to_reach() as reached:
            attacks = {name: attack.format(**reached) for name, attack in ATTACKS.items()}
            kernel = Kernel("warm", environment={}, limits=LIMITS)
            try:
                reply = kernel.run(f"attacks = {attacks!r}\n{PROGRAM}", LIMITS.cell)
            finally:
                kernel.close()
    finally:
        sandbox.close()
    assert reply.status == "ok", (reply.ename, reply.evalue)
    return set(ast.literal_eval(reply.outputs[-1]["text"]))


def possible_without(layer):
    """A grader who is nobody of importance has no other user to become."""
    return set() if layer == "identity" and os.geteuid() != 0 else {layer}


def test_every_layer_has_an_attack():
    assert set(ATTACKS) >= LAYERS


def test_all_layers_hold_everything(temporary_folder, monkeypatch):
    assert what_passes(LAYERS, monkeypatch) == set()


@pytest.mark.slow
@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_a_layer_alone_holds_its_attack(temporary_folder, monkeypatch, layer):
    assert what_passes(LAYERS - {layer}, monkeypatch) == possible_without(layer)


def test_trial_finds_nothing_where_all_layers_hold(temporary_folder):
    assert try_sandbox() == []


@pytest.mark.slow
@pytest.mark.parametrize("layer", sorted(TRIED))
def test_trial_before_grading_notices_a_missing_layer(temporary_folder, layer):
    assert set(try_sandbox(layers=LAYERS - {layer})) == possible_without(layer)
