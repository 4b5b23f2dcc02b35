"""What students hand in, in every form it arrives in, becomes attempts and submissions, or a problem with a reason."""

import codecs
import io
import json
import os
import shutil
import stat
import struct
import time as clock
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from autograder import archives
from autograder.classroom import Classroom
from autograder.collect import collect, file_attempt
from autograder.errors import CourseError
from autograder.inbox import find
from autograder.readable import Unreadable
from autograder.senders import Roster
from dlcourse import submission

NOON = datetime(2026, 10, 1, 12, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BACKPROPAGATION, STACK = "week01/02_backpropagation", "week01/01_stack"


def notebook(place=BACKPROPAGATION, answer="1", **changes) -> bytes:
    """A submitted notebook; without a setup cell when `place` is None."""
    sources = [answer] if place is None else [f'import dlcourse\n\ndlcourse.setup("{place}", seed=2)', answer]
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for i, source in enumerate(sources)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **changes}).encode()


def zipped(path, entries, when=NOON) -> bytes:
    """A zip of name to bytes, or of name to (bytes, time); written to `path` unless that is None."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            content, time = content if isinstance(content, tuple) else (content, when)
            info = zipfile.ZipInfo(name, time.astimezone().timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    if path is not None:
        path.write_bytes(stream.getvalue())
    return stream.getvalue()


def ours(folder, student, time=NOON, place=BACKPROPAGATION, answer="1"):
    """What dlcourse.submit() writes."""
    return submission.package({place: notebook(place, answer)}, student, folder, time)


def aged(path, time):
    os.utime(path, (time.timestamp(), time.timestamp()))
    return path


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A classroom with two notebooks in week01 and nobody on the roster; making its gradebook takes seconds."""
    classroom = Classroom.create(tmp_path_factory.mktemp("empty") / "classroom")
    for place in [BACKPROPAGATION, STACK]:
        path = classroom.source / f"{place}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(notebook(place))
    with classroom.gradebook():
        return classroom


@pytest.fixture
def classroom(empty, tmp_path):
    shutil.copytree(empty.root, tmp_path / "classroom")
    return Classroom.open(tmp_path / "classroom")


@pytest.fixture
def roster(classroom):
    """Jane, Zoë with her Canvas number, and two students of the same name."""
    with classroom.gradebook() as gradebook:
        gradebook.add_student("jane.doe", first_name="Jane", last_name="Doe")
        gradebook.add_student("zm", first_name="Zoë", last_name="Müller-Lüdenscheidt", lms_user_id="777")
        gradebook.add_student("lee1", first_name="Kim", last_name="Lee")
        gradebook.add_student("lee2", first_name="Kim", last_name="Lee")
    return classroom


def attempts(classroom):
    return sorted(str(path.relative_to(classroom.attempts)) for path in classroom.attempts.rglob("*.ipynb"))


def submitted(classroom, student, assignment="week01"):
    """Name to bytes of what is handed over."""
    return {path.name: path.read_bytes() for path in (classroom.submitted / student / assignment).glob("*.ipynb")}


def time_of(classroom, student, assignment="week01"):
    """The time that nbgrader reads for the submission."""
    from nbgrader.coursedir import CourseDirectory

    directory = CourseDirectory(root=str(classroom.root))
    return directory.get_existing_timestamp(str(classroom.submitted / student / assignment)).replace(tzinfo=UTC)


def only_problem(report):
    assert not report.collected
    [problem] = report.problems
    return problem


# Our own zips


def test_our_zip_is_collected_with_its_student_time_and_notebook(classroom, inbox):
    path = ours(inbox, "jane.doe")
    report = collect([path], classroom)
    [entry] = report.collected
    assert not report.problems and str(path) in entry.file
    assert (entry.student, entry.assignment, entry.notebook) == ("jane.doe", "week01", "02_backpropagation")
    assert entry.time == NOON and entry.reason == ""
    assert attempts(classroom) == ["jane.doe/week01/20261001T120000Z/02_backpropagation.ipynb"]
    assert submitted(classroom, "jane.doe") == {"02_backpropagation.ipynb": notebook()}
    assert time_of(classroom, "jane.doe") == NOON


def test_the_zip_of_a_folder_s_notebooks_is_collected_whole(classroom, inbox):
    both = {place: notebook(place) for place in [BACKPROPAGATION, STACK]}
    collect([submission.package(both, "jane", inbox, NOON)], classroom)
    assert set(submitted(classroom, "jane")) == {"01_stack.ipynb", "02_backpropagation.ipynb"}


def test_a_browser_s_copy_of_the_zip_changes_nothing(classroom, inbox):
    path = ours(inbox, "jane")
    path.with_name(f"{path.stem} (1).zip").write_bytes(path.read_bytes())
    report = collect([inbox], classroom)
    assert len(attempts(classroom)) == 1
    assert [entry.reason for entry in report.collected] == ["", "collected before"]


