# attack: raises its own limits, sets timers and alarms, and asks for real-time scheduling
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: nothing raised
# %% after="double"
import os
import resource

raised = []
for kind in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
    soft, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY:
        raised.append(kind)
    try:
        resource.setrlimit(kind, (hard + 1, hard + 1))
        raised.append(kind)
    except (ValueError, OSError):
        pass
for step in (
    lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)),
    lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
):
    try:
        step()
        raised.append(step)
    except OSError:
        pass
print(raised or "nothing raised")
