# attack: the checks' random inputs are replaced by ones whose answer is known
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
from dlcourse.checking import Checker


class One:
    def uniform(self, *arguments):
        return 1.0


Checker.rng = staticmethod(One)


def double(x):
    return 2.0 if x > 0 else -2.0

# %% exercise="noise"
def noise():
    return 0.5
