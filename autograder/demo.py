"""`course demo`: the whole way through the house with a sample class."""

import shutil
from pathlib import Path

from autograder.classroom import Classroom, write_if_changed
from autograder.course import Course
from autograder.errors import CourseError
from autograder.sample_class import DUE, material, write_downloads, write_roster

MARK = "SAMPLE_CLASS.txt"

SETTINGS = f"""\
# Due dates, what lateness costs, and who has longer. Read by every `course grade`.

[late]
policy = "percent"   # "none": no penalty; "zero": late work earns nothing; "percent": some percent of it a day
percent_a_day = 10   # for "percent"; a day begun counts as a whole one

[due]
week01 = {DUE.isoformat()}

# [extensions.week01]
# "hana" = "2 days"
"""


def sample_classroom(root: Path, db: str | None) -> Classroom:
    """The classroom of the sample class. Raises CourseError when the folder holds a real one."""
    if (root / "gradebook.db").exists() and not (root / MARK).exists() and any((root / "submitted").iterdir()):
        raise CourseError(
            f"{root} is the classroom of a real class; give the sample class a folder of its own: --classroom DIR"
        )
    classroom = Classroom.create(root, db)
    write_if_changed(
        classroom.root / MARK, "This classroom holds the sample class of `course demo`, which may remake it.\n"
    )
    write_if_changed(classroom.settings, SETTINGS)
    return classroom


def forget_marks(classroom: Classroom) -> None:
    """Empty a sample classroom whose graded cells have changed: nbgrader cannot move its marks."""
    for name in ["submitted", "attempts", "autograded", "feedback", "release", "source"]:
        shutil.rmtree(classroom.root / name, ignore_errors=True)
    (classroom.root / "gradebook.db").unlink(missing_ok=True)
    for path in classroom.reference.glob("*/ledger.json"):
        path.unlink()
    Classroom.create(classroom.root)


def write_sample(course: Course, classroom: Classroom, week: str) -> list[Path]:
    """Roster and downloads of the sample class, under the classroom's `downloads` and `students.csv`."""
    write_roster(classroom.root / "students.csv")
    materials = [material(course, classroom, notebook) for notebook in course.select(week)]
    return write_downloads(classroom.root / "downloads", materials)
