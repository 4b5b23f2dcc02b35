"""Grade an assignment: reference values, all runs at once, then nbgrader's own steps by one writer."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder import kernels
from autograder.backup import back_up
from autograder.classroom import Classroom
from autograder.course import Course, Notebook, assignment_name
from autograder.errors import CourseError
from autograder.jobs import run_all
from autograder.lateness import apply_settings
from autograder.readable import Unreadable, readable
from autograder.rebuild import rebuild
from autograder.reference import is_current, make_reference, reference_path
from autograder.roster import enrolled
from dlcourse import session

LIMITS = kernels.Limits(cell=30, notebook=120)

Progress = Callable[[str, int, int], None]  # step, done, of how many


@dataclass
class GradeReport:
    """How each submission ended."""

    graded: dict[str, str] = field(default_factory=dict)  # student -> verdict
    unchanged: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def grade(
    course: Course,
    classroom: Classroom,
    week: str,
    *,
    student: str | None = None,
    workers: int = 2,
    progress: Progress = lambda step, done, total: None,
) -> GradeReport:
    """Grade what was submitted and is not graded yet; `student` grades that one again in any case.

    Raises:
        CourseError: the assignment is not built in this classroom, nobody submitted, or there is no such student.
    """
    assignment = assignment_name(week)
    notebooks = course.select(assignment)
    missing = [n.name for n in notebooks if not (classroom.release / assignment / f"{n.name}.ipynb").exists()]
    if missing:
        raise CourseError(
            f"{classroom.root} has no release of {', '.join(missing)}: run `course build {assignment}` first"
        )
    report = GradeReport()
    students = submitters(classroom, assignment, student)
    back_up(classroom)
    apply_settings(classroom)
    make_references(course, classroom, notebooks, progress)
    set_aside_unreadable(classroom, assignment, students, report)
    ledger = Ledger(classroom, assignment, notebooks)
    due = [name for name in students if student or not ledger.is_graded(name)]
    report.unchanged = [name for name in students if name not in due]
    with tempfile.TemporaryDirectory(prefix="course-grade-") as folder:
        environment = {session.REFERENCE: str(classroom.reference)}
        waiting = rebuilt(classroom, assignment, notebooks, due)
        run_all(waiting, Path(folder), environment, LIMITS, workers, partial(progress, "run"))
        for number, name in enumerate(due, start=1):
            save(classroom, assignment, name, Path(folder), report)
            if name in report.graded:
                ledger.note(name)
            progress("save", number, len(due))
    for name in report.unchanged:
        assign_late_penalties(classroom, assignment, notebooks, name)
    return report


def submitters(classroom: Classroom, assignment: str, student: str | None) -> list[str]:
    """Enrolled students with a folder for the assignment, or the one asked for."""
    everyone = sorted(path.parent.name for path in classroom.submitted.glob(f"*/{assignment}") if path.is_dir())
    if student is not None and student not in everyone:
        raise CourseError(f"{student!r} has submitted nothing for {assignment} in {classroom.submitted}")
    if not everyone:
        raise CourseError(f"nobody has submitted {assignment}: run `course collect PATH` first")
    listed = enrolled(classroom)
    return [name for name in everyone if (listed is None or name in listed) and student in (None, name)]


def make_references(course: Course, classroom: Classroom, notebooks: list[Notebook], progress: Progress) -> None:
    stale = [notebook for notebook in notebooks if not is_current(classroom, notebook)]
    for number, notebook in enumerate(stale, start=1):
        make_reference(course, classroom, notebook)
        progress("reference", number, len(stale))


def set_aside_unreadable(classroom: Classroom, assignment: str, students: list[str], report: GradeReport) -> None:
    """Move what is no notebook out of submitted/, and leave out students who then have none."""
    for student in students:
        for path in sorted((classroom.submitted / student / assignment).glob("*.ipynb")):
            try:
                read_notebook(path)
            except CourseError as error:
                kept = classroom.root / "unreadable" / student / assignment / path.name
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, kept)
                report.problems.append(f"{error}; moved to {kept}")
    students[:] = [name for name in students if any((classroom.submitted / name / assignment).glob("*.ipynb"))]


def read_notebook(path: Path) -> NotebookNode:
    """The notebook at `path`, as nbformat 4. Raises CourseError when it is none."""
    try:
        notebook = nbformat.v4.to_notebook(readable(path.read_bytes()))
        nbformat.validate(notebook, relax_add_props=True)
    except (Unreadable, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise CourseError(f"{path} is no notebook of nbformat 4: {reason}") from None
    except nbformat.ValidationError as error:
        raise CourseError(f"{path} is no notebook of nbformat 4: {error.message[:120]}") from None
    return notebook


def rebuilt(
    classroom: Classroom, assignment: str, notebooks: list[Notebook], students: list[str]
) -> list[NotebookNode]:
    """Every notebook that is to be run for these students."""
    waiting = []
    for notebook in notebooks:
        name = f"{notebook.name}.ipynb"
        source = nbformat.read(classroom.source / assignment / name, as_version=4)
        release = nbformat.read(classroom.release / assignment / name, as_version=4)
        for student in students:
            path = classroom.submitted / student / assignment / name
            if path.exists():
                waiting.append(rebuild(source, release, read_notebook(path)))
    return waiting


def save(classroom: Classroom, assignment: str, student: str, finished: Path, report: GradeReport) -> None:
    """Let nbgrader's Autograde write the marks of one student, with the runs that are in `finished`."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    configuration = classroom.configuration()
    configuration.Execute.finished = str(finished)
    api = NbGraderAPI(CourseDirectory(config=configuration), config=configuration)
    outcome = api.autograde(assignment, student)
    if outcome["success"]:
        report.graded[student] = verdict(classroom.autograded / student / assignment)
    else:
        lines = (outcome.get("error") or outcome.get("log") or "no reason given").strip().splitlines()
        report.problems.append(f"{student}: nbgrader could not grade {assignment}: {lines[-1].strip()}")


