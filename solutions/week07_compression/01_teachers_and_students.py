# %% [markdown]
# # 1 · Teachers and students
#
# *Applications* (Goodfellow 2016, 2018) and *NCTU Deep Learning*, week 9, slide "Model Compression". *Practical Deep
# Learning*, week 5, on "Distilling the knowledge in a neural network" (Hinton, Vinyals and Dean 2015).
#
# **You should know** cross-entropy and its gradient at the logits (`loss-functions`), softmax and its temperature
# (`softmax-temperature`), dropout (`dropout`). **You will have built** an ensemble and a large dropout network, the
# loss of distillation and its gradient, students that beat direct training, a student that knows a digit it has never
# seen, and a generalist with specialists.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1, notebook 3) What is the gradient of the cross-entropy $-\sum_i p_i \log q_i$ at the logits $z$, where
#    $q = \operatorname{softmax}(z)$?
# 2. (Week 2) The logits of a trained network are divided by 4 before the softmax. Which class wins now, and what
#    happens to the probabilities of the others?
#
# <details><summary>Answers</summary>
#
# 1. $q - p$, whether $p$ is a label or any other distribution. Today $p$ is another network's output.
# 2. The same class, since order does not change. Its probability falls and the others' rise: the softmax is softer.
#
# </details>

# %%
dlcourse.setup("week07/01_teachers_and_students", seed=71)

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, sprites, stats
from scipy.special import log_softmax, softmax
from sklearn.cluster import KMeans

# %% [markdown] topic="ensemble-and-dropout-teacher"
# ## Large models have lower test error
#
# "Large models often have lower test error: Very large model trained with dropout. Ensemble of many models. Want small
# model for low resource use at test time." (*Applications*.) First the large ones, without asking what they cost.
#
# All networks of this notebook are linear, ReLU, linear. Hundreds of small ones are trained as one: their weights are
# stacked along a first axis, and a matrix product treats each slice by itself. So sixteen repetitions of an
# experiment cost little more than one.

# %%
def start(nets, inputs, units, classes, seed, distinct=None):
    """Weights W, b, V, c of `nets` networks; the `distinct` different starts are repeated in turn."""
    rng, distinct = np.random.default_rng(seed), distinct or nets
    drawn = [rng.normal(0, np.sqrt(2 / rows), size=(distinct, rows, columns))
             for rows, columns in [(inputs, units), (units, classes)]]
    W, V = (np.resize(matrix, (nets, *matrix.shape[1:])) for matrix in drawn)
    return [tf.Variable(tf.cast(part, tf.float32)) for part in (W, np.zeros((nets, 1, units)),
                                                                V, np.zeros((nets, 1, classes)))]


def logits(weights, images, mask=1.0):
    """Logits (nets, n, classes) of images (nets, n, inputs)."""
    W, b, V, c = weights
    return tf.nn.relu(images @ W + b) * mask @ V + c


# %% [markdown]
# The targets are probabilities, one row an image: a label is a row with a single 1. `temperature` stays at 1 until
# there is a teacher. Networks in a stack may differ in it and in their weight `decay`.

# %%
def train(images, targets, units, seed, *, temperature=1.0, drop=0.0, decay=3e-3, steps=1200, rate=5e-3, distinct=None):
    """Weights of stacked networks: network i learns targets[i] (n, classes) of images[i] (n, inputs), by Adam."""
    nets, count, inputs = images.shape
    temperature, images, targets = (tf.cast(part, tf.float32) for part in (temperature, images, targets))
    temperature = tf.reshape(temperature, (-1, 1, 1))  # (nets, 1, 1) or (1, 1, 1)
    weights, random = start(nets, inputs, units, targets.shape[-1], seed, distinct), tf.random.Generator.from_seed(seed)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(rate, steps, 0.0))
    optimizer.build(weights)

    @tf.function
    def loop():
        for _ in tf.range(steps):
            rows = random.uniform((nets, 50), maxval=count, dtype=tf.int32)
            x, p = (tf.gather(part, rows, batch_dims=1) for part in (images, targets))  # (nets, 50, ...)
            with tf.GradientTape() as tape:
                kept = random.uniform((nets, 50, units)) >= drop if drop else True
                z = logits(weights, x, tf.cast(kept, tf.float32) / (1 - drop))
                losses = temperature[..., 0]**2 * tf.nn.softmax_cross_entropy_with_logits(p, z / temperature)
                penalty = decay * sum(tf.reduce_sum(w**2, axis=(1, 2)) for w in weights[::2])  # (nets,)
                loss = tf.reduce_sum(tf.reduce_mean(losses, axis=1) + penalty)
            optimizer.apply(tape.gradient(loss, weights), weights)

    loop()
    return weights


# %% [markdown]
# The data are digits, and labels are few: 100 with a label and 1,697 to test on, in sixteen different splits. The
# small network has 12 hidden units and 910 weights. Before anything is compared with it, it gets the weight decay that
# is best for it.

# %% tags=["demo"]
repeats, eye = 16, np.eye(10, dtype=np.float32)
splits = [data.digits(train=100, flat=True, seed=seed) for seed in seeds(repeats)]
few, others, labels, answers = (np.stack(parts) for parts in zip(*splits, strict=True))  # (16, 100, 64), (16, 1697, 64)
one_hot = eye[labels]  # (16, 100, 10)


