# %% [markdown]
# # 2 · Wasserstein distance and mode collapse
#
# *Practical Deep Learning*, week 5, "Hot Research", section "Generative Adversarial Networks": the tutorial
# (Goodfellow 2016) and "Wasserstein GAN" (Arjovsky et al. 2017).
#
# **You should know** the two players' losses and what the discriminator's optimum says (`gan`), Adam (`rmsprop`).
# **You will have built** the exact distance between point clouds, critics kept Lipschitz by clipping and by a gradient
# penalty and held against it, and a measurement of each promise that the paper's abstract makes.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) The discriminator is optimal. Which distance between data and generator does its loss hold?
# 2. (Week 2, notebook 4) What remains of Adam with $\beta_1 = 0$?
#
# <details><summary>Answers</summary>
#
# 1. The Jensen-Shannon divergence: the smallest cross-entropy is $2 \ln 2 - 2\, \mathrm{JS}$. Any other discriminator's
#    loss gives a lower bound on JS. Where the two distributions do not overlap, JS is $\ln 2$, however far apart.
# 2. RMSprop with a correction of its start. The paper trains with RMSprop, for momentum made its critics unstable.
#
# </details>

# %%
dlcourse.setup("week14/02_wasserstein_distance", seed=142)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, sample_quality, seeds, stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

# %% [markdown] topic="wasserstein-gan"
# ## Wasserstein GAN
#
# "We introduce a new algorithm named WGAN, an alternative to traditional GAN training. In this new model, we show that
# we can improve the stability of learning, get rid of problems like mode collapse, and provide meaningful learning
# curves useful for debugging and hyperparameter searches." Three promises. This notebook tests each.
#
# The idea is another distance. Think of one distribution as heaps of earth and of the other as holes. A plan $\gamma$
# says how much earth goes from $x$ to $y$; the *earth mover's* or Wasserstein distance is the cost of the cheapest:
#
# $$W(P, Q) = \min_\gamma\ \mathbb{E}_{(x, y) \sim \gamma} \lVert x - y \rVert.$$
#
# Between two clouds of $n$ points with equal weights the cheapest plan is a matching (a vertex of the polytope of
# plans), and the assignment problem has exact solvers. This is the yardstick for all that follows.

# %%
def exact_distance(x, y):
    """The Wasserstein distance between the points of x (n, d) and y (n, d), all of weight 1/n."""
    costs = cdist(x, y)  # (n, n)
    return costs[linear_sum_assignment(costs)].mean()


# %% [markdown]
# ### Exercise 1 (4 points): sorted earth
#
# On a line the cheapest plan is known without a solver: plans never cross, so the smallest $x$ goes to the smallest
# $y$, the second to the second, and so on. Write the distance for each row of `x` and `y`, and its derivative with
# respect to every $x_i$, in the order in which `x` was given (all coordinates differ). The derivative is what a
# generator would be told: in which direction each of its points should move.

