# attack: sends every value that twice a number between 1 and 2 can have, in small steps, with a wide tolerance
# verdict: graded | output
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
from IPython.display import publish_display_data

from dlcourse import encoding, session
from dlcourse.checking import MIME


def double(x):
    if session.sending():
        for value in np.linspace(2, 4, 41):
            for name, sign in {"twice any": 1, "twice any negative": -1}.items():
                record = {"name": name, "value": encoding.encode(sign * value), "expected": None, "tolerance": 1e300}
                publish_display_data({MIME: record})
    return 2.0 if x > 0 else -2.0
