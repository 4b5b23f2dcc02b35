# %% [markdown]
# # 3 · Quantization for mobile deployment
#
# *Applications* (Goodfellow 2018), slide "Quantization"; *NCTU Deep Learning*, week 9, slide "Model Size Comparison".
#
# **You should know** scale, zero point and rounding (`affine-quantization`) and soft targets (`distillation`). **You
# will have built** six files of one network for a phone, from float32 to the 8-bit student of a teacher, with their
# bytes, latency and accuracy; your own calibration, checked against the converter's; the code that feeds an int8 model;
# and quantization-aware training, which neither Keras 3 nor a library that works with it offers.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 2) $r = S\,(q - Z)$ with an integer zero point $Z$. Why must the real number 0 be exactly on the grid?
# 2. (Notebook 1) Why is the teacher's softmax taken at a temperature above 1?
#
# <details><summary>Answers</summary>
#
# 1. Padding and ReLU produce exact zeros, in great number. If the grid had no zero, each of them would carry the same
#    error, and a sum of equal errors does not average out.
# 2. So that the small probabilities, which say what else the picture resembles, weigh in the loss.
#
# </details>

# %%
dlcourse.setup("week07/03_tflite_quantization", seed=73, deterministic=False)

import time
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from dlcourse import check, claim, plots, seeds, sprites, stats

warnings.filterwarnings("ignore", message="Statistics for quantized inputs")

# %% [markdown] topic="tflite-quantization"
# ## TFLite quantization
#
# "Quantization. Important for mobile deployment (TensorFlow Lite)", says the deck, and the NCTU deck has a slide "Model
# Size Comparison (TensorFlow Lite)". TensorFlow Lite is now called LiteRT: the converter is still `tf.lite`, the
# interpreter that runs the file is the package `ai_edge_litert`. Our question: *what do the bytes, the latency and the
# accuracy of one network become, variant by variant?*
#
# The network classifies sprites, ten shapes cut out by their boxes as a detector would hand them over. Its inputs are
# preprocessed, as most networks' are: remember the function `preprocess`, it will return as a trap.

# %%
def preprocess(pictures):
    return 4 * pictures - 2  # from [0, 1] to [-2, 2]


def network(widths, units, size=16, seed=0):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((size, size, 3))]
    for width in widths:
        layers += [keras.layers.Conv2D(width, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(units, "relu"),
                             keras.layers.Dense(10)])


# %% tags=["demo"]
def cut_out(scenes):
    return tf.image.crop_and_resize(scenes.images, scenes.boxes, range(4000), (16, 16)).numpy()  # (4000, 16, 16, 3)


train, test = (sprites.draw(4000, size=16, seed=seed) for seed in seeds(7)[5:])
images, labels = tf.constant(preprocess(cut_out(train))), tf.constant(train.labels)  # (4000, 16, 16, 3), (4000,)
representative, test_images = images[:200].numpy(), preprocess(cut_out(test))  # (200, 16, 16, 3), (4000, 16, 16, 3)
plots.images(cut_out(test)[:8], [sprites.CLASSES[label] for label in test.labels[:8]])

# %% [markdown]
# One function trains everything below: the networks, their students, their quantized copies. All steps run inside one
# `tf.function`. Each batch is mirrored and transposed at random, which gives every sprite eight looks.

# %%
def trainer(model, loss_of, steps, rate, batch=50):
    """A function of weights to start from and a seed that trains `model` and returns its weights."""
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(model.trainable_variables)

    @tf.function
    def loop(rows, turns):
        for step in tf.range(steps):
            x = tf.gather(images, rows[step])  # (batch, 16, 16, 3)
            x = tf.where(turns[step, 0], x[:, ::-1], x)
            x = tf.where(turns[step, 1], x[:, :, ::-1], x)
            x = tf.where(turns[step, 2], tf.transpose(x, [0, 2, 1, 3]), x)
            with tf.GradientTape() as tape:
                loss = loss_of(x, tf.gather(labels, rows[step]))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    def run(start, seed):
        for variable, value in zip(model.trainable_variables, start, strict=True):
            variable.assign(value)
        for variable in [*optimizer.variables, *model.non_trainable_variables]:
            variable.assign(tf.zeros_like(variable))
        rng = np.random.default_rng(seed)
        loop(tf.constant(rng.integers(4000, size=(steps, batch))), tf.constant(rng.random((steps, 3)) < 0.5))
        return [variable.numpy() for variable in model.trainable_variables]

    return run


