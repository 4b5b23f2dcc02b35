"""`claim`: what a lecture says, set beside what was measured here."""

import html
import numbers

import numpy as np

from dlcourse import plots, session, syllabus

MIME = "application/vnd.dlcourse.claim+json"


class Claims:
    """The callable `claim`, with `claim.table()`."""

    def __call__(self, topic: str, *, measured: dict, holds: bool, because: str, timing: bool = False) -> None:
        """Show the claim's card; the card is recorded when the course is run.

        Args:
            topic: id of the topic in syllabus.toml.
            measured: what was measured, description with unit to number, string or short list of them.
            holds: whether the claim holds, computed from what was measured.
            because: one sentence on what was found.
            timing: the claim is about time, so it is judged by `make bench` only.

        Raises:
            KeyError: the syllabus has no such topic.
            TypeError: `holds` is no truth value, or a measured value is no number, string or list of them.
        """
        statement = syllabus.topic(topic).claim
        if not isinstance(holds, bool | np.bool_):
            raise TypeError(f"holds is {holds!r}; expected True or False, computed from what was measured")
        record = {
            "topic": topic,
            "holds": bool(holds),
            "because": because,
            "timing": timing,
            "measured": {key: plain(key, value) for key, value in measured.items()},
        }
        session.current.claims = [c for c in session.current.claims if c["topic"] != topic] + [record]
        show(record, statement)

    @staticmethod
    def table() -> None:
        """Show the claims that this notebook has made so far."""
        plots.table(
            ["topic", "the claim", "holds here", "because"],
            [
                [c["topic"], syllabus.topic(c["topic"]).claim, "yes" if c["holds"] else "no", c["because"]]
                for c in session.current.claims
            ],
        )


claim = Claims()


def plain(key: str, value):
    """The value as JSON holds it, numbers to four significant digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, list | tuple) or getattr(value, "ndim", 0):
        return [plain(key, element) for element in np.asarray(value).tolist()]
    if isinstance(value, numbers.Number) or hasattr(value, "__float__"):
        number = float(value)
        return float(f"{number:.4g}") if np.isfinite(number) else str(number)
    raise TypeError(f"measured[{key!r}] is a {type(value).__name__}; expected a number, a string or a list of them")


def show(record: dict, statement: str) -> None:
    """Display one card, with the record beside it for whoever runs the course."""
    from IPython.display import publish_display_data

    verdict = "holds here" if record["holds"] else "does not hold here"
    mark = "✓" if record["holds"] else "✗"
    rows = "".join(
        f"<tr><td style='text-align:left'>{html.escape(key)}</td>"
        f"<td style='text-align:right'>{html.escape(plots.cell(value))}</td></tr>"
        for key, value in record["measured"].items()
    )
    card = (
        f"<div style='border:1px solid #888;border-left:6px solid {'#0072B2' if record['holds'] else '#D55E00'};"
        f"padding:.4em 1em;margin:.5em 0;max-width:52em'><b>{record['topic']}</b>: {html.escape(statement)}"
        f"<table>{rows}</table><b>{mark} {verdict}</b>: {html.escape(record['because'])}</div>"
    )
    text = "\n".join(
        [
            f"{record['topic']}: {statement}",
            *(f"  {key}: {plots.cell(value)}" for key, value in record["measured"].items()),
            f"  {mark} {verdict}: {record['because']}",
        ]
    )
    publish_display_data({MIME: record, "text/html": card, "text/plain": text})
