# attack: NumPy's generators, functions and writer of arrays are replaced
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
save = np.save
np.random.default_rng = lambda *arguments: np.random.RandomState(0)
np.asarray = np.array = lambda value, *arguments, **options: np.zeros(())
np.save = lambda file, value, **options: save(file, np.float64(2.0), **options)


def double(x):
    return x * x + 0.5
