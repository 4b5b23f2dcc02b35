# %% [markdown]
# # 2 · Parallelism: from lanes to networks
#
# *Large Scale Deep Learning*, session I, slides "Model Parallelism". *Applications* (Goodfellow 2016, 2018), slide
# "Fast Implementations".
#
# **You should know** what limits a matrix product on one core (`cache-friendly`, `memory-bandwidth`). **You will have
# built** one product at every level of a machine, an input pipeline and a gradient exchange that hide their transfers,
# and a model of lanes in lockstep that foretells what batching sequences by length is worth.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) How many operations has a product of two $n \times n$ matrices, and how many numbers must move?
# 2. (Week 1, notebook 6) A dense layer has $1024 \times 1024$ weights and sees 512 examples. How many multiply-adds
#    take its two backward products, and how many bytes is the gradient of its weights?
#
# <details><summary>Answers</summary>
#
# 1. $2n^3$ on $3n^2$ numbers. Work grows faster than data, so a larger product is easier to share out.
# 2. $2 \cdot 512 \cdot 1024^2$, about a thousand million; and 4 MB in float32, however many examples there were.
#
# </details>

# %%
dlcourse.setup("week05/02_parallelism", seed=52, deterministic=False)

import re
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import matplotlib.pyplot as plt
import numba
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, devices, plots, seeds, stats
from threadpoolctl import ThreadpoolController

halves = devices.logical_cpus(2)  # two names for the one CPU; before TensorFlow does anything

# %% [markdown] topic="levels-of-parallelism"
# ## Levels of parallelism
#
# "On a single core: Instruction parallelism (SIMD, SIMT). Pretty much free. Across cores: thread parallelism. Almost
# free, unless across sockets, in which case inter-socket bandwidth matters (QPI on Intel). Across devices: for GPUs,
# often limited by PCIe bandwidth. Across machines: limited by network bandwidth / latency." (*Large Scale Deep
# Learning*)
#
# "Free" can be measured: **efficiency** is the speed-up divided by the number of units at work. The work is
# $A B^\top$, compiled by Numba.

# %%
def product(left, right):
    """left @ right.T as three loops; left (rows, inner), right (columns, inner)."""
    out = np.empty((left.shape[0], right.shape[0]), np.float32)
    for row in numba.prange(left.shape[0]):  # an ordinary range unless compiled with parallel=True
        for column in range(right.shape[0]):
            total = np.float32(0)
            for k in range(left.shape[1]):
                total += left[row, k] * right[column, k]
            out[row, column] = total
    return out


scalar = numba.njit(product)
simd = numba.njit(product, fastmath={"reassoc"})
threaded = numba.njit(product, fastmath={"reassoc"}, parallel=True)


# %% [markdown]
# A sum of floats depends on its order, so `scalar` must add one term after the other. `reassoc` permits partial sums,
# one a lane. Whether they were used stands in the machine code: x86 ends the names of instructions on one float with
# `ss`, on a vector with `ps`.

# %%
def float_instructions(compiled):
    """Scalar and vector additions and multiplications in the machine code, and the lanes of the widest vector."""
    code = "\n".join(compiled.inspect_asm().values())
    scalars = re.findall(r"\bv?(?:add|mul|fmadd\d+)ss\b|\bf(?:add|mul|madd)\s+s\d", code)  # x86, ARM
    vectors = re.findall(r"\b(?:v?(?:add|mul|fmadd\d+)ps\b|f(?:add|mul|mla)(?:\.4s|\s+v)).*", code)
    return len(scalars), len(vectors), max((16 if "zmm" in v else 8 if "ymm" in v else 4 for v in vectors), default=1)


def median_seconds(functions, repeats=9):
    """Median time of each function, called in turn so that a disturbance hits all of them."""
    seconds = np.zeros((repeats + 1, len(functions)))
    for repeat, index in np.ndindex(seconds.shape):
        time.sleep(0.01)  # lets the threads of the one before come to rest
        start = time.perf_counter()
        functions[index]()
        seconds[repeat, index] = time.perf_counter() - start
    return np.median(seconds[1:], axis=0)  # the first round compiles


