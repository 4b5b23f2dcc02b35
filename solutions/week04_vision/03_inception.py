# %% [markdown]
# # 3 · Inception
#
# *Large Scale Deep Learning*, session III, slides "Convolutions are not flexible at allocating their parameters" to
# "The Inception Architecture".
#
# **You should know** a convolution as a matrix product over patches (`convolution`), pooling (`pooling`) and how
# parameters and multiply-adds are counted (`orders-of-magnitude`). **You will have built** the inception module by hand
# and in Keras, all of GoogLeNet with its side objectives, top-5 error, and a small inception network that is compared
# with plain ones of as many parameters.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) A convolution with $F$ filters of $k \times k$ reads $C$ channels at $s \times s$ positions. How
#    many multiply-adds is that, and of which matrix product?
# 2. (Week 1, notebook 6) VGG-16 has twenty times GoogLeNet's parameters. In which of its layers are they?
#
# <details><summary>Answers</summary>
#
# 1. $s^2 k^2 C F$: the patches, $(s^2, k^2 C)$, times the filters, $(k^2 C, F)$.
# 2. In the dense ones, nine tenths of them. They do a hundredth of the work: a dense weight is used once an image.
#
# </details>

# %%
dlcourse.setup("week04/03_inception", seed=43)

import math
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, stats
from keras import layers

# %% [markdown] topic="inception"
# ## Inception
#
# "Convolutions are not flexible at allocating their parameters: every filter looks at the entire depth of the input;
# every filter has the same spatial extent. This puts tight constraints of the geometry and computational cost." Four
# concepts answer that.
#
# ### Concept 1: projections
#
# "Have different convolutions look at different subsets of the inputs via **projection layers**. Projection layers are
# 1×1 convolutions. Very efficient to implement because equivalent to a single matrix multiply. Few parameters."
#
# A 1×1 filter sees one pixel: a row of the matrix is a pixel, a column a channel, and no patch has to be cut out.

# %%
images = tf.random.normal((2, 7, 5, 12))
kernel = tf.random.normal((1, 1, 12, 4))
as_product = tf.reshape(tf.reshape(images, (-1, 12)) @ kernel[0, 0], (2, 7, 5, 4))
as_convolution = tf.nn.conv2d(images, kernel, strides=1, padding="SAME")  # (2, 7, 5, 4)
print(f"largest difference: {tf.reduce_max(tf.abs(as_product - as_convolution)):.1e}")

# %% [markdown]
# ### Exercise 1 (3 points): how wide may a reduction be?
#
# A 3×3 or 5×5 convolution need not read all $C$ channels. A projection first *reduces* them to $R$, and the wide filter
# reads those. Count the multiply-adds of this path on (side, side, channels): 1×1 to $R$ channels, then kernel×kernel
# from $R$ to `filters`, both at every position. Return the largest $R$ that stays within the budget.

# %% nbgrader={"grade": false, "grade_id": "widest_reduction", "locked": false, "schema_version": 3, "solution": true, "task": false}
def widest_reduction(side: int, channels: int, kernel: int, filters: int, budget: int) -> int:
    """Largest number R of channels, 0 if there is none, such that reduction and convolution together take
    at most `budget` multiply-adds on an input of (side, side, channels). Stride 1; biases are not multiplied."""
    ### BEGIN SOLUTION
    return budget // (side**2 * (channels + kernel**2 * filters))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "widest_reduction_pays", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one position, 3 x 3: each of the R channels costs 10 to make and 9 * 4 to read",
      widest_reduction(1, 10, 3, 4, budget=9 * 10 * 4), expected=7)
### BEGIN HIDDEN TESTS
rng = check.rng()
cases = rng.integers([7, 100, 2, 30], [29, 500, 8, 200], size=(4, 4)).tolist()  # side, channels, kernel, filters
check("any layer: the widest reduction that costs no more than none at all",
      [widest_reduction(*case, budget=case[0] ** 2 * case[1] * case[2] ** 2 * case[3]) for case in cases])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "widest_reduction_budget", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a budget of exactly 4 channels, and one multiply-add less",
      [widest_reduction(2, 10, 3, 4, budget=4 * 4 * 46 - less) for less in [0, 1]], expected=[4, 3])
