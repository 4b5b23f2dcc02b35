"""The release is nbgrader's, the same bytes each time, and holds neither solutions nor hidden checks."""

import nbformat
import pytest

from autograder.build import build, solved_notebook
from autograder.classroom import Classroom
from autograder.course import Course
from autograder.errors import CourseError


def released(course: Course):
    return nbformat.read(course.notebooks / "week01_networks" / "01_doubling.ipynb", as_version=4)


def edit(course: Course, old: str, new: str) -> None:
    source = course.select()[0].source
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new))


def test_same_source_gives_the_same_bytes(tiny_course, tiny_classroom, tmp_path):
    path = tiny_course.notebooks / "week01_networks" / "01_doubling.ipynb"
    first = path.read_bytes()
    assert build(tiny_course, tiny_classroom) == []
    build(tiny_course, Classroom.create(tmp_path / "another"))
    assert path.read_bytes() == first


def test_release_has_stubs_and_visible_checks_only(tiny_course, tiny_classroom):
    cells = {cell.id: cell for cell in released(tiny_course).cells}
    assert "NotImplementedError" in cells["double"].source and "twice_as_much" not in cells["double"].source
    assert "twice one" in cells["double_two"].source and "twice any" not in cells["double_two"].source
    assert "Because it doubles" not in cells["why"].source
    assert all(cell.metadata["id"] == cell.id for cell in cells.values())
    assert cells["setup"].source.startswith("try:\n    import dlcourse")
    assert not cells["setup"].metadata["editable"] and not cells["double_two"].metadata["editable"]


def test_cells_that_wait_for_an_exercise_say_so_and_may_fail(tiny_course, tiny_classroom):
    cells = released(tiny_course).cells
    waiting = next(cell for cell in cells if "double(21)" in cell.source)
    assert waiting.source.startswith("# Waits for your double.\n")
    may_fail = {cell.id for cell in cells if "raises-exception" in cell.metadata.get("tags", [])}
    assert may_fail == {"double", "double_two", "double_negative", waiting.id, "noise", "noise_bounds"}
    solved = solved_notebook(tiny_course.select()[0], tiny_course)
    assert not [cell for cell in solved.cells if "raises-exception" in cell.metadata.get("tags", [])]


def test_badge_and_installation_appear_with_the_public_address(tiny_course, tiny_classroom):
    assert "colab" not in released(tiny_course).cells[0].source
    settings = tiny_course.root / "pyproject.toml"
    text = settings.read_text()
    settings.write_text(text.replace('public_repository = ""', 'public_repository = "https://github.com/o/c"'))
    again = Course(tiny_course.root)
    build(again, tiny_classroom)
    header, setup = released(again).cells[:2]
    assert "colab.research.google.com/github/o/c/blob/main/notebooks/week01_networks/01_doubling.ipynb" in header.source
    assert '%pip install --quiet "git+https://github.com/o/c.git"' in setup.source
    assert "colab" in (again.notebooks / "README.md").read_text()


def test_pages_show_no_figure_that_was_not_recorded(tiny_course, tiny_classroom):
    page = (tiny_course.notebooks / "README.md").read_text()
    row = next(line for line in page.splitlines() if "01_doubling" in line)
    assert row.count("not recorded") == 2
    assert "minute" not in released(tiny_course).cells[0].source


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# # 1 · Doubling", "# # Doubling", "the first cell begins"),
        ('dlcourse.setup("week01/01_doubling"', 'dlcourse.setup("week01/02_doubling"', "expected one cell that begins"),
        ('"grade_id": "noise"', '"grade_id": "double"', "used twice"),
    ],
)
def test_source_that_breaks_the_form_is_named(tiny_course, tmp_path, old, new, message):
    edit(tiny_course, old, new)
    with pytest.raises(CourseError, match=f"01_doubling.*{message}"):
        build(tiny_course, Classroom.create(tmp_path / "room"))


def test_unknown_week_lists_the_known_ones(tiny_course, tiny_classroom):
    with pytest.raises(CourseError, match="no week 'week07'.*week01"):
        build(tiny_course, tiny_classroom, "week07")
    with pytest.raises(CourseError, match="expected a week such as week01"):
        build(tiny_course, tiny_classroom, "first")


def test_removed_notebook_leaves_the_release(tiny_course, tiny_classroom):
    stale = tiny_course.notebooks / "week01_networks" / "02_gone.ipynb"
    stale.write_text("{}")
    assert stale in build(tiny_course, tiny_classroom)
    assert not stale.exists()


def test_folder_that_is_no_classroom_is_refused(tmp_path):
    with pytest.raises(CourseError, match="is no classroom"):
        Classroom.open(tmp_path)
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CourseError, match="not empty"):
        Classroom.create(tmp_path)


def test_address_that_is_no_database_is_refused(tmp_path):
    with pytest.raises(CourseError, match="expected an address such as postgresql"):
        Classroom.create(tmp_path / "room", "gradebook.db")
