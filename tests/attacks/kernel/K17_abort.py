# attack: its kernel dies in a cell: os.abort()
# verdict: kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: not run: the kernel died
# %% after="double_two"
import ctypes
import os

os.abort()