def test_the_name_of_the_zip_says_what_a_lost_receipt_does_not(classroom, inbox):
    zipped(inbox / "week01__jane__20261001T120000Z (2).zip", {"x.ipynb": notebook()}, when=NOON + HOUR)
    [entry] = collect([inbox], classroom).collected
    assert entry.student == "jane" and entry.time == NOON


def test_a_changed_notebook_in_the_zip_is_remarked(classroom, inbox):
    held = {"02_backpropagation.ipynb": notebook(answer="changed")}
    with zipfile.ZipFile(ours(inbox, "jane")) as archive:
        held["submission.json"] = archive.read("submission.json")
    zipped(inbox / "week01__jane__20261001T120000Z.zip", held)
    [entry] = collect([inbox], classroom).collected
    assert "changed after" in entry.reason


@pytest.mark.parametrize("student", ["../../evil", "/root", "..", "a/b", "", 7, ["jane"], None])
def test_a_receipt_with_an_impossible_student_names_nobody(classroom, inbox, student):
    receipt = json.dumps({"student": student, "time": "2026-10-01T12:00:00+00:00"}).encode()
    zipped(inbox / "x.zip", {"x.ipynb": notebook(), "submission.json": receipt})
    assert "nothing says whose" in only_problem(collect([inbox], classroom)).reason
    assert not list(classroom.submitted.iterdir()) and not classroom.attempts.exists()


@pytest.mark.parametrize("receipt", [b"{", b"[]", b"\xff", b"[" * 100_000, b'{"time": "soon", "sha256": {}}'])
def test_a_broken_receipt_does_not_stop_the_zip(classroom, inbox, receipt):
    zipped(inbox / "week01__jane__20261001T120000Z.zip", {"x.ipynb": notebook(), "submission.json": receipt})
    [entry] = collect([inbox], classroom).collected
    assert entry.student == "jane" and entry.time == NOON


# Attempts


def test_the_newest_of_each_notebook_counts_and_all_are_kept(classroom, inbox):
    ours(inbox, "jane", NOON + 2 * HOUR, BACKPROPAGATION, "third")
    ours(inbox, "jane", NOON, BACKPROPAGATION, "first")
    ours(inbox, "jane", NOON + HOUR, BACKPROPAGATION, "second")
    ours(inbox, "jane", NOON - HOUR, STACK, "early")
    collect([inbox], classroom)
    assert len(attempts(classroom)) == 4
    assert submitted(classroom, "jane") == {
        "02_backpropagation.ipynb": notebook(BACKPROPAGATION, "third"),
        "01_stack.ipynb": notebook(STACK, "early"),
    }
    assert time_of(classroom, "jane") == NOON + 2 * HOUR


def test_an_older_attempt_that_arrives_later_does_not_replace_a_newer_one(classroom, inbox, tmp_path):
    collect([ours(inbox, "jane", NOON, answer="new")], classroom)
    collect([ours(inbox, "jane", NOON - HOUR, answer="old")], classroom)
    assert submitted(classroom, "jane")["02_backpropagation.ipynb"] == notebook(answer="new")
    assert time_of(classroom, "jane") == NOON and len(attempts(classroom)) == 2


def test_collecting_again_rewrites_nothing(classroom, inbox):
    ours(inbox, "jane")
    collect([inbox], classroom)
    files = [path for path in classroom.root.rglob("*") if path.is_file() and "gradebook" not in path.name]
    before = {aged(path, NOON): path.stat().st_mtime_ns for path in files}
    report = collect([inbox], classroom)
    assert [entry.reason for entry in report.collected] == ["collected before"]
    after = {p: p.stat().st_mtime_ns for p in classroom.root.rglob("*") if p.is_file() and "gradebook" not in p.name}
    assert after == before


def test_only_the_notebook_that_changed_is_rewritten(classroom, inbox):
    ours(inbox, "jane", NOON, STACK)
    ours(inbox, "jane", NOON, BACKPROPAGATION)
    collect([inbox], classroom)
    kept = aged(classroom.submitted / "jane" / "week01" / "01_stack.ipynb", NOON)
    before = kept.stat().st_mtime_ns
    collect([ours(inbox, "jane", NOON + HOUR, BACKPROPAGATION, "better")], classroom)
    assert kept.stat().st_mtime_ns == before
    assert submitted(classroom, "jane")["02_backpropagation.ipynb"] == notebook(answer="better")


