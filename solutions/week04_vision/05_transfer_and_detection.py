# %% [markdown]
# # 5 · Transfer learning, and a box
#
# *Large Scale Deep Learning*, session III, slide "Whither Unsupervised Learning?". *Practical Deep Learning* week 5,
# quiz questions 1, 2 and 9.
#
# **You should know** convolutional networks (`convolution`, `conv-pyramid`), batch normalization and cross-entropy.
# **You will have built** a network that learns one task from thousands of labels and another from fifty, nine ways of
# carrying over what it knows, a table of what Keras' freezing really freezes, and a network with two heads that says
# what is in a picture and draws a box around it.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) A 5x5 convolution with stride 2 and zero padding turns 20x20 pixels into 10x10. How many zeros stand
#    beside a row of the picture, and what does an output near the border see that one in the middle does not?
# 2. (Week 3) Batch normalization subtracts a mean and divides by a standard deviation. Of what, while training, and of
#    what, when the network is used?
#
# <details><summary>Answers</summary>
#
# 1. $(10 - 1) \cdot 2 + 5 - 20 = 3$: one before, two after. Near the border it sees zeros, so it can tell where it is.
#    The last section measures how much that gives away.
# 2. While training: of the batch. In use: the moving averages of those. They are not trained, and yet they change.
#
# </details>

# %%
dlcourse.setup("week04/05_transfer_and_detection", seed=45)

from concurrent.futures import ThreadPoolExecutor

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds, sprites, stats
from keras import layers

tf.config.threading.set_intra_op_parallelism_threads(1)  # two networks are trained side by side instead

# %% [markdown] topic="transfer-learning"
# ## Transfer learning
#
# "**Transfer Learning** works amazingly well in practice: It is often better to initialize your model from a
# **supervised model trained on a different task**, than to use unlabeled data matching your task." (*Large Scale Deep
# Learning*.) The quiz of *Practical Deep Learning* asks how: "When fine-tuning a Convolutional Neural Network, which of
# the following techniques is most effective? Start by training a network with a very large dataset, and then modify
# and re-learn" either "the first layer(s)" or "the last layer(s) with a smaller dataset after the network learns a
# mapping from pixels to a feature space".
#
# Our pictures are shapes of any colour, size and rotation on textured grounds. Of the ten classes, triangle, hexagon,
# ring, five-pointed star and plus make up the *source* task, with thousands of labels. Square, disc, crescent,
# six-pointed star and cross are the *target* task, with ten labels each.

# %%
plots.images(sprites.draw(16, size=20, seed=1).images)

# %% [markdown]
# The network has three convolutions, each with batch normalization, and one dense layer over the mean of the maps. We
# write its *trunk*, all but the dense layer, as a function of its weights, so that the same weights can be trained,
# frozen or exchanged at will. `averages` are batch normalization's moving averages. (`wrap` is for later.)

# %%
def features(weights, averages, images, training=False, wrap=False):
    """Maps (batch, 5, 5, 64) of the images (batch, 20, 20, 3), and the new moving averages."""
    maps, new_averages = 4 * (images - 0.5), []
    for layer, ((kernel, gamma, beta), (mean, variance)) in enumerate(zip(weights[:3], averages, strict=True)):
        if layer == 2:
            maps = tf.nn.max_pool2d(maps, 2, 2, "VALID")  # (batch, 5, 5, 32)
        stride, padding = 2 if layer == 0 else 1, "VALID" if wrap else "SAME"
        maps = tf.nn.conv2d(wrapped(maps, stride) if wrap else maps, kernel, stride, padding)
        if training:
            moments = tf.nn.moments(maps, (0, 1, 2))  # over batch and places: (channels,) each
            new_averages.append((0.9 * mean + 0.1 * moments[0], 0.9 * variance + 0.1 * moments[1]))
            mean, variance = moments
        maps = tf.nn.relu(gamma * (maps - mean) / tf.sqrt(variance + 0.001) + beta)
    return maps, new_averages if training else averages


def wrapped(maps, stride):  # padded with what stands at the opposite side: one before, `stride` after
    maps = tf.concat([maps[:, -1:], maps, maps[:, :stride]], axis=1)
    return tf.concat([maps[:, :, -1:], maps, maps[:, :, :stride]], axis=2)


# %%
def initial(seed, *heads):
    """Random weights, a tuple for each layer: kernel, gamma, beta in the trunk, matrix and bias in each head."""
    rng = np.random.default_rng(seed)
    kernels = [tf.constant(rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape), tf.float32)
               for shape in [(5, 5, 3, 16), (3, 3, 16, 32), (3, 3, 32, 64), *heads]]
    return [(kernel, *([tf.ones(kernel.shape[-1])] if kernel.ndim == 4 else []), tf.zeros(kernel.shape[-1]))
            for kernel in kernels]


