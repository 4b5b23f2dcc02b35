# %% [markdown]
# # 1 · Adversarial networks
#
# *Practical Deep Learning*, week 5, "Hot Research", section "GAN" and its quiz. *Large Scale Deep Learning*, session
# III, slide "Adversarial Training". *Applications* (Goodfellow 2018), slide 13.
#
# **You should know** cross-entropy on logits (`loss-functions`), batch normalization (`batch-norm`) and Adam
# (`rmsprop`). **You will have built** the two players and their alternating updates, the best discriminator and the
# value of the game, three losses of the generator and what each feels, the Fréchet distance, and a test for copying.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1, `loss-functions`) Why is the cross-entropy of a sigmoid computed from the logit $l$, as
#    $\ln(1 + e^{-l})$, and not from $\sigma(l)$?
# 2. (Week 3, `batch-norm`) What does a batch-normalized layer compute for one and the same image in training, in two
#    different batches?
#
# <details><summary>Answers</summary>
#
# 1. For $l = -200$ the sigmoid is 0 in single precision and its logarithm infinite; the first form gives 200.
# 2. Two different things, as mean and variance are the batch's. So it matters whether real and generated images go
#    through a network in one batch or in two.
#
# </details>

# %%
dlcourse.setup("week14/01_adversarial_networks", seed=141)

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, stats
from dlcourse.sample_quality import Judge
from keras import layers
from scipy.spatial.distance import cdist

# %% [markdown] topic="gan"
# ## Generative adversarial networks
#
# "Train a network to try and distinguish between the real and generated. Pit it against the 'generator', and make them
# compete!" The generator $G$ turns noise $z$ into a sample $G(z)$; the discriminator $D$ gives the probability that
# its input came from the training data. With $p$ the density of the data and $q$ that of the samples, both play for
#
# $$V(D, G) = \mathbb E_{x \sim p} \ln D(x) + \mathbb E_{x \sim q} \ln (1 - D(x)), \qquad \min_G \max_D V.$$
#
# The quiz asks which description of the two "is most accurate", and marks as correct what "estimates the probability
# that a sample came from the training data rather than G" (that is $D$) and "G and D are trained in an alternating
# manner". It rejects what "captures the data distribution and trains to maximize the probability of D making a
# mistake", although the paper's abstract says just this of $G$. We shall see what is behind each sentence.
#
# ### The best discriminator
#
# Fix $G$. At each $x$ the value collects $p \ln D + q \ln(1 - D)$, whose derivative $p/D - q/(1 - D)$ is zero at
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)}.$$
#
# So a discriminator does not learn what is real. It learns a ratio of two densities, and $D^* = 1/2$ wherever the
# samples are as frequent as the data. To see it, let $p$ mix two Gaussians and $q$ be one. Five networks with two
# hidden layers are trained side by side as one stack of weights; five more have no hidden layer.

# %%
grid = np.linspace(-5, 5, 1001)
data_parts, sample_parts = [(0.6, -1.5, 0.5), (0.4, 1.5, 0.7)], [(1.0, 0.0, 1.0)]  # share, mean, deviation


def density(x, parts):
    return sum(share * np.exp(-((x - mean) / s) ** 2 / 2) / (s * np.sqrt(2 * np.pi)) for share, mean, s in parts)


def draw(size, parts, rng):
    shares, means, deviations = np.transpose(parts)
    part = rng.choice(len(parts), size=size, p=shares)
    return rng.normal(means[part], deviations[part]).astype(np.float32)


def integral(values):
    return values.sum(axis=-1) * (grid[1] - grid[0])


# %%
def logits(network, x):
    """x (runs, batch, 1) through layers of weights (runs, a, b): (runs, batch, 1)."""
    for W, b in network[:-1]:
        x = tf.tanh(x @ W + b)
    return x @ network[-1][0] + network[-1][1]


def trained_discriminators(widths, runs, steps, rng, fakes_per_real=1, smoothing=0.0, batch=256):
    """D(x) on the grid of `runs` independent discriminators, (runs, grid)."""
    network = [[tf.Variable(rng.normal(size=(runs, a, b)) / np.sqrt(a), dtype=tf.float32),
                tf.Variable(tf.zeros((runs, 1, b)))] for a, b in zip([1, *widths], [*widths, 1], strict=True)]
    variables = tf.nest.flatten(network)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-2, steps))
    optimizer.build(variables)
    real = tf.constant(draw((steps, runs, batch, 1), data_parts, rng))
    fake = tf.constant(draw((steps, runs, batch * fakes_per_real, 1), sample_parts, rng))

    @tf.function
    def train():
        for step in tf.range(steps):
            with tf.GradientTape() as tape:
                on_real, on_fake = logits(network, real[step]), logits(network, fake[step])
                gain = tf.reduce_sum((1 - smoothing) * tf.math.log_sigmoid(on_real)
                                     + smoothing * tf.math.log_sigmoid(-on_real))
                loss = -(gain + tf.reduce_sum(tf.math.log_sigmoid(-on_fake))) / batch
            optimizer.apply(tape.gradient(loss, variables), variables)

    train()
    return tf.sigmoid(logits(network, tf.constant(grid[:, None], tf.float32))).numpy()[..., 0].astype(float)


