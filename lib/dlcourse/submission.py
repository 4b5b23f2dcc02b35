"""`submit`, the last cell of every notebook: one zip with the notebook and a receipt, ready to hand in.

The functions below it take notebooks as JSON and need no kernel; `course submit` uses them too.
"""

import copy
import hashlib
import io
import json
import os
import re
import zipfile
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

from dlcourse import session

STUBS = ('raise NotImplementedError("Write your answer here, then run this cell.")', "YOUR ANSWER HERE")
SETUP = re.compile(r"""dlcourse\.setup\(\s*["'](week\d\d/\d\d_\w+)["']""", re.ASCII)
STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TIME = "%Y%m%dT%H%M%SZ"  # in the zip's name, UTC
LARGEST = 20_000_000  # bytes of a notebook that the collector reads
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
HOW = 'dlcourse.submit(student="your.id")'


def submit(student: str | None = None, path: str | None = None) -> None:
    """Write one zip with this notebook, ready to hand in, and show what it holds.

    Args:
        student: your id in the course; asked for once and remembered.
        path: the notebook's file; found by itself in Jupyter, VS Code and Colab.

    Raises:
        ValueError: `student` is no id, or the file is no notebook of the course or another one than runs here.
        FileNotFoundError: the notebook's file is not known or not there.
    """
    if os.environ.get("NBGRADER_EXECUTION") or session.grading() or session.recording():
        return
    student = who(student)
    if student is None:
        print(f"Not submitted: nobody can be asked for an id here. To submit, run {HOW} in the open notebook.")
        return
    colab = colab_modules() if path is None else None
    if colab:
        place, content = Path.cwd() / "notebook", live_notebook(colab[0])
    else:
        place = notebook_file(path)
        content = place.read_bytes()
    notebook = read(content, place.name)
    name = place_in_course(notebook, place.name)
    content, repaired = mend(notebook, content)
    time = datetime.now(UTC)
    archive = package({name: content}, student, place.parent, time)
    show_receipt(archive, name, notebook, content, repaired, student)
    if colab:
        colab[1].download(str(archive))


# Who submits


def who(student: str | None) -> str | None:
    """The student's id: the given one, the remembered one, or asked for; None where nobody can be asked."""
    remembered = Path.home() / ".dlcourse" / "student"
    if student is None:
        if not can_ask():
            return None
        student = remembered.read_text(encoding="utf-8").strip() if remembered.exists() else ask()
    if student is None:
        return None
    check_student(student)
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(student + "\n", encoding="utf-8")
    return student


def check_student(student: str) -> None:
    """Raise ValueError unless `student` can be an id."""
    if not isinstance(student, str) or not STUDENT.fullmatch(student):
        raise ValueError(
            f"student is {student!r}; expected an id of 1 to 64 letters (a to z), digits, dots, underscores and "
            f"hyphens that begins with a letter or digit: {HOW}"
        )


def can_ask() -> bool:
    """Whether the front end takes input; a kernel that runs headless says that it does not."""
    from IPython import get_ipython

    return bool(getattr(getattr(get_ipython(), "kernel", None), "_allow_stdin", True))


def ask() -> str | None:
    from IPython.core.error import StdinNotImplementedError

    try:
        return input("Your student id (asked once): ").strip()
    except (StdinNotImplementedError, EOFError):
        return None


# Where the notebook is


def colab_modules() -> tuple | None:
    """Colab's modules for the live notebook and for downloads; None elsewhere."""
    try:
        from google.colab import _message, files
    except ImportError:
        return None
    return _message, files


def live_notebook(message) -> bytes:
    """The notebook as it stands in the Colab tab."""
    answer = message.blocking_request("get_ipynb", timeout_sec=60)
    if not answer or "ipynb" not in answer:
        raise RuntimeError("Colab did not give the notebook within 60 seconds; run this cell again")
    return dump(answer["ipynb"])


def notebook_file(path: str | None) -> Path:
    """The file of the notebook that runs.

    Raises:
        FileNotFoundError: it is not known, or not there.
    """
    how = 'give it: dlcourse.submit(path="name of this notebook.ipynb")'
    if path is not None:
        if not Path(path).is_file():
            raise FileNotFoundError(f"path is {str(path)!r}: there is no such file in {Path.cwd()}; {how}")
        return Path(path).resolve()
    from IPython import get_ipython

    names = getattr(get_ipython(), "user_ns", {})
    candidates = [os.environ.get("JPY_SESSION_NAME"), names.get("__vsc_ipynb_file__")]
    for candidate in candidates:
        if candidate and Path(candidate).suffix == ".ipynb" and Path(candidate).is_file():
            return Path(candidate).resolve()
    known = next((candidate for candidate in candidates if candidate), None)
    reason = f"this notebook's file {known!r} is not there (renamed?)" if known else "this notebook's file is not known"
    raise FileNotFoundError(f"{reason}; {how}")


