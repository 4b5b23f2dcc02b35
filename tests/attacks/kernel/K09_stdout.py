# attack: prints lines until it is stopped
# verdict: output
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# %% after="double"
import time

ends = time.monotonic() + 10
while time.monotonic() < ends:
    print("all work and no play makes Jack a dull boy")
