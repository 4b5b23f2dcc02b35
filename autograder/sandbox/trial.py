"""Is there a sandbox on this machine? It is tried, not guessed."""

import os
import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path

from autograder.sandbox.limits import LAYERS, Limits
from autograder.sandbox.parent import Sandbox, SandboxError

INSTALL = "apt-get install bubblewrap"
ADVICE = "or give --isolation none: student code then runs as you, without a sandbox"


@cache
def require_sandbox() -> None:
    """Try the sandbox, once a process.

    Raises:
        SandboxError: student code would not be confined; the message says what is missing and how to get it.
    """
    try:
        possible = try_sandbox()
    except SandboxError as error:
        raise SandboxError(f"no sandbox: {error}; {remedy()}; {ADVICE}") from None
    if possible:
        raise SandboxError(f"the sandbox does not hold: student code could pass {', '.join(possible)}; {ADVICE}")


def try_sandbox(layers: frozenset[str] = LAYERS) -> list[str]:
    """Run a program in the sandbox that tries what it may not; the layers that did not hold it, none when all is well.

    Raises:
        SandboxError: there is no sandbox at all.
    """
    sandbox = Sandbox.start(warm=False, layers=layers)
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            question = {
                "hidden": [str(sandbox.runtime), str(Path.home() / ".bashrc"), "/etc/hostname", "/var/lib"],
                "port": server.getsockname()[1],
                "scratch": Limits().scratch,
            }
            folder = sandbox.new_folder()
            kernel = sandbox.start_kernel({"ip": str(folder / "kernel")}, {}, {}, Limits(), trial=question)
            try:
                while kernel.ending is None:
                    event = kernel.listen(10)
                    if event is None or event["event"] == "tried":
                        break
            finally:
                kernel.close()
    finally:
        sandbox.close()
    if event is None or event["event"] != "tried":
        raise SandboxError("the trial in the sandbox gave no answer")
    return event["possible"]


def remedy() -> str:
    """What to do about a sandbox that cannot be made."""
    if shutil.which("bwrap") is None:
        return f"run: {'' if os.geteuid() == 0 else 'sudo '}{INSTALL}"
    allowed = Path("/proc/sys/user/max_user_namespaces")
    if allowed.exists() and allowed.read_text().strip() == "0":
        return "this machine forbids user namespaces; run: sudo sysctl user.max_user_namespaces=15000"
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text().strip() == "1":
        return (
            "AppArmor keeps user namespaces from bubblewrap; give it a profile, or run: "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    done = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False)
    return f"{done.stdout.strip()} is installed, but this machine does not let it make namespaces"
