"""A control group for each kernel, where this machine lets us make one: the bound on memory that nothing escapes."""

from contextlib import suppress
from pathlib import Path

NO_BOUND = 2**40  # of bytes or processes
ROOT = Path("/sys/fs/cgroup")


class Cgroup:
    """One folder in each hierarchy that bounds memory or processes."""

    def __init__(self, name: str, memory: int, processes: int, layers: frozenset[str]):
        self.folders: list[Path] = []
        memory = memory if "memory" in layers else NO_BOUND
        processes = processes if "process_count" in layers else NO_BOUND
        for parent, controller in own_cgroups():
            folder = parent / name
            try:
                folder.mkdir()
            except OSError:
                continue
            self.folders.append(folder)
            for file, value in bounds(controller, memory, processes).items():
                with suppress(OSError):  # a hierarchy without this file bounds nothing here: the watchdog does
                    (folder / file).write_text(str(value))

    def add(self, process: int) -> None:
        for folder in self.folders:
            with suppress(OSError):
                (folder / "cgroup.procs").write_text(str(process))

    def killed_for_memory(self) -> bool:
        """Whether the Linux kernel ended a process of the group because its memory was full."""
        for folder in self.folders:
            for file in ("memory.events", "memory.oom_control"):
                with suppress(OSError):
                    lines = (folder / file).read_text().splitlines()
                    if any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in lines):
                        return True
        return False

    def remove(self) -> None:
        """All processes of the group must have ended."""
        for folder in self.folders:
            with suppress(OSError):  # gone, or a process is still ending: the end of the sandbox tries again
                folder.rmdir()


def leftover_groups(prefix: str) -> list[Path]:
    """Groups below this process's own whose names begin so."""
    return [group for parent, _ in own_cgroups() for group in parent.glob(f"{prefix}*")]


def bounds(controller: str, memory: int, processes: int) -> dict[str, int]:
    return {
        "memory": {"memory.limit_in_bytes": memory},
        "pids": {"pids.max": processes},
        "unified": {"memory.max": memory, "memory.swap.max": 0, "pids.max": processes},
    }[controller]


def own_cgroups() -> list[tuple[Path, str]]:
    """The groups that this process is in, and what each can bound."""
    found = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers and (ROOT / "cgroup.controllers").exists():
            folder = ROOT / path.lstrip("/")
            if "memory" in read(folder / "cgroup.subtree_control").split():
                found.append((folder, "unified"))
        for name in {"memory", "pids"} & set(controllers.split(",")):
            found.append((ROOT / name / path.lstrip("/"), name))
    return found


def read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