# %% tags=["demo"]
p, q = density(grid, data_parts), density(grid, sample_parts)
rng, steps = np.random.default_rng(seeds(1)[0]), 400
best = p / (p + q)
found = {"two hidden layers": trained_discriminators([32, 32], 5, steps, rng),
         "no hidden layer": trained_discriminators([], 5, steps, rng)}
left, right = plots.panels(2)
plots.line(grid, {"data, p": p, "samples, q": q}, xlabel="x", ylabel="density", ax=left)
plots.line(grid, {"p / (p + q)": best} | found, xlabel="x", ylabel="D(x)", ax=right)

# %% [markdown]
# With hidden layers the curve is the formula, except at the edges, where hardly a point was ever seen. A straight
# logit cannot bend, and where the points are it stays near 1/2.
#
# ### Exercise 1 (4 points): derive another optimum
#
# Practice changes the game a little. A step may show $r$ generated samples for each real one (the losses of all of
# them are added), and real images may be given the target $1 - s$ in place of 1 ("one-sided label smoothing", in the
# tutorial that the deck cites): their loss is then $-(1 - s) \ln D - s \ln(1 - D)$. Derive the best discriminator.

# %% nbgrader={"grade": false, "grade_id": "best_discriminator", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p: np.ndarray, q: np.ndarray, fakes_per_real: float = 1.0,
                       smoothing: float = 0.0) -> np.ndarray:
    """The D that minimizes the loss at each place, (places,), from the densities p and q (places,), both positive."""
    ### BEGIN SOLUTION
    return (1 - smoothing) * p / (p + fakes_per_real * q)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best_discriminator_ratio", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one for one: p / (p + q)", best_discriminator(np.array([1.0, 0.3]), np.array([1.0, 0.1])), expected=[0.5, 0.75])
