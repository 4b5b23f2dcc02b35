# %% [markdown]
# # 6 · Scale
#
# *Applications* (Goodfellow 2016, 2018), slide "Figure 1.11". *Large Scale Deep Learning*, session I, slide "Orders of
# Magnitude".
#
# **You should know** stacks of linear layers (`linear-relu-stack`) and why one comparison is none
# (`simple-models-first`). **You will have built** the book's figure of network sizes from the papers' own counts, with
# a doubling time and its uncertainty, and a counter of layers, parameters and multiply-adds that agrees with Keras to
# the last digit.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) A dense layer maps 784 inputs to 128 units. How many parameters has it, and how many multiplications
#    does one example cost?
# 2. (Notebook 4) Two models are compared on one split of the data and differ by half a point. What is missing?
#
# <details><summary>Answers</summary>
#
# 1. $784 \cdot 128$ weights and 128 biases: 100,480 parameters, and $784 \cdot 128 = 100{,}352$ multiplications. Each
#    weight is used once an example, so in a dense layer the two numbers nearly agree. In a convolution they do not, as
#    you will count below.
# 2. The spread: the same difference on other splits. Today it is a slope whose spread we need, and we redraw the
#    points.
#
# </details>

# %%
dlcourse.setup("week01/06_scale", seed=6)

import math

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots
from dlcourse.historical_networks import historical_networks

# %% [markdown] topic="scale-of-networks"
# ## The scale of networks
#
# The decks show figure 1.11 of *Deep Learning* (Goodfellow, Bengio and Courville 2016): the number of neurons of 20
# networks against the year, animals on the right-hand axis, and a line drawn on to the human brain in 2056. Its
# caption: "Since the introduction of hidden units, artificial neural networks have doubled in size roughly every 2.4
# years."
#
# The book prints no counts, so we went back to the papers. Few of them print one. AlexNet's does, and we keep its rule:
# hidden and output units count, a convolution's units at every position; inputs and plain pooling do not. `low` and
# `high` span the other readings of a paper. "verified" says that sizes were compared with the paper's text or a total
# it prints; the others are the architecture as described, or an interval. Each row of `historical_networks.toml` names
# its source and how it was counted.

# %%
history, animals = historical_networks()
plots.table(["", "network", "paper", "year", "neurons", "low", "high", "from", "verified"],
            [[n.number, n.name, n.authors, str(n.year), n.neurons, n.low, n.high, n.basis, n.verified]
             for n in history])
years, neurons, low, high = (
    np.array([getattr(network, field) for network in history], dtype=float)  # (20,)
    for field in ["year", "neurons", "low", "high"])

# %% [markdown]
# Look whether the points lie on one line, and which of them lie far from the others. Numbers 1 and 2 have no trained
# hidden units; the caption's sentence starts after them.

# %% tags=["demo"]
_, ax = plt.subplots(figsize=(8, 4.8))
interval = np.array([network.basis == "interval" for network in history])
plots.scatter({"printed or from layer sizes": (years[~interval], neurons[~interval]),
               "interval only": (years[interval], neurons[interval])},
              xlabel="year", ylabel="neurons", log="y", ax=ax)
ax.vlines(years, low, high, color="0.5", linewidth=1, zorder=0)
beside = {6: (5, -12), 10: (5, -10), 11: (-15, 3), 12: (5, 3), 15: (6, -8), 17: (-15, -10), 18: (4, -11), 19: (-15, -3),
          20: (6, -3)}  # offsets in points; the others stand above to the right
for network in history:
    ax.annotate(network.number, (network.year, network.neurons), beside.get(network.number, (5, 4)),
                textcoords="offset points", fontsize=9)
alive = [animal for animal in animals if 0 < animal.neurons < 1e9]  # the sponge has none, the human brain is far above
right = ax.secondary_yaxis("right")
right.set_yticks([animal.neurons for animal in alive], [animal.name.lower() for animal in alive])
right.minorticks_off()
ax.set_ylim(0.5, 1e9)
ax.legend(loc="upper left");

