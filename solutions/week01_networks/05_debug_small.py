# %% [markdown]
# # 5 · Debug on something small
#
# *Large Scale Deep Learning*, session I, slides "The promise (or wishful dream) of Deep Learning" and "The 'Simple'
# Deep Neural Net".
#
# **You should know** cross-entropy (`loss-functions`), the gradient check of notebook 2 (`backprop-graph`) and paired
# splits (`simple-models-first`). **You will have built** four tests that find bugs which raise no error, and the
# curve on which data replace smarts.

# %% [markdown]
# ## Two questions first
#
# 1. What is the gradient of softmax cross-entropy at the logits, and how large can one of its entries be?
# 2. One model errs on 3.0% of 450 test digits, another on 2.5%. Is the second better?
#
# <details><summary>Answers</summary>
#
# 1. $p - y$: predicted minus true probabilities. No entry exceeds 1 in size, however wrong the network is.
# 2. Nobody can tell from this. The difference is two or three digits, and each error has a standard error of about
#    0.8 points. Repeat on paired splits and look at the interval of the difference.
#
# </details>

# %%
dlcourse.setup("week01/05_debug_small", seed=5)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, stats
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

one_thread = threadpool_limits(1)  # our matrices are too small for SciPy to share among threads

# %% [markdown] topic="debug-small"
# ## Debug on something small
#
# "Debug your data / problem setup on **simple models**, a **small dataset**, then scale up." (*Large Scale Deep
# Learning*, session I.) A wrong program that trains a network seldom stops: the network learns around the bug, and
# the error is a little worse than it should be. On 200 digits a question costs a second, so we can afford to ask
# many.
#
# ### Simple models: what any network must beat
#
# Three baselines, none with anything to debug: always the most frequent class, the nearest class mean, logistic
# regression.

# %%
def majority_error(train_images, test_images, train_labels, test_labels):
    return np.mean(test_labels != np.bincount(train_labels).argmax())


def nearest_mean_error(train_images, test_images, train_labels, test_labels):
    """Error of naming the class whose mean image is nearest."""
    means = np.stack([train_images[train_labels == label].mean(axis=0) for label in range(10)])  # (10, 64)
    distances = np.linalg.norm(test_images[:, None] - means, axis=-1)  # (1597, 10)
    return np.mean(test_labels != distances.argmin(axis=1))


def logistic_error(train_images, test_images, train_labels, test_labels):
    return 1 - LogisticRegression(C=10, max_iter=300).fit(train_images, train_labels).score(test_images, test_labels)


# %% tags=["demo"]
seeds = range(5)
splits = [data.digits(train=200, flat=True, seed=seed) for seed in seeds]  # 200 digits to train on, 1,597 to test on
baselines = {"most frequent class": majority_error, "nearest class mean": nearest_mean_error,
             "logistic regression": logistic_error}
plots.table(["baseline", "held-out error (%), mean of 5 splits", "lowest", "highest"],
            [[name, 100 * np.mean(errors), 100 * min(errors), 100 * max(errors)]
             for name, errors in ((name, [error(*split) for split in splits]) for name, error in baselines.items())])

# %% [markdown]
# ### The pipeline
#
# Everything between the images and the weights is a method, so that a bug can replace one and leave the rest alone.
# Images arrive as a file holds them, 0 to 255. The network computes in double precision, which the gradient test will
# need.

# %%
class Setup:
    """The problem: 200 digits, a network, its loss and an optimizer."""

    def __init__(self, seed, width=128):
        keras.utils.set_random_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.split = data.digits(train=200, flat=True, seed=seed)
        train_images, test_images, train_labels, self.test_labels = self.split
        self.images, self.labels = self.shuffle(self.scale(255 * train_images), train_labels)  # (200, 64), (200,)
        self.test_images = self.scale(255 * test_images)  # (1597, 64)
        self.network = keras.Sequential([keras.Input((64,)), keras.layers.Dense(width, "relu", dtype="float64"),
                                         keras.layers.Dense(10, dtype="float64")])
        self.optimizer = keras.optimizers.Adam(0.01)
        self.optimizer.build(self.network.weights)
        self.state = [variable.value for variable in self.network.weights + self.optimizer.variables]
        self.start = [variable.numpy() for variable in self.state]

    def scale(self, images):
        return images / 255

    def shuffle(self, images, labels):
        order = self.rng.permutation(len(images))
        return images[order], labels[order]

    def logits(self, images):
        return self.network(images)  # (batch, 10)

    def loss(self, images, labels):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.logits(images)))


