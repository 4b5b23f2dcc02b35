# attack: arrays of objects, structures and dates as values
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
def double(x):
    if x > 0:
        return np.array([{"twice": 2 * x}, lambda: 2 * x, None], dtype=object)
    return np.array([(2.0, 3)], dtype=[("real", "f8"), ("whole", "i4")])
