"""Grade an assignment: rebuild, run in workers, decide here, and let nbgrader write the marks, by one writer."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from autograder.assignment import Assignment, read_submission
from autograder.backup import back_up
from autograder.classroom import Classroom
from autograder.errors import CourseError, Rejected
from autograder.jobs import Workers, dask_workers, local_workers
from autograder.journal import Journal, key_of, versions, write_whole
from autograder.lateness import apply_settings
from autograder.marking import GRADING_LIMITS
from autograder.reference import is_current, keep_reference, reference_job
from autograder.roster import enrolled
from autograder.runner import REASONS
from autograder.sandbox.limits import Limits
from autograder.sandbox.trial import require_sandbox
from autograder.watching import Watcher

VERDICTS = (*REASONS, "unreadable")  # how a submission can end


@dataclass(frozen=True)
class Outcome:
    """How one student's submission ended."""

    student: str
    verdict: str
    reason: str = ""
    points: float | None = None  # None when nothing was saved
    before: float | None = None  # the points of the last time, None when there was none
    seconds: float = 0.0
    cpu: float = 0.0  # seconds of its kernels
    repaired: dict[str, list[str]] = field(default_factory=dict)  # by notebook
    doubtful: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class GradeReport:
    """How all submissions ended."""

    outcomes: list[Outcome] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    weaker: bool = False  # asserts in the student's kernel decided

    @property
    def graded(self) -> dict[str, str]:
        """Student to verdict, of those that have marks now."""
        return {outcome.student: outcome.verdict for outcome in self.outcomes if outcome.points is not None}

    @property
    def changed(self) -> list[Outcome]:
        """Those who had other marks before."""
        return [o for o in self.outcomes if o.before is not None and o.points is not None and o.before != o.points]


def grade(
    classroom: Classroom,
    name: str,
    *,
    student: str | None = None,
    workers: int = 2,
    isolation: str = "warm",
    scheduler: str | None = None,
    limits: Limits = GRADING_LIMITS,
    watcher: Watcher | None = None,
) -> GradeReport:
    """Grade what was submitted and is not graded yet; `student` grades that one again in any case.

    Args:
        isolation: "warm", "fresh", or "none": student code then runs as you.
        scheduler: address of a Dask scheduler whose workers run the submissions, instead of this machine.

    Raises:
        CourseError: the assignment is not built in this classroom, nobody submitted, there is no such student, or
            the sandbox does not work on this machine.
    """
    assignment, watcher = Assignment(classroom, name, limits), watcher or Watcher()
    _ = assignment.notebooks  # an assignment that is not built stops here
    students = submitters(assignment, student)
    if isolation != "none" and scheduler is None:
        require_sandbox()
    back_up(classroom)
    if classroom.is_ours:
        apply_settings(classroom)
    report = GradeReport(weaker=not all(map(assignment.decides_by_check, assignment.notebooks)))
    with open_workers(workers, isolation, scheduler) as pool:
        make_references(assignment, pool, isolation, watcher)
        Grading(assignment, isolation, report, watcher).run(students, pool, again=student is not None)
    return report


def open_workers(count: int, isolation: str, scheduler: str | None) -> AbstractContextManager[Workers]:
    return dask_workers(scheduler, isolation) if scheduler else local_workers(count, isolation)


def submitters(assignment: Assignment, student: str | None) -> list[str]:
    """Enrolled students with a folder for the assignment, or the one asked for."""
    everyone = assignment.students()
    if student is not None and student not in everyone:
        raise CourseError(
            f"{student!r} has submitted nothing for {assignment.name} in {assignment.classroom.submitted}"
        )
    if not everyone:
        raise CourseError(f"nobody has submitted {assignment.name}: run `course collect PATH` first")
    listed = enrolled(assignment.classroom) if assignment.classroom.is_ours else None
    return [name for name in everyone if (listed is None or name in listed) and student in (None, name)]


def make_references(assignment: Assignment, pool: Workers, isolation: str, watcher: Watcher) -> None:
    """Run the reference solutions whose source, library or versions have changed."""
    own = [notebook for notebook in assignment.notebooks if assignment.decides_by_check(notebook)]
    stale = [notebook for notebook in own if not is_current(assignment, notebook)]
    jobs = [(notebook, reference_job(assignment, notebook, isolation).encoded()) for notebook in stale]
    for number, (notebook, result) in enumerate(pool.run(jobs), start=1):
        keep_reference(assignment, notebook, json.loads(result))
        watcher.step("reference", number, len(stale))


@dataclass
class Pending:
    """A student whose runs are not all done."""

    rebuilt: dict[str, NotebookNode] = field(default_factory=dict)  # by notebook
    keys: dict[str, str] = field(default_factory=dict)  # of their runs
    missing: set[str] = field(default_factory=set)  # keys of runs that are waited for
    refused: list[tuple[str, str]] = field(default_factory=list)  # verdict and reason of what cannot be graded