# %% [markdown]
# ### Exercise 1 (4 points): from counts to a doubling time
#
# If a size $n$ doubles every $T$ years, $\log_2 n$ is a straight line in the year. Derive from the line's slope and
# intercept (i) the doubling time $T$ and (ii) the year in which the line reaches a target. Fit by least squares over
# all points: `np.polyfit(x, y, 1)` returns slope and intercept.

# %% nbgrader={"grade": false, "grade_id": "growth", "locked": false, "schema_version": 3, "solution": true, "task": false}
def growth(years: np.ndarray, sizes: np.ndarray, target: float) -> tuple[float, float]:
    """Doubling time in years, and the year in which the least-squares line through log2(sizes) reaches `target`.

    years and sizes have shape (n,).
    """
    ### BEGIN SOLUTION
    slope, intercept = np.polyfit(years, np.log2(sizes), 1)  # doublings a year
    return 1 / slope, (np.log2(target) - intercept) / slope
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "growth_doubling", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("from 1,000 in 2000 to 16,000 in 2008: years per doubling",
      growth(np.array([2000, 2008]), np.array([1000, 16_000]), 1e6)[0], expected=2.0)
check("three networks, all of them fitted", growth(np.array([0, 2, 10]), np.array([1, 8, 32]), 64)[0], expected=28 / 12)
### BEGIN HIDDEN TESTS
rng = check.rng()
for networks in [4, 9]:
    when = rng.uniform(1980, 2015, size=networks)
    sizes = 2 ** ((when - 1970) / 3 + rng.normal(size=networks))
    check(f"{networks} networks: doubling time", growth(when, sizes, 1e9)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "growth_reached", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("1,000 in 2000, doubling every year, is 1,024,000 in",
      growth(np.array([2000, 2001]), np.array([1000, 2000]), 1_024_000)[1], expected=2010.0)
check("halving every year, when was it 64?", growth(np.array([10, 11, 12]), np.array([4, 2, 1]), 64)[1], expected=6.0)
### BEGIN HIDDEN TESTS
rng = check.rng()
for networks in [4, 9]:
    when = rng.uniform(0, 35, size=networks)
    sizes = 2 ** (when / 3 + rng.normal(size=networks))
    check(f"{networks} networks: year reached", growth(when, sizes, rng.uniform(1e6, 1e9))[1])
### END HIDDEN TESTS

# %% [markdown]
# ### How sure is the slope?
#
# Eighteen points, chosen by the book's authors, several of them uncertain. We redraw both: networks with replacement (a
# bootstrap), each count anywhere in its interval. Then the ablation: leave each network out in turn. Before you look:
# one network moves the doubling time more than any other. Which?

# %% tags=["demo"] waits=["growth"]
since = slice(2, None)  # numbers 3 to 20
doubling, meets = growth(years[since], neurons[since], 1e11)
rng = np.random.default_rng(6)


def redrawn(drawn):
    """Growth of the networks at these places of the list, each count drawn log-uniformly from its interval."""
    return growth(years[drawn], np.exp(rng.uniform(np.log(low[drawn]), np.log(high[drawn]))), 1e11)


draws = np.array([redrawn(rng.integers(2, 20, size=18)) for _ in range(2000)])  # (2000, 2)
counts_alone = np.percentile([redrawn(np.arange(2, 20))[0] for _ in range(2000)], [2.5, 97.5])  # the same 18 each time
doubling_interval, meets_interval = np.percentile(draws, [2.5, 97.5], axis=0).T  # (2,) each
without = {network.number: growth(np.delete(years, index)[since], np.delete(neurons, index)[since], 1e11)
           for index, network in enumerate(history) if network.number > 2}
far = max(without, key=lambda number: abs(without[number][0] - doubling))

# %% [markdown]
# Left: the fitted line and the middle 95% of the redrawn lines, with the figure's human scale and year. Right: the
# doubling time without each network.

# %% tags=["demo"] waits=["growth"]
left, right = plots.panels(2)
calendar = np.arange(1980, 2101)
lines = 1e11 * 2 ** ((calendar - draws[:, 1:]) / draws[:, :1])  # (2000, 121)
plots.line(calendar, 1e11 * 2 ** ((calendar - meets) / doubling), xlabel="year", ylabel="neurons", log="y", ax=left)
left.fill_between(calendar, *np.percentile(lines, [2.5, 97.5], axis=0), color="0.85", zorder=0)
left.scatter(years[since], neurons[since], s=9, color="black", zorder=3)
left.axhline(1e11, color="black", linestyle=":")
left.plot(2056, 1e11, "x", color="black", markersize=9)
left.annotate("the figure: $10^{11}$ in 2056", (2056, 1e11), (-8, 10), textcoords="offset points", ha="right")
left.set_ylim(1, 1e15)
plots.scatter({"": (list(without), [time for time, _ in without.values()])},
              xlabel="number left out", ylabel="doubling time (years)", ax=right)
right.axhline(doubling, color="black", linestyle=":")
right.annotate("all 18", (4.5, doubling), (0, -14), textcoords="offset points")
right.annotate("neocognitron", (3, without[3][0]), (8, -4), textcoords="offset points")
right.set_xticks(range(3, 21, 2))
right.set_ylim(1, 3);

# %% tags=["demo"] waits=["growth"]
claim(
    "scale-of-networks",
    measured={"doubling time (years; the caption: 2.4)": doubling, "its 95% interval": doubling_interval,
              "the interval from the counts' uncertainty alone": counts_alone,
              "the line meets 10^11 (year; the figure: 2056)": f"{meets:.0f}",
              "95% interval of that year": "{:.0f} to {:.0f}".format(*meets_interval),
              "network whose omission changes most": history[far - 1].name,
              "doubling time (years) and year without it": "{:.2f}, {:.0f}".format(*without[far])},
    holds=abs(doubling / 2.4 - 1) < 0.1 and abs(meets - 2056) < 5
    and doubling_interval[0] < 2.4 < doubling_interval[1] and meets_interval[0] < 2056 < meets_interval[1],
    because="counts taken from the papers reproduce the caption's doubling time and the figure's year, but the points "
            "fix neither: the interval spans more than a factor of three, and one network alone changes the doubling "
            "time by nearly a third",
)

# %% [markdown]
# The caption is reproduced; its "roughly" deserves the stress. Uncertain counts matter little; which networks are on
# the list matters much. They scatter around the line by a factor of ten and more, and the neocognitron of 1980, far
# ahead of its time, holds the line up at its early end: without it sizes double in well under two years and the human
# scale comes more than a decade earlier. The other end of the interval is in the next century.
#
# **How this could be wrong.** The list is a choice, not the largest network of each year. Five counts are intervals,
# and most others rest on sizes we could not compare with the paper; the interval covers the counts' uncertainty, not
# the choice. And the line is used forty years beyond its last point.
#
# **Often mistaken.** A unit is not a neuron of a brain, and the number of units is not the number of parameters:
# numbers 14 and 20 share their weights over all positions, number 17 shares none. Brains are compared in synapses too,
# some $10^{14}$ of them.

# %% [markdown] topic="orders-of-magnitude"
# ## Orders of magnitude
#
# "State of the Art Object Recognition Models: 15-25 layers, 10-200M parameters, 1-5B multiply-adds / image" (*Large
# Scale Deep Learning*). We count four networks of those years. Before that: of AlexNet, VGG-16, GoogLeNet and
# ResNet-50, which lie in all three ranges?
#
# A **convolution** applies one small linear layer at every position of an image (week 4 builds it). A filter has a
# weight for each of `kernel` x `kernel` places and each input channel, and one bias. With `groups` $= g$ the channels
# are cut into $g$ equal groups, and a filter reads one of them. The output of a side of $n$ pixels has the side
#
# $$\left\lfloor \frac{n + 2 \cdot \text{padding} - \text{kernel}}{\text{stride}} \right\rfloor + 1.$$
#
# ### Exercise 2 (4 points): the cost of a convolution
#
# A weight used at a thousand positions is *one* parameter and a thousand multiply-adds. Return both counts. Every
# filter has a bias; adding it is no multiplication.

# %% nbgrader={"grade": false, "grade_id": "convolution_cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def convolution_cost(height: int, width: int, channels: int, filters: int, kernel: int,
                     stride: int = 1, padding: int = 0, groups: int = 1) -> tuple[int, int]:
    """Parameters, biases among them, and multiply-adds of a convolution on one image (height, width, channels)."""
    ### BEGIN SOLUTION
    rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
    weights = kernel**2 * channels // groups * filters
    return weights + filters, rows * columns * weights
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "convolution_cost_parameters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("AlexNet's first layer: 11 x 11 x 3 weights and a bias for each of 96 filters",
      convolution_cost(224, 224, 3, 96, 11, stride=4, padding=2)[0], expected=34_944)
