"""The course's topics: what is built for each, and what its claim is expected to show."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Topic:
    """One row of the syllabus.

    `claim` is what its notebook measures. `holds` is what the measurement is expected to show at this course's scale;
    None while no notebook builds the topic.
    """

    id: str
    week: int
    title: str
    sources: str
    build: str
    claim: str
    holds: bool | None = None


@cache
def contents() -> dict:
    return tomllib.loads(files("dlcourse").joinpath("syllabus.toml").read_text(encoding="utf-8"))


@cache
def topics() -> tuple[Topic, ...]:
    """All topics in the order of the course."""
    return tuple(Topic(**row) for row in contents()["topics"])


def weeks() -> dict[int, str]:
    """Number of each week to its title."""
    return {week["number"]: week["title"] for week in contents()["weeks"]}


def topic(id: str) -> Topic:
    """The topic of that id. Raises KeyError with the nearest ids when there is none."""
    for candidate in topics():
        if candidate.id == id:
            return candidate
    from difflib import get_close_matches

    near = get_close_matches(id, [candidate.id for candidate in topics()])
    raise KeyError(f"the syllabus has no topic {id!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
