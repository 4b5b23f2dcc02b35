# %% [markdown]
# # 2 · Convolutional networks
#
# *Large Scale Deep Learning*, session I, slides "Convolutional Networks". *Applications* (Goodfellow 2016), slide
# "Computer Vision".
#
# **You should know** convolution, pooling and what tied weights do (`convolution`, `pooling`), and how to compare two
# networks on paired splits (`simple-models-first`). **You will have built** the slide's pyramid, a small AlexNet, and
# four ways of preparing images by hand; and you will know which of them still pay.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) A 3 x 3 convolution reads 16 feature maps and writes 64. How many weights has it, and on what does the
#    number *not* depend?
# 2. (Week 1, notebook 4) The mean of the training rows is subtracted from all rows. Why not the mean of all rows?
#
# <details><summary>Answers</summary>
#
# 1. $3 \cdot 3 \cdot 16 \cdot 64 = 9216$, and 64 biases. It does not depend on the size of the image; the multiply-adds
#    do.
# 2. The test rows would take part in the preparation, and the test error would no longer be that of new data.
#
# </details>

# %%
dlcourse.setup("week04/02_convolutional_networks", seed=42)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, stats
from keras import layers

# %% [markdown] topic="conv-pyramid"
# ## The pyramid
#
# "Stacking convolutions and pooling in a way that reduces the spatial extent while increasing the 'depth' of the
# representation proportionally is a good strategy to build a good convolutional network: 256x256 RGB → 128x128x16 →
# 64x64x64 → 32x32x256 ..." (*Large Scale Deep Learning*, session I.)
#
# A level of it by hand: convolution, ReLU, and the largest value of each 2 x 2 square.

# %%
def pyramid(images, kernels):
    """The images (n, side, side, depth) and the feature maps after each level, whose side is half the last one's."""
    levels = [images]
    for kernel in kernels:  # (3, 3, depth in, depth out)
        maps = tf.nn.relu(tf.nn.conv2d(levels[-1], kernel, strides=1, padding="SAME"))  # (n, side, side, depth out)
        levels.append(tf.nn.max_pool2d(maps, 2, 2, "VALID"))  # (n, side / 2, side / 2, depth out)
    return levels


def random_kernel(shape, rng):
    """Normal weights whose variance keeps the size of what a ReLU layer passes on: 2 / fan-in."""
    return rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), size=shape).astype(np.float32)


# %% [markdown]
# The slide's pyramid on a piece of a photograph, with random weights: even those find edges. All maps are drawn to
# scale, eight of them at each level. What is lost from left to right, and what do you think is gained?

# %% tags=["demo"]
rng, ax, left = np.random.default_rng(seeds(1)[0]), plt.subplots(figsize=(9, 4.2))[1], 0
kernels = [random_kernel((3, 3, *pair), rng) for pair in [(3, 16), (16, 64), (64, 256)]]
kernels = [kernel - kernel.mean(axis=(0, 1, 2)) for kernel in kernels]  # blind to even surfaces
for maps in pyramid(data.photographs()[:1, 60:316, 190:446], kernels):  # (1, 256, 256, 3), ..., (1, 32, 32, 256)
    side, depth = maps.shape[1], maps.shape[3]
    for card in range(8 if depth > 3 else 1):
        values, x = maps[0, ..., card] if depth > 3 else maps[0], left + 9 * card
        shown = np.clip(values / np.percentile(values, 99.5), 0, 1)
        ax.imshow(shown, cmap="gray_r", extent=(x, x + side, 9 * card, 9 * card + side), zorder=20 - card)
        ax.add_patch(plt.Rectangle((x, 9 * card), side, side, fill=False, edgecolor="0.4", zorder=20 - card))
    ax.text(left + side / 2, -10, f"{side} × {side} × {depth}", ha="center", va="top")
    left = x + side + 40
ax.set(xlim=(-5, left), ylim=(-35, 262))
ax.axis("off");

# %% [markdown]
# "Proportionally" wants counting. Halving both sides leaves a quarter of the positions, and the slide takes four times
# the depth. Most networks since take only twice the depth. We count values (what must be stored), parameters and
# multiply-adds of each level, the convolution running before the pooling.

