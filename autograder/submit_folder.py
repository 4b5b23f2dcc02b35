"""`course submit DIR`: one zip of a week's notebooks, as `dlcourse.submit()` writes it for one."""

from datetime import UTC, datetime
from pathlib import Path

from autograder.errors import CourseError
from dlcourse import submission


def submit_folder(folder: Path, student: str) -> Path:
    """Write the zip of all notebooks of one week that lie in the folder, into the folder; return its path.

    Raises:
        CourseError: the folder has no notebooks of the course, several weeks' or one twice, or the id is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder; give the folder that holds one week's notebooks")
    notebooks: dict[str, bytes] = {}
    files: dict[str, Path] = {}
    try:
        submission.check_student(student)
        for path in sorted(folder.glob("*.ipynb")):
            content = path.read_bytes()
            notebook = submission.read(content, str(path))
            name = submission.notebook_id(notebook)
            if name is None:
                continue
            if name in files:
                raise CourseError(f"{files[name]} and {path} are both {name}; move one of them away")
            files[name] = path
            notebooks[name] = submission.mend(notebook, content)[0]
    except ValueError as error:
        raise CourseError(str(error)) from None
    weeks = sorted({name[:6] for name in notebooks})
    if not weeks:
        raise CourseError(
            f"{folder} holds no notebook of the course (*.ipynb with a cell dlcourse.setup(...)); "
            "give the folder that holds one week's notebooks"
        )
    if len(weeks) > 1:
        raise CourseError(f"{folder} holds notebooks of {', '.join(weeks)}; give a folder with those of one week")
    return submission.package(notebooks, student, folder, datetime.now(UTC))
