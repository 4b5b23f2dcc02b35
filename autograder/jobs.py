"""Executing many notebooks at once: independent jobs over a `concurrent.futures` executor."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder import kernels


def prepare(notebook: NotebookNode) -> None:
    """Remove outputs, and what does not belong to a run."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def job_key(notebook: NotebookNode) -> str:
    """Names a run by what is run: the code cells and their tags."""
    content = [[cell.source, cell.metadata.get("tags", [])] for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]


def run_job(text: str, environment: dict[str, str], limits: kernels.Limits, target: Path) -> None:
    """Execute one notebook given as JSON and write it to `target`. Runs in a worker process."""
    notebook = nbformat.reads(text, as_version=4)
    kernels.execute(notebook, environment=environment, limits=limits, skip=kernels.DEMO)
    nbformat.write(notebook, target)


def local_executor(workers: int) -> Executor:
    """Worker processes on this machine, started fresh so that no thread of this process is copied.

    Each leads a session of its own: an interrupt from the keyboard is the caller's to act on.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=os.setsid)


def run_all(
    notebooks: Iterable[NotebookNode],
    folder: Path,
    environment: dict[str, str],
    limits: kernels.Limits,
    workers: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Execute the notebooks into `folder`, each under its key. Equal ones are run once.

    One that fails in an unforeseen way leaves no file: the caller then runs it in place and sees the error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting = {job_key(notebook): notebook for notebook in notebooks}
    with local_executor(workers) as executor:
        jobs = []
        for key, notebook in waiting.items():
            prepare(notebook)
            target = folder / f"{key}.ipynb"
            jobs.append(executor.submit(run_job, nbformat.writes(notebook), environment, limits, target))
        try:
            for done, _ in enumerate(as_completed(jobs), start=1):
                progress(done, len(jobs))
        except BaseException:  # an interrupt above all: end the workers, whose kernels then end by themselves
            executor.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                worker.kill()
            raise
