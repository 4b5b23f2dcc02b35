"""The commands as a user types them: what they print, where they exit, and one clear line for a mistake."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from autograder.collect import CollectReport, Entry
from autograder.command_line import application, show_collected
from autograder.reference import make_reference
from autograder.results import Results
from autograder.run import run
from autograder.sample_class import loop_forever, material

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


def kernels_of(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children(recursive=True) if "ipykernel_launcher" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_interrupt_ends_at_once_and_leaves_no_kernel(tiny_course, tiny_classroom):
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    folder = tiny_classroom.submitted / "noor" / "week01"
    folder.mkdir(parents=True)
    nbformat.write(loop_forever(given), folder / "01_doubling.ipynb")
    make_reference(tiny_course, tiny_classroom, given.notebook)
    command = [COURSE, "grade", "week01", "--classroom", str(tiny_classroom.root)]
    running = psutil.Popen(command, cwd=tiny_course.root, stderr=subprocess.PIPE, text=True, start_new_session=True)
    end = time.monotonic() + 120
    while not (kernels := kernels_of(running)) and time.monotonic() < end:
        time.sleep(0.2)
    assert kernels
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=15) == 130
    assert "course: interrupted" in running.stderr.read()
    assert psutil.wait_procs(kernels, timeout=20)[1] == []
    assert not (tiny_classroom.autograded / "noor").exists()
