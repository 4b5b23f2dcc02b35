# attack: one picture of 200 MB
# verdict: output
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: memory=2000
# %% after="double"
from IPython.display import publish_display_data

publish_display_data({"image/png": "A" * 200_000_000})
