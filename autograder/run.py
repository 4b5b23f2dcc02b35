"""Execute solved notebooks: collect claims and checked values, write executed copies, record results."""

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from autograder import kernels
from autograder.build import solved_notebook
from autograder.course import Course, Notebook
from autograder.results import Results
from autograder.sandbox.limits import MIB
from dlcourse import checking, claims, session

LIMITS = kernels.Limits(cell=180, notebook=600, output=64 * MIB)


@dataclass(frozen=True)
class Run:
    """What one execution of a solved notebook gave."""

    notebook: Notebook
    executed: NotebookNode
    seconds: float
    claims: list[dict]
    values: dict[str, dict]  # check name -> encoded value


def run(
    notebook: Notebook,
    course: Course,
    *,
    with_demo: bool = True,
    seed: int = 0,
    notebook_seed: int | None = None,
    progress: Callable[[int], None] = lambda index: None,
) -> Run:
    """Execute a solved notebook whole, or as grading does without its demo cells.

    Args:
        seed: of the hidden checks' inputs.
        notebook_seed: instead of the one that the notebook gives to `setup`.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
        ValueError: two checks have the same name.
    """
    executed = solved_notebook(notebook, course)
    environment = {session.RECORDING: "1", session.GRADING_SEED: str(seed)}
    if notebook_seed is not None:
        environment[session.NOTEBOOK_SEED] = str(notebook_seed)
    seconds = kernels.execute(
        executed,
        environment=environment,
        limits=LIMITS,
        stop_on_error=True,
        skip=None if with_demo else kernels.DEMO,
        progress=progress,
    )
    checks = published(executed, checking.MIME)
    names = [check["name"] for check in checks]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{notebook.source}: checks have the same name: {', '.join(sorted(repeated))}")
    return Run(
        notebook,
        executed,
        seconds,
        published(executed, claims.MIME),
        {check["name"]: check["value"] for check in checks},
    )


def published(executed: NotebookNode, mime: str) -> list[dict]:
    """The records of one kind that the notebook's cells displayed."""
    return [
        output.data[mime]
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "display_data" and mime in output.data
    ]


def write_copies(finished: Run, course: Course) -> Path:
    """Write the executed notebook under build/ as .ipynb and .html; return the HTML file."""
    folder = course.build / finished.notebook.assignment
    folder.mkdir(parents=True, exist_ok=True)
    copy = nbformat.from_dict(json.loads(json.dumps(finished.executed)))
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if checking.MIME not in output.get("data", {})]
    nbformat.write(copy, folder / f"{finished.notebook.name}.ipynb")
    page = folder / f"{finished.notebook.name}.html"
    page.write_text(HTMLExporter().from_notebook_node(copy)[0], encoding="utf-8")
    return page


def record(runs: list[Run], course: Course) -> None:
    """Put the runs' claims and minutes into results.json."""
    results = Results.read(course.results)
    for finished in runs:
        results.record(finished.notebook.id, finished.seconds, finished.claims)
    results.versions = {
        "python": platform.python_version(),
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
    }
    results.write(course.results)
