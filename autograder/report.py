"""The class in numbers: a table for the learning platform, and one page of pictures for the instructor."""

import base64
import csv
import io
import json
import re
import statistics
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np

from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.roster import enrolled, full_name
from dlcourse import plots

TEMPLATE = Path(__file__).parent / "templates" / "report.html.j2"
HEADING = re.compile(r"^#+ *(Exercise|Question) *(\d*)[^:\n]*: *(.+)$", flags=re.MULTILINE)
MEANING = {"NotImplementedError": "unanswered", "NotRun": "the cell did not run", "CellTimeout": "took too long"}


class ReportFiles(NamedTuple):
    """What `write_report` wrote."""

    grades: Path
    page: Path


@dataclass
class Exercise:
    """How the class did in one exercise."""

    label: str
    points: float = 0  # that one student can earn
    earned: float = 0
    possible: float = 0  # over all cells that are marked
    by_hand: int = 0
    failures: Counter = field(default_factory=Counter)  # failing check or error -> students

    @property
    def rate(self) -> float | None:
        """Points earned over points possible; None while nothing is marked."""
        return self.earned / self.possible if self.possible else None

    @property
    def worst(self) -> tuple[str, int] | None:
        return self.failures.most_common(1)[0] if self.failures else None


@dataclass
class Notebook:
    """One notebook of a week, its exercises in order."""

    name: str
    title: str
    exercises: list[Exercise]


@dataclass
class Week:
    """One graded assignment."""

    name: str
    max_score: float
    marks: list[float]  # after late penalties
    missing: int
    late: int
    by_hand: int
    notebooks: list[Notebook]
    unreadable: list[str] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.marks)

    @property
    def median(self) -> float:
        return statistics.median(self.marks)


def class_table(classroom: Classroom, assignments: list[str]) -> list[dict]:
    """A dict for each student on the list: id, name, email, status, and under `assignments` for each of them score,
    max_score, late_penalty, needs_manual (questions still to be marked by hand) and status.

    The status is "graded", "to mark by hand", "not graded" or "not submitted"; for several assignments, the first
    that is not "graded".
    """
    listed = enrolled(classroom)
    rows = []
    with classroom.gradebook() as gradebook:
        recorded = {name: graded_submissions(gradebook, name, listed) for name in assignments}
        possible = {one.name: one.max_score for one in gradebook.assignments}
        for student in sorted(gradebook.students, key=by_name):
            if listed is not None and student.id not in listed:
                continue
            row = {"id": student.id, "name": full_name(student), "email": student.email or "", "assignments": {}}
            for name in assignments:
                marks = recorded_marks(recorded[name].get(student.id))
                if marks["status"] == "not submitted" and (classroom.submitted / student.id / name).is_dir():
                    marks["status"] = "not graded"
                row["assignments"][name] = marks | {"max_score": possible.get(name, 0.0)}
            ends = [marks["status"] for marks in row["assignments"].values()]
            row["status"] = next((end for end in ends if end != "graded"), "graded")
            rows.append(row)
    return rows


def by_name(student) -> tuple[str, str, str]:
    """Sorts students alike on every database: they differ in where they put missing names and equal ones."""
    return student.last_name or "", student.first_name or "", student.id


def graded_submissions(gradebook, assignment: str, listed: set[str] | None) -> dict:
    """The submissions in which something is marked, by student, of the students on the list."""
    return {
        one.student_id: one
        for one in sorted(gradebook.assignment_submissions(assignment), key=attrgetter("student_id"))
        if (listed is None or one.student_id in listed) and any(is_marked(grade) for grade in all_grades(one))
    }


def all_grades(submission) -> list:
    return [grade for notebook in submission.notebooks for grade in notebook.grades]


def is_marked(grade) -> bool:
    return grade.auto_score is not None or grade.manual_score is not None


def recorded_marks(submission) -> dict:
    if submission is None:
        return {"score": 0.0, "late_penalty": 0.0, "needs_manual": 0, "status": "not submitted"}
    waiting = sum(grade.needs_manual_grade for grade in all_grades(submission))
    penalty = submission.late_submission_penalty or 0.0
    status = "to mark by hand" if waiting else "graded"
    return {"score": submission.score, "late_penalty": penalty, "needs_manual": waiting, "status": status}