def error(z, truth):
    """Test error (%) of each network, from its logits or probabilities (..., n, 10)."""
    return 100 * np.mean(np.argmax(z, axis=-1) != truth, axis=-1)


decays = [0, 1e-3, 3e-3, 1e-2, 3e-2]
weights = train(np.tile(few, (5, 1, 1)), np.tile(one_hot, (5, 1, 1)), 12, seeds(1)[0],
                decay=np.repeat(np.float32(decays), repeats), distinct=repeats)
errors = error(tf.reshape(logits(weights, np.tile(others, (5, 1, 1))), (5, repeats, -1, 10)), answers).mean(axis=1)
plots.table(["weight decay", "test error of the small network (%)"], list(zip(decays, errors, strict=True)))

# %% [markdown]
# All small networks below have a decay of 0.003. (0.01 is as good: over the 256 networks that we train next, both
# come to the same error.) The test set chose it, which can only favour the small network that we try to beat.
#
# ### Exercise 1 (4 points): three ways to ask an ensemble
#
# An ensemble's members give logits $z^{(m)}$. Return the class probabilities of the whole by one of three rules.
# "arithmetic": the mean of the members' probabilities. "geometric": the geometric mean of the members' probabilities,
# divided by its sum so that it adds up to 1. "votes": the share of members that give the class the largest logit.