# %%
class Pipeline(Setup):
    """The problem and the work on it: gradients, training, error."""

    def gradients(self, images, labels):
        with tf.GradientTape() as tape:
            loss = self.loss(images, labels)
        weights = [variable.value for variable in self.network.weights]
        return tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    @tf.function
    def step(self, images, labels):
        self.optimizer.apply_gradients(zip(self.gradients(images, labels), self.network.weights, strict=True))

    def train(self, images, labels, steps, size=32):
        """Train from the starting weights, on minibatches drawn with replacement."""
        for variable, value in zip(self.state, self.start, strict=True):
            variable.assign(value)
        for rows in self.rng.integers(len(images), size=(steps, size)):
            self.step(tf.constant(images[rows]), tf.constant(labels[rows]))

    def error(self):
        return np.mean(np.argmax(self.logits(self.test_images), axis=1) != self.test_labels)

# %% [markdown]
# ### Four named tests
#
# Each returns one number, and passes when the number stays below a limit that we fix beforehand. From cheap to dear:
#
# | test | the number | limit | it asks |
# |---|---|---|---|
# | first loss | distance of the first loss from $\ln 10$ | 0.3 | does the network start without an opinion? |
# | gradient | worst relative error against finite differences | 0.001 | does the update use the slope of the loss? |
# | one batch | loss on 20 digits after 100 steps on them | 0.05 | can network, loss and optimizer reach zero? |
# | baseline | held-out error relative to nearest mean's | 1 | do the data teach anything? |
#
# The last takes its baseline from the untouched split: one that went through the pipeline would share its bugs.

# %%
def first_loss_test(pipeline):
    """Distance of the loss before training from that of ten equal probabilities."""
    return abs(pipeline.loss(pipeline.images, pipeline.labels) - np.log(10))


def gradient_test(pipeline, size=1e-7):
    """Largest relative error of the slope along a random direction, over the network's arrays of weights."""
    images, labels, errors = pipeline.images[:20], pipeline.labels[:20], []
    for weights, gradient in zip(pipeline.network.weights, pipeline.gradients(images, labels), strict=True):
        start, direction, losses = weights.numpy(), pipeline.rng.normal(size=weights.shape), []
        for shift in (-size, size, 0):  # the last restores the weights
            weights.assign(start + shift * direction)
            losses.append(pipeline.loss(images, labels))
        slope = (losses[1] - losses[0]) / (2 * size)
        errors.append(abs(slope - np.sum(gradient * direction)) / max(abs(slope), np.linalg.norm(gradient)))
    return max(errors)


# %%
def one_batch_test(pipeline):
    """Loss on 20 digits after training on nothing else."""
    pipeline.train(pipeline.images[:20], pipeline.labels[:20], steps=100)
    return pipeline.loss(pipeline.images[:20], pipeline.labels[:20])


def baseline_test(pipeline):
    """Held-out error after a short training, relative to the nearest mean's."""
    pipeline.train(pipeline.images, pipeline.labels, steps=300)
    return pipeline.error() / nearest_mean_error(*pipeline.split)


tests = {"first loss": first_loss_test, "gradient": gradient_test,
         "one batch": one_batch_test, "baseline": baseline_test}
limits = np.array([0.3, 1e-3, 0.05, 1.0])

# %% [markdown]
# ### Four planted bugs
#
# All are old acquaintances: separate permutations, a softmax in front of a loss that has one, bytes that nobody
# divided by 255, a `stop_gradient` left over from an experiment.

