"""Kernels in the sandbox for all that starts them through jupyter_client: `course`, nbgrader, nbclient, JupyterLab.

The kernelspecs `course-warm` and `course-fresh` name this provisioner; nothing else of theirs is used.
"""

import atexit
import os
import signal
import threading
from typing import Any

from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Enum

from autograder.sandbox.limits import Limits
from autograder.sandbox.parent import LauncherGone, NotForkSafe, Sandbox, SandboxedKernel, SandboxError

WARM, FRESH = "warm", "fresh"


class WarmSandbox:
    """The one warm sandbox of this process, started when it is first needed."""

    sandbox: Sandbox | None = None
    owner: int | None = None
    not_safe: str | None = None  # why kernels start cold
    starting = threading.Lock()  # a Dask worker may run several jobs, in threads

    @classmethod
    def get(cls) -> Sandbox:
        """Raises NotForkSafe when the parent must not be forked on this machine, SandboxError when there is none."""
        if cls.not_safe:
            raise NotForkSafe(cls.not_safe)
        return cls.start()

    @classmethod
    def start(cls) -> Sandbox:
        """The sandbox, which comes up while the caller goes on. Raises SandboxError when there can be none."""
        with cls.starting:
            if cls.sandbox is None or cls.owner != os.getpid() or cls.sandbox.is_gone:
                cls.use(Sandbox.start(warm=True))
            return cls.sandbox

    @classmethod
    def use(cls, sandbox: Sandbox) -> None:
        """From now on this process forks its kernels there."""
        cls.sandbox, cls.owner = sandbox, os.getpid()
        atexit.register(sandbox.close)

    @classmethod
    def forget(cls) -> None:
        """The launcher has ended: the next kernel starts another."""
        cls.sandbox = None


class SandboxProvisioner(KernelProvisionerBase):
    """A kernel forked from the warm parent, or started cold in a sandbox of its own."""

    isolation = Enum([WARM, FRESH], WARM, help="forked from the warm parent, or cold in its own sandbox", config=True)
    kernel: SandboxedKernel | None = None
    own_sandbox: Sandbox | None = None
    cold_because: str | None = None

    @property
    def has_process(self) -> bool:
        return self.kernel is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager = self.parent
        self.sandbox = self.open_sandbox()
        manager.transport, manager.cache_ports = "ipc", False
        manager.ip = str(self.sandbox.new_folder() / "kernel")
        for name in ("shell", "iopub", "stdin", "hb", "control"):
            setattr(manager, f"{name}_port", 0)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return {**kwargs, "cmd": [], "env": {}}

    def open_sandbox(self) -> Sandbox:
        if self.isolation == WARM:
            try:
                sandbox = WarmSandbox.get()
                sandbox.wait_until_ready()
                return sandbox
            except NotForkSafe as reason:
                WarmSandbox.not_safe = self.cold_because = str(reason)
                self.log.warning("%s; kernels start cold, which is slower", reason)
        self.own_sandbox = Sandbox.start(warm=False)
        return self.own_sandbox

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict:
        """Start a kernel.

        Args:
            environment: variables of the kernel, beside the kernelspec's; nothing of the caller's own reaches it.
            files: {relative path: content} to lie in the kernel's folder.
            limits: what the kernel may use.
        """
        connection = self.connection_info | {"key": self.connection_info["key"].decode()}
        environment = self.kernel_spec.env | kwargs.get("environment", {})
        files, limits = kwargs.get("files", {}), kwargs.get("limits", Limits())
        try:
            self.kernel = self.sandbox.start_kernel(connection, environment, files, limits)
            self.kernel.wait_until_ready()
        except SandboxError as error:
            if isinstance(error, LauncherGone):
                WarmSandbox.forget()
            elif isinstance(error, NotForkSafe):
                WarmSandbox.not_safe = str(error)
            await self.cleanup()
            raise
        return self.connection_info

    async def poll(self) -> int | None:
        return self.kernel.poll() if self.kernel else 0

    async def wait(self) -> int | None:
        status = self.kernel.close().status if self.kernel else 0
        self.kernel = None
        return status

    async def send_signal(self, signum: int) -> None:
        if self.kernel:
            self.kernel.send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        if self.kernel:
            self.kernel.close()

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        if self.kernel:
            self.kernel.close()
            self.kernel = None
        if self.own_sandbox:
            self.own_sandbox.close()
            self.own_sandbox = None