check("p = q, three samples for each image", best_discriminator(np.ones(1), np.ones(1), 3.0), expected=[0.25])
### BEGIN HIDDEN TESTS
some = check.rng().uniform(0.01, 2, size=(2, 6))
check("any densities and ratio", best_discriminator(*some, fakes_per_real=check.rng().uniform(2, 5)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "best_discriminator_smooth", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("where no sample ever is, D says the target", best_discriminator(np.ones(1), np.full(1, 1e-12), 1.0, 0.1), [0.9])
check("p = q, smoothing 0.2", best_discriminator(np.ones(1), np.ones(1), 1.0, 0.2), expected=[0.4])
### BEGIN HIDDEN TESTS
some = check.rng().uniform(0.01, 2, size=(2, 6))
check("any densities, ratio and smoothing", best_discriminator(*some, 2.5, check.rng().uniform(0.05, 0.4)))
### END HIDDEN TESTS

# %% tags=["demo"] waits=["best_discriminator"]
for ax, (r, s) in zip(plots.panels(2), [(3, 0.0), (1, 0.2)], strict=True):
    plots.line(grid, {"your formula": best_discriminator(p, q, r, s), "trained": trained_discriminators(
        [32, 32], 5, steps, rng, r, s)}, xlabel="x", ylabel="D(x)", title=f"r = {r}, s = {s}", ax=ax)

# %% [markdown]
# ### The value of the game
#
# Put $D^*$ into $V$. With $m = (p + q)/2$ each logarithm is $\ln \frac{p}{2m}$, and so
#
# $$V(D^*, G) = \mathrm{KL}(p \,\|\, m) + \mathrm{KL}(q \,\|\, m) - 2 \ln 2 = 2\,\mathrm{JSD}(p, q) - \ln 4.$$
#
# Against the best discriminator $G$ minimizes the Jensen-Shannon divergence, which is 0 for $q = p$ only and never
# exceeds $\ln 2$. Any other $D$ gets less. We integrate $V$ for the trained ones, and both sides of the equation.

# %%
def value(D, p, q):
    D = np.clip(D, 1e-12, 1 - 1e-12)
    return integral(p * np.log(D) + q * np.log(1 - D))


def jensen_shannon(p, q):
    m = (p + q) / 2
    return integral(p * np.log(p / m) + q * np.log(q / m)) / 2


# %% tags=["demo"]
values = {name: value(D, p, q) for name, D in found.items()}
errors = {name: integral(np.abs(D - best) * (p + q) / 2) for name, D in found.items()}
off = {"formula": 0.0, "D = 1/2": integral(np.abs(0.5 - best) * (p + q) / 2)} | {n: e.mean() for n, e in errors.items()}
worth = {"formula": value(best, p, q), "D = 1/2": -np.log(4)} | {name: v.mean() for name, v in values.items()}
spread = {name: [v.min(), v.max()] for name, v in values.items()}
plots.table(["discriminator", "mean |D - D*| over data and samples", "value V", "lowest and highest of five"],
            [[name, off[name], worth[name], spread.get(name, "")] for name in off])
print(f"2 JSD - ln 4 = {2 * jensen_shannon(p, q) - np.log(4):.6f}")

# %% [markdown]
# ### A game that one side wins
#
# Early in training $D$ wins: what an untrained $G$ makes is nothing like an image. Then $D(G(z))$ is near 0, the curve
# $\ln(1 - D)$ is flat there, and the gradient vanishes. The paper's remedy: let $G$ maximize $\ln D(G(z))$, the
# *non-saturating* loss. The tutorial names a third, which would minimize $\mathrm{KL}(p \,\|\, q)$ against the best
# discriminator. With the logit $l$ of $D(G(z)) = \sigma(l)$ and means over the batch:
#
# | loss of G | formula |
# |---|---|
# | minimax | $\ln(1 - \sigma(l))$ |
# | non-saturating | $-\ln \sigma(l)$ |
# | maximum likelihood | $-e^{l}$ |
#
# ### Exercise 2 (4 points): what a sample feels
#
# All that reaches $G$ through a sample passes through the derivative of the loss with respect to this sample's logit.
# Derive it for the three losses. A logit of -1000 must give a finite number.

# %% nbgrader={"grade": false, "grade_id": "pulls", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pulls(l: np.ndarray) -> np.ndarray:
    """Derivatives with respect to each logit of the batch (batch,) of the losses' batch means.

    Three rows (3, batch): minimax, non-saturating, maximum likelihood.
    """
    ### BEGIN SOLUTION
    sigma = 0.5 * (1 + np.tanh(l / 2))
    return np.stack([-sigma, sigma - 1, -np.exp(l)]) / len(l)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pulls_two", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("an undecided D, one sample: minimax and non-saturating", pulls(np.zeros(1))[:2], expected=[[-0.5], [-0.5]])
check("a batch of four: the mean's derivative", pulls(np.log([3.0] * 4))[:2], expected=[[-0.1875] * 4, [-0.0625] * 4])
### BEGIN HIDDEN TESTS
check("any logits", pulls(check.rng().normal(scale=3, size=5))[:2], tolerance=1e-6)
check("a confident D", pulls(check.rng().uniform(-2000, -800, size=3))[:2])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pulls_third", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("maximum likelihood, two logits", pulls(np.log([2.0, 0.5]))[2], expected=[-1.0, -0.25])
### BEGIN HIDDEN TESTS
check("maximum likelihood, any logits", pulls(check.rng().normal(size=6))[2])
### END HIDDEN TESTS

# %% tags=["demo"] waits=["pulls"]
certainty = np.linspace(0.005, 0.995, 199)
felt = -len(certainty) * pulls(np.log(certainty / (1 - certainty)))  # (3, 199)
plots.line(certainty, dict(zip(["minimax", "non-saturating", "maximum likelihood"], felt, strict=True)), log="y",
           xlabel="D(G(z))", ylabel="pull on the logit, - dL/dl")

# %% [markdown]
# All three pull the logit up, so they agree on the direction of each sample; what differs is the weight. Minimax
# listens to the samples that pass for real already, and maximum likelihood to almost nothing else. The non-saturating
# loss listens to those that are found out.
#
# ### The players
#
# Real images are 8 x 8 digits. Both players are small convolutional networks, with batch normalization in $G$ only.

# %%
latent, batch = 32, 64  # 100 and 100 in the paper


def new_generator():
    return keras.Sequential([
        keras.Input((latent,)), layers.Dense(4 * 4 * 32, use_bias=False), layers.BatchNormalization(momentum=0.9),
        layers.ReLU(), layers.Reshape((4, 4, 32)), layers.UpSampling2D(),
        layers.Conv2D(16, 3, padding="same", use_bias=False), layers.BatchNormalization(momentum=0.9),
        layers.ReLU(), layers.Conv2D(1, 3, padding="same", activation="sigmoid")])  # (batch, 8, 8, 1)


def new_discriminator():
    return keras.Sequential([
        keras.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same"), layers.LeakyReLU(0.2),
        layers.Conv2D(32, 4, strides=2, padding="same"), layers.LeakyReLU(0.2), layers.Flatten(), layers.Dense(1)])


# %% [markdown]
# Their losses, from logits, are cross-entropies: $D$'s with the true labels, the non-saturating one of $G$ with the
# wrong label on purpose. Minimax is $D$'s own loss with the sign turned. Keras says the same.

# %%
def player_losses(real, fake):
    """From logits (batch, 1): the discriminator's loss, the generator's minimax and its non-saturating loss."""
    on_fake = -tf.reduce_mean(tf.math.log_sigmoid(-fake))
    on_real = -tf.reduce_mean(tf.math.log_sigmoid(real))
    return on_real + on_fake, -on_fake, -tf.reduce_mean(tf.math.log_sigmoid(fake))


real, fake = tf.constant([[2.0], [-1.0]]), tf.constant([[0.5], [-3.0]])
entropy = keras.losses.BinaryCrossentropy(from_logits=True)
ones, zeros = tf.ones_like(real), tf.zeros_like(real)
in_keras = [entropy(ones, real) + entropy(zeros, fake), -entropy(zeros, fake), entropy(ones, fake)]
print("by hand", np.round(player_losses(real, fake), 6), "in Keras", np.round(in_keras, 6))

# %% [markdown]
# ### Alternating updates
#
# A step draws a batch, moves $D$ against the samples of the moment, then draws new noise and moves $G$ against the
# $D$ that has just learned. Each tape is asked for the gradient of one player's variables only. `loss` says which of
# the three losses is $G$'s.

# %%
def alternating(G, D, d_optimizer, g_optimizer, images):
    """A function that plays `steps` steps, and returns D's loss and the norm of G's gradient, (steps, 2)."""
    for optimizer, model in [(d_optimizer, D), (g_optimizer, G)]:
        optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def play(seed, first, steps, loss):
        log = tf.TensorArray(tf.float32, steps)
        for step in tf.range(steps):
            key = tf.stack([seed, first + step])
            real = tf.gather(images, tf.random.stateless_uniform([batch], key, 0, len(images), tf.int32))
            z = tf.random.stateless_normal([2, batch, latent], key + 1)
            fake = G(z[0], training=True)  # (batch, 8, 8, 1)
            with tf.GradientTape() as tape:
                d_loss = player_losses(D(real, training=True), D(fake, training=True))[0]
            d_optimizer.apply(tape.gradient(d_loss, D.trainable_variables), D.trainable_variables)
            with tf.GradientTape() as tape:
                logit = D(G(z[1], training=True), training=True)
                g_loss = tf.stack(player_losses(logit, logit))[loss]
            gradient = tape.gradient(g_loss, G.trainable_variables)
            g_optimizer.apply(gradient, G.trainable_variables)
            log = log.write(step, tf.stack([d_loss, tf.linalg.global_norm(gradient)]))
        return log.stack()

    return lambda *arguments: play(*map(tf.constant, arguments)).numpy()


# %% [markdown]
# `dlcourse.generative_adversarial` holds the same players and steps for the notebooks that follow (a test keeps the two
# equal), with the papers' additions as arguments.
#
# ### Exercise 3 (4 points): find the planted bugs
#
# A colleague plays the smallest game there is: $G(z) = z + \theta$ and $D(x) = \sigma(w x + b)$. Her $\theta$ runs away
# from the data, and $D$ never gets better. There are three bugs.
#
# ```python
# def step_with_bugs(theta, w, b, real, z, rate):
#     theta, w, b = (tf.Variable(float(value)) for value in [theta, w, b])
#     with tf.GradientTape() as tape:
#         fake = z + theta
#         d_loss = tf.reduce_mean(tf.nn.softplus(-(w * real + b))) + tf.reduce_mean(tf.nn.softplus(-(w * fake + b)))
#     for variable, slope in zip([theta, w, b], tape.gradient(d_loss, [theta, w, b])):
#         variable.assign_sub(rate * slope)
#     with tf.GradientTape() as tape:
#         g_loss = tf.reduce_mean(tf.nn.softplus(w * (z + theta) + b))
#     theta.assign_sub(rate * tape.gradient(g_loss, theta))
#     return float(theta), float(w), float(b)
# ```
#
# Write the step without them: plain gradient descent, $D$ first, then $G$ by the non-saturating loss against the new
# $D$, both with the same noise.

# %% nbgrader={"grade": false, "grade_id": "game_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_step(theta: float, w: float, b: float, real: np.ndarray, z: np.ndarray,
              rate: float) -> tuple[float, float, float]:
    """theta, w and b after one step of both players; real (batch,) and z (batch,) are float32."""
    ### BEGIN SOLUTION
    theta, w, b = (tf.Variable(float(number)) for number in [theta, w, b])
    with tf.GradientTape() as tape:
        d_loss = -tf.reduce_mean(tf.math.log_sigmoid(w * real + b))
        d_loss -= tf.reduce_mean(tf.math.log_sigmoid(-(w * (z + theta) + b)))
    for variable, slope in zip([w, b], tape.gradient(d_loss, [w, b]), strict=True):
        variable.assign_sub(rate * slope)
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(tf.math.log_sigmoid(w * (z + theta) + b))
    theta.assign_sub(rate * tape.gradient(g_loss, theta))
    return float(theta), float(w), float(b)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "game_step_discriminator", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ones = np.ones(1, np.float32)
check("real at 1, sample at 0: w rises by 1/2, b stays", game_step(0.0, 0.0, 0.0, ones, 0 * ones, 1.0)[1:], [0.5, 0.0])
check("real and sample at 1: no way to tell, D stays", game_step(1.0, 0.0, 0.0, ones, 0 * ones, 1.0)[1:], [0.0, 0.0])
### BEGIN HIDDEN TESTS
some = check.rng().normal(size=(2, 7)).astype(np.float32)
check("D after any step", game_step(*check.rng().normal(size=3), some[0] + 2, some[1], 0.3)[1:])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "game_step_generator", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ones = np.ones(1, np.float32)
check("w becomes 1/2; at x = 0, D = 1/2 and theta rises by 1/4", game_step(0, 0, 0, ones, 0 * ones, 1.0)[0], 0.25)
check("D stays at w = 0: no slope for G", game_step(1.0, 0.0, 0.0, ones, 0 * ones, 1.0)[0], expected=1.0)
### BEGIN HIDDEN TESTS
some = check.rng().normal(size=(2, 7)).astype(np.float32)
check("theta after any step", game_step(*check.rng().normal(size=3), some[0] + 2, some[1], 0.3)[0])
### END HIDDEN TESTS

# %% tags=["demo"] waits=["game_step"]
rng, path = np.random.default_rng(seeds(1)[0]), [(4.0, 0.0, 0.0)]
for _ in range(300):
    path.append(game_step(*path[-1], *rng.normal(size=(2, 64)).astype(np.float32), rate=0.2))
theta, w, _ = np.transpose(path)
plots.line(range(301), {"theta (data: 0)": theta, "w": w}, xlabel="step", ylabel="value")

# %% [markdown]
# $G$ follows the slope of $D$ and runs past the data before $D$ has noticed; then $w$ changes its sign. Here the swings
# die out. There is no minimum that both go down to, and nothing promises that they always will.
#
# ### How good are samples?
#
# So samples need a judge of their own. Heusel et al. (2017) take the features $f$ of a classifier and compare the two
# clouds by mean $m$ and covariance $C$, with the Fréchet distance of two Gaussians,
#
# $$d = \|m_1 - m_2\|^2 + \mathrm{Tr}\big(C_1 + C_2 - 2\,(C_1^{1/2} C_2\, C_1^{1/2})^{1/2}\big).$$
#
# In one dimension this is $(m_1 - m_2)^2 + (s_1 - s_2)^2$. The root's trace is the sum of the roots of eigenvalues.

# %%
def frechet_distance(one, other):
    """Between the Gaussians with the means and covariances of two sets of features (count, features)."""
    apart = one.mean(axis=0, dtype=float) - other.mean(axis=0, dtype=float)
    C1, C2 = (np.cov(part.astype(float), rowvar=False).reshape(2 * part.shape[1:]) for part in [one, other])
    eigenvalues, vectors = np.linalg.eigh(C1)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0)) @ vectors.T  # C1^(1/2)
    under = np.linalg.eigvalsh(root @ C2 @ root)
    return apart @ apart + np.trace(C1 + C2) - 2 * np.sqrt(np.maximum(under, 0)).sum()


