# attack: two hundred right values for a check that only bounds decide, and a wrong one for the other
# verdict: graded | output
# marks: double_two=1 double_negative=2 noise_bounds=0
# %% exercise="noise"
from IPython.display import publish_display_data

from dlcourse import encoding, session
from dlcourse.checking import MIME

RECORD = {MIME: {"name": "between 0 and 1", "value": encoding.encode(np.float64(0.5))}}


def noise():
    if session.sending():
        for _ in range(200):
            publish_display_data(RECORD)
    return 0.5
