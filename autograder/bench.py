"""`make bench`: what each notebook and the grading of the sample class take, as a table and in build/bench.json.

Claims about time are judged here, alone on the machine, and nowhere else.
"""

import json
import platform
import tempfile
import time
from pathlib import Path

from rich.table import Table

from autograder import demo, run
from autograder.build import build
from autograder.collect import collect
from autograder.command_line import Steps, console, silence_nbgrader
from autograder.course import Course
from autograder.grade import grade
from autograder.roster import update_roster
from dlcourse import syllabus

NOTEBOOK_SECONDS = 60


def bench_notebooks(course: Course, steps: Steps) -> list[dict]:
    """Seconds of each notebook, whole and without its demo cells, and its claims about time."""
    rows = []
    notebooks = course.select()
    for number, notebook in enumerate(notebooks, start=1):
        whole = run.run(notebook, course)
        graded = run.run(notebook, course, with_demo=False)
        timing = {c["topic"]: c["holds"] for c in whole.claims if c["timing"]}
        rows.append(
            {
                "notebook": notebook.id,
                "seconds": round(whole.seconds, 1),
                "seconds_without_demo": round(graded.seconds, 1),
                "timing_claims_as_expected": {t: holds == syllabus.topic(t).holds for t, holds in timing.items()},
            }
        )
        steps.show("notebooks", number, len(notebooks))
    return rows


def bench_grading(course: Course, steps: Steps) -> dict:
    """Seconds that `course grade week01` takes for the sample class, in a classroom made for it."""
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        classroom = demo.sample_classroom(Path(folder) / "classroom", None)
        build(course, classroom, "week01")
        downloads = demo.write_sample(course, classroom, "week01")
        update_roster(classroom.root / "students.csv", classroom)
        collected = collect(downloads, classroom)
        started = time.monotonic()
        report = grade(course, classroom, "week01", progress=steps.show)
        seconds = time.monotonic() - started
    return {
        "assignment": "week01",
        "students": len(report.graded),
        "notebooks": len(collected.collected),
        "seconds": round(seconds, 1),
        "seconds_a_notebook": round(seconds / len(collected.collected), 2),
    }


def main() -> None:
    silence_nbgrader()
    course = Course.find()
    with Steps() as steps:
        result = {
            "machine": {"python": platform.python_version(), "system": platform.platform()},
            "notebooks": bench_notebooks(course, steps),
            "grading": bench_grading(course, steps),
        }
    target = course.build / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    table = Table("notebook", "seconds", "without demo cells", "claims about time")
    for row in result["notebooks"]:
        claims = ", ".join(
            f"{t}: {'as expected' if ok else 'NOT as expected'}" for t, ok in row["timing_claims_as_expected"].items()
        )
        over = " (over budget)" if row["seconds"] > NOTEBOOK_SECONDS else ""
        table.add_row(row["notebook"], f"{row['seconds']:.1f}{over}", f"{row['seconds_without_demo']:.1f}", claims)
    console.print(table)
    console.print(
        "grading {assignment}: {students} students, {notebooks} notebooks in {seconds} s".format(**result["grading"])
    )
    console.print(f"wrote {target}")


if __name__ == "__main__":
    main()