FRESH = [(tf.zeros(width), tf.ones(width)) for width in (16, 32, 64)]  # moving averages before any training

# %% [markdown]
# The same trunk as a Keras model, which takes our weights:

# %%
def keras_trunk(weights, averages):
    blocks = [[layers.Conv2D(width, size, strides=stride, padding="same", use_bias=False),
               layers.BatchNormalization(momentum=0.9), layers.ReLU()]
              for width, size, stride in [(16, 5, 2), (32, 3, 1), (64, 3, 1)]]
    trunk = keras.Sequential([keras.Input((20, 20, 3)), layers.Rescaling(4.0, -2.0), *blocks[0], *blocks[1],
                              layers.MaxPooling2D(2), *blocks[2]])
    trunk.set_weights([part for layer in zip(weights[:3], averages, strict=True) for pair in layer for part in pair])
    return trunk


images, weights = sprites.draw(64, size=20, seed=2).images, initial(3)
for training in (True, False):
    ours, theirs = features(weights, FRESH, images, training)[0], keras_trunk(weights, FRESH)(images, training=training)
    print(f"training={training}: largest difference from Keras' trunk {float(tf.reduce_max(abs(ours - theirs))):.1g}")

# %% [markdown]
# ### Exercise 1 (4 points): what is trained, and what only kept?
#
# A convolutional layer followed by batch normalization has no bias, since beta would do its work; batch normalization
# keeps four numbers a channel: gamma, beta and two moving averages. A layer without it has a bias. Count, for a network
# whose first `frozen` layers are frozen, the numbers that gradient descent trains and those that it does not, as
# Keras' `summary()` does under "Trainable params" and "Non-trainable params".

