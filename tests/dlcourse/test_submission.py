"""What `dlcourse.submit()` writes, says and leaves alone; TensorFlow is not imported."""

import hashlib
import json
import re
import sys
import types
import zipfile
from datetime import UTC, datetime

import nbformat
import pytest

from dlcourse import session, submission

STUB = submission.STUBS[0]
PLACE = "week01/02_backpropagation"
ANSWER = "def slope(x):\n    return 2 * x"


def cell(name, text, **marks):
    marks = {"nbgrader": {"grade_id": name, **marks}} if marks else {}
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"id": name, **marks},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }


def notebook(answer=ANSWER, place=PLACE):
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": submission.KERNELSPEC},
        "cells": [
            cell("setup", f'dlcourse.setup("{place}", seed=2)', grade=False, solution=False),
            cell("slope", answer, grade=False, solution=True),
            cell("slope_value", 'check("slope", slope(1), expected=2)', grade=True, solution=False),
            cell("height", f"def height(x):\n    {STUB}", grade=False, solution=True),
            cell("height_value", 'check("height", height(1), expected=2)', grade=True, solution=False),
        ],
    }


def write(path, content):
    path.write_text(json.dumps(content, indent=1))
    return path


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """IPython in this process, as a kernel would have it, and a student's empty home."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    for name in ["NBGRADER_EXECUTION", session.REFERENCE, session.RECORDING, "JPY_SESSION_NAME"]:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home" / "ipython"))
    monkeypatch.setattr(session, "current", session.Session(PLACE))
    monkeypatch.setattr("builtins.input", lambda prompt: "jane.doe")
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    return shell


@pytest.fixture
def week(tmp_path):
    (tmp_path / "week").mkdir()
    return tmp_path / "week"


def archives(folder):
    return sorted(folder.glob("*.zip"))


def contents(archive):
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_zip_holds_the_notebook_under_its_own_name_and_a_receipt(shell, week):
    path = write(week / "my best try (3).ipynb", notebook())
    before = datetime.now(UTC).replace(microsecond=0)
    submission.submit(path=str(path))
    [archive] = archives(week)
    assert re.fullmatch(r"week01__jane\.doe__\d{8}T\d{6}Z\.zip", archive.name)
    held = contents(archive)
    assert set(held) == {"02_backpropagation.ipynb", "submission.json"}
    assert held["02_backpropagation.ipynb"] == path.read_bytes()
    receipt = json.loads(held["submission.json"])
    assert {key: receipt[key] for key in ["student", "assignment", "notebook"]} == {
        "student": "jane.doe", "assignment": "week01", "notebook": "02_backpropagation"}
    assert receipt["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert receipt["dlcourse"] == submission.version() != "unknown"
    time = datetime.fromisoformat(receipt["time"])
    assert before <= time <= datetime.now(UTC)
    assert time.strftime("%Y%m%dT%H%M%SZ") in archive.name


def test_it_says_what_will_be_graded_and_shows_a_receipt(shell, week, capsys):
    path = write(week / "02_backpropagation.ipynb", notebook())
    submission.submit(path=str(path))
    said = capsys.readouterr().out
    assert f"{PLACE}: 1 of 2 exercises answered" in said
    assert "slope: answered" in said and "height: not answered" in said
    assert str(archives(week)[0]) in said and "jane.doe" in said and 'submit(student="' in said
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:4] in said and "UTC" in said


def test_a_deleted_exercise_is_named_as_missing():
    cut = notebook()
    del cut["cells"][3]
    assert submission.answers(cut) == {"slope": "answered", "height": "missing"}


@pytest.mark.parametrize("position", [1, 2])
def test_of_two_copies_of_an_exercise_the_answered_one_counts(position):
    doubled = notebook()
    doubled["cells"].insert(position, cell("slope", STUB, grade=False, solution=True))
    assert submission.answers(doubled)["slope"] == "answered"


def test_exercises_are_known_without_nbgrader_s_metadata_while_ids_remain():
    stripped = notebook()
    for number in [1, 3]:
        del stripped["cells"][number]["metadata"]["nbgrader"]
    assert submission.answers(stripped) == {"slope": "answered", "height": "not answered"}


def test_the_id_is_asked_once_and_can_be_changed(shell, week, monkeypatch, capsys):
    path = write(week / "02_backpropagation.ipynb", notebook())
    submission.submit(path=str(path))
    monkeypatch.setattr("builtins.input", lambda prompt: pytest.fail("asked twice"))
    submission.submit(path=str(path))
    submission.submit(student="j_doe-2", path=str(path))
    submission.submit(path=str(path))
    assert [archive.name.split("__")[1] for archive in archives(week)] == ["j_doe-2"] * 2 + ["jane.doe"] * 2


@pytest.mark.parametrize("student", ["", "jane doe", "../jane", "jane/doe", "jané", ".jane", "x" * 65])
def test_what_is_no_id_is_refused(shell, week, student):
    path = write(week / "02_backpropagation.ipynb", notebook())
    with pytest.raises(ValueError, match="expected an id"):
        submission.submit(student=student, path=str(path))
    assert not archives(week) and not (submission.Path.home() / ".dlcourse").exists()


@pytest.mark.parametrize("name", ["NBGRADER_EXECUTION", session.REFERENCE, session.RECORDING])
def test_nothing_happens_while_grading_or_recording(shell, week, monkeypatch, capsys, name):
    monkeypatch.setenv(name, "autograde")
    submission.submit(student="jane", path=str(write(week / "02_backpropagation.ipynb", notebook())))
    assert not archives(week) and capsys.readouterr().out == ""


def test_where_nobody_can_be_asked_one_line_says_how_to_submit(shell, week, monkeypatch, capsys):
    from IPython.core.error import StdinNotImplementedError

    def refuse(prompt):
        raise StdinNotImplementedError("no stdin here")

    monkeypatch.setattr("builtins.input", refuse)
    submission.submit(path=str(write(week / "02_backpropagation.ipynb", notebook())))
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and 'dlcourse.submit(student="' in said and not archives(week)


def test_a_headless_kernel_reaches_the_end_even_when_the_id_is_remembered(shell, week):
    """A real kernel under nbclient, which takes no input and does not know the notebook's file."""
    from nbclient import NotebookClient

    (submission.Path.home() / ".dlcourse").mkdir()
    (submission.Path.home() / ".dlcourse" / "student").write_text("jane\n")
    run = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import dlcourse\ndlcourse.submit()")])
    NotebookClient(run, timeout=120, resources={"metadata": {"path": str(week)}}).execute()
    [output] = run.cells[0].outputs
    assert output.text.startswith("Not submitted") and output.text.count("\n") == 1 and not archives(week)


