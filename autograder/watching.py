"""How a long command shows what it is doing: bars, a live table, or lines of JSON."""

import json
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import asdict

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

NEWEST = 12  # results that the live table shows


class Steps(Progress):
    """A progress bar for each step of a long command."""

    def __init__(self, console: Console):
        columns = [TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        super().__init__(*columns, console=console)
        self.bars = {}

    def show(self, step: str, done: int, total: int) -> None:
        if step not in self.bars:
            self.bars[step] = self.add_task(step, total=total)
        self.update(self.bars[step], completed=done, total=total)


class Watcher(AbstractContextManager):
    """Hears what happens while a class is graded. This one shows nothing."""

    def __exit__(self, *error) -> None:
        """Nothing is to be put away."""

    def step(self, name: str, done: int, total: int) -> None:
        """Some step has come so far."""

    def running(self, students: list[str], waiting: int) -> None:
        """These students' notebooks run now; so many others wait."""

    def result(self, outcome) -> None:
        """A submission has its marks, or has none and a reason (`autograder.grade.Outcome`)."""


class Bars(Watcher):
    """Grading, as progress bars."""

    def __init__(self, steps: Steps):
        self.steps = steps
        self.own = not steps.live.is_started

    def __enter__(self) -> "Bars":
        if self.own:
            self.steps.start()
        return self

    def __exit__(self, *error) -> None:
        if self.own:
            self.steps.stop()

    def step(self, name: str, done: int, total: int) -> None:
        self.steps.show(name, done, total)


class LiveTable(Watcher):
    """Grading, as a table of done, running, waiting, time left and verdicts, and the newest results."""

    def __init__(self, console: Console):
        self.started = time.monotonic()
        self.outcomes: list = []
        self.now: list[str] = []
        self.waiting = 0
        self.live = Live(console=console, refresh_per_second=4, get_renderable=self.render)

    def __enter__(self) -> "LiveTable":
        self.live.start()
        return self

    def __exit__(self, *error) -> None:
        self.live.stop()

    def running(self, students: list[str], waiting: int) -> None:
        self.now, self.waiting = students, waiting

    def result(self, outcome) -> None:
        self.outcomes.append(outcome)

    def render(self) -> Group:
        counts = Table("done", "running", "waiting", "time left", "verdicts")
        verdicts = Counter(outcome.verdict for outcome in self.outcomes)
        counts.add_row(
            str(len(self.outcomes)),
            str(len(self.now)),
            str(self.waiting),
            time_left(time.monotonic() - self.started, len(self.outcomes), len(self.now) + self.waiting),
            ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common()),
        )
        newest = Table("student", "verdict", "points", "seconds")
        for outcome in self.outcomes[-NEWEST:]:
            points = "" if outcome.points is None else f"{outcome.points:g}"
            newest.add_row(outcome.student, outcome.verdict, points, f"{outcome.seconds:.1f}")
        for student in self.now[:NEWEST]:
            newest.add_row(student, "running", "", "")
        return Group(counts, newest)


def time_left(passed: float, done: int, left: int) -> str:
    if not done:
        return "?"
    seconds = round(passed / done * left)
    return f"{seconds // 60}:{seconds % 60:02d}"


class JsonLines(Watcher):
    """Grading, a line of JSON for each submission on standard output."""

    def result(self, outcome) -> None:
        print(json.dumps(asdict(outcome), ensure_ascii=False), flush=True)