# %%
def costs(side, depths):
    """For each level its shape, and how many values come out, parameters and multiply-adds it has."""
    for depth_in, depth_out in zip(depths, depths[1:]):
        weights, half = 3 * 3 * depth_in * depth_out, side // 2
        yield f"{half} × {half} × {depth_out}", half**2 * depth_out, weights + depth_out, side**2 * weights
        side = half


for name, growth in {"the slide: depth x 4": 4, "depth x 2": 2}.items():
    plots.table([name, "values", "parameters", "multiply-adds"],
                list(costs(256, [3] + [16 * growth**level for level in range(5)])))

# %% [markdown]
# The slide's pyramid keeps the number of values, 262,144 at every level: nothing is thrown away in sum, it only moves
# from *where* to *what*. The price is that each level costs four times the last one, and has sixteen times its
# parameters. (The slide stops at 256 for a reason.) With twice the depth the values halve and every level from the
# second costs the same; VGG and ResNet are built so.
#
# What is gained is sight. A unit of the first level sees 4 x 4 pixels, a unit of the third a piece of the temple.
#
# ### Exercise 1 (4 points): the receptive field
#
# The receptive field of a unit is the side of the square of input pixels it can depend on. A layer has a kernel of
# `kernel` x `kernel` and a stride; pooling is a layer like any other. Derive the rule: neighbours in a layer's *input*
# stand some number of pixels apart, 1 at the image, and each stride multiplies that number for the layers *after* it.
# Ignore the image's edge.

# %% nbgrader={"grade": false, "grade_id": "receptive_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(stack: list[tuple[int, int]]) -> int:
    """Side, in input pixels, of what a unit of the last layer sees.

    stack holds (kernel, stride) of each layer, the first layer first. No layers: the unit is a pixel, so 1.
    """
    ### BEGIN SOLUTION
    field, apart = 1, 1
    for kernel, stride in stack:
        field += (kernel - 1) * apart
        apart *= stride
    return field
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "receptive_field_dense", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two 3 x 3 convolutions see what one 5 x 5 sees", receptive_field([(3, 1), (3, 1)]), expected=5)
### BEGIN HIDDEN TESTS
for count, kernels in zip([3, 6], check.rng().integers(1, 9, size=(2, 6)), strict=True):
    check(f"{count} layers of stride 1", receptive_field([(int(kernel), 1) for kernel in kernels[:count]]))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "receptive_field_strided", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the last layer's own stride does not widen its field", receptive_field([(3, 2)]), expected=3)
check("3 x 3, pooled by 2, then 3 x 3", receptive_field([(3, 1), (2, 2), (3, 1)]), expected=8)
### BEGIN HIDDEN TESTS
for rows in check.rng().integers(1, 5, size=(3, 5, 2)):
    check(f"kernels {rows[:, 0]}, strides {rows[:, 1]}", receptive_field([(int(k), int(s)) for k, s in rows]))
### END HIDDEN TESTS

# %% [markdown]
# The tape can measure it: with weights that are all 1, the gradient of one output is not zero exactly at the pixels
# that it sees. AlexNet's convolutions and poolings end with 195 of 224 pixels.

# %% waits=["receptive_field"]
def field_by_tape(stack, side=256):  # of a unit in the middle
    image = maps = tf.Variable(tf.ones((1, side, side, 1)))
    with tf.GradientTape() as tape:
        for kernel, stride in stack:
            maps = tf.nn.conv2d(maps, tf.ones((kernel, kernel, 1, 1)), stride, "SAME") / kernel**2
        middle = maps[0, maps.shape[1] // 2, maps.shape[2] // 2, 0]
    return np.count_nonzero(np.sum(tape.gradient(middle, image), axis=(0, 1, 3)))


stacks = {"slide, 1 level": [(3, 1), (2, 2)], "slide, 3 levels": 3 * [(3, 1), (2, 2)], "no pooling": 3 * [(3, 1)],
          "AlexNet": [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)]}
plots.table(["stack", "field (pixels), your rule", "by the tape"],
            [[name, receptive_field(stack), field_by_tape(stack)] for name, stack in stacks.items()])

