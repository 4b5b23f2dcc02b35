# %% [markdown]
# # 7 · Domain adaptation
#
# *Applications* (Goodfellow 2018), slides 21 and 22, "Generating Training Data". *NCTU Deep Learning*, week 9, the
# same two slides.
#
# **You should know** the two players and their losses (`gan`), and what augmentation may change (`augmentation`). **You
# will have built** a generator that turns rendered images into images like photographs and keeps what they show, its
# content loss, a comparison with what else could have been done, and the price of its result in labels.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) What does the optimal discriminator answer where the generator's images are distributed as the real
#    ones, and what can the generator still learn from it?
# 2. (Week 4, notebook 4) Which changes may an augmentation make to an image, and who decides that?
#
# <details><summary>Answers</summary>
#
# 1. $p / (p + q) = 1/2$ everywhere; its gradient is 0, so nothing. All that it compares is the distribution of images:
#    which class an image shows does not enter.
# 2. Those that leave the label true. The author of the augmentation decides. Here the changes are learned, so
#    something in the loss has to guard the label.
#
# </details>

# %%
dlcourse.setup("week14/07_domain_adaptation", seed=147, deterministic=False)  # deterministic convolutions use one core

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, sprites, stats
from dlcourse.generative_adversarial import non_saturating
from dlcourse.sample_quality import frechet_distance
from keras import layers

# %% [markdown] topic="generating-training-data"
# ## Generating training data
#
# The slides say "Generating Training Data (Bousmalis et al, 2017)" and show pictures. Behind them are two papers of one
# idea. Labels are what costs: a photograph has to be labelled by a person, a *rendered* image comes with its label,
# since the program that draws it knows what it draws. But a classifier trained on rendered images fails on photographs.
# So a generator redraws rendered images until a discriminator takes them for photographs, and they keep their labels.
# "Unsupervised Pixel-Level Domain Adaptation" (PixelDA) uses no label of the target domain; the second paper, on
# robots that grasp, reports that up to 50 times fewer real grasps reach the same performance.
#
# Our **source** domain is a renderer: eight shapes on black. Our **target** domain is the same shapes on photographs:
# squares cut from scikit-learn's two, scaled down to 16 pixels a side. Training squares are cut from the left half of
# each photograph, test squares from the right half, so no pixel of a test ground was seen in training.

# %%
size, photographs = 16, data.photographs()
kinds = [0, 1, 3, 4, 5, 6, 8, 9]  # hexagon and six-pointed star are left out: at 16 pixels they look like disc and star
names, classes = [sprites.CLASSES[kind].replace("five-pointed ", "") for kind in kinds], len(kinds)


def shapes(count, rng):
    """Labels (count,), the part of each pixel that the shape covers (count, 16, 16, 1), paints (count, 1, 1, 3)."""
    labels, radius = rng.integers(classes, size=count), rng.uniform(0.25, 0.35, count).astype(np.float32)
    angle = rng.uniform(-0.25, 0.25, count).astype(np.float32)  # up to 14 degrees
    centre = rng.uniform(0.34, 0.66, (count, 2)).astype(np.float32)
    covered = np.empty((count, size, size, 1), np.float32)
    for label, kind in enumerate(kinds):
        rows = labels == label
        covered[rows, ..., 0] = sprites.coverage(kind, centre[rows], radius[rows], angle[rows], size)
    paints = sprites.RGB[rng.integers(len(sprites.RGB), size=count)] + rng.uniform(-0.05, 0.05, (count, 3))
    return labels.astype(np.int32), covered, np.clip(paints, 0, 1)[:, None, None].astype(np.float32)


def crops(count, rng, half):
    """Grounds (count, 16, 16, 3): squares of 32 to 96 pixels from the left (0) or right (1) half of a photograph."""
    grounds = np.empty((count, size, size, 3), np.float32)
    for row in grounds:
        scale, photograph = rng.integers(2, 7), photographs[rng.integers(2)]
        top, left = rng.integers(427 - scale * size + 1), 320 * half + rng.integers(320 - scale * size + 1)
        square = photograph[top:top + scale * size, left:left + scale * size]
        row[:] = square.reshape(size, scale, size, scale, 3).mean(axis=(1, 3))
    return grounds


# %% tags=["demo"]
def compose(covered, paints, grounds):
    return (grounds + covered * (paints - grounds)).astype(np.float32)


