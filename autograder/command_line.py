"""The command `course`: each subcommand says what it did and where."""

import json
import logging
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from autograder.classroom import Classroom
from autograder.course import Course, assignment_name
from autograder.errors import CourseError
from autograder.watching import Bars, JsonLines, LiveTable, Steps

application = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Build, run, collect, grade and give back the course's notebooks.",
)
console = Console(highlight=False, soft_wrap=True)

Week = Annotated[str, typer.Argument(help="a week such as week01", show_default=False)]
AnyWeek = Annotated[str | None, typer.Argument(help="a week such as week01; all by default", show_default=False)]
ClassroomFolder = Annotated[Path, typer.Option("--classroom", metavar="DIR", help="the classroom's folder")]
Database = Annotated[
    str | None,
    typer.Option(
        "--db", metavar="URL", help="the gradebook's database, such as postgresql://user@host/name; remembered"
    ),
]
HERE = Path("classroom")


class Isolation(StrEnum):
    """Where student code runs."""

    warm = "warm"
    fresh = "fresh"
    none = "none"


Workers = Annotated[int, typer.Option(min=1, help="how many notebooks run at once")]
IsolationOption = Annotated[
    Isolation,
    typer.Option(help="warm: kernels forked in the sandbox; fresh: each cold in its own; none: no sandbox at all"),
]
SHOWN = 3  # repairs of a notebook that are listed; its feedback page has all
INTERRUPTED = 130  # exit status after Ctrl-C


def shown(path: Path) -> Path:
    """A path as it is short to read: relative to the working directory when it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@application.command(epilog="Example: course build week01")
def build(week: AnyWeek = None, classroom: ClassroomFolder = HERE, db: Database = None) -> None:
    """Build the release notebooks from solutions/; nothing is executed."""
    from autograder.build import build as build_weeks

    course = Course.find()
    chosen = course.select(week)
    changed = build_weeks(course, Classroom.create(classroom, db), week)
    for path in changed:
        console.print(f"  {shown(path)}")
    console.print(f"{len(chosen)} notebooks in {shown(course.notebooks)}, {len(changed)} files changed")


@application.command(epilog="Example: course run week01 --notebook 02_backpropagation")
def run(
    week: AnyWeek = None,
    notebook: Annotated[str | None, typer.Option(help="only this notebook, such as 02_backpropagation")] = None,
    record: Annotated[bool, typer.Option("--record", help="write claims and minutes to results.json")] = False,
    seed: Annotated[int | None, typer.Option(help="try the claims with another seed than the notebooks' own")] = None,
    classroom: ClassroomFolder = HERE,
) -> None:
    """Execute the solved notebooks and show what their claims gave."""
    if record and seed is not None:
        raise CourseError("the record holds the notebooks' own seeds; leave out --seed or --record")
    from nbclient.exceptions import CellExecutionError

    from autograder import run as running

    course = Course.find()
    finished = []
    with Steps(console) as steps:
        for chosen in course.select(week, notebook):
            cells = len(running.solved_notebook(chosen, course).cells)
            steps.show(chosen.id, 0, cells)
            try:
                one = running.run(
                    chosen,
                    course,
                    notebook_seed=seed,
                    progress=lambda index, at=chosen.id, of=cells: steps.show(at, index + 1, of),
                )
            except CellExecutionError as error:
                raise CourseError(f"{shown(chosen.source)} failed while it ran:\n{error}") from None
            steps.show(chosen.id, cells, cells)
            finished.append(one)
    for one in finished:
        console.print(f"{shown(running.write_copies(one, course))}: {one.seconds:.0f} s")
        for claim in one.claims:
            console.print(f"  {claim_line(claim)}", markup=False)
    if record:
        running.record(finished, course)
        console.print(f"recorded in {shown(course.results)}; `course build` brings it onto the pages")


def claim_line(claim: dict) -> str:
    from dlcourse import syllabus

    expected = syllabus.topic(claim["topic"]).holds
    verdict = "holds" if claim["holds"] else "does not hold"
    surprise = "" if expected == claim["holds"] else f" (syllabus.toml expects holds = {expected})"
    return f"{claim['topic']}: {verdict}{surprise}: {claim['because']}"


@application.command(epilog="Example: course submit ~/Downloads/week01 --student ada")
def submit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder with a week's notebooks")],
    student: Annotated[str, typer.Option(help="the student's id", prompt="Your student id")],
    classroom: ClassroomFolder = HERE,
) -> None:
    """Zip a folder's notebooks into one file to hand in."""
    from autograder.submit_folder import submit_folder

    console.print(f"wrote {shown(submit_folder(folder, student))}: hand in this file")


@application.command(epilog="Example: course collect ~/Downloads/submissions.zip")
def collect(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="zips, notebooks, or folders of them")],
    classroom: ClassroomFolder = HERE,
) -> None:
    """Sort submissions and downloads from a learning platform into the classroom."""
    from autograder.collect import collect as collect_paths

    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise CourseError(f"no such file: {', '.join(missing)}")
    report = collect_paths(paths, Classroom.open(classroom))
    show_collected(report)
    if not report.collected:
        raise CourseError("nothing was collected")