def test_the_same_work_once_more_is_no_later_work(classroom, inbox):
    collect([ours(inbox, "jane", NOON, answer="a")], classroom)
    collect([ours(inbox, "jane", NOON + HOUR, answer="a")], classroom)
    assert time_of(classroom, "jane") == NOON
    collect([ours(inbox, "jane", NOON + 2 * HOUR, answer="b")], classroom)
    collect([ours(inbox, "jane", NOON + 3 * HOUR, answer="a")], classroom)
    assert time_of(classroom, "jane") == NOON + 3 * HOUR


def test_two_different_files_of_one_second_are_both_kept_the_higher_numbered_counts(classroom, inbox):
    folder = inbox / "week01__jane__20261001T120000Z"
    folder.mkdir()
    (folder / "02_backpropagation (2).ipynb").write_bytes(notebook(answer="2"))
    (folder / "02_backpropagation (10).ipynb").write_bytes(notebook(answer="10"))
    (folder / "02_backpropagation.ipynb").write_bytes(notebook(answer="0"))
    collect([inbox], classroom)
    assert len(attempts(classroom)) == 3
    assert submitted(classroom, "jane") == {"02_backpropagation.ipynb": notebook(answer="10")}


# Canvas


def canvas(path, name, when=NOON, content=None):
    return zipped(path, {name: (notebook() if content is None else content, when)})


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("doejane_12345_67890_02_backpropagation.ipynb", "jane.doe"),
        ("doejane_LATE_12345_67890_02_backpropagation.ipynb", "jane.doe"),
        ("doejane_12345_67890_02_backpropagation-1.ipynb", "jane.doe"),
        ("jane.doe_12345_67890_x.ipynb", None),  # Canvas strips dots, so Canvas did not write this
        ("somebodyelse_777_67890_02_backpropagation-2.ipynb", "zm"),
        ("müllerlüdenscheidtzoë_12345_67890_x.ipynb", "zm"),
        ("zm_12345_67890_x.ipynb", "zm"),
    ],
)
def test_canvas_names_are_mapped_to_the_roster(roster, inbox, name, student):
    canvas(inbox / "submissions.zip", name)
    report = collect([inbox], roster)
    assert [entry.student for entry in report.collected] == ([student] if student else [])
    if student:
        assert report.collected[0].notebook == "02_backpropagation"
        assert report.collected[0].reason == ("Canvas marks it late" if "LATE" in name else "")


def test_a_student_number_that_is_the_id_maps_when_the_name_does_not(roster, inbox):
    with roster.gradebook() as gradebook:
        gradebook.add_student("12345")
    canvas(inbox / "submissions.zip", "nobody_12345_67890_x.ipynb")
    [entry] = collect([inbox], roster).collected
    assert entry.student == "12345"


def test_canvas_s_identity_and_time_outrank_the_student_s_zip(roster, inbox, tmp_path):
    mine = ours(tmp_path, "lee1", NOON - 5 * HOUR).read_bytes()
    canvas(inbox / "submissions.zip", "doejane_12345_67890_week01__lee1__20261001T070000Z.zip", NOON, mine)
    [entry] = collect([inbox], roster).collected
    assert entry.student == "jane.doe" and entry.time == NOON
    assert "the zip names lee1" in entry.reason
    assert not (roster.submitted / "lee1").exists()


def test_the_time_at_which_canvas_made_the_download_is_nobody_s_time(roster, inbox, tmp_path):
    """Canvas and Moodle stamp all entries while they make the zip; the receipts then say more."""
    jane = ours(tmp_path, "jane.doe", NOON - 5 * HOUR).read_bytes()
    zoe = ours(tmp_path, "zm", NOON - 9 * HOUR).read_bytes()
    zipped(
        inbox / "submissions.zip",
        {
            "doejane_12345_67890_week01__jane.doe__20261001T070000Z.zip": (jane, NOON),
            "mullerzoe_777_67891_week01__zm__20261001T030000Z.zip": (zoe, NOON + timedelta(seconds=4)),
            "leekim_88_67892_02_backpropagation.ipynb": (notebook(answer="bare"), NOON),
        },
    )
    with roster.gradebook() as gradebook:
        gradebook.remove_student("lee2")
    by_student = {entry.student: entry for entry in collect([inbox], roster).collected}
    assert by_student["jane.doe"].time == NOON - 5 * HOUR and by_student["zm"].time == NOON - 9 * HOUR
    assert by_student["lee1"].time == NOON and "that of the download" in by_student["lee1"].reason


def test_entry_times_that_differ_are_the_lms_s_word(roster, inbox, tmp_path):
    jane = ours(tmp_path, "jane.doe", NOON - 5 * HOUR).read_bytes()
    zipped(
        inbox / "submissions.zip",
        {
            "doejane_12345_67890_week01__jane.doe__20261001T070000Z.zip": (jane, NOON),
            "mullerzoe_777_67891_02_backpropagation.ipynb": (notebook(), NOON + 3 * HOUR),
        },
    )
    times = {entry.student: entry.time for entry in collect([inbox], roster).collected}
    assert times == {"jane.doe": NOON, "zm": NOON + 3 * HOUR}


