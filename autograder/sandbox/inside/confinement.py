"""Namespaces, mounts, limits and filters that a kernel's processes put on themselves before student code runs."""

import ctypes
import fcntl
import os
import resource
import shutil
import socket
import struct
from pathlib import Path

SOCKETS = "/run/kernel"  # the kernel's own folder of sockets
ALL_SOCKETS = "/run/course"  # those of all kernels of this sandbox
HOME = "/home/student"
FOLDER = f"{HOME}/notebook"  # where the notebook runs, with the files that were handed in beside it
SCRATCH = {"/tmp": "1777", "/dev/shm": "1777", HOME: "0700"}
INODES = 20_000  # files in each scratch folder

NAMESPACES = {
    "user": 0x10000000,
    "files": 0x00020000,
    "processes": 0x20000000,
    "network": 0x40000000,
    "ipc": 0x08000000,
    "hostname": 0x04000000,
    "cgroup": 0x02000000,
}
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXECUTION, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
DROP_BOUND, SET_SECCOMP, NO_NEW_PRIVILEGES, CLEAR_AMBIENT = 24, 22, 38, 47  # of prctl
FILTER = 2
SET_FLAGS, UP, RUNNING = 0x8914, 1, 64  # of a network device

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments) -> None:
    """Call libc; raise OSError with the call's name when it fails."""
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter_namespaces(layers: list[str]) -> None:
    """A user namespace in which this user may build the others; the next child is the first process of its own."""
    user, group = os.getuid(), os.getgid()
    wanted = [
        "user",
        "files",
        "hostname",
        "cgroup",
        *(name for name in ("processes", "network", "ipc") if name in layers),
    ]
    call("unshare", sum(NAMESPACES[name] for name in wanted))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    encoded = [part.encode() if part is not None else None for part in (source, target, kind, options)]
    call("mount", encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])


def arrange_files(kernel: str, scratch: int, kept: list[str], layers: list[str]) -> None:
    """Own /proc, own sockets, own scratch folders of `scratch` bytes each; those of other kernels out of sight.

    Of the folders `kept`, the interpreter's, those that a scratch folder would cover stay where they are.
    """
    mount(None, "/", None, RECURSIVE | PRIVATE)
    if "processes" in layers:
        mount("proc", "/proc", "proc", NO_SUID | NO_DEVICES | NO_EXECUTION)
    mount(f"{ALL_SOCKETS}/{kernel}", SOCKETS, None, BIND)
    if "files" in layers:
        mount("tmpfs", ALL_SOCKETS, "tmpfs", NO_SUID | NO_DEVICES | READ_ONLY, "size=4k")
    covered = {path: os.open(path, os.O_PATH) for path in kept if any(Path(path).is_relative_to(s) for s in SCRATCH)}
    for folder, mode in SCRATCH.items():
        bounds = f",size={scratch},nr_inodes={INODES}" if "scratch" in layers else ""
        mount("tmpfs", folder, "tmpfs", NO_SUID | NO_DEVICES, f"mode={mode}{bounds}")
    for path, handle in covered.items():
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{handle}", path, None, BIND | RECURSIVE)
        os.close(handle)
    shutil.copytree(f"{SOCKETS}/files", FOLDER)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def seal_sockets() -> None:
    """From now on nothing can be written to the folder that the grader shares with this kernel."""
    mount(None, SOCKETS, None, REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEVICES)


def start_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", UP | RUNNING))


def limit_resources(limits: dict, layers: list[str]) -> None:
    """Bounds on each process. RLIMIT_AS is not among them: TensorFlow dies of it without an error."""
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: limits["cpu"], resource.RLIMIT_NOFILE: 1024}
    if "memory" in layers:
        bounds[resource.RLIMIT_DATA] = limits["memory"] * 7 // 8  # an error in Python comes before the hard end
    if "process_count" in layers:
        bounds[resource.RLIMIT_NPROC] = limits["processes"]
    if "scratch" in layers:
        bounds[resource.RLIMIT_FSIZE] = limits["scratch"]
    for kind, bound in bounds.items():
        resource.setrlimit(kind, (bound, bound))


def drop_capabilities() -> None:
    capability = 0
    while libc.prctl(DROP_BOUND, capability, 0, 0, 0) == 0:
        capability += 1
    libc.prctl(CLEAR_AMBIENT, 4, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())


def forbid_new_privileges() -> None:
    call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


class Program(ctypes.Structure):
    """struct sock_fprog: a filter of `length` instructions of 8 bytes."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def filter_system_calls(instructions: bytes) -> None:
    call("prctl", SET_SECCOMP, FILTER, ctypes.byref(Program(len(instructions) // 8, instructions)), 0, 0)