one, five = np.array([[-1.0], [1.0], [3.0]]), np.random.default_rng(0).normal(size=(100, 5))  # mean 1, deviation 2
print("means 1 and 4, deviations 2 and 6 (9 + 16):", frechet_distance(one, 3 * one + 1))
print("five dimensions, moved by 2 along each (20):", frechet_distance(five, five + 2))

# %% [markdown]
# Our classifier is trained on the 1,347 training digits. What does the distance see? Real digits of two sets are the
# floor, noise the ceiling. All sets have 450 images and are compared with the 450 that nobody trains on. Which of the
# sets below should come out bad?

# %% tags=["demo"]
digits, held_out, classes, held_out_classes = data.digits()  # (1347, 8, 8), (450, 8, 8)
digits, held_out, count = digits[..., None], held_out[..., None], len(held_out)
judge, rng = Judge(digits, classes), np.random.default_rng(seeds(1)[0])
real_features, some = judge.features(held_out), digits[rng.permutation(len(digits))[:count]]
sets = {"training digits": some, "each the mean of two training digits": (some + some[::-1]) / 2,
        "only the class 3": rng.choice(digits[classes == 3], size=count),
        "20 training digits, again and again": rng.choice(some[:20], size=count),
        "their pixels shuffled": rng.permuted(some.reshape(count, -1), axis=1).reshape(some.shape),
        "uniform noise": rng.random(some.shape, np.float32)}
