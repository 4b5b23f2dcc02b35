# attack: a thread floods the grader from behind its cell, again in every new kernel
# verdict: output
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% after="double"
import sys
import threading
import time


def flood():
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        sys.stdout.write("x" * 200_000)
        sys.stdout.flush()


threading.Thread(target=flood, daemon=True).start()
# %% after="double"
time.sleep(4)
# %% after="double_two"
time.sleep(4)
# %% after="double_negative"
time.sleep(4)
