"""Due dates, extensions and penalties, as nbgrader's own preprocessor assigns them."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from nbformat.v4 import new_notebook
from nbgrader.preprocessors import AssignLatePenalties

from autograder.classroom import SETTINGS, Classroom
from autograder.errors import CourseError
from autograder.lateness import LatePolicy, apply_settings, read_settings
from autograder.roster import update_roster

DUE = datetime(2026, 10, 1, 21, 59)  # UTC, without zone: as nbgrader keeps it


@pytest.fixture
def classroom(tmp_path):
    """A classroom without a gradebook."""
    return Classroom.create(tmp_path / "classroom")


@pytest.fixture(scope="module")
def gradebook_file(tmp_path_factory):
    """Two students with 8 points each; `late` handed in 25 hours after the due date, `early` before it."""
    classroom = Classroom.create(tmp_path_factory.mktemp("lateness") / "classroom")
    with classroom.gradebook() as gradebook:
        gradebook.add_assignment("week01")
        gradebook.add_notebook("01_first", "week01")
        gradebook.add_grade_cell("points", "01_first", "week01", max_score=10, cell_type="code")
        for student, when in {"late": DUE + timedelta(hours=25), "early": DUE - timedelta(minutes=1)}.items():
            gradebook.add_student(student)
            gradebook.add_submission("week01", student, timestamp=when)
            gradebook.find_grade("points", "01_first", "week01", student).auto_score = 8
        gradebook.db.commit()
    return classroom.root / "gradebook.db"


@pytest.fixture
def graded(classroom, gradebook_file):
    """A classroom with that gradebook."""
    shutil.copy(gradebook_file, classroom.root / "gradebook.db")
    return classroom


def settings(classroom, policy="percent", due="2026-10-01T23:59:00+02:00", extension=None, percent=10):
    lines = ["[late]", f'policy = "{policy}"', f"percent_a_day = {percent}"]
    lines += ["[due]", f"week01 = {due}"] if due else []
    lines += ["[extensions.week01]", f'late = "{extension}"'] if extension else []
    classroom.settings.write_text("\n".join(lines))
    return classroom


def penalty(classroom, student):
    """What nbgrader's preprocessor records when it is configured as `course` and nbgrader_config.py do."""
    preprocessor = AssignLatePenalties(config=classroom.configuration())
    place = {"notebook": "01_first", "assignment": "week01", "student": student, "db_url": classroom.db_url}
    preprocessor.preprocess(new_notebook(), {"nbgrader": place})
    with classroom.gradebook() as gradebook:
        return gradebook.find_submission_notebook("01_first", "week01", student).late_submission_penalty


def test_the_settings_that_a_new_classroom_gets_are_read(classroom):
    assert classroom.settings.read_text() == SETTINGS
    read = read_settings(classroom)
    assert (read.policy, read.percent_a_day, read.due, read.extensions) == ("none", 10, {}, {})


def test_the_examples_in_a_new_classrooms_settings_are_right(classroom):
    head, examples = SETTINGS.split("# [due]")
    classroom.settings.write_text(head + "# [due]".replace("# ", "") + examples.replace("# ", ""))
    read = read_settings(classroom)
    assert read.due["week01"].astimezone(UTC).replace(tzinfo=None) == DUE
    assert read.extensions == {"week01": {"a.student": timedelta(days=2)}}


@pytest.mark.parametrize(
    "text, time",
    [("2 days", timedelta(2)), ("1 day", timedelta(1)), ("12 hours", timedelta(hours=12)),
     ("30 minutes", timedelta(minutes=30)), ("1 week", timedelta(7))],
)  # fmt: skip
def test_extensions_are_written_in_words(classroom, text, time):
    assert read_settings(settings(classroom, extension=text)).extensions["week01"]["late"] == time