# %% [markdown]
# ### The networks
#
# In Keras the pyramid is a loop. On 8 x 8 digits the slide's strategy has room for two levels: 8 x 8 → 4 x 4 x 16
# → 2 x 2 x 32 → 10 logits. (`dlcourse.convnets` keeps this function for later weeks; batch normalization is for the
# second half of this notebook.)

# %%
def small_convnet(shape, classes, widths=(16, 32), *, batch_norm=False):
    """A pyramid: a 3 x 3 convolution, ReLU and 2 x 2 pooling for each width, then one Dense layer to the logits."""
    model = keras.Sequential([keras.Input(shape)])
    for width in widths:
        model.add(layers.Conv2D(width, 3, padding="same", use_bias=not batch_norm))
        if batch_norm:
            model.add(layers.BatchNormalization(momentum=0.9))  # Keras' 0.99 is slow for a few hundred steps
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(classes))
    return model


# %% [markdown]
# The pyramid by hand and in Keras are the same function:

# %%
net, images = small_convnet((8, 8, 1), 10), data.digits(train=200)[0][..., None]  # (200, 8, 8, 1)
kernels = [layer.kernel for layer in net.layers if isinstance(layer, layers.Conv2D)]
by_hand = tf.reshape(pyramid(images, kernels)[-1], (200, -1)) @ net.layers[-1].kernel  # (200, 10); biases are 0 yet
print(f"{net.count_params():,} parameters; largest difference {np.abs(net(images) - by_hand).max():.1e}")

# %% [markdown]
# "Example of AlexNet, winning ImageNet challenge entry in 2012": five convolutions, pooled after the first, the second
# and the fifth, then three Dense layers, the first two with dropout. The paper's maps go 55 x 55 x 96 → 27 x 27 x 256 →
# 13 x 13 x 384 twice → 13 x 13 x 256, pooled to 6 x 6 x 256. Scaled to the data: 8 x 8 x 8 → 4 x 4 x 16 → 2 x 2 x 24
# twice → 2 x 2 x 16, not pooled again, 32 units for 4096, and of so few units a fifth is dropped, not half.

# %%
def alexnet_style(shape, classes, widths=(8, 16, 24, 24, 16), units=32, dropout=0.2):
    first, second, *rest = (layers.Conv2D(width, 3, padding="same", activation="relu") for width in widths)
    return keras.Sequential([
        keras.Input(shape), first, layers.MaxPooling2D(2), second, layers.MaxPooling2D(2), *rest, layers.Flatten(),
        layers.Dense(units, "relu"), layers.Dropout(dropout), layers.Dense(units, "relu"), layers.Dropout(dropout),
        layers.Dense(classes)])


# %% [markdown]
# Against them stands the dense network of week 1 with two layers of 128 units, and a control: *flat* is as deep as the
# pyramid and has about as many parameters, but neither pools nor grows in depth: 8 x 8 → 8 x 8 x 8 → 8 x 8 x 8 → 10.

# %%
def contestants():
    def stack(*middle):
        return keras.Sequential([keras.Input((8, 8, 1)), *middle, layers.Dense(10)])

    convolutions = [layers.Conv2D(8, 3, padding="same", activation="relu") for _ in range(2)]
    return {"dense": stack(layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(128, "relu")),
            "pyramid": small_convnet((8, 8, 1), 10), "flat": stack(*convolutions, layers.Flatten()),
            "AlexNet style": alexnet_style((8, 8, 1), 10)}


# %% [markdown]
# All train alike: steps of 32 digits in one `tf.function`, from new random weights that follow from the seed, while
# the learning rate falls to zero.

# %%
def renew(model, optimizer, seed):  # new random weights, and an optimizer that has seen nothing
    rng = np.random.default_rng(seed)
    for weights in model.weights:
        ones = np.full(weights.shape, weights.name in ("gamma", "moving_variance"))  # of batch normalization
        weights.assign(random_kernel(weights.shape, rng) if weights.ndim > 1 else ones)
    for variable in optimizer.variables:
        variable.assign(tf.zeros_like(variable))


def error(model, images, labels):
    return 100 * np.mean(np.argmax(model(images), axis=1) != labels)


