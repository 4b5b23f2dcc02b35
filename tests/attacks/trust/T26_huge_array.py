# attack: an array of thirty million bytes as a value
# verdict: output | memory
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
from dlcourse import session


def double(x):
    return np.zeros(4_000_000 if session.sending() else 1)
