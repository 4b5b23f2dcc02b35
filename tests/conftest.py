"""What several test modules use, and the selection of `make check`."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from autograder.build import build
from autograder.classroom import Classroom
from autograder.course import Course, Notebook

HERE = Path(__file__).parent
# Modules of dlcourse that every notebook runs through, whatever names it imports.
ALWAYS = {"__init__", "environment", "session", "checking", "claims", "encoding", "submission"}


@pytest.fixture(scope="session")
def course() -> Course:
    return Course.find()


@pytest.fixture
def tiny_course(tmp_path: Path) -> Course:
    """A checkout with one small notebook."""
    checkout = tmp_path / "checkout"
    shutil.copytree(HERE / "tiny_course", checkout / "solutions")
    (checkout / "lib").mkdir()
    (checkout / "lib" / "dlcourse").symlink_to(Course.find().root / "lib" / "dlcourse")
    shutil.copy(Course.find().root / "pyproject.toml", checkout)
    return Course(checkout)


@pytest.fixture
def tiny_classroom(tiny_course: Course, tmp_path: Path) -> Classroom:
    """A classroom in which the small notebook is released."""
    classroom = Classroom.create(tmp_path / "classroom")
    build(tiny_course, classroom)
    return classroom


def pytest_addoption(parser):
    parser.addoption(
        "--touched-only",
        action="store_true",
        help="leave out slow tests and the notebooks that the uncommitted change does not touch",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out of `make check`")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--touched-only"):
        return
    changed = changed_files(Course.find().root)
    left_out = [item for item in items if item.get_closest_marker("slow") or not is_touched(item, changed)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def changed_files(root: Path) -> set[str]:
    """Files that differ from the last commit, new ones included."""
    commands = [["git", "diff", "--name-only", "HEAD"], ["git", "ls-files", "--others", "--exclude-standard"]]
    outputs = [subprocess.run(c, cwd=root, capture_output=True, text=True, check=True).stdout for c in commands]
    return {line for output in outputs for line in output.splitlines()}


def is_touched(item, changed: set[str]) -> bool:
    """Whether a test is to run: of the tests of a notebook, those whose source or library modules changed."""
    notebook = getattr(item, "callspec", None) and item.callspec.params.get("notebook")
    if not isinstance(notebook, Notebook):
        return True
    mine = {str(path.relative_to(Course.find().root)) for path in (notebook.source, notebook.answers)}
    modules = {Path(name).stem for name in changed if name.startswith("lib/dlcourse/") and name.endswith(".py")}
    source = notebook.source.read_text(encoding="utf-8")
    used = {name for name in modules if name in ALWAYS or re.search(rf"\b{name}\b", source)}
    return bool(mine & changed or used)
