"""Run one submission: bytes in, JSON out. This is what a worker does; it needs neither the course nor the gradebook."""

import ast
import base64
import json
import re
import secrets
import time
from dataclasses import asdict, dataclass, field

from autograder.kernels import Kernel, KernelLost, Reply, not_run, shown_outputs, text_of_error
from autograder.sandbox.limits import Limits
from autograder.sandbox.parent import LauncherGone, NotForkSafe

MIME = "application/vnd.dlcourse.check+json"  # what checks send their values as (dlcourse.checking)
STUDENT, CHECK, ASSERTS = "student", "check", "asserts"  # what a cell is
RESTARTS = 2
SEND_CHECKS = "__import__('dlcourse.session').session.send_checks({seed})"
EQUALITY = re.compile(
    r"assert_?(array_)?(almost_)?equal|assert_?allclose|assert_array_less|assert(List|Dict|Tuple|Set)Equal", re.I
)
CLOSE = {"allclose", "isclose", "array_equal"}

# Verdicts by what a failed cell says; a student who pretends changes nothing but the word.
TELLING_ERRORS = {
    "memory": r"MemoryError|ResourceExhaustedError|.*Unable to allocate",
    "disk": r"OSError: \[Errno (28|27|122)\]",
    "processes": r"BlockingIOError: \[Errno 11\]|RuntimeError: can't start new thread",
}
REASONS = {
    "graded": "every cell ran",
    "timed out": "a cell or the notebook ran longer than it may",
    "memory": "it used more memory than a submission may",
    "processes": "it started more processes than a submission may",
    "disk": "it wrote more than a submission may",
    "output": "it printed or showed more than a submission may",
    "kernel died": "its kernel died",
    "rejected": "its kernel sent what no kernel sends",
}
TIME_UP, TOO_OFTEN, DIED = "the notebook's time was up", "the kernel died too often", "the kernel died"
STOPS = [TIME_UP, TOO_OFTEN, DIED, "the cell did not run"]  # what is said of a cell beside these reasons


