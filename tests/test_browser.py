"""What a student and an instructor see, in a real browser: JupyterLab with a notebook, and nbgrader's formgrader.

Screenshots are left under build/screenshots/.
"""

import json
import os
import re
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
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from autograder.build import solved_notebook
from autograder.course import Course
from autograder.grade import grade
from autograder.roster import update_roster
from autograder.sample_class import MARKER, leave_blank, material, solve

pytestmark = pytest.mark.slow
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1500,1000", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
SETTINGS = {
    # Cells that are scrolled out of sight stay on the page.
    "notebook-extension/tracker": {"windowingMode": "none"},
    # No question about news, which would lie over the notebook.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
SECONDS = 120  # to wait for anything: importing TensorFlow can take half a minute on a busy machine


@pytest.fixture
def browser(tmp_path: Path):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@contextmanager
def jupyter(folder: Path, *arguments: str):
    """JupyterLab serving `folder` without a token, apart from the user's own settings; yields its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=", *arguments,
    ]  # fmt: skip
    home = folder.parent / "jupyter"
    write_settings(home)
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment(home), stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_port(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(server)


def environment(home: Path) -> dict[str, str]:
    """Environment variables under which Jupyter and IPython keep all their files in one folder."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(home),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "IPYTHONDIR": str(home / "ipython"),
    }


def write_settings(home: Path) -> None:
    for plugin, settings in SETTINGS.items():
        path = home / "lab" / "user-settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for_port(port: int, server: subprocess.Popen) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, "JupyterLab ended before it answered"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"JupyterLab does not answer on port {port}")


def stop(server: subprocess.Popen) -> None:
    """End the server, which ends its kernels; a kernel whose server was killed ends by itself."""
    server.terminate()
    try:
        server.wait(timeout=60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def screenshot(browser, course: Course, name: str) -> None:
    folder = course.build / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(folder / f"{name}.png"))


def wait(browser, condition, what: str, seconds: float = SECONDS):
    """What the condition gives, once that is something."""
    patience = WebDriverWait(browser, seconds, ignored_exceptions=[StaleElementReferenceException])
    return patience.until(condition, f"waited for {what}")


def cell(browser, place: int):
    """The cell at a place in the notebook."""
    return wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-Cell")[place:], "a cell")[0]


def select(browser, place: int) -> None:
    """Click to the left of a cell, so that keys are commands to this cell."""
    chosen = cell(browser, place)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chosen)
    chosen.find_element(By.CSS_SELECTOR, ".jp-InputPrompt").click()
    wait(browser, lambda b: "jp-mod-active" in cell(b, place).get_attribute("class"), "the cell to be selected")
    wait(browser, lambda b: not b.find_elements(By.CSS_SELECTOR, ".jp-Notebook.jp-mod-editMode"), "command mode")


def press(browser, *keys: str) -> None:
    browser.switch_to.active_element.send_keys(*keys)


def run_cell(browser, place: int) -> str:
    """Run a cell; return what it shows when it has run."""
    before = prompt(browser, place)
    wait(browser, lambda b: starts(b, place, before), "a cell to start")
    wait(browser, lambda b: re.fullmatch(r"\[\d+\]:", prompt(b, place)), "a cell to end")
    wait(browser, is_idle, "an idle kernel")
    return output(browser, place)


def output(browser, place: int) -> str:
    shown = cell(browser, place).find_elements(By.CSS_SELECTOR, ".jp-OutputArea-output")
    return "\n".join(part.get_attribute("textContent") for part in shown)


def starts(browser, place: int, before: str) -> bool:
    """Tell JupyterLab to run a cell. False: it did not take the keys, as may happen while it is still starting."""
    select(browser, place)
    press(browser, Keys.CONTROL, Keys.ENTER)
    try:
        return wait(browser, lambda b: prompt(b, place) != before, "another prompt", seconds=10)
    except TimeoutException:
        return False


def prompt(browser, place: int) -> str:
    return cell(browser, place).find_element(By.CSS_SELECTOR, ".jp-InputPrompt").get_attribute("textContent").strip()


def is_idle(browser) -> bool:
    """Whether both places that tell the kernel's state, the toolbar and the status bar, say that it is idle."""
    toolbar = browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator[data-status='idle']")
    return bool(toolbar) and "| Idle" in browser.find_element(By.ID, "jp-main-statusbar").get_attribute("textContent")


def paste_into(browser, place: int, source: str) -> None:
    """Replace the source of a cell by what the clipboard holds."""
    copy(browser, source)
    select(browser, place)
    press(browser, Keys.ENTER)
    wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, ".jp-Notebook.jp-mod-editMode"), "edit mode")
    press(browser, Keys.CONTROL, "a")
    press(browser, Keys.CONTROL, "v")
    wait(browser, lambda b: shown_source(b, place) == source, "the pasted source")


