"""Attacks as submissions, each of which says what it must get; and what must hold on this machine after each.

An attack's file begins with lines of comment, then has cells in py:percent:

    # attack: what it does
    # verdict: processes | timed out     one of these, from the grader's closed list
    # marks: double_two=1 double_negative=2 noise_bounds=2
    # limits: cell=3 notebook=20 memory=600      (optional; seconds, MiB, processes)
    # isolation: warm | fresh                    (optional; each of these)
    # says: nothing reached                      (optional; the output of some cell holds this text)
    # never: root:                               (optional, repeatable; no output and no page holds this text)
    # %% exercise="double"           in the place of the answer to that exercise
    # %% after="double"              a cell of the student's behind that one; without attributes: at the end
    # %% edit="notebook"             run by the suite, not by the kernel: changes `notebook` before it is handed in
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import jupytext
import nbformat
import psutil
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import determine_grade, is_grade

from autograder.assignment import Assignment, read_submission
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.errors import CourseError, Rejected
from autograder.grade import VERDICTS
from autograder.marking import is_test, write_outcome
from autograder.reference import keep_reference, reference_job
from autograder.runner import run_job
from autograder.sample_class import Material, material, solve
from autograder.sandbox.limits import MIB, Limits

HERE = Path(__file__).parent
WEEK, NOTEBOOK = "week01", "01_doubling"
FULL = {"double_two": 1, "double_negative": 2, "noise_bounds": 2}
LIMITS = Limits(cell=5, notebook=30, memory=1024 * MIB, scratch=32 * MIB, output=4 * MIB)
IN_MIB = ("memory", "scratch", "output")
COLD = 15  # seconds more that a cell may take where TensorFlow is not imported yet
SETTLING = 1.0  # seconds after which nothing of an attack may be left
GROWTH = 128 * MIB  # by which the grader's memory may grow, at its highest, while it runs one attack
MARK = "attack-was-here"  # in the names of all files that attacks write
GROUPS = ("kernel", "host", "trust")  # folders
KINDS = ("attack", "verdict", "marks", "limits", "isolation", "says", "never")
PLACES = (
    "/",
    "/tmp",
    "/var/tmp",
    "/dev",
    "/dev/shm",
    "/run",
    "/run/lock",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/etc",
    "/opt",
)


@dataclass(frozen=True, repr=False)
class Attack:
    """One file."""

    path: Path
    about: str
    verdicts: list[str]
    marks: dict[str, float]
    limits: Limits = LIMITS
    isolations: list[str] = field(default_factory=lambda: ["warm"])
    says: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    cells: list[NotebookNode] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    def submission(self, given: Material) -> NotebookNode:
        """The right answers, with what the attack puts in their place or beside them."""
        notebook = solve(given)
        last = {}  # cell -> the last one that was put behind it
        for cell in self.cells:
            if exercise := cell.metadata.get("exercise"):
                notebook.cells[place_of(notebook, exercise, self.path)].source = cell.source
            elif "edit" in cell.metadata:
                exec(compile(cell.source, str(self.path), "exec"), {"notebook": notebook})  # our own file
            else:
                added = (new_markdown_cell if cell.cell_type == "markdown" else new_code_cell)(cell.source)
                before = cell.metadata.get("after")
                where = len(notebook.cells)
                if before:
                    where = notebook.cells.index(last[before]) + 1 if before in last else None
                    where = place_of(notebook, before, self.path) + 1 if where is None else where
                    last[before] = added
                notebook.cells.insert(where, added)
        return notebook


def place_of(notebook: NotebookNode, name: str, path: Path) -> int:
    names = [cell.metadata.get("nbgrader", {}).get("grade_id", cell.get("id")) for cell in notebook.cells]
    if name not in names:
        raise ValueError(f"{path}: no cell {name!r}; the notebook has {names}")
    return names.index(name)


def attacks(*groups: str) -> list[Attack]:
    """All attacks, or those of some groups."""
    return [read_attack(path) for group in groups or GROUPS for path in sorted((HERE / group).glob("*.py"))]


def read_attack(path: Path) -> Attack:
    """Raises ValueError when the file is not in the form."""
    head, mark, body = path.read_text(encoding="utf-8").partition("# %%")
    said: dict[str, list[str]] = {}
    for line in head.strip().splitlines():
        kind, colon, text = line.removeprefix("# ").partition(":")
        if not line.startswith("# ") or not colon or kind not in KINDS:
            raise ValueError(f"{path}: {line!r} in the header; expected '# kind: text' with a kind of {KINDS}")
        said.setdefault(kind, []).append(text.strip())
    missing = [kind for kind in KINDS[:3] if kind not in said]
    if missing or not mark:
        raise ValueError(f"{path}: {', '.join(missing) or 'a cell'} is missing")
    verdicts = listed(said["verdict"])
    if set(verdicts) - set(VERDICTS):
        raise ValueError(f"{path}: verdict {verdicts}; expected some of {list(VERDICTS)}")
    marks = numbers(said["marks"])
    if set(marks) != set(FULL):
        raise ValueError(f"{path}: marks of {sorted(marks)}; expected those of {sorted(FULL)}")
    changed = {n: int(v * MIB) if n in IN_MIB else v for n, v in numbers(said.get("limits", [])).items()}
    return Attack(
        path,
        " ".join(said["attack"]),
        verdicts,
        marks,
        replace(LIMITS, **changed),
        listed(said.get("isolation", ["warm"])),
        said.get("says", []),
        said.get("never", []),
        jupytext.reads(f"{mark}{body}", fmt="py:percent").cells,
    )


def listed(texts: list[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split("|")]


def numbers(texts: list[str]) -> dict[str, float]:
    pairs = [part.split("=") for text in texts for part in text.split()]
    return {name: float(value) if "." in value else int(value) for name, value in pairs}


@dataclass(frozen=True, repr=False)
class Ran:
    """What became of a submission."""

    result: dict
    marks: dict[str, float]
    notebook: NotebookNode  # with the outputs that the grader saves

    @property
    def verdict(self) -> str:
        return self.result["verdict"]

    @property
    def outputs(self) -> list[NotebookNode]:
        """What the student's cells put out, as saved."""
        cells = [cell for cell in self.notebook.cells if cell.cell_type == "code" and not is_test(cell)]
        return [output for cell in cells for output in cell.outputs]

    @property
    def said(self) -> str:
        """What they printed, the text of what they showed, and their errors without tracebacks: no source text."""
        return "\n".join(
            output.get("text")
            or output.get("data", {}).get("text/plain")
            or f"{output.get('ename')}: {output.get('evalue')}"
            for output in self.outputs
        )

    def holds(self, text: str) -> bool:
        """Whether a text is anywhere in the outputs, tracebacks included."""
        return any(text in piece for piece in texts(self.outputs))


