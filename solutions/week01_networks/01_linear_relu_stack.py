# %% [markdown]
# # 1 · Linear, ReLU, repeat
#
# *Large Scale Deep Learning*, session I, slides "Neural Networks ... without the Neuro-Babble" to "Step 3:
# Repeat!", and *Hot research*, quiz question 15.
#
# **You should know** matrix products, derivatives and a little Python: the entry test below tells you. **You will
# have built** a stack of linear functions and ReLUs, by hand and in Keras, with a thousand linear pieces from
# twenty ReLUs; a trainer that runs dozens of networks side by side; and a measurement of what depth does to three
# activation functions.

# %% [markdown]
# ## How the notebooks work
#
# Before each result you are asked to predict it: write your guess down, then run the cell. Fill in the exercises
# where a function says so; the check below each tells at once what is wrong, and more checks run when it is graded.
#
# ## Entry test
#
# Five short questions, not graded. If an answer surprises you, read the section it names before you go on.
#
# 1. `X` has shape (32, 64), `W` has (64, 10), `b` has (10,). What is the shape of `X @ W + b`, and how many
#    parameters are `W` and `b`?
#
# <details><summary>Answer</summary>
#
# (32, 10): one row for each row of `X`, and `b` is added to every row. 64 · 10 + 10 = 650. Read up:
# [*Deep Learning*](https://www.deeplearningbook.org), sections 2.1 and 2.2.
#
# </details>
#
# 2. $L(w) = (wx - y)^2$. What is $dL/dw$ at $w = 1$, $x = 2$, $y = 3$, and which way should $w$ go to lower $L$?
#
# <details><summary>Answer</summary>
#
# $2(wx - y)\,x = -4$; the derivative is negative, so $w$ should grow. Read up: *Deep Learning*, sections 4.3 and
# 6.5.2.
#
# </details>
#
# 3. One plant in a hundred is ill. A test finds 90% of the ill ones and raises a false alarm for 9% of the others.
#    It raises an alarm: how likely is the plant ill?
#
# <details><summary>Answer</summary>
#
# $0.01 \cdot 0.9 / (0.01 \cdot 0.9 + 0.99 \cdot 0.09) \approx 9\%$: most alarms come from the many that are well.
# Read up: *Deep Learning*, section 3.11 (Bayes' rule).
#
# </details>
#
# 4. What does this print?
#
# ```python
# def remember(loss, losses=[]):
#     losses.append(loss)
#     return losses
#
# remember(0.7)
# print(remember(0.5))
# ```
#
# <details><summary>Answer</summary>
#
# `[0.7, 0.5]`: a default is made once, when the function is defined, and shared by all calls. Read up: the [Python
# tutorial](https://docs.python.org/3/tutorial/controlflow.html#default-argument-values), "Default Argument Values".
#
# </details>
#
# 5. A classifier gives each of ten classes probability 0.1. What is $-\ln y$ of the right class? Why do we sum this
#    over 1,000 examples instead of multiplying the probabilities?
#
# <details><summary>Answer</summary>
#
# $\ln 10 \approx 2.3$. The logarithm of a product is the sum of logarithms, and the product itself, $10^{-1000}$,
# is zero in floating point. Read up: *Deep Learning*, sections 3.13 and 4.1.
#
# </details>

# %%
dlcourse.setup("week01/01_linear_relu_stack", seed=1)

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, stats
from scipy.special import expit as sigmoid

# %% [markdown] topic="linear-relu-stack"
# ## Linear, ReLU, repeat
#
# The deck wants a "tractable, highly non-linear, parametric function" and builds it in three steps: "start with a
# linear function $Y = AX$", "add a non-linearity", $\max(0, X)$, and "repeat!". Here examples are rows, so the
# linear step is $XW + b$.

# %%
def relu(x):
    return np.maximum(0.0, x)


def stack(x, layers, activation=relu):
    """Linear, activation, repeat, and a last linear step; layers are [W1, b1, W2, b2, ...], as Keras lists weights."""
    *hidden, (weights, biases) = zip(layers[::2], layers[1::2], strict=True)
    for hidden_weights, hidden_biases in hidden:
        x = activation(x @ hidden_weights + hidden_biases)  # (batch, units)
    return x @ weights + biases  # (batch, outputs)


# %% [markdown]
# Keras computes the same. And without step 2, step 3 gains nothing: any number of linear functions is one linear
# function.

