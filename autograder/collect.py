"""From what students handed in, in whatever form it arrives, to classroom/submitted.

Understood are the zips of `dlcourse.submit()`, bare notebooks, zips of either, folders, and the bulk downloads of
Canvas and Moodle. Nothing is ever extracted: entries are read into memory, with a bound. What the LMS says on who
handed in, and when, outranks the student's zip. Every attempt is kept; the newest of each notebook is handed over.
"""

import hashlib
import io
import json
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from autograder.classroom import Classroom, write_if_changed
from autograder.errors import CourseError
from dlcourse import submission

LARGEST_ZIP = 100_000_000  # bytes of a zip inside a zip
LARGEST_DIRECTORY = 4_000_000  # bytes of a zip's table of contents: Python reads it whole
LARGEST_RECEIPT = 100_000  # bytes of a submission.json
ENTRIES = 10_000  # files in a zip
RATIO = 200  # a notebook shrinks to a fifth or a tenth; what shrinks more than this, and is large, is a bomb
CELLS = 5_000
DEPTH = 100  # of nested lists and objects in a notebook's JSON
STAMPED = timedelta(minutes=10)  # LMS entries closer together than this bear the time of the download

# Canvas's lib/content_zipper.rb: name, "LATE", user, attachment, the student's own file name.
CANVAS = re.compile(r"(?P<name>[^\W_]\w*?)_(?P<late>LATE_)?(?P<id>\d+)_\d{3,}_(?P<file>.+)", re.IGNORECASE)
CANVAS_ANONYMOUS = re.compile(r"(?P<name>)(?P<late>LATE_)?anon_(?P<id>\w{5})_\d{3,}_(?P<file>.+)", re.IGNORECASE)
# Moodle's mod/assign/classes/downloader.php: a folder a student, or the folder's name before the file's.
MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
OURS = re.compile(r"(?P<assignment>week\d\d)__(?P<student>.+)__(?P<time>\d{8}T\d{6}Z)")
# What browsers, Canvas, Jupyter and Colab add to the name of a copy.
COPY_OF = re.compile(r"^(?:Copy of )+")
SUFFIX = re.compile(r"(?:[ _]?\((\d+)\)|-Copy(\d*)|-(\d{1,3})|-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, OSError, ValueError)
PROGRAMS_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", ".git"}
PROGRAMS_FILES = {"submission.json", "timestamp.txt", ".ds_store", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Entry:
    """One line of the report: a notebook that was collected, or a file that was not."""

    file: str
    student: str | None = None
    assignment: str | None = None
    notebook: str | None = None
    time: datetime | None = None
    reason: str = ""  # why not collected; or what is remarkable about it


@dataclass
class CollectReport:
    collected: list[Entry] = field(default_factory=list)
    problems: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class Sender:
    """Who handed in, as the LMS names a file."""

    lms: str  # "Canvas" or "Moodle"
    name: str  # "doejane" or "Jane Doe"; "" when anonymous
    id: str  # Canvas: the user's; Moodle: the participant's, another one in each assignment
    late: bool = False


@dataclass(frozen=True)
class Receipt:
    """What the student's zip says about itself, in submission.json or else in its name."""

    student: str | None = None
    assignment: str | None = None
    time: datetime | None = None
    sha256: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """One file among what was given; without content when it was not read, and `problem` says why."""

    file: str  # where it was, for the report
    name: str  # its own name, without what the LMS put before it
    modified: datetime | None = None
    content: bytes | None = None
    problem: str = ""
    sender: Sender | None = None
    handed_in: datetime | None = None  # as the LMS says
    receipt: Receipt = Receipt()


class Unreadable(Exception):
    """A file cannot be collected; the message is the reason."""


def collect(paths: list[Path], classroom: Classroom) -> CollectReport:
    """Put what was handed in into the classroom's attempts/ and submitted/; what cannot be filed into unreadable/.

    Args:
        paths: zips, notebooks and folders, in any mixture.
        classroom: where to; its gradebook is the roster.

    Raises:
        CourseError: there is nothing at one of the paths.
    """
    for path in paths:
        if not Path(path).exists():
            raise CourseError(f"{path} does not exist; give zips, notebooks (.ipynb) or folders of them")
    report, roster, notebooks = CollectReport(), Roster.of(classroom), known_notebooks(classroom)
    touched = set()
    for path in paths:
        for found in find(Path(path)):
            try:
                entry = file_attempt(found, classroom, roster, notebooks)
            except Unreadable as problem:
                keep_aside(found, str(problem), classroom)
                student = shown(found.sender.name) if found.sender else found.receipt.student
                time = found.handed_in or found.receipt.time or found.modified
                report.problems.append(Entry(found.file, student, found.receipt.assignment, None, time, str(problem)))
            else:
                report.collected.append(entry)
                touched.add((entry.student, entry.assignment))
    for student, assignment in sorted(touched):
        hand_over(classroom, student, assignment)
    return report


# Finding files


def find(path: Path) -> Iterator[Found]:
    """Every file that may be somebody's work, at the path or in the folder."""
    if not path.is_dir():
        yield from find_file(path.resolve(), [path.name])
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not left_behind(name))
        inside = [path.resolve().name, *Path(folder).relative_to(path).parts]
        for name in sorted(files, key=copy_order):
            if not left_behind(name):
                yield from find_file(Path(folder) / name, [*inside, name])


def find_file(path: Path, parts: list[str]) -> Iterator[Found]:
    """What one file on disk holds; `parts` are the folders and the name that an LMS may have given."""
    sender, name = sender_of(parts)
    status = path.lstat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC).replace(microsecond=0)
    found = Found(shown(str(path)), name, modified, sender=sender, receipt=receipt_of_name(name))
    try:
        if not stat.S_ISREG(status.st_mode):
            yield replace(found, problem="is a link or no ordinary file; give the file itself")
        elif kind(name) == "zip":
            with path.open("rb") as stream:
                yield from find_in_zip(stream, status.st_size, found, nested=False)
        elif status.st_size > submission.LARGEST:
            yield replace(found, problem=too_large(status.st_size))
        elif kind(name) == "notebook":
            content = path.read_bytes()
            yield replace(found, content=content, receipt=either(receipt_beside(path, content), found.receipt))
        else:
            yield replace(found, content=path.read_bytes(), problem="is neither a notebook (.ipynb) nor a zip")
    except OSError as error:
        yield replace(found, problem=f"cannot be read: {error.strerror}")


