# %% [markdown]
# # 1 · Convolution, weight tying, pooling
#
# *Large Scale Deep Learning*, session II, slides "Expressing Invariants: Weight Tying", "Models for Images",
# "Convolutions" and "Non-linearities"; *Hot research*, quiz question 8.
#
# **You should know** how gradients flow back through a layer (`backprop-one-layer`) and what a convolution costs
# (`orders-of-magnitude`). **You will have built** convolution as one matrix product, its gradient as a sum over places,
# three kinds of pooling, and a stack of 32 small convolutional networks that train side by side.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1, notebook 2) A value $v$ is used twice: $L = f(v) + g(v)$. What does back-propagation do with the two
#    gradients that come back?
# 2. (Week 1, notebook 6) A 3 x 3 convolution makes 16 maps of a 28 x 28 image in grey, with padding. How many weights
#    does it have without biases, and how many multiply-adds does it do?
#
# <details><summary>Answers</summary>
#
# 1. It adds them: $\partial L / \partial v = f'(v) + g'(v)$. A convolution uses each weight at every place of the
#    image, and that rule is all its backward pass needs.
# 2. 144 weights, and 28 · 28 · 144 = 112,896 multiply-adds: each weight is used at 784 places.
#
# </details>

# %%
dlcourse.setup("week04/01_convolution", seed=41)

from itertools import product

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, stats
from scipy.signal import convolve2d

# %% [markdown] topic="convolution"
# ## Convolution
#
# "Lots of jargon: matrix multiplies applied over **patches** as a sliding window, producing **feature maps** of a
# certain **depth**." (*Large Scale Deep Learning*, slide "Convolutions".) The sentence is a program. Cut out the patch
# at every place and lay it flat as a row: the rows times *one* matrix are all feature maps. A slice with a step takes
# pixel $(i, j)$ of all patches at once; the stride is the step from place to place.

# %%
def patches(images, size, stride=1, dilation=1):
    """All patches of images (..., height, width, depth), laid flat: (..., rows, columns, size * size * depth)."""
    reach = dilation * (size - 1)  # from the first pixel of a patch to its last
    height, width = images.shape[-3:-1]
    return tf.concat([images[..., i:i + height - reach:stride, j:j + width - reach:stride, :]
                      for i in range(0, reach + 1, dilation) for j in range(0, reach + 1, dilation)], axis=-1)


rng = np.random.default_rng(41)
images, kernel = rng.normal(size=(2, 8, 12, 3)), rng.normal(size=(3, 3, 3, 4))  # the kernel: size, size, depth, maps
rows = patches(images, 3)  # (2, 6, 10, 27)
print("equal to tf.nn.conv2d:", np.allclose(rows @ kernel.reshape(27, 4), tf.nn.conv2d(images, kernel, 1, "VALID")))

# %% [markdown]
# The price is memory: every pixel is copied into up to nine rows. Libraries cut the patches piece by piece, so that
# they stay in the cache.
#
# **Often mistaken.** What networks call convolution is *cross-correlation*: mathematics turns the filter by 180
# degrees first. Since filters are learned, nobody misses the turn, until weights come from a signal-processing book.

# %%
image, one = images[0, :, :, 0], kernel[:, :, 0, 0]  # (8, 12), (3, 3)
ours = (patches(image[..., None], 3) @ one.reshape(9, 1))[..., 0]  # (6, 10)
print("equal to SciPy's convolve2d:", np.allclose(ours, convolve2d(image, one, "valid")))
print("with the filter turned:", np.allclose(ours, convolve2d(image, one[::-1, ::-1], "valid")))

# %% [markdown]
# What can one matrix see? Four columns by hand, waves of four directions under a bell (*Gabor filters*; trained first
# layers look much like them). **Predict** from each filter, in the corner, what its map answers to. Grey is zero.

# %% tags=["demo"]
photograph = data.photographs()[0].mean(axis=-1)[:426].reshape(213, 2, 320, 2).mean(axis=(1, 3))  # (213, 320)
y, x = np.mgrid[-5:6, -5:6]
waves = [np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / 7) for turn in np.pi * np.arange(4) / 4]
gabor = np.stack([wave * np.exp(-(x**2 + y**2) / 12) for wave in waves], axis=-1)  # (11, 11, 4)
answers = patches(photograph[..., None], 11) @ gabor.reshape(121, 4)  # (203, 310, 4)
for number, ax in enumerate(plots.panels(4)):
    ax.imshow(answers[..., number], cmap="gray", vmin=-3, vmax=3)
    corner = ax.inset_axes([0.0, 0.0, 0.24, 0.36])
    corner.imshow(gabor[..., number], cmap="gray", vmin=-1, vmax=1)
    for axes in (ax, corner):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)