# %%
net = tf.keras.Sequential([tf.keras.Input((64,)), tf.keras.layers.Dense(32, "relu"), tf.keras.layers.Dense(10)])
layers = net.get_weights()  # (64, 32), (32,), (32, 10), (10,)
x = np.random.default_rng(1).normal(size=(5, 64)).astype("float32")
print("by hand as in Keras:", np.allclose(stack(x, layers), net(x), atol=1e-5))
one_matrix = layers[0] @ layers[2]  # (64, 10)
print("without the ReLU one matrix does:", np.allclose(stack(x, layers, lambda a: a), x @ one_matrix, atol=1e-5))

# %% [markdown]
# ### What repeating buys
#
# The tent $T(x) = 2\max(0, x) - 4\max(0, x - \tfrac12)$ takes two ReLUs: up to 1 at one half, and down again. It
# folds the interval $[0, 1]$ onto itself twice, so $T(T(x))$ is two tents. To compose, the linear end of one tent
# and the linear beginning of the next are multiplied into one layer, from two ReLUs to two ReLUs.

# %%
def tent_layers(times):
    """The tent composed `times` times: a stack with 2 ReLUs in each of `times` hidden layers."""
    begin, kinks = np.array([[1.0, 1.0]]), np.array([0.0, -0.5])  # (1, 2), (2,)
    end = np.array([[2.0], [-4.0]])  # (2, 1)
    middle = [end @ begin, kinks] * (times - 1)  # (2, 2), (2,)
    return [begin, kinks, *middle, end, np.zeros(1)]


grid = np.linspace(0, 1, 1025)[:, None]  # (1025, 1)
for times, ax in zip([1, 2, 3], plots.panels(3, columns=3), strict=True):
    plots.line(grid[:, 0], stack(grid, tent_layers(times))[:, 0], xlabel="$x$", ylabel="output",
               title=f"{times} hidden layer{'s' * (times > 1)} of 2 ReLUs", ax=ax)

# %% [markdown]
# How many pieces have ten layers, with twenty ReLUs? We count where the slope changes. All kinks are at multiples
# of $2^{-10}$ and so on the grid, where floating point is exact.
#
# One hidden layer is the rival. Each of its ReLUs bends the line once, so $2^k$ pieces take at least $2^k - 1$ of
# them. In fact they take $2^k$: the slope must jump by $\pm 2^{k+1}$ at every kink, and with one ReLU a kink the
# first slope would be a sum of such jumps, but it is $2^k$.

# %%
def pieces_on_grid(x, y):
    """Number of linear pieces of a function with values y (points,) at x (points,), its kinks among the x."""
    slopes = np.diff(y) / np.diff(x)  # (points - 1,)
    return 1 + int((~np.isclose(slopes[1:], slopes[:-1])).sum())