def test_an_entry_without_time_leaves_the_receipt_s(roster, inbox, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("doejane_1_67890_x.zip"), ours(tmp_path, "jane.doe").read_bytes())
    (inbox / "submissions.zip").write_bytes(stream.getvalue())
    [entry] = collect([inbox], roster).collected
    assert entry.time == NOON


def test_a_name_that_fits_two_students_is_a_problem_unless_the_zip_decides(roster, inbox, tmp_path):
    canvas(inbox / "a.zip", "leekim_12345_67890_02_backpropagation.ipynb")
    assert "lee1 or lee2" in only_problem(collect([inbox / "a.zip"], roster)).reason
    canvas(inbox / "b.zip", "leekim_12345_67890_x.zip", NOON, ours(tmp_path, "lee2").read_bytes())
    [entry] = collect([inbox / "b.zip"], roster).collected
    assert entry.student == "lee2"


def test_an_unknown_canvas_name_leaves_the_zip_s_student(roster, inbox, tmp_path):
    mine = ours(tmp_path, "jane.doe").read_bytes()
    canvas(inbox / "submissions.zip", "groupseven_12345_67890_x.zip", NOON, mine)
    [entry] = collect([inbox], roster).collected
    assert entry.student == "jane.doe" and "'groupseven' is not on the roster" in entry.reason


def test_an_anonymous_canvas_download_is_known_by_the_zip_s_student(roster, inbox, tmp_path):
    zipped(
        inbox / "submissions.zip",
        {
            "anon_Ab1x2_67890_x.zip": (ours(tmp_path, "jane.doe").read_bytes(), NOON),
            "LATE_anon_77777_67891_x.ipynb": (notebook(), NOON + HOUR),
        },
    )
    report = collect([inbox], roster)
    assert [entry.student for entry in report.collected] == ["jane.doe"]
    assert "nothing says whose" in report.problems[0].reason


def test_names_inside_a_student_s_zip_impersonate_nobody(roster, inbox):
    spoof = {"doejane_12345_67890_02_backpropagation.ipynb": notebook()}
    canvas(inbox / "submissions.zip", "muellerzoe_777_11111_homework.zip", NOON, zipped(None, spoof))
    folder = inbox / "Kim Nobody_99_assignsubmission_file"
    folder.mkdir()
    (folder / "doejane_12345_67890_02_backpropagation.ipynb").write_bytes(notebook())
    report = collect([inbox], roster)
    assert [entry.student for entry in report.collected] == ["zm"]
    assert "Kim Nobody" in report.problems[0].reason


def test_an_extracted_canvas_download_is_understood(roster, inbox):
    (inbox / "doejane_12345_67890_02_backpropagation.ipynb").write_bytes(notebook())
    folder = inbox / "mullerzoe_777_67891_week01__zm__20261001T120000Z"
    folder.mkdir()
    (folder / "02_backpropagation.ipynb").write_bytes(notebook())
    assert {entry.student for entry in collect([inbox], roster).collected} == {"jane.doe", "zm"}


def test_a_bare_notebook_of_canvas_is_filed_under_its_name_while_there_is_no_roster(classroom, inbox):
    canvas(inbox / "submissions.zip", "doejane_12345_67890_02_backpropagation.ipynb")
    [entry] = collect([inbox], classroom).collected
    assert entry.student == "doejane_12345" and "by the LMS" in entry.reason


# Moodle


@pytest.mark.parametrize(
    "name",
    [
        "Jane Doe_123456_assignsubmission_file/02_backpropagation.ipynb",
        "Jane Doe_123456_assignsubmission_file_/sub folder/whatever (1).ipynb",
        "Jane Doe_123456_assignsubmission_file_02_backpropagation.ipynb",
        "DOE Jane_123456_assignsubmission_file_02_backpropagation.ipynb",
        "Assignment 1\\Jane Doe_123456_assignsubmission_file_\\x.ipynb",
    ],
)
def test_moodle_folders_and_names_are_mapped_to_the_roster(roster, inbox, name):
    canvas(inbox / "ML-Exercise-4711.zip", name)
    [entry] = collect([inbox], roster).collected
    assert (entry.student, entry.notebook, entry.time) == ("jane.doe", "02_backpropagation", NOON)


def test_an_extracted_moodle_download_is_understood(roster, inbox, tmp_path):
    folder = inbox / "Zoe Muller Ludenscheidt_1_assignsubmission_file_"
    folder.mkdir()
    (folder / "a.zip").write_bytes(ours(tmp_path, "jane.doe").read_bytes())
    for given in [inbox, folder, folder / "a.zip"]:
        students = {entry.student for entry in collect([given], roster).collected}
        assert students == ({"jane.doe"} if given.suffix else {"zm"})


