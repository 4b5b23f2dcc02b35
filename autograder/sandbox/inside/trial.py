"""What the sandbox keeps from a program: tried in it, as a submission would try it."""

import json
import os
import socket
from pathlib import Path


def run(question: dict) -> None:
    """Try everything, and write to descriptor 1 what was possible, by layer."""
    found = {
        "identity": os.getuid() == 0 or can_read("/etc/shadow"),
        "files": any(can_read(path) for path in question["hidden"]) or can_write("/usr/course-trial"),
        "network": len(os.listdir("/sys/class/net")) > 1
        if Path("/sys/class/net").exists()
        else can_reach(question["port"]),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]) > 2,
        "capabilities": status("CapEff") != 0 or status("CapBnd") != 0,
        "privileges": status("NoNewPrivs") != 1,
        "seccomp": status("Seccomp") != 2,
        "scratch": not 0 < scratch_bytes() <= question["scratch"],
    }
    possible = [name for name, is_possible in found.items() if is_possible]
    os.write(1, json.dumps({"event": "tried", "possible": possible}).encode())


def can_read(path: str) -> bool:
    return os.access(path, os.R_OK)


def can_write(path: str) -> bool:
    try:
        Path(path).touch()
    except OSError:
        return False
    Path(path).unlink()
    return True


def can_reach(port: int) -> bool:
    """Whether a server that the grader runs on this machine for the trial answers."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1], 16)


def scratch_bytes() -> int:
    space = os.statvfs("/tmp")
    return space.f_blocks * space.f_frsize
