"""One assignment of a classroom: its notebooks, and what belongs to each."""

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.classroom import Classroom
from autograder.errors import CourseError, Rejected
from autograder.marking import GRADING_LIMITS, is_of_this_course, make_job
from autograder.readable import Unreadable, readable
from autograder.rebuild import rebuild
from autograder.runner import Job
from autograder.sandbox.limits import Limits

NO_REFERENCE = {"seed": 0, "values": {}, "checks": {}}


@dataclass(frozen=True)
class Assignment:
    """An assignment that nbgrader knows; the course's weeks, and those of other people's nbgrader courses."""

    classroom: Classroom
    name: str
    limits: Limits = GRADING_LIMITS

    @cached_property
    def notebooks(self) -> list[str]:
        """Names of the source's notebooks. Raises CourseError when there is no release of them."""
        names = sorted(path.stem for path in (self.classroom.source / self.name).glob("*.ipynb"))
        missing = [name for name in names if not (self.classroom.release / self.name / f"{name}.ipynb").exists()]
        if not names or missing:
            command = "course build" if self.classroom.is_ours else "nbgrader generate_assignment"
            raise CourseError(
                f"{self.classroom.root} has no release of {', '.join(missing) or self.name}: "
                f"run `{command} {self.name}` first"
            )
        return names

    def source(self, notebook: str) -> NotebookNode:
        return read_master(self.classroom.source / self.name / f"{notebook}.ipynb")

    def release(self, notebook: str) -> NotebookNode:
        return read_master(self.classroom.release / self.name / f"{notebook}.ipynb")

    def reference_path(self, notebook: str) -> Path:
        return self.classroom.reference / self.name / f"{notebook}.json"

    def reference(self, notebook: str) -> dict:
        """What the reference solution sent: {"seed", "values", "checks"}; empty where asserts decide."""
        path = self.reference_path(notebook)
        return json.loads(path.read_text()) if path.exists() else NO_REFERENCE

    def folder(self, student: str) -> Path:
        return self.classroom.submitted / student / self.name

    def students(self) -> list[str]:
        return sorted(path.parent.name for path in self.classroom.submitted.glob(f"*/{self.name}") if path.is_dir())

    def submission(self, student: str, notebook: str) -> Path:
        return self.folder(student) / f"{notebook}.ipynb"

    def rebuilt(self, submission: NotebookNode | dict, notebook: str) -> NotebookNode:
        """The notebook to grade. Raises Rejected when the submission is larger than is graded."""
        return rebuild(self.source(notebook), self.release(notebook), submission)

    def job(self, rebuilt: NotebookNode, notebook: str, student: str, isolation: str) -> Job:
        """What a worker runs of a rebuilt notebook. Raises Rejected when there is too much beside it."""
        return make_job(
            rebuilt,
            name=f"{self.name}/{notebook}",
            seed=self.reference(notebook)["seed"],
            isolation=isolation,
            limits=self.limits,
            files=beside(self.folder(student)) | beside(self.classroom.source / self.name),
        )

    def decides_by_check(self, notebook: str) -> bool:
        """Whether the grader decides on a notebook's values; else asserts in the student's kernel do."""
        return is_of_this_course(self.source(notebook))


@cache
def read_master_version(path: Path, changed: int) -> NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):  # source and release have the same cells in the same order
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.metadata.setdefault("id", name or f"cell-{number:03d}")
        cell.id = cell.metadata["id"]
    return notebook


def read_master(path: Path) -> NotebookNode:
    """The course's own notebook, read once; every cell has a name in `metadata.id`. Not to be changed."""
    return read_master_version(path, path.stat().st_mtime_ns)


def read_submission(path: Path) -> dict:
    """The notebook at `path`, as JSON. Raises CourseError when it is none that can be graded."""
    try:
        return readable(path.read_bytes())
    except Unreadable as error:
        raise CourseError(f"{path} is no notebook of nbformat 4: it {error}") from None


def beside(folder: Path) -> dict[str, bytes]:
    """Files that lie beside a notebook, by relative path. Links, and what is no plain file, are left out.

    Raises:
        Rejected: they are larger than a submission's folder may be.
    """
    found, size = {}, 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix == ".ipynb" or path.name == "timestamp.txt":
            continue
        size += path.stat().st_size
        if size > GRADING_LIMITS.scratch // 2:
            raise Rejected(f"the files beside the notebook are larger than {GRADING_LIMITS.scratch // 2**21} MiB")
        found[str(path.relative_to(folder))] = path.read_bytes()
    return found
