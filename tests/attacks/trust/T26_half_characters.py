# attack: halves of characters, which no file can hold, in outputs and their names
# verdict: graded | rejected
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import json

from IPython.display import publish_display_data

HALF = "\ud800 half"
session, pack = get_ipython().kernel.session, get_ipython().kernel.session.pack
session.pack = lambda message: json.dumps(message, default=str).encode()
print(HALF, flush=True)
publish_display_data({"text/plain": HALF, HALF: HALF, "application/json": {HALF: HALF}})
session.pack = pack
