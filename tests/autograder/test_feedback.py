"""The page that a student gets back: what it must show, what it must not, and what it must not run."""

import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.feedback import check_names, failure, write_feedback

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CHECK = """\
check("twice one", double(1), expected=2)
### BEGIN HIDDEN TESTS
secret_inputs = check.rng().uniform(1, 2)
check("twice any", double(secret_inputs))
for power in range(3):
    check(f"twice 10 to the {power}", double(10**power))
### END HIDDEN TESTS"""


def settings(grade_id, **kinds):
    kinds = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3} | kinds
    return {"nbgrader": {"grade_id": grade_id} | kinds}


def error(ename, evalue, *traceback):
    return new_output("error", ename=ename, evalue=evalue, traceback=list(traceback))


def notebook(*extra, failed=None, answer="def double(x):\n    return 2 * x"):
    cells = [
        new_markdown_cell("# Doubling\n\n`a < b`\n\n> quoted\n\n<details><summary>Answer</summary>Yes</details>"),
        new_code_cell(answer, metadata=settings("double", solution=True)),
        new_code_cell(CHECK, metadata=settings("double_any", grade=True, locked=True, points=2)),
        new_markdown_cell("Because.", metadata=settings("why", grade=True, solution=True, points=3)),
        *extra,
    ]
    cells[2].outputs = [failed] if failed else []
    return new_notebook(cells=cells)


def shows(data, **metadata):
    return new_code_cell("show()", outputs=[new_output("display_data", data=data, metadata=metadata)])


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A classroom in which ada and bob are marked."""
    classroom = Classroom.create(tmp_path_factory.mktemp("feedback") / "classroom")
    with classroom.gradebook() as gradebook:
        gradebook.add_assignment("week01")
        gradebook.add_notebook("01_doubling", "week01")
        gradebook.add_solution_cell("double", "01_doubling", "week01")
        gradebook.add_solution_cell("why", "01_doubling", "week01")
        gradebook.add_grade_cell("double_any", "01_doubling", "week01", max_score=2, cell_type="code")
        gradebook.add_grade_cell("why", "01_doubling", "week01", max_score=3, cell_type="markdown")
        for student in ["ada", "bob"]:
            gradebook.add_student(student)
            gradebook.add_submission("week01", student)
            gradebook.find_grade("double_any", "01_doubling", "week01", student).auto_score = 2
            gradebook.find_grade("why", "01_doubling", "week01", student).manual_score = 1.5
        gradebook.find_comment("why", "01_doubling", "week01", "ada").manual_comment = "Say *why*."
        gradebook.find_submission_notebook("01_doubling", "week01", "ada").late_submission_penalty = 0.5
        gradebook.db.commit()
    return classroom


@pytest.fixture
def classroom(marked, tmp_path):
    shutil.copytree(marked.root, tmp_path / "classroom")
    return Classroom(tmp_path / "classroom")


@pytest.fixture
def page(classroom):
    """Gives ada's page on a notebook."""

    def make(autograded):
        hand_in(classroom, "ada", autograded)
        feedback = write_feedback(classroom, "week01")
        assert feedback.problems == []
        assert feedback.pages == [classroom.feedback / "ada" / "week01" / "01_doubling.html"]
        return feedback.pages[0].read_text(encoding="utf-8")

    return make


def hand_in(classroom, student, autograded):
    folder = classroom.autograded / student / "week01"
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(autograded, str):
        (folder / "01_doubling.ipynb").write_text(autograded)
    else:
        nbformat.write(autograded, folder / "01_doubling.ipynb")


def text(page):
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_marks_penalty_and_comment_are_shown(page):
    words = text(page(notebook()))
    assert "3 of 5 points , after 0.5 taken off for lateness" in words.replace("points,", "points ,")
    assert "double_any: 2 of 2 points" in words and "why: 1.5 of 3 points" in words
    assert "Comment: Say why ." in words


