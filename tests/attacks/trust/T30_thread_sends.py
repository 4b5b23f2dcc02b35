# attack: a thread sends right names with values of its own while the checks run
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
import threading
import time

from dlcourse import encoding, session
from dlcourse.checking import MIME

NAMES = {"twice one": 2.0, "twice any": 3.0, "twice minus one": -2.0, "twice any negative": -3.0}
kernel = get_ipython().kernel


def send():
    while True:
        if session.sending():
            for name, value in NAMES.items() | {("between 0 and 1", 5.0)}:
                record = {"name": name, "value": encoding.encode(np.float64(value))}
                content = {"data": {MIME: record}, "metadata": {}}
                kernel.session.send(kernel.iopub_socket, "display_data", content, parent=kernel.get_parent("shell"))
        time.sleep(0.001)


threading.Thread(target=send, daemon=True).start()


def double(x):
    time.sleep(0.1)
    return x * x + 0.5

# %% exercise="noise"
def noise():
    time.sleep(0.1)
    return np.random.uniform()
