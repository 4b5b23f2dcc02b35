# %% [markdown]
# # 1 · A light notebook
#
# A notebook whose own work is far shorter than the import of TensorFlow: `make bench` grades a class of it, so that what
# a grader adds to each submission shows.

# %%
dlcourse.setup("week01/01_light", seed=7)

import numpy as np
import tensorflow as tf
from dlcourse import check, claim

# %% [markdown] topic="linear-relu-stack"
# ## One layer
#
# $h = \max(0, x W + b)$ and the mean squared error of what follows from it.

# %%
inputs = tf.random.normal((32, 8))  # (batch, 8)
weights = tf.random.normal((8, 4))  # (8, units)

# %% [markdown]
# ### Exercise 1 (3 points): a layer of rectified linear units


# %% nbgrader={"grade": false, "grade_id": "layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer(inputs: tf.Tensor, weights: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """max(0, inputs @ weights + bias), (batch, units).

    inputs: (batch, features), weights: (features, units), bias: (units,).
    """
    ### BEGIN SOLUTION
    return tf.nn.relu(inputs @ weights + bias)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "layer_by_hand", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(
    "one row, by hand",
    layer(tf.constant([[1.0, 2.0]]), tf.constant([[1.0, -1.0], [1.0, -1.0]]), tf.constant([0.5] * 2)),
    expected=[[3.5, 0.0]],
)
### BEGIN HIDDEN TESTS
check("any row", layer(*(tf.constant(check.rng().normal(size=size)) for size in [(1, 3), (3, 2), (2,)])))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "layer_batch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("shape of a batch", layer(tf.ones((5, 3)), tf.ones((3, 2)), tf.zeros(2)).shape.as_list(), expected=[5, 2])
### BEGIN HIDDEN TESTS
check("any batch", layer(*(tf.constant(check.rng().normal(size=size)) for size in [(6, 3), (3, 4), (4,)])))
### END HIDDEN TESTS

# %% waits=["layer"]
activity = layer(inputs, weights, tf.zeros(4))  # (32, 4)
print(f"active: {float(tf.reduce_mean(tf.cast(activity > 0, tf.float32))):.0%}")

# %% [markdown]
# ### Exercise 2 (2 points): mean squared error


# %% nbgrader={"grade": false, "grade_id": "squared_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def squared_error(predicted: np.ndarray, wanted: np.ndarray) -> float:
    """Mean of the squared differences over all elements of two arrays of the same shape."""
    ### BEGIN SOLUTION
    return float(np.mean((predicted - wanted) ** 2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "squared_error_any", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two numbers", squared_error(np.array([1.0, 2.0]), np.array([0.0, 4.0])), expected=2.5)
### BEGIN HIDDEN TESTS
check("any matrices", squared_error(*check.rng().normal(size=(2, 5, 3))))
### END HIDDEN TESTS

# %% tags=["demo"]
claim(
    "linear-relu-stack",
    measured={"active units": float(np.mean(activity > 0))},
    holds=bool(np.all(activity >= 0)),
    because="a rectified unit is never negative",
)

# %%
dlcourse.submit()