# %% nbgrader={"grade": false, "grade_id": "combine", "locked": false, "schema_version": 3, "solution": true, "task": false}
def combine(logits: np.ndarray, rule: str) -> np.ndarray:
    """Probabilities (n, classes) of an ensemble from its members' logits (members, n, classes).

    rule is "arithmetic", "geometric" or "votes".
    """
    ### BEGIN SOLUTION
    if rule == "arithmetic":
        return softmax(logits, axis=-1).mean(axis=0)
    if rule == "geometric":
        return softmax(log_softmax(logits, axis=-1).mean(axis=0), axis=-1)
    return np.eye(logits.shape[-1])[logits.argmax(axis=-1)].mean(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "combine_arithmetic", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
two = np.log([[[0.9, 0.1]], [[0.2, 0.8]]])  # (2 members, 1 image, 2 classes)
check("arithmetic: the mean of 0.9 and 0.2", combine(two, "arithmetic"), expected=[[0.55, 0.45]])
### BEGIN HIDDEN TESTS
check("arithmetic, any members", combine(3 * check.rng().normal(size=(5, 4, 3)), "arithmetic"))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "combine_geometric", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("geometric: in proportion to the roots of 0.18 and 0.08", combine(two, "geometric"), expected=[[0.6, 0.4]])
### BEGIN HIDDEN TESTS
check("geometric, any members", combine(3 * check.rng().normal(size=(5, 4, 3)), "geometric"))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "combine_votes", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
three = np.log([[[0.9, 0.1]], [[0.2, 0.8]], [[0.4, 0.6]]])
check("votes: two of three members", combine(three, "votes"), expected=[[1 / 3, 2 / 3]])
### BEGIN HIDDEN TESTS
check("votes, any members", combine(3 * check.rng().normal(size=(7, 6, 4)), "votes"))
### END HIDDEN TESTS

# %% [markdown]
# Now train: for each split sixteen small networks, which differ in their start and in their minibatches only; a large
# network of 512 units with dropout; and the same without. Predict the order of the test errors.

# %% tags=["demo"]
small = train(np.repeat(few, 16, axis=0), np.repeat(one_hot, 16, axis=0), 12, seeds(1)[0])
member = logits(small, np.repeat(others, 16, axis=0)).numpy().reshape(repeats, 16, -1, 10)
dropout, plain = (train(few, one_hot, 512, seeds(1)[0], drop=drop, decay=decay, steps=300, rate=0.003)
                  for drop, decay in [(0.5, 0.0), (0.0, 3e-3)])

# %% tags=["demo"] waits=["combine"]
found = {f"16 of 12 units, {rule}": np.stack([combine(each, rule) for each in member])
          for rule in ["arithmetic", "geometric", "votes"]}
found |= {"512 units, dropout 0.5": logits(dropout, others), "512 units, no dropout": logits(plain, others)}
found = {"one of 12 units": error(member, answers[:, None]).mean(axis=1)} | {
    name: error(outputs, answers) for name, outputs in found.items()}  # each (16,)
gains = {name: stats.mean_interval(found["one of 12 units"] - errors) for name, errors in found.items()}
counts = [910, *[16 * 910] * 3, *[64 * 512 + 512 + 512 * 10 + 10] * 2]
plots.table(["model", "weights", "test error (%)", "below the small one (points)", "95% half-width"],
            [[name, count, errors.mean(), *gains[name]]
             for (name, errors), count in zip(found.items(), counts, strict=True)])

# %% [markdown]
# ### Why averaging helps
#
# For squared error there is an identity (Krogh and Vedelsby 1995). With $\bar p$ the members' mean and $y$ the label,
#
# $$\lVert \bar p - y \rVert^2 = \frac1M \sum_m \lVert p^{(m)} - y \rVert^2 - \frac1M \sum_m \lVert p^{(m)} - \bar p
# \rVert^2.$$
#
# The ensemble's error is the members' mean error less their *diversity*: members that agree gain nothing. A dropout
# network is an ensemble too, of all the networks that a mask can leave. Scaling the weights stands for their average in
# one pass; we also average over masks that are drawn at test time. How many masks until the average is as good?

# %% tags=["demo"] waits=["combine"]
p, truth = softmax(member, axis=-1), eye[answers][:, None]  # (16, 16, 1697, 10), (16, 1, 1697, 10)
mean = p.mean(axis=1, keepdims=True)
parts = [np.mean(np.sum(part**2, axis=-1)) for part in (mean - truth, p - truth, p - mean)]
sizes, masks = [1, 2, 4, 8, 16], [1, 2, 4, 8, 16]
by_size = np.stack([error(p.reshape(repeats, -1, size, 1697, 10).mean(axis=2), answers[:, None]).mean(axis=1)
                    for size in sizes], axis=1)  # (16, sizes)
rng = np.random.default_rng(seeds(1)[0])
drawn = 2 * rng.integers(2, size=(16, repeats, 1, 512)).astype(np.float32)  # one subnetwork for all images
averaged = np.cumsum([tf.nn.softmax(logits(dropout, others, mask)) for mask in drawn], axis=0)  # (16, 16, 1697, 10)
left, right = plots.panels(2)
plots.line(sizes, by_size - by_size[:, :1], xlabel="members of 12 units", log="x", ax=left,
           ylabel="test error beside one member (points)")
plots.line(masks, np.stack([error(averaged[count - 1], answers) for count in masks], axis=1)
           - found["512 units, dropout 0.5"][:, None], xlabel="masks of 512 units", log="x", ax=right,
           ylabel="test error beside scaled weights (points)")

# %% [markdown]
# In Keras an ensemble is a model with an `Average` layer. Two members, once by hand and once so:

# %%
def keras_network(weights, net=0):
    """Network `net` of a stack as a Keras model that gives logits."""
    W, b, V, c = (part[net].numpy() for part in weights)
    model = keras.Sequential([keras.Input((len(W),)), keras.layers.Dense(W.shape[1], "relu"),
                              keras.layers.Dense(V.shape[1])])
    model.set_weights([W, b[0], V, c[0]])
    return model


images, pair = np.random.default_rng(0).random((8, 64), dtype=np.float32), start(2, 64, 12, 10, seed=1)
picture = keras.Input((64,))
average = keras.layers.Average()([keras.layers.Softmax()(keras_network(pair, net)(picture)) for net in range(2)])
by_keras = keras.Model(picture, average)(images)  # (8, 10)
by_hand = softmax(logits(pair, np.stack([images] * 2)), axis=-1).mean(axis=0)
print(f"largest difference: {np.abs(by_keras - by_hand).max():.1e}")

# %% tags=["demo"] waits=["combine"]
both = [gains[name] for name in ["16 of 12 units, arithmetic", "512 units, dropout 0.5"]]
claim(
    "ensemble-and-dropout-teacher",
    measured={"test error (%): " + "; ".join(found): [errors.mean() for errors in found.values()],
              "ensemble below small (points), 95% half-width": both[0],
              "dropout below small (points), 95% half-width": both[1],
              "squared error of the ensemble; of its members; diversity": parts},
    holds=all(gain > half_width for gain, half_width in both) and abs(parts[0] - parts[1] + parts[2]) < 1e-5,
    because="sixteen small networks and one large one with dropout both make fewer test errors than a small one",
)

# %% [markdown]
# Both large models win. How the members are asked matters little: the three rules come within about a tenth of a
# point. Half of the ensemble's gain is there with two members. The members are much alike, so their diversity is a
# twentieth of their error; what would make them less alike (other data, other widths) would gain more. Scaled weights
# are at least as good as the average over 16 masks, at a sixteenth of the cost.
#
# **How this could be wrong.** Is it the dropout, or the size? The control without it comes close: on 100 images most
# of the gain is the size's. The sixteen splits share their digits, so the interval is somewhat too narrow. **Often
# mistaken**: dropout at test time is off unless one asks for it; left on by accident it costs what the right picture
# shows at one mask. **Practice has moved on**: where an ensemble's cost at test time hurts, the weights of networks
# that began alike are averaged instead of their outputs (Wortsman et al. 2022, "Model soups").

# %% [markdown] topic="distillation"
# ## Distillation
#
# "Train a small model to mimic the large one. Obtains better test error than directly training a small model."
# (*Applications*.) Hinton, Vinyals and Dean do it with *soft targets*. With the teacher's logits $v$, the student's
# $z$ and a temperature $T$,
#
# $$p_i = \frac{e^{v_i/T}}{\sum_j e^{v_j/T}}, \qquad q_i = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}, \qquad
# L = (1 - \lambda)\, H(y, \operatorname{softmax}(z)) + \lambda\, T^2\, \mathrm{KL}(p \,\Vert\, q).$$
#
# $y$ is the label where there is one. The teacher's largest probability says what the label would say. The others say
# more: which wrong classes this image resembles. At $T = 1$ they are too small to matter; a higher $T$ shows them. The
# teacher is the dropout network. It gets image D wrong: what does it say besides?

# %% tags=["demo"]
teacher_logits = logits(dropout, others).numpy()  # (16, 1697, 10)
missed = np.flatnonzero(teacher_logits[0].argmax(axis=1) != answers[0])
rows = [np.flatnonzero(answers[0] == digit)[2] for digit in [2, 3, 9]] + [missed[0]]
plots.images(others[0, rows].reshape(-1, 8, 8), titles=[*map("{}: a {}".format, "ABCD", answers[0, rows])])
for T, ax in zip([1, 4], plots.panels(2), strict=True):
    plots.heat(100 * softmax(teacher_logits[0, rows] / T, axis=-1).round(3), rows=("image", "ABCD"),
               columns=("digit", range(10)), label="probability (%)", title=f"$T = {T}$", ax=ax)

# %% [markdown]
# By hand, and the same in Keras, whose `Distiller` (3.12 and later) trains a student beside a frozen teacher.

# %%
def distillation_loss(true_labels, student, teacher, temperature, soft_weight=0.5):
    """Mean loss of a batch: true_labels (n,), logits student and teacher (n, classes); soft_weight is lambda."""
    log_p = tf.nn.log_softmax(teacher / temperature)  # (n, classes)
    log_q = tf.nn.log_softmax(student / temperature)
    soft_term = temperature**2 * tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1)  # (n,)
    hard_term = tf.nn.sparse_softmax_cross_entropy_with_logits(true_labels, student)  # (n,)
    return tf.reduce_mean((1 - soft_weight) * hard_term + soft_weight * soft_term)