def test_moodle_s_number_is_no_student(roster, inbox):
    """It is the participant's in one assignment, not the user's: 777 is Zoë's on Canvas."""
    canvas(inbox / "m.zip", "Somebody Else_777_assignsubmission_file_/02_backpropagation.ipynb")
    assert "not on the roster: Somebody Else" in only_problem(collect([inbox], roster)).reason


# Bare notebooks, folders and the roster


def test_a_bare_notebook_without_identity_is_kept_and_says_what_to_do(classroom, inbox):
    (inbox / "02_backpropagation.ipynb").write_bytes(notebook())
    problem = only_problem(collect([inbox], classroom))
    assert "nothing says whose" in problem.reason and "course submit" in problem.reason
    [kept] = (classroom.root / "unreadable").iterdir()
    assert kept.read_bytes() == notebook() and kept.name.endswith("02_backpropagation.ipynb")


def test_an_extracted_zip_is_known_by_its_folder_or_its_receipt(classroom, inbox):
    with zipfile.ZipFile(ours(inbox, "jane")) as archive:
        archive.extractall(inbox / "week01")
    [entry] = collect([inbox / "week01"], classroom).collected
    assert entry.student == "jane" and entry.time == NOON
    (inbox / "week01" / "01_stack.ipynb").write_bytes(notebook(STACK))
    report = collect([inbox / "week01"], classroom)
    assert len(report.collected) == 1 and "nothing says whose" in report.problems[0].reason


def test_a_notebook_s_time_is_the_file_s_when_nothing_else_is_known(roster, inbox):
    path = inbox / "doejane_12345_67890_x.ipynb"
    path.write_bytes(notebook())
    aged(path, NOON)
    [entry] = collect([inbox], roster).collected
    assert entry.time == NOON


def test_a_zip_of_zips_and_notebooks_is_understood(classroom, inbox, tmp_path):
    zipped(
        inbox / "all.zip",
        {
            "mails/week01__jane__20261001T120000Z.zip": ours(tmp_path, "jane").read_bytes(),
            "mails/week01__joe__20261001T120000Z.zip": ours(tmp_path, "joe").read_bytes(),
        },
    )
    assert {entry.student for entry in collect([inbox], classroom).collected} == {"jane", "joe"}


def test_somebody_who_is_not_on_the_roster_is_kept_as_a_problem(roster, inbox):
    path = ours(inbox, "stranger")
    problem = only_problem(collect([path], roster))
    assert problem.reason.startswith("not on the roster: stranger; add with `course roster`")
    assert problem.student == "stranger" and problem.time == NOON
    assert not (roster.submitted / "stranger").exists() and len(list((roster.root / "unreadable").iterdir())) == 1


def test_case_does_not_make_a_stranger(roster, inbox):
    [entry] = collect([ours(inbox, "Jane.Doe")], roster).collected
    assert entry.student == "jane.doe"


@pytest.mark.parametrize(
    "name",
    [
        "02_backpropagation.ipynb",
        "02_backpropagation (1).ipynb",
        "02_backpropagation-1.ipynb",
        "Copy of 02_backpropagation.ipynb",
        "02_backpropagation-Copy1.ipynb",
        "02_backpropagation-Copy2 (3).ipynb",
        "02_backpropagation-0b5a3a3c-1111-4222-8333-123456789abc.ipynb",
    ],
)
def test_without_setup_cell_the_name_says_which_notebook(classroom, inbox, name):
    zipped(inbox / "week01__jane__20261001T120000Z.zip", {name: notebook(None)})
    [entry] = collect([inbox], classroom).collected
    assert entry.notebook == "02_backpropagation"


def test_the_setup_cell_outranks_the_name(classroom, inbox):
    zipped(inbox / "week01__jane__20261001T120000Z.zip", {"01_stack.ipynb": notebook(BACKPROPAGATION)})
    [entry] = collect([inbox], classroom).collected
    assert entry.notebook == "02_backpropagation"


@pytest.mark.parametrize("place", [None, "week09/09_unknown"])
def test_an_unknown_notebook_is_a_problem(classroom, inbox, place):
    zipped(inbox / "week01__jane__20261001T120000Z.zip", {"homework.ipynb": notebook(place)})
    problem = only_problem(collect([inbox], classroom))
    assert "no notebook of this classroom" in problem.reason and "02_backpropagation" in problem.reason


def test_a_missing_path_is_a_mistake_of_the_user(classroom, inbox):
    with pytest.raises(CourseError, match="absent.zip does not exist"):
        collect([inbox / "absent.zip"], classroom)


