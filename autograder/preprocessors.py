"""Our steps among nbgrader's preprocessors: its commands and its formgrader use them too (nbgrader_config.py)."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade
from traitlets import Unicode

from autograder import kernels
from autograder.jobs import job_key, prepare
from autograder.rebuild import rebuild
from dlcourse import session

WAITING = "raises-exception"  # Jupyter goes on after such a cell when it fails


class MarkWaiting(NbGraderPreprocessor):
    """In the release, let "Run all" pass the cells that wait for an exercise; each says in its first line which one."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        exercise = None
        for cell in nb.cells:
            settings = cell.metadata.get("nbgrader", {})
            if settings.get("solution"):
                exercise = settings["grade_id"]
            if cell.cell_type != "code":
                continue
            waits = cell.metadata.get("waits", [exercise] if settings.get("grade") else [])
            if waits and not settings.get("grade"):
                cell.source = f"# Waits for your {' and '.join(waits)}.\n{cell.source}"
            if waits or settings.get("solution"):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), WAITING]
        return nb, resources


class Rebuild(NbGraderPreprocessor):
    """Replace the submission by the source's notebook with the student's cells in it."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        root, place = Path(self.config.CourseDirectory.root), resources["nbgrader"]
        name = f"{place['notebook']}.ipynb"
        source = nbformat.read(root / "source" / place["assignment"] / name, as_version=4)
        release = nbformat.read(root / "release" / place["assignment"] / name, as_version=4)
        return rebuild(source, release, nb), resources


class Execute(NbGraderPreprocessor):
    """Run the rebuilt notebook, or take it from the folder where `course grade` has run it already."""

    finished = Unicode("", help="Folder of notebooks that were run before, by key").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        run = Path(self.finished) / f"{job_key(nb)}.ipynb" if self.finished else None
        if run is not None and run.exists():
            ran = [cell for cell in nbformat.read(run, as_version=4).cells if cell.cell_type == "code"]
            for cell, done in zip((cell for cell in nb.cells if cell.cell_type == "code"), ran, strict=True):
                cell.outputs, cell.execution_count = done.outputs, done.execution_count
        else:
            reference = Path(self.config.CourseDirectory.root) / "reference"
            prepare(nb)
            kernels.execute(nb, environment={session.REFERENCE: str(reference)}, skip=kernels.DEMO)
        return nb, resources


class CheckOutputs(NbGraderPreprocessor):
    """Leave each check cell with nothing, or with one error: what else it prints, warns or returns does not count."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int) -> tuple[NotebookNode, dict]:
        if cell.cell_type == "code" and is_grade(cell):
            errors = [output for output in cell.outputs if output.output_type == "error"]
            if errors:
                message = f"{errors[0].ename}: {errors[0].evalue}"
                cell.outputs = [
                    new_output("error", ename=errors[0].ename, evalue=errors[0].evalue, traceback=[message])
                ]
            elif cell.execution_count is None:
                cell.outputs = [
                    new_output(
                        "error", ename="NotRun", evalue="the cell did not run", traceback=["the cell did not run"]
                    )
                ]
            else:
                cell.outputs = []
        return cell, resources
