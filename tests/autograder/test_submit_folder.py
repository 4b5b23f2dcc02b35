"""`course submit DIR`: one zip of a week."""

import json
import zipfile

import pytest

from autograder.errors import CourseError
from autograder.submit_folder import submit_folder
from dlcourse import submission


def write(path, place, text="1 + 1"):
    sources = [text] if place is None else [f'import dlcourse\n\ndlcourse.setup("{place}", seed=1)', text]
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for i, source in enumerate(sources)
    ]
    kept = {"kernelspec": submission.KERNELSPEC}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kept, "cells": cells}))
    return path


def test_all_notebooks_of_the_week_go_into_one_zip_under_their_own_names(tmp_path):
    renamed = write(tmp_path / "first (1).ipynb", "week03/01_convolution", "first = 1")
    write(tmp_path / "02_pooling.ipynb", "week03/02_pooling")
    write(tmp_path / "notes.ipynb", None)
    path = submit_folder(tmp_path, "jane.doe")
    assert path.parent == tmp_path and path.name.startswith("week03__jane.doe__2")
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"01_convolution.ipynb", "02_pooling.ipynb", "submission.json"}
        assert archive.read("01_convolution.ipynb") == renamed.read_bytes()
        receipt = json.loads(archive.read("submission.json"))
    assert receipt["student"] == "jane.doe" and receipt["assignment"] == "week03"
    assert receipt["notebook"] == ["02_pooling", "01_convolution"] and len(receipt["sha256"]) == 2


@pytest.mark.parametrize("given", [[], [None]])
def test_a_folder_without_notebooks_of_the_course_is_refused(tmp_path, given):
    for place in given:
        write(tmp_path / "x.ipynb", place)
    with pytest.raises(CourseError, match="holds no notebook of the course"):
        submit_folder(tmp_path, "jane")


def test_several_weeks_are_refused(tmp_path):
    write(tmp_path / "a.ipynb", "week01/01_stack")
    write(tmp_path / "b.ipynb", "week02/01_descent")
    with pytest.raises(CourseError, match="week01, week02; give a folder with those of one week"):
        submit_folder(tmp_path, "jane")
    assert not list(tmp_path.glob("*.zip"))


def test_one_notebook_twice_is_refused(tmp_path):
    write(tmp_path / "01_stack.ipynb", "week01/01_stack")
    write(tmp_path / "01_stack-Copy1.ipynb", "week01/01_stack")
    with pytest.raises(CourseError, match="both week01/01_stack"):
        submit_folder(tmp_path, "jane")


def test_no_folder_no_id_and_no_notebook_are_told(tmp_path):
    with pytest.raises(CourseError, match="is no folder"):
        submit_folder(tmp_path / "absent", "jane")
    write(tmp_path / "a.ipynb", "week01/01_stack")
    with pytest.raises(CourseError, match="expected an id"):
        submit_folder(tmp_path, "jane doe")
    (tmp_path / "b.ipynb").write_text("{")
    with pytest.raises(CourseError, match="b.ipynb cannot be read as a notebook"):
        submit_folder(tmp_path, "jane")
