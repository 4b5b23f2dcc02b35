# attack: a number whose `__array__` gives another value each time, and whose operators agree with anything
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
class Liar(float):
    calls = 0

    def __array__(self, dtype=None, copy=None):
        Liar.calls += 1
        return np.asarray(2.0 * Liar.calls)

    def __array_ufunc__(self, *arguments, **options):
        return np.True_

    def __bool__(self):
        return True

    @property
    def __class__(self):
        return float


def double(x):
    return Liar(0)
