"""Which cell of the release each cell of a submission is: by what it says it is, by its text, or by its place."""

from collections import Counter
from dataclasses import dataclass, field

from autograder.submitted import Given, Released
from autograder.texts import course_words, likeness, words_in

ALIKE = 0.65  # least likeness of two texts that are taken for the same cell
SURE = 0.8  # below it, the match is reported
CLOSE = 0.1  # by so much the likest must exceed the next, or the match is reported
STUB = "YOUR ANSWER HERE"


@dataclass
class Match:
    """The released cell of each submitted one (None: the student added it), and what is to be said about that."""

    given: list[Given]
    places: list[int | None]
    repaired: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)

    def copies(self, index: int) -> list[int]:
        """Numbers of the submitted cells that are the released one."""
        return [number for number, place in enumerate(self.places) if place == index]


def match(released: Released, given: list[Given]) -> Match:
    """Find each submitted cell's place; an exercise or question may get several, any other cell one."""
    matched = Match(given, [released.index(cell) for cell in given])
    match_same_texts(released, matched)
    keep_one_of_each(released, matched)
    match_answers_by_names(released, matched)
    match_by_text_below(released, matched)
    match_by_likeness(released, matched)
    match_answers_in_words(released, matched)
    match_parts_between(released, matched)
    named = set(released.by_grade_id.values())
    found = sum(
        place in named and cell.grade_id is None and cell.id is None and not cell.mended
        for cell, place in zip(given, matched.places, strict=True)
    )
    if any(cell.mended for cell in given):
        matched.repaired.append("cells that were merged, or cut inside a definition, were put right")
    if found:
        matched.repaired.append(f"{found} cells had lost their metadata and were found by what stands in them")
    return matched


def match_same_texts(released: Released, matched: Match) -> None:
    """A cell with the text of a released one is that cell."""
    taken = set(matched.places)
    for number, cell in enumerate(matched.given):
        same = released.by_text.get(cell.text.strip()) if matched.places[number] is None else None
        if same:
            matched.places[number] = next((index for index in same if index not in taken), same[-1])
            taken.add(matched.places[number])


def keep_one_of_each(released: Released, matched: Match) -> None:
    """Of several cells that say they are one which is no answer, the likest is; what is unlike it was added."""
    copies: dict[int, list[int]] = {}
    for number, place in enumerate(matched.places):
        if place is not None and place not in released.answers:
            copies.setdefault(place, []).append(number)
    for index, numbers in copies.items():
        if len(numbers) == 1:
            continue
        alike = {number: alikeness(matched.given[number], released, index) for number in numbers}
        best = max(numbers, key=alike.get)
        for number in numbers:
            fixed_copy = index in released.locked and alike[number] >= ALIKE
            if number != best and not fixed_copy:
                matched.places[number] = None


def alikeness(cell: Given, released: Released, index: int) -> float:
    text = cell.text.strip()
    same = text == released.texts[index]
    return 1.0 if same else min(likeness(words_in(text), course_words(released.texts[index])), 0.999)


def match_answers_by_names(released: Released, matched: Match) -> None:
    """An exercise whose cells do not define what it asks for has the cells that do, whichever they are."""
    wanting = {
        index
        for index in set(released.asked.values())
        if not any(defines(released, matched, number, index) for number in matched.copies(index))
    }
    if not wanting:
        return
    rivals = Counter()
    for number in others(released, matched):
        rivals.update(wanting & owners(released, matched, number))
    for number in others(released, matched):
        cell, place = matched.given[number], matched.places[number]
        owner = min(wanting & owners(released, matched, number), key=lambda i: (rivals[i], i), default=None)
        if owner is None or (place in released.answers and place in owners(released, matched, number)):
            continue
        if place is not None or cell.mended or cell.grade_id is not None or cell.id is not None:
            matched.repaired.append(f"{released.name(owner)}: the answer was found in another cell")
        matched.places[number] = owner


def others(released: Released, matched: Match) -> list[int]:
    """Numbers of the cells that are not as they were released."""
    texts = released.by_text
    return [number for number, cell in enumerate(matched.given) if cell.text.strip() not in texts]


