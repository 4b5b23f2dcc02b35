# %% [markdown]
# # 1 · Memory: caches, bandwidth, recomputation
#
# *Applications* (Goodfellow 2016, 2018), slide "Fast Implementations". *Large Scale Deep Learning*, session I, "Model
# Parallelism".
#
# **You should know** what a dense layer costs (`orders-of-magnitude`) and which arrays a backward pass needs
# (`backprop-one-layer`). **You will have built** a cache that counts its misses exactly, the roofline of your own
# machine, and a rule that says when computing twice is faster than storing once.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1, notebook 6) VGG-16's dense layers hold most of its parameters and do next to none of the work. One image
#    is classified: which layers read the most bytes for each multiply-add?
# 2. (Week 1, notebooks 2 and 3) A network has $L$ layers of $n$ units and a batch of $b$ examples. How many
#    activations does the backward pass find stored?
#
# <details><summary>Answers</summary>
#
# 1. The dense ones: every weight, four bytes, is read for a single multiply-add. A convolution's weight is used at
#    every position. The ratio of operations to bytes will decide today which of them the processor waits for.
# 2. $L \cdot n \cdot b$, one array for each layer. In the last section we store fewer and pay with arithmetic.
#
# </details>

# %%
dlcourse.setup("week05/01_memory", seed=51, deterministic=False)

from itertools import islice
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds
from numba import njit, prange
from scipy.stats import spearmanr

# %% [markdown]
# Times are the shortest of several runs that take turns: other programs can only add to a time. Loops are compiled by
# numba, because one step of a Python loop takes longer than fetching a number from anywhere in memory.

# %%
def fastest(*calls, repeats=5):
    """Shortest time of each call in seconds; each runs once before, and they take turns."""
    times = np.empty((repeats + 1, len(calls)))
    for (turn, which), _ in np.ndenumerate(times):
        start = perf_counter()
        calls[which]()
        times[turn, which] = perf_counter() - start
    return times[1:].min(axis=0)


caches = {"L1": (32 * 2**10, 8, 64), "L2": (2**20, 16, 64)}  # typical ones, unless Linux tells this machine's
for ways in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/ways_of_associativity")):
    kind, *numbers = ((ways.parent / name).read_text() for name in ["type", "level", "size", "coherency_line_size"])
    level, kibibytes, line = (int(number.strip().rstrip("K")) for number in numbers)
    if not kind.startswith("Instruction"):
        caches[f"L{level}"] = 1024 * kibibytes, int(ways.read_text()), line