distance_of = {name: frechet_distance(real_features, judge.features(each)) for name, each in sets.items()}
plots.table(["450 images", "Fréchet distance to 450 held-out digits"], list(map(list, distance_of.items())))
print(f"the judge is right on {100 * np.mean(judge.classes(held_out) == held_out_classes):.1f}% of the held-out digits")

# %% [markdown]
# It sees blends and missing variety. It does not see that the first set is *copied*: a generator that had learned the
# training set by heart would get the best mark. We shall ask for that separately.
#
# ### Equal starts
#
# Now the game. For each of five seeds both losses of $G$ start from the same weights and see the same batches, with
# Adam at 0.001 for $D$ and 0.0005 for $G$. Will the non-saturating loss be ahead?

# %% tags=["demo"]
digits, runs, loss_of = tf.constant(digits), seeds(5), {"minimax": 1, "non-saturating": 2}
small_G, small_D, d_adam = new_generator(), new_discriminator(), keras.optimizers.Adam(1e-3, beta_1=0.5)
of_G = {"Adam": keras.optimizers.Adam(5e-4, beta_1=0.5), "SGD": keras.optimizers.SGD(0.05)}
play = {name: alternating(small_G, small_D, d_adam, optimizer, digits) for name, optimizer in of_G.items()}


def begin(weights):
    """Both players at these weights, the optimizers as new."""
    for model, values in zip([small_G, small_D], weights, strict=True):
        model.set_weights(values)
    for optimizer in [d_adam, *of_G.values()]:
        for variable in optimizer.variables:
            if variable is not optimizer.learning_rate:
                variable.assign(tf.zeros_like(variable))