count, rng = 4000, np.random.default_rng(seeds(1)[0])
(labels, masks, paints), (target_labels, *target), (test_labels, *test) = (shapes(n, rng) for n in [count, count, 1000])
source = compose(masks, paints, np.zeros(3))  # (4000, 16, 16, 3)
target, test = compose(*target, crops(count, rng, half=0)), compose(*test, crops(1000, rng, half=1))
plots.images(np.concatenate([source[:10], target[:10], test[:10]]), columns=10, titles=[
    names[label] for label in [*labels[:10], *target_labels[:10], *test_labels[:10]]])

# %% [markdown]
# First row: source. Second: target, to train with; the labels above them are hidden from the adaptation. Third: target,
# to test.
#
# ### What a classifier makes of them
#
# The classifier is a small one, and the same for all that follows. `Learner` holds a model with its optimizer, and lets
# both start over: twenty trainings then cost one compilation.

# %%
class Learner:
    """A model and its Adam, both of which can start over."""

    def __init__(self, model, rate, **options):
        self.model, self.optimizer = model, keras.optimizers.Adam(rate, **options)
        self.optimizer.build(model.trainable_variables)
        self.first, self.unused = ([variable.numpy() for variable in part]
                                   for part in [model.weights, self.optimizer.variables])

    def restart(self, weights=None):
        fresh = weights or [keras.initializers.GlorotUniform()(value.shape) if value.ndim > 1 else value
                            for value in self.first]  # Keras' defaults: only biases and normalizations begin constant
        for variable, value in zip(self.model.weights + self.optimizer.variables, fresh + self.unused, strict=True):
            variable.assign(value)

    def step(self, tape, loss):
        self.optimizer.apply(tape.gradient(loss, self.model.trainable_variables), self.model.trainable_variables)


def new_classifier():
    return keras.Sequential([
        keras.Input((size, size, 3)), layers.Conv2D(32, 5, strides=2, padding="same", activation="relu"),
        layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"), layers.Flatten(),
        layers.Dense(64, activation="relu"), layers.Dense(classes)])


def cross_entropy(labels, logits):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


# %% tags=["demo"]
classifier, steps, batch = Learner(new_classifier(), 2e-3), 200, 24


@tf.function
def learn(images, labels, batches):
    """One step of the classifier for each row of `batches` (steps, batch), which are places in the images."""
    for step in tf.range(len(batches)):
        with tf.GradientTape() as tape:
            logits = classifier.model(tf.gather(images, batches[step]), training=True)
            loss = cross_entropy(tf.gather(labels, batches[step]), logits)
        classifier.step(tape, loss)


def accuracy(model, images=test, labels=test_labels):
    return 100 * np.mean(np.argmax(model(images), axis=-1) == labels)


def trained_on(images, labels, seed):
    """Test accuracy on the target (%), and the weights, of the classifier trained on these images (4000, ...)."""
    keras.utils.set_random_seed(seed)
    classifier.restart()
    learn(tf.constant(images), tf.constant(labels), tf.random.uniform((steps, 64), maxval=count, dtype=tf.int32))
    return accuracy(classifier.model), classifier.model.get_weights()


# %% [markdown]
# Trained on the source, or on the target with its labels: the latter is what all the labels would buy. Between them
# stands something to try before any adversary, as the renderer is ours: each shape on *one random colour*. Guess the
# three accuracies; guessing a class gives 12.5%.

# %% tags=["demo"]
runs, result, weights = seeds(5), {}, {}
training_sets = {
    "source": (source, labels),
    "on random colours": (compose(masks, paints, rng.random((count, 1, 1, 3))), labels),
    "target with labels": (target, target_labels)}
for name, pairs in training_sets.items():
    result[name], weights[name] = zip(*[trained_on(*pairs, seed) for seed in runs], strict=True)
plots.bars(result, ylabel="test accuracy on the target (%)")

