"""The sample class goes the whole way through the house, and a second time only where something changed."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.classroom import Classroom
from autograder.demo import sample_classroom
from autograder.errors import CourseError

COURSE = str(Path(sys.executable).parent / "course")


def demo(folder: Path) -> str:
    done = subprocess.run([COURSE, "demo", "week01"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def totals(folder: Path) -> dict[str, float]:
    with (folder / "classroom" / "report" / "grades.csv").open(newline="") as table:
        return {row["id"]: float(row["week01 total"]) for row in csv.DictReader(table)}


@pytest.mark.slow
def test_sample_class_gets_its_marks_and_a_second_run_changes_nothing(tiny_course):
    first = demo(tiny_course.root)
    right = dict.fromkeys(["ada", "bruno", "chen", "ivo", "jin", "kofi", "lena", "mina", "noor"], 5.0)
    assert totals(tiny_course.root) == right | {"dora": 0, "emil": 1, "fatima": 0, "goran": 0, "hana": 4}
    assert "timed out" in first and "14 graded" in first
    pages = tiny_course.root / "classroom" / "feedback"
    assert len(list(pages.glob("*/week01/01_doubling.html"))) == 14
    written = {path: path.stat().st_mtime_ns for path in pages.rglob("*.html")}
    second = demo(tiny_course.root)
    assert "0 graded, 14 unchanged" in second
    assert written == {path: path.stat().st_mtime_ns for path in pages.rglob("*.html")}
    change_a_check(tiny_course)
    assert "14 graded" in demo(tiny_course.root)


def change_a_check(course) -> None:
    """Another name of a graded cell: nbgrader cannot move marks over that, so the sample classroom starts again."""
    source = course.select()[0].source
    source.write_text(source.read_text().replace('"grade_id": "noise_bounds"', '"grade_id": "noise_range"'))


def test_real_classroom_is_never_taken_for_the_sample(tmp_path):
    classroom = Classroom.create(tmp_path / "classroom")
    with classroom.gradebook():
        (classroom.submitted / "ada" / "week01").mkdir(parents=True)
    with pytest.raises(CourseError, match="classroom of a real class"):
        sample_classroom(classroom.root, None)