def samples_and_distance(seed):
    made = small_G(tf.random.stateless_normal([count, latent], [seed, 0]), training=False).numpy()  # (450, 8, 8, 1)
    return made, frechet_distance(real_features, judge.features(made))


# %% tags=["demo"]
starts, samples, chunk, chunks = {}, {}, 80, 3
curves, d_losses = ({name: np.zeros((5, points)) for name in loss_of} for points in [chunks + 1, chunks * chunk])
for row, run in enumerate(runs):
    keras.utils.set_random_seed(run)
    starts[run] = [new_generator().get_weights(), new_discriminator().get_weights()]
    for name, number in loss_of.items():
        begin(starts[run])
        curves[name][row, 0] = samples_and_distance(run)[1]
        for i in range(chunks):
            played = play["Adam"](run, i * chunk, chunk, number)  # (chunk, 2)
            d_losses[name][row, i * chunk:(i + 1) * chunk] = played[:, 0]
            samples[run], curves[name][row, i + 1] = samples_and_distance(run)

# %% tags=["demo"]
left, right = plots.panels(2)
plots.line(np.arange(chunks + 1) * chunk, curves, xlabel="step", ylabel="Fréchet distance", log="y", ax=left)
left.axhline(distance_of["training digits"], color="black", linewidth=0.8)
left.annotate("training digits", (0, distance_of["training digits"]), xytext=(0, 3), textcoords="offset points")
plots.line(range(1, chunks * chunk + 1), d_losses, xlabel="step", ylabel="loss of D", ax=right)
right.axhline(np.log(4), color="black", linewidth=0.8)
_ = right.annotate("ln 4: D cannot tell", (0, np.log(4)), xytext=(60, 4), textcoords="offset points")