def parameters(sizes):
    """Number of weights and biases of a stack, from inputs, hidden units ..., outputs."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in zip(sizes[:-1], sizes[1:], strict=True))


fine = np.linspace(0, 1, 2**12 + 1)  # (4097,)
pieces = {times: pieces_on_grid(fine, stack(fine[:, None], tent_layers(times))[:, 0]) for times in (1, 2, 3, 5, 10)}
plots.table(["layers of 2", "pieces counted", "ReLUs", "parameters", "ReLUs in one layer", "parameters in one layer"],
            [[times, count, 2 * times, parameters([1] + [2] * times + [1]), 2**times, parameters([1, 2**times, 1])]
             for times, count in pieces.items()])

# %% [markdown]
# Six more parameters double the pieces; one layer has to double its parameters.
#
# ### Exercise 1 (4 points): the rival, by hand
#
# Any line through points $(x_0, y_0), \dots, (x_n, y_n)$, straight between neighbours, is a stack with one hidden
# layer of $n$ ReLUs $\max(0, x - x_i)$, $i = 0 \dots n - 1$. Which output weights and which output bias does it
# need? Return the layers as `stack` takes them: (1, n), (n,), (n, 1), (1,). The $x_i$ increase, and only $x_0 \le x
# \le x_n$ matters.

# %% nbgrader={"grade": false, "grade_id": "shallow_through", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shallow_through(points_x: np.ndarray, points_y: np.ndarray) -> list[np.ndarray]:
    """Layers [W1 (1, n), b1 (n,), W2 (n, 1), b2 (1,)] of the line through n + 1 points, (n + 1,) each."""
    ### BEGIN SOLUTION
    slopes = np.diff(points_y) / np.diff(points_x)  # (n,)
    changes = np.diff(slopes, prepend=0.0)  # (n,)
    return [np.ones((1, len(slopes))), -points_x[:-1], changes[:, None], points_y[:1]]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "shallow_through_zero", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
between = np.linspace(0, 1, 9)[:, None]  # (9, 1)
check("the tent, at nine places", stack(between, shallow_through(np.array([0, 0.5, 1]), np.array([0.0, 1, 0])))[:, 0],
      expected=[0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0])
check("as many ReLUs as pieces", shallow_through(np.array([0, 0.5, 1]), np.array([0.0, 1, 0]))[0].shape[1], expected=2)
### BEGIN HIDDEN TESTS
random = check.rng()
points_x = np.append(0.0, np.cumsum(random.uniform(0.1, 1.0, size=6)))
points_y = np.append(0.0, random.normal(size=6))
places = np.linspace(0, points_x[-1], 40)[:, None]
check("any points from the origin on", stack(places, shallow_through(points_x, points_y))[:, 0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "shallow_through_anywhere", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("points that start at (1, 5)", stack(np.array([[1.0], [2], [3], [3.5], [4]]),
                                           shallow_through(np.array([1.0, 3, 4]), np.array([5.0, 1, 2])))[:, 0],
      expected=[5, 3, 1, 1.5, 2])
### BEGIN HIDDEN TESTS
random = check.rng()
points_x = random.normal() + np.cumsum(random.uniform(0.1, 1.0, size=8))
points_y = random.normal(size=8) + 3
places = np.linspace(points_x[0], points_x[-1], 40)[:, None]
check("any points", stack(places, shallow_through(points_x, points_y))[:, 0])
### END HIDDEN TESTS

# %% [markdown]
# With it the two rivals can be laid on each other: 10 hidden layers of 2, and one of 1,024.

# %% waits=["shallow_through"]
knots = np.linspace(0, 1, 2**10 + 1)
shallow = shallow_through(knots, stack(knots[:, None], tent_layers(10))[:, 0])
difference = stack(fine[:, None], shallow) - stack(fine[:, None], tent_layers(10))  # (4097, 1)
print(f"{shallow[0].shape[1]} ReLUs in one layer, largest difference {np.abs(difference).max():.1g}")

# %% [markdown]
# ### Does training find them?
#
# That a network *can* hold the function does not mean that training arrives there. The deck says: "Empirically,
# deeper models require many fewer parameters than 'shallow' models of same representational power." So let us be
# empirical, with the eight-piece $T(T(T(x)))$ and stacks of equally many parameters, three hidden layers against
# one.
#
# One run proves little: we need several seeds and a sweep of learning rates. `EinsumDense` holds the weights of
# many networks, so that all train at once. Its initial weights we draw ourselves (Keras' initializers would take
# the axis of runs for inputs): He's variance $2/n_\text{in}$ before a ReLU, Glorot's $2/(n_\text{in} +
# n_\text{out})$ elsewhere.

# %%
def side_by_side(layers, copies=1, activation="relu"):
    """Keras model of copies * seeds runs of stacks, (batch, runs, inputs) to (batch, runs, outputs)."""
    runs = copies * len(layers[0])
    *hidden, outputs = (biases.shape[1] for biases in layers[1::2])
    model = tf.keras.Sequential([tf.keras.Input((runs, layers[0].shape[1]))])
    for units in hidden:
        model.add(tf.keras.layers.EinsumDense("bri,rio->bro", (runs, units), activation=activation, bias_axes="ro"))
    model.add(tf.keras.layers.EinsumDense("bri,rio->bro", (runs, outputs), bias_axes="ro"))
    model.set_weights([np.concatenate([layer] * copies) for layer in layers])
    return model


def initial_layers(sizes, seeds, activation="relu"):
    """Weights (seeds, in, out) and zero biases (seeds, out) of each layer in turn."""
    layers = []
    for depth, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        he = activation == "relu" and depth < len(sizes) - 1
        deviation = np.sqrt(2 / fan_in if he else 2 / (fan_in + fan_out))
        noise = [np.random.default_rng([seed, depth]).normal(size=(fan_in, fan_out)) for seed in range(seeds)]
        layers += [deviation * np.array(noise), np.zeros((seeds, fan_out))]
    return layers


# %% [markdown]
# The trainer is the deck's $w' = w - \alpha\,\partial_w L(w)$ on minibatches. A loss times 0.1 is a rate times 0.1:
# we weigh each run's loss with its rate and let SGD itself run at rate 1.

# %%
def train(model, rates, minibatches, loss, momentum=0.0, block=20):
    """Train all runs; after every block of steps yield the mean training loss of each, (runs,)."""
    optimizer = tf.keras.optimizers.SGD(1.0, momentum=momentum)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=True)  # fused into one loop: quick for small networks (week 05)
    def steps(inputs, targets):
        total = tf.zeros_like(rates)
        for step in tf.range(block):
            with tf.GradientTape() as tape:
                losses = loss(targets[step], model(inputs[step]))  # (runs,)
                weighted = tf.reduce_sum(rates * losses)
            optimizer.apply(tape.gradient(weighted, model.trainable_variables))
            total += losses
        return total / block

    while True:
        yield steps(*minibatches(block)).numpy()


# %% [markdown]
# Zero biases, the default in Keras, are a handicap in one dimension: the kinks of *all* first-layer units lie at
# input 0, the middle of our interval (we feed $2x - 1$). So both rivals start in two ways: with zero biases, and
# with the first layer's kinks spread at random. Steps have momentum 0.9 (week 02): a step of rate $\alpha$ then
# counts like one of about $10\,\alpha$.

# %%
def spread_kinks(layers):
    """The layers with the kinks of the first, at -b / w, drawn evenly from -1 to 1."""
    kinks = np.random.default_rng(len(layers)).uniform(-1, 1, size=layers[1].shape)  # (seeds, units)
    return [layers[0], -layers[0][:, 0] * kinks, *layers[2:]]


def squared_error(targets, outputs):
    return tf.reduce_mean((outputs - targets) ** 2, axis=(0, 2))  # (runs,)


def fit_tent(sizes, times, seeds=8, steps=3000, rates=(0.01, 0.03, 0.1)):
    """For each start, zero biases and spread kinks, at its best rate: errors (seeds,) and outputs (points, seeds)."""
    zero = initial_layers(sizes, seeds)
    starts = [np.concatenate(both) for both in zip(zero, spread_kinks(zero), strict=True)]  # (2 * seeds, ...)
    model, random = side_by_side(starts, copies=len(rates)), np.random.default_rng(1)

    def minibatches(block):
        x = random.uniform(size=(block, 64, seeds, 1)).astype("float32")
        x = np.concatenate([x] * 2 * len(rates), axis=2)  # (block, batch, runs, 1): each seed sees the same examples
        return 2 * x - 1, stack(x, tent_layers(times)).astype("float32")

    trainer = train(model, np.repeat(rates, 2 * seeds).astype("float32"), minibatches, squared_error, momentum=0.9)
    for _ in range(0, steps, 20):
        next(trainer)
    runs = 2 * seeds * len(rates)
    outputs = model(np.repeat(2 * grid[:, None] - 1, runs, axis=1)).numpy().reshape(-1, len(rates), 2, seeds)
    errors = np.sqrt(np.mean((outputs - stack(grid, tent_layers(times))[:, :, None, None]) ** 2, axis=0))
    best = np.nan_to_num(errors, nan=np.inf).mean(axis=2).argmin(axis=0)  # (2,)
    return [(errors[rate, start], outputs[:, rate, start]) for start, rate in enumerate(best)]


# %% [markdown]
# "Found" means an error below 0.05; a network that misses one of the four tents by drawing it flat is at 0.14.
# Before you run: of eight seeds, how many will find the function, deep and shallow, from either start? And with
# twice as many pieces?

# %% tags=["demo"]
rivals = {"the fewest ReLUs": ([1, 2, 2, 2, 1], [1, 8, 1]), "middling": ([1, 8, 8, 8, 1], [1, 56, 1]),
          "ample": ([1, 16, 16, 16, 1], [1, 197, 1])}
fits = {(size, times, shape): fit_tent(sizes, times)
        for size, times in [("the fewest ReLUs", 3), ("middling", 3), ("ample", 3), ("ample", 4)]
        for shape, sizes in zip(["deep", "shallow"], rivals[size], strict=True)}
found = {key: [int((errors < 0.05).sum()) for errors, _ in starts] for key, starts in fits.items()}
plots.table(["size", "parameters", "pieces", "zero biases: deep", "shallow", "kinks spread: deep", "shallow"],
            [[size, [parameters(sizes) for sizes in rivals[size]], 2**times,
              *(found[size, times, shape][start] for start in [0, 1] for shape in ["deep", "shallow"])]
             for size, times, shape in fits if shape == "deep"])

# %% [markdown]
# The last four columns count seeds out of eight. What the ample networks learned, each the median of its eight:

# %% tags=["demo"]
for start, ax in enumerate(plots.panels(2)):
    curves = {"target": stack(grid, tent_layers(3))[:, 0]}
    for shape in ["deep", "shallow"]:
        errors, outputs = fits["ample", 3, shape][start]
        curves[shape] = outputs[:, np.argsort(errors)[len(errors) // 2]]
    plots.line(grid[:, 0], curves, xlabel="$x$", ylabel="output", title=["zero biases", "kinks spread"][start], ax=ax)
    ax.set_ylim(-0.1, 1.35)
    ax.legend(loc="upper center", ncols=3)

# %% tags=["demo"]
both = zip(fits["ample", 3, "deep"], fits["ample", 3, "shallow"], strict=True)
advantage = [stats.mean_interval(shallow_error - deep_error) for (deep_error, _), (shallow_error, _) in both]
claim("linear-relu-stack",
      measured={"pieces from 10 layers of 2 ReLUs": pieces[10], "ReLUs that one layer needs for as many": 2**10,
                "deep found, of 8: zero biases, kinks spread": found["ample", 3, "deep"],
                "shallow found, of 8: zero biases, kinks spread": found["ample", 3, "shallow"],
                "error of shallow minus deep, zero biases": "{:.3f} ± {:.3f}".format(*advantage[0]),
                "error of shallow minus deep, kinks spread": "{:.3f} ± {:.3f}".format(*advantage[1])},
      holds=pieces[10] == 2**10 and all(mean > half_width for mean, half_width in advantage),
      because="the count is exact, but once its first kinks are spread, SGD finds the shallow one as well")

# %% [markdown]
# So the deck's sentence is true of what the stacks can hold, and not of what SGD finds here. With *zero biases* the
# deep one is found and the shallow one hardly ever, though it has twenty times the ReLUs it needs. With its kinks
# spread it is found at least as often as the deep one of equal size. The fewest ReLUs are not enough for training, and twice
# the pieces are out of reach for all.
#
# How this could be wrong: one function of one input, one optimizer, 3,000 steps. Depth has won in practice where
# the data are made of parts of parts, as images are (week 04), and not by counting pieces.
#
# ### Exercise 2 (3 points): find the planted bug
#
# Why do sixteen pieces defeat a deep network that can hold thousands? Let us count how many it has *before*
# training. But `pieces_on_grid` was right for the tents only because their kinks are on the grid:

# %%
bend = np.interp(fine, [0, 0.3, 0.62, 1], [0, 1, 0, 1])  # three pieces
print("three pieces, counted:", pieces_on_grid(fine, bend))

# %% [markdown]
# Find out what happens around a kink that lies between two grid points, and write `count_pieces`, which is right
# wherever the kinks are, as long as neighbouring kinks are at least three grid steps apart.

# %% nbgrader={"grade": false, "grade_id": "count_pieces", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_pieces(x: np.ndarray, y: np.ndarray) -> int:
    """Number of linear pieces of a function with values y (points,) at x (points,), wherever its kinks are."""
    ### BEGIN SOLUTION
    slopes = np.diff(y) / np.diff(x)  # (points - 1,)
    changes = ~np.isclose(slopes[1:], slopes[:-1])  # (points - 2,)
    again = changes[1:] & changes[:-1]  # the slope across a kink differs from both neighbours: the same kink twice
    return 1 + int(changes.sum() - again.sum())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "count_pieces_on_grid", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
even_grid = np.linspace(0, 1, 65)
check("kinks on the grid", count_pieces(even_grid, np.interp(even_grid, [0, 0.25, 0.5, 1], [0, 1, 0, 1])), expected=3)
### BEGIN HIDDEN TESTS
random = check.rng()
places = np.sort(random.choice(np.arange(4, 60, 4), size=random.integers(3, 10), replace=False)) / 64
heights = np.cumsum(random.uniform(0.5, 1.5, size=len(places) + 2) ** 2)
check("any kinks on the grid", count_pieces(even_grid, np.interp(even_grid, [0, *places, 1], heights)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "count_pieces_between", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
mixed = np.interp(even_grid, [0, 0.25, 0.6, 1], [0, 1, 0, 1])
check("one kink on the grid and one between", count_pieces(even_grid, mixed), expected=3)
rising = np.interp(even_grid, [0, 0.2, 0.6, 1], [0, 1, 2, 5])
check("bends that do not turn", count_pieces(even_grid, rising), expected=3)
### BEGIN HIDDEN TESTS
random = check.rng()
for trial in range(3):
    places = np.sort(random.choice(np.arange(4, 60, 4), size=random.integers(4, 10), replace=False)) / 64
    places[1:] += random.uniform(0.002, 0.013, size=len(places) - 1)
    heights = np.cumsum(random.uniform(0.5, 1.5, size=len(places) + 2) ** 2)
    check(f"kinks anywhere, {trial}", count_pieces(even_grid, np.interp(even_grid, [0, *places, 1], heights)))
### END HIDDEN TESTS

# %% [markdown]
# Now untrained networks with 192 ReLUs, first kinks spread as before. Twelve layers of 16 could have at least
# $2^{12}$ pieces, since they have room for twelve tents; one layer has at most 193. Predict what random weights
# give.

# %% tags=["demo"] waits=["count_pieces"]
very_fine = np.linspace(-1, 1, 20001)
counts = {}
for depth, width in [(1, 192), (3, 64), (6, 32), (12, 16)]:
    layers = spread_kinks(initial_layers([1, *[width] * depth, 1], seeds=8))
    outputs = [stack(very_fine[:, None], [layer[seed] for layer in layers])[:, 0] for seed in range(8)]
    counts[f"{depth} of {width}"] = [count_pieces(very_fine, output) for output in outputs]
plots.bars(counts, xlabel="hidden layers of ReLUs", ylabel="pieces before training (mean and range)")

# %% [markdown]
# Depth adds no pieces: there are about as many as ReLUs, or fewer ([Hanin and Rolnick
# 2019](https://arxiv.org/abs/1901.09021) show why). To multiply them, every layer must fold its whole range, as the
# tent does. Random weights do not, and SGD begins there.

# %% [markdown] topic="activation-functions"
# ## Activation functions
#
# The quiz asks which activation is most common in today's networks: sigmoid, softmax, tanh or ReLU. Its answer is
# the ReLU. We ask why, with the three of them at depths 2 to 20: how much gradient reaches the first layer, and how
# soon does the network learn?
#
# The gradient goes back through the stack by the chain rule: at each layer it is multiplied by the weights and by
# the slope of the activation. Glorot's and He's variances are made so that weights and slope together neither grow
# nor shrink it. But Glorot's assumes a slope of 1, and the sigmoid's is at most $\tfrac14$.

# %%
images, _, labels, _ = data.digits(flat=True)  # (1347, 64), (1347,)
images = images - images.mean()  # tanh and the weights are symmetric, so the input had better be
activations = {"sigmoid": tf.sigmoid, "tanh": tf.tanh, "relu": tf.nn.relu}


def start(activation, depth, seeds=5):
    """Initial layers of `depth` hidden layers of 64, with the variance made for the activation."""
    return initial_layers([64, *[64] * depth, 10], seeds, activation)


def cross_entropy(targets, logits):
    """Mean over the batch for each run: targets (batch, runs) and logits (batch, runs, 10) to (runs,)."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits), axis=0)


