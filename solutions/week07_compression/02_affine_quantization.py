# %% [markdown]
# # 2 · Affine quantization, and what low precision saves
#
# *NCTU Deep Learning*, week 9, slide "Quantization". *Applications* (Goodfellow 2016, 2018), slide "Specialized
# Hardware Implementations".
#
# **You should know** fixed point (`fixed-point`) and convolution (`convolution`). **You will have
# built** every number of an int8 file by hand and compared it with the converter's; a convolution and a dense layer in
# integers alone, equal to the interpreter's; and an account of the energy that low precision saves, layer by layer.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 5, notebook 3) Two 8-bit numbers are multiplied, and 512 such products are added. How many bits can the sum
#    need?
# 2. (Week 4, notebook 1) A 3 x 3 convolution with 16 filters makes a picture of 8 x 8 from one of 8 x 8. How often is
#    each weight used for one picture?
#
# <details><summary>Answers</summary>
#
# 1. A product of two numbers in $-128 \ldots 127$ is at most $2^{14}$, so 512 of them stay within $2^{23}$: 25 bits
#    with the sign. Sums are kept in int32.
# 2. 64 times, once for each position. In a dense layer it is used once. Remember this when we count energy.
#
# </details>

# %%
dlcourse.setup("week07/02_affine_quantization", seed=72)

import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from dlcourse import check, claim, data, plots, seeds

warnings.filterwarnings("ignore", message="Statistics for quantized inputs")

# %% [markdown] topic="affine-quantization"
# ## Affine quantization
#
# The NCTU deck's slide says "Quantization" and "Model Size Comparison (TensorFlow Lite)". Behind it stands one formula
# (Jacob et al. 2018) between a real number $r$ and an integer code $q$, with a *scale* $S$ and a *zero point* $Z$ for a
# whole tensor, or for a channel of it:
#
# $$r = S\,(q - Z), \qquad q = \operatorname{clip}\!\left(\operatorname{round}(r / S) + Z,\ -128,\ 127\right).$$
#
# $S$ and $Z$ follow from the range $[\text{low}, \text{high}]$ of the tensor, widened so that it holds 0: 256 codes
# make 255 steps, and $Z$ is rounded to an integer, so that the real number 0 has a code of its own.

# %%
def grid(low, high, bits=8):
    """Scale and zero point for reals in [low, high], codes from -2**(bits - 1) on."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (2**bits - 1)
    return scale, int(np.round(-(2 ** (bits - 1)) - low / scale))


def quantize(r, scale, zero_point, bits=8):
    return np.clip(np.round(r / scale) + zero_point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(int)


def dequantize(q, scale, zero_point):
    return scale * (q - zero_point)


# %% [markdown]
# The picture shows three bits, so that steps can be seen. Where is the error zero, where is it largest, and what
# happens to numbers outside of the range?

# %% tags=["demo"]
scale, zero_point = grid(-0.8, 1.8, bits=3)
r = np.linspace(-1.5, 2.5, 2001)
q = quantize(r, scale, zero_point, bits=3)
left, right = plots.panels(2)
plots.line(r, q, xlabel="real number r", ylabel="code q", ax=left)
left.plot(dequantize(np.arange(-4, 4), scale, zero_point), np.arange(-4, 4), "o", color=plots.COLOURS[1])
left.annotate(f"r = 0 has the code Z = {zero_point}", (0, zero_point), (0.45, -3.2), arrowprops={"arrowstyle": "->"})
right.axhspan(-scale / 2, scale / 2, color=plots.COLOURS[4], alpha=0.25)
right.text(-1.45, -scale / 2 - 0.12, "band: half a step", fontsize=9)
plots.line(r, dequantize(q, scale, zero_point) - r, xlabel="real number r", ylabel="error S (q - Z) - r", ax=right)

# %% [markdown]
# Rounding $Z$ has moved the range a little, to -0.74 and 1.86. Within it the error is a sawtooth of at most half a
# step; outside it *saturates* and grows without limit. A sawtooth that is met at random places is uniform noise on
# $[-S/2, S/2]$, whose variance is $S^2 / 12$.
#
# Which range for which tensor? The converter's rules for a layer $y = \operatorname{relu}(x * w + b)$:
#
# | tensor | type | scale and zero point |
# |---|---|---|
# | activations $x$, $y$ | int8 | from the range over a *representative* data set; $Z$ anywhere |
# | weights $w$ | int8, codes $-127 \ldots 127$ | symmetric, $Z = 0$, one $S_w$ for each output channel |
# | bias $b$ | int32 | $S_b = S_x S_w$, $Z = 0$: the unit of the products, so it can be added to them |
#
# ### Exercise 1 (4 points): the weights of a layer
#
# In Keras' layout the output channel is a kernel's *last* axis, for convolutions (height, width, in, out) and dense
# layers (in, out) alike. Each output channel has a scale of its own, such that its weight of largest magnitude gets the
# code 127 or -127. Compute the scales, and the codes rounded to the nearest integer.

# %% nbgrader={"grade": false, "grade_id": "quantize_kernel", "locked": false, "schema_version": 3, "solution": true, "task": false}
def quantize_kernel(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integer codes with the kernel's shape (..., channels), and the scales (channels,).

    kernel is float32 with two or four axes; no channel is all zero. Keep to float32: the converter does.
    """
    ### BEGIN SOLUTION
    scales = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / np.float32(127)
    return np.round(kernel / scales).astype(np.int8), scales
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "quantize_kernel_scales", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two channels, the largest magnitudes 12.7 (negative) and 1.27: scales",
      quantize_kernel(np.float32([[-12.7, 1.27], [3.0, 0.5], [1.0, -0.3]]))[1], expected=[0.1, 0.01])