# %% [markdown]
# A filter answers where brightness changes along its wave, and not along its stripes: the first one sees columns, the
# third steps and roof edges.
#
# ### Exercise 1 (4 points): how many places?
#
# "Lots of implementation details related to stride and padding." One axis has `length` pixels. A filter of `size` taps
# with `dilation` $d$ reads every $d$-th pixel, so it reaches over $d(\text{size} - 1) + 1$ pixels. It stands at places
# `stride` apart, and only where it fits in whole.
#
# - `"VALID"` adds nothing: count the places that fit.
# - `"SAME"` fixes the count first, $\lceil \text{length} / \text{stride} \rceil$, and then adds as few zeros as make
#   that many places fit (perhaps none). An odd number of zeros is not split evenly: the extra one comes *after* the
#   last pixel.
#
# Derive the zeros before, the zeros after, and the number of places.

# %% nbgrader={"grade": false, "grade_id": "geometry", "locked": false, "schema_version": 3, "solution": true, "task": false}
def geometry(length: int, size: int, stride: int = 1, dilation: int = 1,
             padding: str = "VALID") -> tuple[int, int, int]:
    """Zeros before the first pixel, zeros after the last, number of places; a VALID filter fits at least once."""
    ### BEGIN SOLUTION
    reach = dilation * (size - 1) + 1
    if padding == "VALID":
        return 0, 0, (length - reach) // stride + 1
    places = -(-length // stride)
    zeros = max((places - 1) * stride + reach - length, 0)
    return zeros // 2, zeros - zeros // 2, places
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "geometry_valid", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("VALID, 8 pixels, 3 taps: the last place begins at pixel 5", geometry(8, 3), expected=(0, 0, 6))
check("VALID, stride 2: pixels that are left over make no place", geometry(8, 3, stride=2), expected=(0, 0, 3))
check("VALID, dilation 3: three taps reach over seven pixels", geometry(8, 3, dilation=3), expected=(0, 0, 2))
### BEGIN HIDDEN TESTS
draws = check.rng().integers([20, 1, 1, 1], [60, 6, 5, 4], size=(12, 4)).tolist()
check("VALID, any length, size, stride and dilation", [geometry(*draw, "VALID") for draw in draws])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "geometry_same", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("SAME, an odd length: a place at both ends", geometry(7, 3, 2, 1, "SAME"), expected=(1, 1, 4))
check("SAME, one zero: it comes after", geometry(8, 3, 2, 1, "SAME"), expected=(0, 1, 4))
check("SAME, a stride longer than the filter: no zeros, never less", geometry(9, 1, 3, 1, "SAME"), expected=(0, 0, 3))
### BEGIN HIDDEN TESTS
draws = check.rng().integers([5, 1, 1, 1], [40, 6, 5, 4], size=(16, 4)).tolist()
check("SAME, any length, size, stride and dilation", [geometry(*draw, "SAME") for draw in draws])
### END HIDDEN TESTS

# %% [markdown]
# With it the convolution is complete. We compare it with `tf.nn.conv2d` and Keras' `Conv2D` (which refuses stride and
# dilation together) in every combination.

# %% waits=["geometry"]
def convolve(images, kernel, stride=1, dilation=1, padding="VALID"):
    """Maps (batch, rows, columns, maps) of images (batch, height, width, depth)."""
    size, _, depth, maps = kernel.shape
    zeros = [geometry(length, size, stride, dilation, padding)[:2] for length in images.shape[1:3]]
    rows = patches(np.pad(images, [(0, 0), *zeros, (0, 0)]), size, stride, dilation)
    return rows @ kernel.reshape(size * size * depth, maps)


# %% tags=["demo"] waits=["geometry"]
rng, gaps, counts = np.random.default_rng(seeds(1)[0]), {"tf": [], "Keras": []}, 0
for length, size, stride, dilation, padding in product([9, 10], [1, 2, 3, 5], [1, 2, 3], [1, 2], ["VALID", "SAME"]):
    images = rng.normal(size=(2, length, 14, 3)).astype("float32")
    kernel = (rng.normal(size=(size, size, 3, 4)) / np.sqrt(3 * size**2)).astype("float32")
    ours = convolve(images, kernel, stride, dilation, padding)
    theirs = tf.nn.conv2d(images, kernel, stride, padding, dilations=dilation)
    counts += tuple(theirs.shape[1:3]) == tuple(geometry(n, size, stride, dilation, padding)[2] for n in [length, 14])
    gaps["tf"].append(np.abs(ours - theirs).max())
    if stride == 1 or dilation == 1:
        layer = keras.layers.Conv2D(4, size, stride, padding, dilation_rate=dilation, use_bias=False)
        layer.build(images.shape)
        layer.set_weights([kernel])
        gaps["Keras"].append(np.abs(ours - layer(images)).max())

# %% [markdown]
# Quiz question 8: "If there are $n$ inputs to a 1-D Convolutional Neural Network, and there are two filters, the filter
# size is 2, the stride is 2 and the padding is 1, then how many units are in the first hidden layer? Assume $n$ is
# even." Answer before you read on; the quiz offers $n$, $n + 2$, $2n$ and $2n + 2$.
#
# A zero on either side makes the length $n + 2$. A VALID filter of size 2 at stride 2 then has $(n + 2 - 2)/2 + 1$
# places, that is $n/2 + 1$, and two filters have $n + 2$ units. We ask Keras too.

# %% tags=["demo"] waits=["geometry"]
units = {}
for n in [2, 4, 6, 8, 32, 100, 7, 9]:
    layers = [keras.Input((n, 1)), keras.layers.ZeroPadding1D(1), keras.layers.Conv1D(2, 2, strides=2)]
    units[n] = [int(np.prod(keras.Sequential(layers).output_shape[1:])), 2 * geometry(n + 2, 2, 2)[2]]
claim(
    "convolution",
    measured={"combinations of size, stride, dilation, padding": len(gaps["tf"]),
              "largest difference from tf.nn.conv2d, from Keras": [max(values) for values in gaps.values()],
              "output sizes right": counts, "quiz 8: units at n = 2, 8, 100": [units[n][0] for n in [2, 8, 100]]},
    holds=max(map(max, gaps.values())) < 1e-5 and counts == len(gaps["tf"])
    and all(one == two for one, two in units.values()) and all(units[n][0] == n + 2 for n in units if n % 2 == 0),
    because="patches times one matrix are the convolution, and the formula gives n + 2 units for the quiz",
)

# %% [markdown]
# The quiz's own answer, $n + 2$, is right; for an odd $n$ a pixel is left over and it is $n + 1$.
#
# **How this could be wrong.** An error in a rare combination would hide in a single test: hence all of them, on images
# that are not square, so that rows and columns cannot be confused. **Often mistaken.** "Padding 1" of other libraries
# puts a zero on either side; SAME at stride 2 on an even length puts one zero after. Size and weights agree, yet every
# place is shifted by a pixel: networks carried from one library to another lose accuracy without an error.

# %% [markdown] topic="weight-tying"
# ## Weight tying
#
# "Backprop 'just works': simply add up all the gradients." (Slide "Expressing Invariants: Weight Tying", for recurrent
# and convolutional networks alike.) To test it, untie: a *locally connected* layer has a kernel of its own at every
# place. At equal kernels it computes the convolution. Then
#
# $$\frac{\partial L}{\partial W} = \sum_{p} \frac{\partial L}{\partial W_p}, \qquad W_p = W \text{ at every place } p.$$

# %%
def untied(images, kernels):
    """Locally connected layer: kernels (rows, columns, size * size * depth, maps), one for each place; stride 1."""
    size = images.shape[1] - kernels.shape[0] + 1
    return tf.einsum("bhwk,hwkd->bhwd", patches(images, size), kernels)


def gradient(loss, weights):
    with tf.GradientTape() as tape:
        tape.watch(weights := tf.convert_to_tensor(weights))
        value = loss(weights)
    return tape.gradient(value, weights)


digit = np.pad(data.digits()[0][:1].astype(float), [(0, 0), (3, 3), (3, 3)])[..., None]  # (1, 14, 14, 1)
kernel = np.random.default_rng(4).normal(size=(3, 3, 1, 8))
kernels = np.tile(kernel.reshape(9, 8), (12, 12, 1, 1))  # (12, 12, 9, 8)
by_place = gradient(lambda kernels: tf.reduce_sum(untied(digit, kernels)**2), kernels)  # (12, 12, 9, 8)
tied = gradient(lambda kernel: tf.reduce_sum(tf.nn.conv2d(digit, kernel, 1, "VALID")**2), kernel)
convolution_gap = np.abs(tf.reduce_sum(by_place, axis=(0, 1)) - tf.reshape(tied, (9, 8))).max()
print(f"sum over {12 * 12} places less the tape's gradient of the tied kernel: {convolution_gap:.1e}")

# %% [markdown]
# A recurrent network ties over time, $h_t = \tanh(h_{t-1} W + x_t)$: the same test with a copy of $W$ a step. We look
# at the terms of both sums. **Predict**: at which places does a digit contribute, and which of 20 steps contributes
# most to a loss at the end?

# %%
def chain(matrices, inputs):
    """Loss at the end of a recurrent chain with a matrix for each step: matrices (steps, n, n), inputs (steps, n)."""
    state = tf.zeros((1, inputs.shape[1]), tf.float64)
    for step in range(len(inputs)):
        state = tf.tanh(state @ matrices[step] + inputs[step])
    return tf.reduce_sum(state**2)


rng = np.random.default_rng(5)
recurrent, inputs = rng.normal(size=(16, 16)) / 5, rng.normal(size=(20, 16))
by_step = gradient(lambda matrices: chain(matrices, inputs), np.tile(recurrent, (20, 1, 1)))  # (20, 16, 16)
tied = gradient(lambda matrix: chain([matrix] * 20, inputs), recurrent)  # (16, 16)
chain_gap = np.abs(tf.reduce_sum(by_step, axis=0) - tied).max()
print(f"sum over 20 steps less the tape's gradient of the tied matrix: {chain_gap:.1e}")

# %% tags=["demo"]
terms, (left, right) = by_place[:, :, 4, 0], plots.panels(2)  # the terms of one weight: (12, 12)
left.imshow(digit[0, 1:-1, 1:-1, 0], cmap="gray")
shown = right.imshow(terms, cmap="PuOr", vmin=-np.abs(terms).max(), vmax=np.abs(terms).max())
right.set_title(f"one weight's gradient at each place: the sum is {np.sum(terms):.1f}")
plt.colorbar(shown, ax=right)
_ = left.axis("off"), right.axis("off")

# %% tags=["demo"]
plots.line(range(2, 21), np.linalg.norm(by_step[1:], axis=(1, 2)), xlabel="step",
           ylabel="norm of its gradient of $W$", log="y")
_ = plt.xticks(range(2, 21, 3))

# %% [markdown]
# A weight's gradient at a place is the pixel under it times what comes back there: nothing where the picture is black.
# In the chain early steps hardly count, since each $\tanh$ and each $W$ on the way back shrinks their gradient (week
# 9); the first, which multiplies $h_0 = 0$, does not count at all.
#
# ### Exercise 2 (4 points): the gradient of a kernel
#
# Now without the tape. The maps are $Y_p = X_p W$, with $X_p$ the flat patch at place $p$, and the *upstream* gradient
# $\partial L / \partial Y$ is given. Return $\partial L / \partial W$ in the kernel's shape. (`patches` may be used.)

# %% nbgrader={"grade": false, "grade_id": "kernel_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kernel_gradient(images: np.ndarray, upstream: np.ndarray, size: int, stride: int = 1) -> np.ndarray:
    """Gradient (size, size, depth, maps) of a loss by the kernel of a VALID convolution.

    images (batch, height, width, depth); upstream (batch, rows, columns, maps), the loss's gradient by the maps."""
    ### BEGIN SOLUTION
    total = np.einsum("bhwk,bhwd->kd", patches(images, size, stride), upstream)
    return total.reshape(size, size, images.shape[-1], upstream.shape[-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kernel_gradient_places", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ramp = np.arange(12.0).reshape(1, 3, 4, 1)
check("one map, gradient 1 at each of 6 places: a sum, no mean",
      kernel_gradient(ramp, np.ones((1, 2, 3, 1)), 2)[:, :, 0, 0], expected=[[18, 24], [42, 48]])
### BEGIN HIDDEN TESTS
check("one picture in grey, any gradient",
      kernel_gradient(check.rng().normal(size=(1, 6, 7, 1)), check.rng().normal(size=(1, 4, 5, 1)), 3))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "kernel_gradient_stride", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("stride 2: 2 places", kernel_gradient(ramp, np.ones((1, 1, 2, 1)), 2, 2)[..., 0, 0], expected=[[2, 4], [10, 12]])
twice = kernel_gradient(np.concatenate([ramp, ramp]), np.ones((2, 2, 3, 1)), 2)
check("two pictures: they add up too", twice[:, :, 0, 0], expected=[[36, 48], [84, 96]])
### BEGIN HIDDEN TESTS
check("a batch with depth, stride 3",
      kernel_gradient(check.rng().normal(size=(3, 7, 10, 2)), check.rng().normal(size=(3, 2, 3, 5)), 3, 3))
### END HIDDEN TESTS

# %% waits=["kernel_gradient"]
tape = gradient(lambda kernel: tf.reduce_sum(tf.nn.conv2d(digit, kernel, 2, "VALID")**2), kernel)
by_hand = kernel_gradient(digit, 2 * tf.nn.conv2d(digit, kernel, 2, "VALID").numpy(), 3, stride=2)
print("by hand as by the tape:", np.allclose(tape, by_hand))

# %% [markdown]
# ### What tying buys
#
# Weights, to begin with; and what is learned at one place is known everywhere. Digits stand at random places of a 14 x
# 14 canvas, 400 of them to learn from. Two networks begin as the same function: 3 x 3 filters, ReLU and 2 x 2 max
# pooling, twice, and a dense layer. One is tied; the other has its own filters at each place. Eight seeds train as one
# *stack*: a leading axis of the weights counts networks, and a matrix product a network does the convolutions.
# **Predict** who is better on the digits learned, and who on new ones.

# %%
def pool(maps, kind, size=2):
    """Pooling of maps (..., height, width, depth) in windows of size x size that do not overlap."""
    taken = patches(maps, size, stride=size)
    windows = tf.reshape(taken, (*taken.shape[:-1], size**2, maps.shape[-1]))  # (..., rows, columns, size**2, depth)
    if kind == "max":
        return tf.reduce_max(windows, axis=-2)
    if kind == "average":
        return tf.reduce_mean(windows, axis=-2)
    if kind == "L2":
        return tf.sqrt(tf.reduce_sum(windows**2, axis=-2) + 1e-12)  # the root of 0 has no gradient
    return windows[..., 0, :]  # "none": one of the four is kept


def layer(images, kernel):
    """Maps of images (networks, batch, height, width, depth): a tied or an untied kernel for each network."""
    equation = "nbhwk,nkd->nbhwd" if len(kernel.shape) == 3 else "nbhwk,nhwkd->nbhwd"
    return tf.einsum(equation, patches(images, 3), kernel)


def network(images, weights, kinds):
    """Logits (networks, batch, 10) of images (networks, batch, 14, 14, 1); each kind pools an equal share of them."""
    *layers, dense = weights
    for kernel, bias in zip(layers[::2], layers[1::2], strict=True):
        shares = tf.split(tf.nn.relu(layer(images, kernel) + bias), len(kinds))
        images = tf.concat([pool(share, kind) for share, kind in zip(shares, kinds, strict=True)], axis=0)
    return tf.einsum("nbk,nkd->nbd", tf.reshape(images, (*images.shape[:2], -1)), dense)


# %%
def start(copies, places=((), ())):
    """Weights of eight networks, `copies` times over; with places (rows, columns) of each layer untied, but equal."""
    weights, rngs = [], [np.random.default_rng(seed) for seed in seeds(8)]
    for inputs, outputs, grid in [(9, 8, places[0]), (72, 16, places[1]), (64, 10, ())]:
        one = [rng.normal(size=(*len(grid) * [1], inputs, outputs)) * (2 / inputs)**0.5 for rng in rngs]  # He's scale
        weights.append(tf.Variable(np.tile(one, (copies, *grid, 1, 1)), dtype=tf.float32))
        weights.append(tf.Variable(tf.zeros((8 * copies, 1, 1, 1, outputs))))
    return weights[:-1]  # the last layer needs no bias


def train(weights, images, labels, kinds, rate=0.01, steps=300, batch=32):
    """Adam, its rate falling to 0, on all networks at once; the eight seeds' batches are the same in all copies."""
    order = [np.random.default_rng([seed, 1]).integers(len(images), size=(steps, batch)) for seed in seeds(8)]
    order = tf.constant(np.tile(order, (weights[0].shape[0] // 8, 1, 1)).swapaxes(0, 1))  # (steps, networks, batch)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(rate, steps, 0.0))
    optimizer.build(weights)

    @tf.function
    def loop():
        for rows in order:
            with tf.GradientTape() as tape:
                logits = network(tf.gather(images, rows), weights, kinds)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, rows), logits)
                loss = tf.reduce_sum(losses) / batch  # a sum: the networks' gradients do not mix
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    loop()


# %%
def accuracy(weights, images, labels, kinds):
    logits = network(tf.broadcast_to(images, (weights[0].shape[0], *images.shape)), weights, kinds)
    return 100 * np.mean(np.argmax(logits, axis=-1) == labels, axis=-1)


def place(digits, shifts):
    """Digits (n, 8, 8) on a canvas (n, 14, 14, 1), in the middle but for shifts (n, 2) in rows and columns."""
    return np.stack([np.pad(digit, [(3 + down, 3 - down), (3 + right, 3 - right)])[..., None]
                     for digit, (down, right) in zip(digits, shifts, strict=True)])


# %% tags=["demo"]
learn, test, learn_labels, test_labels = data.digits(train=400)
rng, trained, results = np.random.default_rng(seeds(1)[0]), {}, {}
learn, test = (place(part, rng.integers(-3, 4, size=(len(part), 2))) for part in (learn, test[:800]))
for name, places in {"tied": ((), ()), "untied": ((12, 12), (4, 4))}.items():
    weights = trained[name] = start(1, places)
    train(weights, learn, learn_labels, ["max"])
    results[name] = [accuracy(weights, learn, learn_labels, ["max"]),
                     accuracy(weights, test, test_labels[:800], ["max"])]  # (8,) each
plots.table(["network", "weights", "learned digits right (%)", "new digits right (%)"],
            [[name, sum(int(np.prod(w.shape[1:])) for w in trained[name]), fit.mean(), new.mean()]
             for name, (fit, new) in results.items()])

# %% [markdown]
# The untied network learns its 400 digits by heart, and fewer of the new ones: an edge learned in one corner is news in
# the next. Tying says beforehand what is true of images, that what they show does not depend on where: "expressing
# invariants". The map itself is not invariant, though, it is *equivariant*: shift the image, and the map shifts along.

# %% tags=["demo"]
shifted = {}
for name, (kernel, *_) in trained.items():
    before, after = (layer(part[None, :100], kernel[:1]) for part in (test, np.roll(test, 1, axis=2)))  # by a column
    shifted[name] = float(tf.norm(after[..., 1:, :] - before[..., :-1, :]) / tf.norm(before))
gain = stats.mean_interval(results["tied"][1] - results["untied"][1])
claim(
    "weight-tying",
    measured={"sum over places less the tape's: convolution, recurrent chain": [convolution_gap, chain_gap],
              "map of the shifted image less the shifted map, relative: tied, untied": list(shifted.values()),
              "new digits right (%): tied, untied": [new.mean() for _, new in results.values()],
              "tied less untied (points), 95% half-width": gain},
    holds=max(convolution_gap, chain_gap) < 1e-10 and shifted["tied"] < 1e-5 < shifted["untied"],
    because="the gradients of all places add up to the tape's, to float64's rounding",
)

# %% [markdown]
# **How this could be wrong.** Two programs are compared: patches by ours, and `tf.nn.conv2d` with TensorFlow's own
# backward pass; one forgotten place or a mean would miss by far more than rounding. What tying buys hangs on the
# images, which here are alike everywhere. Faces cut out and turned upright have their eyes always in one place, and
# were learned with untied layers (Taigman et al. 2014, "DeepFace"). Of 0.01 and 0.03 the first was the better rate for
# both networks.

# %% [markdown] topic="pooling"
# ## Pooling
#
# "In addition, **spatial pooling** is often [used] to downsample the feature maps: max, average, $L_2$." (Slide
# "Non-linearities".) `pool` above has all three; the $L_2$ pool of a window is $\sqrt{\sum_i x_i^2}$. Keras has two,
# and the third follows from one of them.

# %%
maps = np.random.default_rng(6).normal(size=(2, 8, 8, 3)).astype("float32")
for kind, theirs in {"max": keras.layers.MaxPooling2D(2)(maps), "average": keras.layers.AveragePooling2D(2)(maps),
                     "L2": tf.sqrt(4 * keras.layers.AveragePooling2D(2)(maps**2))}.items():
    print(f"{kind} as in Keras: {np.allclose(pool(maps, kind), theirs, atol=1e-5)}")

# %% [markdown]
# The third Gabor filter's map after a ReLU, pooled in windows of 8 x 8, each picture scaled to its own brightest value.
# "None" keeps the first pixel of each window. **Predict**: which picture loses edges?

# %% tags=["demo"]
kinds, edges = ["none", "max", "average", "L2"], np.maximum(answers[:200, :304, 2:3], 0)  # (200, 304, 1)
for kind, ax in zip(kinds, plots.panels(4), strict=True):
    ax.imshow(pool(edges, kind, size=8)[..., 0], cmap="gray")
    ax.set_title(kind)
    ax.axis("off")

# %% [markdown]
# "None" breaks the edges up: where its one pixel misses an edge, the edge is gone. The others lose none. They differ in
# what one strong answer among 64 is worth: everything to the maximum, a 64th to the average, and $L_2$ stands between.
#
# ### Exercise 3 (4 points): two planted bugs
#
# A colleague's pooling takes padding and any stride. It agrees with Keras on every map without padding, and max pooling
# even with it, "on all maps I tried, right behind a ReLU". Padding is meant to be *no pixel at all*: a window that
# reaches over the edge pools what it has. Two of the three kinds get that wrong. Write the function without the bugs.
#
# ```python
# def pool_padded(maps, kind, size, stride, padding):
#     padded = np.pad(maps, [(0, 0), padding, padding, (0, 0)])
#     taken = patches(padded, size, stride).numpy()
#     windows = taken.reshape(*taken.shape[:3], size**2, maps.shape[-1])
#     if kind == "max":
#         return windows.max(axis=3)
#     if kind == "average":
#         return windows.mean(axis=3)
#     return np.sqrt((windows**2).sum(axis=3))
# ```

# %% nbgrader={"grade": false, "grade_id": "pool_padded", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pool_padded(maps: np.ndarray, kind: str, size: int, stride: int, padding: tuple[int, int]) -> np.ndarray:
    """Pooled maps (batch, rows, columns, depth) of maps (batch, height, width, depth).

    kind is "max", "average" or "L2"; padding = (before, after) on both axes, less than size. No window is all padding.
    """
    ### BEGIN SOLUTION
    padded = np.pad(maps, [(0, 0), padding, padding, (0, 0)], constant_values=np.nan)  # no pixel
    taken = patches(padded, size, stride).numpy()
    windows = taken.reshape(*taken.shape[:3], size**2, maps.shape[-1])
    if kind == "max":
        return np.nanmax(windows, axis=3)
    if kind == "average":
        return np.nanmean(windows, axis=3)
    return np.sqrt(np.nansum(windows**2, axis=3))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pool_padded_max", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
below = -np.arange(1.0, 10.0).reshape(1, 3, 3, 1)
check("max, one row and column of padding after, negative maps",
      pool_padded(below, "max", 2, 2, (0, 1))[0, :, :, 0], expected=[[-1, -3], [-7, -9]])
### BEGIN HIDDEN TESTS
check("max, any maps, 3 x 3 windows", pool_padded(check.rng().normal(size=(2, 6, 7, 3)) - 1, "max", 3, 2, (1, 1)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pool_padded_average", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("average of the pixels that are there", pool_padded(below, "average", 2, 2, (0, 1))[0, :, :, 0],
      expected=[[-3, -4.5], [-7.5, -9]])
check("L2 stays as it was", pool_padded(below, "L2", 2, 2, (1, 0))[0, :, :, 0],
      expected=[[1, 13**0.5], [65**0.5, (25 + 36 + 64 + 81)**0.5]])
### BEGIN HIDDEN TESTS
check("average and L2, any maps, 3 x 3 windows",
      [pool_padded(check.rng().normal(size=(2, 6, 7, 3)), kind, 3, 2, (1, 1)) for kind in ["average", "L2"]])
### END HIDDEN TESTS

# %% [markdown]
# Behind a ReLU no map is negative, so a zero never beats a maximum: that bug waits for the first network without one.
# The other darkens every border. With SAME padding, against Keras:

# %% waits=["geometry", "pool_padded"]
maps = np.random.default_rng(7).normal(size=(2, 9, 9, 3)).astype("float32")
for kind, keras_layer in {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}.items():
    ours = pool_padded(maps, kind, size=2, stride=2, padding=geometry(9, 2, 2, 1, "SAME")[:2])
    print(f"{kind} as in Keras: {np.allclose(ours, keras_layer(2, 2, 'same')(maps), atol=1e-5)}")

# %% [markdown]
# ### Does pooling make a network robust to shifts?
#
# That is the usual reason given for it. Look closely first: a line of pixels, 2-pixel max pooling, and the same line
# one pixel further (after Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"). **Predict** the third
# row.

# %%
for pixels in range(3):
    line = np.roll([0, 0, 1, 1, 0, 0, 1, 1, 0, 0], pixels)
    print(f"shifted by {pixels}: {line} -> pooled: {line.reshape(5, 2).max(axis=1)}")

# %% [markdown]
# Two pixels, the stride, shift the pooled line by one; a single pixel turns 0 1 0 1 0 into 0 1 1 1 1. So max pooling is
# not invariant to shifts, not even equivariant. The question is how much it helps. Thirty-two networks learn digits
# that all stand in the *middle* of the canvas, with one pooling each, eight seeds; "none" keeps one value of four, so
# all have equal sizes and weights. They are tested on new digits shifted by up to three pixels. **Predict** each curve
# at 1 and 3.

# %% tags=["demo"]
learn, test, learn_labels, test_labels = data.digits(train=1000)
weights = start(len(kinds))
train(weights, place(learn, np.zeros((1000, 2), int)), learn_labels, kinds)
right = np.zeros((4, 4, 8))  # (shift, kind, seed)
for shift in range(4):
    steps = [(0, 0)] if shift == 0 else [(shift, 0), (-shift, 0), (0, shift), (0, -shift)]
    found = [accuracy(weights, place(test[:400], [step] * 400), test_labels[:400], kinds) for step in steps]
    right[shift] = np.mean(found, axis=0).reshape(4, 8)

# %% tags=["demo"]
more = {kind: [stats.mean_interval(right[shift, i] - right[shift, 0]) for shift in range(4)]
        for i, kind in enumerate(kinds) if i}
plots.line(range(4), {kind: right[:, i].T for i, kind in enumerate(kinds)} | {"chance": np.full(4, 10.0)},
           xlabel="shift of the test digits (pixels)", ylabel="right (%)")
_ = plt.xticks(range(4))
plots.table(["more than none (points)", "0 pixels", "1 pixel", "2 pixels", "3 pixels"],
            [[kind, *(f"{mean:+.1f} ± {half:.1f}" for mean, half in row)] for kind, row in more.items()])

# %% tags=["demo"]
claim(
    "pooling",
    measured={"right in the middle (%): " + ", ".join(kinds): right[0].mean(axis=-1),
              "right when shifted by 1 pixel (%)": right[1].mean(axis=-1),
              "right when shifted by 2 pixels (%)": right[2].mean(axis=-1),
              "more than none at 1 pixel (points): max, average, L2": [row[1][0] for row in more.values()],
              "95% half-width": [row[1][1] for row in more.values()]},
    holds=all(row[1][0] > row[1][1] for row in more.values()),
    because="each pooling loses fewer digits to a shift of one pixel than none does; none of them is invariant",
)

# %% [markdown]
# Every pooling helps, max and $L_2$ most at two pixels, and none makes the network robust: it knows the digits in the
# middle, and still misreads a third or more of those that stand one pixel (an eighth of their width) beside it. The
# curves with pooling lie about half a pixel to the right of the one without.
#
# **How this could be wrong.** "None" also learns from a quarter of the values only. One learning rate serves all; in
# trials at 0.03 and 0.003 the differences at one pixel were 8 to 20 points. And whether a pixel is a large shift
# depends on the size of what is seen.
#
# **Practice has moved on.** "None" after a convolution *is* a convolution with stride 2, at a quarter of the work, and
# many networks now shrink their maps that way (Springenberg et al. 2015, "Striving for Simplicity"). Robustness to
# shifts comes from shifted training images (notebook 4) and from one average over all places before the last layer.

# %% [markdown]
# ### Question (3 points, marked by hand): where is the place kept?
#
# "Convolution is translation invariant, and so is pooling. So a convolutional network gives the same answer wherever
# the object is." The curves above say otherwise. Name two steps of our network at which its answer comes to depend on
# the place, and say why each does. Then propose one change of the *network* (not of the data) after which shifts of one
# to three pixels hardly matter, what you would measure to show it, and what the change may cost.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_where_is_the_place", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Convolution is equivariant: the shift goes through it and is still there in the maps. It must be taken out later.
#
# 1. *The dense layer.* The last maps, 2 x 2 places of 16 numbers, are laid flat, and each place has weights of its own.
#    They have only seen digits in the middle: what is learned for one place says nothing about the next.
# 2. *Pooling at stride 2.* Each window keeps one value. A shift by one pixel is half a step of the pooled map: it
#    changes which pixels share a window, and so the values, not only their places (0 1 0 1 0 became 0 1 1 1 1). After
#    two layers only shifts by 4 pixels are whole steps.
#
# (Also right: the edge. Filters stand only where they fit in whole, so fewer of them see a stroke near the edge.)
#
# *Change.* No stride, and after the last convolution the average or maximum over *all* places (global pooling) instead
# of the flat maps; a canvas or padding so wide that no window is lost at the edge. *Measurement.* Train on digits in
# the middle with the same paired seeds, draw the same curve: it should be level within its interval, and it refutes the
# change if it falls. *Cost.* Several times the multiply-adds without the stride; and where features are is lost: 6 and
# 9 have the same strokes, so accuracy in the middle may fall. Measure that too.
# ### END SOLUTION
#
# *Marking.* One point for two steps, each with its reason (dense layer on flat maps; stride of the pooling; edge). One
# point for a change that takes out the dependence by construction and fits the steps named. One point for a measurement
# whose outcome could refute it, with a price. "More pooling" or "more data" does not earn the second point.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - A convolution is one matrix product over patches. Its geometry is two formulas: places that fit, and SAME's zeros,
#   of which an odd one comes last.
# - The gradient of a tied weight is the sum of its places' gradients. Tying saves weights, and one place's lesson
#   counts for all; the map is equivariant, not invariant.
# - Pooling makes a network less sensitive to small shifts, not insensitive. Padding is no pixel.
#
# ## At full scale
#
# | where | what | weights of the convolutions | multiply-adds an image | steps |
# |---|---|---|---|---|
# | this laptop | two layers of 3 x 3 on 14 x 14 | 1,224 | 28,800 | 300 of 32 images, in seconds |
# | one GPU | ResNet-50 on 224 x 224 (He et al. 2015) | 23.5 million | 3.9 billion | 600,000 of 256, days |
# | the paper | AlexNet (Krizhevsky et al. 2012) | 2.3 million | 0.67 billion | 840,000 of 128, five to six days |
#
# Next: notebook 2 stacks convolutions and pooling into a pyramid.

# %%
dlcourse.submit()
