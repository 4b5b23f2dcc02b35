"""The grader's side of a sandbox: start its launcher, ask it for kernels, signal and end them."""

import itertools
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from autograder.errors import CourseError
from autograder.sandbox import command, filter
from autograder.sandbox.cgroups import Cgroup, leftover_groups
from autograder.sandbox.inside import wire
from autograder.sandbox.limits import LAYERS, Limits

PREFIX = "course-sandbox-"  # of folders and control groups; the process that made them follows
START = 120  # seconds that a launcher may take to import all that kernels need
ANSWER = 30  # seconds that it may take to fork a kernel


class SandboxError(CourseError):
    """The sandbox could not be made, or a kernel could not be started in it; the message says why."""


class NotForkSafe(SandboxError):
    """The warm parent may not be forked on this machine; kernels can be started cold."""


class LauncherGone(SandboxError):
    """The launcher has ended; another one can be started."""


@dataclass(frozen=True)
class Ending:
    """How a kernel ended: exit status (negative: a signal), seconds of processor time, bytes at most in use, and what
    it exceeded ("memory"), if it was ended for that."""

    status: int | None
    cpu: float = 0.0
    peak: int = 0
    exceeded: str | None = None


class Sandbox:
    """A launcher in bubblewrap. With `warm`, it has imported what kernels need and forks them from there."""

    def __init__(self, control: socket.socket, runtime: Path, layers: frozenset[str]):
        self.control, self.runtime, self.layers = control, runtime, layers
        self.names = itertools.count(1)
        self.process: subprocess.Popen | None = None
        self.is_ready = False
        self.waiting = threading.Lock()

    @classmethod
    def start(cls, *, warm: bool, layers: frozenset[str] = LAYERS) -> "Sandbox":
        """Start bubblewrap; it comes up while the caller goes on. Raises SandboxError when it is not installed."""
        if shutil.which("bwrap") is None:
            raise SandboxError("bubblewrap is missing; install it: apt-get install bubblewrap")
        remove_leftovers()
        control, theirs = wire.pair()
        sandbox = cls(control, Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")), layers)
        settings = {
            "warm": warm,
            "layers": sorted(layers),
            "filter": filter.program().hex(),
            "kept": command.python_folders(),
            "control": theirs.fileno(),
        }
        if os.geteuid() == 0 and "identity" in layers:
            try:
                os.chown(sandbox.runtime, command.USER, command.USER)
            except OSError as error:  # root of a user namespace that has no other users
                sandbox.runtime.rmdir()
                raise SandboxError(f"root has no user {command.USER} here to run student code as: {error}") from None
        with theirs, (sandbox.runtime / "errors").open("wb") as errors:
            sandbox.process = subprocess.Popen(
                command.sandbox_command(sandbox.runtime, settings, layers),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[theirs.fileno()],
                cwd="/",
            )
        return sandbox

    @classmethod
    def share(cls, control: socket.socket, runtime: Path, layers: frozenset[str] = LAYERS) -> "Sandbox":
        """A sandbox that another process has started and found ready: its end of the control socket, and its folder."""
        sandbox = cls(control, runtime, layers)
        sandbox.is_ready = True
        return sandbox

    @property
    def is_gone(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def wait_until_ready(self) -> None:
        """Raises SandboxError when the launcher does not come up, NotForkSafe when it must not be forked."""
        with self.waiting:
            if self.is_ready:
                return
            message = self.next_message(self.control, START)[0]
            if message is None:
                raise SandboxError(f"the sandbox did not start: {self.complaint()}")
            if message["unsafe"]:
                raise NotForkSafe(f"the warm parent is not safe to fork: {message['unsafe']}")
            self.is_ready = True

    def start_kernel(
        self,
        connection: dict,
        environment: dict[str, str],
        files: dict[str, bytes],
        limits: Limits,
        trial: dict | None = None,
    ) -> "SandboxedKernel":
        """Fork a kernel whose sockets lie in `sockets_of` its name; it is ready to be connected to on return."""
        self.wait_until_ready()
        name = Path(connection["ip"]).parent.name
        for path, content in files.items():
            target = self.runtime / name / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        ours, theirs = wire.pair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        request = {
            "name": name,
            "connection": connection | {"ip": f"/run/kernel/{Path(connection['ip']).name}"},
            "environment": command.ENVIRONMENT | {"HOME": "/home/student"} | environment,
            "limits": asdict(limits) | {"cpu": limits.cpu},
            "trial": trial,
        }
        with theirs:
            try:
                wire.send(self.control, request, [theirs.fileno()])
            except OSError:
                raise LauncherGone(f"the sandbox's launcher is gone: {self.complaint()}") from None
        message, process = self.next_message(ours, ANSWER)
        self.accept(message, "confined")
        group = Cgroup(f"{self.runtime.name}-{name}", limits.memory, limits.processes, self.layers)
        kernel = SandboxedKernel(self.runtime / name, ours, process, group)
        wire.send(ours, {"do": "start"})
        return kernel

    def new_folder(self) -> Path:
        """A folder for one kernel's sockets, in which the path of a socket is short enough."""
        folder = self.runtime / f"{os.getpid()}-{next(self.names)}"
        (folder / "files").mkdir(parents=True)
        if os.geteuid() == 0 and "identity" in self.layers:
            os.chown(folder, command.USER, command.USER)
        return folder

    def accept(self, message: dict | None, wanted: str) -> None:
        if message is None:
            raise LauncherGone(f"the sandbox's launcher is gone: {self.complaint()}")
        if message["event"] == "unsafe":
            raise NotForkSafe(f"the warm parent is not safe to fork: {message['reason']}")
        if message["event"] != wanted:
            raise SandboxError(f"a kernel could not be confined: {message.get('reason', message)}")

    def next_message(self, channel: socket.socket, seconds: float) -> tuple[dict | None, int | None]:
        if not select.select([channel], [], [], seconds)[0]:
            raise SandboxError(f"the sandbox did not answer within {seconds} seconds: {self.complaint()}")
        message, _, process = wire.receive(channel)
        return message, process

    def complaint(self) -> str:
        """The last line that bubblewrap or the launcher wrote to its error stream."""
        path = self.runtime / "errors"
        lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """End the launcher, and with it all its kernels; one that is shared goes on for the others."""
        self.control.close()
        if self.process is None:
            return
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.runtime, ignore_errors=True)
        for group in leftover_groups(self.runtime.name):  # of workers that were ended in the middle
            with suppress(OSError):
                group.rmdir()


def remove_leftovers() -> None:
    """Folders and control groups of graders that were killed; their processes have ended with them."""
    for folder in [*Path(tempfile.gettempdir()).glob(f"{PREFIX}*"), *leftover_groups(PREFIX)]:
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            if "cgroup" in folder.parts:
                with suppress(OSError):  # a process of it is still ending
                    folder.rmdir()
            else:
                shutil.rmtree(folder, ignore_errors=True)


class SandboxedKernel:
    """One kernel's first process, seen from outside."""

    def __init__(self, folder: Path, channel: socket.socket, process: int, group: Cgroup):
        self.folder, self.channel, self.process, self.group = folder, channel, process, group
        self.handle = os.pidfd_open(process)
        self.ending: Ending | None = None
        self.exceeded: str | None = None
        self.is_ready = False
        group.add(process)

    def wait_until_ready(self, seconds: float = ANSWER) -> None:
        """Until the kernel has bound its sockets. Raises SandboxError when it does not."""
        deadline = time.monotonic() + seconds
        while not self.is_ready:
            if self.ending or not self.listen(max(0.0, deadline - time.monotonic())):
                raise SandboxError("a kernel did not start in the sandbox")

    def listen(self, seconds: float) -> dict | None:
        """The next event of the first process; None when there is none in time."""
        if not select.select([self.channel], [], [], seconds)[0]:
            return None
        message, _, _ = wire.receive(self.channel)
        message = message or {"event": "ended", "status": None}
        if message["event"] == "ready":
            self.is_ready = True
        elif message["event"] == "limit":
            self.exceeded = message["which"]
        elif message["event"] == "failed":
            raise SandboxError(f"a kernel could not be confined: {message['reason']}")
        elif message["event"] == "ended":
            if self.group.killed_for_memory():
                self.exceeded = "memory"
            self.ending = Ending(message["status"], message.get("cpu", 0.0), message.get("peak", 0), self.exceeded)
        return message

    def poll(self) -> int | None:
        """None while the kernel runs, else its exit status (1 when it is not known)."""
        while self.ending is None and self.listen(0):
            pass
        return None if self.ending is None else self.ending.status if self.ending.status is not None else 1

    def send_signal(self, number: int) -> None:
        if self.ending is None:
            try:
                wire.send(self.channel, {"do": "signal", "signal": number})
            except OSError:
                self.poll()

    def close(self, seconds: float = 10) -> Ending:
        """End all processes of the kernel, and remove what it had on this machine."""
        if self.handle is None:
            return self.ending
        try:
            if self.ending is None:
                wire.send(self.channel, {"do": "end"})
            while self.ending is None and self.listen(seconds):
                pass
        except OSError:
            pass  # it has ended already
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        select.select([self.handle], [], [], seconds)  # its namespace has no process any more when it has ended
        os.close(self.handle)
        self.handle = None
        self.channel.close()
        if self.group.killed_for_memory():
            self.exceeded = "memory"
        self.group.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.ending = replace(self.ending or Ending(None), exceeded=self.exceeded)
        return self.ending
