"""The one place where a notebook is executed."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

DEMO = "demo"  # tag of the cells that grading leaves out

TIME_IS_UP = "CellTimeout"

# The few variables that every kernel gets: nothing else of the caller's environment reaches it.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "JUPYTER_PATH", "JUPYTER_DATA_DIR")


@dataclass(frozen=True)
class Limits:
    """Seconds of wall time: for one cell, and for the whole notebook."""

    cell: float = 60
    notebook: float = 300


def execute(
    notebook: NotebookNode,
    *,
    environment: dict[str, str],
    limits: Limits = Limits(),
    stop_on_error: bool = False,
    skip: str | None = None,
    progress: Callable[[int], None] = lambda index: None,
) -> float:
    """Run the notebook's code cells in a new kernel, writing their outputs into it; return the seconds it took.

    A cell that exceeds its time is interrupted and the next one runs; when the kernel dies or the notebook's time is
    up, the cells that did not run carry an error that says so.

    Args:
        environment: variables for the kernel beside the few that every kernel gets.
        stop_on_error: raise CellExecutionError at the first cell that fails.
        skip: tag of cells to leave out.
        progress: called with the index of each cell that has run.
    """
    started = time.monotonic()
    reached = -1

    def seconds_left(cell) -> float:
        return max(1.0, min(limits.cell, limits.notebook - (time.monotonic() - started)))

    def note(cell, cell_index, execute_reply, **_):
        nonlocal reached
        reached = cell_index
        reply = execute_reply["content"]
        if reply["status"] == "error":
            add_error(cell, reply)
        progress(cell_index)

    with tempfile.TemporaryDirectory(prefix="course-run-") as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout_func=seconds_left,
            interrupt_on_timeout=True,
            allow_errors=not stop_on_error,
            force_raise_errors=stop_on_error,
            raise_on_iopub_timeout=True,
            skip_cells_with_tag=skip or "no cell carries this tag",
            error_on_timeout=timeout_error(limits),
            on_cell_executed=note,
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        kernel_environment = {name: os.environ[name] for name in KEPT if name in os.environ} | environment
        try:
            client.execute(env=kernel_environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except CellExecutionError:
            raise
        except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
            if stop_on_error:
                raise
            mark_not_run(notebook, reached + 1, reason(error), skip)
    return time.monotonic() - started


def add_error(cell: NotebookNode, reply: dict) -> None:
    """Make a failed cell show its error: an interrupted one that its time was up, not what interrupted it."""
    shown = [output for output in cell.outputs if output.output_type == "error"]
    if reply["ename"] == TIME_IS_UP or not shown:
        others = [output for output in cell.outputs if output.output_type != "error"]
        error = new_output("error", ename=reply["ename"], evalue=reply["evalue"], traceback=[])
        cell.outputs = [*others, error]


def timeout_error(limits: Limits) -> dict:
    return {"ename": TIME_IS_UP, "evalue": f"the cell ran longer than {limits.cell:g} seconds", "traceback": []}


def reason(error: Exception) -> str:
    if isinstance(error, DeadKernelError):
        return "the kernel died"
    if isinstance(error, CellTimeoutError):
        return "the notebook's time was up"
    return f"the kernel did not answer ({type(error).__name__})"


def mark_not_run(notebook: NotebookNode, first: int, why: str, skip: str | None) -> None:
    """Give every code cell from `first` on an error output, so that none of its checks passes for not having failed."""
    for cell in notebook.cells[first:]:
        if cell.cell_type == "code" and skip not in cell.metadata.get("tags", []):
            cell.outputs = [
                *cell.get("outputs", []),
                new_output("error", ename="NotRun", evalue=f"not run: {why}", traceback=[]),
            ]
