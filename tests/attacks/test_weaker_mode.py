"""Other people's nbgrader courses, whose asserts run in the student's kernel: what holds there, and what does not."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade

from autograder.assignment import Assignment
from autograder.classroom import Classroom, tools_on_path
from autograder.grade import grade
from autograder.marking import is_test, write_outcome
from autograder.runner import run_job

WEEK, NOTEBOOK = "ps", "squares"
FULL = {"square_tests": 1, "square_partly": 3}
NOTHING = {"square_tests": 0, "square_partly": 0}
RIGHT = "def square(x):\n    return x * x\n"
WRONG = "def square(x):\n    return x * x + 1\n"
TESTS = """\
assert square(2) == 4
### BEGIN HIDDEN TESTS
assert square(7) == 49
assert_equal(square(3), 9)
### END HIDDEN TESTS"""
PARTLY = "earned = sum(1.0 for n in (0, 1, 2) if square(n) == n**2)\nearned"
HIDDEN = "square(7) == 49"

SAME = """
class Same(int):
    __hash__ = int.__hash__

    def __eq__(self, other):
        return True

def square(x):
    return Same(0)
"""
REQUEST = "get_ipython().kernel.get_parent('shell')['content']['code']"
FORGE = """
def forge(result):
    kernel = get_ipython().kernel
    content = {"data": {"text/plain": "3.0"}, "metadata": {}, "execution_count": 1}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent("shell"))

get_ipython().events.register("post_run_cell", forge)
"""


@dataclass(frozen=True)
class Cheat:
    """What stands in the answer's cell, and what it must get."""

    name: str
    source: str
    marks: dict[str, int]
    tampered: bool = False  # the cells that must fail show that something was changed
    verdict: str = "graded"


CHEATS = [
    Cheat("01 tracebacks are silent", WRONG + """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.showtraceback = lambda *arguments, **options: None
""", NOTHING),
    Cheat("02 later cells pass", WRONG + """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
""", NOTHING, tampered=True),
    Cheat("03 later cells are printed", WRONG + """
def show(lines):
    print("".join(lines))
    return lines
get_ipython().input_transformers_cleanup.append(show)
""", NOTHING),
    Cheat("04 asserts are dropped", WRONG + """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
    def visit_Expr(self, node):
        return ast.copy_location(ast.Pass(), node) if isinstance(node.value, ast.Call) else node
get_ipython().ast_transformers.append(Drop())
""", NOTHING, tampered=True),
    Cheat("06 comparisons are patched", SAME + """
import numpy.testing
for name in dir(numpy.testing):
    if name.startswith("assert"):
        setattr(numpy.testing, name, lambda *arguments, **options: None)
from numpy.testing import assert_equal
""", {"square_tests": 0, "square_partly": 3}, tampered=True),
    Cheat("07 the shell says success", WRONG + """
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult
async def succeed(raw_cell, *arguments, **options):
    result = ExecutionResult(ExecutionInfo(raw_cell, False, False, False, None))
    result.execution_count = 1
    return result
get_ipython().run_cell_async = succeed
""", NOTHING, tampered=True),
    Cheat("08 the kernel says ok", WRONG + """
async def do_execute(*arguments, **options):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
get_ipython().kernel.do_execute = do_execute
""", NOTHING, tampered=True),
    Cheat("11 the kernel ends", "import os\ndef square(x):\n    os._exit(0)\n", NOTHING, verdict="kernel died"),
    Cheat("12 sys.exit", "import sys\ndef square(x):\n    sys.exit(0)\n", NOTHING),
    Cheat("13 an interrupt", "def square(x):\n    raise KeyboardInterrupt\n", NOTHING),
    Cheat("14 AssertionError is a warning", WRONG + """
import builtins, sys
builtins.AssertionError = Warning
sys.excepthook = lambda *arguments: None
""", NOTHING, tampered=True),
    Cheat("15 a thread rebinds helpers", WRONG + """
import threading, time, numpy.testing
def rebind():
    while True:
        numpy.testing.assert_equal = lambda *arguments, **options: None
        time.sleep(0.001)
threading.Thread(target=rebind, daemon=True).start()
""", NOTHING),
    Cheat("16 another key", WRONG + """
get_ipython().kernel.session.key = b"another key"
""", NOTHING, verdict="rejected"),
    Cheat("17 a script", """
from IPython.display import HTML, Javascript, display
def square(x):
    display(HTML("<script>alert(1)</script>"), Javascript("alert(1)"))
    return x * x + 1
""", NOTHING),
    Cheat("18 a forged result where asserts fail", """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.showtraceback = lambda *arguments, **options: None
def square(x):
    raise ValueError(x)
""" + FORGE, NOTHING),
]  # fmt: skip

