# attack: ends the kernel whenever it is called, so often that the rest is not run
# verdict: kernel died
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import os


def double(x):
    os._exit(0)
