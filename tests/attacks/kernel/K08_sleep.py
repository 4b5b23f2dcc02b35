# attack: a cell sleeps for an hour
# verdict: timed out
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: cell=2 notebook=30
# says: CellTimeout
# %% after="double"
import time

time.sleep(3600)
