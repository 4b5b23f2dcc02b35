# %% [markdown]
# # 5 · ImageNet in 18 minutes
#
# *Applications* (Goodfellow 2018) and NCTU week 9, slide "Example: ImageNet in 18 minutes for $40".
#
# **You should know** synchronous SGD (`tower-sgd`) and what a convolution costs (`orders-of-magnitude`). **You will
# have built** the schedule of the record, a convolutional network that trains on growing images, the measured saving,
# and the sum behind the $40.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1) A stack of convolutions ends in global pooling and a dense layer. Its images shrink to half the side.
#    What becomes of its parameters and of its multiply-adds?
# 2. (Notebook 1) Eight towers compute gradients of 32 images each and average them. Which step of SGD is that?
#
# <details><summary>Answers</summary>
#
# 1. The parameters stay, and the same weights work at either size; a quarter of the multiply-adds is left, since a
#    filter is used at a quarter of the positions. Today's saving is that quarter.
# 2. One step on a batch of 256. With every machine that is added the batch grows, and the rate must be asked again.
#
# </details>

# %%
dlcourse.setup("week06/05_imagenet_in_18_minutes", seed=65, deterministic=False)

import time

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds, sprites, stats
from keras import layers

# %% [markdown] topic="imagenet-18-minutes"
# ## ImageNet in 18 minutes
#
# "Example: ImageNet in 18 minutes for $40", says the slide, and links a blog post: J. Howard, "Now anyone can train
# Imagenet in 18 minutes" (fast.ai, 10 August 2018). ResNet-50 reaches 93% (top-5) on 16 rented machines of eight V100
# each. Among the methods the post names: progressive resizing, dynamic batch sizes, gradual warm-up (Goyal et al.
# 2017), rectangular validation images. What was run is on file at DAWNBench (`dawn-bench-entries` on GitHub,
# `ImageNet/train/dawn_resnet50_18minutes.json` and `.tsv`):

# %%
record = [  # epochs from and to, side in pixels, images a batch, learning rate at either end
    (0, 6, 128, 8192, 1.88, 3.76), (6, 16, 128, 16384, 3.76, 3.76), (16, 19, 224, 8192, 1.88, 1.88),
    (19, 31, 224, 24576, 0.564, 0.564), (31, 37, 224, 24576, 0.0564, 0.0564), (37, 38, 288, 16384, 0.0376, 0.0376)]
minutes = np.array([
    1.23, 1.67, 2.12, 2.57, 3.02, 3.47, 3.81, 4.09, 4.36, 4.63, 4.90, 5.18, 5.45, 5.72, 5.99, 6.26, 7.08, 7.69, 8.29,
    8.89, 9.35, 9.80, 10.25, 10.70, 11.16, 11.61, 12.07, 12.52, 12.98, 13.43, 13.89, 14.34, 14.80, 15.25, 15.71, 16.16,
    16.61, 18.09])  # after each epoch
top5 = np.array([
    13.88, 25.00, 24.50, 49.27, 53.75, 45.88, 65.61, 48.27, 65.05, 62.74, 63.62, 61.97, 62.69, 56.07, 63.63, 59.65,
    78.15, 79.93, 76.31, 87.26, 88.68, 89.13, 89.05, 88.53, 89.51, 88.41, 89.44, 89.46, 89.16, 89.32, 88.65, 91.19,
    91.25, 91.35, 91.49, 91.44, 91.42, 93.11])  # percent of the validation images

# %% [markdown]
# Sides, batches and rates look arbitrary. Divide the rate by the batch before you call them so.

# %%
epochs = np.array([(start, end) for start, end, *_ in record]).ravel()  # (12,)
side, batch = (np.repeat([phase[column] for phase in record], 2) for column in (2, 3))  # (12,)
rate = np.array([phase[4:] for phase in record]).ravel()  # (12,)
panels = plots.panels(4)
plots.line(epochs, side, xlabel="epoch", ylabel="side (pixels)", ax=panels[0])
plots.line(np.arange(1, 39), top5, xlabel="epoch", ylabel="top-5 accuracy (%)", ax=panels[1])
plots.line(epochs, {"learning rate": rate, "batch / 10,000": batch / 1e4}, xlabel="epoch",
           ylabel="rate; ten thousand images", log="y", ax=panels[2])
