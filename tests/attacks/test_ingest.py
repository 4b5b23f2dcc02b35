"""Files that are no honest work: each is collected, or unreadable with a reason, and harms nothing around it.

An attack is a file to hand in, the verdict that it must get (collected, unreadable, or, when it is to be graded,
rejected) and words of the reason. Beside it lies an honest notebook, which is collected whatever the attack does.
"""

import base64
import codecs
import io
import json
import os
import shutil
import stat
import struct
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.classroom import Classroom
from autograder.collect import collect
from autograder.errors import Rejected
from autograder.readable import readable
from autograder.rebuild import rebuild

PLACE = "week01/02_backpropagation"
MEMORY = 500_000_000  # bytes that collecting one attack may take; a notebook has at most 20 million
SECONDS = 60
ZIP = "week01__mallory__20261001T120000Z.zip"
NAME = "02_backpropagation.ipynb"


@dataclass(frozen=True)
class Attack:
    """One file, and what must become of it."""

    make: Callable[[], bytes]
    verdict: str
    reason: str = ""
    file: str = ZIP  # a zip as it is; a notebook is handed in inside a zip


def notebook(answer="1", **changes) -> bytes:
    """A notebook of the course as students save it."""
    cells = [cell('import dlcourse\n\ndlcourse.setup("week01/02_backpropagation", seed=2)'), cell(answer)]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **changes}).encode()


def cell(source, **changes) -> dict:
    plain = {"cell_type": "code", "id": "x", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return plain | changes


def zipped(*entries, method=zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of (name, bytes), or of (ZipInfo, bytes)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content, compress_type=method)
    return stream.getvalue()


def entry(name, mode=0, extra=b"") -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2026, 10, 1, 12, 0, 0))
    info.create_system, info.external_attr, info.extra = 3, mode << 16, extra
    return info


def bomb(count=40, size=5_000_000) -> bytes:
    return zipped(*((f"{number}.ipynb", bytes(size)) for number in range(count)))


def overlapping_bomb() -> bytes:
    """One megabyte of zeros, packed once and listed a thousand times."""
    whole = zipped((NAME, bytes(1_000_000)))
    start = whole.index(b"PK\x01\x02")
    listed = whole[start : whole.index(b"PK\x05\x06")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1000, 1000, 1000 * len(listed), start, 0)
    return whole[:start] + 1000 * listed + end


def million_entries(claimed: int | None = None) -> bytes:
    """A table of contents of a million entries; `claimed` is how long it says it is."""
    whole = zipped((NAME, notebook()))
    start = whole.index(b"PK\x01\x02")
    listed = whole[start : whole.index(b"PK\x05\x06")]
    size = 1_000_000 * len(listed) if claimed is None else claimed
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, size, start, 0)
    return whole[:start] + 1_000_000 * listed + end


def encrypted() -> bytes:
    raw = bytearray(zipped((NAME, notebook())))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def with_nul() -> bytes:
    return zipped(("02_backpropagation.ipynbX.txt", notebook())).replace(b"ipynbX.txt", b"ipynb\0.txt")


def many_incompressible_files() -> bytes:
    """What a student's zip may hold is bounded, also when nothing in it is a bomb."""
    return zipped(*((f"{number}.bin", os.urandom(9_000_000)) for number in range(13)), method=zipfile.ZIP_STORED)