def texts(value) -> Iterator[str]:
    """All texts in some JSON."""
    waiting = [value]  # no recursion: an attack chooses how deep it is
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part


def handed_in(submission: NotebookNode) -> NotebookNode:
    """The notebook as the grader reads it from the student's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{NOTEBOOK}.ipynb")
        path.write_text(json.dumps(submission))  # nbformat's own writer refuses what an attacker's does not
        return read_submission(path)


class Battlefield:
    """A classroom with a released notebook and its reference, in which submissions are run one by one."""

    def __init__(self, course: Course, classroom: Classroom):
        self.classroom = classroom
        self.assignment = Assignment(classroom, WEEK)
        self.given = material(course, classroom, course.select()[0])
        reference = reference_job(self.assignment, NOTEBOOK, "warm")
        keep_reference(self.assignment, NOTEBOOK, json.loads(run_job(reference.encoded())))

    def run(self, submission: NotebookNode, isolation: str = "warm", limits: Limits = LIMITS) -> Ran:
        if isolation == "fresh":
            limits = replace(limits, cell=limits.cell + COLD, notebook=limits.notebook + COLD)
        try:
            rebuilt = self.assignment.rebuilt(handed_in(submission), NOTEBOOK)
            job = replace(self.assignment.job(rebuilt, NOTEBOOK, "mallory", isolation), limits=limits)
        except CourseError as error:
            verdict = "rejected" if isinstance(error, Rejected) else "unreadable"
            return Ran(
                {"verdict": verdict, "reason": str(error), "seconds": 0.0}, dict.fromkeys(FULL, 0), new_notebook()
            )
        result = json.loads(run_job(job.encoded()))
        write_outcome(rebuilt, result, self.assignment.reference(NOTEBOOK))
        tests = [cell for cell in rebuilt.cells if is_grade(cell) and is_test(cell)]
        marks = {cell.metadata["nbgrader"]["grade_id"]: determine_grade(cell)[0] for cell in tests}
        kept = nbformat.v4.writes(rebuilt).encode("utf-8")  # as the grader does it: it must be possible
        return Ran(result, marks, nbformat.reads(kept.decode("utf-8"), as_version=4))

    def run_honest(self, isolation: str = "warm") -> Ran:
        return self.run(solve(self.given), isolation)

    def snapshot(self) -> dict[str, object]:
        """What may not be another after an attack, by what it is called in a failure."""
        return {
            "processes": sorted(filter(None, map(running, psutil.Process().children(recursive=True)))),
            "temporary files": sorted(map(str, Path(tempfile.gettempdir()).rglob("*"))),
            "files elsewhere": sorted(str(path) for place in places() for path in place.glob(f"*{MARK}*")),
            "classroom": fingerprints(self.classroom.root),
            "mounts": Path("/proc/self/mountinfo").read_text().splitlines(),
            "control groups": sorted(groups_of(os.getpid())),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "threads": len(os.listdir("/proc/self/task")),
            "limits": Path("/proc/self/limits").read_text(),
        }

    def left_behind(self, before: dict[str, object]) -> dict[str, tuple]:
        """What differs from an earlier snapshot, as (before, now), when all had time to settle."""
        deadline = time.monotonic() + SETTLING
        while True:
            now = self.snapshot()
            changed = {kind: difference(before[kind], now[kind]) for kind in now if now[kind] != before[kind]}
            if not changed or time.monotonic() > deadline:
                return changed
            time.sleep(0.05)


def running(process: psutil.Process) -> str | None:
    """What to call a process that has not ended; whether it sleeps at the moment makes no difference."""
    try:
        ended = process.status() == psutil.STATUS_ZOMBIE
        return None if ended else f"{process.pid} {process.name()} started {process.create_time()}"
    except psutil.NoSuchProcess:
        return None


def difference(before, now) -> tuple:
    """Both, without what they share."""
    if not isinstance(before, list):
        return before, now
    return [one for one in before if one not in now], [one for one in now if one not in before]


def places() -> list[Path]:
    """Folders of this machine that an attack writes to if it can."""
    more = [Path.home(), Path.cwd(), Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent]
    return [Path(place) for place in [*PLACES, *more]]


def fingerprints(root: Path) -> list[tuple[str, str]]:
    """Every file below with its content, links with their targets."""
    found = []
    for path in sorted(root.rglob("*")):
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found.append((str(path), hashlib.sha256(content).hexdigest()))
    return found


def groups_of(process: int) -> list[str]:
    """Control groups of this machine that were made for kernels of this process."""
    wanted = f"course-sandbox-{process}-"
    found = []
    for folder, children, _ in os.walk("/sys/fs/cgroup"):
        found += [f"{folder}/{child}" for child in children if child.startswith(wanted)]
    return found


class Memory:
    """Used as a context: `grown` is by how many bytes this process's memory was higher in it than before."""

    def __enter__(self) -> "Memory":
        Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
        self.before = self.now("VmRSS")
        return self

    def __exit__(self, *error) -> None:
        self.grown = self.now("VmHWM") - self.before

    @staticmethod
    def now(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
