"""When work is due, who has longer, and what lateness costs: classroom.toml, and how nbgrader gets to know it."""

import math
import re
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from nbgrader.plugins import BasePlugin

from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.roster import enrolled

POLICIES = ["none", "zero", "percent"]
DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Settings:
    """What classroom.toml says."""

    policy: str
    percent_a_day: float
    due: dict[str, datetime]  # by assignment, with time zone
    extensions: dict[str, dict[str, timedelta]]  # by assignment and student


def read_settings(classroom: Classroom) -> Settings:
    """The settings in the classroom's classroom.toml.

    Raises:
        CourseError: the file is missing or something in it is wrong.
    """
    path = classroom.settings
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}; `course build` writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} is not valid TOML: {error}; mend it there") from None
    check_keys(path, "", tables, ["late", "due", "extensions"])
    for name, table in tables.items():
        check_table(path, name, table)
    late = {"policy": "none", "percent_a_day": 10} | tables.get("late", {})
    check_keys(path, "late.", late, ["policy", "percent_a_day"])
    if late["policy"] not in POLICIES:
        raise wrong(path, "late.policy", late["policy"], 'one of "none", "zero", "percent"')
    percent = late["percent_a_day"]
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise wrong(path, "late.percent_a_day", percent, "a number from 0 to 100")
    due = {week: due_date(path, week, given) for week, given in tables.get("due", {}).items()}
    extensions = {week: read_extensions(path, week, given, due) for week, given in tables.get("extensions", {}).items()}
    return Settings(late["policy"], float(percent), due, extensions)


def wrong(path: Path, key: str, given, expected: str) -> CourseError:
    return CourseError(f"{path}: {key} is {given!r}; expected {expected}")


def check_keys(path: Path, prefix: str, table: dict, known: list[str]) -> None:
    for key in table:
        if key not in known:
            names = ", ".join(prefix + name for name in known)
            raise CourseError(f"{path}: there is no setting {prefix}{key}; expected {names}")


def check_table(path: Path, key: str, table) -> None:
    if not isinstance(table, dict):
        raise wrong(path, key, table, f"a table that begins with the line [{key}]")


def check_week(path: Path, prefix: str, week: str) -> None:
    if not re.fullmatch(r"week\d\d", week):
        raise CourseError(f"{path}: {prefix}.{week} names no week; expected a name such as {prefix}.week01")


def due_date(path: Path, week: str, given) -> datetime:
    check_week(path, "due", week)
    if not isinstance(given, datetime) or given.tzinfo is None:
        shown = str(given) if hasattr(given, "isoformat") else given
        raise wrong(path, f"due.{week}", shown, "date, time and time zone, such as 2026-10-01T23:59:00+02:00")
    return given


def read_extensions(path: Path, week: str, table, due: dict[str, datetime]) -> dict[str, timedelta]:
    check_week(path, "extensions", week)
    check_table(path, f"extensions.{week}", table)
    if table and week not in due:
        raise CourseError(f"{path}: extensions.{week} is given, but due.{week} is not; set the due date, too")
    return {student: duration(path, f"extensions.{week}.{student}", given) for student, given in table.items()}


def duration(path: Path, key: str, given) -> timedelta:
    match = re.fullmatch(r"\s*(\d{1,4})\s*(minute|hour|day|week)s?\s*", given) if isinstance(given, str) else None
    if not match or not int(match[1]):
        raise wrong(path, key, given, 'a time such as "2 days", "12 hours", "30 minutes" or "1 week"')
    return timedelta(**{f"{match[2]}s": int(match[1])})


def apply_settings(classroom: Classroom) -> None:
    """Make due dates and extensions in nbgrader's gradebook those of classroom.toml; what the file does not name goes.

    An extension is kept with a submission: that of a student who has handed nothing in yet waits until there is one.

    Raises:
        CourseError: classroom.toml is wrong, or names a student whom neither list nor gradebook knows.
    """
    settings = read_settings(classroom)
    with classroom.gradebook() as gradebook:
        check_students(classroom, settings, {student.id for student in gradebook.students})
        for week in {*settings.due, *(assignment.name for assignment in gradebook.assignments)}:
            gradebook.update_or_create_assignment(week, duedate=settings.due.get(week))
        for week, extensions in settings.extensions.items():
            for student in extensions:
                handed_in = (classroom.submitted / student / week).is_dir()
                if handed_in and gradebook.find_assignment(week).notebooks:  # about to be graded: make its row now
                    gradebook.update_or_create_student(student)
                    gradebook.update_or_create_submission(week, student)
        for assignment in gradebook.assignments:
            for submission in assignment.submissions:
                student = submission.student_id
                longer = settings.extensions.get(assignment.name, {}).get(student, timedelta())
                if longer != (submission.extension or timedelta()):
                    gradebook.grant_extension(assignment.name, student, minutes=longer / timedelta(minutes=1))


def check_students(classroom: Classroom, settings: Settings, known: set[str]) -> None:
    listed = enrolled(classroom)
    for week, extensions in settings.extensions.items():
        for student in extensions:
            if listed is not None and student not in listed | known:
                raise CourseError(
                    f"{classroom.settings}: extensions.{week} names {student!r}, who is neither on the "
                    "list nor in the gradebook; correct the id, or give the list with `course roster`"
                )


class LatePolicy(BasePlugin):
    """What lateness costs, as classroom.toml says; nbgrader's AssignLatePenalties asks for each notebook."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Points taken off: None, all of `score`, or so many percent of it for each day begun."""
        root = self.config.CourseDirectory.root
        if not isinstance(root, str):
            raise CourseError(
                "nbgrader's configuration sets no CourseDirectory.root; start nbgrader in the "
                "classroom's folder, where nbgrader_config.py sets it"
            )
        settings = read_settings(Classroom(Path(root)))
        if settings.policy == "none" or total_seconds_late <= 0:
            return None
        if settings.policy == "zero":
            return score
        days = math.ceil(total_seconds_late / DAY)
        return min(score, score * settings.percent_a_day / 100 * days)
