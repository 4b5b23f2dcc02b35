# attack: looks for the launcher's socket, and writes garbage to every socket and descriptor that it finds
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: no launcher
# %% after="double"
import json
import os
import socket
import stat

reached = []
garbage = json.dumps({"name": "../../..", "connection": {}, "limits": {}, "do": "end"}).encode()
own = set()
for line in open("/proc/net/unix").read().splitlines()[1:]:
    own.add(line.split()[6])
for number in range(3, 256):
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            continue
        inode = os.readlink(f"/proc/self/fd/{number}").split("[")[1].rstrip("]")
        with socket.socket(fileno=os.dup(number)) as found:
            kind = found.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
            if found.family == socket.AF_UNIX and kind == socket.SOCK_SEQPACKET:
                found.send(garbage)
                reached.append(number)
    except OSError:
        pass
for path in os.listdir("/run/course"):
    reached.append(path)
for path in os.listdir("/run/kernel"):
    try:
        os.unlink(f"/run/kernel/{path}")
        reached.append(f"unlinked {path}")
    except OSError:
        pass
print(reached or "no launcher")