def place_in_course(notebook: dict, file: str) -> str:
    """The notebook's place such as "week01/02_backpropagation", whatever its file is called.

    Raises:
        ValueError: it is no notebook of the course, or another one than this kernel runs.
    """
    running, written = session.current.notebook, notebook_id(notebook)
    if running and written and running != written:
        raise ValueError(
            f"{file} is {written}, but {running} runs here; run the setup cell, or give this notebook's file: "
            'dlcourse.submit(path="...")'
        )
    if not running and not written:
        raise ValueError(f"{file} is no notebook of the course: it has no cell with dlcourse.setup(...)")
    return running or written


# What a notebook holds


def read(content: bytes, file: str) -> dict:
    """A notebook file as JSON.

    Raises:
        ValueError: it is no notebook of format 4.
    """
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} cannot be read as a notebook: {error}; save it again in Jupyter") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise ValueError(f"{file} is no notebook of format 4; open it in Jupyter and save it again")
    if not notebook["cells"] or not all(isinstance(cell, dict) for cell in notebook["cells"]):
        raise ValueError(f"{file} has no cells")
    return notebook


def dump(notebook: dict) -> bytes:
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def source(cell: dict) -> str:
    """A cell's text, which the file may hold as a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(line for line in text if isinstance(line, str))


def notebook_id(notebook: dict) -> str | None:
    """The place in the course that the setup cell names, such as "week01/02_backpropagation"; None without one."""
    for cell in notebook["cells"]:
        match = SETUP.search(source(cell)) if cell.get("cell_type") == "code" else None
        if match:
            return match[1]
    return None


def settings(cell: dict) -> dict:
    """nbgrader's metadata of a cell, with a grade_id from the cell's id where it is lost."""
    kept = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    marks = kept.get("nbgrader") if isinstance(kept.get("nbgrader"), dict) else {}
    return {"grade_id": kept.get("id") or cell.get("id"), **marks}


def answers(notebook: dict) -> dict[str, str]:
    """What becomes of each exercise: "answered", "not answered" (the cell holds its stub) or "missing"."""
    cells = [(cell, settings(cell)) for cell in notebook["cells"]]
    checks = [s["grade_id"] for _, s in cells if s.get("grade") and not s.get("solution") and s["grade_id"]]
    found = {}
    for cell, marks in cells:
        name, stub = marks["grade_id"], any(stub in source(cell) for stub in STUBS)
        lost = "solution" not in marks and cell.get("cell_type") == "code" and bool(name)
        lost = lost and (stub or any(check.startswith(f"{name}_") for check in checks))
        if name and (marks.get("solution") or lost) and found.get(name) != "answered":
            found[name] = "not answered" if stub else "answered"
    waits = {name for cell, _ in cells for name in waited_for(source(cell))}
    for check in checks:
        owners = [name for name in {*found, *waits} if check.startswith(name)]
        found.setdefault(max(owners, key=len, default=check.rpartition("_")[0] or check), "missing")
    return found


def waited_for(text: str) -> list[str]:
    """The exercises that a cell's first line says it waits for."""
    match = re.match(r"# Waits for your (.+)\.", text)
    return match[1].split(" and ") if match else []


def not_as_run(notebook: dict, history: list[str]) -> list[str]:
    """Exercises whose text in the file is not what this kernel ran last."""
    texts = {id(cell): source(cell).strip() for cell in notebook["cells"]}
    runs = [text.strip() for text in history]
    names = answers(notebook)
    stale = []
    for cell in notebook["cells"]:
        name, text = settings(cell)["grade_id"], texts[id(cell)]
        if cell.get("cell_type") != "code" or names.get(name) != "answered":
            continue
        others = {other for key, other in texts.items() if key != id(cell)}
        mine = [run for run in runs if run == text or (run not in others and defined(run) & defined(text))]
        if (not mine or mine[-1] != text) and name not in stale:
            stale.append(name)
    return stale


def defined(text: str) -> set[str]:
    """Names of the functions and classes that a cell defines at its top."""
    return set(re.findall(r"^(?:async +)?(?:def|class) +(\w+)", text, flags=re.MULTILINE))


# What is handed in


