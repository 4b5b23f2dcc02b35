"""The place where attacks are run: a classroom and a temporary folder of their own, on this machine's real sandbox."""

import ctypes
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from autograder.build import build
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.sandbox.provisioner import WarmSandbox
from autograder.sandbox.trial import require_sandbox

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for `suite`: with pytest's importlib mode test folders are no packages
ADOPT_ORPHANS = 36  # of prctl: what an attack leaves running becomes a child of this process, and is seen


@pytest.fixture(scope="session")
def temporary_folder():
    """The temporary folder of this process, in which nothing else leaves files."""
    before, tempfile.tempdir = tempfile.tempdir, None
    folder = tempfile.mkdtemp(prefix="attacks-")  # short: paths of sockets have 107 characters at most
    tempfile.tempdir = folder
    yield Path(folder)
    tempfile.tempdir = before
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Course:
    """A checkout with one small notebook."""
    root = tmp_path_factory.mktemp("attacked")
    shutil.copytree(HERE.parent / "tiny_course", root / "solutions")
    (root / "lib").mkdir()
    (root / "lib" / "dlcourse").symlink_to(Course.find().root / "lib" / "dlcourse")
    shutil.copy(Course.find().root / "pyproject.toml", root)
    return Course(root)


@pytest.fixture(scope="session")
def battlefield(checkout, tmp_path_factory, temporary_folder):
    """Where submissions are run. Without a sandbox the tests fail here, and say what is missing."""
    import suite

    os.environ["SECRET_OF_THE_GRADER"] = "attack-secret"  # which K11_environment looks for
    require_sandbox()
    assert ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0) == 0
    classroom = Classroom.create(tmp_path_factory.mktemp("classroom") / "classroom")
    build(checkout, classroom)
    field = suite.Battlefield(checkout, classroom)
    assert field.run_honest().marks == suite.FULL
    yield field
    del os.environ["SECRET_OF_THE_GRADER"]
    WarmSandbox.get().close()
    WarmSandbox.forget()
