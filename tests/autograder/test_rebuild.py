"""Whatever became of a submission's cells, the notebook that is graded is the source's with the student's answers."""

import copy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.rebuild import rebuild

STUB = (
    'def double(x):\n    """Twice x."""\n    raise NotImplementedError("Write your answer here, then run this cell.")'
)
ANSWER = 'def double(x):\n    """Twice x."""\n    return x + x'
CHECK = 'check("two", double(1), expected=2)'
HIDDEN = CHECK + '\n### BEGIN HIDDEN TESTS\ncheck("any", double(check.rng().uniform()))\n### END HIDDEN TESTS'


def settings(name, **kind):
    plain = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return {"id": name, "nbgrader": plain | {"grade_id": name} | kind}


def notebook(solved: bool):
    answer, check = (ANSWER, HIDDEN) if solved else (STUB, CHECK)
    cells = [
        new_markdown_cell("# 1 · Doubling", metadata={"id": "cell-00"}),
        new_code_cell("dlcourse.setup('week01/01_x', seed=1)", metadata=settings("setup", locked=True)),
        new_code_cell("factor = 2\nprint(factor)", metadata={"id": "cell-02"}),
        new_code_cell(answer, metadata=settings("double", solution=True)),
        new_code_cell(check, metadata=settings("double_any", grade=True, locked=True, points=2)),
        new_code_cell("slow_showcase()", metadata={"id": "cell-05", "tags": ["demo"]}),
        new_markdown_cell(
            "My answer." if solved else "YOUR ANSWER HERE",
            metadata=settings("why", grade=True, solution=True, points=3),
        ),
    ]
    for cell in cells:
        cell.id = cell.metadata["id"]
    return new_notebook(cells=cells)


@pytest.fixture
def submission():
    handed_in = notebook(solved=False)
    handed_in.cells[3].source = "def double(x):\n    return 2 * x"
    return handed_in


def graded(submission):
    return rebuild(notebook(solved=True), notebook(solved=False), submission)


def sources(rebuilt):
    return [cell.source for cell in rebuilt.cells]


def expected(answer="def double(x):\n    return 2 * x"):
    wanted = sources(notebook(solved=True))
    wanted[3], wanted[6] = answer, "YOUR ANSWER HERE"
    return wanted


def test_honest_submission_holds_its_answers_and_the_full_checks(submission):
    rebuilt = graded(submission)
    assert sources(rebuilt) == expected()
    assert rebuilt.metadata["dlcourse"]["repaired"] == []


def test_lost_metadata_is_found_again_by_names_and_likeness(submission):
    for number, cell in enumerate(submission.cells):
        cell.metadata, cell.id = {}, f"other-{number}"
    rebuilt = graded(submission)
    assert sources(rebuilt) == expected()
    assert rebuilt.cells[4].metadata["nbgrader"]["points"] == 2


def test_answer_in_words_is_found_by_its_place_when_metadata_is_lost(submission):
    submission.cells[6].source = "Because adding a number to itself is to double it."
    for cell in submission.cells:
        cell.metadata = {}
    assert sources(graded(submission)) == [*expected()[:6], submission.cells[6].source]


def test_colabs_ids_find_the_cells(submission):
    for cell in submission.cells:
        cell.metadata = {"id": cell.metadata["id"]}
        cell.source = cell.source + "\n# edited beyond likeness " * (cell.metadata["id"] == "double") * 20
    assert sources(graded(submission))[4] == HIDDEN


@pytest.mark.parametrize("gone", [1, 2, 4])
def test_deleted_cells_come_back(submission, gone):
    del submission.cells[gone]
    assert sources(graded(submission)) == expected()


def test_deleted_answer_counts_as_not_answered(submission):
    del submission.cells[3]
    rebuilt = graded(submission)
    assert sources(rebuilt) == expected(STUB)
    assert "not answered" in rebuilt.metadata["dlcourse"]["repaired"][0]