# %% [markdown]
# No difference to speak of. $D$ leads for a hundred steps; then its loss stays just under $\ln 4$, where both losses of
# $G$ pull about equally. The panels also show what each measure is worth: towards the end $D$'s loss hardly moves,
# and the samples get better.
#
# ### A head start for the discriminator
#
# Does the gradient vanish at all? We let it learn alone for 80 steps ($G$'s rate is 0) and measure at each
# step the gradient that $G$ would have got, of all its parameters together. Then $G$ may move too, by plain gradient
# descent. Where will the two losses be after another 110 steps, and what would a larger rate do for minimax?

# %% tags=["demo"]
alone, after = 80, 110
norms = {name: np.zeros((5, alone)) for name in loss_of}
arms = [("minimax", 0.05), ("minimax", 0.5), ("non-saturating", 0.05)]  # loss and rate
chased = {arm: np.zeros(5) for arm in arms}
for row, run in enumerate(runs):
    of_G["SGD"].learning_rate.assign(0.0)
    for name, number in loss_of.items():
        begin(starts[run])
        norms[name][row] = play["SGD"](run, 10_000, alone, number)[:, 1]
    head_start = [small_G.get_weights(), small_D.get_weights()]
    for name, rate in arms:
        begin(head_start)
        of_G["SGD"].learning_rate.assign(rate)
        play["SGD"](run, 0, after, loss_of[name])
        chased[name, rate][row] = samples_and_distance(run)[1]

# %% tags=["demo"]
left, right = plots.panels(2)
plots.line(range(1, alone + 1), norms, xlabel="steps of D alone", ylabel="norm of G's gradient", log="y", ax=left)
plots.bars({f"{name}\n{rate}": values for (name, rate), values in chased.items()}, ax=right,
           xlabel="loss and rate of G", ylabel=f"Fréchet distance {after} steps later")

# %% [markdown]
# The gradient of the minimax loss falls as $D$ learns, that of the other loss grows: what the paper says is so. At the
# same rate minimax does not get away from the start. At ten times the rate it arrives where the other loss does: what
# vanishes is the size of the step, and a step size can be chosen. Adam divides each gradient by its recent size and so
# chooses by itself: one reason why nothing was to be seen above. (Another is that $D$'s lead was smaller there.)
#
# ### Samples, and whether they are copies
#
# Each sample's nearest digit is looked up among all 1,797. If $G$ knows no more of the training digits than of the
# others, the nearest one is a training digit as often as those are frequent, in 1,347 of 1,797 cases, 75%. A copier
# (training digits with a little noise) is the control.

# %%
def nearest(images, known):
    """Place of the nearest known image, and the root mean square difference of the pixels, (count,) each."""
    apart = cdist(*(part.reshape(len(part), -1) for part in [images, known])) / np.sqrt(images[0].size)
    return apart.argmin(axis=1), apart.min(axis=1)


# %% tags=["demo"]
everything = np.concatenate([digits, held_out])  # (1797, 8, 8, 1)
places, gaps = zip(*[nearest(samples[run], everything) for run in runs], strict=True)
from_training = 100 * np.mean(np.array(places) < len(digits), axis=1)  # (5,)
copier = some + rng.normal(scale=0.1, size=some.shape)
copied = 100 * np.mean(nearest(copier, everything)[0] < len(digits))
print(f"nearest is a training digit: samples {from_training} %, copier {copied:.0f} %")
print(f"distance to it: samples {np.mean(gaps):.3f}, copier {nearest(copier, everything)[1].mean():.3f}, held-out "
      f"digits {nearest(held_out, digits.numpy())[1].mean():.3f}")
plots.images(np.concatenate([samples[runs[0]][:12], everything[places[0][:12]]])[..., 0], columns=12,
             titles=["sample"] * 12 + ["nearest"] * 12)