def mend(notebook: dict, content: bytes) -> tuple[bytes, list[str]]:
    """The bytes to hand in and what was repaired in them; the file's own bytes when nothing was."""
    mended, notes = repair(notebook)
    if content.startswith(b"\xef\xbb\xbf"):
        notes.append("byte order mark removed")
    if len(content) > LARGEST:
        for cell in mended["cells"]:
            if "outputs" in cell:
                cell["outputs"] = []
        notes.append(f"outputs left out: with them the file has {len(content) / 1e6:.0f} MB")
    return (dump(mended), notes) if notes else (content, notes)


def repair(notebook: dict) -> tuple[dict, list[str]]:
    """A copy with lost cell ids and kernelspec restored, and what was restored."""
    mended, notes = copy.deepcopy(notebook), []
    if not isinstance(mended.get("metadata"), dict):
        mended["metadata"] = {}
    kernelspec = mended["metadata"].get("kernelspec")
    if not isinstance(kernelspec, dict) or not kernelspec.get("name"):
        mended["metadata"]["kernelspec"] = dict(KERNELSPEC)
        notes.append("kernelspec restored")
    cells = mended["cells"]
    ids = [cell.get("id") for cell in cells]
    if mended.get("nbformat_minor", 0) < 5 or None in ids or len(set(ids)) < len(ids):
        mended["nbformat_minor"] = 5
        restore_ids(cells)
        notes.append("cell ids restored")
    for cell in cells:
        cell.setdefault("metadata", {})
        if cell.get("cell_type") == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
    return mended, notes


def restore_ids(cells: list[dict]) -> None:
    """Give each cell the id that its metadata kept, or one from its position."""
    seen = set()
    for position, cell in enumerate(cells):
        kept = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
        id = cell.get("id") or kept.get("id")
        if not isinstance(id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", id) or id in seen:
            id = f"restored-{position:04d}"
        seen.add(id)
        cell["id"] = id


def package(notebooks: dict[str, bytes], student: str, folder: Path, time: datetime) -> Path:
    """Write the zip that the collector understands into `folder`, and return its path.

    Args:
        notebooks: place in the course, such as "week01/02_backpropagation", to the file's bytes; all of one week.
        student: the id.
        folder: where the zip goes.
        time: of the submission; the name takes the next free second.
    """
    check_student(student)
    week = next(iter(notebooks))[:6]
    path = folder / f"{week}__{student}__{time.astimezone(UTC).strftime(TIME)}.zip"
    while path.exists():
        time += timedelta(seconds=1)
        path = folder / f"{week}__{student}__{time.astimezone(UTC).strftime(TIME)}.zip"
    names = [name.partition("/")[2] for name in notebooks]
    digests = [hashlib.sha256(content).hexdigest() for content in notebooks.values()]
    receipt = {
        "student": student,
        "assignment": week,
        "notebook": names[0] if len(names) == 1 else names,
        "time": time.astimezone(UTC).isoformat(timespec="seconds"),
        "sha256": digests[0] if len(digests) == 1 else digests,
        "dlcourse": version(),
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(names, notebooks.values(), strict=True):
            archive.writestr(f"{name}.ipynb", content)
        archive.writestr("submission.json", json.dumps(receipt, indent=1) + "\n")
    path.write_bytes(stream.getvalue())
    return path


def version() -> str:
    for name in ["dlcourse", "dlcourse-source"]:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def show_receipt(archive: Path, name: str, notebook: dict, content: bytes, repaired: list[str], student: str) -> None:
    """Say what will be graded, what does not fit, and what was written."""
    from IPython import get_ipython

    found = answers(notebook)
    done = sum(state == "answered" for state in found.values())
    print(f"{name}: {done} of {len(found)} exercises answered")
    for exercise, state in found.items():
        print(f"  {exercise}: {state}")
    if not found:
        print("  No exercise is recognized: the cells' metadata is lost. The grader will match cells by their text.")
    shell = get_ipython()
    stale = not_as_run(notebook, list(shell.history_manager.input_hist_raw)) if shell else []
    if stale:
        print(
            f"WARNING: the saved file differs from what was run: {', '.join(stale)}. "
            "Run these cells, save the notebook (Ctrl+S) and submit again."
        )
    if repaired:
        print(f"Repaired in the zip: {'; '.join(repaired)}. Your file is as it was.")
    fingerprint = hashlib.sha256(content).hexdigest()[:12]
    when = datetime.strptime(archive.stem.rpartition("__")[2], TIME)
    print(f"Written for you to hand in: {archive}")
    print(f"  student      {student} (not you? {HOW})")
    print(f"  time         {when:%Y-%m-%d %H:%M:%S} UTC")
    print(f"  fingerprint  {fingerprint[:4]} {fingerprint[4:8]} {fingerprint[8:]}")