### BEGIN HIDDEN TESTS
rng = check.rng()
cases = rng.integers([7, 100, 2, 30], [29, 500, 8, 200], size=(4, 4)).tolist()
check("any layer, any budget", [widest_reduction(*case, int(rng.integers(10**6, 10**8))) for case in cases])
### END HIDDEN TESTS

# %% [markdown]
# A reduction pays only below that width: without it the filters read the input itself. The picture shows the 3×3 and
# the 5×5 path of GoogLeNet's first module, which reads 28×28 pixels of 192 channels. Horizontal: the same filters
# without a reduction. Dotted: the width that the authors chose. Which of the two reductions saves more?

# %% waits=["widest_reduction"]
widths = np.arange(1, 193)
paths = {"3×3 to 128 filters": (3, 128, 96), "5×5 to 32 filters": (5, 32, 16)}  # kernel, filters, chosen reduction
plots.line(widths, {name: 28**2 * widths * (192 + kernel_side**2 * filters) / 1e6
                    for name, (kernel_side, filters, _) in paths.items()},
           xlabel="width of the reduction (channels)", ylabel="million multiply-adds")
for index, (name, (kernel_side, filters, chosen)) in enumerate(paths.items()):
    direct = 28**2 * kernel_side**2 * 192 * filters  # no reduction
    plt.axhline(direct / 1e6, color=plots.COLOURS[index], linewidth=0.8)
    plt.axvline(chosen, color=plots.COLOURS[index], linewidth=0.8, linestyle=":")
    print(f"{name}: pays up to {widest_reduction(28, 192, kernel_side, filters, direct)} channels, chosen: {chosen}")

# %% [markdown]
# The 5×5 path costs a tenth of what its filters would cost alone, the 3×3 path six tenths.
#
# ### Concepts 2 and 3: filter sizes and a pooled view
#
# "Look at each feature map using a variety of filter sizes, not just one, and concatenate them." "Provide each layer
# with a low-dimensional pooled view of the previous layer. Similar to often used 'skip connections'."
#
# ### Exercise 2 (4 points): find the planted bugs
#
# The module has four branches of one input, whose outputs stand behind one another in the last axis in this order: 1×1;
# 1×1 then 3×3; 1×1 then 5×5; the largest value of 3×3 neighbours at every position, then 1×1. Every convolution, the
# reductions too, is followed by a ReLU. The function below runs and returns the right shape. Three things are wrong.

# %%
def flawed_module(images, weights):
    """Output (batch, height, width, filters) of an inception module, wrong in three places."""
    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias

    three = convolve(convolve(images, "reduce3"), "three")
    five = convolve(convolve(images, "reduce5"), "five")
    pooled = tf.nn.max_pool2d(convolve(images, "project"), 3, strides=1, padding="SAME")
    return tf.nn.relu(tf.concat([convolve(images, "one"), three, pooled, five], axis=-1))


def module_weights(channels, one, reduce3, three, reduce5, five, project, draw, bias=0.0):
    """Kernel and bias of each convolution; draw(shape) makes the kernels, all biases are `bias`."""
    shapes = {"one": (1, 1, channels, one), "reduce3": (1, 1, channels, reduce3), "three": (3, 3, reduce3, three),
              "reduce5": (1, 1, channels, reduce5), "five": (5, 5, reduce5, five), "project": (1, 1, channels, project)}
    return {name: (np.asarray(draw(shape), np.float32), np.full(shape[-1], bias, np.float32))
            for name, shape in shapes.items()}


