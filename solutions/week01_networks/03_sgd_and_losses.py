# %% [markdown]
# # 3 · The SGD loop and its losses
#
# *Large Scale Deep Learning*, session I, slides "The Loss: 'How Close are We?'" and "Stochastic Gradient Descent
# (SGD) Summarized".
#
# **You should know** the linear-ReLU stack (`linear-relu-stack`) and the gradients of one layer as matrix products
# (`backprop-one-layer`). **You will have built** the slide's loop for a network of any depth, shown to be the same as
# Keras' SGD; a measurement of what it keeps in memory; and the gradients of two losses, with an experiment on which
# of them forgets a wrong conviction sooner.

# %% [markdown]
# ## Two questions first
#
# 1. (`linear-relu-stack`) What can a stack of ten linear layers compute when the ReLUs between them are left out?
# 2. (`backprop-one-layer`) $X$ and $H_0 = W \cdot X$ have one column for each example. In
#    $\partial W = \partial H_0 \cdot X^\top$, where is the sum over the examples?
#
# <details><summary>Answers</summary>
#
# 1. One linear function: the product of ten matrices is a matrix.
# 2. In the matrix product: element $(i, j)$ is $\sum_n \partial H_{0,in} X_{jn}$, and $n$ counts the examples.
#
# </details>

# %%
dlcourse.setup("week01/03_sgd_and_losses", seed=3)

import tracemalloc
from itertools import pairwise

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, stats
from threadpoolctl import threadpool_limits

one_thread = threadpool_limits(1)  # our matrices are too small for NumPy to share among threads

# %% [markdown] topic="sgd-loop"
# ## The SGD loop
#
# The deck's summary is a program already:
#
# > For batch in training set:<br>
# > &nbsp;&nbsp; For layer in network: compute (and store) output activation $H$<br>
# > &nbsp;&nbsp; Compute loss and loss gradient $L, \partial Y$<br>
# > &nbsp;&nbsp; For layer in network backwards: compute gradient w.r.t. input activation $\partial H$;
# > compute gradient w.r.t. weights $\partial W$; update weights $W \leftarrow W - \alpha\, \partial W$
#
# "X and Y are matrices of dimension # nodes × # examples": an example is a column.

# %%
train_rows, test_rows, train_labels, test_labels = data.digits(flat=True)
images, test_images = train_rows.T, test_rows.T  # (64, 1347), (64, 450)
targets = np.eye(10, dtype=np.float32)[train_labels].T  # (10, 1347), the deck's y-bar


def he_layers(widths, seed, dtype=np.float32):
    """Weights W (out, in) and biases B (out, 1) of each layer."""
    rng = np.random.default_rng(seed)
    return [[rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs)).astype(dtype), np.zeros((outputs, 1), dtype)]
            for inputs, outputs in pairwise(widths)]


# %% [markdown]
# The forward pass stores every activation. The last layer has no ReLU: its output are the logits, and the loss turns
# them into probabilities. Its gradient at the logits, $y - \bar y$, is the subject of the second half; take it as
# given here.

# %%
def forward(layers, X):
    """The stored activations [X, H_1, ..., logits], each (nodes, examples)."""
    stored = [X]
    for index, (W, B) in enumerate(layers):
        H = W @ stored[-1] + B
        stored.append(np.maximum(H, 0) if index < len(layers) - 1 else H)
    return stored


def softmax(logits):
    """Probabilities of the classes, which are the last axis but one: logits (classes, examples)."""
    exponentials = np.exp(logits - logits.max(axis=-2, keepdims=True))
    return exponentials / exponentials.sum(axis=-2, keepdims=True)


def cross_entropy(logits, targets):
    """Gradient of -sum(targets * log(softmax(logits))) at the logits."""
    return softmax(logits) - targets

# %%
def transpose(matrix):
    return np.swapaxes(matrix, -1, -2)


