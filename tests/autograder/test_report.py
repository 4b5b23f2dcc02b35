"""What the instructor and the learning platform are told about a class whose marks we know."""

import base64
import csv
import re
import shutil
from datetime import datetime, timedelta

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.report import class_table, harmless, owner, write_report

DUE = datetime(2026, 10, 1, 22)
FAILED = "twice any: got 0.5, wanted 1"
NAMES = {"ada": ("Ada", "Lovelace"), "bob": ("=HYPERLINK(0)", 'the "Builder", Jr'), "cyn": ("<b>Cyn", "</b>")}


def settings(grade_id, **kinds):
    kinds = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3} | kinds
    return {"nbgrader": {"grade_id": grade_id} | kinds}


def source():
    """Exercises out of alphabetical order, one name a prefix of another, and a question marked by hand."""
    cells = [
        new_markdown_cell("# 1 · Doubling & halving\n\nText."),
        new_markdown_cell("### Exercise 1 (3 points): `twice` a number"),
        new_code_cell("", metadata=settings("double", solution=True)),
        new_code_cell("", metadata=settings("double_any", grade=True, locked=True, points=1)),
        new_code_cell("", metadata=settings("double_negative", grade=True, locked=True, points=2)),
        new_markdown_cell("### Exercise 2 (1 point): all of them"),
        new_code_cell("", metadata=settings("double_all", solution=True)),
        new_code_cell("", metadata=settings("double_all_ones", grade=True, locked=True, points=1)),
        new_markdown_cell("### Question (4 points, marked by hand): why?"),
        new_markdown_cell("", metadata=settings("a_why", grade=True, solution=True, points=4)),
    ]
    return new_notebook(cells=cells)


