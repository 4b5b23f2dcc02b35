# attack: writes more than it may, wherever it may write anything
# verdict: disk
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: written at most 32 MiB
# %% after="double"
import os

places = {name for name, folders, files in os.walk("/", onerror=None) if not name.startswith(("/proc", "/usr", "/sys"))}
written, problem = {}, None
for place in sorted(places):
    try:
        with open(f"{place}/attack-was-here", "wb") as file:
            written[place] = 0
            for _ in range(48):
                file.write(bytes(2**20))
                file.flush()
                written[place] += 2**20
    except OSError as error:
        problem = error if error.errno in (27, 28) else problem
roots = sorted({"/".join(place.split("/")[:3]) for place in written})
print(roots)
print("written at most 32 MiB" if max(written.values()) <= 2**25 else written)
assert all(root.startswith(("/tmp", "/dev/shm", "/home/student", "/dev/mqueue")) or root == "/dev" for root in roots), roots
raise problem
