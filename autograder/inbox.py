"""Finding what was handed in: files in folders, in zips, and in zips in those, each with what is known of it.

Nothing is ever extracted, and no link is followed: files and entries are read into memory, with a bound.
"""

import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from autograder.archives import content_of, open_zip, path_of, read_entry, refuse_bomb, refuse_dangerous, time_of
from autograder.readable import Unreadable, shown, too_large
from autograder.receipts import Receipt, either, receipt_beside, receipt_in, receipt_of_name
from autograder.senders import Sender, sender_of
from dlcourse import submission

LARGEST_ZIP = 100_000_000  # bytes of a zip inside a zip, and of what is read of one student's zip, notebooks first
STAMPED = timedelta(minutes=10)  # LMS entries closer together than this bear the time of the download
NEITHER = "is neither a notebook (.ipynb) nor a zip"
PROGRAMS_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", ".git"}
PROGRAMS_FILES = {"submission.json", "timestamp.txt", ".ds_store", "thumbs.db", "desktop.ini"}
# What browsers, Canvas, Jupyter and Colab add to the name of a copy.
COPY_OF = re.compile(r"^(?:Copy of )+")
SUFFIX = re.compile(r"(?:[ _]?\((\d+)\)|-Copy(\d*)|-(\d{1,3})|-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")


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

    @property
    def time(self) -> datetime | None:
        """When it was handed in, as far as anything says."""
        return self.handed_in or self.receipt.time or self.modified


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
            yield replace(found, content=path.read_bytes(), problem=NEITHER)
    except OSError as error:
        yield replace(found, problem=f"cannot be read: {error.strerror}")


@dataclass
class Allowance:
    """How many bytes of one student's zip, and of the zips in it, are still read."""

    left: int = LARGEST_ZIP

    def covers(self, size: int, most: int) -> bool:
        """Whether an entry of that size is read; what is larger than `most` is refused anyway, and costs nothing."""
        self.left -= size if size <= most else 0
        return self.left >= 0


def find_in_zip(
    stream: BinaryIO, size: int, whole: Found, nested: bool, allowance: Allowance | None = None
) -> Iterator[Found]:
    """What a zip holds. Names in a student's own zip say nothing about who the student is."""
    try:
        archive = open_zip(stream)
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
    stamped = bears_time_of_download([info for info in entries if senders.get(id(info), (None,))[0]])
    allowance = allowance or (Allowance() if own else None)
    for info in sorted(entries, key=lambda info: (kind(path_of(info)) != "notebook", copy_order(path_of(info)))):
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
        if allowance and not allowance.covers(info.file_size, most_of(name)):
            yield replace(found, problem=f"is left out: of one student's zip at most {LARGEST_ZIP:,} bytes are read")
        else:
            yield from find_in_entry(archive, info, found, nested, allowance)


def find_in_entry(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, found: Found, nested: bool, allowance: Allowance | None
) -> Iterator[Found]:
    """What one entry of a zip holds: a notebook, or a zip when it is not in one already."""
    is_zip = kind(found.name) == "zip"
    try:
        refuse_dangerous(info)
        if is_zip and nested:
            raise Unreadable("is a zip in a zip in a zip; expected notebooks in it")
        content = read_entry(archive, info, most_of(found.name))
    except Unreadable as problem:
        yield replace(found, problem=str(problem))
    else:
        if is_zip:
            yield from find_in_zip(io.BytesIO(content), len(content), found, nested=True, allowance=allowance)
        elif kind(found.name) == "notebook":
            yield replace(found, content=content)
        else:
            yield replace(found, content=content, problem=NEITHER)


def most_of(name: str) -> int:
    """How many bytes of a file of that name are read in a zip; of a larger one none."""
    return LARGEST_ZIP if kind(name) == "zip" else submission.LARGEST


def bears_time_of_download(entries: list[zipfile.ZipInfo]) -> bool:
    """Whether an LMS stamped its entries while it made the zip, as today's Canvas and Moodle do."""
    times = [time for info in entries if (time := time_of(info))]
    return len(times) > 1 and max(times) - min(times) < STAMPED


def kind(name: str) -> str:
    """What a file of that name is to be read as: "notebook", "zip" or, when neither, ""."""
    return {".ipynb": "notebook", ".zip": "zip"}.get(Path(name).suffix.lower(), "")


def left_behind(path: str) -> bool:
    """Whether a system or a program wrote the file by itself: it is nobody's work."""
    *folders, name = path.split("/")
    return bool(PROGRAMS_FOLDERS & {*folders, name}) or name.startswith("._") or name.lower() in PROGRAMS_FILES


def copy_order(name: str) -> tuple[int, str]:
    """Sorts the copies that browsers and Canvas number behind their originals."""
    stem, number = Path(name).stem, 0
    if match := SUFFIX.search(stem):
        number = int(next((digits for digits in match.groups() if digits), "1"))
    return number, name


def original_stem(name: str) -> str:
    """A file's name without its ending and without what copying it added."""
    stem = COPY_OF.sub("", Path(name).stem)
    while match := SUFFIX.search(stem):
        stem = stem[: match.start()]
    return stem
