# attack: sends JSON that is deeper than any reader goes
# verdict: graded | rejected
# marks: double_two=1 double_negative=2 noise_bounds=2
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


deep = b"[" * 100_000 + b"]" * 100_000
send("display_data", b'{"data": {"application/json": ' + deep + b'}, "metadata": {}, "transient": {}}')