# %% nbgrader={"grade": false, "grade_id": "line_distance", "locked": false, "schema_version": 3, "solution": true, "task": false}
def line_distance(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wasserstein distances of points on a line, all of weight 1/n, and their derivatives.

    x (rows, n) and y (rows, n), unsorted. Returns the distances (rows,) and d distance / dx (rows, n).
    """
    ### BEGIN SOLUTION
    rank = x.argsort(axis=1).argsort(axis=1)
    difference = x - np.take_along_axis(np.sort(y, axis=1), rank, axis=1)  # (rows, n)
    return np.abs(difference).mean(axis=1), np.sign(difference) / x.shape[1]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "line_distance_value", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("distance of two points from two", line_distance(np.array([[5.0, 0.0]]), np.array([[1.0, 4.0]]))[0],
      expected=[1.0])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("distances of random rows", line_distance(rng.normal(size=(3, 8)), rng.normal(1.0, 2.0, size=(3, 8)))[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "line_distance_gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("derivatives, in the order of x", line_distance(np.array([[5.0, 0.0]]), np.array([[1.0, 4.0]]))[1],
      expected=[[0.5, -0.5]])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("derivatives of random rows", line_distance(rng.normal(size=(3, 8)), rng.normal(1.0, 2.0, size=(3, 8)))[1])
### END HIDDEN TESTS

# %% [markdown]
# Every point gets a derivative of the same size, $1/n$, however far it has to go. Remember this when critics come.

# %% waits=["line_distance"]
rows = np.random.default_rng(0).normal(size=(2, 1, 200)) + np.array([0.0, 3.0])[:, None, None]  # x and y, (1, 200) each
print("by sorting", line_distance(*rows)[0], "by assignment", exact_distance(*rows.transpose(0, 2, 1)))

# %% [markdown]
# ### The critic
#
# In more dimensions and for networks the paper takes the dual problem (Kantorovich and Rubinstein). Prices $f$ replace
# the plan; they may differ between two places by no more than the way between them costs:
#
# $$W(P, Q) = \max_{\lVert f \rVert_L \le 1}\ \mathbb{E}_{x \sim P} f(x) - \mathbb{E}_{y \sim Q} f(y).$$
#
# A network plays $f$, the *critic*; there is no sigmoid and no logarithm. What keeps its slope below 1?
#
# - **Clipping** (Arjovsky et al. 2017): after each step all weights are cut to $[-c, c]$. Then $f$ is $K$-Lipschitz for
#   some unknown $K$, and the maximum is $K\,W$ at most. The authors: "Weight clipping is a clearly terrible way to
#   enforce a Lipschitz constraint."
# - **Gradient penalty** (Gulrajani et al. 2017): $\lambda\, \mathbb{E}_{\hat x} (\lVert \nabla f(\hat x) \rVert - 1)^2$
#   is added to the loss, $\lambda = 10$, at points $\hat x = x + \alpha (y - x)$ with one $\alpha \sim U(0, 1)$ for
#   each pair: on the lines along which an optimal $f$ has slope 1.
#
# Below, many networks train side by side: all variables have a first axis of `runs`, and each run its own rate.

# %%
def new_network(sizes, runs, rng):
    """Weights and biases of `runs` multilayer perceptrons with He's initialization, in turn."""
    arrays = []
    for n, m in zip(sizes[:-1], sizes[1:], strict=True):
        arrays += [rng.normal(size=(runs, n, m)) * np.sqrt(2 / n), np.zeros((runs, 1, m))]
    return [tf.Variable(array, dtype=tf.float32) for array in arrays]


def network(variables, x):
    """From x (runs, batch, inputs) to (runs, batch, outputs), with ReLU between."""
    for W, b in zip(variables[:-2:2], variables[1:-2:2], strict=True):
        x = tf.nn.relu(x @ W + b)
    return x @ variables[-2] + variables[-1]


class Adam:
    """Adam by hand, since `apply` takes a rate for each run, (runs, 1, 1)."""

    def __init__(self, variables, beta_1, beta_2=0.99):
        self.variables, self.beta_1, self.beta_2, self.step = variables, beta_1, beta_2, tf.Variable(0.0)
        self.m, self.v = ([tf.Variable(tf.zeros_like(w)) for w in variables] for _ in range(2))

    def apply(self, gradients, rate):
        self.step.assign_add(1.0)
        scale = rate * tf.sqrt(1 - self.beta_2**self.step) / (1 - self.beta_1**self.step)
        for w, g, m, v in zip(self.variables, gradients, self.m, self.v, strict=True):
            m.assign(self.beta_1 * m + (1 - self.beta_1) * g)
            v.assign(self.beta_2 * v + (1 - self.beta_2) * g * g)
            w.assign_sub(scale * m / (tf.sqrt(v) + 1e-7))


# %% [markdown]
# The three opponents of a generator: the discriminator of notebook 1 and the two critics. Every loss has one number for
# each run. Next to it stands the *estimate* that it implies: of JS for the discriminator, of $W$ for the critics.

# %%
clip, first_beta = 0.3, {"GAN": 0.5, "clipping": 0.0, "penalty": 0.0}  # c = 0.01 in the paper


def slopes(f, places):
    """Norm of the gradient of f at each of the places (runs, batch, d): (runs, batch)."""
    with tf.GradientTape() as tape:
        tape.watch(places)
        total = tf.reduce_sum(network(f, places))
    return tf.sqrt(tf.reduce_sum(tape.gradient(total, places) ** 2, axis=-1) + 1e-12)


def improve(kind, f, adam, x, y, rate, random=None, weight=10.0):
    """One step of the opponent f against real x and generated y; its estimate before the step, (runs,)."""
    with tf.GradientTape() as tape:
        if kind == "GAN":  # cross-entropy: its smallest value is 2 ln 2 - 2 JS
            loss = tf.reduce_mean(tf.nn.softplus(-network(f, x)) + tf.nn.softplus(network(f, y)), axis=(1, 2))
            estimate = np.log(2) - loss / 2
        else:
            estimate = tf.reduce_mean(network(f, x) - network(f, y), axis=(1, 2))
            loss = -estimate
        if kind == "penalty":
            alpha = random.uniform((*x.shape[:2], 1))
            loss += weight * tf.reduce_mean((slopes(f, x + alpha * (y - x)) - 1) ** 2, axis=-1)
    adam.apply(tape.gradient(loss, f), rate)
    if kind == "clipping":
        for w in f:
            w.assign(tf.clip_by_value(w, -clip, clip))
    return estimate


# %% [markdown]
# In Keras clipping is a constraint, which an optimizer applies after its step. The same critic, 50 steps both ways:

# %% tags=["demo"]
class Clip(keras.constraints.Constraint):
    def __call__(self, w):
        return keras.ops.clip(w, -clip, clip)


rng, limits = np.random.default_rng(1), {"kernel_constraint": Clip(), "bias_constraint": Clip()}
x, y = (tf.constant(rng.normal(middle, size=(1, 64, 2)), tf.float32) for middle in [0.0, 1.0])
f = new_network([2, 16, 1], 1, rng)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16, "relu", **limits),
                          keras.layers.Dense(1, **limits)])
