# %% [markdown]
# # 5 · Big batches, class-conditional normalization and truncation
#
# *Applications* (Goodfellow 2018), slide 14, "Graphics (Table by Augustus Odena)", its row of 2018: BigGAN.
#
# **You should know** adversarial training and the Fréchet distance (`gan`), the auxiliary classifier (`ac-gan`) and
# `spectral-normalization`. **You will have built** class-conditional batch normalization, a projection discriminator,
# the truncation trick, two measures that tell quality from variety, and the curve along which one is traded for the
# other.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) Why does batch normalization compute something else in training than in use?
# 2. (Notebook 3) What does an auxiliary classifier reward in a generated 3, and what does it not reward?
#
# <details><summary>Answers</summary>
#
# 1. In training its mean and variance are those of the batch, so an image depends on the others of its batch. In use
#    they are fixed numbers, usually moving averages. Below, a third possibility matters.
# 2. That it is surely a 3. That it is another 3 than the one before, no term of its loss asks for.
#
# </details>

# %%
dlcourse.setup("week14/05_big_batches", seed=145)

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, generative_adversarial, plots, sample_quality, seeds, stats

# %% [markdown] topic="biggan"
# ## BigGAN
#
# The deck shows how generated images improved in two years, in four rows: "Odena et al 2016, Miyato et al 2017, Zhang
# et al 2018, Brock et al 2018". The last row's networks are hardly new. Brock, Donahue and Simonyan took the
# class-conditional, spectrally normalized network with attention and enlarged it: eight times the batch, more channels.
# And they found "a simple 'truncation trick', allowing fine control over the trade-off between sample fidelity and
# variety by reducing the variance of the Generator's input". This notebook measures both, the batch and the trick, on
# a network like that of notebook 3.

# %%
images, _, labels, _ = data.digits(train=1787)  # all but ten
images, labels = images[..., None], labels.astype(np.int32)  # (1787, 8, 8, 1), (1787,)
latent, width = 8, 16  # noise of 128 numbers and 96 channels or more in the paper

# %% [markdown]
# ### Class-conditional batch normalization
#
# Notebook 3 told the generator its class once, beside the noise. Here each normalization tells it. The mean $\mu$ and
# the variance $\sigma^2$ of a channel are those of the whole batch, all places and all classes together; the gain and
# the bias that follow belong to the class $c$ of the image:
#
# $$y = \gamma_c\, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta_c .$$
#
# So all classes share the convolutions, and a class is a choice of which channels speak. $\gamma_c$ is a linear
# function of the class as a one-hot vector: a row of a table. (In the paper all layers share an embedding of the class
# in 128 numbers, from which each computes its gains linearly, and a part of the noise goes in too.)
#
# ### Exercise 1 (4 points): class-conditional batch normalization
#
# Write it with tensor operations. In training the statistics come from the batch; in use they are given.