# %%
def trainer(model, optimizer):
    """A function that trains the model afresh and returns its error (%) on the test images."""
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape), tf.TensorSpec([None], tf.int64),
                                  tf.TensorSpec([None, 32], tf.int64), tf.TensorSpec([None])])
    def descend(images, labels, batches, rates):
        for step in tf.range(len(batches)):
            optimizer.learning_rate.assign(rates[step])
            with tf.GradientTape() as tape:
                logits = model(tf.gather(images, batches[step]), training=True)  # (32, 10)
                loss = loss_of(tf.gather(labels, batches[step]), logits)
            optimizer.apply(tape.gradient(loss, model.trainable_variables))

    def train(train_images, test_images, train_labels, test_labels, *, rate, seed, steps=160):
        renew(model, optimizer, seed)
        batches = np.random.default_rng(seed).integers(len(train_images), size=(steps, 32))
        descend(train_images, train_labels, batches, rate * np.linspace(1, 0, steps, dtype=np.float32))
        return error(model, test_images, test_labels)

    return train


# %%
def split(seed, train=200):
    """Digits with a channel: `train` to train on, the rest of the 1,797 to test on."""
    images, test_images, labels, test_labels = data.digits(train=train, seed=seed)
    return images[..., None], test_images[..., None], labels, test_labels  # (train, 8, 8, 1), ...


# %% [markdown]
# Each network gets the better of two learning rates, chosen on two pilot splits; other splits judge, twelve for the two
# that the claim compares and five for the others. The deep one takes twice the steps. **Predict** the order of all.

# %% tags=["demo"]
def test_errors(name, rate, seeds, size=200):
    """Test errors (%) after training on `size` digits, (seeds,)."""
    steps = 400 if name == "AlexNet style" else 200
    return np.array([trainers[name](*split(seed, size), rate=rate, seed=seed + size, steps=steps) for seed in seeds])


pilots, judges, models, sizes = seeds(14)[:2], seeds(14)[2:], contestants(), [50, 100, 200, 400]
trainers = {name: trainer(model, keras.optimizers.Adam()) for name, model in models.items()}
rates = {name: min([0.003, 0.01], key=lambda rate: test_errors(name, rate, pilots).mean()) for name in models}
curves = {name: np.stack([test_errors(name, rates[name], judges, size) for size in sizes], axis=1)
          for name in ["dense", "pyramid"]}  # each (12 seeds, 4 sizes)
errors = {name: curves[name][:, 2] if name in curves else test_errors(name, rates[name], judges[:5]) for name in models}
plots.table(["network", "parameters", "learning rate", "test error (%), mean", "lowest", "highest"],
            [[name, models[name].count_params(), rates[name], each.mean(), each.min(), each.max()]
             for name, each in errors.items()])

# %% [markdown]
# That was from 200 digits. And with fewer or more, at the same rates and in as many steps?

# %% tags=["demo"]
plots.line(sizes, curves, xlabel="training digits", ylabel="test error (%)", log="xy")
parameters, saved = [model.count_params() for model in models.values()], 1 - curves["pyramid"] / curves["dense"]
over_sizes = stats.mean_interval(100 * saved.mean(axis=1))
flat = stats.mean_interval(errors["flat"] - errors["pyramid"][:5])
claim(
    "conv-pyramid",
    measured={"parameters: " + ", ".join(models): parameters,
              "test error (%) from 200 digits": [each.mean() for each in errors.values()],
              "flat less pyramid (points), 95% half-width": flat,
              "share of the dense network's errors saved (%) at 50, 100, 200, 400 digits": 100 * saved.mean(axis=0),
              "mean over these sizes, 95% half-width": over_sizes},
    holds=over_sizes[0] > over_sizes[1] and parameters[1] < parameters[0] / 4,
    because=f"with a quarter of the parameters it makes {over_sizes[0]:.0f}% fewer errors, mean of 4 training sizes",
)