def write_report(classroom: Classroom, assignments: list[str]) -> ReportFiles:
    """Write report/grades.csv and report/report.html of the assignments that are graded; the page names the others.

    Raises:
        CourseError: none of them is graded.
    """
    listed = enrolled(classroom)
    with classroom.gradebook() as gradebook:
        gathered = {name: gather(classroom, gradebook, name, listed) for name in assignments}
    weeks = [week for week in gathered.values() if week]
    ungraded = [name for name, week in gathered.items() if not week]
    if not weeks:
        commands = "; ".join(f"`course grade {name}`" for name in assignments) or "`course grade week01`"
        raise CourseError(f"nothing is graded in {', '.join(assignments) or 'the gradebook'}: run {commands} first")
    files = ReportFiles(classroom.reports / "grades.csv", classroom.reports / "report.html")
    classroom.reports.mkdir(exist_ok=True)
    write_grades(files.grades, class_table(classroom, [week.name for week in weeks]))
    files.page.write_text(page(weeks, ungraded), encoding="utf-8")
    return files


def write_grades(path: Path, rows: list[dict]) -> None:
    """One row a student. Scores of what is not graded stay empty and count nothing in the total."""
    names = list(rows[0]["assignments"]) if rows else []
    columns = [f"{name} {what}" for name in names for what in ("score", "max score", "late penalty", "total")]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "email", *columns, "total"])
        for row in rows:
            cells, total = [], 0.0
            for marks in row["assignments"].values():
                score, possible, penalty = (number(marks[key]) for key in ("score", "max_score", "late_penalty"))
                left = marks["score"] - marks["late_penalty"]
                total += left
                graded = marks["status"] in ("graded", "to mark by hand")
                cells += [score, possible, penalty, number(left)] if graded else ["", possible, "", ""]
            writer.writerow([*(harmless(row[key]) for key in ("id", "name", "email")), *cells, number(total)])


def number(value: float) -> str:
    """A mark to two digits, without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def harmless(text: str) -> str:
    """The text, with an apostrophe in front when a spreadsheet would take it for a formula (as OWASP advises)."""
    return f"'{text}" if text.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝＋－＠") else text


def gather(classroom: Classroom, gradebook, name: str, listed: set[str] | None) -> Week | None:
    """What the gradebook says about an assignment; None when nothing in it is graded."""
    submissions = graded_submissions(gradebook, name, listed)
    if not submissions:
        return None
    known = {student.id for student in gradebook.students}
    marks = {student: recorded_marks(one) for student, one in submissions.items()}
    assignment = gradebook.find_assignment(name)
    week = Week(
        name=name,
        max_score=assignment.max_score,
        marks=[one["score"] - one["late_penalty"] for one in marks.values()],
        missing=len((known if listed is None else known & listed) - set(submissions)),
        late=sum(one.total_seconds_late > 0 for one in submissions.values()),
        by_hand=sum(one["needs_manual"] > 0 for one in marks.values()),
        notebooks=[],
    )
    for notebook in assignment.notebooks:
        week.notebooks.append(gather_notebook(classroom, week, notebook, submissions))
    return week


def gather_notebook(classroom: Classroom, week: Week, notebook, submissions: dict) -> Notebook:
    title, labels = headings(classroom.source / week.name / f"{notebook.name}.ipynb", notebook.name)
    graded = [*notebook.grade_cells, *notebook.task_cells]
    solutions = {cell.name for cell in notebook.solution_cells}
    owners = {cell.name: owner(cell.name, solutions) for cell in graded}
    places = {name: place for place, name in enumerate(labels)}
    exercises = {
        name: Exercise(labels.get(name, plain(name)))
        for name in sorted(set(owners.values()), key=lambda name: (places.get(name, len(places)), name))
    }
    for cell in graded:
        exercises[owners[cell.name]].points += cell.max_score
    for student, submission in submissions.items():
        for grade in next((one.grades for one in submission.notebooks if one.name == notebook.name), []):
            add_grade(exercises[owners[grade.name]], grade)
        try:
            count_failures(classroom.autograded / student / week.name / f"{notebook.name}.ipynb", exercises, owners)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            week.unreadable.append(f"{student}'s {notebook.name}")
    return Notebook(notebook.name, title, list(exercises.values()))


def add_grade(exercise: Exercise, grade) -> None:
    if grade.needs_manual_grade and grade.manual_score is None:
        exercise.by_hand += 1
    elif is_marked(grade):
        exercise.earned += grade.score
        exercise.possible += grade.max_score


def owner(cell: str, solutions: set[str]) -> str:
    """The exercise of a graded cell: the longest name of an answer's cell with which the cell's own begins."""
    return max((name for name in solutions if cell.startswith(name)), key=len, default=cell)


def headings(path: Path, name: str) -> tuple[str, dict[str, str]]:
    """A notebook's title, and its answer and check cells in order with a readable label for each."""
    title, heading, labels = plain(name), None, {}
    cells = nbformat.read(path, as_version=4).cells if path.exists() else []
    for cell in cells:
        settings = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown":
            for kind, place, words in HEADING.findall(cell.source):
                heading = f"{place}. {plain(words)}" if place else f"{kind}: {plain(words)}"
            if cell is cells[0] and cell.source.startswith("# "):
                title = plain(cell.source.partition("\n")[0].lstrip("# "))
        if settings.get("solution") or settings.get("grade"):
            labels[settings["grade_id"]] = heading or plain(settings["grade_id"])
            heading = None
    return title, labels