### BEGIN HIDDEN TESTS
kernels = [np.float32(check.rng().normal(scale=[0.1, 1, 10, 100], size=size)) for size in [(7, 4), (3, 3, 2, 4)]]
check("any dense kernel: scales", quantize_kernel(kernels[0])[1])
check("any convolution: scales", quantize_kernel(kernels[1])[1])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "quantize_kernel_codes", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two channels with one weight of 127 or -127 steps each: codes, rounded to the nearest",
      quantize_kernel(np.float32([[-12.7, 1.27], [3.06, 0.5], [-1.08, -0.304]]))[0],
      expected=[[-127, 127], [31, 50], [-11, -30]])
### BEGIN HIDDEN TESTS
kernels = [np.float32(check.rng().normal(scale=[0.1, 1, 10, 100], size=size)) for size in [(7, 4), (3, 3, 2, 4)]]
check("any dense kernel: codes", quantize_kernel(kernels[0])[0])
check("any convolution: codes", quantize_kernel(kernels[1])[0])
### END HIDDEN TESTS

# %% [markdown]
# ### Against the converter
#
# Five networks with two convolutions and a dense layer, trained on the digits. The pixels are shifted and scaled to
# mean 0 and variance 1, so that the input's zero point is not trivial. The converter gets 200 of them to see the
# ranges.

# %%
def convolution_and_dense(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([
        keras.Input((8, 8, 1)), keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(), keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.Flatten(), keras.layers.Dense(10)])


def to_int8(model, pictures):
    """The bytes of the int8 file, for one picture at a time."""
    traced = tf.function(model).get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:])))
    holder = tf.Module()
    holder.parts = [variable.value for variable in model.variables]  # they become constants of the file
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], holder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[None]] for picture in pictures)
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


# %% tags=["demo"]
train_images, test_images, train_labels, test_labels = data.digits()
shift, spread = train_images.mean(), train_images.std()
train_images, test_images = ((part[..., None] - shift) / spread for part in (train_images, test_images))  # (n, 8, 8, 1)
models = [convolution_and_dense(seed) for seed in seeds(5)]
for model in models:
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(train_images, train_labels, epochs=12, verbose=0)
files = [to_int8(model, train_images[:200]) for model in models]

# %% [markdown]
# The interpreter lists the file's tensors. In this network every tensor has another shape, so a shape can serve as its
# name. `OpResolverType.BUILTIN_REF` asks for the plain reference kernels, and all intermediate tensors are kept.

# %% tags=["demo"]
def opened(content, kernels=OpResolverType.BUILTIN_REF):
    """The interpreter, and its tensors by shape, each with S, Z and index."""
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels,
                              experimental_preserve_all_tensors=kernels == OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    return interpreter, {tuple(t["shape"]): {"index": t["index"], "S": t["quantization_parameters"]["scales"],
                                             "Z": t["quantization_parameters"]["zero_points"]}
                         for t in interpreter.get_tensor_details()}


INPUTS = [(1, 8, 8, 1), (1, 4, 4, 16), (1, 512)]  # of the two convolutions and the dense layer
KERNELS, OUTPUTS = [(16, 3, 3, 1), (32, 3, 3, 16), (10, 512)], [(1, 8, 8, 16), (1, 4, 4, 32), (1, 10)]