# %% [markdown]
# The pyramid errs less than the dense network, with a quarter of its parameters. The control errs more than the pyramid
# too, on average: *flat* shares its convolutions' weights and has nearly as many parameters, but spends 5,130 of them
# in its Dense layer, and its last convolution sees 5 x 5 pixels. The pyramid's last unit sees the whole digit (10
# pixels, by your rule), and its Dense layer needs only 1,290.
#
# AlexNet's depth does not pay here, in twice the steps. Its last three convolutions work on maps of 2 x 2, where most
# of a 3 x 3 kernel reads padding: a design made for 224 pixels and a million images is not made small by making it
# narrow.
#
# **How this could be wrong.** The splits of the same 1,797 digits overlap, so the interval is a little narrow. All
# networks train briefly; one that learns slowly would gain from more steps. **Often mistaken**: parameters for cost.
# The pyramid needs 84,224 multiply-adds an image, the dense network 25,856. **Practice has moved on**: strided
# convolutions often replace pooling, and an average over the last maps replaces the large Dense layers, in which
# AlexNet kept 58.6 of its 61 million parameters.

# %% [markdown] topic="specialized-preprocessing"
# ## Is specialized preprocessing still worth it?
#
# "Specialized preprocessing is no longer very important." (*Applications*, 2016, on computer vision.) Before 2012 it
# was: the best results on small photographs came from images whose contrast had been normalized and whose pixels had
# been whitened. To give preprocessing something to do, we photograph the digits: dark ink on white paper, under light
# of random strength and slope.

# %%
def photographed(images, seed):
    """The digits (n, 8, 8, 1) as ink on paper; each has a light of its own strength and its own slope."""
    rng, place = np.random.default_rng(seed), np.linspace(-1, 1, 8)
    strength = np.exp(rng.uniform(np.log(0.15), 0, size=(len(images), 1, 1, 1)))
    slope = rng.uniform(-0.4, 0.4, size=(2, len(images), 1, 1, 1))
    light = strength * (1 + slope[0] * place[:, None, None] + slope[1] * place[:, None]) / 1.8  # (n, 8, 8, 1)
    return (light * (1 - 0.7 * images)).astype(np.float32)


# %% [markdown]
# Four ways to prepare them. All have one form, `(training images, test images)` to both prepared, so that what is
# computed from the test images as a whole stands out as the mistake that it is.
#
# *Standardized*: one mean and one standard deviation, of the training images. *Global contrast*: each image by its own,
# $x' = (x - \bar x) / \max\{\epsilon, \sigma_x\}$ (chapter 12 of the book, which has a regularizer besides).

# %%
def standard(train, test):
    mean, deviation = train.mean(), train.std()
    return (train - mean) / deviation, (test - mean) / deviation


def global_contrast(images, floor=1e-8):
    """Each image (height, width, channels) of (n, height, width, channels) less its mean, over its own contrast."""
    mean, contrast = (function(images, axis=(1, 2, 3), keepdims=True) for function in (np.mean, np.std))
    return (images - mean) / np.maximum(floor, contrast)


# %% [markdown]
# Keras' layers do the same; `adapt` is given the training images only.

# %%
(train_images, test_images, *_), normalization = split(0), layers.Normalization(axis=None)
normalization.adapt(train_images)
each_image = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, epsilon=1e-8)
print(f"standardized: {np.abs(standard(train_images, test_images)[1] - normalization(test_images)).max():.1e}; "
      f"global contrast: {np.abs(global_contrast(test_images) - each_image(test_images)).max():.1e}")

# %% [markdown]
# ### Exercise 2 (4 points): local contrast
#
# A slope of light is not one number an image. Normalize each pixel by its neighbours: let $m$ and $s$ be mean and
# standard deviation over those pixels of the `window` x `window` square around it *that lie inside the image*. The
# result is
#
# $$x' = \frac{x - m}{\max\{s,\ c\}}, \qquad c = \text{the mean of } s \text{ over the image}$$
#
# so that flat regions are not blown up to full contrast (Jarrett et al. 2009). Images without any contrast become 0:
# let the divisor be at least 1e-6. Each channel is normalized by itself. Compute in float64. One of the poolings of
# notebook 1 does half the work.

