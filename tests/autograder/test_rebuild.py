"""Whatever became of a submission's cells, the notebook that is graded is the source's with the student's answers."""

import ast
import copy
import itertools
import json
import random
import shutil
from pathlib import Path
from unittest.mock import MagicMock

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.assignment import Assignment
from autograder.bank import exercise_of
from autograder.build import build, solved_notebook
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.errors import CourseError, Rejected
from autograder.rebuild import rebuild
from autograder.sample_class import material, solve

HERE = Path(__file__).parents[1]

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
    assert sources(graded(submission)) == expected()


def test_a_check_quoted_in_an_answer_does_not_cut_it(submission):
    submission.cells[3].source = f'def double(x):\n    """Such as\n{CHECK}\n    """\n    return 2 * x'
    assert sources(graded(submission)) == expected(submission.cells[3].source)


def test_an_added_cell_that_repeats_an_ordinary_one_stays_whole(submission):
    submission.cells.insert(4, new_code_cell("factor = 2\nprint(factor)\nfactor = 3"))
    assert sources(graded(submission)) == [*expected()[:4], "factor = 2\nprint(factor)\nfactor = 3", *expected()[4:]]


def test_of_two_cells_with_one_answer_the_one_with_another_too_is_that_one_s(submission):
    source, release = notebook(solved=True), notebook(solved=False)
    for cells, text in ((source.cells, "def half(x):\n    return x / 2"), (release.cells, "def half(x):\n    raise")):
        cells.append(new_code_cell(text, metadata=settings("half", solution=True)))
    both = "def double(x):\n    return 2 * x\n\ndef half(x):\n    return double(x) / 4"
    given = [new_code_cell(text) for text in ("def double(x):\n    return x + x", both)]
    rebuilt = rebuild(source, release, NotebookNode(cells=given))
    assert [cell.source for cell in rebuilt.cells if cell.metadata.get("id") in ("double", "half")] == [
        "def double(x):\n    return x + x",
        both,
    ]


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


@pytest.mark.parametrize(
    "metadata",
    [
        {"nbgrader": ["not", "a", "dict"], "id": "double"},
        {"nbgrader": {"grade_id": ["no", "text"]}, "id": {"neither": "this"}},
        {"nbgrader": {"grade_id": 7}, "id": 7, "tags": 7},
        {"nbgrader": None, "id": None},
        ["a list"],
        "text",
        None,
        3.5,
    ],
    ids=repr,
)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_nonsense_metadata_is_survived(submission, metadata, number):
    submission.cells[number]["metadata"] = metadata
    assert sources(graded(submission)) == expected()


@pytest.mark.parametrize("cells", [None, 3, "text", {}, [], [None, 3, "x", [], {}], [{"cell_type": "code"}]], ids=repr)
def test_cells_of_any_kind_are_survived(cells):
    rebuilt = rebuild(notebook(solved=True), notebook(solved=False), NotebookNode(cells=cells))
    assert sources(rebuilt) == expected(STUB)


@pytest.mark.parametrize("source", [None, 7, {"a": 1}, ["def double(x):\n", "    return 2 * x", 3]], ids=repr)
def test_sources_of_any_kind_are_survived(submission, source):
    submission.cells[3]["source"] = source
    assert sources(graded(submission))[4] == HIDDEN


def test_exchanged_grade_ids_are_seen_through(submission):
    first, second = submission.cells[3].metadata, submission.cells[2].metadata
    submission.cells[3].metadata, submission.cells[2].metadata = second, first
    assert "def double(x):\n    return 2 * x" in sources(graded(submission))[2:5]
    submission.cells[3].metadata, submission.cells[4].metadata = submission.cells[4].metadata, first
    rebuilt = sources(graded(submission))
    assert rebuilt.index("def double(x):\n    return 2 * x") < rebuilt.index(HIDDEN)