# %% nbgrader={"grade": false, "grade_id": "module_by_hand", "locked": false, "schema_version": 3, "solution": true, "task": false}
def module_by_hand(images: np.ndarray, weights: dict[str, tuple[np.ndarray, np.ndarray]]) -> tf.Tensor:
    """Output (batch, height, width, one + three + five + project) of an inception module.

    images: (batch, height, width, channels). weights: kernel (k, k, inputs, outputs) and bias (outputs,) of each of
    "one", "reduce3", "three", "reduce5", "five" and "project".
    """
    ### BEGIN SOLUTION
    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.relu(tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias)

    three = convolve(convolve(images, "reduce3"), "three")
    five = convolve(convolve(images, "reduce5"), "five")
    pooled = convolve(tf.nn.max_pool2d(images, 3, strides=1, padding="SAME"), "project")
    return tf.concat([convolve(images, "one"), three, five, pooled], axis=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "module_by_hand_filters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ones = module_weights(1, 1, 1, 1, 1, 1, 1, np.ones)
pixel, minus = np.full((1, 1, 1, 1), 2, np.float32), -np.ones((1, 1, 1, 1), np.float32)
check("one pixel of 2, weights 1, but reduce3 and three are -1: a negative reduction passes nothing on",
      module_by_hand(pixel, ones | dict.fromkeys(["reduce3", "three"], (minus, np.zeros(1, np.float32))))[0, 0, 0, :3],
      expected=[2, 0, 2])
### BEGIN HIDDEN TESTS
rng = check.rng()
drawn = module_weights(5, 3, 4, 6, 2, 5, 3, lambda shape: rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])), 0.1)
check("any weights: 1 x 1, 3 x 3, 5 x 5",
      module_by_hand(rng.normal(size=(2, 6, 7, 5)).astype(np.float32), drawn)[..., :14], tolerance=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "module_by_hand_pooled", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
two_pixels = np.array([[[[2, 0], [0, 3]]]], np.float32)  # (1, 1, 2, 2): one row of two pixels with two channels
check("pixels (2, 0) and (0, 3) pooled are (2, 3), whose projection by ones is 5",
      module_by_hand(two_pixels, module_weights(2, 1, 1, 1, 1, 1, 1, np.ones))[0, 0, :, 3], expected=[5, 5])
### BEGIN HIDDEN TESTS
rng = check.rng()
drawn = module_weights(5, 3, 4, 6, 2, 5, 3, lambda shape: rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])), 0.1)
check("any weights: the pooled view",
      module_by_hand(rng.normal(size=(2, 6, 7, 5)).astype(np.float32), drawn)[..., 14:], tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# The same in Keras. `dlcourse.inception.inception_module` is this function. Its layers carry names, by which we hand
# the Keras module the weights of the one by hand.

# %%
def convolution(filters, kernel_side, strides=1, name=None):
    return layers.Conv2D(filters, kernel_side, strides, padding="same", activation="relu", name=name)


def inception_module(x, one, reduce3, three, reduce5, five, project, name="module"):
    """x (batch, side, side, channels) -> (batch, side, side, one + three + five + project)."""
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    return layers.Concatenate(name=name)([
        convolution(one, 1, name=f"{name}_one")(x),
        convolution(three, 3, name=f"{name}_three")(convolution(reduce3, 1, name=f"{name}_reduce3")(x)),
        convolution(five, 5, name=f"{name}_five")(convolution(reduce5, 1, name=f"{name}_reduce5")(x)),
        convolution(project, 1, name=f"{name}_project")(pooled)])


first_module = (64, 96, 128, 16, 32, 32)  # GoogLeNet's 3a

# %% waits=["module_by_hand"]
images, inputs = tf.random.normal((1, 28, 28, 192)), keras.Input((28, 28, 192))
model = keras.Model(inputs, inception_module(inputs, *first_module))
weights = module_weights(192, *first_module, lambda shape: tf.random.normal(shape) / math.sqrt(math.prod(shape[:-1])))
for part, values in weights.items():
    model.get_layer(f"module_{part}").set_weights(values)
print(f"output {model.output_shape[1:]}, {model.count_params():,} parameters, largest difference "
      f"{tf.reduce_max(tf.abs(model(images) - module_by_hand(images, weights))):.1e}")

# %% [markdown]
# ### Concept 4: side objectives, and "putting it all together"
#
# "Help training along by providing side objectives. Tiny classifiers added at various levels of the convolution tower."
# GoogLeNet has two, after modules 4a and 4d; their losses count 0.3 in training, and they are thrown away afterwards.
#
# The network is table 1 of Szegedy et al. 2015, "Going Deeper with Convolutions". Each row of six numbers is a module.
# (Two local response normalizations of the paper are left out; they have no parameters.)

# %%
modules = {"3a": first_module, "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
           "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
           "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128),
           "5b": (384, 192, 384, 48, 128, 128)}


def halve(x):
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def side_objective(x, name, classes=1000):
    x = convolution(128, 1, name=f"{name}_project")(layers.AveragePooling2D(5, strides=3)(x))  # (batch, 4, 4, 128)
    x = layers.Dense(1024, "relu", name=f"{name}_dense")(layers.Flatten()(x))
    return layers.Dense(classes, "softmax", name=f"{name}_classes")(layers.Dropout(0.7)(x))


def googlenet(with_sides, classes=1000):
    """GoogLeNet as a Keras model: class probabilities, and those of the two side objectives if asked for."""
    images, sides = keras.Input((224, 224, 3)), []
    x = halve(convolution(64, 7, strides=2, name="1_7x7")(images))  # (batch, 56, 56, 64)
    x = halve(convolution(192, 3, name="2_3x3")(convolution(64, 1, name="2_reduce")(x)))  # (batch, 28, 28, 192)
    for name, row in modules.items():
        x = inception_module(x, *row, name=name)
        sides += [side_objective(x, f"side{name}", classes)] if with_sides and name in ("4a", "4d") else []
        x = halve(x) if name in ("3b", "4e") else x  # to 14 x 14, to 7 x 7
    x = layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))  # (batch, 1024)
    return keras.Model(images, [layers.Dense(classes, "softmax", name="classes")(x), *sides])