@pytest.mark.parametrize(
    "text, message",
    [
        ('[late]\npolicy = "half"', "late.policy is 'half'; expected one of"),
        ("[late]\npercent_a_day = 110", "late.percent_a_day is 110; expected a number from 0 to 100"),
        ("[late]\npercent_a_day = true", "late.percent_a_day is True"),
        ("[late]\npercent = 5", "there is no setting late.percent; expected late.policy, late.percent_a_day"),
        ("late = 3", r"late is 3; expected a table that begins with the line \[late\]"),
        ("[dues]", "there is no setting dues; expected late, due, extensions"),
        ("[due]\nweek01 = 2026-10-01T23:59:00", "due.week01 is '2026-10-01 23:59:00'; expected date, time and"),
        ("[due]\nweek01 = 2026-10-01", "due.week01 is '2026-10-01'; expected date, time and time zone"),
        ('[due]\nweek01 = "tomorrow"', "due.week01 is 'tomorrow'"),
        ("[due]\nweek1 = 2026-10-01T23:59:00Z", "due.week1 names no week; expected a name such as due.week01"),
        ('[extensions.week01]\nada = "2 days"', "extensions.week01 is given, but due.week01 is not"),
        ('[due]\nweek01 = 2026-10-01T23:59:00Z\n[extensions.week01]\nada = "two days"',
         "extensions.week01.ada is 'two days'; expected a time such as"),
        ("[due]\nweek01 = 2026-10-01T23:59:00Z\n[extensions.week01]\nada = 2", "extensions.week01.ada is 2; "),
        ('[due]\nweek01 = 2026-10-01T23:59:00Z\n[extensions.week01]\nada = "0 days"', "week01.ada is '0 days'"),
        ("[late", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_key_given_and_expected(classroom, text, message):
    classroom.settings.write_text(text)
    with pytest.raises(CourseError, match=f"classroom.toml:? .*{message}|classroom.toml {message}") as told:
        read_settings(classroom)
    assert "\n" not in str(told.value)


def test_a_missing_settings_file_is_told(classroom):
    classroom.settings.unlink()
    with pytest.raises(CourseError, match="classroom.toml cannot be read"):
        read_settings(classroom)


@pytest.mark.parametrize(
    "policy, extension, expected",
    [
        ("none", None, None),
        ("zero", None, 8),
        ("percent", None, 1.6),  # two days begun, 10% of 8 points each
        ("percent", "2 hours", 0.8),
        ("percent", "1 day", 0.8),
        ("percent", "2 days", None),
        ("zero", "2 days", None),
    ],
)
def test_penalties_of_late_work(graded, policy, extension, expected):
    apply_settings(settings(graded, policy, extension=extension))
    assert penalty(graded, "late") == pytest.approx(expected)
    assert penalty(graded, "early") is None


def test_a_penalty_is_at_most_the_score(graded):
    apply_settings(settings(graded, percent=80))
    assert penalty(graded, "late") == 8
    assert LatePolicy(config=graded.configuration()).late_submission_penalty("late", 5, 2 * 86400) == 5


def test_without_a_due_date_nothing_is_late(graded):
    apply_settings(settings(graded, "zero", due=None))
    assert penalty(graded, "late") is None


def test_due_dates_and_extensions_come_and_go_with_the_file(graded):
    def recorded():
        with graded.gradebook() as gradebook:
            submission = gradebook.find_submission("week01", "late")
            return submission.assignment.duedate, submission.extension

    for _ in range(2):
        apply_settings(settings(graded, extension="2 days"))
        assert recorded() == (DUE, timedelta(days=2))
    apply_settings(settings(graded, extension="1 week"))
    assert recorded() == (DUE, timedelta(weeks=1))
    apply_settings(settings(graded))
    assert recorded() == (DUE, None)
    apply_settings(settings(graded, due=None))
    assert recorded() == (None, None)


def test_an_extension_is_there_before_the_first_grading(graded):
    with graded.gradebook() as gradebook:
        gradebook.remove_student("late")
    settings(graded, extension="2 days")
    apply_settings(graded)
    with graded.gradebook() as gradebook:
        assert [student.id for student in gradebook.students] == ["early"], "no row for who handed nothing in"
    (graded.submitted / "late" / "week01").mkdir(parents=True)
    apply_settings(graded)
    with graded.gradebook() as gradebook:  # what Autograde does next
        submission = gradebook.update_or_create_submission("week01", "late", timestamp=DUE + timedelta(hours=25))
        assert submission.total_seconds_late == 0


def test_an_extension_for_a_student_whom_nobody_knows_is_told(graded, tmp_path):
    students = tmp_path / "students.csv"
    students.write_text("id,name,email\nearly,Ear Ly,\n")
    update_roster(students, graded)
    graded.settings.write_text('[due]\nweek01 = 2026-10-01T23:59:00Z\n[extensions.week01]\nlaet = "2 days"')
    with pytest.raises(CourseError, match="extensions.week01 names 'laet'"):
        apply_settings(graded)
