# %% [markdown]
# # 3 · Asynchronous SGD
#
# *Applications* (Goodfellow 2016, 2018), slide "Distributed Implementations". *Large Scale Deep Learning*, session I,
# slides "Asynchronous Data Parallelism - Pipelining" and "Fully Asynchronous Data Parallelism".
#
# **You should know** synchronous data parallelism (`tower-sgd`) and what a straggler costs it (`sync-limits`). **You
# will have built** a parameter server with two real workers whose gradients' staleness is measured, a simulation of 64
# workers, the stability limit of delayed descent, and a lock-free SGD that loses updates.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 2) Two workers average their gradients before each step, and one of them is paused for a second. What
#    does the other one do meanwhile?
# 2. (Week 1, notebook 3) Plain gradient descent on $L(w) = \tfrac12 h w^2$: for which learning rates $\alpha$ does it
#    converge?
#
# <details><summary>Answers</summary>
#
# 1. It waits: the step ends when the last gradient has arrived. Today nobody waits, and we ask what that costs instead.
# 2. $w_{t+1} = (1 - \alpha h) w_t$, so for $0 < \alpha h < 2$. With a late gradient the limit is lower, and you will
#    compute it.
#
# </details>

# %%
dlcourse.setup("week06/03_asynchronous", seed=63)

import heapq
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import keras
import matplotlib.pyplot as plt
import numba
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, cluster, data, plots, seeds, stats
from scipy.special import log_softmax

# %% [markdown] topic="async-sgd"
# ## Asynchronous SGD
#
# In 2016 the slide read "Data parallelism ... Asynchronous SGD at train time". In 2018 it read "Synchronous or
# asynchronous". *Large Scale Deep Learning* says what the second word means: "Run N training loops in parallel. Share
# the weights between training loops.
#
# $$W_{t+1} \leftarrow W_t - \alpha\, \partial W_{t-k}$$
#
# k is now $O(N)$, potentially very large. k is effectively unbounded if one training loop is slower than the others."
#
# We measure $k$, the *staleness* of an update: how many updates of others landed between reading the weights and
# writing the result. The weights live on a parameter server, and beside them a counter, their version.
# `ResourceCountUpTo` raises it and returns what it was in one operation there, so no two updates get the same number.

# %%
def training_loop(model, version, images, labels, rate=0.1, batch=512):
    """A function that trains for some seconds; it returns a log (updates, 3) of loop, version read, version written."""
    weights = [variable.value for variable in model.trainable_variables]
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def train(loop, seconds, duration):
        log, end = tf.TensorArray(tf.int64, size=0, dynamic_size=True, element_shape=(3,)), tf.timestamp() + seconds
        while tf.timestamp() < end:
            read = version.read_value()
            with tf.control_dependencies([read]), tf.GradientTape() as tape:  # the weights are read after the version
                until = tf.timestamp() + duration
                rows = tf.random.uniform((batch,), maxval=len(images), dtype=tf.int32)
                loss = loss_of(tf.gather(labels, rows), model(tf.gather(images, rows)))
            gradients = tape.gradient(loss, weights)
            until = tf.while_loop(lambda until: tf.timestamp() < until, lambda until: [until], [until])  # waits
            with tf.control_dependencies(until):
                updates = [w.assign_sub(rate * g) for w, g in zip(weights, gradients, strict=True)]
            with tf.control_dependencies(updates):
                written = 1 + tf.raw_ops.ResourceCountUpTo(resource=version.handle, limit=2**62, T=tf.int64)
            log = log.write(log.size(), tf.stack([loop, read, written]))
        return log.stack()  # (updates, 3)

    return train


# %% [markdown]
# One script, four processes. Workers and server wait for orders; the chief creates the variables, which
# `ParameterServerStrategy` places on the server, and schedules loops on whichever worker is free. (`model.fit` does not
# run under this strategy in Keras 3; a step of one's own does.) In the last two parts a worker and the server are
# killed: which of the two will the training survive? Before that, loop 1 becomes slow. (A gradient of this small
# network is done in milliseconds; each loop waits until 0.02 s or more have passed since its reading, which a larger
# network would take.)