plots.line(epochs, 256 * rate / batch, xlabel="epoch", ylabel="rate for every 256 images", log="y", ax=panels[3])

# %% [markdown]
# After the warm-up the fourth panel is a staircase of exact tenths. The rates are *one* schedule, 0.059 for every 256
# images, divided by ten twice, and multiplied by the batch of the moment: the **linear scaling rule** (Goyal et al.
# 2017, who use 0.1). The accuracy jumps at each tenth and at each growth of the images. What the 128 pixels saved,
# against what they should save:

# %%
an_epoch = np.diff(minutes)  # minutes of epochs 1 to 37; the first one includes the start
rows = []
for start, end, pixels, images, *_ in record:
    logged = np.median(an_epoch[max(start - 1, 0):end - 1])
    rows.append([f"{start} to {end}", pixels, images // 128, (pixels / 224) ** 2, logged,
                 logged / np.median(an_epoch[19:36])])
plots.table(["epochs", "side", "images a GPU", "multiply-adds an image (224: 1)", "minutes an epoch",
             "relative to epochs 19 to 37"], rows)
work = np.array([(end - start) * (pixels / 224) ** 2 for start, end, pixels, *_ in record])  # in epochs at 224 pixels
print(f"The whole schedule: {work.sum() / 38:.0%} of the multiply-adds of 38 epochs at 224 pixels.")
print(f"Its 16 epochs at 128: {work[:2].sum() / work.sum():.0%} of its multiply-adds, {minutes[15] / minutes[-1]:.0%} "
      "of its minutes.")

# %% [markdown]
# The arithmetic is saved, the minutes less so: an image of 128 pixels has a third of the multiply-adds and takes at
# least half of the time. The log does not say why. But at 64 images a GPU the same epoch takes far longer than at 128,
# as one expects where every step has a fixed part, the all-reduce among it (notebook 1). So small images call for large
# batches, and large batches for the scaling rule. Nor does the entry say what 38 epochs at 224 pixels would have
# reached: a record has no control. We supply one, on a small scale.
#
# ### Exercise 1 (4 points): the schedule
#
# Ours is a list of phases `(epochs, side, batch)`, one after the other. The rate for 32 images rises in a straight line
# from 0 to `base` during the first `warmup` epochs, then falls in a straight line to 0 at the end of the last phase.
# It is multiplied by batch / 32. Time is counted in epochs with fractions; at a boundary the next phase has begun.

# %% nbgrader={"grade": false, "grade_id": "schedule", "locked": false, "schema_version": 3, "solution": true, "task": false}
def schedule(phases: list[tuple[float, int, int]], epoch: float, base: float, warmup: float) -> tuple[int, int, float]:
    """Side in pixels, images a batch and learning rate at the time `epoch` (below the sum of all phases' epochs)."""
    ### BEGIN SOLUTION
    ends = np.cumsum([epochs for epochs, _, _ in phases])
    _, side, batch = phases[np.searchsorted(ends, epoch, side="right")]
    rise, fall = epoch / warmup, (ends[-1] - epoch) / (ends[-1] - warmup)
    return side, batch, base * min(rise, fall) * batch / 32
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "schedule_phase", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two phases, in the first", schedule([(2, 16, 64), (3, 32, 32)], 1.9, 0.1, 1)[:2], expected=[16, 64])
check("two phases, at the boundary", schedule([(2, 16, 64), (3, 32, 32)], 2.0, 0.1, 1)[:2], expected=[32, 32])
### BEGIN HIDDEN TESTS
rng = check.rng()
phases = [(epochs, 8 * side, 2**power) for epochs, side, power in
          rng.integers([1, 2, 4], [4, 8, 8], size=(5, 3)).tolist()]