ZIPS = {
    "zip bomb": Attack(bomb, "unreadable", "is a zip bomb"),
    "nested zip bomb": Attack(lambda: zipped(("inner.zip", bomb())), "unreadable", "is a zip bomb"),
    "bomb in a bomb": Attack(
        lambda: zipped(("a.zip", zipped(("b.zip", bomb())))), "unreadable", "zip in a zip in a zip"
    ),
    "overlapping bomb": Attack(overlapping_bomb, "unreadable", "is a zip bomb"),
    "a million entries": Attack(million_entries, "unreadable", "holds too many files"),
    "a million entries that say they are few": Attack(partial(million_entries, 3_000_000), "unreadable", "is no zip"),
    "small bombs, many": Attack(
        lambda: zipped(*((f"{number}.zip", bomb(2, 9_000_000)) for number in range(30))), "unreadable", "is left out"
    ),
    "more than is read": Attack(many_incompressible_files, "unreadable", "at most 100,000,000 bytes are read"),
    "traversal": Attack(lambda: zipped((f"../../{NAME}", notebook())), "unreadable", "leads out of the folder"),
    "traversal inside": Attack(
        lambda: zipped((f"a/../../{NAME}", notebook())), "unreadable", "leads out of the folder"
    ),
    "traversal by backslash": Attack(lambda: zipped((f"..\\{NAME}", notebook())), "unreadable", "leads out of"),
    "absolute name": Attack(lambda: zipped((f"/tmp/{NAME}", notebook())), "unreadable", "absolute path"),
    "absolute name of Windows": Attack(lambda: zipped((f"C:\\{NAME}", notebook())), "unreadable", "absolute path"),
    "symbolic link": Attack(
        lambda: zipped((entry(NAME, stat.S_IFLNK | 0o777), b"/etc/passwd")), "unreadable", "is a link"
    ),
    "hard link": Attack(  # the name of the file linked to, in Unix's extra field
        lambda: zipped((entry(NAME, stat.S_IFREG, struct.pack("<HH12s11s", 13, 23, bytes(12), b"/etc/passwd")), b"")),
        "unreadable",
        "is empty",
    ),
    "device": Attack(lambda: zipped((entry(NAME, stat.S_IFBLK | 0o666), b"")), "unreadable", "no ordinary file"),
    "names that differ in case": Attack(
        lambda: zipped((NAME, notebook("1")), (NAME.upper(), notebook("2")), (NAME.title(), notebook("3"))), "collected"
    ),
    "the same name twice": Attack(lambda: zipped((NAME, notebook("1")), (NAME, notebook("2"))), "collected"),
    "NUL in the name": Attack(with_nul, "unreadable", "NUL character"),
    "text turned around in the name": Attack(
        lambda: zipped(("02_\u202egpj.bnypi", notebook())), "unreadable", "neither a notebook"
    ),
    "very long name": Attack(lambda: zipped(("x" * 60_000 + ".ipynb", notebook())), "unreadable", "longer than 255"),
    "very deep name": Attack(lambda: zipped(("a/" * 30_000 + NAME, notebook())), "unreadable", "longer than 255"),
    "name that is a command": Attack(lambda: zipped(("$(touch x);`id`|\n.ipynb", notebook())), "collected"),
    "encrypted": Attack(encrypted, "unreadable", "is encrypted"),
    "strange compression": Attack(
        lambda: zipped((NAME, notebook()), method=zipfile.ZIP_LZMA), "unreadable", "compressed by method 14"
    ),
    "truncated zip": Attack(lambda: zipped((NAME, notebook()))[:-30], "unreadable", "is no zip"),
    "no zip": Attack(lambda: b"PK\x03\x04" + bytes(1000), "unreadable", "is no zip"),
}


def nested_json(depth: int) -> bytes:
    return notebook()[:-1] + b', "deep": ' + b"[" * depth + b"]" * depth + b"}"


def junk_outputs() -> list[dict]:
    """Outputs of every wrong kind, and 10 MB of base64 that is no picture."""
    noise = base64.b64encode(os.urandom(7_500_000)).decode()
    return [
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": noise, "text/html": "<script>x</script>"},
        },
        {"output_type": "no such type", "data": [1, 2]},
        {"output_type": None},
        {"output_type": "stream", "name": 7, "text": {"a": 1}},
        {},
    ]


