# attack: a trace function changes the variables of `check` while it runs
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import ctypes
import sys


def trace(frame, event, argument):
    if frame.f_code.co_name == "__call__" and frame.f_locals.get("expected") is not None:
        frame.f_locals["value"] = frame.f_locals["expected"]
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
    return trace


def double(x):
    sys.settrace(trace)
    sys.setprofile(lambda frame, event, argument: trace(frame, event, argument) and None)
    return x * x + 0.5
