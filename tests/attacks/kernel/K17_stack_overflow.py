# attack: calls itself in C until the stack is full
# verdict: kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import ctypes

kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
again = kind(lambda depth: again(depth + 1))
import sys

sys.setrecursionlimit(10**9)
again(0)
