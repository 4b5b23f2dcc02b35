# attack: infinities, not-a-numbers and numbers too large for a double
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
def double(x):
    return 10**400 if x > 0 else float("nan")

# %% exercise="noise"
def noise():
    return 1e400 - 1e400