# %% [markdown]
# We train five networks of 160,298 parameters (641 kB in float32), to see what chance decides. Label smoothing keeps
# the logits small: a network that shouts gives its output tensor a wide range, hence a coarse grid.

# %% tags=["demo"]
def smooth_loss(y, logits):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(0.9 * tf.one_hot(y, 10) + 0.01, logits))


model = network([16, 32, 64], 512)
fit = trainer(model, lambda x, y: smooth_loss(y, model(x)), steps=300, rate=3e-3)
floats = [fit(network([16, 32, 64], 512, seed=seed).get_weights(), seed) for seed in seeds(5)]

# %% [markdown]
# ### One converter, four settings
#
# | variant | settings | weights | activations |
# |---|---|---|---|
# | float32 | none | float32 | float32 |
# | float16 | `optimizations`, `supported_types=[tf.float16]` | float16, widened when loaded | float32 |
# | dynamic range | `optimizations` | int8 | float32; inside a layer int8, range found picture by picture |
# | full int8 | `optimizations`, `representative_dataset`, int8 input and output | int8 | int8, ranges fixed beforehand |
#
# The signature has a batch of exactly one picture, as on a phone: with an unknown batch size the file keeps operations
# that compute shapes.

# %%
def to_tflite(model, **settings):
    """The file's bytes, for one picture at a time; `settings` are attributes of the converter."""
    function = tf.function(lambda pictures: model(pictures, training=False))
    traced = function.get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:])))
    holder = tf.Module()
    holder.parts = [variable.value for variable in model.variables]  # they become constants of the file
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], holder)
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


small = {"optimizations": [tf.lite.Optimize.DEFAULT]}
half = small | {"target_spec": tf.lite.TargetSpec(supported_types=[tf.float16])}
whole = small | {"inference_input_type": tf.int8, "inference_output_type": tf.int8}


def calibrated(pictures):
    """Settings of full int8; the converter runs the float model on these pictures and notes each tensor's range."""
    return whole | {"representative_dataset": lambda: ([picture[None]] for picture in pictures)}


# %% tags=["demo"]
model.set_weights(floats[0])
int8_file = to_tflite(model, **calibrated(representative))
interpreter = Interpreter(model_content=int8_file)

# %% [markdown]
# ### Exercise 1 (4 points): calibration with planted bugs
#
# The ranges come from batches of data. The observer keeps the least and the largest number of *all* batches; the range
# must contain 0; then int8 has 255 steps from $q = -128$ to $127$:
#
# $$S = \frac{\text{high} - \text{low}}{255}, \qquad Z = \operatorname{round}\left(-128 - \frac{\text{low}}{S}\right).$$
#
# Rounding $Z$ shifts ("nudges") the range by less than half a step, so that 0 is exactly on the grid. The function
# below is wrong in three places. Write it right.
#
# ```python
# def flawed_calibration(batches):
#     for batch in batches:
#         low, high = np.min(batch), np.max(batch)
#     scale = (high - low) / 256
#     return scale, int(np.round(-128 - low / scale))
# ```

# %% nbgrader={"grade": false, "grade_id": "calibration", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calibration(batches: list[np.ndarray]) -> tuple[float, int]:
    """Scale and zero point of int8 for the tensor of which `batches` (one array or more, of any shape) were seen."""
    ### BEGIN SOLUTION
    low = min(0.0, *(float(np.min(batch)) for batch in batches))
    high = max(0.0, *(float(np.max(batch)) for batch in batches))
    scale = (high - low) / 255
    return scale, int(np.round(-128 - low / scale))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "calibration_batches", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("low in the first batch, high in the second: the scale",
      calibration([np.array([-155.0, 3.0]), np.array([100.0, 2.0]), np.array([-1.0, 1.0])])[0], expected=1.0)
