"""The bubblewrap command that puts a sandbox around the launcher."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

USER = 64030  # nobody's: what the launcher runs as when the grader is started by root
CODE = "/opt/course"
SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SYSTEM = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/etc/fonts", "/sys/devices/system/cpu")
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "CUDA_VISIBLE_DEVICES": "-1",
    "OPENBLAS_NUM_THREADS": "1",  # its pool of threads would make the launcher unsafe to fork
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYDEVD_USE_FRAME_EVAL": "NO",  # as ipykernel's debugger sets it, too late for a forked kernel
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


def sandbox_command(runtime: Path, settings: dict, layers: frozenset[str]) -> list[str]:
    """The command; `runtime` is the folder that kernels and the grader share sockets in."""
    root = os.geteuid() == 0
    python = [sys.executable, "-P", "-m", "inside.launcher", json.dumps(settings)]
    command = ["bwrap", *namespaces(root, layers), "--new-session", "--clearenv", *files(runtime, layers)]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    command += ["--setenv", "PYTHONPATH", CODE]
    if root:
        return [*command, *as_nobody(layers), *python]
    return [*command, "--uid", str(USER), "--gid", str(USER), "--proc", "/proc", "--remount-ro", "/", *python]


def namespaces(root: bool, layers: frozenset[str]) -> list[str]:
    wanted = ["--unshare-uts", "--unshare-cgroup-try"]
    wanted += ["--unshare-pid"] if "processes" in layers else []
    wanted += ["--unshare-net"] if "network" in layers else []
    wanted += ["--unshare-ipc"] if "ipc" in layers else []
    return wanted if root else [*wanted, "--unshare-user"]


def as_nobody(layers: frozenset[str]) -> list[str]:
    """Started by root, bubblewrap could be escaped: it keeps what it needs to become another user, and then loses it.

    No user namespace is used, so that the interpreter may lie in a folder that only root may enter; /proc is mounted
    by hand, because bubblewrap covers parts of it for root, and then kernels could not mount their own.
    """
    kept = ["SETUID", "SETGID", "SETPCAP", "SYS_ADMIN"]
    capabilities = [part for name in kept for part in ("--cap-add", f"CAP_{name}")]
    mount = 'mount -t proc -o nosuid,nodev,noexec proc /proc && exec "$@"'
    drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    if "identity" not in layers:
        drop = ["setpriv", "--inh-caps=-all"]
        capabilities += ["--cap-add", "CAP_SETFCAP"]  # to map root into a kernel's namespace
    return ["--cap-drop", "ALL", *capabilities, "--dir", "/proc", "--remount-ro", "/", "sh", "-c", mount, "sh", *drop]


def files(runtime: Path, layers: frozenset[str]) -> list[str]:
    """Mounts: the system and the interpreter read-only, nothing else of the host but the folder of sockets."""
    here = Path(__file__).parent
    arguments = ["--ro-bind", "/usr", "/usr", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]
    for name in SYSTEM_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            arguments += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
    bound = {path: path for path in [*SYSTEM, *python_folders()]}
    bound |= {str(here / "inside"): f"{CODE}/inside", font_list(): f"{CODE}/fonts"}
    bound |= {str(here / "inside" / name): f"/etc/{name}" for name in ("passwd", "group")}
    if "files" not in layers:
        seen = {"usr", "dev", "proc", "sys", "tmp", "run", "etc", "opt", "home", "root", *SYSTEM_FOLDERS}
        bound = {f"/{name}": f"/{name}" for name in os.listdir("/") if name not in seen} | bound
    made = {"/"}
    for source, target in bound.items():
        if source and Path(source).exists():
            for parent in reversed(Path(target).parents):
                if str(parent) not in made and not any(str(parent).startswith(f"{done}/") for done in bound.values()):
                    arguments += ["--dir", str(parent)]
                    made.add(str(parent))
            arguments += ["--ro-bind", source, target]
    for folder in ("/run", "/run/kernel", "/home", "/home/student"):
        arguments += ["--dir", folder]
    return [*arguments, "--bind", str(runtime), "/run/course"]


def python_folders() -> list[str]:
    """Where the interpreter, its packages and dlcourse lie, outer folders first; /usr is there anyhow."""
    folders = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(sys.base_exec_prefix),
        Path(find_spec("dlcourse").origin).parent,
    }
    kept = [folder for folder in folders if not folder.is_relative_to("/usr")]
    return sorted(str(f) for f in kept if not any(f != other and f.is_relative_to(other) for other in kept))


def font_list() -> str:
    """Where matplotlib keeps the host's list of fonts."""
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return os.environ.get("MPLCONFIGDIR") or f"{caches}/matplotlib"
