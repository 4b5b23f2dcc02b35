# attack: a string of ten million characters as a value
# verdict: output
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
from dlcourse import session


def double(x):
    return "2" * (10_000_000 if session.sending() else 10)
