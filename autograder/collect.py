"""From what students handed in, in whatever form it arrives, to classroom/submitted.

Understood are the zips of `dlcourse.submit()`, bare notebooks, zips of either, folders, and the bulk downloads of
Canvas and Moodle. What the LMS says on who handed in, and when, outranks the student's zip. Every attempt is kept;
the newest of each notebook is handed over.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autograder.classroom import Classroom, write_if_changed
from autograder.errors import CourseError
from autograder.inbox import Found, find, original_stem
from autograder.readable import Unreadable, readable, shown
from autograder.senders import Roster, whose
from dlcourse import submission


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
    """What became of everything that was given."""

    collected: list[Entry] = field(default_factory=list)
    problems: list[Entry] = field(default_factory=list)


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
                assignment = found.receipt.assignment
                report.problems.append(Entry(found.file, student, assignment, None, found.time, str(problem)))
            else:
                report.collected.append(entry)
                touched.add((entry.student, entry.assignment))
    for student, assignment in sorted(touched):
        hand_over(classroom, student, assignment)
    return report


def file_attempt(found: Found, classroom: Classroom, roster: Roster, notebooks: set[str]) -> Entry:
    """Keep one notebook among the student's attempts. Unreadable when it cannot be filed."""
    if found.problem:
        raise Unreadable(found.problem)
    name = place(readable(found.content), found, notebooks)
    student, remarks = whose(found.sender, found.receipt.student, roster)
    if found.sender and not found.handed_in and not found.receipt.time:
        remarks.append("the LMS does not say when it was handed in; the time is that of the download")
    if found.sender and found.sender.late:
        remarks.append("Canvas marks it late")
    if found.receipt.sha256 and not found.receipt.is_for(found.content):
        remarks.append("changed after dlcourse.submit() wrote it")
    if found.time > datetime.now(UTC) + timedelta(days=1):
        remarks.append("its time lies in the future: the student's clock is wrong")
    assignment, _, notebook = name.partition("/")
    if not keep_attempt(classroom.attempts / student / assignment, notebook, found.content, found.time):
        remarks.append("collected before")
    return Entry(found.file, student, assignment, notebook, found.time, "; ".join(remarks))


def known_notebooks(classroom: Classroom) -> set[str]:
    """Places of the notebooks that the classroom has: {"week01/02_backpropagation", ...}."""
    return {f"{path.parent.name}/{path.stem}" for path in classroom.source.glob("week*/*.ipynb")}


def place(notebook: dict, found: Found, known: set[str]) -> str:
    """Which notebook of the course it is: by its setup cell, else by its name. Unreadable when by neither."""
    written = submission.notebook_id(notebook)
    if written and (written in known or not known):
        return written
    stem = original_stem(found.name)
    named = [name for name in sorted(known) if name.partition("/")[2] == stem]
    if len(named) > 1 and found.receipt.assignment:
        named = [name for name in named if name.startswith(found.receipt.assignment)]
    if len(named) == 1:
        return named[0]
    what = f"its setup cell says {written}" if written else f"it has no setup cell and is called {shown(found.name)!r}"
    raise Unreadable(f"is no notebook of this classroom: {what}; expected one of {', '.join(sorted(known)) or 'none'}")


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
