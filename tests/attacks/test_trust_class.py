"""A class in which every student cheats but two: nobody's page tells a hidden check, and nobody stops the class."""

import nbformat
import pytest
from suite import FULL, NOTEBOOK, WEEK, Attack, attacks

from autograder.build import build
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.feedback import write_feedback
from autograder.grade import grade
from autograder.sample_class import Material, material, solve

QUICK = [attack for attack in attacks("trust") if "timed out" not in attack.verdicts]
FIRST, LAST = "a-honest", "z-honest"


@pytest.fixture
def classroom(checkout: Course, tmp_path, battlefield) -> Classroom:
    classroom = Classroom.create(tmp_path / "classroom")
    build(checkout, classroom)
    return classroom


@pytest.fixture
def given(checkout: Course, classroom: Classroom) -> Material:
    return material(checkout, classroom, checkout.select()[0])


def hand_in(classroom: Classroom, student: str, notebook) -> None:
    path = classroom.submitted / student / WEEK / f"{NOTEBOOK}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.v4.writes(notebook))
    (path.parent / "timestamp.txt").write_text("2026-09-29 22:00:00 UTC")


def hand_in_class(classroom: Classroom, given: Material, chosen: list[Attack]) -> None:
    for student in (FIRST, LAST):
        hand_in(classroom, student, solve(given))
    for attack in chosen:
        hand_in(classroom, attack.path.stem, attack.submission(given))


def marks(classroom: Classroom, student: str) -> dict[str, float | None]:
    with classroom.gradebook() as gradebook:
        submission = gradebook.find_submission_notebook(NOTEBOOK, WEEK, student)
        return {one.name: one.auto_score for one in submission.grades if one.name in FULL}


@pytest.mark.slow
def test_no_page_tells_a_hidden_check(classroom, given):
    secretive = [attack for attack in QUICK if attack.never]
    assert len(secretive) > 5
    hand_in_class(classroom, given, secretive)
    grade(classroom, WEEK)
    written = write_feedback(classroom, WEEK)
    assert written.problems == []
    assert len(written.pages) == len(secretive) + 2
    told = {}
    for attack in secretive:
        page = (classroom.feedback / attack.path.stem / WEEK / f"{NOTEBOOK}.html").read_text()
        told[attack.name] = [text for text in attack.never if text in page]
    assert not any(told.values()), {name: texts for name, texts in told.items() if texts}


@pytest.mark.slow
def test_every_cheat_in_a_class_gets_what_it_declares_and_the_others_theirs(classroom, given):
    storable = [attack for attack in QUICK if not attack.path.stem.startswith("T26")]
    hand_in_class(classroom, given, storable)
    report = grade(classroom, WEEK)
    assert not report.problems, "\n".join(report.problems)
    expected = {attack.path.stem: attack.marks for attack in storable} | {FIRST: FULL, LAST: FULL}
    assert {student: marks(classroom, student) for student in expected} == expected


@pytest.mark.slow
def test_no_value_or_output_stops_the_class(classroom, given):
    strange = [attack for attack in QUICK if attack.path.stem.startswith("T26")]
    hand_in_class(classroom, given, strange)
    grade(classroom, WEEK)
    expected = {attack.path.stem: attack.marks for attack in strange} | {FIRST: FULL, LAST: FULL}
    assert {student: marks(classroom, student) for student in expected} == expected
    assert write_feedback(classroom, WEEK).problems == []