# %% [markdown]
# Before you run it: each weight is a rounded float32 quotient, each bias is in units of $10^{-5}$, and a range comes
# from sums of up to 512 floats in some order. Which of them do you expect to equal the converter's to the last bit?

# %% tags=["demo"] waits=["quantize_kernel"]
different, counted, ulps = np.zeros((5, 4), int), np.zeros((5, 4), int), []
for network, (model, content) in enumerate(zip(models, files, strict=True)):
    interpreter, stored = opened(content)
    weighted, activations = [layer for layer in model.layers if layer.weights], [tf.constant(train_images[:200])]
    values = activations[0]
    for layer in model.layers:
        values = layer(values)
        activations += [values] if layer in weighted else []
    for layer, x, w in zip(weighted, INPUTS, KERNELS, strict=True):
        codes, scales = quantize_kernel(layer.kernel.numpy())
        bias_scales = stored[x]["S"][0] * scales  # the unit of the products
        pairs = [(np.moveaxis(codes, -1, 0), interpreter.get_tensor(stored[w]["index"])), (scales, stored[w]["S"]),
                 (np.round(layer.bias.numpy() / bias_scales), interpreter.get_tensor(stored[w[:1]]["index"])),
                 (bias_scales, stored[w[:1]]["S"])]
        different[network] += [(ours != theirs).sum() for ours, theirs in pairs]
        counted[network] += [theirs.size for _, theirs in pairs]
    for values, shape in zip(activations, [INPUTS[0], *OUTPUTS], strict=True):
        scale, zero_point = grid(float(np.min(values)), float(np.max(values)))
        theirs = stored[shape]["S"][0]
        ulps.append([abs(np.float32(scale) - theirs) / np.spacing(theirs), zero_point - stored[shape]["Z"][0]])
ulps = np.array(ulps)  # (networks x tensors, 2)

# %% tags=["demo"] waits=["quantize_kernel"]
wrong = [*different.sum(axis=0), (ulps[:, 1] != 0).sum(), (ulps[:, 0] != 0).sum()]
plots.table(["five networks", "numbers", "different from the converter's"], [*map(list, zip(
    ["weights: codes", "weights: scales", "biases: codes", "biases: scales", "activations: zero points",
     "activations: scales"], [*counted.sum(axis=0), len(ulps), len(ulps)], wrong, strict=True))])
print("activation scales: at most", int(ulps[:, 0].max()), "units in the last place of float32 apart")

# %% [markdown]
# Weights and biases are the converter's, bit by bit. Ranges of activations can differ in the last places of a float32:
# the converter's float kernels add the products in another order than TensorFlow's, and the last layer's sums are the
# longest. Their zero points are the same.
#
# ### Is the error uniform noise?
#
# Here is the mean squared error of each tensor in units of $S^2/12$. The model predicts 1 everywhere. Look for the
# tensors that disobey, and at their shares of numbers that are exactly on the grid.

# %% tags=["demo"] waits=["quantize_kernel"]
names = ["input", "convolution 1", "convolution 2", "dense", *(f"weights {w}" for w in KERNELS)]
table = []
for name, values, shape in zip(names, [*activations, *(layer.kernel for layer in weighted)],
                               [INPUTS[0], *OUTPUTS, *KERNELS], strict=True):
    (S, Z), values = (stored[shape][key] for key in "SZ"), np.asarray(values, float)
    error = (dequantize(quantize(values, S, Z), S, Z) - values) / S  # in steps
    on_grid = np.abs(error) < 1e-4
    table.append([name, 100 * on_grid.mean(), 12 * (error**2).mean(), 12 * (error[~on_grid] ** 2).mean()])
plots.table(["tensor (fifth network)", "on the grid (%)", "error / (S²/12)", "of the numbers off the grid"], table)

# %% [markdown]
# Off the grid the model is good wherever there are many different numbers. It fails for the input: the digits have only
# 17 grey levels, which meet the sawtooth at 17 places and not at random ones. After a ReLU many numbers are exact zeros
# and cost nothing, and in a kernel each channel's largest weight is exact: one of nine in the first layer.
#
# ### Exercise 2 (4 points): the four terms
#
# A layer is a matrix product of reals, $x = S_x (q_x - Z_x)$ and $w = S_w (q_w - Z_w)$. The scales come out in front;
# what is left is integer. Derive the four terms of
#
# $$\sum_k (q_{x,ik} - Z_x)(q_{w,kj} - Z_w)$$
#
# by multiplying out, signs included, so that their sum is the whole. Mind that int8 arithmetic wraps around at 127:
# `np.int8(100) + np.int8(100)` is $-56$.