# %% [markdown]
# Beside it stands VGG-16, a plain stack of 3×3 convolutions, which Keras has. A Keras layer knows its kernel and its
# output, so one product gives the multiply-adds: the kernel's numbers times the positions where they are used. We hold
# the parameters against a count that never sees Keras: $k^2$ times inputs times filters, and a bias for each filter.

# %%
def layer_costs(model):
    """For each layer with a kernel: name, side of its output (1 if dense), parameters, multiply-adds."""
    return [(layer.name, layer.output.shape[1] if len(layer.output.shape) == 4 else 1, layer.count_params(),
             math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape))
            for layer in model.layers if hasattr(layer, "kernel")]


def parameters(*convolutions):
    return sum((kernel_side**2 * inputs + 1) * filters for kernel_side, inputs, filters in convolutions)


def paths_of(channels, one, reduce3, three, reduce5, five, project):
    """(kernel, inputs, filters) of a module's six convolutions."""
    return [(1, channels, one), (1, channels, reduce3), (3, reduce3, three), (1, channels, reduce5),
            (5, reduce5, five), (1, channels, project)]


# %%
stem, body, channels = parameters((7, 3, 64), (1, 64, 64), (3, 64, 192)), 0, 192
for row in modules.values():
    body, channels = body + parameters(*paths_of(channels, *row)), row[0] + row[2] + row[4] + row[5]
sides = [parameters((1, inputs, 128), (1, 4 * 4 * 128, 1024), (1, 1024, 1000)) for inputs in [512, 528]]  # 4a, 4d
formula = stem + body + parameters((1, channels, 1000))
print(f"by formula: {formula:,}; with the side objectives {formula + sum(sides):,}")

# %% [markdown]
# Where do the two networks keep their parameters, and where do they spend their multiply-adds? Guess the tallest bar of
# each picture before you look.

# %% tags=["demo"]
network, trained, vgg = googlenet(with_sides=False), googlenet(with_sides=True), keras.applications.VGG16(weights=None)
costs = {"GoogLeNet": layer_costs(network), "VGG-16": layer_costs(vgg)}
sizes = [model.count_params() for model in [network, trained, vgg]]
print(f"in Keras: {sizes[0]:,}; with the side objectives {sizes[1]:,}; VGG-16 {sizes[2]:,}")
places = [224, 112, 56, 28, 14, 7, 1]  # side of a layer's output
for quantity, ylabel, ax in zip([2, 3], ["million parameters", "million multiply-adds"], plots.panels(2), strict=True):
    for index, (name, cost) in enumerate(costs.items()):
        heights = [sum(layer[quantity] for layer in cost if layer[1] == place) / 1e6 for place in places]
        ax.bar(np.arange(7) + 0.4 * index - 0.2, heights, 0.4, label=name, color=plots.COLOURS[index])
    ax.set_xticks(range(7), [*places[:-1], "dense"])
    plots.finish(ax, "side of the layer's output (pixels)", ylabel)
    ax.legend()

