# attack: leaves the file system by chroot, by /proc/1/root, by .. and by open descriptors
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: nowhere
# %% after="double"
import ctypes
import os

left = []
os.makedirs("/tmp/attack-was-here", exist_ok=True)
for place in ("/tmp/attack-was-here", "/proc/1/root", "."):
    try:
        os.chroot(place)
        left.append(f"chroot {place}")
    except OSError:
        pass
up = "/".join([".."] * 40)
if os.path.exists(f"{up}/etc/hostname") or os.path.exists("/proc/1/root/etc/hostname"):
    left.append("..")
for number in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink(f"/proc/self/fd/{number}")
        if target.startswith("/") and not target.startswith(("/dev/null", "/proc", "/tmp", "/home/student", "/memfd", "/dev/pts", "/usr")):
            if "site-packages" not in target and "/lib/" not in target:
                left.append(f"{number} -> {target}")
        if os.path.isdir(f"/proc/self/fd/{number}") and os.path.exists(f"/proc/self/fd/{number}/../../../../etc/hostname"):
            left.append(f"descriptor {number}")
    except OSError:
        pass
libc = ctypes.CDLL(None)
if libc.syscall(304, -100, None, 0) >= 0:  # open_by_handle_at
    left.append("handle")
print(left or "nowhere")
