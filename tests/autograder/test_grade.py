"""A class is graded through nbgrader: right marks, whatever one submission does to itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import PyFileConfigLoader

from autograder import bank, grade
from autograder.assignment import read_submission
from autograder.build import build
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.errors import CourseError
from autograder.sample_class import (
    delete_check,
    duplicate_cells,
    leave_blank,
    lose_metadata,
    material,
    save_from_colab,
    solve,
)
from autograder.sandbox.limits import Limits
from dlcourse import session

RIGHT = {"double_two": 1, "double_negative": 2, "noise_bounds": 2}


def hand_in(classroom: Classroom, student: str, notebook) -> Path:
    path = classroom.submitted / student / "week01" / "01_doubling.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebook if isinstance(notebook, str) else nbformat.writes(notebook))
    (path.parent / "timestamp.txt").write_text("2026-09-29 22:00:00 UTC")
    return path


def marks(classroom: Classroom, student: str) -> dict[str, float]:
    with classroom.gradebook() as gradebook:
        submission = gradebook.find_submission_notebook("01_doubling", "week01", student)
        return {grade.name: grade.auto_score for grade in submission.grades}


def with_cell(given, source: str, after: str):
    notebook = solve(given)
    place = next(i for i, cell in enumerate(notebook.cells) if cell.id == after)
    notebook.cells.insert(place + 1, new_code_cell(source))
    return notebook


def hostile(given, **tampered):
    notebook = leave_blank(given)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata |= tampered.get("metadata", {})
            cell.metadata["nbgrader"] |= tampered.get("settings", {})
    return notebook


@pytest.fixture
def given(tiny_course: Course, tiny_classroom: Classroom):
    return material(tiny_course, tiny_classroom, tiny_course.select()[0])


@pytest.mark.slow
def test_every_submission_of_a_class_gets_what_it_deserves(tiny_classroom, given):
    half = {"double": bank.answers(given.notebook)["double"][2].source}
    hand_in(tiny_classroom, "right", solve(given))
    hand_in(tiny_classroom, "blank", leave_blank(given))
    hand_in(tiny_classroom, "half", given.answered(half))
    hand_in(tiny_classroom, "colab", save_from_colab(given))
    hand_in(tiny_classroom, "lost", lose_metadata(given))
    hand_in(tiny_classroom, "doubled", duplicate_cells(given))
    hand_in(tiny_classroom, "deleted", delete_check(given))
    hand_in(tiny_classroom, "looping", with_cell(given, "while True:\n    pass", after="double_two"))
    hand_in(tiny_classroom, "dying", with_cell(given, "import os\nos._exit(1)", after="double_two"))
    hand_in(tiny_classroom, "noisy", with_cell(given, "import sys\nprint('warning', file=sys.stderr)", after="double"))
    hand_in(tiny_classroom, "skipper", hostile(given, metadata={"tags": ["skip-execution", "demo"]}))
    hand_in(tiny_classroom, "greedy", hostile(given, settings={"points": 100, "schema_version": 2, "grade": False}))
    broken = hand_in(tiny_classroom, "broken", '{"cells": [')

    report = grade.grade(tiny_classroom, "week01", limits=Limits(cell=5, notebook=60))

    for student in ["right", "colab", "lost", "doubled", "deleted", "looping", "noisy", "dying"]:
        assert marks(tiny_classroom, student) | {"why": None} == RIGHT | {"why": None}, student
    for student in ["blank", "skipper", "greedy"]:
        assert sum(marks(tiny_classroom, student).values()) == 0, student
    assert marks(tiny_classroom, "half") == {"double_two": 1, "double_negative": 0, "noise_bounds": 0, "why": 0}
    assert report.graded["looping"] == "timed out" and report.graded["dying"] == "kernel died"
    assert not broken.exists() and any("broken" in problem for problem in report.problems)
    assert (tiny_classroom.root / "unreadable" / "broken" / "week01" / "01_doubling.ipynb").exists()

    again = grade.grade(tiny_classroom, "week01")
    assert again.graded == {} and "right" in again.unchanged
    one = grade.grade(tiny_classroom, "week01", student="blank")
    assert list(one.graded) == ["blank"]


def hand_in_a_class(classroom: Classroom, given) -> None:
    """Right, half right, wrong in every way of the bank, and blank."""
    answers = bank.answers(given.notebook)
    hand_in(classroom, "right", with_cell(given, "import socket\nprint(socket.gethostname())", after="double"))
    hand_in(classroom, "blank", leave_blank(given))
    for number, chosen in enumerate(bank.rounds(answers)):
        hand_in(classroom, f"bank{number}", given.answered({name: one.source for name, one in chosen.items()}))


def all_marks(classroom: Classroom) -> dict[str, dict[str, float]]:
    return {path.name: marks(classroom, path.name) for path in sorted(classroom.submitted.iterdir())}


def forget(classroom: Classroom) -> None:
    """As if nothing had been graded, but for the reference."""
    shutil.rmtree(classroom.autograded)
    shutil.rmtree(classroom.root / "runs")
    (classroom.reference / "week01" / "ledger.json").unlink()
    with classroom.gradebook() as gradebook:
        for submission in gradebook.assignment_submissions("week01"):
            gradebook.remove_submission("week01", submission.student.id)


@pytest.mark.slow
def test_every_isolation_and_nbgrader_itself_give_the_same_marks(tiny_classroom, given):
    hand_in_a_class(tiny_classroom, given)
    grade.grade(tiny_classroom, "week01")
    ours = all_marks(tiny_classroom)
    assert ours["right"] | {"why": None} == RIGHT | {"why": None} and len({str(m) for m in ours.values()}) > 3
    for isolation in ["fresh", "none"]:
        forget(tiny_classroom)
        grade.grade(tiny_classroom, "week01", isolation=isolation)
        assert all_marks(tiny_classroom) == ours, isolation
    for options in [], ["--Execute.isolation=none"], NBGRADERS_OWN:
        forget_marks_only(tiny_classroom)
        nbgrader(tiny_classroom, "autograde", "week01", *options)
        assert all_marks(tiny_classroom) == ours, options
        assert ran_in_sandbox(tiny_classroom) == (options == []), options


def ran_in_sandbox(classroom: Classroom) -> bool:
    """By the name of the machine that the submission printed."""
    ran = nbformat.read(classroom.autograded / "right" / "week01" / "01_doubling.ipynb", as_version=4)
    return any(output.get("text") == "sandbox\n" for cell in ran.cells for output in cell.get("outputs", []))


@pytest.mark.slow
def test_button_of_the_formgrader_runs_in_the_sandbox(tiny_classroom, given):
    """The server extension reads nbgrader_config.py and calls nbgrader's API."""
    hand_in_a_class(tiny_classroom, given)
    grade.grade(tiny_classroom, "week01")
    ours = marks(tiny_classroom, "right")
    forget_marks_only(tiny_classroom)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(tiny_classroom.root)).load_config()
    answer = NbGraderAPI(CourseDirectory(config=config), config=config).autograde("week01", "right")
    assert answer["success"], answer
    assert marks(tiny_classroom, "right") == ours and ran_in_sandbox(tiny_classroom)