# %% [markdown]
# VGG's first dense layer alone has fifteen times GoogLeNet's parameters: it reads 7×7×512 numbers. GoogLeNet averages
# 7×7 positions into one before its only dense layer. But most of VGG's *work*, ten times GoogLeNet's, is in
# convolutions that read all channels, and there the reductions count. Each module with its reductions, and with filters
# of 3×3 and 5×5 that read the module's input:

# %% tags=["demo"]
work = np.zeros((2, 9))  # with and without reductions
for index, (name, (one, _, three, _, five, project)) in enumerate(modules.items()):
    layer = network.get_layer(f"{name}_one")  # reads the module's input
    work[0, index] = sum(cost for layer_name, *_, cost in costs["GoogLeNet"] if layer_name.startswith(f"{name}_"))
    work[1, index] = layer.output.shape[1] ** 2 * layer.kernel.shape[2] * (one + 9 * three + 25 * five + project)
plots.line(range(9), {"with reductions": work[0] / 1e6, "without": work[1] / 1e6}, xlabel="module",
           ylabel="million multiply-adds")
plt.xticks(range(9), modules)
print(f"without reductions a module costs {(work[1] / work[0]).min():.1f} to {(work[1] / work[0]).max():.1f} times as "
      f"much, all nine {work[1].sum() / work[0].sum():.1f} times")

# %% [markdown]
# ### "Only 11M parameters"
#
# "ImageNet challenge: Only **11M** parameters! Compare to **130M** parameters for 2nd place VGG. 11MB (8 bit
# fixed-point): model fits easily in a mobile app." No counting of this network as it is used gives 11 million. We try
# others; the last row is its successor with batch normalization (Ioffe and Szegedy 2015), with two 3×3 convolutions in
# the place of the 5×5, counted from the widths of a published implementation.

# %% tags=["demo"]
successor = [(64, 64, 64, 64, 96, 32), (64, 64, 96, 64, 96, 64), (0, 128, 160, 64, 96, 0), (224, 64, 96, 96, 128, 128),
             (192, 96, 128, 96, 128, 128), (160, 128, 160, 128, 160, 128), (96, 128, 192, 160, 192, 128),
             (0, 128, 192, 192, 256, 0), (352, 192, 320, 160, 224, 128), (352, 192, 320, 192, 224, 128)]
total, channels = stem, 192
for one, reduce3, three, reduce5, five, project in successor:  # "five" is two layers of 3 x 3
    total += parameters(*paths_of(channels, one, reduce3, three, reduce5, 0, project)) + parameters(
        (3, reduce5, five), (3, five, five))
    channels = one + three + five + (project or channels)  # without a projection the pooled view stays whole
countings = {"GoogLeNet as it is used": sizes[0], "its convolutions only": stem + body,
             "with both side objectives": sizes[1],
             "with both, less their last layers": sizes[1] - 2 * parameters((1, 1024, 1000)),
             "the successor": total + parameters((1, channels, 1000))}
plots.table(["counted", "million parameters", "of the slide's 11 million", "VGG-16 has times as many"],
            [[name, count / 1e6, count / 11e6, sizes[2] / count] for name, count in countings.items()])

# %% [markdown]
# Eight-bit numbers make as many megabytes as there are million parameters: 7, not 11. So the slide is too modest about
# its network. The last two rows come near 11 million; which of them was meant, if any, it does not say. VGG's 130
# million are right to within 7%. And the contrast is sharper than it says: twenty times, not twelve.
#
# ### Exercise 3 (4 points): top-5 error
#
# The challenge counts an image as right if its class is among the five with the highest scores. Ties are decided as
# Keras does, for the network: a class is among the top $k$ if fewer than $k$ others score *strictly* higher.

