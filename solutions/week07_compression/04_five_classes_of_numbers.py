# %% [markdown]
# # 4 · Five classes of numbers
#
# *Practical Deep Learning* week 5, hot research, slides "Low bit Precision" and "Five Classes of Numbers".
#
# **You should know** fixed point (`fixed-point`), scale and zero point (`affine-quantization`) and how workers share a
# batch (`tower-sgd`). **You will have built** a rounding that is right on average, a network in which each kind of
# number has a width of its own, hundreds of such networks that train side by side, and gradients of a single bit.

# %% [markdown]
# ## Two questions first
#
#    it can hold, and how far apart are neighbours?
#    and what does that depend on: the batch, the layers' outputs, or the weights?
#
# <details><summary>Answers</summary>
#
#
# </details>

# %%
dlcourse.setup("week07/04_five_classes_of_numbers", seed=74)

import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, stats

# %% [markdown] topic="five-classes-of-numbers"
# ## Five classes of numbers
#
# "Most DL practitioners use 32 bits of floating point precision to train and test deep networks. However, such high
# precision is not required". The slide divides the numbers of a training run into five classes, each with a range of
# widths that have been tried (in brackets: what is common):
#
# - **Input** numbers, "used to represent the input vector to the activations": 1-16 bits [8]
# - **Output** numbers, "used to represent the output vector from the activations": 1-16 bits [8]
# - **Model** numbers, "used to represent the vector we are updating": 1-16 bits [2, 4, 8]
# - **Gradient** numbers, "used as intermediates in gradient computations": 16, 32 bits ("require most precision")
# - **Communication** numbers, "used to communicate among parallel workers": 1-16 bits [16]
#
# We give one class at a time $b$ bits, from 1 to 32, and all others the 52 bits of a float64's fraction. Which class
# needs the most? Write down an order before you read on.
#
# A number of $b$ bits with the range from $l$ to $h$ is one of $2^b$ levels, $l + k\,s$ with
# $k = 0, 1, \dots, 2^b - 1$ and the step $s = (h - l)/2^b$. The top itself is left out, as in two's complement, so that
# zero is a level whenever $l = -h$ or $l = 0$. Rounding to the nearest takes $k = \lfloor (x - l)/s + \tfrac12
# \rfloor$. *Stochastic rounding* puts a number $u$, uniform between 0 and 1, in place of the half: a value three
# tenths of the way to the next level goes up three times in ten.
#
# ### Exercise 1 (4 points): a rounding with a choice
#
# Write both as one function. What lies outside the range goes to the first or the last level.

# %% nbgrader={"grade": false, "grade_id": "quantize", "locked": false, "schema_version": 3, "solution": true, "task": false}
def quantize(values, low, high, bits, noise):
    """The level of each value, as float64 tensor of the shape of `values`.

    low, high: the range. bits: float, the width (or a tensor of widths that broadcasts against values). noise: what is
    added before the floor, between 0 and 1: a half, or a tensor of the shape of values. It must run in a tf.function:
    use TensorFlow's functions (tf.floor, tf.clip_by_value, ...).
    """
    ### BEGIN SOLUTION
    step = (high - low) / 2.0**bits
    level = tf.floor((values - low) / step + noise)
    return low + step * tf.clip_by_value(level, 0.0, 2.0**bits - 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "quantize_levels", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two bits from -1 to 1: four levels, zero among them, the top left out",
      quantize(np.array([-1.0, -0.6, -0.1, 0.1, 0.6, 0.9]), -1.0, 1.0, 2.0, 0.5), expected=[-1, -0.5, 0, 0, 0.5, 0.5])
check("outside the range", quantize(np.array([-9.0, 9.0]), 0.0, 4.0, 3.0, 0.5), expected=[0, 3.5])
### BEGIN HIDDEN TESTS
rng = check.rng()
values = rng.normal(size=(4, 9))
widths = np.array([[1.0], [3], [6], [52]])
check("to the nearest, any values, a width for each row", quantize(values, -2.0, 2.0, widths, 0.5))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "quantize_noise", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("0.3 of the way up: down with little noise, up with much",
      quantize(np.array([0.3, 0.3, -0.7, -0.7]), -4.0, 4.0, 3.0, np.array([0.6, 0.8, 0.6, 0.8])),
      expected=[0, 1, -1, 0])
