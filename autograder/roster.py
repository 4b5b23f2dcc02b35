"""Who takes the course: the instructor's list, nbgrader's students, and what became different between them."""

import csv
import io
import re
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

from autograder.classroom import Classroom, write_if_changed
from autograder.errors import CourseError


@dataclass(frozen=True)
class Student:
    """One line of the list."""

    id: str
    name: str
    email: str


COLUMNS = [column.name for column in fields(Student)]


@dataclass
class RosterChange:
    """Ids of the students that a new list adds, renames or gives another address, no longer names, and names again."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)


def read_roster(path: Path) -> list[Student]:
    """The students on a list: a CSV file with columns id, name and email, in any order, comma or semicolon between.

    Raises:
        CourseError: the file cannot be read as such a list; the message names file and line.
    """
    text = read_text(Path(path))
    header_line = text.partition("\n")[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        check_header(path, header)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise CourseError(f"{path}, line {reader.line_num}: {error}; expected CSV, each quotation closed") from None
    students = [student(f"{path}, line {number}", header, row) for number, row in rows]
    check_unique(path, [number for number, _ in rows], students)
    if not students:
        raise CourseError(f"{path} names no student; expected a line for each below the header {','.join(COLUMNS)}")
    return students


def read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}; give a CSV file of students") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{content[error.start]:02x}"
        raise CourseError(f"{path}, line {line}: {byte} is not UTF-8; save the list as CSV UTF-8") from None


def check_header(path: Path, header: list[str]) -> None:
    for column in COLUMNS:
        if header.count(column) != 1:
            raise CourseError(
                f"{path}, line 1: the header has {header.count(column)} columns named {column!r} among "
                f"{header}; expected one each of {', '.join(COLUMNS)}"
            )


def student(place: str, header: list[str], row: list[str]) -> Student:
    """The student of one row; CourseError says what is wrong at `place`."""
    if len(row) != len(header):
        raise CourseError(f"{place}: {len(row)} cells, but {len(header)} columns; a delimiter in a cell needs quotes")
    cells = {name: " ".join(cell.split()) for name, cell in zip(header, row, strict=True)}
    found = Student(*(cells[column] for column in COLUMNS))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", found.id):
        raise CourseError(f"{place}: id is {found.id!r}; expected letters, digits, . _ and -, a letter or digit first")
    return found


def check_unique(path: Path, lines: list[int], students: list[Student]) -> None:
    seen = {}
    for number, one in zip(lines, students, strict=True):
        first = seen.setdefault(one.id.lower(), (number, one.id))
        if first[0] != number:
            raise CourseError(
                f"{path}, line {number}: id {one.id!r} stands on line {first[0]} too, as {first[1]!r}; "
                "keep one of them (upper and lower case are the same)"
            )


def update_roster(path: Path, classroom: Classroom) -> RosterChange:
    """Make that list the classroom's: its students enter nbgrader's gradebook, and a copy is kept as `roster.csv`.

    Who is no longer on it stays in the gradebook with all grades, but out of the reports; who never handed anything in
    is removed. `returned` are students whom the gradebook knew and the previous list did not name.
    """
    students = read_roster(path)
    listed = {one.id for one in students}
    before = enrolled(classroom)
    change = RosterChange()
    with classroom.gradebook() as gradebook:
        known = {one.id: one for one in gradebook.students}
        for one in students:
            names = dict(zip(["first_name", "last_name"], split_name(one.name), strict=True), email=one.email)
            if one.id not in known:
                change.added.append(one.id)
            elif before is not None and one.id not in before:
                change.returned.append(one.id)
            elif any((getattr(known[one.id], key) or "") != value for key, value in names.items()):
                change.changed.append(one.id)
            gradebook.update_or_create_student(one.id, **names)
        change.dropped = sorted((set(known) if before is None else before) - listed)
        for gone in change.dropped:
            if gone in known and not known[gone].submissions:
                gradebook.remove_student(gone)
    copy = io.StringIO()
    csv.writer(copy, lineterminator="\n").writerows([COLUMNS, *map(astuple, students)])
    write_if_changed(classroom.root / "roster.csv", copy.getvalue())
    return change


def enrolled(classroom: Classroom) -> set[str] | None:
    """Ids of the students on the latest list; None while the classroom has no list."""
    path = classroom.root / "roster.csv"
    return {one.id for one in read_roster(path)} if path.exists() else None


def split_name(name: str) -> tuple[str, str]:
    """First and last name, as nbgrader keeps them, of "Ada Lovelace" or "Lovelace, Ada"."""
    if "," in name:
        last, _, first = name.partition(",")
        return first.strip(), last.strip()
    first, _, last = name.rpartition(" ")
    return first, last


def full_name(student) -> str:
    """The whole name of one of nbgrader's students; "" when it has none."""
    return " ".join(part for part in [student.first_name, student.last_name] if part)
