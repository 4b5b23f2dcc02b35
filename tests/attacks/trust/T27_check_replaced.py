# attack: `check` does nothing any more
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% after="noise"
class Nothing:
    def __call__(self, *arguments, **options):
        """Every check passes."""

    rng = np.random.default_rng


check = Nothing()
