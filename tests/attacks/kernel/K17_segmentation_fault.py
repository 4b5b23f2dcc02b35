# attack: its kernel dies in a cell: ctypes.string_at(0)
# verdict: kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: not run: the kernel died
# %% after="double_two"
import ctypes
import os

ctypes.string_at(0)