# %%
def parameter_server_job():
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if resolver.task_type in ("worker", "ps"):
        tf.distribute.Server(resolver.cluster_spec(), job_name=resolver.task_type, task_index=resolver.task_id).join()
    keras.utils.set_random_seed(int(sys.argv[1]))
    images, _, labels, _ = (tf.constant(part) for part in data.digits(flat=True))  # (1347, 64), ..., (1347,)
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    with strategy.scope():
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(512, "relu"), keras.layers.Dense(10)])
        version = tf.Variable(0, dtype=tf.int64)
    train = training_loop(model, version, images, labels)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    for part, loops, seconds, slow in [
            ("warm-up", 2, 0.2, 0.02), ("both take 0.02 s", 2, 2.0, 0.02), ("one takes 0.1 s", 2, 1.5, 0.1),
            ("one takes 0.6 s", 2, 1.9, 0.6), ("worker killed", 4, 0.5, 0.02), ("server killed", 2, 5.0, 0.02)]:
        print(json.dumps({"begins": part}), flush=True)
        before = int(version.numpy())
        logs = [coordinator.schedule(train, args=(tf.constant(loop, tf.int64), tf.constant(seconds, tf.float64),
                                                  tf.constant(slow if loop else 0.02, tf.float64)))
                for loop in range(loops)]
        try:
            coordinator.join()
        except tf.errors.UnavailableError as error:
            print(json.dumps({"part": part, "error": type(error).__name__}), flush=True)
            break
        loss = keras.losses.sparse_categorical_crossentropy(labels, model(images), from_logits=True)
        print(json.dumps({"part": part, "updates": int(version.numpy()) - before, "loss": float(tf.reduce_mean(loss)),
                          "log": np.concatenate([log.fetch() for log in logs]).tolist()}), flush=True)


# %% [markdown]
# The notebook plays the misfortune. (`wait_for` would report a member's death as an error: `chief_says` does not.)

# %% tags=["demo"]
def chief_says(members, text, patience=30):
    """Wait until the chief has printed the text, whoever else is dead."""
    end = time.monotonic() + patience
    while time.monotonic() < end and not any(text in line for line in members.output("chief")):
        time.sleep(0.05)


with tempfile.TemporaryDirectory() as folder:
    script = cluster.write_script(f"{folder}/parameter_server.py", parameter_server_job)
    with cluster.Cluster(script, workers=2, servers=1, chief=True, arguments=seeds(1), seconds=150) as members:
        members.wait_for("chief", '"begins": "worker killed"')
        for part, victim in {"worker killed": "worker 1", "server killed": "server 0"}.items():
            chief_says(members, f'"begins": "{part}"')
            time.sleep(0.3)
            members.kill(victim)
        chief_says(members, '"error"')
        parts = {line.pop("part"): line for line in map(json.loads, members.output("chief")) if "part" in line}
logs = {part: np.array(line.pop("log")) for part, line in parts.items() if "log" in line}  # each (updates, 3)

# %% [markdown]
# ### Exercise 1 (4 points): how stale was each update?
#
# A row of the log is (loop, version read, version written). Version $v$ is the weights after $v$ updates in all; an
# update that finds version 7 writes version 8. Rows stand in no particular order. Return the staleness of each update,
# that is, how many updates *of others* landed between its reading and its writing, and each loop's mean staleness.