def find_in_zip(stream: BinaryIO, size: int, whole: Found, nested: bool) -> Iterator[Found]:
    """What a zip holds. Names in a student's own zip say nothing about who the student is."""
    try:
        archive = open_zip(stream, size)
        entries = [info for info in archive.infolist() if not info.is_dir() and not left_behind(path_of(info))]
        receipt = either(receipt_in(archive), whole.receipt)
        own = nested or whole.sender is not None or receipt != Receipt()
        senders = {} if own else {id(info): sender_of(path_of(info).split("/")) for info in entries}
        if not any(sender for sender, _ in senders.values()):
            refuse_bomb(size, sum(info.file_size for info in entries))
        if not entries:
            raise Unreadable("holds no files")
    except Unreadable as problem:
        yield replace(whole, content=content_of(stream, size), problem=str(problem))
        return
    except BROKEN as error:
        problem = f"is no zip that can be read: {shown(str(error))}"
        yield replace(whole, content=content_of(stream, size), problem=problem)
        return
    stamped = bears_time_of_download([info for info in entries if senders.get(id(info), (None,))[0]])
    for info in sorted(entries, key=lambda info: copy_order(path_of(info))):
        sender, name = senders.get(id(info), (whole.sender, path_of(info).rpartition("/")[2]))
        found = replace(
            whole,
            file=f"{whole.file}: {shown(info.orig_filename)}",
            name=name,
            modified=time_of(info) or whole.modified,
            sender=sender,
            handed_in=time_of(info) if sender and not own and not stamped else whole.handed_in,
            receipt=receipt if own else receipt_of_name(name),
        )
        yield from find_in_entry(archive, info, found, nested)


