"""Whether the bytes of a file are a notebook that can be graded, and if not, why.

Nothing here trusts the file: it may be of any size, any JSON, or none.
"""

import json
import re

from dlcourse import submission

CELLS = 5_000
DEPTH = 100  # of nested lists and objects in a notebook's JSON
CONTAINERS = 1_000_000  # lists and objects; each takes 60 bytes and more of memory


class Unreadable(Exception):
    """A file cannot be collected; the message is the reason."""


def readable(content: bytes) -> dict:
    """The notebook in a file's bytes, as JSON.

    Raises:
        Unreadable: it is none that can be graded: no JSON, no notebook of format 4, too large, or nested too deep.
    """
    if not content.strip():
        raise Unreadable("is empty")
    if len(content) > submission.LARGEST:
        raise Unreadable(too_large(len(content)))
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("begins with a byte order mark; expected UTF-8 without one: save it again in Jupyter")
    try:
        text = content.decode("utf-8")
        if text.count("[") + text.count("{") > CONTAINERS:
            raise Unreadable(f"holds more than {CONTAINERS:,} lists and objects: clear the outputs and submit again")
        notebook = json.loads(text, parse_constant=not_a_number, parse_float=finite)
        if re.search(r"\\u[dD][89a-fA-F]", text):
            json.dumps(notebook, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError:
        raise Unreadable("holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise Unreadable("is nested too deep for a notebook") from None
    except ValueError as error:
        raise Unreadable(f"is no JSON: {shown(str(error))}") from None
    refuse_malformed(notebook)
    return notebook


def not_a_number(constant: str) -> None:
    """Refuse the NaN and Infinity that Python's JSON would take."""
    raise Unreadable(f"holds {constant}, which is no JSON")


def finite(number: str) -> float:
    """A number, unless it is so large that Python's JSON would make it infinity."""
    value = float(number)
    if abs(value) == float("inf"):
        raise Unreadable(f"holds the number {shown(number)}, which is too large")
    return value


def refuse_malformed(notebook: object) -> None:
    """Raise Unreadable for JSON that is no notebook of format 4."""
    if not isinstance(notebook, dict):
        raise Unreadable(f"is a JSON {type(notebook).__name__}; a notebook is an object")
    if type(notebook.get("nbformat")) is not int or notebook["nbformat"] != 4:
        raise Unreadable(f"has nbformat {shown(repr(notebook.get('nbformat')))}; expected 4: save it again in Jupyter")
    if type(notebook.get("nbformat_minor", 0)) is not int:
        raise Unreadable(f"has nbformat_minor {shown(repr(notebook['nbformat_minor']))}; expected a number")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not cells:
        raise Unreadable("has no cells")
    if len(cells) > CELLS:
        raise Unreadable(f"has {len(cells):,} cells; at most {CELLS:,} are read")
    if not isinstance(notebook.get("metadata", {}), dict):
        raise Unreadable("its metadata is no object")
    for number, cell in enumerate(cells, start=1):
        if not well_formed(cell):
            raise Unreadable(f"cell {number} is no cell of a notebook")
    refuse_deep(notebook)


def well_formed(cell: object) -> bool:
    """Whether it has a type, a text and, if any, metadata and outputs of the right kind."""
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source = cell.get("source")
    lines = isinstance(source, list) and all(isinstance(line, str) for line in source)
    outputs = cell.get("outputs", [])
    return (
        (isinstance(source, str) or lines)
        and isinstance(cell.get("metadata", {}), dict)
        and isinstance(outputs, list)
        and all(isinstance(output, dict) for output in outputs)
    )


def refuse_deep(notebook: dict) -> None:
    """Raise Unreadable for JSON nested deeper than DEPTH; no recursion, whatever the file holds."""
    level = [notebook]
    for _ in range(DEPTH):
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        level = [child for child in level if isinstance(child, dict | list)]
    if level:
        raise Unreadable("is nested too deep for a notebook")


def too_large(size: int) -> str:
    """Why a file of so many bytes is not read."""
    return f"has {size:,} bytes; at most {submission.LARGEST:,} are read: clear the outputs and submit again"


def shown(text: str) -> str:
    """A text from a file or its name as it may be printed: without control and direction characters, and short."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= 300 else f"{text[:200]}...{text[-90:]}"