def sgd_step(layers, X, targets, rate, loss_gradient):
    """One pass of the slide's outer loop, for the mean loss of the batch; changes the layers in place."""
    stored = forward(layers, X)
    dH = loss_gradient(stored[-1], targets) / X.shape[-1]  # dY, (classes, batch)
    for (W, B), H in zip(reversed(layers), reversed(stored[:-1]), strict=True):
        dH_below = (transpose(W) @ dH) * (H > 0)  # (in, batch), through this layer and the ReLU below it
        W -= rate * dH @ transpose(H)  # (out, in)
        B -= rate * dH.sum(axis=-1, keepdims=True)  # (out, 1)
        dH = dH_below

# %% [markdown]
# Three details that the slide leaves open. It sums the loss over examples; we divide by the batch size, as Keras
# does, so that a good rate does not change with the batch. The updates stand inside the backward loop, so only one
# layer's $\partial W$ exists at a time. And at the lowest layer `dH_below` is the gradient at the pixels, which
# nobody asked for.
#
# **The same in Keras.** Both programs start from the same weights and take the same 100 minibatches; after each step
# we look for the largest difference between any two weights. If the loop is right, only rounding is left. Before you
# run it: how large is a rounding error in float32, and what should happen to the difference in float64? Does the rate
# matter?

# %% tags=["demo"]
def differences_from_keras(rate, dtype, seeds, steps=100, widths=(64, 128, 128, 128, 10)):
    """Largest difference between our weights and Keras' after each step, (seeds, steps)."""
    model = keras.Sequential([keras.Input((64,), dtype=dtype)] + [
        keras.layers.Dense(units, "relu" if units != 10 else None, dtype=dtype) for units in widths[1:]])
    model.compile(keras.optimizers.SGD(rate), keras.losses.CategoricalCrossentropy(from_logits=True, dtype=dtype))
    largest = np.zeros((len(seeds), steps))
    for row, seed in enumerate(seeds):
        layers, rng = he_layers(widths, seed, dtype), np.random.default_rng(seed)
        model.set_weights([array for W, B in layers for array in (W.T, B[:, 0])])
        for step in range(steps):
            batch = rng.integers(images.shape[1], size=64)
            X, Y = images[:, batch].astype(dtype), targets[:, batch].astype(dtype)
            sgd_step(layers, X, Y, rate, cross_entropy)
            model.train_on_batch(X.T, Y.T)  # Keras has an example in each row
            ours = [array for W, B in layers for array in (W.T, B[:, 0])]
            largest[row, step] = max(np.abs(a - b).max() for a, b in zip(model.get_weights(), ours, strict=True))
    return largest

# %% tags=["demo"]
runs = [(0.5, "float32"), (0.125, "float32"), (0.5, "float64")]  # powers of two, which float32 holds exactly
difference = {f"{dtype}, rate {rate:g}": differences_from_keras(rate, dtype, seeds=range(5)) for rate, dtype in runs}
plots.line(np.arange(1, 101), difference, xlabel="step", ylabel="largest difference from Keras' weights", log="y")
plt.axhline(1e-5, color="0.4", linewidth=0.8)
plt.text(101, 1.3e-5, "$10^{-5}$", ha="right")
_ = plt.legend(loc="center", bbox_to_anchor=(0.5, 0.38))

# %% [markdown]
# Lines are means over five starts, bands their range. In float64 the two programs agree far better than to $10^{-5}$,
# even at the bold rate: the loop *is* Keras' SGD. In float32 most starts agree at the gentle rate, but not every one
# must. When one left, we looked: at that step a single ReLU had an input of about $10^{-8}$, more than 0 in one
# program and less in the other, so that only one of them sent a gradient through it. A run asks that question 2.5
# million times. At the bold rate steps that overshoot multiply the difference as well. Compare trainings in float64.
#
# ### What the loop keeps
#
# "Compute (and *store*)": the update $\partial W = \partial H \cdot X^\top$ needs the layer's input, and all inputs
# wait until the backward pass comes by. How much is that? We ask two witnesses. `tracemalloc` counts the bytes that
# are still allocated when our forward pass returns, and the peak of a prediction, which may forget each activation
# after use. For Keras we trace a training step into a graph and add up the tensors that the operations of the
# backward pass (TensorFlow names them `gradient_tape/...`) read from the forward pass.