# %% nbgrader={"grade": false, "grade_id": "four_terms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def four_terms(x: np.ndarray, x_zero: int, w: np.ndarray, w_zero: int) -> tuple:
    """For int8 codes x (n, inputs) and w (inputs, m): the terms of (x - x_zero) @ (w - w_zero).

    Returns, in this order, the products of codes (n, m), the term with w_zero alone (n, 1), the term with x_zero
    alone (1, m), and the term with both zero points, a number.
    """
    ### BEGIN SOLUTION
    x, w = x.astype(np.int32), w.astype(np.int32)
    return (x @ w, -w_zero * x.sum(axis=1, keepdims=True), -x_zero * w.sum(axis=0, keepdims=True),
            len(w) * x_zero * w_zero)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "four_terms_products", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("100 * 100 + 50 * 2 does not fit into int8: the products",
      four_terms(np.int8([[100, 50]]), 3, np.int8([[100], [2]]), 0)[0], expected=[[10100]])
### BEGIN HIDDEN TESTS
x, w = (check.rng().integers(-128, 128, size=size).astype(np.int8) for size in [(3, 20), (20, 4)])
check("any codes: the products", four_terms(x, 5, w, -7)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "four_terms_zero_points", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
terms = four_terms(np.int8([[1, 2], [3, 4]]), 10, np.int8([[1, 0, 5], [2, 1, 5]]), 100)
check("w_zero = 100, row sums of x are 3 and 7: the term with w_zero alone", terms[1], expected=[[-300], [-700]])
check("x_zero = 10, column sums of w are 3, 1 and 10: the term with x_zero alone", terms[2],
      expected=[[-30, -10, -100]])
check("x_zero = 10, w_zero = 100, two inputs: the term with both", terms[3], expected=2000)
### BEGIN HIDDEN TESTS
rng = check.rng()
x, w = (rng.integers(-128, 128, size=size).astype(np.int8) for size in [(3, 9), (9, 4)])
zeros = rng.integers(1, 99, size=2).tolist()
for position, name in [(1, "w_zero alone"), (2, "x_zero alone"), (3, "both")]:
    check(f"any codes and zero points: {name}", four_terms(x, *zeros[:1], w, *zeros[1:])[position])
### END HIDDEN TESTS

# %% [markdown]
# Now the converter's rules explain themselves. The term with $Z_w$ alone needs the row sums of $x$, which are known
# only at run time and cost work for each picture: symmetric weights, $Z_w = 0$, remove it together with the fourth.
# The term with $Z_x$ alone needs sums of weights only; it is computed once, ahead of time, and added to the bias.
#
# ### The layer in integers
#
# $y = S_x S_w \cdot \text{acc}$ with an int32 accumulator, and $y = S_y (q_y - Z_y)$. So
#
# $$q_y = Z_y + \operatorname{round}(M \cdot \text{acc}), \qquad M = \frac{S_x S_w}{S_y} = m \, 2^{-31} \, 2^{-s}.$$
#
# A chip without floats writes the real $M$ as an int32 mantissa $m$ and a shift $s$. The kernels disagree about the
# rounding: after the division by $2^{31}$ *and* after the one by $2^s$ (two roundings, each half away from zero), or
# once after both. `fixed_point` splits $M$, `requantize` does both kinds.

# %%
def fixed_point(multiplier):
    """Mantissa in [2**30, 2**31) and shift to the right, of multipliers below 1/2."""
    fraction, exponent = np.frexp(multiplier)
    return np.round(fraction * 2**31).astype(np.int64), -exponent.astype(np.int64)


def requantize(accumulators, multiplier, roundings):
    mantissa, shift = fixed_point(multiplier)
    product = accumulators.astype(np.int64) * mantissa  # (..., channels)
    if roundings == 1:
        return (product + (1 << (30 + shift))) >> (31 + shift)
    high = (product + 2**30) >> 31
    return (high + (1 << (shift - 1)) - (high < 0)) >> shift


def patches(codes, padding):
    """The 3 x 3 neighbours of each position, (n, height, width, 9 * channels)."""
    _, height, width, _ = codes.shape
    padded = np.pad(codes, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=padding)
    return np.concatenate([padded[:, i:i + height, j:j + width] for i in range(3) for j in range(3)], axis=-1)


# %% [markdown]
# `integer_layer` is all of it; padding is the real 0, hence the code $Z_x$. A ReLU costs nothing: its output's range
# begins at 0, so $Z_y = -128$ and clipping cuts off what is negative. We feed each layer the interpreter's own input
# codes and compare the outputs. A control pads with the code 0, which is *not* the real 0: it must fail.

# %% tags=["demo"] waits=["four_terms"]
def integer_layer(codes, kernel, bias, x, w, y, roundings, padding=None):
    """Output codes from input codes (n, ...); x, w, y hold S and Z of input, kernel, output."""
    if kernel.ndim == 4:
        codes = patches(codes, int(x["Z"][0]) if padding is None else padding)
    flat = codes.reshape(-1, kernel[0].size).astype(np.int8)  # (n * positions, inputs)
    acc = sum(four_terms(flat, int(x["Z"][0]), kernel.reshape(len(kernel), -1).T, 0)) + bias  # (n positions, channels)
    multiplier = float(x["S"][0]) * w["S"].astype(float) / float(y["S"][0])
    codes_out = np.clip(requantize(acc, multiplier, roundings) + y["Z"][0], -128, 127)
    return codes_out.reshape(*codes.shape[:-1], -1)


def run(interpreter, codes, tensors):
    """What the tensors hold after each picture, an array (n, ...) for each of them."""
    held = []
    for picture in codes:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None].astype(np.int8))
        interpreter.invoke()
        held.append([interpreter.get_tensor(tensor["index"])[0] for tensor in tensors])
    return [np.array(values) for values in zip(*held, strict=True)]