### BEGIN HIDDEN TESTS
rng = check.rng()
values, noise = rng.normal(size=(2, 40)), rng.uniform(size=(2, 40))
check("any values, any noise", quantize(values, -2.0, 2.0, 4.0, noise))
### END HIDDEN TESTS

# %% [markdown]
# Why add noise? On average over $u$, stochastic rounding returns the value itself; the nearest level is wrong in the
# same direction every time. Left: what comes out of 2 bits on average. Right: a weight that shall climb by a tenth of
# a step at a time. **Predict** where each is after 100 updates.

# %% tags=["demo"] waits=["quantize"]
rng = np.random.default_rng(seeds(1)[0])
values, left_right = np.linspace(-1, 0.75, 71), plots.panels(2)
average = {"the value itself": values, "nearest": quantize(values, -1.0, 1.0, 2.0, 0.5),
           "stochastic, mean of 2,000": tf.reduce_mean(
               quantize(np.tile(values, (2000, 1)), -1.0, 1.0, 2.0, rng.uniform(size=(2000, 71))), axis=0)}
climb, step = {name: [np.zeros(5)] for name in ("nearest", "stochastic")}, 2 / 2**8
for _ in range(100):
    for name, walk in climb.items():
        noise = 0.5 if name == "nearest" else rng.uniform(size=5)
        walk.append(quantize(walk[-1] + step / 10, -1.0, 1.0, 8.0, noise).numpy())
for name, style, y in zip(average, plots.DASHES, average.values(), strict=False):
    left_right[0].plot(values, y, style, label=name)
plots.line(range(101), {name: np.array(walk).T / step for name, walk in climb.items()} | {"exact": np.arange(101) / 10},
           xlabel="updates", ylabel="weight (steps of 8 bits)", ax=left_right[1])
for line in left_right[1].lines:
    line.set_marker("")
left_right[0].set(xlabel="value", ylabel="rounded to 2 bits")
left_right[0].legend();

# %% [markdown]
# Rounded to the nearest, the weight never leaves its level: an update of less than half a step is lost, and a thousand
# such updates are lost, too. Remember this when you see the model numbers.
#
# ### The network, with five places to round
#
# Handwritten digits, 64 inputs, 32 ReLUs, 10 classes, plain SGD; four workers with 8 digits each. The backward pass is
# written out, since the tape would not round on its way. `Q(name, values, range)` rounds if `name` is the class whose
# turn it is. Weights have axes (runs, workers, ...): many networks in one product.

# %%
CLASSES = ["input", "output", "model", "gradient", "communication"]
UNITS, BATCH, WORKERS, RATE, STEPS = 32, 32, 4, 0.5, 250


def start(seed):
    """Weights and biases of the two layers."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(64, UNITS)) * np.sqrt(2 / 64), np.zeros((1, UNITS)),
            rng.normal(size=(UNITS, 10)) * np.sqrt(1 / UNITS), np.zeros((1, 10))]


def forward(weights, images, most, Q):
    """Rounded images (runs, workers, n, 64), what the ReLUs see, their rounded outputs, and the logits."""
    matrix, bias, last_matrix, last_bias = [part[:, None] for part in weights]  # (runs, 1, in, out)
    images = Q("input", images, 0.0, 1.0)
    hidden = images @ matrix + bias  # (runs, workers, n, units)
    outputs = Q("output", tf.nn.relu(hidden), 0.0, most["output"])
    return images, hidden, outputs, outputs @ last_matrix + last_bias  # logits (runs, workers, n, 10)


def worker_gradients(weights, images, targets, most, Q):
    """Each worker's gradient of its mean loss, (runs, workers, in, out) for each part of the weights."""
    images, hidden, outputs, logits = forward(weights, images, most, Q)
    wrong = (tf.nn.softmax(logits) - targets) * WORKERS / BATCH  # dL/dlogits (runs, workers, n, 10)
    wrong = Q("gradient", wrong, -most["logits"], most["logits"])
    back = tf.matmul(wrong, weights[2][:, None], transpose_b=True) * tf.cast(hidden > 0, tf.float64)  # dL/dhidden
    back = Q("gradient", back, -most["hidden"], most["hidden"])
    return [tf.matmul(images, back, transpose_a=True), tf.reduce_sum(back, axis=2, keepdims=True),
            tf.matmul(outputs, wrong, transpose_a=True), tf.reduce_sum(wrong, axis=2, keepdims=True)]


