# attack: looks for other processes, and for the host's files through those it finds
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: only itself
# %% after="double"
import os
from pathlib import Path

seen = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
reached = []
for process in seen:
    if process == os.getpid():
        continue
    for what in ("root", "cwd", "exe", "fd", "mem", "maps"):
        try:
            path = Path(f"/proc/{process}/{what}")
            if what in ("root", "cwd", "exe"):
                reached.append(os.readlink(path))
            elif what == "fd":
                reached += [os.readlink(entry) for entry in path.iterdir()]
            else:
                reached.append(path.open("rb").read(1))
        except OSError:
            pass
print(reached if reached or len(seen) > 2 else "only itself")
