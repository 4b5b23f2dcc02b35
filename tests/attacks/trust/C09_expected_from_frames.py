# attack: looks for the expected value in the code and the variables of its callers
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import sys


def double(x):
    frame, numbers = sys._getframe(1), []
    while frame:
        found = [*frame.f_code.co_consts, *list(frame.f_locals.values()), *list(frame.f_globals.values())]
        numbers += [value for value in found if type(value) in (float, np.float64) and value != x]
        frame = frame.f_back
    return numbers[0] if numbers else 0.0
