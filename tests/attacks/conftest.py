"""The place where attacks are run: a classroom and a temporary folder of their own, on this machine's real sandbox."""

import ctypes
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
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
    """The temporary folder of attacks, in which nothing else leaves files."""
    folder = tempfile.mkdtemp(prefix="attacks-")  # short: paths of sockets have 107 characters at most
    yield Path(folder)
    shutil.rmtree(folder)


@contextmanager
def on_the_battlefield(folder: Path):
    """Let this process see what an attack leaves: files in that folder, orphans, its secret told.

    Afterwards it is as before, for the other tests that it runs.
    """
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    os.environ["SECRET_OF_THE_GRADER"] = "attack-secret"  # which K11_environment looks for
    assert ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        assert ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 0, 0, 0, 0) == 0
        del os.environ["SECRET_OF_THE_GRADER"]
        tempfile.tempdir = before


@pytest.fixture(autouse=True)
def settings_of_attacks(temporary_folder):
    with on_the_battlefield(temporary_folder):
        yield


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

    require_sandbox()
    classroom = Classroom.create(tmp_path_factory.mktemp("classroom") / "classroom")
    build(checkout, classroom)
    with on_the_battlefield(temporary_folder):
        WarmSandbox.forget()  # one of other tests has its folder elsewhere
        field = suite.Battlefield(checkout, classroom)
        assert field.run_honest().marks == suite.FULL
    yield field
    WarmSandbox.get().close()
    WarmSandbox.forget()