class Grading:
    """One run over a class: what waits for which runs, and what is saved."""

    def __init__(self, assignment: Assignment, isolation: str, report: GradeReport, watcher: Watcher):
        self.assignment, self.isolation, self.report, self.watcher = assignment, isolation, report, watcher
        self.journal = Journal(assignment.classroom.root / "runs" / assignment.name)
        self.ledger = Ledger(assignment)
        self.pending: dict[str, Pending] = {}
        self.wanted_by: dict[str, list[str]] = {}  # key of a run -> students

    def run(self, students: list[str], pool: Workers, *, again: bool) -> None:
        from autograder.saving import Saver

        due = [name for name in students if again or not self.ledger.is_graded(name)]
        self.report.unchanged = [name for name in students if name not in due]
        self.total = len(due)
        with Saver(self.assignment) as self.saver:
            for key, result in pool.run(self.jobs(due, again)):
                self.journal.write(key, result)
                for student in self.wanted_by.pop(key):
                    self.pending[student].missing.discard(key)
                    self.save_if_done(student)
            for name in self.report.unchanged:
                self.saver.assign_late_penalties(name)
        if not again:
            self.journal.keep_only(self.ledger.keys())

    def jobs(self, due: list[str], again: bool) -> Iterator[tuple[str, bytes]]:
        """The runs that these students wait for, each once; made when a worker is about to have room for them."""
        for student in due:
            jobs = self.prepare(student)
            missing = {key: job for key, job in jobs.items() if again or key not in self.journal}
            self.pending[student].missing = set(missing)
            self.save_if_done(student)
            self.tell_running()
            for key, job in missing.items():
                asked_before = key in self.wanted_by
                self.wanted_by.setdefault(key, []).append(student)
                if not asked_before:
                    yield key, job

    def prepare(self, student: str) -> dict[str, bytes]:
        """Rebuild a student's notebooks: the jobs that run them, by key."""
        pending, jobs = Pending(), {}
        self.pending[student] = pending
        for notebook in self.assignment.notebooks:
            path = self.assignment.submission(student, notebook)
            if not path.exists():
                continue
            try:
                rebuilt = self.assignment.rebuilt(read_submission(path), notebook)
                job = self.assignment.job(rebuilt, notebook, student, self.isolation)
            except CourseError as error:
                verdict = "rejected" if isinstance(error, Rejected) else "unreadable"
                kept = set_aside(self.assignment, student, path, verdict)
                pending.refused.append((verdict, f"{error}; moved to {kept}"))
                continue
            pending.rebuilt[notebook], pending.keys[notebook] = rebuilt, key_of(job)
            jobs[pending.keys[notebook]] = job.encoded()
        return jobs

    def save_if_done(self, student: str) -> None:
        pending = self.pending[student]
        if pending.missing:
            return
        del self.pending[student]
        self.report.problems += [reason for _, reason in pending.refused]
        outcome = self.save(student, pending) if pending.rebuilt else nothing_to_grade(student, pending)
        self.report.outcomes.append(outcome)
        self.watcher.result(outcome)
        self.watcher.step("graded", len(self.report.outcomes), self.total)
        self.tell_running()

    def tell_running(self) -> None:
        self.watcher.running(list(self.pending), self.total - len(self.report.outcomes) - len(self.pending))

    def save(self, student: str, pending: Pending) -> Outcome:
        results = {notebook: self.journal.read(key) for notebook, key in pending.keys.items()}
        worst = next((result for result in results.values() if result["verdict"] != "graded"), None)
        before = self.saver.points(student)
        points = self.saver.save(student, pending.rebuilt, results)
        self.ledger.note(student, pending.keys)
        notes = {name: notebook.metadata["dlcourse"] for name, notebook in pending.rebuilt.items()}
        return Outcome(
            student,
            worst["verdict"] if worst else "graded",
            worst["reason"] if worst else "",
            points,
            before,
            sum(result["seconds"] for result in results.values()),
            sum(result["cpu"] for result in results.values()),
            {name: found["repaired"] for name, found in notes.items() if found["repaired"]},
            {name: found["doubtful"] for name, found in notes.items() if found["doubtful"]},
            sorted({note for result in results.values() for note in result["notes"]}),
        )


def nothing_to_grade(student: str, pending: Pending) -> Outcome:
    """The outcome of a student none of whose notebooks can be graded."""
    nothing = [("unreadable", "no notebook of the assignment was handed in")]
    verdicts, reasons = zip(*(pending.refused or nothing), strict=True)
    return Outcome(student, verdicts[0], "; ".join(reasons))


def set_aside(assignment: Assignment, student: str, path: Path, why: str) -> Path:
    """Move what cannot be graded out of submitted/."""
    kept = assignment.classroom.root / why / student / assignment.name / path.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, kept)
    return kept


class Ledger:
    """What was graded of which submission, so that a second run grades only what changed."""

    def __init__(self, assignment: Assignment):
        self.assignment = assignment
        self.path = assignment.classroom.reference / assignment.name / "ledger.json"
        self.graded = json.loads(self.path.read_text()) if self.path.exists() else {}
        source = assignment.classroom.source / assignment.name
        parts = [source / f"{name}.ipynb" for name in assignment.notebooks]
        parts += [path for name in assignment.notebooks if (path := assignment.reference_path(name)).exists()]
        self.base = hashlib.sha256(versions().encode() + b"".join(path.read_bytes() for path in parts)).hexdigest()

    def fingerprint(self, student: str) -> str:
        digest = hashlib.sha256(self.base.encode())
        for path in sorted(self.assignment.folder(student).rglob("*")):
            if path.is_file() and not path.is_symlink():
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def is_graded(self, student: str) -> bool:
        return self.graded.get(student, {}).get("fingerprint") == self.fingerprint(student)

    def keys(self) -> set[str]:
        """Of the runs that marks of today rest on."""
        return {key for entry in self.graded.values() for key in entry["runs"].values()}

    def note(self, student: str, runs: dict[str, str]) -> None:
        self.graded[student] = {"fingerprint": self.fingerprint(student), "runs": runs}
        write_whole(self.path, json.dumps(self.graded, indent=1).encode())
