# attack: sends messages whose every part is of another type than it should be
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


for content in (b'{"name": [], "text": {"a": 1}}', b'{"name": {"a": [1]}, "text": null}', b"{}"):
    send("stream", content)
for content in (
    b'{"data": [], "metadata": 3, "transient": []}', b'{"data": {"text/html": ["<b>", 3]}, "metadata": {"text/html": []}}',
    b'{"data": {"image/png": {"a": 1}, "text/plain": null, "": true}, "transient": {"display_id": ["x"]}}',
    b'{"data": {"text/plain": NaN, "image/png": 1e999, "image/jpeg": -Infinity, "application/json": NaN}}',
    b'{"execution_count": "many", "data": {"text/plain": "1.0"}}', b'{"execution_count": 1e308, "data": {}}',
    b'{"execution_count": true, "data": {"image/svg+xml": 5, "text/markdown": [], "text/latex": {}}}',
):
    for kind in ("display_data", "execute_result", "update_display_data"):
        send(kind, content)
for content in (b'{"ename": 1, "evalue": [], "traceback": "text"}', b'{"traceback": [1, [], null]}', b"{}"):
    send("error", content)
send("clear_output", b'{"wait": "no"}')
send("status", b'{"execution_state": ["idle"]}')
send("", b"{}")
send("comm_open", b'{"comm_id": 3, "target_name": [], "data": 5}')
send("execute_input", b'{"code": 5}')
send("shutdown_reply", b'{"restart": false}')
print("all of them sent")