# %% nbgrader={"grade": false, "grade_id": "top_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_error(scores: np.ndarray, labels: np.ndarray, k: int = 5) -> float:
    """Share of the images, 0 to 1, whose class is not among the top k; scores (images, classes), labels (images,)."""
    ### BEGIN SOLUTION
    of_label = scores[np.arange(len(labels)), labels]  # (images,)
    higher = (scores > of_label[:, None]).sum(axis=1)  # (images,)
    return float((higher >= k).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "top_error_distinct", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
four = np.array([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.2, 0.3]])
check("labels in second, third, first and second place: top-2 error", top_error(four, np.array([2, 2, 1, 2]), 2), 0.25)
check("the same images: top-1 error", top_error(four, np.array([2, 2, 1, 2]), 1), expected=0.75)
### BEGIN HIDDEN TESTS
rng = check.rng()
scores, labels = rng.normal(size=(200, 12)), rng.integers(12, size=200)
check("200 images, 12 classes, no ties: top-1, 3 and 5 error", [top_error(scores, labels, k) for k in [1, 3, 5]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "top_error_ties", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("7 classes share the first place: all are among the top 5",
      top_error(np.array([[2.0] * 7 + [1.0]] * 8), np.arange(8)), expected=1 / 8)
### BEGIN HIDDEN TESTS
rng = check.rng()
scores, labels = rng.integers(4, size=(200, 12)).astype(float), rng.integers(12, size=200)
check("200 images, scores 0 to 3, many ties: top-2 and 5 error", [top_error(scores, labels, k) for k in [2, 5]])
### END HIDDEN TESTS

# %% [markdown]
# The rule has a gap. Two networks that know nothing are asked about 1,000 classes; which one wins?

# %% waits=["top_error"]
labels = np.random.default_rng(0).integers(1000, size=2000)
ignorant = {"random scores": np.random.default_rng(1).random((2000, 1000), dtype=np.float32),
            "the same score for each class": np.zeros((2000, 1000), np.float32)}
for name, scores in ignorant.items():
    by_keras = 1 - float(keras.metrics.SparseTopKCategoricalAccuracy(k=5)(labels, scores))
    print(f"{name}: top-5 error {100 * top_error(scores, labels):.2f}%, by Keras {100 * by_keras:.2f}%")

# %% [markdown]
# Zeros win with no error at all. A dead network, all of whose outputs are equal, looks perfect: be suspicious of a
# top-$k$ error that is too good.
#
# The slide's table of the challenge, drawn. "First breakthrough for deep learning in 2012: brought top-5 error to 16%
# where the state-of-the-art was 26%. Trained human performance is 3 to 5%."

# %%
challenge = {"SuperVision": (2012, 16.4), "Clarifai": (2013, 11.7), "MSRA": (2014, 7.35), "VGG": (2014, 7.32),
             "GoogLeNet": (2014, 6.67)}
plots.scatter({"no external data": tuple(zip(*challenge.values(), strict=True)),
               "with ImageNet 22k": ([2012, 2013], [15.3, 11.2])}, xlabel="year", ylabel="top-5 error (%)")
for team, place in challenge.items():
    plt.annotate(team, place, (7, {"MSRA": 10, "GoogLeNet": -10}.get(team, 0)), textcoords="offset points", va="center")
plt.axhline(26, color="0.4", linestyle=":", label="best before deep learning")
plt.axhspan(3, 5, color="0.85", zorder=0, label="trained humans")
plt.gca().set(xlim=(2011.7, 2014.9), ylim=(0, 28), xticks=[2012, 2013, 2014])
plt.legend(loc="center right");

# %% [markdown]
# ### Does it learn better?
#
# Parameters saved are worth nothing if the network is worse for it. Two inception modules against two plain networks
# of 3×3 convolutions: one has a convolution for each module, the other one for each of the two layers in a module's
# longest path. Both plain ones have the inception network's parameters and multiply-adds within 2%. A fourth network is
# the first with a side objective after its first module. They learn 400 digits and are tested on the other 1,397.
# Which one, do you think, minds a high learning rate most?

# %%
mini = [[(8, 8, 16, 4, 8, 8)], [(16, 16, 32, 6, 16, 16)]]  # one module on 8 x 8, one on 4 x 4 pixels
shallow, deep = [[16], [66]], [[10, 9], [26, 33]]  # filters


def small_network(stages, side=False):
    """A list of logits (batch, 10) of digits (batch, 8, 8, 1): the network's, and the side objective's if asked for."""
    images, sides = keras.Input((8, 8, 1)), []
    x = convolution(16, 3)(images)  # (batch, 8, 8, 16)
    for number, stage in enumerate(stages):
        x = halve(x) if number else x
        for width in stage:
            x = convolution(width, 3)(x) if isinstance(width, int) else inception_module(x, *width, f"{number}")
        if side and number == 0:
            sides.append(layers.Dense(10)(layers.Flatten()(convolution(16, 1)(layers.AveragePooling2D(2)(x)))))
    return keras.Model(images, [layers.Dense(10)(layers.GlobalAveragePooling2D()(x)), *sides])


# %% tags=["demo"]
networks = {"inception": small_network(mini), "plain, shallow": small_network(shallow),
            "plain, deep": small_network(deep), "inception, side objective": small_network(mini, side=True)}

# %% [markdown]
# All networks start from He's weights and take the same 128 minibatches by Adam, with a rate that falls to zero. One
# TensorFlow function holds a whole training; all weights are one long vector, which keeps Adam short.

# %%
def training(model, images, labels):
    """Spread of each initial weight (He's; 0 for a bias), a function for a whole training, and one for the logits."""
    shapes = [variable.shape for variable in model.trainable_variables]
    spread = np.concatenate([np.full(math.prod(shape), (len(shape) > 1) * math.sqrt(2 / math.prod(shape[:-1])))
                             for shape in shapes])

    def outputs(weights, images):
        parts = tf.split(weights, [math.prod(shape) for shape in shapes])
        parts = [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        return tf.nest.flatten(model.stateless_call(parts, [], images)[0])  # logits, perhaps the side objective's

    @tf.function(reduce_retracing=True)
    def train(weights, rate, batches):
        mean, square, steps = tf.zeros_like(weights), tf.zeros_like(weights), tf.cast(tf.shape(batches)[0], tf.float32)
        for step in tf.range(steps):
            rows = batches[tf.cast(step, tf.int32)]  # (batch,)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                losses = [tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, rows), logits)
                          for logits in outputs(weights, tf.gather(images, rows))]
                loss = tf.reduce_mean(losses[0] + 0.3 * sum(losses[1:]))
            gradient = tape.gradient(loss, weights)
            mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
            unbiased = mean / (1 - 0.9 ** (step + 1)), square / (1 - 0.99 ** (step + 1))
            weights -= rate * (1 - step / steps) * unbiased[0] / (tf.sqrt(unbiased[1]) + 1e-7)
        return weights

    return spread, train, tf.function(lambda weights, images: outputs(weights, images)[0], reduce_retracing=True)


# %% tags=["demo"]
train_images, test_images, train_labels, test_labels = data.digits(400)
rates, errors, times = [0.005, 0.01, 0.02], np.zeros((4, 3, 5)), np.zeros(4)  # errors: (networks, rates, seeds)
for row, model in enumerate(networks.values()):
    spread, train, predict = training(model, tf.constant(train_images[..., None] - 0.5), tf.constant(train_labels))
    for repeat, column in np.ndindex(5, 3):
        rng = np.random.default_rng(seeds(5)[repeat])
        start = tf.constant(spread * rng.normal(size=len(spread)), tf.float32)
        batches = tf.constant([rng.permutation(400)[:50] for _ in range(128)])  # (steps, batch)
        begin = time.perf_counter()
        weights = train(start, tf.constant(rates[column]), batches)
        times[row] = time.perf_counter() - begin  # of the last training
        chosen = predict(weights, test_images[..., None] - 0.5).numpy().argmax(axis=1)  # (1397,)
        errors[row, column, repeat] = 100 * (chosen != test_labels).mean()

# %% tags=["demo"]
plots.line(rates, dict(zip(networks, errors.swapaxes(1, 2), strict=True)), xlabel="learning rate",
           ylabel="test error (%)", log="xy")
plt.xticks(rates, rates)
at_best = np.array([runs[runs.mean(axis=1).argmin()] for runs in errors])  # (networks, seeds)
gains = [stats.mean_interval(at_best[row] - at_best[0]) for row in [1, 2, 3]]  # paired: the same minibatches
plots.table(["", "parameters", "multiply-adds", "time of a training (s)", "test error at its best rate (%)"],
            [[name, model.count_params(), sum(cost for *_, cost in layer_costs(model)), times[row], at_best[row].mean()]
             for row, (name, model) in enumerate(networks.items())])

# %% tags=["demo"]
claim(
    "inception",
    measured={"parameters: GoogLeNet, with both side objectives, VGG-16": "; ".join(f"{size:,}" for size in sizes),
              "GoogLeNet beside 11 million, VGG-16 beside 130": [sizes[0] / 11e6, sizes[2] / 130e6],
              "multiply-adds of the modules without reductions (times)": work[1].sum() / work[0].sum(),
              "digits, test error (%): " + "; ".join(networks): at_best.mean(axis=1),
              "the same at the highest rate, 0.02": errors[:, -1].mean(axis=1),
              **{f"{name} less inception, 95% half-width (points)": gain
                 for name, gain in zip(list(networks)[1:], gains, strict=True)}},
    holds=sizes[:2] == [formula, formula + sum(sides)] and 0.9 < sizes[0] / 11e6 < 1.1 and 0.9 < sizes[2] / 130e6 < 1.1,
    because="GoogLeNet has 7.0 million parameters, not 11, and 7 MB at 8 bits; VGG-16 has 138 million, so the contrast "
            "that the slide draws is larger than it says",
)

# %% [markdown]
# The counts are exact; the comparison is closer than the architecture's fame. The shallow plain network comes within two
# points of the inception network when each has its best rate. The deep one, with a module's depth but one filter size,
# falls further behind. What the modules buy here is ease: they learn at a rate at which runs of the plain networks fail
# (the shaded range is from the best run to the worst). The price is time: at equal multiply-adds their training takes two to three times as long, for twelve small convolutions
# use a machine worse than two large ones. Multiply-adds are not time. In so shallow a network a side objective helps no
# more than chance would.
#
# **How this could be wrong.** Kilobytes of network and 8×8 pixels, where a 5×5 filter sees half the picture, are far
# from ImageNet; three rates, one schedule and no regularization were tried, and each network's best rate was picked by
# the test errors themselves. GoogLeNet's counts are exact, but the widths
# of its successor come from an implementation, and the paper's own table rounds.
#
# **Often mistaken.** The 6.67% of the table are not one network of 7 million parameters: seven networks voted, on 144
# crops of each image. One of them on one crop has 10.07% (Szegedy et al. 2015, table 3). **Practice has moved on.**
# The authors found later that the lower side objective can go without harm and that the other one acts as a regularizer
# (Szegedy et al. 2016). The hand-tuned widths ("lots of (too many?) knobs") gave way to repeated blocks. The
# 1×1 projection and the averaging before the last layer are in nearly every network since.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - A 1×1 convolution is a matrix product over channels. Before a wide filter it cuts the wide filter's cost; after a
#   pooling it keeps the pooled view from swelling the output.
# - Parameters and work live in different places: the dense layers had VGG's parameters, the wide convolutions its work.
#   GoogLeNet averages the first away and projects the second down.
# - A number of parameters means nothing without what was counted: heads, biases, classes.
# - An architecture has to be compared at equal parameters and work, each side at its own best rate, and timed.
#
# ## At full scale
#
# | where | what | parameters | multiply-adds an image |
# |---|---|---|---|
# | this laptop | two modules on digits | 13 thousand | 0.3 million |
# | one GPU | GoogLeNet on ImageNet; the paper says a week on a few GPUs | 7.0 million | 1.6 billion |
# | the paper (Szegedy et al. 2015) | seven networks, 144 crops of each image | 7 × 7.0 million | 1,600 billion |
#
# Next: notebook 4 makes more of few images.

# %%
dlcourse.submit()