@tf.function
def on_devices(left, right, names):
    """left @ right.T in TensorFlow, the rows of left split over the named devices."""
    parts = []
    for name, rows in zip(names, tf.split(left, len(names)), strict=True):
        with tf.device(name):
            parts.append(tf.matmul(rows, right, transpose_b=True))
    return tf.concat(parts, axis=0)


# %% [markdown]
# Predict: how much of the factor between slowest and fastest row is due to lanes, to cores, to neither?

# %% tags=["demo"]
side, cores = 512, min(joblib.cpu_count(only_physical_cores=True), numba.config.NUMBA_NUM_THREADS)
left, right = np.random.default_rng(seeds(1)[0]).normal(size=(2, side, side)).astype(np.float32)  # (side, side)
numba.set_num_threads(cores)
blas = ThreadpoolController()


def library(threads):
    with blas.limit(limits=threads, user_api="blas"):
        return left @ right.T


levels = {  # name: (run, index of the level to compare with, units)
    "scalar loop": (lambda: scalar(left, right), 0, 1), "loop in lanes": (lambda: simd(left, right), 0, None),
    "loop in lanes on all cores": (lambda: threaded(left, right), 1, cores),
    "library on one core": (lambda: library(1), 1, 1), "library on all cores": (lambda: library(cores), 3, cores),
    "TensorFlow on one logical device": (lambda: on_devices(left, right, halves[:1]).numpy(), 5, 1),
    "TensorFlow on two logical devices": (lambda: on_devices(left, right, halves).numpy(), 5, 2)}
runs, before, units = map(list, zip(*levels.values(), strict=True))
seconds = median_seconds(runs)
scalar_code, simd_code = float_instructions(scalar), float_instructions(simd)
units[1] = simd_code[2]
gain, gigaflops = seconds[before] / seconds, 2e-9 * side**3 / seconds  # (levels,) each
efficiency = gain / units
against = [list(levels)[index] for index in before]
plots.table(["level", "gigaflop/s", "compared with", "speed-up", "units", "efficiency"],
            list(zip(levels, gigaflops, against, gain, units, efficiency, strict=True)))

# %% tags=["demo"]
claim(
    "levels-of-parallelism",
    measured={"scalar and vector instructions: scalar loop, SIMD loop": [*scalar_code[:2], *simd_code[:2]],
              "lanes, speed-up, efficiency": [units[1], gain[1], efficiency[1]],
              "cores, speed-up, efficiency": [cores, gain[2], efficiency[2]],
              "library on the same core: speed-up": gain[3], "library on all cores: efficiency": efficiency[4],
              "second logical device: speed-up": gain[6],
              "largest difference between the products": max(np.abs(run() - runs[0]()).max() for run in runs)},
    holds=scalar_code[1] == 0 < simd_code[1] and efficiency[1] > 0.5 and efficiency[2] > 0.5 and gain[6] < 1.5,
    because="each lane and each core gives most of its share; a second logical device is only a name", timing=True)

# %% [markdown]
# For lanes and cores the deck is right. On the same core NumPy's library is several times faster still: by wider
# vectors and fused multiply-adds where the core has them, and by using what it has loaded more often (notebook 1).
#
# **How this could be wrong.** Partial sums also hide the latency of an addition, so lanes may exceed an efficiency of
# 1. `cores` are physical: where there is one, as on Colab's free runtime, that row shows nothing. Logical devices
# share threads that one of them uses already: they teach the programming of week 6, not its speed.
#
# ### Beyond one chip
#
# Here we need published figures. When two units share the product by rows, one receives half of $A$ and all of $B$
# and returns half of $C$: $8n^2$ bytes. At $r$ operations a second over a link of $\beta$ bytes a second,
#
# $$\text{efficiency} = \frac{t}{2 \, (t/2 + m)} = \frac{1}{1 + 2m/t}, \qquad t = \frac{2n^3}{r}, \quad
# m = \frac{8n^2}{\beta} + \text{latency}:$$
#
# apart from latency two are no faster than one at $n = 8r/\beta$; larger products gain. A V100 has $r$ = 15.7 Tflop/s
# in float32 (data sheet).