# Each of these gets marks that it does not deserve. Whoever needs them held must decide by `check`.
NOT_PROMISED = {
    "05 an answer that equals everything: the comparison is made by the answer's own method": SAME,
    "09 the expected value is in the code of the calling frame, which every function can read": """
import sys
def square(x):
    numbers = [value for value in sys._getframe(1).f_code.co_consts if isinstance(value, int)]
    return max(numbers, default=0)
""",
    "10 the test's source is in the request, which the kernel keeps": f"""
import re
def square(x):
    tests = {REQUEST}
    found = re.findall(rf"square\\({{x}}\\)(?: ==|,) (\\d+)", tests)
    return int(found[0]) if found else 0
""",
    "18 in a cell with partial credit the number is sent by the kernel, and so can be any": WRONG + FORGE,
    "19 a kernel that fails where it must can still pass everything else": WRONG
    + """
kernel = get_ipython().kernel
run = kernel.do_execute
async def do_execute(code, *arguments, **options):
    if "square(" in code:
        return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
    return await run(code, *arguments, **options)
kernel.do_execute = do_execute
""",
}


def settings(name: str, **others) -> dict:
    nbgrader = {"grade_id": name, "grade": False, "locked": False, "solution": False, "task": False}
    return {"nbgrader": nbgrader | {"schema_version": 3} | others}


def source_notebook() -> NotebookNode:
    cells = [
        new_code_cell("from numpy.testing import assert_equal", id="imports"),
        new_code_cell(
            f"### BEGIN SOLUTION\n{RIGHT}### END SOLUTION", id="square", metadata=settings("square", solution=True)
        ),
    ]
    for name, source in {"square_tests": TESTS, "square_partly": PARTLY}.items():
        graded = settings(name, grade=True, locked=True, points=FULL[name])
        cells.append(new_code_cell(source, id=name, metadata=graded))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata=kernel)


