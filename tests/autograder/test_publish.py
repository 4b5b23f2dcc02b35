"""The public repository installs, runs, and gives nothing away."""

import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest

from autograder.build import solved_notebook
from autograder.course import Course
from autograder.errors import CourseError
from autograder.publish import publish
from autograder.results import Results


@pytest.fixture(scope="module")
def published(course: Course, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("public") / "repository"
    publish(course, target)
    return target


def secret_lines(course: Course) -> set[str]:
    """Lines that stand in solutions and hidden checks and nowhere else in the sources."""
    secret, public = set(), set()
    for notebook in course.all_notebooks():
        for cell in solved_notebook(notebook, course).cells:
            hidden = False
            for line in map(str.strip, cell.source.splitlines()):
                if line.startswith(("### BEGIN SOLUTION", "### BEGIN HIDDEN")):
                    hidden = True
                elif line.startswith(("### END SOLUTION", "### END HIDDEN")):
                    hidden = False
                elif len(line) > 8:
                    (secret if hidden else public).add(line)
    return {line for line in secret if not any(line in other for other in public)}


def test_no_solution_and_no_hidden_check_is_published(course: Course, published: Path):
    text = "\n".join(path.read_text(encoding="utf-8") for path in published.rglob("*") if path.is_file())
    text += "\n".join(cell.source for path in published.rglob("*.ipynb") for cell in nbformat.read(path, 4).cells)
    lines = secret_lines(course)
    assert len(lines) > 20 * len(course.assignments())
    assert not [line for line in lines if line in text]
    assert "HIDDEN TESTS" not in text.replace("nbgrader's HIDDEN TESTS", "")
    assert not list(published.rglob("*answers*")) and not list(published.rglob("*.db"))


def test_publishing_again_removes_what_is_gone_and_keeps_git(course: Course, tmp_path: Path):
    publish(course, tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "notebooks" / "old.ipynb").write_text("{}")
    publish(course, tmp_path)
    assert (tmp_path / ".git").exists() and not (tmp_path / "notebooks" / "old.ipynb").exists()


def test_folder_with_other_things_is_refused(course: Course, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CourseError, match="thesis.tex"):
        publish(course, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_published_library_knows_the_recorded_results(course: Course, published: Path):
    assert Results.read(published / "dlcourse" / "results.json") == Results.read(course.results)


@pytest.mark.slow
def test_library_installs_into_an_empty_environment_and_runs_a_notebook(published: Path, tmp_path: Path):
    venv.create(tmp_path / "environment", with_pip=True)
    python = tmp_path / "environment" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(published), "nbclient"], check=True)
    notebook = sorted(published.glob("notebooks/week*/*.ipynb"))[0]
    script = (
        "import sys, nbformat; from nbclient import NotebookClient\n"
        "nb = nbformat.read(sys.argv[1], 4)\n"
        "nb.cells = [c for c in nb.cells if 'demo' not in c.metadata.get('tags', [])]\n"
        "nb.cells.append(nbformat.v4.new_code_cell('from dlcourse import recorded; assert recorded.file()'))\n"
        "NotebookClient(nb, kernel_name='python3', timeout=120).execute()\n"
        "setup = next(c for c in nb.cells if 'dlcourse.setup(' in c.source)\n"
        "print(''.join(o.text for o in setup.outputs))\n"
    )
    done = subprocess.run([python, "-c", script, notebook], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "TensorFlow" in done.stdout