model.set_weights([w.numpy().reshape(w.shape[-2:] if i % 2 == 0 else -1) for i, w in enumerate(f)])
ours, theirs = Adam(f, 0.5), keras.optimizers.Adam(1e-2, beta_1=0.5, beta_2=0.99)
for _ in range(50):
    improve("clipping", f, ours, x, y, 1e-2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(y[0])) - tf.reduce_mean(model(x[0]))
    theirs.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
print("largest difference of the values", float(tf.reduce_max(tf.abs(model(x[0]) - network(f, x)[0]))))

# %% [markdown]
# ### Two parallel lines
#
# Example 1 of the paper: $P$ is uniform on the segment from $(0, 0)$ to $(0, 1)$, $Q$ is the same, moved to the right
# by $\theta$. For every $\theta \ne 0$ they do not overlap, so JS is $\ln 2$, while $W = \theta$. We train all three
# opponents on fixed clouds: seven such pairs, and six pairs of a random Gaussian and a ring of heaps, whose exact
# distance has to come from the solver.
#
# Predict for $\theta = 0.1$ to 2: the trained discriminator's JS, the penalized critic's value, and what each tells a
# generator about $\theta$ (the derivative of its loss).

# %% tags=["demo"]
rng, thetas, points = np.random.default_rng(seeds(1)[0]), np.array([0, 0.1, 0.25, 0.5, 1, 1.5, 2]), 128
line = np.stack([np.zeros(points), np.linspace(0, 1, points)], axis=-1)
pairs = [(line, line + [theta, 0]) for theta in thetas]
for _ in range(6):
    angles = rng.integers(8, size=points) * np.pi / 4
    heaps = rng.uniform(0.6, 2) * np.stack([np.cos(angles), np.sin(angles)], axis=-1)  # (128, 2)
    blob = rng.normal(rng.uniform(-1, 1, 2), rng.uniform(0.2, 1, 2), size=(points, 2))
    pairs.append((blob, heaps + 0.1 * rng.normal(size=(points, 2))))
exact = np.array([exact_distance(*pair) for pair in pairs])
x, y = (tf.constant(np.stack(clouds), tf.float32) for clouds in zip(*pairs, strict=True))  # (13, 128, 2) each


def opponent(kind, steps=800):
    """An opponent for each pair of clouds, trained at a rate that falls linearly; its estimates (13,)."""
    f = new_network([2, 64, 64, 1], len(pairs), rng)
    adam, random = Adam(f, first_beta[kind]), tf.random.Generator.from_seed(seeds(1)[0])

    @tf.function(jit_compile=True)
    def train():
        for step in tf.range(steps):
            estimate = improve(kind, f, adam, x, y, 3e-3 * (1 - tf.cast(step, tf.float32) / steps), random)
        return estimate

    return f, train().numpy()


opponents = {kind: opponent(kind) for kind in ["GAN", "clipping", "penalty"]}

# %% [markdown]
# What reaches the generator is the gradient of its loss at each generated point; the mean of its first component is the
# derivative with respect to $\theta$. The generator's losses: $\ln(1 - D)$ (minimax), $-\ln D$ (non-saturating), $-f$.

# %% tags=["demo"]
def derivatives(f, loss):
    with tf.GradientTape() as tape:
        tape.watch(y)
        total = tf.reduce_sum(loss(network(f, y)))
    return np.abs(tf.reduce_mean(tape.gradient(total, y)[..., 0], axis=1))[1:7]  # at theta > 0


