# attack: a million empty files
# verdict: disk
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: No space left
# limits: cell=15 notebook=60
# %% after="double"
for number in range(1_000_000):
    open(f"/tmp/attack-was-here-{number}", "w").close()