def test_the_file_is_found_in_jupyter_and_in_vs_code(shell, week, monkeypatch):
    path = write(week / "02_backpropagation.ipynb", notebook())
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    submission.submit()
    monkeypatch.setenv("JPY_SESSION_NAME", "some-kernel-without-a-file")
    shell.user_ns["__vsc_ipynb_file__"] = str(path)
    submission.submit()
    assert len(archives(week)) == 2


def test_an_unknown_or_absent_file_asks_for_path(shell, week, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"not known; give it: dlcourse.submit\(path="):
        submission.submit()
    monkeypatch.setenv("JPY_SESSION_NAME", str(week / "renamed since.ipynb"))
    with pytest.raises(FileNotFoundError, match=r"renamed since.*path="):
        submission.submit()
    with pytest.raises(FileNotFoundError, match="absent.ipynb"):
        submission.submit(path="absent.ipynb")


def test_another_notebook_than_runs_here_is_refused(shell, week):
    path = write(week / "x.ipynb", notebook(place="week01/01_stack"))
    with pytest.raises(ValueError, match="week01/01_stack.*week01/02_backpropagation"):
        submission.submit(path=str(path))
    assert not archives(week)


def test_what_is_no_notebook_is_refused(shell, week, monkeypatch):
    (week / "x.ipynb").write_text('{"nbformat": 4, "cells": [')
    with pytest.raises(ValueError, match="cannot be read as a notebook"):
        submission.submit(path=str(week / "x.ipynb"))
    monkeypatch.setattr(session, "current", session.Session())
    foreign = notebook()
    del foreign["cells"][0]
    with pytest.raises(ValueError, match="no notebook of the course"):
        submission.submit(path=str(write(week / "x.ipynb", foreign)))


def submit_after(shell, week, *runs, saved):
    """Run the texts as cells, then submit a file that holds `saved` as the answer; return what is said."""
    for text in runs:
        shell.run_cell(text, store_history=True)
    submission.submit(path=str(write(week / "02_backpropagation.ipynb", notebook(answer=saved))))


def test_no_warning_when_what_was_run_is_what_was_saved(shell, week, capsys):
    submit_after(shell, week, "def slope(x):\n    return x", ANSWER, "slope(3)", saved=ANSWER)
    assert "WARNING" not in capsys.readouterr().out


def test_a_warning_when_the_answer_was_changed_after_it_was_saved(shell, week, capsys):
    submit_after(shell, week, ANSWER, "def slope(x):\n    return 3 * x", saved=ANSWER)
    said = capsys.readouterr().out
    assert "differs from what was run: slope" in said and "Ctrl+S" in said and "height" not in said.split("WARNING")[1]
    assert len(archives(week)) == 1