check("AlexNet's second layer: each of 256 filters reads 96 / 2 channels",
      convolution_cost(27, 27, 96, 256, 5, padding=2, groups=2)[0], expected=307_456)
### BEGIN HIDDEN TESTS
rng = check.rng()
for groups in [1, 2, 3]:
    height, width, channels, filters = rng.integers([12, 12, 1, 1], [60, 60, 9, 9])
    kernel, stride, padding = rng.integers([2, 1, 0], [7, 4, 3])
    check(f"any layer, {groups} groups: parameters",
          convolution_cost(height, width, 6 * channels, 6 * filters, kernel, stride, padding, groups)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "convolution_cost_multiply_adds", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a 1 x 1 convolution, 10 x 20 positions", convolution_cost(10, 20, 3, 4, 1)[1], expected=10 * 20 * 3 * 4)
check("AlexNet's first layer: 55 x 55 positions, not 224 x 224",
      convolution_cost(224, 224, 3, 96, 11, stride=4, padding=2)[1], expected=105_415_200)
### BEGIN HIDDEN TESTS
rng = check.rng()
for groups in [1, 2, 3]:
    height, width, channels, filters = rng.integers([12, 12, 1, 1], [60, 60, 9, 9])
    kernel, stride, padding = rng.integers([2, 1, 0], [7, 4, 3])
    check(f"any layer, {groups} groups: multiply-adds",
          convolution_cost(height, width, 6 * channels, 6 * filters, kernel, stride, padding, groups)[1])
### END HIDDEN TESTS

# %% [markdown]
# The four networks as layer tables. GoogLeNet runs four branches side by side and concatenates them; ResNet adds a
# branch of three convolutions to its own input, projected where the shape changes.

# %%
def conv(filters, kernel, stride=1, padding=None, groups=1):
    return "conv", (filters, kernel, stride, kernel // 2 if padding is None else padding, groups)


def pool(kernel, stride, padding=0):
    return "pool", (kernel, stride, padding)


def inception(one, reduce3, three, reduce5, five, project):
    return "concatenate", [[conv(one, 1)], [conv(reduce3, 1), conv(three, 3)],
                           [conv(reduce5, 1), conv(five, 5)], [pool(3, 1, 1), conv(project, 1)]]


def bottleneck(filters, stride, first):
    return "add", [[conv(filters, 1, stride), conv(filters, 3), conv(4 * filters, 1)],
                   [conv(4 * filters, 1, stride)] if first else []]


# %%
modules = {"3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
           "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
           "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128),
           "5b": (384, 192, 384, 48, 128, 128)}
mixed = {name: inception(*widths) for name, widths in modules.items()}
halve = pool(3, 2, 1)
classifier = [("dense", 4096), ("dense", 4096), ("dense", 1000)]
stack = [layer for repeats, filters in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]
         for layer in [conv(filters, 3)] * repeats + [pool(2, 2)]]
blocks = [bottleneck(filters, stride if block == 0 else 1, first=block == 0)
          for repeats, filters, stride in [(3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)]
          for block in range(repeats)]
networks = {
    "AlexNet": [conv(96, 11, 4, 2), pool(3, 2), conv(256, 5, groups=2), pool(3, 2), conv(384, 3),
                conv(384, 3, groups=2), conv(256, 3, groups=2), pool(3, 2), *classifier],
    "VGG-16": [*stack, *classifier],
    "GoogLeNet": [conv(64, 7, 2), halve, conv(64, 1), conv(192, 3), halve, mixed["3a"], mixed["3b"], halve,
                  *(mixed[name] for name in ["4a", "4b", "4c", "4d", "4e"]), halve, mixed["5a"], mixed["5b"],
                  pool(7, 1), ("dense", 1000)],
    "ResNet-50": [conv(64, 7, 2), halve, *blocks, pool(7, 1), ("dense", 1000)],
}

# %% [markdown]
# The counter walks through a table. Depth is the longest path through layers with weights: branches run side by side,
# so theirs is the maximum; everything else adds up.

# %%
def count(network, side=224, channels=3, normalized=False):
    """[depth, layers, parameters, multiply-adds, units] on (side, side, channels); the output's side and channels."""
    total = np.zeros(5, dtype=np.int64)
    for kind, what in network:
        if kind == "conv":
            filters, kernel, stride, padding, groups = what
            parameters, multiply_adds = convolution_cost(side, side, channels, *what)
            side, channels = (side + 2 * padding - kernel) // stride + 1, filters
            parameters += 4 * filters if normalized else 0  # batch normalization: scale, shift, mean, variance
            total += [1, 1, parameters, multiply_adds, side**2 * filters]
        elif kind == "pool":
            kernel, stride, padding = what
            side = (side + 2 * padding - kernel) // stride + 1
        elif kind == "dense":
            inputs = side**2 * channels
            side, channels = 1, what
            total += [1, 1, (inputs + 1) * what, inputs * what, what]
        else:
            branches = [count(branch, side, channels, normalized) for branch in what]
            totals = np.array([branch[0] for branch in branches])  # (branches, 5)
            total += [totals[:, 0].max(), *totals[:, 1:].sum(axis=0)]
            side, channels = branches[0][1], sum(b[2] for b in branches) if kind == "concatenate" else branches[0][2]
    return total, side, channels


# %% tags=["demo"] waits=["convolution_cost"]
counts, rows = {}, []
for name, network in networks.items():
    normalized = name == "ResNet-50"
    counts[name] = count(network, normalized=normalized)[0]
    convolutions = count([layer for layer in network if layer[0] != "dense"], normalized=normalized)[0]
    in_dense = 100 * (1 - convolutions / counts[name])  # percent of each of the five
    rows.append([name, *counts[name].tolist(), *in_dense[2:4].round(1).tolist()])
plots.table(["", "depth", "layers", "parameters", "multiply-adds", "units", "% of parameters in dense layers",
             "% of multiply-adds there"], rows)

# %% [markdown]
# Keras has two of the four. Its layers know their own kernels and output shapes, so the product of the two counts
# again, by another way. (VGG-16 fills half a gigabyte for a moment; no weights are downloaded.)

# %% tags=["demo"] waits=["convolution_cost"]
rows = []
for name, build in [("VGG-16", tf.keras.applications.VGG16), ("ResNet-50", tf.keras.applications.ResNet50)]:
    model = build(weights=None)
    multiply_adds = sum(math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
                        for layer in model.layers if hasattr(layer, "kernel"))
    rows.append([name, int(counts[name][2]), model.count_params(), int(counts[name][3]), multiply_adds])
    del model
plots.table(["", "parameters", "in Keras", "multiply-adds", "in Keras"], rows)
as_in_keras = all(row[1] == row[2] and row[3] == row[4] for row in rows)

# %% [markdown]
# Which networks lie in the slide's box, and which of those have 15 to 25 layers?

# %% tags=["demo"] waits=["convolution_cost"]
ranges = np.array([[15, 25], [10e6, 200e6], [1e9, 5e9]])  # depth, parameters, multiply-adds
plots.scatter({f"{name}, {numbers[0]} layers deep": (numbers[2], numbers[3]) for name, numbers in counts.items()},
              xlabel="parameters", ylabel="multiply-adds an image", log="xy")
ax = plt.gca()
ax.add_patch(plt.Rectangle(ranges[1:, 0], *np.ptp(ranges[1:], axis=1), facecolor="0.9", edgecolor="0.5", zorder=0))
ax.annotate("the slide's ranges", ranges[1:, 0], (6, 6), textcoords="offset points")
ax.set_xlim(2e6, 5e8)
ax.set_ylim(2e8, 3e11)
ax.legend(loc="upper left");

# %% tags=["demo"] waits=["convolution_cost"]
figures = np.array([numbers[[0, 2, 3]] for numbers in counts.values()])  # (networks, 3)
inside = (ranges[:, 0] <= figures) & (figures <= ranges[:, 1])
outside_by = np.maximum(ranges[:, 0] / figures, figures / ranges[:, 1]).clip(min=1)  # factor, 1 inside
claim(
    "orders-of-magnitude",
    measured={**{f"{name}: depth, million parameters, billion multiply-adds": (row / [1, 1e6, 1e9]).round(2)
                 for name, row in zip(networks, figures, strict=True)},
              "in range of four: depth, parameters, multiply-adds": inside.sum(axis=0),
              "networks within all three": int(inside.all(axis=1).sum()),
              "largest factor outside a range": outside_by.max(), "equal to Keras' counts": as_in_keras},
    holds=as_in_keras and inside.all(axis=1).any(),
    because="each range holds for two or three of the four networks, and no network lies in all three; as orders of "
            "magnitude they do hold, since nothing lies outside by more than a factor of about three",
)

# %% [markdown]
# AlexNet is too shallow and too cheap, VGG-16 too costly, GoogLeNet too small, ResNet-50 too deep. The slide describes
# a span over models, not one model. The table's last two columns say where a network's size sits: AlexNet and VGG-16
# keep nearly all parameters in their dense layers, which do next to none of the work. GoogLeNet dropped those layers
# and with them the parameters.
#
# **How this could be wrong.** "Layers" has several meanings: GoogLeNet has 58 layers with weights and is 22 deep.
# AlexNet without its groups has two per cent more parameters and half as many multiply-adds again. Keras' ResNet-50
# halves the image in the first convolution of a block; others do it in the second, a few per cent dearer.
#
# **Often mistaken.** A multiply-add is two floating-point operations: papers print "FLOPs" for either. **Practice has
# moved on** to attention, but not from this arithmetic: a transformer's dense layers cost parameters times *tokens*, as
# a convolution's cost parameters times positions.

# %% [markdown]
# ### Exercise 3 (3 points): find the planted bugs
#
# The function below should count one inception module of GoogLeNet on an input of shape (side, side, channels): the
# four branches of `inception` above, all with stride 1 and the same side, every convolution with a bias for each
# filter. It runs, and its numbers look plausible. Three things are wrong. Write it right; do not call
# `convolution_cost`, so that this exercise stands alone.

# %%
def flawed_inception_cost(side, channels, one, reduce3, three, reduce5, five, project):
    """Parameters and multiply-adds, wrong in three places."""
    convolutions = [(1, channels, one),  # kernel, inputs, filters
                    (1, channels, reduce3), (3, reduce3, three),
                    (1, channels, reduce5), (5, channels, five),
                    (1, channels, project)]
    weights = sum(kernel**2 * inputs * filters for kernel, inputs, filters in convolutions)
    biases = one + three + five + project
    return weights + biases, side**2 * (weights + biases)


# %% nbgrader={"grade": false, "grade_id": "inception_cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inception_cost(side: int, channels: int, one: int, reduce3: int, three: int, reduce5: int, five: int,
                   project: int) -> tuple[int, int]:
    """Parameters and multiply-adds of an inception module on (side, side, channels), biases among the parameters."""
    ### BEGIN SOLUTION
    convolutions = [(1, channels, one), (1, channels, reduce3), (3, reduce3, three),
                    (1, channels, reduce5), (5, reduce5, five), (1, channels, project)]
    weights = sum(kernel**2 * inputs * filters for kernel, inputs, filters in convolutions)
    biases = sum(filters for _, _, filters in convolutions)
    return weights + biases, side**2 * weights
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "inception_cost_parameters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the branch of 3 x 3 alone: 6 reductions of 10 channels, then 4 filters",
      inception_cost(7, 10, 0, 6, 4, 0, 0, 0)[0], expected=(10 * 6 + 6) + (9 * 6 * 4 + 4))