def show_collected(report) -> None:
    students = {one.student for one in report.collected}
    console.print(f"collected {len(report.collected)} notebooks of {len(students)} students")
    remarks = {f"  {one.student}: {one.reason}": None for one in report.collected}  # once each, in order
    for remark in remarks:
        if not remark.endswith((": ", ": collected before")):
            console.print(remark, markup=False)
    for problem in report.problems:
        console.print(f"  not collected: {problem.file}: {problem.reason}", markup=False)


@application.command(epilog="Example: course grade week01 --student ada")
def grade(
    week: Annotated[str, typer.Argument(help="a week such as week01, or another nbgrader course's assignment")],
    student: Annotated[str | None, typer.Option(help="grade this student again, changed or not")] = None,
    workers: Workers = 2,
    isolation: IsolationOption = Isolation.warm,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="run on a Dask cluster, such as tcp://10.0.0.1:8786")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="show a live table of the class")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="print each result as a line of JSON, and nothing else")
    ] = False,
    classroom: ClassroomFolder = HERE,
    db: Database = None,
) -> None:
    """Run and mark what was submitted; a second run does only what changed."""
    if watch and as_json:
        raise CourseError("--watch is for people and --json for programs; leave out one of them")
    room = Classroom.open(classroom, db)
    assignment = assignment_name(week) if room.is_ours else week
    watcher = JsonLines() if as_json else LiveTable(console) if watch else Bars(Steps(console))
    report = grade_assignment(room, assignment, watcher, student, workers, isolation, scheduler)
    if not as_json:
        show_graded(room, [assignment], report)


def start_sandbox(isolation: Isolation) -> None:
    """Try the sandbox and let the warm one come up, while the rest of the grader is imported, which takes as long."""
    from autograder.sandbox.provisioner import WarmSandbox
    from autograder.sandbox.trial import require_sandbox

    require_sandbox()
    if isolation is Isolation.warm:
        WarmSandbox.start()


def grade_assignment(
    room: Classroom,
    assignment: str,
    watcher,
    student: str | None,
    workers: int,
    isolation: Isolation,
    scheduler: str | None = None,
):
    if isolation is not Isolation.none and scheduler is None:
        start_sandbox(isolation)
    from autograder.grade import grade as grade_submissions

    if isolation is Isolation.none:
        print(
            "course: warning: --isolation none: student code runs as you, and can read and change what you can",
            file=sys.stderr,
        )
    with watcher:
        return grade_submissions(
            room,
            assignment,
            student=student,
            workers=workers,
            isolation=isolation.value,
            scheduler=scheduler,
            watcher=watcher,
        )


def show_graded(room: Classroom, assignments: list[str], report) -> None:
    from autograder.report import class_table

    table = Table("student", "name", *assignments, "to mark by hand", "status")
    for row in class_table(room, assignments):
        marks = [mark(row["assignments"][assignment]) for assignment in assignments]
        by_hand = sum(row["assignments"][assignment]["needs_manual"] for assignment in assignments)
        status = report.graded.get(row["id"], "unchanged" if row["id"] in report.unchanged else row["status"])
        table.add_row(row["id"], row["name"], *marks, str(by_hand or ""), status)
    console.print(table)
    console.print(f"{len(report.graded)} graded, {len(report.unchanged)} unchanged since the last run")
    if report.weaker:
        console.print("asserts in the students' own kernels decided: the weaker mode (see README)")
    for outcome in report.changed:
        console.print(f"  changed: {outcome.student}: {outcome.before:g} -> {outcome.points:g}", markup=False)
    for outcome in report.outcomes:
        for line in remarks(outcome):
            console.print(f"  {outcome.student}: {line}", markup=False)
    for problem in report.problems:
        console.print(f"  problem: {problem}", markup=False)


def remarks(outcome) -> list[str]:
    """What an instructor should know of a submission: its verdict's reason, what is doubtful or repaired, notes."""
    reason = [outcome.reason] if outcome.verdict != "graded" else []
    doubtful = [f"doubtful in {name}: {note}" for name, notes in outcome.doubtful.items() for note in notes]
    repaired = [f"repaired in {name}: {note}" for name, notes in outcome.repaired.items() for note in notes[:SHOWN]]
    more = [f"and {len(n) - SHOWN} more repairs in {name}" for name, n in outcome.repaired.items() if len(n) > SHOWN]
    return [*reason, *doubtful, *repaired, *more, *outcome.notes]


def mark(row: dict) -> str:
    late = f" (late: -{row['late_penalty']:g})" if row["late_penalty"] else ""
    return f"{row['score']:g} / {row['max_score']:g}{late}"


@application.command(epilog="Example: course feedback week01")
def feedback(
    week: Week,
    student: Annotated[str | None, typer.Option(help="only this student")] = None,
    classroom: ClassroomFolder = HERE,
) -> None:
    """Write each student's feedback page."""
    room = Classroom.open(classroom)
    with Steps(console) as steps:
        result = feedback_week(room, week, [student] if student else None, steps)
    console.print(f"{len(result.pages)} pages in {shown(room.feedback)}")
    for problem in result.problems:
        console.print(f"  problem: {problem}", markup=False)