def find_in_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, found: Found, nested: bool) -> Iterator[Found]:
    """What one entry of a zip holds: a notebook, or a zip when it is not in one already."""
    is_zip = kind(found.name) == "zip"
    try:
        refuse_dangerous(info)
        if is_zip and nested:
            raise Unreadable("is a zip in a zip in a zip; expected notebooks in it")
        content = read_entry(archive, info, LARGEST_ZIP if is_zip else submission.LARGEST)
    except Unreadable as problem:
        yield replace(found, problem=str(problem))
    except BROKEN as error:
        yield replace(found, problem=f"cannot be read from the zip: {shown(str(error))}")
    else:
        if is_zip:
            yield from find_in_zip(io.BytesIO(content), len(content), found, nested=True)
        elif kind(found.name) == "notebook":
            yield replace(found, content=content)
        else:
            yield replace(found, content=content, problem="is neither a notebook (.ipynb) nor a zip")


def kind(name: str) -> str:
    return {".ipynb": "notebook", ".zip": "zip"}.get(Path(name).suffix.lower(), "")


def left_behind(path: str) -> bool:
    """Whether a system or a program wrote the file by itself: it is nobody's work."""
    *folders, name = path.split("/")
    return bool(PROGRAMS_FOLDERS & {*folders, name}) or name.startswith("._") or name.lower() in PROGRAMS_FILES


def shown(text: str) -> str:
    """A name as it may be printed: without control and direction characters, and short."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= 300 else f"{text[:200]}...{text[-90:]}"


def too_large(size: int) -> str:
    return f"has {size:,} bytes; at most {submission.LARGEST:,} are read: clear the outputs and submit again"


def copy_order(name: str) -> tuple[int, str]:
    """Sorts the copies that browsers and Canvas number behind their originals."""
    stem, number = Path(name).stem, 0
    if match := SUFFIX.search(stem):
        number = int(next((digits for digits in match.groups() if digits), "1"))
    return number, name


# Zips


def open_zip(stream: BinaryIO, size: int) -> zipfile.ZipFile:
    """The zip, when its table of contents promises no more than can be handed in."""
    end = zipfile._EndRecData(stream)
    if end is not None and end[zipfile._ECD_SIZE] > LARGEST_DIRECTORY:
        raise Unreadable(f"holds too many files; at most {ENTRIES:,} are read")
    archive = zipfile.ZipFile(stream)
    if len(archive.infolist()) > ENTRIES:
        raise Unreadable(f"holds {len(archive.infolist()):,} files; at most {ENTRIES:,} are read")
    return archive


def refuse_bomb(size: int, promised: int) -> None:
    if promised > max(RATIO * size, submission.LARGEST):
        raise Unreadable(f"is a zip bomb: {size:,} bytes that would become {promised:,}")


def path_of(info: zipfile.ZipInfo) -> str:
    return info.filename.replace("\\", "/")


def refuse_dangerous(info: zipfile.ZipInfo) -> None:
    """Raise Unreadable for entries that no honest program writes."""
    path, mode = path_of(info), info.external_attr >> 16
    if "\0" in info.orig_filename:
        raise Unreadable("its name contains a NUL character")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise Unreadable("its name is an absolute path")
    if ".." in path.split("/"):
        raise Unreadable("its name leads out of the folder")
    if len(path) > 1000 or any(len(part.encode("utf-8", "replace")) > 255 for part in path.split("/")):
        raise Unreadable("its name is longer than 255 bytes")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise Unreadable("is a link or no ordinary file")
    if info.flag_bits & 0x1:
        raise Unreadable("is encrypted; submit it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable(f"is compressed by method {info.compress_type}; expected an ordinary zip")
    refuse_bomb(info.compress_size, info.file_size)


def read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The entry's bytes; Unreadable when they are, or say they are, more than `most`."""
    if info.file_size > most:
        raise Unreadable(too_large(info.file_size))
    with archive.open(info) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise Unreadable(too_large(len(content)))
    return content


