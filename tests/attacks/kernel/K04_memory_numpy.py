# attack: arrays of ones until there is no more memory, in the answer itself
# verdict: memory
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
def double(x):
    arrays = [np.ones(2**23) for _ in range(24)]
    return 2 * x + 0 * len(arrays)
