"""A class is graded through nbgrader: right marks, whatever one submission does to itself."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from autograder import bank, grade, kernels
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
def test_every_submission_of_a_class_gets_what_it_deserves(tiny_course, tiny_classroom, given, monkeypatch):
    monkeypatch.setattr(grade, "LIMITS", kernels.Limits(cell=20, notebook=60))
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

    report = grade.grade(tiny_course, tiny_classroom, "week01")

    for student in ["right", "colab", "lost", "doubled", "deleted", "looping", "noisy"]:
        assert marks(tiny_classroom, student) | {"why": None} == RIGHT | {"why": None}, student
    for student in ["blank", "skipper", "greedy"]:
        assert sum(marks(tiny_classroom, student).values()) == 0, student
    assert marks(tiny_classroom, "half") == {"double_two": 1, "double_negative": 0, "noise_bounds": 0, "why": 0}
    assert marks(tiny_classroom, "dying") == {"double_two": 1, "double_negative": 0, "noise_bounds": 0, "why": None}
    assert report.graded["looping"] == "timed out" and report.graded["dying"] == "kernel died"
    assert not broken.exists() and any("broken" in problem for problem in report.problems)
    assert (tiny_classroom.root / "unreadable" / "broken" / "week01" / "01_doubling.ipynb").exists()

    again = grade.grade(tiny_course, tiny_classroom, "week01")
    assert again.graded == {} and "right" in again.unchanged
    one = grade.grade(tiny_course, tiny_classroom, "week01", student="blank")
    assert list(one.graded) == ["blank"]


@pytest.mark.slow
def test_plain_nbgrader_gives_the_same_marks(tiny_course, tiny_classroom, given):
    hand_in(tiny_classroom, "right", solve(given))
    hand_in(tiny_classroom, "half", given.answered({"double": bank.answers(given.notebook)["double"][2].source}))
    grade.grade(tiny_course, tiny_classroom, "week01")
    ours = {student: marks(tiny_classroom, student) for student in ["right", "half"]}
    shutil.rmtree(tiny_classroom.autograded)
    command = [Path(sys.executable).parent / "nbgrader", "autograde", "week01", "--force"]
    done = subprocess.run(command, cwd=tiny_classroom.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {student: marks(tiny_classroom, student) for student in ours} == ours
    assert ours["right"] | {"why": None} == RIGHT | {"why": None}


def test_hidden_inputs_belong_to_the_classroom(tiny_course, tiny_classroom, given):
    hand_in(tiny_classroom, "right", solve(given))
    grade.grade(tiny_course, tiny_classroom, "week01")
    seed = (tiny_classroom.reference / "week01" / "seed").read_text()
    reference = json.loads((tiny_classroom.reference / "week01" / "01_doubling.json").read_text())
    assert reference["seed"] == int(seed)
    assert set(reference["values"]) >= {"twice any", "twice any negative", "the same draw for the same seed"}
    autograded = (tiny_classroom.autograded / "right" / "week01" / "01_doubling.ipynb").read_text()
    assert seed.strip() not in autograded


def test_mistakes_are_told_in_one_line(tiny_course, tiny_classroom, tmp_path):
    with pytest.raises(CourseError, match="nobody has submitted week01"):
        grade.grade(tiny_course, tiny_classroom, "week01")
    with pytest.raises(CourseError, match="'nobody' has submitted nothing"):
        grade.grade(tiny_course, tiny_classroom, "week01", student="nobody")
    with pytest.raises(CourseError, match="no release.*course build week01"):
        grade.grade(tiny_course, Classroom.create(tmp_path / "empty"), "week01")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b'{"nbformat": 3}', "expected 4"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "cells": [{"cell_type": "code", "source": ""}]}', "metadata"),
    ],
)
def test_what_is_no_notebook_is_named_with_its_reason(tmp_path, content, reason):
    path = tmp_path / "01_doubling.ipynb"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=f"{path} is no notebook of nbformat 4: .*{reason}"):
        grade.read_notebook(path)


@pytest.mark.slow
def test_gradebook_is_copied_before_each_run(tiny_course, tiny_classroom, given):
    hand_in(tiny_classroom, "right", solve(given))
    grade.grade(tiny_course, tiny_classroom, "week01")
    first = list((tiny_classroom.root / "backups").glob("*.db"))
    grade.grade(tiny_course, tiny_classroom, "week01")
    assert len(first) == 1 and len(list((tiny_classroom.root / "backups").glob("*.db"))) == 2