# %% [markdown]
# On black alone, the classifier learns that what is not black is the shape, and fails. One random colour behind the
# shape leads part of the way to what the target's own labels give: this is *domain randomization*, and it needs neither
# target images nor a generator. What it needs is somebody who knows that the ground is what differs. The adaptation
# below is told only which images are source and which target.
#
# ### The generator, and what guards the label
#
# PixelDA's generator $x^f = G(x^s, z)$ gets a source image $x^s$ and noise $z$. Three losses work together,
#
# $$\min_{G, T} \max_D \; \alpha \mathcal L_d(D, G) + \beta \mathcal L_t(G, T) + \gamma \mathcal L_c(G):$$
#
# - $\mathcal L_d$, of a **domain discriminator** $D$: adapted or target? (We use the non-saturating form.)
# - $\mathcal L_t$, of a **task classifier** $T$: cross-entropy on the source images *and* on the adapted ones, each
#   with its source label. It goes back into $G$: an image whose class cannot be read any longer costs.
# - $\mathcal L_c$, the **content loss**: the shape shall not be repainted freely. The renderer knows which pixels the
#   shape covers, $m$, so only those count. And since light may change, an even shift of all of them is free: compared
#   are *pairs* of pixels. With $d = x^f - x^s$ and $k = \sum_i m_i$,
#
# $$\mathcal L_c = \frac 1 k \sum_i m_i d_i^2 - \frac 1 {k^2} \Big(\sum_i m_i d_i\Big)^2
#   = \frac 1 {2 k^2} \sum_i \sum_j m_i m_j (d_i - d_j)^2.$$
#
# The sums run over all pixels and the three colours. (In the paper $k$ counts all pixels of the image; dividing by the
# covered ones only, small shapes weigh as much as large ones.)
#
# ### Exercise 1 (4 points): the masked pairwise loss
#
# Write the first form for a batch, one loss for each image. It goes into training: use TensorFlow's operations, and
# keep the images of the batch apart. The mask has one channel and applies to all three colours.

