"""`make bench`: what each notebook takes, and what grading a class takes here, in nbgrader and in otter-grader.

Writes a table and build/bench.json. Claims about time are judged here, alone on the machine, and nowhere else.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from rich.table import Table

from autograder import bench_others, run
from autograder.build import build, solved_notebook
from autograder.classroom import Classroom
from autograder.command_line import console, silence_nbgrader
from autograder.course import Course
from autograder.sample_class import material, solve
from autograder.watching import Steps
from dlcourse import syllabus

NOTEBOOK_SECONDS = 60
CLASS = 24
GROWTH = {"nbgrader": [12, 48], "warm": [12, 48, 192]}
ISOLATIONS = ["warm", "fresh", "none"]
HEAVY = "week06_distributed/03_asynchronous.py"
LIGHT = "week01_light/01_light.py"
LOOK = 0.5  # seconds between two looks at the memory in use


def bench_notebooks(course: Course, steps: Steps) -> list[dict]:
    """Seconds of each notebook, whole and without its demo cells, and its claims about time."""
    rows = []
    notebooks = course.select()
    for number, notebook in enumerate(notebooks, start=1):
        whole = run.run(notebook, course)
        graded = run.run(notebook, course, with_demo=False)
        timing = {c["topic"]: c["holds"] for c in whole.claims if c["timing"]}
        rows.append(
            {
                "notebook": notebook.id,
                "seconds": round(whole.seconds, 1),
                "seconds_without_demo": round(graded.seconds, 1),
                "timing_claims_as_expected": {t: holds == syllabus.topic(t).holds for t, holds in timing.items()},
            }
        )
        steps.show("notebooks", number, len(notebooks))
    return rows


@dataclass
class BenchClass:
    """One notebook, and right submissions to it that differ in a cell, so that no run serves two."""

    course: Course
    notebook: NotebookNode  # solved
    answered: NotebookNode
    assignment: str
    name: str

    @classmethod
    def of(cls, source: Path, folder: Path, root: Path) -> "BenchClass":
        """A checkout with that one notebook in `folder`."""
        (folder / "solutions" / source.parent.name).mkdir(parents=True)
        for path in (source, source.with_name(f"{source.stem}.answers.py")):
            shutil.copy(path, folder / "solutions" / source.parent.name)
        (folder / "lib").mkdir()
        (folder / "lib" / "dlcourse").symlink_to(root / "lib" / "dlcourse")
        shutil.copy(root / "pyproject.toml", folder)
        course = Course(folder)
        (notebook,) = course.select()
        classroom = Classroom.create(folder / "first")
        build(course, classroom)
        answered = solve(material(course, classroom, notebook))
        return cls(course, solved_notebook(notebook, course), answered, notebook.assignment, notebook.name)

    def submissions(self, count: int) -> dict[str, NotebookNode]:
        """Student -> notebook; the first is there to make references with, before any clock runs."""
        made = {}
        for number in range(count):
            copy = nbformat.reads(nbformat.writes(self.answered), as_version=4)
            copy.cells.append(new_code_cell(f"student = {number}", id=f"student-{number}"))
            made[f"student{number:03d}"] = copy
        return made

    def classroom(self, folder: Path, count: int) -> Classroom:
        """A classroom with `count` submissions; the reference is made, from one that is taken away again."""
        classroom = Classroom.create(folder)
        build(self.course, classroom)
        self.hand_in(classroom, {"reference": self.answered})
        course_grade(classroom.root, self.assignment)
        shutil.rmtree(classroom.submitted / "reference")
        self.hand_in(classroom, self.submissions(count))
        return classroom

    def hand_in(self, classroom: Classroom, submissions: dict[str, NotebookNode]) -> None:
        for student, submission in submissions.items():
            path = classroom.submitted / student / self.assignment / f"{self.name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(submission, path)


@dataclass
class Measured:
    """One run of `course grade`: seconds, the kernels' seconds of processor time, most MB in use at once."""

    seconds: float
    cpu: float
    peak_mb: float


def course_grade(root: Path, assignment: str, *options: str, count: int | None = None) -> Measured:
    """Time `course grade` as its user runs it. `count`: how many submissions must end as graded."""
    command = [Path(sys.executable).parent / "course", "grade", assignment, "--json", "--classroom", root, *options]
    started = time.monotonic()
    running = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with memory_watch(running) as peak:
        output, errors = running.communicate()
    seconds = time.monotonic() - started
    results = [json.loads(line) for line in output.splitlines()]
    if running.returncode or (count is not None and [r["verdict"] for r in results] != ["graded"] * count):
        raise RuntimeError(f"course grade failed in {root}: {errors.strip()[-500:]}")
    return Measured(seconds, sum(result["cpu"] for result in results), peak[0])


