"""Pictures that a student has pasted into text cells: Jupyter keeps them as attachments of the cell."""

import re

from nbformat import NotebookNode

from autograder.submitted import plain

KINDS = ("image/png", "image/jpeg")
REFERENCE = re.compile("attachment:", flags=re.IGNORECASE)
BASE64 = re.compile(r"[A-Za-z0-9+/\s]*=*\s*")


def keep_pictures(cells: list[NotebookNode], submission: dict) -> None:
    """Give rebuilt text cells the pictures of the submitted cell with the same text.

    References to other attachments are renamed: nbconvert stops at one that is missing.
    """
    given = submission.get("cells")
    given = [cell for cell in given if isinstance(cell, dict)] if isinstance(given, list) else []
    pasted: dict[str, dict] = {}
    for cell in given:
        if isinstance(cell.get("attachments"), dict):
            pasted.setdefault(plain(cell).text.strip(), pictures(cell["attachments"]))
    for cell in cells:
        if cell.cell_type == "markdown" and REFERENCE.search(cell.source):
            kept = pasted.get(cell.source.strip(), {})
            if kept:
                cell.attachments = kept
            names = "|".join(re.escape(name) for name in kept) or "(?!)"
            cell.source = re.sub(rf"attachment:(?!{names})", "missing:", cell.source, flags=re.IGNORECASE)


def pictures(attachments: dict) -> dict[str, dict[str, str]]:
    """Those attachments that are pictures in base64, by name."""
    found = {}
    for name, bundle in attachments.items():
        bundle = bundle if isinstance(bundle, dict) else {}
        kept = {
            kind: bundle[kind] for kind in KINDS if isinstance(bundle.get(kind), str) and BASE64.fullmatch(bundle[kind])
        }
        if kept and name:
            found[name] = kept
    return found
