"""Make the notebook that is graded from the source, with the student's cells in it.

Setup, locked and check cells come from the source, whatever became of them in the submission; exercises and ordinary
cells are the student's, and cells that the student added keep their place. Tags, points, types and ids of the
submission have no effect.
"""

import builtins
import copy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.errors import CourseError
from autograder.matching import Match, match
from autograder.pictures import keep_pictures
from autograder.submitted import Given, Released, given_cells, settings
from autograder.texts import Names, course_names

ORDERED = 50  # answers of one exercise; more are left in the order they stand in
BUILT_IN = frozenset(vars(builtins))


def rebuild(source: NotebookNode, release: NotebookNode, submission: NotebookNode) -> NotebookNode:
    """The notebook to grade. `metadata.dlcourse` holds two lists of notes: `repaired`, which the student and the
    instructor see, and `doubtful`, for the instructor: answers that may not be what they were taken for.

    Args:
        source: with solutions and hidden checks.
        release: what the student was given; its cells are the source's in the same order, and perhaps a header and a
            footer that nbgrader added.
        submission: what the student handed in, of nbformat 4; its cells and metadata may hold anything.

    Raises:
        CourseError: the release lacks graded cells of the source.
        Rejected: the submission has more cells, or more text in them, than is graded.
    """
    released = Released(release)
    originals = aligned(source, release)
    matched = match(released, given_cells(submission, released))
    answers = {index: answering(released, matched, index) for index in released.answers}
    fetch_late_helpers(originals, matched, answers)
    extras = extras_by_place(originals, released, matched)
    cells = extras.get(-1, [])
    for index, original in enumerate(originals):
        cells += graft(original, index, released, matched, answers)
        cells += extras.get(index, [])
    for number, cell in enumerate(cells):
        cell.id = cell.metadata.get("id", f"extra-{number:03d}")
    keep_pictures(cells, submission)
    rebuilt = NotebookNode(nbformat=4, nbformat_minor=5, cells=cells, metadata=copy.deepcopy(source.metadata))
    rebuilt.metadata["dlcourse"] = {"repaired": matched.repaired, "doubtful": matched.doubtful}
    return rebuilt


def aligned(source: NotebookNode, release: NotebookNode) -> list[NotebookNode]:
    """For each released cell the source's; what nbgrader added to the release stands for itself."""
    if len(source.cells) == len(release.cells):
        return source.cells
    by_grade_id = {settings(cell, "grade_id"): cell for cell in source.cells if settings(cell, "grade_id")}
    missing = by_grade_id.keys() - {settings(cell, "grade_id") for cell in release.cells}
    if missing:
        raise CourseError(f"the release lacks the source's cells {', '.join(sorted(missing))}: make it again")
    return [by_grade_id.get(settings(cell, "grade_id"), cell) for cell in release.cells]


def answering(released: Released, matched: Match, index: int) -> list[int]:
    """Numbers of the cells that answer an exercise, in the order to run them; the stub only when nothing else does."""
    last = {matched.given[number].text.strip(): number for number in matched.copies(index)}
    unanswered = [last.pop(text) for text in ("", released.texts[index]) if text in last]
    return in_order(sorted(last.values()), matched) if last else unanswered[-1:]


def in_order(numbers: list[int], matched: Match) -> list[int]:
    """The student's order, but for parts of an answer that define what another part needs: they come before it."""
    if not 1 < len(numbers) <= ORDERED:
        return numbers
    names = {number: matched.given[number].names for number in numbers}
    waiting, ordered = list(numbers), []
    while waiting:
        blocked = {late for late in waiting if any(precedes(names[early], names[late]) for early in waiting)}
        ordered.append(next((number for number in waiting if number not in blocked), waiting[0]))
        waiting.remove(ordered[-1])
    return ordered


def precedes(first: Names, second: Names) -> bool:
    """Whether one part of an answer defines what another needs; two that define the same are attempts: neither does."""
    return bool(first.defined & second.needed) and not (first.defined & second.defined or second.defined & first.needed)


def fetch_late_helpers(originals: list[NotebookNode], matched: Match, answers: dict[int, list[int]]) -> None:
    """Let what an answer needs, and the student defined in an added cell too far behind, run with the answer."""
    behind, late = -1, []
    for number, place in enumerate(matched.places):
        behind = behind if place is None else place
        if place is None and matched.given[number].kind == "code":
            late.append((number, behind))
    if not late:
        return
    known = BUILT_IN.union(*(course_names(cell.source).defined for cell in originals if cell.cell_type == "code"))
    for index, numbers in answers.items():
        names = [matched.given[number].names for number in numbers if matched.given[number].kind == "code"]
        wanted = set().union(*(name.needed for name in names)) - known - set().union(*(name.defined for name in names))
        helpers = [n for n, behind in late if wanted and behind > index and matched.given[n].names.defined & wanted]
        for number in helpers:
            matched.places[number] = index
        if helpers:
            answers[index] = in_order(sorted([*numbers, *helpers]), matched)


def extras_by_place(originals: list[NotebookNode], released: Released, matched: Match) -> dict[int, list[NotebookNode]]:
    """The cells that the student added, by the released cell that they stand behind; -1 for those before all."""
    extras, behind = {}, -1
    for cell, place in zip(matched.given, matched.places, strict=True):
        if place is not None:
            behind = place
        elif cell.kind != "raw" and cell.text.strip():
            extra = plain_cell(cell)
            for index in released.by_text.get(cell.text.strip(), []):
                if "tags" in originals[index].metadata:  # a copy of a demo cell is left out like it
                    extra.metadata["tags"] = list(originals[index].metadata["tags"])
            extras.setdefault(behind, []).append(extra)
    return extras


def plain_cell(cell: Given) -> NotebookNode:
    """A student's cell without the metadata that could make it something else."""
    return new_code_cell(cell.text) if cell.kind == "code" else new_markdown_cell(cell.text)


def graft(
    original: NotebookNode, index: int, released: Released, matched: Match, answers: dict[int, list[int]]
) -> list[NotebookNode]:
    """The cells that stand in the place of one cell of the source."""
    if index in answers:
        return answer_cells(original, index, released, matched, answers[index])
    copies = [matched.given[number] for number in matched.copies(index)]
    if index not in released.locked:
        return [dressed(original, copies[0].text if copies else original.source)]
    note = None
    if not copies:
        note = "is missing; the course's copy is graded"
    elif len(copies) > 1:
        note = f"stands there {len(copies)} times; it counts once"
    elif copies[0].text.strip() != released.texts[index]:
        note = "differs from the course's copy, which is graded"
    if note:
        matched.repaired.append(f"{released.name(index)}: {note}")
    return [copy.deepcopy(original)]


def answer_cells(
    original: NotebookNode, index: int, released: Released, matched: Match, numbers: list[int]
) -> list[NotebookNode]:
    """An exercise's cell with the student's answer; other parts and attempts run before it."""
    name = released.name(index)
    if not numbers:
        matched.repaired.append(f"{name}: the answer's cell is missing; counted as not answered")
        return [dressed(original, released.cells[index].source)]
    if len(numbers) > 1:
        matched.repaired.append(f"{name}: {len(numbers)} cells answer it; they run one after the other")
    texts = [matched.given[number].text for number in numbers]
    make = new_code_cell if original.cell_type == "code" else new_markdown_cell
    return [*(make(text) for text in texts[:-1]), dressed(original, texts[-1])]


def dressed(original: NotebookNode, text: str) -> NotebookNode:
    """The source's cell, its type and metadata, with another text."""
    cell = copy.deepcopy(original)
    cell.source = text
    return cell