def test_a_hidden_check_is_shown_by_name_only(page):
    html = page(notebook(failed=error("CheckFailed", "twice any: got 1.7, wanted 3.4")))
    words = text(html)
    assert "Hidden check failed: twice any" in words
    assert "Hidden checks: twice any; twice 10 to the …" in words
    assert "twice one" in words, "the visible check stays"
    for secret in ["secret_inputs", "HIDDEN", "power", "1.7", "3.4"]:
        assert secret not in html.partition("<main")[2] + words


@pytest.mark.parametrize(
    "ename, evalue, told",
    [
        ("CheckFailed", "twice one: got 1, wanted 2", "Check failed: twice one"),
        ("CheckFailed", "twice 10 to the 2: got 1, wanted 2", "Hidden check failed: twice 10 to the …"),
        ("CheckFailed", "made up: secret_inputs = 3", "A check failed."),
        ("ValueError", "secret_inputs = 3", "The answer raised ValueError while the checks ran."),
        ("secret_inputs = 3", "", "The answer raised an error while the checks ran."),
        ("NotImplementedError", "secret_inputs = 3", "Not answered: NotImplementedError"),
        ("NotRun", "not run: the kernel died", "NotRun: not run: the kernel died"),
        ("NotRun", "not run: secret_inputs", "The answer raised an error while the checks ran."),
        ("CellTimeout", "the cell ran longer than 30 seconds", "The cell ran longer than it may."),
    ],
)
def test_what_failed_is_told_without_what_a_submission_put_into_it(ename, evalue, told):
    assert failure(error(ename, evalue), check_names(CHECK), check_names(CHECK)[1:]) == told


def test_what_a_check_cell_printed_is_not_shown(page):
    printed = notebook()
    printed.cells[2].outputs = [new_output("stream", name="stdout", text="secret_inputs is 3")]
    assert "secret_inputs" not in page(printed)


def test_a_failure_in_ones_own_cell_is_one_line(page):
    failed = new_code_cell("double(None)", outputs=[error("TypeError", "no number", "Trace", "----> 7 secret_line")])
    words = text(page(notebook(failed)))
    assert "TypeError: no number" in words and "secret_line" not in words


def test_marks_of_hidden_regions_in_an_answer_change_nothing(page):
    assert "my own words" in page(notebook(answer="### BEGIN HIDDEN TESTS\n'my own words'"))


ATTACKS = [
    new_markdown_cell('<script>alert(1)</script><img src="x" onerror="alert(1)"><iframe src="//x"></iframe>'),
    new_markdown_cell('[a](javascript:alert(1)) <a href="javascript:alert(1)">b</a> <a href="data:text/html,x">c</a>'),
    new_markdown_cell('<style>body{display:none}</style><meta http-equiv="refresh" content="0"><base href="//x">'),
    new_markdown_cell('<form action="//x"><input></form><p style="position:fixed;top:0">d</p><svg onload="alert(1)">'),
    shows({"text/html": "<script>alert(1)</script><img src=x onerror=alert(1)><p onclick='alert(1)'>e</p>"}),
    shows({"text/html": "<b>f</b>"}, **{"text/html": {"isolated": True}}),
    shows({"application/javascript": "alert(1)", "text/plain": "instead of a script"}),
    shows({"image/png": PIXEL}, **{"image/png": {"width": "1 onerror=alert(1)"}}),
    shows({"text/markdown": "<script>alert(1)</script>"}),
    shows({"text/latex": "<script>alert(1)</script>"}),
    shows({"image/svg+xml": "<svg onload='alert(1)'></svg>"}),
    new_code_cell("x", outputs=[new_output("stream", name="stdout", text="<script>alert(1)</script>")]),
    new_code_cell("x", outputs=[error("<script>", "<img src=x onerror=alert(1)>", "<script>")]),
    nbformat.v4.new_raw_cell("<script>alert(1)</script>", metadata={"raw_mimetype": "text/html"}),
    new_code_cell("</div></main><script>alert(1)</script>", metadata={"tags": ['"><script>']}),
]


