"""Starting ipykernel in a process that was forked from the launcher."""

import json
import os
import random
import shutil
import sys
from pathlib import Path

from inside.confinement import FOLDER

CODE = "/opt/course"  # where this package lies in the sandbox
FONTS = Path("/opt/course/fonts")  # the host's copy of matplotlib's list of fonts, which takes seconds to make
CONNECTION = "/tmp/.kernel.json"


def copy_fonts(home: str) -> None:
    """Put the list of fonts where matplotlib looks for it."""
    if FONTS.is_dir():
        shutil.copytree(FONTS, f"{home}/.cache/matplotlib", dirs_exist_ok=True)


def run(request: dict, warm: bool) -> None:
    """Become the kernel that the request describes. Returns when it is shut down."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(FOLDER)
    if not warm:
        copy_fonts(os.environ["HOME"])
    sys.path[:] = [entry for entry in sys.path if entry != CODE]
    packages = [place for place, entry in enumerate(sys.path) if entry.endswith("-packages")]
    sys.path.insert(packages[0] if packages else 0, "")  # modules beside the notebook, where IPython puts them
    sys.argv = ["ipykernel_launcher"]
    Path(CONNECTION).write_text(json.dumps(request["connection"]))
    if warm:
        reseed()
    start(CONNECTION)


def reseed() -> None:
    """Generators whose state was copied from the parent start as they do in a new process."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def start(connection_file: str) -> None:
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.hist_file = ":memory:"
    settings.IPKernelApp.quiet = True
    application = IPKernelApp.instance(config=settings)
    application.initialize(["-f", connection_file])
    application.start()
