"""Every notebook is executed: whole, without its demo cells, as released, and with every answer of its bank.

Each test is one notebook, so `-k 02_backpropagation` is the inner loop of an author.
"""

import ast
import json
import re
import symtable
from contextlib import suppress
from functools import cache
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat import NotebookNode

from autograder import bank, course_page, kernels
from autograder.assignment import Assignment
from autograder.build import build, solved_notebook
from autograder.classroom import Classroom
from autograder.course import Course, Notebook
from autograder.marking import is_test, write_outcome
from autograder.reference import is_current, keep_reference, reference_job
from autograder.results import Results
from autograder.run import Run, run
from autograder.runner import run_job
from autograder.syllabus import claims_of, exercises_of, topics_of
from dlcourse import encoding, syllabus
from dlcourse.checking import compare

SEED = 7  # of the hidden inputs
each_notebook = pytest.mark.parametrize(
    "notebook",
    [  # one worker takes all tests of a notebook: they share its runs
        pytest.param(notebook, id=notebook.id, marks=pytest.mark.xdist_group(notebook.id))
        for notebook in Course.find().all_notebooks()
    ],
)


@cache
def finished_run(notebook: Notebook, course: Course, with_demo: bool) -> Run:
    return run(notebook, course, with_demo=with_demo, seed=SEED)


@pytest.fixture(scope="module")
def classroom(course, tmp_path_factory) -> Classroom:
    """A classroom with the release of every notebook, built into a copy of the course's folders."""
    room = Classroom.create(tmp_path_factory.mktemp("course") / "classroom")
    elsewhere = Course(room.root.parent / "checkout")
    elsewhere.root.mkdir()
    for name in ["solutions", "lib", "pyproject.toml", "results.json"]:
        if (course.root / name).exists():
            (elsewhere.root / name).symlink_to(course.root / name)
    build(elsewhere, room)
    return room


@each_notebook
def test_whole_notebook_runs_and_its_claims_are_as_recorded(notebook: Notebook, course: Course):
    finished = finished_run(notebook, course, with_demo=True)
    assert not processes_without_a_folder(), "the notebook left processes behind"
    claims = {claim["topic"]: claim for claim in finished.claims}
    assert sorted(claims) == sorted(topics_of(notebook)) == sorted(claims_of(notebook))
    recorded = Results.read(course.results).claims
    for topic, claim in claims.items():
        assert topic in recorded, f"{topic} is in no recorded run: course run {notebook.assignment} --record"
        assert recorded[topic]["measured"].keys() == claim["measured"].keys()
        if not claim["timing"]:
            assert claim["holds"] == recorded[topic]["holds"] == syllabus.topic(topic).holds, claim["measured"]


