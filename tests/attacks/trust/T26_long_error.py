# attack: an error whose message has two hundred thousand characters
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
from dlcourse import session


def double(x):
    raise ValueError("twice any: " * (20_000 if session.sending() else 1))
