# attack: shows JSON of very many empty things, which take much more memory than text
# verdict: output | rejected | graded
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


content = b'{"data": {"application/json": [' + b'{"":0},' * 450_000 + b'0]}, "metadata": {}, "transient": {}}'
send("display_data", content)