def processes_without_a_folder() -> list[psutil.Process]:
    """Members of clusters whose notebook's folder is gone: each run has a folder of its own, removed at its end."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(part.endswith("cluster_member.py") for part in process.info["cmdline"] or []):
            with suppress(psutil.NoSuchProcess):
                if not Path(process.cwd()).exists():
                    found.append(process)
    return found


@each_notebook
def test_graded_values_are_those_of_the_whole_notebook(notebook: Notebook, course: Course, classroom: Classroom):
    """Neither the demo cells, nor where check cells run, nor the sandbox changes what is checked."""
    whole = finished_run(notebook, course, with_demo=True).values
    graded = reference(notebook, classroom)["values"]
    assert whole.keys() == graded.keys()
    for name, value in whole.items():
        compare(name, encoding.decode(graded[name]), encoding.decode(value), tolerance=1e-5)


@each_notebook
def test_every_check_cell_has_a_value_that_only_the_answer_gives(notebook: Notebook, classroom: Classroom):
    """Bounds alone could be met by a number that a submission sends without computing it."""
    for cell, rules in reference(notebook, classroom)["checks"].items():
        assert any(r["at_least"] is None and r["at_most"] is None and r["expected"] is None for r in rules), cell


@each_notebook
def test_untouched_release_runs_to_its_end(notebook: Notebook, classroom: Classroom):
    release = read(classroom.release / notebook.assignment / f"{notebook.name}.ipynb")
    for cell in release.cells:
        cell.metadata["tags"] = [tag for tag in cell.metadata.get("tags", []) if tag != kernels.DEMO]
    quick = remove_demo(release, read(classroom.source / notebook.assignment / f"{notebook.name}.ipynb"))
    kernels.execute(quick, environment={})
    for cell in quick.cells:
        failed = cell.cell_type == "code" and any(output.output_type == "error" for output in cell.outputs)
        assert not failed or "raises-exception" in cell.metadata.get("tags", []), cell.source


def remove_demo(release: NotebookNode, source: NotebookNode) -> NotebookNode:
    demo = {cell.id for cell in source.cells if kernels.DEMO in cell.metadata.get("tags", [])}
    release.cells = [cell for cell in release.cells if cell.metadata["id"] not in demo]
    return release


@each_notebook
def test_cells_that_use_an_answer_say_that_they_wait_for_it(notebook: Notebook, course: Course):
    """The demo cells too, which the untouched release is run without: by the names they use."""
    unanswered = set()
    for cell in solved_notebook(notebook, course).cells:
        if cell.cell_type != "code" or "dlcourse.setup(" in cell.source:
            continue
        settings = cell.metadata.get("nbgrader", {})
        may_fail = settings.get("grade") or settings.get("solution") or "waits" in cell.metadata
        for statement in ast.parse(cell.source).body:
            table = symtable.symtable(ast.unparse(statement), "cell", "exec")
            defined = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
            used = (global_names(table) & unanswered) - defined
            if (may_fail and not settings.get("grade")) or (used and isinstance(statement, ast.FunctionDef)):
                unanswered |= defined  # a function that uses an answer fails when it is called
            else:
                assert may_fail or not used, f"uses {used} without saying that it waits: {ast.unparse(statement)}"
                unanswered -= defined


def global_names(table: symtable.SymbolTable) -> set[str]:
    """The notebook's names that a piece of code reads, in its functions and comprehensions too."""
    top = table.get_type() == "module"
    names = {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced() and (top or symbol.is_global())
    }
    return names.union(*(global_names(child) for child in table.get_children()))


@each_notebook
def test_bank_and_blank_get_their_points(notebook: Notebook, course: Course, classroom: Classroom):
    solved = solved_notebook(notebook, course)
    possible, answers = bank.code_exercises(solved), bank.answers(notebook)
    assert answers.keys() == possible.keys()
    blank = read(classroom.release / notebook.assignment / f"{notebook.name}.ipynb")
    stubs = {cell.metadata["id"]: cell.source for cell in blank.cells if cell.metadata["id"] in possible}
    assert points(bank.submission(solved, stubs), notebook, classroom) == dict.fromkeys(possible, 0)
    assert points(solved, notebook, classroom) == possible
    wrong = []
    for chosen in bank.rounds(answers):
        answered = bank.submission(solved, {name: answer.source for name, answer in chosen.items()})
        got = points(answered, notebook, classroom)
        wrong += [
            f"{name} answered {answer.name!r}: {got[name]:g} points, expected {answer.points:g}"
            for name, answer in chosen.items()
            if got[name] != answer.points
        ]
    assert not wrong, "\n".join(wrong)


@each_notebook
def test_bank_holds_another_right_answer_and_three_wrong_ones(notebook: Notebook, course: Course):
    possible = bank.code_exercises(solved_notebook(notebook, course))
    assert 2 <= len(exercises_of(notebook)) <= 4
    for exercise, group in bank.answers(notebook).items():
        assert len({answer.name for answer in group}) == len(group)
        assert any(answer.points == possible[exercise] for answer in group), f"{exercise}: no other right answer"
        assert sum(answer.points < possible[exercise] for answer in group) >= 3, (
            f"{exercise}: fewer than three wrong answers"
        )


