"""Who handed in: Canvas's and Moodle's names of files, and the students on the roster whom they may mean."""

import re
import unicodedata
from dataclasses import dataclass

from autograder import receipts
from autograder.classroom import Classroom
from autograder.readable import Unreadable, shown

# Canvas's lib/content_zipper.rb: name, "LATE", user, attachment, the student's own file name.
CANVAS = re.compile(r"(?P<name>[^\W_]\w*?)_(?P<late>LATE_)?(?P<id>\d+)_\d{3,}_(?P<file>.+)", re.IGNORECASE)
CANVAS_ANONYMOUS = re.compile(r"(?P<name>)(?P<late>LATE_)?anon_(?P<id>\w{5})_\d{3,}_(?P<file>.+)", re.IGNORECASE)
# Moodle's mod/assign/classes/downloader.php: a folder a student, or the folder's name before the file's.
MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")


@dataclass(frozen=True)
class Sender:
    """Who handed in, as the LMS names a file."""

    lms: str  # "Canvas" or "Moodle"
    name: str  # "doejane" or "Jane Doe"; "" when anonymous
    id: str  # Canvas: the user's; Moodle: the participant's, another one in each assignment
    late: bool = False


def sender_of(parts: list[str]) -> tuple[Sender | None, str]:
    """Who handed in, by the outermost name that an LMS wrote, and the file's own name.

    Moodle writes folders and names of files; Canvas names of files, which become folders when a zip is extracted.
    """
    for folder in parts[:-1]:
        sender, name = sender_in(folder)
        if sender and (sender.lms == "Moodle" or receipts.OURS.match(name)):
            return sender, parts[-1]
    return sender_in(parts[-1])


def sender_in(name: str) -> tuple[Sender | None, str]:
    """Who handed in, by one name, and what of the name was the student's."""
    if match := MOODLE.fullmatch(name):
        return Sender("Moodle", match["name"], match["id"]), match["file"] or name
    if match := CANVAS_ANONYMOUS.fullmatch(name) or CANVAS.fullmatch(name):
        return Sender("Canvas", match["name"], match["id"], bool(match["late"])), match["file"]
    return None, name


@dataclass(frozen=True)
class Roster:
    """The students in the gradebook, by all that an LMS may call them."""

    ids: tuple[str, ...]
    by_lms_id: dict[str, set[str]]
    by_name: dict[str, set[str]]

    @classmethod
    def of(cls, classroom: Classroom) -> "Roster":
        by_lms_id, by_name, ids = {}, {}, []
        with classroom.gradebook() as gradebook:
            for student in gradebook.students:
                ids.append(student.id)
                first, last = student.first_name or "", student.last_name or ""
                if student.lms_user_id:
                    by_lms_id.setdefault(str(student.lms_user_id), set()).add(student.id)
                for name in {plain(first + last), plain(last + first)} - {""}:
                    by_name.setdefault(name, set()).add(student.id)
        return cls(tuple(ids), by_lms_id, by_name)

    def with_id(self, id: str) -> str | None:
        """The student of that id, also when only case differs."""
        if id in self.ids:
            return id
        alike = [student for student in self.ids if student.casefold() == id.casefold()]
        return alike[0] if len(alike) == 1 else None

    def fits(self, sender: Sender) -> set[str]:
        """The students whom the LMS may mean. Moodle's number is none of a student's own."""
        if not sender.name:
            return set()
        if sender.lms == "Canvas" and sender.id in self.by_lms_id:
            return self.by_lms_id[sender.id]
        if student := self.with_id(sender.name):
            return {student}
        if plain(sender.name) in self.by_name:
            return self.by_name[plain(sender.name)]
        by_number = self.with_id(sender.id) if sender.lms == "Canvas" else None
        return {by_number} if by_number else set()


def whose(sender: Sender | None, claimed: str | None, roster: Roster) -> tuple[str, list[str]]:
    """The student whose work it is, and remarks; the LMS's word outranks the zip's.

    Args:
        sender: as the LMS names the file, if it does.
        claimed: the student's id as the zip says it, if it does.
        roster: the students there are; anybody while it is empty.

    Raises:
        Unreadable: nobody's, somebody's who is not on the roster, or one of several students'.
    """
    known = roster.with_id(claimed) if claimed else None
    fitting = roster.fits(sender) if sender else set()
    if known in fitting:
        return known, []
    if len(fitting) == 1:
        return next(iter(fitting)), [f"the zip names {claimed}, {sender.lms} {shown(sender.name)}"] if claimed else []
    if fitting:
        raise Unreadable(
            f"{sender.lms}'s {sender.name!r} may be {' or '.join(sorted(fitting))}; "
            "collect it again after `course submit DIR` with the right id"
        )
    if known and sender and sender.name:
        return known, [f"{sender.lms}'s {sender.name!r} is not on the roster; the zip's id counts"]
    if known or (claimed and not roster.ids):
        return known or claimed, []
    if claimed:
        raise Unreadable(f"not on the roster: {claimed}; add with `course roster`, then collect again")
    if sender is None or not sender.name:
        raise Unreadable("nothing says whose it is; zip it with `course submit DIR`, giving the student's id")
    if roster.ids:
        raise Unreadable(f"not on the roster: {shown(sender.name)}; add with `course roster`, then collect again")
    return re.sub(r"[^A-Za-z0-9]+", ".", unaccented(sender.name)).strip(".") + f"_{sender.id}", ["named as by the LMS"]


def plain(name: str) -> str:
    """A name without case, accents, spaces and punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if c.isalnum())


def unaccented(name: str) -> str:
    """A name without accents, as an id of nbgrader may be written."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
