# %% [markdown]
# # 4 · Model parallelism and pipelines
#
# *Large Scale Deep Learning*, session I, slides "Model Parallelism", "Asynchronous Data Parallelism - Pipelining", "Data
# and Model Parallelism Tradeoffs" and "DistBelief". *Applications* (Goodfellow 2018), slide "Distributed Implementations".
#
# **You should know** the backward pass of a layer (`backprop-one-layer`) and the data parallelism of notebooks 1 to 3
# (`tower-sgd`, `stale-gradients`). **You will have built** a network cut across four devices between its layers and
# within them, a pipeline with a thread for each stage, and a count of every byte that crosses a cut.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) Four towers hold a network of a million weights in float32 and average their gradients on one device,
#    which returns the mean. How many bytes travel in a step, and how does the batch enter?
# 2. (Week 1, notebook 6) A convolution and a dense layer have the same number of weights. Which has more outputs?
#
# <details><summary>Answers</summary>
#
# 1. Three towers send 4 MB and receive 4 MB: 24 MB. The batch does not enter: this is the strength of data parallelism.
# 2. The convolution, which uses each weight at every position. Outputs are what model parallelism sends.
#
# </details>

# %%
dlcourse.setup("week06/04_model_parallelism", seed=64, deterministic=False)

import queue
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, devices, plots

places = devices.logical_cpus(4)
tf.config.threading.set_intra_op_parallelism_threads(1)  # an operation keeps to one core
tf.config.experimental.set_device_policy("silent_for_int32")  # no operation may take floats from another device

# %% [markdown] topic="model-parallel"
# ## A network cut across devices
#
# "Cut up layers, distribute them onto multiple cores / devices / machines. Each cut adds several edges to your graph!
# Unless you have shared memory, this means a lot more **memory** and **data transfer**." (*Large Scale Deep Learning*,
# session I.) How much more? Our four devices are logical: one processor cut in four. TensorFlow keeps them apart,
# though. With the policy set above it refuses any operation whose float inputs stand on another device, so what
# crosses must pass through the function that counts.

# %%
sent = Counter()  # bytes, by what they were sent for


def copied(tensor, place, what):
    """The tensor on the device `place`; counted unless it is there already."""
    values = tensor.numpy()
    if not tensor.device.endswith(place):
        sent[what] += values.nbytes
    return put(values, place)


def put(values, place):
    with tf.device(place):
        return tf.constant(values)


# %% [markdown]
# One piece of a network computes its outputs where it stands, and later its gradient in the same place.

# %%
def on(place, function, *inputs):
    """function(*inputs) on the device `place`, and the function that takes its gradient there."""
    with tf.device(place), tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(*inputs)

    def back(gradient=None):
        with tf.device(place):
            return tape.gradient(outputs, inputs, gradient)

    return outputs, back


# %% [markdown]
# A layer reads its inputs as parts, in the order of their units. To cut *between* layers is to give each layer one
# device; to cut *within* a layer is to give each of several devices some columns of $W$, hence some of the units. A plan
# lists the devices of each layer.

# %%
def dense(weights, parts):
    inputs = tf.concat(parts, -1)
    return tf.reshape(inputs, (len(inputs), -1)) @ weights[0] + weights[1]  # (batch, columns)


def hidden(weights, parts):
    return tf.nn.relu(dense(weights, parts))


def total_loss(labels, weights, parts):
    return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.concat(parts, -1)))


def cut(weights, where):
    columns = [np.array_split(array, len(where), axis=-1) for array in weights]
    return {place: [put(part, place) for part in pair] for place, *pair in zip(where, *columns, strict=True)}


# %% [markdown]
# Forward, a layer's devices fetch all parts of its inputs. Backward, each of them returns its share of the inputs'
# gradient, and the shares are added where the part came from. That is all of model parallelism.