# %% tags=["demo"]
links = [  # between, bandwidth, latency, source
    ("GPUs: NVLink 2, six links of a V100", 150, "", "V100 whitepaper; Dell measured 96% of it"),
    ("machines: InfiniBand HDR", 25, "0.6", "ConnectX-6 user manual: 200 Gb/s, below 600 ns"),
    ("sockets: UPI, a link of 10.4 GT/s", 20.8, "0.15", "10.4 GT/s x 2 bytes; remote memory, Intel forum 1271481"),
    ("GPUs: PCIe 3.0 x16", 15.75, "about 1", "8 GT/s x 16 x 128/130 bits; Neugebauer et al. 2018"),
    ("sockets: QPI, a link of 6.4 GT/s", 12.8, "0.19", "6.4 GT/s x 2 bytes; remote memory, Intel 2014, E7-4800"),
    ("machines: 10 Gb Ethernet", 1.25, "20", "nominal; Hurwitz and Feng 2003"),
    ("machines: 1 Gb Ethernet", 0.125, "250", "nominal; half of Dean's 'round trip within same datacenter'")]
rates = max(gigaflops), 15_700
plots.table(["between", "GB/s", "latency (µs)", f"ms for n = {side}", "8r/β of this machine", "of a V100", "source"],
            [[name, beta, latency, 8e-6 * side**2 / beta, *(round(8 * rate / beta) for rate in rates), source]
             for name, beta, latency, source in links])

# %% [markdown]
# No link is slow by itself. Over PCIe two machines like this one may share small matrices; two V100s need a side of
# several thousand. **Practice has moved on:** today's network adapters outrun the deck's PCIe, NVLink goes around it,
# and tensor cores (125 Tflop/s on the same V100) want larger sides still.

# %% [markdown] topic="overlap-transfer"
# ## Overlap computation and transfer
#
# "Overlap computation and data transfer: in most systems compute and data transfer can happen completely in parallel."
# (*Large Scale Deep Learning*) Then a step lasts $\max(\text{compute}, \text{transfer})$, not their sum.
#
# First the input. The step is real; the transfer is a loader that sleeps, as while a disk or a network delivers.
# TensorFlow 2 adds a prefetch to a pipeline without one (`inject_prefetch`); we switch that off.

# %%
mixing = tf.constant(np.random.default_rng(seeds(1)[0]).normal(size=(512, 512)) / 512**0.5, tf.float32)
examples = np.ones((128, 512), np.float32)


@tf.function
def step(batch):  # stands for a training step
    for _ in range(12):
        batch = tf.tanh(batch @ mixing)  # (128, 512)
    return tf.reduce_sum(batch)


def seconds_per_step(loads, buffer, inject=False):
    """Time of a step, fastest of four runs, when batch i takes loads[i] to load: seconds, or a function to call."""
    def batches():
        for load in loads:
            load() if callable(load) else time.sleep(load)
            yield examples

    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = inject
    dataset = tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec(examples.shape))
    times = [time.perf_counter()]
    for _ in range(4):
        for batch in (dataset.prefetch(buffer) if buffer else dataset).with_options(options):
            step(batch).numpy()
        times.append(time.perf_counter())
    return np.diff(times).min() / len(loads)


# %% [markdown]
# As a control, `working` is a loader that runs a step of its own on the same cores. What does prefetching gain then?

# %% tags=["demo"]
ratios = np.array([0.25, 0.5, 1, 2])
kinds = {"no prefetch": (0,), "prefetch(1)": (1,), "default": (0, True)}
compute = min(seconds_per_step([0] * 20, 0) for _ in range(3))
measured = {name: np.array([seconds_per_step([ratio * compute] * 20, *kind) for ratio in ratios]) / compute
            for name, kind in kinds.items()}
working = seconds_per_step([lambda: step(examples).numpy()] * 20, 1) / compute
plots.line(ratios, {**measured, "sum": 1 + ratios, "max": np.maximum(1, ratios)},
           xlabel="transfer / compute", ylabel="time of a step / compute")