# %% nbgrader={"grade": false, "grade_id": "local_contrast", "locked": false, "schema_version": 3, "solution": true, "task": false}
def local_contrast(images: np.ndarray, window: int = 5) -> np.ndarray:
    """Locally normalized images, (n, height, width, channels) as they came; `window` is odd."""
    ### BEGIN SOLUTION
    def local_mean(values):  # average pooling with "SAME" counts only what lies inside
        return tf.nn.avg_pool2d(values, window, 1, "SAME").numpy()

    images = np.asarray(images, dtype=np.float64)
    mean = local_mean(images)
    deviation = np.sqrt(np.maximum(local_mean(images**2) - mean**2, 0))
    floor = deviation.mean(axis=(1, 2), keepdims=True)  # (n, 1, 1, channels)
    return (images - mean) / np.maximum(np.maximum(deviation, floor), 1e-6)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "local_contrast_inside", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
dot = np.pad([[1.0]], 2)[None, ..., None]  # (1, 5, 5, 1); mean 1 / 9, deviation sqrt(8) / 9 in the 3 x 3 around it
check("a dot: less its neighbours' mean, over their deviation", local_contrast(dot, 3)[0, 2, 2, 0], expected=8**0.5)
### BEGIN HIDDEN TESTS
pictures = check.rng().uniform(size=(3, 9, 9, 2))
pictures[:, [0, 1, 7, 8]] = pictures[:, :, [0, 1, 7, 8]] = 0.0  # a flat margin
check("any picture: its inside", local_contrast(pictures, 3)[:, 2:7, 2:7])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "local_contrast_edges", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a flat picture has no contrast, at its edges neither", local_contrast(np.full((1, 4, 4, 1), 0.7), 3),
      expected=np.zeros((1, 4, 4, 1)))
### BEGIN HIDDEN TESTS
for window, side in [(3, 6), (5, 8)]:
    pictures = check.rng().uniform(size=(4, side, side + 1, 2)) * np.array([0.1, 1, 5, 20])[:, None, None, None]
    check(f"any picture to its edges, window {window}", local_contrast(pictures, window))
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 (4 points): find the planted bugs
#
# *Whitening* makes every pixel have variance 1 and no two pixels correlate. With the covariance
# $\Sigma = U D U^\top$ of the training images, $W = U (D + \epsilon I)^{-1/2} U^\top$ is the symmetric matrix that does
# so (ZCA: of all whitenings the one that changes the image least); $\epsilon$ keeps directions without variance
# from being blown up. In a colleague's code three bugs are planted; each alone leaves images that a network can train
# on.

# %%
def whitened_with_bugs(train, test, epsilon):
    mean = train.mean(axis=1, keepdims=True)
    centred = train - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))  # the columns of `vectors` are U
    matrix = (vectors / (variances + epsilon)) @ vectors.T
    return centred @ matrix, (test - test.mean(axis=0)) @ matrix