# %%
def gradients(images, labels, layers, plan):
    """Gradients of the summed loss, one [kernel, bias] a device, for each layer (function, kernel, bias)."""
    parts, tape, result = [put(images, plan[0][0])], [], []
    with_loss = [*zip(layers, plan, strict=True), ((partial(total_loss, labels),), plan[0][:1])]
    for index, ((function, *weights), where) in enumerate(with_loss):
        done = [on(place, function, columns, [copied(part, place, index) for part in parts])
                for place, columns in cut(weights, where).items()]
        tape.append((index, parts, [back for _, back in done]))
        parts = [outputs for outputs, _ in done]
    upstream = [None]
    for index, parts, backs in reversed(tape):
        pairs = [back(gradient) for back, gradient in zip(backs, upstream, strict=True)]
        result.insert(0, [of_weights for of_weights, _ in pairs])
        upstream = [added([of_parts[number] for _, of_parts in pairs], part.device, index)
                    for number, part in enumerate(parts) if index]  # nobody asks for the images' gradient
    return result[:-1]  # the loss has no weights


def added(tensors, place, what):
    arrived = [copied(tensor, place, what) for tensor in tensors]
    with tf.device(place):
        return tf.add_n(arrived)


# %% [markdown]
# Data parallelism is the other arrangement: each replica holds all the weights, takes a share of the batch, and the
# replicas' gradients are added on the first one's device and sent back.

# %%
def step(images, labels, layers, plans):
    """[kernel, bias, kernel, ...] of the gradient over a batch; one plan for each replica."""
    shares = zip(np.array_split(images, len(plans)), np.array_split(labels, len(plans)), plans, strict=True)
    replicas = [gradients(some, their_labels, layers, plan) for some, their_labels, plan in shares]
    result = []
    for index in range(len(layers)):
        tensors = list(zip(*(tf.nest.flatten(replica[index]) for replica in replicas), strict=True))
        totals = [added(copies, copies[0].device, index) for copies in tensors]
        for total, (_, *others) in zip(totals, tensors, strict=True):
            [copied(total, other.device, index) for other in others]
        result += [np.concatenate(totals[0::2], -1), np.concatenate(totals[1::2], -1)]  # the columns of all devices
    return result


# %% [markdown]
# The network: nine hidden layers of 448 units, built and initialized by Keras, which also gives the gradient of the
# uncut network. Four ways to run it: whole, two or three hidden layers on each device, a quarter of each layer on each device,
# four replicas. Before you look: which moves least at a batch of 256?

# %%
def reference(model, images, labels):
    with tf.GradientTape() as tape:
        loss = total_loss(labels, [], [model(images)])
    return tape.gradient(loss, model.trainable_variables)


def distance(some, others):
    """Largest difference of two lists of arrays, relative to the second's norm."""
    return max(np.linalg.norm(np.subtract(a, b)) / np.linalg.norm(b) for a, b in zip(some, others, strict=True))


images, _, labels, _ = data.digits(flat=True)  # (1347, 64)
images, labels = np.resize(images, (4096, 64)), np.resize(labels, 4096)  # some images again, to fill large batches
keras_layers = [tf.keras.layers.Dense(448, "relu") for _ in range(9)] + [tf.keras.layers.Dense(10)]
model = tf.keras.Sequential([tf.keras.Input((64,)), *keras_layers])
layers = [(hidden if layer.units > 10 else dense, *layer.get_weights()) for layer in keras_layers]
plans = {"uncut": [[["CPU:0"]] * 10], "between layers": [[[places[stage]] for stage in [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]]],
         "within layers": [[places] * 10], "4 replicas": [[[place]] * 10 for place in places]}

# %% [markdown]
# The slide "Data and Model Parallelism Tradeoffs" gives the orders: model parallelism sends "$O(\text{batch size} \times
# \#\text{ network edges})$ values", data parallelism "$O(\#\text{ weights})$". With $N$ devices, $n$ units a layer and
# $w$ weights, the code above should send
#
# $$\underbrace{2 B (N-1)\, n}_{\text{between layers}} \qquad \underbrace{2 B (N-1)\, n\, L}_{\text{within } L
# \text{ layers}} \qquad \underbrace{2 (N-1)\, w}_{\text{replicas}}$$
#
# values, apart from images and logits: forward and backward, to or from $N-1$ others. The *edges* are those of the
# tensors' graph. A unit's output crosses a cut once, however many weights read it on the other side.

# %% tags=["demo"]
batches, moved, differences = [16, 64, 256, 1024, 4096], {}, []
for name, replicas in plans.items():
    moved[name] = []
    for batch in batches:
        sent.clear()
        found = step(images[:batch], labels[:batch], layers, replicas)
        moved[name].append(sent.total() / 1e6)
        differences.append(distance(found, reference(model, images[:batch], labels[:batch])))
