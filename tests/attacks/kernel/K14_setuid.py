# attack: becomes somebody else, by system calls and by programs that are allowed to
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: nobody else
# %% after="double"
import ctypes
import os
import subprocess

became = []
for who in (0, 1, 1000, 65534):
    for call in (os.setuid, os.setgid, os.seteuid, lambda number: os.setgroups([number]), lambda n: os.setresuid(n, n, n)):
        try:
            call(who)
            became.append(who)
        except OSError:
            pass
for command in (["su", "-c", "id"], ["sudo", "-n", "id"], ["newgrp"], ["passwd", "-S"], ["chsh"], ["mount"], ["setpriv", "--reuid=0", "id", "-u"]):
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=3)
        if "uid=0" in done.stdout or done.stdout.strip() == "0":
            became.append(command[0])
    except (OSError, subprocess.TimeoutExpired):
        pass
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
if any(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")) or status["NoNewPrivs"].strip() != "1":
    became.append("capable")
if 0 in (os.getuid(), os.geteuid(), os.getgid()) or any(group in (0, 4, 27, 42) for group in os.getgroups()):
    became.append("privileged")
print(became or "nobody else")
