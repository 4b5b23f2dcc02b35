# attack: a check cell's code is put into what an earlier cell displays
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# never: rng().uniform
# %% exercise="double"
from IPython.display import display, update_display

from dlcourse import session

display("nothing yet", display_id="leak")


def double(x):
    if session.sending():
        code = get_ipython().kernel.get_parent("shell")["content"]["code"]
        update_display({"text/plain": code, "text/html": f"<pre>{code}</pre>"}, display_id="leak", raw=True)
    return x * x + 0.5