def test_nothing_that_a_submission_holds_runs_or_loads(page):
    html = page(notebook(*ATTACKS))
    tags = re.findall(r"<[a-zA-Z][^>]*>", html)
    assert "default-src 'none'; img-src data:;" in html
    elsewhere = r"""(?:src|href)\s*=\s*["'](?!data:image/|#|https?:|mailto:)"""
    for tag in tags:
        assert re.match(r"<(?!script|iframe|form|input|svg|base|object|embed|link)\w+", tag), tag
        assert not re.search(rf"\son\w+\s*=|position:|{elsewhere}", tag), tag
    assert len(re.findall("<style", html)) == len(re.findall("<style", page(notebook())))
    assert sum("http-equiv" in tag for tag in tags) == 1
    assert "alert(1)" in html and "instead of a script" in html, "it is shown as text"


def test_pictures_tables_and_text_of_honest_notebooks_are_shown(page):
    attached = new_markdown_cell("![a picture](attachment:p.png)")
    attached["attachments"] = {"p.png": {"image/png": PIXEL}}
    table = "<table><tr><th style='text-align:right'>loss</th></tr><tr><td>0.25</td></tr></table>"
    card = "<div style='border:1px solid #888;padding:.4em 1em;max-width:52em'><b>claim</b></div>"
    outputs = [shows({"image/png": PIXEL}), shows({"text/html": table}), shows({"text/html": card}),
               shows({"image/svg+xml": "<svg></svg>"})]  # fmt: skip
    html = page(notebook(attached, *outputs))
    assert html.count(f"data:image/png;base64,{PIXEL}") == 2
    assert "data:image/svg+xml;base64," in html
    assert re.search(r'<th style="text-align: ?right;?">loss</th>', html)
    assert re.search(r'<div style="border: ?1px solid #888; ?padding: ?.4em 1em; ?max-width: ?52em;?"><b>claim', html)
    assert "<code>a &lt; b</code>" in html and "<blockquote>" in html and "<summary>Answer</summary>" in html


def test_one_students_failure_stops_nobody(classroom):
    hand_in(classroom, "ada", "{ no notebook")
    hand_in(classroom, "bob", notebook())
    hand_in(classroom, "cyn", notebook())  # has a folder, and no marks
    steps = []
    feedback = write_feedback(classroom, "week01", progress=lambda *step: steps.append(step))
    assert [page.parts[-3] for page in feedback.pages] == ["bob"]
    assert [problem.partition(":")[0] for problem in feedback.problems] == ["ada", "cyn"]
    assert all("\n" not in problem and "Error" in problem or "Entry" in problem for problem in feedback.problems)
    assert steps == [("feedback", 1, 3), ("feedback", 2, 3), ("feedback", 3, 3)]


def test_only_the_students_asked_for(classroom):
    hand_in(classroom, "ada", notebook())
    hand_in(classroom, "bob", notebook())
    assert [page.parts[-3] for page in write_feedback(classroom, "week01", ["bob"]).pages] == ["bob"]
    assert not (classroom.feedback / "ada").exists()


def test_pages_are_written_anew(classroom):
    for _ in range(2):
        hand_in(classroom, "ada", notebook())
        assert len(write_feedback(classroom, "week01").pages) == 1
    hand_in(classroom, "ada", notebook(new_markdown_cell("second thoughts")))
    assert "second thoughts" in write_feedback(classroom, "week01").pages[0].read_text()


def test_nothing_graded_says_what_to_run(classroom):
    with pytest.raises(CourseError, match="nothing is graded in week01: run `course grade week01` first"):
        write_feedback(classroom, "week01")
    hand_in(classroom, "ada", notebook())
    with pytest.raises(CourseError, match="nothing of dan is graded in week01"):
        write_feedback(classroom, "week01", ["ada", "dan"])
