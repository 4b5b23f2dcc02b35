# %% [markdown]
# # 2 · Long short-term memory
#
# *Large Scale Deep Learning*, session I, slides "LSTMs: Long Short-Term Memory Networks", "A Simple Model of Memory",
# "Key Idea: Make Your Program Differentiable" and "LSTM Cells as replacement for Recurrent Connections".
#
# **You should know** recurrent networks (`recurrent-network`), why their gradients vanish or explode
# (`vanishing-gradients`), and clipping (`gradient-clipping`). **You will have built** a memory program and its
# differentiable form, LSTM and GRU cells equal to Keras', a masked layer, and a network that remembers one symbol
# through 100 distracting ones, or does not, depending on one number at its start.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) In a linear recurrent network $h_t = R\, h_{t-1}$ with an orthogonal $R$, scaled by 0.9, how large is
#    the gradient with respect to the state 100 steps earlier?
# 2. (Week 2) Clipping the gradient's norm mends exploding gradients. Why not vanishing ones?
#
# <details><summary>Answers</summary>
#
# 1. $0.9^{100} \approx 3 \cdot 10^{-5}$ of the gradient now. An LSTM's forget gate is such a factor, and you will
#    compute where it must start.
# 2. Clipping rescales the whole gradient. What came from far away is still small *beside* what came from nearby, and in
#    a recurrent network the two are added up in the same weights.
#
# </details>

# %%
dlcourse.setup("week09/02_lstm_memory", seed=92)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds, stats

# %% [markdown] topic="lstm-memory"
# ## LSTM memory
#
# The deck says of recurrent networks that "they mostly don't work", then: "Thankfully, LSTMs... Took a long time to be
# recognized as 'RNNs done right': Terrible name. Look like a horribly over-engineered solution to the problem. But:
# Very effective at modeling long-term dependencies. Very sound theoretical and practical justifications." Its way
# to them begins with "A Simple Model of Memory", a machine with three instructions:
#
# > `WRITE X, M` · `READ M, Y` · `FORGET M`
#
# ### A program of three instructions
#
# One cell of memory; at each step a value X comes in and an instruction is carried out, possibly none.

# %%
def machine(program, values):
    """What each step prints, (steps,): the memory at READ, else 0. program: a list of instructions or ""."""
    memory, printed = 0.0, []
    for instruction, value in zip(program, values, strict=True):
        if instruction == "WRITE":
            memory = value
        if instruction == "FORGET":
            memory = 0.0
        printed.append(memory if instruction == "READ" else 0.0)
    return np.array(printed)


print(machine(["WRITE", "", "READ", "FORGET", "READ"], [7, 1, 2, 3, 4]))

# %% [markdown]
# "Key Idea: Make Your Program Differentiable." Each `if` becomes a factor between 0 and 1, a *gate*. Three of them do:
# how much of the value is written, how much of the memory is kept, how much is read. (The deck's F forgets when it
# is 1. What every library calls the *forget gate* keeps when it is 1.) `WRITE` replaces: it also stops keeping.

# %%
GATES = {"WRITE": (1, 0, 0), "READ": (0, 1, 1), "FORGET": (0, 0, 0), "": (0, 1, 0)}  # write, keep, read


def gated_machine(gates, values):
    """The same with gates (..., steps, 3) in [0, 1] and values (..., steps); printed (..., steps)."""
    memory, printed = 0.0, []
    for gate, value in zip(tf.unstack(gates, axis=-2), tf.unstack(values, axis=-1), strict=True):
        write, keep, read = tf.unstack(gate, axis=-1)
        memory = keep * memory + write * value
        printed.append(read * memory)
    return tf.stack(printed, axis=-1)


# %% [markdown]
# With gates of exactly 0 and 1 the two are the same machine. A sigmoid never gets there: $\sigma(\pm k)$ is
# $e^{-k}$ away for large $k$. We compare 200 random programs of 100 steps. The error should fall by $e$ for each unit
# of $k$; but from which $k$ on is it small at all? A value that is kept for $n$ steps is multiplied by $\sigma(k)^n
# \approx e^{-n e^{-k}}$, which is near 1 only when $k$ is well above $\ln n$.

# %%
rng = np.random.default_rng(seeds(1)[0])
programs = rng.choice(list(GATES), size=(200, 100), p=[0.02, 0.5, 0.02, 0.46])  # (programs, steps)
values = rng.normal(size=(200, 100))  # (programs, steps)
printed = np.array([machine(*pair) for pair in zip(programs, values, strict=True)])
discrete = np.array([[GATES[instruction] for instruction in program] for program in programs], float)
soft = {"0 and 1": discrete} | {f"σ(±{k})": tf.sigmoid(k * (2 * discrete - 1)) for k in [1, 2, 5, 10, 20]}
off = {name: np.abs(gated_machine(gates, values) - printed).max() for name, gates in soft.items()}
plots.table(["gates", "largest difference from the program"], [list(row) for row in off.items()])

