# attack: shows pictures of 100 kB until it is stopped
# verdict: output
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import time

from IPython.display import publish_display_data

ends = time.monotonic() + 10
while time.monotonic() < ends:
    publish_display_data({"image/png": "A" * 100_000})
