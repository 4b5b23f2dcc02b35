"""Running many jobs over a `concurrent.futures` executor: worker processes of this machine, or a Dask cluster."""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path

from autograder.errors import CourseError
from autograder.runner import run_job
from autograder.sandbox.parent import NotForkSafe, Sandbox, SandboxError
from autograder.sandbox.provisioner import WarmSandbox
from autograder.sandbox.trial import require_sandbox

DIE_WITH_PARENT = 1  # of prctl
WORKER_MEMORY = 2**30  # bytes: a message that the kernel's process sends may not fill the machine
TRIES = 2
STOPPING = 5  # seconds that workers may take to end their kernels


class Workers:
    """Executes jobs and yields their results; a job whose worker dies, and dies again alone, gets its verdict."""

    def __init__(self, open_executor: Callable[[], Executor], at_once: int):
        self.open_executor, self.at_once = open_executor, at_once
        self.executor: Executor | None = None

    def run(self, jobs: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """Yield each job's key and result as it is done. At most `2 * at_once` jobs are held at a time."""
        waiting, running, suspects = iter(jobs), {}, []
        exhausted = False
        while running or suspects or not exhausted:
            while not exhausted and len(running) < 2 * self.at_once:
                job = next(waiting, None)
                if job is None:
                    exhausted = True
                else:
                    self.submit(job, running)
            if running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    job = running.pop(future)
                    if failed(future):
                        suspects.append(job)
                    else:
                        yield job[0], future.result()
            elif suspects:
                yield self.run_alone(suspects.pop())

    def submit(self, job: tuple[str, bytes], running: dict[Future, tuple[str, bytes]]) -> None:
        self.executor = self.executor or self.open_executor()
        try:
            running[self.executor.submit(run_job, job[1])] = job
        except BrokenProcessPool:
            self.executor = self.open_executor()
            running[self.executor.submit(run_job, job[1])] = job

    def run_alone(self, job: tuple[str, bytes]) -> tuple[str, bytes]:
        """A job that failed, perhaps because another killed the workers: now it has two tries by itself."""
        for _ in range(TRIES):
            running: dict[Future, tuple[str, bytes]] = {}
            self.submit(job, running)
            (future,) = running
            wait([future])
            if not failed(future):
                return job[0], future.result()
        return job[0], verdict_of(future.exception())


def failed(future: Future) -> bool:
    return future.exception() is not None


def verdict_of(error: BaseException) -> bytes:
    """The result of a job that failed in all its tries.

    Raises:
        SandboxError: the machine is at fault, not the submission.
    """
    if isinstance(error, SandboxError):
        raise error
    killed = isinstance(error, BrokenProcessPool) or type(error).__name__ == "KilledWorker"
    reason = "it ended the process that ran it" if killed else f"it could not be run: {type(error).__name__}: {error}"
    result = {"verdict": "rejected", "reason": reason, "cpu": 0.0, "peak": 0, "seconds": 0.0}
    return json.dumps(result | {"cells": {}, "checks": {}, "notes": []}).encode()


@contextmanager
def local_workers(count: int, isolation: str) -> Iterator[Workers]:
    """Worker processes on this machine, started fresh so that no thread of this process is copied.

    They share this process's warm sandbox, which comes up while the caller goes on.
    """
    sandbox = WarmSandbox.start() if isolation == "warm" else None

    def open_executor() -> Executor:
        arguments = (isolation, os.getpid(), shared_parts(sandbox))
        return ProcessPoolExecutor(
            count, mp_context=get_context("spawn"), initializer=prepare_worker, initargs=arguments
        )

    workers = Workers(open_executor, count)
    try:
        yield workers
        if workers.executor:
            workers.executor.shutdown()
    except BaseException:  # an interrupt above all
        stop(workers.executor)
        raise


def shared_parts(sandbox: Sandbox | None) -> tuple[socket.socket, Path] | None:
    """What workers need to fork kernels from a sandbox; None when each must see for itself whether it can."""
    if sandbox is None:
        return None
    try:
        sandbox.wait_until_ready()
    except NotForkSafe:
        return None
    return sandbox.control, sandbox.runtime


def stop(executor: Executor | None) -> None:
    """End the workers, which end their kernels."""
    if executor is None:
        return
    executor.shutdown(wait=False, cancel_futures=True)
    children = active_children()
    for worker in children:
        worker.terminate()
    for worker in children:
        worker.join(STOPPING)
        worker.kill()


def prepare_worker(isolation: str, parent: int, shared: tuple[socket.socket, Path] | None) -> None:
    """In a new worker: a session of its own, so that an interrupt from the keyboard is the caller's to act on; an end
    with the caller; and bounded memory."""
    os.setsid()
    # At once: an exception would end the job that runs and not the worker. Its kernels end with their sockets.
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(1))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)
    if isolation != "none":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (WORKER_MEMORY, hard))
    if shared:
        WarmSandbox.use(Sandbox.share(*shared))


@contextmanager
def dask_workers(address: str, isolation: str) -> Iterator[Workers]:
    """The workers of a Dask cluster. They need `autograder` installed and bubblewrap, and nothing of the classroom.

    Raises:
        CourseError: `distributed` is not installed, nobody answers at the address, it has no workers, or the sandbox
            of one of them does not hold.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise CourseError("--scheduler needs Dask: pip install 'dlcourse-source[fleet]'") from None
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CourseError(f"no Dask scheduler answers at {address!r}: {error}") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise CourseError(
                f"the Dask scheduler at {address} has no workers: start some with `dask worker {address}`"
            )
        if isolation != "none":
            client.run(require_sandbox)
        yield Workers(lambda: client.get_executor(pure=False, retries=0), threads)
