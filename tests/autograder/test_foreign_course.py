"""Other people's nbgrader courses are graded as they are: nbgrader's own example, and one with files of its own."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import nbgrader
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.classroom import Classroom, tools_on_path
from autograder.grade import grade

GUIDE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"
WEEK = "ps1"
STUDENTS = ("bitdiddle", "hacker")
# The points that the feedback pages of the user guide show, which were made with nbgrader alone.
DOCUMENTED = {
    "bitdiddle": {
        "correct_squares": 0,
        "squares_invalid_input": 1,
        "correct_sum_of_squares": 0,
        "sum_of_squares_uses_squares": 0.5,
    },
    "hacker": {
        "correct_squares": 1,
        "squares_invalid_input": 1,
        "correct_sum_of_squares": 0.5,
        "sum_of_squares_uses_squares": 0.5,
    },
}


def run_nbgrader(folder: Path, *arguments: str) -> None:
    tools_on_path()
    command = [str(Path(sys.executable).parent / "nbgrader"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def course_at(root: Path) -> Path:
    root.mkdir()
    (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'example'\n")
    return root


def all_marks(classroom: Classroom, assignment: str, students: tuple[str, ...]) -> dict[str, dict]:
    """Automatic score and whether a hand mark is due, of each graded cell of each student."""
    with classroom.gradebook() as gradebook:
        return {
            student: {
                f"{notebook.name}/{one.name}": (one.auto_score, one.needs_manual_grade)
                for notebook in gradebook.find_submission(assignment, student).notebooks
                for one in notebook.grades
            }
            for student in students
        }


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    """The user guide's course with ps1 released, as nbgrader itself does it."""
    root = course_at(tmp_path_factory.mktemp("guide") / "course")
    shutil.copytree(GUIDE / "source" / WEEK, root / "source" / WEEK)
    for student in STUDENTS:
        shutil.copytree(GUIDE / "submitted" / student / WEEK, root / "submitted" / student / WEEK)
    run_nbgrader(root, "generate_assignment", WEEK)
    return root


@pytest.fixture(scope="module")
def graded(example, tmp_path_factory):
    """The course graded by nbgrader alone, and by `course grade`, with its report."""
    theirs = Classroom(shutil.copytree(example, tmp_path_factory.mktemp("theirs") / "course"))
    run_nbgrader(theirs.root, "autograde", WEEK)
    ours = Classroom.open(shutil.copytree(example, tmp_path_factory.mktemp("ours") / "course"))
    return theirs, ours, grade(ours, WEEK)


@pytest.mark.slow
def test_nbgraders_example_gets_the_marks_of_its_documentation(graded):
    _, ours, report = graded
    assert report.weaker
    assert report.graded == dict.fromkeys(STUDENTS, "graded")
    marks = all_marks(ours, WEEK, STUDENTS)
    documented = {
        student: {name: marks[student][f"problem1/{name}"][0] for name in cells}
        for student, cells in DOCUMENTED.items()
    }
    assert documented == DOCUMENTED
    with (GUIDE / "grades.csv").open(newline="") as file:
        exported = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
    assert {outcome.student: outcome.points for outcome in report.outcomes} == exported


@pytest.mark.slow
def test_nbgraders_example_gets_the_marks_that_nbgrader_gives(graded):
    theirs, ours, _ = graded
    assert all_marks(ours, WEEK, STUDENTS) == all_marks(theirs, WEEK, STUDENTS)


@pytest.mark.slow
def test_grading_the_example_again_changes_nothing(graded):
    _, ours, _ = graded
    before = all_marks(ours, WEEK, STUDENTS)
    again = grade(ours, WEEK)
    assert again.outcomes == [] and sorted(again.unchanged) == sorted(STUDENTS)
    assert all_marks(ours, WEEK, STUDENTS) == before


def settings(name: str, **others) -> dict:
    nbgrader = {"grade_id": name, "grade": False, "locked": False, "solution": False, "task": False}
    return {"nbgrader": nbgrader | {"schema_version": 3} | others}


READING = """\
import csv
from helpers import middle

with open("tables/data.csv") as file:
    rows = [float(row["value"]) for row in csv.DictReader(file)]
### BEGIN HIDDEN TESTS
assert middle(rows) == 2.0
assert mean(rows) == 3.0
### END HIDDEN TESTS"""


@pytest.fixture
def course_with_files(tmp_path) -> Classroom:
    """A course whose tests read a table and import a module that lie beside the notebook."""
    root = course_at(tmp_path / "files")
    source = root / "source" / WEEK
    (source / "tables").mkdir(parents=True)
    (source / "tables" / "data.csv").write_text("value\n1\n2\n6\n")
    (source / "helpers.py").write_text("def middle(values):\n    return sorted(values)[len(values) // 2]\n")
    answer = "### BEGIN SOLUTION\ndef mean(values):\n    return sum(values) / len(values)\n### END SOLUTION"
    graded = settings("mean_tests", grade=True, locked=True, points=2)
    cells = [
        new_code_cell(answer, id="mean", metadata=settings("mean", solution=True)),
        new_code_cell(READING, id="mean_tests", metadata=graded),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), source / "means.ipynb")
    run_nbgrader(root, "generate_assignment", WEEK)
    return Classroom.open(root)


def hand_in(classroom: Classroom, student: str, answer: str) -> Path:
    folder = shutil.copytree(classroom.release / WEEK, classroom.submitted / student / WEEK)
    notebook = nbformat.read(folder / "means.ipynb", as_version=4)
    next(cell for cell in notebook.cells if cell.id == "mean").source = answer
    nbformat.write(notebook, folder / "means.ipynb")
    return folder


@pytest.mark.slow
def test_tests_find_the_files_beside_the_notebook_as_the_course_wrote_them(course_with_files):
    classroom = course_with_files
    right = "def mean(values):\n    return sum(values) / len(values)"
    hand_in(classroom, "right", right)
    hand_in(classroom, "wrong", "def mean(values):\n    return sum(values)")
    shutil.rmtree(hand_in(classroom, "alone", right) / "tables")
    changed = hand_in(classroom, "changed", "def mean(values):\n    return 0.0")
    (changed / "tables" / "data.csv").write_text("value\n0\n")
    (changed / "helpers.py").write_text("def middle(values):\n    return 2.0\n")
    (changed / "own.txt").write_text("the student's own")

    report = grade(classroom, WEEK)

    students = ("right", "wrong", "alone", "changed")
    assert report.weaker and report.graded == dict.fromkeys(students, "graded")
    points = {outcome.student: outcome.points for outcome in report.outcomes}
    assert points == {"right": 2, "wrong": 0, "alone": 2, "changed": 0}
    graded = classroom.autograded / "changed" / WEEK
    assert (graded / "own.txt").exists()
    assert (graded / "tables" / "data.csv").read_text() == "value\n1\n2\n6\n"
