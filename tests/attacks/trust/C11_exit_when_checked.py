# attack: ends the kernel when its value is to be sent
# verdict: kernel died
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import os

from dlcourse import session


def double(x):
    if session.sending():
        os._exit(0)
    return x + x