# %% nbgrader={"grade": false, "grade_id": "staleness", "locked": false, "schema_version": 3, "solution": true, "task": false}
def staleness(log: np.ndarray, loops: int) -> tuple[np.ndarray, np.ndarray]:
    """Staleness of each update, (updates,), and its mean for each loop, (loops,).

    log has shape (updates, 3): loop (0 to loops - 1), version read, version written. Each loop has updates.
    """
    ### BEGIN SOLUTION
    each = log[:, 2] - log[:, 1] - 1
    return each, np.array([each[log[:, 0] == loop].mean() for loop in range(loops)])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "staleness_each", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two loops in turn, sorted by loop: all but the first are one late",
      staleness(np.array([[0, 0, 1], [0, 1, 3], [1, 0, 2], [1, 2, 4]]), 2)[0], expected=[0, 1, 1, 1])
### BEGIN HIDDEN TESTS
for loops in [2, 5]:
    log = np.stack([np.arange(40) % loops, *np.sort(check.rng().permutation(80).reshape(2, 40), axis=0)], axis=1)
    check(f"any log of {loops} loops: each update", staleness(log, loops)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "staleness_mean", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a fast loop and a slow one: their means",
      staleness(np.array([[0, 0, 1], [0, 1, 2], [0, 2, 3], [1, 0, 4]]), 2)[1], expected=[0, 3])
### BEGIN HIDDEN TESTS
for loops in [3, 4]:
    log = np.stack([np.arange(50) % loops, *np.sort(check.rng().permutation(100).reshape(2, 50), axis=0)], axis=1)
    check(f"any log of {loops} loops: means", staleness(log, loops)[1])
### END HIDDEN TESTS

# %% [markdown]
# ### Why the mean is $N - 1$
#
# Count pairs: an update that lands, and another loop's gradient that is in flight at that moment, read but not yet
# written. Each such pair makes that gradient staler by one. If every loop has a gradient in flight all the time, each
# update meets $N - 1$ of them, so the staleness adds up to $N - 1$ per update, *however the speeds are spread*. A loop
# that rests between writing and reading lowers the mean; nothing raises it. Before you look: one loop becomes
# slower and slower. What happens to the mean, and what to the maximum?

# %% tags=["demo"] waits=["staleness"]
late = {part: staleness(log, log[-1, 0] + 1)[0] for part, log in logs.items()}
plots.table(["part", "updates on the server", "reported", "mean staleness", "largest", "loss after it"],
            [[part, parts[part]["updates"], len(logs[part]), each.mean(), int(each.max()), parts[part]["loss"]]
             for part, each in late.items()])
print("server killed:", parts["server killed"]["error"])
plots.scatter({part: (logs[part][:, 2], late[part]) for part in list(parts)[1:4]}, xlabel="version written",
              ylabel="staleness (updates)")
plt.yscale("symlog", linthresh=1)

# %% [markdown]
# Of two loops alike most updates are none or one late; the mean is a little below $N - 1 = 1$, because between its
# write and its next read a loop has nothing in flight. The slow loop's few updates are late in proportion to its
# slowness: by all that the other one did meanwhile. The other's are fresh, and the mean stays.
#
# The killed worker did not stop the training. Its loop was given to the other worker and run again from its start; the
# updates that it had made already stay in the weights, though no log reports them. So a scheduled function may run
# more than once. Without its server the job fails at once, since the weights were nowhere else: keep checkpoints.
#
# Sixty-four workers do not fit on this machine; their order of events does. The assumptions: reading and writing take
# no time, a loop reads again as soon as it has written, and a gradient takes half to one and a half times its loop's
# mean duration.

# %%
def simulated_log(loops, updates, rng, slowness=1.0):
    """Log (updates, 3) of `loops` training loops, loop 0 `slowness` times slower, as the real one."""
    duration = [slowness] + [1.0] * (loops - 1)
    landings = [(duration[loop] * rng.uniform(0, 1.5), loop) for loop in range(loops)]  # each (time, loop)
    heapq.heapify(landings)
    read, log = [0] * loops, []
    for written in range(1, updates + 1):
        now, loop = landings[0]
        log.append((loop, read[loop], written))
        read[loop] = written
        heapq.heapreplace(landings, (now + duration[loop] * rng.uniform(0.5, 1.5), loop))
    return np.array(log)