def content_of(stream: BinaryIO, size: int) -> bytes | None:
    """All bytes of a file that is kept aside; None when they are too many."""
    if size > submission.LARGEST:
        return None
    stream.seek(0)
    return stream.read(submission.LARGEST)


def time_of(info: zipfile.ZipInfo) -> datetime | None:
    """The entry's time, which zips hold as local time; None for the zero of that clock."""
    try:
        time = datetime(*info.date_time).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if info.date_time[0] > 1980 else None


def bears_time_of_download(entries: list[zipfile.ZipInfo]) -> bool:
    """Whether an LMS stamped its entries while it made the zip, as today's Canvas and Moodle do."""
    times = [time for info in entries if (time := time_of(info))]
    return len(times) > 1 and max(times) - min(times) < STAMPED


# Who, when and what


def sender_of(parts: list[str]) -> tuple[Sender | None, str]:
    """Who handed in, by the outermost name that an LMS wrote, and the file's own name.

    Moodle writes folders and names of files; Canvas names of files, which become folders when a zip is extracted.
    """
    for folder in parts[:-1]:
        sender, name = sender_in(folder)
        if sender and (sender.lms == "Moodle" or OURS.match(name)):
            return sender, parts[-1]
    return sender_in(parts[-1])


def sender_in(name: str) -> tuple[Sender | None, str]:
    """Who handed in, by one name, and what of the name was the student's."""
    if match := MOODLE.fullmatch(name):
        return Sender("Moodle", match["name"], match["id"]), match["file"] or name
    if match := CANVAS_ANONYMOUS.fullmatch(name) or CANVAS.fullmatch(name):
        return Sender("Canvas", match["name"], match["id"], bool(match["late"])), match["file"]
    return None, name


def receipt_of_name(name: str) -> Receipt:
    """What the name of one of our zips says."""
    match = OURS.match(name)
    return receipt_from(match.groupdict()) if match else Receipt()


def receipt_from(fields: object) -> Receipt:
    """A receipt from what a file claims; claims that are not of the right form are left out."""
    if not isinstance(fields, dict):
        return Receipt()
    student, assignment, time, sha256 = (fields.get(key) for key in ["student", "assignment", "time", "sha256"])
    try:
        time = datetime.fromisoformat(time).astimezone(UTC).replace(microsecond=0)
    except (TypeError, ValueError, OverflowError):
        time = None
    return Receipt(
        student if isinstance(student, str) and submission.STUDENT.fullmatch(student) else None,
        assignment if isinstance(assignment, str) and re.fullmatch(r"week\d\d", assignment) else None,
        time,
        tuple(digest for digest in (sha256 if isinstance(sha256, list) else [sha256]) if isinstance(digest, str)),
    )


def receipt_in(archive: zipfile.ZipFile) -> Receipt:
    """The receipt that `dlcourse.submit()` put into the zip."""
    for info in archive.infolist():
        if path_of(info) == "submission.json":
            try:
                return receipt_from(json.loads(read_entry(archive, info, LARGEST_RECEIPT)))
            except (Unreadable, *BROKEN):
                return Receipt()
    return Receipt()


def receipt_beside(path: Path, content: bytes) -> Receipt:
    """The receipt beside a notebook of a zip that somebody extracted; it must be for these very bytes."""
    beside, named = path.with_name("submission.json"), receipt_of_name(path.resolve().parent.name)
    if beside.is_symlink() or not beside.is_file() or beside.stat().st_size > LARGEST_RECEIPT:
        return named
    try:
        receipt = receipt_from(json.loads(beside.read_bytes()))
    except (ValueError, RecursionError):
        return named
    return either(receipt, named) if hashlib.sha256(content).hexdigest() in receipt.sha256 else named