# nbgrader's own steps instead of ours: student code decides in its own kernel, with the reference beside it.
NBGRADERS_OWN = [
    "--Autograde.autograde_preprocessors="
    + str(
        [f"nbgrader.preprocessors.{n}" for n in ["Execute", "IgnorePattern", "SaveAutoGrades", "AssignLatePenalties"]]
    )
]


def forget_marks_only(classroom: Classroom) -> None:
    shutil.rmtree(classroom.autograded)
    with classroom.gradebook() as gradebook:
        for submission in gradebook.assignment_submissions("week01"):
            gradebook.remove_submission("week01", submission.student.id)


def nbgrader(classroom: Classroom, *arguments: str) -> None:
    command = [Path(sys.executable).parent / "nbgrader", *arguments]
    environment = os.environ | {session.REFERENCE: str(classroom.reference)}
    done = subprocess.run(command, cwd=classroom.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_corrected_check_gives_every_submission_its_new_mark(tiny_course, tiny_classroom, given):
    hand_in_a_class(tiny_classroom, given)
    wrong = tiny_course.select()[0].source
    right = wrong.read_text()
    wrong.write_text(
        right.replace("    twice_as_much = x + x\n", "    twice_as_much = 3 * x\n").replace("2.0)", "3.0)")
    )
    build(tiny_course, tiny_classroom)
    grade.grade(tiny_classroom, "week01")
    assert marks(tiny_classroom, "right")["double_two"] == 0
    wrong.write_text(right)
    build(tiny_course, tiny_classroom)
    report = grade.grade(tiny_classroom, "week01")
    assert marks(tiny_classroom, "right") | {"why": None} == RIGHT | {"why": None}
    changed = {outcome.student: (outcome.before, outcome.points) for outcome in report.changed}
    assert changed["right"] == (2, 5) and "blank" not in changed
    assert not grade.grade(tiny_classroom, "week01").graded


def test_hidden_inputs_belong_to_the_classroom(tiny_classroom, given):
    hand_in(tiny_classroom, "right", solve(given))
    grade.grade(tiny_classroom, "week01")
    seed = (tiny_classroom.reference / "week01" / "seed").read_text()
    reference = json.loads((tiny_classroom.reference / "week01" / "01_doubling.json").read_text())
    assert reference["seed"] == int(seed)
    assert set(reference["values"]) >= {"twice any", "twice any negative", "the same draw for the same seed"}
    autograded = (tiny_classroom.autograded / "right" / "week01" / "01_doubling.ipynb").read_text()
    assert seed.strip() not in autograded


def test_mistakes_are_told_in_one_line(tiny_classroom, tmp_path):
    with pytest.raises(CourseError, match="nobody has submitted week01"):
        grade.grade(tiny_classroom, "week01")
    with pytest.raises(CourseError, match="'nobody' has submitted nothing"):
        grade.grade(tiny_classroom, "week01", student="nobody")
    with pytest.raises(CourseError, match="no release.*course build week01"):
        grade.grade(Classroom.create(tmp_path / "empty"), "week01")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b'{"nbformat": 3}', "expected 4"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "cells": [{"cell_type": "code", "metadata": 3}]}', "cell 1 is no cell"),
    ],
)
def test_what_is_no_notebook_is_named_with_its_reason(tmp_path, content, reason):
    path = tmp_path / "01_doubling.ipynb"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=f"{path} is no notebook of nbformat 4: .*{reason}"):
        read_submission(path)


@pytest.mark.slow
def test_gradebook_is_copied_before_each_run(tiny_classroom, given):
    hand_in(tiny_classroom, "right", solve(given))
    grade.grade(tiny_classroom, "week01")
    first = list((tiny_classroom.root / "backups").glob("*.db"))
    grade.grade(tiny_classroom, "week01")
    assert len(first) == 1 and len(list((tiny_classroom.root / "backups").glob("*.db"))) == 2