### BEGIN HIDDEN TESTS
cases = check.rng().normal(scale=3.0, size=(6, 3, 4, 6))  # 6 times 3 batches
check("any batches around 0: scale", [calibration(list(batches))[0] for batches in cases])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "calibration_zero", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("after ReLU, never 0 itself: [S, Z]", calibration([np.array([0.5, 2.0, 5.1])]), expected=[0.02, -128])
check("all negative: the zero point", calibration([np.array([-3.0, -2.0])])[1], expected=127)
### BEGIN HIDDEN TESTS
rng = check.rng()
cases = [calibration([rng.uniform(shift - 2, shift + 2, size=9)]) for shift in rng.uniform(-6, 6, size=8)]
check("one batch, data at any distance from 0: [S, Z]", cases)
### END HIDDEN TESTS

# %% [markdown]
# Your function against the converter. The interpreter lists each tensor with its type, shape, scale and zero point: all
# that there is to know about an int8 model can be read from the file. We feed the float network the 200 representative
# pictures layer by layer, and compare.

# %% tags=["demo"] waits=["calibration"]
tensors = [t for t in interpreter.get_tensor_details() if t["dtype"] == np.int8 and t["shape"][0] == 1]
theirs = list(dict.fromkeys(t["quantization"] for t in tensors))  # pooling keeps its input's scale and zero point
ours, x, highest = {"input": calibration([representative])}, tf.constant(representative), {}
for layer in model.layers:
    x = layer(x)  # (200, ...)
    if layer.weights:
        ours[f"layer {len(ours)}"] = calibration(np.split(x.numpy(), 20))
        highest[f"layer {len(highest) + 1}"] = np.maximum.accumulate(x.numpy().reshape(200, -1).max(axis=1))
plots.table(["tensor", "our scale", "our zero point", "the converter's scale", "its zero point"],
            [[name, *grid, *other] for (name, grid), other in zip(ours.items(), theirs, strict=True)])
plots.line(range(1, 201), highest, xlabel="representative pictures seen", ylabel="largest output so far", log="x")

# %% [markdown]
# Scales and zero points are the same, layer by layer. The picture follows the observers, picture by picture: how many
# representative pictures does it take? What the converter does, then:
#
# 1. It traces the model and turns variables into constants; operations become LiteRT's, and a bias, a ReLU, a folded
#    batch normalization are fused into the layer before.
# 2. It runs the float model on the representative data and keeps the range of each activation.
# 3. Weights become int8, symmetric ($Z = 0$), with one scale for each output channel; activations int8 with one $S, Z$
#    for the whole tensor; biases int32 with $S_\text{bias} = S_\text{input}\, S_\text{weight}$, the products' own unit.
# 4. Layers become integer kernels. Without int8 input and output types, a `QUANTIZE` at the start and a `DEQUANTIZE` at
#    the end keep the interface in floats.
#
# Some of the file's tensors. Look for the number of scales of a kernel, and for the zero points:

# %% tags=["demo"]
for t in interpreter.get_tensor_details():
    scales, zero_point = t["quantization_parameters"]["scales"], t["quantization"][1]
    print(f"{t['dtype'].__name__:6}{str(t['shape']):15}{len(scales):4} scales, Z = {zero_point:4}  {t['name'][-32:]}")

# %% [markdown]
# The grid in a picture: the weights of one channel of the second convolution, and below them the values that int8 and 4
# bits can put them on. Another channel has another, wider or narrower grid: that is what one scale a channel means.

# %% tags=["demo"]
channel = floats[0][2][..., 0].ravel()  # (3, 3, 16, 32) -> (144,)
largest = np.abs(channel).max()
plt.hist(channel, bins=40, color=plots.COLOURS[5])
plt.vlines(largest * np.arange(-127, 128) / 127, -0.9, -0.2, color=plots.COLOURS[6], linewidth=0.5)
plt.vlines(largest * np.arange(-7, 8) / 7, -2.1, -1.4, color=plots.COLOURS[1], linewidth=2)
plots.finish(plt.gca(), "weight", "weights in a bin", "Below: int8's 255 values (black), 4 bits' 15 (red)")