def copy(browser, text: str) -> None:
    browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardSanitizedWrite"]})
    browser.execute_async_script("navigator.clipboard.writeText(arguments[0]).then(arguments[1], arguments[1])", text)


def shown_source(browser, place: int) -> str:
    lines = cell(browser, place).find_elements(By.CSS_SELECTOR, ".cm-line")
    return "\n".join(line.get_attribute("textContent") for line in lines)


def test_student_runs_the_setup_cell_and_sees_an_answered_check_pass(course: Course, browser, tmp_path: Path):
    notebook = course.select("week01")[0]
    short = shortened(nbformat.read(course.notebooks / notebook.folder / f"{notebook.name}.ipynb", as_version=4))
    exercise, check = len(short.cells) - 2, len(short.cells) - 1
    folder = tmp_path / "week01"
    folder.mkdir()
    nbformat.write(short, folder / "exercise.ipynb")
    with jupyter(folder) as address:
        browser.get(f"{address}/lab/tree/exercise.ipynb")
        wait(browser, is_idle, "an idle kernel")
        assert "TensorFlow" in run_cell(browser, 1)
        for place in range(2, check):
            assert "Error" not in run_cell(browser, place)
        assert "NotImplementedError" in run_cell(browser, check)
        paste_into(browser, exercise, answer(course, notebook, short.cells[exercise].metadata["nbgrader"]["grade_id"]))
        assert "Error" not in run_cell(browser, exercise)
        run_cell(browser, check)
        wait(browser, lambda b: "✓" in output(b, check), "a passed check")
        screenshot(browser, course, "student")
        assert "Error" not in output(browser, check) and "Check failed" not in output(browser, check)


def shortened(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook's header, the code before the first exercise, the exercise, and its first check."""
    cells = notebook.cells
    code = [place for place, cell in enumerate(cells) if cell.cell_type == "code"]
    exercise = next(place for place in code if cells[place].metadata.get("nbgrader", {}).get("solution"))
    check = next(place for place in code if place > exercise and cells[place].metadata.get("nbgrader", {}).get("grade"))
    before = [place for place in code if place < exercise and "demo" not in cells[place].metadata.get("tags", [])]
    notebook.cells = [cells[place] for place in [0, *before, exercise, check]]
    return notebook


def answer(course: Course, notebook, exercise: str) -> str:
    cells = solved_notebook(notebook, course).cells
    solved = next(c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == exercise)
    return MARKER.sub("", solved).strip()


def test_instructor_sees_the_graded_class_in_the_formgrader(tiny_course, tiny_classroom, browser, course: Course):
    roster = tiny_course.root / "students.csv"
    roster.write_text("id,name,email\nada,Ada Abel,ada@example.org\ngoran,Goran Gajić,goran@example.org\n")
    update_roster(roster, tiny_classroom)
    given = material(tiny_course, tiny_classroom, tiny_course.select()[0])
    for student, make in [("ada", solve), ("goran", leave_blank)]:
        folder = tiny_classroom.submitted / student / "week01"
        folder.mkdir(parents=True)
        nbformat.write(make(given), folder / "01_doubling.ipynb")
    grade(tiny_classroom, "week01")
    with jupyter(tiny_classroom.root, "--config=nbgrader_config.py") as address:
        browser.get(f"{address}/formgrader")
        follow(browser, By.CSS_SELECTOR, ".num-submissions a")
        rows = wait(browser, rows_of_students, "the class")
        screenshot(browser, course, "formgrader")
        assert "Abel, Ada" in rows[0] and "5 / 8" in rows[0] and "needs manual grading" in rows[0]
        assert "Gajić, Goran" in rows[1] and "0 / 8" in rows[1]
        follow(browser, By.LINK_TEXT, "Abel, Ada")
        follow(browser, By.LINK_TEXT, "01_doubling")
        wait(browser, lambda b: score(b, "double_negative") == "2", "the score of a check")
        screenshot(browser, course, "formgrader_submission")
        assert "Because it doubles" in browser.find_element(By.TAG_NAME, "body").text


def follow(browser, *link: str) -> None:
    """Click on a link, once it is there: the formgrader's tables are filled after the page is loaded."""
    wait(browser, lambda b: [found.click() for found in b.find_elements(*link)[:1]], f"the link {link[1]}")


def rows_of_students(browser) -> list[str]:
    return [row.text for row in browser.find_elements(By.XPATH, "//tr[td[contains(@class, 'student-name')]/a]")]


def score(browser, check: str) -> str | None:
    """The points of a check as graded, on the page of a submission; typed points would stand over them."""
    fields = browser.find_elements(By.CSS_SELECTOR, f"input.score[id='{check}']")
    return fields[0].get_attribute("placeholder") if fields else None
