"""The first process of a kernel's namespaces: starts the kernel, reaps, watches memory, obeys the grader, and ends all.

When it ends, the Linux kernel ends every other process of the namespace, whatever signals they ignore.
"""

import os
import resource
import select
import signal
import socket
import time
import traceback
from pathlib import Path

from inside import confinement, kernel, trial, wire

WATCH = 0.1  # seconds between two looks at the memory in use
READY = 0.002  # seconds between two looks for the kernel's sockets
CHANNELS = 5  # sockets that a kernel binds


def become_first_process(channel: socket.socket, request: dict, settings: dict) -> None:
    """Enter new namespaces and go on in their first process. Never returns."""
    try:
        confinement.enter_namespaces(settings["layers"])
        if os.fork() == 0:
            FirstProcess(channel, request, settings).run()
    except BaseException as error:  # whatever it is, the grader must hear of it, and this process may not go on
        report(channel, error)
    finally:
        os._exit(0)


def report(channel: socket.socket, error: BaseException) -> None:
    place = traceback.extract_tb(error.__traceback__)[-1]
    wire.send(channel, {"event": "failed", "reason": f"{type(error).__name__}: {error} ({place.name})"})


class FirstProcess:
    """State: the grader's channel, the kernel's process, and what the request asked for."""

    def __init__(self, channel: socket.socket, request: dict, settings: dict):
        self.channel, self.request, self.settings = channel, request, settings
        self.layers, self.limits = settings["layers"], request["limits"]
        self.kernel: int | None = None
        self.ready = False
        self.shared = private_memory("self")  # what every process of this kernel has from the parent, counted once

    def run(self) -> None:
        try:
            self.settle()
            wire.send(self.channel, {"event": "confined"})
            if wire.receive(self.channel)[0] is not None:  # the grader has put this process into its cgroup
                self.start_kernel()
                self.watch()
        except BaseException as error:
            report(self.channel, error)
        finally:
            os._exit(0)

    def settle(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        confinement.arrange_files(self.request["name"], self.limits["scratch"], self.settings["kept"], self.layers)
        confinement.libc.sethostname(b"sandbox", 7)
        if "network" in self.layers:
            confinement.start_loopback()

    def start_kernel(self) -> None:
        self.kernel = os.fork()
        if self.kernel == 0:
            try:
                self.confine_kernel()
                if self.request.get("trial"):
                    trial.run(self.request["trial"])
                else:
                    kernel.run(self.request, self.settings["warm"])
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)

    def confine_kernel(self) -> None:
        """The last steps before student code: nothing of this is undone by anything that runs after."""
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        nowhere = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        if self.request.get("trial"):
            os.dup2(self.channel.fileno(), 1)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        confinement.limit_resources(self.limits, self.layers)
        if "capabilities" in self.layers:
            confinement.drop_capabilities()
        confinement.forbid_new_privileges()
        if "seccomp" in self.layers:
            confinement.filter_system_calls(self.settings["filter"])

    def watch(self) -> None:
        """Until the kernel ends or the grader says so."""
        ended = os.pidfd_open(self.kernel)
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        poll.register(ended, select.POLLIN)
        looked = time.monotonic()
        while True:
            happened = {descriptor for descriptor, _ in poll.poll(1000 * (WATCH if self.ready else READY))}
            if ended in happened:
                return self.tell_end()
            if self.channel.fileno() in happened and not self.obey():
                return self.end_kernel()
            if not self.ready and len(os.listdir(confinement.SOCKETS)) > CHANNELS:
                self.seal()
            if time.monotonic() - looked > WATCH:
                looked = time.monotonic()
                self.reap()
                if {"memory", "processes"} <= set(self.layers) and self.memory_in_use() > self.limits["memory"]:
                    wire.send(self.channel, {"event": "limit", "which": "memory"})
                    return self.end_kernel()

    def seal(self) -> None:
        """The kernel has bound its sockets, and runs nothing before it is asked to."""
        confinement.seal_sockets()
        self.ready = True
        wire.send(self.channel, {"event": "ready"})

    def obey(self) -> bool:
        """Do what the grader asks; False when the kernel is to end, or the grader is gone."""
        order = wire.receive(self.channel)[0]
        if order is None or order["do"] == "end":
            return False
        os.kill(self.kernel, order["signal"])
        return True

    def end_kernel(self) -> None:
        os.kill(-1 if os.getpid() == 1 else self.kernel, signal.SIGKILL)
        self.tell_end()

    def tell_end(self) -> None:
        _, status = os.waitpid(self.kernel, 0)
        self.reap()
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        message = {
            "event": "ended",
            "status": os.waitstatus_to_exitcode(status),
            "cpu": usage.ru_utime + usage.ru_stime,
            "peak": usage.ru_maxrss * 1024,
        }
        wire.send(self.channel, message)

    def reap(self) -> None:
        """Take leave of orphans that have ended; the kernel itself is left to `tell_end`."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or ended.si_pid == self.kernel:
                return
            os.waitpid(ended.si_pid, 0)

    def memory_in_use(self) -> int:
        """Bytes that the kernel's processes hold beside what all have from the parent; exact only near the limit."""
        processes = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
        rough = sum(max(0, private_memory(name) - self.shared) for name in processes)
        return rough if rough < self.limits["memory"] else sum(map(proportional_memory, processes))


def private_memory(process: str) -> int:
    """Bytes of anonymous and shared memory that a process has in use; 0 when it is gone."""
    return status_bytes(Path(f"/proc/{process}/status"), ("RssAnon", "RssShmem"))


def proportional_memory(process: str) -> int:
    """The same, pages that several processes have counted in parts."""
    return status_bytes(Path(f"/proc/{process}/smaps_rollup"), ("Pss_Anon", "Pss_Shmem"))


def status_bytes(path: Path, names: tuple[str, ...]) -> int:
    try:
        lines = path.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.partition(":")[0] in names)
