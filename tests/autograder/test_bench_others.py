"""nbgrader and otter-grader give the light notebook's submissions the marks that the bank says: the bench is fair."""

import shutil
from pathlib import Path

import nbformat
import pytest

from autograder import bank, bench_others, kernels
from autograder.build import build, solved_notebook
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.errors import CourseError
from autograder.sample_class import Material, leave_blank, material, solve

RIGHT = {"layer_by_hand": 1, "layer_batch": 2, "squared_error_any": 2}
BLANK = dict.fromkeys(RIGHT, 0)
LINEAR = {"layer_by_hand": 0, "layer_batch": 0, "squared_error_any": 2}  # the second answer of the bank


@pytest.fixture
def light_course(tmp_path: Path) -> Course:
    """A checkout with the bench's light notebook."""
    root = Course.find().root
    checkout = tmp_path / "checkout"
    shutil.copytree(root / "autograder" / "bench_course", checkout / "solutions")
    (checkout / "lib").mkdir()
    (checkout / "lib" / "dlcourse").symlink_to(root / "lib" / "dlcourse")
    shutil.copy(root / "pyproject.toml", checkout)
    return Course(checkout)


@pytest.fixture
def solved(light_course: Course) -> nbformat.NotebookNode:
    return solved_notebook(light_course.select()[0], light_course)


@pytest.fixture
def given(light_course: Course, tmp_path: Path) -> Material:
    classroom = Classroom.create(tmp_path / "classroom")
    build(light_course, classroom)
    return material(light_course, classroom, light_course.select()[0])


@pytest.fixture
def submissions(given: Material) -> dict[str, nbformat.NotebookNode]:
    linear = {"layer": bank.answers(given.notebook)["layer"][1].source}
    return {"right": solve(given), "blank": leave_blank(given), "linear": given.answered(given.solutions | linear)}


@pytest.mark.slow
def test_nbgrader_gives_the_deserved_marks(tmp_path, solved, submissions):
    root = bench_others.nbgrader_course(tmp_path / "nbgrader", solved, submissions)
    assert bench_others.time_nbgrader(root, "week01") > 0
    assert bench_others.nbgrader_marks(root, solved) == {"right": RIGHT, "blank": BLANK, "linear": LINEAR}
    executed = nbformat.read(root / "autograded" / "right" / "week01" / "01_light.ipynb", as_version=4)
    assert executed_sources(executed) == executed_sources(bench_others.without_demo(submissions["right"]))
    assert not (root / "nbgrader_config.py").exists()


@pytest.mark.slow
def test_otter_gives_the_deserved_marks(tmp_path, solved, submissions):
    root = bench_others.otter_course(tmp_path / "otter", solved, submissions)
    assert bench_others.time_otter(root) > 0
    assert bench_others.otter_marks(root) == {"right": RIGHT, "blank": BLANK, "linear": LINEAR}


def test_otters_notebook_holds_the_same_cells(solved, submissions):
    ours = bench_others.without_demo(submissions["right"]).cells
    otters = bench_others.otter_submission(submissions["right"], "01_light").cells[1:]
    checks = [cell.metadata.nbgrader.grade_id for cell in bench_others.check_cells(solved)]
    assert checks == list(RIGHT)
    assert [cell.source for cell in otters if cell.source.startswith("grader.check")] == [
        f'grader.check("{name}")' for name in checks
    ]
    replaced = {cell.id for cell in otters if cell.source.startswith("grader.check")}
    assert [cell.source for cell in otters if cell.id not in replaced] == [
        cell.source for cell in ours if cell.id not in replaced
    ]
    assert not any(kernels.DEMO in cell.metadata.get("tags", []) for cell in otters)


def test_a_missing_submission_or_grader_is_named(tmp_path, monkeypatch, solved):
    monkeypatch.setattr(bench_others, "OTTER", tmp_path / "otter")
    monkeypatch.setattr(bench_others, "write_reference", lambda folder, notebook: folder.mkdir())
    with pytest.raises(CourseError, match="run tools/otter.sh"):
        bench_others.otter_course(tmp_path / "class", solved, {})
    (tmp_path / "empty" / "submitted" / "ada" / "week01").mkdir(parents=True)
    monkeypatch.setattr(bench_others, "call", lambda command, folder: 1.0)
    with pytest.raises(CourseError, match="nbgrader left out ada"):
        bench_others.time_nbgrader(tmp_path / "empty", "week01")


def executed_sources(notebook: nbformat.NotebookNode) -> list[str]:
    """Sources of the code cells that are no check cells, whose hidden tests nbgrader puts back."""
    checks = {cell.id for cell in bench_others.check_cells(notebook)}
    return [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.id not in checks]