# %% [markdown]
# Without rounding the four workers' mean is the tape's gradient:

# %%
def exact(name, values, low, high):
    return values


learn, test, learn_labels, test_labels = data.digits(train=800, flat=True)
learn, test, targets = learn.astype(float), test.astype(float), np.eye(10)[learn_labels]
NO_RANGE = {"output": 0.0, "logits": 0.0, "hidden": 0.0}
shares = [part[:BATCH].reshape(1, WORKERS, BATCH // WORKERS, -1) for part in (learn, targets)]
with tf.GradientTape() as tape:
    variables = [tf.Variable(part[None]) for part in start(1)]
    *_, logits = forward(variables, shares[0], NO_RANGE, exact)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(shares[1], logits))
ours = [tf.reduce_mean(part, axis=1) for part in worker_gradients(variables, *shares, NO_RANGE, exact)]
differences = [np.abs(one - two).max() for one, two in zip(ours, tape.gradient(loss, variables), strict=True)]
print(f"largest difference from the tape's gradient: {max(differences):.1e}")

# %% [markdown]
# A range has to be chosen before there is anything to round. We train each seed exactly first and note the largest
# magnitude that each tensor ever takes: that is its range. Weights get the range from -2 to 2.

# %% tags=["demo"]
def batches(run_seeds):
    """Rows of the training set, (steps, runs, batch): runs of one seed see the same."""
    orders = {seed: np.random.default_rng(seed + 1).permuted(np.tile(np.arange(800), (STEPS * BATCH // 800, 1)), axis=1)
              for seed in set(run_seeds)}
    return tf.constant(np.stack([orders[seed].reshape(STEPS, BATCH) for seed in run_seeds], axis=1))


def shared(rows):
    """Images and targets of (runs, batch) rows, divided among the workers: (runs, workers, n, ...)."""
    return [tf.reshape(tf.gather(tf.constant(part), rows), (rows.shape[0], WORKERS, BATCH // WORKERS, -1))
            for part in (learn, targets)]


def stacked(run_seeds):
    return [tf.constant(np.stack(parts)) for parts in zip(*map(start, run_seeds), strict=True)]


def observe(run_seeds):
    """Exact training: the largest magnitude of each tensor, and the weights at the end."""
    weights, most = stacked(run_seeds), {"output": 0.0, "logits": 0.0, "hidden": 0.0, "sent": np.zeros(4)}
    for rows in batches(run_seeds):
        seen = {}
        sent = worker_gradients(weights, *shared(rows), NO_RANGE, lambda name, values, low, high: seen.setdefault(
            "output" if name == "output" else "hidden" if name == "gradient" and values.shape[-1] == UNITS else
            "logits" if name == "gradient" else "input", values))
        most = {name: max(most[name], float(tf.reduce_max(abs(seen[name])))) for name in NO_RANGE} | {
            "sent": np.maximum(most["sent"], [tf.reduce_max(abs(part)) for part in sent])}
        weights = [w - RATE * tf.reduce_mean(part, axis=1) for w, part in zip(weights, sent, strict=True)]
    return most, weights


# %% [markdown]
# Then the real thing: a run for each class, width and seed, 325 networks side by side, once for each rounding. A last
# experiment will give all numbers one common range.

# %% tags=["demo"] waits=["quantize"]
WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 32]
CASES = [(number, bits, seed) for number in range(5) for bits in WIDTHS for seed in seeds(5)]


def train(most, stochastic, model=2.0):
    """Test accuracy (classes, widths, seeds) in per cent; `most` gives the ranges, of the weights `model`."""
    run_seeds, widths = [seed for *_, seed in CASES], np.full((len(CASES), 5), 52.0)
    for run, (number, bits, _) in enumerate(CASES):
        widths[run, number] = bits
    generator = tf.random.Generator.from_seed(run_seeds[0])

    def Q(name, values, low, high):
        bits = tf.constant(widths[:, CLASSES.index(name)].reshape(-1, *[1] * (len(values.shape) - 1)))
        noise = generator.uniform(tf.shape(values), dtype=tf.float64) if stochastic else 0.5
        return quantize(values, low, high, bits, noise)

    @tf.function
    def loop(weights):
        for rows in batches(run_seeds):
            gradients = worker_gradients(weights, *shared(rows), most, Q)
            sent = [tf.reduce_mean(Q("communication", part, -top, top), axis=1)
                    for part, top in zip(gradients, most["sent"], strict=True)]
            weights = [Q("model", w - RATE * part, -model, model) for w, part in zip(weights, sent, strict=True)]
        return weights

    *_, logits = forward(loop(stacked(run_seeds)), np.broadcast_to(test, (len(CASES), 1, *test.shape)), most, Q)
    return 100 * np.mean(np.argmax(logits[:, 0], axis=-1) == test_labels, axis=-1).reshape(5, len(WIDTHS), 5)


# %% tags=["demo"] waits=["quantize"]
most, weights = observe(seeds(5))
*_, logits = forward(weights, test[None, None], NO_RANGE, exact)
full = 100 * np.mean(np.argmax(logits[:, 0], axis=-1) == test_labels, axis=-1)  # (5,)
print(f"exact: {full.mean():.1f}% right; largest:", {name: np.round(top, 2).tolist() for name, top in most.items()})
lost = {"nearest": full - train(most, stochastic=False), "stochastic": full - train(most, stochastic=True)}
for (name, points), ax in zip(lost.items(), plots.panels(2), strict=True):
    plots.line(WIDTHS, {kind: np.clip(points[row].T, -1, 40) for row, kind in enumerate(CLASSES)}, log="x",
               xlabel="bits", ylabel="accuracy lost (points; cut at 40)", title=name, ax=ax)
    ax.set_xticks([1, 2, 4, 8, 16, 32], [1, 2, 4, 8, 16, 32])

# %% [markdown]
# ### Exercise 2 (3 points): read the curves
#
# How many bits are enough? Not the first width that happens to lose little: all wider ones have to lose little, too.
# Give the smallest width from which on the mean over the seeds never exceeds `tolerance`.

# %% nbgrader={"grade": false, "grade_id": "enough_bits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def enough_bits(widths: list[int], lost: np.ndarray, tolerance: float = 1.0) -> int:
    """The smallest of `widths` such that there and at every larger one the mean loss is at most `tolerance`.

    widths: rising, (n,). lost: accuracy lost in points, (n, seeds). At the last width it is within the tolerance.
    """
    ### BEGIN SOLUTION
    too_much = np.flatnonzero(lost.mean(axis=1) > tolerance)
    return widths[too_much[-1] + 1 if len(too_much) else 0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "enough_bits_falling", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a falling curve, two seeds that differ",
      enough_bits([1, 2, 4, 8], np.array([[9.0, 5], [2, 4], [0, 1.8], [0, 0]])), expected=4)
### BEGIN HIDDEN TESTS
curves = np.sort(check.rng().uniform(0.0, 3.0, size=(6, 5, 3)), axis=1)[:, ::-1]
curves[:, -1], curves[1] = 0, curves[1] / 5
check("falling curves", [enough_bits([1, 3, 5, 7, 9], curve) for curve in curves])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "enough_bits_bumps", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("lucky at 2 bits, lost again at 4",
      enough_bits([1, 2, 4, 8, 16], np.array([[9.0], [0.5], [3], [0.4], [0.1]])), expected=8)
### BEGIN HIDDEN TESTS
curves = check.rng().uniform(0.0, 2.0, size=(8, 7, 4))
curves[:, -1] = 0
check("any curves", [enough_bits([1, 2, 3, 4, 8, 16, 32], curve, tolerance=0.9) for curve in curves])
### END HIDDEN TESTS

# %% [markdown]
# The deck ranks gradients first. Its formats were often *one* for all: a fixed-point unit has its point in one place.
# So we train once more with one range for everything but the inputs, from -8 to 8, which the largest outputs need.
# **Predict** which class this changes most.

# %% tags=["demo"] waits=["quantize", "enough_bits"]
one_range = {"output": 8.0, "logits": 8.0, "hidden": 8.0, "sent": np.full(4, 8.0)}
lost["nearest, one range"] = full - train(one_range, stochastic=False, model=8.0)
enough = {name: [enough_bits(WIDTHS, curve) for curve in points] for name, points in lost.items()}
plots.table(["bits that are enough (1 point)", *CLASSES], [[name, *bits] for name, bits in enough.items()])

# %% [markdown]
# In each row the *model* numbers need the most: a weight is the sum of hundreds of small updates, and each has to
# survive. Stochastic rounding helps, since it loses none of them on average. It helps the gradients, too: whatever
# noise it adds to one example, the sum over a batch averages most of it out. And gradients pay for the common range.
# They are at most a thirtieth of it, so their first bits are always the same. What the slide says of their
# *precision* is true of their *range*, and that is what floating point and loss scaling (week 5) are for.
#
# ### Exercise 3 (4 points): one bit, and a memory
#
# How narrow can communication be? Seide et al. (2014) send one bit a number: its sign. The receiver multiplies by the
# mean magnitude, one number for the whole tensor. What was lost in rounding is not forgotten but *added to the next
# gradient* before that is rounded: error feedback.
#
# $$c_t = g_t + e_t, \qquad m_t = \tfrac1n \textstyle\sum_i |c_{t,i}| \cdot \operatorname{sign}(c_t), \qquad
# e_{t+1} = c_t - m_t .$$

# %% nbgrader={"grade": false, "grade_id": "send", "locked": false, "schema_version": 3, "solution": true, "task": false}
def send(gradient, memory):
    """The message m and the new memory e, two tensors (..., in, out), from gradient and memory of that shape.

    The mean runs over the last two axes, one tensor of one worker. Use TensorFlow's functions.
    """
    ### BEGIN SOLUTION
    corrected = gradient + memory
    message = tf.sign(corrected) * tf.reduce_mean(tf.abs(corrected), axis=(-2, -1), keepdims=True)
    return message, corrected - message
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "send_once", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("signs times the mean magnitude", send(np.array([[3.0, -1.0]]), np.zeros((1, 2)))[0], expected=[[2, -2]])
check("what was lost", send(np.array([[3.0, -1.0]]), np.zeros((1, 2)))[1], expected=[[1, 1]])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("two workers' messages", send(rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)))[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "send_again", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the memory turns a sign", send(np.array([[1.0, -1.0]]), np.array([[0.0, 3.0]]))[0], expected=[[1.5, 1.5]])
### BEGIN HIDDEN TESTS
memory, rng, total = np.zeros((3, 4)), check.rng(), 0
for gradient in rng.normal(size=(5, 3, 4)):
    message, memory = send(gradient, memory)
    total += np.asarray(message)
check("sum of five messages", total)
check("memory after five messages", memory)
### END HIDDEN TESTS

# %% [markdown]
# Nothing is lost in the long run: all messages add up to all gradients but for the last memory. Ten networks, five
# seeds with the memory and five that forget:

# %% tags=["demo"] waits=["send"]
def train_on_signs(run_seeds, remember):
    keep = tf.constant(np.reshape(remember, (-1, 1, 1, 1)).astype(float))

    @tf.function
    def loop(weights):
        memories = [tf.zeros((len(run_seeds), WORKERS, *w.shape[1:]), tf.float64) for w in weights]
        for rows in batches(run_seeds):
            gradients = worker_gradients(weights, *shared(rows), NO_RANGE, exact)
            sent, memories = zip(*[send(g, keep * e) for g, e in zip(gradients, memories, strict=True)], strict=True)
            weights = [w - RATE * tf.reduce_mean(part, axis=1) for w, part in zip(weights, sent, strict=True)]
            memories = list(memories)
        return weights

    *_, logits = forward(loop(stacked(run_seeds)), test[None, None], NO_RANGE, exact)
    return 100 * np.mean(np.argmax(logits[:, 0], axis=-1) == test_labels, axis=-1)


one_bit = train_on_signs(seeds(5) * 2, [False] * 5 + [True] * 5).reshape(2, 5)
forgets, remembers = (stats.mean_interval(full - values) for values in one_bit)
plots.table(["one bit a number", "accuracy lost (points)", "95% half-width"],
            [["signs alone", *forgets], ["signs with error feedback", *remembers]])

# %% tags=["demo"] waits=["quantize", "enough_bits", "send"]
free = stats.mean_interval(lost["nearest"][4, WIDTHS.index(16)])
gradient, model = CLASSES.index("gradient"), CLASSES.index("model")
claim(
    "five-classes-of-numbers",
    measured={f"bits that are enough, {name}: " + ", ".join(CLASSES): bits for name, bits in enough.items()}
    | {"lost with 16 bits of communication (points), 95% half-width": free,
       "lost with one bit: signs alone, with error feedback (points)": [forgets[0], remembers[0]]},
    holds=abs(free[0]) < 0.5 and all(bits[gradient] >= max(bits) for bits in enough.values()),
    because="16 bits of communication cost nothing; but the weights, sums of many small updates, need more bits than "
    "the gradients, with ranges that fit and with one for all",
)

# %% [markdown]
# One half of the slide holds: 16 bits of communication cost nothing, and half of them would do. The other half does
# not: weights need more bits than gradients do. The slide's 2 to 8 bits for model numbers are those of a network in
# use, or of copies of the weights for the forward pass; what is *updated* has to be wider.
#
# **How this could be wrong.** The network is shallow: in a deep one gradients differ from layer to layer by orders of
# magnitude, and one range for all of them costs more. Ranges were read off an exact run of the same seeds, which nobody
# has in practice; they are then estimated on the way. One class was rounded at a time, and errors may add up when all
# are. Widths are compared by a point of accuracy of 997 digits and five seeds, so neighbours in the table may swap.
#
# **Often mistaken.** A narrow *copy* of the weights for the products is not narrow model numbers: mixed-precision
# training keeps a 32-bit master copy, for just the reason that the climbing weight showed. **Practice has moved on** to
# floats of 8 bits, with 4 of exponent forwards and 5 backwards, since gradients need range, and a scale for every block
# of 32 numbers. One bit with error feedback lives on in large clusters (1-bit Adam, 2021).

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Rounding is cheap where errors average out, and dear where they stay: in the weights.
# - Ask for the range before you count bits. Gradients are small, so a common range wastes the first of theirs.
# - Stochastic rounding is right on average, and keeps updates that nearest rounding loses every time.
#
# ## At full scale
#
# | where | what | widths | cost |
# |---|---|---|---|
# | this laptop | 2,400 weights, 325 networks at once | 1 to 32 bits, one class at a time | seconds |
# | one GPU | a ResNet-50 in mixed precision | products in 16 bits, weights and sums in 32 | hours, half of float32's |
# | the papers | De Sa et al. 2017 (the five classes, *DMGC*); Seide et al. 2014 (speech, 1 bit) | 8; 1 | 8 GPUs |
#
# Next: notebook 5 skips work instead of making it cheaper.

# %%
dlcourse.submit()