def owners(released: Released, matched: Match, number: int) -> set[int]:
    """The exercises that ask for what a submitted cell defines."""
    return {released.asked[name] for name in matched.given[number].names.defined & released.asked.keys()}


def defines(released: Released, matched: Match, number: int, index: int) -> bool:
    """Whether a submitted cell answers an exercise: defines what it asks for, and is not its stub."""
    if matched.given[number].text.strip() == released.texts[index]:
        return False
    return index in owners(released, matched, number)


def match_parts_between(released: Released, matched: Match) -> None:
    """Added cells between two parts of one answer belong to it: the classic notebook names the first part only."""
    last = None  # number of the last cell that has a place
    for number, place in enumerate(matched.places):
        if place is None:
            continue
        if last is not None and place == matched.places[last] and place in released.answers:
            for between in range(last + 1, number):
                if matched.given[between].kind == released.cells[place].cell_type:
                    matched.places[between] = place
        last = number


def match_by_likeness(released: Released, matched: Match) -> None:
    """A cell that says nothing about itself is the likest of the released cells that were found nowhere."""
    free = set(range(len(released.cells))) - set(matched.places)
    for number, cell in enumerate(matched.given):
        if matched.places[number] is not None or not cell.text.strip() or not free:
            continue
        words = words_in(cell.text)
        alike = {}
        for index in free:
            other = course_words(released.texts[index])
            if 2 * min(words.total, other.total) >= ALIKE * (words.total + other.total):
                alike[index] = likeness(words, other)
        best = max(alike, key=lambda index: (alike[index], -index), default=None)
        if best is None or alike[best] < ALIKE:
            continue
        matched.places[number] = best
        free.discard(best)
        next_best = max((alike[index] for index in alike if index != best), default=0)
        if alike[best] < SURE or alike[best] - next_best < CLOSE:
            matched.doubtful.append(f"{released.name(best)}: taken for it by its text alone, {alike[best]:.0%} alike")


def lost_in_words(released: Released, matched: Match) -> list[int]:
    """The questions, and the exercises that ask for no function or class, whose cells were not found yet."""
    asked = set(released.asked.values())
    return [index for index in released.answers if index not in asked and index not in matched.places]


def match_by_text_below(released: Released, matched: Match) -> None:
    """An answer keeps the text, such as what earns points, which the release has below the place for it."""
    for index in lost_in_words(released, matched):
        below = released.texts[index].partition(STUB)[2].strip()
        for number in unmatched(released, matched, index):
            if below and below in matched.given[number].text:
                matched.places[number] = index


def match_answers_in_words(released: Released, matched: Match) -> None:
    """An answer that is found by nothing else is what stands in its place, or else what is most about its question."""
    for find, why in [(by_place, "by its place"), (by_subject, "by the words in it")]:
        for index in lost_in_words(released, matched):
            for number in find(released, matched, index):
                matched.places[number] = index
                matched.doubtful.append(f"{released.name(index)}: the answer was found {why} alone")


def unmatched(released: Released, matched: Match, index: int) -> list[int]:
    """Numbers of the added cells that could be the one at `index`."""
    kind = released.cells[index].cell_type
    return [
        number
        for number, cell in enumerate(matched.given)
        if matched.places[number] is None and cell.kind == kind and cell.text.strip()
    ]


def by_place(released: Released, matched: Match, index: int) -> list[int]:
    """The cell right behind the one before, or right in front of the one after."""
    possible = set(unmatched(released, matched, index))
    behind = [number + 1 for number in reversed(matched.copies(index - 1))]
    in_front = [number - 1 for number in matched.copies(index + 1)]
    return [number for number in [*behind, *in_front] if number in possible][:1]


def by_subject(released: Released, matched: Match, index: int) -> list[int]:
    """The only cell that can be it, or the one that shares most words with the question before it and its own text."""
    possible = unmatched(released, matched, index)
    about = course_words(" ".join(released.texts[max(index - 1, 0) : index + 1]))
    shared = {number: likeness(words_in(matched.given[number].text), about) for number in possible}
    return sorted(possible, key=lambda number: -shared[number])[:1]
