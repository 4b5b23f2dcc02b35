"""A copy of the gradebook before each run that writes to it."""

import os
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


def dump_postgresql(address: str, target: Path) -> Path:
    """Write the database as SQL. The password goes through the environment: others may read a command line."""
    from sqlalchemy import URL, make_url

    given = make_url(address)
    where = address.split("@")[-1]
    if shutil.which("pg_dump") is None:
        raise CourseError(f"no backup of {where}: pg_dump is missing; install PostgreSQL's client")
    parts = {"username": given.username, "host": given.host, "port": given.port, "database": given.database}
    url = URL.create(given.get_backend_name(), **parts, query=given.query)  # pg_dump knows no SQLAlchemy drivers
    password = {"PGPASSWORD": str(given.password)} if given.password else {}
    done = subprocess.run(
        ["pg_dump", f"--file={target}", str(url)],
        env=os.environ | password,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CourseError(f"no backup of {where}: {done.stderr.strip().splitlines()[-1]}")
    return target
