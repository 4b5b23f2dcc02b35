# %% [markdown]
# # 3 · Precision: fixed point, bfloat16, float16
#
# *Applications* (Goodfellow 2016, 2018), slide "Fast Implementations"; the same slide in NCTU's week 9.
#
# **You should know** rooflines (`memory-bandwidth`) and how gradients shrink layer by layer (`backprop-one-layer`).
# **You will have built** an 8-bit layer that agrees with an inference engine integer for integer, a sharp bound on its
# rounding error, and dynamic loss scaling that agrees with Keras' step for step.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) A dense layer of float32 weights reads one example. How many multiply-adds does it do for each byte
#    of weights? How many for a batch of 64?
# 2. (Week 1, notebook 2) By how much, at most, does a sigmoid shrink the gradient that passes back through it?
#
# <details><summary>Answers</summary>
#
# 1. A quarter, and 16: each weight is four bytes and is used once an example. Smaller numbers and larger batches are
#    two ways out of one bottleneck.
# 2. To a quarter, where it is steepest. Six of them leave less than 1/4000: today's numbers may be too small to store.
#
# </details>

# %%
dlcourse.setup("week05/03_precision", seed=53, deterministic=False)

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from time import perf_counter

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from dlcourse import check, claim, data, plots, seeds, stats

# %% [markdown] topic="fixed-point"
# ## Fixed point
#
# "Exploit fixed point arithmetic in CPU families where this offers a speedup" (*Applications*).
#
# A fixed-point number is an integer $q$ that stands for $s\,q$, with one scale $s$ for a whole array. In a *Q-format*
# the scale is a power of two: Q7 has 7 bits after the point, $s = 2^{-7}$. Quantized networks take any $s$, and
# sometimes a zero point $z$: $s\,(q - z)$. What does not fit saturates.

# %%
def quantize(values, scale, zero_point=0, bits=8):
    """The nearest integers of `bits` bits; q stands for scale * (q - zero_point)."""
    most = 2 ** (bits - 1) - 1
    return np.clip(np.round(values / scale) + zero_point, -most - 1, most).astype(f"int{bits}")


# %% [markdown]
# An inner product adds $k$ products of 16 bits. Predict how large $k$ may be before the sum overflows a 16-bit
# accumulator.

# %% tags=["demo"]
lengths, rng = [4, 16, 64, 256, 1024, 4096], np.random.default_rng(seeds(1)[0])
left, right = quantize(rng.normal(size=(2, 64, 4096)), 4 / 127).astype(np.int64)  # entries of 8 bits
sums = np.array([left[:, :length] @ right[:, :length].T for length in lengths])  # (lengths, 64, 64), exact
lost = {f"{bits} bits": 100 * (sums != sums.astype(f"int{bits}")).mean(axis=(1, 2)) for bits in [8, 16, 32]}
plots.line(lengths, lost, xlabel="length $k$ of the inner product", ylabel="sums that overflow (%)", log="x")

# %% [markdown]
# Sixteen bits surely hold two products of $127^2$, and random sums of up to a hundred or so; 32 bits hold 130,000.
# Hence the recipe of every 8-bit engine: multiply 8 bits, add in 32, rescale once.
#
# ### Exercise 1 (4 points): a quantized matrix product
#
# Integers $q_a$, $q_b$ stand for $s_a q_a$ and $s_b q_b$. Return the 8-bit integers that stand for the product of the
# two matrices at the scale $s_c$. NumPy's `@` adds in the type of its factors.

# %% nbgrader={"grade": false, "grade_id": "quantized_product", "locked": false, "schema_version": 3, "solution": true, "task": false}
def quantized_product(left: np.ndarray, right: np.ndarray, left_scale: float, right_scale: float,
                      output_scale: float) -> np.ndarray:
    """Product of int8 (m, k) and int8 (k, n) as int8 (m, n), summed in int32, rounded to nearest, saturated."""
    ### BEGIN SOLUTION
    sums = left.astype(np.int32) @ right.astype(np.int32)  # (m, n)
    return np.clip(np.round(sums * (left_scale * right_scale / output_scale)), -128, 127).astype(np.int8)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "quantized_product_sums", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a sum of 60 * 1024: too large for 8 bits and for 16",
      quantized_product(np.full((1, 60), 32, np.int8), np.full((60, 1), 32, np.int8), 0.5, 0.25, 128), expected=[[60]])