def first_gradient(layers, activation, examples=256):
    """Norm of the gradient of the loss in the first layer's weights, (seeds,)."""
    model = side_by_side(layers, activation=activation)
    inputs, targets = (np.repeat(part[:examples, None], len(layers[0]), axis=1) for part in (images, labels))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(cross_entropy(targets, model(inputs)))
    return tf.norm(tape.gradient(loss, model.trainable_variables[0]), axis=(1, 2)).numpy()


# %% [markdown]
# The dotted line is a guess for the sigmoid: a quarter for every layer. Where will the three be at depth 20?

# %% tags=["demo"]
depths = [2, 5, 10, 15, 20]
gradients = {name: np.array([first_gradient(start(name, depth), activation) for depth in depths]).T  # (seeds, depths)
             for name, activation in activations.items()}
plots.line(depths, gradients, xlabel="hidden layers", ylabel="gradient norm, first layer", log="y")
plt.plot(depths, 0.25 ** np.array(depths), ":", color="grey", label="$4^{-\\mathrm{depth}}$")
plt.xticks(depths)
plt.legend()

# %% [markdown]
# The sigmoid's line runs along the guess. Does it matter? A rate can make up for a small gradient, if all layers
# ask for the same rate, and here they do not. We train by plain SGD, five seeds at each of four rates, and count
# the steps until the mean loss of 20 minibatches is below 0.7 (knowing nothing costs $\ln 10 \approx 2.3$). The
# sigmoid gets higher rates, as it asks for.


