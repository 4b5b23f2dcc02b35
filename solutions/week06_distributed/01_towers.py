# %% [markdown]
# # 1 · Towers: synchronous SGD
#
# *Applications* (Goodfellow 2016, 2018) and NCTU week 9, slides "Distributed Implementations" and "Synchronous SGD".
# *Large Scale Deep Learning*, session I, slide "Synchronous Data Parallelism".
#
# **You should know** back-propagation (`backprop-graph`) and the loop of SGD (`sgd-loop`). **You will have built** the
# slide's towers in TensorFlow 2, the same under `MirroredStrategy` and under `fit`, and a test set answered by threads
# and by processes.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1) The gradient of a mean loss over 32 random examples, and over 128: what have they in common, what not?
# 2. (Week 1) A dense layer gets 32 rows instead of 128. Which of its costs shrink to a quarter?
#
# <details><summary>Answers</summary>
#
# 1. Both have the full gradient as expectation; the variance over 128 is a quarter of that over 32. And the mean of
#    four gradients over 32 *is* one over 128: this notebook hangs on that sentence.
# 2. The multiply-adds. The weights are read whole either way, and calling the operation costs the same.
#
# </details>

# %%
dlcourse.setup("week06/01_towers", seed=61, deterministic=False)

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, cluster, data, devices, plots, seeds
from keras import layers

# %% [markdown]
# Four **logical devices** stand for four GPUs: TensorFlow places operations on them and copies between them as between
# GPUs. An operation gets one thread, so that a second core can help only through a second device.

# %%
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.experimental.enable_tensor_float_32_execution(False)  # GPUs: products in full float32, we compare to 1e-6
towers = devices.logical_cpus(4)  # with four GPUs: ["GPU:0", "GPU:1", "GPU:2", "GPU:3"]
images, test_images, labels, test_labels = data.digits()
images, test_images = images[..., None], test_images[..., None]  # (1347, 8, 8, 1), (450, 8, 8, 1)
BATCH, STEPS = 128, 60  # the slide's tutorial: 128 on each tower, up to a million steps

# %% [markdown] topic="tower-sgd"
# ## Tower-style synchronous SGD
#
# "Data parallelism: trivial at test time; synchronous or asynchronous SGD at train time." The next slide shows the
# synchronous kind, from TensorFlow's CIFAR-10 tutorial (`cifar10_multi_gpu_train.py`):
#
# ```python
# # Calculate the gradients for each model tower.
# tower_grads = []
# with tf.variable_scope(tf.get_variable_scope()):
#     for i in xrange(FLAGS.num_gpus):
#         with tf.device('/gpu:%d' % i):
#             with tf.name_scope('%s_%d' % (cifar10.TOWER_NAME, i)) as scope:
#                 # Dequeues one batch for the GPU
#                 image_batch, label_batch = batch_queue.dequeue()
#                 # Calculate the loss for one tower of the CIFAR model. This function
#                 # constructs the entire CIFAR model but shares the variables across
#                 # all towers.
#                 loss = tower_loss(scope, image_batch, label_batch)
#                 # Reuse variables for the next tower.
#                 tf.get_variable_scope().reuse_variables()
#             # Calculate the gradients for the batch of data on this CIFAR tower.
#             grads = opt.compute_gradients(loss)
#             # Keep track of the gradients across all towers.
#             tower_grads.append(grads)
# # We must calculate the mean of each gradient. Note that this is the
# # synchronization point across all towers.
# grads = average_gradients(tower_grads)
# ```
#
# A **tower** is the model's computation on one device: its own batch, loss and gradients, nobody's own variables. The
# loop runs once and builds a graph with one copy of it for each GPU.
#
# Gone since: variable scopes and `reuse` (a Keras model owns its variables, calling it again shares them), the queue
# (batches are arguments), name scopes. What stays: the loop, the devices, and the one line where all towers wait.

