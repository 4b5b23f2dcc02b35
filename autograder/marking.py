"""From a submission to marks: what is run of it, and what the grader decides from what came out.

Nothing here enters a student's kernel: values arrive as plain data and are compared with the reference solution's.
"""

import base64
import re

import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_grade, is_solution

from autograder.kernels import DEMO
from autograder.runner import ASSERTS, CHECK, STUDENT, Job
from autograder.sandbox.limits import Limits
from dlcourse import encoding
from dlcourse.checking import CheckFailed, compare, keep_bounds

GRADING_LIMITS = Limits(cell=30, notebook=120)
TAMPERED = "the means by which this cell is graded were changed"
OWN = "dlcourse.setup("  # a notebook of this course says this in its setup cell


def make_job(
    notebook: NotebookNode,
    *,
    name: str,
    seed: int,
    isolation: str,
    limits: Limits,
    files: dict[str, bytes] | None = None,
) -> Job:
    """What a worker runs of a rebuilt or solved notebook."""
    cells, checks, exercise = [], [], ""
    own = is_of_this_course(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code" or DEMO in cell.metadata.get("tags", []):
            continue
        exercise = cell.id if is_solution(cell) else exercise
        if not is_test(cell):
            cells.append({"id": cell.id, "source": cell.source, "kind": STUDENT})
        elif own and decides_by_check(cell):
            cells.append({"id": cell.id, "source": visible_part(cell), "kind": CHECK, "exercise": exercise})
            checks.append({"id": cell.id, "source": cell.source, "exercise": exercise})
        else:
            cells.append({"id": cell.id, "source": cell.source, "kind": ASSERTS})
    encoded = {path: base64.b64encode(content).decode() for path, content in (files or {}).items()}
    return Job(name, cells, checks, seed, encoded, isolation, limits)


def is_of_this_course(notebook: NotebookNode) -> bool:
    return any(cell.cell_type == "code" and OWN in cell.source for cell in notebook.cells)


def is_test(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def decides_by_check(cell: NotebookNode) -> bool:
    return re.search(r"^\s*check\(", cell.source, flags=re.MULTILINE) is not None


def visible_part(cell: NotebookNode) -> str:
    """The check cell as it stands in the release."""
    copy = NotebookNode(cell)
    ClearHiddenTests()._remove_hidden_test_region(copy)
    return copy.source


def write_outcome(notebook: NotebookNode, result: dict, reference: dict) -> None:
    """Put a run's outputs into the notebook. A check cell gets nothing, its credit, or the grader's one error."""
    weaker = any(is_test(cell) and cell.id not in result["checks"] for cell in notebook.cells)
    outcome = {"verdict": result["verdict"], "reason": result["reason"], "weaker": weaker}
    notebook.metadata.setdefault("dlcourse", NotebookNode()).update(outcome)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        ran = result["cells"].get(cell.id)
        cell.outputs, cell.execution_count = [], None
        if not is_test(cell):
            if ran:
                cell.outputs = [NotebookNode(output) for output in ran["outputs"]]
                cell.execution_count = ran["count"]
            continue
        if cell.id in result["checks"]:
            failure = decide(result["checks"][cell.id], reference["checks"].get(cell.id))
        else:
            failure = decide_asserts(ran)
        if failure:
            ename, evalue = failure
            cell.outputs = [new_output("error", ename=ename, evalue=evalue, traceback=[f"{ename}: {evalue}"])]
        elif ran and ran.get("shown") is not None and (credit := partial_credit(ran["shown"], cell)) is not None:
            cell.outputs = [new_output("execute_result", {"text/plain": repr(credit)}, execution_count=1)]


def decide(sent: dict, rules: list[dict] | None) -> tuple[str, str] | None:
    """None when every value that the reference sends has arrived and is right, else name and text of the error.

    Args:
        sent: {"values": what the cell sent, "error": [name, text] or None}, all of it the student's word.
        rules: the records of the reference solution's run of the cell: name, value, expected, tolerance and bounds.
    """
    if not rules:
        return "NotRun", "the cell did not run"
    arrived: dict[str, list] = {}
    for record in sent["values"]:
        if isinstance(record, dict) and isinstance(record.get("name"), str):
            arrived.setdefault(record["name"], []).append(record.get("value"))
    for rule in rules:
        if rule["name"] not in arrived:
            ename, evalue = sent["error"] or ("CheckFailed", f"{rule['name']}: no value arrived")
            return str(ename), str(evalue)
        for value in arrived[rule["name"]]:
            try:
                agree(rule, encoding.decode(value))
            except CheckFailed as failed:
                return "CheckFailed", str(failed)
            except (ValueError, TypeError, OverflowError) as error:
                return "CheckFailed", f"{rule['name']}: no value that can be compared ({type(error).__name__})"
    return None


def agree(rule: dict, value) -> None:
    """Raise CheckFailed unless the value is what the reference's record of the check asks for."""
    bounded = rule["at_least"] is not None or rule["at_most"] is not None
    if rule["expected"] is not None:
        compare(rule["name"], value, encoding.decode(rule["expected"]), rule["tolerance"])
    elif not bounded:
        compare(rule["name"], value, encoding.decode(rule["value"]), rule["tolerance"])
    if bounded:
        # An array without elements keeps any bounds, and complex numbers have no order.
        wanted = np.shape(encoding.decode(rule["value"]))
        if np.shape(value) != wanted or np.iscomplexobj(value):
            raise CheckFailed(f"{rule['name']}: got shape {np.shape(value)}, wanted real numbers of shape {wanted}")
        keep_bounds(rule["name"], value, rule["at_least"], rule["at_most"])


def decide_asserts(ran: dict | None) -> tuple[str, str] | None:
    """The same for a cell that decides in the student's kernel: by the kernel's answer alone, and only when the cells
    around it that must fail have failed."""
    if ran is None or "not_run" in ran:
        return "NotRun", f"not run: {ran['not_run']}" if ran else "the cell did not run"
    if not ran["intact"]:
        return "Tampered", TAMPERED
    if ran["status"] != "ok":
        return ran["ename"], "the cell ran too long" if ran["timed_out"] else ran["evalue"]
    return None


def partial_credit(shown: str, cell: NotebookNode) -> float | None:
    """nbgrader's partial credit: a number that the cell ends with, between 0 and its points."""
    try:
        credit = float(shown)
    except ValueError:
        return None
    points = float(cell.metadata["nbgrader"]["points"])
    return min(max(credit, 0.0), points) if credit == credit else 0.0
