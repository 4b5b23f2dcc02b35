"""Our steps among nbgrader's preprocessors: its commands and its formgrader use them too (nbgrader_config.py)."""

import json
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Enum

from autograder.assignment import Assignment
from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.marking import write_outcome
from autograder.runner import run_job

WAITING = "raises-exception"  # Jupyter goes on after such a cell when it fails


class MarkWaiting(NbGraderPreprocessor):
    """In the release, let "Run all" pass the cells that wait for an exercise; each says in its first line which one."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        exercise = None
        for cell in nb.cells:
            settings = cell.metadata.get("nbgrader", {})
            if settings.get("solution"):
                exercise = settings["grade_id"]
            if cell.cell_type != "code":
                continue
            waits = cell.metadata.get("waits", [exercise] if settings.get("grade") else [])
            if waits and not settings.get("grade"):
                cell.source = f"# Waits for your {' and '.join(waits)}.\n{cell.source}"
            if waits or settings.get("solution"):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), WAITING]
        return nb, resources


class Rebuild(NbGraderPreprocessor):
    """Replace the submission by the source's notebook with the student's cells in it."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        place = resources["nbgrader"]
        return assignment_of(self.config, place).rebuilt(nb, place["notebook"]), resources


class Execute(NbGraderPreprocessor):
    """Run the rebuilt notebook in the sandbox, then decide.

    `nbgrader autograde --Execute.isolation=none` runs student code as you, without a sandbox.
    """

    isolation = Enum(["warm", "fresh", "none"], "warm", help="where student code runs").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        place = resources["nbgrader"]
        assignment = assignment_of(self.config, place)
        reference = assignment.reference(place["notebook"])
        if assignment.decides_by_check(place["notebook"]) and not reference["checks"]:
            raise CourseError(f"no reference values for {place['assignment']}: run `course grade` once to make them")
        job = assignment.job(nb, place["notebook"], place["student"], self.isolation)
        write_outcome(nb, json.loads(run_job(job.encoded())), reference)
        return nb, resources


def assignment_of(configuration, place: dict) -> Assignment:
    return Assignment(Classroom(Path(configuration.CourseDirectory.root)), place["assignment"])
