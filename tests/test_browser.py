"""What a student and an instructor see, in a real browser: JupyterLab with a notebook, and nbgrader's formgrader.

Screenshots are left under build/screenshots/.
"""

import json
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
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from autograder.course import Course
from autograder.grade import grade
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
        "--ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True", *arguments,
    ]  # fmt: skip
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with (folder / "jupyter.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_port(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


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
    return WebDriverWait(browser, seconds).until(condition)


def cell_with(text: str):
    """The notebook cell whose editor holds the text, once it is shown."""

    def find(browser):
        for cell in browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook-cell"):
            if text in (cell.get_attribute("textContent") or ""):
                return cell
        return None

    return find


def run_cell(browser, text: str):
    """Select the cell that holds the text, run it, and return it when it has run."""
    cell = wait(browser, 60, cell_with(text))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
    cell.find_element(By.CSS_SELECTOR, ".cm-content").click()
    cell.find_element(By.CSS_SELECTOR, ".cm-content").send_keys(Keys.CONTROL, Keys.ENTER)

    def has_run(_):
        prompt = cell.find_element(By.CSS_SELECTOR, ".jp-InputPrompt").text
        return prompt.strip("[]: ").isdigit()

    wait(browser, 120, has_run)
    return cell


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
        setup = run_cell(browser, "dlcourse.setup(")
        assert "TensorFlow" in setup.find_element(By.CSS_SELECTOR, ".jp-OutputArea").text
        for cell in before[1:]:
            run_cell(browser, longest_line(cell.source))
        failing = run_cell(browser, longest_line(check.source))
        assert "NotImplementedError" in failing.text
        type_into(browser, cell_with(exercise.source.splitlines()[0]), answered)
        run_cell(browser, exercise.source.splitlines()[0])
        passing = run_cell(browser, longest_line(check.source))
        screenshot(browser, course, "student")
        assert "Error" not in passing.text and "Check failed" not in passing.text


def answer(course: Course, notebook, exercise: str) -> str:
    from autograder.build import solved_notebook
    from autograder.sample_class import MARKER

    cells = solved_notebook(notebook, course).cells
    return MARKER.sub("", next(c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == exercise))


def longest_line(source: str) -> str:
    return max((line.strip() for line in source.splitlines()), key=len)


def type_into(browser, find, text: str) -> None:
    """Replace a cell's source as pasting does."""
    editor = wait(browser, 30, find).find_element(By.CSS_SELECTOR, ".cm-content")
    editor.click()
    editor.send_keys(Keys.CONTROL, "a")
    paste = "const d = new DataTransfer(); d.setData('text/plain', arguments[1]);"
    paste += (
        "arguments[0].dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true, cancelable: true}));"
    )
    browser.execute_script(paste, editor, text)


def test_instructor_sees_the_graded_class_in_the_formgrader(tiny_course, tiny_classroom, browser, course: Course):
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    for student, make in [("ada", solve), ("goran", leave_blank)]:
        folder = tiny_classroom.submitted / student / "week01"
        folder.mkdir(parents=True)
        nbformat.write(make(given), folder / "01_doubling.ipynb")
    grade(tiny_course, tiny_classroom, "week01")
    with jupyter(tiny_classroom.root, "--config=nbgrader_config.py") as address:
        browser.get(f"{address}/formgrader/manage_submissions/week01")
        rows = wait(browser, 60, lambda b: [r for r in b.find_elements(By.CSS_SELECTOR, "tbody tr") if "ada" in r.text])
        screenshot(browser, course, "formgrader")
        assert "5 / 8" in rows[0].text.replace("\n", " ")
        browser.get(f"{address}/formgrader/gradebook/week01/01_doubling")
        wait(browser, 60, lambda b: "Submission" in b.page_source and b.find_elements(By.CSS_SELECTOR, "tbody tr a"))
        first = browser.find_elements(By.CSS_SELECTOR, "tbody tr a")[0].get_attribute("href")
        browser.get(first)
        wait(browser, 60, lambda b: "Because it doubles" in b.page_source)
        screenshot(browser, course, "formgrader_submission")
    settings = json.loads((tiny_classroom.reference / "week01" / "graded.json").read_text())
    assert set(settings) == {"ada", "goran"}
