"""Writing marks: nbgrader's gradebook and its folder autograded/, with nbgrader's own steps, by one writer."""

import copy
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    LimitOutput,
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
)

from autograder.assignment import Assignment
from autograder.marking import write_outcome


class SaveGrades(SaveAutoGrades):
    """nbgrader's step, on a gradebook that is open already."""

    def save(self, notebook: NotebookNode, gradebook: Gradebook, place: dict) -> None:
        self.gradebook = gradebook
        self.notebook_id, self.assignment_id, self.student_id = place["notebook"], place["assignment"], place["student"]
        NbGraderPreprocessor.preprocess(self, notebook, {"nbgrader": place})


class Saver:
    """The one writer. Used as a context, in which the gradebook is open."""

    def __init__(self, assignment: Assignment):
        self.assignment = assignment
        self.configuration = assignment.classroom.configuration()
        self.course_directory = CourseDirectory(config=self.configuration)
        self.limit_output = LimitOutput(config=self.configuration)
        self.save_grades = SaveGrades(config=self.configuration)
        self.late_penalties = AssignLatePenalties(config=self.configuration)
        self.late_penalties.init_plugin()
        self.settings: dict[str, dict[str, NotebookNode]] = {}  # notebook -> grade_id -> nbgrader's metadata

    def __enter__(self) -> "Saver":
        self.context = self.assignment.classroom.gradebook()
        self.gradebook = self.context.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self.context.__exit__(*error)

    def save(self, student: str, rebuilt: dict[str, NotebookNode], results: dict[str, dict]) -> float:
        """Write the marks of one student's notebooks; return the points that the checks have earned.

        Args:
            rebuilt: the notebooks that were run, by name; the outcome is written into them.
            results: what the workers sent, by name.
        """
        folder = self.new_folder(student)
        self.note_submission(student)
        for name in self.assignment.notebooks:
            if name in rebuilt:
                self.save_notebook(student, name, rebuilt[name], results[name], folder)
            else:
                self.save_missing(student, name)
        self.gradebook.db.commit()
        points = self.points(student)
        self.gradebook.db.expunge_all()
        return points

    def new_folder(self, student: str) -> Path:
        """autograded/student/assignment with what lies beside the notebooks, the course's files over the student's."""
        folder = self.assignment.classroom.autograded / student / self.assignment.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for origin in (self.assignment.folder(student), self.assignment.classroom.source / self.assignment.name):
            for path in sorted(origin.rglob("*")):
                if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb":
                    target = folder / path.relative_to(origin)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
        return folder

    def note_submission(self, student: str) -> None:
        try:
            self.gradebook.find_student(student)
        except MissingEntry:
            self.gradebook.add_student(student)
        handed_in = self.course_directory.get_existing_timestamp(str(self.assignment.folder(student)))
        changes = {"timestamp": handed_in} if handed_in else {}
        self.gradebook.update_or_create_submission(self.assignment.name, student, **changes)

    def save_notebook(self, student: str, name: str, notebook: NotebookNode, result: dict, folder: Path) -> None:
        settings = self.settings_of(name)
        for cell in notebook.cells:
            identity = cell.metadata.get("nbgrader", {}).get("grade_id")
            if identity in settings:
                cell.metadata["nbgrader"] = copy.deepcopy(settings[identity])
        write_outcome(notebook, result, self.assignment.reference(name))
        place = {"notebook": name, "assignment": self.assignment.name, "student": student}
        self.limit_output.preprocess(notebook, {"nbgrader": place})
        self.save_grades.save(notebook, self.gradebook, place)
        self.assign_late_penalty(student, name)
        (folder / f"{name}.ipynb").write_text(nbformat.v4.writes(notebook), encoding="utf-8")

    def settings_of(self, name: str) -> dict[str, NotebookNode]:
        """nbgrader's metadata of the source's cells, brought in line with the gradebook by nbgrader's own step."""
        if name not in self.settings:
            source = copy.deepcopy(self.assignment.source(name))
            place = {"notebook": name, "assignment": self.assignment.name, "db_url": self.assignment.classroom.db_url}
            OverwriteCells(config=self.configuration).preprocess(source, {"nbgrader": place})
            named = [cell.metadata["nbgrader"] for cell in source.cells if "nbgrader" in cell.metadata]
            self.settings[name] = {settings["grade_id"]: settings for settings in named if "grade_id" in settings}
        return self.settings[name]

    def save_missing(self, student: str, name: str) -> None:
        """A notebook that was not handed in earns nothing, as in nbgrader."""
        for grade in self.gradebook.find_submission_notebook(name, self.assignment.name, student).grades:
            grade.auto_score, grade.needs_manual_grade = 0, False

    def assign_late_penalty(self, student: str, name: str) -> None:
        """Bring a notebook's penalty in line with the due dates of today: nbgrader's step on the open gradebook."""
        submission = self.gradebook.find_submission(self.assignment.name, student)
        notebook = self.gradebook.find_submission_notebook(name, self.assignment.name, student)
        late = submission.total_seconds_late
        penalty = None
        if late > 0:
            penalty = self.late_penalties.plugin_inst.late_submission_penalty(student, notebook.score, late)
        if penalty is not None:
            penalty = self.late_penalties._check_late_penalty(notebook, penalty)
        notebook.late_submission_penalty = penalty

    def assign_late_penalties(self, student: str) -> None:
        for name in self.assignment.notebooks:
            self.assign_late_penalty(student, name)
        self.gradebook.db.commit()

    def points(self, student: str) -> float | None:
        """What the checks of a student have earned; None when nothing was graded yet."""
        try:
            submission = self.gradebook.find_submission(self.assignment.name, student)
        except MissingEntry:
            return None
        scores = [grade.auto_score for notebook in submission.notebooks for grade in notebook.grades]
        return float(sum(score for score in scores if score is not None))