@each_notebook
def test_notebook_keeps_the_form(notebook: Notebook, course: Course):
    solved = solved_notebook(notebook, course)
    code = [cell for cell in solved.cells if cell.cell_type == "code"]
    lines = [[line for line in cell.source.splitlines() if line.strip()] for cell in code]
    assert sum(map(len, lines)) <= 300 + 6  # the build writes six lines of import
    assert max(map(len, lines)) <= 30
    assert max(len(line) for cell in lines for line in cell) <= 120
    assert solved.cells[-1].source == "dlcourse.submit()"
    for cell in code:
        settings, demo = cell.metadata.get("nbgrader", {}), kernels.DEMO in cell.metadata.get("tags", [])
        assert demo or not re.search(r"^claim(\.table)?\(", cell.source, flags=re.MULTILINE), cell.source
        if settings.get("grade"):
            hidden = cell.source.split("### BEGIN HIDDEN TESTS")[-1]
            assert settings["points"] > 0
            assert "### BEGIN HIDDEN TESTS" in cell.source, settings["grade_id"]
            assert "check.rng()" in hidden, settings["grade_id"]
    for exercise in bank.code_exercises(solved):
        checks = [
            cell
            for cell in code
            if cell.metadata.get("nbgrader", {}).get("grade")
            and bank.exercise_of(cell.metadata["nbgrader"]["grade_id"], list(bank.code_exercises(solved))) == exercise
        ]
        assert 2 <= len(checks) <= 3, f"{exercise} has {len(checks)} check cells"


@each_notebook
def test_release_in_the_repository_is_current(notebook: Notebook, course: Course, classroom: Classroom):
    built = (classroom.release / notebook.assignment / f"{notebook.name}.ipynb").read_text()
    committed = course.notebooks / notebook.folder / f"{notebook.name}.ipynb"
    assert committed.exists() and committed.read_text().rstrip() == built.rstrip(), (
        "run `course build` and commit notebooks/"
    )
    assert committed.stat().st_size <= 200_000


def test_page_of_the_notebooks_is_current(course: Course):
    assert (course.notebooks / "README.md").read_text() == course_page.render(course), "run `course build`"


def read(path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def reference(notebook: Notebook, classroom: Classroom) -> dict:
    """What the reference solution sends when it is run as a submission is."""
    assignment = Assignment(classroom, notebook.assignment)
    seed = classroom.reference / notebook.assignment / "seed"
    if not seed.exists():
        seed.parent.mkdir(parents=True, exist_ok=True)
        seed.write_text(str(SEED))
    if not is_current(assignment, notebook.name):
        job = reference_job(assignment, notebook.name, "warm")
        keep_reference(assignment, notebook.name, json.loads(run_job(job.encoded())))
    return assignment.reference(notebook.name)


def points(submission: NotebookNode, notebook: Notebook, classroom: Classroom) -> dict[str, float]:
    """What each exercise of a solved or answered notebook earns when it is graded."""
    values = reference(notebook, classroom)
    assignment = Assignment(classroom, notebook.assignment)
    job = assignment.job(submission, notebook.name, "nobody", "warm")
    write_outcome(submission, json.loads(run_job(job.encoded())), values)
    earned = dict.fromkeys(bank.code_exercises(submission), 0.0)
    for cell in submission.cells:
        if is_test(cell):
            settings = cell.metadata["nbgrader"]
            earned[bank.exercise_of(settings["grade_id"], list(earned))] += 0 if cell.outputs else settings["points"]
    return earned


def test_every_topic_of_the_syllabus_is_named_once():
    ids = [topic.id for topic in syllabus.topics()]
    assert len(ids) == len(set(ids)) == 152


def test_every_built_week_builds_all_its_topics(course: Course):
    for assignment in course.assignments():
        week = int(assignment.removeprefix("week"))
        built = [topic for notebook in course.select(assignment) for topic in topics_of(notebook)]
        assert sorted(built) == sorted(topic.id for topic in syllabus.topics() if topic.week == week)
        assert all(syllabus.topic(id).holds is not None for id in built)
