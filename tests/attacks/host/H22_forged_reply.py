# attack: answers the grader's request itself, with success, before the cell fails
# verdict: graded
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


import json

parent = kernel.get_parent()
stream = kernel.shell_stream if hasattr(kernel, "shell_stream") else None
for kind, content in (("execute_reply", {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}),):
    session.send(kernel.iopub_socket, kind, content=content, parent=parent)
    if stream is not None:
        session.send(stream, kind, content=content, parent=parent, ident=kernel._parent_ident.get("shell") if isinstance(kernel._parent_ident, dict) else None)
send("status", json.dumps({"execution_state": "idle"}).encode())
raise RuntimeError("after the forged reply")