# student -> the auto scores of double_any, double_negative, double_all_ones and a_why
SCORES = {"ada": (1, 2, 1, None), "bob": (0, 0, 1, None), "cyn": (1, 0, 0, 0), "eve": (0, 0, 0, 0)}
ERRORS = {
    "bob": {"double_any": ("CheckFailed", FAILED), "double_negative": ("CheckFailed", FAILED)},
    "cyn": {"double_negative": ("CheckFailed", FAILED), "double_all_ones": ("NotImplementedError", "Write")},
    "eve": {"double_all_ones": ("Dropped", "out")},
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A classroom in which ada, bob and cyn (late) are graded, dan handed in nothing and eve dropped out."""
    classroom = Classroom.create(tmp_path_factory.mktemp("report") / "classroom")
    write(classroom.source / "week01" / "01_doubling.ipynb", source())
    with classroom.gradebook() as gradebook:
        gradebook.add_assignment("week01", duedate=DUE)
        gradebook.add_assignment("week02")
        gradebook.add_notebook("01_doubling", "week01")
        for cell in source().cells:
            record_cell(gradebook, cell)
        for student in [*SCORES, "dan"]:
            first, last = NAMES.get(student, ("", student))
            gradebook.add_student(student, first_name=first, last_name=last, email=f"{student}@example.org")
        for student, scores in SCORES.items():
            gradebook.add_submission("week01", student, timestamp=DUE + timedelta(hours=2 if student == "cyn" else -2))
            names = ["double_any", "double_negative", "double_all_ones", "a_why"]
            for name, score in zip(names, scores, strict=True):
                grade = gradebook.find_grade(name, "01_doubling", "week01", student)
                grade.auto_score, grade.needs_manual_grade = score, score is None
            write_autograded(classroom, student, ERRORS.get(student, {}))
        gradebook.find_submission_notebook("01_doubling", "week01", "cyn").late_submission_penalty = 0.25
        gradebook.db.commit()
    (classroom.root / "roster.csv").write_text("id,name,email\nada,,\nbob,,\ncyn,,\ndan,,\n")
    return classroom


def record_cell(gradebook, cell):
    kind = cell.metadata.get("nbgrader", {})
    if kind.get("solution"):
        gradebook.add_solution_cell(kind["grade_id"], "01_doubling", "week01")
    if kind.get("grade"):
        gradebook.add_grade_cell(
            kind["grade_id"], "01_doubling", "week01", max_score=kind["points"], cell_type=cell.cell_type
        )


def write(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def write_autograded(classroom, student, errors):
    notebook = source()
    for cell in notebook.cells:
        error = errors.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if error:
            cell.outputs = [new_output("error", ename=error[0], evalue=error[1], traceback=[])]
    write(classroom.autograded / student / "week01" / "01_doubling.ipynb", notebook)


@pytest.fixture(scope="module")
def page(graded):
    return write_report(graded, ["week01"]).page.read_text()


@pytest.fixture
def copy(graded, tmp_path):
    """The classroom, to change something in it."""
    shutil.copytree(graded.root, tmp_path / "copy")
    return Classroom(tmp_path / "copy")


def text(page):
    """The page's text, a line for each row of its tables."""
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).replace("\n", " ").replace("</tr>", "\n")
    return re.sub(r"[ \t]+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_table_holds_what_the_gradebook_holds(graded):
    table = {row["id"]: row for row in class_table(graded, ["week01"])}
    assert set(table) == {"ada", "bob", "cyn", "dan"}
    assert table["cyn"]["assignments"]["week01"] == {
        "score": 1, "max_score": 8, "late_penalty": 0.25, "needs_manual": 0, "status": "graded"
    }  # fmt: skip
    assert [table[name]["status"] for name in ("ada", "cyn", "dan")] == ["to mark by hand", "graded", "not submitted"]
    assert table["ada"]["name"] == "Ada Lovelace"


def test_work_that_waits_for_grading_is_told_from_none(copy):
    (copy.submitted / "dan" / "week01").mkdir(parents=True)
    table = {row["id"]: row for row in class_table(copy, ["week01", "week02"])}
    assert table["dan"]["status"] == "not graded"
    assert table["cyn"]["status"] == "not submitted", "week02"


def test_without_a_list_everybody_in_the_gradebook_counts(copy):
    (copy.root / "roster.csv").unlink()
    assert len(class_table(copy, ["week01"])) == 5


def test_grades_are_quoted_and_no_formula(graded):
    with write_report(graded, ["week01"]).grades.open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows["bob"]["name"] == '\'=HYPERLINK(0) the "Builder", Jr'
    assert rows["cyn"] == {
        "id": "cyn", "name": "<b>Cyn </b>", "email": "cyn@example.org", "week01 score": "1", "week01 max score": "8",
        "week01 late penalty": "0.25", "week01 total": "0.75", "total": "0.75",
    }  # fmt: skip
    assert (rows["dan"]["week01 score"], rows["dan"]["total"]) == ("", "0")
    assert set(rows) == {"ada", "bob", "cyn", "dan"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝"])
def test_what_a_spreadsheet_would_calculate_gets_an_apostrophe(start):
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    assert harmless(f"a{start}1") == f"a{start}1"


def test_the_class_in_short(page):
    assert "week01 3 1 1 2 1.92 1 8" in text(page), "graded, not, late, to mark; mean, median of 4, 1, 0.75; possible"


def test_exercises_in_order_with_rate_and_most_frequent_failure(page):
    rows = [line.strip() for line in text(page).splitlines()]
    first = next(number for number, row in enumerate(rows) if "1. twice a number" in row)
    assert rows[first].endswith("1. twice a number 3 44 % twice any 2"), "(3 + 0 + 1) of 9 points"
    assert rows[first + 1] == "2. all of them 1 67 % NotImplementedError (unanswered) 1"
    assert rows[first + 2] == "Question: why? 4 0 % to be marked by hand: 2", "of those marked"
    assert "1 · Doubling &amp; halving" in page


def test_who_dropped_out_is_left_out(page):
    assert "Dropped" not in page and "eve" not in text(page).split()


def test_the_page_is_self_contained_and_runs_nothing(page):
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<iframe|javascript:|\son\w+=", page)
    assert not re.search(r"(?:src|href)=\"(?!data:image/svg|#)", page)
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert len(pictures) == 2 and all(b"<svg" in base64.b64decode(picture) for picture in pictures)


def test_a_check_named_by_a_student_is_escaped(copy):
    write_autograded(copy, "ada", {"double_any": ("<script>alert(1)</script>", "x")})
    write_autograded(copy, "bob", {})
    write_autograded(copy, "cyn", {})
    page = write_report(copy, ["week01"]).page.read_text()
    assert "&lt;script&gt;alert(1)" in page and "<script" not in page


def test_the_report_is_the_same_each_time(copy, page):
    assert write_report(copy, ["week01"]).page.read_text() == page


def test_an_unreadable_notebook_is_named(copy):
    (copy.autograded / "ada" / "week01" / "01_doubling.ipynb").write_text("{")
    assert "Failures are not counted for ada&#39;s 01_doubling" in write_report(copy, ["week01"]).page.read_text()


def test_an_ungraded_week_is_named_beside_graded_ones(graded):
    assert "Nothing is graded yet in week02." in text(write_report(graded, ["week01", "week02"]).page.read_text())


@pytest.mark.parametrize("week", ["week02", "week03"])
def test_nothing_graded_says_what_to_run(graded, week):
    with pytest.raises(CourseError, match=f"nothing is graded in {week}: run `course grade {week}` first"):
        write_report(graded, [week])


def test_a_check_belongs_to_the_longest_exercise_it_begins_with():
    assert owner("double_all_ones", {"double", "double_all"}) == "double_all"
    assert owner("other", {"double"}) == "other"
