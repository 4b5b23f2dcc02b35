# attack: none: an honest answer that prints, warns, logs and writes to the error stream while it is checked
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% exercise="double"
import logging
import os
import sys
import warnings


def double(x):
    print("doubling", x)
    print("doubling", x, file=sys.stderr)
    warnings.warn("this doubles")
    logging.getLogger("double").warning("this doubles")
    os.write(2, b"W0000 this doubles\n")
    return x + x