def test_a_copied_cell_that_was_rewritten_is_an_added_cell(submission):
    """Jupyter copies metadata too; a check cell or demo cell that became a helper is no check and no demo."""
    for place, number in [(6, 5), (4, 4), (3, 1)]:
        helper = copy.deepcopy(submission.cells[number])
        helper.source = f"helper_{number} = {number}"
        submission.cells.insert(place, helper)
    rebuilt = graded(submission)
    assert [text for text in sources(rebuilt) if text not in sources(submission)] == [HIDDEN]
    added = [cell for cell in rebuilt.cells if cell.source.startswith("helper")]
    assert [cell.source[:8] for cell in added] == ["helper_1", "helper_4", "helper_5"]
    assert all(not cell.metadata for cell in added)


def test_a_copy_of_a_demo_cell_is_left_out_like_it(submission):
    submission.cells.insert(2, new_code_cell("slow_showcase()"))
    copies = [cell for cell in graded(submission).cells if cell.source == "slow_showcase()"]
    assert [cell.metadata["tags"] for cell in copies] == [["demo"], ["demo"]]


def test_ids_that_moved_since_the_release_do_not_move_cells(submission):
    """Ids of ordinary cells come from their places; an older release with one cell more has other ones."""
    submission.cells[2].metadata["id"], submission.cells[5].metadata["id"] = "cell-05", "cell-02"
    assert sources(graded(submission)) == expected()


def test_a_definition_cut_in_two_is_put_together(submission):
    submission.cells[3].source = 'def double(x):\n    """Twice x."""\n    y = x + x'
    rest = copy.deepcopy(submission.cells[3])
    rest.source, rest.metadata = "    return y", NotebookNode()
    submission.cells.insert(4, rest)
    assert sources(graded(submission)) == expected('def double(x):\n    """Twice x."""\n    y = x + x\n    return y')


def test_a_helper_that_stands_too_far_behind_runs_with_the_answer(submission):
    submission.cells[3].source = "def double(x, times=two()):\n    return times * x"
    submission.cells.append(new_code_cell("def two():\n    return 2"))
    rebuilt = sources(graded(submission))
    assert rebuilt.index("def two():\n    return 2") + 1 == rebuilt.index(submission.cells[3].source)


def test_a_course_without_cell_ids_is_rebuilt(submission):
    """Other people's nbgrader notebooks have neither `metadata.id` nor, before nbformat 4.5, ids."""
    source, release = notebook(solved=True), notebook(solved=False)
    for cell in [*source.cells, *release.cells, *submission.cells]:
        cell.metadata.pop("id", None)
        del cell["id"]
    rebuilt = rebuild(source, release, submission)
    assert sources(rebuilt) == expected()
    assert len({cell.id for cell in rebuilt.cells}) == len(rebuilt.cells)


def test_a_header_that_nbgrader_added_to_the_release_is_kept(submission):
    release = notebook(solved=False)
    for cells in (release.cells, submission.cells):
        cells.insert(0, new_markdown_cell("Write your name here."))
    rebuilt = rebuild(notebook(solved=True), release, submission)
    assert sources(rebuilt) == ["Write your name here.", *expected()]
    with pytest.raises(CourseError, match="lacks the source's cells double"):
        rebuild(notebook(solved=True), NotebookNode(release, cells=release.cells[:4]), submission)


def test_the_source_is_left_as_it_was(submission):
    source = notebook(solved=True)
    rebuilt = rebuild(source, notebook(solved=False), submission)
    for cell in rebuilt.cells:
        cell.metadata["touched"] = True
        cell.source = "touched"
    assert source == notebook(solved=True)


# What is said


def notes(submission, kind):
    return graded(submission).metadata["dlcourse"][kind]


def test_a_check_that_differs_is_not_called_edited(submission):
    """It may be an older release's."""
    submission.cells[4].source = 'check("three", double(1.5), expected=3)'
    assert notes(submission, "repaired") == ["double_any: differs from the course's copy, which is graded"]
    assert notes(submission, "doubtful") == []


