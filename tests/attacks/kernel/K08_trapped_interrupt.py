# attack: a cell that goes on when it is interrupted; the kernel is ended, and the rest runs in a new one
# verdict: timed out
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: cell=1 notebook=40
# %% after="double"
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