# %%
class LabelsShuffledApart(Pipeline):
    def shuffle(self, images, labels):
        return images[self.rng.permutation(len(images))], labels[self.rng.permutation(len(labels))]


class SoftmaxTwice(Pipeline):
    def logits(self, images):
        return tf.nn.softmax(super().logits(images))


class InputsNotScaled(Pipeline):
    def scale(self, images):
        return images


class HiddenLayerCutOff(Pipeline):
    def logits(self, images):
        hidden, output = self.network.layers
        return output(tf.stop_gradient(hidden(images)))


# %% [markdown]
# **Predict** before you run it: which of the four tests catches which bug, and which bugs would you have seen in the
# error alone? In the tables the number in brackets is the median over the seeds.

# %% tags=["demo"]
def measure(kind, seeds=seeds):
    """The number of each test for each seed; (seeds, tests)."""
    return np.array([[float(test(pipeline)) for test in tests.values()] for pipeline in map(kind, seeds)])


def show_alarms(numbers):
    """A table of pipelines and tests; numbers {name: (seeds, tests)}."""
    rows = [[name] + [f"{f'ALARM on {count}' if count else f'passes {len(found)}'} of {len(found)} ({median:.2g})"
                      for count, median in zip((found >= limits).sum(axis=0), np.median(found, axis=0), strict=True)]
            for name, found in numbers.items()]
    plots.table(["pipeline"] + [f"{name} (limit {limit:g})" for name, limit in zip(tests, limits, strict=True)], rows)


healthy = {"healthy": measure(Pipeline), "healthy, 32 units": measure(lambda seed: Pipeline(seed, width=32))}
planted = {"labels shuffled apart": measure(LabelsShuffledApart), "softmax twice": measure(SoftmaxTwice),
           "inputs not scaled": measure(InputsNotScaled), "hidden layer cut off": measure(HiddenLayerCutOff)}
show_alarms(healthy | planted)

# %% [markdown]
# The healthy pipelines pass everything, and each bug raises an alarm on every seed. No test is enough: each is blind
# in its own way.
#
# - *Labels shuffled apart*: a batch of nonsense is memorised as easily as one of sense. Only held-out data tell.
# - *Softmax twice* starts at $\ln 10$, has a right gradient and mostly classifies about as well as the healthy
#   network. But probabilities, taken for logits, differ by at most 1, so the loss cannot fall below
#   $\ln(1 + 9/e) \approx 1.46$, and only the batch that should reach zero shows it. The accuracy on that batch may be
#   perfect: look at the loss. (Keras' own loss warns of this bug in its plainest form.)
# - *Inputs not scaled* begin tens of nats too high. Adam repairs that and memorises the batch.
# - *The hidden layer cut off* is a fixed random map; a linear classifier on top of it beats the baseline. The
#   gradient test says which array of weights the loss does not reach.
#
# *How this could be wrong.* We chose tests and limits knowing the bugs (hence the second table below), and ten
# healthy runs without an alarm show only, at 95%, that fewer than about a quarter of runs give a false one. *Often
# mistaken*: a good accuracy for the absence of bugs. Of these four, only the shuffled labels are plain from the error
# alone.

# %% [markdown]
# ### Exercise 1 (3 points): the first loss you should see
#
# $\ln K$ is the first loss when all outputs begin at zero. Often the last layer's bias $b$ begins elsewhere. Suppose
# the weights are so small that every example gets the logits $b$, and class $k$ occurs `counts[k]` times. Write the
# mean cross-entropy of the data set at the start. The bias may have entries in the hundreds, where `np.exp`
# overflows.

# %% nbgrader={"grade": false, "grade_id": "first_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def first_loss(counts: np.ndarray, bias: np.ndarray) -> float:
    """Mean cross-entropy when every example has the logits `bias`; counts (classes,), bias (classes,)."""
    ### BEGIN SOLUTION
    return np.logaddexp.reduce(bias) - np.average(bias, weights=counts)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "first_loss_no_bias", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("no bias, balanced: ln 4", first_loss(np.array([5, 5, 5, 5]), np.zeros(4)), expected=np.log(4))