_, between, within, replicated = moved.values()
plots.line(batches, dict(list(moved.items())[1:]), xlabel="batch", ylabel="moved in a step (MB)", log="xy")

# %% tags=["demo"]
foreseen = model.count_params() / np.array([448, 9 * 448])  # weights over activations, between and within layers
counted = batches[-1] * replicated[-1] / np.array([between[-1], within[-1]])  # both costs are lines through the origin
claim("model-parallel",
      measured={"largest relative difference from the uncut network's gradient": max(differences),
                "crossover batch by the formulas: between layers, within layers": foreseen.round(),
                "crossover batch counted": counted.round(), "MB moved by replicas, any batch": sorted(set(replicated))},
      holds=max(differences) < 1e-5 and np.all(abs(counted / foreseen - 1) < 0.05) and len(set(replicated)) == 1
      and within[2] < replicated[2] < within[3] and between[3] < replicated[3] < between[4],
      because="every cut gives the uncut network's gradient; what it moves grows with the batch, and up to a batch "
              "near the width (within layers) or depth times the width (between layers) it is less than replicas move")

# %% [markdown]
# **How this could be wrong.** A tensor could slip by uncounted; the policy forbids it. The hub of our sums is a
# bottleneck that a ring avoids, with the same total. And bytes are not seconds: on one machine a copy costs next to
# nothing, over a network it may cost more than the layer.
#
# ### Exercise 1 (4 points): columns, then rows
#
# Cutting every layer by columns gathers every hidden activation. Megatron-LM (Shoeybi et al. 2019) cuts layers in
# pairs. For $Y = \mathrm{relu}(X W_1 + b_1)\, W_2 + b_2$ device $i$ holds some columns $W_1^{(i)}$, their biases
# $b_1^{(i)}$, and the *rows* of $W_2$ that read those units; $b_2$ exists once. Every device has $X$ and later
# $\partial Y$. What it computes is a term of a sum: of $Y$ forward and of $\partial X$ backward. Write both sums.

