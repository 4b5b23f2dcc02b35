# attack: errors are not shown any more (nbgrader's own test of a cheat)
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
from IPython.core.interactiveshell import InteractiveShell

InteractiveShell.showtraceback = lambda *arguments, **options: None


def double(x):
    return x * x + 0.5
