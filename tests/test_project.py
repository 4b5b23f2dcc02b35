"""The project's own files agree with each other."""

import subprocess
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course import Course


def requirements(lines) -> dict[str, str]:
    parsed = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(one.name): str(one.specifier) for one in parsed}


def test_requirements_are_those_of_the_package(course: Course):
    project = tomllib.loads((course.root / "pyproject.toml").read_text())["project"]
    listed = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    assert requirements((course.root / "requirements.txt").read_text().splitlines()) == requirements(listed)


def test_constraints_name_a_tested_version_of_each_requirement(course: Course):
    wanted = requirements((course.root / "requirements.txt").read_text().splitlines())
    exact = requirements((course.root / "constraints.txt").read_text().splitlines())
    assert set(wanted) <= set(exact)
    assert all(version.startswith("==") for version in exact.values())


def test_nothing_generated_or_private_is_committed(course: Course):
    listed = subprocess.run(["git", "ls-files"], cwd=course.root, capture_output=True, text=True, check=True).stdout
    unwanted = ("build/", "classroom/", ".venv", "dist/")
    assert not [name for name in listed.splitlines() if name.startswith(unwanted) or name.endswith((".db", ".pyc"))]
