"""What the reference solution gives for an assignment's random inputs: classroom/reference/weekNN/NN_topic.json."""

import hashlib
import json
import secrets
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from autograder.classroom import Classroom
from autograder.course import Course, Notebook
from autograder.run import run


def assignment_seed(classroom: Classroom, assignment: str) -> int:
    """The seed of the assignment's hidden inputs, drawn once and kept in the classroom."""
    path = classroom.reference / assignment / "seed"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{secrets.randbits(32)}\n")
    return int(path.read_text())


def reference_key(notebook: Notebook, seed: int) -> str:
    """Names a reference by all that it depends on: the source, the library, the versions, the seed."""
    import dlcourse

    digest = hashlib.sha256(f"{seed} {version('tensorflow')} {version('keras')} {version('numpy')}".encode())
    for path in [notebook.source, *sorted(Path(dlcourse.__file__).parent.rglob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def reference_path(classroom: Classroom, notebook: Notebook) -> Path:
    return classroom.reference / notebook.assignment / f"{notebook.name}.json"


def is_current(classroom: Classroom, notebook: Notebook) -> bool:
    path = reference_path(classroom, notebook)
    seed = assignment_seed(classroom, notebook.assignment)
    return path.exists() and json.loads(path.read_text())["key"] == reference_key(notebook, seed)


def make_reference(
    course: Course, classroom: Classroom, notebook: Notebook, progress: Callable[[int], None] = lambda index: None
) -> None:
    """Run the reference solution as grading runs a submission, and keep the values that its checks were given."""
    seed = assignment_seed(classroom, notebook.assignment)
    finished = run(notebook, course, with_demo=False, seed=seed, progress=progress)
    content = {"key": reference_key(notebook, seed), "seed": seed, "values": finished.values}
    reference_path(classroom, notebook).write_text(json.dumps(content))