@contextmanager
def memory_watch(process: psutil.Process) -> Iterator[list[float]]:
    """The most memory, in MB, that a process and its children use at once; shared pages count once."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(LOOK):
            peak[0] = max(peak[0], sum(proportional_mb(one) for one in family(process)))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def proportional_mb(process: psutil.Process) -> float:
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """A scheduler and workers on this machine; its address."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    dask = str(Path(sys.executable).parent / "dask")
    commands = [[dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    commands += [[dask, "worker", address, "--nthreads", "1", "--no-dashboard"]] * workers
    running = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        from distributed import Client

        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=30)


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def bench_graders(course: Course, folder: Path, note: Callable[[str], None]) -> dict:
    """Every grader over the same classes; see the issue tracker's "How fast" for what is to be reached."""
    result: dict = {"cores": os.cpu_count(), "peak_mb": {}, "dask": {}}
    sources = {"light": Path(__file__).parent / "bench_course" / LIGHT, "heavy": course.solutions / HEAVY}
    classes = {kind: BenchClass.of(source, folder / kind / "course", course.root) for kind, source in sources.items()}
    for kind, bench in classes.items():
        result[kind] = bench_class(bench, folder / kind, kind, result["peak_mb"], note)
        root = bench.classroom(folder / kind / "dask", CLASS).root
        with dask_cluster(folder) as address:
            note(f"{kind}: dask")
            result["dask"][kind] = course_grade(root, bench.assignment, "--scheduler", address, count=CLASS).seconds
    result["growth"] = bench_growth(classes["light"], folder / "growth", result["peak_mb"], note)
    return result | {"ratios": ratios(result)}


def bench_class(bench: BenchClass, folder: Path, kind: str, peak_mb: dict, note: Callable[[str], None]) -> dict:
    """Seconds of each grader for a class of CLASS, and the kernels' own compute."""
    seconds = {}
    note(f"{kind}: nbgrader")
    root = bench_others.nbgrader_course(folder / "nbgrader", bench.notebook, bench.submissions(CLASS))
    seconds["nbgrader"] = bench_others.time_nbgrader(root, bench.assignment)
    note(f"{kind}: otter")
    root = bench_others.otter_course(folder / "otter", bench.notebook, bench.submissions(CLASS))
    seconds["otter"] = bench_others.time_otter(root)
    for isolation in ISOLATIONS:
        note(f"{kind}: course grade, {isolation}")
        root = bench.classroom(folder / isolation, CLASS).root
        measured = course_grade(root, bench.assignment, "--isolation", isolation, count=CLASS)
        seconds[isolation] = measured.seconds
        peak_mb[f"{kind} {isolation}"] = round(measured.peak_mb)
        if isolation == "warm":
            seconds["kernel_compute"] = measured.cpu
    return seconds


def bench_growth(bench: BenchClass, folder: Path, peak_mb: dict, note: Callable[[str], None]) -> dict:
    """Seconds by the size of the class."""
    growth: dict[str, dict[str, float]] = {"nbgrader": {}, "warm": {}}
    for count in GROWTH["nbgrader"]:
        note(f"growth: nbgrader, {count}")
        root = bench_others.nbgrader_course(folder / f"n{count}", bench.notebook, bench.submissions(count))
        growth["nbgrader"][str(count)] = bench_others.time_nbgrader(root, bench.assignment)
    for count in GROWTH["warm"]:
        note(f"growth: warm, {count}")
        root = bench.classroom(folder / f"w{count}", count).root
        measured = course_grade(root, bench.assignment, count=count)
        growth["warm"][str(count)] = measured.seconds
        peak_mb[f"light warm, {count} submissions"] = round(measured.peak_mb)
    return growth


def ratios(result: dict) -> dict[str, float]:
    """The figures that are judged."""
    growth, cores = result["growth"], result["cores"]
    one_more = {
        "nbgrader": (growth["nbgrader"]["48"] - growth["nbgrader"]["12"]) / 36,
        "warm": (growth["warm"]["192"] - growth["warm"]["48"]) / 144,
    }
    found = {
        "light: nbgrader / warm, one more submission": one_more["nbgrader"] / one_more["warm"],
        "seconds of one more light submission": one_more["warm"],
    }
    for kind in ("light", "heavy"):
        seconds = result[kind]
        for other in ("nbgrader", "otter", "fresh", "none"):
            found[f"{kind}: {other} / warm"] = seconds[other] / seconds["warm"]
        found[f"{kind}: warm / kernels' compute per core"] = seconds["warm"] / (seconds["kernel_compute"] / cores)
        found[f"{kind}: seconds added a submission"] = (seconds["warm"] - seconds["kernel_compute"] / cores) / CLASS
        found[f"{kind}: dask / warm"] = result["dask"][kind] / seconds["warm"]
    return found


def rounded(value):
    """The figures to a hundredth."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    return round(value, 2) if isinstance(value, float) else value


def show_notebooks(rows: list[dict]) -> None:
    table = Table("notebook", "seconds", "without demo cells", "claims about time")
    for row in rows:
        claims = ", ".join(
            f"{t}: {'as expected' if ok else 'NOT as expected'}" for t, ok in row["timing_claims_as_expected"].items()
        )
        over = " (over budget)" if row["seconds"] > NOTEBOOK_SECONDS else ""
        table.add_row(row["notebook"], f"{row['seconds']:.1f}{over}", f"{row['seconds_without_demo']:.1f}", claims)
    console.print(table)


def show_graders(graders: dict) -> None:
    names = ["nbgrader", "otter", *ISOLATIONS, "kernel_compute"]
    table = Table(f"seconds for {CLASS} submissions", *names, "dask")
    for kind in ("light", "heavy"):
        table.add_row(kind, *(f"{graders[kind][name]:.1f}" for name in names), f"{graders['dask'][kind]:.1f}")
    console.print(table)
    for name, ratio in graders["ratios"].items():
        console.print(f"  {name}: {ratio:.2f}")
    console.print(f"  most MB in use: {graders['peak_mb']}")


def main() -> None:
    silence_nbgrader()
    course = Course.find()
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        graders = rounded(bench_graders(course, Path(folder), lambda step: console.print(f"  {step}")))
    with Steps(console) as steps:
        notebooks = bench_notebooks(course, steps)
    machine = {"python": platform.python_version(), "system": platform.platform()}
    target = course.build / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"machine": machine, "notebooks": notebooks} | graders, indent=1) + "\n")
    show_notebooks(notebooks)
    show_graders(graders)
    console.print(f"wrote {target}")


if __name__ == "__main__":
    main()