# %%
def steps_to_target(layers, activation, rates, target=0.7, limit=400):
    """Steps until the training loss is below the target, (rates, seeds); stops when all seeds of one rate are there."""
    random, steps = np.random.default_rng(1), np.full((len(rates), len(layers[0])), np.inf)
    model = side_by_side(layers, copies=len(rates), activation=activation)

    def minibatches(block):
        rows = random.integers(len(images), size=(block, 32, len(layers[0])))
        rows = np.tile(rows, len(rates))  # (block, batch, runs): each seed sees the same examples at every rate
        return images[rows], labels[rows]

    trainer = train(model, np.repeat(rates, len(layers[0])).astype("float32"), minibatches, cross_entropy)
    for step in range(20, limit + 1, 20):
        arrived = next(trainer).reshape(steps.shape) < target
        steps = np.where(arrived, np.minimum(steps, step), steps)
        if np.isfinite(steps).all(axis=1).any():
            break
    return steps


# %% tags=["demo"]
rates = {"sigmoid": [0.3, 1, 3, 10], "tanh": [0.01, 0.03, 0.1, 0.3], "relu": [0.01, 0.03, 0.1, 0.3]}
trained, steps, best_rate = [2, 5, 10, 20], {}, {}
for name, activation in activations.items():
    for depth in trained:
        tried = steps_to_target(start(name, depth), activation, rates[name])  # (rates, seeds)
        best = tried.mean(axis=1).argmin()
        steps[name, depth], best_rate[name, depth] = tried[best], rates[name][best]