# %% nbgrader={"grade": false, "grade_id": "conditional_batch_norm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon: float = 1e-3):
    """Normalized images x (batch, height, width, channels), with the gain and bias of each image's class.

    labels (batch,): from 0. gain, bias (classes, channels). statistics: None, to use those of the batch (the variance
    divided by the number of values), or a pair mean (channels,), variance (channels,) to be used instead.
    """
    ### BEGIN SOLUTION
    mean, variance = tf.nn.moments(x, axes=[0, 1, 2]) if statistics is None else statistics  # (channels,)
    normalized = (x - mean) / tf.sqrt(variance + epsilon)
    return normalized * tf.gather(gain, labels)[:, None, None] + tf.gather(bias, labels)[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "conditional_batch_norm_training", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
pixels = np.array([[[[0.0], [2.0]]], [[[4.0], [6.0]]]], np.float32)  # (2, 1, 2, 1): mean 3, variance 5
two_gains, two_biases = np.array([[1.0], [10.0]], np.float32), np.array([[0.0], [100.0]], np.float32)
check("one class for both images, no epsilon: (x - 3) / sqrt(5)",
      conditional_batch_norm(pixels, np.array([0, 0]), two_gains, two_biases, epsilon=0.0), (pixels - 3) / np.sqrt(5))
check("two classes share the statistics; the second image has class 0",
      conditional_batch_norm(pixels, np.array([1, 0]), two_gains, two_biases, epsilon=0.0),
      (pixels - 3) / np.sqrt(5) * [[[[10.0]]], [[[1.0]]]] + [[[[100.0]]], [[[0.0]]]])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("any batch in training", conditional_batch_norm(
    rng.normal(1, 2, (6, 4, 3, 5)).astype("f"), rng.integers(4, size=6), rng.normal(size=(4, 5)).astype("f"),
    rng.normal(size=(4, 5)).astype("f"), epsilon=0.1))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "conditional_batch_norm_in_use", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
stored = np.float32([1.0]), np.float32([3.0])
check("in use: (x - 1) / sqrt(3 + 1), whatever the batch is",
      conditional_batch_norm(pixels, np.array([0, 0]), two_gains, two_biases, stored, epsilon=1.0), (pixels - 1) / 2)
check("in use: an image alone is what it is among others",
      conditional_batch_norm(pixels[1:], np.array([1]), two_gains, two_biases, stored, epsilon=1.0),
      10 * (pixels[1:] - 1) / 2 + 100)
### BEGIN HIDDEN TESTS
rng = check.rng()
check("any batch in use", conditional_batch_norm(
    rng.normal(size=(6, 4, 3, 5)).astype("f"), rng.integers(4, size=6), rng.normal(size=(4, 5)).astype("f"),
    rng.normal(size=(4, 5)).astype("f"), (rng.normal(size=5).astype("f"), rng.uniform(0.1, 2, 5).astype("f")), 0.1))
### END HIDDEN TESTS

# %% [markdown]
# In Keras it is a `BatchNormalization` without gain and bias of its own, and two tables of rows, `Embedding`. The same
# lines serve a `Dense` layer's output, an image of one place.

# %%
def conditional(x, labels, momentum=0.9):
    """Class-conditional batch normalization of x (batch, ..., channels) as Keras layers."""
    channels = x.shape[-1]
    as_image = keras.layers.Reshape((1,) * (len(x.shape) - 2) + (channels,))
    gain, bias = (as_image(keras.layers.Embedding(10, channels, embeddings_initializer=start)(labels))
                  for start in ["ones", "zeros"])  # (batch, 1, 1, channels)
    return keras.layers.BatchNormalization(center=False, scale=False, momentum=momentum)(x) * gain + bias


# %% tags=["demo"] waits=["conditional_batch_norm"]
rng = np.random.default_rng(seeds(1)[0])
places, classes = keras.Input((8, 8, 5)), keras.Input((), dtype="int32")
layer = keras.Model([places, classes], conditional(places, classes))
values = [rng.uniform(0.5, 2, size=weight.shape).astype("f") for weight in layer.get_weights()]
layer.set_weights(values)
(gain, bias), stored = ([value for value in values if value.ndim == rank] for rank in [2, 1])
batch = rng.normal(3, 2, size=(10, 8, 8, 5)).astype("f"), np.arange(10)
for training, statistics in [(False, stored), (True, None)]:
    apart = np.abs(conditional_batch_norm(*batch, gain, bias, statistics) - layer(batch, training=training)).max()
    print(f"training={training}: by hand and in Keras, largest difference {apart:.1e}")

# %% [markdown]
# ### The two players
#
# The generator has half of notebook 1's channels, and hears of the class in the normalizations only. The noise has 8
# numbers in place of 32, of which more below.
#
# The discriminator has notebook 3's eleven outputs and another use for them. There ten of them classified, which gave
# images that are sure of their class and alike. A *projection* discriminator (Miyato and Koyama 2018; BigGAN's choice)
# adds to the logit of "real" the output of the class $c$ that was asked for,
#
# $$D(x, c) = \psi^\top \phi(x) + v_c^\top \phi(x),$$
#
# with $\phi(x)$ the features. It compares real and generated images of each class, and a generator with no variety in a
# class can be told from the real images of that class. All its layers are spectrally normalized.

# %%
def new_generator(momentum=0.9):
    """From [noise (batch, latent), labels (batch,)] to images (batch, 8, 8, 1)."""
    noise, classes = keras.Input((latent,)), keras.Input((), dtype="int32")
    x = keras.layers.Dense(4 * 4 * 2 * width, use_bias=False)(noise)
    x = keras.layers.ReLU()(conditional(x, classes, momentum))  # (batch, 512)
    x = keras.layers.UpSampling2D()(keras.layers.Reshape((4, 4, 2 * width))(x))
    x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
    x = keras.layers.ReLU()(conditional(x, classes, momentum))  # (batch, 8, 8, 16)
    return keras.Model([noise, classes], keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))


