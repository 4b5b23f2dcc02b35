# %% [markdown]
# # 5 · Dynamic structure: cascades and experts
#
# *Applications* (Goodfellow 2018), slides "Dynamic Structure: Cascades (Viola and Jones, 2001)" and "Dynamic Structure:
# Outrageously Large Neural Networks"; *Applications* (Goodfellow 2016), slide "Dynamic Structure: Cascade, Hard mixture
# of experts".
#
# **You should know** how multiply-adds are counted (`orders-of-magnitude`) and how a large model is made small
# (`distillation`). **You will have built** a detector that looks at most places only briefly: integral image, Haar
# features, AdaBoost, stages; and a sparsely gated layer of sixteen experts of which two work on an example, with the
# losses that keep all sixteen employed.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 3) Which work does an int8 network save: multiplications, or bytes moved for each?
# 2. (Week 1, notebook 2) The output is $\sum_i g_i\, y_i$. What is the gradient of the loss $L$ at $g_i$, and what if
#    $g_i$ is the constant 1?
#
# <details><summary>Answers</summary>
#
# 1. Bytes, and the cost of each product; their number stays the same for every input. Today the number falls, and
#    depends on the input.
# 2. $\partial L / \partial y \cdot y_i$. If $g_i$ is constant, nothing reaches what it was computed from.
#
# </details>

# %%
dlcourse.setup("week07/05_dynamic_structure", seed=75)

import timeit

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, sprites, stats
from scipy import ndimage

# %% [markdown] topic="cascade"
# ## A cascade
#
# The slide shows Viola and Jones' detector of 2001. Most places of a picture hold no face, and most of those show it at
# a glance. So a detector is cut into *stages*. The first has few features; what it rejects is never looked at again.
# Each stage keeps nearly all faces and lets a part of the rest through, and the parts multiply:
#
# $$D = \prod_k d_k, \qquad F = \prod_k f_k$$
#
# Our "faces" are nearly upright crosses, drawn on windows of two photographs. The rest are bare windows, and one in ten
# with another shape. Training, validation and test windows come from different strips of the photographs.

# %%
side, cross = 16, sprites.CLASSES.index("cross")  # 24 pixels in the paper
others = [label for label in range(len(sprites.CLASSES)) if label != cross]
strips = {"train": (0, 300), "validation": (300, 430), "test": (430, 640)}
grey = data.photographs().mean(axis=3)  # (2, 427, 640)


def drawn(pictures, labels, rng):  # a shape lighter than the ground in the middle of each, nearly upright
    pictures, count = pictures.copy(), len(pictures)
    turn, centre = rng.uniform(-0.12, 0.12, count), 0.5 + rng.uniform(-0.04, 0.04, (count, 2))
    radius, paint = rng.uniform(0.36, 0.46, count), pictures.mean(axis=(1, 2)) + rng.uniform(0.25, 0.5, count)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        covered = sprites.coverage(label, centre[rows], radius[rows], turn[rows], side)
        pictures[rows] += covered * (paint[rows, None, None] - pictures[rows])
    return pictures


def windows(count, strip, rng, crosses):  # (count, side, side), of mean 0 and variance 1: all with a cross, or none
    step, shapes = rng.choice([1, 2, 4], count)[:, None], count if crosses else count // 10  # three scales
    y = rng.integers(0, 427 - 4 * side, count)[:, None] + step * np.arange(side)  # (count, side)
    x = rng.integers(strips[strip][0], strips[strip][1] - 4 * side, count)[:, None] + step * np.arange(side)
    pictures = grey[rng.integers(2, size=count)[:, None, None], y[:, :, None], x[:, None, :]]
    pictures[:shapes] = drawn(pictures[:shapes], rng.choice([cross] if crosses else others, shapes), rng)
    pictures = rng.permutation(pictures) + 0.02 * rng.normal(size=pictures.shape)
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    return centred / centred.std(axis=(1, 2), keepdims=True)


# %%
rng = np.random.default_rng(seeds(1)[0])
examples = np.concatenate([windows(10, "train", rng, crosses=True), windows(30, "train", rng, crosses=False)])
plots.images(examples / 5 + 0.5, columns=10)

# %% [markdown]
# The first row holds crosses. The *integral image* makes the sum over any box cost four numbers:
#
# $$I_{y,x} = \sum_{y' < y,\; x' < x} p_{y',x'}$$
#
# with one row and one column more than the picture, both zero in front.

# %%
def integral_image(pictures):  # (..., height, width) -> (..., height + 1, width + 1)
    return np.pad(pictures.cumsum(axis=-2).cumsum(axis=-1), [(0, 0)] * (pictures.ndim - 2) + [(1, 0), (1, 0)])


