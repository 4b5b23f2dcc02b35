# attack: a second time: leaves keys, shared memory, queues, locks and files for the next run, and looks for those of the last
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: nothing left from before
# %% after="double"
import ctypes
import fcntl
import glob
import os
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
found = []
description = b"attack-was-here"
if libc.syscall(249, b"user", description, 0, -3) >= 0 or libc.syscall(248, b"user", description, b"x", 1, -4) >= 0:
    found.append("keys")  # request_key, add_key
if libc.syscall(250, 0, -3, 1) >= 0:
    found.append("keyring")
key = 0x0A77AC
for name, arguments in (("shmget", (key, 4096)), ("msgget", (key,)), ("semget", (key, 1))):
    if getattr(libc, name)(*arguments, 0o666) >= 0:
        found.append(name)
    getattr(libc, name)(*arguments, 0o1666)
for pattern in ("/tmp/attack*", "/dev/shm/attack*", "/home/student/attack*", "/dev/mqueue/*", "/run/attack*", "/var/tmp/*"):
    found += glob.glob(pattern)
for folder in ("/tmp", "/dev/shm", "/home/student", "/home/student/.keras", "/home/student/.cache", "/home/student/.config/matplotlib"):
    os.makedirs(folder, exist_ok=True)
    found += [folder] if os.path.exists(f"{folder}/attack-was-here") else []
    Path(folder, "attack-was-here").touch()
for path in ("/usr/bin/env", os.__file__):
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print(found or "nothing left from before")
