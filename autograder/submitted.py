"""The cells of a submission as plain values, with those mended that were cut in two or merged into one.

Nothing here trusts the submission: its metadata may be any JSON.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from nbformat import NotebookNode

from autograder.errors import Rejected
from autograder.texts import DEFINITIONS, Names, course_names, names_in, parsed

CELLS = 2_000
LARGEST = 1_000_000  # characters of all cells' sources; the course's longest notebook has 30,000
COPIES = 10  # of one released text that are looked for in a cell
KINDS = ("code", "markdown", "raw")


@dataclass(eq=False)
class Given:
    """One cell that the student handed in, or a part of one."""

    kind: str
    text: str
    grade_id: str | None = None
    id: str | None = None
    mended: bool = False  # a part of a merged cell, or put together of cells that a definition was cut into

    @cached_property
    def names(self) -> Names:
        """The names in its code; none in prose, though it may quote code."""
        names = names_in(self.text)
        is_code = self.kind == "code" or names.needed or names.defined - names.functions
        return names if is_code else Names()


class Released:
    """The cells that the student was given, by their names, their texts and the functions that they ask for."""

    def __init__(self, release: NotebookNode):
        self.cells = release.cells
        self.texts = [cell.source.strip() for cell in release.cells]
        self.by_grade_id = {grade_id: index for index, cell in self.each() if (grade_id := settings(cell, "grade_id"))}
        self.by_id = {id: index for index, cell in self.each() if (id := cell_id(cell))}
        self.by_text: dict[str, list[int]] = {}
        for index, text in enumerate(self.texts):
            self.by_text.setdefault(text, []).append(index)
        self.answers = [index for index, cell in self.each() if settings(cell, "solution")]
        self.locked = {index for index, cell in self.each() if index not in self.answers and is_fixed(cell)}
        self.asked = {}  # name of a function or class -> index of the exercise that asks for it
        for index in self.answers:
            if self.cells[index].cell_type == "code":
                self.asked |= dict.fromkeys(course_names(self.texts[index]).functions, index)

    def each(self):
        return enumerate(self.cells)

    def name(self, index: int) -> str:
        """What the cell is called in notes."""
        return settings(self.cells[index], "grade_id") or cell_id(self.cells[index]) or f"cell {index + 1}"

    def index(self, cell: Given) -> int | None:
        """The cell that a submitted one says it is. Ids come from places: an exact text says more than they do."""
        if cell.grade_id in self.by_grade_id:
            return self.by_grade_id[cell.grade_id]
        index, same = self.by_id.get(cell.id), self.by_text.get(cell.text.strip(), [])
        return same[0] if index is not None and same and index not in same else index


def settings(cell: NotebookNode, key: str):
    """One of nbgrader's settings of a cell of the course."""
    return cell.metadata.get("nbgrader", {}).get(key)


def is_fixed(cell: NotebookNode) -> bool:
    """Whether a cell of the course is none that students change."""
    return bool(settings(cell, "locked") or settings(cell, "grade"))


def cell_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("id") or cell.get("id")