# %% nbgrader={"grade": false, "grade_id": "whitened", "locked": false, "schema_version": 3, "solution": true, "task": false}
def whitened(train: np.ndarray, test: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Both (n, pixels), whitened by the mean and the covariance of the training images."""
    ### BEGIN SOLUTION
    mean = train.mean(axis=0)
    centred = train - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))  # the columns of `vectors` are U
    matrix = (vectors / np.sqrt(variances + epsilon)) @ vectors.T
    return centred @ matrix, (test - mean) @ matrix
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "whitened_train", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
rows = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 0.5], [4.0, 5.0], [-2.0, 1.0]])  # (5, 2)
result = whitened(rows, rows, 0.0)[0]
check("each pixel has mean 0 over the training images", result.mean(axis=0), expected=[0, 0])
check("their covariance is the identity", result.T @ result / 5, expected=np.eye(2))
### BEGIN HIDDEN TESTS
rows = check.rng().normal(size=(60, 6)) @ check.rng().normal(size=(6, 6)) + 3
check("any training images", whitened(rows, rows[:1], 0.0)[0])
check("with a large epsilon", whitened(rows, rows[:1], 0.5)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "whitened_test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
rows = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 0.5], [4.0, 5.0], [-2.0, 1.0]])  # (5, 2)
check("an image comes out alike, alone in the test set or in the training set",
      whitened(rows, rows[:1], 0.1)[1] - whitened(rows, rows[:1], 0.1)[0][:1], expected=[[0, 0]])
### BEGIN HIDDEN TESTS
rows = check.rng().normal(size=(60, 6)) @ check.rng().normal(size=(6, 6)) + 3
check("any test images", whitened(rows[:40], rows[40:] + 1, 0.1)[1])
### END HIDDEN TESTS

# %% [markdown]
# On small photographs the two were used together: global contrast, then whitening with $\epsilon = 0.1$. So do we.

# %% waits=["local_contrast", "whitened"]
def global_and_zca(train, test):
    prepared = whitened(*(global_contrast(part).reshape(len(part), 64) for part in (train, test)), epsilon=0.1)
    return tuple(part.reshape(-1, 8, 8, 1).astype(np.float32) for part in prepared)


preparations = {"raw": lambda *both: both, "standard": standard,
                "global": lambda *both: tuple(global_contrast(images) for images in both),
                "local": lambda *both: tuple(local_contrast(images).astype(np.float32) for images in both),
                "ZCA": global_and_zca}

# %% [markdown]
# Four digits, each under two lights. In which row does the light show least? The table puts a number on it: the squared
# distance between one digit under two lights, as a share of that between two different digits.

# %% tags=["demo"] waits=["local_contrast", "whitened"]
images = split(seeds(1)[0], 400)[0]  # (400, 8, 8, 1)
first, second = (photographed(images, seed) for seed in seeds(2))
figure, axes = plt.subplots(5, 8, figsize=(7.2, 4.6))
for (name, prepare), row in zip(preparations.items(), axes, strict=True):
    one, other = prepare(first, second)
    for place, ax in enumerate(row):
        low, high = np.percentile(one, [1, 99])
        ax.imshow((one, other)[place % 2][place // 2], cmap="gray", vmin=low, vmax=high)
        ax.set(xticks=[], yticks=[], ylabel="" if place else name)
plots.table(["input", "light's share of the distance (%)"],
            [[name, 100 * np.mean((one - other) ** 2) / np.mean((one - np.roll(other, 1, axis=0)) ** 2)]
             for name, prepare in preparations.items() for one, other in [prepare(first, second)]])

# %% [markdown]
# ### The race
#
# "No longer important" compares two times, so we fix both before we look. *Then*: no batch normalization, each picture
# as it came. *Now*: batch normalization, and augmentation: each training digit is photographed in 16 lights. The
# sentence holds if local contrast, in which the light shows least, saves now less than half of the errors (in points
# beside raw input) that it saved then; and if, on plain digits, which leave it nothing to remove, the best of the three
# *specialized* inputs (global, local, ZCA) saves less than one point.
#
# The network is the pyramid, trained by SGD with momentum, as was usual in 2016. (Adam would hide some of what badly
# scaled input does.) Without batch normalization each input gets the better of two learning rates on the pilot splits.
# With it the rate matters little: in a trial no input did better at 0.01 or 0.1 than at 0.03 by more than half a point,
# so all take 0.03. **Predict** the best and the worst input.

# %% tags=["demo"] waits=["local_contrast", "whitened"]
def prepared_split(name, seed, lights=1, train=200):
    """A split prepared in the way `name`, each training digit photographed in so many lights; plain digits at 0."""
    train_images, test_images, train_labels, test_labels = split(seed, train)
    if lights:
        train_images = photographed(np.tile(train_images, (lights, 1, 1, 1)), seed)
        test_images, train_labels = photographed(test_images, seed + 500), np.tile(train_labels, lights)
    return *preparations[name](train_images, test_images), train_labels, test_labels


racers = [trainer(small_convnet((8, 8, 1), 10, batch_norm=normed), keras.optimizers.SGD(momentum=0.9))
          for normed in (False, True)]
best_rate = {name: min([0.04, 0.12], key=lambda rate: sum(
    racers[False](*prepared_split(name, seed), rate=rate, seed=seed) for seed in pilots)) for name in preparations}


def race(name, normed, **options):
    """Test errors (%) on five splits, (5,)."""
    rate = 0.03 if normed else best_rate[name]
    return np.array([racers[normed](*prepared_split(name, seed, **options), rate=rate, seed=seed)
                     for seed in judges[:5]])


# %% tags=["demo"] waits=["local_contrast", "whitened"]
pictures = {"photographed, no batch norm": {name: race(name, False) for name in preparations},
            "photographed, batch norm": {name: race(name, True) for name in preparations},
            "plain digits, batch norm": {name: race(name, True, lights=0) for name in preparations}}
then, normed, plain = pictures.values()
for ax, (title, measured) in zip(plots.panels(3, columns=3), pictures.items(), strict=True):
    plots.bars(measured, ylabel="test error (%)", title=title, ax=ax)
    ax.set_ylim(0, 1 + max(each.max() for each in then.values()))

# %% [markdown]
# What is left of the gain of local contrast when something else is done about the light?

# %% tags=["demo"] waits=["local_contrast", "whitened"]
now, larger = ({name: race(name, True, **options) for name in ("raw", "local")} for options in (
    {"lights": 16}, {"train": 800}))  # each {name: (5,)}
gain = {title: (measured["raw"], measured["local"]) for title, measured in {
    "then: no batch norm": then, "batch norm": normed, "now: batch norm, 16 lights a digit": now,
    "batch norm, 800 digits": larger, "plain digits, batch norm": plain}.items()}
plots.table(["", "raw: test error (%)", "local: test error (%)", "saved (points)", "95% half-width"],
            [[title, raw.mean(), local.mean(), *stats.mean_interval(raw - local)]
             for title, (raw, local) in gain.items()])

# %% tags=["demo"] waits=["local_contrast", "whitened"]
was, left = (np.mean(each["raw"] - each["local"]) for each in (then, now))
on_plain = plain["raw"].mean() - min(plain[name].mean() for name in ("global", "local", "ZCA"))
claim(
    "specialized-preprocessing",
    measured={**{f"{title}: error (%) of {', '.join(preparations)}": [each.mean() for each in measured.values()]
                 for title, measured in pictures.items()},
              **{f"{title}: raw less local (points), 95% half-width": stats.mean_interval(raw - local)
                 for title, (raw, local) in gain.items()}},
    holds=left < was / 2 and on_plain < 1,
    because=f"local contrast saved {was:.1f} points without batch norm; with it and augmentation {left:.1f} are left",
)

# %% [markdown]
# Then, local contrast saved about half of the errors. Batch normalization alone takes away more than half of that
# gain, although it knows nothing of light: it keeps the activations at one scale, whatever the input's. Many lights
# take away more, and by the measure that we fixed the sentence holds. On plain digits nothing is gained. What used to
# be done to the pixels is now done by layers inside the network and by the choice of training images.
#
# The other rows keep it from being a law. "Not very important" is not "useless": with 800 digits, each in one light,
# local contrast still saves points that more digits did not. And preprocessing can harm. Whitening doubles the errors
# on plain digits: it gives directions of little variance, which are mostly noise, the same weight as strokes.
#
# **How this could be wrong.** The augmentation draws from the very lights of the test; in life one has to guess them.
# The pictures have 64 pixels and the network 160 steps; more steps would help raw input most. Whitening's $\epsilon$
# is the literature's, not tuned. **Often mistaken**: statistics of all images; the test error then looks better
# than it is, or depends on which images happen to be tested together. **Practice has moved on**: a mean and a standard
# deviation for each channel are what is left of preprocessing; augmentation is notebook 4.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - A pyramid trades *where* for *what*. Four times the depth at half the side keeps the number of values and makes each
#   level four times dearer; twice the depth keeps the cost.
# - The receptive field grows by (kernel - 1) times the product of all strides before.
# - Parameters are not multiply-adds, and neither is accuracy. Compare networks at their own best learning rates.
# - Whatever is computed from many images is computed from the training images.
# - A preprocessing helps by what it removes: it must be noise for your question, and it must be there.
#
# ## At full scale
#
# | where | what | steps | time |
# |---|---|---|---|
# | this laptop | the pyramid, 6,090 parameters, 200 digits | 200 of 32 images | 0.2 s |
# | one GPU | widths 32 and 64 on `data.digits(full=True)`, 50,186 parameters | 4,700 of 128 | minutes |
# | the paper (Krizhevsky et al. 2012) | AlexNet, 61 million, 1.2 million images | 840,000 of 128 | 6 days, two GPUs |
#
# Next: notebook 3 runs several filter sizes side by side.

# %%
dlcourse.submit()
