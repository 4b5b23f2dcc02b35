# attack: an answer that ends its kernel each time: what other answers earn stays
# verdict: kernel died
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import os


def double(x):
    os._exit(0)