# %%
def network(seed, *between, dtype="float32"):
    """A small convolutional network for digits, without ReLU's kinks; logits (batch, 10)."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential([
        keras.Input((8, 8, 1)), layers.Conv2D(16, 3, activation="elu", dtype=dtype), layers.Conv2D(32, 3, dtype=dtype),
        *between, layers.ELU(dtype=dtype), layers.Flatten(dtype=dtype), layers.Dense(10, dtype=dtype)])


cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits  # of label_batch, logits: (batch,)


def tower_loss(model, image_batch, label_batch):
    return tf.reduce_mean(cross_entropy(label_batch, model(image_batch, training=True)))


# %% [markdown]
# ### Exercise 1 (4 points): the synchronization point
#
# Write `average_gradients`: from each tower's list of gradients (one tensor for each variable) to one list. With equal
# shards each is the mean *over the towers*. With unequal ones the mean of means is not the mean:
#
# $$\frac1K\sum_k \frac1{n_k}\sum_{i\in k} g_i \;=\; \frac1n\sum_i g_i \quad\text{only if all } n_k = n/K.$$
#
# So when `sizes` are given, weigh each tower by its number of examples $n_k$. An *empty* shard has the mean of nothing
# as its loss: all its gradients are NaN, and $0 \cdot$ NaN is NaN. Leave such a tower out.

# %% nbgrader={"grade": false, "grade_id": "average_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def average_gradients(tower_gradients: list[list], sizes: list[int] | None = None) -> list:
    """Gradient of the mean loss over all examples, a tensor for each variable; sizes is None for equal shards."""
    ### BEGIN SOLUTION
    sizes = sizes or [1] * len(tower_gradients)
    shares = [size / sum(sizes) for size in sizes if size]
    filled = [gradients for gradients, size in zip(tower_gradients, sizes, strict=True) if size]
    return [tf.add_n([share * gradient for share, gradient in zip(shares, gradients, strict=True)])
            for gradients in zip(*filled, strict=True)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "average_gradients_equal", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
kernel, bias = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([6.0])
mean = average_gradients([[kernel, bias], [3 * kernel, -bias], [2 * kernel, 3 * bias]])
check("the mean over towers keeps a kernel's shape", mean[0], expected=[[2.0, 4.0], [6.0, 8.0]])
check("the mean over three towers, not the sum", mean[1], expected=[6.0])
### BEGIN HIDDEN TESTS
gradients = tf.constant(check.rng().normal(size=(5, 2, 3, 4)), tf.float32)
check("five towers, equal shards", average_gradients([[tower[0], tower[1]] for tower in gradients])[1])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "average_gradients_unequal", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("three examples with gradient 6, one with -6", average_gradients([[bias], [-bias]], [3, 1])[0], expected=[3.0])
### BEGIN HIDDEN TESTS
rng = check.rng()
gradients = [[tf.constant(rng.normal(size=shape), tf.float32) for shape in [(2, 3), (3,)]] for _ in range(4)]
check("four towers of any sizes", average_gradients(gradients, rng.integers(1, 40, size=4).tolist())[1])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "average_gradients_empty", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("an empty shard changes nothing", average_gradients([[bias], [np.nan * bias]], [4, 0])[0], expected=[6.0])
### BEGIN HIDDEN TESTS
sizes = [0, *check.rng().integers(1, 9, size=3).tolist(), 0]
check("empty shards among others", average_gradients([[bias * n if n else bias * np.nan] for n in sizes], sizes)[0])
### END HIDDEN TESTS

# %% [markdown]
# With it, the slide line for line.

# %%
def gradients_of_towers(model, shards):
    """Gradients and losses of the towers; shards has an (image_batch, label_batch) for each."""
    # Calculate the gradients for each model tower.
    tower_gradients, tower_losses = [], []
    for device, (image_batch, label_batch) in zip(towers, shards, strict=False):
        with tf.device(device):
            with tf.GradientTape() as tape:
                # Calculate the loss for one tower. Calling the model again shares the variables across all towers.
                loss = tower_loss(model, image_batch, label_batch)
            # Calculate the gradients for the batch of data on this tower.
            gradients = tape.gradient(loss, model.trainable_variables)
        # Keep track of the gradients across all towers.
        tower_gradients.append(gradients)
        tower_losses.append(loss)
    return tower_gradients, tower_losses


# %%
def flat(tensors):
    return np.concatenate([np.ravel(tensor) for tensor in tensors])


def momentum():
    return keras.optimizers.SGD(0.03, momentum=0.9)


def synchronous_sgd(count, seed, dtype="float32"):
    """A new network, and its training step on `count` equal shards of a batch, which returns the towers' losses."""
    model, optimizer = network(seed, dtype=dtype), momentum()
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(image_batch, label_batch):
        shards = zip(tf.split(image_batch, count), tf.split(label_batch, count), strict=True)
        tower_gradients, tower_losses = gradients_of_towers(model, shards)
        # We must calculate the mean of each gradient. This is the synchronization point across all towers.
        gradients = average_gradients(tower_gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return tower_losses

    return model, step


# %% [markdown]
# Which operations end up where? We ask the graph.

# %% tags=["demo"] waits=["average_gradients"]
model, step = synchronous_sgd(4, seeds(1)[0])
graph = step.get_concrete_function(tf.constant(images[:BATCH]), tf.constant(labels[:BATCH])).graph
placed = [operation.device[-5:] or "left to TensorFlow" for operation in graph.get_operations()]
placed += [f"variables, on {variable.value.device[-5:]}" for variable in model.trainable_variables]
plots.table(["", "operations or variables"], [[device, placed.count(device)] for device in sorted(set(placed))])

# %% [markdown]
# Four equal piles, and one set of variables. What is left to TensorFlow is splitting, averaging and updating. No edge
# leads from tower to tower, so the runtime may run them side by side; the averages are the first to need all four.
#
# Now train: the same initial weights, the same batches, momentum. The control is one device with the whole batch.
# Predict: how far apart are their weights after the first step, and after the last?

# %% tags=["demo"] waits=["average_gradients"]
def train(count, seed, dtype="float32"):
    """The towers' losses (steps, count), and all weights in one row after each step (steps, weights)."""
    (model, step), rng, losses, weights = synchronous_sgd(count, seed, dtype), np.random.default_rng(seed), [], []
    for rows in rng.integers(len(images), size=(STEPS, BATCH)):
        losses.append(step(tf.constant(images[rows], dtype), tf.constant(labels[rows])))
        weights.append(flat(model.get_weights()))
    return np.array(losses), np.array(weights)


runs = {(seed, dtype): (train(4, seed, dtype), train(1, seed, dtype))
        for seed, dtype in [*((seed, "float32") for seed in seeds(5)), (seeds(1)[0], "float64")]}
apart = {key: np.abs(by_four[1] - by_one[1]).max(axis=1) for key, (by_four, by_one) in runs.items()}  # (steps,)

# %% [markdown]
# Left: do the towers' losses lie around one device's, and is their mean on it? Right: how far apart are the weights?

# %% tags=["demo"] waits=["average_gradients"]
left, right = plots.panels(2)
(tower_losses, tower_weights), (whole_losses, _) = runs[seeds(1)[0], "float32"]
left.plot(tower_losses, color="0.75", linewidth=1)
left.plot(range(0, STEPS, 4), whole_losses[::4], "o", color="black", markerfacecolor="none", label="one device")
plots.line(range(STEPS), {"mean of the towers (grey: each)": tower_losses.mean(axis=1)},
           xlabel="step", ylabel="loss (nats)", ax=left)
plots.line(range(1, STEPS + 1), {"float32, 5 seeds": [apart[seed, "float32"] for seed in seeds(5)],
                                 "float64": apart[seeds(1)[0], "float64"]},
           xlabel="step", ylabel="largest difference of a weight", log="y", ax=right)

# %% [markdown]
# Each tower's loss is that of its own 32 digits and scatters; the mean is the whole batch's. The weights differ by
# rounding: sums of 32 and then of 4 round otherwise than sums of 128. In double precision the same curve lies some
# nine orders lower, as rounding must and an error of method would not.
#
# ### Layers that look across examples, or draw
#
# Equality needs a loss that is a mean over examples which do not know of each other. **Dropout** draws masks, and a
# tower draws its own. **Batch normalization** computes $(x - \mu)/\sqrt{\sigma^2 + \epsilon}$ with the moments of the
# batch it sees, and a tower sees a shard. To mend that, the towers must agree on $\mu$ and $\sigma^2$ in the middle of
# the forward pass: a second synchronization point.
#
# ### Exercise 2 (3 points): moments of the whole batch, from sums
#
# Tower $k$ sends its number of rows $n_k$, the sum of its rows, and the sum of their squares. Derive the mean and the
# (biased) variance of all rows; $\sigma^2 = \mathrm{E}[x^2] - \mathrm{E}[x]^2$ holds over *all* rows.

# %% nbgrader={"grade": false, "grade_id": "synchronized_moments", "locked": false, "schema_version": 3, "solution": true, "task": false}
def synchronized_moments(counts: tf.Tensor, sums: tf.Tensor, squares: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance (channels,) of all towers' rows: counts (towers, 1), sums and squares (towers, channels)."""
    ### BEGIN SOLUTION
    total = tf.reduce_sum(counts)
    mean = tf.reduce_sum(sums, axis=0) / total
    return mean, tf.reduce_sum(squares, axis=0) / total - mean**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "synchronized_moments_mean", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
sent = [tf.constant(part) for part in ([[1.0], [3.0]], [[4.0, 1], [0, 6]], [[16.0, 1], [0, 14]])]
check("rows (4, 1) | (0, 1), (0, 2), (0, 3): means of all four", synchronized_moments(*sent)[0], expected=[1.0, 1.75])
### BEGIN HIDDEN TESTS
drawn = tf.constant(check.rng().uniform(1, 5, size=(3, 4, 2)), tf.float32)
check("means from any sums, four towers", synchronized_moments(drawn[0, :, :1], drawn[1], drawn[2])[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "synchronized_moments_variance", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the same rows: variances of all four", synchronized_moments(*sent)[1], expected=[3.0, 0.6875])
### BEGIN HIDDEN TESTS
drawn = tf.constant(check.rng().uniform(1, 5, size=(3, 4, 2)), tf.float32)
check("variances from any sums, four towers", synchronized_moments(drawn[0, :, :1], drawn[1], drawn[2])[1])
### END HIDDEN TESTS

# %% [markdown]
# With it, towers of 96, 16, 8 and 8 digits agree on the first layer's moments. Two numbers a channel travel, and a
# count, however large the shards.

# %% waits=["synchronized_moments"]
rows = tf.reshape(network(seeds(1)[0]).layers[0](images[:BATCH]), (BATCH, -1))  # (128, 6 * 6 * 16)
shards = tf.split(rows, [96, 16, 8, 8])
counts, sums, squares = (tf.stack([tf.reduce_sum(shard**power, axis=0) for shard in shards]) for power in (0, 1, 2))
moments = zip(synchronized_moments(counts[:, :1], sums, squares), tf.nn.moments(rows, axes=[0]), strict=True)
print("largest differences of mean and variance:", *(np.abs(got - wanted).max() for got, wanted in moments))

# %% [markdown]
# Now the size of each departure, as $\lVert g_\text{towers} - g_\text{whole} \rVert / \lVert g_\text{whole} \rVert$, on
# five seeds. Predict: which are as large as the gradient itself?

# %% tags=["demo"] waits=["average_gradients"]
def departures(seed, unequal=(96, 16, 8, 8)):
    """Relative difference of the towers' gradient to the whole batch's, by what the towers do."""
    rows = np.random.default_rng(seed).integers(len(images), size=BATCH)

    def difference(sizes, *between, weigh=None):
        model, batch = network(seed, *between), [part[rows][:sum(sizes)] for part in (images, labels)]
        shards = zip(*(tf.split(part, sizes) for part in batch), strict=True)
        whole = flat(gradients_of_towers(model, [batch])[0][0])
        by_towers = flat(average_gradients(gradients_of_towers(model, shards)[0], weigh))
        return np.linalg.norm(by_towers - whole) / np.linalg.norm(whole)

    return {"equal shards": difference([32] * 4), "unequal shards, mean": difference(unequal),
            "unequal shards, weighted": difference(unequal, weigh=unequal),
            "dropout": difference([32] * 4, layers.Dropout(0.5)),
            "dropout, one device twice": difference([BATCH], layers.Dropout(0.5)),
            "normalization, shards of 32": difference([32] * 4, layers.BatchNormalization()),
            "normalization, shards of 4": difference([4] * 4, layers.BatchNormalization())}


# %% tags=["demo"] waits=["average_gradients"]
measured = [departures(seed) for seed in seeds(5)]
found = {name: [run[name] for run in measured] for name in measured[0]}
first, last = (max(apart[seed, "float32"][step] for seed in seeds(5)) for step in (0, -1))
exact = max(found["equal shards"] + found["unequal shards, weighted"])
claim(
    "tower-sgd",
    measured={"largest difference of a weight after one step, 5 seeds": first, "after 60 steps": last,
              "after 60 steps in float64": apart[seeds(1)[0], "float64"][-1],
              **{f"relative difference of the gradient, 5 seeds: {name}": values for name, values in found.items()}},
    holds=first < 1e-6 and exact < 1e-5 and sum(min(values) > 1e-3 for values in found.values()) == len(found) - 2,
    because="rounding alone parts equal shards from the whole batch; uneven shards, own masks and own moments do more",
)

# %% [markdown]
# One device and four towers are the same algorithm. The departures differ in kind:
#
# - **Unequal shards** leave the gradient unbiased if examples fall to the towers at random, but make it noisier: an
#   example in a shard of 8 weighs 12 times one in a shard of 96, and the batch of 128 is worth
#   $1/\sum_k \frac{1}{16 n_k} \approx 50$.
# - **Dropout** on towers departs as one device departs from itself: other draws from one distribution. It would be
#   wrong if all towers drew the *same* mask, from the same seed.
# - **Batch normalization** on a shard is another function, and the smaller the shard the farther away.
#
# **How this could be wrong.** The control runs the same loop with one tower; the next section sets Keras' own `fit`
# against both. And rounding need not stay small: with ReLU for ELU, one of fifteen seeds we tried was more than 1e-4
# apart after 60 steps; a unit within rounding of ReLU's kink can fall on either side.
#
# **Often mistaken.** Summing instead of averaging multiplies the rate by $K$. And each of the tutorial's towers takes
# 128 images: four of them train on batches of 512.
#
# **Practice has moved on** to replicas that each keep a copy of the variables. A shard's own moments are still common
# where shards are large: Goyal et al. (2017) had 32 images a GPU.

# %% [markdown] topic="mirrored-strategy"
# ## Mirrored strategy
#
# The tutorial's towers share one set of variables, which travels to each tower in every step. `tf.distribute` turns
# this around: each *replica* owns a copy of every variable, and gradients travel. `devices.strategy()` picks by
# machine: `TPUStrategy` over a TPU's cores, `MirroredStrategy` over several GPUs or our logical CPUs, else one device.
# The code below is the same for each.

# %% tags=["demo"]
strategy = devices.strategy()
print(devices.describe(strategy))

# %% [markdown]
# The custom loop. `strategy.run` calls the replica's step once on each device, with its shard of the batch. Each
# replica divides by the **global** batch size, so that the *sum* over replicas is the mean over the batch; and
# `apply_gradients` sums the gradients over replicas before it updates. That all-reduce is the synchronization point.

# %%
def average(losses, weights):
    return tf.nn.compute_average_loss(losses, global_batch_size=BATCH)  # sum over the shard / 128


def batches():
    rows = np.random.default_rng(seeds(1)[0]).integers(len(images), size=STEPS * BATCH)  # those that the towers had
    return tf.data.Dataset.from_tensor_slices((images[rows], labels[rows])).batch(BATCH, drop_remainder=True)


def train_under(strategy, make_optimizer, part_of_loss=average):
    """The trained model and its loss at each step (steps,)."""
    with strategy.scope():  # variables made in here are mirrored
        model, optimizer = network(seeds(1)[0]), make_optimizer()
        optimizer.build(model.trainable_variables)

    def replica_step(image_batch, label_batch):
        with tf.GradientTape() as tape:
            losses = cross_entropy(label_batch, model(image_batch, training=True))  # (shard,)
            part = part_of_loss(losses, model.trainable_variables)
        gradients = tape.gradient(part, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))  # sums over replicas first
        return average(losses, None)

    step = tf.function(lambda *batch: strategy.reduce("SUM", strategy.run(replica_step, args=batch), axis=None))
    return model, np.array([step(*shards) for shards in strategy.experimental_distribute_dataset(batches())])


# %% tags=["demo"]
mirrored, mirrored_losses = train_under(strategy, momentum)
copies = strategy.experimental_local_results(mirrored.layers[0].kernel.value)
print(type(mirrored.layers[0].kernel.value).__name__, {copy.device[-5:]: float(copy[0, 0, 0, 0]) for copy in copies})

# %% [markdown]
# A mirrored variable, and its copies: equal to the last bit after 60 updates, though nobody compares them. Equal starts
# and equal updates suffice.
#
# Then the Keras way: build and compile under the scope, and `fit` does all of that. We let it do so on one device too,
# and with batch normalization, where one argument decides whose moments are used. Which will agree with one device?

# %% tags=["demo"]
def fit_under(strategy, *normalization):
    with strategy.scope():
        model = network(seeds(1)[0], *normalization)
        model.compile(momentum(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(batches(), shuffle=False, verbose=0)
    return model


one_device, normalization = tf.distribute.get_strategy(), layers.BatchNormalization
fitted, normalized = fit_under(strategy), fit_under(strategy, normalization(synchronized=True))
plain, reference = fit_under(one_device), fit_under(one_device, normalization())
to_one = {name: np.abs(flat(one.get_weights()) - flat(other.get_weights())).max() for name, one, other in [
    ("strategy.run", mirrored, plain), ("fit under the strategy", fitted, plain),
    ("fit, normalization by own moments", fit_under(strategy, normalization()), reference),
    ("fit, normalization synchronized", normalized, reference)]}

# %% tags=["demo"] waits=["average_gradients"]
loss_apart = np.abs(mirrored_losses - tower_losses.mean(axis=1)).max()
fit_apart = np.abs(flat(fitted.get_weights()) - tower_weights[-1]).max()
copies_apart = max(np.abs(copy - copies[0]).max() for copy in copies)
claim(
    "mirrored-strategy",
    measured={"strategy picked for this machine": devices.describe(strategy),
              "largest difference of a loss to the towers', 60 steps (nats)": loss_apart,
              "of a weight, fit to the towers": fit_apart, "between a variable's copies": copies_apart,
              **{f"of a weight, to fit on one device: {name}": distance for name, distance in to_one.items()}},
    holds=loss_apart < 1e-5 and fit_apart < 1e-5 and copies_apart == 0,
    because="towers, strategy.run and fit are one algorithm up to rounding, and the replicas' copies never part",
)

# %% [markdown]
# Without `synchronized=True` each replica normalizes by its own shard, silently.
#
# Traps, met with `MirroredStrategy` on logical CPUs, TensorFlow 2.20 and 2.21:
#
# 1. `compile` with `jit_compile=True`, `steps_per_execution=2` or gradient accumulation fails under the strategy.
# 2. A last batch that leaves a replica empty fails in a convolution: `drop_remainder=True`.
# 3. After one failed collective every later one fails: restart the kernel. (Our logical CPUs add on one device,
#    `ReductionToOneDevice`, which is no collective.)
#
# **How this could be wrong.** Logical CPUs share memory: the all-reduce costs next to nothing here. And no TPU was at
# hand: its path is these functions, but it multiplies in bfloat16 by default, for which 1e-5 is too strict.
#
# ### Exercise 3 (3 points): find the planted bugs
#
# Here a replica's loss has weight decay too. What the strategy sums over replicas should be, for shards of any size,
#
# $$L = \frac1n \sum_{i=1}^{n} \ell_i + \lambda \sum_w w^2,\quad n\text{ the global batch size.}$$
#
# Two things are wrong, and on one device neither shows. Write it right.

# %%
def flawed_replica_loss(losses, weights, decay, global_batch, replicas):
    """A replica's part of the loss, wrong in two places."""
    return tf.reduce_mean(losses) + decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])


# %% nbgrader={"grade": false, "grade_id": "replica_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def replica_loss(losses: tf.Tensor, weights: list, decay: float, global_batch: int, replicas: int) -> tf.Tensor:
    """A replica's part () of the loss, from its examples' losses (shard,) and the weights that decay."""
    ### BEGIN SOLUTION
    penalty = decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])
    return tf.reduce_sum(losses) / global_batch + penalty / replicas
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "replica_loss_data", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def summed(shards, decay=0.0, weights=None):
    """The replicas' parts, summed as the strategy does; six ones are the weights."""
    count, weights = sum(len(shard) for shard in shards), weights or [tf.ones((2, 3))]
    return sum(replica_loss(tf.constant(shard, tf.float32), weights, decay, count, len(shards)) for shard in shards)


check("no decay, two replicas of two examples: the mean of 1, 2, 3, 6", summed([[1, 2], [3, 6]]), expected=3.0)
check("no decay, shards of three and one", summed([[1, 2, 3], [6]]), expected=3.0)
### BEGIN HIDDEN TESTS
rng = check.rng()
check("no decay, any shards", summed([rng.uniform(0, 3, size=size) for size in rng.integers(1, 9, size=5)]))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "replica_loss_decay", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("no losses, decay 0.5 of six ones: 3 once, not once a replica", summed([[0, 0], [0, 0]], 0.5), expected=3.0)
### BEGIN HIDDEN TESTS
weights = [tf.constant(check.rng().normal(size=5), tf.float32) for _ in range(2)]
check("the decay of any weights on three replicas", summed(np.zeros((3, 4)), 0.3, weights))
### END HIDDEN TESTS

# %% [markdown]
# The first bug alone, trained, beside the right loss at the rate and at $K$ times the rate. With which of the two
# optimizers would you find it?

# %% tags=["demo"] waits=["replica_loss"]
def curve(loss, make, rate):
    return train_under(strategy, lambda: make(rate), lambda *given: loss(*given, 0.0, BATCH, replicas))[1]


replicas = strategy.num_replicas_in_sync
for ax, make, rate in zip(plots.panels(2), [keras.optimizers.SGD, keras.optimizers.Adam], [0.05, 0.003], strict=True):
    plots.line(range(STEPS), {f"{make.__name__}": curve(replica_loss, make, rate),
                              f"{make.__name__}, bug": curve(flawed_replica_loss, make, rate),
                              f"{make.__name__}, rate times {replicas}": curve(replica_loss, make, replicas * rate)},
               xlabel="step", ylabel="loss (nats)", ax=ax)

# %% [markdown]
# With SGD the bug *is* the rate times $K$: two curves are one. Who tunes the rate will never notice, until the number
# of GPUs changes and the best rate with it. Adam divides by the gradient's size and hides the bug altogether. So test
# before any training: one step, on one device and on several.
#
# ### To think through: eight GPUs disagree with one
#
# A colleague moves training from one GPU to eight under `MirroredStrategy`: same global batch, same seed. The network
# has dropout and batch normalization. From the first step on, loss and weights differ from one GPU's. Name three causes
# of different kinds; for each, the one run that tells it apart, the number to look at, and whether it is a bug.
#
# <details><summary>Answer</summary>
#
# Each run: one step from the same weights on the same batch, on one GPU and on eight; compare loss and weights.
#
# 1. *The loss is divided by the shard's size.* Dropout and normalization off, plain SGD: if the weights' change is 8
#    times the one GPU's, this is it, a bug. With the right loss they agree to about 1e-6.
# 2. *Normalization by each replica's own moments.* Dropout off, `synchronized=True`: if the difference shrinks to
#    rounding, it was this. No bug, but another function, the farther off the smaller the shards.
# 3. *Dropout's masks.* Normalization off, dropout on: two seeds on one GPU differ as much as eight from one. No bug:
#    other draws from one distribution. (The *same* mask on all eight would be one.)
#
# Also right: unequal shards (try a batch divisible by eight), rounding (float64 lowers it by nine orders), another
# order of the data.
#
# </details>

# %% [markdown] topic="data-parallel-inference"
# ## Data parallel inference
#
# "Data parallelism: trivial at test time." No gradients, so nobody waits for anybody: cut the test set, answer each
# shard anywhere, concatenate. We save the model that `fit` trained, load it, and ask about all 1,797 digits twelve
# times over.

# %% tags=["demo"]
scratch = tempfile.TemporaryDirectory()  # goes with the kernel
folder = scratch.name
fitted.save(f"{folder}/model.keras")
served = keras.models.load_model(f"{folder}/model.keras")
many = np.tile(np.concatenate([images, test_images]), (12, 1, 1, 1))  # (21564, 8, 8, 1)


@tf.function(reduce_retracing=True)
def probabilities(model, image_batch):
    return tf.nn.softmax(model(image_batch, training=False))  # (batch, 10)


def answer(shards, devices):
    """Probabilities for all shards, one thread a device; each takes the next shard when it is free."""
    def one(index):
        with tf.device(devices[index % len(devices)]):
            return probabilities(served, tf.constant(shards[index])).numpy()

    with ThreadPoolExecutor(len(devices)) as pool:
        return np.concatenate(list(pool.map(one, range(len(shards)))))

# %% [markdown]
# Speed against the number of shards, on one tower and on four. Predict both ends: what does the second shard bring,
# what the five hundredth?

# %% tags=["demo"]
def seconds(places, count):
    shards, start = np.array_split(many, count), time.perf_counter()
    answer(shards, towers[:places])
    return time.perf_counter() - start


counts = [1, 2, 4, 8, 32, 128, 512]
whole = answer([many], towers[:1])
thread_apart = max(np.abs(answer(np.array_split(many, count), towers) - whole).max() for count in counts)
rounds = [[[seconds(places, count) for count in counts] for places in (1, 4)] for _ in range(4)]  # the first: warm-up
one, four = len(many) / np.median(rounds[1:], axis=0)  # images a second (counts,)
plots.line(counts, {"four towers": four, "one tower": one}, log="xy",
           xlabel=f"shards (this machine has {os.cpu_count()} cores)", ylabel="images a second")

# %% [markdown]
# Where cores are free, the towers gain what there are cores and little more. To the right a shard has a few dozen
# images: starting an operation costs more than computing it, on four towers as on one.
#
# Processes, then: no shared memory. `cluster` starts two workers, as on two machines; each loads the model from the
# file and answers the shard of its index.

# %% tags=["demo"]
def answer_shard():
    """What a worker does: load, take the shard of its index, answer, save."""
    place, began, index = sys.argv[1], float(sys.argv[2]), json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    model, shard = keras.models.load_model(f"{place}/model.keras"), np.load(f"{place}/shards.npy")[index]
    probabilities(model, tf.constant(shard[:1]))
    ready = time.time()
    np.save(f"{place}/answers_{index}.npy", probabilities(model, tf.constant(shard)))
    print(json.dumps([ready - began, time.time() - ready]), flush=True)


np.save(f"{folder}/shards.npy", np.split(many, 2))
script = cluster.write_script(f"{folder}/answer_shard.py", answer_shard)
with cluster.Cluster(script, workers=2, arguments=[folder, time.time()], seconds=150) as members:
    members.wait()
    times = [json.loads(members.output(f"worker {index}")[-1]) for index in range(2)]
answers = np.concatenate([np.load(f"{folder}/answers_{index}.npy") for index in range(2)])
plots.table(["worker", "starting, loading (s)", "answering (s)"], [[0, *times[0]], [1, *times[1]]])

# %% [markdown]
# The answering was over long before it could begin: new processes pay only when half of one tower's time exceeds their
# start. Hence servers stay up.
#
# The other end of "trivial" is the model. In training mode a batch-normalized network answers by its batch's moments,
# so what it says of a digit depends on who shares its shard.

# %% tags=["demo"]
def by_shards(count, mode):
    shards = np.array_split(test_images, count)
    return np.concatenate([tf.nn.softmax(normalized(shard, training=mode)) for shard in shards])  # (450, 10)


inference, training = (np.abs(by_shards(90, mode) - by_shards(1, mode)).max() for mode in (False, True))
process_apart = np.abs(answers - whole).max()
claim(
    "data-parallel-inference",
    measured={"largest change of a probability, 1 to 512 shards over threads": thread_apart,
              "over two processes": process_apart, "normalized, inference mode, shards of 5": inference,
              "normalized, training mode, shards of 5": training, "images a second, one tower": one[0],
              "four towers: 4 and 512 shards": [four[2], four[-1]],
              "images from which two new processes pay": 2 * one[0] * np.mean(times, axis=0)[0]},
    holds=max(thread_apart, process_apart, inference) < 1e-5 and training > 0.01,
    because="any cut gives the same answers, unless a layer looks across the batch; trivial ends at fixed costs",
)

# %% [markdown]
# "The same" means to rounding: a product of 42 rows is computed in another order than one of 21,564.
#
# **How this could be wrong.** A digit is tiny; with large images a shard of one is already efficient. Times wander when
# others use the machine; the answers do not.
#
# **Often mistaken.** Devices are not cores: four logical devices on two cores are two cores. And by default TensorFlow
# gives one operation all cores, so that on an untouched CPU sharding gains little; we gave it one thread.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Synchronous SGD on equal shards *is* SGD on the whole batch. Test it so: one step, 1e-6.
# - Each replica divides by the global batch size, the all-reduce sums. Anything else is another rate.
# - What looks across examples needs a synchronization point of its own.
# - At test time cut as you like, with `training=False`, in processes that stay.
#
# ## At full scale
#
# | where | what | a step |
# |---|---|---|
# | this laptop | 4 towers of 32 digits on logical CPUs | milliseconds, mostly overhead |
# | one GPU, several, a TPU | the same code: `devices.strategy()` picks | one replica a device |
# | the slide's tutorial (its source file) | CIFAR-10, 128 images a tower, Tesla K20m | 0.35 to 0.60 s on one GPU, about 0.10 s on four |
# | Goyal et al. (2017) | ResNet-50, 8,192 images on 256 GPUs | all of ImageNet, 90 epochs, in an hour |

# %%
dlcourse.submit()
