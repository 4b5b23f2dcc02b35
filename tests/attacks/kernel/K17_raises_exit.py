# attack: leaves the kernel by every polite way
# verdict: graded | kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import sys

sys.exit(0)
# %% after="noise"
quit()
# %%
from IPython import get_ipython

get_ipython().ask_exit()
