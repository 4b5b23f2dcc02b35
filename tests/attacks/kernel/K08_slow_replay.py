# attack: a slow cell, then one that ends the kernel: to run again what ran before counts against the time
# verdict: kernel died
# marks: double_two=0 double_negative=0 noise_bounds=0
# limits: cell=5 notebook=8
# %% after="double"
import time

time.sleep(3)
# %% after="noise"
import os

os._exit(1)
# %%
import os

os._exit(1)