### BEGIN HIDDEN TESTS
rng = check.rng()
factors = [32 * rng.integers(1, 4, size=shape).astype(np.int8) for shape in [(5, 16), (16, 6)]]
check("long inner products", quantized_product(*factors, 0.5, 2.0, 1024.0))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "quantized_product_output", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
threes = np.array([[3], [-3]], np.int8)
check("9 * 0.3, to the nearest", quantized_product(threes, threes[:1], 0.3, 1.0, 1.0), expected=[[3], [-3]])
check("what does not fit saturates", quantized_product(threes, threes[:1], 2.0, 9.0, 1.0), expected=[[127], [-128]])
### BEGIN HIDDEN TESTS
rng = check.rng()
factors = [rng.integers(-60, 61, size=shape).astype(np.int8) for shape in [(6, 3), (3, 7)]]
scales = rng.uniform(0.01, 0.1, size=2)
check("any scales", quantized_product(*factors, *scales, 12.7 * np.prod(scales)))
### END HIDDEN TESTS

# %% [markdown]
# In a Q-format rescaling is a shift: Q7 times Q7 has 14 bits after the point, and 7 remain.

# %% waits=["quantized_product"]
left, right = quantize(np.array([[0.6, -0.3, 0.5]]), 2.0**-7), quantize(np.array([[0.7], [0.9], [-0.25]]), 2.0**-7)
shifted = (left.astype(np.int32) @ right.astype(np.int32) + 2**6) >> 7  # half a unit added: rounded, not cut
print("by a shift:", shifted.item(), " by scales:", quantized_product(left, right, *3 * [2.0**-7]).item(), " of 128")

# %% [markdown]
# ### How large is the error?
#
# Rounding changes the factors to $\hat a = a + e_a$ and $\hat b = b + e_b$; the integer sum itself is exact. An entry
# of the product is wrong by
#
# $$\hat a \cdot \hat b - a \cdot b = e_a \cdot b + \hat a \cdot e_b .$$
#
# ### Exercise 2 (3 points): the bound
#
# Every entry of $e_a$ is at most `left_error` in absolute value, every entry of $e_b$ at most `right_error`. Derive
# the largest value that $|\hat a \cdot \hat b - a \cdot b|$ can then take, for each entry of the product, from
# $\hat a$ and $b$. Not larger: for some errors it must be reached.