# %% [markdown]
# What is gained is a gradient with respect to the *instructions*. We hide a program of 12 steps, show only what it
# prints for random values, and let gradient descent find gates that print the same. Each of 20 hidden programs begins
# with gates of $\tfrac12$: every instruction a little.

# %% tags=["demo"]
hidden = rng.choice(list(GATES), size=(20, 12), p=[0.25, 0.35, 0.1, 0.3])  # (programs, steps)
wanted = np.array([[GATES[instruction] for instruction in program] for program in hidden], np.float32)
shown, fresh = rng.normal(size=(2, 256, 12)).astype(np.float32)  # each (examples, steps)
logits, optimizer = tf.Variable(tf.zeros((20, 1, 12, 3))), keras.optimizers.Adam(0.1)


@tf.function(jit_compile=True)
def programs_loss(values):
    with tf.GradientTape() as tape:
        errors = gated_machine(tf.sigmoid(logits), values) - gated_machine(wanted[:, None], values)
        loss = tf.reduce_mean(errors**2, axis=[1, 2])  # (programs,)
    return loss, tape.gradient(loss, logits)


for _ in range(400):
    loss, gradient = programs_loss(shown)
    optimizer.apply([gradient], [logits])
errors = gated_machine(tf.round(tf.sigmoid(logits)), fresh) - gated_machine(wanted[:, None], fresh)
print("programs that print the same on values never shown:", (np.abs(errors).max(axis=(1, 2)) < 1e-6).sum(), "of 20")

# %% [markdown]
# ### The cell computes its own instructions
#
# "R, W, and F are 'control' connections that affect the state of the memory through a sigmoidal [0, 1] multiplicative
# gate. Gating behavior makes it possible for the memory cell to retain information longer and discard it quickly, while
# keeping the whole machine continuous and differentiable." An LSTM has a vector of memory cells $c$, and computes the
# gates of each from the input $x_t$ and from what it printed last, $h_{t-1}$. With $i$ for write, $f$ for keep and $o$
# for read, and a candidate $g$ to be written:
#
# $$(i, f, g, o) = x_t K + h_{t-1} R + b, \qquad c_t = \sigma(f) \odot c_{t-1} + \sigma(i) \odot \tanh(g),
# \qquad h_t = \sigma(o) \odot \tanh(c_t)$$
#
# Keras keeps the four side by side in one kernel of $4u$ columns for $u$ units, in this order: $i, f, g, o$.
#
# ### Exercise 1 (4 points): one step of an LSTM
#
# Write it with TensorFlow's functions (`@`, `tf.split`, `tf.sigmoid`, `tf.tanh`): your function will be compiled and
# trained. Columns are the last axis. Further axes in front (many networks at once) need no line of their own.

