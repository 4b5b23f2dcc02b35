# attack: a thread rebinds the course's comparisons again and again
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import threading
import time

import dlcourse.checking


def rebind():
    while True:
        dlcourse.checking.compare = dlcourse.checking.keep_bounds = lambda *arguments, **options: None
        time.sleep(0.001)


threading.Thread(target=rebind, daemon=True).start()


def double(x):
    return x * x + 0.5