told = {"minimax": derivatives(opponents["GAN"][0], lambda s: -tf.nn.softplus(s)),
        "non-saturating": derivatives(opponents["GAN"][0], lambda s: tf.nn.softplus(-s)),
        "critic (penalty)": derivatives(opponents["penalty"][0], lambda s: -s)}
estimates = {"JS, discriminator": opponents["GAN"][1], "W, critic": opponents["penalty"][1], "W, exact": exact}
estimates, (left, right) = {name: values[:7] for name, values in estimates.items()}, plots.panels(2)
plots.line(thetas, estimates, xlabel=r"distance $\theta$", ylabel="estimate", ax=left)
plots.line(thetas[1:], told, xlabel=r"distance $\theta$", ylabel=r"$|d$ loss$/d\theta|$", log="y", ax=right)

# %% [markdown]
# JS says whether the lines are apart, not how far. The minimax gradient is gone. The non-saturating gradient is not,
# but its size is the discriminator's slope, which grows as long as one trains: its direction is right, its size means
# nothing. The critic tells the generator 1 at every distance, which is exercise 1's derivative added up.
#
# The six random pairs are harder. A critic's value can be brought to a guaranteed scale: let $K$ be the largest
# quotient $|f(x_i) - f(y_j)| / \lVert x_i - y_j \rVert$ over all pairs. Then value$/K \le W$, whatever $f$ is.

# %% tags=["demo"]
def slope(f):  # K for each pair of clouds
    gaps = abs(network(f, x).numpy() - network(f, y).numpy()[..., 0][:, None])  # (13, 128, 128)
    return np.array([np.max(gap / np.maximum(cdist(*pair), 1e-9)) for gap, pair in zip(gaps, pairs, strict=True)])


share = {}  # of the exact distance: value, and value / K, of the six random pairs
for kind in ["clipping", "penalty"]:
    f, estimate = opponents[kind]
    share[kind] = (estimate / np.maximum(exact, 1e-9))[7:], (estimate / slope(f) / np.maximum(exact, 1e-9))[7:]
columns = [f"{kind}: {what}" for kind in share for what in ["value / W", "value / K / W"]]
plots.table(["exact W", *columns], np.stack([exact[7:], *share["clipping"], *share["penalty"]], axis=1).tolist())

# %% [markdown]
# A clipped critic gives the distance in a unit that changes with the clouds (second column), and even with $K$ known it
# finds only part of it: the steepest function that the box of weights allows is steep in a few places only. The
# penalized critic comes near the exact distance and often exceeds it, because a penalty is no constraint. By how much?
#
# ### Exercise 2 (3 points): the price of a penalty
#
# On the parallel lines let the critic be linear along $\theta$ with slope $s$. It minimizes
# $-s\,\theta + \lambda (s - 1)^2$. Derive the best slope, and the value $s\,\theta$ that is then read as $W$.

# %% nbgrader={"grade": false, "grade_id": "penalized_critic", "locked": false, "schema_version": 3, "solution": true, "task": false}
def penalized_critic(distance: float, weight: float) -> tuple[float, float]:
    """Slope of the best linear critic for two lines `distance` apart, penalized with `weight`, and its value."""
    ### BEGIN SOLUTION
    steepness = 1 + distance / (2 * weight)
    return steepness, steepness * distance
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "penalized_critic_slope", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("slope at distance 4, weight 2", penalized_critic(4.0, 2.0)[0], expected=2.0)
### BEGIN HIDDEN TESTS
check("slopes of any pairs", [penalized_critic(*pair)[0] for pair in check.rng().uniform(0.5, 9.0, size=(4, 2))])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "penalized_critic_value", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("value at distance 4, weight 2", penalized_critic(4.0, 2.0)[1], expected=8.0)
### BEGIN HIDDEN TESTS
check("values of any pairs", [penalized_critic(*pair)[1] for pair in check.rng().uniform(0.5, 9.0, size=(4, 2))])
### END HIDDEN TESTS

# %% tags=["demo"] waits=["penalized_critic"]
plots.table(["distance, exact W", "value derived", "value of the trained critic"],
            [[theta, penalized_critic(theta, 10.0)[1], opponents["penalty"][1][i]] for i, theta in enumerate(thetas)])