def test_cells_that_lost_their_metadata_are_counted(submission):
    """Only those that the grader needs to know: an ordinary cell of another nbgrader course never had any."""
    for number in (2, 3, 4):
        submission.cells[number].metadata = {}
    assert notes(submission, "repaired") == ["2 cells had lost their metadata and were found by what stands in them"]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 6, 5], [6, 0, 1, 2, 3, 4, 5], [0, 6, 5, 4, 3, 2, 1]])
def test_an_answer_in_words_is_found_anywhere_and_reported(submission, order):
    submission.cells[6].source = "Because adding a number to itself is to double it."
    submission.cells = [submission.cells[number] for number in order]
    for cell in submission.cells:
        cell.metadata = {}
    rebuilt = graded(submission)
    assert rebuilt.cells[-1].source == "Because adding a number to itself is to double it."
    assert rebuilt.cells[-1].metadata["nbgrader"]["grade_id"] == "why"
    [note] = rebuilt.metadata["dlcourse"]["doubtful"]
    assert note.startswith("why: the answer was found by")


def test_of_several_texts_the_one_about_the_question_is_the_answer():
    source, release = notebook(solved=True), notebook(solved=False)
    question = new_markdown_cell("### Does doubling a negative number make it smaller?", metadata={"id": "question"})
    for cells in (source.cells, release.cells):
        cells.insert(6, question)
    answer = "Doubling a negative number does make it smaller: -2 < -1."
    texts = ["shopping list: bread, tea", answer, "call home tomorrow"]
    given = [new_markdown_cell(text) for text in texts] + release.cells[:-1]
    rebuilt = rebuild(source, release, NotebookNode(cells=given))
    assert [cell.source for cell in rebuilt.cells if cell.metadata.get("id") == "why"] == [answer]
    assert rebuilt.metadata["dlcourse"]["doubtful"] == ["why: the answer was found by the words in it alone"]


def test_an_answer_that_keeps_the_text_below_it_is_found_without_doubt():
    source, release = notebook(solved=True), notebook(solved=False)
    release.cells[6].source += "\n\n*Marking.* A point for the reason."
    answer = "It is so.\n\n*Marking.* A point for the reason."
    given = [new_markdown_cell(answer), *release.cells[:-1], new_markdown_cell("shopping list: bread, tea")]
    rebuilt = rebuild(source, release, NotebookNode(cells=given))
    assert [cell.source for cell in rebuilt.cells if cell.metadata.get("id") == "why"] == [answer]
    assert rebuilt.metadata["dlcourse"]["doubtful"] == []


def test_a_note_beside_a_deleted_exercise_is_not_its_answer(submission):
    submission.cells[3] = new_code_cell("print('later')")
    rebuilt = graded(submission)
    assert STUB in sources(rebuilt) and "print('later')" in sources(rebuilt)


def test_an_edited_cell_that_is_as_like_two_is_reported(submission):
    source, release = notebook(solved=True), notebook(solved=False)
    for cells in (source.cells, release.cells):
        cells.insert(3, new_code_cell("factor = 2\nprint(factor, 1)", metadata={"id": "twin"}))
    given = [cell for cell in release.cells if cell.metadata["id"] not in ("twin", "cell-02")]
    given.insert(2, new_code_cell("factor = 2\nprint(factor,"))
    [note] = rebuild(source, release, NotebookNode(cells=given)).metadata["dlcourse"]["doubtful"]
    assert "taken for it by its text alone" in note


def test_an_edited_cell_that_is_not_very_like_is_reported(submission):
    submission.cells[2] = new_code_cell("factor = 2\nprint(factor, 3, 4)")
    rebuilt = graded(submission)
    assert sources(rebuilt)[2] == "factor = 2\nprint(factor, 3, 4)"
    assert rebuilt.metadata["dlcourse"]["doubtful"] == ["cell-02: taken for it by its text alone, 71% alike"]


# Hostile notebooks


def test_too_many_cells_are_rejected(submission):
    submission.cells += [new_code_cell("1")] * 2000
    with pytest.raises(Rejected, match=r"2,007 cells; at most 2,000"):
        graded(submission)


