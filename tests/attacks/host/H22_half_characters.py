# attack: prints halves of characters, which no file can hold
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


send("stream", b'{"name": "stdout", "text": "\\ud800 half"}')
send("display_data", b'{"data": {"text/plain": "\\udfff", "text/\\ud800": "x", "application/json": {"\\ud800": "\\ud800"}}, "metadata": {"\\ud800": 1}}')
send("error", b'{"ename": "\\ud800", "evalue": "\\ud801", "traceback": ["\\ud802"]}')