# %% nbgrader={"grade": false, "grade_id": "parameters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def parameters(kernels: list[tuple[int, ...]], normalized: list[bool], frozen: int) -> tuple[int, int]:
    """Numbers that are trained, and numbers that are kept but not trained.

    kernels: a shape for each layer, from the first; its last axis is the layer's channels: (5, 5, 3, 16), (64, 10).
    normalized: for each layer, whether batch normalization follows (then the layer has no bias).
    frozen: how many layers, counted from the first, are frozen, together with their normalization.
    """
    ### BEGIN SOLUTION
    learnable = [int(np.prod(shape)) + shape[-1] * (1 + norm) for shape, norm in zip(kernels, normalized, strict=True)]
    averages = sum(2 * shape[-1] for shape, norm in zip(kernels, normalized, strict=True) if norm)
    return sum(learnable[frozen:]), sum(learnable[:frozen]) + averages
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "parameters_trained", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a normalized 3x3 convolution, 4 to 8 channels: trained", parameters([(3, 3, 4, 8)], [True], 0)[0], expected=304)
check("the same frozen, then 8 to 10: trained", parameters([(3, 3, 4, 8), (8, 10)], [True, False], 1)[0], expected=90)
### BEGIN HIDDEN TESTS
kernels = [(3, 3, *pair) for pair in check.rng().integers(2, 40, size=(5, 2)).tolist()]
check("five layers, any number of them frozen: trained",
      [parameters(kernels, [True, False, True, True, False], frozen)[0] for frozen in range(6)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "parameters_kept", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("moving averages are never trained", parameters([(3, 3, 4, 8)], [True], frozen=0)[1], expected=16)
### BEGIN HIDDEN TESTS
kernels = [(3, 3, *pair) for pair in check.rng().integers(2, 40, size=(5, 2)).tolist()]
check("five layers, any number of them frozen: kept",
      [parameters(kernels, [True, False, True, True, False], frozen)[1] for frozen in range(6)])
### END HIDDEN TESTS

# %% [markdown]
# With it, what each way of re-learning our network has to learn from fifty pictures:

# %% waits=["parameters"]
KERNELS, NORMALIZED = [(5, 5, 3, 16), (3, 3, 16, 32), (3, 3, 32, 64), (64, 5)], [True, True, True, False]
plots.table(["frozen", "trained", "kept"], [[f"first {frozen} of 4 layers", *parameters(KERNELS, NORMALIZED, frozen)]
                                            for frozen in range(4)])

# %% [markdown]
# ### One learning rate a layer
#
# Training is Adam, with a vector of learning rates: one a layer. A frozen layer has rate 0, so each way of re-learning
# is a start and a vector of rates. The rates fall to 0 over the second half of the steps.

# %%
each = tf.nest.map_structure


def trainer(loss):  # loss(weights, averages, images, targets) -> value, averages
    @tf.function(reduce_retracing=True)
    def train(weights, averages, images, targets, rates, steps, batch, seed):
        slope, square = each(tf.zeros_like, weights), each(tf.zeros_like, weights)
        for step in tf.range(steps):
            rows = tf.random.stateless_uniform((batch,), [seed, step], 0, tf.shape(images)[0], tf.int32)
            some = each(lambda data: tf.gather(data, rows), targets)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                value, averages = loss(weights, averages, tf.gather(images, rows), some)
            gradient, time = tape.gradient(value, weights), tf.cast(step, tf.float32)
            slope = each(lambda m, g: 0.9 * m + 0.1 * g, slope, gradient)
            square = each(lambda v, g: 0.99 * v + 0.01 * g**2, square, gradient)
            scale = tf.sqrt(1 - 0.99 ** (time + 1)) / (1 - 0.9 ** (time + 1))  # both averages began at 0
            scale *= tf.minimum(1.0, 2 - 2 * time / tf.cast(steps, tf.float32))
            weights = [each(lambda w, m, v: w - rate * scale * m / (tf.sqrt(v) + 1e-7), *layer)  # noqa: B023
                       for rate, *layer in zip(tf.unstack(rates, len(weights)), weights, slope, square, strict=True)]
        return weights, averages

    return lambda start, images, targets, rates, steps, batch, seed: train(
        *start, images, targets, tf.constant(rates, tf.float32), *tf.constant([steps, batch, seed]))


# %% [markdown]
# Three losses: of the class, from the mean of the maps; of a head alone, whose inputs are those means, computed before;
# and of an autoencoder, which squeezes a picture of 1,200 numbers into 5 x 5 x 8 and draws it again, a 4x4 patch for
# each place.

# %%
def dense(layer, inputs):
    return inputs @ layer[0] + layer[1]


def cross_entropy(head, means, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, dense(head, means)))


def classification(weights, averages, images, labels, training=False):
    maps, averages = features(weights, averages, images, training)
    return cross_entropy(weights[3], tf.reduce_mean(maps, (1, 2)), labels), averages


def reconstruction(weights, averages, images, _):
    maps, averages = features(weights, averages, images, training=True)
    patches = dense(weights[4], dense(weights[3], maps))  # (batch, 5, 5, 48)
    return tf.reduce_mean((tf.nn.depth_to_space(patches, 4) - 4 * (images - 0.5)) ** 2), averages


# %% [markdown]
# Batch normalization uses the batch's moments (`training=True`) where a network starts from nothing, and the source's
# moving averages where it is fine-tuned. Five networks learn the source task from 4,400 labels. The deck says what to
# compare them with, too: five *autoencoders* with the same trunk learn from 3,300 pictures of the target itself,
# without their labels, in as many steps.

# %% tags=["demo"]
scenes = sprites.draw(10_000, size=20, seed=seeds(1)[0])
source, target = ([part[scenes.labels % 2 == odd] for part in (scenes.images, scenes.labels // 2)] for odd in (0, 1))
pool, validation, test = ([part[rows] for part in target]
                          for rows in (slice(3300), slice(3300, 3800), slice(3800, None)))
learn = {"new": trainer(lambda *batch: classification(*batch, True)), "tuned": trainer(classification),
         "autoencoder": trainer(reconstruction),
         "head": trainer(lambda head, averages, *batch: (cross_entropy(head[0], *batch), averages))}
threads = ThreadPoolExecutor(2)
represent = tf.function(lambda w, a, images: tf.reduce_mean(features(w, a, images)[0], (1, 2)), reduce_retracing=True)


def accuracy(weights, averages, images, labels):
    return 100 * np.mean(np.argmax(dense(weights[3], represent(weights[:3], averages, images)), axis=1) == labels)


# %% tags=["demo"]
large = source[0][:4400], source[1][:4400]
supervised = threads.map(lambda seed: learn["new"](
    (initial(seed, (64, 5)), FRESH), *large, [5e-3] * 4, 320, 32, seed), seeds(5))
autoencoders = threads.map(lambda seed: learn["autoencoder"](
    (initial(seed, (64, 8), (8, 48)), FRESH), *pool, [5e-3] * 5, 320, 32, seed), seeds(5))
starts = {"nothing": [(initial(seed + 100, (64, 5)), FRESH) for seed in seeds(5)], "source": list(supervised),
          "autoencoder": list(autoencoders)}
print("source task (%):", np.round([accuracy(*one, *(part[4400:] for part in source)) for one in starts["source"]], 1))

# %% [markdown]
# Now fifty labelled pictures of the target. "Modify" the head: a new one for five new classes, which begins with zeros.
# It may go ten times as fast as the layers under it, and a hundred times where "all layers" are tuned at a lower rate.
# The quiz's other answer needs care to be fair. If only the first layers are re-learned, the head stays as it is. Both
# tasks have five classes, so it fits: class $k$ of the target takes the place of class $k$ of the source.
#
# When everything under the head is frozen, the means of the maps never change. We compute them once, and what is left
# is a softmax regression. All ways take 40 steps of 25 pictures, each at the best of four rates on 500 validation
# pictures (and with other labelled pictures than in the test). Which will do best, and which worst?

# %% tags=["demo"]
WAYS = {"from scratch": ("nothing", [1, 1, 1, 1]), "last layer, random trunk": ("nothing", [0, 0, 0, 10]),
        "first layer": ("source", [1, 0, 0, 0]), "first two layers": ("source", [1, 1, 0, 0]),
        "all layers": ("source", [0.1, 0.1, 0.1, 10]), "last two layers": ("source", [0, 0, 1, 10]),
        "last layer": ("source", [0, 0, 0, 10]),
        "autoencoder, all layers": ("autoencoder", [1, 1, 1, 10]),
        "autoencoder, last layer": ("autoencoder", [0, 0, 0, 10])}
RATES = [3e-4, 1e-3, 3e-3, 1e-2]


def relearned(way, rate, repeat, count=10, steps=40, seed=0):
    """Weights and averages after re-learning with `count` labels a class."""
    start, factors = WAYS[way]
    (weights, averages), rates = starts[start][repeat], np.array(factors) * rate
    rng = np.random.default_rng(seeds(5)[repeat] + seed)
    rows = np.concatenate([rng.permutation(np.flatnonzero(pool[1] == label))[:count] for label in range(5)])
    data, settings = (pool[0][rows], pool[1][rows]), (steps, 25, seeds(5)[repeat])
    head = [(tf.zeros((64, 5)), tf.zeros(5)) if rates[3] else weights[3]]
    if not rates[:3].any():
        means = represent(weights[:3], averages, data[0])  # (5 * count, 64)
        return weights[:3] + learn["head"]((head, averages), means, data[1], rates[3:], *settings)[0], averages
    return learn["new" if start == "nothing" else "tuned"]((weights[:3] + head, averages), *data, rates, *settings)


trials = [(way, rate) for way in WAYS for rate in RATES]
scores = [accuracy(*run, *validation) for run in threads.map(lambda trial: relearned(*trial, 0, seed=500), trials)]
best = dict(zip(WAYS, np.array(RATES)[np.reshape(scores, (-1, 4)).argmax(axis=1)], strict=True))
results = {way: np.array([accuracy(*run, *test) for run in threads.map(
    relearned, [way] * 5, [best[way]] * 5, range(5))]) for way in WAYS}
plots.table(["re-learned", "rates of the four layers", "accuracy on the target (%), mean", "95% half-width"],
            [[way, ", ".join(f"{best[way] * factor:g}" for factor in WAYS[way][1]), *stats.mean_interval(values)]
             for way, values in results.items()])

# %% tags=["demo"]
plots.bars({way: values for way, values in results.items() if "autoencoder" not in way and "random" not in way},
           ylabel="accuracy on the target (%; chance: 20)")

# %% [markdown]
# Where does transfer stop paying? Below, both learn in as many steps from more and more labels. (From 50 labels on, the
# network from scratch goes at the rate of the source networks, which would be too much for fifty pictures.)

# %% tags=["demo"]
counts, steps = [2, 10, 50, 200, 600], [40, 40, 40, 100, 300]
rates = {"last layer": [best["last layer"]] * 5, "from scratch": [best["from scratch"]] * 2 + [5e-3] * 3}
curves = {way: np.reshape([accuracy(*run, *test) for run in threads.map(
    relearned, [way] * 15, rates[way] * 3, np.repeat(range(3), 5), counts * 3, steps * 3)], (3, 5)) for way in rates}
plots.line(counts, curves, xlabel="labels a class", ylabel="accuracy on the target (%)", log="x")

# %% tags=["demo"]
unlabelled = np.maximum(results["autoencoder, all layers"], results["autoencoder, last layer"])
lead = {way: stats.mean_interval(results["last layer"] - values) for way, values in [
    *results.items(), ("the autoencoder's better way", unlabelled)] if way.split()[0] in ("from", "first", "the")}
claim(
    "transfer-learning",
    measured={"accuracy (%): " + "; ".join(results): [values.mean() for values in results.values()]}
    | {f"last layer less {way}, 95% half-width": interval for way, interval in lead.items()}
    | {"600 labels a class: last layer, from scratch (%)": [run[:, -1].mean() for run in curves.values()]},
    holds=len(lead) == 4 and all(mean > half_width for mean, half_width in lead.values()),
    because="a layer on features of another task beats every way that must learn features from fifty pictures",
)

# %% [markdown]
# Both sentences hold here. An autoencoder of the target's own pictures learns what they consist of, mostly grounds and
# colours, and the class is not among it; a supervised network of another task was told that shapes matter. And the
# nearer to the output we re-learn, the better. Re-learning all layers comes close to the last alone, if the old ones go
# a hundred times slower than the new. With 600 labels a class, and in these few steps, transfer still pays. Re-learning
# the first layer does beat starting from nothing, because all the others still know something; but it has to bend
# squares and crosses until they pass for triangles and rings.
#
# **How this could be wrong.** The two tasks are alike in all but the classes: same ground, colours and sizes. Random
# features under a trained head (second row) are a control: there is nothing in the last layer alone. Five hundred
# labelled pictures that choose the rate are more than the fifty that are learned; every way has them. The autoencoder
# stands for the unsupervised learning of the deck's day.
#
# **Often mistaken.** What counts is that the *features* fit, not which layer is last: from pictures of another kind
# (X-rays, spectrograms) the first layers may be what has to change (Lee et al. 2023, "Surgical fine-tuning").
# **Practice has moved on**: since about 2020 networks that are trained without labels, by contrast or by filling in
# masked patches, transfer as well as supervised ones or better. Language models are the largest case.
#
# ### The Keras way, and what its freezing freezes
#
# In Keras the three steps are: take the trunk, set `trainable = False`, put a new head on it. Trained for ten steps of
# plain gradient descent on the fifty pictures, its head and ours agree.

# %% tags=["demo"]
(weights, averages), fifty, labels = starts["source"][0], pool[0][:50], pool[1][:50]
trunk = keras_trunk(weights, averages)
trunk.trainable = False
net = keras.Sequential([trunk, layers.GlobalAveragePooling2D(), layers.Dense(5, kernel_initializer="zeros")])
net.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
net.fit(fifty, labels, batch_size=50, epochs=10, shuffle=False, verbose=0)
means, head = represent(weights[:3], averages, fifty).numpy(), (np.zeros((64, 5)), np.zeros(5))
for _ in range(10):
    error = (tf.nn.softmax(dense(head, means)).numpy() - np.eye(5)[labels]) / 50  # (50, 5)
    head = head[0] - 0.1 * means.T @ error, head[1] - 0.1 * error.sum(axis=0)
print(f"largest difference: {abs(net.layers[-1].get_weights()[0] - head[0]).max():.1g}")

# %% [markdown]
# Two things in the trunk can move: what gradients train, and batch normalization's averages. Guess each row of the
# table before you look: does a step with `train_on_batch` move them?

# %% tags=["demo"]
def what_moves(freeze=(), late=False, training=None):
    trunk, inputs = keras_trunk(weights, averages), keras.Input((20, 20, 3))
    net = keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(trunk(inputs, training=training))))
    net.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    if late:
        net.train_on_batch(fifty, labels)
    for layer in trunk.layers:
        layer.trainable = not isinstance(layer, freeze)
    before = trunk.get_weights()
    net.train_on_batch(fifty, labels)
    moved = [not np.array_equal(old, new) for old, new in zip(before, trunk.get_weights(), strict=True)]
    return any(moved[0::5]), any(moved[3::5])  # of each block's kernel, gamma, beta, mean, variance


plots.table(["the trunk", "kernels move", "averages move"], [
    ["trainable", *what_moves()], ["trainable = False", *what_moves(layers.Layer)],
    ["trainable = False after the first step", *what_moves(layers.Layer, late=True)],
    ["called as trunk(x, training=False)", *what_moves(training=False)],
    ["BatchNormalization layers: trainable = False", *what_moves(layers.BatchNormalization)]])

# %% [markdown]
# - `trainable = False` does more to batch normalization than its name says: the layer also uses its averages and stops
#   moving them. That is what we want of a frozen trunk.
# - Keras reads the flag when it builds its training step, on the first step after `compile`. A flag set later changes
#   nothing, and nothing warns. Compile again whenever you freeze or unfreeze.
# - When all layers are tuned, fifty pictures are too few to estimate averages from. The advice that most tutorials give
#   is to call the trunk with `training=False`. In Keras 2 this was remembered. In Keras 3, at least up to 3.15, `fit`
#   passes its own `training=True` down to every layer of a functional model, over the recorded value (pull request
#   23364 of July 2026 mends it): the averages move. Freeze the batch normalization layers themselves.

# %% [markdown] topic="detection-box"
# ## A box
#
# The quiz of *Practical Deep Learning*: "Imagine that you are looking at numerous images of animals at the zoo and are
# interested in training a model that correctly classifies each image by animal. You also want to generate a bounding
# box around the animal in the image." Its answers: this is supervised learning, and a convolutional network can do it.
# Our animals are the ten shapes, one at a random place in each picture. A box is four numbers: top, left, bottom,
# right, as fractions of the picture's side. Rows come before columns, as in the image's array.

# %%
def show_boxes(images, styles, titles=None):  # styles: {(colour, dashes): boxes (n, 4)}
    plots.images(images, titles)
    for (colour, dashes), boxes in styles.items():
        for ax, (top, left, bottom, right) in zip(plt.gcf().axes, 20 * np.asarray(boxes) - 0.5, strict=False):
            box = plt.Rectangle((left, top), right - left, bottom - top, fill=False, color=colour, ls=dashes, lw=1.8)
            ax.add_patch(box)


sample = sprites.draw(16, size=20, seed=4)
show_boxes(sample.images[:8], {("white", "-"): sample.boxes[:8]})

# %% [markdown]
# ### Exercise 2 (4 points): intersection over union
#
# How good is a box? Divide the area that it shares with the true box by the area that the two cover together: the
# *intersection over union* (IoU), 1 for equal boxes and 0 for boxes that share nothing.

# %% nbgrader={"grade": false, "grade_id": "iou", "locked": false, "schema_version": 3, "solution": true, "task": false}
def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with the other in its row, (n,). Both (n, 4): top, left, bottom, right."""
    ### BEGIN SOLUTION
    area = lambda corners: (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])  # noqa: E731
    start, end = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])  # (n, 2)
    shared = np.prod(np.maximum(end - start, 0), axis=1)
    return shared / (area(boxes) + area(others) - shared)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "iou_overlapping", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("left half against top half: 1/4 shared, 3/4 covered",
      iou(np.array([[0, 0, 1, 0.5]]), np.array([[0, 0, 0.5, 1]])), expected=[1 / 3])
### BEGIN HIDDEN TESTS
first = check.rng().uniform(0, 0.4, size=(8, 4)) + [0, 0, 0.5, 0.5]
check("overlapping boxes", iou(first, first[::-1]))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "iou_disjoint", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("side by side, apart", iou(np.array([[0, 0, 1, 0.2]]), np.array([[0, 0.5, 1, 0.9]])), expected=[0.0])
check("apart in both directions", iou(np.array([[0, 0, 0.2, 0.2]]), np.array([[0.5, 0.5, 0.9, 0.9]])), expected=[0.0])
### BEGIN HIDDEN TESTS
rng = check.rng()
start, side = rng.uniform(0, 0.3, size=(8, 2)), rng.uniform(0.15, 0.4, size=(2, 8, 2))
apart = start + 0.5 * rng.permutation([[1, 1]] * 3 + [[0, 1]] * 2 + [[0.2, 0.2]] * 3)
check("boxes far apart, apart or not", iou(np.hstack([start, start + side[0]]), np.hstack([apart, apart + side[1]])))
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 (4 points): find the planted bugs
#
# Mirrored pictures are new pictures, for free, if their boxes are mirrored too. A colleague wrote this for images
# `(n, height, width, 3)` and boxes as above. Training with it makes the boxes worse, and no line raises an error.
#
# ```python
# def mirrored(images, boxes):
#     left, top, right, bottom = boxes.T
#     return images[:, :, ::-1], np.stack([1 - left, top, 1 - right, bottom], axis=1)
# ```
#
# There are two bugs. Draw a box, mirror it on paper, and write the function as it should be.

# %% nbgrader={"grade": false, "grade_id": "mirrored", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mirrored(images: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, height, width, 3), left and right exchanged, and their boxes (n, 4): top, left, bottom, right."""
    ### BEGIN SOLUTION
    top, left, bottom, right = boxes.T
    return images[:, :, ::-1], np.stack([top, 1 - right, bottom, 1 - left], axis=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mirrored_vertical", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("top and bottom stay where they are",
      mirrored(np.zeros((1, 4, 4, 3)), np.array([[0.1, 0.2, 0.6, 0.5]]))[1][:, [0, 2]], expected=[[0.1, 0.6]])
### BEGIN HIDDEN TESTS
rng = check.rng()
pictures, corners = rng.random((5, 4, 6, 3)), np.sort(rng.random((5, 2, 2)), axis=1).reshape(5, 4)
check("any pictures, mirrored", mirrored(pictures, corners)[0])
check("any boxes: top and bottom", mirrored(pictures, corners)[1][:, [0, 2]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "mirrored_horizontal", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the new left is where the old right was",
      mirrored(np.zeros((1, 4, 4, 3)), np.array([[0.1, 0.2, 0.6, 0.5]]))[1][:, [1, 3]], expected=[[0.5, 0.8]])
### BEGIN HIDDEN TESTS
rng = check.rng()
corners = np.sort(rng.random((5, 2, 2)), axis=1).reshape(5, 4)
check("any boxes: left and right", mirrored(rng.random((5, 4, 6, 3)), corners)[1][:, [1, 3]])
### END HIDDEN TESTS

# %% waits=["mirrored"]
images, boxes = mirrored(sample.images[8:], sample.boxes[8:])
show_boxes(np.concatenate([sample.images[8:], images]), {("white", "-"): np.concatenate([sample.boxes[8:], boxes])})

# %% [markdown]
# ### One network, two heads
#
# Both heads stand on the trunk, and one loss trains everything: cross-entropy for the class and, `balance` times, a
# loss for the box. Squared errors would let one bad box outweigh many good ones; *smooth L1* is a parabola within 0.05
# of the truth and a straight line outside. (In a picture without an object this term would be masked: there is no true
# box.) The head of the class averages over all places, since the class does not depend on the place. The box does. So
# would a head that averages fail? We try it (`keep=False`), beside one that keeps the 25 places apart.

# %%
def smooth_l1(error, knee=0.05):
    return tf.where(abs(error) < knee, error**2 / (2 * knee), abs(error) - knee / 2)


def boxes_of(weights, maps, keep):
    hidden = tf.nn.relu(dense(weights[4], maps))  # (batch, 5, 5, 32)
    return dense(weights[5], tf.reshape(hidden, (-1, 800)) if keep else tf.reduce_mean(hidden, (1, 2)))  # (batch, 4)


def detection(weights, averages, images, targets, keep=True, wrap=False, balance=10.0):
    maps, _ = features(weights, averages, images, wrap=wrap)
    off = tf.reduce_sum(smooth_l1(boxes_of(weights, maps, keep) - targets[1]), axis=1)  # (batch,)
    return balance * tf.reduce_mean(off) + cross_entropy(weights[3], tf.reduce_mean(maps, (1, 2)), targets[0]), averages


# %% [markdown]
# The trunk begins with the weights of the source task, as detectors begin with those of ImageNet, and its batch
# normalization stays in inference mode. The simplest rival is no network: always the mean of the training boxes. As a
# control that must fail, `wrap=True` takes what padding adds from the opposite side instead of zeros. Then the picture
# has no border, a shape shifted by four pixels gives maps shifted by one, and their mean cannot know the place.

# %% tags=["demo"]
VARIANTS = {"zeros, places kept": (True, False, 10.0), "zeros, mean": (False, False, 10.0),
            "wrapped, mean": (False, True, 10.0)}
train, test = ([part[rows] for part in (scenes.images, scenes.labels, scenes.boxes)]
               for rows in (slice(8500), slice(8500, None)))
learners = {name: trainer(lambda *batch, how=how: detection(*batch, *how)) for name, how in VARIANTS.items()}
mean_box = train[2].mean(axis=0)


def detector(name, repeat):
    weights, averages = starts["source"][repeat]
    *heads, (last, _) = initial(seeds(5)[repeat], (64, 10), (64, 32), (800 if VARIANTS[name][0] else 32, 4))[3:]
    start = weights[:3] + heads + [(0.1 * last, tf.constant(mean_box))]
    return learners[name]((start, averages), train[0], train[1:], [3e-3] * 6, 300, 32, seeds(5)[repeat])


detectors = {name: list(threads.map(detector, [name] * 5, range(5))) for name in VARIANTS}

# %% tags=["demo"] waits=["iou"]
def judged(name, weights, averages):  # accuracy (%), mean IoU, share with the right class and an IoU above 0.5 (%)
    maps, _ = features(weights, averages, test[0], wrap=VARIANTS[name][1])
    right = np.argmax(dense(weights[3], tf.reduce_mean(maps, (1, 2))), axis=1) == test[1]
    overlap = iou(boxes_of(weights, maps, VARIANTS[name][0]).numpy(), test[2])
    return 100 * right.mean(), overlap.mean(), 100 * (right & (overlap > 0.5)).mean()


scores = {name: np.array([judged(name, *run) for run in detectors[name]]) for name in VARIANTS}  # (seeds, 3) each
baseline = iou(np.tile(mean_box, (len(test[0]), 1)), test[2]).mean()
plots.table(["padding and head", "accuracy (%)", "mean IoU", "95% half-width", "right class and IoU > 0.5 (%)"],
            [["no network: mean box, one class", 100 * np.mean(test[1] == 0), baseline, 0.0, "-"]] + [
             [name, values[:, 0].mean(), *stats.mean_interval(values[:, 1]), values[:, 2].mean()]
             for name, values in scores.items()])

# %% [markdown]
# Test pictures: the true box in white, the network's dashed, and above them the class that it names.

# %% tags=["demo"]
weights, averages = detectors["zeros, places kept"][0]
maps, _ = features(weights, averages, test[0][:16])
found = [sprites.CLASSES[label] for label in np.argmax(dense(weights[3], tf.reduce_mean(maps, (1, 2))), axis=1)]
show_boxes(test[0][:16], {("white", "-"): test[2][:16], ("black", "--"): boxes_of(weights, maps, True)}, found)

# %% tags=["demo"] waits=["iou"]
kept, mean, free = (scores[name][:, 1] for name in ("zeros, places kept", "zeros, mean", "wrapped, mean"))
gain, border = stats.mean_interval(kept - baseline), stats.mean_interval(mean - free)
claim(
    "detection-box",
    measured={"IoU: " + "; ".join(VARIANTS): [values[:, 1].mean() for values in scores.values()],
              "their accuracy (%)": [values[:, 0].mean() for values in scores.values()],
              "IoU of the mean box": baseline, "network less mean box, 95% half-width": gain,
              "the border's part in the mean: IoU, 95% half-width": border},
    holds=gain[0] - gain[1] > 0.15 and scores["zeros, places kept"][:, 0].min() > 30 and border[0] > border[1],
    because="one network names the shape and finds it; a head that averages over places finds it by the border's zeros",
)

# %% [markdown]
# Compare the rows of zeros: averaging over all places hardly hurts. The last row says why. Without a border the same
# head is little better than the mean box; it still learns how large the shape is, not where. So it was the zeros that
# told the place: a map near the border differs from one in the middle, and three layers later every place has heard of
# it (Islam, Jia and Bruce 2020, "How much position information do convolutional neural networks encode?"). That
# wrapping does not spoil the trunk is seen in the accuracy.
#
# **How this could be wrong.** 300 steps are few, and accuracy would rise with more in every row. No shape is small, and
# each is alone in its picture. How much the two tasks take from each other depends on `balance`.
# **Often mistaken.** Smooth L1 on four numbers is not the IoU: an error of 0.05 ruins a small box and hardly changes a
# large one. **Practice has moved on** from one box a picture. Detectors predict a class, a score and a box at every
# place of the map, relative to *anchors* of some shapes (Faster R-CNN, SSD) or to the place itself (FCOS, YOLO), and
# remove doubles; DETR learns a set of boxes with a transformer. Their box losses include the IoU itself, as generalized
# IoU, which has a gradient even for boxes that do not touch.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Freeze what knows, replace what is specific, and re-learn the last layers. With ten labels a class, features from
#   another task are worth more than everything that fifty pictures can teach.
# - A frozen trunk's features never change: compute them once, and train the head in milliseconds.
# - Freezing has two parts, what gradients train and what batch normalization averages. Compile after every change.
# - A box is a regression beside a classification; IoU judges it. Zero padding tells a network where things are.
#
# ## At full scale
#
# | where | what | trained | cost |
# |---|---|---|---|
# | this laptop | 25,000 parameters, 4,400 source pictures of 20x20 | 325 of them for the last layer | seconds |
# | one GPU | ResNet-50 with ImageNet weights (25.6 million), a thousand pictures of yours | 2,049 a class | minutes |
# | the papers | Faster R-CNN on COCO: 118,000 pictures, 80 classes | all but the first layers | 8 GPUs, a day |
#
# Next: notebook 6 changes a picture so little that nobody sees it, and the network names another class.

# %%
dlcourse.submit()