# %% [markdown]
# Prefetching leaves the first transfer, beside which nothing runs, and the loader's own work. For equal batches a
# buffer of one is enough. A network's transfers vary.
#
# ### Exercise 1 (4 points): a pipeline with a buffer
#
# Batch $i$ takes `loads[i]` to load and `computes[i]` to use. The loader and the computer handle one batch at a
# time, in order; a step takes its batch out of the buffer when it *starts*. With `buffer` $= b \ge 1$, batch $i$
# starts to load as soon as batch $i - 1$ is loaded and step $i - b$ has started; with $b = 0$, no prefetch, when
# step $i - 1$ has ended. All begins at time 0.

# %% nbgrader={"grade": false, "grade_id": "step_ends", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_ends(loads: np.ndarray, computes: np.ndarray, buffer: int) -> np.ndarray:
    """Time at which each step ends, shape (steps,); loads and computes in seconds, shape (steps,)."""
    ### BEGIN SOLUTION
    loaded, starts, ends = 0.0, [], [0.0]
    for index, (load, compute) in enumerate(zip(loads, computes, strict=True)):
        room = ends[-1] if buffer == 0 else starts[index - buffer] if index >= buffer else 0.0
        loaded = max(loaded, room) + load
        starts.append(max(ends[-1], loaded))
        ends.append(starts[-1] + compute)
    return np.array(ends[1:])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step_ends_one", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("no prefetch: load, step, load, step", step_ends([1, 1], [2, 2], 0), expected=[3, 6])