def test_what_systems_leave_behind_is_passed_over(classroom, inbox):
    zipped(
        inbox / "week01__jane__20261001T120000Z.zip",
        {
            "02_backpropagation.ipynb": notebook(),
            "__MACOSX/._02_backpropagation.ipynb": b"x",
            ".ipynb_checkpoints/02_backpropagation-checkpoint.ipynb": notebook(answer="old"),
            ".DS_Store": b"x",
        },
    )
    (inbox / ".ipynb_checkpoints").mkdir()
    (inbox / ".ipynb_checkpoints" / "x.ipynb").write_bytes(notebook())
    report = collect([inbox], classroom)
    assert len(report.collected) == 1 and not report.problems


# What cannot be read


def deep(depth):
    return b'{"nbformat": 4, "cells": ' + b"[" * depth + b"]" * depth + b"}"


def with_cell(cell):
    return notebook(cells=[cell])


UNREADABLE = {
    "empty": (b"", "is empty"),
    "blank": (b" \n", "is empty"),
    "no JSON": (b"{'cells': 1}", "is no JSON"),
    "truncated": (notebook()[:-20], "is no JSON"),
    "not UTF-8": (notebook(answer="x").replace(b'"x"', b'"\xe9"'), "is not UTF-8 at byte"),
    "UTF-8 with BOM": (codecs.BOM_UTF8 + notebook(), "byte order mark"),
    "UTF-16": (notebook().decode().encode("utf-16"), "byte order mark"),
    "a list": (b"[]", "is a JSON list"),
    "a number": (b"4", "is a JSON int"),
    "nbformat 3": (notebook(nbformat=3), "has nbformat 3; expected 4"),
    "nbformat 99": (notebook(nbformat=99), "has nbformat 99"),
    "nbformat true": (notebook(nbformat=True), "has nbformat True"),
    "no nbformat": (b'{"cells": []}', "has nbformat None"),
    "odd minor": (notebook(nbformat_minor="5"), "has nbformat_minor '5'"),
    "no cells": (notebook(cells=[]), "has no cells"),
    "cells no list": (notebook(cells={"a": 1}), "has no cells"),
    "cell no object": (with_cell(3), "cell 1 is no cell"),
    "source no text": (with_cell({"cell_type": "code", "source": 3}), "cell 1 is no cell"),
    "metadata no object": (with_cell({"cell_type": "code", "source": "", "metadata": []}), "cell 1 is no cell"),
    "outputs no list": (with_cell({"cell_type": "code", "source": "", "outputs": {}}), "cell 1 is no cell"),
    "too many cells": (notebook(cells=[{"cell_type": "code", "source": ""}] * 5001), "has 5,001 cells"),
    "NaN": (notebook(extra=float("nan")), "holds NaN"),
    "infinity": (notebook(extra=[float("-inf")]), "holds -Infinity"),
    "huge number": (notebook().replace(b'"nbformat_minor": 5', b'"nbformat_minor": 5' + b"0" * 5000), "is no JSON"),
    "deep": (deep(100_000), "nested too deep"),
    "rather deep": (deep(300), "is no cell"),
    "deep metadata": (notebook(extra=json.loads("[" * 300 + "]" * 300)), "nested too deep"),
    "lone surrogate": (notebook(answer="\ud800"), "lone surrogate"),
}