check("no bias, unbalanced: still ln 4", first_loss(np.array([97, 1, 1, 1]), np.zeros(4)), expected=np.log(4))
### BEGIN HIDDEN TESTS
for classes in check.rng().integers(2, 40, size=3):
    check(f"no bias, {classes} classes", first_loss(check.rng().integers(1, 50, size=classes), np.zeros(classes)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "first_loss_with_bias", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
bias = np.array([np.log(3), 0.0])  # probabilities 3/4 and 1/4
check("a class of probability 3/4 has 3 of 4 examples", first_loss(np.array([3, 1]), bias), expected=0.5623351)
check("the same class has 1 of 4 examples", first_loss(np.array([1, 3]), bias), expected=1.1116412)
### BEGIN HIDDEN TESTS
check("any bias", first_loss(check.rng().integers(1, 50, size=7), check.rng().normal(size=7)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "first_loss_large_bias", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a bias of 900 on the wrong class", first_loss(np.array([1, 0]), np.array([0.0, 900.0])), expected=900.0)
### BEGIN HIDDEN TESTS
check("any large bias", first_loss(check.rng().integers(1, 50, size=5), check.rng().uniform(750, 2000, size=5)))
### END HIDDEN TESTS

# %% [markdown]
# A good first bias is $\ln$ of the class frequencies: the first loss is then their entropy, the least that a network
# can reach without looking at its input. On rare events that is already small: a loss of 0.06 can mean that nothing
# was learnt.

# %% waits=["first_loss"]
plots.table(["rare class", "first loss, no bias (nats)", "first loss, bias = ln frequency (nats)"],
            [[f"{1000 * rare:g} in 1,000", first_loss(counts, np.zeros(2)), first_loss(counts, np.log(counts))]
             for rare in (0.5, 0.1, 0.01) for counts in [np.array([1 - rare, rare])]])

# %% [markdown]
# ### Bugs for which no test was written
#
# We chose the tests knowing the bugs. A fairer question is what they say to others. **Predict**: which of these
# three passes all tests?

# %%
class WrongLabels(Pipeline):
    def shuffle(self, images, labels):
        images, labels = super().shuffle(images, labels)
        return images, np.where(self.rng.random(len(labels)) < 0.2, self.rng.integers(10, size=len(labels)), labels)


class ReluOnLogits(Pipeline):
    def logits(self, images):
        return tf.nn.relu(super().logits(images))


class TrainedOnTestImages(Pipeline):
    def shuffle(self, images, labels):
        return self.split[1][:200], self.split[3][:200]


# %% tags=["demo"]
unplanned = {"a fifth of the labels at random": WrongLabels, "ReLU on the logits": ReluOnLogits,
             "trained on test images": TrainedOnTestImages}
show_alarms({name: measure(kind, seeds=range(3)) for name, kind in unplanned.items()})

# %% [markdown]
# What spoils learning is seen, expected or not. Training on test images spoils nothing: it flatters the error, and for
# a good result no alarm rings. It needs a test of its own.
#
# ### Exercise 2 (3 points): a fifth test
#
# Write the fraction of the test images that also occur in the training set: some training image differs from it by at
# most `tolerance` in every pixel. Copies may stand anywhere, and may have been through a file that rounds.

# %% nbgrader={"grade": false, "grade_id": "leaked", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leaked(train_images: np.ndarray, test_images: np.ndarray, tolerance: float = 1e-3) -> float:
    """Fraction of the test images (tests, pixels) that occur among the training images (examples, pixels)."""
    ### BEGIN SOLUTION
    return np.mean([np.any(np.all(np.abs(train_images - image) <= tolerance, axis=1)) for image in test_images])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "leaked_copies", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
pictures = np.arange(24.0).reshape(8, 3)  # (8, 3): eight images of three pixels, all different
check("no image in common", leaked(pictures[:5], pictures[5:]), expected=0.0)
check("two of four, in other places", leaked(pictures[[7, 1, 0, 6, 2]], pictures[[0, 3, 4, 1]]), expected=0.5)
### BEGIN HIDDEN TESTS
rng = check.rng()
pictures, chosen = rng.random((30, 40)), rng.integers(30, size=(2, 20))
check("random copies", leaked(pictures[chosen[0]], pictures[chosen[1, :11]]))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "leaked_rounded", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
picture = np.linspace(0, 1, 64)[None]  # (1, 64)
check("every pixel off by 0.0009", leaked(picture, picture + 0.0009), expected=1.0)
check("a single pixel off by 0.05", leaked(picture, picture + 0.05 * np.eye(64)[:1]), expected=0.0)
### BEGIN HIDDEN TESTS
pictures, rng = check.rng().random((20, 64)), check.rng()
changed = pictures + rng.uniform(-9e-4, 9e-4, size=(20, 64))
changed[rng.random(20) < 0.5, rng.integers(64)] += 0.03
check("rounded copies and changed ones", leaked(rng.permutation(pictures), changed[:15]))
check("a wider tolerance", leaked(pictures[:15], changed, tolerance=0.05))
### END HIDDEN TESTS

# %% [markdown]
# The healthy pipeline and the one that all four tests let through:

# %% waits=["leaked"]
suspects = {"healthy": Pipeline(0), "trained on test images": TrainedOnTestImages(0)}
plots.table(["pipeline", "test images found in training (%)"],
            [[name, 100 * leaked(pipeline.images, pipeline.test_images)] for name, pipeline in suspects.items()])

# %% [markdown]
# ### Exercise 3 (4 points): find the planted bugs
#
# A colleague's minibatches. The function raises no error, and the training loss falls. Three bugs are planted.

# %%
def minibatches_with_bugs(images, labels, size, rng):
    """One epoch: a list of (images, labels), every example once and in a new order, the last batch perhaps smaller."""
    order = np.random.default_rng(0).permutation(len(images))
    batches = []
    for start in range(0, len(images) - size, size):
        rows = order[start:start + size]
        batches.append((images[rows], labels[start:start + size]))
    return batches


# %% [markdown]
# Write it as its docstring says. `rng` is a NumPy `Generator`; the caller passes the same one for every epoch.

# %% nbgrader={"grade": false, "grade_id": "minibatches", "locked": false, "schema_version": 3, "solution": true, "task": false}
def minibatches(images: np.ndarray, labels: np.ndarray, size: int, rng: np.random.Generator) -> list:
    """One epoch: a list of (images, labels), every example once and in a new order, the last batch perhaps smaller."""
    ### BEGIN SOLUTION
    order = rng.permutation(len(images))
    return [(images[rows], labels[rows]) for rows in np.split(order, range(size, len(order), size))]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "minibatches_paired", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
batches = minibatches(np.arange(10)[:, None], np.arange(10), 4, check.rng())  # image i is [i], its label i
check("every image has its own label", all(np.all(image[:, 0] == label) for image, label in batches), expected=True)
### BEGIN HIDDEN TESTS
values = check.rng().normal(size=(53, 3))
batches = minibatches(values, values.sum(axis=1), 8, check.rng())
check("pairs of random numbers", max(np.abs(images.sum(axis=1) - sums).max() for images, sums in batches))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "minibatches_complete", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for size, sizes in {4: [4, 4, 2], 5: [5, 5]}.items():
    batches = minibatches(np.arange(10), np.arange(10), size, check.rng())
    check(f"sizes of the batches: ten examples by {size}", [len(labels) for _, labels in batches], expected=sizes)
### BEGIN HIDDEN TESTS
values = check.rng().normal(size=53)
batches = minibatches(values, values, 8, check.rng())
check("every random number once", np.sort(np.concatenate([images for images, _ in batches])))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "minibatches_shuffled", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
numbers, rng = np.arange(50), check.rng()
first, second = (np.concatenate([labels for _, labels in minibatches(numbers, numbers, 8, rng)]) for _ in range(2))
check("share of neighbours that stay neighbours", np.mean(np.diff(first) == 1), at_most=0.2)
check("the next epoch is in another order", np.array_equal(first, second), expected=False)
### BEGIN HIDDEN TESTS
values, rng = np.sort(check.rng().normal(size=53)), check.rng()
first, second = (np.concatenate([images for images, _ in minibatches(values, values, 7, rng)]) for _ in range(2))
check("random numbers in random order: share of rises", np.mean(np.diff(first) > 0), at_most=0.8)
check("random numbers, shuffled anew", np.array_equal(first, second))
### END HIDDEN TESTS

# %% [markdown]
# What the bugs do to an epoch of 200 digits. The baseline test would see the first column; digits that are never seen
# and an order that never changes cost too little. They are found by looking at what goes *into* the network, the
# cheapest test of all.

# %% waits=["minibatches"]
ids, rows, rng = np.arange(200), [], np.random.default_rng(5)
for batcher in (minibatches_with_bugs, minibatches):
    epochs = [zip(*batcher(ids, ids, 40, rng), strict=True) for _ in range(2)]
    (images, labels), (later, _) = (map(np.concatenate, epoch) for epoch in epochs)
    own, same = 100 * np.mean(images == labels), 100 * np.mean(images == later)
    rows.append([batcher.__name__, own, len(np.unique(images)), same])
plots.table(["function", "own label (%)", "seen in an epoch, of 200", "same place in the next epoch (%)"], rows)

# %% [markdown]
# ### Question (3 points, marked by hand): a plan
#
# A colleague trains a network on ten balanced classes. After an hour the training loss still stands at 2.30. Write
# down the first three things that you would test, in order. For each: what exactly you would run, what it would tell
# you if it passes, and what if it fails.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_debugging_plan", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# The loss is $\ln 10$: the network gives every class the same probability, or as good as. Either the weights do not
# move, or nothing in the data tells the classes apart.
#
# 1. *Do the weights move?* Take one step; print for each array of weights the norm of its gradient and of its change,
#    seconds of work. All zero: the update is broken (a `stop_gradient`, weights not given to the optimizer, rate 0,
#    dead ReLUs, all weights begun at zero). Gradients but no change: the optimizer. Both sensible: go on.
# 2. *One batch*: train on 20 examples, without regularization, for some hundred steps. The loss reaches zero:
#    network, loss and optimizer work, so the data are to blame, go to 3. It stays: the data are excused (unless the 20
#    images are all alike); try the rate ten times lower and higher, check the gradient by finite differences, check
#    that softmax and loss fit each other.
# 3. *A simple model on the very arrays that the network is fed*: nearest mean or logistic regression, on held-out
#    data, and look at ten images beside their labels. At chance too: images and labels do not belong together, or the
#    images are destroyed (constant, wrongly scaled). Well above chance: the data are in order; compare what the
#    network does with its input first (scale, order of batches).
# ### END SOLUTION
#
# *Marking.* One point for each test that (a) names a run and the number to look at, and (b) says what both outcomes
# rule out. Take off one point if the order is not from cheap to dear or if no test separates the data from the
# program. "Try another learning rate" or "more layers" without saying what the outcome would show earns nothing.

# %% [markdown]
# ### Replacing smarts with data
#
# "Replacing smarts with **data**." (The same deck, on the promise, or wishful dream, of deep learning.) The smarts
# are features that somebody designed; the data are what a network needs to find its own. Both get the same digits,
# from 10 to 1,347.
#
# Three sets of hand-made features, each cleverer than the last, stand before logistic regression: the ink in 16
# zones; histograms of the gradient's direction in four cells of 4x4 pixels (32 numbers); the same in nine cells that
# overlap (72 numbers).

# %%
def zone_densities(images):
    """Mean ink in 4x4 zones of 2x2 pixels; (n, 64) to (n, 16)."""
    return images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)


def oriented_histograms(images, stride):
    """Gradient length by direction (8 of them) in cells of 4x4 pixels, `stride` apart; (n, 64) to (n, cells * 8)."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]  # (n, 8, 8)
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]  # (n, 8, 8)
    direction = np.arctan2(down, right) % (2 * np.pi) * 4 / np.pi  # (n, 8, 8), in eighths of a turn
    turn = np.abs(direction[..., None] - np.arange(8))  # (n, 8, 8, 8)
    share = np.maximum(0, 1 - np.minimum(turn, 8 - turn))  # (n, 8, 8, 8): a vote goes to the two nearest directions
    votes = np.hypot(down, right)[..., None] * share  # (n, 8, 8, 8)
    cells = np.concatenate([votes[:, row:row + 4, column:column + 4].sum(axis=(1, 2))
                            for row in range(0, 5, stride) for column in range(0, 5, stride)], axis=1)  # (n, cells * 8)
    return cells / np.linalg.norm(cells, axis=1, keepdims=True)


hand_made = {"16 zones": zone_densities, "4 histograms": lambda images: oriented_histograms(images, stride=4),
             "9 overlapping histograms": lambda images: oriented_histograms(images, stride=2)}

# %% [markdown]
# The network sees pixels; its hidden layer of 512 is within the slide's "128-1024 nodes / layer". To repeat the
# experiment on eight splits we train eight networks as one: each `EinsumDense` holds eight matrices, and no network's
# loss depends on another's weights. With $n$ digits they take $300 + n$ steps on minibatches of 32.

# %%
def hand_made_errors(features, splits):
    """Held-out error of logistic regression on the features, for each split."""
    return np.array([1 - LogisticRegression(C=100, max_iter=1000).fit(features(train_images), train_labels)
                     .score(features(test_images), test_labels)
                     for train_images, test_images, train_labels, test_labels in splits])


def learned_errors(splits, width=512):
    """Held-out error of a network on pixels, for each split; all the networks are trained at once."""
    train_images, test_images, train_labels, test_labels = (
        np.stack(part, axis=1) for part in zip(*splits, strict=True))  # images (n, splits, 64), labels (n, splits)

    def layer(units, activation, spread):
        return keras.layers.EinsumDense("nsi,sij->nsj", (len(splits), units), activation, bias_axes="sj",
                                        kernel_initializer=keras.initializers.RandomNormal(stddev=spread))

    network = keras.Sequential([layer(width, "relu", (2 / 64) ** 0.5), layer(10, None, width ** -0.5)])
    network.compile(keras.optimizers.Adam(0.002), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rows = np.random.default_rng(5).integers(len(train_images), size=(300 + len(train_images)) * 32)
    network.fit(train_images[rows], train_labels[rows], batch_size=32, shuffle=False, verbose=0)
    return np.mean(np.argmax(network(test_images), axis=-1) != test_labels, axis=0)  # (splits,)


# %% [markdown]
# **Predict**: where do the curves cross? Left, look for the lowest curve at each number of digits; right, for
# intervals that leave zero (marks as on the left): above it the hand-made features win, below it the network.

# %% tags=["demo"]
sizes = [10, 30, 100, 400, 1347]
errors = {name: [] for name in [*hand_made, "network on pixels"]}  # (sizes, splits), in %
for size in sizes:
    splits = [data.digits(train=size, flat=True, seed=seed) for seed in range(100, 108)]  # settings came from others
    for name, features in hand_made.items():
        errors[name].append(100 * hand_made_errors(features, splits))
    errors["network on pixels"].append(100 * learned_errors(splits))
gaps = {name: np.array([stats.mean_interval(learned - hand) for learned, hand
                        in zip(errors["network on pixels"], errors[name], strict=True)])
        for name in hand_made}  # (sizes, 2): mean and half-width

# %% tags=["demo"]
left, right = plots.panels(2)
plots.line(sizes, {name: np.mean(values, axis=1) for name, values in errors.items()}, log="xy", ax=left,
           xlabel="digits to train on", ylabel="held-out error (%), mean of 8 splits")
for index, gap in enumerate(gaps.values()):
    right.errorbar(np.array(sizes) * 1.08 ** (index - 1), *gap.T, fmt="os^"[index], capsize=3)
right.axhline(0, color="black", linewidth=0.8)
right.set(xscale="log", xlabel="digits to train on", ylabel="network minus hand-made\n(points of error, 95% interval)")
plt.setp([left, right], xticks=sizes, xticklabels=sizes)
left.minorticks_off()
left.set_yticks(ticks := [2, 5, 10, 20, 40], ticks)

# %% [markdown]
# What are the best features worth in digits? We read off the left panel how many more the network needs for the same
# error.

# %% tags=["demo"]
ahead = {name: [f"{size:,}" for size, (mean, half_width) in zip(sizes, gap, strict=True) if mean + half_width < 0]
         for name, gap in gaps.items()}
best, learned = (np.log(np.mean(errors[name], axis=1)) for name in ("9 overlapping histograms", "network on pixels"))
price = np.exp(np.interp(best[:-1], learned[::-1], np.log(sizes[::-1]))) / sizes[:-1]  # (sizes - 1,)
caught = sum(int((found >= limits).all(axis=0).any()) for found in planted.values())
false_alarms = sum(int((found >= limits).any(axis=1).sum()) for found in healthy.values())
claim("debug-small",
      measured={"planted bugs that one test caught on all 5 seeds (of 4)": caught,
                "false alarms in 10 healthy runs": false_alarms,
                **{f"network ahead of {name} at (digits)": places or "no size" for name, places in ahead.items()},
                "network minus 9 histograms at 100 digits (points, half-width)": gaps["9 overlapping histograms"][2],
                "network minus 9 histograms at 1,347 digits (points, half-width)": gaps["9 overlapping histograms"][-1],
                "digits the network needs for one of theirs, at 10, 30, 100, 400": price},
      holds=caught == 4 and false_alarms == 0 and all("1,347" in places for places in ahead.values()),
      because="each bug is caught without a false alarm, but data do not overtake the best smarts within 1,347 digits: "
              "the network leads the simpler features, and with nine overlapping histograms it is at best level")

# %% [markdown]
# Which curve is lowest is a matter of *which* smarts. Zones throw away too much, and the network leads from the
# smallest set on. It leads four histograms too, by about a point; with few digits eight splits hardly resolve that.
# Let the cells overlap, one idea more, and the network trails at 100 and 400 digits; at 1,347 less than a point divides
# them, about what eight splits can resolve.
#
# The lag is better told in digits: the network needs a tenth to a half as many again. Data do replace smarts, at that
# price, and it is low wherever digits are cheaper than ideas.
#
# *How this could be wrong.* Stopping early fakes a winner: after 600 steps on 1,347 digits the network seems to lag,
# against a logistic regression stopped early it seems to lead. The pixels are smarts too: each counts the ink
# in 4x4 dots of a centred, normalised 32x32 scan. And a random split shares its writers with the test set. *Where
# practice has moved on*: smarts went into architectures (week 03), augmentation and, above all, features learnt
# elsewhere. With 100 images one starts from a network that somebody else's data have trained.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# **Remember**
#
# - Know the number before you look: $\ln K$ at the start, 0 on one batch, the baseline on held-out data.
# - A test with only one way to fail names the bug. Use several, from cheap to dear.
# - Networks learn around bugs. A good error proves little, and one that is too good needs its own test.
# - Hand-made features are worth a number of examples. Ask which of the two is cheaper.
#
# **At full scale** the tests stay as small as here; only the last run grows:
#
# | | data | network | hand-made features against learned ones |
# |---|---|---|---|
# | this laptop | 1,347 digits, 1,647 steps | 38,410 parameters, seconds | less than a point apart |
# | one GPU | MNIST (`data.digits(full=True)`), 60,000 digits | some million parameters, minutes | 0.63% (shape contexts) against 0.4% (convolutional, elastic distortions) |
# | the paper: Krizhevsky et al. (2012) | ImageNet, 1.2 million images, 90 epochs | 60 million parameters, five to six days on two GPUs | 26.2% against 15.3% (top 5) |
#
# MNIST's figures are from LeCun's list of results: Belongie et al. (2002), Simard et al. (2003). The recipe of these
# tests, with more of them, is Karpathy's *A recipe for training neural networks* (2019).

# %%
dlcourse.submit()