def test_too_long_cells_are_rejected(submission):
    submission.cells.append(new_code_cell("x" * 1_000_001))
    with pytest.raises(Rejected, match=r"characters; at most 1,000,000"):
        graded(submission)


HOSTILE = {
    "alike, but not the same": lambda n: f"factor = {n}\nprint(factor)\n" + "factor = 2\nprint(factor)\n" * 18,
    "released texts over and over": lambda n: (CHECK + "\n") * 13 + f"y{n}",
    "definitions": lambda n: f"def double(x):\n    return {n}\n" * 15,
    "indented": lambda n: f"    y = {n}\n" * 30,
    "brackets": lambda n: "(" * 490,
    "statements": lambda n: "x\n" * 245,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_cells_take_bounded_work(text):
    """Each comparison of such cells by difflib, letter for letter, takes longer than all of this."""
    claims = [{}, settings("double"), settings("double_any"), {"id": "cell-02"}]
    cells = [
        NotebookNode(cell_type="code", source=text(number)[:495], metadata=claims[number % 4]) for number in range(1993)
    ]
    assert HIDDEN in sources(graded(NotebookNode(cells=cells)))


# Every mishap to the cells of real notebooks, and every two of them together


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Source and release of the small notebook."""
    checkout = tmp_path_factory.mktemp("tiny") / "checkout"
    shutil.copytree(HERE / "tiny_course", checkout / "solutions")
    root = Course.find().root
    (checkout / "lib").mkdir()
    (checkout / "lib" / "dlcourse").symlink_to(root / "lib" / "dlcourse")
    shutil.copy(root / "pyproject.toml", checkout)
    classroom = Classroom.create(checkout / "classroom")
    build(Course(checkout), classroom)
    return [
        nbformat.read(folder / "week01" / "01_doubling.ipynb", 4) for folder in (classroom.source, classroom.release)
    ]


def week01(name):
    [notebook] = [notebook for notebook in Course.find().select("week01") if notebook.name == name]
    released = nbformat.read(Course.find().notebooks / notebook.folder / f"{name}.ipynb", 4)
    return solved_notebook(notebook, Course.find()), released


@pytest.fixture(params=["tiny", *(notebook.name for notebook in Course.find().select("week01"))], scope="module")
def real(request):
    """Source, release, and a submission of which every answer has parts that need each other."""
    source, release = request.getfixturevalue("tiny") if request.param == "tiny" else week01(request.param)
    answered = copy.deepcopy(release)
    for cell in answered.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            name = cell.metadata["nbgrader"]["grade_id"]
            if cell.cell_type == "code":
                cell.source = IN_PARTS.format(name=name)
            else:
                cell.source = cell.source.replace("YOUR ANSWER HERE", f"It is so because of {name}.")
    return source, release, answered


IN_PARTS = '''\
part_scale_{name} = 2
part_rows_{name} = [part_scale_{name}] * 3

def {name}(*arguments, scale=part_rows_{name}):
    """Answer to {name}."""
    return part_scale_{name}

{name}.finished = part_rows_{name}'''


class Lenient(dict):
    """A namespace in which whatever the course defines exists; what answers define exists only when it is defined."""

    def __missing__(self, name):
        if name.startswith("part_"):
            raise NameError(name)
        return MagicMock(name=name)


def assert_answers_count(rebuilt, source):
    """Each check finds the answer to its exercise, whole; each question holds its answer; nothing is graded twice."""
    wanted = [cell for cell in source.cells if cell.metadata.get("nbgrader", {}).get("grade_id")]
    kept = [cell for cell in rebuilt.cells if cell.metadata.get("nbgrader", {}).get("grade_id")]
    assert [cell.metadata["nbgrader"] for cell in kept] == [cell.metadata["nbgrader"] for cell in wanted]
    exercises = [c.metadata["nbgrader"]["grade_id"] for c in wanted if c.metadata["nbgrader"]["solution"]]
    names, course_texts = Lenient(), {cell.source for cell in source.cells}
    for cell in rebuilt.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("solution") and cell.cell_type == "markdown":
            assert f"because of {settings['grade_id']}." in cell.source
        elif settings.get("grade"):
            assert cell.source in course_texts
            exercise = exercise_of(settings["grade_id"], exercises)
            assert names[exercise].__doc__ == f"Answer to {exercise}." and names[exercise].finished == [2, 2, 2]
        elif cell.cell_type == "code" and "part_" in cell.source:
            exec(cell.source, {}, names)


def shuffle(cells, chance):
    return chance.sample(cells, len(cells))


def duplicate(cells, chance):
    return [copy.deepcopy(cell) for cell in cells for _ in range(1 + chance.choice([0, 1]))]


def split(cells, chance):
    """Each answer at each statement; JupyterLab leaves its metadata on all parts."""
    parts = []
    for cell in cells:
        texts = [cell.source]
        if "part_" in cell.source:
            statements = ast.parse(cell.source).body if cell.cell_type == "code" else []
            texts = [ast.get_source_segment(cell.source, statement) for statement in statements] or texts
        parts += [NotebookNode(copy.deepcopy(cell), source=text) for text in texts]
    return parts


def split_plainly(cells, chance):
    """The same; the classic notebook leaves the metadata on the first part."""
    parts = split(cells, chance)
    for before, part in zip(parts, parts[1:], strict=False):
        if part.metadata and part.metadata.get("id") == before.get("first", before.metadata.get("id")):
            part["first"], part.metadata = part.metadata["id"], NotebookNode()
    return parts


def merge(cells, chance):
    """Some neighbours of one type; Jupyter keeps the first one's metadata."""
    merged = [copy.deepcopy(cells[0])]
    for cell in cells[1:]:
        if cell.cell_type == merged[-1].cell_type and chance.random() < 0.5:
            merged[-1].source += "\n\n" + cell.source
        else:
            merged.append(copy.deepcopy(cell))
    return merged


def strip(cells, chance):
    return [NotebookNode(copy.deepcopy(cell), metadata=NotebookNode(), id="x") for cell in cells]


MISHAPS = [shuffle, duplicate, split, split_plainly, merge, strip]
PAIRS = [[mishap] for mishap in MISHAPS] + [list(pair) for pair in itertools.permutations(MISHAPS, 2)]
PAIRS.remove([split_plainly, shuffle])  # a statement that is nobody's and stands anywhere


@pytest.mark.parametrize("mishaps", PAIRS, ids=lambda pair: "-".join(mishap.__name__ for mishap in pair))
def test_every_two_mishaps_leave_the_answers_what_they_deserve(real, mishaps):
    source, release, answered = real
    for seed in range(3):
        cells, chance = answered.cells, random.Random(seed)
        for mishap in mishaps:
            cells = mishap(cells, chance)
        rebuilt = rebuild(source, release, NotebookNode(cells=copy.deepcopy(cells)))
        assert_answers_count(rebuilt, source)


def test_pasted_pictures_stay_with_their_text_and_other_attachments_do_not_stop_the_page(tiny_course, tiny_classroom):
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    handed_in = json.loads(nbformat.writes(solve(given)))
    (answer,) = [cell for cell in handed_in["cells"] if cell["id"] == "why"]
    answer["source"] = "See ![my drawing](attachment:image.png) and ![none](attachment:none.png)."
    answer["attachments"] = {"image.png": {"image/png": "iVBORw0KGgo="}, "evil.svg": {"image/svg+xml": "<svg/>"}}
    assignment = Assignment(tiny_classroom, "week01")
    rebuilt = assignment.rebuilt(handed_in, "01_doubling")
    (cell,) = [cell for cell in rebuilt.cells if cell.id == "why"]
    assert cell.attachments == {"image.png": {"image/png": "iVBORw0KGgo="}}
    assert cell.source == "See ![my drawing](attachment:image.png) and ![none](missing:none.png)."
    page, _ = HTMLExporter().from_notebook_node(new_notebook(cells=[cell]))
    assert "iVBORw0KGgo=" in page