@pytest.mark.parametrize("content, reason", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_notebook_is_kept_with_its_reason_and_the_rest_goes_on(classroom, inbox, content, reason):
    zipped(inbox / "week01__jane__20261001T120000Z.zip", {"02_backpropagation.ipynb": content})
    ours(inbox, "joe")
    report = collect([inbox], classroom)
    assert [entry.student for entry in report.collected] == ["joe"]
    [problem] = report.problems
    assert reason in problem.reason and problem.student == "jane" and problem.assignment == "week01"
    [kept] = (classroom.root / "unreadable").iterdir()
    assert kept.read_bytes() == content
    assert attempts(classroom) == ["joe/week01/20261001T120000Z/02_backpropagation.ipynb"]


@pytest.mark.parametrize("minor", [0, 2, 9])
def test_every_minor_of_nbformat_4_is_collected(classroom, inbox, minor):
    zipped(inbox / "week01__jane__20261001T120000Z.zip", {"x.ipynb": notebook(nbformat_minor=minor)})
    assert len(collect([inbox], classroom).collected) == 1


def test_a_huge_notebook_is_noted_and_never_loaded(classroom, inbox):
    with (inbox / "02_backpropagation.ipynb").open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    problem = only_problem(collect([inbox], classroom))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000 and "200,000,000 bytes; at most 20,000,000" in problem.reason
    [note] = (classroom.root / "unreadable").iterdir()
    assert note.name.endswith(".note.txt") and "200,000,000" in note.read_text()


def test_a_link_in_a_folder_is_not_followed(classroom, inbox, tmp_path):
    (tmp_path / "secret.ipynb").write_bytes(notebook())
    folder = inbox / "week01__jane__20261001T120000Z"
    folder.mkdir()
    (folder / "02_backpropagation.ipynb").symlink_to(tmp_path / "secret.ipynb")
    assert "is a link" in only_problem(collect([inbox], classroom)).reason


def test_other_files_are_problems_and_kept(classroom, inbox):
    zipped(inbox / "week01__jane__20261001T120000Z.zip", {"x.ipynb": notebook(), "report.pdf": b"%PDF"})
    report = collect([inbox], classroom)
    assert len(report.collected) == 1 and "neither a notebook" in report.problems[0].reason
    assert [path.read_bytes() for path in (classroom.root / "unreadable").iterdir()] == [b"%PDF"]


# Hostile zips


def hostile(inbox, name, mode=None, content=None):
    """A zip of jane's with one odd entry beside an honest one."""
    info = zipfile.ZipInfo(name, (2026, 10, 1, 12, 0, 0))
    if mode is not None:
        info.create_system, info.external_attr = 3, mode << 16
    path = inbox / "week01__jane__20261001T120000Z.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, notebook(answer="odd") if content is None else content)
        archive.writestr("01_stack.ipynb", notebook(STACK))
    return path


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("../../02_backpropagation.ipynb", None, "leads out of the folder"),
        ("a/../../02_backpropagation.ipynb", None, "leads out of the folder"),
        ("..\\..\\02_backpropagation.ipynb", None, "leads out of the folder"),
        ("/tmp/02_backpropagation.ipynb", None, "absolute path"),
        ("\\\\server\\02_backpropagation.ipynb", None, "absolute path"),
        ("C:\\02_backpropagation.ipynb", None, "absolute path"),
        ("x" * 300 + ".ipynb", None, "longer than 255 bytes"),
        ("é" * 130 + ".ipynb", None, "longer than 255 bytes"),
        ("a/" * 600 + "x.ipynb", None, "longer than 255 bytes"),
        ("02_backpropagation.ipynb", stat.S_IFLNK | 0o777, "is a link"),
        ("02_backpropagation.ipynb", stat.S_IFIFO | 0o666, "no ordinary file"),
    ],
)
def test_a_dangerous_entry_is_refused_and_the_rest_collected(classroom, inbox, tmp_path, name, mode, reason):
    outside = {path for path in tmp_path.rglob("*") if classroom.root not in path.parents}
    path = hostile(inbox, name, mode)
    report = collect([path], classroom)
    assert [entry.notebook for entry in report.collected] == ["01_stack"]
    [problem] = report.problems
    assert reason in problem.reason and len(problem.file) < 1000
    assert {path for path in tmp_path.rglob("*") if classroom.root not in path.parents} == outside | {path}
    assert set(submitted(classroom, "jane")) == {"01_stack.ipynb"}


def test_a_nul_in_a_name_is_refused(classroom, inbox):
    path = hostile(inbox, "02_backpropagation.ipynbX.txt")
    path.write_bytes(path.read_bytes().replace(b"ipynbX.txt", b"ipynb\0.txt"))
    report = collect([path], classroom)
    assert len(report.collected) == 1 and "NUL" in report.problems[0].reason and "\0" not in report.problems[0].file


def test_a_name_that_turns_the_text_around_is_shown_escaped(classroom, inbox):
    report = collect([hostile(inbox, "02_\u202egpj.bnypi", content=b"x")], classroom)
    assert "\u202e" not in report.problems[0].file and "\\u202e" in report.problems[0].file


def test_an_encrypted_entry_is_refused(classroom, inbox):
    path = hostile(inbox, "02_backpropagation.ipynb")
    raw = bytearray(path.read_bytes())
    raw[6] |= 1  # the flag of the first local header, and of the first entry in the table of contents
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    report = collect([path], classroom)
    assert len(report.collected) == 1 and "is encrypted; submit it without a password" in report.problems[0].reason


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_python_reads_without_bound_are_refused(classroom, inbox, method):
    with zipfile.ZipFile(inbox / "week01__jane__20261001T120000Z.zip", "w", method) as archive:
        archive.writestr("02_backpropagation.ipynb", notebook())
    assert "is compressed by method" in only_problem(collect([inbox], classroom)).reason