total = sum(epochs for epochs, _, _ in phases)
check("five phases, any time", [schedule(phases, time, 0.1, 0.5)[:2] for time in rng.uniform(0, total, size=8)])
check("five phases, whole epochs", [schedule(phases, time, 0.1, 0.5)[:2] for time in range(total)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "schedule_rate", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("half of the warm-up", schedule([(2, 16, 32), (3, 32, 32)], 0.5, 0.1, 1)[2], expected=0.05)
check("the peak, four times the batch", schedule([(2, 16, 128), (3, 32, 32)], 1, 0.1, 1)[2], expected=0.4)
check("half of the way down, in the second phase", schedule([(2, 16, 128), (3, 32, 32)], 3, 0.1, 1)[2], expected=0.05)
### BEGIN HIDDEN TESTS
rng = check.rng()
for warmup in [0.5, 2.5]:
    phases = [(epochs, 32, 2**power) for epochs, power in rng.integers([1, 4], [4, 9], size=(4, 2)).tolist()]
    total = sum(epochs for epochs, _, _ in phases)
    check(f"any time, {warmup} epochs of warm-up",
          [schedule(phases, time, 0.3, warmup)[2] for time in rng.uniform(0, total, size=8)])
### END HIDDEN TESTS

# %% [markdown]
# ### The pictures and the network
#
# `sprites.draw` photographs the same scenes at any resolution: a 16-pixel picture is what a worse camera would have
# seen. We keep six of its ten shapes, those which the eye still tells apart in 16 pixels, as it does most of ImageNet's
# classes in 128.

# %%
shapes = [sprites.CLASSES.index(name) for name in
          ["triangle", "disc", "ring", "crescent", "five-pointed star", "plus"]]


def pictures(count, side, seed):
    """Images (count, side, side, 3) and labels (count,) from 0 to 5, the same scenes at every side."""
    scenes = sprites.draw(7 * count // 4 + 50, side, seed=seed)  # six tenths of them are of our shapes
    rows = np.flatnonzero(np.isin(scenes.labels, shapes))[:count]
    return scenes.images[rows], np.searchsorted(shapes, scenes.labels[rows])


enlarged = [pictures(8, pixels, seeds(1)[0])[0].repeat(96 // pixels, axis=1).repeat(96 // pixels, axis=2)
            for pixels in (16, 24, 32)]
plots.images(np.concatenate(enlarged), titles=np.repeat([f"{pixels} pixels" for pixels in (16, 24, 32)], 8))

# %% [markdown]
# The network pools globally, so that nothing in it knows the images' side. `None` says so to Keras.

# %%
convolutions = [(16, 5, 2), (32, 3, 2), (64, 3, 1)]  # filters, kernel, stride; ResNet-50 has 53 of them


def build():
    inputs = keras.Input((None, None, 3))
    hidden = inputs
    for filters, kernel, stride in convolutions:
        hidden = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(hidden))
    return keras.Model(inputs, layers.Dense(len(shapes))(layers.GlobalMaxPooling2D()(hidden)))


# %% [markdown]
# ### Exercise 2 (4 points): what a schedule computes
#
# Sum the multiply-adds that the convolutions spend on *one* training picture over all epochs of a schedule (forward;
# the backward pass costs about twice as much at every size, so it cancels in comparisons). A convolution with
# `padding="same"` turns a side of $n$ into $\lceil n / \text{stride} \rceil$. The first one reads 3 channels.

# %% nbgrader={"grade": false, "grade_id": "compute", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compute(phases: list[tuple[float, int, int]], convolutions: list[tuple[int, int, int]]) -> float:
    """Multiply-adds a training picture; phases (epochs, side, batch), convolutions (filters, kernel, stride)."""
    ### BEGIN SOLUTION
    total = 0
    for epochs, side, _ in phases:
        channels = 3
        for filters, kernel, stride in convolutions:
            side = -(-side // stride)
            total += epochs * side**2 * kernel**2 * channels * filters
            channels = filters
    return total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "compute_once", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one epoch, one convolution, 10 x 10 positions", compute([(1, 10, 32)], [(4, 3, 1)]), expected=10 * 10 * 27 * 4)
check("stride 2 on 15 pixels leaves 8", compute([(1, 15, 32)], [(4, 3, 2)]), expected=8 * 8 * 27 * 4)
### BEGIN HIDDEN TESTS
rng = check.rng()
for depth in [2, 4]:
    stack = rng.integers([2, 1, 1], [9, 6, 4], size=(depth, 3)).tolist()
    check(f"one epoch, {depth} convolutions", compute([(1, int(rng.integers(17, 64)), 32)], stack))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "compute_schedule", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("three epochs at 16 and half a one at 32",
      compute([(3, 16, 32), (0.5, 32, 32)], [(4, 3, 1)]), expected=(3 * 16**2 + 0.5 * 32**2) * 27 * 4)
check("twice the batch, the same work", compute([(1, 8, 64)], [(2, 1, 1)]), expected=8 * 8 * 3 * 2)
### BEGIN HIDDEN TESTS
rng = check.rng()
for count in [2, 4]:
    stack = rng.integers([2, 1, 1], [9, 6, 4], size=(3, 3)).tolist()
    phases = [(epochs / 2, side, 2**power) for epochs, side, power in
              rng.integers([1, 17, 4], [9, 64, 8], size=(count, 3)).tolist()]
    check(f"{count} phases, 3 convolutions", compute(phases, stack))
### END HIDDEN TESTS

# %% [markdown]
# Four schedules: full size; pictures that grow, for the same number of epochs; the control that the record lacks, full
# size for exactly the compute of the growing ones; and growing pictures whose small sizes come in larger batches, at
# rates scaled by the rule.

# %% waits=["schedule", "compute"]
full = [(3, 32, 32)]
growing = [(1, 16, 32), (1, 24, 32), (1, 32, 32)]  # 128, 224, 288 pixels in the record
short = [(1.8125, 32, 32)]
batched = [(1, 16, 64), (1, 24, 64), (1, 32, 32)]
schedules = {"full size": full, "growing": growing, "full size, shorter": short, "growing, batches too": batched}
relative = {name: compute(phases, convolutions) / compute(full, convolutions) for name, phases in schedules.items()}
base, warmup, count = 0.2, 0.5, 4000  # 1,281,167 pictures in ImageNet
panels = plots.panels(3, columns=3)
for index, (name, phases) in enumerate(schedules.items()):
    when = np.arange(0, sum(epochs for epochs, *_ in phases), 0.005)
    chart = np.array([schedule(phases, epoch, base, warmup) for epoch in when])  # (times, 3)
    for ax, values, label in zip(panels, chart.T, ["side (pixels)", "batch (pictures)", "learning rate"], strict=True):
        ax.plot(when, values, plots.DASHES[index], color=plots.COLOURS[index],
                label=f"{name}: {relative[name]:.2f}", linewidth=3 if index == 0 else 1.8)
        ax.set(xlabel="epoch", ylabel=label)
panels[0].set_ylim(0)
panels[0].legend(title="compute, full size: 1", loc="lower right");

# %% [markdown]
# ### The measurement
#
# All runs use one network, its weights drawn anew, and one compiled function for every size.

# %%
network, optimizer = build(), keras.optimizers.SGD(momentum=0.9, nesterov=True, global_clipnorm=1.0)
optimizer.build(network.trainable_variables)


@tf.function(input_signature=[tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None,), tf.int64),
                              tf.TensorSpec((None, None), tf.int64), tf.TensorSpec((None,))])
def run_steps(images, labels, batches, rates):
    """SGD over the rows of `batches` (steps, batch) with `rates` (steps,)."""
    for step in tf.range(len(batches)):
        optimizer.learning_rate.assign(rates[step])
        with tf.GradientTape() as tape:
            logits = network(tf.gather(images, batches[step]), training=True)  # (batch, classes)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, batches[step]), logits)
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, network.trainable_variables))