# %% nbgrader={"grade": false, "grade_id": "lstm_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lstm_step(x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor,
              bias: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The next h and c, each (..., batch, units), in this order.

    x (..., batch, features), h and c (..., batch, units), kernel (..., features, 4 units), recurrent
    (..., units, 4 units), bias (4 units,) or (..., 1, 4 units); the columns are i, f, g, o.
    """
    ### BEGIN SOLUTION
    i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)  # each (..., batch, units)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "lstm_step_memory", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
one, none = tf.ones((1, 1), tf.float64), tf.zeros((1, 4), tf.float64)
gates = tf.constant([np.log(3), -np.log(3), 50, 0])  # as weights of i, f, g, o: 3/4, 1/4, 1, 1/2
check("c: a quarter of the old 4 is kept, three quarters of 1 are written",
      lstm_step(one, one, 4 * one, none, none, gates)[1], expected=[[1.75]])
### BEGIN HIDDEN TESTS
arrays = [tf.constant(check.rng().normal(size=shape)) for shape in [(5, 2), (5, 3), (5, 3), (2, 12), (3, 12), (12,)]]
check("c, random", lstm_step(*arrays)[1])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "lstm_step_output", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("h: half of tanh of the new c, 1.75", lstm_step(one, one, 4 * one, none, none, gates)[0],
      expected=[[np.tanh(1.75) / 2]])
### BEGIN HIDDEN TESTS
shapes = [(7, 4, 2), (7, 4, 3), (7, 4, 3), (7, 2, 12), (7, 3, 12), (7, 1, 12)]
check("h, seven networks at once", lstm_step(*[tf.constant(check.rng().normal(size=shape)) for shape in shapes])[0])
### END HIDDEN TESTS

# %% [markdown]
# Beside Keras' cell, with random weights and biases: with fresh ones, whose biases are 0 and 1, an exchanged gate can
# hide. And a layer with a mask: where the mask is false, the step is not taken, state and output stay as they were.
# Padding in front, at the end and in the middle are then all the same.

# %%
def random_weights(cell, features):
    cell.build((None, features))
    cell.set_weights([rng.normal(size=w.shape) for w in cell.weights])
    return [tf.constant(w) for w in cell.get_weights()]


def difference(ours, theirs):
    return max(float(tf.reduce_max(tf.abs(a - b))) for a, b in zip(ours, theirs, strict=True))


x, h, c = tf.split(tf.random.normal((4, 20)), [6, 7, 7], axis=1)  # (4, 6), (4, 7), (4, 7)
sequences, mask = tf.random.normal((4, 9, 6)), tf.random.uniform((4, 9)) < 0.6  # (4, 9, 6), (4, 9)


# %% waits=["lstm_step"]
def lstm_layer(x, mask, weights, units):
    """Every h, (batch, time, units), of an LSTM over x (batch, time, features) with mask (batch, time)."""
    h = c = tf.zeros((len(x), units))
    every = []
    for t in range(x.shape[1]):
        (new_h, new_c), there = lstm_step(x[:, t], h, c, *weights), mask[:, t, None]
        h, c = tf.where(there, new_h, h), tf.where(there, new_c, c)
        every.append(h)
    return tf.stack(every, axis=1)


cell, layer = keras.layers.LSTMCell(7), keras.layers.LSTM(7, return_sequences=True)
apart = {"LSTM step": difference(lstm_step(x, h, c, *random_weights(cell, 6)), cell(x, [h, c])[1])}
weights = random_weights(layer.cell, 6)
layer.build((None, None, 6))
apart["LSTM layer with a mask"] = difference([lstm_layer(sequences, mask, weights, 7)], [layer(sequences, mask=mask)])

# %% [markdown]
# ### The gated recurrent unit
#
# Cho et al. (2014) keep one vector and two gates: the *update* gate $z$ mixes old and new, the *reset* gate $r$ says
# how much of the old counts for the candidate. Keras' default (`reset_after=True`, the form that runs fast on GPUs)
# has two biases, one for each product, and three blocks of columns in the order $z, r, g$:
#
# $$a = x_t K + b, \quad a' = h_{t-1} R + b', \qquad z = \sigma(a_z + a'_z), \quad r = \sigma(a_r + a'_r), \quad
# g = \tanh(a_g + r \odot a'_g), \quad h_t = z \odot h_{t-1} + (1 - z) \odot g$$
#
# ### Exercise 2 (4 points): two planted bugs
#
# This one does not agree with Keras' cell. In a fresh cell, whose biases are all zero, one of its two bugs cannot be
# seen at all. Find both and write the function without them.

# %%
def faulty_gru_step(x, h, kernel, recurrent, bias, recurrent_bias):
    (r_input, z_input, g_input), (r_previous, z_previous, g_previous), (r_bias, z_bias, g_bias) = [
        tf.split(columns, 3, axis=-1) for columns in (x @ kernel + bias, h @ recurrent, recurrent_bias)]
    z = tf.sigmoid(z_input + z_previous + z_bias)
    r = tf.sigmoid(r_input + r_previous + r_bias)
    g = tf.tanh(g_input + r * g_previous + g_bias)
    return z * h + (1 - z) * g


cell = keras.layers.GRUCell(7)
*matrices, biases = random_weights(cell, 6)  # (6, 21), (7, 21), (2, 21)
difference([faulty_gru_step(x, h, *matrices, *biases)], [cell(x, h)[0]])

# %% nbgrader={"grade": false, "grade_id": "gru_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gru_step(x: tf.Tensor, h: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor,
             recurrent_bias: tf.Tensor) -> tf.Tensor:
    """The next h, (..., batch, units), as Keras computes it.

    x (..., batch, features), h (..., batch, units), kernel (..., features, 3 units), recurrent
    (..., units, 3 units), both biases (3 units,) or (..., 1, 3 units); the columns are z, r, g.
    """
    ### BEGIN SOLUTION
    z_input, r_input, g_input = tf.split(x @ kernel + bias, 3, axis=-1)
    z_previous, r_previous, g_previous = tf.split(h @ recurrent + recurrent_bias, 3, axis=-1)
    z, r = tf.sigmoid(z_input + z_previous), tf.sigmoid(r_input + r_previous)
    return z * h + (1 - z) * tf.tanh(g_input + r * g_previous)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gru_step_gates", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
bias = tf.constant([-np.log(3), np.log(3), 50])  # z, r, g: 1/4, 3/4, 1
check("no recurrent bias: a quarter of the old 4, three quarters of the new 1",
      gru_step(one, 4 * one, none[:, :3], none[:, :3], bias, none[:, :3]), expected=[[1.75]])
### BEGIN HIDDEN TESTS
arrays = [tf.constant(check.rng().normal(size=shape)) for shape in [(5, 2), (5, 3), (2, 9), (3, 9), (9,)]]
check("no recurrent bias, random", gru_step(*arrays, tf.zeros(9, tf.float64)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "gru_step_reset", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("z and r are 1/2, recurrent bias of g is 1, nothing else: half of tanh of what the reset gate lets through",
      gru_step(one, 0 * one, none[:, :3], none[:, :3], none[:, :3], tf.constant([0.0, 0.0, 1.0], tf.float64)),
      expected=[[np.tanh(0.5) / 2]])
### BEGIN HIDDEN TESTS
gate, candidate = check.rng().normal(size=(2, 7, 3))  # the same columns for z and r
columns = np.concatenate([gate, gate, candidate], axis=-1)  # (7, 9)
arrays = [*check.rng().normal(size=(2, 5, 3)), columns[:3], columns[3:6], columns[6], columns[0]]
check("z and r alike, random", gru_step(*map(tf.constant, arrays)))
### END HIDDEN TESTS

# %% waits=["gru_step"]
apart["GRU step"] = difference([gru_step(x, h, *matrices, *biases)], [cell(x, h)[0]])
apart

# %% [markdown]
# ### How far a gradient reaches
#
# Along the memory, $\partial c_t / \partial c_{t-1} = \operatorname{diag}(\sigma(f_t))$ plus what goes round through
# $h_{t-1}$ and the gates. So over a distance $n$ the direct path multiplies the gradient by the product of $n$ forget
# gates. At the start the gates are near $\sigma(b_f)$, whatever comes in:
#
# $$b_f = 0:\; 2^{-100} \approx 10^{-30} \qquad b_f = 1:\; \sigma(1)^{100} \approx 2.5 \cdot 10^{-14} \qquad
# b_f = \ln T:\; \sigma(\ln T)^T = \Big(\frac{T}{T+1}\Big)^T \approx \frac{1}{e}$$
#
# Bias 1 is Keras' default (`unit_forget_bias`), after Jozefowicz et al. (2015). Bias $\ln T$ is from Tallec and
# Ollivier (2018): a memory that shall last $T$ steps must start with a forget gate of $1 - 1/(T + 1)$.
#
# ### Exercise 3 (4 points): the bias from the time
#
# At which forget bias $b$ does the direct path leave a share `left` of the gradient after `steps` steps? Solve
# $\sigma(b)^n = s$ for $b$. It must still be right for a million steps, and exact for one.

# %% nbgrader={"grade": false, "grade_id": "forget_bias", "locked": false, "schema_version": 3, "solution": true, "task": false}
def forget_bias(steps: int, left: float) -> float:
    """The bias at which `steps` forget gates of sigmoid(bias) multiply to `left`, which is between 0 and 1."""
    ### BEGIN SOLUTION
    return -np.log(np.expm1(-np.log(left) / steps))  # 1 / gate = left**(-1 / steps) = 1 + exp(-bias)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "forget_bias_half_life", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("half is left after one step", forget_bias(1, 0.5), expected=0.0)
check("half is left after two steps", forget_bias(2, 0.5), expected=np.log(np.sqrt(0.5) / (1 - np.sqrt(0.5))))
### BEGIN HIDDEN TESTS
check("half-life of 2 to 40 steps", [forget_bias(int(steps), 0.5) for steps in check.rng().integers(2, 40, size=4)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "forget_bias_left", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("(100/101)**100 is left after 100 steps", forget_bias(100, (100 / 101) ** 100), expected=np.log(100))
### BEGIN HIDDEN TESTS
pairs = zip(check.rng().integers(1, 10**6, size=4), check.rng().uniform(0.01, 0.99, size=4), strict=True)
check("any steps, any share left", [forget_bias(int(steps), left) for steps, left in pairs])
### END HIDDEN TESTS

# %% waits=["forget_bias"]
plots.table(["distance (steps)", "ln T", "bias for 1/e left", "bias for 1/2 left", "bias for 0.9 left"],
            [[steps, np.log(steps), *(forget_bias(steps, left) for left in [1 / np.e, 0.5, 0.9])]
             for steps in [1, 10, 100, 1000, 1_000_000]])

# %% [markdown]
# ### What comes back in a real network
#
# That was the direct path. To see all of it we add a probe of zeros to the memory after each step and ask for the
# gradient of the last memory (in a random direction) with respect to each probe. The networks are fresh and as Keras
# starts them (Glorot's kernel, orthogonal recurrent weights), except for the bias of the forget gate.
#
# Many networks run as one: every weight has a further axis in front, and your steps do not mind.

# %%
SYMBOLS, BATCH, SEEDS = 8, 32, seeds(5)
COLUMNS = {"LSTM": 4, "GRU": 3, "tanh": 1}  # blocks of columns in the kernel


def fresh_network(seed, kind, bias):
    """Kernel, recurrent kernel, readout, readout's bias, and the cell's own biases, drawn as Keras draws them."""
    rng, columns, units = np.random.default_rng(seed), len(bias), len(bias) // COLUMNS[kind]
    kernel, readout = [rng.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape))  # Glorot
                       for shape in [(SYMBOLS + 1, columns), (units, SYMBOLS)]]
    orthogonal = np.linalg.qr(rng.normal(size=(columns, units)))[0].T  # (units, columns)
    biases = [bias[None]] if kind != "GRU" else [bias[None], np.zeros((1, columns))]
    return [tf.cast(w, tf.float32) for w in [kernel, orthogonal, readout, np.zeros((1, SYMBOLS)), *biases]]


def stacked(networks):
    return [tf.stack(parts) for parts in zip(*networks, strict=True)]  # each (networks, ...)

# %% [markdown]
# The inputs are those of the task that follows: at step 0 a symbol with a flag, then other symbols without one. Each
# of five seeds has weights and examples of its own; all contestants of a seed see the same examples.

# %%
def task(step, distance, copies):
    """Symbols (runs, distance + 1, BATCH), inputs (distance + 1, runs, BATCH, SYMBOLS + 1), runs = copies * seeds."""
    shape = (len(SEEDS), distance + 1, BATCH)
    symbols = tf.random.stateless_uniform(shape, [SEEDS[0] % 2**31, step], maxval=SYMBOLS, dtype=tf.int32)
    symbols = tf.tile(symbols, [copies, 1, 1])  # (runs, distance + 1, BATCH)
    flags = tf.one_hot(tf.zeros_like(symbols[:, 0]), distance + 1, axis=1)  # 1 at step 0
    inputs = tf.concat([tf.one_hot(symbols, SYMBOLS), flags[..., None]], axis=-1)
    return symbols, tf.transpose(inputs, [1, 0, 2, 3])


# %% [markdown]
# Before you look: the paths through $h$ and the gates are left out of the formula. Will the measured gradient be above
# its line, or below?

# %% tags=["demo"] waits=["lstm_step"]
T, starts = 100, {"bias 0": 0, "bias 1": 1, "bias ln 100": np.log(100)}
networks = [tf.cast(w, tf.float64) for w in stacked([
    fresh_network(seed, "LSTM", np.repeat([0, bias, 0, 0], 16)) for bias in starts.values() for seed in SEEDS])]
inputs = tf.cast(task(0, T, len(starts))[1], tf.float64)
direction, probes = rng.normal(size=16) / 4, tf.zeros((T + 1, 15, BATCH, 16), tf.float64)


def reach(path):
    """Size of the gradient at each distance, (T + 1, starts, seeds); what h passes on goes through `path`."""
    h = c = probes[0]
    with tf.GradientTape() as tape:
        tape.watch(probes)
        for t in range(T + 1):
            h, c = lstm_step(inputs[t], path(h), c, *networks[:2], networks[4])
            c += probes[t]
        last = tf.reduce_sum(c * direction)
    size = tf.norm(tape.gradient(last, probes), axis=-1)[::-1]  # (distance, runs, BATCH)
    return tf.reshape(tf.reduce_mean(size, axis=-1), (T + 1, len(starts), len(SEEDS))).numpy()


# %% tags=["demo"] waits=["lstm_step"]
paths, distances = {"direct path": reach(tf.stop_gradient), "all paths": reach(tf.identity)}, np.arange(T + 1)
for ax, (path, size) in zip(plots.panels(2), paths.items(), strict=True):
    plots.line(distances, dict(zip(starts, size.transpose(1, 2, 0), strict=True)), log="y", title=path, ax=ax,
               xlabel="distance (steps)", ylabel="gradient at the memory")
    for bias in starts.values():
        ax.plot(distances, (1 + np.exp(-bias)) ** -distances, color="black", linewidth=0.8)
    ax.set_ylim(1e-32, 1e5)
slopes = {path: np.log(size[-1] / size[20]).mean(axis=1) / 80 for path, size in paths.items()}  # (starts,)
plots.table(["start", "ln σ(b)", *(f"{path}: ln of the factor a step" for path in paths), "all paths: left after 100"],
            [[name, -np.log1p(np.exp(-bias)), *(slope[k] for slope in slopes.values()), size[-1, k].mean()]
             for k, (name, bias) in enumerate(starts.items())])

# %% [markdown]
# The thin black lines are $\sigma(b)^n$. On the left the gradient may not pass through $h$ (`tf.stop_gradient`), and
# the network keeps to its line, or a little above: the mean over examples favours those whose gates open wider. All
# paths together lose less, because the recurrent weights add to what the gates let through; with $\ln 100$ the
# gradient even grows. With bias 1 a symbol 100 steps back still counts for next to nothing.

# %% [markdown]
# ### Recall at a distance of 100
#
# "This translates into much better stability in training and modeling of much longer-range interactions compared to a
# RNN." We test it: a network sees a symbol with a flag, then 100 random symbols without, and must name the first. There
# are 8, so chance is 12.5%. Nothing is hard here but the distance and the distractors.

# %%
def next_state(kind, w, x, *state):
    if kind == "tanh":
        return (tf.tanh(x @ w[0] + state[0] @ w[1] + w[4]),)
    return lstm_step(x, *state, *w[:2], *w[4:]) if kind == "LSTM" else (gru_step(x, *state, *w[:2], *w[4:]),)


def answers(kind, w, inputs):
    """Logits (runs, BATCH, SYMBOLS) after the last of the inputs (time, runs, BATCH, features)."""
    time, runs, batch, _ = inputs.shape
    start = [tf.zeros((runs, batch, w[2].shape[1]))] * (2 if kind == "LSTM" else 1)
    _, h, *_ = tf.while_loop(lambda t, *_: t < time, lambda t, *s: (t + 1, *next_state(kind, w, inputs[t], *s)),
                             [0, *start], maximum_iterations=time)
    return h @ w[2] + w[3]


# %% [markdown]
# Adam, written out (`rmsprop` has its derivation), because each of the stacked networks has its own learning rate and
# its own clipping to norm 1. One compiled function makes a step of all of them.

# %%
def train(kind, networks, rates, distance, steps):
    """Share of right answers before each step, (steps, runs), and the trained weights; rates (runs,)."""
    weights = [tf.Variable(w) for w in networks]
    means, squares = [[tf.Variable(tf.zeros_like(w)) for w in weights] for _ in range(2)]
    rates = tf.constant(rates, tf.float32)[:, None, None]

    @tf.function(jit_compile=True)
    def step(number):
        symbols, inputs = task(number, distance, len(rates) // len(SEEDS))
        w, n = [tf.convert_to_tensor(v) for v in weights], tf.cast(number + 1, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(w)
            logits = answers(kind, w, inputs)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(symbols[:, 0], logits) / BATCH  # (runs, BATCH)
        gradients = tape.gradient(loss, w)
        norm = tf.sqrt(sum(tf.reduce_sum(g**2, axis=[1, 2], keepdims=True) for g in gradients))
        for v, g, mean, square in zip(weights, gradients, means, squares, strict=True):
            g /= tf.maximum(norm, 1.0)
            mean.assign(0.9 * mean + 0.1 * g)
            square.assign(0.999 * square + 0.001 * g**2)
            v.assign_sub(rates * mean / (1 - 0.9**n) / (tf.sqrt(square / (1 - 0.999**n)) + 1e-7))
        right = tf.argmax(logits, axis=-1, output_type=tf.int32) == symbols[:, 0]
        return tf.reduce_mean(tf.cast(right, tf.float32), axis=1)

    return tf.stack([step(tf.constant(number)) for number in range(steps)]).numpy(), weights

# %% [markdown]
# The contestants have 1,700 to 1,800 weights each, see the same examples for 300 steps, and of each the best learning
# rate counts. Two of the LSTM's starts say something about the write gate too: $b_f = \ln T$ with $b_i = -\ln T$ keeps
# long and writes little, and the *chrono* start of Tallec and Ollivier spreads the time scales, $b_f = \ln U(1, T - 1)$
# and $b_i = -b_f$. A GRU has one gate for both: if it keeps $T / (T + 1)$, it writes $1 / (T + 1)$.
#
# Predict before you run: which of these start to learn at all, and which of them finish?

# %%
def chrono_bias(seed, units, longest):
    spread = np.log(np.random.default_rng(seed).uniform(1, longest - 1, size=units))
    return np.concatenate([-spread, spread, np.zeros(2 * units)])


def recall(kind, starts, rates, distance, steps=300):
    """{start: share of right answers (rates, seeds, steps)}, and the weights; a start is a bias, or one a seed."""
    biases = [np.broadcast_to(start, (len(SEEDS), start.shape[-1])) for start in starts.values() for _ in rates]
    networks = stacked([fresh_network(*each) for bias in biases for each in zip(SEEDS, [kind] * 5, bias, strict=True)])
    each_rate = np.tile(np.repeat(rates, len(SEEDS)), len(starts))  # (runs,): starts, then rates, then seeds
    right, weights = train(kind, networks, each_rate, distance, steps)
    return dict(zip(starts, right.T.reshape(len(starts), len(rates), len(SEEDS), steps), strict=True)), weights


def at_best_rate(right):
    """The curves (seeds, steps) at the rate whose mean over seeds and the last 50 steps is the best."""
    return right[right[:, :, -50:].mean(axis=(1, 2)).argmax()]


# %% tags=["demo"] waits=["lstm_step", "gru_step"]
far = np.log(T)
lstm_starts = {"forget 1": np.repeat([0, 1, 0, 0], 16), "forget ln T": np.repeat([0, far, 0, 0], 16),
               "forget ln T, write -ln T": np.repeat([-far, far, 0, 0], 16),
               "chrono": np.stack([chrono_bias(seed, 16, T) for seed in SEEDS])}
gru_starts, plain = {"keep 0": np.zeros(54), "keep ln T": np.repeat([far, 0, 0], 18)}, {"tanh": np.zeros(34)}
runs = {"LSTM": recall("LSTM", lstm_starts, [0.003, 0.03], T), "GRU": recall("GRU", gru_starts, [0.01, 0.03], T),
        "tanh": recall("tanh", plain, [0.003, 0.01, 0.03], T), "tanh at 10": recall("tanh", plain, [0.003, 0.01], 10),
        "LSTM at 10": recall("LSTM", {"forget 1": lstm_starts["forget 1"]}, [0.003, 0.03], 10)}
curves = {kind: {start: at_best_rate(right) for start, right in run[0].items()} for kind, run in runs.items()}

# %% tags=["demo"] waits=["lstm_step", "gru_step"]
for ax, kind in zip(plots.panels(3, 3), ["LSTM", "GRU", "tanh"], strict=True):
    for index, (start, right) in enumerate(curves[kind].items()):
        smooth = right.reshape(len(SEEDS), -1, 10).mean(axis=2)  # (seeds, points)
        ax.plot(np.arange(5, 300, 10), smooth.T, color=plots.COLOURS[index], linestyle=plots.DASHES[index],
                label=[start] + [None] * (len(SEEDS) - 1), linewidth=1.2)
    ax.axhline(1 / SYMBOLS, color="black", linewidth=0.8)
    ax.set(xlabel="step", ylabel="right answers", ylim=(0, 1.5), yticks=np.linspace(0, 1, 6), title=kind)
    ax.legend(loc="upper left")
final = {f"{kind}: {start}" if kind != start else kind: right[:, -50:].mean(axis=1)
         for kind, group in curves.items() for start, right in group.items()}  # each (seeds,)
plots.table(["network", "right answers, last 50 steps", "worst seed", "best seed"],
            [[name, values.mean(), values.min(), values.max()] for name, values in final.items()])

# %% [markdown]
# Without the bias nothing happens in 300 steps: neither the LSTM with Keras' default nor the GRU leaves chance. With
# $\ln T$ in the forget gate alone they start, and are slow: what keeps for 100 steps also piles up what 100
# distractors write. With little writing besides, most arrive. The GRU's single gate does both, and it arrives first,
# with every seed. The tanh network's orthogonal weights let some gradient through, so with some seeds it is above
# chance; but it has no means to keep the distractors out.
#
# The control: at a distance of 10 the same LSTM with bias 1 (with nearly all seeds) and the same tanh network learn the
# task in as many steps. What fails at 100 is the distance.
#
# How does a network that has solved it remember? One fresh sequence in the best of the LSTMs that began with
# $b_f = \ln T$, $b_i = -\ln T$: its gates and its memory, a row for each unit. When was the symbol written?

# %% tags=["demo"] waits=["lstm_step", "gru_step"]
seed = runs["LSTM"][0]["forget ln T, write -ln T"][1, :, -50:].mean(axis=1).argmax()  # the best at rate 0.03
w = [weight[2 * 10 + 5 + seed] for weight in runs["LSTM"][1]]  # runs: 4 starts, 2 rates, 5 seeds
h = c = tf.zeros((BATCH, 16))
story = []
for x in task(10**6, T, 1)[1][:, 0]:  # (BATCH, features), fresh examples
    i, f, _, _ = tf.split(x @ w[0] + h @ w[1] + w[4], 4, axis=-1)
    h, c = lstm_step(x, h, c, *w[:2], w[4])
    story.append([tf.sigmoid(i[0]), tf.sigmoid(f[0]), tf.tanh(c[0])])
story = np.array(story).transpose(1, 2, 0)  # (write, keep, memory) x (units, steps)
for ax, picture, name in zip(plots.panels(3, 3), story, ["write gate", "forget gate", "tanh of memory"], strict=True):
    shown = ax.imshow(picture, aspect="auto", cmap="cividis", vmin=-1 if "memory" in name else 0, vmax=1)
    ax.set(xlabel="step", ylabel="unit", title=name)
    ax.grid(visible=False)
    plt.colorbar(shown, ax=ax)

# %% tags=["demo"] waits=["lstm_step", "gru_step", "forget_bias"]
good, gated = final["LSTM: forget ln T, write -ln T"], final["GRU: keep ln T"]
ahead = stats.mean_interval(good - final["LSTM: forget 1"]), stats.mean_interval(good - final["tanh"])
claim(
    "lstm-memory",
    measured={"largest difference from Keras: " + ", ".join(apart): list(apart.values()),
              "gates of σ(±20): difference from the program": off["σ(±20)"],
              "log of the gradient, a step, bias 0, 1, ln 100: direct path": slopes["direct path"],
              "all paths": slopes["all paths"],
              **{f"right at 100: {name}": values.mean() for name, values in final.items() if "at 10" not in name},
              "ln T less bias 1, and less tanh: difference and 95% half-width": [*ahead[0], *ahead[1]],
              "at distance 10: tanh, LSTM with bias 1": [final[name].mean() for name in list(final)[-2:]]},
    holds=max(apart.values()) < 1e-5 and good.mean() > 0.8 and gated.mean() > 0.9 and ahead[0][0] > ahead[0][1]
    and ahead[1][0] > ahead[1][1] and final["LSTM: forget 1"].mean() < 0.5 and final["tanh"].mean() < 0.5,
    because="gates that start by keeping T steps and writing little learn it; an LSTM's forget bias alone is too slow",
)

# %% [markdown]
# At step 0 a few write gates open, for that step. Some units then hold what was written to the end, as the deck's
# machine would. In others it is a small trace, which the network amplifies over the next 20 to 40 steps until they
# stand at -1 or 1: bits, latched. Bits wear well: distractors still move write gates, but of units that are full, where
# $\tanh$ is flat. The forget gates, which began at 0.99, stay near 1.
#
# **How this could be wrong.** The distance is fixed and known, so $T$ is too; for a range of distances there is the
# chrono start, which here spends half its units on shorter ones. 300 steps are a budget, not a limit: bias 1 may get
# there later. A tanh network is not the best that can be had without gates: rectifiers that begin as the identity (Le
# et al. 2015) are made for such tasks. And each start had two or three learning rates, not its very best.
#
# **Often mistaken.** A forget gate of 1 forgets nothing. `unit_forget_bias=True` sets its bias to 1: enough for some
# ten steps. And the bias is only the start: it is trained like every weight. **Practice has moved on.** Attention reads
# any earlier step directly, at a distance of one (notebook 4), and transformers dropped the recurrence altogether
# (week 10). Where LSTMs are still trained, layer normalization of the gates' sums makes them steadier (Ba et al. 2016).
# The idea came back in state-space models, whose decay rates begin spread over time scales, as chrono's do.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - An LSTM is a memory program whose instructions are computed and lie between 0 and 1. "Forget" gates keep.
# - Layouts differ: Keras has $i, f, g, o$ and $z, r, g$. Compare with *random* biases; zero biases hide mistakes.
# - A forget bias $b$ keeps about $e^b$ steps. For a distance of $T$ start with $\ln T$, and with little writing.
# - In a GRU one bias does both.
#
# ## At full scale
#
# | where | what | distance | weights | training |
# |---|---|---|---|---|
# | this laptop | 16 units, recall of one symbol | 100 | 1,800 | 300 steps of 32 sequences, seconds |
# | one GPU | the same code, or `keras.layers.LSTM(128)` with its bias set | 1,000 | 70,000 | minutes to hours |
# | the paper (Tallec and Ollivier 2018) | 128 units, copying ten symbols | 500 and 2,000 | 70,000 | hours |
#
# Next: notebook 3 joins two such networks, an encoder and a decoder, and translates with them.

# %%
dlcourse.submit()
