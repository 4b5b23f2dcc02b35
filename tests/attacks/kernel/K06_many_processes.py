# attack: eight processes that each take a part of the memory that one alone may have
# verdict: memory
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# never: all of it taken
# %% after="double"
import os
import time

for _ in range(8):
    if os.fork() == 0:
        try:
            kept = np.ones(150 * 2**17)
            time.sleep(20)
        finally:
            os._exit(0)
time.sleep(3)
if os.waitpid(-1, os.WNOHANG)[0] == 0:
    print("all of", "it taken")
