# attack: shows the result of a partial credit, and prints a score, behind every cell
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


def boast(*arguments):
    print("### SCORE 100")
    send("execute_result", b'{"data": {"text/plain": "5.0"}, "metadata": {}, "execution_count": 7}')


get_ipython().events.register("post_run_cell", boast)
# %% exercise="double"
def double(x):
    return 0.0
