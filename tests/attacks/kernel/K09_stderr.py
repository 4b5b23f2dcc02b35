# attack: writes to stderr in large pieces, and to the descriptors below it
# verdict: output
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import os
import sys
import time

ends = time.monotonic() + 10
while time.monotonic() < ends:
    sys.stderr.write("x" * 100_000)
    sys.stderr.flush()
    os.write(1, b"x" * 10_000)
    os.write(2, b"x" * 10_000)