# %% nbgrader={"grade": false, "grade_id": "error_bound", "locked": false, "schema_version": 3, "solution": true, "task": false}
def error_bound(left_rounded: np.ndarray, right: np.ndarray, left_error: float, right_error: float) -> np.ndarray:
    """Largest error of each entry of the product, (m, n), given a rounded (m, k), b (k, n) and the errors' bounds."""
    ### BEGIN SOLUTION
    from_right = right_error * np.abs(left_rounded).sum(axis=1, keepdims=True)  # (m, 1)
    return left_error * np.abs(right).sum(axis=0) + from_right
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "error_bound_one", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("any signs", error_bound(np.array([[3, -4]]), np.array([[1], [-2]]), 0.5, 0.1), expected=[[0.5 * 3 + 0.1 * 7]])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("one long inner product", error_bound(rng.normal(size=(1, 30)), rng.normal(size=(30, 1)), *rng.uniform(size=2)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "error_bound_matrix", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a matrix: each row and column its own",
      error_bound(np.array([[1, 0], [2, 3]]), np.array([[1, -1], [0, 4]]), 0.5, 0.1), expected=[[0.6, 2.6], [1.0, 3.0]])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("any product", error_bound(rng.normal(size=(3, 6)), rng.normal(size=(6, 5)), *rng.uniform(0.1, 1, size=2)))
### END HIDDEN TESTS

# %% [markdown]
# Rounding errs by half a step at most. If its errors were independent and uniform, their variance would be $s^2/12$ and
# an entry's standard deviation $\sqrt{(s_a^2 \|b\|^2 + s_b^2 \|\hat a\|^2)/12}$.

# %%
def on_grid(factor):
    """Its scale, and its entries rounded to multiples of it."""
    scale = np.abs(factor).max() / 127
    return scale, scale * quantize(factor, scale)


def rounding_errors(left, right):
    """Errors of the quantized product, their bound and their predicted deviation, each (m, n)."""
    (left_scale, left_rounded), (right_scale, right_rounded) = on_grid(left), on_grid(right)
    variance = (left_scale**2 * (right**2).sum(axis=0)
                + right_scale**2 * (left_rounded**2).sum(axis=1, keepdims=True)) / 12  # (m, n)
    return (left_rounded @ right_rounded - left @ right,
            error_bound(left_rounded, right, left_scale / 2, right_scale / 2), np.sqrt(variance))


# %% [markdown]
# Predict: as $k$ grows, does the largest error of 5 x 1,024 entries stay at a fixed fraction of the bound?

# %% tags=["demo"] waits=["error_bound"]
fractions = np.empty((3, 5, len(lengths)))
for repeat, seed in enumerate(seeds(5)):
    for column, length in enumerate(lengths):
        rng = np.random.default_rng([seed, length])
        error, bound, deviation = rounding_errors(rng.normal(size=(32, length)), rng.normal(size=(length, 32)))
        parts = [np.abs(error / bound).max(), deviation / bound, error / bound]
        fractions[:, repeat, column] = [np.sqrt(np.mean(part**2)) for part in parts]
largest, predicted, measured = fractions  # (5, lengths) each
plots.line(lengths, {"largest error": largest, "predicted deviation": predicted, "measured deviation": measured},
           xlabel="length $k$ of the inner product", ylabel="error / bound", log="xy")

# %% [markdown]
# The bound is near at small $k$ and far at large $k$: random roundings cancel, so their error falls behind it as
# $1/\sqrt{k}$, and the standard deviation predicts it. This is why 8 bits are enough for thousands of inputs.
#
# ### An engine that does the same
#
# LiteRT (once TensorFlow Lite; explained in week 7) turns a trained network into 8 bits. It takes the activations'
# scales from a few representative inputs.

# %%
def convert(model, representative=None):
    """The model as LiteRT's bytes: float32, or all int8 with scales from the representative inputs (n, features)."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if representative is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[None]] for row in representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with dlcourse.environment.quiet_start(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return converter.convert()


def interpreter_for(model_bytes, inputs, threads=1):
    """LiteRT's interpreter with these inputs (batch, features) in place; its invoke() computes."""
    with dlcourse.environment.quiet_start():
        interpreter = Interpreter(model_content=model_bytes, num_threads=threads)
        slot = interpreter.get_input_details()[0]
        interpreter.resize_tensor_input(slot["index"], inputs.shape)
        interpreter.allocate_tensors()
    scale, zero_point = slot["quantization"]  # (0, 0) in a float network
    interpreter.set_tensor(slot["index"], quantize(inputs, scale, zero_point) if scale else inputs)
    return interpreter


# %% [markdown]
# By hand, with the scales that LiteRT stored, one for each unit's weights. Predict how many of the 450 x 10 outputs are
# the same integer.

# %% tags=["demo"]
train_images, test_images, train_labels, test_labels = data.digits(flat=True)
digits = tf.keras.Sequential([tf.keras.Input((64,)), tf.keras.layers.Dense(10)])
digits.compile(tf.keras.optimizers.Adam(0.02), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
digits.fit(train_images, train_labels, batch_size=64, epochs=15, verbose=0)
engine = interpreter_for(convert(digits, train_images[:200]), test_images)
engine.invoke()
source, target = engine.get_input_details()[0], engine.get_output_details()[0]
stored = {tuple(tensor["shape"]): tensor for tensor in engine.get_tensor_details()}
weights, bias = (engine.get_tensor(stored[shape]["index"]) for shape in [(10, 64), (10,)])  # int8, int32
weight_scales = stored[10, 64]["quantization_parameters"]["scales"].astype(np.float64)  # (10,)
scale, zero_point = source["quantization"]
sums = (quantize(test_images, scale, zero_point).astype(np.int32) - zero_point) @ weights.T.astype(np.int32) + bias
by_hand = quantize(sums * (scale * weight_scales), *target["quantization"])  # (450, 10) int8
by_engine = engine.get_tensor(target["index"])  # (450, 10) int8
hand_off_by = np.abs(by_hand.astype(int) - by_engine).max()
correct = [100 * np.mean(out.argmax(1) == test_labels) for out in [digits.predict(test_images, verbose=0), by_engine]]
print(f"the same: {100 * np.mean(by_hand == by_engine)}%; largest difference: {hand_off_by} steps")

# %% [markdown]
# ### Is it faster?
#
# Four layers of 1,024 units in the same engine, float32 and int8. Predict: is a quarter of the bytes four times as
# fast, less, or more? For one example, and for 64?

# %%
def median_seconds(calls, repeats=15):
    """Median time of each call; they take turns, so that a disturbance meets all of them; one turn warms up."""
    seconds = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            start = perf_counter()
            call()
            seconds[name].append(perf_counter() - start)
    return {name: float(np.median(times[1:])) for name, times in seconds.items()}


# %% tags=["demo"]
rng, cores = np.random.default_rng(seeds(1)[0]), os.cpu_count()
wide = tf.keras.Sequential([tf.keras.Input((1024,))] + [tf.keras.layers.Dense(1024, "relu") for _ in range(4)])
examples = rng.normal(size=(64, 1024)).astype(np.float32)
networks = {"float32": convert(wide), "int8": convert(wide, examples[:8])}
engines = {(name, batch, threads): interpreter_for(network, examples[:batch], threads).invoke
           for name, network in networks.items() for batch in [1, 64] for threads in sorted({1, cores})}
lite = median_seconds(engines)
faster = {key[1:]: lite["float32", *key[1:]] / lite["int8", *key[1:]] for key in lite}  # batch, threads
plots.table(["batch", "threads", "float32 (ms)", "int8 (ms)", "float32 / int8"],
            [[*key, *(1e3 * lite[kind, *key] for kind in networks), ratio] for key, ratio in faster.items()])

# %% tags=["demo"] waits=["error_bound"]
as_predicted = measured / predicted  # (5, lengths)
claim(
    "fixed-point",
    measured={"largest error / bound, k = 4 and 4096": [largest[:, 0].max(), largest[:, -1].max()],
              "measured / predicted deviation, from and to": [as_predicted.min(), as_predicted.max()],
              "by hand against LiteRT (8-bit steps)": int(hand_off_by), "digits, float32 and int8 (% correct)": correct,
              "LiteRT: float32 / int8 time, one thread, batch 64, batch 1": [faster[64, 1], faster[1, 1]]},
    holds=largest.max() <= 1 and abs(as_predicted - 1).max() < 0.3 and hand_off_by <= 1 and faster[64, 1] > 1.5,
    because="the bound holds, random roundings stay far below it for long inner products, and an engine that "
            "uses the CPU's integer instructions is faster in int8",
    timing=True,
)

# %% [markdown]
# Two things make int8 fast. A weight is one byte instead of four, which counts at batch 1, where the weights' bytes are
# the bottleneck. And a vector register holds four times as many numbers, which counts at batch 64 in those "CPU
# families where" one instruction multiplies and adds them: look in `/proc/cpuinfo` for `avx512_vnni`, `avx_vnni`,
# `asimddp` or `amx_int8`. Without such an engine fixed point is slow: NumPy's integers run in a plain loop.
#
# **How this could be wrong.** One network shape, one CPU. 450 digits cannot tell accuracies apart that differ by less
# than a point.
#
# **Often mistaken.** The scale comes from the largest entry, so a single outlier coarsens a whole array: hence one
# scale for each unit. **Practice has moved on** from int8 on CPUs: accelerators multiply 8-bit and 4-bit numbers, and
# large language models are often stored in 4 bits a weight and multiplied in 16.

# %% [markdown] topic="tpu-batch-and-precision"
# ## TPUs: batch size and precision
#
# "TPU: Similar to GPU in many respects but faster. Often requires larger batch size. Sometimes requires reduced
# precision." (*Applications* 2018.) It takes a TPU to see this; we show what its makers published and what a CPU shows.
#
# ### Larger batches
#
# The first TPU multiplies 256 x 256 pairs of 8-bit numbers a cycle, 92 tera-operations a second (TOPS), and reads
# weights at 34 GB/s. At $n$ multiply-adds a byte of weights it can reach $\min(92,\ 2 \cdot 0.034\, n)$ TOPS. A dense
# layer uses a weight once an example, so there $n$ is the batch. Jouppi et al. 2017 (*In-Datacenter Performance
# Analysis of a Tensor Processing Unit*, tables 1 to 3) on six applications:
#
# | | MLP0 | MLP1 | LSTM0 | LSTM1 | CNN0 | CNN1 |
# |---|---|---|---|---|---|---|
# | batch | 200 | 168 | 64 | 96 | 8 | 32 |
# | multiply-adds a byte of weights | 200 | 168 | 64 | 96 | 2888 | 1750 |
# | the roof (TOPS, our arithmetic) | 13.6 | 11.4 | 4.4 | 6.5 | 92 | 92 |
# | measured (TOPS) | 12.3 | 9.7 | 3.7 | 2.8 | 86.0 | 14.1 |
#
# A dense layer needs $92 / (2 \cdot 0.034)$, about 1,350 examples, for full speed; with 200 the MLP gets an eighth. A
# convolution uses its weights at every position and needs fewer.
#
# Now a training step with two layers of 512 units, here. How much longer will 16 examples take than one?

# %% tags=["demo"]
batches = [1, 4, 16, 64, 256, 1024, 4096]
classifier = tf.keras.Sequential([tf.keras.Input((512,)), tf.keras.layers.Dense(512, "relu"),
                                  tf.keras.layers.Dense(512, "relu"), tf.keras.layers.Dense(10)])
classifier.compile("sgd", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
inputs = {batch: (tf.random.normal((batch, 512)), tf.zeros(batch, tf.int32)) for batch in batches}
seconds = median_seconds({batch: lambda pair=pair: classifier.train_on_batch(*pair)
                          for batch, pair in inputs.items()}, repeats=9)
speed = np.array([batch / seconds[batch] for batch in batches])  # examples a second
plots.line(batches, speed, xlabel="batch size", ylabel="examples / s", log="xy")

# %% [markdown]
# Left of the bend a larger batch is nearly free: starting operations and fetching weights takes its time whatever the
# batch. A GPU or TPU does far more arithmetic in that time, so its bend lies further right. Today's TPUs also store
# arrays in tiles of 8 x 128, filled up with zeros (Google's *Cloud TPU performance guide*): where the batch is the side
# of 128, a batch of 129 is half padding.

# %% [markdown]
# ### Reduced precision
#
# A float's exponent bits set its range, its fraction bits the distance to its neighbour. bfloat16 is float32 cut in
# half; float16 spends three of the exponent's bits on the fraction.
#
# | | exponent bits | fraction bits | largest | smallest normal | smallest above 0 |
# |---|---|---|---|---|---|
# | float32 | 8 | 23 | $3.4 \cdot 10^{38}$ | $2^{-126}$ | $2^{-149}$ |
# | bfloat16 | 8 | 7 | $3.4 \cdot 10^{38}$ | $2^{-126}$ | $2^{-133}$ |
# | float16 | 5 | 10 | 65,504 | $2^{-14}$ | $2^{-24}$ |

# %%
formats = {"float16": np.float16, "float16, times 2^10 and back": lambda x: np.float32(np.float16(2**10 * x)) / 2**10,
           "bfloat16": tf.bfloat16.as_numpy_dtype}
plots.table(["gradient", *formats], [[f"1.3 * 2^{e}", *(f"{float(kind(1.3 * 2.0**e)) / 2.0**e:.4g} * 2^{e}"
                                                        for kind in formats.values())] for e in [-12, -18, -24, -26]])

# %% [markdown]
# Below $2^{-14}$ float16 loses digits, below $2^{-25}$ everything. Gradients are linear in the loss: scale the loss by
# $2^{10}$, and every gradient of the backward pass is that much larger; divide in float32 at the end. This is **loss
# scaling** (Micikevicius et al. 2018, *Mixed Precision Training*). The **dynamic** scale is found by trying: on any
# infinity or NaN, skip the step, halve the scale and count anew; after `growth_steps` finite steps in a row, double it.
#
# ### Exercise 3 (4 points): a step of dynamic loss scaling
#
# Write this for one gradient. Unscale where nothing can underflow again.

# %% nbgrader={"grade": false, "grade_id": "scaling_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scaling_step(gradient: np.ndarray, scale: float, good_steps: int, growth_steps: int) -> tuple:
    """From the float16 gradient (n,) of scale times the loss: what to apply, float32 (n,), zeros if the step is
    skipped; the next scale; and the number of finite steps since the scale last changed."""
    ### BEGIN SOLUTION
    if not np.isfinite(gradient).all():
        return np.zeros(gradient.shape, np.float32), scale / 2, 0
    unscaled = gradient.astype(np.float32) / np.float32(scale)
    if good_steps + 1 == growth_steps:
        return unscaled, 2 * scale, 0
    return unscaled, scale, good_steps + 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "scaling_step_gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a gradient of 2^-26, scaled by 2^20, comes back (shown times 2^26)",
      2.0**26 * scaling_step(np.array([2.0**-6], np.float16), 2.0**20, 0, 100)[0], expected=[1.0])
check("doubling: the old scale still counts", scaling_step(np.float16([8]), 8.0, 1, 2)[0], expected=[1.0])
check("overflow: nothing applied", scaling_step(np.array([1, np.inf], np.float16), 8.0, 3, 9)[0], expected=[0, 0])
### BEGIN HIDDEN TESTS
small = (check.rng().normal(size=8) * 2.0 ** np.arange(-8, 0)).astype(np.float16)
check("any gradients", [2.0**19 * scaling_step(small, 2.0**19, good_steps, 5)[0] for good_steps in [0, 4]])
for bad in [np.inf, -np.inf, np.nan]:
    check(f"{bad} among others", scaling_step(np.append(small, bad), 2.0**19, 0, 5)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "scaling_step_scale", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
fine = np.ones(2, np.float16)
check("the 3rd finite step of 3 doubles and starts again", scaling_step(fine, 8.0, 2, 3)[1:], expected=[16.0, 0])
check("a NaN breaks the row", scaling_step(np.nan * fine, 8.0, 2, 3)[1:], expected=[4.0, 0])
### BEGIN HIDDEN TESTS
rng = check.rng()
scale, good_steps, history = 1024.0, 0, []
for last in rng.choice([1.0, np.inf, -np.inf, np.nan], p=[0.7, 0.1, 0.1, 0.1], size=40):
    _, scale, good_steps = scaling_step(np.array([1.0, last], np.float16), scale, good_steps, 3)
    history.append([np.log2(scale), good_steps])
check("40 steps in a row", history)
### END HIDDEN TESTS

# %% [markdown]
# ### Where gradients are really small
#
# An autoencoder of digits with six sigmoid layers. Its loss is a mean over 256 x 64 outputs, so an output's gradient
# starts near $2^{-15}$, and every sigmoid takes a factor of 4 or more. Nothing else makes it small. Weights stay in
# float32 (the *master copy*); each layer casts what it reads.

# %%
images, unseen = (tf.constant(part) for part in data.digits(flat=True)[:2])  # (1347, 64), (450, 64)


def first_weights(hidden, seed):
    """Kernels and biases of `hidden` sigmoid layers of 64 units and a linear one, in turn."""
    kernels = [tf.keras.initializers.GlorotUniform(seed + layer)((64, 64)) for layer in range(hidden + 1)]
    return [weights for kernel in kernels for weights in (kernel, tf.zeros(64))]


@tf.function
def scaled_gradients(weights, batch, scale, precision):
    """Gradients of scale * loss, with the layers computed in `precision` and the loss in float32."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        signal = batch  # (batch, 64)
        for layer in range(0, len(weights), 2):
            kernel, bias = (tf.cast(part, precision) for part in weights[layer:layer + 2])
            signal = tf.nn.bias_add(tf.cast(signal, precision) @ kernel, bias)  # (batch, 64)
            signal = tf.sigmoid(signal) if layer < len(weights) - 2 else tf.cast(signal, tf.float32)
        scaled_loss = scale * tf.reduce_mean((signal - batch) ** 2)
    return tape.gradient(scaled_loss, weights)


# %% [markdown]
# Which gradients become exact zeros? We look at the first step, and after 50 steps in float32, when the output has
# learned the mean image. The backward pass reaches layer 1 last. Predict which layers the second line touches.

# %% tags=["demo"]
ways = {"float16, first step": (0, "float16", 1.0), "float16, step 50": (50, "float16", 1.0),
        "float16, step 50, scaled": (50, "float16", 2.0**15), "bfloat16, step 50": (50, "bfloat16", 1.0)}
lost = {name: np.empty((5, 7)) for name in ways}  # seeds, kernels
for repeat, seed in enumerate(seeds(5)):
    variables, adam = [tf.Variable(part) for part in first_weights(6, seed)], tf.keras.optimizers.Adam(0.005)
    for number in range(51):
        weights, batch = [part.value() for part in variables], images[256 * (number % 5):256 * (number % 5 + 1)]
        exact = scaled_gradients(weights, batch, tf.constant(1.0), "float32")
        for name, (when, precision, scale) in ways.items():
            if number == when:
                rounded = scaled_gradients(weights, batch, tf.constant(scale), precision)
                lost[name][repeat] = [100 * np.mean(there.numpy()[here.numpy() != 0] == 0)
                                      for here, there in zip(exact[::2], rounded[::2], strict=True)]
        adam.apply(exact, variables)
plots.line(range(1, 8), lost, xlabel="layer", ylabel="gradients that become zero (%)")

# %% [markdown]
# In float16 the first layers soon get no gradient at all and keep their random weights. The same gradients survive if
# they are scaled, or if the format has float32's exponent.
#
# ### In Keras
#
# The policy `"mixed_float16"` makes a layer compute in float16 and keep its weights in float32. `LossScaleOptimizer`
# does the steps of exercise 3. `compile` wraps the optimizer in it by itself; a loop of your own calls `scale_loss`.

# %%
def autoencoder(policy, hidden):
    """The same network as Keras layers, (batch, 64) to (batch, 64)."""
    layers = [tf.keras.layers.Dense(64, activation, dtype=policy) for activation in ["sigmoid"] * hidden + [None]]
    return tf.keras.Sequential([tf.keras.Input((64,)), *layers, tf.keras.layers.Activation("linear", dtype="float32")])


def keras_step(model, optimizer):
    """A step of `optimizer` on a batch (batch, 64), its loss scaled if the optimizer scales."""
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(batch) - batch) ** 2)
            scaled_loss = optimizer.scale_loss(loss)
        optimizer.apply(tape.gradient(scaled_loss, model.trainable_variables), model.trainable_variables)

    optimizer.build(model.trainable_variables)
    return step


# %% [markdown]
# By hand and in Keras: the same weights and batches, SGD, and a first scale that is far too large. Scales must agree in
# every step, and weights at the end.

# %% tags=["demo"] waits=["scaling_step"]
weights, model = first_weights(6, seeds(1)[0]), autoencoder("mixed_float16", 6)
model.set_weights(weights)
scale, good_steps, scales, rate = 2.0**24, 0, [], 0.5
sgd = tf.keras.optimizers.LossScaleOptimizer(tf.keras.optimizers.SGD(rate), scale, dynamic_growth_steps=20)
step = tf.function(keras_step(model, sgd))
for number in range(80):
    batch = images[256 * (number % 5):256 * (number % 5 + 1)]
    parts = [np.float16(part) for part in scaled_gradients(weights, batch, tf.constant(scale), "float16")]  # exact
    update, scale, good_steps = scaling_step(np.concatenate([part.ravel() for part in parts]), scale, good_steps, 20)
    changes = np.split(update, np.cumsum([part.size for part in parts])[:-1])
    weights = [part - rate * change.reshape(part.shape) for part, change in zip(weights, changes, strict=True)]
    step(batch)
    scales.append([scale, float(sgd.dynamic_scale)])
apart = max(np.abs(ours - theirs).max() for ours, theirs in zip(weights, model.get_weights(), strict=True))
plots.line(range(80), dict(zip(["by hand", "Keras"], np.log2(scales).T, strict=True)), xlabel="step",
           ylabel="loss scale (power of 2)")

# %% [markdown]
# The scale falls until the gradients fit, and is doubled after 20 finite steps in a row. Now 600 steps, five paired
# seeds, with Adam: it divides a gradient by its usual size, so tiny ones are no obstacle unless they are zero. Three
# sigmoids are the control. Predict which of the eight cells differs from its row.

# %%
def trainer(policy, scaled, hidden, steps=600):
    """A function that trains from a seed's weights with Adam and returns the mean squared error on unseen digits."""
    model, adam = autoencoder(policy, hidden), tf.keras.optimizers.Adam(0.005)
    optimizer = tf.keras.optimizers.LossScaleOptimizer(adam, dynamic_growth_steps=100) if scaled else adam
    step = keras_step(model, optimizer)
    fresh = [variable.numpy() for variable in optimizer.variables]

    @tf.function
    def run(rows):  # (steps, 256)
        for batch_rows in rows:
            step(tf.gather(images, batch_rows))

    def train(seed):
        model.set_weights(first_weights(hidden, seed))
        for variable, value in zip(optimizer.variables, fresh, strict=True):
            variable.assign(value)
        run(tf.constant(np.random.default_rng(seed).integers(len(images), size=(steps, 256))))
        return float(tf.reduce_mean((model(unseen) - unseen) ** 2))

    return train


# %% tags=["demo"]
ways = {"float32": ("float32", False), "float16": ("mixed_float16", False),
        "float16, loss scaled": ("mixed_float16", True), "bfloat16": ("mixed_bfloat16", False)}
losses = {}
for hidden in [3, 6]:
    for name, (policy, scaled) in ways.items():
        train = trainer(policy, scaled, hidden)
        losses[hidden, name] = np.array([train(seed) for seed in seeds(5)])  # (5,)
plots.heat([[losses[hidden, name].mean() for name in ways] for hidden in [3, 6]], rows=("sigmoid layers", [3, 6]),
           columns=("precision", [name.replace(", ", ",\n") for name in ways]), label="error on unseen digits")
print("error of the mean image:", np.mean((unseen - np.mean(images, axis=0)) ** 2).round(4))

# %% tags=["demo"] waits=["scaling_step"]
behind = {key: stats.mean_interval(values - losses[key[0], "float32"]) for key, values in losses.items()}
unscaled, scaled = behind[6, "float16"], behind[6, "float16, loss scaled"]  # mean, half-width
claim(
    "tpu-batch-and-precision",
    measured={"examples / s: batch 64 / batch 1": speed[3] / speed[0], "batch 4096 / batch 1024": speed[-1] / speed[-2],
              **{f"gradients of layer 1 that become zero, {name} (%)": lost[name][:, 0].mean() for name in lost},
              "error, six sigmoids, float32": losses[6, "float32"].mean(),
              **{f"{hidden} sigmoids, {name}: error above float32's, 95% interval": f"{mean:.1e} ± {half:.0e}"
                 for (hidden, name), (mean, half) in behind.items() if name != "float32"},
              "largest weight difference, scaling by hand and Keras'": float(apart)},
    holds=speed[3] > 4 * speed[0] and speed[-1] < 2 * speed[-2] and lost["float16, step 50"][:, 0].min() > 50
    and unscaled[0] > unscaled[1] and abs(scaled[0]) + scaled[1] < unscaled[0] / 10,
    because="examples a second grow with the batch and then stand still; without scaling the first layers' gradients "
            "become zero in float16 and the deep network hardly learns, with it or in bfloat16 it learns as in float32",
)

# %% [markdown]
# Only the deep network needs the scale; with three sigmoids float16 is as good as float32 without it. bfloat16, the
# TPU's format, needs none: its range is float32's, and its eight bits of precision cost little here, since the master
# copy adds up small steps in float32.
#
# **How this could be wrong.** The control and the counted zeros say that small gradients are the reason. Sigmoids
# exaggerate: ReLU networks seldom shrink gradients so much. Nothing here is *faster*: TensorFlow's CPU kernels convert
# to float32 and back. That takes a TPU or GPU, and so does "but faster": the paper's TPU did 13 times the inferences of
# a K80 GPU (geometric mean, in int8).
#
# **Often mistaken.** Clip gradients after they are unscaled, not before. **Practice has moved on**: where the hardware
# has bfloat16 it is the usual choice; with 8-bit floats scaling has come back, one scale a tensor.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Multiply in 8 bits, add in 32, rescale once. The error is bounded by half a step times the other factor's absolute
#   sum, and usually $\sqrt{k}$ times smaller.
# - A larger batch and a smaller number both raise the work done for each byte of weights.
# - Range is lost before precision is: float16 needs a loss scale, bfloat16 does not.
#
# ## At full scale
#
# | where | what | batch | precision |
# |---|---|---|---|
# | this laptop | 600 steps of a network of 29,000 parameters, seconds | 256 | any, none faster |
# | one GPU | the same policy, `"mixed_float16"` or `"mixed_bfloat16"` | until memory or speed is full | 16 bits, float32 sums |
# | the paper (Jouppi et al. 2017) | MLP0, 20 million weights, 225,000 inferences a second | 200, for 7 ms | int8, 32-bit sums |
# | TPU v2 (Norrie et al. 2021) | training, as under `TPUStrategy` (week 6) | divisible by 8 or 128 | bfloat16, float32 sums |

# %%
dlcourse.submit()
