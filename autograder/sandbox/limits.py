"""What a submission may use, and which layers hold it there."""

import os
from dataclasses import dataclass

MIB = 2**20

# Each layer can be left out alone, which only tests do: to see that it is the one that holds. One more is always there:
# no_new_privs, which bubblewrap sets itself.
LAYERS = frozenset(
    {
        "capabilities",  # no capability, not even in the kernel's own user namespace
        "files",  # a read-only system; of the host only the interpreter, its libraries and dlcourse
        "identity",  # an unprivileged user, also when the grader is started by root
        "ipc",  # no System V or POSIX queues and shared memory of others
        "memory",  # RLIMIT_DATA, a watchdog, and a cgroup where there is one
        "network",  # only a loopback device of its own
        "process_count",  # RLIMIT_NPROC, and a cgroup where there is one
        "processes",  # a process namespace of its own, which ends with its first process
        "scratch",  # /tmp, /dev/shm and the home folder are small file systems in memory
        "seccomp",  # system calls that no notebook needs are refused
    }
)


@dataclass(frozen=True)
class Limits:
    """What one submission's kernel may use."""

    cell: float = 60  # seconds of wall time
    notebook: float = 300  # seconds of wall time, replays included
    memory: int = 2048 * MIB  # bytes of all its processes together
    processes: int = 256 + 8 * (os.cpu_count() or 1)  # threads count: TensorFlow starts some for each core
    scratch: int = 256 * MIB  # bytes in each of /tmp, /dev/shm and the home folder
    output: int = 16 * MIB  # bytes that the notebook prints, shows and sends

    @property
    def cpu(self) -> int:
        """Seconds of processor time of one process, which the wall time bounds first."""
        return int(self.notebook * (os.cpu_count() or 1)) + 10
