"""Which notebook this kernel runs, and on whose behalf: a student's, the recorder's or the grader's."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

# `course run` sets this: checks then also publish the values they are given.
RECORDING = "DLCOURSE_RECORD"
# Graders that run nbgrader's own way set this to classroom/reference: checks without `expected` read the reference
# solution's values there, and decide in the student's kernel. `course grade` does not.
REFERENCE = "DLCOURSE_REFERENCE"
# The seed of `check.rng`, drawn once for each assignment.
GRADING_SEED = "DLCOURSE_GRADING_SEED"
# `course run --seed` sets this, to see whether claims hold with another seed than the notebook's own.
NOTEBOOK_SEED = "DLCOURSE_SEED"


@dataclass
class Session:
    """State of one run of one notebook."""

    notebook: str | None = None
    seed: int = 0
    cell: str = ""  # source of the cell that runs now
    calls_of_rng: int = 0  # in this cell
    claims: list[dict] = field(default_factory=list)


current = Session()
sent_seed: int | None = None  # of the checks whose values the grader decides on


def begin(notebook: str, seed: int) -> None:
    """Start over for `notebook`; running the setup cell again does the same."""
    global current
    current = Session(notebook, seed, cell=current.cell)


def notebook_seed(own: int) -> int:
    """The seed of this run: the notebook's own, unless the course is run with another."""
    return int(os.environ.get(NOTEBOOK_SEED, own))


def send_checks(seed: int) -> None:
    """From now on checks send their values to the grader, which decides; their inputs are those of this seed.

    `course grade` asks for this when the student's cells have run.
    """
    global sent_seed
    sent_seed = seed


def sending() -> bool:
    return sent_seed is not None


def recording() -> bool:
    return bool(os.environ.get(RECORDING))


def grading() -> bool:
    return bool(os.environ.get(REFERENCE))


def reference() -> dict:
    """The reference of this notebook: {"seed": int, "values": {check name: encoded value}}.

    Raises:
        FileNotFoundError: there is none in the classroom.
    """
    if current.notebook is None:
        raise RuntimeError("no notebook was set up: run the cell with dlcourse.setup(...) first")
    path = Path(os.environ[REFERENCE]) / f"{current.notebook}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"no reference values at {path}: run `course grade {current.notebook[:6]}` once to make them"
        )
    return json.loads(path.read_text())


def grading_seed() -> int:
    """Seed of the random inputs of checks: the assignment's when graded, 0 otherwise."""
    if sent_seed is not None:
        return sent_seed
    if grading():
        return reference()["seed"]
    return int(os.environ.get(GRADING_SEED, "0"))