# %% tags=["demo"] waits=["staleness"]
rng = np.random.default_rng(seeds(1)[0])
by_count = {loops: staleness(simulated_log(loops, 8000, rng), loops)[0] for loops in [2, 8, 64]}
by_slowness = {factor: staleness(simulated_log(8, 8000, rng, factor), 8)[0] for factor in [1, 2, 4, 8, 16, 32, 64]}
plots.line(list(by_slowness), {"largest": [run.max() for run in by_slowness.values()],
                               "mean": [run.mean() for run in by_slowness.values()]},
           xlabel="slowness of one of 8 loops (times)", ylabel="staleness (updates)", log="xy")

# %% tags=["demo"] waits=["staleness"]
alike, slow, slower = (late[part] for part in list(parts)[1:4])
claim(
    "async-sgd",
    measured={"both take 0.02 s: mean": alike.mean(), "one takes 0.1, 0.6 s: mean": [slow.mean(), slower.mean()],
              "largest": [alike.max(), slow.max(), slower.max()],
              "simulated mean at N = 2, 8, 64": [run.mean() for run in by_count.values()],
              "one of 8 slower by 1, 64: mean": [by_slowness[factor].mean() for factor in [1, 64]],
              "largest of 8": [by_slowness[factor].max() for factor in [1, 64]]},
    holds=all(0.5 < run.mean() < 1.1 for run in [alike, slow, slower]) and slower.max() > 2 * slow.max()
    and all(abs(run.mean() / (loops - 1) - 1) < 0.05 for loops, run in [*by_count.items(), (8, by_slowness[64])])
    and by_slowness[64].max() > 10 * by_slowness[1].max(),
    because="a slow loop leaves the mean near N - 1 and makes the largest staleness grow in proportion",
)

# %% [markdown]
# **How this could be wrong.** The simulation's mean is a theorem under its assumptions; that the real one comes near it
# is not, and it falls short where messages take long beside gradients. Both workers, the server and the chief share
# this machine's cores.
#
# **Often mistaken.** "Asynchronous" does not mean that all gradients are equally late. The slow loop's are very late
# and few; the others' are a little fresher. **Practice has moved on**: synchronous steps with spare workers reached
# better accuracy sooner (Chen et al. 2016, "Revisiting Distributed Synchronous SGD"). Parameter servers remain where
# updates are sparse, as in recommenders.

# %% [markdown] topic="stale-gradients"
# ## Stale gradients
#
# "Stale gradients from $k$ steps ago are less efficient per step. Often means the learning rate needs to be reduced."
# (*Large Scale Deep Learning*, session I, on pipelining, where every gradient is exactly $k$ steps old.) No cluster is
# needed to see it: we keep the last $k$ weights and ask for the gradient at the oldest.

# %%
def delayed_sgd(gradient, weights, rate, delay, steps):
    """Yield the weights after each step of SGD whose gradients are `delay` steps old."""
    history = [weights] * (delay + 1)  # W[t-delay] ... W[t]
    for _ in range(steps):
        weights = weights - rate * gradient(history[0])
        history = [*history[1:], weights]
        yield weights


# %% [markdown]
# The work is a softmax classifier of digits. Its loss is convex, so whatever goes wrong below is the delay's doing.

# %%
images, _, labels, _ = data.digits(flat=True)  # (1347, 64), (450, 64), (1347,), (450,)
targets = np.eye(10, dtype=np.float32)[labels]  # (1347, 10)


def loss_and_gradient(weights, rows):
    """Mean cross-entropy of the rows and its gradient; weights (64, 10), rows (batch,) of indices or a slice."""
    inputs, wanted = images[rows], targets[rows]
    log = log_softmax(inputs @ weights, axis=1)  # (batch, 10)
    return -(wanted * log).sum(axis=1).mean(), inputs.T @ (np.exp(log) - wanted) / len(inputs)


