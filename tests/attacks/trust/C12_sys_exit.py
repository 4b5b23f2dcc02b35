# attack: leaves by sys.exit with the status of success
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import sys


def double(x):
    sys.exit(0)
