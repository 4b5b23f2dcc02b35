"""The same class over other executors: a Dask cluster whose worker is killed, and workers that submissions kill."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
import psutil
import pytest

from autograder import bank, grade, jobs
from autograder.bench import dask_cluster
from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.sample_class import leave_blank, material, solve
from autograder.watching import Watcher

COURSE = str(Path(sys.executable).parent / "course")


def hand_in(classroom: Classroom, student: str, notebook) -> None:
    path = classroom.submitted / student / "week01" / "01_doubling.ipynb"
    path.parent.mkdir(parents=True)
    notebook.cells.append(nbformat.v4.new_code_cell(f"student = {student!r}"))  # no two runs are the same
    path.write_text(nbformat.writes(notebook))


def totals(classroom: Classroom) -> dict[str, float]:
    with classroom.gradebook() as gradebook:
        return {one.student.id: one.score for one in gradebook.assignment_submissions("week01")}


@pytest.fixture
def room(tiny_course, tiny_classroom) -> Classroom:
    """Right, blank and half right submissions, so many that a worker can be killed among them."""
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    half = {"double": bank.answers(given.notebook)["double"][2].source}
    for number in range(8):
        hand_in(tiny_classroom, f"right{number}", solve(given))
        hand_in(tiny_classroom, f"half{number}", given.answered(half))
    hand_in(tiny_classroom, "blank", leave_blank(given))
    return tiny_classroom


EXPECTED = {f"right{n}": 5.0 for n in range(8)} | {f"half{n}": 1.0 for n in range(8)} | {"blank": 0.0}


class KillAfter(Watcher):
    """Kills a Dask worker when some results are there."""

    def __init__(self, results: int):
        self.left = results
        self.killed = None

    def result(self, outcome: grade.Outcome) -> None:
        self.left -= 1
        if self.left == 0:
            workers = [p for p in psutil.process_iter(["cmdline"]) if is_dask_worker(p)]
            self.killed = workers[0]
            self.killed.kill()


def is_dask_worker(process: psutil.Process) -> bool:
    """The process that runs tasks: a child of the nanny that `dask worker` starts."""
    parent = process.parent()
    return (
        parent is not None
        and parent.cmdline()[1:3] == [str(Path(sys.executable).parent / "dask"), "worker"]
        and ("spawn_main" in " ".join(process.cmdline()))
    )


@pytest.mark.slow
def test_dask_cluster_gives_the_same_marks_though_a_worker_is_killed(room, tmp_path):
    with dask_cluster(tmp_path) as address:
        watcher = KillAfter(5)
        report = grade.grade(room, "week01", scheduler=address, watcher=watcher)
    assert watcher.killed is not None and not watcher.killed.is_running()
    assert totals(room) == EXPECTED
    assert set(report.graded.values()) == {"graded"} and not report.problems


def test_scheduler_that_is_not_there_is_named(room):
    with pytest.raises(CourseError, match="no Dask scheduler answers at 'tcp://127.0.0.1:1'"):
        grade.grade(room, "week01", scheduler="tcp://127.0.0.1:1")


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def obey(text: bytes) -> bytes:
    """Stands for `run_job` in a worker: some jobs kill the process that runs them."""
    order = json.loads(text)
    if order.get("kill") == "always":
        os._exit(1)
    if order.get("kill") == "once" and not Path(order["mark"]).exists():
        Path(order["mark"]).touch()
        os._exit(1)
    time.sleep(order.get("seconds", 0))
    return text


def test_job_that_kills_its_workers_gets_its_verdict_and_stops_nobody(monkeypatch, tmp_path):
    monkeypatch.setattr(jobs, "run_job", obey)
    orders = {f"honest{n}": {"seconds": 0.05} for n in range(12)}
    orders["killer"] = {"kill": "always"}
    orders["unlucky"] = {"kill": "once", "mark": str(tmp_path / "mark")}
    listed = sorted(orders.items(), key=lambda item: item[0][-1])
    workers = jobs.Workers(pool, 2)
    results = dict(workers.run((key, json.dumps(order).encode()) for key, order in listed))
    workers.executor.shutdown()
    assert results.keys() == orders.keys()
    assert json.loads(results.pop("killer"))["verdict"] == "rejected"
    assert {key: json.loads(result) for key, result in results.items()} == {
        k: o for k, o in orders.items() if k != "killer"
    }


def test_workers_hold_few_jobs_at_a_time(monkeypatch):
    monkeypatch.setattr(jobs, "run_job", obey)
    made = 0

    def listed():
        nonlocal made
        for number in range(20):
            made += 1
            yield str(number), b"{}"

    workers = jobs.Workers(pool, 2)
    for done, _ in enumerate(workers.run(listed()), start=1):
        assert made <= done + 4
    workers.executor.shutdown()
    assert made == 20


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 3, 9])
def test_killed_grading_ends_as_an_undisturbed_one(room, after):
    command = [COURSE, "grade", "week01", "--classroom", str(room.root), "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(after):
        assert running.stdout.readline()
    family = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.wait()
    assert psutil.wait_procs(family, timeout=15)[1] == []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) <= len(EXPECTED) - max(0, after - 1)
    assert totals(room) == EXPECTED
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout == ""
