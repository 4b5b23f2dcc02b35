# attack: sends NaN and infinity in every form as the value of a check
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% after="double"
from IPython import get_ipython

kernel = get_ipython().kernel
session = kernel.session


def send(kind, content, parent=None, header=None):
    """Frames as the kernel sends them, with the content as it stands."""
    header = session.msg_header(kind) if header is None else header
    parts = [session.pack(header), session.pack(parent or kernel.get_parent()["header"]), b"{}", content]
    frames = [b"stream", b"<IDS|MSG>", session.sign(parts), *parts]
    kernel.iopub_socket.send_multipart(frames)


import json

for value in (float("nan"), float("inf"), {"npy": ""}, {"string": "nan"}, None, [], {"npy": [1]}, {"npy": "!!!"}):
    content = {"data": {"application/vnd.dlcourse.check+json": {"name": "twice any", "value": value}}, "metadata": {}}
    send("display_data", json.dumps(content).encode())
# %% exercise="double"
def double(x):
    return float("nan")