def steps_to_target(rate, delay, seed, target=0.35, limit=600):
    """Number of steps until the training loss is below the target; infinity if it never is."""
    rng, start = np.random.default_rng(seed), np.zeros((64, 10), np.float32)
    descent = delayed_sgd(lambda weights: loss_and_gradient(weights, rng.integers(len(images), size=64))[1],
                          start, rate, delay, limit)
    for step, weights in enumerate(descent, 1):
        if step % 5 == 0 and loss_and_gradient(weights, slice(None))[0] < target:
            return step
    return np.inf


# %% [markdown]
# Look along a row for what the delay does at one rate, and down the columns for the rate that is best at each delay.

# %% tags=["demo"]
delays, rates = [0, 1, 2, 4, 8, 16], [0.25, 0.5, 1.0, 2.0]
steps = np.array([[[steps_to_target(rate, delay, seed) for seed in seeds(5)] for delay in delays] for rate in rates])
plots.heat(np.median(steps, axis=-1), rows=("learning rate", rates), columns=("delay $k$ (steps)", delays),
           label="steps to a loss of 0.35")
growth = stats.mean_interval(np.minimum(steps[3, 4], 600) - steps[3, 0])  # paired: the same minibatches
best = np.array(rates)[steps.argmin(axis=0)]  # (delays, seeds)
claim(
    "stale-gradients",
    measured={"steps at rate 2, k = 0 and 8": np.median(steps[3, [0, 4]], axis=1), "growth, 95% half-width": growth,
              "steps at rate 0.25, k = 0, 8 and 16": np.median(steps[0, [0, 4, 5]], axis=1),
              "best rate at k = 0, and at k = 16": np.median(best[[0, 5]], axis=1)},
    holds=growth[0] - growth[1] > np.median(steps[3, 0]) and (best[5] < best[0]).all()
    and np.median(steps[0, 5]) < 0.8 * np.median(steps[3, 5]) and np.median(steps[0, 4]) < 1.2 * np.median(steps[0, 0]),
    because="the boldest rate suffers most from the delay; the most timid one hardly notices a delay of 8",
)

# %% [markdown]
# So the sentence holds, with a footnote: rate and delay hurt *together*. A rate that is timid enough does not notice
# the delay; a bold one overshoots, because $k$ more steps are taken before the first is felt. **How this could be
# wrong.** The delay is constant and there is no momentum. A random delay acts like momentum itself (Mitliagkas et al.
# 2016, "Asynchrony begets Momentum"), so lower the momentum before the rate.
#
# ### Exercise 2 (4 points): when does delayed descent diverge?
#
# On $L(w) = \tfrac12 h w^2$ the delayed step is $w_{t+1} = w_t - \alpha h\, w_{t-k}$. Try $w_t = \lambda^t$: it solves
# the recurrence when $\lambda^{k+1} - \lambda^k + \alpha h = 0$. Descent converges when every root has modulus below 1.
# Write the function below; `np.roots` takes the coefficients, highest power first.

# %% nbgrader={"grade": false, "grade_id": "largest_modulus", "locked": false, "schema_version": 3, "solution": true, "task": false}
def largest_modulus(rate_times_curvature: float, delay: int) -> float:
    """Largest modulus among the roots of lambda**(delay + 1) - lambda**delay + rate_times_curvature."""
    ### BEGIN SOLUTION
    coefficients = np.array([1.0, -1.0] + [0.0] * delay)
    coefficients[-1] += rate_times_curvature
    return float(np.abs(np.roots(coefficients)).max())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "largest_modulus_fresh", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("no delay: |1 - alpha h|", largest_modulus(0.5, delay=0), expected=0.5)