def verdict(folder: Path) -> str:
    """How a submission's run ended: the worst of its notebooks."""
    names = set()
    for path in folder.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            names |= {f"{o.ename} {o.evalue}" for o in cell.get("outputs", []) if o.output_type == "error"}
    if any(name.startswith("NotRun") for name in names):
        return "kernel died" if any("kernel died" in name for name in names) else "timed out"
    return "timed out" if any(name.startswith(kernels.TIME_IS_UP) for name in names) else "graded"


def assign_late_penalties(classroom: Classroom, assignment: str, notebooks: list[Notebook], student: str) -> None:
    """Bring the penalty of work that was graded before in line with the due dates of today."""
    from nbgrader.preprocessors import AssignLatePenalties

    step = AssignLatePenalties(config=classroom.configuration())
    for notebook in notebooks:
        place = {"notebook": notebook.name, "assignment": assignment, "student": student, "db_url": classroom.db_url}
        step.preprocess(nbformat.v4.new_notebook(), {"nbgrader": place})


class Ledger:
    """What was graded of which submission, so that a second run grades only what changed."""

    def __init__(self, classroom: Classroom, assignment: str, notebooks: list[Notebook]):
        self.folder = classroom.submitted
        self.assignment = assignment
        self.path = classroom.reference / assignment / "graded.json"
        self.graded = json.loads(self.path.read_text()) if self.path.exists() else {}
        parts = [reference_path(classroom, n) for n in notebooks]
        parts += [classroom.source / assignment / f"{n.name}.ipynb" for n in notebooks]
        self.base = hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()

    def fingerprint(self, student: str) -> str:
        digest = hashlib.sha256(self.base.encode())
        for path in sorted((self.folder / student / self.assignment).iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def is_graded(self, student: str) -> bool:
        return self.graded.get(student) == self.fingerprint(student)

    def note(self, student: str) -> None:
        self.graded[student] = self.fingerprint(student)
        self.path.write_text(json.dumps(self.graded, indent=1))
