# attack: looks for sockets of others, those with names in the kernel's table and those with paths
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: nothing reached
# %% after="double"
import os
import socket
import stat
from pathlib import Path

own = "/run/kernel/"
reached = []
for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
    name = line.split(maxsplit=7)[7] if len(line.split(maxsplit=7)) == 8 else ""
    if name and not name.startswith(own):
        reached.append(name)
for folder, _, names in os.walk("/"):
    if folder.startswith(("/proc", "/usr")):
        continue
    for name in names:
        path = f"{folder}/{name}"
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode) and not path.startswith(own):
                reached.append(path)
        except OSError:
            pass
for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "\0/tmp/.X11-unix/X0"):
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
        reached.append(path)
    except OSError:
        pass
print(reached or "nothing reached")
