# attack: sends garbage to its own kernel's sockets, as if the grader had
# verdict: graded | kernel died | rejected
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import os
import socket

for name in os.listdir("/run/kernel"):
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(f"/run/kernel/{name}")
            connection.sendall(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f" + os.urandom(4096))
    except OSError:
        pass
