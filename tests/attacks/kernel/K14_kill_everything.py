# attack: kills all that it may signal, itself too
# verdict: kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import os
import signal

try:
    os.kill(-1, signal.SIGKILL)
except ProcessLookupError:
    pass  # there is nobody else
os.kill(os.getpid(), signal.SIGKILL)