def either(first: Receipt, second: Receipt) -> Receipt:
    return Receipt(
        first.student or second.student,
        first.assignment or second.assignment,
        first.time or second.time,
        first.sha256 or second.sha256,
    )


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


def plain(name: str) -> str:
    """A name without case, accents, spaces and punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if c.isalnum())


def whose(found: Found, roster: Roster) -> tuple[str, list[str]]:
    """The student whose work it is, and remarks; the LMS's word outranks the zip's. Unreadable when nobody's."""
    claimed, sender = found.receipt.student, found.sender
    known = roster.with_id(claimed) if claimed else None
    fitting = roster.fits(sender) if sender else set()
    if known in fitting:
        return known, []
    if len(fitting) == 1:
        return next(iter(fitting)), [f"the zip names {claimed}, {sender.lms} {sender.name}"] if claimed else []
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


def unaccented(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


def known_notebooks(classroom: Classroom) -> set[str]:
    """Places of the notebooks that the classroom has: {"week01/02_backpropagation", ...}."""
    return {f"{path.parent.name}/{path.stem}" for path in classroom.source.glob("week*/*.ipynb")}


def place(notebook: dict, found: Found, known: set[str]) -> str:
    """Which notebook of the course it is: by its setup cell, else by its name. Unreadable when by neither."""
    written = submission.notebook_id(notebook)
    if written and (written in known or not known):
        return written
    stem = COPY_OF.sub("", Path(found.name).stem)
    while match := SUFFIX.search(stem):
        stem = stem[: match.start()]
    named = [name for name in sorted(known) if name.partition("/")[2] == stem]
    if len(named) > 1 and found.receipt.assignment:
        named = [name for name in named if name.startswith(found.receipt.assignment)]
    if len(named) == 1:
        return named[0]
    what = f"its setup cell says {written}" if written else f"it has no setup cell and is called {shown(found.name)!r}"
    raise Unreadable(f"is no notebook of this classroom: {what}; expected one of {', '.join(sorted(known)) or 'none'}")


def readable(content: bytes) -> dict:
    """The notebook in a file's bytes; Unreadable when it is none that can be graded."""
    if not content.strip():
        raise Unreadable("is empty")
    if len(content) > submission.LARGEST:
        raise Unreadable(too_large(len(content)))
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("begins with a byte order mark; expected UTF-8 without one: save it again in Jupyter")
    try:
        text = content.decode("utf-8")
        notebook = json.loads(text, parse_constant=not_a_number)
        if re.search(r"\\u[dD][89a-fA-F]", text):
            json.dumps(notebook, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError:
        raise Unreadable("holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise Unreadable("is nested too deep for a notebook") from None
    except ValueError as error:
        raise Unreadable(f"is no JSON: {shown(str(error))}") from None
    refuse_malformed(notebook)
    return notebook


def not_a_number(constant: str) -> None:
    raise Unreadable(f"holds {constant}, which is no JSON")


def refuse_malformed(notebook: object) -> None:
    """Raise Unreadable for JSON that is no notebook of format 4."""
    if not isinstance(notebook, dict):
        raise Unreadable(f"is a JSON {type(notebook).__name__}; a notebook is an object")
    if type(notebook.get("nbformat")) is not int or notebook["nbformat"] != 4:
        raise Unreadable(f"has nbformat {shown(repr(notebook.get('nbformat')))}; expected 4: save it again in Jupyter")
    if type(notebook.get("nbformat_minor", 0)) is not int:
        raise Unreadable(f"has nbformat_minor {shown(repr(notebook['nbformat_minor']))}; expected a number")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not cells:
        raise Unreadable("has no cells")
    if len(cells) > CELLS:
        raise Unreadable(f"has {len(cells):,} cells; at most {CELLS:,} are read")
    if not isinstance(notebook.get("metadata", {}), dict):
        raise Unreadable("its metadata is no object")
    for number, cell in enumerate(cells, start=1):
        if not well_formed(cell):
            raise Unreadable(f"cell {number} is no cell of a notebook")
    level = [notebook]
    for _ in range(DEPTH):
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        level = [child for child in level if isinstance(child, dict | list)]
    if level:
        raise Unreadable("is nested too deep for a notebook")


def well_formed(cell: object) -> bool:
    """Whether it has a type, a text and, if any, metadata and outputs of the right kind."""
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source = cell.get("source")
    lines = isinstance(source, list) and all(isinstance(line, str) for line in source)
    outputs = cell.get("outputs", [])
    return (
        (isinstance(source, str) or lines)
        and isinstance(cell.get("metadata", {}), dict)
        and isinstance(outputs, list)
        and all(isinstance(output, dict) for output in outputs)
    )


# Filing


def file_attempt(found: Found, classroom: Classroom, roster: Roster, notebooks: set[str]) -> Entry:
    """Keep one notebook among the student's attempts. Unreadable when it cannot be filed."""
    if found.problem:
        raise Unreadable(found.problem)
    name = place(readable(found.content), found, notebooks)
    student, remarks = whose(found, roster)
    time = found.handed_in or found.receipt.time or found.modified
    if found.sender and not found.handed_in and not found.receipt.time:
        remarks.append("the LMS does not say when it was handed in; the time is that of the download")
    if found.sender and found.sender.late:
        remarks.append("Canvas marks it late")
    if found.receipt.sha256 and hashlib.sha256(found.content).hexdigest() not in found.receipt.sha256:
        remarks.append("changed after dlcourse.submit() wrote it")
    if time > datetime.now(UTC) + timedelta(days=1):
        remarks.append("its time lies in the future: the student's clock is wrong")
    assignment, _, notebook = name.partition("/")
    if not keep_attempt(classroom.attempts / student / assignment, notebook, found.content, time):
        remarks.append("collected before")
    return Entry(found.file, student, assignment, notebook, time, "; ".join(remarks))


def keep_attempt(folder: Path, notebook: str, content: bytes, time: datetime) -> bool:
    """Store the bytes under their time; False when they are there already."""
    stamp, number = time.strftime(submission.TIME), 1
    path = folder / stamp / f"{notebook}.ipynb"
    while path.exists():
        if path.read_bytes() == content:
            return False
        number += 1
        path = folder / f"{stamp}-{number:02d}" / f"{notebook}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


def hand_over(classroom: Classroom, student: str, assignment: str) -> None:
    """Bring submitted/ up to date: the newest attempt at each notebook, and the newest of their times."""
    folder = classroom.submitted / student / assignment
    attempts: dict[str, list[Path]] = {}
    for path in sorted((classroom.attempts / student / assignment).glob("*/*.ipynb")):
        attempts.setdefault(path.stem, []).append(path)
    times = []
    for notebook, paths in attempts.items():
        content = paths[-1].read_bytes()
        first = paths[-1]
        for path in reversed(paths):  # the same work once more, as in a second download, is no later work
            if path.read_bytes() != content:
                break
            first = path
        times.append(datetime.strptime(first.parent.name.partition("-")[0], submission.TIME).replace(tzinfo=UTC))
        target = folder / f"{notebook}.ipynb"
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    write_if_changed(folder / "timestamp.txt", max(times).strftime("%Y-%m-%d %H:%M:%S.%f %Z"))


def keep_aside(found: Found, problem: str, classroom: Classroom) -> None:
    """Copy what could not be filed into unreadable/, or a note on it when its bytes were not read."""
    content = found.content if found.content is not None else f"{found.file}: {problem}\n".encode()
    name = re.sub(r"[^A-Za-z0-9._ ()-]", "_", Path(found.name).name)[-100:].lstrip(". ") or "file"
    digest = hashlib.sha256(found.file.encode("utf-8", "replace") + b"\n" + content).hexdigest()[:8]
    path = classroom.root / "unreadable" / f"{digest}-{name}{'' if found.content is not None else '.note.txt'}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