# %% waits=["schedule"]
def train(phases, train_sets, seed):
    """Train the network from scratch; returns the seconds of each phase."""
    keras.utils.set_random_seed(seed)
    rng, done, seconds = np.random.default_rng(seed), 0, []
    network.set_weights(build().get_weights())
    for variable in optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    for epochs, side, batch in phases:
        images, labels = train_sets[side]
        steps = round(epochs * len(labels) / batch)
        rows = np.concatenate([rng.permutation(len(labels)) for _ in range(int(np.ceil(epochs)))])[:steps * batch]
        times = done + (np.arange(steps) + 0.5) * batch / len(labels)  # in epochs
        rates = [schedule(phases, epoch, base, warmup)[2] for epoch in times]
        start = time.perf_counter()
        run_steps(images, labels, rows.reshape(steps, batch), tf.constant(rates, tf.float32))
        seconds.append(time.perf_counter() - start)
        done += epochs
    return seconds


# %% [markdown]
# Five repeats: the same initial weights and the same order of the pictures under each schedule. Predict before you run:
# are growing pictures nearer to full size for the same epochs, or to full size for the same compute?

# %% tags=["demo"] waits=["schedule", "compute"]
train_sets = {side: tuple(map(tf.constant, pictures(count, side, seeds(2)[0]))) for side in (16, 24, 32)}
test_sets = {side: pictures(1000, side, seeds(2)[1]) for side in (24, 32, 40)}
train([(0.1, side, 32) for side in train_sets], train_sets, seeds(1)[0])  # compiles
accuracy = {name: np.zeros((5, len(test_sets))) for name in schedules}  # (seeds, sides)
seconds = {name: np.zeros(5) for name in schedules}
for repeat, seed in enumerate(seeds(5)):
    for name, phases in schedules.items():
        seconds[name][repeat] = sum(train(phases, train_sets, seed))
        accuracy[name][repeat] = [100 * np.mean(network.predict_on_batch(images).argmax(axis=1) == labels)
                                  for images, labels in test_sets.values()]

