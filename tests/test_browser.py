"""What a student and an instructor see, in a real browser: JupyterLab with a notebook, and nbgrader's formgrader.

Screenshots are left under build/screenshots/.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from autograder.course import Course
from autograder.grade import grade
from autograder.roster import update_roster
from autograder.sample_class import leave_blank, material, solve

pytestmark = pytest.mark.slow
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1300,1000",
]  # fmt: skip


@pytest.fixture
def browser(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@contextmanager
def jupyter(folder: Path, *arguments: str):
    """JupyterLab serving `folder` without a token; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).parent / "jupyter"), "lab", "--no-browser", "--allow-root", f"--port={port}",
        "--ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.password=",
        "--ServerApp.disable_check_xsrf=True", *arguments,
    ]  # fmt: skip
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "JUPYTERLAB_SETTINGS_DIR": str(keep_all_cells_on_the_page(folder)),
    }
    with (folder / "jupyter.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_port(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def keep_all_cells_on_the_page(folder: Path) -> Path:
    """Settings under which JupyterLab does not remove cells that are scrolled out of sight."""
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    return folder / "settings"


def wait_for_port(port: int, server: subprocess.Popen) -> None:
    for _ in range(600):
        assert server.poll() is None, "JupyterLab ended before it answered"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"JupyterLab does not answer on port {port}")


def screenshot(browser, course: Course, name: str) -> None:
    folder = course.build / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(folder / f"{name}.png"))


def wait(browser, seconds, condition):
    return WebDriverWait(browser, seconds, ignored_exceptions=[StaleElementReferenceException]).until(condition)


def cell_with(text: str):
    """The notebook cell whose text holds `text`, once it is shown."""

    def find(browser):
        for cell in browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-Cell"):
            if text in (cell.get_attribute("textContent") or ""):
                return cell
        return None

    return find


def focus(browser, text: str):
    """Click into the editor of the cell that holds the text, and return the editor."""

    def click(browser):
        cell = cell_with(text)(browser)
        editor = cell and cell.find_element(By.CSS_SELECTOR, ".cm-content")
        if editor:
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
            editor.click()
        return editor

    return wait(browser, 60, click)


def run_cell(browser, text: str) -> str:
    """Run the cell that holds the text; return what it shows when it has run."""
    before = prompt(browser, text)
    focus(browser, text).send_keys(Keys.CONTROL, Keys.ENTER)
    wait(browser, 120, lambda b: prompt(b, text).strip("[]: ").isdigit() and prompt(b, text) != before)
    return wait(browser, 10, cell_with(text)).find_element(By.CSS_SELECTOR, ".jp-Cell-outputWrapper").text


def prompt(browser, text: str) -> str:
    return wait(browser, 60, lambda b: cell_with(text)(b).find_element(By.CSS_SELECTOR, ".jp-InputPrompt")).text


def test_student_runs_the_setup_cell_and_sees_an_answered_check_pass(course: Course, browser, tmp_path: Path):
    notebook = course.select("week01")[0]
    released = nbformat.read(course.notebooks / notebook.folder / f"{notebook.name}.ipynb", as_version=4)
    exercise = next(
        c for c in released.cells if c.metadata.get("nbgrader", {}).get("solution") and c.cell_type == "code"
    )
    place = released.cells.index(exercise)
    check = next(c for c in released.cells[place:] if c.metadata.get("nbgrader", {}).get("grade"))
    before = [c for c in released.cells[:place] if c.cell_type == "code" and "demo" not in c.metadata.get("tags", [])]
    answered = answer(course, notebook, exercise.metadata["nbgrader"]["grade_id"])
    released.cells = [released.cells[0], *before, exercise, check]
    nbformat.write(released, tmp_path / "exercise.ipynb")
    with jupyter(tmp_path) as address:
        browser.get(f"{address}/lab/tree/exercise.ipynb?reset")
        wait(browser, 120, lambda b: "Idle" in b.page_source)
        assert "TensorFlow" in run_cell(browser, "dlcourse.setup(")
        for cell in before[1:]:
            run_cell(browser, longest_line(cell.source))
        run_cell(browser, longest_line(exercise.source))
        assert "NotImplementedError" in run_cell(browser, longest_line(check.source))
        paste_into(browser, longest_line(exercise.source), answered)
        run_cell(browser, longest_line(answered))
        shown = run_cell(browser, longest_line(check.source))
        screenshot(browser, course, "student")
        assert "Error" not in shown and "Check failed" not in shown


def answer(course: Course, notebook, exercise: str) -> str:
    from autograder.build import solved_notebook
    from autograder.sample_class import MARKER

    cells = solved_notebook(notebook, course).cells
    return MARKER.sub("", next(c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == exercise))


def longest_line(source: str) -> str:
    return max((line.strip() for line in source.splitlines()), key=len)


def paste_into(browser, text: str, source: str) -> None:
    """Replace the source of the cell that holds the text, as pasting does."""
    editor = focus(browser, text)
    editor.send_keys(Keys.CONTROL, "a")
    paste = "const d = new DataTransfer(); d.setData('text/plain', arguments[1]);"
    paste += "arguments[0].dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true, cancelable: true}));"
    browser.execute_script(paste, editor, source)


def test_instructor_sees_the_graded_class_in_the_formgrader(tiny_course, tiny_classroom, browser, course: Course):
    roster = tiny_course.root / "students.csv"
    roster.write_text("id,name,email\nada,Ada Abel,ada@example.org\ngoran,Goran Gajić,goran@example.org\n")
    update_roster(roster, tiny_classroom)
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    for student, make in [("ada", solve), ("goran", leave_blank)]:
        folder = tiny_classroom.submitted / student / "week01"
        folder.mkdir(parents=True)
        nbformat.write(make(given), folder / "01_doubling.ipynb")
    grade(tiny_course, tiny_classroom, "week01")
    with jupyter(tiny_classroom.root, "--config=nbgrader_config.py") as address:
        browser.get(f"{address}/formgrader/manage_submissions/week01")
        rows = [row.text for row in wait(browser, 60, lambda b: b.find_elements(By.CSS_SELECTOR, "tbody tr[id]"))]
        screenshot(browser, course, "formgrader")
        ada = next(row for row in rows if "Abel, Ada" in row)
        assert "5 / 8" in ada and "needs manual grading" in ada
        browser.get(f"{address}/formgrader/gradebook/week01/01_doubling")
        links = wait(browser, 60, lambda b: b.find_elements(By.CSS_SELECTOR, "tbody tr a[href*='submissions']"))
        pages = [link.get_attribute("href") for link in links]
        assert any(shows(browser, page, "Because it doubles") for page in pages)
        screenshot(browser, course, "formgrader_submission")


def shows(browser, page: str, text: str) -> bool:
    """Open one submission's page, and tell whether the text is on it."""
    browser.get(page)
    wait(browser, 60, lambda b: "Doubling" in b.page_source)
    return text in browser.page_source
