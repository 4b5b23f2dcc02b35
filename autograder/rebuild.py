"""Make the notebook that is graded from the source, with the student's cells in it.

Setup, locked and check cells come from the source, whatever became of them in the submission; exercises and ordinary
cells are the student's, and cells that the student added keep their place. Tags, points, types and ids of the
submission have no effect.
"""

import ast
import re
from difflib import SequenceMatcher

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

ALIKE = 0.75  # least likeness of two texts that are taken for the same cell


def rebuild(source: NotebookNode, release: NotebookNode, submission: NotebookNode) -> NotebookNode:
    """The notebook to grade; `metadata.dlcourse.repaired` lists what was mended in it.

    Args:
        source: with solutions and hidden checks.
        release: what the student was given; its cells are the source's, in the same order.
        submission: what the student handed in, of nbformat 4.
    """
    given = [cell for cell in submission.cells if cell.get("cell_type") in ("code", "markdown", "raw")]
    places = match(release, given)
    notes, cells = [], []
    copies = {
        index: [cell for cell, place in zip(given, places, strict=True) if place == index]
        for index in range(len(release.cells))
    }
    find_merged_answers(release, given, copies, notes)
    extras = extras_by_place(given, places)
    cells += extras.get(-1, [])
    for index, (original, stub) in enumerate(zip(source.cells, release.cells, strict=True)):
        cells += graft(original, stub, copies[index], notes)
        cells += extras.get(index, [])
    for number, cell in enumerate(cells):
        cell.id = cell.metadata.get("id", f"extra-{number:03d}")
    rebuilt = NotebookNode(nbformat=4, nbformat_minor=5, cells=cells, metadata=NotebookNode(source.metadata))
    rebuilt.metadata["dlcourse"] = {"repaired": notes}
    return rebuilt


def match(release: NotebookNode, given: list[NotebookNode]) -> list[int | None]:
    """For each submitted cell the index of the released cell that it is, or None for one that the student added."""
    by_grade_id = {grade_id(cell): index for index, cell in enumerate(release.cells) if grade_id(cell)}
    by_id = {cell.metadata["id"]: index for index, cell in enumerate(release.cells)}
    places = [by_grade_id.get(grade_id(cell), by_id.get(text_of(cell.metadata.get("id")))) for cell in given]
    free = set(range(len(release.cells))) - set(places)
    for number, cell in enumerate(given):
        if places[number] is None:
            places[number] = likest(cell, release, free)
            if places[number] is not None and not is_answer(release.cells[places[number]]):
                free.discard(places[number])
    match_answers_by_neighbour(release, given, places)
    return places


def match_answers_by_neighbour(release: NotebookNode, given: list[NotebookNode], places: list[int | None]) -> None:
    """An answer that is found nowhere is the unmatched cell of its type right behind the cell before it."""
    for index, cell in enumerate(release.cells):
        if not is_answer(cell) or index in places or index - 1 not in places:
            continue
        number = len(places) - places[::-1].index(index - 1)
        if number < len(given) and places[number] is None and given[number].cell_type == cell.cell_type:
            places[number] = index


def find_merged_answers(
    release: NotebookNode, given: list[NotebookNode], copies: dict[int, list[NotebookNode]], notes: list[str]
) -> None:
    """Give an exercise that has no answer the cells that define its names, whichever other cell they were merged into.

    Jupyter keeps the first cell's metadata when two are merged: what stood in a setup or check cell would be lost.
    """
    for index, stub in enumerate(release.cells):
        names = defined_names(stub.source) if is_answer(stub) and stub.cell_type == "code" else set()
        if not names or any(copy.source.strip() != stub.source.strip() for copy in copies[index]):
            continue
        merged = [cell for cell in given if defined_names(cell.source) & names and cell not in copies[index]]
        if merged:
            copies[index] = merged
            notes.append(f"{grade_id(stub)}: the answer was found in another cell")


def grade_id(cell: NotebookNode) -> str | None:
    settings = cell.metadata.get("nbgrader", {})
    return text_of(settings.get("grade_id")) if isinstance(settings, dict) else None


def text_of(value) -> str | None:
    """A submission's metadata may hold anything: only text names a cell."""
    return value if isinstance(value, str) else None


def is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def likest(cell: NotebookNode, release: NotebookNode, free: set[int]) -> int | None:
    """The released cell among `free` that the text is: the exercise whose name it defines, or the likest."""
    text = cell.source.strip()
    names = defined_names(text)
    best, likeness = None, ALIKE
    for index in sorted(free):
        other = release.cells[index]
        if is_answer(other) and other.cell_type == "code" and defined_names(other.source) & names:
            return index
        ratio = SequenceMatcher(None, text, other.source.strip(), autojunk=False)
        if ratio.real_quick_ratio() > likeness and ratio.quick_ratio() > likeness and ratio.ratio() > likeness:
            best, likeness = index, ratio.ratio()
    return best


def defined_names(text: str) -> set[str]:
    """Names of the functions and classes that a cell defines at its top, also when it is no valid Python."""
    try:
        return {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"^(?:def|class) +(\w+)", text, flags=re.MULTILINE))


def extras_by_place(given: list[NotebookNode], places: list[int | None]) -> dict[int, list[NotebookNode]]:
    """The cells that the student added, by the released cell that they stand behind; -1 for those before all."""
    extras, behind = {}, -1
    for cell, place in zip(given, places, strict=True):
        if place is not None:
            behind = place
        elif cell.cell_type != "raw" and cell.source.strip():
            extras.setdefault(behind, []).append(plain_cell(cell))
    return extras


def plain_cell(cell: NotebookNode) -> NotebookNode:
    """A student's cell without the metadata that could make it something else."""
    return new_code_cell(cell.source) if cell.cell_type == "code" else new_markdown_cell(cell.source)


def graft(
    original: NotebookNode, stub: NotebookNode, copies: list[NotebookNode], notes: list[str]
) -> list[NotebookNode]:
    """The cells that stand in the place of one cell of the source."""
    settings = original.metadata.get("nbgrader", {})
    name = settings.get("grade_id", original.metadata["id"])
    if settings.get("solution"):
        return answer_cells(original, stub, copies, name, notes)
    if settings.get("locked") or settings.get("grade"):
        if not copies:
            notes.append(f"{name}: was deleted; restored")
        elif len(copies) > 1:
            notes.append(f"{name}: stood there {len(copies)} times; counted once")
        elif copies[0].source.strip() != stub.source.strip():
            notes.append(f"{name}: was edited; restored")
        return [NotebookNode(original)]
    if not copies:
        return [dressed(original, original.source)]
    return [*(plain_cell(copy) for copy in copies[:-1]), dressed(original, copies[-1].source)]


def answer_cells(original, stub, copies, name, notes) -> list[NotebookNode]:
    """An exercise's cell with the student's answer; other copies of it run before it, in the student's order."""
    if not copies:
        notes.append(f"{name}: the answer's cell is missing; counted as not answered")
        return [dressed(original, stub.source)]
    answers = [copy for copy in copies if copy.source.strip() != stub.source.strip()] or copies[:1]
    if len(answers) > 1:
        notes.append(f"{name}: {len(answers)} cells answer it; they run in their order")
    return [*(plain_cell(copy) for copy in answers[:-1]), dressed(original, answers[-1].source)]


def dressed(original: NotebookNode, text: str) -> NotebookNode:
    """The source's cell, its type and metadata, with another text."""
    cell = NotebookNode(original)
    cell.source = text
    return cell
