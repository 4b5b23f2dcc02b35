"""A whole class of attackers and a few honest students, graded as the course grades, and the pages they get back."""

import json
import os
import re
import stat
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader.handlers import template_path
from suite import FULL, LIMITS, NOTEBOOK, WEEK, attacks, fingerprints

from autograder import grade
from autograder.feedback import write_feedback
from autograder.sample_class import solve

HONEST = ["ada", "honest", "zelda"]
MARKUP = '<img src=x onerror="alert(1)">'  # a student's name may be a folder's
PLANTERS = ["links", "special", "deep"]  # whose folders hold what no honest one does
CLASS = attacks("host", "trust")
DEEP = 400
CHILDREN = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "base",
    "link",
    "frame",
    "applet",
    "svg",
    "math",
    "video",
    "audio",
    "input",
}
LOADING = {
    "src",
    "srcset",
    "data",
    "action",
    "formaction",
    "background",
    "poster",
    "cite",
    "ping",
    "xlink:href",
    "codebase",
}
LINK = re.compile(r"(https?:|mailto:|#)")


@pytest.fixture(scope="module")
def graded(battlefield):
    """The classroom of all of them after `course grade` and `course feedback`, and what both said."""
    classroom, given = battlefield.classroom, battlefield.given
    for attack in CLASS:
        hand_in(classroom, attack.path.stem, attack.submission(given))
    for student in [*HONEST, *PLANTERS, MARKUP]:
        hand_in(classroom, student, solve(given))
    plant(classroom.submitted)
    before = fingerprints(classroom.source)
    report = grade.grade(classroom, WEEK, workers=1, limits=LIMITS)
    assert fingerprints(classroom.source) == before
    return classroom, report, write_feedback(classroom, WEEK)


def hand_in(classroom, student, notebook):
    path = classroom.submitted / student / WEEK / f"{NOTEBOOK}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook))  # not nbformat's own writer, which knows no halves of characters


def plant(submitted):
    """Links out, special files, and a folder as deep as a path may be."""
    links, special, deep = (submitted / name / WEEK for name in PLANTERS)
    for name, target in {
        "data.csv": "/etc/passwd",
        "folder": "/etc",
        "loop": ".",
        "nowhere": "/attack-was-here",
    }.items():
        (links / name).symlink_to(target)
    os.mkfifo(special / "data.csv")
    if os.geteuid() == 0:
        os.mknod(special / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    folder = deep
    for _ in range(DEEP):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "data.csv").write_text("1,2\n")


def marks(classroom, student):
    with classroom.gradebook() as gradebook:
        submission = gradebook.find_submission_notebook(NOTEBOOK, WEEK, student)
        return {grade.name: grade.auto_score for grade in submission.grades if grade.name in FULL}


@pytest.mark.slow
def test_everybody_gets_a_verdict_and_marks(graded):
    classroom, report, _ = graded
    verdicts = {outcome.student: outcome.verdict for outcome in report.outcomes}
    assert set(verdicts) == {attack.path.stem for attack in CLASS} | {*HONEST, *PLANTERS, MARKUP}
    assert set(verdicts.values()) <= set(grade.VERDICTS)
    for student in [*HONEST, *PLANTERS, MARKUP]:
        assert (verdicts[student], marks(classroom, student)) == ("graded", FULL), student
    for attack in CLASS:
        assert verdicts[attack.path.stem] in attack.verdicts, attack.name
        if verdicts[attack.path.stem] == "unreadable":
            assert not any(attack.marks.values()), attack.name  # there is nothing that marks could be of
        else:
            assert marks(classroom, attack.path.stem) == attack.marks, attack.name


@pytest.mark.slow
def test_nothing_of_the_host_is_in_what_is_kept(graded):
    classroom, _, _ = graded
    for path in classroom.autograded.rglob("*"):
        assert not path.is_symlink() and (path.is_file() or path.is_dir()), path
        assert path.is_dir() or b"root:x:" not in path.read_bytes(), path


