"""The first program in the sandbox: imports what kernels need, then forks one for each request.

It reads requests from a socket that it was born with, which no path leads to; when the grader closes its end it leaves,
and so does everything else in the sandbox.
"""

import gc
import importlib
import importlib.util
import json
import os
import resource
import socket
import sys
import time

from inside import kernel, wire
from inside.first_process import become_first_process

# What a kernel imports while it starts, and what notebooks import, without which a forked kernel would be slow too.
KERNEL_MODULES = [
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger", "ipykernel.heartbeat",
    "ipykernel.parentpoller", "debugpy", "comm", "matplotlib_inline.backend_inline", "IPython.core.completerlib",
    "IPython.core.magics", "IPython.extensions.storemagic", "tornado.platform.asyncio", "zmq.eventloop.zmqstream",
    "psutil", "jedi", "sqlite3", "concurrent.futures.thread", "asyncio", "pdb", "uuid",
]  # fmt: skip
NOTEBOOK_MODULES = [
    "numpy", "numpy.testing", "tensorflow", "keras", "scipy.stats", "scipy.optimize", "scipy.special", "scipy.signal",
    "matplotlib.pyplot", "matplotlib.backends.backend_agg", "sklearn.datasets", "pandas", "threadpoolctl",
    "dlcourse", "dlcourse.checking", "dlcourse.cluster", "dlcourse.sprites", "dlcourse.devices", "dlcourse.submission",
]  # fmt: skip


def preload(names: list[str]) -> None:
    """Import what is installed of these."""
    for name in names:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            try:
                importlib.import_module(name)
            except ModuleNotFoundError:
                continue  # this version of the package has no such module


def load_lazy_modules() -> None:
    """Load those of TensorFlow without running an operation."""
    tensorflow = sys.modules.get("tensorflow")
    for name in ("keras", "data", "nn", "random", "config", "linalg", "math", "debugging", "distribute", "lite"):
        getattr(tensorflow, name, None)


def not_fork_safe() -> str | None:
    """Why this process may not be forked now; None when it may."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        return f"it has {threads} threads"
    context = sys.modules.get("tensorflow.python.eager.context")
    if context is not None and context._context is not None and context._context._initialized:
        return "TensorFlow was used in it"
    if os.environ.get("CUDA_VISIBLE_DEVICES") != "-1":
        return "a GPU is visible in it"
    return None


def serve(control: socket.socket, settings: dict) -> None:
    """Fork a kernel for each message until the other end is closed."""
    while True:
        request, descriptors, _ = wire.receive(control)
        if request is None:
            return
        channel = socket.socket(fileno=descriptors[0])
        reason = not_fork_safe() if settings["warm"] else None
        if reason:
            wire.send(channel, {"event": "unsafe", "reason": reason})
            channel.close()
            continue
        child = os.fork()
        if child == 0:
            control.close()
            become_first_process(channel, request, settings)  # never returns
        channel.close()
        os.waitpid(child, 0)  # it only enters the namespaces and forks the kernel's first process


def main() -> None:
    started = time.monotonic()
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))  # that of the worker is not for kernels
    settings["filter"] = bytes.fromhex(settings["filter"])
    if settings["warm"]:
        kernel.copy_fonts(os.environ["HOME"])
        preload(KERNEL_MODULES + NOTEBOOK_MODULES)
        load_lazy_modules()
        gc.collect()
        gc.freeze()
    reason = not_fork_safe() if settings["warm"] else None
    wire.send(control, {"event": "ready", "seconds": time.monotonic() - started, "unsafe": reason})
    serve(control, settings)
    os._exit(0)  # nothing is to be put away, and TensorFlow takes its time for it


if __name__ == "__main__":
    main()
