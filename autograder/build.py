"""From the source to what students open: solutions/*.py -> classroom/source -> nbgrader's release -> notebooks/.

Nothing is executed, and the same source gives the same bytes.
"""

import re
import shutil
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from autograder import course_page
from autograder.classroom import Classroom, tools_on_path, write_if_changed
from autograder.course import Course, Notebook
from autograder.errors import CourseError
from autograder.results import Results

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}

IMPORT_FROM_PUBLIC = """\
try:
    import dlcourse
except ModuleNotFoundError:  # as on Colab: install the course's library
    %pip install --quiet "git+{address}.git"
    import dlcourse
"""

IMPORT_FROM_CLONE = """\
try:
    import dlcourse
except ModuleNotFoundError:
    raise SystemExit("This notebook needs the course's library: run `pip install .` in your copy of the course, "
                     "then restart the kernel.") from None
"""

LOCKED = {"grade": False, "locked": True, "schema_version": 3, "solution": False, "task": False}


def solved_notebook(notebook: Notebook, course: Course) -> NotebookNode:
    """The notebook with solutions and hidden checks, as `course run` executes it and nbgrader takes it as source.

    Raises:
        CourseError: the source breaks the form that CONTRIBUTING.md asks for.
    """
    solved = jupytext.read(notebook.source, fmt="py:percent")
    solved.metadata = NotebookNode(kernelspec=KERNELSPEC, language_info={"name": "python"})
    solved.nbformat, solved.nbformat_minor = 4, 5
    add_header(solved, notebook, course)
    add_import(solved, notebook, course)
    name_cells(solved, notebook)
    return solved


def add_header(solved: NotebookNode, notebook: Notebook, course: Course) -> None:
    """Put run time and Colab badge under the title."""
    header = solved.cells[0]
    title, _, rest = header.source.partition("\n")
    if header.cell_type != "markdown" or not re.match(r"# \d+ · \S", title):
        raise CourseError(
            f"{notebook.source}: the first cell begins {title!r}; expected a title such as '# 2 · Back-propagation'"
        )
    minutes = Results.read(course.results).minutes(notebook.id)
    lines = []
    if course.public_repository:
        lines.append(badge(notebook, course))
    if minutes is not None:
        lines.append(f"*Runs in about {minutes:g} minute{'s' if minutes > 1 else ''} on two cores.*")
    header.source = "\n\n".join([title, *lines, rest.strip()])


def badge(notebook: Notebook, course: Course) -> str:
    """Markdown of the button that opens the notebook in Colab."""
    path = course.public_repository.removeprefix("https://github.com/")
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{path}/blob/main/notebooks/{notebook.folder}/{notebook.name}.ipynb)"
    )


def add_import(solved: NotebookNode, notebook: Notebook, course: Course) -> None:
    """Complete the setup cell, and lock it."""
    setup = [cell for cell in solved.cells if cell.cell_type == "code" and cell.source.startswith("dlcourse.setup(")]
    if len(setup) != 1 or f'dlcourse.setup("{notebook.id}"' not in setup[0].source:
        raise CourseError(
            f'{notebook.source}: expected one cell that begins with dlcourse.setup("{notebook.id}", seed=...)'
        )
    lines = (
        IMPORT_FROM_PUBLIC.format(address=course.public_repository) if course.public_repository else IMPORT_FROM_CLONE
    )
    setup[0].source = f"{lines}\n{setup[0].source}"
    setup[0].metadata["nbgrader"] = {**LOCKED, "grade_id": "setup"}


def name_cells(solved: NotebookNode, notebook: Notebook) -> None:
    """Give each cell an id from its grade_id or its place, written as `metadata.id` too: Colab keeps that one."""
    seen = set()
    for place, cell in enumerate(solved.cells):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        name = grade_id or f"cell-{place:02d}"
        if name in seen or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise CourseError(
                f"{notebook.source}: the grade_id {name!r} is used twice or is no name of letters, digits, - and _"
            )
        seen.add(name)
        cell.id = name
        cell.metadata["id"] = name


def build(course: Course, classroom: Classroom, week: str | None = None, progress=lambda message: None) -> list[Path]:
    """Build the weeks' release notebooks into `notebooks/`; return the files that changed.

    Raises:
        CourseError: a source breaks the form, or nbgrader refuses it.
    """
    tools_on_path()
    changed = []
    chosen = course.select(week)
    for assignment in sorted({notebook.assignment for notebook in chosen}):
        notebooks = [notebook for notebook in chosen if notebook.assignment == assignment]
        progress(assignment)
        write_sources(course, classroom, assignment, notebooks)
        generate_release(classroom, assignment)
        changed += publish_release(course, classroom, notebooks)
    page = course.notebooks / "README.md"
    if write_if_changed(page, course_page.render(course)):
        changed.append(page)
    return changed


def write_sources(course: Course, classroom: Classroom, assignment: str, notebooks: list[Notebook]) -> None:
    folder = classroom.source / assignment
    wanted = {
        f"{notebook.name}.ipynb": nbformat.writes(solved_notebook(notebook, course)) + "\n" for notebook in notebooks
    }
    for path in folder.glob("*.ipynb"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        write_if_changed(folder / name, text)


def generate_release(classroom: Classroom, assignment: str) -> None:
    """nbgrader's GenerateAssignment: clears solutions and hidden tests, registers the assignment in the gradebook."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    configuration = classroom.configuration()
    configuration.merge(
        Config(
            GenerateAssignment={
                "preprocessors": [
                    "nbgrader.preprocessors.LockCells",
                    "nbgrader.preprocessors.ClearSolutions",
                    "nbgrader.preprocessors.ClearOutput",
                    "nbgrader.preprocessors.CheckCellMetadata",
                    "nbgrader.preprocessors.ComputeChecksums",
                    "nbgrader.preprocessors.SaveCells",
                    "nbgrader.preprocessors.ClearHiddenTests",
                    "nbgrader.preprocessors.ClearMarkScheme",
                    "autograder.preprocessors.MarkWaiting",
                    "nbgrader.preprocessors.ComputeChecksums",
                    "nbgrader.preprocessors.CheckCellMetadata",
                ]
            }
        )
    )
    shutil.rmtree(classroom.release / assignment, ignore_errors=True)
    api = NbGraderAPI(CourseDirectory(config=configuration), config=configuration)
    outcome = api.generate_assignment(assignment, force=True)
    if not outcome["success"]:
        reason = outcome.get("error") or outcome.get("log", "")
        if "submissions associated" in reason or "submissions associated" in outcome.get("log", ""):
            raise CourseError(
                f"{assignment}: its graded cells changed after work was graded in {classroom.root}; "
                "nbgrader cannot move the marks. Use a new --classroom for the changed week"
            )
        raise CourseError(
            f"{assignment}: nbgrader refused the source: {last_line(reason) or last_line(outcome.get('log', ''))}"
        )


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def publish_release(course: Course, classroom: Classroom, notebooks: list[Notebook]) -> list[Path]:
    """Copy the release into notebooks/weekNN_name, and remove what is no longer there."""
    changed = []
    folder = course.notebooks / notebooks[0].folder
    for stale in set(folder.glob("*.ipynb")) - {folder / f"{notebook.name}.ipynb" for notebook in notebooks}:
        stale.unlink()
        changed.append(stale)
    for notebook in notebooks:
        released = (classroom.release / notebook.assignment / f"{notebook.name}.ipynb").read_text(encoding="utf-8")
        target = folder / f"{notebook.name}.ipynb"
        if write_if_changed(target, released if released.endswith("\n") else released + "\n"):
            changed.append(target)
    return changed