def new_discriminator():
    """From images (batch, 8, 8, 1) to (batch, 11): psi . phi and v_c . phi of each class c."""
    spectral, pictures = keras.layers.SpectralNormalization, keras.Input((8, 8, 1))
    x = keras.layers.LeakyReLU(0.2)(spectral(keras.layers.Conv2D(width, 3, padding="same"))(pictures))
    x = keras.layers.LeakyReLU(0.2)(spectral(keras.layers.Conv2D(2 * width, 4, strides=2, padding="same"))(x))
    x = keras.layers.Flatten()(x)  # (batch, 512)
    return keras.Model(pictures, keras.layers.Concatenate()([spectral(keras.layers.Dense(n))(x) for n in [1, 10]]))


# %% [markdown]
# The training is notebook 1's, `generative_adversarial.Training`, with a step of its own: first the discriminator, then
# the generator against the discriminator as it has become, both with the same generated images. The players circle
# each other and never rest, so the paper draws with a running average of the generator's weights, kept here as a
# second generator.

# %%
class Projected(generative_adversarial.Training):
    """Alternating updates whose discriminator is told the class, and a generator with averaged weights."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.averaged = new_generator()

    def restart(self, seed):
        super().restart(seed)
        self.averaged.set_weights(self.generator.get_weights())

    def step(self, images, labels, key, both):
        places = tf.random.stateless_uniform([self.batch], key, 0, len(images), tf.int32)
        real, asked = tf.gather(images, places), tf.gather(labels, places)

        def logits(pictures):  # (batch,)
            outputs = self.discriminator(pictures, training=True)
            return outputs[:, 0] + tf.gather(outputs[:, 1:], asked, batch_dims=1)

        with tf.GradientTape() as g_tape:
            fake = self.generator([tf.random.stateless_normal([self.batch, latent], key + 1), asked], training=True)
            with tf.GradientTape() as d_tape:
                d_loss, _ = self.losses(logits(real), logits(fake))
            self.update(0, self.discriminator, d_tape, d_loss)
            _, g_loss = self.losses(0.0, logits(fake))
        self.update(1, self.generator, g_tape, g_loss)
        for mean, weight in zip(self.averaged.weights, self.generator.weights, strict=True):
            mean.assign(0.98 * mean + 0.02 * weight)  # 0.9999 in the paper, over 100,000 steps and more
        return d_loss, g_loss


# %% [markdown]
# In use the normalizations need stored statistics, and moving averages of small batches are poor ones. The paper's
# *standing statistics* are computed anew once the weights are fixed: much noise goes through in training mode, and the
# means and variances that it meets are stored. In a copy whose averages have momentum 0, one pass over many does it.

# %%
copy = new_generator(momentum=0.0)


def draw(weights, noise, classes, standing=True):
    """Images (n, 8, 8, 1); with standing statistics for this noise, or with those among the weights."""
    copy.set_weights(weights)
    inputs = [tf.constant(noise, tf.float32), tf.constant(classes)]
    if standing:
        copy(inputs, training=True)
    return copy(inputs, training=False).numpy()


# %% [markdown]
# ### Eight times the batch
#
# "Simply increasing the batch size by a factor of 8" raised the Inception score by 46%, the paper says (from 256 to
# 2,048, in no more steps). At equal *steps* the large batch has seen eight times the images. So we ask twice: what is a
# batch of 256 worth beside one of 32 after equal steps, and what after equal images? All start from the same five pairs
# of networks. The learning rates are the best of a few tried on other seeds: 0.001, but for the small batch 0.002 when
# there are only 60 steps (0.004 did about as well). Predict both answers before you look.

# %% tags=["demo"]
judge = sample_quality.Judge(images, labels)
real, asked, runs = judge.body(images[::2]).numpy(), labels[1::2], seeds(5)  # (894, 32), (893,)
arms = {"batch 32": (32, 1e-3, [60, 120, 240, 480]), "batch 32, twice the rate": (32, 2e-3, [30, 45, 60]),
        "batch 256": (256, 1e-3, [30, 45, 60])}  # batch, learning rate, steps after which to look
trainings = {batch: Projected(new_generator, new_discriminator, batch=batch) for batch in [32, 256]}
distance, trained = {name: np.zeros((5, len(looks))) for name, (_, _, looks) in arms.items()}, {}
for name, (batch, rate, looks) in arms.items():
    training = trainings[batch]
    for run, seed in enumerate(runs):
        training.restart(seed)
        for optimizer in training.optimizers:
            optimizer.learning_rate = rate
        noise = tf.random.stateless_normal([len(asked), latent], [seed % 2**31, 0])
        for look, steps in enumerate(np.diff(looks, prepend=0)):
            training.run(images, labels, int(steps))
            drawn = judge.body(draw(training.generator.get_weights(), noise, asked)).numpy()  # (893, 32)
            distance[name][run, look] = sample_quality.frechet_distance(real, drawn)
        trained[name, run] = training.averaged.get_weights()

# %% tags=["demo"]
for ax, by_images in zip(plots.panels(2), [False, True], strict=True):
    for index, (name, (batch, _, looks)) in enumerate(arms.items()):
        lines = ax.plot(np.array(looks) * (batch if by_images else 1), distance[name].T, color=plots.COLOURS[index],
                        linestyle=plots.DASHES[index], marker=plots.MARKERS[index], markersize=4)
        lines[0].set_label(name)
    plots.finish(ax, "real images seen" if by_images else "step", "Fréchet distance", log="xy")
    ax.legend()
floor = sample_quality.frechet_distance(real, judge.body(images[1::2]).numpy())
print(f"between two halves of the real images: {floor:.2f}")

# %% tags=["demo"]
small, hasty, large = distance.values()
logs = {name: np.log(large[:, -1] / other) for name, other in [
    ("after 60 steps at the same rate", small[:, 0]), ("after 60 steps, each at its best rate", hasty[:, -1]),
    ("after 15,360 images, each at its best rate", small[:, -1])]}
ratios = {}
for name, values in logs.items():
    mean, half = stats.mean_interval(values)
    ratios[name] = [float(np.exp(x)) for x in [mean, mean - half, mean + half]]
plots.table(["batch 256 over batch 32", "ratio of the distances", "from (95%)", "to"],
            [[name, *ratio] for name, ratio in ratios.items()])

# %% [markdown]
# After equal steps at one rate the large batch is far ahead. Most of this goes when the small one may use the rate that
# suits it over so few steps: the ratio comes near 1, and with other seeds its interval has held 1. After equal images
# no difference is left that five pairs could show. So eight times the batch buys fewer updates at best, and not fewer
# images: worth much where hundreds of cores share each update, nothing on two.
#
# The blue lines show something else. They do not keep falling: some networks are worse after 480 steps than after
# 240. What follows draws with the averaged weights.
#
# ### Quality and variety, apart
#
# The Fréchet distance is one number for two virtues. A generator that always draws the same perfect 3, and one that
# draws many blurred ones, can have the same. So we measure apart, in the judge's features. Around each real image lies
# a ball that reaches to its $k$-th nearest *other* real image. Then
#
# - **precision** (Kynkäänniemi et al. 2019), a measure of quality: the share of generated images that lie in at least
#   one ball,
# - **coverage** (Naeem et al. 2020), a measure of variety: the share of balls that hold at least one generated image.
#
# Beside them stand the share of images that the judge sees as the class asked for, which is quality too, and the
# spread within the classes: the trace of the covariance of the features of a class, averaged over classes, as a
# percentage of that of the real images.
#
# ### Exercise 2 (3 points): precision and coverage
#
# A point on the surface of a ball counts as inside.

# %%
def distances(one, other):
    """Euclidean distances (n, m) between features one (n, d) and other (m, d)."""
    squared = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.sqrt(np.maximum(squared, 0))


# %% nbgrader={"grade": false, "grade_id": "precision_and_coverage", "locked": false, "schema_version": 3, "solution": true, "task": false}
def precision_and_coverage(real: np.ndarray, generated: np.ndarray, k: int) -> tuple[float, float]:
    """Two shares from 0 to 1, of features real (n, d) and generated (m, d); k is less than n."""
    ### BEGIN SOLUTION
    radius = np.partition(distances(real, real), k, axis=1)[:, k]  # (n,): the smallest, 0, is each image itself
    inside = distances(real, generated) <= radius[:, None]  # (n, m)
    return inside.any(axis=0).mean(), inside.any(axis=1).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "precision_and_coverage_precision", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
row = np.array([[0.0], [1.0], [3.0], [6.0]])  # to the nearest other: 1, 1, 2, 3
check("precision, k = 1: 0.5 and 8.5 lie in a ball, -2 and 9.5 in none",
      precision_and_coverage(row, np.array([[-2.0], [0.5], [8.5], [9.5]]), 1)[0], expected=0.5)
check("precision, k = 2: larger balls", precision_and_coverage(row, np.array([[-2.0], [0.5], [8.5], [9.5]]), 2)[0],
      expected=1.0)
### BEGIN HIDDEN TESTS
rng = check.rng()
check("precision of any features", [precision_and_coverage(
    rng.normal(size=(30, 3)), 1.6 * rng.normal(size=(50, 3)), k)[0] for k in [1, 2, 5]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "precision_and_coverage_coverage", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
row = np.array([[0.0], [1.0], [3.0], [6.0]])  # to the nearest other: 1, 1, 2, 3
check("coverage, k = 1: eight times 8.5 is in the last ball only",
      precision_and_coverage(row, np.full((8, 1), 8.5), 1)[1], expected=0.25)
check("coverage, k = 1: 0.5 is in two balls, 8.5 in one", precision_and_coverage(row, np.array([[0.5], [8.5]]), 1)[1],
      expected=0.75)
### BEGIN HIDDEN TESTS
rng = check.rng()
check("coverage of any features", [precision_and_coverage(
    rng.normal(size=(30, 3)), 1.6 * rng.normal(size=(10, 3)), k)[1] for k in [1, 2, 5]])
### END HIDDEN TESTS

# %% [markdown]
# Before we trust two measures, they must pass on images about which we know the answer: real ones, one real image of
# each class again and again, real images with noise, and noise. Which of the two does each row fail?

# %% tags=["demo"] waits=["precision_and_coverage"]
def figures(pictures, classes):
    """Precision, coverage, class as asked (all in %), spread within classes (% of the real one), Fréchet distance."""
    drawn = judge.body(pictures).numpy()  # (n, 32)
    shares = *precision_and_coverage(real, drawn, k=5), (np.argmax(judge.head(drawn), axis=-1) == classes).mean()
    inner, outer = (np.mean([np.trace(np.cov(features[of == c], rowvar=False)) for c in range(10)])
                    for features, of in [(drawn, classes), (real, labels[::2])])
    return *(100 * share for share in [*shares, inner / outer]), sample_quality.frechet_distance(real, drawn)


other, rng = images[1::2], np.random.default_rng(runs[0])  # real holds the features of the first, third, ... image
one_each = images[[np.flatnonzero(labels == c)[0] for c in range(10)]][asked]
known = {"real, the other half": other, "one of each class": one_each,
         "real and noise of 0.3": np.clip(other + rng.normal(0, 0.3, other.shape), 0, 1).astype("f"),
         "noise": rng.random(other.shape).astype("f")}
names = ["precision (%)", "coverage (%)", "class as asked (%)", "spread in a class (%)", "Fréchet distance"]
plots.table(["images", *names], [[name, *figures(pictures, asked)] for name, pictures in known.items()])

# %% [markdown]
# Ten real images repeated have nearly full precision and next to no coverage; noise added to real images costs both.
# Both measures say what they should. The first row is the most that a generator can hope for.
#
# ### The truncation trick
#
# The generator was trained on noise $z \sim N(0, 1)$. In use, draw each number of $z$ from the same density *cut off*
# at a threshold: what falls beyond is drawn again. The images then come from the middle of the noise, of which the
# generator has seen most.
#
# ### Exercise 3 (3 points): truncated noise
#
# Draw again what falls beyond, until nothing does. (Clipping would put a heap of numbers exactly on the threshold.)

# %% nbgrader={"grade": false, "grade_id": "truncated_noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def truncated_noise(rng: np.random.Generator, shape: tuple, threshold: float) -> np.ndarray:
    """Numbers of the given shape, normally distributed, on condition that |z| <= threshold (may be np.inf)."""
    ### BEGIN SOLUTION
    z = rng.normal(size=shape)
    while (beyond := np.abs(z) > threshold).any():
        z[beyond] = rng.normal(size=beyond.sum())
    return z
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "truncated_noise_bound", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("shape", truncated_noise(check.rng(), (3, 4), 1.0).shape, expected=(3, 4))
check("nothing beyond a threshold of 1", np.abs(truncated_noise(check.rng(), (100, 100), 1.0)).max(), at_most=1.0)
check("no threshold: some beyond 2", np.abs(truncated_noise(check.rng(), (100, 100), np.inf)).max(), at_least=2.0)
### BEGIN HIDDEN TESTS
threshold = check.rng().uniform(0.2, 2.5)
z = np.abs(truncated_noise(check.rng(), (200, 100), threshold)) / threshold
check("nothing beyond any threshold", z.max(), at_most=1.0)
check("the largest of 20,000 comes near any threshold", z.max(), at_least=0.99)
check("any shape", truncated_noise(check.rng(), tuple(check.rng().integers(1, 9, size=3)), threshold).shape)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "truncated_noise_distribution", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
z = truncated_noise(check.rng(), (200, 200), 1.0)
check("the standard deviation at threshold 1", z.std(), expected=0.5397, tolerance=0.01)
check("the share within 0.5: 0.383 of 0.683", (np.abs(z) < 0.5).mean(), expected=0.561, tolerance=0.015)
check("the share within 0.0001 of the threshold", (np.abs(z) > 0.9999).mean(), at_most=0.002)
### BEGIN HIDDEN TESTS
for which, threshold in enumerate(check.rng().uniform(0.3, 2.0, size=3)):
    z = truncated_noise(check.rng(), (200, 200), threshold)
    check(f"any threshold, {which}: quantiles", np.quantile(z, [0.05, 0.25, 0.5, 0.75, 0.95]), tolerance=0.03)
### END HIDDEN TESTS

# %% [markdown]
# With a threshold the features vary less, and statistics stored in training do not fit them any more. So we draw twice,
# with the moving averages of the training and with standing statistics for each threshold.
#
# Predict, for a falling threshold: what will the quality do, what will the variety do, and where will the Fréchet
# distance, which rewards both, be smallest?

# %% tags=["demo"] waits=["precision_and_coverage", "truncated_noise"]
thresholds = [np.inf, 2, 1.5, 1, 0.5, 0.25, 0.1]
pictures, found = {}, np.zeros((2, 5, len(thresholds), 5))  # statistics, run, threshold, figure
for run, seed in enumerate(runs):
    rng = np.random.default_rng(seed)
    for place, threshold in enumerate(thresholds):
        noise = truncated_noise(rng, (len(asked), latent), threshold)  # (893, 8)
        for mode in [0, 1]:  # moving averages, standing statistics
            pictures[mode, run, place] = draw(trained["batch 32", run], noise, asked, standing=mode == 1)
            found[mode, run, place] = figures(pictures[mode, run, place], asked)

# %% tags=["demo"] waits=["precision_and_coverage", "truncated_noise"]
modes = ["moving averages", "standing statistics"]
for ax, figure in zip(plots.panels(4), [0, 1, 3, 4], strict=True):
    for mode, name in enumerate(modes):
        y = found[mode, :, :, figure]
        look = {"color": plots.COLOURS[mode], "linestyle": plots.DASHES[mode]}
        ax.plot(range(len(thresholds)), y.T, linewidth=0.7, alpha=0.5, **look)
        ax.plot(range(len(thresholds)), y.mean(axis=0), marker=plots.MARKERS[mode], label=name, **look)
    ax.set_xticks(range(len(thresholds)), ["none", *thresholds[1:]])
    plots.finish(ax, "threshold", names[figure], log="y" if figure == 4 else "")
    ax.legend()

# %% [markdown]
# With the moving averages a mild threshold does little, and below 1 the images leave the digits altogether: nearly all
# noise of the training had a length above 1, so what the generator makes of shorter vectors nobody has ever judged. The
# paper saw this too: of its models only 16% stood truncation with full noise, and 60% of those trained with
# *orthogonal regularization*, a penalty on the products of different columns of each weight matrix. Statistics taken
# anew bring the digits back.
#
# But look closely at how. Behind the first layer, which is linear in the noise, new statistics divide the scale of the
# noise out again. Only $\varepsilon$ keeps a part of the truncation: of a channel whose variance is $v$ the standard
# deviation $\sqrt{v / (v + \varepsilon)}$ is left. (In BigGAN noise passes by the normalizations on other ways too.)

# %% tags=["demo"] waits=["truncated_noise"]
kernel = next(weight for weight in trained["batch 32", 0] if weight.shape == (latent, 4 * 4 * 2 * width))
rows, stored = [], (kernel**2).sum(axis=0)  # variance of each channel for whole noise (512,)
for threshold in thresholds:
    deviation = truncated_noise(np.random.default_rng(0), (100, 1000), threshold).std()
    anew = deviation**2 * stored
    behind = [deviation * np.sqrt(stored / (stored + 1e-3)), np.sqrt(anew / (anew + 1e-3))]  # moving, standing
    rows.append([threshold, deviation, *(float(part.mean()) for part in behind)])
plots.table(["threshold", "deviation of the noise", "behind the first layer: " + modes[0], modes[1]], rows)

# %% tags=["demo"] waits=["precision_and_coverage", "truncated_noise"]
fives, shown = np.flatnonzero(asked == 5)[:7], {"real": other} | {
    f"threshold {thresholds[place]}".replace("inf", "none"): pictures[1, 0, place] for place in [0, 3, 5, 6]}
plots.images([rows[five, ..., 0] for rows in shown.values() for five in fives], columns=7,
             titles=[name if five == fives[0] else "" for name in shown for five in fives])

# %% [markdown]
# ### The curve
#
# Quality against variety, one point for each threshold: this is the curve by which generators should be compared, since
# with the trick each of them has a whole curve of figures to choose from.
#
# ### Exercise 4 (2 points): read the curve
#
# A setting is worth keeping when no other is better in one of the two and at least as good in the other. These settings
# are the *front* of the plane. Find them.

# %% nbgrader={"grade": false, "grade_id": "on_front", "locked": false, "schema_version": 3, "solution": true, "task": false}
def on_front(quality: np.ndarray, variety: np.ndarray) -> np.ndarray:
    """Which settings are on the front: booleans (n,), of two figures (n,) that should both be large."""
    ### BEGIN SOLUTION
    as_good = (quality[:, None] >= quality) & (variety[:, None] >= variety)  # (n, n): row i as good as column j
    better = as_good & ((quality[:, None] > quality) | (variety[:, None] > variety))
    return ~better.any(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "on_front_distinct", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("the third is worse than the second in both, the fourth has no rival in variety",
      on_front(np.array([5.0, 3.0, 2.0, 1.0]), np.array([1.0, 4.0, 3.0, 6.0])), expected=[True, True, False, True])
### BEGIN HIDDEN TESTS
check("any settings", [on_front(*check.rng().normal(size=(2, 12))) for _ in range(3)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "on_front_ties", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("equal settings do not drive each other out", on_front(np.array([2.0, 2.0, 1.0]), np.array([1.0, 1.0, 3.0])),
      expected=[True, True, True])
check("as good in one and worse in the other is worse", on_front(np.array([2.0, 2.0, 1.0]), np.array([3.0, 1.0, 3.0])),
      expected=[True, False, False])
### BEGIN HIDDEN TESTS
check("any settings with ties", on_front(*check.rng().integers(0, 5, size=(2, 14)).astype(float)))
### END HIDDEN TESTS

# %% tags=["demo"] waits=["precision_and_coverage", "truncated_noise", "on_front"]
means, axes = found.mean(axis=1), plots.panels(2)  # means (statistics, threshold, figure)
for ax, (quality, variety) in zip(axes, [(2, 3), (0, 1)], strict=True):
    front = on_front(means[..., quality].ravel(), means[..., variety].ravel()).reshape(means.shape[:2])
    for mode, name in enumerate(modes):
        x, y, look = means[mode, :, variety], means[mode, :, quality], {"color": plots.COLOURS[mode]}
        ax.plot(x, y, linestyle=plots.DASHES[mode], marker=plots.MARKERS[mode], markersize=5, label=name, **look)
        ax.plot(found[mode, :, :, variety].ravel(), found[mode, :, :, quality].ravel(), ".", alpha=0.25, **look)
        ax.plot(x[front[mode]], y[front[mode]], "o", markersize=12, fillstyle="none", color="black")
    for place, text, offset in [(0, "none", (10, 8)), (5, "0.25", (0, 10)), (6, "0.1", (0, 10))]:
        ax.annotate(text, means[1, place, [variety, quality]], xytext=offset, textcoords="offset points", ha="center")
    plots.finish(ax, names[variety], names[quality])
    ax.legend(loc="lower right")

# %% tags=["demo"] waits=["precision_and_coverage", "truncated_noise"]
none, low = 0, thresholds.index(0.1)
change = {name: stats.mean_interval(found[1, :, low, figure] - found[1, :, none, figure])
          for figure, name in enumerate(names)}
claim(
    "biggan",
    measured={f"threshold 0.1 against none, change of {name} (95% half-width)": change[name] for name in names}
    | {f"{name}: thresholds none, 1, 0.25, 0.1": found[1, :, :, figure].mean(axis=0)[[0, 3, 5, 6]]
       for figure, name in enumerate(names)}
    | {f"Fréchet, batch 256 over 32, {name} (95% from, to)": ratio for name, ratio in ratios.items()},
    holds=change[names[2]][0] > change[names[2]][1]
    and all(change[names[figure]][0] < -change[names[figure]][1] for figure in [1, 3]),
    because="with a falling threshold more images are of the class asked for, and coverage and spread fall",
)

# %% [markdown]
# There is a curve, and the threshold walks along it: fewer images of the wrong class, fewer different images. Precision
# gains a little down to 0.25, and falls at the lowest threshold: images from the very middle are sure of their class
# without being like any real one. The Fréchet distance sees mostly the loss of variety, and grows.
#
# **How this could be wrong.** The judge that says "class as asked" was trained on the same images, and an image can be
# right to it and wrong to us; look at the samples. Every figure has a spread over five networks, all on one data set of
# 8 x 8 pixels. The comparison of batches ends after 60 steps of the large one; the paper's goes on for 100,000 and
# more, where noise in the gradients matters most.
#
# **Often mistaken.** Clipping is not truncation. A better figure at some threshold does not make a better generator:
# give each its whole curve. **Practice has moved on**: the trick's descendant in diffusion models is guidance,
# again one number that pays for quality with variety (Ho and Salimans 2022).

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Class-conditional batch normalization: the statistics are everybody's, gain and bias are the class's.
# - A projection discriminator compares images within a class; an auxiliary classifier only asks which class it is.
# - Say at equal what a larger batch is better: steps, images or time.
# - The truncation trick trades variety for quality after training. Draw again, do not clip; and store the
#   normalizations' statistics anew for the noise in use.
# - A generator has a curve of figures, not one: compare curves.
#
# ## At full scale
#
# `data.digits(full=True)` gives MNIST; with `width = 64` and batches of 512 a GPU needs minutes.
#
# | where | what | parameters | training |
# |---|---|---|---|
# | this laptop | 8x8 digits, batch 32 | 0.03 million | 480 steps, 4 s |
# | one GPU | 32x32 CIFAR-10, batch 50 to 512 | a few million | 100,000 steps, a day |
# | the paper (Brock et al. 2018) | 128x128 ImageNet, batch 2,048 | 70 million and more | 1 to 2 days, 128 TPU cores |
#
# Next: notebook 6 lets the resolution grow, and puts the lineage's figures into one table.

# %%
dlcourse.submit()