# %% tags=["demo"]
lead = stats.mean_interval(curves["minimax"][:, -1] - curves["non-saturating"][:, -1])
ratio = norms["non-saturating"][:, -10:].mean(axis=1) / norms["minimax"][:, -10:].mean(axis=1)
slow, fast = (stats.mean_interval(chased[arm] - chased[arms[2]]) for arm in arms[:2])
at_end, by_chance = stats.mean_interval(curves["non-saturating"][:, -1]), 100 * len(digits) / len(everything)
claim(
    "gan",
    measured={"mean |D - p/(p+q)|, two hidden layers, worst of 5": errors["two hidden layers"].max(),
              "the same without hidden layers": errors["no hidden layer"].mean(),
              "V: formula, 2 JSD - ln 4, trained": [worth["formula"], 2 * jensen_shannon(p, q) - np.log(4),
                                                    worth["two hidden layers"]],
              "G's gradient after 80 steps of D, non-saturating over minimax, least of 5": ratio.min(),
              "Fréchet distance after 240 steps, non-saturating (95% half-width)": at_end,
              "floor and noise": [distance_of["training digits"], distance_of["uniform noise"]],
              "minimax minus non-saturating, equal starts": lead,
              "the same after a head start of D, gradient descent at equal rates": slow,
              "minimax at ten times the rate": fast,
              "nearest digit is a training one (%): samples, copier": [from_training.mean(), copied]},
    holds=errors["two hidden layers"].max() < 0.03 and abs(worth["formula"] - worth["two hidden layers"]) < 0.01
    and ratio.min() > 20 and sum(at_end) < distance_of["uniform noise"] / 4
    and abs(from_training.mean() - by_chance) < 8 < copied - by_chance,
    because="a trained D is p/(p+q), and G's samples come near the digits in the features without being copies of them",
)

# %% [markdown]
# **How this could be wrong.** The judge is small, and knows only what tells ten digits apart; distances under another
# judge are other numbers. 240 steps are short, and the floor is far below. The comparison of the losses after a head
# start has few rates; 0.05 and 0.5 come from a sweep with two seeds, in which 0.2 and 1 served minimax as well.
#
# **Often mistaken.** "$D$ at 50% means that $G$ is perfect": a discriminator that cannot learn is there too, as the
# straight logit shows. **Practice has moved on**: the non-saturating loss stayed, with spectral normalization
# (notebook 3) or a gradient penalty (notebook 2); for images diffusion models have taken the lead.

# %% [markdown]
# ### Question (3 points, marked by hand): finished?
#
# A colleague trains on 2,000 photographs of faces. The loss of $D$ has been at 1.38 for hours. The Fréchet distance
# between 2,000 samples and the 2,000 photographs is 1.1; between two random halves of the photographs it is 2.4. She
# writes: "$D$ cannot tell any more, and our samples are closer to the data than the data to itself. Training is
# finished." Give for each of the two numbers an explanation in which $G$ is bad, and a measurement that would tell her
# explanation from yours, with the outcome for either.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_finished", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# *The loss.* 1.38 is $\ln 4$, what $D = 1/2$ costs everywhere. It says that *this* $D$ finds nothing, not that there is
# nothing to be found: it may be too small for the difference (our straight logit), its rate may have fallen to 0, or
# its labels may be mixed up. Measurement: freeze $G$, train a new and larger $D$ on its samples and on part of the
# photographs, and look at its accuracy on samples and photographs that it has not seen. Near 50%: she is right. Far
# above: her $D$ was weak.
#
# *The distance.* It compares with the training photographs, so a copy of the training set gets nearly 0. Below the
# distance between real halves (which are also smaller, 1,000 each, and thereby further apart) is what copying looks
# like. Measurement: keep photographs back; Fréchet distance of samples to these, with equal counts, or the share of
# samples whose nearest photograph is a training one. She is right if samples are as far from the held-out ones as
# from the training ones, and the share is that of the training photographs among all; copying gives a far larger
# distance to the held-out ones, and a share near 100%.
# ### END SOLUTION
#
# *Marking.* One point for a weak or stalled $D$ with a fitting measurement (a new discriminator, judged on data that it
# has not seen). One for copying as the explanation of a distance below the floor. One for held-out photographs as the
# measurement, with both outcomes. "Look at samples" earns nothing; a remark on unequal counts can replace half of an
# outcome.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - $D$ learns a ratio of densities, $p/(p+q)$; against the best $D$, $G$ minimizes a Jensen-Shannon divergence.
# - The losses of $G$ differ in which samples they listen to. When $D$ wins, minimax hears nothing.
# - One step moves one player: two tapes, two lists of variables, two optimizers.
# - Losses of the game do not measure quality. Judge samples in features, beside a floor and a ceiling, and look for
#   copies separately: the Fréchet distance rewards them.
#
# ## At full scale
#
# | where | data | parameters | training |
# |---|---|---|---|
# | this laptop | 1,347 digits, 8 x 8 | 0.03 million | 240 steps, two seconds |
# | one GPU | faces or bedrooms, 64 x 64 (DCGAN) | some millions | a few hours |
# | recent face models | 70,000 faces, 1024 x 1024 (StyleGAN2) | some tens of millions | days on 8 GPUs |
#
# Next: notebook 2 asks why some generators make only part of the data, and plays for another distance.

# %%
dlcourse.submit()
