"""Each student's page: nbgrader's feedback without hidden checks, and without what a submission could smuggle in."""

import ast
import builtins
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bleach
from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES, CSSSanitizer
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool, Unicode, default
from traitlets.config import Config

from autograder.classroom import Classroom
from autograder.errors import CourseError
from autograder.kernels import TIME_IS_UP
from autograder.marking import TAMPERED
from autograder.report import number
from autograder.runner import REASONS, STOPS

TEMPLATE = Path(__file__).parent / "templates" / "feedback.html.j2"

# What the grader itself says of a cell that it stopped.
STOPPED = re.compile(
    rf"NotRun: (?:not run: )?(?:{'|'.join(map(re.escape, [*REASONS.values(), *STOPS]))})"
    rf"|Tampered: {re.escape(TAMPERED)}"
    r"|CellTimeout: the cell ran longer than [\d.]{1,9} seconds"
)

TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "div", "dl", "dt", "em", "figure",
    "figcaption", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "ol", "p", "pre", "s", "small",
    "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
STYLES = {*ALLOWED_CSS_PROPERTIES, "border", "border-left", "margin", "max-width", "padding"}


@dataclass
class Feedback:
    """The pages that were written, and in a line for each student what kept one from being written."""

    pages: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def write_feedback(
    classroom: Classroom,
    assignment: str,
    students: list[str] | None = None,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> Feedback:
    """Write feedback/<student>/<assignment>/ for these students, or for all whose work is graded.

    Raises:
        CourseError: nothing is graded, or a student is named whose work is not.
    """
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    graded = sorted(path.parent.name for path in classroom.autograded.glob(f"*/{assignment}") if path.is_dir())
    unknown = [student for student in students or [] if student not in graded]
    if not graded or unknown:
        whose = f" of {', '.join(unknown)}" if unknown else ""
        raise CourseError(f"nothing{whose} is graded in {assignment}: run `course grade {assignment}` first")
    configuration = classroom.configuration()
    api = NbGraderAPI(CourseDirectory(config=configuration), config=configuration)
    feedback, chosen = Feedback(), graded if students is None else students
    for done, student in enumerate(chosen, start=1):
        outcome = api.generate_feedback(assignment, student, force=True)  # catches all that its converter raises
        if outcome["success"]:
            feedback.pages += sorted((classroom.feedback / student / assignment).glob("*.html"))
        else:
            feedback.problems.append(f"{student}: no feedback on {assignment}: {reason(outcome)}")
        progress("feedback", done, len(chosen))
    return feedback


def reason(outcome: dict) -> str:
    """The last error that nbgrader logged, in a line."""
    lines = [line.strip() for line in f"{outcome.get('error', '')}\n{outcome.get('log', '')}".splitlines()]
    errors = [line for line in lines if re.match(r"[\w.]+(?:Error|Exception|Entry|Exit)\b", line)]
    return errors[-1] if errors else "nbgrader gave no reason"


class HideChecks(ClearHiddenTests):
    """Leave the names of hidden checks in check cells, and of what failed there only the name.

    A message of a check cell may hold what a submission put into it, hidden code and inputs for instance, so none is
    shown but what the grader itself says.
    """

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        resources["checks"] = []
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int) -> tuple[NotebookNode, dict]:
        if cell.cell_type != "code":
            return cell, resources
        if not is_grade(cell) or is_solution(cell):
            cell.outputs = [plain_output(output) for output in cell.outputs]
            return cell, resources
        names = check_names(cell.source)
        self._remove_hidden_test_region(cell)
        visible = check_names(cell.source)
        hidden = [name for name in names if name not in visible]
        cell.metadata["hidden_checks"] = [shown(name) for name in hidden]
        errors = [output for output in cell.outputs if output.output_type == "error"]
        cell.metadata["failure"] = failure(errors[0], names, hidden) if errors else ""
        cell.outputs = []
        return cell, resources


def plain_output(output: NotebookNode) -> NotebookNode:
    """A student's own output: errors in one line, and no display options."""
    if output.output_type == "error":
        line = f"{output.ename}: {output.evalue}"
        return new_output("error", ename=output.ename, evalue=output.evalue, traceback=[line])
    if "metadata" in output:
        output.metadata = NotebookNode()
    return output


def check_names(source: str) -> list[tuple[str, ...]]:
    """The names of the checks in a cell, in order; each as its fixed parts, between which an f-string puts others."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check"]
    names = [call.args[0] for call in sorted(calls, key=lambda call: call.lineno) if call.args]
    return list(dict.fromkeys(fixed_parts(name) for name in names))


def fixed_parts(name: ast.expr) -> tuple[str, ...]:
    if isinstance(name, ast.Constant):
        return (str(name.value),)
    if not isinstance(name, ast.JoinedStr):
        return ("", "")
    parts = [""]
    for piece in name.values:
        if isinstance(piece, ast.Constant):
            parts[-1] += piece.value
        else:
            parts.append("")
    return tuple(parts)


def shown(name: tuple[str, ...]) -> str:
    return "…".join(name)


def failure(error: NotebookNode, names: list[tuple[str, ...]], hidden: list[tuple[str, ...]]) -> str:
    """What the student is told about a check cell that failed."""
    whole = f"{error.ename}: {error.evalue}"
    if STOPPED.fullmatch(whole):
        return "The cell ran longer than it may." if error.ename == TIME_IS_UP else whole
    if error.ename == "CheckFailed":
        for name in sorted(names, key=lambda name: -sum(map(len, name))):
            if re.match(".*".join(map(re.escape, name)) + ": ", error.evalue, flags=re.DOTALL):
                kind = "Hidden check" if name in hidden else "Check"
                return f"{kind} failed: {shown(name)}"
        return "A check failed."
    if error.ename == "NotImplementedError":
        return "Not answered: NotImplementedError"
    # A submission chooses its errors' names, and could tell with them what it saw of the hidden checks.
    named = error.ename if isinstance(getattr(builtins, error.ename, None), type) else "an error"
    return f"The answer raised {named} while the checks ran."


class FeedbackExporter(HTMLExporter):
    """nbconvert's page in the course's template, with a submission's HTML cleaned and nothing in it that runs."""

    sanitize_html = Bool(True)
    raw_template = Unicode(TEMPLATE.read_text(encoding="utf-8"))

    @default("template_name")
    def _template_name_default(self) -> str:
        return "classic"

    @property
    def default_config(self) -> Config:
        kinds = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain"]
        config = super().default_config.copy()
        config.NbConvertBase.display_data_priority = kinds
        return config

    def default_filters(self):
        yield from super().default_filters()
        yield "clean_html", clean
        yield "number", number
        yield "markdown2html", clean_markdown


@pass_context
def clean_markdown(context, source: str) -> str:
    """A text cell as HTML in which nothing runs, with the pictures pasted into it."""
    attachments = getattr(context.get("cell"), "attachments", {})
    return clean(MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=attachments)).render(source))


def clean(html: str) -> str:
    """HTML with only the tags, attributes and styles that text, tables and pictures need; the others shown as text."""
    return CLEANER.clean(html)


def harmless_attribute(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":
        return value.startswith("data:image/")
    if tag == "a" and name == "href":
        return value.startswith(("http:", "https:", "mailto:", "#"))
    return name in {"class", "style", "title", "alt", "width", "height", "colspan", "rowspan", "align", "start", "open"}


CLEANER = bleach.Cleaner(
    tags=TAGS,
    attributes=harmless_attribute,
    protocols={"http", "https", "mailto", "data"},
    css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
)