def given_cells(submission: NotebookNode, released: Released) -> list[Given]:
    """The submission's cells.

    Raises:
        Rejected: they are more, or longer, than any honest work.
    """
    cells = submission.get("cells")
    cells = cells if isinstance(cells, list) else []
    if len(cells) > CELLS:
        raise Rejected(
            f"the notebook has {len(cells):,} cells; at most {CELLS:,} are graded: delete some, submit again"
        )
    given = [plain(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") in KINDS]
    size = sum(len(cell.text) for cell in given)
    if size > LARGEST:
        raise Rejected(
            f"the notebook's cells hold {size:,} characters; at most {LARGEST:,} are graded: "
            "read large data from a file, or make it, and submit again"
        )
    return unmerged(joined(given, released), released)


def plain(cell: dict) -> Given:
    """A cell of a submission, whatever its metadata holds."""
    metadata = dictionary(cell.get("metadata"))
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    text = (text_of(source) or "").replace("\r\n", "\n").replace("\r", "\n")
    grade_id = text_of(dictionary(metadata.get("nbgrader")).get("grade_id"))
    return Given(cell["cell_type"], text, grade_id, text_of(metadata.get("id")))


def dictionary(value) -> dict:
    return value if isinstance(value, dict) else {}


def text_of(value) -> str | None:
    return value if isinstance(value, str) else None


def joined(given: list[Given], released: Released) -> list[Given]:
    """Put a definition together again that was cut inside: what follows begins indented and is no Python alone."""
    cells, number = [], 0
    while number < len(given):
        end = number + 1
        while end < len(given) and given[end].kind == "code" and continues(given[end].text):
            end += 1
        first, rest = given[number], given[number + 1 : end]
        whole = "\n".join(cell.text.strip("\n") for cell in [first, *rest])
        if rest and first.kind == "code" and first.text.strip() not in released.by_text and parsed(whole):
            cells.append(replace(first, text=whole, mended=True))
        else:
            cells += [first, *rest]
        number = end
    return cells


def continues(text: str) -> bool:
    """Whether a text can only be the rest of a definition."""
    return text.strip("\n").startswith((" ", "\t")) and bool(text.strip()) and parsed(text) is None


def unmerged(given: list[Given], released: Released) -> list[Given]:
    """Take apart cells that were merged: at released texts that stand in them whole, and between exercises' answers."""
    whole = {index for cell in given for index in released.by_text.get(cell.text.strip(), [])}
    claimed = whole | {released.index(cell) for cell in given}
    lacks_answers = not claimed.issuperset(released.answers)
    cells = [part for cell in given for part in cut_at_released(cell, released, whole, lacks_answers)]
    exercises, texts = {}, {}
    for cell in cells:
        if cell.kind == "code" and cell.text.strip() not in released.by_text:
            exercises[cell] = {released.asked[name] for name in cell.names.functions & released.asked.keys()}
            for index in exercises[cell]:
                texts.setdefault(index, set()).add(cell.text)
    only_here = {index for index, different in texts.items() if len(different) == 1}
    return [
        part for cell in cells for part in cut_between_answers(cell, exercises.get(cell, set()), only_here, released)
    ]


def cut_at_released(cell: Given, released: Released, whole: set[int], lacks_answers: bool) -> list[Given]:
    """The parts of a cell that holds texts of locked cells, or of others that stand nowhere (`whole`) by themselves.

    What was only added to an ordinary cell stays with it, unless answers are missing: it may be one.
    """
    text = cell.text.strip("\n")
    if text.strip() in released.by_text:
        return [cell]
    own, found = released.index(cell), []
    for index in sorted(range(len(released.texts)), key=lambda index: -len(released.texts[index])):
        wanted = index not in released.answers and (index in released.locked or index not in whole)
        if wanted and released.texts[index]:
            found += whole_lines(text, released.texts[index], index, found)
    indices = {index for _, _, index in found}
    added_to = indices == {own} and own not in released.locked and not lacks_answers
    if not found or added_to:
        return [cell]
    parts, place = [], 0
    for start, end, index in [*sorted(found), (len(text), len(text), None)]:
        rest = text[place:start].strip("\n")
        if rest.strip():
            parts.append(replace(cell, text=rest, mended=True))
        if index is not None:
            parts.append(Given(released.cells[index].cell_type, text[start:end], mended=True))
        place = end
    known = {id(part) for part in parts if part.text.strip() in released.by_text}
    if cell.kind == "code" and parsed(text) and not all(id(part) in known or parsed(part.text) for part in parts):
        return [cell]
    return parts


def whole_lines(text: str, wanted: str, index: int, taken: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Where `wanted` stands in whole lines of the text that no longer text has taken: (start, end, index)."""
    places, start = [], text.find(wanted)
    while start >= 0 and len(places) < COPIES:
        end = start + len(wanted)
        whole = text[start - 1 : start] in ("", "\n") and text[end : end + 1] in ("", "\n")
        if whole and all(end <= first or start >= last for first, last, _ in taken):
            places.append((start, end, index))
        start = text.find(wanted, end)
    return places


def cut_between_answers(cell: Given, exercises: set[int], only_here: set[int], released: Released) -> list[Given]:
    """One part for each exercise, when one is answered only in a cell that is another's or nobody's."""
    own, lost = released.index(cell), exercises & only_here
    is_merged = len(exercises) > 1 and (len(lost) > 1 if own is None else bool(lost - {own}))
    tree = parsed(cell.text) if is_merged else None
    if tree is None:
        return [cell]
    lines, parts, owner, start, end = cell.text.split("\n"), [], None, 0, 0
    defined, needed, between = set(), set(), []  # in the part from line `start` to `end`; names behind it until now
    for node in tree.body:
        asked_by = released.asked.get(node.name) if isinstance(node, DEFINITIONS) else None
        if asked_by is not None and owner not in (None, asked_by):
            parts.append("\n".join(lines[start:end]))
            start, defined, needed = end, set(), set()
        owner = owner if asked_by is None else asked_by
        names = names_in("\n".join(lines[node.lineno - 1 : node.end_lineno]))
        between.append(names)
        if asked_by is not None or names.needed & defined or names.defined & needed:
            defined.update(*(other.defined for other in between))
            needed.update(*(other.needed for other in between))
            end, between = node.end_lineno, []
    parts.append("\n".join(lines[start:]))
    return [Given("code", text.strip("\n"), mended=True) for text in parts]
