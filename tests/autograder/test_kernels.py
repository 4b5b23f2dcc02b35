"""Executing a notebook: time limits, dead kernels, skipped cells, a clean environment."""

import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import kernels


def executed(*sources, environment=None, **options):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    kernels.execute(notebook, environment=environment or {}, **options)
    return notebook.cells


def errors(cell):
    return [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]


def text(cell):
    return "".join(o.text for o in cell.outputs if o.output_type == "stream")


def test_cell_that_does_not_end_is_interrupted_and_the_next_one_runs():
    limits = kernels.Limits(cell=2, notebook=60)
    endless, after = executed("while True: pass", "print('still here')", limits=limits)
    assert errors(endless) == ["CellTimeout: the cell ran longer than 2 seconds"]
    assert text(after) == "still here\n"


def test_cells_after_a_dead_kernel_are_marked_as_not_run():
    before, deadly, after = executed("print('before')", "import os; os._exit(1)", "print('after')")
    assert text(before) == "before\n" and not errors(before)
    assert errors(deadly) == ["NotRun: not run: the kernel died"] == errors(after)


def test_notebook_whose_time_is_up_does_not_go_on():
    limits = kernels.Limits(cell=30, notebook=3)
    cells = executed("import time", *["time.sleep(2)"] * 5, limits=limits)
    assert any(errors(cell) for cell in cells[2:])


def test_error_stops_only_when_asked():
    failed, after = executed("1 / 0", "print('after')")
    assert errors(failed) == ["ZeroDivisionError: division by zero"] and text(after) == "after\n"
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        executed("1 / 0", stop_on_error=True)


def test_tagged_cells_are_left_out():
    notebook = new_notebook(
        cells=[new_code_cell("x = 1", metadata={"tags": ["demo"]}), new_code_cell("print('x' in dir())")]
    )
    kernels.execute(notebook, environment={}, skip=kernels.DEMO)
    assert text(notebook.cells[1]) == "False\n"


def test_own_tag_of_a_notebook_skips_nothing():
    notebook = new_notebook(
        cells=[new_code_cell("1 / 0", metadata={"tags": ["skip-execution"]}), new_markdown_cell("text")]
    )
    kernels.execute(notebook, environment={})
    assert errors(notebook.cells[0])


def test_kernel_sees_only_its_own_environment(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    (cell,) = executed(
        "import os; print(os.environ.get('SECRET_TOKEN'), os.environ['GIVEN'])", environment={"GIVEN": "yes"}
    )
    assert text(cell) == "None yes\n"


def test_notebook_runs_in_a_folder_of_its_own():
    (cell,) = executed("import os; print(os.listdir())")
    assert text(cell) == "[]\n"