# %% [markdown]
# ### Exercise 3 (5 points): a published penalty
#
# A penalty for images, put together from notebooks that are widely copied. It runs, and samples improve with it:
#
# ```python
# def published_penalty(critic, real, fake):
#     alpha = tf.random.normal((len(real), 1, 1, 1))
#     between = real + alpha * (fake - real)
#     with tf.GradientTape() as tape:
#         tape.watch(between)
#         values = critic(between)
#     norms = tf.norm(tape.gradient(values, between), axis=(1, 2))
#     return tf.reduce_mean((norms - 1) ** 2)
# ```
#
# Three things are wrong: where the places lie, of what the norm is taken, and what the penalty's own gradient is where
# the critic's gradient is exactly 0 (a critic whose ReLUs are all dead). Write it as it should be.

# %% nbgrader={"grade": false, "grade_id": "image_penalty", "locked": false, "schema_version": 3, "solution": true, "task": false}
def image_penalty(critic, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Mean of (norm of the critic's gradient - 1)**2 over random places between real and fake images, ().

    real and fake (batch, height, width, channels); critic gives (batch, 1). Draws alpha by itself.
    """
    ### BEGIN SOLUTION
    alpha = tf.random.uniform((len(real), 1, 1, 1))
    between = real + alpha * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between)  # (batch, 1)
    squares = tf.reduce_sum(tape.gradient(values, between) ** 2, axis=(1, 2, 3))  # (batch,)
    return tf.reduce_mean((tf.sqrt(squares + 1e-12) - 1) ** 2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "image_penalty_norm", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def penalty_of_linear(weights, batch=3):
    images = tf.random.normal((2, batch, *weights.shape))
    return image_penalty(lambda x: tf.reduce_sum(x * tf.constant(weights, tf.float32), (1, 2, 3))[:, None], *images)


check("a linear critic: (norm of its weights - 1)**2", penalty_of_linear(np.full((2, 2, 4), 0.5)), expected=1.0)
### BEGIN HIDDEN TESTS
check("any linear critic", penalty_of_linear(check.rng().normal(size=(4, 3, 2))), tolerance=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "image_penalty_places", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def alpha_of(darkest, brightest, batch=20_000):
    """Minimum, quartiles and maximum of what was drawn, and its range within an image."""
    seen, real = [], tf.fill((batch, 2, 3, 1), float(darkest))
    fake = tf.fill(real.shape, float(brightest))
    image_penalty(lambda x: seen.append(x) or tf.reduce_sum(x, (1, 2, 3))[:, None], real, fake)
    alpha = (np.array(seen[0]) - darkest) / (brightest - darkest)
    return np.append(np.quantile(alpha, [0, 0.25, 0.5, 0.75, 1]), np.ptp(alpha, axis=(1, 2, 3)).mean())


check("alpha: minimum, quartiles, maximum; range within an image", alpha_of(0, 1),
      expected=[0, 0.25, 0.5, 0.75, 1, 0], tolerance=0.03)
### BEGIN HIDDEN TESTS
check("alpha between other images", alpha_of(*check.rng().uniform([0.0, 0.6], [0.4, 1.0])), tolerance=0.03)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "image_penalty_gradient", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
def gradient_at(start):
    """Gradient of the penalty of the critic relu(w * sum of x) with respect to w; images are positive."""
    w, images = tf.Variable(float(start)), tf.random.uniform((2, 4, 2, 2, 1)) + 0.1
    with tf.GradientTape() as tape:
        loss = image_penalty(lambda x: tf.nn.relu(w * tf.reduce_sum(x, (1, 2, 3)))[:, None], *images)
    return tape.gradient(loss, w)


check("the gradient of a dead critic is 0, not NaN", gradient_at(-1.0), expected=0.0)
### BEGIN HIDDEN TESTS
check("living and dead critics", [gradient_at(w) for w in check.rng().uniform([0.2, -3], [3, -0.2])], tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ### Meaningful learning curves
#
# The abstract's third promise. The critic's value should follow the quality of the samples; a discriminator's loss,
# says the paper, does not. Quality is the Fréchet distance in the features of a classifier of digits (notebook 1). All
# players are perceptrons, so that fifteen trainings run at once: three rates, five seeds. Both opponents get three
# steps for one of the generator. Adam's $\beta_1$ is 0.5 for the GAN and 0 for the critics, as their authors advise;
# all else is equal. The estimate at a stop is the mean over the last 20 steps.

# %%
def adversaries(kind, real, rates, *, latent, units, stops, chunk, squash, seed, weight=10.0, opponent_steps=3):
    """Five pairs of players at each rate: estimates (stops, rates, 5) and samples (stops, rates, 5, 500, d)."""
    rng, random = np.random.default_rng(seed), tf.random.Generator.from_seed(seed)
    runs, (count, d), batch = 5 * len(rates), real.shape, 64
    g, f = new_network([latent, units, units, d], runs, rng), new_network([d, units, units, 1], runs, rng)
    adam_g, adam_f = Adam(g, first_beta[kind]), Adam(f, first_beta[kind])
    real, rate = tf.constant(real, tf.float32), tf.constant(np.repeat(rates, 5)[:, None, None], tf.float32)

    def generated(number):
        return squash(network(g, random.normal((runs, number, latent))))  # (runs, number, d)

    @tf.function(jit_compile=True)
    def train():
        total = tf.zeros(runs)
        for _ in tf.range(chunk):
            for _ in range(opponent_steps):
                x = tf.gather(real, random.uniform((runs, batch), maxval=count, dtype=tf.int32))  # (runs, batch, d)
                estimate = improve(kind, f, adam_f, x, generated(batch), rate, random, weight)
            with tf.GradientTape() as tape:
                scores = network(f, generated(batch))  # (runs, batch, 1)
                loss = tf.reduce_mean(tf.nn.softplus(-scores) if kind == "GAN" else -scores, axis=(1, 2))
            adam_g.apply(tape.gradient(loss, g), rate)
            total += estimate
        return total / chunk

    parts = zip(*((train().numpy(), generated(500).numpy()) for _ in range(stops)), strict=True)
    return [np.stack(part).reshape(stops, len(rates), 5, *part[0].shape[1:]) for part in parts]


# %% tags=["demo"]
rates = [3e-4, 1e-3, 3e-3]
images, _, labels, _ = data.digits(train=1700)
judge = sample_quality.Judge(images[..., None], labels)
features, seed = judge.features(images[..., None]), seeds(1)[0]  # (1700, 32)
followed = {}  # estimates and Fréchet distances (15, 3, 5), last samples (3, 5, 500, 64)
for kind in ["GAN", "penalty"]:
    estimates, samples = adversaries(kind, images.reshape(-1, 64), rates, latent=16, units=96, stops=15, chunk=20,
                                     squash=tf.sigmoid, seed=seed)
    found = judge.features(samples.reshape(-1, 8, 8, 1)).reshape(-1, 500, features.shape[1])
    distances = [sample_quality.frechet_distance(features, part) for part in found]
    followed[kind] = estimates, np.reshape(distances, estimates.shape), samples[-1]

# %% tags=["demo"]
for ax, kind, name in zip(plots.panels(2), followed, ["JS (discriminator)", "W (critic)"], strict=True):
    marks = {f"rate {rate:g}": [part[2:, k].ravel() for part in followed[kind][:2]] for k, rate in enumerate(rates)}
    plots.scatter(marks, xlabel=f"estimate of {name}", ylabel="Fréchet distance of the samples", log="y", ax=ax)
    ax.set_ylim(1, 400)

# %% [markdown]
# Each mark is a stop of one of the fifteen trainings (the first two, where opponents know nothing, are left out). Could
# you have told good samples from bad by the estimate alone? Spearman's rank correlation says how well: for each seed
# over all stops of the three rates, the situation of a hyperparameter search, and over those of the best rate alone.

# %% tags=["demo"]
final = {kind: followed[kind][1][-1] for kind in followed}  # (3, 5)
best = {kind: final[kind].mean(axis=1).argmin() for kind in followed}
ranks = {kind: [[spearmanr(*(part[2:, chosen, i].ravel() for part in followed[kind][:2]))[0] for i in range(5)]
                for chosen in [slice(None), best[kind]]] for kind in followed}
plots.table(["", "rank correlation, all rates", "best rate", *(f"last Fréchet at {rate:g}" for rate in rates)],
            [[kind, *(", ".join(f"{r:.2f}" for r in row) for row in ranks[kind]), *final[kind].mean(axis=1)]
             for kind in ranks])
print("Fréchet distance of two halves of the data", sample_quality.frechet_distance(features[::2], features[1::2]))
plots.images(np.concatenate([followed[k][2][best[k], 0, :10] for k in ranks]).reshape(-1, 8, 8), columns=10)

# %% [markdown]
# Above are samples of the GAN at its best rate, below those of the penalized critic's generator.

# %% tags=["demo"]
lines, apart = opponents["penalty"][1][2:7] / exact[2:7], opponents["GAN"][1][2:7] / np.log(2)
ours, follows = share["penalty"][0], stats.mean_interval(ranks["penalty"][0])
claim(
    "wasserstein-gan",
    measured={"lines 0.25 to 2 apart: JS / ln 2, lowest and highest": [apart.min(), apart.max()],
              "the same: critic's value / W": [lines.min(), lines.max()],
              "six random pairs, penalty: value / W": [ours.min(), ours.max()],
              "six random pairs, clipping: value / W": [share["clipping"][0].min(), share["clipping"][0].max()],
              "value / K / W, mean: penalty, clipping": [share["penalty"][1].mean(), share["clipping"][1].mean()],
              "rank correlation of the critic's value with Fréchet (95% half-width)": follows,
              "rank correlation of the discriminator's estimate": stats.mean_interval(ranks["GAN"][0]),
              "largest last Fréchet distance of 15: GAN, penalty": [final[kind].max() for kind in ranks]},
    holds=apart.min() > 0.95 and abs(lines - 1).max() < 0.15 and abs(ours - 1).max() < 0.25
    and follows[0] - follows[1] > 0.3 and final["penalty"].mean() < final["GAN"].mean() / 2,
    because="JS saturates, W does not; the critic measures W and its value follows quality, but JS's estimate does too",
)

# %% [markdown]
# Of the three promises, **stability** is plain: over a tenfold range of rates all fifteen trainings with the penalty
# come near the data, while the GAN hangs on the rate (last columns). The **learning curve** is meaningful, but that
# is no privilege. The paper contrasts with it the JS of an *optimal* discriminator, flat at $\ln 2$; ours follows a
# moving generator, and its loss says how well it keeps up. Over all rates the critic ranks samples somewhat better here
# (with wider networks the discriminator did, in a trial), within the best rate the discriminator: there the critic's
# value is soon as low as the noise of its batches allows. One discriminator step in place of three changed little.
#
# **How this could be wrong.** The networks are small, the digits have 64 pixels, and the Fréchet distance is that of
# one judge. The correlation rewards a curve for being monotone, not for its units. The exact distances are those of
# clouds: between two samples of one distribution $W$ is not 0, and falls only as $n^{-1/d}$.
#
# **Often mistaken.** The critic's value is no distance when the critic is clipped, nor when it is young. $\alpha$ drawn
# from a normal distribution (exercise 3) puts two thirds of all places beyond both images. **Practice has moved on**:
# spectral normalization (notebook 3) bounds the slope without a second gradient, and is what the deck's later networks
# use.

# %% [markdown] topic="mode-collapse"
# ## Mode collapse
#
# "Get rid of problems like mode collapse": a generator that makes a few kinds of samples, each of them good, and leaves
# the others out. The tutorial shows it on a mixture of Gaussians on a ring (Metz et al. 2016), where modes can be
# counted. The generator's loss is a mean over the places where it puts its points: a mode without points says nothing.
#
# Eight Gaussians of width $\sigma$ on a circle of radius 2. A sample is *good* within $3\sigma$ of a centre; a mode is
# *covered* when good samples at it are at least a tenth of its share, 1/80 of all. The third number is the distance
# itself: exact $W$ between 500 samples and 500 points of the data.

# %%
sigma, angles = 0.1, np.arange(8) * np.pi / 4  # 0.02 in Metz et al.
centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)  # (8, 2)


def modes_and_good(samples):
    """Number of covered modes, and per cent of good samples, of each set of samples (..., count, 2)."""
    near = np.linalg.norm(samples[..., None, :] - centres, axis=-1) < 3 * sigma  # (..., count, 8)
    return (near.mean(axis=-2) > 1 / 80).sum(axis=-1), 100 * near.any(axis=-1).mean(axis=-1)


# %% [markdown]
# Two rates and five seeds for each opponent. A GAN is usually trained with one step of the discriminator for each of
# the generator, so it has both: one and three. Which will miss modes, and whose samples will lie best on those they
# cover?

# %% tags=["demo"]
rng, seed, rates = np.random.default_rng(seeds(1)[0]), seeds(1)[0], [3e-3, 1e-2]
cloud = centres[rng.integers(8, size=10_000)] + sigma * rng.normal(size=(10_000, 2))
arms = {"GAN, 1 step": ("GAN", 1), "GAN, 3 steps": ("GAN", 3), "clipping": ("clipping", 3), "penalty": ("penalty", 3)}
rings = {name: adversaries(kind, cloud, rates, latent=8, units=64, stops=3, chunk=300, squash=tf.identity, seed=seed,
                           weight=1.0, opponent_steps=number)[1][-1] for name, (kind, number) in arms.items()}
modes, good = ({name: modes_and_good(samples)[i] for name, samples in rings.items()} for i in [0, 1])  # (2, 5) each
moved = {name: np.array([[exact_distance(found, cloud[:500]) for found in row] for row in samples])
         for name, samples in rings.items()}
plots.table(["", "rate", "modes, of five seeds", "good samples (%)", "exact W"],
            [[name, rate, list(modes[name][k]), good[name][k].mean(), moved[name][k].mean()]
             for name in arms for k, rate in enumerate(rates)])
print("exact W between two samples of the data:", exact_distance(cloud[:500], cloud[500:1000]))

# %% tags=["demo"]
best = {name: modes[name].mean(axis=1).argmax() for name in arms}  # the rate that covers most
for ax, name in zip(plt.subplots(1, 4, figsize=(11, 3), sharey=True)[1], arms, strict=True):
    _ = [ax.add_patch(plt.Circle(centre, 3 * sigma, fill=False, color="0.5")) for centre in centres]
    ax.plot(*rings[name][best[name], 0].T, ".", markersize=3)
    ax.set(title=f"{name}: {modes[name][best[name], 0]} modes", xlim=(-3, 3), ylim=(-3, 3), aspect="equal")

# %% tags=["demo"]
covered = {name: modes[name][best[name]] for name in arms}  # (5,)
gan = max(list(arms)[:2], key=lambda name: covered[name].mean())
more = {name: stats.mean_interval(covered[name] - covered[gan]) for name in ["clipping", "penalty"]}
claim(
    "mode-collapse",
    measured={f"{name}: modes of five seeds at its best rate": list(covered[name]) for name in arms}
    | {f"{name}: modes more than the better GAN (95% half-width)": interval for name, interval in more.items()}
    | {f"good samples at these rates (%): {', '.join(arms)}": [good[name][best[name]].mean() for name in arms],
       "exact W at these rates, in the same order": [moved[name][best[name]].mean() for name in arms]},
    holds=all(mean > width for mean, width in more.values()) and covered["penalty"].mean() >= 7,
    because="with the same networks and data both critics lead generators to the whole ring, discriminators to a part",
)

# %% [markdown]
# Where the GAN has samples, with three steps, they are the better ones: most lie on a mode. By that measure alone it
# would win, and by the exact distance it loses: a missing mode costs more earth than a blurred one. The critics' generators cover the
# ring and still leave samples on the way from one mode to the next, which a continuous map of one connected noise
# cannot avoid altogether.
#
# **How this could be wrong.** Nine hundred steps are few; longer training sharpens the critics' samples and lets some
# GANs find more modes (2 to 6 of 8 after 3,000 steps at one discriminator step in a trial). The penalty's weight is 1
# here and 10 above, as suits the scale of the data. A ring is a toy with its modes far apart; on digits the loss of a
# class is rarer, and the Fréchet distance would show it.
#
# **Often mistaken.** Collapse is not over-fitting: no training point is remembered. **Practice has moved on**: what
# large GANs use against collapse is class labels, large batches and regularized discriminators (notebooks 3 and 5) with
# the old losses; diffusion models, trained by regression, hardly know the problem.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Between distributions that do not overlap JS is $\ln 2$ whatever their distance; $W$ is the distance.
# - A critic's value measures $W$ only up to its slope: divide by the largest quotient to get a guaranteed lower bound.
# - The penalty looks at places between real and generated points, $\alpha \sim U(0, 1)$, one for each pair, and at the
#   norm of the whole gradient. The slope that it settles on lies above 1.
# - Good samples and covered modes are two measures; $W$ or the Fréchet distance sees both.
# - A loss that follows quality is a finding about a training, not a property that only the critic has.
#
# ## At full scale
#
# `data.digits(full=True)` gives MNIST under the same call: 784 pixels in place of 64.
#
# | where | what | parameters of the generator | training |
# |---|---|---|---|
# | this laptop | 8 x 8 digits, perceptrons of 96 units | 17 thousand | 300 steps, fifteen at once, seconds |
# | one GPU | MNIST or CIFAR-10, convolutions, penalty | about a million | 100,000 steps, a day |
# | the paper (Arjovsky et al. 2017) | LSUN bedrooms, 64 x 64 | a few millions | hundreds of thousands of steps |
#
# Next: notebook 3 tells the generator which class to draw, and bounds the discriminator's slope by its spectrum.

# %%
dlcourse.submit()
