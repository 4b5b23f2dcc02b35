# attack: a cell computes without a look at signals
# verdict: timed out
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: cell=1 notebook=30
# %% after="double"
sum(range(10**11))