# %%
def traced_bytes(function, *arguments):
    """Bytes that stay allocated while the result is held, and the peak on the way."""
    tracemalloc.start()
    result = function(*arguments)  # noqa: F841, held while we count
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept, peak


def predict(layers, X):
    """The logits; an activation is dropped as soon as the next one is there."""
    for index, (W, B) in enumerate(layers):
        X = np.maximum(W @ X + B, 0) if index < len(layers) - 1 else W @ X + B
    return X

# %% tags=["demo"]
def bytes_read_by_tape(widths, batch):
    """Bytes of forward tensors, weights left out, that the backward pass of a Keras model reads."""
    hidden = [keras.layers.Dense(units, "relu") for units in widths[1:-1]]
    model = keras.Sequential([keras.Input((widths[0],)), *hidden, keras.layers.Dense(widths[-1])])

    @tf.function
    def gradients(X, Y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y, model(X)))
        return tape.gradient(loss, model.trainable_variables)

    concrete = gradients.get_concrete_function(*(tf.TensorSpec([batch, units]) for units in [widths[0], widths[-1]]))
    operations = concrete.graph.get_operations()
    backward = {operation for operation in operations if operation.name.startswith("gradient_tape")}
    read = {tensor.ref(): tensor for operation in backward for tensor in operation.inputs
            if tensor.op not in backward and tensor.op.type != "ReadVariableOp"}
    return sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in read.values())

# %% [markdown]
# In the table, which columns grow with the depth, which with the batch, and from which batch on do the activations
# outweigh the weights? All hidden layers are 256 wide.

# %% tags=["demo"]
columns, rows = ["our loop keeps", "Keras' tape reads", "prediction, peak", "weights"], []
for depth in [4, 8, 16, 32]:
    widths = [64] + [256] * depth + [10]
    layers = he_layers(widths, seed=0)
    for X in [images[:, :64], images[:, :256], images[:, :1024]]:
        kept, peak = traced_bytes(forward, layers, X)[0], traced_bytes(predict, layers, X)[1]
        rows.append([depth, X.shape[1], kept, bytes_read_by_tape(widths, X.shape[1]), peak,
                     sum(array.nbytes for layer in layers for array in layer)])
plots.table(["hidden layers", "batch", *(f"{column} (MB)" for column in columns)],
            [[depth, batch, *(number / 1e6 for number in numbers)] for depth, batch, *numbers in rows])

# %% [markdown]
# To put "grows with depth times batch" in numbers we fit bytes $\propto \text{depth}^a \cdot \text{batch}^b$ to each
# column.

# %% tags=["demo"]
table = np.array(rows, dtype=float)  # (12, 6)
design = np.column_stack([np.log(table[:, :2]), np.ones(len(table))])  # (12, 3)
exponents = np.linalg.lstsq(design, np.log(table[:, 2:]), rcond=None)[0][:2].T.round(3) + 0.0  # (4, 2): a, b
claim(
    "sgd-loop",
    measured={**{f"largest difference from Keras, {name}": values.max() for name, values in difference.items()},
              **{f"exponents of depth and batch, {name}": pair for name, pair in zip(columns, exponents, strict=True)}},
    holds=difference["float64, rate 0.5"].max() < 1e-5 and np.abs(exponents[:2] - 1).max() < 0.15 > exponents[2, 0],
    because="in float64 loop and Keras differ by rounding only, in float32 one ReLU can part them; activations grow "
            "with depth times batch, a prediction's memory not with the depth, that of weights not with the batch",
)

# %% [markdown]
# How this could be wrong: agreement would not show a mistake that both programs make; finite differences would
# (`backprop-graph`). The two witnesses of memory count different things, allocations and tensors of a graph, and
# differ only by the input and what the loss keeps. With equal widths a layer stores width × batch numbers and owns
# width² weights: activations outweigh weights once the batch exceeds the width. Practice has moved on from "store":
# large models keep the activations of few layers and recompute the rest (`recompute-or-reload`, week 05).
#
# ### Exercise 1 (5 points): two planted faults
#
# This is the loop in the layout of Keras: examples are rows, weights are (in, out), biases (out,). It should take one
# step of SGD on the **mean** cross-entropy of the batch. It does not: two faults were planted. At a small rate its
# loss goes down all the same.

