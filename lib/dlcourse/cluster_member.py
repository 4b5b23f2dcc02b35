"""Runs one member of a cluster: `python cluster_member.py SECONDS SCRIPT ARGUMENT...`, started by dlcourse.cluster.

It ends when its standard input closes, which is when the process that started it has gone, and when its time is over.
"""

import os
import runpy
import signal
import sys
import threading
from pathlib import Path


def end_with_the_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> None:
    seconds, script, *arguments = sys.argv[1:]
    signal.setitimer(signal.ITIMER_REAL, float(seconds))  # SIGALRM ends the process, whatever Python is doing
    threading.Thread(target=end_with_the_input, daemon=True).start()
    sys.path[0] = str(Path(script).parent)
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