def plain(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def in_metadata(**kernelspec) -> Callable[[], bytes]:
    language = kernelspec.get("language", "python")
    return lambda: notebook(metadata={"kernelspec": kernelspec, "language_info": {"name": language}})


NOTEBOOKS = {
    "invalid JSON": Attack(plain(b"{'cells': []}"), "unreadable", "is no JSON"),
    "truncated": Attack(lambda: notebook()[:-20], "unreadable", "is no JSON"),
    "two documents": Attack(lambda: notebook() * 2, "unreadable", "is no JSON"),
    "empty": Attack(plain(b""), "unreadable", "is empty"),
    "Latin 1": Attack(lambda: notebook("xyz").replace(b"xyz", b"\xe9t\xe9"), "unreadable", "is not UTF-8 at byte"),
    "UTF-8 with a byte order mark": Attack(lambda: codecs.BOM_UTF8 + notebook(), "unreadable", "byte order mark"),
    "UTF-16": Attack(lambda: notebook().decode().encode("utf-16"), "unreadable", "byte order mark"),
    "UTF-16 without a mark": Attack(lambda: notebook().decode().encode("utf-16-le"), "unreadable", "is no JSON"),
    "half a character": Attack(lambda: notebook("\udc80"), "unreadable", "lone surrogate"),
    "duplicate keys": Attack(lambda: b'{"cells": [], "nbformat": 3, ' + notebook()[1:], "collected"),
    "duplicate keys, the last one wrong": Attack(
        lambda: notebook()[:-1] + b', "cells": 3}', "unreadable", "has no cells"
    ),
    "100,000 lists deep": Attack(lambda: nested_json(100_000), "unreadable", "nested too deep"),
    "500 lists deep": Attack(lambda: nested_json(500), "unreadable", "nested too deep"),
    "millions of lists": Attack(lambda: notebook(extra=[[]] * 4_000_000), "unreadable", "more than 1,000,000 lists"),
    "millions of objects": Attack(lambda: notebook(extra=[{}] * 4_000_000), "unreadable", "more than 1,000,000 lists"),
    "millions of texts": Attack(lambda: notebook(extra=[f"{n:x}" for n in range(2_000_000)]), "collected"),
    "a million keys": Attack(lambda: notebook(extra=dict.fromkeys(map(str, range(1_500_000)), 0)), "collected"),
    "NaN": Attack(lambda: notebook(extra=float("nan")), "unreadable", "holds NaN"),
    "infinity": Attack(lambda: notebook(extra=float("-inf")), "unreadable", "holds -Infinity"),
    "a number that becomes infinity": Attack(
        lambda: notebook(extra=0).replace(b'"extra": 0', b'"extra": -1e999'), "unreadable", "-1e999, which is too large"
    ),
    "a number of a million digits": Attack(
        lambda: notebook(extra=0).replace(b'"extra": 0', b'"extra": ' + b"9" * 1_000_000), "unreadable", "is no JSON"
    ),
    "nbformat 2": Attack(lambda: notebook(nbformat=2), "unreadable", "has nbformat 2; expected 4"),
    "nbformat 3": Attack(lambda: notebook(nbformat=3), "unreadable", "has nbformat 3; expected 4"),
    "nbformat 4.9": Attack(lambda: notebook(nbformat_minor=9), "collected"),
    "nbformat 99": Attack(lambda: notebook(nbformat=99), "unreadable", "has nbformat 99; expected 4"),
    "nbformat a list": Attack(lambda: notebook(nbformat=[4]), "unreadable", "has nbformat [4]; expected 4"),
    "no cells": Attack(lambda: notebook(cells=[]), "unreadable", "has no cells"),
    "cells of numbers": Attack(lambda: notebook(cells=[1, 2]), "unreadable", "cell 1 is no cell"),
    "a list": Attack(plain(b"[1, 2]"), "unreadable", "is a JSON list"),
    "200 MB": Attack(lambda: notebook() + b" " * 200_000_000, "unreadable", "at most 20,000,000 are read", NAME),
    "200 MB in a zip": Attack(lambda: zipped((NAME, notebook() + b" " * 200_000_000)), "unreadable", "bomb"),
    "100,000 cells": Attack(lambda: notebook(cells=[cell("1")] * 100_000), "unreadable", "has 100,000 cells"),
    "3,000 cells": Attack(
        lambda: notebook(cells=json.loads(notebook())["cells"] + [cell("1")] * 3_000), "rejected", "has 3,002 cells"
    ),
    "2 MB of code": Attack(lambda: notebook("x = 1\n" * 350_000), "rejected", "at most 1,000,000 are graded"),
    "junk in the outputs": Attack(
        lambda: notebook(cells=[*json.loads(notebook())["cells"], cell("1", outputs=junk_outputs())]), "collected"
    ),
    "junk in the metadata": Attack(
        lambda: notebook(
            cells=[
                *json.loads(notebook())["cells"],
                *(cell("1", metadata={"nbgrader": junk, "id": junk, "tags": junk}) for junk in (None, 1, [[]], "x")),
            ]
        ),
        "collected",
    ),
    "unknown kernel": Attack(in_metadata(name="no-such-kernel", display_name="?"), "collected"),
    "kernel of another language": Attack(in_metadata(name="bash", display_name="Bash", language="bash"), "collected"),
    "a command as kernel": Attack(
        in_metadata(name="python3", display_name="x", argv=["/bin/sh", "-c", "touch /tmp/x"], language="sh"),
        "collected",
    ),
    "a path as kernel": Attack(in_metadata(name="../../evil", display_name="x"), "collected"),
}
ATTACKS = ZIPS | NOTEBOOKS
pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A classroom with one notebook; making its gradebook takes seconds."""
    classroom = Classroom.create(tmp_path_factory.mktemp("empty") / "classroom")
    path = classroom.source / f"{PLACE}.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(notebook())
    with classroom.gradebook():
        return classroom


@pytest.fixture
def classroom(empty, tmp_path):
    shutil.copytree(empty.root, tmp_path / "course" / "classroom")
    return Classroom.open(tmp_path / "course" / "classroom")


@pytest.fixture
def source():
    """The course's notebook, as the grader has it."""
    cells = [
        new_code_cell(c["source"], metadata={"id": f"cell-{i}"}) for i, c in enumerate(json.loads(notebook())["cells"])
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def files_in(folder: Path) -> dict[str, int]:
    """Every file below a folder, with its size."""
    return {str(path.relative_to(folder)): path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()}


class Peak:
    """The most memory that Python's objects took while it watched, in bytes."""

    def __enter__(self):
        tracemalloc.start(1)
        return self

    def __exit__(self, *problem):
        self.bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_hostile_file_gets_its_verdict_and_harms_nothing(attack, classroom, source, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    content = attack.make()
    is_zip = attack in ZIPS.values() or content.startswith(b"PK")
    as_it_is = is_zip or attack.file != ZIP
    (inbox / attack.file).write_bytes(content if as_it_is else zipped((NAME, content)))
    del content
    (inbox / "week01__honest__20261001T120000Z.zip").write_bytes(zipped((NAME, notebook("honest"))))
    outside = {name: size for name, size in files_in(tmp_path).items() if not name.startswith("course/classroom/")}
    others = files_in(classroom.root)

    with Peak() as peak:
        report = collect([inbox], classroom)

    assert peak.bytes < MEMORY
    submitted = classroom.submitted / "honest" / "week01" / NAME
    assert submitted.read_bytes() == notebook("honest")
    mine = [entry for entry in report.collected if entry.student != "honest"]
    if attack.verdict == "unreadable":
        assert not mine and not (classroom.submitted / "mallory").exists()
        assert any(attack.reason in problem.reason for problem in report.problems)
    else:
        assert {entry.student for entry in mine} == {"mallory"} and not report.problems
        handed_in = readable((classroom.submitted / "mallory" / "week01" / NAME).read_bytes())
        assert_graded_as_declared(attack, handed_in, source)
    for problem in report.problems:
        assert all(text.isprintable() for text in (problem.file, problem.reason)) and len(problem.reason) < 500
    after = files_in(tmp_path)
    assert {name: size for name, size in after.items() if not name.startswith("course/classroom/")} == outside
    allowed = ("submitted/", "attempts/", "unreadable/")
    assert {name: size for name, size in files_in(classroom.root).items() if not name.startswith(allowed)} == others


def assert_graded_as_declared(attack: Attack, handed_in: dict, source: nbformat.NotebookNode) -> None:
    """Rejected with its reason, or rebuilt into a notebook that is the course's own but for the student's text."""
    if attack.verdict == "rejected":
        with pytest.raises(Rejected, match=attack.reason):
            rebuild(source, source, handed_in)
        return
    rebuilt = rebuild(source, source, handed_in)
    nbformat.validate(rebuilt)
    assert rebuilt.metadata["kernelspec"] == source.metadata["kernelspec"]
    assert all(not c.outputs and set(c.metadata) <= {"id"} for c in rebuilt.cells)


def test_a_notebook_beside_more_than_is_read_is_collected(classroom, tmp_path):
    entries = [(f"{number}.bin", os.urandom(9_000_000)) for number in range(13)]
    (tmp_path / ZIP).write_bytes(zipped(*entries, (NAME, notebook()), method=zipfile.ZIP_STORED))
    report = collect([tmp_path / ZIP], classroom)
    assert [entry.student for entry in report.collected] == ["mallory"]
    assert ["is left out" in problem.reason for problem in report.problems] == [False] * 11 + [True] * 2


def test_no_attack_holds_up_the_class(classroom, tmp_path):
    """All attacks in one folder: collecting comes to an end, and the honest notebook is there."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number, attack in enumerate(ATTACKS.values()):
        content = attack.make()
        name = f"week01__mallory{number:02d}__20261001T120000Z.zip"
        (inbox / name).write_bytes(content if content.startswith(b"PK") else zipped((NAME, content)))
    (inbox / "week01__zoe__20261001T120000Z.zip").write_bytes(zipped((NAME, notebook("honest"))))
    reports = []
    worker = threading.Thread(target=lambda: reports.append(collect([inbox], classroom)), daemon=True)
    begun = time.monotonic()
    worker.start()
    worker.join(SECONDS)
    assert reports, f"still collecting after {time.monotonic() - begun:.0f} s"
    assert "zoe" in {entry.student for entry in reports[0].collected}