check("no delay, overshooting", largest_modulus(2.5, delay=0), expected=1.5)
### BEGIN HIDDEN TESTS
check("no delay, any product", [largest_modulus(product, delay=0) for product in check.rng().uniform(0.1, 3.0, size=4)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "largest_modulus_delayed", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one step late, complex roots", largest_modulus(1.0, delay=1), expected=1.0)
### BEGIN HIDDEN TESTS
for delay, product in zip([2, 5, 13], check.rng().uniform(0.05, 1.2, size=3), strict=True):
    check(f"{delay} steps late", largest_modulus(product, delay))
### END HIDDEN TESTS

# %% [markdown]
# With it, the largest stable rate as the delay grows. Compare the curve with the heat map's edge: the fast directions
# of the loss (large $h$) are the first to go.

# %% waits=["largest_modulus"]
products = np.linspace(0.02, 2.2, 200)
edge = [max((p for p in products if largest_modulus(p, k) < 1), default=0.0) for k in range(17)]
plots.line(range(17), edge, xlabel="delay $k$ (steps)", ylabel=r"largest stable $\alpha h$")

# %% [markdown] topic="hogwild"
# ## Hogwild
#
# "Hogwild! A Lock-Free Approach to Parallelizing Stochastic Gradient Descent. ... Works well up to ~50 replicas of the
# model. Strongly diminishing returns per replica." (*Large Scale Deep Learning*; the paper is Recht, Ré, Wright and Niu
# 2011.) All loops write into one array, without locks. Two things can go wrong: an update is stale, as above, or it
# is *lost*. `w[j] -= d` is three steps: load, subtract, store. When another loop stores between our load and our store,
# our store erases what it wrote.
#
# ### Exercise 3 (4 points): lose an update
#
# Each loop adds 1 to counters. Event $t$ belongs to `loop[t]` and counter `place[t]`. A loop's events come in pairs:
# the first loads the counter into the loop's own register, the second stores the register plus 1 in the same counter.
# Other loops' events may come in between. Return the counters at the end, all of which begin at 0.

# %% nbgrader={"grade": false, "grade_id": "interleaved", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interleaved(loop: np.ndarray, place: np.ndarray, loops: int, counters: int) -> np.ndarray:
    """The counters, (counters,), after the events `loop` (events,) and `place` (events,) in their order."""
    ### BEGIN SOLUTION
    totals, registers = np.zeros(counters, dtype=int), {}
    for who, where in zip(loop, place, strict=True):
        if who in registers:
            totals[where] = registers.pop(who) + 1
        else:
            registers[who] = totals[where]
    return totals
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "interleaved_two", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("both load before either stores", interleaved(np.array([0, 1, 1, 0]), np.zeros(4, int), 2, 1), expected=[1])
check("a late store erases two", interleaved(np.array([0, 1, 1, 1, 1, 0]), np.zeros(6, int), 2, 1), expected=[1])
### BEGIN HIDDEN TESTS
for events in [12, 60]:
    order = check.rng().permutation(np.arange(events) % 2)
    check(f"two loops, {events} events", interleaved(order, np.zeros(events, int), 2, 1))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "interleaved_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("different counters do not disturb each other",
      interleaved(np.array([0, 1, 2, 0, 2, 1]), np.array([0, 1, 0, 0, 0, 1]), 3, 2), expected=[1, 1])
### BEGIN HIDDEN TESTS
rng = check.rng()
for loops in [3, 5]:
    order, place = rng.permutation(np.arange(24 * loops) % loops), np.zeros(24 * loops, int)
    for who in range(loops):
        place[order == who] = np.repeat(rng.integers(3, size=12), 2)
    check(f"{loops} loops, three counters", interleaved(order, place, loops, 3))
### END HIDDEN TESTS

# %% [markdown]
# A riddle: two loops make a thousand increments each of one counter. What is the least it can end at? Work it out
# before you read the order of events below.

# %% waits=["interleaved"]
order = np.array([0] + [1] * 1998 + [0] + [1] + [0] * 1998 + [1])
print("one counter, 2 x 1000 increments:", interleaved(order, np.zeros(4000, dtype=int), 2, 1))

# %% [markdown]
# Now the real thing: threads that write into one array, compiled so that they run at the same time. The problem is
# least squares with the optimum at 0. An example has `nonzeros` features of `size`, as one-hot coded categories have.

# %%
def examples(count, nonzeros, size, rng, lowest=0.0):
    """Places (count, nonzeros) of the features that are not zero, and their values; each example has length 1."""
    block = size // nonzeros
    places = np.arange(nonzeros) * block + rng.integers(block, size=(count, nonzeros))
    values = rng.uniform(lowest, 1, size=places.shape)
    return places, values / np.linalg.norm(values, axis=1, keepdims=True)


@numba.njit(nogil=True)
def hogwild(weights, writes, places, values, rate, passes):
    """SGD on (x . w)**2 / 2 in shared `weights` (size,) without locks; each write is also counted in `writes`."""
    for step in range(passes * len(places)):
        place, value = places[step % len(places)], values[step % len(places)]  # (nonzeros,) each
        error = (weights[place] * value).sum()
        for k in range(len(place)):
            weights[place[k]] -= rate * error * value[k]
            writes[place[k]] += 1


def race(threads, nonzeros, size, count, seed, passes=8):
    """Share of the writes that are lost, and the logarithm of the factor by which |w|**2 has fallen."""
    rng = np.random.default_rng(seed)
    shards = [examples(count // threads, nonzeros, size, rng) for _ in range(threads)]
    weights, writes = rng.normal(size=size), np.zeros(size, dtype=np.int64)
    start, rate = weights @ weights, size / count / passes
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda shard: hogwild(weights, writes, *shard, rate, passes), shards))
    return 1 - writes.sum() / passes / count / nonzeros, np.log(start / (weights @ weights))


# %% [markdown]
# Threads lose writes only while they really run at the same time, so of six runs we show the one that lost most, and
# beside it how far two threads came in as many updates as one. What do you expect when a tenth of the writes is lost?

# %% tags=["demo"]
shapes = [(256, 256, 8_000), (4, 64, 100_000), (4, 1024, 100_000), (4, 16_384, 100_000), (4, 65_536, 100_000)]
races = np.array([[[race(threads, *shape, seed) for threads in [1, 2]] for seed in seeds(6)] for shape in shapes])
lost, progress = races[:, :, 1, 0], races[:, :, 1, 1] / races[:, :, 0, 1]  # (shapes, seeds)
plots.table(["features of an example", "weights", "writes lost (%)", "progress beside one thread (%)"],
            [[shape[0], shape[1], 100 * gone.max(), 100 * came[gone.argmax()]]
             for shape, gone, came in zip(shapes, lost, progress, strict=True)])

# %% [markdown]
# The progress that is left is the share of the writes that survive, within a per cent or two that two threads' other
# order of examples makes: a lost write is a step not taken, no worse. Losses vanish as the writes spread over more
# weights, where two threads seldom meet in one place. (On one core, or on a busy machine, the threads hardly overlap
# and lose next to nothing.)
#
# The other half is staleness. For 64 replicas we simulate, with writes that are never lost: each replica computes its
# error when it reads and applies it when it lands. If all take equally long, $N$ replicas make $N$ updates in the time
# of one. Every case has the best of nine learning rates. Which of the four problems profits from 64 replicas?

# %%
@numba.njit
def updates_to_target(order, weights, places, values, rate, target=0.3):
    """Number of updates, landing in `order`, until |w|**2 is `target` of what it was; 0 if never."""
    example = np.arange(order.max() + 1)  # what each replica works on
    error = np.array([(weights[places[one]] * values[one]).sum() for one in example])
    start = (weights**2).sum()
    for update, replica in enumerate(order):
        one = example[replica]
        weights[places[one]] -= rate * error[replica] * values[one]
        left = (weights**2).sum() / start
        if left < target or left > 100:
            return update + 1 if left < target else 0
        one = example[replica] = (update + len(example)) % len(places)
        error[replica] = (weights[places[one]] * values[one]).sum()
    return 0


# %% tags=["demo"]
problems = {"4 of 256": (4, 0), "64 of 256": (64, 0), "256 of 256": (256, 0), "256 of 256, both signs": (256, -1)}
replicas, needed = np.array([1, 4, 16, 64]), np.zeros((4, 4, 5))  # needed: (problems, replicas, seeds)
for column, repeat in np.ndindex(4, 5):
    rng = np.random.default_rng(seeds(5)[repeat])
    order = simulated_log(replicas[column], 30_000, rng)[:, 0].copy()
    for row, (nonzeros, lowest) in enumerate(problems.values()):
        start, sample = rng.normal(size=256), examples(4096, nonzeros, 256, rng, lowest)
        needed[row, column, repeat] = min(
            updates_to_target(order, start.copy(), *sample, 1.6 / 2**power) or np.inf for power in range(9))
speedup = needed[:, :1] / needed * replicas[:, None]  # (problems, replicas, seeds)
plots.line(replicas, {"ideal": replicas} | dict(zip(problems, speedup.swapaxes(1, 2), strict=True)),
           xlabel="replicas", ylabel="times faster than one replica", log="xy")

# %% tags=["demo"]
gain = stats.mean_interval(speedup[0, -1] - speedup[2, -1])
claim(
    "hogwild",
    measured={"writes lost by two threads (%): 256 of 256 features, 4 of 65,536": 100 * lost[[0, -1]].max(axis=1),
              "updates, 64 replicas beside one: " + "; ".join(problems): (needed[:, -1] / needed[:, 0]).mean(axis=1),
              "times faster, 64 replicas": speedup[:, -1].mean(axis=1),
              "sparse less dense: difference and its 95% half-width": gain},
    holds=lost[0].max() >= 10 * lost[-1].max() and gain[0] > gain[1] and speedup[0, -1].min() > 20
    and speedup[2, -1].max() < 5,
    because="writes are lost only where threads meet, and staleness costs little when examples share few features",
)

# %% [markdown]
# With sparse examples 64 replicas pay nearly in full: the slide's "~50" holds. With dense positive ones the needed
# updates grow in proportion to the replicas, and those beyond the first few are wasted: there the returns do diminish.
# The fourth case says why. Its examples are dense too, but with both signs: nearly orthogonal, so a step for one hardly
# changes another's error, and staleness does little harm. What counts is the overlap of examples; zeros are the usual
# way to have little of it. In the words of exercise 2, overlap is a large $h$.
#
# **How this could be wrong.** The problem is linear and without noise, and nothing limits how many updates a second the
# shared array takes. **Often mistaken.** Hogwild's guarantee is for sparse, convex problems; the gradients of a deep
# network are dense.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - The staleness of an update is the number of others' updates between its read and its write. Its mean is the number
#   of other gradients in flight, $N - 1$ at most; its maximum is as large as the slowest loop is slow.
# - Staleness and learning rate hurt together: the largest stable $\alpha h$ falls roughly as one over the delay.
# - A worker may die; its work is given to another, and part of it may be done twice. The server may not.
# - Without locks, writes are lost where loops meet. A lost write costs one step; an overlap of stale steps costs more.
#
# ## At full scale
#
# | where | what | loops | mean staleness |
# |---|---|---|---|
# | this laptop | a digits network of 38,000 weights on one server | 2 | a little below 1 |
# | one GPU | loops that share it take turns: nothing is gained | 2 or more | up to $N - 1$ |
# | the paper (Dean et al. 2012, Downpour SGD) | replicas, weights cut across servers | many | up to $N - 1$ |
#
# Next: notebook 4 cuts the model instead of the data.

# %%
dlcourse.submit()
