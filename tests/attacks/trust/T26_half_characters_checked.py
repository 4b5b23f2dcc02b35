# attack: halves of characters in names of checks, in checked strings and in the names and texts of errors
# verdict: graded | rejected
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import json

from IPython.display import publish_display_data

from dlcourse import session
from dlcourse.checking import MIME, CheckFailed

HALF = "\ud800 half"


def double(x):
    if session.sending():
        get_ipython().kernel.session.pack = lambda message: json.dumps(message, default=str).encode()
        publish_display_data({MIME: {"name": "twice one", "value": {"string": HALF}}})
        raise type(HALF, (CheckFailed,), {})(HALF)
    return x * x + 0.5