# %% nbgrader={"grade": false, "grade_id": "content_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def content_loss(source: tf.Tensor, adapted: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The masked pairwise squared error of each image, (batch,).

    source, adapted (batch, height, width, colours); mask (batch, height, width, 1): the part of each pixel that the
    shape covers, from 0 to 1. k is the sum of the mask over pixels and colours.
    """
    ### BEGIN SOLUTION
    d = adapted - source
    m = mask * tf.ones_like(d)  # (batch, height, width, colours)
    k = tf.reduce_sum(m, axis=(1, 2, 3))  # (batch,)
    return tf.reduce_sum(m * d**2, axis=(1, 2, 3)) / k - (tf.reduce_sum(m * d, axis=(1, 2, 3)) / k) ** 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "content_loss_values", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
pixels, ones = tf.zeros((2, 1, 2, 3)), tf.ones((2, 1, 2, 1))
check("an even shift of all pixels and colours costs nothing", content_loss(pixels, pixels + 0.3, ones), [0.0, 0.0])
check("one of two pixels changed by 1 in all colours: 1/2 - 1/4; the second image by 2",
      content_loss(pixels, pixels + tf.reshape([0.0, 1, 0, 2], (2, 1, 2, 1)), ones), expected=[0.25, 1.0])
### BEGIN HIDDEN TESTS
before, after = (check.rng().random((3, 4, 5, 3)).astype(np.float32) for _ in range(2))
check("any images, all pixels covered", content_loss(tf.constant(before), tf.constant(after), tf.ones((3, 4, 5, 1))))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "content_loss_mask", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
three, mask = tf.zeros((1, 1, 3, 3)), tf.reshape([1.0, 1, 0], (1, 1, 3, 1))
check("what the shape does not cover is free, and does not count in k: of pixels changed by 0, 1 and 5 the last",
      content_loss(three, three + tf.reshape([0.0, 1, 5], (1, 1, 3, 1)), mask), expected=[0.25])
### BEGIN HIDDEN TESTS
before, after, mask = (tf.constant(check.rng().random((3, 4, 5, n)).astype(np.float32)) for n in [3, 3, 1])
with tf.GradientTape() as tape:
    tape.watch(after)
    loss = content_loss(before, after, mask)
check("any masks", loss)
check("any masks: the gradient for the adapted images", tape.gradient(loss, after))
### END HIDDEN TESTS

# %% [markdown]
# The second form says why it is called pairwise. Here it is written out for one image and compared.

# %% waits=["content_loss"]
rng = np.random.default_rng(5)
d, m = rng.normal(size=(1, 3, 3, 3)), rng.random((1, 3, 3, 1))
flat, weight = d.ravel(), np.broadcast_to(m, d.shape).ravel()  # (27,)
pairs = (np.outer(weight, weight) * (flat[:, None] - flat) ** 2).sum() / (2 * weight.sum() ** 2)
print(f"all pairs: {pairs:.6f}, from two sums: {float(content_loss(np.zeros_like(d), d, m)[0]):.6f}")

# %% [markdown]
# ### The players
#
# The noise becomes an image of its own, by the layers of notebook 1. A mask $a(x^s)$, learned by two convolutions, says
# where the source image is kept: $G(x^s, z) = a \odot x^s + (1 - a) \odot g(z)$. (The paper's generator is a stack of
# residual blocks with $z$ as one more channel; ours blurred the outlines in the steps we have. Without the batch
# normalization it ignored $z$ and gave every shape the same ground.)

# %%
noise = 16  # 10 numbers in the paper


def new_generator(width=16):
    """[source images (batch, 16, 16, 3), z (batch, 16)] to adapted images (batch, 16, 16, 3)."""
    def normalized(features):
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(features))

    images, z = keras.Input((size, size, 3)), keras.Input((noise,))
    x = layers.Reshape((4, 4, 2 * width))(normalized(layers.Dense(4 * 4 * 2 * width, use_bias=False)(z)))
    for _ in range(2):  # to 8 x 8, to 16 x 16
        x = normalized(layers.Conv2D(width, 3, padding="same", use_bias=False)(layers.UpSampling2D()(x)))
    ground = layers.Conv2D(3, 3, padding="same", activation="sigmoid")(x)  # (batch, 16, 16, 3)
    kept = layers.Conv2D(16, 3, padding="same", activation="relu")(images)
    kept = layers.Conv2D(1, 1, activation="sigmoid")(kept)  # (batch, 16, 16, 1)
    return keras.Model([images, z], kept * images + (1 - kept) * ground)


def new_discriminator(width=32):
    return keras.Sequential([
        keras.Input((size, size, 3)), layers.Conv2D(width, 4, strides=2, padding="same"), layers.LeakyReLU(0.2),
        layers.Conv2D(2 * width, 4, strides=2, padding="same"), layers.LeakyReLU(0.2), layers.Flatten(),
        layers.Dense(1)])


# %% [markdown]
# In each step all three players see the same batch of adapted images and move at once. The labels of the target do not
# occur: only `target` images do.

# %% tags=["demo"] waits=["content_loss"]
G, D, T = Learner(new_generator(), 1e-3, beta_1=0.5), Learner(new_discriminator(), 1e-3, beta_1=0.5), Learner(
    new_classifier(), 2e-3)
beta, gamma = 1.0, 1.0


@tf.function
def adapt(alpha, source, labels, masks, target, here, there, noises):
    """One step of all players for each row of the places in source and target (steps, batch)."""
    for step in tf.range(len(here)):
        x, y, m = (tf.gather(part, here[step]) for part in [source, labels, masks])
        with tf.GradientTape(persistent=True) as tape:
            adapted = G.model([x, noises[step]], training=True)
            L_d = fooled = 0.0
            if alpha:  # the control needs no discriminator
                L_d, fooled = non_saturating(D.model(tf.gather(target, there[step])), D.model(adapted))
            L_t = cross_entropy(tf.tile(y, [2]), T.model(tf.concat([x, adapted], axis=0)))
            L_c = tf.reduce_mean(content_loss(x, adapted, m))
            L_g = alpha * fooled + beta * L_t + gamma * L_c
        for player, loss in [(D, L_d), (G, L_g), (T, L_t)][0 if alpha else 1:]:
            player.step(tape, loss)


def adapted_images(source=source):
    parts = [tf.constant(part) for part in np.array_split(source, 8)]
    return np.concatenate([G.model([part, tf.random.normal((len(part), noise))]) for part in parts])


# %% [markdown]
# Five adaptations, during which we ask $T$ for its accuracy on the target's test images; and as a control the same five
# with $\alpha = 0$: the generator redraws as it likes, and nothing tells it what the target looks like. $T$ has as many
# steps as the classifiers above. What do you expect of the control?

# %% tags=["demo"] waits=["content_loss"]
arms, along, made = {"adapted": 1.0, "control: alpha = 0": 0.0}, {}, {}
fixed = [tf.constant(part) for part in [source, labels, masks, target]]
for name, alpha in arms.items():
    along[name], made[name], weights[name] = [], [], []
    for seed in runs:
        keras.utils.set_random_seed(seed)
        for player in [G, D, T]:
            player.restart()
        curve = [accuracy(T.model)]
        for _ in range(5):
            here, there = (tf.random.uniform((steps // 5, batch), maxval=count, dtype=tf.int32) for _ in "st")
            adapt(alpha, *fixed, here, there, tf.random.normal((steps // 5, batch, noise)))
            curve.append(accuracy(T.model))
        along[name].append(curve)
        weights[name].append(T.model.get_weights())
        made[name] += [adapted_images()] if alpha or not made[name] else []  # of the control one is enough
    result[name] = [curve[-1] for curve in along[name]]

# %% tags=["demo"] waits=["content_loss"]
others = [made["adapted"][k][:10] for k in [0, 1, 2]]
plots.images(np.concatenate([source[:10], *others, made["control: alpha = 0"][0][:10], target[:10]]), columns=10)

# %% [markdown]
# First row: source. Then what three of the five generators made of it; the control, which left it as it was, since both
# its losses are content with that; and, in the last row, target images for comparison.

# %% tags=["demo"] waits=["content_loss"]
for curves, dashes in zip(along.values(), ["-", ":"], strict=True):
    for run, (curve, colour) in enumerate(zip(curves, plots.COLOURS, strict=False)):
        plt.plot(np.linspace(0, steps, 6), curve, dashes, color=colour,
                 label=f"seed {run + 1}" if dashes == "-" else None)
_ = plt.gca().set(xlabel="step (dotted: the control)", ylabel="accuracy of T on the target (%)")
_ = plt.legend()
plots.table(["training set", "test accuracy on the target (%)", "half-width"], [
    [name, *stats.mean_interval(values)] for name, values in result.items()])

# %% [markdown]
# The control stays near the source: what helps is the discriminator, not that images are redrawn.
#
# ### How good are the images?
#
# Three measures: the distance to the target's training images in the features of the classifier that was trained on
# them with labels (notebook 1's Fréchet distance), how often this classifier reads the label that the image carries,
# and how much the mean colour varies from image to image.

# %% tags=["demo"] waits=["content_loss"]
classifier.restart(weights["target with labels"][0])
features = keras.Model(classifier.model.inputs[0], classifier.model.layers[-2].output)
rows = []
for name, images in {"source": source, "on random colours": training_sets["on random colours"][0],
                     **{name: several[0] for name, several in made.items()}, "target, other half": test}.items():
    truth = test_labels if images is test else labels
    rows.append([name, frechet_distance(features(images), features(target)), accuracy(classifier.model, images, truth),
                 images.mean(axis=(1, 2)).std(axis=0).mean()])
plots.table(["images", "Fréchet distance to the target", "read as their label by the target's classifier (%)",
             "spread of the mean colour"], rows)

# %% [markdown]
# Adapted images come nearer to the target than the others, and the classifier, which has never seen one, reads most
# of their labels that it can read of the target's. Their mean colours vary too little, though: dark grounds abound, the
# bright sky and the orange petals are rare (notebook 2 calls this mode collapse, here a partial one). And look at the
# random colours: farther from the target than anything else, and better training images than the source. What
# trains well need not look right; it has to cover what will come.
#
# ### What is it worth in labels?
#
# Now some target images get labels, from none to 500. Two classifiers go on from where they stand: the one trained on
# the source, and the one trained on the adapted images. Half of each batch is labelled target images, half the images
# they were trained on.

# %% tags=["demo"] waits=["content_loss"]
amounts = [0, 20, 100, 500]
curves = {"without adaptation": [], "with adaptation": []}
for curve, name, several in zip(curves.values(), ["source", "adapted"], [[source] * 5, made["adapted"]],
                               strict=True):
    for run, (seed, images) in enumerate(zip(runs, several, strict=True)):
        pool = tf.constant(np.concatenate([images, target])), tf.constant(np.concatenate([labels, target_labels]))
        curve.append([result[name][run]])
        order = count + np.random.default_rng(seed).permutation(count)  # which target images have labels
        for amount in amounts[1:]:
            keras.utils.set_random_seed(seed)
            classifier.restart(weights[name][run])
            old = tf.random.uniform((100, 16), maxval=count, dtype=tf.int32)
            new = tf.gather(order, tf.random.uniform((100, 16), maxval=amount, dtype=tf.int32))
            learn(*pool, tf.concat([old, tf.cast(new, tf.int32)], axis=1))
            curve[-1].append(accuracy(classifier.model))

# %% tags=["demo"] waits=["content_loss"]
plots.line(np.add(amounts, 1), {name: np.array(curve) for name, curve in curves.items()}, log="x",
           xlabel="labelled target images n (scale: log of 1 + n)", ylabel="test accuracy on the target (%)")
for name, dashes in [("target with labels", ":"), ("on random colours", "-.")]:
    plt.axhline(np.mean(result[name]), color="black", linestyle=dashes, linewidth=1, label=name)
plt.xticks(np.add(amounts, 1), amounts)
plt.minorticks_off()
_ = plt.legend()

# %% [markdown]
# ### Exercise 2 (4 points): read the curve
#
# Adaptation with $n$ labels reaches an accuracy; without it, how many labels does this take? Between measured amounts
# take the accuracy to be linear in $\ln(1 + n)$, as in the picture.

# %% nbgrader={"grade": false, "grade_id": "labels_needed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def labels_needed(amounts: np.ndarray, without: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """How many target labels training without adaptation needs for each of `accuracies`, (wanted,).

    amounts (points,): numbers of labels, rising from 0; without (points,): accuracies with so many, rising too.
    An accuracy below without[0] needs 0 labels; one above without[-1] is out of reach: infinity.
    """
    ### BEGIN SOLUTION
    return np.expm1(np.interp(accuracies, without, np.log1p(amounts), right=np.inf))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "labels_needed_inside", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
known = [0, 9, 99, 999], [20.0, 30, 50, 60]  # ln(1 + n) in equal steps
check("at measured points", labels_needed(*map(np.array, known), np.array([50.0, 20])), expected=[99.0, 0])
check("half-way from 9 to 99: 1 + n is sqrt(1000)", labels_needed(*map(np.array, known), np.array([40.0])),
      expected=[np.sqrt(1000) - 1])
### BEGIN HIDDEN TESTS
risen = np.sort(check.rng().uniform(20, 80, size=5))
check("any curve", labels_needed(np.array([0, 10, 50, 200, 900]), risen, check.rng().uniform(risen[0], risen[-1], 6)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "labels_needed_outside", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
known = np.array([0, 9, 99]), np.array([20.0, 30, 50])
check("below the curve: 0", labels_needed(*known, np.array([5.0])), expected=[0.0])
check("above the curve: infinity", labels_needed(*known, np.array([50.1, 90])), expected=[np.inf, np.inf])
### BEGIN HIDDEN TESTS
risen = np.sort(check.rng().uniform(30, 70, size=4))
check("above, below and between", labels_needed(np.array([0, 5, 80, 700]), risen, check.rng().uniform(10, 90, 12)))
### END HIDDEN TESTS

# %% tags=["demo"] waits=["content_loss", "labels_needed"]
mean = {name: np.mean(curve, axis=0) for name, curve in curves.items()}
needed = labels_needed(np.array(amounts), np.maximum.accumulate(mean["without adaptation"]), mean["with adaptation"])
plots.table(["target labels", "without adaptation (%)", "with (%)", "labels needed without for the same"],
            [list(row) for row in zip(amounts, *mean.values(), needed, strict=True)])

# %% [markdown]
# Without a label, the adaptation is worth some tens to some hundreds of them. With labels added to it, it reaches what
# 500 do not without it ("inf": not in the steps given; with more steps, the lower curve would rise further).
#
# ### Exercise 3 (3 points): derive what no adaptation can do
#
# $D$ sees images without classes. Suppose $G$ succeeds completely: the adapted images are distributed exactly as the
# target images. Each shows one class, which a perfect judge reads; each carries the label of its source image. Source
# labels have shares $p$, the classes of the target have shares $q$. Derive the smallest share of adapted images that
# show another class than their label says. (When $p = q$ it can be 0.)

# %% nbgrader={"grade": false, "grade_id": "least_mislabelled", "locked": false, "schema_version": 3, "solution": true, "task": false}
def least_mislabelled(source_shares: np.ndarray, target_shares: np.ndarray) -> float:
    """The smallest share of wrong labels when the adapted images match the target; shares (classes,), adding to 1."""
    ### BEGIN SOLUTION
    return float(np.abs(source_shares - target_shares).sum() / 2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "least_mislabelled_two", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("half and half against 3 to 1: a quarter shows the first class and is labelled as the second",
      least_mislabelled(np.array([0.5, 0.5]), np.array([0.75, 0.25])), expected=0.25)
### BEGIN HIDDEN TESTS
check("two classes, any shares", [least_mislabelled(np.array([a, 1 - a]), np.array([b, 1 - b]))
                                  for a, b in check.rng().random((4, 2))])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "least_mislabelled_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("five classes of which the target lacks two", least_mislabelled(np.full(5, 0.2), np.array([0.4, 0.4, 0.2, 0, 0])),
      expected=0.4)
### BEGIN HIDDEN TESTS
check("ten classes, any shares", [least_mislabelled(*check.rng().dirichlet(np.ones(10), size=2)) for _ in range(4)])
### END HIDDEN TESTS

# %% waits=["least_mislabelled"]
drawn = np.random.default_rng(3).integers(classes, size=(2, 4000))
even, other = (np.bincount(row, minlength=classes) / 4000 for row in drawn)
half = np.where(np.arange(classes) < classes // 2, 2 / classes, 0)
print(f"wrong at least, between two draws of 4,000 labels: {least_mislabelled(even, other):.1%}, "
      f"with a target that has half of the classes: {least_mislabelled(even, half):.1%}")

# %% [markdown]
# <details><summary>Derivation</summary>
#
# Let $\pi_{ij}$ be the share of adapted images with label $i$ that show class $j$. Its rows add up to $p_i$, its
# columns to $q_j$, so the right ones have $\pi_{ii} \le \min(p_i, q_i)$, and one can choose $\pi$ such that all
# reach it. Wrong are at least $1 - \sum_i \min(p_i, q_i) = \frac 1 2 \sum_i |p_i - q_i|$, the total variation distance.
#
# </details>
#
# In our two domains all classes are equally frequent, and the bound is next to nothing. That is an assumption about the
# target which nobody without target labels can check. Where it is wrong, a better generator makes worse labels.

# %% tags=["demo"] waits=["content_loss"]
differences = np.subtract(curves["with adaptation"], curves["without adaptation"])  # (5, amounts)
gains = {f"{amount} labels": stats.mean_interval(differences[:, k]) for k, amount in enumerate(amounts)}
with_labels = stats.mean_interval(differences[:, 1:].mean(axis=1))
claim(
    "generating-training-data",
    measured={"test accuracy on the target (%): " + ", ".join(result): [np.mean(values) for values in result.values()]}
    | {f"gain by adaptation with {name} (points, 95% half-width)": list(gain) for name, gain in gains.items()}
    | {"mean gain over 20, 100 and 500 labels": list(with_labels)},
    holds=all(mean > width for mean, width in [gains["0 labels"], with_labels])
    and min(np.subtract(result["adapted"], result["control: alpha = 0"])) > 0,
    because="adapted images train a better classifier than the source's, without and with few labels of the target",
)

# %% [markdown]
# **How this could be wrong.** All classifiers had 200 steps and none has converged, the one on the target's labels
# included; more training would move all bars. The weights $\beta, \gamma$ and the sizes were chosen on trials with
# labelled target images, as the paper's were: an adaptation without any label could not have chosen them. And the
# generator's mask is a hint that some part of the image is to be kept; which part, it has learned.
#
# **Often mistaken.** A gain over "source only" does not show that a generator was needed: randomization is the baseline
# to beat. In these 200 steps it stays below the adaptation or beside it; in a trial with 400 steps and slightly larger
# shapes it reached 74%, the adaptation 50%. **Practice has moved on** in both directions: renderers randomize as a
# matter of course, and diffusion models redraw rendered images after a description.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Rendered images come with labels; a generator can carry them into another domain without a label of that domain.
# - The discriminator pulls towards the target; task loss and content loss keep the label. Each alone is not enough.
# - $D$ compares distributions of images only: class shares that differ between the domains force wrong labels.
# - Try the cheap things first, and beside the adaptation: randomizing what is known to differ, and a few labels.
#
# ## At full scale
#
# More steps (`steps`), more images (`count`) and a generator of residual blocks are what a GPU buys; sprites can be
# drawn with up to 64 pixels.
#
# | where | what | steps |
# |---|---|---|
# | this laptop | eight shapes, 16 x 16 pixels, 4,000 images a domain | 200 of batch 24, a few seconds |
# | one GPU | MNIST to MNIST-M, digits blended with photographs, 32 x 32 | tens of thousands, hours |
# | the second paper (Bousmalis et al. 2017, grasping) | simulated to real camera images | days, many GPUs |
#
# Next: week 15, where networks act.

# %%
dlcourse.submit()