def plain(text: str) -> str:
    """A heading or a grade_id as words."""
    text = re.sub(r"[`*$]", "", text).strip()
    return text if " " in text else text.replace("_", " ")


def count_failures(path: Path, exercises: dict[str, Exercise], owners: dict[str, str]) -> None:
    """Count, once a student and exercise, each check or error that failed in an autograded notebook."""
    seen = set()
    if not path.exists():
        return  # the student handed in other notebooks of the week
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        settings = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "code" and settings.get("grade") and settings["grade_id"] in owners:
            for output in cell["outputs"]:
                if output["output_type"] == "error":
                    seen.add((owners[settings["grade_id"]], failure(output["ename"], output["evalue"])))
    for name, what in sorted(seen):
        exercises[name].failures[what] += 1


def failure(ename: str, evalue: str) -> str:
    """The failing check's name, or the error that kept the checks from running."""
    if ename == "CheckFailed":
        text = re.split(r": (?:got |\d+ of \d+ elements differ)", evalue)[0]
    else:
        text = f"{ename} ({MEANING[ename]})" if ename in MEANING else ename
    return textwrap.shorten(text, 120, placeholder=" ...")


def page(weeks: list[Week], ungraded: list[str]) -> str:
    """The report as one page that needs nothing else."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    drawings = [draw_marks, draw_exercises]
    pictures = {week.name: [picture(partial(draw, week)) for draw in drawings] for week in weeks}
    return template.render(weeks=weeks, ungraded=ungraded, pictures=pictures)


def picture(draw) -> str:
    """What `draw(figure)` draws in the course's style, as an address that holds the picture itself."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "report"}):
        plots.use_style()
        figure, file = Figure(), io.BytesIO()
        draw(figure)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"


def draw_marks(week: Week, figure) -> None:
    """A histogram of the students' points."""
    figure.set_size_inches(7, 2.8)
    ax = figure.subplots()
    top = max([week.max_score, *week.marks]) or 1
    counts, edges = np.histogram(week.marks, bins=10, range=(min([0, *week.marks]), top))
    ax.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=plots.COLOURS[5], edgecolor="black")
    ax.axvline(week.median, color="black", linestyle="--", label=f"median {number(week.median)}")
    ax.set_ylim(0, counts.max() * 1.15)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left")
    plots.finish(ax, f"points, of {number(week.max_score)}", "students", "How are the points spread?")


def draw_exercises(week: Week, figure) -> None:
    """A horizontal bar for each exercise, in the notebooks' order from the top."""
    exercises = [(notebook.name[:2], one) for notebook in week.notebooks for one in notebook.exercises]
    labels = [textwrap.fill(f"{place} · {one.label}", 42, max_lines=2) for place, one in exercises]
    figure.set_size_inches(7, 1.2 + 0.42 * len(exercises))
    ax = figure.subplots()
    rates = [100 * (one.rate or 0) for _, one in exercises]
    ax.barh(range(len(rates)), np.clip(rates, 0, 100), height=0.62, color=plots.COLOURS[5], edgecolor="black")
    for row, (rate, (_, one)) in enumerate(zip(rates, exercises, strict=True)):
        text = f"{rate:.0f} %" if one.rate is not None else f"to be marked by hand: {one.by_hand}"
        ax.text(min(rate, 100) + 1.5 if one.rate is not None else 1.5, row, text, va="center")
    ticks = ax.set_yticks(range(len(labels)), labels)
    for tick in ticks:
        tick.label1.set_parse_math(False)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlim(0, 112)
    ax.set_xticks(range(0, 101, 20))
    ax.grid(axis="y", visible=False)
    plots.finish(ax, "points earned, % of the points possible", "notebook · exercise", "Which exercises were hard?")