# %% tags=["demo"]
master, pupil, twin = map(keras_network, [dropout, start(1, 64, 12, 10, 3), start(1, 64, 12, 10, 3)])
batch, wanted = few[0, :32], labels[0, :32]
for divergence in ["kl_divergence", keras.losses.KLDivergence()]:
    soft_loss = keras.distillation.LogitsDistillation(temperature=4.0, loss=divergence)
    by_hand = distillation_loss(wanted, pupil(batch), master(batch), temperature=4.0, soft_weight=1.0)
    print(f"soft term: Keras {soft_loss.compute_loss(master(batch), pupil(batch)):.5f}, by hand {by_hand:.5f}")
with tf.GradientTape() as tape:
    loss = distillation_loss(wanted, pupil(batch), master(batch), temperature=4.0)
keras.optimizers.SGD(0.1).apply(tape.gradient(loss, pupil.trainable_weights), pupil.trainable_weights)
distiller = keras.distillation.Distiller(master, twin, soft_loss, student_loss_weight=0.5)
distiller.compile(keras.optimizers.SGD(0.1), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
distiller.train_on_batch(batch, wanted)
apart = max(np.abs(ours - theirs).max() for ours, theirs in zip(pupil.get_weights(), twin.get_weights(), strict=True))
print(f"largest difference of the weights after one step of each: {apart:.1e}")

# %% [markdown]
# The first line is no rounding error. With the default `loss="kl_divergence"`, Keras 3.13.2 and 3.15.1 put the logits
# themselves into the divergence, without softmax and without $T^2$: the branch that does it right asks for the class,
# and the name gives a function. Pass `keras.losses.KLDivergence()`. The label's loss has a trap of the same kind: the
# bare name "sparse_categorical_crossentropy" takes the student's logits for probabilities. Neither says a word; a
# number computed by hand finds both.
#
# ### Exercise 2 (4 points): what the teacher's temperature does to the gradient
#
# Derive the gradient of the soft term with respect to the student's logits, by hand: the mean over a batch of
# $T^2\, \mathrm{KL}(p \Vert q)$, with $p$ and $q$ as above. Start from the gradient of question 1 and apply the chain
# rule to $z / T$. No tape is needed: the function is two or three lines.

# %% nbgrader={"grade": false, "grade_id": "soft_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def soft_gradient(student_logits: np.ndarray, teacher_logits: np.ndarray, temperature: float) -> np.ndarray:
    """Gradient (n, classes) of the batch's mean of T**2 KL(p || q) with respect to student_logits (n, classes)."""
    ### BEGIN SOLUTION
    p, q = (softmax(logits / temperature, axis=-1) for logits in (teacher_logits, student_logits))
    return temperature * (q - p) / len(p)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "soft_gradient_one", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
z, v = np.log([[0.5, 0.5]]), np.log([[0.8, 0.2]])
check("one image, T = 1: q - p", soft_gradient(z, v, 1.0), expected=[[-0.3, 0.3]])
check("one image, T = 2: p is (2/3, 1/3)", soft_gradient(z, v, 2.0), expected=[[-1 / 3, 1 / 3]])
### BEGIN HIDDEN TESTS
z, v = check.rng().normal(0, 3, size=(2, 1, 6))
check("one image, several temperatures", [soft_gradient(z, v, temperature) for temperature in [0.5, 3.0, 20.0]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "soft_gradient_batch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
z, v = np.log([[0.5, 0.5], [0.8, 0.2]]), np.log([[0.8, 0.2], [0.8, 0.2]])
check("two images, T = 1: the mean's gradient", soft_gradient(z, v, 1.0), expected=[[-0.15, 0.15], [0, 0]])
### BEGIN HIDDEN TESTS
z, v = check.rng().normal(0, 3, size=(2, 7, 5))
check("seven images, several temperatures", [soft_gradient(z, v, temperature) for temperature in [0.5, 3.0, 20.0]])
### END HIDDEN TESTS

# %% [markdown]
# Without the factor $T^2$ the gradient would shrink as $1/T^2$; with it, labels and soft targets keep their shares
# when $T$ changes. For large $T$ there is a limit: $e^{z_i/T} \approx 1 + z_i/T$, so the gradient of one image tends to
#
# $$\frac1N \bigl((z_i - \bar z) - (v_i - \bar v)\bigr),$$
#
# with $N$ classes and the means $\bar z$, $\bar v$ over classes: least squares on centred logits (equations 2 to 4 of
# the paper). How large must $T$ be for that? Beside it, the tape's word on the derivation.

# %% tags=["demo"] waits=["soft_gradient"]
z = tf.Variable(member[0, 0, :100])  # (100, 10), the small network's
v, temperatures = teacher_logits[0, :100], 2.0 ** np.arange(9)
with tf.GradientTape() as tape:
    loss = distillation_loss(answers[0, :100], z, v, temperature=4.0, soft_weight=1.0)
print(f"difference from the tape: {np.abs(tape.gradient(loss, z) - soft_gradient(z.numpy(), v, 4.0)).max():.1e}")
limit = (z - v - tf.reduce_mean(z - v, axis=1, keepdims=True)).numpy() / 10 / 100
gap = [np.linalg.norm(soft_gradient(z.numpy(), v, T) - limit) / np.linalg.norm(limit) for T in temperatures]
plots.line(temperatures, 100 * np.array(gap), xlabel="temperature $T$", ylabel="distance from the limit (%)", log="xy")

# %% [markdown]
# ### The student
#
# Of the 1,697 other images of each split, 897 become the *transfer set*: the teacher sees the images, nobody sees
# their labels. The other 800 are for testing. All students have 12 units, the same starts and the same decay; what
# they are told differs. Three controls: labels smoothed by 0.1 (softness without a teacher), the teacher's first
# choice as a label (a teacher without softness), and soft targets on the 100 images alone (a teacher without new
# images). Predict which counts for more here, the softness or the images.

# %% tags=["demo"]
transfer, test, known = np.concatenate([few, others[:, :897]], axis=1), others[:, 897:], answers[:, 897:]
v = logits(dropout, transfer).numpy()  # (16, 997, 10)
true, tried = np.concatenate([labels, answers[:, :897]], axis=1), [1, 2, 4, 8]


def students(images, lessons, units=12):
    """Logits (16, 800, 10) on the test images for each lesson: {name: (targets (16, n, 10), temperature)}."""
    targets, temperatures = zip(*lessons.values(), strict=True)
    weights = train(np.tile(images, (len(lessons), 1, 1)), np.concatenate(targets), units, seeds(1)[0] + 1,
                    temperature=np.repeat(temperatures, repeats), distinct=repeats)
    return dict(zip(lessons, np.split(logits(weights, np.tile(test, (len(lessons), 1, 1))), len(lessons)), strict=True))


def soft(v, temperatures):
    return {f"T = {T}": (softmax(v / T, axis=-1), T) for T in temperatures}


of_100 = {"labels": (one_hot, 1), "labels, smoothed": (0.9 * one_hot + 0.01, 1)} | soft(v[:, :100], [4])
of_997 = {"true labels": (eye[true], 1), "first choice of the teacher": (eye[v.argmax(axis=-1)], 1)} | soft(v, tried)
told = {(100, name): error(z, known) for name, z in students(few, of_100).items()}
told |= {(997, name): error(z, known) for name, z in students(transfer, of_997).items()}
direct = told[100, "labels"]
plots.table(["images", "told", "test error (%)", "below direct training (points)", "95% half-width"],
            [[*lesson, errors.mean(), *stats.mean_interval(direct - errors)] for lesson, errors in told.items()]
            + [["", "the teacher", error(logits(dropout, test), known).mean(), "", ""]])

# %% [markdown]
# The student beats direct training by about a point, and comes near its teacher. The reason is not the one most often
# given. On the 100 images alone soft targets help less, and smoothed labels next to nothing. With 897 more images the
# teacher's first choice does as well as any soft target, and $T = 1$ better than a higher temperature. What the
# student gains here is the images: the teacher makes labels for those that have none. (True labels would have gained
# far more; the difference is what the teacher does not know.)
#
# Hinton, Vinyals and Dean found that a student too small for all that the teacher knows does best at intermediate
# temperatures, since a high one makes it match even the logits of classes that are out of the question. Students of
# three sizes, against $T$:

# %% tags=["demo"]
sweep = {n: [error(z, known).mean() for z in students(transfer, soft(v, tried), n).values()] for n in [8, 32]}
plots.line(tried, {"8 units": sweep[8], "12 units": [told[997, f"T = {T}"].mean() for T in tried],
                   "32 units": sweep[32]}, xlabel="temperature $T$", ylabel="test error (%)", log="x")

# %% [markdown]
# The smallest student suffers most from a high temperature, as the paper says. That an intermediate one is best we do
# not find: here $T = 1$ is, for every size. (With each temperature at its own best of four decays, 1, 2 and 4 kept
# this order.) So is the temperature good for nothing?
#
# ### A digit that the student never sees
#
# What softness carries shows when the images cannot carry it. We take all threes out of the transfer set, as the
# paper does: the student never sees one, and its logit for 3 comes out too low. The paper raises the bias of that class
# until the result is best. We may do so without labels: one digit in ten is a three, so the bias is raised until
# one test image in ten is called a three.
#
# ### Exercise 3 (4 points): the bias shift
#
# Return the smallest number which, added to every image's logit of class `absent`, makes that logit at least as large
# as all others in at least `count` images. It may be negative.

# %% nbgrader={"grade": false, "grade_id": "bias_shift", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bias_shift(logits: np.ndarray, absent: int, count: int) -> float:
    """Smallest shift of logits[:, absent] that makes it largest in `count` of the n rows; logits is (n, classes)."""
    ### BEGIN SOLUTION
    others = np.delete(logits, absent, axis=1)  # (n, classes - 1)
    return float(np.sort(others.max(axis=1) - logits[:, absent])[count - 1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bias_shift_raised", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
low = np.array([[4.0, 0.0, 1.0], [1.0, 0.0, 6.0], [2.0, 0.0, 3.0]])  # class 1 lacks 4, 6 and 3
check("class 1 in one image, in two, in all", [bias_shift(low, 1, count) for count in [1, 2, 3]], expected=[3, 4, 6])
### BEGIN HIDDEN TESTS
z = check.rng().normal(0, 2, size=(40, 6)) - 9 * np.eye(6)[4]
check("a class that is too low", [bias_shift(z, 4, count) for count in [1, 7, 40]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bias_shift_lowered", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
high = np.array([[4.0, 9.0, 1.0], [1.0, 9.0, 6.0], [2.0, 9.0, 3.0]])  # class 1 leads by 5, 3 and 6
check("a class that wins everywhere is lowered", [bias_shift(high, 1, count) for count in [1, 2]], expected=[-6, -5])
### BEGIN HIDDEN TESTS
z = check.rng().normal(0, 2, size=(40, 6)) + 9 * np.eye(6)[2]
check("a class that is too high", [bias_shift(z, 2, count) for count in [1, 7, 40]])
### END HIDDEN TESTS

# %% [markdown]
# Three students of soft targets that never saw a three, and again two controls: true labels, and the teacher's first
# choice. If the shift alone did the work, it would help those as much. Which recall do you expect, before the shift
# and after?

# %% tags=["demo"] waits=["bias_shift"]
rows = np.stack([np.flatnonzero(each != 3)[:880] for each in true])[..., None]  # (16, 880, 1)
seen, v_seen, true_seen = (np.take_along_axis(part, rows, axis=1) for part in (transfer, v, eye[true]))
lessons = {"true labels": (true_seen, 1), "first choice of the teacher": (eye[v_seen.argmax(axis=-1)], 1)}
without = students(seen, lessons | soft(v_seen, [1, 4, 8]))


def recall(z):
    """Of the threes, the share (%) that is called so, (16,)."""
    return 100 * np.sum((np.argmax(z, axis=-1) == 3) & (known == 3), axis=1) / np.sum(known == 3, axis=1)


def shifted(z, count):
    return z + np.array([bias_shift(each, 3, count) for each in z])[:, None, None] * eye[3]


after = {name: shifted(z, 80) for name, z in without.items()}
plots.table(["told", "recall of 3 (%)", "shift", "recall after it (%)", "test error (%)", "after it (%)"],
            [[name, recall(z).mean(), (after[name] - z)[..., 3].mean(), recall(after[name]).mean(),
              error(z, known).mean(), error(after[name], known).mean()] for name, z in without.items()])
counts = np.arange(20, 241, 20)
plots.line(counts, {name: [recall(shifted(z, count)).mean() for count in counts] for name, z in without.items()},
           xlabel="images called a three, of 800", ylabel="recall of 3 (%)")

# %% [markdown]
# It is good for this. At $T = 4$ and 8 the student finds most threes once its bias is shifted, nearly as many as its
# teacher, without having seen one; many of them even before. Labels teach it nothing of the sort: with the same share
# of images called a three it finds far fewer, since it can only tell what is none of the other nine. The teacher's
# first choice and $T = 1$ lie between. The curve is worth more than the table: it shows every shift. A perfect
# detector would reach 100% at 80 images. That this shift was chosen by counting and not by labels needs one thing to
# be true: a tenth of the images are threes.
#
# ### Specialists
#
# The paper's other idea is a *generalist* for all classes and *specialists*, each for "fine-grained classes that the
# full models confuse". Ours know fifty classes of sprites, ten shapes in five colours, cut out at their boxes. The
# generalist has 12 hidden units, too few for fifty classes. $k$-means makes five groups of classes with similar mean
# logits (the paper clusters the covariance of the predictions). A specialist sees its own group in half of its
# images; all other classes are one class to it, the dustbin. Since half is too often, the dustbin's logit is raised
# afterwards by $\ln\frac{1 - r}{r}$, where $r$ is the group's true share.
#
# A picture goes to the specialist of the generalist's first choice. The paper wants the probabilities $q$ with the
# least $\mathrm{KL}(p^g \Vert q) + \mathrm{KL}(p^s \Vert q)$, where $p^g$ is the generalist's word and $p^s$ the
# specialist's, for whom $q$'s classes outside the group add up to the dustbin. For one specialist the solution is the
# mean of both, the dustbin shared out as the generalist would. What will specialists mend, and what can they not?

# %%
def with_specialists(general, special, groups):
    """Probabilities (n, 50): the generalist's (n, 50) and those of the specialists (5, n, 51); groups (50,)."""
    asked = groups[general.argmax(axis=1)]  # (n,)
    p = special[asked, np.arange(len(asked))]  # (n, 51)
    own = groups == asked[:, None]  # (n, 50): is the class in the asked one's group?
    outside = np.sum(general * ~own, axis=1, keepdims=True)  # (n, 1)
    return np.where(own, general + p[:, :50], general * (1 + p[:, 50:] / np.maximum(outside, 1e-9))) / 2


# %% tags=["demo"]
scenes = sprites.draw(9600, 24, seed=seeds(1)[0])
five = np.flatnonzero(scenes.colours < 5)
boxed = tf.image.crop_and_resize(scenes.images[five], scenes.boxes[five], range(len(five)), (12, 12)).numpy()
shuffled = np.stack([np.random.default_rng(seed).permutation(len(five)) for seed in seeds(5)])  # (5, about 6000)
x, y = boxed.reshape(len(five), -1)[shuffled] - 0.5, (5 * scenes.labels + scenes.colours)[five][shuffled]
targets = np.eye(51)[y[:, :4000]]  # (5, 4000, 51); the last is for the dustbin
alone = [logits(train(x[:, :4000], targets, units, seed, decay=1e-4), x)[..., :50].numpy()
         for units, seed in zip([12, 12, 24], seeds(3), strict=True)]  # each (5, n, 50)
groups, lessons, rng = [], [], np.random.default_rng(seeds(1)[0])
for pictures, label, z in zip(x[:, :4000], y[:, :4000], alone[0], strict=True):
    means = np.stack([z[:4000][label == one].mean(axis=0) for one in range(50)])  # (50, 50)
    groups.append(KMeans(5, n_init=4, random_state=seeds(1)[0]).fit_predict(means))
    for group in range(5):
        own = groups[-1][label] == group  # (4000,)
        rows = np.concatenate([rng.choice(np.flatnonzero(own == side), 1500) for side in (True, False)])
        lessons.append((pictures[rows], np.where(own[rows], label[rows], 50), np.log(1 / own.mean() - 1)))
plots.images(x[0][groups[0][y[0]] == 0][:8].reshape(8, 12, 12, 3) + 0.5)

# %% tags=["demo"]
pictures, label, dustbin = (np.stack(part) for part in zip(*lessons, strict=True))  # dustbin (25,)
weights = train(pictures, np.eye(51)[label], 12, seeds(4)[3], decay=1e-4)  # 25 specialists
z = logits(weights, np.repeat(x[:, 4000:], 5, axis=0)) + dustbin[:, None, None] * np.eye(51)[50]
special = softmax(z, axis=-1).reshape(5, 5, -1, 51)
first, second, wide = (softmax(z[:, 4000:], axis=-1) for z in alone)  # each (5, n, 50)
fifty = {"generalist of 12 units": first, "two such generalists, averaged": first + second, "one of 24 units": wide,
         "generalist and 5 specialists": np.stack(list(map(with_specialists, first, special, groups)))}
fifty = {name: error(p, y[:, 4000:]) for name, p in fifty.items()}
plots.table(["model", "networks an image", "test error (%)", "below the generalist (points)", "95% half-width"],
            [[name, asked, errors.mean(), *stats.mean_interval(fifty["generalist of 12 units"] - errors)]
             for (name, errors), asked in zip(fifty.items(), [1, 2, 1, 2], strict=True)])
helped = stats.mean_interval(fifty["two such generalists, averaged"] - fifty["generalist and 5 specialists"])

# %% [markdown]
# The five specialists cut the generalist's errors by half, and beat what costs the same for each image, two
# generalists averaged. They mend confusions within a group (the pictures above belong to one specialist); a first
# choice in the wrong group they cannot mend. But one network of 24 units, which also costs the same, does as well or
# better. The case for specialists is another: they are trained independently, each on its own part of the data, and
# added to a generalist that is already there. **How this could be wrong.** The generalist was made too small on
# purpose; one of 64 units makes few errors that specialists could mend.

# %% tags=["demo"] waits=["bias_shift"]
best = min(((997, name) for name in soft(v, tried)), key=lambda lesson: told[lesson].mean())
gain = stats.mean_interval(direct - told[best])
returned, beyond = (stats.mean_interval(recall(after["T = 8"]) - recall(z))
                    for z in (without["T = 8"], after["true labels"]))
taught = recall(logits(dropout, test)).mean()
claim(
    "distillation",
    measured={"test error (%): " + "; ".join(f"{images} images, {name}" for images, name in told):
              [errors.mean() for errors in told.values()],
              "best temperature": best[1],
              "student at it below direct training (points), 95% half-width": gain,
              "recall of 3, before and after the shift (%): " + "; ".join(without):
              [recall(z).mean() for pair in zip(without.values(), after.values(), strict=True) for z in pair],
              "the teacher's recall of 3 (%)": taught,
              "T = 8: the shift raises the recall by (points), 95% half-width": returned,
              "T = 8: recall above that of true labels, both shifted (points), 95% half-width": beyond,
              "50 sprites, specialists below two generalists (points), 95% half-width": helped},
    holds=gain[0] > gain[1] and returned[0] > returned[1] and beyond[0] > beyond[1]
    and recall(after["T = 8"]).mean() > 0.8 * taught,
    because="the student makes fewer errors than one trained on the labels, and recognizes a digit that it never saw",
)

# %% [markdown]
# **How this could be wrong.** All students have the decay that was best for direct training; their own best could only
# widen the gap. The best temperature was chosen on the test images, but the claim holds at $T = 2$ too. The transfer
# images come from where the test images come from; with others a teacher may be confidently wrong.
#
# **Often mistaken.** "The student learns from dark knowledge": it may, but test it against the teacher's first choice
# on the same images before you say so. **Practice has moved on**: students of language models are mostly trained on
# text that the teacher wrote, which is its choice and not its distribution, and on very much of it.

# %% [markdown]
# ### Question (3 points, marked by hand): a student for the telephone
#
# A team distils an ensemble of twelve networks into one. Its loss is `T**2 * kl(softmax(v), softmax(z / T))` with the
# teacher's logits `v`, the student's `z` and `T = 4`. The student is as accurate as its teacher, but its mean largest
# probability is 0.99, the teacher's 0.90, and its cross-entropy on the test images is three times the teacher's.
#
# (a) What is wrong? Which `z` make this loss zero, and how does that explain all three figures?
#
# (b) Repaired, the student beats direct training on the 10,000 labelled images. One colleague says that the soft
# targets did it, another that the 200,000 unlabelled images did. Design the runs that decide between them.
#
# (c) One class in 200 images was forgotten when the unlabelled images were collected, and the student never
# predicts it. What can be changed without training, what data does it take, and when does it fail?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_telephone", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# (a) Only the student is divided by $T$. The loss is zero at $z = 4 v + c$ with any constant $c$ for each image: the
# student's logits become four times the teacher's. The largest stays the largest, so accuracy is kept; the softmax of
# $4v$ is much sharper, so the largest probability is near 1; and where the student is wrong it is confidently
# wrong, which the cross-entropy punishes. Dividing its logits by 4 at test time repairs the figures.
#
# (b) Four kinds of run: {labels or the teacher's first choice, soft targets} x {10,000 images, all 210,000}. The same
# student, starts and steps in all; rate, decay and temperature at the best of each, chosen on validation data; at least
# five paired seeds. If the first choice on all images is as good as soft targets on all, the images did it. If soft
# targets on the 10,000 beat labels on the 10,000 by as much, the softness did. Smoothed labels on the 10,000 tell
# whether any softness would do.
#
# (c) Raise the bias of that class until it is predicted as often as it occurs. It takes images with the natural
# share of that class, unlabelled ones if the share is known, else a few labelled ones. It fails if the student was taught
# by first choices or at too low a temperature, so that its logit carries nothing; and a share of one in 200 needs
# thousands of images to be met, with many false alarms for each hit if the logit is weak.
# ### END SOLUTION
#
# *Marking.* One point each. (a) The temperature, $z = 4v + c$, and at least two of the figures explained. (b) Both
# factors varied separately, something held equal, and which outcome speaks for whom. (c) The bias, the data with the
# class's natural share, and one condition under which it fails. "Train longer" or "collect more data" earns nothing.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - An ensemble's squared error is its members' mean error less their diversity. Three ways to ask it, nearly one answer.
# - Distillation trains a student on the teacher's probabilities. With $T^2$ the soft term keeps its weight at every
#   temperature; for large $T$ it is least squares on centred logits.
# - Ask what the gain comes from: here mostly from images without labels, which a first choice serves as well. The
#   softness carries what the images do not show, such as a digit that none of them is.
# - Compute a library's loss once by hand. A default of Keras' distillation leaves out the softmax.
#
# ## At full scale
#
# | where | what | student | test errors: direct, distilled, teacher |
# |---|---|---|---|
# | this laptop | 100 labelled digits of 8x8, 1,200 steps, seconds | 910 weights | about 10, 9 and 9% |
# | one GPU | MNIST (`data.digits(full=True)`), minutes | 2 x 800 units, 1.3 million weights | the paper: 146, 74 and 67 of 10,000 |
# | the paper | speech, 2,000 hours; ten networks into one | 85 million weights | frame accuracy 58.9, 60.8 and 61.1% |
#
# On MNIST without threes the paper's student finds 98.6% of them after the shift. On JFT, 100 million images in
# 15,000 classes, 61 specialists raise the accuracy from 25.0 to 26.1%.
#
# Next: notebook 2 leaves the networks as they are and makes their numbers smaller.

# %%
dlcourse.submit()
