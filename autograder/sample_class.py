"""A class of made-up students, whose submissions are put together from the release notebooks and the answers bank."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder import bank
from autograder.build import solved_notebook
from autograder.classroom import Classroom, write_if_changed
from autograder.course import Course, Notebook

DUE = datetime(2026, 10, 1, 22, 0, tzinfo=UTC)
MARKER = re.compile(r"^\s*### (BEGIN|END) SOLUTION\n?", flags=re.MULTILINE)


@dataclass(frozen=True)
class Material:
    """All that submissions to one notebook are made of."""

    notebook: Notebook
    release: NotebookNode
    solutions: dict[str, str]  # exercise -> source, questions marked by hand included
    right: dict[str, str]  # exercise -> another right answer
    wrong: list[dict[str, str]]  # the i-th wrong answers

    def answered(self, answers: dict[str, str]) -> NotebookNode:
        return bank.submission(self.release, answers)


@dataclass(frozen=True)
class Student:
    """One student, and what the student hands in."""

    id: str
    name: str
    what: str
    make: Callable[[Material], NotebookNode]
    hours_before_due: float = 48
    first_attempt: Callable[[Material], NotebookNode] | None = None
    through_canvas: bool = False

    @property
    def email(self) -> str:
        return f"{self.id}@example.org"


def material(course: Course, classroom: Classroom, notebook: Notebook) -> Material:
    """What submissions to a notebook are made of, from its source, its release and its bank."""
    solved = solved_notebook(notebook, course)
    solutions = {
        cell.metadata["nbgrader"]["grade_id"]: MARKER.sub("", cell.source)
        for cell in solved.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    possible, answers = bank.code_exercises(solved), bank.answers(notebook)
    right = {name: next(a.source for a in group if a.points == possible[name]) for name, group in answers.items()}
    wrong = [
        {name: answer.source for name, answer in chosen.items()}
        for chosen in bank.rounds({n: [a for a in g if a.points < possible[n]] for n, g in answers.items()})
    ]
    release = nbformat.read(classroom.release / notebook.assignment / f"{notebook.name}.ipynb", as_version=4)
    return Material(notebook, release, solutions, right, wrong)


def solve(given: Material) -> NotebookNode:
    return given.answered(given.solutions)


def solve_otherwise(given: Material) -> NotebookNode:
    return given.answered(given.solutions | given.right)


def solve_half(given: Material) -> NotebookNode:
    half = list(given.solutions)[: (len(given.solutions) + 1) // 2]
    return given.answered({name: given.solutions[name] for name in half})


def solve_wrongly(number: int) -> Callable[[Material], NotebookNode]:
    return lambda given: given.answered(given.solutions | given.wrong[number])


def leave_blank(given: Material) -> NotebookNode:
    return given.answered({})


def save_from_colab(given: Material) -> NotebookNode:
    """The shape of a notebook that Colab saved: nbformat 4.0, no cell ids, its own metadata."""
    saved = solve(given)
    saved.nbformat_minor = 0
    saved.metadata = NotebookNode(
        colab={"provenance": []},
        kernelspec={"name": "python3", "display_name": "Python 3"},
        language_info={"name": "python"},
    )
    for number, cell in enumerate(saved.cells):
        del cell["id"]
        if cell.cell_type == "code":
            cell.metadata["colab"] = {"base_uri": "https://localhost:8080/"}
            cell.metadata["outputId"] = f"output-{number}"
    return saved


def lose_metadata(given: Material) -> NotebookNode:
    copied = solve(given)
    for number, cell in enumerate(copied.cells):
        cell.metadata, cell.id = NotebookNode(), f"copied-{number}"
    return copied


def duplicate_cells(given: Material) -> NotebookNode:
    """The first exercise and its first check stand there twice."""
    doubled = solve(given)
    place = first_exercise(doubled)
    copies = [nbformat.from_dict(json.loads(json.dumps(cell))) for cell in doubled.cells[place : place + 2]]
    for number, cell in enumerate(copies):
        cell.id = f"copy-{number}"
    doubled.cells[place + 2 : place + 2] = copies
    return doubled


def delete_check(given: Material) -> NotebookNode:
    """The first check cell is gone, and so is the setup cell."""
    shortened = solve(given)
    checks = [cell for cell in shortened.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    gone = {checks[0].id, "setup"}
    shortened.cells = [cell for cell in shortened.cells if cell.id not in gone]
    return shortened


def loop_forever(given: Material) -> NotebookNode:
    """The first exercise never returns, in the first notebook of the week; the others are right."""
    if not given.notebook.name.startswith("01"):
        return solve(given)
    looping = solve(given)
    looping.cells.insert(first_exercise(looping) + 1, new_code_cell("while True:\n    pass", id="still-thinking"))
    return looping


def first_exercise(notebook: NotebookNode) -> int:
    return next(
        place
        for place, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    )


STUDENTS = [
    Student("ada", "Ada Abel", "all right", solve),
    Student("bruno", "Bruno Bauer", "all right, another way", solve_otherwise),
    Student("chen", "Chen Cai", "half done", solve_half),
    Student("dora", 'Dora "Dot" Diaz', "typical mistakes, first kind", solve_wrongly(0)),
    Student("emil", "Emil Ek", "typical mistakes, second kind", solve_wrongly(1)),
    Student("fatima", "Fatima Farouk", "typical mistakes, third kind", solve_wrongly(2)),
    Student("goran", "Goran Gajić", "blank", leave_blank),
    Student("hana", "Hana Horáková", "right, but 30 hours late", solve, hours_before_due=-30),
    Student("ivo", "Ivo Ilić", "two attempts, blank and then right", solve, first_attempt=leave_blank),
    Student("jin", "Jin Jang", "saved by Colab, handed in through Canvas", save_from_colab, through_canvas=True),
    Student("kofi", "Kofi Kyei", "all metadata lost", lose_metadata),
    Student("lena", "Lena Lund", "a cell duplicated", duplicate_cells),
    Student("mina", "Mina Moradi", "a check and the setup deleted", delete_check),
    Student("noor", "Noor Nasser", "an infinite loop", loop_forever),
]


def write_roster(path: Path) -> None:
    """students.csv of the class."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["id", "name", "email"])
    table.writerows([student.id, student.name, student.email] for student in STUDENTS)
    write_if_changed(path, text.getvalue())


