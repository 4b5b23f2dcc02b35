# attack: a check cell's code stands behind the name of a check that failed
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# never: rng().uniform
# %% exercise="double"
from dlcourse import session
from dlcourse.checking import CheckFailed


def double(x):
    if session.sending():
        code = get_ipython().kernel.get_parent("shell")["content"]["code"]
        raise CheckFailed(f"twice any: got {code}")
    return x * x + 0.5