# %%
def faulty_step(weights, biases, X, targets, rate):
    """X (batch, in), targets (batch, classes); returns new weights [(in, out), ...] and biases [(out,), ...]."""
    weights, biases = [W.copy() for W in weights], [b.copy() for b in biases]
    stored = [X]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        stored.append(np.maximum(stored[-1] @ W + b, 0))  # (batch, out)
    logits = stored[-1] @ weights[-1] + biases[-1]  # (batch, classes)
    dH = softmax(logits.T).T - targets  # (batch, classes)
    for index in reversed(range(len(weights))):
        weights[index] -= rate * stored[index].T @ dH  # (in, out)
        biases[index] -= rate * dH.sum(axis=0)  # (out,)
        dH = (dH @ weights[index].T) * (stored[index] > 0)  # (batch, in)
    return weights, biases


# %% [markdown]
# Write it without the faults. The checks first use one layer and many examples, then several layers and one example.

# %% nbgrader={"grade": false, "grade_id": "mended_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mended_step(weights: list, biases: list, X: np.ndarray, targets: np.ndarray, rate: float) -> tuple[list, list]:
    """One step of SGD on the batch's mean cross-entropy; X (batch, in), targets (batch, classes).

    Returns new weights [(in, out), ...] and new biases [(out,), ...]; the given ones stay as they are.
    """
    ### BEGIN SOLUTION
    weights, biases = [W.copy() for W in weights], [b.copy() for b in biases]
    stored = [X]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        stored.append(np.maximum(stored[-1] @ W + b, 0))
    logits = stored[-1] @ weights[-1] + biases[-1]
    dH = (softmax(logits.T).T - targets) / len(X)
    for index in reversed(range(len(weights))):
        dH_below = (dH @ weights[index].T) * (stored[index] > 0)
        weights[index] -= rate * stored[index].T @ dH
        biases[index] -= rate * dH.sum(axis=0)
        dH = dH_below
    return weights, biases
    ### END SOLUTION


# %%
def after_step(step, rng, widths, batch):
    """All weights, then all biases, after one step from a random start on random data, in one vector."""
    weights = [rng.normal(0, 1 / np.sqrt(inputs), (inputs, outputs)) for inputs, outputs in pairwise(widths)]
    biases = [rng.normal(0, 0.5, outputs) for outputs in widths[1:]]
    X, labels = rng.normal(size=(batch, widths[0])), rng.integers(widths[-1], size=batch)
    weights, biases = step(weights, biases, X, np.eye(widths[-1])[labels], 0.5)
    return np.concatenate([array.ravel() for array in [*weights, *biases]])


# %% nbgrader={"grade": true, "grade_id": "mended_step_batch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
X, Y = np.array([[2.0, 0], [0, 4]]), np.eye(2)  # (2, 2) each, an example in each row
new_weights, _ = mended_step([np.zeros((2, 2))], [np.zeros(2)], X, Y, rate=1.0)
check("one layer, 2 examples: the mean over the batch", new_weights[0], expected=[[0.5, -0.5], [-1, 1]])
### BEGIN HIDDEN TESTS
check("one layer, 7 examples", after_step(mended_step, check.rng(), widths=[5, 4], batch=7))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "mended_step_layers", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
weights, biases = [np.eye(2), np.zeros((2, 2))], [np.zeros(2), np.zeros(2)]
new_weights, _ = mended_step(weights, biases, np.array([[2.0, 1]]), np.array([[1.0, 0]]), rate=1.0)
check("the upper layer learns", new_weights[1], expected=[[1, -1], [0.5, -0.5]])
check("no gradient came through an upper layer of zeros", new_weights[0], expected=np.eye(2))
### BEGIN HIDDEN TESTS
check("four layers, 1 example", after_step(mended_step, check.rng(), widths=[6, 5, 5, 5, 4], batch=1))
### END HIDDEN TESTS

