"""Where no sandbox can be made, grading stops and says what is missing; it goes on only when it is told to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import writes

from autograder.sample_class import material, solve

BIN = Path(sys.executable).parent
FORBID = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
ALLOW = "sudo sysctl user.max_user_namespaces="
PLACES = {  # where the command is run -> what stands before it, its PATH, and what it must say
    "namespaces forbidden to root": (["unshare", "--user", "--map-root-user", "sh", "-c", FORBID, "sh"], None, ALLOW),
    "namespaces forbidden to others": (
        ["unshare", "--user", "--map-user=1000", "--keep-caps", "sh", "-c", FORBID, "sh"],
        None,
        ALLOW,
    ),
    "bubblewrap not installed": ([], str(BIN), "apt-get install bubblewrap"),
}


@pytest.fixture
def classroom(tiny_course, tiny_classroom):
    """A classroom in which one submission waits."""
    path = tiny_classroom.submitted / "ada" / "week01" / "01_doubling.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(writes(solve(material(tiny_course, tiny_classroom, tiny_course.select()[0]))))
    return tiny_classroom


def run(place, command):
    before, path, _ = PLACES[place]
    environment = os.environ | ({"PATH": path} if path else {})
    return subprocess.run(
        [*before, *command], env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def course_grade(classroom, *options):
    return [str(BIN / "course"), "grade", "week01", "--classroom", str(classroom.root), *options]


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["warm", "fresh"])
@pytest.mark.parametrize("place", PLACES)
def test_grading_stops_and_says_in_a_line_what_is_missing_and_what_helps(classroom, place, isolation):
    done = run(place, course_grade(classroom, "--isolation", isolation))
    assert done.returncode == 1, done
    (line,) = done.stderr.strip().splitlines()
    assert PLACES[place][2] in line and "--isolation none" in line, line
    assert list(classroom.autograded.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_without_isolation_it_warns_and_works(classroom, place):
    done = run(place, course_grade(classroom, "--isolation", "none"))
    assert done.returncode == 0, done
    assert "warning" in done.stderr and "student code runs as you" in done.stderr
    with classroom.gradebook() as gradebook:
        assert gradebook.find_submission("week01", "ada").score == 5


@pytest.mark.parametrize("place", PLACES)
def test_the_trial_itself_says_so(place):
    program = "from autograder.sandbox.trial import require_sandbox; require_sandbox()"
    done = run(place, [sys.executable, "-c", program])
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "no sandbox: " in last and PLACES[place][2] in last, done.stderr
