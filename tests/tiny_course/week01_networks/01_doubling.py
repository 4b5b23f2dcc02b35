# %% [markdown]
# # 1 · Doubling
#
# A notebook for the grader's own tests.

# %%
dlcourse.setup("week01/01_doubling", seed=1)

import numpy as np
from dlcourse import check, claim

# %% [markdown] topic="sgd-loop"
# ## Doubling
#
# ### Exercise 1 (3 points): twice a number

# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(x: float) -> float:
    """Twice x."""
    ### BEGIN SOLUTION
    twice_as_much = x + x
    return twice_as_much
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "double_two", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("twice one", double(1.0), expected=2.0)
### BEGIN HIDDEN TESTS
check("twice any", double(check.rng().uniform(1, 2)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "double_negative", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("twice minus one", double(-1.0), expected=-2.0)
### BEGIN HIDDEN TESTS
check("twice any negative", double(-check.rng().uniform(1, 2)))
### END HIDDEN TESTS

# %% waits=["double"]
print(double(21))

# %% [markdown]
# ### Exercise 2 (2 points): a random number

# %% nbgrader={"grade": false, "grade_id": "noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def noise() -> float:
    """A draw of NumPy's global generator."""
    ### BEGIN SOLUTION
    return np.random.uniform()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "noise_bounds", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("between 0 and 1", noise(), at_least=0, at_most=1)
### BEGIN HIDDEN TESTS
check("the same draw for the same seed", noise() + 0 * check.rng().uniform())
### END HIDDEN TESTS

# %% tags=["demo"]
claim("sgd-loop", measured={"twice three": double(3)}, holds=double(3) == 6, because="it doubles")

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Because it doubles.
# ### END SOLUTION

# %%
dlcourse.submit()