# %% nbgrader={"grade": false, "grade_id": "cut_pair", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cut_pair(inputs: np.ndarray, pieces: list, bias: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs Y (batch, m), and the gradient of the inputs (batch, n), from X (batch, n), b2 (m,) and dY (batch, m).

    pieces: for each device its columns of W1 (n, units), its part of b1 (units,) and its rows of W2 (units, m).
    """
    ### BEGIN SOLUTION
    outputs, of_inputs = bias, 0.0
    for columns, units_bias, rows in pieces:
        units = np.maximum(inputs @ columns + units_bias, 0)  # (batch, units)
        outputs = outputs + units @ rows  # (batch, m)
        of_inputs = of_inputs + (gradient @ rows.T * (units > 0)) @ columns.T  # (batch, n)
    return outputs, of_inputs
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cut_pair_forward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
one, zero = np.eye(1), np.zeros(1)
check("b2 once", cut_pair(one, [(2 * one, zero, one), (3 * one, zero, one)], zero + 10, one)[0], expected=[[15]])
check("each unit rectified", cut_pair(one, [(one, zero, one), (-2 * one, zero, one)], zero, one)[0], expected=[[1]])
### BEGIN HIDDEN TESTS
rng = check.rng()
pieces = [[rng.normal(size=shape) for shape in [(3, units), units, (units, 2)]] for units in [4, 1]]
check("any pair: outputs", cut_pair(rng.normal(size=(5, 3)), pieces, rng.normal(size=2), rng.normal(size=(5, 2)))[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "cut_pair_backward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
one, zero, five, seven = np.eye(1), np.zeros(1), 5 * np.eye(1), 7 * np.eye(1)
check("two shares in dX", cut_pair(one, [(one, zero, five), (one, zero, seven)], zero, one)[1], expected=[[5 + 7]])
check("nothing from a unit off", cut_pair(one, [(one, zero, five), (-one, zero, seven)], zero, one)[1], expected=[[5]])
### BEGIN HIDDEN TESTS
rng = check.rng()
pieces = [[rng.normal(size=shape) for shape in [(3, units), units, (units, 2)]] for units in [4, 1]]
check("any dX", cut_pair(rng.normal(size=(5, 3)), pieces, np.zeros(2), rng.normal(size=(5, 2)))[1])
### END HIDDEN TESTS

# %% [markdown]
# The hidden units never leave their device: a pair from $n$ over $h$ to $m$ units sends $2B(N-1)(n + m)$ values, two
# cuts by columns $2B(N-1)(n + h)$. In a transformer's block, with $h = 4n$ and $m = n$, that is 2 against 5, and two
# sums a block are all that is exchanged.

# %% [markdown] topic="pipelining"
# ## Pipelines
#
# Cut between layers, and one device works while three wait. A pipeline keeps them busy: the batch is cut into
# *micro-batches*, and a stage takes up the next while its neighbour works on the last. In GPipe (Huang et al. 2019) each
# stage runs all of them forward, then all backward. In *one forward, one backward* (1F1B, from PipeDream, Narayanan et
# al. 2019) it turns to the first gradient as soon as that can have arrived. A schedule is each stage's order of work.

# %%
def one_forward_one_backward(stage, depth, count):
    forward, backward = ([(kind, number) for number in range(count)] for kind in ["forward", "backward"])
    ahead = min(count, depth - stage)
    alternating = [piece for pair in zip(backward, forward[ahead:], strict=False) for piece in pair]
    return forward[:ahead] + alternating + backward[count - ahead:]


def gpipe(stage, depth, count):
    return [(kind, number) for kind in ["forward", "backward"] for number in range(count)]


# %% [markdown]
# The pipeline itself: a thread for each stage keeps to its order and waits for its neighbours at a queue. The losses are
# sums, so the micro-batches' gradients add up to the batch's; means would need weights when the parts differ in size.
#
# The slide's pipeline is asynchronous, "$W_{t+1} \leftarrow W_t - \alpha\, \partial W_{t-k}$ where k is the depth of the
# pipeline (# of layers or less)": nothing is flushed, and each backward piece updates the stage's weights. We count how
# many pieces go backward in a stage between a micro-batch's forward and its own backward piece: its $k$.

# %%
def pipeline(stages, schedule, micro_batches):
    """For each stage, a list of layers: gradients of each micro-batch, most micro-batches kept, staleness of each."""
    down, up = ([queue.SimpleQueue() for _ in stages] for _ in range(2))

    def work(stage):
        place, last = places[stage], stage == len(stages) - 1
        functions = [function for function, *_ in stages[stage]]
        weights = [[put(array, place) for array in pair] for _, *pair in stages[stage]]
        kept, changes, most, stale = {}, [], 0, []
        for kind, number in schedule(stage, len(stages), len(micro_batches)):
            images, labels = micro_batches[number]
            if kind == "forward":
                inputs = down[stage].get(timeout=60) if stage > 0 else put(images, place)
                outputs, back = on(place, partial(run, functions), weights, inputs)
                kept[number], most = (back, len(stale)), max(most, len(kept) + 1)
                if last:  # the loss sends its gradient back at once
                    up[stage].put(on(place, partial(total_loss, labels), [], [outputs])[1]()[1][0])
                else:
                    down[stage + 1].put(copied(outputs, places[stage + 1], ("forward", stage)))
            else:
                back, then = kept.pop(number)
                change, of_inputs = back(up[stage].get(timeout=60))
                if stage > 0:
                    up[stage - 1].put(copied(of_inputs, places[stage - 1], ("backward", stage)))
                changes.append(change)
                stale.append(len(stale) - then)  # as many went backward here meanwhile
        return changes, most, stale

    with ThreadPoolExecutor(len(stages)) as threads:
        return list(threads.map(work, range(len(stages))))


# %%
def run(functions, weights, inputs):
    for function, pair in zip(functions, weights, strict=True):
        inputs = function(pair, [inputs])
    return inputs


# %% [markdown]
# Eight micro-batches through four stages. Both schedules should give the batch's gradient and move what the cut moved
# before. What differs is how many micro-batches' activations a stage keeps for the backward pass.

# %% tags=["demo"]
micro_batches = list(zip(np.split(images[:256], 8), np.split(labels[:256], 8), strict=True))
stages, rows = [layers[:3], layers[3:5], layers[5:7], layers[7:]], []
for name, schedule in [("GPipe", gpipe), ("1F1B", one_forward_one_backward)]:
    sent.clear()
    changes, kept, stale = zip(*pipeline(stages, schedule, micro_batches), strict=True)
    totals = [sum(map(np.asarray, terms)) for stage in changes
              for terms in zip(*map(tf.nest.flatten, stage), strict=True)]
    rows.append([name, distance(totals, reference(model, images[:256], labels[:256])), sent.total() / 1e6,
                 str(kept), str(tuple(max(delays) for delays in stale))])
plots.table(["schedule", "difference from Keras' gradient", "MB moved", "kept by stage", "k by stage"], rows)

# %% [markdown]
# GPipe keeps all, 1F1B at most as many as stages are still to come. Its $k$ is 3 in the first stage and 0 in the last:
# the slide's "or less".
#
# To see where time goes, a simulation. Sending takes no time, all stages are equally fast, backward takes twice as long
# as forward, and a stage starts its next piece as soon as it can.

# %%
def simulate(schedule, depth, count):
    """(stage, kind, number, start, end) of all work on balanced stages."""
    took, orders = {"forward": 1, "backward": 2}, [schedule(stage, depth, count) for stage in range(depth)]

    @cache
    def end(stage, index):
        kind, number = orders[stage][index]
        giver = stage - 1 if kind == "forward" else stage + 1
        given = end(giver, orders[giver].index((kind, number))) if 0 <= giver < depth else 0
        return max(given, end(stage, index - 1) if index else 0) + took[kind]

    return [(stage, *piece, end(stage, index) - took[piece[0]], end(stage, index))
            for stage, order in enumerate(orders) for index, piece in enumerate(order)]


# %% [markdown]
# Light is forward, dark backward, blank idle; the number is the micro-batch's. Before you look: which ends first, GPipe
# or 1F1B?

# %% tags=["demo"]
_, axes = plt.subplots(3, figsize=(8.8, 6), sharex=True)
for ax, (title, schedule, count) in zip(axes, [
        ("GPipe: all forward, then all backward", gpipe, 8), ("one forward, one backward", one_forward_one_backward, 8),
        ("asynchronous: the next batch follows without a flush", one_forward_one_backward, 16)], strict=True):
    for stage, kind, number, start, end in simulate(schedule, 4, count):
        fill, ink = ("#BBD9EC", "black") if kind == "forward" else ("#0072B2", "white")
        ax.barh(stage + 1, end - start, left=start, color=fill, edgecolor="white", height=0.9)
        ax.text((start + end) / 2, stage + 1, number + 1, ha="center", va="center", color=ink, clip_on=True)
    ax.set(title=title, ylabel="stage", xlim=(0, 33), ylim=(4.6, 0.4), yticks=range(1, 5))
    ax.grid(visible=False)
axes[-1].set_xlabel("time (forward pieces)");

# %% [markdown]
# Neither. Both start and end together and are idle equally long: 1F1B saves memory, not time. Only the asynchronous
# schedule has no idle corner at the end, and pays with stale gradients (`stale-gradients`).
#
# ### Exercise 2 (4 points): how long does a batch take?
#
# "Limited by **depth of pipeline** and **balancing compute** between layers." Derive how much, for GPipe with $m$
# micro-batches, as drawn above but with stages that differ: stage $s$ takes $f_s$ for a forward and $b_s$ for a backward
# piece, and sending takes no time. When does the last stage end its last forward piece? From then on the same happens in
# the other direction. *Utilisation* is the time the stages spend working, over all the time they all have.

# %% nbgrader={"grade": false, "grade_id": "gpipe_time", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gpipe_time(forward: list[float], backward: list[float], micro_batches: int) -> tuple[float, float]:
    """Time of one batch, and the utilisation (between 0 and 1); forward and backward hold a time for each stage."""
    ### BEGIN SOLUTION
    time = sum(sum(phase) + (micro_batches - 1) * max(phase) for phase in [forward, backward])
    return time, micro_batches * sum(forward + backward) / (len(forward) * time)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gpipe_time_time", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one micro-batch: the stages work one after the other", gpipe_time([1, 2, 3], [4, 4, 1], 1)[0], expected=15)
check("a second micro-batch waits for the slowest stage", gpipe_time([1, 2, 3], [4, 4, 1], 2)[0], expected=15 + 3 + 4)
### BEGIN HIDDEN TESTS
check("any times", [gpipe_time(*times, 7)[0] for times in check.rng().uniform(1, 3, size=(4, 2, 5)).tolist()])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "gpipe_time_utilisation", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("8 micro-batches, 4 balanced stages: 8 / (8 + 4 - 1)", gpipe_time([1] * 4, [2] * 4, 8)[1], expected=8 / 11)
check("very many through stages of 1 and 3", gpipe_time([1, 3], [2, 6], 10**7)[1], expected=2 / 3)
### BEGIN HIDDEN TESTS
check("any utilisations", [gpipe_time(*times, 7)[1] for times in check.rng().uniform(1, 3, size=(4, 2, 5)).tolist()])
### END HIDDEN TESTS

# %% [markdown]
# Balanced stages give $m / (m + d - 1)$. Now the clock. Two cores are certain, so two stages run as real threads, the ten
# layers cut 5 | 5 (the first is small) and 7 | 3, against a single stage with all of them. Utilisation is the single
# stage's time over twice the pipeline's.

# %% tags=["demo"]
counts, cuts = [1, 2, 4, 8], [[layers], [layers[:5], layers[5:]], [layers[:7], layers[7:]]]
seconds = np.zeros((9, len(counts), len(cuts)))
for repeat, column, which in np.ndindex(seconds.shape):  # what is compared runs side by side
    batch = [np.split(array[:256 * counts[column]], counts[column]) for array in [images, labels]]
    began = time.perf_counter()
    pipeline(cuts[which], one_forward_one_backward, list(zip(*batch, strict=True)))
    seconds[repeat, column, which] = time.perf_counter() - began
even, uneven = (seconds[1:].min(axis=0)[:, :1] / (2 * seconds[1:].min(axis=0)[:, 1:])).T  # (counts,): fastest of eight

# %% [markdown]
# Left: the simulation of 1F1B against depth. Right: measured against your formula, with times in
# proportion to the stages' weights.

# %% tags=["demo"] waits=["gpipe_time"]
(left, right), depths, many = plots.panels(2), [2, 4, 8, 16], 2 ** np.arange(8)
simulated = [[3 * count / max(end for *_, end in simulate(one_forward_one_backward, depth, count))
              for count in many.tolist()] for depth in depths]
plots.line(many, {f"{depth} stages": values for depth, values in zip(depths, simulated, strict=True)},
           xlabel="micro-batches", ylabel="utilisation", title="simulated, balanced", log="x", ax=left)
work = [[sum(kernel.size for _, kernel, _ in stage) for stage in stages] for stages in cuts[1:]]  # weights: (2, 2)
ideal, ideal_uneven = ([gpipe_time(sizes, sizes, count)[1] for count in counts] for sizes in work)
plots.line(counts, {"5 | 5, measured": even, "5 | 5, formula": ideal, "7 | 3, measured": uneven,
                    "7 | 3, formula": ideal_uneven}, xlabel="micro-batches", ylabel="utilisation",
           title="two stages on two cores", log="x", ax=right)
right.set_ylim(0, 1);

# %% tags=["demo"] waits=["gpipe_time"]
formula = [many / (many + depth - 1) for depth in depths]  # (4, 8)
claim("pipelining", timing=True,
      measured={"simulated to depth 16: largest difference from m / (m + d - 1)": np.ptp([formula, simulated], 0).max(),
                "utilisation at 1, 2, 4, 8 micro-batches, cut 5 | 5: measured": even, "by formula": ideal,
                "cut 7 | 3: measured": uneven, "cut 7 | 3: by formula": ideal_uneven},
      holds=np.allclose(formula, simulated) and even[-1] > 1.15 * even[0] and even[-1] > 1.03 * uneven[-1],
      because="the measured utilisation rises with the number of micro-batches as the formula says, a little below it, "
              "and the unbalanced cut stays behind; what depth costs, formula and simulation agree on")

# %% [markdown]
# So the slide is right about both limits. Micro-batches cure the first, to a point: each must stay large enough to keep a
# core busy, and GPipe's memory grows with their number. Only another cut cures the second: the slowest stage of 7 | 3 has
# three quarters of the weights, which holds utilisation below two thirds for ever.
#
# **How this could be wrong.** The formula takes sending as free and Python as instant. The measurement does not, and
# stays below it: both threads share one Python interpreter. It needs two free cores; on a busy machine the right picture
# is flat. Depth beyond two is simulated, not measured.
#
# **Often mistaken.** 1F1B does not shorten the idle time. **Practice has moved on** to schedules that do: interleaved
# stages (Narayanan et al. 2021), and backward pieces split in two, "zero bubble" (Qi et al. 2023). The asynchronous
# pipeline is rarely used: it keeps old weights for each micro-batch, and its results depend on the depth.

# %% [markdown] topic="distbelief"
# ## Both at once
#
# "Joint Data Parallelism and Model Parallelism" (slide "DistBelief", Dean et al. 2012): replicas that are each cut over
# several machines. DistBelief's replicas met at a parameter server, asynchronously (notebook 3); ours add their
# gradients. A network with both kinds of layers on four devices: four replicas, two replicas each cut in two, one
# network cut in four. Which layer wants which?

# %%
def convolution(weights, parts):
    return tf.nn.relu(tf.nn.conv2d(tf.concat(parts, -1), weights[0], 1, "SAME") + weights[1])  # (batch, 8, 8, columns)


image_layer = partial(tf.keras.layers.Conv2D, kernel_size=3, padding="same", activation="relu")
small = tf.keras.Sequential([tf.keras.Input((8, 8, 1)), image_layer(16), image_layer(32), tf.keras.layers.Flatten(),
                             tf.keras.layers.Dense(256, "relu"), tf.keras.layers.Dense(10)])
arrays, pictures = small.get_weights(), images[:64].reshape(-1, 8, 8, 1)
small_layers = list(zip([convolution, convolution, hidden, dense], arrays[0::2], arrays[1::2], strict=True))
grids = {"4 replicas": [[[place]] * 4 for place in places], "cut in 4": [[places] * 4],
         "2 replicas, each cut in 2": [[places[:2]] * 4, [places[2:]] * 4]}

# %% tags=["demo"]
by_layer, unlike, wanted = {}, [], reference(small, pictures, labels[:64])
for name, replicas in grids.items():
    sent.clear()
    unlike.append(distance(step(pictures, labels[:64], small_layers, replicas), wanted))
    by_layer[name] = [sent[index] / 1e3 for index in range(4)]
by_layer["one weird trick"] = by_layer["4 replicas"][:2] + by_layer["cut in 4"][2:]
plots.table(["kB moved, batch 64", "convolution 1", "convolution 2", "dense 1", "dense 2", "sum"],
            [[name, *values, sum(values)] for name, values in by_layer.items()])

# %% [markdown]
# The layers disagree. The last row takes the kinds at their word, replicas for convolutions and a cut for dense layers:
# Krizhevsky's *one weird trick* (2014). Changing over costs nothing extra. Whether a device holds all units of some
# examples or some units of all examples, the others fetch the same number of values from it.
#
# ### Exercise 3 (4 points): what a layer moves
#
# A convolution reads `channels` images of side `side` and has `filters` filters with a bias each. Return how many values
# travel in a step, between all devices together, (i) when the layer is cut over its filters: every device has an equal
# part of the inputs, needs all of them, and returns each other device's share of the inputs' gradient; and (ii) with a
# replica on each device: the others send their gradients to one, which returns the sum. A dense layer is a convolution
# of side 1 and kernel 1.

# %% nbgrader={"grade": false, "grade_id": "layer_traffic", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer_traffic(batch: int, side: int, channels: int, kernel: int, filters: int, devices: int) -> tuple[float, float]:
    """Values moved in a step when the layer is cut over `devices` devices, and when each of them holds a replica."""
    ### BEGIN SOLUTION
    inputs, weights = batch * side**2 * channels, (kernel**2 * channels + 1) * filters
    return 2 * (devices - 1) * inputs, 2 * (devices - 1) * weights
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "layer_traffic_cut", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("dense 10 to 7, 2 devices, 5 examples: 50 inputs, twice", layer_traffic(5, 1, 10, 1, 7, 2)[0], expected=100)
check("3 devices: 9 inputs to two others, twice", layer_traffic(1, 3, 1, 2, 8, 3)[0], expected=36)
### BEGIN HIDDEN TESTS
check("any layers, cut", [layer_traffic(*sizes)[0] for sizes in check.rng().integers(2, 30, size=(4, 6)).tolist()])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "layer_traffic_replicas", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("dense 10 to 7, 2 replicas: 77 weights and biases, twice", layer_traffic(5, 1, 10, 1, 7, 2)[1], expected=154)
check("neither batch nor positions enter: 10 weights, twice", layer_traffic(9, 8, 1, 3, 1, 2)[1], expected=20)
### BEGIN HIDDEN TESTS
check("any replicas", [layer_traffic(*sizes)[1] for sizes in check.rng().integers(2, 30, size=(4, 6)).tolist()])
### END HIDDEN TESTS

# %% [markdown]
# With it, the batch from which replicas move less, for the layers of AlexNet (week 1, notebook 6). Its groups are left
# out: they are what remains of a cut over two GPUs that saved half of the exchange. Dashed: the paper's batch of 128.

# %% tags=["demo"] waits=["layer_traffic"]
alexnet = {"conv 1": (224, 3, 11, 96), "conv 2": (27, 96, 5, 256), "conv 3": (13, 256, 3, 384),
           "conv 4": (13, 384, 3, 384), "conv 5": (13, 384, 3, 256), "dense 1": (6, 256, 6, 4096),
           "dense 2": (1, 4096, 1, 4096), "dense 3": (1, 4096, 1, 1000)}
crossovers = {name: np.divide(*reversed(layer_traffic(1, *shape, 4))) for name, shape in alexnet.items()}
plots.bars(crossovers, ylabel="crossover batch", log="y")
plt.axhline(128, color="black", linestyle="--");

# %% tags=["demo"] waits=["layer_traffic"]
replicated, within, grid, _ = by_layer.values()
claim("distbelief",
      measured={"kB counted for convolution 2: replicas, grid, cut": [replicated[1], grid[1], within[1]],
                "kB counted for dense 1: replicas, grid, cut": [replicated[2], grid[2], within[2]],
                "AlexNet: batch from which replicas move less, by layer": list(crossovers.values())},
      holds=max(unlike) < 1e-5 and replicated[1] < within[1] and within[2] < replicated[2]
      and all((batch > 128) == name.startswith("dense") for name, batch in crossovers.items()),
      because="a convolution has few weights for its inputs and moves less as replicas, a dense layer moves less when "
              "cut; AlexNet's batch of 128 lies between the two groups' crossovers")

# %% [markdown]
# A layer's crossover is its weights over its inputs: for a dense layer the number of its *units*, for a convolution
# $\text{kernel}^2 \times \text{filters} / \text{positions}$. So "dense" is not the reason, size is: our own last layer,
# with ten units, would rather be replicated at a batch of 64.
#
# **How this could be wrong.** Bytes are not seconds: a cut waits for its exchange in every layer, replicas send while the
# backward pass still runs. The grid lies between the two here; near a crossover it can move less than either.
# **Practice has moved on.** Networks lost their large dense layers, and batches grew beyond these crossovers. Layers are
# cut today because they do not *fit*: within a machine, whose links are fast, with pipelines and replicas between machines.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Model parallelism sends activations, batch times the units at the cut; data parallelism sends weights. Divide one by
#   the other: that batch is the crossover.
# - Columns, then rows: two sums a pair of layers instead of a gather in each.
# - A balanced pipeline works $m / (m + d - 1)$ of the time, an unbalanced one less; 1F1B saves memory only.
#
# ## At full scale
#
# | where | what | how it is cut |
# |---|---|---|
# | this laptop | under two million weights | four logical devices; two stages on two cores |
# | one GPU | the same network, or AlexNet's 60 million weights | not at all: it fits, and nothing need be sent |
# | the paper (Dean et al. 2012) | about a billion weights on thousands of machines | replicas, each cut over many; a parameter server |
# | a cluster (Narayanan et al. 2021) | a trillion weights on 3,072 GPUs | columns and rows in a machine, pipelines and replicas between |

# %%
dlcourse.submit()