def write_downloads(folder: Path, materials: list[Material]) -> list[Path]:
    """What an instructor downloads: one zip a student and attempt, and a bulk download from Canvas."""
    folder.mkdir(parents=True, exist_ok=True)
    assignment = materials[0].notebook.assignment
    through_canvas, files = [], []
    for student in STUDENTS:
        time = DUE - timedelta(hours=student.hours_before_due)
        attempts = [(time, student.make)]
        if student.first_attempt:
            attempts.insert(0, (time - timedelta(hours=12), student.first_attempt))
        for moment, make in attempts:
            content = {f"{m.notebook.name}.ipynb": nbformat.writes(make(m)) for m in materials}
            if student.through_canvas:
                surname = student.name.split()[-1].lower() + student.name.split()[0].lower()
                through_canvas += [
                    (f"{surname}_101_{9000 + i}_{name}", text, moment) for i, (name, text) in enumerate(content.items())
                ]
            else:
                receipt = {"student": student.id, "assignment": assignment, "time": moment.isoformat()}
                content["submission.json"] = json.dumps(receipt)
                path = folder / f"{assignment}__{student.id}__{moment:%Y%m%dT%H%M%SZ}.zip"
                files.append(write_zip(path, [(name, text, moment) for name, text in content.items()]))
    if through_canvas:
        files.append(write_zip(folder / "submissions.zip", through_canvas))
    return files


def write_zip(path: Path, entries: list[tuple[str, str, datetime]]) -> Path:
    """A zip with the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text, moment in entries:
            archive.writestr(zipfile.ZipInfo(name, moment.timetuple()[:6]), text)
    if not path.exists() or path.read_bytes() != buffer.getvalue():
        path.write_bytes(buffer.getvalue())
    return path