def nbgrader(folder: Path, *arguments: str) -> None:
    tools_on_path()
    command = [str(Path(sys.executable).parent / "nbgrader"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def classroom(tmp_path_factory) -> Classroom:
    """Another course's folder, with one released notebook."""
    root = tmp_path_factory.mktemp("other")
    (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'other'\n")
    (root / "source" / WEEK).mkdir(parents=True)
    nbformat.write(source_notebook(), root / "source" / WEEK / f"{NOTEBOOK}.ipynb")
    nbgrader(root, "generate_assignment", WEEK)
    return Classroom.open(root)


def submission(classroom: Classroom, answer: str, later: str | None = None) -> NotebookNode:
    notebook = nbformat.read(classroom.release / WEEK / f"{NOTEBOOK}.ipynb", as_version=4)
    next(cell for cell in notebook.cells if cell.id == "square").source = answer
    notebook.cells += [new_code_cell(later)] if later else []
    return notebook


def run(classroom: Classroom, notebook: NotebookNode) -> tuple[dict, dict[str, float], NotebookNode]:
    """The worker's result, the marks, and the notebook as it is saved."""
    assignment = Assignment(classroom, WEEK)
    rebuilt = assignment.rebuilt(notebook, NOTEBOOK)
    result = json.loads(run_job(assignment.job(rebuilt, NOTEBOOK, "mallory", "warm").encoded()))
    write_outcome(rebuilt, result, assignment.reference(NOTEBOOK))
    marks = {c.metadata["nbgrader"]["grade_id"]: determine_grade(c)[0] for c in rebuilt.cells if is_test(c)}
    return result, marks, rebuilt


def failures(notebook: NotebookNode) -> dict[str, str]:
    """The name of the error that the grader wrote into each test cell."""
    return {c.id: output.ename for c in notebook.cells if is_test(c) for output in c.outputs if "ename" in output}


@pytest.mark.slow
@pytest.mark.parametrize("cheat", CHEATS, ids=[cheat.name for cheat in CHEATS])
def test_cheat_gains_nothing(battlefield, classroom, cheat):
    result, marks, notebook = run(classroom, submission(classroom, cheat.source))
    told = failures(notebook)
    assert marks == cheat.marks, (told, result["reason"])
    assert result["verdict"] == cheat.verdict
    assert ("Tampered" in told.values()) == cheat.tampered, told
    assert HIDDEN not in json.dumps([cell.outputs for cell in notebook.cells if cell.cell_type == "code"])


@pytest.mark.slow
@pytest.mark.parametrize("source", NOT_PROMISED.values(), ids=[why[:2] for why in NOT_PROMISED])
def test_what_the_weaker_mode_does_not_promise(battlefield, classroom, source):
    _, marks, notebook = run(classroom, submission(classroom, source))
    assert sum(marks.values()) > 0
    assert "Tampered" not in failures(notebook).values()


@pytest.mark.slow
def test_hidden_tests_can_be_read_by_cells_behind_them(battlefield, classroom):
    """They run in the student's kernel before the student's last cells: keeping them is not promised."""
    answer = RIGHT + f"seen = []\nget_ipython().events.register('pre_run_cell', lambda info: seen.append({REQUEST}))\n"
    _, marks, notebook = run(classroom, submission(classroom, answer, later="print(*seen)"))
    assert marks == FULL
    assert HIDDEN in notebook.cells[-1].outputs[0].text


HONEST = {
    "right": RIGHT,
    "wrong": WRONG,
    "partly": "def square(x):\n    return 2 * x\n",
    "failing": "def square(x):\n    raise ValueError(x)\n",
    "unanswered": "def square(x):\n    raise NotImplementedError()\n",
    "noisy": "import sys, warnings\nprint('warning', file=sys.stderr)\nwarnings.warn('old')\n" + RIGHT,
    "plotting": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n" + RIGHT,
    "misspelt": "def square(x)\n    return x * x\n",
}


def gradebook_marks(classroom: Classroom) -> dict[str, dict[str, float]]:
    with classroom.gradebook() as gradebook:
        return {
            student: {
                one.name: one.auto_score for one in gradebook.find_submission_notebook(NOTEBOOK, WEEK, student).grades
            }
            for student in HONEST
        }


@pytest.mark.slow
def test_honest_work_gets_the_marks_that_nbgrader_gives(battlefield, classroom, tmp_path):
    for student, answer in HONEST.items():
        folder = classroom.submitted / student / WEEK
        folder.mkdir(parents=True)
        nbformat.write(submission(classroom, answer), folder / f"{NOTEBOOK}.ipynb")
    theirs = Classroom(shutil.copytree(classroom.root, tmp_path / "theirs"))
    nbgrader(theirs.root, "autograde", WEEK)

    report = grade(classroom, WEEK)

    assert report.weaker
    assert set(report.graded.values()) == {"graded"}
    assert gradebook_marks(classroom) == gradebook_marks(theirs)
    assert gradebook_marks(classroom)["right"] == FULL
    assert gradebook_marks(classroom)["partly"] == {"square_tests": 0, "square_partly": 2}


@pytest.mark.slow
def test_noise_while_a_test_runs_costs_nothing(battlefield, classroom):
    """nbgrader gives nothing for a test cell that writes to the error stream, as libraries do: there marks differ."""
    answer = "import sys, warnings\ndef square(x):\n    print(x, file=sys.stderr)\n    warnings.warn('old')\n"
    answer += "    return x * x\n"
    assert run(classroom, submission(classroom, answer))[1] == FULL
