"""Reading zips that anybody may have made: with bounds, without extracting, and no entry that is a trap.

What is wrong with a zip or with an entry becomes `Unreadable` with the reason, whatever `zipfile` raises.
"""

import re
import stat
import struct
import zipfile
import zlib
from datetime import UTC, datetime
from typing import BinaryIO

from autograder.readable import Unreadable, shown, too_large
from dlcourse import submission

LARGEST_DIRECTORY = 4_000_000  # bytes of a zip's table of contents: Python reads it whole
ENTRIES = 10_000  # files in a zip
RATIO = 200  # a notebook shrinks to a fifth or a tenth; what shrinks more than this, and is large, is a bomb
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, OSError, ValueError)


def open_zip(stream: BinaryIO) -> zipfile.ZipFile:
    """The zip, when its table of contents can be read and promises no more than can be handed in."""
    try:
        end = zipfile._EndRecData(stream)
        if end is not None and end[zipfile._ECD_SIZE] > LARGEST_DIRECTORY:
            raise Unreadable(f"holds too many files; at most {ENTRIES:,} are read")
        archive = zipfile.ZipFile(stream)
    except BROKEN as error:
        raise Unreadable(f"is no zip that can be read: {shown(str(error))}") from None
    if len(archive.infolist()) > ENTRIES:
        raise Unreadable(f"holds {len(archive.infolist()):,} files; at most {ENTRIES:,} are read")
    return archive


def read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The entry's bytes; Unreadable when they are broken, or are or say they are more than `most`."""
    if info.file_size > most:
        raise Unreadable(too_large(info.file_size))
    try:
        with archive.open(info) as stream:
            content = stream.read(most + 1)
    except BROKEN as error:
        raise Unreadable(f"cannot be read from the zip: {shown(str(error))}") from None
    if len(content) > most:
        raise Unreadable(too_large(len(content)))
    return content


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


def refuse_bomb(size: int, promised: int) -> None:
    """Raise Unreadable when so few bytes promise to become so many that it can be no honest work."""
    if promised > max(RATIO * size, submission.LARGEST):
        raise Unreadable(f"is a zip bomb: {size:,} bytes that would become {promised:,}")


def path_of(info: zipfile.ZipInfo) -> str:
    """The entry's name with slashes, also when Windows wrote it."""
    return info.filename.replace("\\", "/")


def time_of(info: zipfile.ZipInfo) -> datetime | None:
    """The entry's time, which zips hold as local time; None for the zero of that clock."""
    try:
        time = datetime(*info.date_time).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if info.date_time[0] > 1980 else None


def content_of(stream: BinaryIO, size: int) -> bytes | None:
    """All bytes of a file that is kept aside; None when they are too many."""
    if size > submission.LARGEST:
        return None
    stream.seek(0)
    return stream.read(submission.LARGEST)
