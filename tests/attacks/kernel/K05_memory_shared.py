# attack: shared anonymous memory, which RLIMIT_DATA does not see
# verdict: memory
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: memory=700
# isolation: warm | fresh
# never: all of it taken
# %% after="double"
import mmap
import time

kept = mmap.mmap(-1, 1000 * 2**20)
for start in range(0, len(kept), 2**20):
    kept[start : start + 2**20] = bytes([1]) * 2**20
time.sleep(2)
print("all of", "it taken")