# %% [markdown]
# The missing mean is a rate that is 64 times too high: divide the rate, and it is gone. The other fault is harder to
# see. Here are the losses of the faulty step, its rate divided by the batch size, beside your own at the same rate.

# %% waits=["mended_step"]
def losses(step, rate, steps=120):
    """Loss of each minibatch before the step on it, (steps,)."""
    layers, rng, history = he_layers([64, 64, 64, 10], seed=0), np.random.default_rng(0), []
    weights, biases = [W.T for W, _ in layers], [B[:, 0] for _, B in layers]
    for _ in range(steps):
        batch = rng.integers(images.shape[1], size=64)
        logits = forward([[W.T, b[:, None]] for W, b in zip(weights, biases, strict=True)], images[:, batch])[-1]
        history.append(-np.log((softmax(logits) * targets[:, batch]).sum(axis=0)).mean())
        weights, biases = step(weights, biases, images[:, batch].T, targets[:, batch].T, rate)
    return np.where(np.isfinite(history), history, np.nan)


for rate, ax in zip([0.03, 0.25], plots.panels(2), strict=True):
    with np.errstate(all="ignore"):  # one of the four diverges
        plots.line(range(120), {"mended": losses(mended_step, rate), "faulty": losses(faulty_step, rate / 64)},
                   xlabel="step", ylabel="loss of the minibatch (nats)", title=f"rate {rate:g}", ax=ax)
    ax.set_ylim(0, 3)

# %% [markdown]
# On the left nothing looks wrong; on the right the faulty loop leaves the picture at a rate that the mended one
# bears. For one example the faulty order sends back
# $(W - \alpha\, \partial Y H^\top)^\top \partial Y = W^\top \partial Y - \alpha |\partial Y|^2 H$: the extra term
# tells every active unit below to grow. **A loss that falls does not show that the gradient is right**; a comparison
# with a second program does.

# %% [markdown] topic="loss-functions"
# ## Loss functions
#
# "The loss: how close are we?" The deck offers two, each summed over all the training data:
#
# $$L_2 \text{ loss: } \sum |\bar y - y|^2 \qquad\qquad \text{Cross-entropy loss: } -\sum \bar y \log y$$
#
# Here $y$ is the softmax of the logits $z$ in both, so that both judge the same probabilities. Seen from the loop
# they differ in one thing, the gradient at the logits. By the chain rule it is the gradient at $y$ times the Jacobian
# of the softmax,
#
# $$\frac{\partial y_j}{\partial z_k} = y_j (\delta_{jk} - y_k), \qquad \partial z = J^\top \partial y,$$
#
# with $\partial y = 2 (y - \bar y)$ for $L_2$ and $\partial y = -\bar y / y$ for cross-entropy.
#
# For cross-entropy the division by $y$ cancels the factor $y_j$ of the Jacobian, and $y - \bar y$ remains. For $L_2$
# the factor stays.

# %%
def softmax_jacobian(y):
    """dy_j / dz_k of each example: y (..., classes, examples) -> (..., classes j, classes k, examples)."""
    identity = np.eye(y.shape[-2], dtype=y.dtype)[:, :, None]
    return y[..., :, None, :] * (identity - y[..., None, :, :])


def l2(logits, targets):
    """Gradient of sum((targets - softmax(logits))**2) at the logits."""
    y = softmax(logits)
    return np.einsum("...jkn,...jn->...kn", softmax_jacobian(y), 2 * (y - targets))


# %% [markdown]
# The Keras way, with the tape. Mind two conventions: `keras.losses.MeanSquaredError` divides by the number of
# classes, so its gradient is a tenth of the deck's; and `from_logits=True` computes softmax and logarithm as one,
# without forming $\bar y / y$.

