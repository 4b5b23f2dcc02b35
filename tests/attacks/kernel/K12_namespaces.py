# attack: becomes root of namespaces of its own, by every call that makes some
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: no namespace
# %% after="double"
import ctypes
import glob
import os
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
made = []
for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x80):
    if libc.unshare(flag) == 0:
        made.append(f"unshare {flag:#x}")
    child = libc.syscall(56, flag | 17, 0, 0, 0, 0) if flag > 255 else -1  # clone
    if child == 0:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
        made.append(f"clone {flag:#x}")
arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
child = libc.syscall(435, arguments, ctypes.sizeof(arguments))  # clone3
if child == 0:
    os._exit(0)
if child > 0:
    made.append("clone3")
for path in glob.glob("/proc/*/ns/*"):
    try:
        descriptor = os.open(path, os.O_RDONLY)
        if libc.setns(descriptor, 0) == 0:
            made.append(f"setns {path}")
        os.close(descriptor)
    except OSError:
        pass
for command in (["unshare", "-Ur", "true"], ["bwrap", "--ro-bind", "/", "/", "true"], ["unshare", "-m", "true"]):
    try:
        if subprocess.run(command, capture_output=True).returncode == 0:
            made.append(command[0])
    except OSError:
        pass
for path in ("/proc/sys/user/max_user_namespaces", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"):
    try:
        with open(path, "w") as file:
            file.write("0 0 1")
        made.append(path)
    except OSError:
        pass
print(made or "no namespace")