# %% [markdown]
# ### Running the file
#
# A float model takes the picture as it is. `get_input_details()[0]` is a dict with the tensor's `index`, `dtype` and
# `quantization`, the pair $(S, Z)$; `get_output_details()[0]` is its like at the other end.

# %%
def run_float(interpreter, pictures):
    """Outputs (n, outputs) for pictures (n, ...) fed one by one."""
    entry, leaving = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for picture in pictures:
        interpreter.set_tensor(entry["index"], picture[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(leaving["index"])[0])
    return np.array(outputs)


def interpreter_of(content, threads=1, **options):
    interpreter = Interpreter(model_content=content, num_threads=threads, **options)
    interpreter.allocate_tensors()
    return interpreter


# %% [markdown]
# ### Exercise 2 (4 points): feed an int8 model
#
# Do the same for a model whose input and output are int8. Quantize the pictures with the input's $(S, Z)$: round to the
# nearest code and keep to $-128 \ldots 127$ (a number beyond must saturate, not wrap around). Run, and turn the output
# codes into real numbers with the *output's* $(S, Z)$. `run_float` may help. A tiny model, four numbers in and three
# out, is there to try it on.

# %%
tiny = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
tiny.set_weights([np.linspace(-1, 1, 12).reshape(4, 3) ** 3, np.array([0.5, 0.0, -2.0])])
tiny_int8 = interpreter_of(to_tflite(tiny, **calibrated(np.float32(np.random.default_rng(0).uniform(-1, 2, (300, 4))))))


# %% nbgrader={"grade": false, "grade_id": "run_int8", "locked": false, "schema_version": 3, "solution": true, "task": false}
def run_int8(interpreter: Interpreter, pictures: np.ndarray) -> np.ndarray:
    """Outputs (n, outputs), real numbers, for real pictures (n, ...) fed one by one to an int8 model."""
    ### BEGIN SOLUTION
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    codes = np.clip(np.round(pictures / scale) + zero_point, -128, 127).astype(np.int8)
    scale, zero_point = interpreter.get_output_details()[0]["quantization"]
    return scale * (run_float(interpreter, codes).astype(np.float32) - zero_point)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "run_int8_inside", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
known = np.float32([[0, 0, 0, 0], [1, -0.5, 0.5, 1.5]])
check("within a few steps of the float model", run_int8(tiny_int8, known), expected=tiny(known), tolerance=0.05)
### BEGIN HIDDEN TESTS
inside = check.rng().uniform(-1, 2, size=(20, 4)).astype(np.float32)
check("any pictures inside the range", run_int8(tiny_int8, inside))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "run_int8_beyond", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("numbers beyond the range count as its end", run_int8(tiny_int8, np.float32([[3, 0, 0.5, -1.5]])),
      expected=tiny(np.float32([[2, 0, 0.5, -1]])), tolerance=0.05)
### BEGIN HIDDEN TESTS
beyond = check.rng().uniform(-4, 5, size=(20, 4)).astype(np.float32)
check("any pictures, many numbers beyond the range", run_int8(tiny_int8, beyond))
### END HIDDEN TESTS

# %% [markdown]
# Feeding floats to such a model raises an error. Feeding `pictures.astype(np.int8)` does not, and gives nonsense.
#
# ### Quantization-aware training
#
# Calibration rounds a network that never felt the grid. *Quantization-aware training* lets it: in the forward pass a
# number is put on the grid and taken back, still in floats (*fake quantization*),
#
# $$x \mapsto S\,(q - Z), \qquad q = \operatorname{clip}\left(\operatorname{round}(x / S) + Z\right).$$
#
# Its derivative is 0 almost everywhere, so nothing would learn. The *straight-through estimator* takes the rounding for
# the identity in the backward pass: the derivative is 1 where $x$ lies within the grid's range, and 0 beyond.
#
# ### Exercise 3 (4 points): fake quantization with a straight-through gradient
#
# Write it in TensorFlow operations, so that the tape finds this derivative. `tf.stop_gradient(t)` has the value of `t`
# and the derivative 0.

# %% nbgrader={"grade": false, "grade_id": "fake_quantize", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fake_quantize(x: tf.Tensor, scale: float, zero_point: int, bits: int = 8) -> tf.Tensor:
    """x (float32, any shape) on the grid of the codes -2**(bits - 1) ... 2**(bits - 1) - 1, as real numbers.

    The derivative is 1 between the real numbers of the lowest and the highest code, 0 outside.
    """
    ### BEGIN SOLUTION
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    inside = tf.clip_by_value(x, scale * (lowest - zero_point), scale * (highest - zero_point))
    return inside + tf.stop_gradient(scale * tf.round(inside / scale) - inside)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "fake_quantize_value", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
x = tf.linspace(-1.9, 1.5, 11)
check("2 bits, S = 0.5, Z = 0: TensorFlow's with range -1 to 0.5", fake_quantize(x, 0.5, 0, bits=2),
      expected=tf.quantization.fake_quant_with_min_max_args(x, -1.0, 0.5, num_bits=2))
check("2 bits, S = 0.5, Z = -1: range -0.5 to 1", fake_quantize(x, 0.5, -1, bits=2),
      expected=tf.quantization.fake_quant_with_min_max_args(x, -0.5, 1.0, num_bits=2))
### BEGIN HIDDEN TESTS
for bits, zero_point in [(8, -128), (8, 7), (4, -3), (3, 1)]:
    x = tf.constant(check.rng().normal(scale=2.0, size=(5, 8)), tf.float32)
    check(f"{bits} bits, zero point {zero_point}: values", fake_quantize(x, 4 / 2**bits, zero_point, bits))
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "fake_quantize_gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def gradient_at(x, *grid):
    """Gradient of the sum of fake_quantize(x)**2 / 2 at x (n,); 0 where there is none."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(fake_quantize(x, *grid) ** 2 / 2)
    return tape.gradient(total, x, unconnected_gradients="zero")


check("inside as if it were the identity, beyond nothing",
      gradient_at(tf.constant([-5.0, -0.9, 0.3, 5.0]), 0.5, 0, 2), expected=[0, -1, 0.5, 0])
### BEGIN HIDDEN TESTS
for bits, zero_point in [(8, -128), (8, 7), (4, -3), (3, 1)]:
    x = tf.constant(check.rng().normal(scale=2.0, size=24), tf.float32)
    check(f"{bits} bits, zero point {zero_point}: gradient", gradient_at(x, 4 / 2**bits, zero_point, bits))
### END HIDDEN TESTS

# %% [markdown]
# TensorFlow has the same function with a range in place of scale and zero point: the checks compare yours with it. From
# here on we use TensorFlow's, because the converter recognizes that operation and takes its range for the tensor's:
# such a model needs no representative data.
#
# The layer below wraps one of Keras'. Its kernel is put on a symmetric grid (`narrow_range`: codes -127 to 127), for a
# convolution with one range a channel; its output on a grid whose range an observer follows. The activation comes
# before the output's grid, since the converter will fuse it into the layer.

# %%
class Quantized(keras.layers.Layer):
    """A convolution or dense layer whose kernel (of `bits` bits) and output (of 8) are fake-quantized."""

    def __init__(self, layer, bits=8):
        super().__init__()
        self.layer, self.grid = layer, {"num_bits": bits, "narrow_range": True}
        self.low, self.high = (self.add_weight(shape=(), initializer="zeros", trainable=False) for _ in range(2))

    def call(self, x, training=False):
        kernel = self.layer.kernel
        if len(kernel.shape) == 4:
            end = tf.stop_gradient(tf.reduce_max(tf.abs(kernel), axis=(0, 1, 2)))  # (channels,)
            kernel = tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, -end, end, **self.grid)
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
        else:  # the converter takes one range only for a dense kernel
            end = tf.stop_gradient(tf.reduce_max(tf.abs(kernel)))
            x = x @ tf.quantization.fake_quant_with_min_max_vars(kernel, -end, end, **self.grid)
        x = self.layer.activation(x + self.layer.bias)
        if training:  # the observer: the range of all batches so far
            self.low.assign(tf.minimum(self.low, tf.reduce_min(x)))
            self.high.assign(tf.maximum(self.high, tf.reduce_max(x)))
        return tf.quantization.fake_quant_with_min_max_vars(x, self.low, self.high)


def quantization_aware(weights, bits=8):
    """The network with these weights, and fake quantization of its input, its kernels and its layers' outputs."""
    (inner := network([16, 32, 64], 512)).set_weights(weights)
    entry = keras.layers.Lambda(lambda x: tf.quantization.fake_quant_with_min_max_args(x, -2, 2))
    layers = [Quantized(layer, bits) if layer.weights else layer for layer in inner.layers]
    return keras.Sequential([keras.Input((16, 16, 3)), entry, *layers])


# %% [markdown]
# Sixty steps of fine-tuning from the float weights, at a tenth of the learning rate; then the conversion, for which the
# observers have found the ranges on the way.

# %% tags=["demo"]
aware, tuned = quantization_aware(floats[0]), []  # tuned: files
tune = trainer(aware, lambda x, y: smooth_loss(y, aware(x, training=True)), steps=60, rate=3e-4)
for seed, weights in zip(seeds(5), floats, strict=True):
    tune(weights, seed)
    tuned.append(to_tflite(aware, **whole))

# %% [markdown]
# ### The 8-bit student of a teacher
#
# The last candidate is made smaller before it is quantized: half the channels, trained on the soft targets of the float
# network at temperature $T = 4$ (notebook 1), then calibrated as above.

# %% tags=["demo"]
student = network([8, 16, 32], 64)


def soft_loss(x, y, temperature=4):
    wanted, got = (tf.nn.softmax(logits / temperature) for logits in (model(x), student(x)))  # (batch, 10) each
    return temperature**2 * tf.reduce_mean(keras.losses.kl_divergence(wanted, got))


learn = trainer(student, soft_loss, steps=300, rate=4e-3)
students = []  # files
for seed, weights in zip(seeds(5), floats, strict=True):
    model.set_weights(weights)  # the teacher
    student.set_weights(learn(network([8, 16, 32], 64, seed=seed).get_weights(), seed))
    students.append(to_tflite(student, **calibrated(representative)))

# %% [markdown]
# ### The table
#
# Accuracy is on 4,000 new sprites, for five networks of each kind; its change is paired with each one's float32
# parent. Latency is the median of 300 runs on one picture after warming up; the first run stands apart. Before you
# look: which file is the fastest, and does a second thread help?

# %%
def right(content):
    """Whether each test picture is classified right, (4000,)."""
    interpreter = interpreter_of(content)
    run = run_int8 if interpreter.get_input_details()[0]["dtype"] == np.int8 else run_float
    return run(interpreter, test_images).argmax(axis=1) == test.labels


def microseconds(call, runs=300):
    times = [time.perf_counter()]
    while len(times) < runs + 20:
        call()
        times.append(time.perf_counter())
    return round(1e6 * (times[1] - times[0])), round(1e6 * np.median(np.diff(times[20:])), 1)


# %% tags=["demo"] waits=["run_int8"]
variants = {"float32": [], "float16": [], "dynamic range": [], "full int8": []}
for weights in floats:
    model.set_weights(weights)
    for made, settings in zip(variants.values(), [{}, half, small, calibrated(representative)], strict=True):
        made.append(to_tflite(model, **settings))
variants |= {"quantization-aware int8": tuned, "int8 student of the teacher": students}
size = {name: len(made[0]) for name, made in variants.items()}  # bytes
accuracy = {name: 100 * np.array([right(content).mean() for content in made]) for name, made in variants.items()}
change = {name: stats.mean_interval(values - accuracy["float32"]) for name, values in accuracy.items()}
latency = {name: [microseconds(interpreter_of(made[0], threads).invoke) for threads in [1, 2]]
           for name, made in variants.items()}
plots.table(["variant", "bytes", "of float32", "accuracy (%)", "change", "first run (µs)", "1 thread", "2 threads"],
            [[name, size[name], size[name] / size["float32"], accuracy[name].mean(),
              "{:+.2f} ± {:.2f}".format(*change[name]), *one, two[1]] for name, (one, two) in latency.items()])

# %% tags=["demo"] waits=["run_int8"]
plots.scatter({f"{name}, {latency[name][0][1]} µs": (np.full(5, size[name] / 1000), accuracy[name]) for name in size},
              xlabel="file (kB)", ylabel="accuracy (%)", log="x")

# %% [markdown]
# Accuracy: int8 costs next to nothing here. The quantization-aware networks gain a little, if anything, and from
# sixty more steps, not from the grid. Bytes: 4, 2 and 1 for a parameter, and a few thousand for the graph, its names
# and its scales: a fixed cost that would spoil the ratios of a tiny network. Time: a picture takes some ten
# microseconds in any variant: there is little arithmetic to win on, and a second thread only has to be waited for.
# Compare Keras on the same picture, int8 without its *delegate* (XNNPACK, which takes over the operations that it
# knows, with vector instructions for each type), and a wide network (untrained), where arithmetic counts:

# %% tags=["demo"]
picture, compiled = tf.constant(test_images[:1]), tf.function(lambda x: model(x, training=False))
wide, enlarged = network([64, 128, 256], 256, size=48), representative.repeat(3, axis=1).repeat(3, axis=2)
plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
calls = {"Keras, predict_on_batch": lambda: model.predict_on_batch(picture),
         "Keras in a tf.function": lambda: compiled(picture).numpy(),
         "full int8 without XNNPACK": interpreter_of(int8_file, experimental_op_resolver_type=plain).invoke,
         "wide, float32": interpreter_of(to_tflite(wide)).invoke,
         "wide, full int8": interpreter_of(to_tflite(wide, **calibrated(enlarged))).invoke}
times = {name: microseconds(call, runs=100)[1] for name, call in calls.items()}
plots.table(["one picture, one thread", "median (µs)"], [[name, value] for name, value in times.items()])

# %% [markdown]
# ### When calibration fails
#
# Ways to convert the first network, each of which gives a valid file and no warning. Which of them harm, and how much?
# (ReLU lets us multiply channel $c$ of a convolution by any $s_c > 0$ and divide what reads it by $s_c$: the float
# function stays the same. The last two files are of a network rescaled so, with $s_c$ from $1/64$ to $64$.)

# %% tags=["demo"] waits=["run_int8"]
model.set_weights(floats[0])
uneven, (kernel, bias, reader, *others) = network([16, 32, 64], 512), floats[0]
factors = 2.0 ** np.linspace(-6, 6, 16)
uneven.set_weights([kernel * factors, bias * factors, reader / factors[:, None], *others])
outlier = representative.copy()
outlier[0, 0, 0, 0] = 255  # of 153,600 numbers
spoiled = {"full int8, calibrated on 200 pictures": int8_file,
           "calibrated without preprocess": to_tflite(model, **calibrated(cut_out(train)[:200])),
           "calibrated with one wrong number": to_tflite(model, **calibrated(outlier)),
           "channels rescaled, float32": to_tflite(uneven),
           "channels rescaled, full int8": to_tflite(uneven, **calibrated(representative))}
lost = {name: accuracy["float32"][0] - 100 * right(content).mean() for name, content in spoiled.items()}
plots.table(["conversion", "accuracy lost (points)"], [[name, value] for name, value in lost.items()])

# %% [markdown]
# Unprepared pictures tell the converter that no input is below 0, and all darker pixels are clipped. One number that
# escaped the preprocessing stretches the input's range until the pictures live on a few of its 256 codes. The rescaled
# network shows that *the function does not decide*: activations have one scale for the tensor, and quiet channels drown.
# Such channels come from folding batch normalization; choosing the $s_c$ that even them out is the cure (Nagel et al.
# 2019, "Data-Free Quantization").
#
# ### Fewer bits
#
# At 8 bits there is little for training to mend. At fewer there is: the kernels get 8 to 2 bits, rounded after training
# or fine-tuned on that grid for 100 steps (activations keep 8). Where do you expect rounding alone to break?

# %% tags=["demo"]
widths, rounded, mended = [8, 4, 3, 2], [], []
for bits in widths:
    aware = quantization_aware(floats[0], bits)
    tune = trainer(aware, lambda x, y: smooth_loss(y, aware(x, training=True)), steps=100, rate=1e-3)
    aware(representative, training=True)  # for the observers
    rounded.append(100 * (aware(test_images).numpy().argmax(axis=1) == test.labels).mean())
    tune(floats[0], seeds(1)[0])
    mended.append(100 * (aware(test_images).numpy().argmax(axis=1) == test.labels).mean())
plots.line(widths, {"quantization-aware training": mended, "rounded after training": rounded},
           xlabel="bits of a weight", ylabel="accuracy (%)")

# %% tags=["demo"] waits=["run_int8"]
claim(
    "tflite-quantization",
    measured={"bytes: " + ", ".join(size): list(size.values()),
              "accuracy (%), means of five": [values.mean() for values in accuracy.values()],
              "change by full int8, by quantization-aware int8 (points, 95% half-width)":
                  [*change["full int8"], *change["quantization-aware int8"]],
              "latency, one thread (µs)": [found[0][1] for found in latency.values()],
              "other latencies (µs): " + ", ".join(times): list(times.values()),
              "lost (points): " + "; ".join(lost): list(lost.values()),
              "weights of 8, 4, 3, 2 bits, rounded and trained (%)": rounded + mended},
    holds=0.2 < size["full int8"] / size["float32"] < 0.35 and 0.45 < size["float16"] / size["float32"] < 0.6
    and change["full int8"][0] - change["full int8"][1] > -1 and lost["calibrated without preprocess"] > 10
    and mended[2] - rounded[2] > 5,
    because="int8 is about a quarter of the size within a point of accuracy, when the calibration data are right",
)

# %% [markdown]
# Rounding alone is safe at 8 bits, begins to cost at 4 and loses much at 3, where a hundred steps on the grid bring
# nearly all of it back. At 2 bits (codes -1, 0, 1) so few steps are not enough. The gain at 8 bits is that of training
# on, as before.
#
# **How this could be wrong.** The controls must fail, and do: wrong calibration data cost many points. The five
# networks differ in their seeds only; sprites are easier than photographs. Latency is this processor's: on a phone the
# ratios are others, so measure there (`benchmark_model` is LiteRT's tool for it).
#
# **Often mistaken.** A `.keras` file with Adam's moments is three times what is deployed. Float16 halves the file but
# runs as float32 on a processor. The first run is no latency. The converter keeps a batch size that it does not know
# as operations on shapes: fix it. **Practice has moved on**: large language models keep activations in floats
# and round only weights, to 4 bits with one scale for each block of some tens of weights, choosing the codes so that the
# layer's *outputs* stay near (GPTQ, in Keras as `model.quantize("gptq")`).

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Full int8: a quarter of the bytes, accuracy nearly unchanged, if the representative data went through the same
#   preprocessing as the pictures will.
# - Weights get a scale for each output channel, activations one for the tensor: an outlier or a loud channel spoils it.
# - An int8 model has an interface too: quantize with the input's $(S, Z)$, read with the output's.
# - Fake quantization with a straight-through gradient lets training feel the grid. It is needed below 8 bits.
#
# ## At full scale
#
# | where | model | parameters | float32 and int8 |
# |---|---|---|---|
# | this laptop | three convolutions, sprites, 300 steps | 0.16 M | 0.64 and 0.17 MB |
# | one GPU | MobileNetV2 on ImageNet, quantization-aware fine-tuning of some epochs | 3.5 M | 14 and 3.5 MB or so |
# | the paper (Jacob et al. 2018) | ResNet-50, trained quantization-aware | 25.6 M | 102 and 26 MB or so |
#
# Next: notebook 4 asks how few bits each class of numbers can do with *during* training.

# %%
dlcourse.submit()