# %%
logits = np.random.default_rng(0).normal(0, 3, size=(10, 50)).astype(np.float32)  # (classes, examples)
z, y_bar = tf.Variable(logits.T), tf.constant(targets[:, :50].T)  # (50, 10), Keras' layout
with tf.GradientTape(persistent=True) as tape:
    of_keras = {l2: 10 * keras.losses.MeanSquaredError(reduction="sum")(y_bar, tf.nn.softmax(z)),
                cross_entropy: keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")(y_bar, z)}
for loss, total in of_keras.items():
    print(loss.__name__, np.abs(loss(logits, targets[:, :50]).T - tape.gradient(total, z)).max())

# %% [markdown]
# Now two classes, and the right one's logit raised against the other's. How hard does each loss pull where the
# network is sure and wrong (left), where it is undecided (0), where it is sure and right?

# %%
gap = np.linspace(-10, 10, 201)
two_logits, two_targets = np.stack([gap, 0 * gap]), np.stack([1 + 0 * gap, 0 * gap])  # (2, 201)
pull = {"$L_2$": -l2(two_logits, two_targets)[0], "cross-entropy": -cross_entropy(two_logits, two_targets)[0]}
plots.line(gap, pull, xlabel="logit of the right class minus the other's (nats)",
           ylabel=r"pull on the right class, $-\partial L / \partial z$")
for place, text in [(-7, "sure and wrong"), (0, "undecided"), (7, "sure and right")]:
    plt.text(place, 1.07, text, ha="center")
_ = plt.legend(loc="center right")

# %% [markdown]
# With $p$ the probability of the right class the pulls are $1 - p$ and $4p(1-p)^2$. For a sure mistake the first
# tends to 1 and the second to 0 as fast as $p$ does. A logit that follows its pull would need time proportional to
# $|z|$ to come back under cross-entropy, and to $e^{|z|}$ under $L_2$.
#
# A network is not one logit. Does it show there, when each loss may use the rate that suits it best? Our sure
# mistake: networks first trained on labels that are all off by one (a 3 is called a 4), then on the right ones. The
# number of wrong steps is the dose. A second start is sure for another reason: its last layer is 8 times too large.
# All runs go at once: arrays may have leading axes for rates and seeds, and `@` in our loop then maps over them.

# %%
def minibatch(generators, size=64):
    """One batch for each generator: images (seeds, 64, size), targets (seeds, 10, size)."""
    batches = np.stack([rng.integers(images.shape[1], size=size) for rng in generators])  # (seeds, size)
    return np.moveaxis(images[:, batches], 1, 0), np.moveaxis(targets[:, batches], 1, 0)


def start(seeds, wrong_steps=0, last_layer=1):
    """Networks (seeds, out, in) trained on wrong labels, their last weights multiplied."""
    networks = [he_layers((64, 32, 10), seed) for seed in seeds]
    layers = [[np.stack(arrays) for arrays in zip(*layer, strict=True)] for layer in zip(*networks, strict=True)]
    generators = [np.random.default_rng([seed, 1]) for seed in seeds]
    for _ in range(wrong_steps):
        X, Y = minibatch(generators)
        sgd_step(layers, X, np.roll(Y, 1, axis=-2), 0.5, cross_entropy)
    layers[-1][0] *= last_layer
    return layers


# %%
def steps_to_target(loss_gradient, rates, layers, seeds, target=0.9, limit=400):
    """Steps until 90% of the 450 test digits are right, (rates, seeds); `limit` if that takes longer."""
    layers = [[np.repeat(array[None], len(rates), axis=0) for array in layer] for layer in layers]
    rate = np.reshape(rates, (-1, 1, 1, 1)).astype(np.float32)
    generators = [np.random.default_rng([seed, 2]) for seed in seeds]
    steps = np.full((len(rates), len(seeds)), limit)
    with np.errstate(all="ignore"):  # the highest rates diverge
        for step in range(1, limit):
            sgd_step(layers, *minibatch(generators), rate, loss_gradient)
            if step % 5 == 0:
                right = (forward(layers, test_images)[-1].argmax(axis=-2) == test_labels).mean(axis=-1)
                steps = np.where(right >= target, np.minimum(steps, step), steps)
                if steps.max() < limit:
                    break
    return steps


# %% [markdown]
# The rate of each loss and start is the best of 15 on three seeds (the least mean of steps); the comparison then uses
# eight other seeds, and each seed gives both losses the same start and the same batches.

# %% tags=["demo"]
doses = {f"{steps} wrong steps": {"wrong_steps": steps} for steps in [0, 50, 150, 450]}
starts = doses | {"last layer x 8": {"last_layer": 8}}
rates, tuning_seeds, seeds = 2.0 ** np.arange(-5, 2.5, 0.5), [0, 1, 2], list(range(3, 11))
best_rate, steps, sureness = {}, {}, {}
for name, options in starts.items():
    layers = start(seeds, **options)
    sureness[name] = np.median((softmax(forward(layers, images)[-1]) * targets).sum(axis=-2))
    for loss in [cross_entropy, l2]:
        sweep = steps_to_target(loss, rates, start(tuning_seeds, **options), tuning_seeds)  # (rates, 3)
        best_rate[name, loss] = rates[sweep.mean(axis=1).argmin()]
        steps[name, loss] = steps_to_target(loss, [best_rate[name, loss]], layers, seeds)[0]  # (seeds,)

# %% tags=["demo"]
extra = {name: steps[name, l2] - steps[name, cross_entropy] for name in starts}  # (seeds,) each
saved = {name: stats.mean_interval(values) for name, values in extra.items()}
plots.table(["start", "probability of the right class (median)", "best rate, cross-entropy", "its steps",
             "best rate, L2", "its steps", "difference in steps"],
            [[name, sureness[name], best_rate[name, cross_entropy], steps[name, cross_entropy].mean(),
              best_rate[name, l2], steps[name, l2].mean(), "{:.0f} ± {:.0f}".format(*saved[name])] for name in starts])

# %% tags=["demo"]
plots.line([options["wrong_steps"] for options in doses.values()],
           {"$L_2$": np.stack([steps[name, l2] for name in doses], axis=1),  # (seeds, doses)
            "cross-entropy": np.stack([steps[name, cross_entropy] for name in doses], axis=1)},
           xlabel="steps on wrong labels before", ylabel="steps to 90% of test digits")
_ = plt.ylim(bottom=0)

# %% tags=["demo"]
wrong, ordinary = "450 wrong steps", "0 wrong steps"
more = stats.mean_interval(extra[wrong] - extra[ordinary])
claim(
    "loss-functions",
    measured={"steps to 90% from 450 wrong steps, cross-entropy": steps[wrong, cross_entropy].mean(),
              "the same, L2": steps[wrong, l2].mean(),
              "steps saved by cross-entropy (mean, 95% half-width)": saved[wrong],
              "the same from an ordinary start": saved[ordinary], "how much more the wrong start saves": more,
              "the same with the last layer x 8": saved["last layer x 8"],
              "best rates, cross-entropy and L2": [best_rate[wrong, cross_entropy], best_rate[wrong, l2]]},
    holds=saved[wrong][0] > saved[wrong][1] and more[0] > more[1],
    because="each at its best rate, cross-entropy unlearns wrong labels in fewer steps than L2, and saves more "
            "steps there than from an ordinary start",
)

# %% [markdown]
# Cross-entropy hardly notices what was learnt before; $L_2$ needs more steps with every dose, though it takes the
# higher rate. It does not need $e^{|z|}$ times as many: images on which the network is less sure move the weights
# that all images share.
#
# The last row of the table is where the claim ends. That network is as sure of its mistakes, because its last weights
# are too large. There both losses need several times their ordinary steps: an error sent back at full strength
# through large weights throws the layer below about (`softmax-temperature`, week 02). Their difference is of the size
# of its own interval.
#
# How this could be wrong: a rate picked for one loss, or a single seed, can give any order; hence the sweep, the
# other seeds and the ordinary start as control. We chose the start after trying several: a last layer biased to one
# class gave the same order, last layers scaled by 4 to 32 no clear one, and the claim was narrowed to wrong labels
# for that. Often mistaken: the fault is not of $L_2$ but of the pair $L_2$ and softmax. Without the softmax
# $\partial Y = -2(\bar y - y)$, the deck's "top of the chain", has no factor to vanish. Practice trains classifiers
# on cross-entropy from the logits; losses that pull less on sure mistakes have come back for data whose *labels* are
# the mistakes.
#
# ### Exercise 2 (5 points): through the softmax without its Jacobian
#
# Our `l2` builds classes × classes numbers for each example and sums them away again. Derive
# $\partial z = J^\top \partial y$ from the formula of the Jacobian above as an expression that needs only arrays of
# the shape of $y$. Then it serves any loss on probabilities.

# %% nbgrader={"grade": false, "grade_id": "softmax_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax_backward(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Gradient at the logits, (classes, examples).

    y: probabilities, the output of the softmax, (classes, examples); dy: the gradient at y, of the same shape.
    """
    ### BEGIN SOLUTION
    return y * (dy - (y * dy).sum(axis=0, keepdims=True))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softmax_backward_example", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
y, dy = np.array([[0.5], [0.25], [0.25]]), np.array([[4.0], [0], [0]])  # (3, 1)
check("one example: the other classes move too", softmax_backward(y, dy), expected=[[1.0], [-0.5], [-0.5]])
### BEGIN HIDDEN TESTS
y, dy = softmax(check.rng().normal(size=(6, 1))), check.rng().normal(size=(6, 1))
check("one example, 6 classes", softmax_backward(y, dy))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "softmax_backward_batch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
y, dy = np.array([[0.5, 0.2], [0.5, 0.8]]), np.array([[4.0, 0], [0, 5]])  # (2, 2)
check("two examples, which must not mix", softmax_backward(y, dy), expected=[[1.0, -0.8], [-1.0, 0.8]])
### BEGIN HIDDEN TESTS
y, dy = softmax(check.rng().normal(size=(5, 8))), check.rng().normal(size=(5, 8))
check("8 examples, 5 classes", softmax_backward(y, dy))
### END HIDDEN TESTS

# %% [markdown]
# Cross-entropy through it: $\partial y = -\bar y / y$, and the division should cancel, so that $y - \bar y$ comes
# out. The logit of the right class falls from 0 to -120 below; the other is 0. What does float32 make of $\bar y / y$
# on the way?

# %% waits=["softmax_backward"]
depth = np.array([0, -10, -80, -120], dtype=np.float32)
two_logits, two_targets = np.stack([depth, 0 * depth]), np.stack([1 + 0 * depth, 0 * depth])  # (2, 4)
y = softmax(two_logits)
with np.errstate(all="ignore"):
    through_y = softmax_backward(y, -two_targets / y)[0]  # (4,)
plots.table(["logit of the right class", "its probability", "gradient through y", "gradient as one"],
            np.stack([depth, y[0], through_y, cross_entropy(two_logits, two_targets)[0]], axis=1).tolist())

# %% [markdown]
# At a logit of -120 the probability is 0 in float32 and $0 \cdot \infty$ is not a number: the most certain mistake
# would destroy the weights. That is why `from_logits=True` exists, and why the loop above asks for the loss's
# gradient at the logits and not at $y$.
#
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# **Remember**
#
# - The loop: forward and store, loss gradient, backward with $\partial H$ before the update. Keras' SGD does no more.
# - A falling loss proves no gradient: compare with a second program, in float64.
# - Training memory is weights plus depth × width × batch; prediction needs no such store.
# - Compare losses each at its own best rate. Cross-entropy and softmax fit: $y - \bar y$ does not vanish on a sure
#   mistake.
#
# **At full scale** the same loop runs; what it stores decides what fits:
#
# | | parameters | steps | stored activations | cost |
# |---|---|---|---|---|
# | this laptop: three hidden layers of 128, batch 64 | $4.3 \cdot 10^4$ | 100 | 0.1 MB | a second |
# | one GPU: ResNet-50, 90 epochs, batch 256 | $2.6 \cdot 10^7$ | $4.5 \cdot 10^5$ | 11 GB, convolutions only | about a day |
# | the paper: GPT-3 (2020) | $1.75 \cdot 10^{11}$ | $10^5$ | 275 GB for one text of 2,048 tokens | 3,640 petaflop/s-days |
#
# ResNet-50 has 11 million outputs of convolutions an image, 4 bytes each. GPT-3's line is the formula of Korthikanti
# et al., *Reducing activation recomputation in large transformer models* (2022), whose subject is how to store less.

# %%
dlcourse.submit()
