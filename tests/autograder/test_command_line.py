"""The commands as a user types them: what they print, where they exit, and one clear line for a mistake."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import psutil
import pytest
from rich.console import Console

from autograder.collect import CollectReport, Entry
from autograder.command_line import application, show_collected
from autograder.grade import Outcome
from autograder.results import Results
from autograder.run import run
from autograder.sample_class import leave_blank, loop_forever, material, solve
from autograder.watching import LiveTable

COURSE = str(Path(sys.executable).parent / "course")
NAMES = ["build", "run", "submit", "collect", "grade", "feedback", "report", "roster", "syllabus", "demo", "publish"]


def course_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([COURSE, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_every_command_has_help_with_an_example_and_takes_a_classroom():
    commands = {command.callback.__name__: command for command in application.registered_commands}
    assert sorted(commands) == sorted(NAMES)
    for name, command in commands.items():
        assert command.epilog.startswith(f"Example: course {name}")
        assert command.callback.__doc__
        assert "classroom" in command.callback.__annotations__


def test_help_of_a_command_is_shown(tmp_path):
    done = course_command("grade", "--help", cwd=tmp_path)
    assert done.returncode == 0 and "Example: course grade week01" in done.stdout and "--classroom" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "week01", "--classroom", "nowhere"], "nowhere is no classroom"),
        (["build", "week77"], "no week 'week77'"),
        (["run", "week01", "--notebook", "99_nothing"], "no notebook '99_nothing'; there is 01_doubling"),
        (["run", "week01", "--seed", "5", "--record"], "leave out --seed or --record"),
        (["grade", "week01"], "nobody has submitted week01"),
        (["collect", "missing.zip"], "no such file: missing.zip"),
        (["roster", "missing.csv"], "missing.csv"),
        (["feedback", "week01"], "course grade week01"),
        (["report", "week01"], "course grade week01"),
        (["publish", "pyproject.toml"], "give an empty folder"),
    ],
)
def test_mistake_is_one_line_and_a_failing_exit(tiny_course, tiny_classroom, arguments, message):
    if "--classroom" not in arguments:
        arguments = [*arguments, "--classroom", str(tiny_classroom.root)]
    done = course_command(*arguments, cwd=tiny_course.root)
    assert done.returncode == 1
    assert done.stderr.startswith("course: ") and message in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_syllabus_lists_every_topic_and_shows_only_recorded_results(tiny_course):
    def listing():
        done = course_command("syllabus", "--json", cwd=tiny_course.root)
        return {row["id"]: row for row in json.loads(done.stdout)}

    rows = listing()
    assert len(rows) == 152
    assert rows["momentum"] == {
        "id": "momentum", "week": 2, "title": "Momentum", "notebook": None, "claim": None, "exercises": []}  # fmt: skip
    built = rows["sgd-loop"]
    assert built["notebook"] == "week01/01_doubling" and built["exercises"] == ["double", "noise", "why"]
    assert built["claim"]["holds"] is None and built["claim"]["measured"] is None
    results = Results()
    claim = {"topic": "sgd-loop", "holds": False, "measured": {"x": 1}, "because": "", "timing": False}
    results.record("week01/01_doubling", 12, [claim])
    results.write(tiny_course.results)
    assert listing()["sgd-loop"]["claim"] | {"expected": None} == {
        "expected": None,
        "holds": False,
        "measured": {"x": 1},
    }
    table = course_command("syllabus", cwd=tiny_course.root)
    assert "not built" in table.stdout and "does not hold" in table.stdout


def test_run_shows_and_records_claims(tiny_course):
    done = course_command("run", "week01", "--record", cwd=tiny_course.root)
    assert done.returncode == 0, done.stderr
    assert "sgd-loop: holds" in done.stdout
    results = Results.read(tiny_course.results)
    assert results.claims["sgd-loop"]["measured"] == {"twice three": 6}
    assert results.minutes("week01/01_doubling") == 0.5
    assert (tiny_course.build / "week01" / "01_doubling.html").exists()


def test_run_with_another_seed_reaches_the_notebook_and_is_not_recorded(tiny_course):
    source = tiny_course.select()[0].source
    source.write_text(source.read_text().replace('"twice three": ', '"seed": dlcourse.seeds(1)[0], "twice three": '))
    finished = run(tiny_course.select()[0], tiny_course, notebook_seed=5)
    assert finished.claims[0]["measured"]["seed"] == 5000


@pytest.mark.slow
def test_failing_notebook_is_named_with_its_error(tiny_course):
    source = tiny_course.select()[0].source
    source.write_text(source.read_text().replace("return twice_as_much", "return unknown_name"))
    done = course_command("run", "week01", cwd=tiny_course.root)
    assert done.returncode == 1
    assert "01_doubling.py failed" in done.stderr and "unknown_name" in done.stderr


def test_remarks_on_what_was_collected_are_shown_with_their_student(capsys):
    remarks = {"ada": "", "bob": "collected before", "eve": "Canvas marks it late; collected before", "fay": "[red]"}
    entries = [Entry("all.zip", student, "week01", "01_doubling", reason=why) for student, why in remarks.items()]
    show_collected(CollectReport(entries, [Entry("x.pdf", reason="is neither")]))
    assert capsys.readouterr().out.splitlines() == [
        "collected 4 notebooks of 4 students",
        "  eve: Canvas marks it late; collected before",
        "  fay: [red]",
        "  not collected: x.pdf: is neither",
    ]


def test_outside_a_checkout_the_installed_course_is_used(tmp_path):
    done = course_command("syllabus", "--json", cwd=tmp_path)
    assert done.returncode == 0 and len(json.loads(done.stdout)) == 152


def hand_in(classroom, student: str, notebook) -> None:
    folder = classroom.submitted / student / "week01"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "01_doubling.ipynb")


@pytest.mark.slow
def test_grade_prints_each_result_as_a_line_of_json(tiny_course, tiny_classroom):
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    hand_in(tiny_classroom, "ada", solve(given))
    hand_in(tiny_classroom, "goran", leave_blank(given))
    command = ["grade", "week01", "--classroom", str(tiny_classroom.root), "--json"]
    done = course_command(*command, cwd=tiny_course.root)
    results = {line["student"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert {name: (line["verdict"], line["points"]) for name, line in results.items()} == {
        "ada": ("graded", 5.0),
        "goran": ("graded", 0.0),
    }
    assert course_command(*command, cwd=tiny_course.root).stdout == ""
    both = course_command(*command, "--watch", cwd=tiny_course.root)
    assert both.returncode == 1 and "leave out one of them" in both.stderr


@pytest.mark.slow
def test_grade_without_a_sandbox_warns(tiny_course, tiny_classroom):
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    hand_in(tiny_classroom, "ada", solve(given))
    command = ["grade", "week01", "--classroom", str(tiny_classroom.root), "--isolation", "none", "--watch"]
    done = course_command(*command, cwd=tiny_course.root)
    assert "warning: --isolation none: student code runs as you" in done.stderr
    assert "5 / 8" in done.stdout and "1 graded" in done.stdout


def test_live_table_counts_and_says_how_long_it_takes():
    shown = io.StringIO()
    table = LiveTable(Console(file=shown, width=100, force_terminal=False))
    table.started -= 30
    table.result(Outcome("ada", "graded", points=5.0, seconds=1.5))
    table.result(Outcome("noor", "timed out", "a cell ran longer than 30 seconds", points=2.0, seconds=33.0))
    table.running(["bruno", "chen"], waiting=4)
    with table:
        pass
    text = shown.getvalue()
    assert re.search(r"2 +│ 2 +│ 4 +│ 1:30 +│ 1 graded, 1 timed out", text), text
    assert re.search(r"noor +│ timed out +│ 2 +│ 33.0", text) and re.search(r"bruno +│ running", text)


@pytest.mark.slow
def test_interrupt_ends_at_once_and_leaves_nothing(tiny_course, tiny_classroom):
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    hand_in(tiny_classroom, "ada", solve(given))
    hand_in(tiny_classroom, "noor", loop_forever(given))
    command = [COURSE, "grade", "week01", "--classroom", str(tiny_classroom.root), "--json"]
    running = psutil.Popen(
        command,
        cwd=tiny_course.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert json.loads(running.stdout.readline())["student"] == "ada"
    family = running.children(recursive=True)
    assert any("inside.launcher" in " ".join(process.cmdline()) for process in family)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=15) == 130
    assert "course: interrupted" in running.stderr.read()
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert not list(Path(tempfile.gettempdir()).glob(f"course-sandbox-{running.pid}-*"))
    assert not (tiny_classroom.autograded / "noor").exists() and (tiny_classroom.autograded / "ada").exists()