def test_a_bomb_is_refused_unread(classroom, inbox):
    with zipfile.ZipFile(inbox / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(30):
            archive.writestr(f"{number}.ipynb", bytes(1_000_000))
    before = clock.perf_counter()
    problem = only_problem(collect([inbox], classroom))
    assert "zip bomb" in problem.reason and "30,000,000" in problem.reason
    assert clock.perf_counter() - before < 5
    [kept] = (classroom.root / "unreadable").iterdir()
    assert kept.read_bytes() == (inbox / "bomb.zip").read_bytes()


def test_one_student_s_bomb_does_not_spoil_the_download_of_the_class(roster, inbox, tmp_path):
    zipped(
        inbox / "submissions.zip",
        {
            "mullerzoe_777_67891_x.ipynb": (bytes(60_000_000), NOON),
            "leekim_88_67892_x.zip": (zipped(None, {f"{i}.ipynb": bytes(1_000_000) for i in range(30)}), NOON),
            "doejane_12345_67890_x.ipynb": (notebook(), NOON + HOUR),
        },
    )
    report = collect([inbox], roster)
    assert [entry.student for entry in report.collected] == ["jane.doe"]
    assert ["zip bomb" in problem.reason for problem in report.problems] == [True, True]


def lying_about_size(path, size):
    """Let the first entry say that it is `size` bytes long."""
    raw = bytearray(path.read_bytes())
    struct.pack_into("<L", raw, 22, size)
    struct.pack_into("<L", raw, raw.index(b"PK\x01\x02") + 24, size)
    path.write_bytes(raw)


def test_an_entry_that_lies_about_its_size_is_bounded(classroom, inbox):
    noise = os.urandom(1_000_000).hex().encode() * 13  # 26 MB
    path = hostile(inbox, "02_backpropagation.ipynb", content=noise)
    lying_about_size(path, 1000)
    report = collect([path], classroom)
    assert [entry.notebook for entry in report.collected] == ["01_stack"]
    assert "cannot be read from the zip" in report.problems[0].reason
    lying_about_size(path, 4_000_000_000)
    assert any(word in collect([path], classroom).problems[0].reason for word in ["zip bomb", "at most 20,000,000"])


def test_an_entry_larger_than_a_notebook_may_be_is_refused(classroom, inbox):
    path = hostile(inbox, "02_backpropagation.ipynb", content=os.urandom(21_000_000))
    report = collect([path], classroom)
    assert len(report.collected) == 1 and "at most 20,000,000 are read" in report.problems[0].reason


@pytest.mark.parametrize("count", [10_001, 80_000])
def test_too_many_entries_are_refused_quickly(classroom, inbox, monkeypatch, count):
    with zipfile.ZipFile(inbox / "many.zip", "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.ipynb", b"")
    before = clock.perf_counter()
    assert "at most 10,000" in only_problem(collect([inbox], classroom)).reason
    assert clock.perf_counter() - before < 5


def test_a_table_of_contents_that_is_too_long_is_not_read(classroom, inbox, monkeypatch):
    with zipfile.ZipFile(inbox / "many.zip", "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}-{'x' * 200}.ipynb", b"")
    monkeypatch.setattr(archives, "LARGEST_DIRECTORY", 4000)
    monkeypatch.setattr(zipfile, "ZipFile", lambda stream: pytest.fail("read"))
    assert "too many files" in only_problem(collect([inbox], classroom)).reason


def test_zips_are_opened_one_level_deep(classroom, inbox, tmp_path):
    inner = zipped(None, {"02_backpropagation.ipynb": notebook()})
    twice = zipped(None, {"inner.zip": inner, "01_stack.ipynb": notebook(STACK)})
    zipped(inbox / "all.zip", {"week01__jane__20261001T120000Z.zip": twice})
    report = collect([inbox], classroom)
    assert [entry.notebook for entry in report.collected] == ["01_stack"]
    assert "a zip in a zip in a zip" in report.problems[0].reason


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"PK\x05\x06" + bytes(18), notebook()])
def test_what_is_no_zip_is_kept_with_a_reason(classroom, inbox, content):
    (inbox / "week01__jane__20261001T120000Z.zip").write_bytes(content)
    assert only_problem(collect([inbox], classroom)).reason
    assert [path.read_bytes() for path in (classroom.root / "unreadable").iterdir()] == [content]


def test_a_zip_with_any_byte_broken_stops_nothing(classroom, inbox):
    """Each byte in turn of a small zip set to 255: collected or told, never an exception."""
    whole = ours(inbox, "jane").read_bytes()
    path = inbox / "week01__jane__20261001T120000Z.zip"
    roster = Roster.of(classroom)
    for position in range(0, len(whole), 3):
        path.write_bytes(whole[:position] + b"\xff" + whole[position + 1 :])
        for found in find(path):
            try:
                file_attempt(found, classroom, roster, {BACKPROPAGATION})
            except Unreadable as problem:
                assert str(problem)


def test_unreadable_files_are_kept_once_under_harmless_names(classroom, inbox):
    path = hostile(inbox, "..secret$(rm -rf).txt", content=b"x")
    for _ in range(2):
        collect([path], classroom)
    [kept] = (classroom.root / "unreadable").iterdir()
    assert "$" not in kept.name and kept.read_bytes() == b"x"
