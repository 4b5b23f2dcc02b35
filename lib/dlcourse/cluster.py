"""Real TensorFlow processes on this machine: workers, parameter servers, and a chief that may coordinate them.

    with cluster.Cluster(script, workers=2, seconds=60) as members:
        members.wait()
        lines = members.output("worker 0")

Each member is a process that runs the script with a TF_CONFIG of its own, as it would on a machine of its own.
Leaving the `with` ends them all. Should this process be killed, the members see their input close and end too; and none
outlives its time limit.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from dlcourse.cluster_script import write_script

__all__ = ["Cluster", "ClusterError", "free_ports", "write_script"]

LAUNCHER = Path(__file__).with_name("cluster_member.py")
LOG_LINES_SHOWN = 12


class ClusterError(RuntimeError):
    """A member of the cluster ended before its work was done."""


class Cluster:
    """Processes named "chief", "worker 0", "worker 1", ..., "server 0", ..., started on entering and ended on leaving.

    They use the CPU: one GPU cannot be shared by several TensorFlow processes without care.

    Attributes:
        configurations: each member's TF_CONFIG as a dictionary, by its name.
    """

    def __init__(self, script, *, workers=0, servers=0, chief=False, arguments=(), seconds=60):
        """Prepare the processes.

        Args:
            script: path of the Python script that each of them runs.
            workers, servers: how many workers and parameter servers.
            chief: whether there is a chief. `wait` then waits for it alone; else for all workers.
            arguments: of the script.
            seconds: after this time each member ends itself.

        Raises:
            FileNotFoundError: there is no such script.
            ValueError: there is nobody to wait for.
        """
        self.script = Path(script).resolve()
        if not self.script.is_file():
            raise FileNotFoundError(f"script is {str(script)!r}, which is no file; write_script writes one")
        if not (workers or chief):
            raise ValueError("a cluster needs workers, or a chief, that come to an end")
        counts = {"chief": int(chief), "worker": workers, "ps": servers}
        self.configurations = configurations({job: count for job, count in counts.items() if count})
        self.awaited = ["chief"] if chief else [name for name in self.configurations if name.startswith("worker")]
        self.arguments = [str(argument) for argument in arguments]
        self.seconds = seconds
        self.folder = tempfile.TemporaryDirectory(prefix="dlcourse-cluster-")
        self.processes: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Cluster":
        self.started = time.monotonic()
        try:
            for name in self.configurations:
                self.processes[name] = self.start(name)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def start(self, name: str) -> subprocess.Popen:
        local = ",".join(filter(None, [os.environ.get("no_proxy"), "127.0.0.1"]))
        environment = os.environ | {
            "TF_CONFIG": json.dumps(self.configurations[name]),
            "TF_CPP_MIN_LOG_LEVEL": "3",  # what goes wrong reaches Python as an exception
            "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONUNBUFFERED": "1",
            "no_proxy": local,
        }
        command = [sys.executable, str(LAUNCHER), str(self.seconds), str(self.script), *self.arguments]
        with self.path(name, "output").open("wb") as output, self.path(name, "log").open("wb") as log:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=self.script.parent,
                stdin=subprocess.PIPE,  # never written to: that it closes tells the member that we are gone
                stdout=output,
                stderr=log,
                start_new_session=True,  # an interrupt from the keyboard is ours to act on
            )

    def path(self, name: str, kind: str) -> Path:
        return Path(self.folder.name) / f"{name.replace(' ', '_')}.{kind}"

    def wait(self) -> None:
        """Wait until the chief, or each worker, has ended well.

        Raises:
            ClusterError: a member died; the message names it, how it ended, and the last lines of its log.
            TimeoutError: the cluster's seconds are over.
        """
        while any(self.processes[name].poll() is None for name in self.awaited):
            self.look_for_trouble()
            time.sleep(0.05)
        self.look_for_trouble()

    def wait_for(self, name: str, text: str) -> None:
        """Wait until the member has printed a line that contains the text. Raises as `wait`, and if it ends without."""
        while not any(text in line for line in self.output(name)):
            self.look_for_trouble()
            if self.processes[name].poll() is not None and not any(text in line for line in self.output(name)):
                raise ClusterError(f"{name} ended without having printed {text!r}")
            time.sleep(0.05)

    def look_for_trouble(self) -> None:
        seconds = time.monotonic() - self.started
        failed = {name: process.returncode for name, process in self.processes.items() if process.poll()}
        if failed and seconds < self.seconds:
            name = min(failed, key=failed.get)  # a killed one (negative) before those that failed because of it
            log = "\n".join(self.log(name).splitlines()[-LOG_LINES_SHOWN:]).strip()
            raise ClusterError(
                f"{name} {how_it_ended(failed[name])}, {seconds:.1f} s after the start of the cluster. "
                + (f"The end of its log:\n{log}" if log else "Its log is empty")
            )
        if seconds >= self.seconds:
            at_work = [name for name in self.awaited if self.processes[name].returncode != 0]
            raise TimeoutError(
                f"{', '.join(at_work)} had not finished after {self.seconds:g} s; give the cluster more seconds, or "
                "see in output(...) and log(...) how far they came"
            )

    def output(self, name: str) -> list[str]:
        """The whole lines that the member has printed so far."""
        text = self.path(self.known(name), "output").read_text(encoding="utf-8", errors="replace")
        return text[: text.rfind("\n") + 1].splitlines()

    def log(self, name: str) -> str:
        """What the member has written to its error stream so far."""
        return self.path(self.known(name), "log").read_text(encoding="utf-8", errors="replace")

    def known(self, name: str) -> str:
        if name not in self.configurations:
            raise KeyError(f"no member is called {name!r}; there are {', '.join(self.configurations)}")
        return name

    def kill(self, name: str) -> None:
        """End a member at once, as a machine does that loses its power."""
        self.signal(name, signal.SIGKILL)

    def pause(self, name: str) -> None:
        """Stop a member in its tracks, until `resume`."""
        self.signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.signal(name, signal.SIGCONT)

    def signal(self, name: str, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.processes[self.known(name)].pid, number)

    def end(self) -> None:
        """End all members that still run."""
        for process in self.processes.values():
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes.values():
            process.stdin.close()
            process.wait()


def configurations(counts: dict[str, int]) -> dict[str, dict]:
    """Each member's TF_CONFIG: the addresses of all, and which of them it is.

    `counts` maps TensorFlow's job names ("chief", "worker", "ps") to their numbers of members.
    """
    ports = iter(free_ports(sum(counts.values())))
    addresses = {job: [f"127.0.0.1:{next(ports)}" for _ in range(count)] for job, count in counts.items()}
    names = {"chief": "chief", "worker": "worker {}", "ps": "server {}"}
    return {
        names[job].format(index): {"cluster": addresses, "task": {"type": job, "index": index}}
        for job in addresses
        for index in range(len(addresses[job]))
    }


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens now.

    They lie below those that systems hand out by themselves, so that no other program is given one before it is used.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as attempt, suppress(OSError):
            attempt.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def how_it_ended(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    return f"was killed by {signal.Signals(-returncode).name}"
