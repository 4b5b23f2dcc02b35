"""The graders that `make bench` compares with ours, in their own forms and with their defaults: nbgrader and otter.

Both decide in the kernel that ran the submission: there `check` compares with the reference solution's values.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.classroom import tools_on_path
from autograder.errors import CourseError
from autograder.kernels import DEMO
from autograder.run import published
from dlcourse import checking, session

SEED = 20_261_001  # of the hidden checks' inputs
OTTER = Path(__file__).resolve().parent.parent / ".venv-otter" / "bin" / "otter"

OTTER_START = """\
import otter
grader = otter.Notebook("{name}.ipynb")
"""

# A test runs the check cell's code among the submission's names. As in a notebook, the check's random inputs are keyed
# by that code, and everything is reseeded before it.
OTTER_TEST = """\
OK_FORMAT = False

from otter.test_files import test_case

name = {name!r}
points = {points!r}
SOURCE = {source!r}


@test_case(points={points!r})
def test(env):
    from dlcourse import environment, session

    session.current.cell, session.current.calls_of_rng = SOURCE, 0
    environment.seed_everything(session.current.seed)
    exec(SOURCE, env)
"""


def nbgrader_course(folder: Path, notebook: NotebookNode, submissions: dict[str, NotebookNode]) -> Path:
    """An ordinary nbgrader course directory, without a configuration, in which the notebook is released and handed in.

    Args:
        folder: does not exist, or is empty.
        notebook: the solved notebook with its hidden checks.
        submissions: student -> the notebook handed in.
    """
    assignment, name = place(notebook)
    write_reference(folder, notebook)
    write(folder / "source" / assignment / f"{name}.ipynb", without_demo(notebook))
    call([nbgrader(), "generate_assignment", assignment], folder)
    for student, submission in submissions.items():
        write(folder / "submitted" / student / assignment / f"{name}.ipynb", without_demo(submission))
    return folder


def time_nbgrader(root: Path, assignment: str) -> float:
    """Seconds of `nbgrader autograde ASSIGNMENT` over all submissions of a course that `nbgrader_course` made.

    Raises:
        CourseError: nbgrader failed, or left a submission out.
    """
    shutil.rmtree(root / "autograded", ignore_errors=True)
    seconds = call([nbgrader(), "autograde", assignment], root)
    submitted = {path.parent.name for path in root.glob(f"submitted/*/{assignment}")}
    if left_out := submitted - {path.parent.name for path in root.glob(f"autograded/*/{assignment}")}:
        raise CourseError(f"nbgrader left out {', '.join(sorted(left_out))} in {root}")
    return seconds


def nbgrader_marks(root: Path, notebook: NotebookNode) -> dict[str, dict[str, float]]:
    """Student -> check cell -> points, after `time_nbgrader`."""
    from nbgrader.api import Gradebook

    assignment, name = place(notebook)
    checks = {cell.metadata.nbgrader.grade_id for cell in check_cells(notebook)}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        return {
            one.student.id: {mark.name: mark.auto_score for mark in one.grades if mark.name in checks}
            for one in gradebook.notebook_submissions(name, assignment)
        }


def otter_course(folder: Path, notebook: NotebookNode, submissions: dict[str, NotebookNode]) -> Path:
    """A folder with otter's autograder.zip, made by `otter generate`, and the submissions in otter's form.

    Each check cell became a test file of the same code, and `grader.check(...)` in its place in the submissions.

    Args: as of `nbgrader_course`.

    Raises:
        CourseError: otter-grader is not installed.
    """
    _, name = place(notebook)
    write_reference(folder, notebook)
    (folder / "tests").mkdir()
    for cell in check_cells(notebook):
        settings = cell.metadata.nbgrader
        test = OTTER_TEST.format(name=settings.grade_id, points=settings.points, source=cell.source)
        (folder / "tests" / f"{settings.grade_id}.py").write_text(test, encoding="utf-8")
    call([otter(), "generate", "--tests-dir", "tests", "--no-requirements", "--no-environment"], folder)
    for student, submission in submissions.items():
        write(folder / "submitted" / student / f"{name}.ipynb", otter_submission(submission, name))
    return folder


def otter_submission(submission: NotebookNode, name: str) -> NotebookNode:
    converted = without_demo(submission)
    for cell in check_cells(converted):
        cell.source = f'grader.check("{cell.metadata.nbgrader.grade_id}")'
    converted.cells.insert(0, new_code_cell(OTTER_START.format(name=name), id="otter"))
    return converted


def time_otter(root: Path) -> float:
    """Seconds of `otter run` over all submissions of `otter_course`, one command after another.

    Raises:
        CourseError: otter-grader is not installed, or failed.
    """
    seconds = 0.0
    for submission in sorted(root.glob("submitted/*/*.ipynb")):
        results = root / "results" / submission.parent.name
        results.mkdir(parents=True, exist_ok=True)
        seconds += call([otter(), "run", submission, "--autograder", "autograder.zip", "--output-dir", results], root)
    tests = len(list(root.glob("tests/*.py")))
    if failed := [student for student, marks in otter_marks(root).items() if len(marks) != tests]:
        raise CourseError(f"otter did not grade {', '.join(failed)} in {root}: see their results.json")
    return seconds


def otter_marks(root: Path) -> dict[str, dict[str, float]]:
    """Student -> check cell -> points, after `time_otter`."""
    marks = {}
    for path in sorted(root.glob("results/*/results.json")):
        tests = json.loads(path.read_text(encoding="utf-8"))["tests"]
        marks[path.parent.name] = {test["name"]: test["score"] for test in tests if "score" in test}
    return marks


def place(notebook: NotebookNode) -> tuple[str, str]:
    """Assignment and name of a notebook, as its setup cell gives them: ("week01", "01_light")."""
    for cell in notebook.cells:
        if found := re.search(r'dlcourse\.setup\("(week\d\d)/(\w+)"', cell.source):
            return found[1], found[2]
    raise CourseError('the notebook has no setup cell; expected a cell with dlcourse.setup("weekNN/NN_name", ...)')


def check_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [
        cell for cell in notebook.cells if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    ]


def without_demo(notebook: NotebookNode) -> NotebookNode:
    """A copy without the cells that grading leaves out."""
    copy = nbformat.reads(nbformat.writes(notebook), as_version=4)
    copy.cells = [cell for cell in copy.cells if DEMO not in cell.metadata.get("tags", [])]
    return copy


def write_reference(folder: Path, notebook: NotebookNode) -> None:
    """Run the solution in a plain kernel, and keep its checks' values where `check` looks for them."""
    assignment, name = place(notebook)
    target = folder / "reference" / assignment / f"{name}.json"
    target.parent.mkdir(parents=True)
    solved = without_demo(notebook)
    recording = os.environ | {session.RECORDING: "1", session.GRADING_SEED: str(SEED)}
    NotebookClient(solved, kernel_name="python3", resources={"metadata": {"path": folder}}).execute(env=recording)
    values = {check["name"]: check["value"] for check in published(solved, checking.MIME)}
    target.write_text(json.dumps({"seed": SEED, "values": values}), encoding="utf-8")


def write(path: Path, notebook: NotebookNode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def nbgrader() -> Path:
    tools_on_path()  # nbgrader calls alembic by name
    return Path(sys.executable).parent / "nbgrader"


def otter() -> Path:
    if not OTTER.exists():
        raise CourseError(f"otter-grader is not installed: {OTTER} is missing; run tools/otter.sh")
    return OTTER


def call(command: Sequence[str | Path], folder: Path) -> float:
    """Seconds of a command in a course's folder, whose kernels find the reference values there."""
    environment = os.environ | {session.REFERENCE: str((folder / "reference").resolve())}
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise CourseError(f"{Path(command[0]).name} {command[1]} failed in {folder}: {last}")
    return seconds