plots.table(["cache", "KiB", "ways", "bytes a line"],
            [[name, size // 1024, ways, line] for name, (size, ways, line) in caches.items()])

# %% [markdown] topic="cache-friendly"
# ## Cache-friendly implementations
#
# Under "CPU" the slide lists "Cache-friendly implementations" and leaves it there. *Large Scale Deep Learning* says
# why: "**Data reuse:** compute is limited by how much data can fit at any time on the lowest level cache".
#
# Memory moves in lines of 64 bytes, 16 numbers of four (128 bytes on Apple's processors). The same loop adds the same
# numbers along the rows, as NumPy stores them, or, given the view `x.T`, down the columns. Then it uses one number of
# a line, goes on to the next, and comes back one column later. Will the line still be there?

# %%
@njit
def add_up(x):
    total = np.float32(0)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += x[i, j]
    return total


# %% [markdown]
# A column touches as many lines as the matrix has rows. The dotted marks stand where these lines fill a cache.

# %% tags=["demo"]
rows = 2 ** np.arange(6, 19)
matrix = np.random.default_rng(seeds(1)[0]).random((rows[-1], 136), dtype=np.float32)  # (262144, 136)
walks = np.array([fastest(lambda: add_up(matrix[:count]), lambda: add_up(matrix[:count].T)) / (136 * count)
                  for count in rows]).T * 1e9  # (2, 13): by rows and by columns, ns an element
plots.line(rows, {"by rows": walks[0], "by columns": walks[1]}, xlabel="rows of the matrix, 136 numbers each",
           ylabel="time (ns an element)", log="x")
for name in ["L1", "L2"]:
    fits = caches[name][0] / caches[name][2]  # lines
    plt.axvline(fits, color="0.5", linestyle=":")
    plt.annotate(f" {name}", (fits, plt.ylim()[1]), va="top")

# %% [markdown]
# In a small matrix the order does not matter. Once a column's lines no longer fit in L2, each is fetched again for
# every one of its 16 numbers.
#
# ### Exercise 1 (4 points): a cache
#
# A cache holds lines. Line number = address // line, and it may stand only in set number (line number % `sets`), which
# has room for `ways` lines. An access to a line that is there is a hit. If it is not there, that is a miss: it is
# fetched, and if its set is full, the line whose last use is longest ago makes room (least recently used). Return for
# each access whether it missed. The cache starts empty; `sets=1` is a fully associative cache.

# %% nbgrader={"grade": false, "grade_id": "cache_misses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cache_misses(addresses: np.ndarray, sets: int, ways: int, line: int = 64) -> np.ndarray:
    """Which accesses miss: byte addresses (n,), in their order, to booleans (n,)."""
    ### BEGIN SOLUTION
    held = [{} for _ in range(sets)]  # the lines of each set; a dict keeps them in order of their last use
    missed = np.zeros(len(addresses), dtype=bool)
    for access, number in enumerate((np.asarray(addresses) // line).tolist()):
        lines = held[number % sets]
        missed[access] = lines.pop(number, "missing") == "missing"
        lines[number] = "held"
        if len(lines) > ways:
            del lines[next(iter(lines))]
    return missed
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cache_misses_recently_used", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("bytes 0 to 63 are one line", cache_misses(np.array([0, 4, 63, 64, 0]), 1, 2),
      expected=[True, False, False, True, False])
check("room for two lines: line 0, used again, stays; line 1 goes",
      cache_misses(64 * np.array([0, 1, 0, 2, 0, 1]), 1, 2), expected=[True, True, False, True, False, True])
### BEGIN HIDDEN TESTS
for ways, accesses in zip([3, 8], check.rng().integers(0, [[400], [1000]], size=(2, 200))):
    check(f"one set of {ways} ways, any accesses", cache_misses(accesses, 1, ways))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "cache_misses_sets", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two sets of one way: lines 0 and 2 share a set, line 1 has the other",
      cache_misses(64 * np.array([0, 1, 2, 0, 1]), sets=2, ways=1), expected=[True, True, True, True, False])
check("room for eight lines, but lines 0, 4 and 8 belong into the same set of two",
      cache_misses(64 * np.array([0, 4, 8, 0, 4, 8]), sets=4, ways=2).sum(), expected=6)
### BEGIN HIDDEN TESTS
for sets, ways, line in [(4, 1, 64), (8, 2, 32), (2, 4, 128)]:
    addresses = check.rng().integers(0, 2 * sets * ways * line, size=200)
    check(f"{sets} sets of {ways}, lines of {line} bytes", cache_misses(addresses, sets, ways, line))
### END HIDDEN TESTS

# %% [markdown]
# ### Blocks
#
# A transposition reads along rows and writes down columns. In blocks of $b \times b$ it returns to each line while the
# line is still there.

# %%
@njit
def transpose(source, target, block):
    side = source.shape[0]
    for top in range(0, side, block):
        for left in range(0, side, block):
            for i in range(top, min(top + block, side)):
                for j in range(left, min(left + block, side)):
                    target[j, i] = source[i, j]


def transpose_addresses(side, block, steps):
    """Byte addresses (2 * steps,), read and written by turns, of the first `steps` elements that it moves."""
    order = ((i, j) for top in range(0, side, block) for left in range(0, side, block)
             for i in range(top, min(top + block, side)) for j in range(left, min(left + block, side)))
    i, j = np.array(list(islice(order, steps))).T  # (steps,) each
    return np.stack([4 * (i * side + j), 4 * side**2 + 4 * (j * side + i)], axis=1).ravel()


# %% [markdown]
# Your cache takes this machine's L1; what misses there goes on to its L2. We transpose matrices of side 2,048 and
# 2,064. Before you look: which is faster, and which block is best for each?

# %% tags=["demo"] waits=["cache_misses"]
sides, blocks, steps = [2048, 2064], np.array([4, 8, 16, 32, 64, 128, 256, 512, 1024, 2064]), 2**15
fetched, seconds = {}, {}
for side in sides:
    for block in blocks:
        addresses = transpose_addresses(side, block, steps)  # (65536,)
        for name in ["L1", "L2"]:
            size, ways, line = caches[name]
            addresses = addresses[cache_misses(addresses, size // (ways * line), ways, line)]
            fetched.setdefault(f"{side}, into {name}", []).append(len(addresses) / steps)
    matrix, turned = np.random.default_rng(seeds(1)[0]).random((2, side, side), dtype=np.float32)
    calls = [lambda block=block: transpose(matrix, turned, block) for block in blocks]
    seconds[side] = fastest(*calls) / side**2  # (10,), of one element
left, right = plots.panels(2)
plots.line(blocks, fetched, xlabel="block", ylabel="lines fetched an element", log="x", title="simulated", ax=left)
plots.line(blocks, {f"side {side}": 1e9 * seconds[side] for side in sides}, xlabel="block",
           ylabel="time (ns an element)", log="x", title="measured", ax=right)

# %% [markdown]
# The smallest blocks use part of a line only; large ones lose their lines. Side 2,048 is special: its rows lie a power
# of two apart, so all lines of a column fall into a few sets, and a nearly empty cache misses. Sixteen columns more
# cure it. Compare the steps of both pictures: the first is L1's, the second L2's.
#
# A matrix product reuses more: with blocks of $b \times b$ each number is fetched $n / b$ times instead of $n$ times.

# %% tags=["demo"]
@njit(fastmath=True)
def add_product(a, b, c, block):
    for middle in range(0, len(b), block):
        for left in range(0, len(b), block):
            for i in range(len(a)):
                row = c[i, left:left + block]
                for k in range(middle, min(middle + block, len(b))):
                    factor, other = a[i, k], b[k, left:left + block]
                    for j in range(row.size):
                        row[j] += factor * other[j]


a, b, c = np.random.default_rng(seeds(1)[0]).random((3, 1040, 1040), dtype=np.float32)
product_blocks = [16, 32, 64, 128, 256, 512, 1040]
calls = [lambda block=block: add_product(a, b, c, block) for block in product_blocks]
*rates, library = 2e-9 * 1040**3 / fastest(*calls, lambda: np.dot(a, b), repeats=2)  # GFLOP/s
plots.bars(dict(zip(product_blocks, rates)) | {"NumPy": library}, xlabel="block", ylabel="GFLOP/s", log="y")

# %% tags=["demo"] waits=["cache_misses"]
times = np.array(list(seconds.values()))  # (sides, blocks)
lines = np.array(list(fetched.values())).reshape(2, 2, -1).sum(axis=1)  # (sides, blocks), into both caches
best, whole = blocks[times.argmin(axis=1)], times[:, -1] / times.min(axis=1)  # (sides,) each
order = float(spearmanr(lines.ravel(), times.ravel()).statistic)
claim(
    "cache-friendly", timing=True,
    measured={"by columns / by rows, smallest and largest matrix (times)": (walks[1] / walks[0])[[0, -1]].round(2),
              "transposition of side 2048 and 2064: best block": best, "and whole / best block (times)": whole.round(2),
              "rank correlation of lines fetched and time, 20 cases": order,
              "product: best block / whole (times)": max(rates) / rates[-1], "NumPy / best": library / max(rates)},
    holds=walks[1, -1] > 1.8 * walks[0, -1] and whole.min() > 1.5 and best.max() < 1024 and order > 0.5,
    because="against the rows the same additions take several times as long once a column's lines exceed the cache; "
            "blocks give it back, and a simulated cache foretells which",
)

# %% [markdown]
# **How this could be wrong.** Real caches only approximate "least recently used", and prefetch lines. Walking down more
# than some thousand rows also overflows the table that translates addresses (the TLB): part of the last rise is its.
#
# **Practice has moved on** from writing this by hand: NumPy's product also blocks for registers, uses wide instructions
# and all cores (notebook 2). But memory layouts, padding and the tiles of GPU kernels are this section again.

# %% [markdown] topic="memory-bandwidth"
# ## High memory bandwidth
#
# The slide's first word under "GPU" is "High memory bandwidth", not arithmetic. The **roofline** (Williams, Waterman
# and Patterson 2009) says when that matters. With the arithmetic intensity $I$, operations for each byte moved,
#
# $$\text{performance} \le \min(\text{peak},\ \text{bandwidth} \cdot I).$$
#
# The peak is that of the best matrix product, the bandwidth that of the best update $y \leftarrow y + x$ of arrays that
# exceed L2: it reads what it writes, so that no hidden read is missing from the count. Such arrays lie in main memory
# on a laptop, in L3 on a server with hundreds of megabytes of it.
#
# ### Exercise 2 (4 points): the roof over a dense layer
#
# A dense layer multiplies a batch (batch, inputs) by weights (inputs, units); no bias. All numbers have four bytes;
# input and weights are read once, the output is written once; a multiply-add is two operations. Return its intensity
# and the smallest batch at which it reaches the ridge, peak / bandwidth. Derive the second by solving $I(b) \ge$ ridge
# for $b$; where even an endless batch does not reach it, return 0.

# %% nbgrader={"grade": false, "grade_id": "dense_roof", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dense_roof(batch: int, inputs: int, units: int, ridge: float) -> tuple[float, int]:
    """Operations a byte at this batch; the smallest whole batch whose intensity is at least `ridge`, 0 if none."""
    ### BEGIN SOLUTION
    intensity = 2 * batch * inputs * units / (4 * (batch * inputs + inputs * units + batch * units))
    left = inputs * units - 2 * ridge * (inputs + units)  # b * left >= 2 * ridge * inputs * units
    return intensity, int(np.ceil(2 * ridge * inputs * units / left)) if left > 0 else 0
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dense_roof_intensity", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one example through 4 x 4: 32 operations on 24 numbers of 4 bytes", dense_roof(1, 4, 4, 0.1)[0], expected=1 / 3)
### BEGIN HIDDEN TESTS
for batch, shape in zip([1, 32, 900], check.rng().integers(100, 3000, size=(3, 2)).tolist()):
    check(f"any layer, batch {batch}: intensity", dense_roof(batch, *shape, 7.7)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "dense_roof_batch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("1,000 x 1,000, ridge 50: 100,000,000 / 800,000 examples", dense_roof(1, 1000, 1000, 50.0)[1], expected=125)
check("64 x 64, ridge 20: out of reach, the batch's own bytes grow too", dense_roof(1, 64, 64, 20.0)[1], expected=0)
### BEGIN HIDDEN TESTS
for ridge, shape in zip([7.3, 23.1, 51.7], check.rng().integers(300, 4000, size=(3, 2)).tolist()):
    check(f"any layer, ridge {ridge}: smallest batch", dense_roof(1, *shape, ridge)[1])
### END HIDDEN TESTS

# %% [markdown]
# Now TensorFlow under this roof: a dense layer of 4,096 by 4,096 at growing batch; and a chain of elementwise
# multiply-adds, $h \leftarrow h x + \tfrac12$, operation by operation or fused by XLA into one loop. By itself each
# multiply-add moves five arrays ($h$, $x$ in, $h$ out; $h$ in, $h$ out); fused, the whole chain moves two.

# %%
def chain(x, degree):
    h = tf.fill(tf.shape(x), 0.5)
    for _ in range(degree):
        h = h * x + 0.5
    return h


@njit(parallel=True)
def update(y, x):
    for i in prange(y.size):
        y[i] += x[i]


one_by_one, by_xla = (tf.function(chain, autograph=False, jit_compile=fuse) for fuse in [False, True])

# %% tags=["demo"] waits=["dense_roof"]
width, batches, degrees = 4096, np.array([1, 4, 16, 64, 256]), np.array([1, 2, 4, 8, 16, 32])
generator = tf.random.Generator.from_seed(seeds(1)[0])
weights, inputs, x = generator.normal((width, width)), generator.normal((256, width)), generator.uniform((2**22,))
pairs = np.ones((3, 2, 2**22), dtype=np.float32)  # three times two arrays of 16 MiB
square = weights[:2048, :2048]
calls = [lambda y=y, other=other: [update(y, other) for _ in range(8)] for y, other in pairs]
calls += [lambda: tf.matmul(square, square), lambda: np.dot(square, square)]
calls += [lambda part=inputs[:batch]: tf.matmul(part, weights) for batch in batches]  # (batch, 4096)
calls += [lambda degree=degree, run=run: run(x, degree) for run in [one_by_one, by_xla] for degree in degrees.tolist()]
times = fastest(*calls, repeats=8)  # all take turns, so that they share what else the machine does
bandwidth, peak = 8 * 12 * 2**22 / times[:3].min(), 2 * 2048**3 / times[3:5].min()
dense = np.array([dense_roof(batch, width, width, 1.0)[0] for batch in batches]), 2 * batches * width**2 / times[5:10]
alone, fused = ((2 * degrees / (4 * arrays), 2 * degrees * len(x) / took)  # intensity, operations a second
                for arrays, took in zip([5 * degrees, 2], [times[10:16], times[16:]]))
print(f"peak {peak / 1e9:.0f} GFLOP/s, bandwidth {bandwidth / 1e9:.0f} GB/s, ridge {peak / bandwidth:.1f} a byte")

# %% tags=["demo"] waits=["dense_roof"]
intensities = np.geomspace(0.05, 200, 100)
plots.line(intensities, {"roof": np.minimum(peak, bandwidth * intensities) / 1e9}, xlabel="", ylabel="")
points = {"dense, batch 1 to 256": dense, "1 to 32 multiply-adds, one by one": alone, "fused": fused}
plots.scatter({name: (where, speed / 1e9) for name, (where, speed) in points.items()},
              xlabel="intensity (operations a byte)", ylabel="GFLOP/s", log="xy", ax=plt.gca())
plt.legend(loc="lower right");

# %% tags=["demo"] waits=["dense_roof"]
over_roof = max((speed / np.minimum(peak, bandwidth * where)).max() for where, speed in points.values())
gain, batch_gain = times[13] / times[19], dense[1][-1] / dense[1][0]
claim(
    "memory-bandwidth", timing=True,
    measured={"peak (GFLOP/s), bandwidth (GB/s), ridge": [peak / 1e9, bandwidth / 1e9, peak / bandwidth],
              "a dense layer of 4,096 x 4,096 reaches it at batch": dense_roof(1, width, width, peak / bandwidth)[1],
              "dense, operations a second: batch 256 / batch 1": batch_gain, "highest point / roof": over_roof,
              "8 multiply-adds fused: times faster, times fewer bytes": [gain, 20]},
    holds=over_roof < 1.5 and batch_gain > 3 and gain > 2,
    because="nothing rises clearly over the roof; what moves many bytes for an operation stays far under the peak, and "
            "fusing a chain makes it faster because it moves fewer",
)

# %% [markdown]
# A dense layer at batch 1 waits for its weights; at batch 256 it does many times as many operations a second, not far
# under the peak. Fusion moves a chain to the right: its time hardly grows with the number of multiply-adds while it
# waits for memory. Later it meets a ceiling of its own below the peak, for these loops use the arithmetic units less
# well than a matrix product.
#
# **How this could be wrong.** The count assumes that each array moves once; what stays in a cache moves less, and a
# point may lie above the slope. **Often mistaken:** an elementwise layer never sees a GPU's peak. An H100 SXM has 67
# float32 TFLOP/s and 3.35 TB/s (NVIDIA's data sheet), a ridge of 20 operations a byte; `relu` has an eighth of one.

# %% [markdown] topic="recompute-or-reload"
# ## Recompute or reload
#
# "GPU: No cache" (both decks). The book says what follows: "most writable memory locations are not cached, so it can
# actually be faster to compute the same value twice, rather than compute it once and read it back from memory" (*Deep
# Learning*, section 12.1.2). The fact was out of date: since Fermi (2010) NVIDIA's GPUs have an L1 cache in every
# multiprocessor and a shared L2 for reads and writes, then of 768 KB (Fermi white paper, 2009). Is the advice wrong
# too?
#
# Take swish, $y = x g$ with the gate $g = \sigma(x)$. Backward, $\partial x = \partial y \cdot g\,(1 + x (1 - g))$. The
# gate is *stored* in the forward pass and read again, or *recomputed* from $x$, which is read anyway. Ours is a
# polynomial of adjustable degree, to choose its cost. A `block` is finished before the next begins.

# %%
@njit(fastmath=True)
def polynomial(x, gate, degree):
    for i in range(x.size):
        gate[i] = np.float32(0.5) * x[i] + np.float32(0.5)
    for _ in range(degree - 1):
        for i in range(x.size):
            gate[i] = gate[i] * x[i] + np.float32(0.5)


@njit(fastmath=True)
def one_pass(x, upstream, gate, out, degree, block, keep, backward):
    for start in range(0, x.size, block):
        here = slice(start, start + block)
        inputs, above, outputs = x[here], upstream[here], out[here]
        g = gate[here] if keep else gate[:block]  # not kept: overwritten by the next block
        if not (keep and backward):
            polynomial(inputs, g, degree)
        for i in range(inputs.size):
            outputs[i] = above[i] * g[i] * (1 + inputs[i] * (1 - g[i])) if backward else inputs[i] * g[i]


# %% [markdown]
# ### Exercise 3 (3 points): find the planted bugs
#
# How long do both passes take for one element, by the roofline? The gate costs `degree` multiply-adds of two
# operations; all other operations are free; a number has four bytes. The forward pass reads $x$ and writes $y$; the
# backward pass reads $\partial y$ and $x$ and writes $\partial x$. Whoever stores the gate also writes it forward and
# reads it backward; whoever recomputes it computes it in both passes. A pass takes the longer of its arithmetic and
# its traffic, which overlap. The function below is wrong in three places. Write it right.

# %%
def flawed_pass_times(degree, peak, bandwidth):
    """Seconds an element with the gate stored, and recomputed; wrong in three places."""
    gate = degree / peak
    stored = max(gate, 12 / bandwidth) + 12 / bandwidth
    recomputed = gate + 8 / bandwidth + gate + 12 / bandwidth
    return stored, recomputed


# %% nbgrader={"grade": false, "grade_id": "pass_times", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pass_times(degree: float, peak: float, bandwidth: float) -> tuple[float, float]:
    """Seconds an element, gate stored and recomputed; peak in operations a second, bandwidth in bytes a second."""
    ### BEGIN SOLUTION
    gate = 2 * degree / peak
    stored = max(gate, 12 / bandwidth) + 16 / bandwidth
    recomputed = max(gate, 8 / bandwidth) + max(gate, 12 / bandwidth)
    return stored, recomputed
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pass_times_stored", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("arithmetic is free: 7 numbers of 4 bytes move", pass_times(0, 1.0, 4.0)[0], expected=7.0)
check("32 operations at one a second, then 16 bytes at one a second", pass_times(16, 1.0, 1.0)[0], expected=48.0)
### BEGIN HIDDEN TESTS
for number, (degree, peak, bandwidth) in enumerate(check.rng().uniform([1, 1, 1], [20, 8, 4], size=(6, 3))):
    check(f"stored, machine {number}", pass_times(degree, peak, bandwidth)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pass_times_recomputed", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("arithmetic is free: 5 numbers of 4 bytes move", pass_times(0, 1.0, 4.0)[1], expected=5.0)
check("10 operations and 8 bytes, then 10 and 12, at one a second", pass_times(5, 1.0, 1.0)[1], expected=22.0)
### BEGIN HIDDEN TESTS
for number, (degree, peak, bandwidth) in enumerate(check.rng().uniform([1, 1, 1], [20, 8, 4], size=(6, 3))):
    check(f"recomputed, machine {number}", pass_times(degree, peak, bandwidth)[1])
### END HIDDEN TESTS

# %% [markdown]
# Predict with your function: where do the times cross on a machine with ridge $r$? We use one core and its own roof,
# with this polynomial in L1 as peak. Fused, a block stays in L1; not fused, each multiply-add goes over whole arrays.

# %% tags=["demo"] waits=["pass_times"]
size, block = 2**22, 2048
x, upstream, gate, y, dx = np.random.default_rng(seeds(1)[0]).random((5, size), dtype=np.float32)
in_cache, in_memory = fastest(
    lambda: polynomial(x[:block], gate[:block], 2048), lambda: np.add(y, x, out=y), repeats=30)
core_peak, core_bandwidth = 2 * 2048 * block / in_cache, 3 * x.nbytes / in_memory


def measure(degrees, block):
    """Forward and backward pass with the gate stored, and recomputed, (2, degrees): ns an element."""
    calls = [lambda degree=degree, keep=keep: [one_pass(x, upstream, gate, out, degree, block, keep, out is dx)
                                               for out in [y, dx]] for degree in degrees for keep in [True, False]]
    return fastest(*calls).reshape(-1, 2).T / size * 1e9


degrees = np.array([1, 2, 4, 8, 12, 16, 24, 32, 64])
fused, unfused = measure(degrees, block), measure(degrees[:6], size)
predicted = 1e9 * np.array([pass_times(degree, core_peak, core_bandwidth) for degree in degrees]).T  # (2, 9)

# %% tags=["demo"] waits=["pass_times"]
crossings = [2 ** np.interp(0, np.maximum.accumulate(np.log(recomputed / stored)), np.log2(degrees))
             for stored, recomputed in [predicted, fused]]  # degrees from which on storing is faster
left, right = plots.panels(2)
plots.line(degrees, {"gate stored": fused[0], "recomputed": fused[1], "stored, predicted": predicted[0],
                     "recomputed, predicted": predicted[1]},
           xlabel="multiply-adds", ylabel="time (ns an element)", log="xy", title="fused", ax=left)
plots.line(degrees[:6], dict(zip(["gate stored", "recomputed"], unfused)), xlabel="multiply-adds",
           ylabel="time (ns an element)", log="xy", title="not fused", ax=right)

# %% [markdown]
# Predicted is the degree $8r$: there a second gate costs as much as the 16 bytes of the stored gate's backward pass.
# Below it recomputing is faster, on a processor with two or three caches. Measured times lie above the prediction,
# since arithmetic and traffic overlap only in part. Not fused, recomputing is always slower: it moves more than it
# saves.
#
# TensorFlow itself recomputes here. The source of `tf.nn.silu` says: "We use a control dependency here so that
# sigmoid(features) is re-computed during backprop".
#
# ### Many layers: checkpoints
#
# "Compute (and store) output Activation H", says the serial algorithm of *Large Scale Deep Learning*. Instead, store
# the input of every segment of $k$ layers and compute the others again when the backward pass comes to it (Chen et al.
# 2016). What does that save, and what does it cost?

# %% tags=["demo"]
layers, units, batch, spacings = 36, 256, 512, np.array([1, 2, 3, 4, 6, 9, 12, 18])
generator = tf.random.Generator.from_seed(seeds(1)[0])
x = generator.normal((batch, units))
weights = [generator.normal((units, units)) / units**0.5 for _ in range(layers)]


def segment(h, *weights):
    for weight in weights:
        h = tf.tanh(h @ weight)  # (batch, units)
    return h


def gradients(piece, every):
    with tf.GradientTape() as tape:
        tape.watch(weights)
        h = x
        for start in range(0, layers, every):
            h = piece(h, *weights[start:start + every])
    return tf.concat(tape.gradient(h, weights), axis=0)  # (layers * units, units)


# %% [markdown]
# `tf.recompute_grad` makes of `segment` a function that stores its input only. Held at most are $L/k$ inputs and the
# $k$ activations of one segment (left, counted; dotted: all). The gradients must not change.

# %% tags=["demo"]
checkpointed, stored = tf.recompute_grad(segment), gradients(segment, layers)
difference = float(tf.norm(gradients(checkpointed, 6) - stored) / tf.norm(stored))
all_stored, *times = fastest(lambda: gradients(segment, layers), *[
    lambda every=every: gradients(checkpointed, every) for every in spacings])
held = (layers / spacings + spacings) * batch * units * 4 / 2**20  # MiB
left, right = plots.panels(2)
plots.line(spacings, held, xlabel="layers in a segment", ylabel="activations held (MiB)", log="x", ax=left)
left.axhline(layers * batch * units * 4 / 2**20, color="0.5", linestyle=":")
plots.line(spacings, times / all_stored, xlabel="layers in a segment", ylabel="time / all stored", log="x", ax=right)
right.set_ylim(0, 2);

# %% tags=["demo"] waits=["pass_times"]
cheap, dear = fused[0, :2].sum() / fused[1, :2].sum(), fused[1, -1] / fused[0, -1]
unfused_ratio = unfused[1] / unfused[0]
claim(
    "recompute-or-reload", timing=True,
    measured={"bytes moved an element, gate stored and recomputed": [28, 20],
              "fused, 1 and 2 multiply-adds: stored / recomputed (times)": cheap,
              "fused, 64 multiply-adds: recomputed / stored (times)": dear,
              "crossing, predicted and measured (multiply-adds)": np.round(crossings, 1),
              "not fused, 1 to 16 multiply-adds: recomputed / stored (times)": unfused_ratio.round(2),
              "activations counted: all stored / segments of 6 (times)": layers / (layers / 6 + 6),
              "time, segments of 6 / all stored": times[4] / all_stored},
    holds=cheap > 1.05 and dear > 1.2 and 1 / 3 < crossings[1] / crossings[0] < 3
    and unfused_ratio[2:].min() > 1.1 and times[4] < 1.8 * all_stored and difference < 1e-4,
    because="a fused gate is cheaper to compute twice while the pass waits for memory, dearer once it waits for "
            "arithmetic; not fused it is never cheaper; checkpoints trade time for memory",
)

# %% [markdown]
# So the slide's fact is wrong and its advice right, for another reason: what counts is the ridge, not the absence of
# a cache, and GPUs have higher ridges than CPUs. Checkpoints hold about $2\sqrt{L}$ of $L$ activations for one more
# forward pass: by count a third of a step, here somewhat more.
#
# **How this could be wrong.** One core, one expression; most CPUs also read a line before they write it, which we do
# not count. **Practice has moved on** to choosing what to recompute: FlashAttention (Dao et al. 2022) computes the
# attention matrix again in the backward pass and is faster for it, because the matrix never goes to main memory.
#
# ### Question (3 points, marked by hand): three proposals
#
# A training step on a GPU takes 100 ms: 60 ms in matrix products, at 70% of the peak, and 40 ms in elementwise
# operations, each at 90% of the bandwidth. These come as chains of four operations, each with one input and one
# output. Three proposals: (a) a GPU with twice the peak and the same bandwidth; (b) fuse each chain; (c) store only
# every sixth layer's activations. Say for each how long a step then takes, roughly, and why. Which would you do first?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_three_proposals", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# (a) The products take 30 ms, if they are still bound by arithmetic: the ridge doubles, so small ones may not be. The
# elementwise 40 ms stay, since their bandwidth does. About 70 ms, at the price of a GPU.
#
# (b) Four operations move eight arrays; fused they move two, a quarter: 10 ms instead of 40, while the chain's
# intensity stays below the ridge. About 70 ms for nothing but a compiler flag.
#
# (c) It saves memory, not time: most of a forward pass is computed again, about a third of the step or less, so 125 to
# 130 ms. It pays only if the memory is used, for a batch or model that did not fit before.
#
# First (b): as fast as (a), free, and (a) still adds to it (40 ms together).
# ### END SOLUTION
#
# *Marking.* One point for each proposal with a time (within 10 ms) and its reason: bound by arithmetic or by memory
# in (a), arrays counted in (b), the second forward pass in (c). Take off one point if the order is not argued from
# these times. "Twice the peak is twice as fast" earns nothing for (a).

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Memory moves in lines: walk along them, and finish with a block while it is in the cache.
# - Count operations and bytes before optimizing; their ratio against the ridge tells which of the two to save.
# - Fusion saves bytes. Recomputing saves bytes or memory and costs operations; it pays under the ridge.
#
# ## At full scale
#
# | where | peak | bandwidth | ridge, operations a byte |
# |---|---|---|---|
# | this laptop | measured above | measured above | measured above |
# | one GPU (H100 SXM, NVIDIA's data sheet), float32 | 67 TFLOP/s | 3.35 TB/s | 20 |
# | the same, bfloat16, dense | about 990 TFLOP/s | 3.35 TB/s | about 295 |
# | the paper (Dao et al. 2022, on an A100) | | 1.5 to 2 TB/s; its SRAM about 19 TB/s | |

# %%
dlcourse.submit()
