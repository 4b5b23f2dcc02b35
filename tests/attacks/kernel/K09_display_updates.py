# attack: shows a small thing many times under one name, then makes it large: it grows everywhere at once
# verdict: output | rejected
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
from IPython.display import publish_display_data

for _ in range(400):
    publish_display_data({"text/plain": "small"}, transient={"display_id": "one"})
publish_display_data({"text/plain": "X" * 1_000_000}, transient={"display_id": "one"}, update=True)
