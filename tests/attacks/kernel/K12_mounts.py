# attack: makes what is read-only writable, uncovers what is covered, and makes devices
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: nothing changed
# %% after="double"
import ctypes
import os
import stat
import sys
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
changed = []
REMOUNT, BIND = 32, 4096
library = Path(sys.modules["dlcourse"].__file__).parent
for place in ("/", "/usr", "/etc/passwd", "/run/kernel", "/run/course", str(library), "/opt/course/inside", "/proc"):
    if libc.mount(None, place.encode(), None, REMOUNT | BIND, None) == 0:
        changed.append(f"remounted {place}")
    if libc.umount2(place.encode(), 2) == 0:
        changed.append(f"unmounted {place}")
    target = Path(place) / "attack-was-here"
    try:
        target.touch()
        changed.append(f"wrote {target}")
    except OSError:
        pass
for path in (library / "checking.py", Path("/etc/passwd"), Path("/usr/bin/env"), Path(sys.executable)):
    try:
        path.open("r+b").close()
        changed.append(f"opened {path} for writing")
    except OSError:
        pass
    try:
        path.chmod(0o777)
        changed.append(f"changed the mode of {path}")
    except OSError:
        pass
for kind, device in ((stat.S_IFBLK, os.makedev(8, 0)), (stat.S_IFCHR, os.makedev(1, 1))):
    try:
        os.mknod("/tmp/attack-was-here", kind | 0o666, device)
        changed.append("made a device")
    except OSError:
        pass
for call in (b"tmpfs", b"proc", b"overlay", b"cgroup2"):
    if libc.mount(call, b"/tmp", call, 0, None) == 0:
        changed.append(f"mounted {call}")
for number, arguments in ((428, (-100, b"/usr", 1)), (442, (-100, b"/usr", 0, 0, 0)), (430, (b"tmpfs", 0)), (155, (b"/tmp", b"/tmp"))):
    if libc.syscall(number, *arguments) >= 0:
        changed.append(f"call {number}")
print(changed or "nothing changed")