def test_a_warning_when_the_saved_answer_never_ran(shell, week, capsys):
    submit_after(shell, week, "1 + 1", saved=ANSWER)
    assert "differs from what was run: slope" in capsys.readouterr().out


def test_no_warning_about_another_cell_of_the_file_that_defines_the_same_name(shell, week, capsys):
    again = "def slope(x):\n    return 3 * x  # an experiment"
    for text in [ANSWER, again]:
        shell.run_cell(text, store_history=True)
    both = notebook()
    both["cells"].append(cell("experiment", again))
    submission.submit(path=str(write(week / "02_backpropagation.ipynb", both)))
    assert "WARNING" not in capsys.readouterr().out


def test_lost_ids_and_kernelspec_are_restored_in_the_zip_only(shell, week, capsys):
    old = notebook()
    old["nbformat_minor"] = 0
    del old["metadata"]["kernelspec"]
    for one in old["cells"]:
        del one["id"]
    path = write(week / "02_backpropagation.ipynb", old)
    before = path.read_bytes()
    submission.submit(path=str(path))
    assert path.read_bytes() == before
    held = contents(archives(week)[0])
    mended = nbformat.reads(held["02_backpropagation.ipynb"].decode(), as_version=4)
    nbformat.validate(mended)
    assert [one.id for one in mended.cells] == ["setup", "slope", "slope_value", "height", "height_value"]
    assert mended.metadata.kernelspec.name == "python3" and mended.nbformat_minor == 5
    assert json.loads(held["submission.json"])["sha256"] == hashlib.sha256(held["02_backpropagation.ipynb"]).hexdigest()
    assert "Repaired in the zip: kernelspec restored; cell ids restored" in capsys.readouterr().out


def test_doubled_and_impossible_ids_become_valid_ones():
    broken = notebook()
    broken["cells"][1]["id"] = "setup"
    broken["cells"][2]["id"] = "with space"
    mended, _ = submission.repair(broken)
    nbformat.validate(nbformat.from_dict(mended))
    assert broken["cells"][1]["id"] == "setup"


def test_outputs_too_large_for_the_collector_are_left_out(shell, week, monkeypatch, capsys):
    monkeypatch.setattr(submission, "LARGEST", 100_000)
    large = notebook()
    large["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 200_000}]
    submission.submit(path=str(write(week / "02_backpropagation.ipynb", large)))
    held = contents(archives(week)[0])["02_backpropagation.ipynb"]
    assert len(held) < 100_000 and ANSWER.splitlines()[0] in held.decode()
    assert "outputs left out" in capsys.readouterr().out


@pytest.fixture
def colab(monkeypatch):
    """A stand-in of Colab's modules; `downloads` lists what was offered for download."""
    package, message, files = (types.ModuleType(f"google.colab{name}") for name in ["", "._message", ".files"])
    package.requests, package.downloads = [], []

    def blocking_request(request, request_args="", timeout_sec=5):
        package.requests.append((request, timeout_sec))
        return package.answer

    message.blocking_request, files.download = blocking_request, package.downloads.append
    package._message, package.files = message, files
    for module in [package, message, files]:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return package


def test_in_colab_the_live_notebook_is_packed_and_downloaded(shell, week, colab, monkeypatch):
    live = notebook()
    live["nbformat_minor"] = 0
    for one in live["cells"]:
        del one["id"]
    colab.answer = {"ipynb": live}
    monkeypatch.chdir(week)
    submission.submit()
    [archive] = archives(week)
    assert colab.downloads == [str(archive)] and colab.requests[0][0] == "get_ipynb" and colab.requests[0][1]
    held = json.loads(contents(archive)["02_backpropagation.ipynb"])
    assert [one["id"] for one in held["cells"]][:2] == ["setup", "slope"]


def test_in_colab_no_answer_is_told(shell, week, colab, monkeypatch):
    colab.answer = None
    monkeypatch.chdir(week)
    with pytest.raises(RuntimeError, match="Colab did not give the notebook"):
        submission.submit()
    assert not archives(week) and not colab.downloads


def test_two_submissions_within_a_second_are_both_kept(week):
    time = datetime(2026, 11, 21, 3, 45, tzinfo=UTC)
    first = submission.package({PLACE: b"1"}, "jane", week, time)
    second = submission.package({PLACE: b"2"}, "jane", week, time)
    assert first.name == "week01__jane__20261121T034500Z.zip" and second.name == "week01__jane__20261121T034501Z.zip"
    assert contents(first)["02_backpropagation.ipynb"] == b"1"
