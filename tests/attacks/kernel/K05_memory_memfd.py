# attack: files in memory that have no name, more than a submission's memory
# verdict: memory
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: memory=700 scratch=64
# never: all of it written
# %% after="double"
import os
import time

kept = []
for number in range(20):
    kept.append(os.memfd_create(f"attack-was-here-{number}"))
    for _ in range(50):
        os.write(kept[-1], bytes([1]) * 2**20)
time.sleep(2)
print("all of", "it written")
