"""The classroom: an ordinary nbgrader course directory, and the settings beside it."""

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError

CONFIGURATION = """\
# Written by `course`: nbgrader's own commands and its formgrader page work in this folder unchanged.
from pathlib import Path

from autograder.classroom import Classroom

c = get_config()  # noqa: F821
c.merge(Classroom(Path(__file__).parent{db}).configuration())
"""

SETTINGS = """\
# Due dates, what lateness costs, and who has longer. Read by every `course grade`.

[late]
policy = "none"      # "none": no penalty; "zero": late work earns nothing; "percent": some percent of it a day
percent_a_day = 10   # for "percent"; a day begun counts as a whole one

# [due]
# week01 = 2026-10-01T23:59:00+02:00

# [extensions.week01]
# "a.student" = "2 days"
"""


@dataclass(frozen=True)
class Classroom:
    """A folder with nbgrader's folders and gradebook.db, and our classroom.toml and reference/."""

    root: Path
    db: str | None = None  # address of another database than the folder's own gradebook.db

    def __post_init__(self):
        object.__setattr__(self, "root", Path(self.root).resolve())
        if self.db:
            check_driver(self.db)

    @classmethod
    def open(cls, root: Path, db: str | None = None) -> "Classroom":
        """An existing classroom, or another nbgrader course's folder. Raises CourseError when the folder is none."""
        if not (Path(root) / "nbgrader_config.py").exists():
            raise CourseError(
                f"{root} is no classroom: it has no nbgrader_config.py; `course build --classroom {root}` makes one"
            )
        return cls(root, db or remembered_db(Path(root)))

    @classmethod
    def create(cls, root: Path, db: str | None = None) -> "Classroom":
        """The classroom in that folder, with what is missing of it written."""
        root = Path(root)
        if root.exists() and not root.is_dir():
            raise CourseError(f"{root} is a file; a classroom is a folder")
        if root.exists() and any(root.iterdir()) and not (root / "nbgrader_config.py").exists():
            raise CourseError(f"{root} is no classroom and not empty; give an empty or a new folder")
        classroom = cls(root, db or (remembered_db(root) if (root / "db_url").exists() else None))
        for folder in ["source", "release", "submitted", "autograded", "feedback", "reference", "exchange"]:
            (classroom.root / folder).mkdir(parents=True, exist_ok=True)
        if db:
            (classroom.root / "db_url").write_text(db + "\n")
        written = CONFIGURATION.format(db=f", {classroom.db!r}" if classroom.db else "")
        write_if_changed(classroom.root / "nbgrader_config.py", written)
        if not classroom.settings.exists():
            classroom.settings.write_text(SETTINGS)
        return classroom

    @property
    def is_ours(self) -> bool:
        """Whether `course` made it; other nbgrader courses can be graded too."""
        return self.settings.exists()

    @property
    def settings(self) -> Path:
        return self.root / "classroom.toml"

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def submitted(self) -> Path:
        return self.root / "submitted"

    @property
    def attempts(self) -> Path:
        """Every attempt as it was collected: attempts/<student>/<assignment>/<time>/."""
        return self.root / "attempts"

    @property
    def autograded(self) -> Path:
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def reference(self) -> Path:
        """What the reference solution gave, where nbgrader never copies it."""
        return self.root / "reference"

    @property
    def reports(self) -> Path:
        return self.root / "report"

    @property
    def db_url(self) -> str:
        if not self.is_ours and "db_url" in (theirs := self.own_configuration().CourseDirectory):
            return theirs.db_url
        return self.db or f"sqlite:///{self.root / 'gradebook.db'}"

    @property
    def course_id(self) -> str:
        return "dlcourse" if self.is_ours else self.own_configuration().CourseDirectory.get("course_id", "")

    def configuration(self):
        """nbgrader's configuration for this classroom, as `nbgrader_config.py` and `course` both use it."""
        from traitlets.config import Config

        tools_on_path()
        config = Config() if self.is_ours else self.own_configuration()
        config.CourseDirectory.root = str(self.root)
        self.choose_execution(config)
        if not self.is_ours:
            return config
        config.CourseDirectory.db_url = self.db_url
        config.CourseDirectory.course_id = "dlcourse"
        config.Exchange.root = str(self.root / "exchange")
        config.ClearSolutions.code_stub = {
            "python": 'raise NotImplementedError("Write your answer here, then run this cell.")'
        }
        config.AssignLatePenalties.plugin_class = "autograder.lateness.LatePolicy"
        config.GenerateFeedback.exporter_class = "autograder.feedback.FeedbackExporter"
        config.GenerateFeedback.preprocessors = [
            "nbgrader.preprocessors.GetGrades",
            "autograder.feedback.HideChecks",
            "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
        ]
        return config

    def own_configuration(self):
        """What another course's nbgrader_config.py says."""
        from traitlets.config import PyFileConfigLoader

        return PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()

    def choose_execution(self, config) -> None:
        """Let nbgrader's Autograde rebuild submissions, run them in the sandbox, and take the grader's decisions."""
        # The formgrader shows submissions in the instructor's session.
        config.HTMLExporter.sanitize_html = True
        config.HTMLExporter.filters = {"markdown2html": "autograder.feedback.clean_markdown"}
        config.Autograde.sanitize_preprocessors = [
            "autograder.preprocessors.Rebuild",
            "nbgrader.preprocessors.ClearOutput",
            "nbgrader.preprocessors.OverwriteKernelspec",
            "nbgrader.preprocessors.OverwriteCells",
            "nbgrader.preprocessors.CheckCellMetadata",
        ]
        config.Autograde.autograde_preprocessors = [
            "autograder.preprocessors.Execute",
            "nbgrader.preprocessors.LimitOutput",
            "nbgrader.preprocessors.SaveAutoGrades",
            "nbgrader.preprocessors.AssignLatePenalties",
            "nbgrader.preprocessors.CheckCellMetadata",
        ]

    @contextmanager
    def gradebook(self):
        """nbgrader's Gradebook, open."""
        from nbgrader.api import Gradebook

        tools_on_path()
        with Gradebook(self.db_url, self.course_id) as gradebook:
            yield gradebook


def remembered_db(root: Path) -> str | None:
    path = root / "db_url"
    return path.read_text().strip() if path.exists() else None


def check_driver(db: str) -> None:
    """Raise CourseError unless `db` is the address of a database whose driver is installed."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        make_url(db).get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError):
        raise CourseError(f"--db is {db!r}; expected an address such as postgresql://user@host/name") from None
    except ModuleNotFoundError as missing:
        raise CourseError(f"the gradebook's database needs a driver: pip install '{missing.name}[binary]'") from None


def tools_on_path() -> None:
    """nbgrader calls `alembic` by name: make this environment's commands come first."""
    folder = str(Path(sys.executable).parent)
    if os.environ.get("PATH", "").split(os.pathsep)[0] != folder:
        os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", "")


def write_if_changed(path: Path, text: str) -> bool:
    """Write the file unless it holds just that text; True when written."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
