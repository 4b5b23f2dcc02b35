"""A copy of the gradebook before each run that writes to it."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from autograder.classroom import Classroom
from autograder.errors import CourseError

KEPT = 20  # the newest copies


def back_up(classroom: Classroom) -> Path | None:
    """Copy the gradebook to backups/; None while there is no gradebook yet.

    Raises:
        CourseError: the database is not SQLite and cannot be dumped.
    """
    folder = classroom.root / "backups"
    name = f"gradebook-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    if classroom.db_url.startswith("sqlite:///"):
        gradebook = Path(classroom.db_url.removeprefix("sqlite:///"))
        if not gradebook.exists():
            return None
        folder.mkdir(exist_ok=True)
        copy = folder / f"{name}.db"
        with closing(sqlite3.connect(gradebook)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    else:
        folder.mkdir(exist_ok=True)
        copy = dump_postgresql(classroom.db_url, folder / f"{name}.sql")
    for old in sorted(folder.glob("gradebook-*"))[:-KEPT]:
        old.unlink()
    return copy


def dump_postgresql(url: str, target: Path) -> Path:
    if shutil.which("pg_dump") is None:
        raise CourseError(f"no backup of {url.split('@')[-1]}: pg_dump is missing; install PostgreSQL's client")
    done = subprocess.run(["pg_dump", f"--file={target}", url], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(f"no backup of {url.split('@')[-1]}: {done.stderr.strip().splitlines()[-1]}")
    return target
