# attack: many cells, each just within its time, until the notebook's is over
# verdict: timed out
# marks: double_two=0 double_negative=0 noise_bounds=0
# limits: cell=3 notebook=6
# says: time was up
# %%
import time

time.sleep(2.5)
# %%
time.sleep(2.5)
# %%
time.sleep(2.5)
# %%
time.sleep(2.5)