# %% tags=["demo"] waits=["four_terms"]
off, largest, int8_accuracy = np.zeros((5, 3, 3)), 0, []  # networks, layers, (two roundings, one, padded with code 0)
for network, content in enumerate(files):
    interpreter, stored = opened(content)
    codes = quantize(test_images, stored[INPUTS[0]]["S"], stored[INPUTS[0]]["Z"])  # (450, 8, 8, 1)
    held = run(interpreter, codes, [stored[shape] for shape in INPUTS + OUTPUTS])
    int8_accuracy.append(100 * (held[-1].argmax(axis=1) == test_labels).mean())
    for layer, (x, w, y) in enumerate(zip(INPUTS, KERNELS, OUTPUTS, strict=True)):
        kernel, bias = (interpreter.get_tensor(stored[shape]["index"]) for shape in (w, w[:1]))
        for column, (roundings, padding) in enumerate([(2, None), (1, None), (2, 0)]):
            ours = integer_layer(held[layer], kernel, bias, stored[x], stored[w], stored[y], roundings, padding)
            error = np.abs(ours - held[3 + layer])
            off[network, layer, column] = (error > 0).mean()
            largest = max(largest, error.max() if column == (layer == 2) else 0)
plots.table(["outputs that differ (%)", "numbers", "two roundings", "one rounding", "control: padded with code 0"],
            [[name, 5 * values.size, *rates[:2], rates[2] if name != "dense" else "no padding"] for name, values, rates
             in zip(["convolution 1", "convolution 2", "dense"], held[3:], 100 * off.mean(axis=0), strict=True)])

# %% [markdown]
# Every output of the integer network is reproduced: the reference convolutions round twice, the reference dense layer
# once, and the wrong choice moves about one output in a thousand or fewer, by one code. So the same file gives slightly
# different codes on different kernels. By default the interpreter hands the layers to XNNPACK, which rounds once
# everywhere; let us see how often its last codes differ from the reference's, and what happens to the accuracy.

