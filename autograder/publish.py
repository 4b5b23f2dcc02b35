"""The public course repository: notebooks and the installable library, never solutions, hidden checks or marks."""

import shutil
import tomllib
from importlib.resources import files
from pathlib import Path

from autograder.classroom import write_if_changed
from autograder.course import Course
from autograder.errors import CourseError

WRITTEN = {"README.md", "LICENSE", "LICENSE-TEXT", "pyproject.toml", "dlcourse", "notebooks"}
KEPT = {".git", ".github", ".gitignore"}  # the owner's, never touched


def publish(course: Course, target: Path) -> list[Path]:
    """Write the public repository into `target`, and remove from it what an earlier publication left; return its files.

    Raises:
        CourseError: there are no notebooks to publish, or `target` holds something that was not published.
    """
    if not any(course.notebooks.glob("week*/*.ipynb")):
        raise CourseError(f"{course.notebooks} holds no notebooks: run `course build` first")
    strange = {path.name for path in target.iterdir()} - WRITTEN - KEPT if target.is_dir() else set()
    if strange or target.is_file():
        raise CourseError(
            f"{target} holds {', '.join(sorted(strange)) or 'a file'}, which `course publish` did not write; "
            "give an empty folder or an earlier publication"
        )
    copy_tree(course.root / "lib" / "dlcourse", target / "dlcourse")
    if course.results.exists():  # for `dlcourse.recorded`
        shutil.copy(course.results, target / "dlcourse" / "results.json")
    copy_tree(course.notebooks, target / "notebooks")
    for name in ["LICENSE", "LICENSE-TEXT"]:
        write_if_changed(target / name, (course.root / name).read_text(encoding="utf-8"))
    write_if_changed(target / "README.md", readme(course))
    write_if_changed(target / "pyproject.toml", pyproject(course))
    return sorted(path for name in WRITTEN for path in [target / name, *(target / name).rglob("*")] if path.is_file())


def copy_tree(source: Path, target: Path) -> None:
    """Make `target` hold just the text files of `source`."""
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.pyc")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=ignored)


def readme(course: Course) -> str:
    address = course.public_repository
    install = f"git+{address}.git" if address else "."
    return template("public_readme.md").replace("{install}", install)


def pyproject(course: Course) -> str:
    """The library's own pyproject: what its notebooks need, without the grader."""
    project = tomllib.loads((course.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dependencies = "\n".join(f'    "{requirement}",' for requirement in project["dependencies"])
    return template("public_pyproject.toml").format(version=project["version"], dependencies=dependencies)


def template(name: str) -> str:
    return files("autograder").joinpath("templates", name).read_text(encoding="utf-8")