def test_duplicated_cells_run_in_order_and_count_once(submission):
    first = copy.deepcopy(submission.cells[3])
    submission.cells.insert(3, first)
    first.source = "def double(x):\n    return 7"
    submission.cells.insert(6, copy.deepcopy(submission.cells[5]))
    rebuilt = graded(submission)
    assert sources(rebuilt) == [*expected()[:3], "def double(x):\n    return 7", *expected()[3:]]
    names = [cell.metadata["nbgrader"]["grade_id"] for cell in rebuilt.cells if "nbgrader" in cell.metadata]
    assert len(names) == len(set(names))


def test_unchanged_stub_beside_an_answer_is_dropped(submission):
    submission.cells.append(copy.deepcopy(notebook(solved=False).cells[3]))
    assert sources(graded(submission)) == expected()


def test_split_answer_runs_as_a_whole(submission):
    submission.cells[3].source = "helper = 2"
    rest = copy.deepcopy(submission.cells[3])
    rest.source = "def double(x):\n    return helper * x"
    submission.cells.insert(4, rest)
    rebuilt = sources(graded(submission))
    assert rebuilt.index("helper = 2") < rebuilt.index(rest.source) < rebuilt.index(HIDDEN)


@pytest.mark.parametrize("into", [1, 2], ids=["setup", "ordinary"])
def test_answer_merged_into_the_cell_before_it_counts(submission, into):
    answer = submission.cells.pop(3).source
    submission.cells[into].source += "\n\n" + answer
    rebuilt = graded(submission)
    assert rebuilt.cells[3].source.endswith(answer)
    assert rebuilt.cells[3].metadata["nbgrader"]["grade_id"] == "double"
    assert sources(rebuilt)[4] == HIDDEN
    assert "double: the answer was found in another cell" in rebuilt.metadata["dlcourse"]["repaired"]


def test_check_merged_into_the_answer_does_not_replace_the_check(submission):
    check = submission.cells.pop(4).source
    submission.cells[3].source += "\n\n" + check
    rebuilt = sources(graded(submission))
    assert rebuilt[3] == submission.cells[3].source and rebuilt[4] == HIDDEN


def test_shuffled_cells_run_in_the_order_of_the_source(submission):
    submission.cells.reverse()
    assert sources(graded(submission)) == expected()
    for number, cell in enumerate(submission.cells):
        cell.metadata, cell.id = {}, f"other-{number}"
    assert sources(graded(submission)) == expected()


def test_added_cells_keep_their_place(submission):
    submission.cells.insert(3, new_code_cell("import math"))
    submission.cells.insert(0, new_markdown_cell("my notes"))
    rebuilt = sources(graded(submission))
    assert rebuilt == ["my notes", *expected()[:3], "import math", *expected()[3:]]


def test_tags_types_points_and_schema_of_the_submission_have_no_effect(submission):
    submission.cells[4].metadata["tags"] = ["skip-execution", "demo"]
    submission.cells[4].metadata["nbgrader"] |= {"points": 100, "grade": False, "schema_version": 2}
    submission.cells[1].cell_type = "markdown"
    rebuilt = graded(submission)
    assert rebuilt.cells[4] == notebook(solved=True).cells[4]
    assert rebuilt.cells[1].cell_type == "code"
    assert rebuilt.cells[5].metadata["tags"] == ["demo"]


def test_added_cells_cannot_pose_as_graded_ones(submission):
    forged = new_code_cell("pass", metadata=settings("extra", grade=True, points=50) | {"tags": ["demo"]})
    submission.cells.append(forged)
    rebuilt = graded(submission)
    assert "nbgrader" not in rebuilt.cells[-1].metadata and "tags" not in rebuilt.cells[-1].metadata


def test_nonsense_metadata_is_survived(submission):
    submission.cells[3].metadata = {"nbgrader": ["not", "a", "dict"], "id": "double"}
    submission.cells[4].metadata = {"nbgrader": {"grade_id": ["no", "text"]}, "id": {"neither": "this"}}
    assert sources(graded(submission)) == expected()