# %% tags=["demo"] waits=["quantize_kernel", "four_terms"]
fast, stored = opened(files[-1], OpResolverType.AUTO)
gap = np.abs(run(fast, codes, [stored[OUTPUTS[-1]]])[0].astype(int) - held[-1])
float_accuracy = [100 * (np.argmax(model(test_images), axis=1) == test_labels).mean() for model in models]
print(f"XNNPACK against reference: {100 * (gap > 0).mean():.2f}% of the outputs differ, by at most {gap.max()}")
print(f"mean accuracy of five networks: float32 {np.mean(float_accuracy):.2f}%, int8 {np.mean(int8_accuracy):.2f}%")
right_rounding = off[:, [0, 1, 2], [0, 0, 1]]  # (networks, layers)
claim(
    "affine-quantization",
    measured={"weight and bias codes compared": counted[:, [0, 2]].sum(),
              "codes and scales that differ": different.sum(),
              "activation zero points that differ": (ulps[:, 1] != 0).sum(),
              "activation scales: largest difference (units in the last place)": ulps[:, 0].max(),
              "layer outputs that differ, integers by hand (%)": 100 * right_rounding.mean(), "by at most": largest,
              "control, padded with code 0 (%)": 100 * off[:, :2, 2].mean(),
              "accuracy float32, int8 (%)": [np.mean(float_accuracy), np.mean(int8_accuracy)]},
    holds=different.sum() == 0 and (ulps[:, 1] == 0).all() and ulps[:, 0].max() <= 32
    and right_rounding.max() < 0.01 and largest <= 1 and off[:, :2, 2].min() > 0.05,
    because="weights and biases equal the converter's bit by bit, and integers alone reproduce each layer's outputs",
)

# %% [markdown]
# **How this could be wrong.** We took each layer's input codes from the interpreter, so that one difference would not
# hide or cause others; activation scales agree up to the order of float additions. Other versions of the kernels may
# round otherwise: the claim allows one code in a hundred outputs. **Often mistaken.** The zero point is not the
# middle of the range, and it is not a real number: it is the code of the real 0. **Practice has moved on**: large
# language models keep activations in 8 or 16 bits and give each group of 32 to 128 weights, not each channel, a
# scale.

# %% [markdown] topic="low-precision-hardware"
# ## Low precision hardware
#
# "ASICs. Algorithms need to work with lower precision", says the 2016 deck. What does a chip gain? Horowitz (ISSCC
# 2014, "Computing's energy problem", 45 nm, 0.9 V) published the energy and area of operations:
#
# | operation | energy (pJ) | area (µm²) |
# |---|---|---|
# | multiplication: int8, float16, float32 | 0.2, 1.1, 3.7 | 282, 1640, 7700 |
# | addition: int32, float16, float32 | 0.1, 0.4, 0.9 | 137, 1360, 4184 |
# | reading 64 bits: cache of 8 kB, 32 kB, 1 MB | 10, 20, 100 | |
# | reading 64 bits: DRAM | 1300 to 2600 | |
#
# An 8-bit multiply-add (products summed in int32) takes 15 times less energy than float32 and 28 times less area.
# Memory gains only as many times as there are fewer bits: 4. *So which of the two does low precision save?* We do not
# measure energy; we compute it, under assumptions that we then vary.

# %%
MULTIPLY, ADD = {32: 3.7, 16: 1.1, 8: 0.2}, {32: 0.9, 16: 0.4, 8: 0.1}  # pJ; the 8-bit products are added in int32
CACHE = 20.0  # pJ to read 64 bits from 32 kB

# %% [markdown]
# ### Exercise 3 (4 points): the energy of a layer, with planted bugs
#
# A layer applies a matrix (inputs, outputs) at each of `pixels` positions; a dense layer has one. For one picture:
#
# - *arithmetic*: each use of a weight at a position is one multiplication and one addition;
# - *weights*: each weight is read once for a whole batch of `batch` pictures, at `home` pJ for 64 bits (DRAM or a large
#   cache), then stays near the arithmetic;
# - *operands*: each multiply-add needs two numbers of `bits` bits from the 32 kB cache, but a number that is read
#   serves `reuse` multiply-adds.
#
# The function below is wrong in three places, one for each part. Write it right.
#
# ```python
# def flawed_energy(pixels, inputs, outputs, bits, batch, home, reuse):
#     uses = pixels * inputs * outputs
#     arithmetic = uses * MULTIPLY[bits]
#     weights = uses * bits / 64 * home / batch
#     operands = uses / reuse * bits / 64 * CACHE
#     return np.array([arithmetic, weights, operands])
# ```

# %% nbgrader={"grade": false, "grade_id": "layer_energy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer_energy(pixels: int, inputs: int, outputs: int, bits: int, batch: int, home: float, reuse: float):
    """Energy (pJ) for one picture, an array (3,): arithmetic, weights, operands. bits is 8, 16 or 32."""
    ### BEGIN SOLUTION
    uses = pixels * inputs * outputs
    arithmetic = uses * (MULTIPLY[bits] + ADD[bits])
    weights = inputs * outputs * bits / 64 * home / batch
    operands = 2 * uses / reuse * bits / 64 * CACHE
    return np.array([arithmetic, weights, operands])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "layer_energy_arithmetic", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("1,000 float32 multiply-adds: arithmetic", layer_energy(10, 10, 10, 32, 1, 1300, 1)[0], expected=4600)