plots.heat([[np.median(steps[name, depth]) for depth in trained] for name in activations],
           rows=("activation", list(activations)), columns=("hidden layers", trained), label="steps to a loss of 0.7")

# %% tags=["demo"]
factors = {name: float(np.exp(np.log(values[:, -1] / values[:, 0]).mean() / 18)) for name, values in gradients.items()}
learned = {name: [depth for depth in trained if np.isfinite(steps[name, depth]).all()] for name in activations}
slower, half_width = stats.mean_interval(steps["relu", 20] - steps["tanh", 20])
claim("activation-functions",
      measured={**{f"gradient kept by a layer, {name}": factor for name, factor in factors.items()},
                **{f"depths learned by all 5 seeds, {name}": depths for name, depths in learned.items()},
                "best rate at depth 20: tanh, relu": [best_rate["tanh", 20], best_rate["relu", 20]],
                "steps of relu minus tanh at depth 20": f"{slower:.0f} ± {half_width:.0f}"},
      holds=factors["sigmoid"] < 0.5 and min(factors["tanh"], factors["relu"]) > 0.8
      and learned["sigmoid"] == [2] and learned["tanh"] == learned["relu"] == trained,
      because="the sigmoid's slope is at most a quarter, and no rate of the sweep makes up for what is lost on the way")

