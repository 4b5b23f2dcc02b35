# attack: leaves processes in sessions of their own that ignore every signal they can, and write a file for a minute
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# %% after="double"
import os
import signal
import time

for number in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(kind, signal.SIG_IGN)
            for _ in range(600):
                with open(f"/tmp/attack-was-here-{number}", "a") as file:
                    file.write("still here")
                time.sleep(0.1)
        os._exit(0)
