# attack: a check cell's code becomes the name of the error that the student is told of
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# never: 726e6728292e756e69666f726d
# %% exercise="double"
from dlcourse import session


def double(x):
    if session.sending():
        code = get_ipython().kernel.get_parent("shell")["content"]["code"]
        place = code.find("rng")
        raise type("h" + code[place : place + 19].encode().hex(), (Exception,), {})
    return x * x + 0.5
