"""What a student's zip says about itself: in the submission.json that `dlcourse.submit()` writes, or in its name.

These are claims: they are of the right form, but whether they hold is decided elsewhere.
"""

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.archives import path_of, read_entry, refuse_dangerous
from autograder.readable import Unreadable
from dlcourse import submission

NAME = "submission.json"
LARGEST = 100_000  # bytes of a receipt
OURS = re.compile(r"(?P<assignment>week\d\d)__(?P<student>.+)__(?P<time>\d{8}T\d{6}Z)")


@dataclass(frozen=True)
class Receipt:
    """Who, what and when, each None where nothing of the right form is claimed; and digests of the notebooks."""

    student: str | None = None
    assignment: str | None = None
    time: datetime | None = None
    sha256: tuple[str, ...] = ()

    def is_for(self, content: bytes) -> bool:
        """Whether these very bytes are among those it was written for."""
        return hashlib.sha256(content).hexdigest() in self.sha256


def receipt_in(archive: zipfile.ZipFile) -> Receipt:
    """The receipt that `dlcourse.submit()` put into the zip."""
    for info in archive.infolist():
        if path_of(info) == NAME:
            try:
                refuse_dangerous(info)
                return receipt_from_json(read_entry(archive, info, LARGEST))
            except Unreadable:
                return Receipt()
    return Receipt()


def receipt_beside(path: Path, content: bytes) -> Receipt:
    """The receipt beside a notebook of a zip that somebody extracted; it must be for these very bytes."""
    beside, named = path.with_name(NAME), receipt_of_name(path.resolve().parent.name)
    if beside.is_symlink() or not beside.is_file() or beside.stat().st_size > LARGEST:
        return named
    receipt = receipt_from_json(beside.read_bytes())
    return either(receipt, named) if receipt.is_for(content) else named


def receipt_of_name(name: str) -> Receipt:
    """What the name of one of our zips says."""
    match = OURS.match(name)
    return receipt_from(match.groupdict()) if match else Receipt()


def receipt_from_json(content: bytes) -> Receipt:
    """The receipt in a file's bytes; without any claim when they are no JSON."""
    try:
        return receipt_from(json.loads(content))
    except (ValueError, RecursionError):
        return Receipt()


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


def either(first: Receipt, second: Receipt) -> Receipt:
    """What the first claims and, where it claims nothing, the second."""
    return Receipt(
        first.student or second.student,
        first.assignment or second.assignment,
        first.time or second.time,
        first.sha256 or second.sha256,
    )
