"""Where things are in the source repository, and which notebooks there are."""

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.errors import CourseError


@dataclass(frozen=True)
class Notebook:
    """One notebook of the course: its source file and what follows from its place."""

    source: Path

    @property
    def assignment(self) -> str:
        """The week as nbgrader knows it: "week01"."""
        return self.source.parent.name[:6]

    @property
    def folder(self) -> str:
        """The week's folder: "week01_networks"."""
        return self.source.parent.name

    @property
    def name(self) -> str:
        """The file's name without suffix: "02_backpropagation"."""
        return self.source.stem

    @property
    def id(self) -> str:
        """What `dlcourse.setup` is given: "week01/02_backpropagation"."""
        return f"{self.assignment}/{self.name}"

    @property
    def answers(self) -> Path:
        return self.source.with_name(f"{self.name}.answers.py")


@dataclass(frozen=True)
class Course:
    """A checkout of the source repository."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Course":
        """The course whose checkout holds `start` (the working directory by default), else the one this code is in."""
        start = (start or Path.cwd()).resolve()
        for folder in [start, *start.parents, Path(__file__).resolve().parent.parent]:
            if (folder / "solutions").is_dir() and (folder / "lib" / "dlcourse").is_dir():
                return cls(folder)
        raise CourseError(
            f"{start} is in no checkout of the course: expected folders solutions/ and lib/dlcourse/; change into one"
        )

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def build(self) -> Path:
        return self.root / "build"

    @property
    def results(self) -> Path:
        return self.root / "results.json"

    @cached_property
    def public_repository(self) -> str:
        """Address of the public course repository, "" while there is none."""
        settings = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        return settings["tool"]["course"]["public_repository"].rstrip("/")

    def assignments(self) -> list[str]:
        """The weeks that have notebooks: ["week01", ...]."""
        return sorted({notebook.assignment for notebook in self.all_notebooks()})

    def all_notebooks(self) -> list[Notebook]:
        return [
            Notebook(path)
            for path in sorted(self.solutions.glob("week*/[0-9][0-9]_*.py"))
            if not path.name.endswith(".answers.py")
        ]

    def select(self, week: str | None = None, notebook: str | None = None) -> list[Notebook]:
        """The notebooks of a week ("week01" or "1"), or one of them; all by default.

        Raises:
            CourseError: there is no such week or notebook.
        """
        chosen = self.all_notebooks()
        if week is not None:
            assignment = assignment_name(week)
            chosen = [n for n in chosen if n.assignment == assignment]
            if not chosen:
                raise CourseError(
                    f"no week {week!r} in {self.solutions}; there is {', '.join(self.assignments()) or 'none'}"
                )
        if notebook is not None:
            names = [n.name for n in chosen]
            chosen = [n for n in chosen if n.name == notebook]
            if not chosen:
                raise CourseError(f"no notebook {notebook!r}; there is {', '.join(names)}")
        return chosen


def assignment_name(week: str) -> str:
    """ "week01" for "week01", "week1", "01" or "1". Raises CourseError for anything else."""
    match = re.fullmatch(r"(?:week)?(\d{1,2})", week.strip().lower())
    if not match:
        raise CourseError(f"week is {week!r}; expected a week such as week01")
    return f"week{int(match[1]):02d}"