@dataclass(frozen=True)
class Job:
    """All that a worker needs to run one notebook.

    Attributes:
        cells: {"id", "source", "kind"} in the order they run in; check cells as the student saw them.
        checks: {"id", "source", "exercise"} of the full check cells, which run after all others and send their values.
        seed: of the inputs of these checks.
        files: {relative path: base64} that lie beside the notebook.
    """

    notebook: str
    cells: list[dict]
    checks: list[dict]
    seed: int
    files: dict[str, str] = field(default_factory=dict)
    isolation: str = "warm"
    limits: Limits = Limits()

    def encoded(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def decoded(cls, text: bytes) -> "Job":
        content = json.loads(text)
        return cls(**content | {"limits": Limits(**content["limits"])})


def run_job(text: bytes) -> bytes:
    """Run an encoded job; the result as JSON: verdict, reason, seconds, cpu, peak, cells, checks, notes."""
    return json.dumps(SubmissionRun(Job.decoded(text)).run()).encode()


class SubmissionRun:
    """State of one run: the kernel, what has run in it, and what came out."""

    def __init__(self, job: Job):
        self.job = job
        self.kernel: Kernel | None = None
        self.restarts = 0
        self.has_run: list[str] = []  # sources that a new kernel runs again
        self.sends_since: int | None = None  # the restart after which checks were told to send their values
        self.lost = ""  # why the last kernel was lost, or the last cell interrupted
        self.last_outputs: list[dict] = []  # of the cell that it was lost in
        self.costs = 0  # kernels lost, and cells that had to be interrupted
        self.costly: set[str] = set()  # exercises in whose check cells that happened
        self.stopped: str | None = None  # why nothing runs any more
        self.output_left = job.limits.output
        self.result = {"verdict": "graded", "reason": "", "cpu": 0.0, "peak": 0, "cells": {}, "checks": {}, "notes": []}

    def run(self) -> dict:
        started = time.monotonic()
        self.deadline = started + self.job.limits.notebook
        try:
            self.start()
            for cell in self.job.cells:
                self.result["cells"][cell["id"]] = self.run_in_place(cell)
            self.run_checks()
        except KernelLost as lost:  # it could not even be started
            self.judge(lost.why)
        finally:
            self.end_kernel()
        self.result["seconds"] = time.monotonic() - started
        self.result["reason"] = self.result["reason"] or REASONS[self.result["verdict"]]
        return self.result

    def start(self) -> None:
        files = {name: base64.b64decode(content) for name, content in self.job.files.items()}
        environment = {"NBGRADER_EXECUTION": "autograde"}  # as nbgrader itself sets it
        try:
            self.kernel = Kernel(self.job.isolation, environment=environment, files=files, limits=self.job.limits)
        except (LauncherGone, NotForkSafe):  # there is another one now, or none is needed
            self.kernel = Kernel(self.job.isolation, environment=environment, files=files, limits=self.job.limits)
        self.kernel.output_left = self.output_left
        if self.kernel.cold_because and self.kernel.cold_because not in self.result["notes"]:
            self.result["notes"].append(f"started cold: {self.kernel.cold_because}")

    def end_kernel(self) -> None:
        if self.kernel:
            self.output_left = self.kernel.output_left
            ending = self.kernel.close()
            if ending.exceeded:
                self.judge(ending.exceeded)
            self.result["cpu"] += ending.cpu
            self.result["peak"] = max(self.result["peak"], ending.peak)
            self.kernel = None

    def judge(self, verdict: str, reason: str = "") -> None:
        """The first thing that goes wrong names the verdict."""
        if self.result["verdict"] == "graded":
            self.result["verdict"], self.result["reason"] = verdict, reason

    def ask(self, source: str, *, history: bool = True) -> Reply | None:
        """Run some code; None when the kernel was lost, and a new one is where it was, or nothing runs any more."""
        left = self.deadline - time.monotonic()
        if self.stopped is None and left <= 0:
            self.stopped = TIME_UP
            self.judge("timed out", TIME_UP)
        if self.stopped:
            return None
        try:
            reply = self.kernel.run(source, min(self.job.limits.cell, left), history=history)
        except KernelLost as lost:
            self.judge(lost.why)
            self.costs += 1
            self.lost, self.last_outputs = lost.why, lost.outputs
            if lost.why == "output":
                self.kernel.output_left = self.job.limits.output  # the rest may show as much again; restarts are few
            self.go_on_in_a_new_kernel()
            return None
        if reply.timed_out:
            self.costs += 1
            self.lost = "timed out"
            self.judge("timed out", f"a cell ran longer than {self.job.limits.cell:g} seconds")
        for verdict, pattern in TELLING_ERRORS.items():
            if reply.status == "error" and re.match(pattern, f"{reply.ename}: {reply.evalue}"):
                self.judge(verdict)
        return reply

    def go_on_in_a_new_kernel(self) -> None:
        """Run again what ran before the cell that died; that cell itself is left out."""
        self.end_kernel()
        while self.stopped is None:
            if self.restarts == RESTARTS:
                self.stopped = TOO_OFTEN
                return
            self.restarts += 1
            try:
                self.start()
                for source in list(self.has_run):
                    left = self.deadline - time.monotonic()
                    if left <= 0:
                        self.stopped = TIME_UP
                        return
                    self.kernel.run(source, min(self.job.limits.cell, left))
                return
            except KernelLost as lost:
                self.lost = lost.why
                self.end_kernel()

    def run_in_place(self, cell: dict) -> dict:
        if cell["kind"] == CHECK and cell["exercise"] in self.costly:
            return self.not_run()  # only the full check cells count, and they come later
        costs = self.costs
        ran = self.run_asserts(cell) if cell["kind"] == ASSERTS else self.run_cell(cell)
        if cell["kind"] == CHECK and self.costs > costs:
            self.costly.add(cell["exercise"])
        return ran

    def run_checks(self) -> None:
        """The full check cells, those of costly exercises last, so that they cost the others nothing."""
        waiting = list(self.job.checks)
        while waiting:
            waiting.sort(key=lambda cell: cell["exercise"] in self.costly)
            cell, costs = waiting.pop(0), self.costs
            self.result["checks"][cell["id"]] = self.run_check(cell)
            if self.costs > costs:
                self.costly.add(cell["exercise"])

    def run_cell(self, cell: dict) -> dict:
        reply = self.ask(cell["source"])
        if reply is None:
            return self.not_run()
        if not reply.timed_out:
            self.has_run.append(cell["source"])
        return {"outputs": shown_outputs(reply, self.job.limits), "count": reply.count}

    def not_run(self) -> dict:
        why = self.stopped or (DIED if self.lost == "kernel died" else REASONS[self.lost])
        outputs, self.last_outputs = [*self.last_outputs, not_run(why)], []
        return {"outputs": outputs, "count": None, "not_run": why}

    def run_asserts(self, cell: dict) -> dict:
        """A cell that decides in the student's own kernel, between cells that must fail: the weaker mode."""
        intact = self.fence(cell["source"])
        reply = self.ask(cell["source"], history=False)
        if reply is None:
            return self.not_run()
        self.has_run.append(cell["source"])
        intact = self.fence(cell["source"]) and intact
        shown = [o["data"].get("text/plain", "") for o in reply.outputs if o["output_type"] == "execute_result"]
        return {
            "status": reply.status,
            "ename": reply.ename,
            "evalue": reply.evalue,
            "timed_out": reply.timed_out,
            "shown": str(shown[-1])[:100] if shown else None,
            "intact": intact,
            "outputs": [],
            "count": reply.count,
        }

    def fence(self, source: str) -> bool:
        """Whether asserts, and the helpers that the cell uses, still fail when they must."""
        for helper in must_fail(source):
            nonce = secrets.token_hex(12)
            reply = self.ask(helper.format(nonce=nonce), history=False)
            if reply is None or reply.status != "error" or reply.ename != "AssertionError" or nonce not in reply.evalue:
                return False
        return True

    def run_check(self, cell: dict) -> dict:
        """The full check cell; what counts is which values it sends, in answer to this very request."""
        while self.stopped is None and self.sends_since != self.restarts:
            restarts = self.restarts
            if self.ask(SEND_CHECKS.format(seed=self.job.seed), history=False) is not None:
                self.sends_since = restarts
        if self.kernel:
            self.kernel.displays.clear()  # a check cell may not change what an earlier cell shows
        reply = self.ask(cell["source"], history=False)
        if reply is None:
            return {"values": [], "error": ["NotRun", self.not_run()["not_run"]]}
        values = [output["data"][MIME] for output in reply.outputs if MIME in output.get("data", {})]
        failed = reply.status == "error"
        error = [reply.ename, text_of_error(reply, self.job.limits)] if failed else None
        return {"values": values, "error": error}


def must_fail(source: str) -> list[str]:
    """Templates of cells that fail with a nonce while nothing has been tampered with."""
    templates = ["raise AssertionError('{nonce}')", "assert [1] == [2], '{nonce}'"]
    try:
        calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except SyntaxError:
        return templates
    for name in sorted({ast.unparse(call) for call in calls if isinstance(call, ast.Name | ast.Attribute)}):
        last = name.rpartition(".")[2]
        if EQUALITY.fullmatch(last):
            templates.append(
                f"try:\n    {name}(3, 2)\nexcept AssertionError:\n    raise AssertionError('{{nonce}}') from None"
            )
        elif last in CLOSE:
            templates.append(f"assert {name}(3, 2), '{{nonce}}'")
    return templates