def feedback_week(room: Classroom, week: str, students: list[str] | None, steps: Steps):
    from autograder.feedback import write_feedback

    return write_feedback(room, assignment_name(week), students, steps.show)


@application.command(epilog="Example: course report week01")
def report(week: AnyWeek = None, classroom: ClassroomFolder = HERE) -> None:
    """Write grades.csv for the learning platform, and report.html with the class in pictures."""
    from autograder.report import write_report

    room = Classroom.open(classroom)
    files = write_report(room, [assignment_name(week)] if week else Course.find().assignments())
    for path in files:
        console.print(f"wrote {shown(path)}")


@application.command(epilog="Example: course roster students.csv")
def roster(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="columns id, name, email")],
    classroom: ClassroomFolder = HERE,
) -> None:
    """Bring the class list in line with a table of students."""
    from autograder.roster import update_roster

    show_roster(update_roster(table, Classroom.open(classroom)))


def show_roster(change) -> None:
    for kind in ["added", "changed", "returned", "dropped"]:
        students = getattr(change, kind)
        if students:
            console.print(f"{kind}: {', '.join(students)}", markup=False)
    if not any([change.added, change.changed, change.returned, change.dropped]):
        console.print("the class list is unchanged")


@application.command(epilog="Example: course syllabus --json")
def syllabus(
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON list")] = False,
    classroom: ClassroomFolder = HERE,
) -> None:
    """List every topic with its notebook, its claim's last result and its exercises."""
    from autograder.syllabus import listing

    rows = listing(Course.find())
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table(*(Column(name, overflow="fold") for name in ["week", "topic", "notebook", "claim", "exercises"]))
    for row in rows:
        table.add_row(
            f"{row['week']:02d}", row["id"], row["notebook"] or "not built", verdict(row), ", ".join(row["exercises"])
        )
    console.print(table)


def verdict(row: dict) -> str:
    if row["claim"] is None:
        return ""
    holds = {None: "not recorded", True: "holds", False: "does not hold"}[row["claim"]["holds"]]
    return holds if row["claim"]["holds"] in (None, row["claim"]["expected"]) else f"{holds}, not as expected"


@application.command(epilog="Example: course demo")
def demo(
    week: Annotated[str, typer.Argument(help="the week that the sample class hands in")] = "week01",
    workers: Workers = 2,
    isolation: IsolationOption = Isolation.warm,
    classroom: ClassroomFolder = HERE,
    db: Database = None,
) -> None:
    """Take a sample class the whole way: build, collect, grade, feedback, report."""
    from autograder import demo as demonstration
    from autograder.build import build as build_weeks
    from autograder.collect import collect as collect_paths
    from autograder.report import write_report
    from autograder.roster import update_roster

    course = Course.find()
    room = demonstration.sample_classroom(classroom, db)
    try:
        build_weeks(course, room, week)
    except CourseError:
        demonstration.forget_marks(room)
        build_weeks(course, room, week)
    downloads = demonstration.write_sample(course, room, week)
    show_roster(update_roster(room.root / "students.csv", room))
    show_collected(collect_paths(downloads, room))
    with Steps(console) as steps:
        graded = grade_assignment(room, assignment_name(week), Bars(steps), None, workers, isolation)
        have_pages = [name for name in graded.unchanged if (room.feedback / name / assignment_name(week)).is_dir()]
        due = [name for name in [*graded.graded, *graded.unchanged] if name not in have_pages]
        feedback_week(room, week, due, steps)
    files = write_report(room, [assignment_name(week)])
    show_graded(room, [assignment_name(week)], graded)
    console.print(f"""
notebooks   {shown(course.notebooks)}             open them with: make lab
formgrader  {shown(room.root)}             open it with: make formgrader
feedback    {shown(room.feedback)}
report      {", ".join(str(shown(path)) for path in files)}""")


@application.command(epilog="Example: course publish ../public-course")
def publish(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="folder of the public repository")],
    classroom: ClassroomFolder = HERE,
) -> None:
    """Write the public course repository: notebooks and library, no solutions, hidden checks or marks."""
    from autograder.publish import publish as publish_course

    course = Course.find()
    files = publish_course(course, target)
    console.print(f"wrote {len(files)} files to {target}")
    if not course.public_repository:
        console.print("pyproject.toml names no public_repository yet: the notebooks have no Colab badges")


def silence_nbgrader() -> None:
    """Its log is in the results of its calls; its way with SQLAlchemy warns at every submission."""
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="Object of type .* not in session")


def main() -> None:
    """Entry point: a mistake is one line on stderr and exit status 1; an interrupt says what remains."""
    silence_nbgrader()
    try:
        application()
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            print(
                "course: interrupted; what was finished is kept, run the same command again to go on", file=sys.stderr
            )
        raise