# %% [markdown]
# Left: each run's accuracy at 32 pixels against its compute (three schedules compute equally much and stand side by
# side). Right: the same networks tested on smaller and larger pictures of the same scenes.

# %% tags=["demo"] waits=["schedule", "compute"]
sides = list(test_sets)
left, right = plots.panels(2)
final = {name: values[:, sides.index(32)] for name, values in accuracy.items()}
aside = {"growing": -2, "growing, batches too": 2}  # three schedules compute the same
plots.scatter({name: (np.full(5, 100 * relative[name] + aside.get(name, 0)), values) for name, values in final.items()},
              xlabel="compute (% of full size)", ylabel="test accuracy (%)", ax=left)
left.legend(loc="center right")
plots.line(sides, {name: values for name, values in accuracy.items() if name != "growing, batches too"},
           xlabel="side of the test pictures (pixels)", ylabel="test accuracy (%)", ax=right)
plots.table(["", "accuracy, mean of five (%)", "compute, relative", "seconds a run, relative"],
            [[name, values.mean(), relative[name], np.median(seconds[name] / seconds["full size"])]
             for name, values in final.items()])

# %% [markdown]
# ### Exercise 3 (3 points): the bill
#
# DAWNBench multiplies the hours by the list price of a machine hour. The post paid less: the market for idle machines
# ("spot") has its own price. From the number of machines, the hours, the list price and what was paid, derive (i) the
# bill at the list price, (ii) the price of a machine hour that the payment implies and (iii) the discount, as a
# fraction of the list price.

