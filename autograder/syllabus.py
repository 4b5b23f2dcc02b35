"""The syllabus joined with what is built and what was recorded."""

import re
from functools import cache

import jupytext

from autograder.course import Course, Notebook
from autograder.results import Results
from dlcourse import syllabus


@cache
def cells(notebook: Notebook) -> list:
    """The source's cells."""
    return jupytext.read(notebook.source, fmt="py:percent").cells


def topics_of(notebook: Notebook) -> list[str]:
    """Ids of the topics that a notebook's sections name, in its order."""
    return [cell.metadata["topic"] for cell in cells(notebook) if "topic" in cell.metadata]


def exercises_of(notebook: Notebook) -> dict[str, str]:
    """grade_id of each exercise to the topic in whose section it stands."""
    found, topic = {}, ""
    for cell in cells(notebook):
        topic = cell.metadata.get("topic", topic)
        if cell.metadata.get("nbgrader", {}).get("solution"):
            found[cell.metadata["nbgrader"]["grade_id"]] = topic
    return found


def claims_of(notebook: Notebook) -> list[str]:
    """Topic ids of the claims that a notebook makes."""
    source = notebook.source.read_text(encoding="utf-8")
    return re.findall(r"^\s*claim\(\s*[\"']([a-z0-9-]+)[\"']", source, flags=re.MULTILINE)


def listing(course: Course) -> list[dict]:
    """Every topic: {"id", "week", "title", "notebook", "claim": {"expected", "holds", "measured"}, "exercises"}.

    `notebook` and `claim` are None for a topic that is not built yet, `holds` and `measured` until a run was recorded.
    """
    results = Results.read(course.results)
    homes = {topic: notebook for notebook in course.all_notebooks() for topic in topics_of(notebook)}
    rows = []
    for topic in syllabus.topics():
        notebook, claim = homes.get(topic.id), results.claims.get(topic.id, {})
        built = notebook is not None
        rows.append(
            {
                "id": topic.id,
                "week": topic.week,
                "title": topic.title,
                "notebook": notebook.id if built else None,
                "claim": {"expected": topic.holds, "holds": claim.get("holds"), "measured": claim.get("measured")}
                if built
                else None,
                "exercises": [name for name, home in exercises_of(notebook).items() if home == topic.id]
                if built
                else [],
            }
        )
    return rows