### BEGIN HIDDEN TESTS
layer = check.rng().integers(2, 50, size=3).tolist()
check("any layer, each width: arithmetic", [layer_energy(*layer, bits, 2, 1300, 4)[0] for bits in [8, 16, 32]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "layer_energy_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("100 weights of 32 bits, used at 10 positions, batch of 4: weights",
      layer_energy(10, 10, 10, 32, 4, 1300, 1)[1], expected=16250)
### BEGIN HIDDEN TESTS
*layer, batch = check.rng().integers(2, 50, size=4).tolist()
check("any layer, each width: weights", [layer_energy(*layer, bits, batch, 2600, 4)[1] for bits in [8, 16, 32]])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "layer_energy_operands", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("1,000 multiply-adds in 8 bits, each number read serves 4: operands",
      layer_energy(10, 10, 10, 8, 1, 1300, 4)[2], expected=1250)
### BEGIN HIDDEN TESTS
*layer, reuse = check.rng().integers(2, 50, size=4).tolist()
check("any layer, each width: operands", [layer_energy(*layer, bits, 2, 1300, reuse)[2] for bits in [8, 16, 32]])
### END HIDDEN TESTS

# %% [markdown]
# Three networks of this course: the dense one of week 6 (64-512-10), the small convolutional one of week 4 on 16 x 16
# sprites, and VGG-16. With one picture at a time, weights in DRAM and each operand serving 16 multiply-adds: which part
# of each bar do you expect to be the largest?

# %%
widths = [3] + [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6  # of VGG-16's convolutions
sides = [224] * 2 + [112] * 2 + [56] * 3 + [28] * 3 + [14] * 3
networks = {  # (pixels, inputs, outputs) of each layer
    "dense": [(1, 64, 512), (1, 512, 10)], "small convolutional": [(256, 27, 16), (64, 144, 32), (1, 512, 10)],
    "VGG-16": [(side**2, 9 * before, after) for side, before, after in zip(sides, widths, widths[1:], strict=False)]
    + [(1, 7 * 7 * 512, 4096), (1, 4096, 4096), (1, 4096, 1000)]}


# %% tags=["demo"] waits=["layer_energy"]
def energy(layers, bits, batch=1, home=1300, reuse=16):
    return sum(layer_energy(*layer, bits, batch, home, reuse) for layer in layers)  # (3,)


_, ax = plt.subplots(figsize=(8, 3.6))
bars = np.array([100 * energy(layers, bits) / energy(layers, 32).sum() for layers in networks.values()
                 for bits in [32, 16, 8]])  # (9, 3)
places = np.array([0, 1, 2, 4, 5, 6, 8, 9, 10])
for part, (name, hatch) in enumerate({"arithmetic": "", "weights": "//", "operands": ".."}.items()):
    ax.bar(places, bars[:, part], bottom=bars[:, :part].sum(axis=1), color=plots.COLOURS[[0, 4, 5][part]], hatch=hatch,
           edgecolor="white", label=name)
ax.set_xticks(places, [f"{bits}\n{name if bits == 16 else ''}" for name in networks for bits in [32, 16, 8]])
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plots.finish(ax, "bits", "energy (% of 32 bits)")

# %% [markdown]
# The bars fall by a little over 4 in the dense network, where memory is everything, and further where arithmetic
# counts. The share of memory *grows* as bits fall, since arithmetic shrinks faster. Layer by layer, all depends on
# one number: how many multiply-adds a weight serves once it has been read, that is, pixels times batch.

# %% tags=["demo"] waits=["layer_energy"]
def memory_share(parts):
    return 100 * parts[1:].sum() / parts.sum()


served = np.logspace(0, 6, 60)
_, ax = plt.subplots(figsize=(8, 3.6))
plots.line(served, {f"{bits} bits": [memory_share(layer_energy(1, 1, 1, bits, each, 1300, 16)) for each in served]
                    for bits in [32, 16, 8]},
           xlabel="multiply-adds that a weight serves (pixels x batch)", ylabel="energy spent on memory (%)",
           log="x", ax=ax)
for name, marker in zip(networks, ["D", "s", "o"], strict=True):
    pixels = np.array(sorted({layer[0] for layer in networks[name]}))
    plt.plot(pixels, [memory_share(layer_energy(each, 1, 1, 32, 1, 1300, 16)) for each in pixels], marker,
             markersize=11 if marker == "D" else 6, fillstyle="none" if marker == "D" else "full", linestyle="none",
             color=plots.COLOURS[6], label=f"{name}: layers, batch 1")
plt.legend(loc="upper left", bbox_to_anchor=(1, 1)).set_zorder(3)

# %% [markdown]
# Now the assumptions. The heat map shows which part of the energy saved from 32 to 8 bits is saved in memory (the
# rest in arithmetic), for two batches, weights in a 1 MB cache (100 pJ) or DRAM (1300, 2600), and three degrees of
# reuse.

# %% tags=["demo"] waits=["layer_energy"]
homes, reuses = [100, 1300, 2600], [1, 16, 256]
cases = [(name, batch) for name in networks for batch in [1, 32]]
saved = np.array([[[energy(networks[name], 32, batch, home, reuse) - energy(networks[name], 8, batch, home, reuse)
                    for home in homes] for reuse in reuses] for name, batch in cases])  # (cases, reuses, homes, 3)
from_memory = 100 * saved[..., 1:].sum(axis=-1) / saved.sum(axis=-1)  # (cases, reuses, homes)
plots.heat(from_memory.reshape(6, 9), rows=("", [f"{name}, batch {batch}" for name, batch in cases]),
           columns=("multiply-adds that an operand serves, and below it the pJ to read 64 bits of weights",
                    [f"{reuse}\n{home}" for reuse in reuses for home in homes]), label="saved in memory (%)")

# %% tags=["demo"] waits=["layer_energy"]
dense, vgg = from_memory[0], from_memory[5, :, 1:]  # VGG-16's 138 million weights do not fit into a cache
gains = [energy(layers, 32).sum() / energy(layers, 8).sum() for layers in networks.values()]
claim(
    "low-precision-hardware",
    measured={f"energy spent on memory at 32, 16, 8 bits, {name} (%)": [
                  memory_share(energy(networks[name], bits)) for bits in (32, 16, 8)] for name in networks}
    | {"32 to 8 bits, times less energy: " + ", ".join(networks): gains,
              "saved in memory, dense, batch 1: least and most (%)": [dense.min(), dense.max()],
              "saved in memory, VGG-16, batch 32, operands used once: least and most (%)": [vgg[0].min(), vgg[0].max()],
              "the same, operands used 16 or 256 times (%)": [vgg[1:].min(), vgg[1:].max()]},
    holds=dense.min() > 75 and vgg[0].min() > 75 and vgg[1:].max() < 25 and min(gains) > 4,
    because="a dense layer for one picture saves in memory; convolutions that reuse what they read save in arithmetic",
)

# %% [markdown]
# **How this could be wrong.** This is a computed model and no measurement: it leaves out registers, control, idle
# power, and writing results. The figures are those of one process of 2014; ratios have moved since, mostly against
# memory. That the energy falls at least by 4 follows from the table alone; *which* part it is follows from the
# layers' shapes, and for VGG-16 it turns with the reuse. So a chip must first reuse what it reads; low precision then
# pays off in arithmetic.
#
# **Often mistaken.** "8 bits take a quarter of the energy" is right for memory only. **Practice has moved on**:
# Google's first TPU (2017) did int8 in an array of 256 x 256 multipliers, which is reuse of 256; training hardware
# has bfloat16 and 8-bit floats. Language models generate one token at a time, so they sit at the left end of the
# curve, like our dense network: 4-bit *weights* help them even when the arithmetic stays in 16 bits.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - $r = S(q - Z)$. Weights: $Z = 0$, a scale for each output channel. Activations: one $S$, $Z$ from the range seen.
#   Biases: int32 in the unit $S_x S_w$.
# - Symmetric weights remove the only correction that must be computed at run time.
# - Requantization multiplies by an integer and shifts; where it rounds decides the last code.
# - Low precision cuts memory in proportion to the bits, arithmetic faster. What a weight serves decides which one
#   counts.
#
# ## At full scale
#
# | where | what | parameters | multiply-adds a picture |
# |---|---|---|---|
# | this laptop | this notebook's digit network | 9,930 | 88,064 |
# | one GPU | VGG-16 in int8, calibrated on some hundred pictures | 138 million | 15.5 billion |
# | the paper (Jacob et al. 2018) | MobileNets on phones | up to 4.2 million | up to 0.57 billion |
#
# Next: notebook 3 compares whole files, with their bytes, latency and accuracy.

# %%
dlcourse.submit()
