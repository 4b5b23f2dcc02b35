"""The command `course`."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autograder.classroom import Classroom
from autograder.course import Course
from autograder.errors import CourseError

application = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Build, run, collect, grade and give back the course's notebooks.",
)
console = Console(highlight=False)

Week = Annotated[str | None, typer.Argument(help="a week such as week01; all by default", show_default=False)]
ClassroomFolder = Annotated[Path, typer.Option("--classroom", metavar="DIR", help="the classroom's folder")]
HERE = Path("classroom")


def bar() -> Progress:
    """The progress bar of every long step."""
    return Progress(
        TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


@application.command(epilog="Example: course build week01")
def build(week: Week = None, classroom: ClassroomFolder = HERE) -> None:
    """Build the release notebooks from solutions/; executes nothing."""
    from autograder.build import build as build_weeks

    course = Course.find()
    changed = build_weeks(course, Classroom.create(classroom), week)
    for path in changed:
        console.print(f"  {path.relative_to(course.root)}")
    console.print(f"{len(course.select(week))} notebooks in {course.notebooks}, {len(changed)} files changed")


@application.command(epilog="Example: course run week01 --notebook 02_backpropagation")
def run(
    week: Week = None,
    notebook: Annotated[str | None, typer.Option(help="only this notebook, such as 02_backpropagation")] = None,
    record: Annotated[bool, typer.Option("--record", help="write claims and minutes to results.json")] = False,
    classroom: ClassroomFolder = HERE,
) -> None:
    """Execute the solved notebooks, and show what their claims gave."""
    from dlcourse import syllabus
    from nbclient.exceptions import CellExecutionError

    from autograder import run as running

    course = Course.find()
    finished = []
    with bar() as progress:
        for chosen in course.select(week, notebook):
            cells = len(running.solved_notebook(chosen, course).cells)
            task = progress.add_task(chosen.id, total=cells)
            try:
                finished.append(
                    running.run(
                        chosen, course, progress=lambda index, task=task: progress.update(task, completed=index + 1)
                    )
                )
            except CellExecutionError as error:
                raise CourseError(f"{chosen.source} failed while it ran:\n{error}") from None
            progress.update(task, completed=cells)
    for one in finished:
        console.print(f"{running.write_copies(one, course).relative_to(course.root)}: {one.seconds:.0f} s")
        for claim in one.claims:
            expected = syllabus.topic(claim["topic"]).holds
            verdict = "holds" if claim["holds"] else "does not hold"
            surprise = "" if expected == claim["holds"] else f", but syllabus.toml expects {expected}"
            console.print(f"  {claim['topic']}: {verdict}{surprise}: {claim['because']}")
    if record:
        running.record(finished, course)
        console.print(f"recorded in {course.results}; `course build` brings it onto the pages")


def main() -> None:
    """Entry point: a mistake is one line on stderr and exit status 1; an interrupt says what remains."""
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    try:
        application()
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("course: interrupted; what was finished is kept, run the same command again to go on", file=sys.stderr)
        sys.exit(130)