check("module 3a: parameters", inception_cost(28, 192, 64, 96, 128, 16, 32, 32)[0], expected=163_696)
### BEGIN HIDDEN TESTS
rng = check.rng()
for side in [7, 14]:
    check(f"any module of side {side}: parameters", inception_cost(side, *rng.integers(8, 200, size=7).tolist())[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "inception_cost_multiply_adds", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("the branch of 1 x 1 alone: no bias is multiplied",
      inception_cost(7, 10, 4, 0, 0, 0, 0, 0)[1], expected=49 * 10 * 4)
check("module 3a: multiply-adds", inception_cost(28, 192, 64, 96, 128, 16, 32, 32)[1], expected=128_049_152)
### BEGIN HIDDEN TESTS
rng = check.rng()
for side in [7, 14]:
    check(f"any module of side {side}: multiply-adds", inception_cost(side, *rng.integers(8, 200, size=7).tolist())[1])
### END HIDDEN TESTS

# %% [markdown]
# With it, the nine modules in their order. The image shrinks from 28 to 14 to 7 while the filters grow: do memory and
# work grow together?

# %% waits=["inception_cost"]
channels, costs = 192, []
for name, widths in modules.items():
    side = {"3": 28, "4": 14, "5": 7}[name[0]]
    costs.append(inception_cost(side, channels, *widths))
    channels = widths[0] + widths[2] + widths[4] + widths[5]  # the branches' outputs are concatenated
shares = 100 * np.array(costs) / np.sum(costs, axis=0)  # (9, 2)
plots.line(range(9), {"parameters": shares[:, 0], "multiply-adds": shares[:, 1]}, xlabel="module",
           ylabel="share of all nine modules (%)")
plt.xticks(range(9), modules);

# %% [markdown]
# They do not. The last two modules hold two fifths of the parameters and do a tenth of the work, for there a weight is
# used at 49 positions only. To save memory, look at the last layers; to save time, at the first.
#
# ### Neurons, then parameters
#
# What became of the figure's line? A language model's hidden units, counted for one token, beside the vision networks
# and the line.

# %% tags=["demo"] waits=["growth", "convolution_cost"]
depth, width = 96, 12_288  # GPT-3 (Brown et al. 2020); a block has 4 * width hidden units and 12 * width**2 weights
sizes = [[name, year, int(counts[name][4]), int(counts[name][2])]
         for name, year in [("AlexNet", 2012), ("GoogLeNet", 2014), ("ResNet-50", 2015)]]
sizes.append(["GPT-3", 2020, depth * 4 * width, depth * 12 * width**2])
plots.table(["", "year", "units", "units on the line", "parameters", "parameters a unit"],
            [[name, str(year), units, round(1e11 * 2 ** ((year - meets) / doubling)), weights, weights / units]
             for name, year, units, weights in sizes])

# %% [markdown]
# GoogLeNet's units are the count of the figure's number 20, now by formula, and AlexNet's the upper count of number 18.
# For one token GPT-3 has as many units, to the order of magnitude, and is still near the line; it has thousands of
# times their parameters. And for its window of 2,048 tokens it has 2,048 times the units: once weights are shared over
# time, "the number of neurons" has no single answer, and the field has come to count parameters and operations instead.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Fit growth on a logarithmic scale, and give the slope's interval; look for the point that carries it.
# - Parameters are memory, multiply-adds are time. A dense layer uses a weight once an image, a convolution at every
#   position.
# - Count by formula before you build: an hour's training can be foreseen on paper.
#
# ## At full scale
#
# | where | what | parameters | multiply-adds |
# |---|---|---|---|
# | this laptop | one image through ResNet-50 | 26 million | 4 billion |
# | one GPU | ResNet-50, 90 epochs of ImageNet, 3 forward costs an image | 26 million | about $10^{18}$, hours to a day |
# | the paper (He et al. 2015) | 600,000 steps of 256 images | 26 million | the same order, on several GPUs |
# | GPT-3 (Brown et al. 2020) | 300 billion tokens | 175 billion | about $10^{23}$ |

# %%
dlcourse.submit()