# %% [markdown]
# ### Exercise 1 (4 points): the sum over a box
#
# Compute it from four elements of the integral image, however large the box is, for all pictures at once. There may be
# one picture, (height + 1, width + 1), or many: index from the end.

# %% nbgrader={"grade": false, "grade_id": "box_sums", "locked": false, "schema_version": 3, "solution": true, "task": false}
def box_sums(integral: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Sums (...) over `height` rows from `top`, `width` columns from `left`; integral (..., rows + 1, columns + 1)."""
    ### BEGIN SOLUTION
    bottom, right = top + height, left + width
    return (integral[..., bottom, right] - integral[..., top, right]
            - integral[..., bottom, left] + integral[..., top, left])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "box_sums_corner", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
counting = integral_image(np.arange(1.0, 13.0).reshape(3, 4))  # rows 1 2 3 4, 5 6 7 8, 9 10 11 12
check("a box of the upper left corner: 1 + 2 + 5 + 6", box_sums(counting, 0, 0, 2, 2), expected=14)
### BEGIN HIDDEN TESTS
check("boxes of that corner, any picture", [
    box_sums(integral_image(check.rng().normal(size=(9, 7))), 0, 0, *size) for size in [(9, 7), (3, 5), (1, 1)]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "box_sums_inside", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("inside, two rows and two columns: 6 + 7 + 10 + 11", box_sums(counting, 1, 1, 2, 2), expected=34)
check("two pictures at once: 7 + 8", box_sums(np.stack([counting, 2 * counting]), 1, 2, 1, 2), expected=[15, 30])
### BEGIN HIDDEN TESTS
inputs = integral_image(check.rng().normal(size=(5, 9, 7)))
check("any boxes of five pictures", [box_sums(inputs, *box) for box in [(2, 3, 4, 2), (0, 5, 9, 2), (6, 1, 3, 3)]])
### END HIDDEN TESTS

# %% [markdown]
# A Haar feature is a difference of boxes of one size side by side: two, three or four of them, weighted so that a
# constant picture gives 0. It is linear in the integral image, with six to nine weights that are not 0, so we ask for
# its weights once (its value on each "picture" of a single corner) and then write all features of many windows as one
# matrix product. Training needs that; the finished detector looks up the few corners of each feature.

# %% waits=["box_sums"]
patterns = [np.array(p) for p in [[[1, -1]], [[1], [-1]], [[1, -2, 1]], [[1], [-2], [1]], [[1, -1], [-1, 1]]]]


def haar(integral, pattern, top, left, height, width):  # (...); each box has this height and width
    return sum(weight * box_sums(integral, top + row * height, left + column * width, height, width)
               for (row, column), weight in np.ndenumerate(pattern))


boxes = [(pattern, y, x, high, wide) for pattern in patterns for high in range(2, 17, 2) for wide in range(2, 17, 2)
         for y in range(0, 17 - high * len(pattern), 2) for x in range(0, 17 - wide * pattern.shape[1], 2)]
chosen = np.random.default_rng(0).choice(len(boxes), 500, replace=False)  # all of 180,000 in the paper
haar_weights = np.stack([haar(np.eye(17**2).reshape(-1, 17, 17), *boxes[k]) for k in chosen], axis=1)  # (289, 500)
print(f"{len(boxes):,} features, of which we use {len(chosen)}")

# %% [markdown]
# ### AdaBoost
#
# A *stump* compares one feature with a threshold: is it a cross? AdaBoost takes the stump of least weighted error
# $\epsilon$, gives it the vote $\alpha = \log\frac{1 - \epsilon}{\epsilon}$, and makes the examples that it gets right
# lighter, by $\beta = \frac{\epsilon}{1 - \epsilon}$. To find the best threshold of a feature, sort its values and walk
# upwards: the error changes by one example's weight at a time. We compare with a search that tries everything.

# %%
def best_stump(values, order, is_cross, weights):
    """Feature, threshold and sign of least weighted error; values and order (features, n), order sorts each row."""
    below = np.cumsum(np.where(is_cross, weights, -weights)[order], axis=1)  # (features, n)
    error = below + weights[~is_cross].sum()  # of "a cross is above"
    better = np.minimum(error, weights.sum() - error)[:, :-1]  # the other sign makes the other errors
    feature, place = np.unravel_index(better.argmin(), better.shape)
    threshold = values[feature, order[feature, place : place + 2]].mean()
    return feature, threshold, 1.0 if error[feature, place] < weights.sum() / 2 else -1.0


def stump_says(values, feature, threshold, sign):
    return sign * (values[feature] - threshold) > 0


# %%
rng = np.random.default_rng(2)
values, weights, is_cross = rng.normal(size=(6, 40)), rng.dirichlet(np.ones(40)), rng.random(40) < 0.5
found = stump_says(values, *best_stump(values, values.argsort(axis=1), is_cross, weights))
tried = [weights[stump_says(values, row, threshold, sign) != is_cross].sum()
         for row in range(6) for threshold in np.append(values[row] - 1e-9, 9) for sign in (1, -1)]
print(f"weighted error by walking {weights[found != is_cross].sum():.6f}, of all {len(tried)} stumps {min(tried):.6f}")

# %% [markdown]
# ### Exercise 2 (4 points): the planted bugs
#
# ```python
# def reweighted(weights, wrong):
#     error = np.mean(wrong)
#     beta = error / (1 - error)
#     weights = weights * np.where(wrong, beta, 1)
#     return weights / weights.sum(), np.log(1 / beta)
# ```
#
# This runs and boosting does not work. Two things in it contradict the paragraph above. A useful test: after the
# update, the stump just chosen must be no better than a coin, that is, its weighted error must be one half.

# %% nbgrader={"grade": false, "grade_id": "reweighted", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reweighted(weights: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, float]:
    """Next weights (n,), with sum 1, and alpha; weights (n,) have sum 1, wrong (n,) booleans, some but not all True."""
    ### BEGIN SOLUTION
    error = weights[wrong].sum()
    beta = error / (1 - error)
    weights = weights * np.where(wrong, 1, beta)
    return weights / weights.sum(), np.log(1 / beta)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "reweighted_vote", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("vote of a stump with weighted error 0.1",
      reweighted(np.array([0.1, 0.4, 0.5]), np.array([True, False, False]))[1], expected=np.log(9))
### BEGIN HIDDEN TESTS
check("votes, any weights", [reweighted(w, np.arange(9) < 4)[1] for w in check.rng().dirichlet(np.ones(9), 3)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "reweighted_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the wrong example now weighs one half", reweighted(np.full(4, 0.25), np.array([True, False, False, False]))[0],
      expected=[1 / 2, 1 / 6, 1 / 6, 1 / 6])
### BEGIN HIDDEN TESTS
check("next weights, any weights", [reweighted(w, np.arange(9) < 4)[0] for w in check.rng().dirichlet(np.ones(9), 3)])
### END HIDDEN TESTS

# %% [markdown]
# Now boosting. The score of a window is the sum of the votes of the stumps that say "cross". We keep the score after
# each stump, (n, stumps), for later use.

# %% waits=["box_sums", "reweighted"]
def boosted(crosses, rest, count):
    """`count` stumps (feature, threshold, sign, vote) that tell crosses (n, 289) from the rest (m, 289)."""
    values = np.ascontiguousarray((np.concatenate([crosses, rest]) @ haar_weights.astype(np.float32)).T)  # (500, n + m)
    order, stumps, is_cross = values.argsort(axis=1), [], np.arange(len(values[0])) < len(crosses)
    weights = np.where(is_cross, 0.5 / len(crosses), 0.5 / len(rest))
    for _ in range(count):
        stump = best_stump(values, order, is_cross, weights)
        weights, vote = reweighted(weights, stump_says(values, *stump) != is_cross)
        stumps.append((*stump, vote))
    return stumps


def scores(integrals, stumps):  # integrals (n, 289) -> scores after each stump (n, stumps)
    feature, threshold, sign, vote = map(np.array, zip(*stumps, strict=True))
    return (vote * (sign * (integrals @ haar_weights[:, feature] - threshold) > 0)).cumsum(axis=1)


# %% [markdown]
# Stage $k$ has $n_k$ features, and a window without a cross costs $\sum_k n_k \prod_{j<k} f_j$ of them on average. Each
# stage is boosted on crosses against 400 windows *that passed all stages before*, false alarms all; its threshold
# is lowered until 99% of the validation crosses pass. The *monolith* is a single boosted classifier of as many features
# and sees the same windows, all at once; every window costs it all its features. The threshold is set so that it
# detects as many of the test crosses as the cascade, and then it is cut to the fewest features with which it has no more
# false alarms. How many times fewer features will the cascade compute for a window?

# %% tags=["demo"] waits=["box_sums", "reweighted"]
sizes = np.array([3, 5, 10, 20, 30])  # 38 stages with 6,060 features in the paper's detector


def integrals_of(count, strip, rng, crosses):
    return integral_image(windows(count, strip, rng, crosses)).reshape(count, -1).astype(np.float32)  # (count, 289)


def detectors(seed):  # the stages (stumps, threshold) of a cascade, and the stumps of the monolith
    rng, stages, seen = np.random.default_rng(seed), [], []
    crosses, validation = integrals_of(400, "train", rng, True), integrals_of(1000, "validation", rng, True)
    rest = integrals_of(20_000, "train", rng, False)
    for size in sizes:
        seen.append(rest[:400])
        stumps = boosted(crosses, seen[-1], size)
        stages.append((stumps, np.quantile(scores(validation, stumps)[:, -1], 0.01) - 1e-6))
        rest = rest[scores(rest, stumps)[:, -1] >= stages[-1][1]]
    return stages, boosted(crosses, np.concatenate(seen), sizes.sum())


# %% tags=["demo"] waits=["box_sums", "reweighted"]
def measured(stages, monolith, seed):  # in the order of the table; shares that pass: of those before, of all
    rng = np.random.default_rng(seed + 1)
    crosses, rest = integrals_of(2000, "test", rng, True), integrals_of(15_000, "test", rng, False)
    found, keep = (np.stack([scores(part, stumps)[:, -1] >= threshold for stumps, threshold in stages], axis=1)
                   for part in (crosses, rest))  # (n, stages) each
    left, detection = np.append(1, keep.cumprod(axis=1).mean(axis=0)), found.all(axis=1).mean()  # left: (stages + 1,)
    alarms = (scores(rest, monolith) >= np.quantile(scores(crosses, monolith), 1 - detection, axis=0)).mean(axis=0)
    needed = np.argmax(np.append(alarms[:-1] <= left[-1], True))  # the first that is good enough, else all
    return detection, sizes @ left[:-1], needed + 1, alarms[needed], left[1:] / left[:-1], keep.mean(axis=0)


trained = [detectors(seed) for seed in seeds(5)]
runs = [measured(*pair, seed) for pair, seed in zip(trained, seeds(5), strict=True)]
detection, computed, needed, alarms = np.array([run[:4] for run in runs]).T  # (seeds,) each
given, alone = (np.array([run[column] for run in runs]) for column in (4, 5))  # (seeds, stages)
total, predicted = 100 * given.prod(axis=1), 100 * alone.prod(axis=1)  # (seeds,)
plots.table(["detected (%)", "features: cascade", "monolith", "false alarms (%): cascade", "monolith", "predicted"],
            np.stack([100 * detection, computed, needed, total, 100 * alarms, predicted], axis=1).tolist())
plots.line(np.arange(6), {name: 100 * np.insert(share.cumprod(axis=1), 0, 1, axis=1)
                          for name, share in {"measured": given, "if stages were independent": alone}.items()},
           xlabel="stages passed", ylabel="windows without a cross (%)", log="y")

# %% tags=["demo"] waits=["box_sums", "reweighted"]
fewer = stats.mean_interval(np.log2(needed / computed))
claim("cascade", measured={
    "crosses detected (%)": 100 * detection, "features for a window: cascade": computed,
    "monolith, at equal detection and no more false alarms": needed, "log2 of the times fewer, 95% half-width": fewer,
    "share that passes each stage, of those that reach it": given.mean(axis=0), "of all windows": alone.mean(axis=0),
    "false alarms, all stages (%)": total, "predicted for independent stages (%)": predicted},
    holds=fewer[0] - fewer[1] > 0 and total.max() < 100 * 0.5**5 and detection.min() > 0.93,
    because="most windows leave early, and every stage divides the false alarms, if by less than were they independent")

# %% [markdown]
# The cascade needs a fraction of the features, and the false alarms multiply down. But the factors are those *of the
# windows that arrive*. Measured on all windows, each stage alone looks far better, and the product of these shares
# promises far fewer false alarms than there are: stages are not independent, since a window that fools one is likely to
# fool the next. That is why each stage is trained on what the others let through.
#
# Operations skipped are time saved only if the program really skips them. Here the places of a picture are a list that
# gets shorter with every stage. The picture is made of the test strips, eight crosses and eight other shapes.

# %% waits=["box_sums", "reweighted"]
def scan(picture, stages):  # how many stages the window at each place passes (height - side + 1, width - side + 1)
    (rows, width), mean = np.subtract(picture.shape, side - 1), lambda values: ndimage.uniform_filter(values, side)
    spread = np.sqrt(mean(picture**2) - mean(picture) ** 2)[side // 2 :, side // 2 :][:rows, :width].ravel()
    integral, passed, places = integral_image(picture).ravel(), np.zeros(rows * width, int), np.arange(rows * width)
    for stumps, threshold in stages:
        score, corner = 0.0, places + places // width * side  # the window's corner in the integral image
        for feature, least, sign, vote in stumps:
            value = sum(haar_weights[used, feature] * integral[corner + used // 17 * (width + side) + used % 17]
                        for used in np.flatnonzero(haar_weights[:, feature]))
            score = score + vote * (sign * (value - least * spread[places]) > 0)
        places = places[score >= threshold]
        passed[places] += 1
    return passed.reshape(rows, width)


# %% tags=["demo"] waits=["box_sums", "reweighted"]
rng = np.random.default_rng(seeds(1)[0])
picture = 0.5 * np.concatenate([photograph[100:292, 430:] for photograph in grey], axis=1)  # (192, 420)
for number in range(16):
    y, x = 16 + 48 * (number // 4), 20 + 104 * (number % 4) + 52 * (number // 4 % 2)
    here = picture[y : y + side, x : x + side]
    here[:] = drawn(here[None], np.array([cross if number % 2 else rng.choice(others)]), rng)[0]
picture, (stages, monolith) = picture + 0.02 * rng.normal(size=picture.shape), trained[0]
passed, programs = scan(picture, stages), [stages, [(monolith[: int(needed[0])], 0.0)], []]
times = [1000 * min(timeit.repeat(lambda: scan(picture, program), number=1, repeat=3)) for program in programs]
print(f"{passed.size:,} places: cascade {times[0] - times[2]:.0f} ms, monolith {times[1] - times[2]:.0f} ms,",
      f"and {times[2]:.0f} ms for the windows' spread in both")

# %% tags=["demo"] waits=["box_sums", "reweighted"]
axes = plt.subplots(2, 1, figsize=(8, 7.4), layout="constrained")[1]
axes[0].imshow(picture, cmap="gray", vmin=0, vmax=1)
groups, count = ndimage.label(passed == len(sizes), np.ones((3, 3)))
for group, (y, x) in enumerate(ndimage.center_of_mass(groups, groups, range(1, count + 1)), 1):
    if (groups == group).sum() >= 5:
        axes[0].add_patch(plt.Rectangle((x - 0.5, y - 0.5), side, side, fill=False, edgecolor="#E69F00", linewidth=2))
cost = axes[1].imshow(np.minimum(passed + 1, 5), cmap=plt.get_cmap("cividis", 5), vmin=0.5, vmax=5.5)
axes[1].figure.colorbar(cost, ax=axes[1], label="stages computed", ticks=range(1, 6), shrink=0.8)
for ax, title in zip(axes, ["detections", "cost, by the window's upper left corner"], strict=True):
    ax.set(title=title, xticks=[], yticks=[])

# %% [markdown]
# Around a cross several neighbouring windows pass; five or more that touch are merged into one detection, as in the
# paper. Work goes where something is cross-like: leaves in the tree, edges, the other shapes. Look for what the detector
# takes for a cross: mostly other shapes, which were one training window in ten. (The time in which both find the
# standard deviation of each window is left out of the two printed.)
#
# **How this could be wrong.** The 500 features, 400 crosses and the windows that train a stage are few, so detectors differ
# from seed to seed. One kind of synthetic object, lighter than its ground and hardly turned; the test strips
# belong to the same two photographs. With 15,000 windows and 0.1% false alarms, that rate rests on some fifteen windows a
# seed, so the monolith's number of features is rough. **Often mistaken.** 99% a stage is not 99% in all: five stages
# may lose 5%, and 38 stages a third. **Practice has moved on**: convolutional detectors
# replaced the features, but region proposals, early exits and speculative decoding are cascades.

# %% [markdown] topic="mixture-of-experts"
# ## Outrageously large neural networks
#
# The slide shows the layer of Shazeer et al. (2017): $n$ experts $E_i$ and a gate $G$ that leaves all but $k$ of them
# out, so that "outrageously large" networks compute little for an example:
#
# $$y = \sum_{i=1}^{n} G(x)_i\, E_i(x), \qquad G(x) = \operatorname{softmax}(\operatorname{KeepTopK}(H(x), k))$$
#
# $$H(x)_i = (x W_g)_i + \mathcal{N}(0, 1) \cdot \operatorname{softplus}((x W_{noise})_i)$$
#
# KeepTopK leaves the $k$ largest elements as they are and sets the others to $-\infty$.
#
# ### Exercise 3 (4 points): the gate
#
# Write $\operatorname{softmax}(\operatorname{KeepTopK}(h, k))$ in TensorFlow. It will be differentiated. No two elements
# of a row are equal.

# %% nbgrader={"grade": false, "grade_id": "top_k_gates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_k_gates(h: tf.Tensor, k: int) -> tf.Tensor:
    """Gates of h's shape (..., experts): k of each row are positive with sum 1, the others are 0."""
    ### BEGIN SOLUTION
    smallest = tf.math.top_k(h, k).values[..., -1:]  # (..., 1)
    return tf.nn.softmax(tf.where(h >= smallest, h, -np.inf))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "top_k_gates_one", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("k = 1: the best gets all", top_k_gates(tf.constant([[0.5, 2.0, -1.0]]), 1), expected=[[0, 1, 0]])
### BEGIN HIDDEN TESTS
check("k = 1, any h", top_k_gates(tf.constant(check.rng().normal(size=(5, 6))), 1))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "top_k_gates_some", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("k = 2: softmax of the two that are kept", top_k_gates(tf.constant([[np.log(3.0), -9.0, 0.0, np.log(1e-3)]]), 2),
      expected=[[0.75, 0, 0.25, 0]])
### BEGIN HIDDEN TESTS
check("k = 2 and more, any h", [top_k_gates(tf.constant(check.rng().normal(size=(2, 4, 6))), k) for k in (2, 3, 5)])
### END HIDDEN TESTS

# %% [markdown]
# Nothing in this makes the gate fair. An expert that is chosen more often learns faster and is chosen more often still.
# Two losses push back, each the squared coefficient of variation over the experts, $w \cdot \operatorname{CV}(v)^2$ with
# $\operatorname{CV}^2 = \operatorname{Var}(v) / \operatorname{mean}(v)^2$: one of the *importance* $\sum_x G(x)_i$ in a
# batch, one of the *load*, the number of examples sent to an expert. A count has no gradient; but the noise makes the
# choice random, and its probability has one:
#
# $$P(x, i) = \Phi\left(\frac{(x W_g)_i - \text{the } k\text{-th largest of the other } H(x)}
# {\operatorname{softplus}((x W_{noise})_i)}\right), \qquad \operatorname{Load}_i = \sum_x P(x, i)$$
#
# Many small networks train side by side: the first axis, s, counts them.

# %% waits=["top_k_gates"]
def noisy_gates(x, gate, noise_gate, k, noise):
    """Gates (s, batch, experts) and load (s, experts) of x (batch, inputs); gate, noise_gate (s, inputs, experts)."""
    clean, spread = tf.matmul(x, gate), tf.nn.softplus(tf.matmul(x, noise_gate)) + 1e-2  # (s, batch, experts)
    h = clean + noise * spread
    top = tf.math.top_k(h, k + 1).values  # (s, batch, k + 1)
    of_others = tf.where(h >= top[..., k - 1 : k], top[..., k:], top[..., k - 1 : k])
    chosen = 0.5 * (1 + tf.math.erf((clean - of_others) / spread / np.sqrt(2)))
    return top_k_gates(h, k), tf.reduce_sum(chosen, axis=1)


def squared_variation(v):
    return tf.math.reduce_variance(v, axis=-1) / tf.reduce_mean(v, axis=-1) ** 2


def all_experts(x, gates, first, second, bias):  # first (s, e, inputs, hidden), second (s, e, hidden, 3)
    hidden = tf.nn.relu(tf.einsum("bd,sedh->sebh", x, first))
    return tf.einsum("sebo,sbe->sbo", hidden @ second + bias, gates)  # (s, batch, 3)


# %% [markdown]
# The task needs capacity: a network gets a place $(x, y)$ and returns the colour of a photograph there. A quarter of the
# pixels are held out. The place is given as sines and cosines of three frequencies, 15 numbers. Five networks compute
# about as much for a pixel or have about as many parameters:
#
# - **experts**: 16 experts of 16 hidden units, $k = 2$, with and without the balancing losses;
# - **dense**: as many multiply-adds as two experts and the gate; **wide**: as many parameters as all experts;
# - **hard**: a *hard mixture of experts*, one expert a pixel, chosen by a fixed 4 x 4 tiling of the picture.

# %%
photo = data.photographs()[1, ::3, ::3]  # (143, 214, 3)
height, width = photo.shape[:2]
row, column = (index.ravel() for index in np.mgrid[:height, :width])
place = np.stack([3 * column / width - 1.5, 2 * row / height - 1], axis=1)  # (pixels, 2)
waves = [wave(np.pi * place * 2.0**power) for power in (-1, 0, 1) for wave in (np.sin, np.cos)]
inputs = np.concatenate([np.ones((len(place), 1)), place, *waves], axis=1).astype(np.float32)  # (pixels, 15)
colours, held_out = photo.reshape(-1, 3), (row + column) % 4 == 0
tiles = {16: tf.one_hot(row * 4 // height * 4 + column * 4 // width, 16), 1: tf.ones((len(row), 1))}


# %% waits=["top_k_gates"]
def gates_of(x, tile, gate, k, noise):  # gates and load; for k = 0 the tiles are the gates
    return noisy_gates(x, *gate, k, noise) if k else (tf.tile(tile[None], [gate[0].shape[0], 1, 1]), tf.ones((1, 1)))


def trained_networks(seed, experts, hidden, rate, k=0, weight=(0.0,), steps=900, batch=512):
    """Five networks for each weight of the balancing losses, with the same five starts."""
    tf.random.set_seed(seed)
    copies, weight = len(weight), tf.repeat(tf.constant(weight), 5)
    shapes = {(experts, 15, hidden): (2 / 15) ** 0.5, (experts, hidden, 3): hidden**-0.5, (experts, 1, 3): 0.1}
    expert = [tf.Variable(tf.tile(c * tf.random.normal((5, *shape)), (copies, 1, 1, 1))) for shape, c in shapes.items()]
    gate = [tf.Variable(tf.zeros((5 * copies, 15, experts))) for _ in range(2)]
    variables, pixels = expert + (gate if k else []), tf.constant(np.flatnonzero(~held_out))
    optimizer = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(variables)

    @tf.function
    def train():
        for _ in tf.range(steps):
            rows = tf.gather(pixels, tf.random.uniform((batch,), maxval=len(pixels), dtype=tf.int32))
            x, noise = tf.gather(inputs, rows), tf.concat([tf.random.normal((5, batch, experts))] * copies, 0)
            with tf.GradientTape() as tape:
                gates, load = gates_of(x, tf.gather(tiles[experts], rows), gate, k, noise)
                error = tf.reduce_mean((all_experts(x, gates, *expert) - tf.gather(colours, rows)) ** 2, axis=(1, 2))
                unfair = squared_variation(tf.reduce_sum(gates, axis=1)) + squared_variation(load)
                loss = tf.reduce_sum(30 * error + weight * unfair)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    train()
    return expert, gate


# %% tags=["demo"] waits=["top_k_gates"]
kinds = {"dense": (1, 46, 0.04), "wide": (1, 290, 0.02), "hard": (16, 46, 0.04),
         "unbalanced": (16, 16, 0.04, 2, (0.0, 0.1))}  # experts, hidden units, rate, k, weights of the balancing losses
outputs, shares, parameters, work = {}, {}, {}, {}
for name, settings in kinds.items():
    experts, hidden, k = *settings[:2], 2 * (len(settings) > 3)
    expert, gate = trained_networks(seeds(1)[0], *settings)
    shares[name] = gates_of(inputs, tiles[experts], gate, k, 0.0)[0].numpy()  # (5 or 10, pixels, experts)
    parts = [slice(begin, begin + 4096) for begin in range(0, len(inputs), 4096)]  # to save memory
    outputs[name] = np.concatenate([all_experts(inputs[p], shares[name][:, p], *expert) for p in parts], axis=1)
    parameters[name] = experts * (18 * hidden + 3) + 2 * bool(k) * 15 * experts
    work[name] = max(k, 1) * 18 * hidden + bool(k) * 15 * experts
for values in (outputs, shares):
    values["unbalanced"], values["balanced"] = np.split(values["unbalanced"], 2)
parameters["balanced"], work["balanced"] = parameters["unbalanced"], work["unbalanced"]
decibels = {name: -10 * np.log10(((y - colours)[:, held_out] ** 2).mean(axis=(1, 2))) for name, y in outputs.items()}
used = {name: (share.mean(axis=1) > 0.01).sum(axis=1) for name, share in shares.items()}  # with 1% of the gates or more
plots.table(["network", "parameters", "multiply-adds a pixel", "held-out PSNR (dB)", "experts used"],
            [[name, parameters[name], work[name], decibels[name].mean(), used[name].mean()] for name in outputs])

# %% [markdown]
# Which of the 16 experts has the larger gate at each place, in the first network of each kind?

# %% tags=["demo"] waits=["top_k_gates"]
axes = plt.subplots(2, 3, figsize=(9, 4.6), layout="constrained", subplot_kw={"xticks": [], "yticks": []})[1]
for index, name in enumerate(["dense", "unbalanced", "balanced"]):
    best = shares[name][0].argmax(axis=1).reshape(height, width)
    axes[0, index].imshow(outputs[name][0].reshape(photo.shape).clip(0, 1))
    axes[0, index].set_title(f"{name}: {decibels[name][0]:.1f} dB", fontsize=10)
    axes[1, index].imshow(best if index else photo, cmap="tab20", vmin=0, vmax=19, interpolation="nearest")
    axes[1, index].set_title(f"the larger gate: {len(np.unique(best))} experts" if index else "photograph", fontsize=10)

# %% [markdown]
# So far every expert was computed and most results multiplied by 0: the counted work was not saved. A program that saves
# it *dispatches*: each expert gathers its own rows, computes, and adds the results back. Before you look: with 64
# experts in place of 4, by what factor does the time grow in either program?

# %%
def dispatched(x, gates, first, second):  # one network: each expert computes its own examples; gates (batch, e)
    output = np.zeros((len(x), second.shape[2]), dtype=np.float32)
    for expert in range(gates.shape[1]):
        rows = np.flatnonzero(gates[:, expert])
        hidden = np.maximum(x[rows] @ first[expert], 0)  # (rows, hidden)
        output[rows] += gates[rows, expert, None] * (hidden @ second[expert])
    return output


# %% tags=["demo"] waits=["top_k_gates"]
rng, rows = np.random.default_rng(seeds(1)[0]), []
for experts in [4, 16, 64]:
    x, first, second, h = (rng.normal(size=shape).astype(np.float32) for shape in
                           [(2048, 64), (experts, 64, 256), (experts, 256, 64), (2048, experts)])
    gates = top_k_gates(tf.constant(h), 2).numpy()
    programs = (lambda: all_experts(x, gates[None], first[None], second[None], 0.0).numpy()[0],
                lambda: dispatched(x, gates, first, second))
    times, (every, some) = [1000 * min(timeit.repeat(p, number=1, repeat=5)) for p in programs], [p() for p in programs]
    apart, each = abs(every - some).max() / abs(every).max(), 2 * 64 * 256  # multiply-adds of an expert
    rows.append([experts, experts * each, 2 * each + 64 * experts, *times, apart])
plots.table(["experts", "parameters", "multiply-adds each", "all (ms)", "dispatched (ms)", "relative difference"], rows)

# %% tags=["demo"] waits=["top_k_gates"]
gain = stats.mean_interval(decibels["balanced"] - decibels["dense"])
worth = stats.mean_interval(decibels["balanced"] - decibels["unbalanced"])
claim("mixture-of-experts", measured={
    "parameters: " + ", ".join(work): list(parameters.values()), "multiply-adds a pixel": list(work.values()),
    "PSNR (dB)": [values.mean() for values in decibels.values()],
    "balanced experts over dense (dB), 95% half-width": gain, "balanced over unbalanced (dB), 95% half-width": worth,
    "experts used of 16: unbalanced, balanced": [used["unbalanced"].mean(), used["balanced"].mean()],
    "4 to 64 experts: parameters, multiply-adds, time (times)": [rows[2][k] / rows[0][k] for k in (1, 2, 4)]},
    holds=gain[0] > gain[1] and work["balanced"] <= work["dense"] and rows[2][2] < 1.1 * rows[0][2]
    and used["balanced"].mean() > used["unbalanced"].mean() + 2,
    because="at equal compute sixteen experts hold more of the picture; without balancing some are hardly used")

# %% [markdown]
# Sixteen experts beat the dense network of equal compute by more than a decibel, and even the wide one, whose every unit
# works on every pixel. Without balancing about half of the experts are hardly used; with it nearly all work, for a
# gain that is small beside the first. The hard mixture has the most parameters, and its tiles follow no edge of the
# picture. With dispatch, 16 times the parameters cost a few times the time, since 64 small products are less
# efficient than 4 large ones; all experts computed cost in proportion to their number.
#
# **How this could be wrong.** A picture has many separate parts, which suits experts; five networks of one kind share the
# pixels of each batch. Rates of 0.01 to 0.08 were tried for dense, wide and experts, and each has its best; hard
# was given the rate of dense. Test pixels lie between training pixels. The count of multiply-adds leaves out the noise, which only training needs.
#
# **Often mistaken.** With $k = 1$ the renormalized gate is the constant 1, and by question 2 the loss teaches the gate
# nothing. **Practice has moved on** there: the Switch Transformer (2021) takes $k = 1$ with the softmax over *all*
# experts as the factor, and one balancing loss, $n \sum_i f_i P_i$, from the share $f_i$ of examples sent to expert $i$
# and its mean probability $P_i$. Experts then sit on different machines, so an overloaded one also drops examples.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - A cascade spends work where it is needed: the mean cost is that of the first stages, the quality that of all.
# - Rates multiply stage by stage only as conditional rates. Stages that see the same window are not independent.
# - Experts separate parameters from compute. Without balancing, those that start well take everything.
# - A multiply-add that is masked is not saved; one that is never dispatched is.
#
# ## At full scale
#
# | where | what | parameters or features | work for an input |
# |---|---|---|---|
# | this laptop | 5 stages; 16 experts of 16 units | 68; about 5,000 | a few features; 2 experts |
# | one GPU | a small language model with 8 experts a layer, $k = 2$ | some $10^8$ | 2 of 8 experts |
# | the papers | Viola and Jones 2001; Shazeer et al. 2017 | 6,060; up to 137 billion | about 10 features; 4 of up to 131,072 experts |
#
# Next: week 8 turns from pictures to words.

# %%
dlcourse.submit()
