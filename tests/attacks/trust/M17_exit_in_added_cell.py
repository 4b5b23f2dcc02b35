# attack: ends the kernel in a cell between answer and check
# verdict: kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import os

os._exit(1)
