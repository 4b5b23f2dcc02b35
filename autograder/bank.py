"""The answers bank: right and wrong student answers to a notebook's exercises, and submissions made of them."""

from dataclasses import dataclass

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.course import Notebook
from autograder.errors import CourseError


@dataclass(frozen=True)
class Answer:
    """One answer to an exercise, and the points it must get."""

    exercise: str
    name: str
    points: float
    source: str


def answers(notebook: Notebook) -> dict[str, list[Answer]]:
    """The bank of a notebook, by exercise.

    Raises:
        CourseError: the notebook has no bank, or a cell of it says not what it answers.
    """
    if not notebook.answers.exists():
        raise CourseError(f"{notebook.answers} is missing: every notebook has a bank of answers beside it")
    bank: dict[str, list[Answer]] = {}
    for cell in jupytext.read(notebook.answers, fmt="py:percent").cells:
        if cell.cell_type != "code":
            continue
        try:
            answer = Answer(
                cell.metadata["exercise"], cell.metadata["answer"], float(cell.metadata["points"]), cell.source
            )
        except KeyError as missing:
            raise CourseError(
                f"{notebook.answers}: a cell has no {missing}; expected "
                '# %% exercise="name" answer="what-it-does" points=2'
            ) from None
        bank.setdefault(answer.exercise, []).append(answer)
    return bank


def code_exercises(solved: NotebookNode) -> dict[str, float]:
    """grade_id of each exercise in code to the points of its check cells."""
    names = [
        cell.metadata["nbgrader"]["grade_id"]
        for cell in solved.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    ]
    points = dict.fromkeys(names, 0.0)
    for cell in solved.cells:
        settings = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and settings.get("grade"):
            points[exercise_of(settings["grade_id"], names)] += settings["points"]
    return points


def exercise_of(check_cell: str, exercises: list[str]) -> str:
    """The exercise that a check cell belongs to: the longest one that its grade_id begins with."""
    owners = [name for name in exercises if check_cell.startswith(name)]
    if not owners:
        raise CourseError(
            f"check cell {check_cell!r} belongs to no exercise: its grade_id must begin with one of {exercises}"
        )
    return max(owners, key=len)


def submission(notebook: NotebookNode, chosen: dict[str, str]) -> NotebookNode:
    """A copy of a notebook, solved or released, whose exercises hold the given sources."""
    copy = nbformat.reads(nbformat.writes(notebook), as_version=4)
    for cell in copy.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in chosen:
            cell.source = chosen[name]
    return copy


def rounds(bank: dict[str, list[Answer]]) -> list[dict[str, Answer]]:
    """The i-th answers of all exercises together, for each i."""
    most = max((len(group) for group in bank.values()), default=0)
    return [{exercise: group[i] for exercise, group in bank.items() if i < len(group)} for i in range(most)]