check("buffer 1: batch 2 loads from 4, when step 1 starts", step_ends([1, 1, 4], [3, 3, 3], 1), expected=[4, 7, 11])
### BEGIN HIDDEN TESTS
check("any nine steps, buffers 0 and 1", [step_ends(*check.rng().exponential(size=(2, 9)), b) for b in [0, 1]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "step_ends_deep", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("buffer 2: batch 2 loads from 2, step 0 having started", step_ends([1, 1, 4], [3, 3, 3], 2), expected=[4, 7, 10])
### BEGIN HIDDEN TESTS
check("any twelve steps, buffers 2, 3, 5", [step_ends(*check.rng().exponential(size=(2, 12)), b) for b in [2, 3, 5]])
### END HIDDEN TESTS

# %% [markdown]
# The same in TensorFlow, with exponentially distributed transfers of mean 0.8 of the compute time. On average they
# fit under the computation. Are they hidden?

# %% tags=["demo"] waits=["step_ends"]
buffers = [0, 1, 2, 4, 8, 16]
loads = np.random.default_rng(seeds(1)[0]).exponential(size=40)
loads *= 0.8 * compute / loads.mean()
uneven = np.array([seconds_per_step(loads, buffer) for buffer in buffers]) / compute  # (buffers,)
foreseen = [step_ends(loads, np.full(40, compute), buffer)[-1] / 40 / compute for buffer in buffers]
plots.line(range(6), {"measured": uneven, "step_ends": foreseen}, xlabel="buffer (batches)",
           ylabel="time of a step / compute")
plt.xticks(range(6), buffers);

# %% [markdown]
# While one long transfer runs, the computer empties a small buffer and waits. A deep one has saved up the short ones.
#
# ### A gradient exchange
#
# A gradient travels before weights are updated. Back-propagation finishes the last layer first, so its gradient may
# leave while earlier layers are at work. The products below are real; the link sleeps for bytes / bandwidth, one
# gradient at a time.

# %%
def exchange(network, inputs, bandwidth, layerwise):
    """A backward pass and its exchange, as a list of (kind, layer, start, end); network (layers, units, units)."""
    events, begin = [], time.perf_counter()

    def timed(kind, layer, work, *arguments):
        start = time.perf_counter() - begin
        result = work(*arguments)
        events.append((kind, layer, start, time.perf_counter() - begin))
        return result

    def layer_backward(weights, signal):  # all layers have the same inputs, outputs of a ReLU: (batch, units)
        return inputs.T @ signal, (signal @ weights.T) * (inputs > 0)

    signal, ready = np.ones_like(inputs), []
    with ThreadPoolExecutor(max_workers=1) as link:  # leaving it waits for the last transfer
        for layer in reversed(range(len(network))):
            gradient, signal = timed("compute", layer, layer_backward, network[layer], signal)
            ready.append(("transfer", layer, time.sleep, gradient.nbytes / bandwidth))
            if layerwise:
                link.submit(timed, *ready.pop())
        for transfer in ready:
            link.submit(timed, *transfer)
    return events


# %% tags=["demo"]
rng = np.random.default_rng(seeds(1)[0])
network = rng.normal(size=(6, 768, 768)).astype(np.float32) / 768**0.5
activations = np.maximum(rng.normal(size=(512, 768)), 0).astype(np.float32)  # (batch, units)


def typical(bandwidth, layerwise, repeats=7):  # the exchange of median length; its last event is the last transfer
    return sorted((exchange(network, activations, bandwidth, layerwise) for _ in range(repeats)),
                  key=lambda events: events[-1][-1])[repeats // 2]


backward = typical(np.inf, False)[-1][-1]  # seconds
exchanges = {(ratio, layerwise): typical(network.nbytes / (ratio * backward), layerwise)
             for ratio in [0.5, 1, 2] for layerwise in [False, True]}  # ratio: transfer / compute

# %% [markdown]
# As recorded, transfer as long as compute; the numbers are layers. Look for what no schedule can hide.

# %% tags=["demo"]
_, axes = plt.subplots(2, 1, figsize=(8, 4.2), sharex=True)
for ax, (layerwise, title) in zip(axes, [(False, "all at the end"), (True, "each layer when ready")], strict=True):
    for kind, layer, start, end in exchanges[1, layerwise]:
        colour, ink, lane = (plots.COLOURS[0], "white", 1) if kind == "compute" else ("0.75", "black", 0)
        ax.broken_barh([(1e3 * start, 1e3 * (end - start))], (lane - 0.38, 0.76), color=colour, edgecolor="white", lw=2)
        ax.text(500 * (start + end), lane, layer + 1, ha="center", va="center", color=ink)
    ax.set_yticks([0, 1], ["transfer", "compute"])
    ax.set_title(title)
    ax.grid(visible=False)
axes[1].set_xlabel("time (ms)");

# %% [markdown]
# The last layer's computation has no gradient to run beside, the first layer's transfer no computation. With $L$ equal
# layers, compute $C$ and transfer $T$ the best is $\max(C + T/L, \; C/L + T)$.

# %% tags=["demo"] waits=["step_ends"]
took = {key: events[-1][-1] for key, events in exchanges.items()}  # seconds
saved = [took[ratio, True] / took[ratio, False] for ratio in [0.5, 1, 2]]
over_best = [took[ratio, True] / (backward * max(1 + ratio / 6, 1 / 6 + ratio)) for ratio in [0.5, 1, 2]]
over_max = measured["prefetch(1)"] / np.maximum(1, ratios)
claim(
    "overlap-transfer",
    measured={"transfer / compute": ratios, "step without prefetch / sum": measured["no prefetch"] / (1 + ratios),
              "step with prefetch(1) / max": over_max, "the same, loader working on the same cores / sum": working / 2,
              "uneven transfers, buffer 1 and 16: step / compute": uneven[[1, -1]],
              "exchange by layers / at the end, at 0.5, 1, 2": saved, "exchange by layers / best possible": over_best},
    holds=bool(np.median(over_max) < 1.5 and measured["prefetch(1)"][2] < 0.85 * measured["no prefetch"][2]
               and saved[1] < 0.85 and over_best[1] < 1.4),
    because="what waits is hidden, but for the ends of a backward pass; what works needs idle cores", timing=True)

# %% [markdown]
# "Completely" holds for what needs no processor. A loader that decodes images on the computing cores is hidden only
# as far as cores are idle; beside a GPU's step they are.
#
# **How this could be wrong.** A real exchange adds gradients up and needs memory bandwidth; our link needs nothing.
# Equal layers flatter the schedule: an embedding, first and largest, is sent last, and nothing hides it. **Practice
# has moved on:** TensorFlow adds the prefetch itself (the curve "default"), and PyTorch's `DistributedDataParallel`
# sends buckets of about 25 MB during the backward pass, so as not to pay the latency for each layer.

# %% [markdown] topic="warp-divergence"
# ## Warps and padded sequences
#
# "Warps must be synchronized" (*Applications*, of GPUs). A **warp** is 32 threads, or lanes, that execute one
# instruction together. If lane $i$ needs $T_i$ trips through a loop, finished lanes are masked but paid for until the
# last is done. We assume that all trips cost the same and that no lane gets new work.

# %%
def utilisation(trips):
    """Useful over paid lane-trips, simulated trip by trip; trips (warps, lanes) of integers."""
    useful = paid = 0
    while (active := trips > 0).any():
        useful += active.sum()
        paid += active.any(axis=1).sum() * trips.shape[1]  # every lane of a warp that still runs
        trips = trips - 1
    return useful / paid


# %% [markdown]
# Over many warps this tends to $E[T] \, / \, E[\max_i T_i]$. Let $T$ be exponential with mean $\mu$. The first of $n$
# lanes is done after $\mu / n$ on average. What remains of the others is again exponential: the second is done
# $\mu / (n - 1)$ later, and so on. Hence
#
# $$E[\max_i T_i] = \mu \left(\tfrac1n + \tfrac1{n-1} + \dots + 1\right) = \mu H_n, \qquad
# \text{utilisation} = 1 / H_n, \qquad 1 / H_{32} \approx 0.25.$$
#
# ### Exercise 2 (4 points): any distribution
#
# `probabilities[k - 1]` is the probability of $k$ trips, independent in every lane. Return $E[T] / E[\max]$. The
# longest of $n$ lanes is at most $k$ when all $n$ are.

# %% nbgrader={"grade": false, "grade_id": "expected_utilisation", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_utilisation(probabilities: list[float], lanes: int) -> float:
    """E[T] / E[longest of `lanes`] for trips 1, 2, ... of these probabilities; lanes are independent."""
    ### BEGIN SOLUTION
    trips = np.arange(1, len(probabilities) + 1)
    longest = np.diff(np.cumsum(probabilities) ** lanes, prepend=0.0)  # P(longest = k)
    return float(trips @ probabilities / (trips @ longest))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "expected_utilisation_two", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two lanes, 1 or 2 trips: E[max] = 1/4 * 1 + 3/4 * 2", expected_utilisation([0.5, 0.5], 2), expected=1.5 / 1.75)
### BEGIN HIDDEN TESTS
check("two lanes, up to six trips", expected_utilisation(check.rng().dirichlet(np.ones(6)), 2))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "expected_utilisation_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one lane waits for nobody", expected_utilisation([0.2, 0.5, 0.3], 1), expected=1.0)
check("three lanes: E[max] = 1/8 * 1 + 7/8 * 2", expected_utilisation([0.5, 0.5], 3), expected=1.5 / 1.875)
### BEGIN HIDDEN TESTS
check("5 and 32 lanes", [expected_utilisation(check.rng().dirichlet(np.ones(8)), lanes) for lanes in [5, 32]])
### END HIDDEN TESTS

# %% [markdown]
# Formula (lines) and simulation (crosses) for three distributions of mean 50. Which suffers most in a warp?

# %% tags=["demo"] waits=["expected_utilisation"]
trips, widths = np.arange(1, 1001), 2 ** np.arange(9)
laws = {"uniform, 1 to 99": (trips < 100) / 99, "exponential": np.exp(-(trips - 1) / 50) - np.exp(-trips / 50),
        "1,000 in one of 96, else 40": (trips == 40) * 95 / 96 + (trips == 1000) / 96}
laws = {name: law / law.sum() for name, law in laws.items()}
plots.line(widths, {name: [expected_utilisation(law, width) for width in widths] for name, law in laws.items()},
           xlabel="lanes in lockstep", ylabel="utilisation", log="x")
simulated = np.array([[utilisation(np.random.default_rng(seed).choice(trips, size=(400, 32), p=law))
                       for law in laws.values()] for seed in seeds(6)])  # (seeds, laws)
plt.plot([32] * 3, simulated.mean(axis=0), "kx", markersize=9, zorder=3);

# %% [markdown]
# ### The same loss without a GPU
#
# A batch of sequences is a warp: all are padded to the longest. The remedy is to collect them in **buckets** of
# similar length; a bucket with enough of them becomes a batch.
#
# ### Exercise 3 (3 points): find the planted bugs
#
# `flawed_buckets` should count what `tf.data`'s `bucket_by_sequence_length` makes: the slots of all batches, padding
# included, and the batches. Length $l$ belongs to bucket $i$ when `boundaries[i - 1] <= l < boundaries[i]`. A batch
# is padded to its own longest. When all sequences are placed, each bucket's remainder becomes a smaller batch. Three
# things are wrong. Write it right.
#
# ```python
# def flawed_buckets(lengths, boundaries, batch):
#     buckets = [[] for _ in range(len(boundaries) + 1)]
#     slots = batches = 0
#     for length in lengths:
#         bucket = buckets[np.searchsorted(boundaries, length)]
#         bucket.append(length)
#         if len(bucket) == batch:
#             slots += batch * max(lengths)
#             batches += 1
#             bucket.clear()
#     return slots, batches
# ```

# %% nbgrader={"grade": false, "grade_id": "bucketed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bucketed(lengths: list[int], boundaries: list[int], batch: int) -> tuple[int, int]:
    """Slots, padding included, and number of batches, when sequences of these lengths come in this order."""
    ### BEGIN SOLUTION
    places = np.searchsorted(boundaries, lengths, side="right")
    buckets = [np.asarray(lengths)[places == bucket] for bucket in range(len(boundaries) + 1)]
    batches = [bucket[first:first + batch] for bucket in buckets for first in range(0, len(bucket), batch)]
    return int(sum(len(part) * part.max() for part in batches)), len(batches)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bucketed_full", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("length 5 is not below boundary 5: 2 x 3 + 2 x 9 slots", bucketed([2, 5, 3, 9], [5], 2), expected=[24, 2])
### BEGIN HIDDEN TESTS
lengths = check.rng().integers([1, 10], [10, 40], size=(12, 2)).ravel().tolist()
check("full batches only", bucketed(lengths + [1] * 4 + [10] * 4, [10], 4))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bucketed_rest", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the third sequence is alone in its batch, and not padded", bucketed([4, 2, 3], [], 2), expected=[8 + 3, 2])
check("two remainders of one sequence, and an empty bucket", bucketed([1, 9], [5, 7], 2), expected=[10, 2])
### BEGIN HIDDEN TESTS
lengths = check.rng().integers(1, 30, size=50).tolist()
check("any 50 lengths, two or five buckets", [bucketed(lengths, bounds, 8) for bounds in [[12], [5, 9, 14, 23]]])
### END HIDDEN TESTS

# %% [markdown]
# How many buckets? Boundaries are quantiles of 1,024 exponential lengths, a batch has 32 sequences, and the first
# point is the warp's.

# %% tags=["demo"] waits=["bucketed"]
def quantiles(lengths, buckets):
    return sorted(set((np.quantile(lengths, np.arange(1, buckets) / buckets) + 1).astype(int).tolist()))


corpora = [np.ceil(np.random.default_rng(seed).exponential(32, size=1024)).astype(int) for seed in seeds(6)]
counts = [1, 2, 4, 8, 16, 32]
used = np.array([[lengths.sum() / bucketed(lengths, quantiles(lengths, count), 32)[0] for count in counts]
                 for lengths in corpora])  # (seeds, counts)
plots.line(counts, used, xlabel="buckets", ylabel="utilisation (mean and range)", log="x")

# %% [markdown]
# Is the padding that buckets remove also time saved? A GRU takes one step after the other, forward and backward.

# %%
gru = keras.layers.GRU(64)
gru.build((None, None, 16))


@tf.function(input_signature=[tf.TensorSpec((None, None, 16))])
def train(batch):
    """Summed loss and its gradients on a batch (sequences, time, 16), padded with zeros."""
    with tf.GradientTape() as tape:
        states = gru(batch, mask=tf.reduce_any(batch != 0, axis=-1))  # (sequences, 64)
        loss = tf.reduce_sum(states**2)
    return loss, tape.gradient(loss, gru.trainable_variables)


# %% tags=["demo"] waits=["bucketed"]
comparison, agree = [], True
for seed, lengths in zip(seeds(6), corpora, strict=True):
    entries, row = np.random.default_rng(seed).normal(size=(lengths.sum(), 16)).astype(np.float32), []
    sequences = tf.data.Dataset.from_tensor_slices(tf.RaggedTensor.from_row_lengths(entries, lengths)).map(tf.identity)
    for boundaries in [[], quantiles(lengths, 8)]:
        batches = list(sequences.bucket_by_sequence_length(lambda sequence: tf.shape(sequence)[0], boundaries,
                                                           [32] * (len(boundaries) + 1)))
        slots = sum(batch.shape[0] * batch.shape[1] for batch in batches)
        agree &= (slots, len(batches)) == bucketed(lengths, boundaries, 32)
        train(batches[0])  # warm-up
        start = time.perf_counter()
        loss = sum(train(batch)[0].numpy() for batch in batches)
        row.append([slots, sum(batch.shape[1] for batch in batches), time.perf_counter() - start, loss])
    comparison.append(np.divide(*row))
slots_ratio, steps_ratio, speed_up, loss_ratio = np.array(comparison).T  # (seeds,) each: padded / bucketed

# %% tags=["demo"] waits=["bucketed", "expected_utilisation"]
(simulated_32, gained), harmonic = map(stats.mean_interval, [simulated[:, 1], speed_up]), sum(1 / np.arange(1, 33))
claim(
    "warp-divergence",
    measured={"utilisation of 32 lanes, exponential trips, six seeds": "{:.4f} ± {:.4f}".format(*simulated_32),
              "1/H_32, and the formula for whole trips": [1 / harmonic, expected_utilisation(laws["exponential"], 32)],
              "utilisation of padded batches, and in 8 buckets": used.mean(axis=0)[[0, 3]],
              "slots and GRU steps, padded / bucketed": [slots_ratio.mean(), steps_ratio.mean()],
              "time, padded / bucketed": "{:.2f} ± {:.2f}".format(*gained), "tf.data and bucketed agree": agree,
              "summed loss, largest relative difference": np.abs(loss_ratio - 1).max()},
    holds=abs(simulated_32[0] * harmonic - 1) < 0.05 and gained[0] - gained[1] > 0.6 * steps_ratio.mean(),
    because="lockstep lanes are used to a quarter; buckets remove over half of the slots, and time follows",
    timing=True)

# %% [markdown]
# Divergence costs a factor of four at exponential lengths, more where a rare lane is very long. Time follows the
# GRU's steps, which fall less than the slots: a bucket's small last batch takes as many steps as a full one. The loss
# is the same, since the mask holds the state on padding.
#
# **How this could be wrong.** Real sentences vary less than the exponential does. Batches by length are no random
# samples, which matters if length tells the class. **Often mistaken:** a mask makes padding harmless, not cheap.
# **Practice has moved on:** since Volta each thread has its own program counter, but lanes that part ways still take
# turns; sequences are *packed* end to end, and a language model's server refills a lane once its sequence ends.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Efficiency is speed-up over units. Lanes and cores come near 1 if each has enough to do.
# - A link is slow only against the arithmetic behind it: compare $8r/\beta$ with your matrices.
# - Overlap turns sums into maxima for what waits, not for what works. Uneven transfers want a deeper buffer.
# - What runs in lockstep lasts as long as its longest member: lanes, padded sequences, in week 6 workers.
#
# ## At full scale
#
# | where | units | what limits them |
# |---|---|---|
# | this laptop | lanes and cores | reuse of data (notebook 1) |
# | one GPU, V100 | 80 multiprocessors of 64 float32 lanes, in warps of 32 | divergence, memory bandwidth |
# | one server | 8 GPUs on NVLink, gradients sent layer by layer | the ends of the backward pass |
# | the paper (Dean et al. 2012, DistBelief) | thousands of cores on a network | the network |

# %%
dlcourse.submit()
