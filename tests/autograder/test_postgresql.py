"""PostgreSQL as gradebook, against a real server: the same marks as in SQLite, and backups that can be restored."""

import csv
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from autograder import backup, bank, grade
from autograder.build import build
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.report import write_report
from autograder.sample_class import Material, leave_blank, material, solve

USER = "course"
PASSWORD = secrets.token_hex(16)
SECONDS_TO_START = 60


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL server."""

    binaries: Path
    port: int

    def url(self, database: str, driver: str = "postgresql") -> str:
        return f"{driver}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def execute(self, *arguments: str, database: str = "postgres") -> None:
        """Run psql with the arguments and stop at its first error."""
        command = [self.binaries / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *arguments]
        subprocess.run([*command, self.url(database)], check=True, capture_output=True, text=True, timeout=60)

    def create(self, database: str) -> str:
        self.execute(f"--command=create database {database}")
        return self.url(database)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Debian's PostgreSQL on a free port of 127.0.0.1, its data in a temporary folder; it ends with the tests."""
    binaries = server_binaries()
    with tempfile.TemporaryDirectory(prefix="course-postgresql-") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        initialize = [binaries / "initdb", "--no-sync", "--no-locale", "--encoding=UTF8", f"--pgdata={folder}/data"]
        initialize += [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={folder}/password"]
        subprocess.run(unprivileged(initialize), cwd=folder, check=True, capture_output=True, text=True, timeout=120)
        port = free_port()
        start = [binaries / "postgres", "-D", folder / "data", "-k", folder, "-h", "127.0.0.1", "-p", str(port), "-F"]
        with (folder / "log").open("w") as log:
            running = subprocess.Popen(unprivileged(start), cwd=folder, stdout=log, stderr=log)
        try:
            wait_until_ready(running, binaries, port, folder / "log")
            yield Server(binaries, port)
        finally:
            running.send_signal(signal.SIGINT)  # a fast shutdown: it waits for no client
            running.wait(60)


def server_binaries() -> Path:
    """The folder of initdb, postgres and psql. The test fails without them: PostgreSQL is promised, so it is tried."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("postgres")
    if found is None:
        pytest.fail("PostgreSQL's server is missing: apt-get install postgresql (see apt.txt)")
    return Path(found).resolve().parent


def unprivileged(command: list) -> list[str]:
    """The command as postgres accepts it: never as root; and ended when this process dies."""
    account = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig=INT", *account, *map(str, command)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(running: subprocess.Popen, binaries: Path, port: int, log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    probe = [binaries / "pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}"]
    while subprocess.run(probe, check=False).returncode != 0:
        if running.poll() is not None or time.monotonic() > end:
            pytest.fail(f"PostgreSQL did not start: {log.read_text()}")
        time.sleep(0.1)


def hand_in(classroom: Classroom, student: str, notebook: nbformat.NotebookNode) -> None:
    folder = classroom.submitted / student / "week01"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "01_doubling.ipynb")
    (folder / "timestamp.txt").write_text("2026-09-29 22:00:00 UTC")


def hand_in_class(classroom: Classroom, given: Material) -> None:
    hand_in(classroom, "right", solve(given))
    hand_in(classroom, "blank", leave_blank(given))
    hand_in(classroom, "half", given.answered({"double": bank.answers(given.notebook)["double"][2].source}))


def marks(classroom: Classroom) -> dict[str, dict[str, float | None]]:
    """Student -> graded cell -> points of the autograder."""
    with classroom.gradebook() as gradebook:
        return {
            one.student.id: {mark.name: mark.auto_score for mark in one.grades}
            for one in gradebook.notebook_submissions("01_doubling", "week01")
        }


def exported(classroom: Classroom) -> list[dict[str, str]]:
    with write_report(classroom, ["week01"]).grades.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_class_is_graded_as_in_sqlite(server: Server, tiny_course: Course, tiny_classroom: Classroom, tmp_path: Path):
    classroom = Classroom.create(tmp_path / "postgresql", server.create("gradebook"))
    build(tiny_course, classroom)
    given = material(tiny_course, classroom, tiny_course.select()[0])
    for room in (classroom, tiny_classroom):
        hand_in_class(room, given)
        assert set(grade.grade(room, "week01").graded) == {"right", "blank", "half"}

    first = marks(classroom)
    assert first == marks(tiny_classroom)
    assert first["right"] == {"double_two": 1, "double_negative": 2, "noise_bounds": 2, "why": None}
    assert sum(score or 0 for score in first["half"].values()) == 1
    assert exported(classroom) == exported(tiny_classroom)

    again = grade.grade(Classroom.open(classroom.root), "week01")
    assert again.graded == {} and set(again.unchanged) == {"right", "blank", "half"}

    hand_in(classroom, "half", solve(given))
    assert set(grade.grade(classroom, "week01").graded) == {"half"}
    assert marks(classroom) == first | {"half": first["right"]}
    assert {row["id"]: row["total"] for row in exported(classroom)} == {"right": "5", "blank": "0", "half": "5"}

    newest = max((classroom.root / "backups").glob("gradebook-*.sql"))  # made before "half" was graded again
    server.create("restored")
    server.execute(f"--file={newest}", database="restored")
    assert marks(Classroom.create(tmp_path / "restored", server.url("restored"))) == first
    assert not (classroom.root / "gradebook.db").exists()


def test_a_backup_with_the_driver_in_the_address_keeps_the_password_off_the_command_line(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server.create("named_driver")
    server.execute("--command=create table kept (name text)", database="named_driver")
    commands = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **more: commands.append(command) or run(command, **more))
    copy = backup.back_up(Classroom.create(tmp_path / "classroom", server.url("named_driver", "postgresql+psycopg")))
    assert "CREATE TABLE public.kept" in copy.read_text()
    assert commands and not any(PASSWORD in str(word) for command in commands for word in command)