# %% [markdown]
# Most used is not fastest: at depth 20 tanh needs fewer steps here than ReLU, which wants a lower rate. The ReLU is
# cheap and its slope of 1 does not saturate, which counted when it displaced the sigmoid; batch normalization (week 03)
# and residual connections later made depth less of a trial for all. Transformers since moved on to its smooth
# relatives GELU and SiLU. How this could be wrong: width 64, one data set, and a sigmoid with weights made
# for another slope.
#
# ### Exercise 3 (4 points): the tanh's twin
#
# That last objection can be settled. Because $\tanh(a) = 2\sigma(2a) - 1$, every stack of tanh computes the same as
# a stack of sigmoids $\sigma$ with other weights and biases. Derive them: what must enter a sigmoid so that its
# output $s$ stands for $t = 2s - 1$? And what does the next layer do to $s$ so that it does $tW + b$?

# %% nbgrader={"grade": false, "grade_id": "sigmoid_twin", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sigmoid_twin(layers: list[np.ndarray]) -> list[np.ndarray]:
    """Layers, weights (in, out) and biases (out,) in turn, of the stack of sigmoids that equals that of tanh."""
    ### BEGIN SOLUTION
    twin = []
    for index in range(0, len(layers), 2):
        weights, biases = layers[index], layers[index + 1]
        if index > 0:  # the input is s, and t W + b = s (2 W) + (b - sum of W over its inputs)
            weights, biases = 2 * weights, biases - weights.sum(axis=0)
        if index < len(layers) - 2:  # a sigmoid of 2 a follows
            weights, biases = 2 * weights, 2 * biases
        twin += [weights, biases]
    return twin
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sigmoid_twin_one", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
places = np.array([[-1.0], [0.0], [2.0]])
one = [np.array([[0.5, -1.0]]), np.array([0.2, 0.0]), np.array([[1.0], [3.0]]), np.array([0.5])]
check("one hidden layer", stack(places, sigmoid_twin(one), sigmoid), expected=stack(places, one, np.tanh))
### BEGIN HIDDEN TESTS
random = check.rng()
one = [random.normal(size=shape) for shape in [(3, 6), (6,), (6, 2), (2,)]]
check("one hidden layer, any weights", stack(random.normal(size=(5, 3)), sigmoid_twin(one), sigmoid))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "sigmoid_twin_deep", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
places = np.array([[-1.0], [0.0], [2.0]])
two = [np.array([[0.5, -1.0]]), np.array([0.2, 0.0]),
       np.array([[1.0, 2], [3, -1]]), np.zeros(2), np.ones((2, 1)), np.ones(1)]
