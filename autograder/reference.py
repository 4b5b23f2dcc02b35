"""What the reference solution gives for an assignment's random inputs: classroom/reference/weekNN/NN_topic.json."""

import hashlib
import json
import secrets

from autograder.assignment import Assignment
from autograder.errors import CourseError
from autograder.journal import versions, write_whole
from autograder.marking import make_job
from autograder.runner import Job


def assignment_seed(assignment: Assignment) -> int:
    """The seed of the assignment's hidden inputs, drawn once and kept in the classroom."""
    path = assignment.classroom.reference / assignment.name / "seed"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{secrets.randbits(32)}\n".encode())
    return int(path.read_text())


def reference_job(assignment: Assignment, notebook: str, isolation: str) -> Job:
    """The reference solution, to be run as a submission is."""
    seed = assignment_seed(assignment)
    name = f"{assignment.name}/{notebook}"
    return make_job(assignment.source(notebook), name=name, seed=seed, isolation=isolation, limits=assignment.limits)


def reference_key(assignment: Assignment, notebook: str) -> str:
    """Names a reference by all that it depends on: the source, the library, the versions, the seed."""
    source = (assignment.classroom.source / assignment.name / f"{notebook}.ipynb").read_bytes()
    return hashlib.sha256(f"{assignment_seed(assignment)} {versions()} ".encode() + source).hexdigest()[:24]


def is_current(assignment: Assignment, notebook: str) -> bool:
    return assignment.reference(notebook).get("key") == reference_key(assignment, notebook)


def keep_reference(assignment: Assignment, notebook: str, result: dict) -> None:
    """Keep the values that the reference solution's checks sent.

    Raises:
        CourseError: a cell of the reference solution failed, or a check sent nothing.
    """
    content = {
        "key": reference_key(assignment, notebook),
        "seed": assignment_seed(assignment),
        "values": {record["name"]: record["value"] for sent in result["checks"].values() for record in sent["values"]},
        "checks": {cell: sent["values"] for cell, sent in result["checks"].items()},
    }
    for cell, sent in result["checks"].items():
        if sent["error"] or not sent["values"]:
            why = ": ".join(sent["error"] or ["it sent no value"])
            raise CourseError(f"the reference solution of {assignment.name}/{notebook} fails in {cell}: {why}")
    if result["verdict"] != "graded":
        raise CourseError(f"the reference solution of {assignment.name}/{notebook}: {result['reason']}")
    write_whole(assignment.reference_path(notebook), json.dumps(content).encode())
