"""The list of students: what is read, what is refused, and what becomes of grades when it changes."""

import shutil

import pytest

from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.roster import RosterChange, Student, enrolled, full_name, read_roster, update_roster

ADA = Student("ada", "Ada Lovelace", "ada@example.org")


@pytest.fixture(scope="module")
def gradebook_file(tmp_path_factory):
    """An empty gradebook: making one takes seconds."""
    classroom = Classroom.create(tmp_path_factory.mktemp("roster") / "classroom")
    with classroom.gradebook():
        return classroom.root / "gradebook.db"


@pytest.fixture
def classroom(tmp_path, gradebook_file):
    classroom = Classroom.create(tmp_path / "classroom")
    shutil.copy(gradebook_file, classroom.root)
    return classroom


@pytest.fixture
def roster(tmp_path):
    """Writes a list and says where."""

    def write(*rows: str, header="id,name,email"):
        path = tmp_path / "students.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def submit(classroom, student):
    with classroom.gradebook() as gradebook:
        gradebook.update_or_create_assignment("week01")
        gradebook.add_submission("week01", student)


def test_columns_in_any_order_and_others_beside_them(roster):
    path = roster("x,ada@example.org,ada,Ada Lovelace", header="Group, Email,ID,Name")
    assert read_roster(path) == [ADA]


def test_a_spreadsheets_semicolons_byte_order_mark_line_ends_and_blank_lines(tmp_path):
    path = tmp_path / "students.csv"
    path.write_bytes("\ufeffid;name;email\r\nada;Ada  Lovelace;ada@example.org\r\n;;\r\n\r\n".encode())
    assert read_roster(path) == [ADA]


def test_quoted_names_hold_delimiters_and_line_ends(roster):
    assert read_roster(roster('ada,"Lovelace,\nAda",')) == [Student("ada", "Lovelace, Ada", "")]


@pytest.mark.parametrize(
    "rows, message",
    [
        (["ada,Ada,", "bob,Bob,", "ada,Ida,"], r"students\.csv, line 4: id 'ada' stands on line 2 too"),
        (["ada,Ada,", "ADA,Ida,"], r"line 3: id 'ADA' stands on line 2 too, as 'ada'"),
        (["ada,Ada,", "b/ob,Bob,"], r"students\.csv, line 3: id is 'b/ob'; expected letters"),
        (["..,Dots,"], r"line 2: id is '\.\.'"),
        ([",Nobody,"], r"line 2: id is ''"),
        (["zoë,Zoë,"], r"line 2: id is 'zoë'"),
        (["ada,Lovelace, Ada,a@b"], r"line 2: 4 cells, but 3 columns"),
        (['ada,"Ada,'], r"line \d: .*each quotation closed"),
        ([], r"students\.csv names no student"),
    ],
)
def test_what_is_wrong_in_a_row_is_told_with_its_line(roster, rows, message):
    with pytest.raises(CourseError, match=message):
        read_roster(roster(*rows))


@pytest.mark.parametrize("header", ["id,name", "ada,Ada,ada@example.org", "id,id,name,email", ""])
def test_a_missing_or_doubled_column_is_told(roster, header):
    with pytest.raises(CourseError, match=r"students\.csv, line 1: .*expected one each of id, name, email"):
        read_roster(roster(header=header))


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path):
    path = tmp_path / "students.csv"
    path.write_bytes("id,name,email\nada,Ada,\nzoe,Zoë,\n".encode("latin-1"))
    with pytest.raises(CourseError, match=r"students\.csv, line 3: byte 0xeb is not UTF-8"):
        read_roster(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(CourseError, match="none.csv cannot be read: No such file"):
        read_roster(tmp_path / "none.csv")


def test_a_first_list_adds_and_the_same_list_changes_nothing(classroom, roster):
    assert enrolled(classroom) is None
    path = roster("ada,Ada Lovelace,ada@example.org", 'bob,"Builder, Bob",')
    assert update_roster(path, classroom) == RosterChange(added=["ada", "bob"])
    assert enrolled(classroom) == {"ada", "bob"}
    assert not any(vars(update_roster(path, classroom)).values())
    with classroom.gradebook() as gradebook:
        assert gradebook.find_student("ada").email == "ada@example.org"
        assert full_name(gradebook.find_student("bob")) == "Bob Builder"


def test_names_and_addresses_are_updated(classroom, roster):
    update_roster(roster("ada,Ada Lovelace,old@example.org", "bob,Bob,"), classroom)
    change = update_roster(roster("ada,Ada Lovelace,ada@example.org", "bob,Robert,"), classroom)
    assert change.changed == ["ada", "bob"]
    with classroom.gradebook() as gradebook:
        assert gradebook.find_student("ada").email == "ada@example.org"
        assert full_name(gradebook.find_student("bob")) == "Robert"


def test_a_drop_out_keeps_grades_and_may_return(classroom, roster):
    both = ("ada,Ada,", "bob,Bob,")
    update_roster(roster(*both), classroom)
    submit(classroom, "bob")
    assert update_roster(roster("ada,Ada,"), classroom).dropped == ["bob"]
    assert enrolled(classroom) == {"ada"}
    assert update_roster(roster("ada,Ada,"), classroom).dropped == []
    with classroom.gradebook() as gradebook:
        assert gradebook.find_submission("week01", "bob")
    change = update_roster(roster(*both), classroom)
    assert (change.added, change.returned) == ([], ["bob"])
    assert enrolled(classroom) == {"ada", "bob"}


def test_a_drop_out_without_submissions_leaves_the_gradebook(classroom, roster):
    update_roster(roster("ada,Ada,", "bob,Bob,"), classroom)
    update_roster(roster("ada,Ada,"), classroom)
    with classroom.gradebook() as gradebook:
        assert [student.id for student in gradebook.students] == ["ada"]


def test_a_wrong_list_changes_nothing(classroom, roster):
    update_roster(roster("ada,Ada,"), classroom)
    with pytest.raises(CourseError):
        update_roster(roster("bob,Bob,", "bob,Bob,"), classroom)
    assert enrolled(classroom) == {"ada"}