@pytest.mark.slow
def test_every_page_is_written_and_keeps_what_is_hidden(graded):
    classroom, report, feedback = graded
    assert feedback.problems == []
    written = {page.parent.parent.name for page in feedback.pages}
    assert written == {outcome.student for outcome in report.outcomes if outcome.points is not None}
    for attack in (attack for attack in CLASS if attack.path.stem in written):
        page = (classroom.feedback / attack.path.stem / WEEK / f"{NOTEBOOK}.html").read_text(encoding="utf-8")
        shown = page.partition("<main")[2]
        for text in attack.never:
            assert text not in shown or text in hidden_names(classroom), attack.name


def hidden_names(classroom):
    """The page names hidden checks, by design."""
    source = nbformat.read(classroom.source / WEEK / f"{NOTEBOOK}.ipynb", as_version=4)
    return re.findall(r'check\("([^"]+)"', "\n".join(cell.source for cell in source.cells))


class Page(HTMLParser):
    """What of a page would run, or would load something."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.policies, self.bad, self.in_body = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.in_body = self.in_body or tag == "body"
        attributes = {name.lower(): value or "" for name, value in attributes}
        if tag == "meta" and attributes.get("http-equiv", "").lower() == "content-security-policy":
            assert not self.in_body and not self.bad
            self.policies.append(attributes["content"])
        elif tag == "meta" and "http-equiv" in attributes:
            self.bad.append((tag, attributes))
        if tag in CHILDREN or (tag == "style" and self.in_body):
            self.bad.append((tag, attributes))
        for name, value in attributes.items():
            plain = re.sub(r"[\s\x00-\x20]", "", value).lower()
            loads = name in LOADING and not plain.startswith(
                ("data:image/png;", "data:image/jpeg;", "data:image/svg+xml;")
            )
            leads = name == "href" and not LINK.match(plain)
            styles = name == "style" and re.search(r"url|import|expression|behavior|position|\\", plain)
            plain = "" if plain.startswith("data:image/") else plain
            if name.startswith("on") or name == "srcdoc" or loads or leads or styles or plain.startswith("javascript:"):
                self.bad.append((tag, name, value[:200]))


@pytest.mark.slow
def test_no_page_runs_or_loads_anything(graded):
    _, _, feedback = graded
    assert len(feedback.pages) > len(HONEST)
    for path in feedback.pages:
        page = Page(path.read_text(encoding="utf-8"))
        assert page.bad == [], path
        (policy,) = page.policies
        rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
        assert rules["default-src"] == ["'none'"] and rules["img-src"] == ["data:"], path
        assert rules["style-src"] == ["'unsafe-inline'"] and rules["base-uri"] == rules["form-action"] == ["'none'"]
        assert "script-src" not in rules, path


@pytest.mark.slow
def test_the_instructors_page_runs_nothing_of_a_students(graded):
    """nbgrader's formgrader shows a submission with this exporter, in the classroom's configuration."""
    classroom, _, _ = graded
    configuration = classroom.configuration()
    configuration.HTMLExporter.template_name = "formgrade"
    configuration.HTMLExporter.extra_template_basedirs = [template_path]
    exporter = HTMLExporter(config=configuration)
    resources = dict.fromkeys(
        ["assignment_id", "notebook_id", "submission_id", "student", "last_name", "first_name"], "x"
    )
    resources |= {"index": 0, "total": 1, "base_url": "", "notebook_path": ""}
    for attack in CLASS:
        path = classroom.autograded / attack.path.stem / WEEK / f"{NOTEBOOK}.ipynb"
        if path.exists():
            page, _ = exporter.from_filename(str(path), resources=dict(resources))
            assert [found for found in Page(page).bad if "alert(1)" in str(found) or "evil" in str(found)] == [], (
                attack.name
            )
            assert not re.search(r"<script[^>]*>alert", page), attack.name


def test_the_pages_reader_sees_what_would_run():
    pieces = ["<script></script>", "<p onclick=x>", '<a href=" java\nscript:x"></a>', "<img src=//x>", "<svg>"]
    assert len(Page(f"<body>{''.join(pieces)}<p style='background: url(x)'>").bad) >= len(pieces) + 1