# %% nbgrader={"grade": false, "grade_id": "bill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bill(machines: int, hours: float, list_price: float, paid: float) -> tuple[float, float, float]:
    """Dollars at the list price (of one machine for one hour), the implied price, and the discount from 0 to 1."""
    ### BEGIN SOLUTION
    implied = paid / (machines * hours)
    return machines * hours * list_price, implied, 1 - implied / list_price
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bill_listed", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("four machines for half an hour at $10", bill(4, 0.5, 10.0, 5.0)[0], expected=20.0)
### BEGIN HIDDEN TESTS
rng = check.rng()
check("any machines: the bill", [bill(int(rng.integers(1, 64)), *rng.uniform(0.2, 9, size=3))[0] for _ in range(3)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bill_implied", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("$5 for two machine hours", bill(4, 0.5, 10.0, 5.0)[1], expected=2.5)
check("$2.50 instead of $10: the discount", bill(4, 0.5, 10.0, 5.0)[2], expected=0.75)
### BEGIN HIDDEN TESTS
rng = check.rng()
for machines in rng.integers(1, 64, size=3).tolist():
    check(f"the payment's price and discount, {machines} machines", bill(machines, *rng.uniform(0.2, 9, size=3))[1:])
### END HIDDEN TESTS

# %% [markdown]
# The list price is in the entry: 391.68 dollars an hour for the sixteen, 24.48 each. To check the implied price we take
# an earlier entry of the same team, on one such machine: "Training Imagenet in 3 hours for USD 25" (fast.ai, 30 April
# 2018; entry `fastai_pytorch`, 93.0% after 2.9575 hours). If both payments are spot prices of the same year, two bills
# of different size should imply about one price.

# %% waits=["bill"]
bills = {"18 minutes, 16 machines": bill(16, minutes[-1] / 60, 391.68 / 16, 40),
         "3 hours, 1 machine": bill(1, 2.9575, 24.48, 25)}
plots.table(["", "at the list price ($)", "implied price ($ a machine hour)", "discount (%)"],
            [[name, listed, implied, 100 * discount] for name, (listed, implied, discount) in bills.items()])

# %% tags=["demo"] waits=["schedule", "compute", "bill"]
to_full, to_short, to_batched = (stats.mean_interval(final["growing"] - final[name])
                                 for name in ("full size", "full size, shorter", "growing, batches too"))
listed, implied, discount = bills["18 minutes, 16 machines"]
claim(
    "imagenet-18-minutes",
    measured={"compute of the growing pictures, full size: 1": relative["growing"],
              "its accuracy minus that of full size, same epochs (points; mean, 95% half-width)": to_full,
              "minus that of full size, same compute": to_short,
              "minus that with larger batches on small pictures": to_batched,
              "seconds, full size: 1": np.median(seconds["growing"] / seconds["full size"]),
              "bill at the list price ($)": listed,
              "price of a machine hour that $40 implies ($; listed: 24.48)": implied},
    holds=to_full[0] + to_full[1] > 0 and relative["growing"] < 0.9 and listed > 100 and implied < 12,
    because="the bill is right, $118 listed and $40 at a third of the list price; but here growing pictures save "
            "two fifths of the compute and lose several points, as fewer epochs at full size do for the same compute",
)

# %% [markdown]
# The $40 stand. Two runs of very different size imply the same price within a few per cent, a third of the list price:
# somewhat dearer than the "70-90% cheaper" of a reseller's comment on this run (spot.io). DAWNBench lists the first
# column, $118.07. Neither number is wrong; they are two markets, and one of them may take its machines back.
#
# The saving by small images does not show here. The growing pictures cost three fifths and end about where full size
# ends *for the same compute*: what they gain in epochs they lose in what an epoch teaches. The right panel suggests
# why. Accuracy falls on both sides of the size that a network was trained on last, and those that saw 24 pixels an
# epoch earlier have mostly forgotten them: filters for one size fit another badly, and each phase learns anew. The
# record's network met every object at many sizes (random crops, down to 9% of a photograph's area: `min_scale` in its
# code).
#
# Larger batches on the small pictures lose some more points, although their rate obeys the rule: with few steps in all,
# half as many are too few. And they gain no time, since two cores are busy with 32 pictures; 128 GPUs are not.
#
# **How this could be wrong.** Three epochs of 4,000 pictures are far from the plateau on which ImageNet's 38 epochs
# end; on a plateau a cheap epoch could replace a dear one at no loss. One peak rate serves all schedules. And 16 pixels
# may hide more of our shapes than 128 hide of a photograph.
#
# **Often mistaken.** Larger *test* images help a network whose random training crops had enlarged the objects (Touvron
# et al. 2019: 77.1% top-1 when trained at 128 pixels, 79.8% at 224, after fine-tuning for the test size). Without such
# crops they hurt, as the panel shows. **Practice has moved on**: progressive resizing "often causes a drop in accuracy"
# (abstract of EfficientNetV2, Tan and Le 2021), which is why augmentation is now strengthened along with the size.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Divide the rate by the batch: what remains is the schedule.
# - Compare schedules at equal compute too. "Same epochs, fewer multiply-adds" is half a comparison.
# - Fewer multiply-adds are fewer seconds only where multiply-adds are what takes the time.
# - A bill has a price list: ask which.
#
# ## At full scale
#
# | where | what | time | cost |
# |---|---|---|---|
# | this laptop | 4,000 sprites of 16 to 32 pixels, 3 epochs, 25,000 parameters | seconds a run | nothing |
# | one machine, 8 V100 (DAWNBench, April 2018) | ImageNet, 42 epochs to 93% | 3 hours | $72 listed, $25 paid |
# | the post, 16 machines, 128 V100 (2018) | ImageNet, 38 epochs to 93% | 18 minutes | $118 listed, $40 paid |

# %%
dlcourse.submit()
