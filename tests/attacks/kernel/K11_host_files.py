# attack: reads what tells of the host, of the course, of other students and of whoever grades
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: nothing read
# never: root:x:
# never: gradebook.db
# %% after="double"
import os
import sys
from pathlib import Path

read = []


def listed(folder):
    """What a folder holds, but for the way to the interpreter."""
    ends = [Path(sys.prefix), Path(sys.base_prefix)]
    way = {place for end in ends for place in [end, *end.parents]}
    return [name for name in os.listdir(folder) if Path(folder, name) not in way]


for place in (
    "/etc/shadow /etc/hostname /etc/hosts /etc/ssh /etc/sudoers /etc/machine-id /etc/resolv.conf /root/.ssh /root/.bashrc "
    "/var/log /var/lib /var/run/secrets /run/secrets /mnt /media /srv /boot /home/student/.ssh /proc/1/environ "
    "/proc/1/root/etc/shadow /proc/1/cwd /proc/kcore /proc/kmsg /proc/kallsyms /proc/sysrq-trigger /sys/fs/cgroup "
    "/sys/kernel /dev/kmsg /dev/mem /dev/sda /dev/vda /dev/fuse /dev/kvm"
).split():
    try:
        path = Path(place)
        content = listed(path) if path.is_dir() else path.read_bytes()[:4096].strip(b"\0")
        if content and not (place == "/proc/kallsyms" and not content.replace(b"0", b"").split()[0].isdigit()):
            read.append(place)
    except OSError:
        pass
users = Path("/etc/passwd").read_text().split()
if len(users) != 1:
    read.append("/etc/passwd")
if set(os.listdir("/home")) != {"student"}:
    read.append("/home")
if os.path.isdir("/root"):
    read += listed("/root")
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if f"{folder}/{name}" not in ("//proc", "//sys") and name != "site-packages"]
    read += [f"{folder}/{name}" for name in [*folders, *names] if name in ("gradebook" + ".db", "submitted", "autograded", "nbgrader_config.py")]
print(read or "nothing read")