check("two hidden layers", stack(places, sigmoid_twin(two), sigmoid), expected=stack(places, two, np.tanh))
### BEGIN HIDDEN TESTS
random = check.rng()
deep = [random.normal(size=shape) for shape in [(2, 4), (4,), (4, 5), (5,), (5, 3), (3,), (3, 2), (2,)]]
check("three hidden layers, any weights", stack(random.normal(size=(6, 2)), sigmoid_twin(deep), sigmoid))
### END HIDDEN TESTS

# %% [markdown]
# Ten layers of sigmoids, started as the twin of tanh with Glorot's weights:

# %% tags=["demo"] waits=["sigmoid_twin"]
tanh_start = start("tanh", 10)
twins = [sigmoid_twin([layer[seed] for layer in tanh_start]) for seed in range(5)]
twin_start = [np.stack(layer) for layer in zip(*twins, strict=True)]
twin_steps = steps_to_target(twin_start, tf.sigmoid, [0.1, 0.3, 1])
cases = [("sigmoid, Glorot", start("sigmoid", 10), tf.sigmoid, steps["sigmoid", 10]),
         ("sigmoid, twin of tanh", twin_start, tf.sigmoid, twin_steps[twin_steps.mean(axis=1).argmin()]),
         ("tanh, Glorot", tanh_start, tf.tanh, steps["tanh", 10])]
plots.table(["ten hidden layers", "gradient norm, first layer", "steps to a loss of 0.7"],
            [[name, first_gradient(layers, activation).mean(), np.median(count) if max(count) < np.inf else "never"]
             for name, layers, activation, count in cases])

# %% [markdown]
# So it was not the sigmoid that could not learn, but the sigmoid with weights a quarter of what its slope asks for,
# and outputs centred at one half. The twin starts as the same function as tanh and still learns more slowly: SGD
# follows the gradient in the *parameters*, and those differ.
#
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## What to remember
#
# - A network is linear functions with a simple bend between, repeated. Without the bend it is one linear function.
# - Depth can multiply linear pieces where width adds them. Random weights do not use that, and SGD begins at random
#   weights.
# - What SGD finds hangs on where it starts: a result "deep beats shallow" (or the reverse) needs a fair start, a
#   sweep of rates and seeds.
# - Gradients are products over layers. Initial weights are made for the slope of their activation.
#
# ## Where to go on
#
# | where | network | steps | cost |
# |---|---|---|---|
# | this laptop | 20 layers of 64 on 8x8 digits, 84,000 parameters, 20 at a time | 400 of 32 | seconds |
# | one GPU | 20 layers of 1,024 on MNIST (`full=True`), 21 million parameters | 10,000 of 128 | about a minute |
# | [Glorot and Bengio 2010](https://proceedings.mlr.press/v9/glorot10a.html) | 1 to 5 layers of 1,000 | batches of 10 | not given |

# %%
dlcourse.submit()
