# attack: forks until it may not, 300 times at most; the children sleep for a minute
# verdict: processes
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: processes=60
# isolation: warm | fresh
# says: stopped before 300
# %% after="double"
import os
import time

count = 0
try:
    for count in range(300):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    print("forked 300 times")
except OSError as error:
    print("stopped before 300" if count < 60 else f"only stopped at {count}")
    raise
