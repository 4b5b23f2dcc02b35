# %% [markdown]
# # 2 · Several machines: workers, limits
#
# *Applications* (Goodfellow 2016, 2018), slide "Distributed Implementations". *Large Scale Deep Learning*, session I,
# slide "Synchronous Data Parallelism".
#
# **You should know** towers and the average of their gradients (`tower-sgd`) and why a minibatch is enough
# (`sgd-loop`). **You will have built** a training script that two processes run as two machines would, killed one of
# them, and measured the deck's three limits of synchronous training.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) Two towers hold 23 and 22 examples of a batch. Each averages over its own. With which weights must the
#    two gradients be averaged to give the gradient of the mean over all 45?
# 2. (Week 1, notebook 3) A minibatch of 4 independent examples becomes one of 64. By how much does the standard error
#    of the gradient fall, and by how much does the work grow?
#
# <details><summary>Answers</summary>
#
# 1. $23/45$ and $22/45$. The script below gives each example the weight $1/45$ instead and adds: the same sum.
# 2. By a factor of 4, for 16 times the work. The gradient itself stays as long as it was: once the noise is small
#    against it, more examples buy nothing. Where that happens is the second half of this notebook.
#
# </details>

# %%
dlcourse.setup("week06/02_multi_worker", seed=62, deterministic=False)

import heapq
import json
import sys
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, cluster, data, plots, seeds, stats
from scipy.optimize import curve_fit

# %% [markdown] topic="multi-worker"
# ## Several machines
#
# "Distributed: Multi-GPU, Multi-machine." Machines share no memory. Each runs the *same program*, holds a copy of the
# weights and takes its share of each batch; an all-reduce sums the gradients, so that all copies make the same update.
# Two processes stand for two machines here: separate memories, real sockets, but no slow network between them.
#
# ### Exercise 1 (4 points): find the planted bugs
#
# Each worker calls the function below with the same `order`, the shuffled rows of an epoch, and its own number.
# Together the workers' rows must be the global batch of this step: `batch` rows, or what is left at the epoch's end,
# each once; no worker may have two more than another. Each multiplies every one of its losses by the weight, and the
# *sum* over all workers must be the *mean* over the global batch. Three things are wrong. Write it right.

# %%
def flawed_share(order, step, batch, worker, workers):
    """This worker's rows of the global batch, and the weight of each; wrong in three places."""
    size = batch // workers
    start = step * size
    rows = order[start + worker * size:start + (worker + 1) * size]
    return rows, 1 / len(rows)


# %% nbgrader={"grade": false, "grade_id": "share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def share(order: np.ndarray, step: int, batch: int, worker: int, workers: int) -> tuple[np.ndarray, float]:
    """This worker's rows of the global batch of this step, shape (rows,), and the weight of each of their losses.

    order has shape (examples,); steps count from 0, and workers too.
    """
    ### BEGIN SOLUTION
    whole = order[step * batch:(step + 1) * batch]  # the last one of an epoch is shorter
    return whole[worker::workers], 1 / len(whole)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "share_rows", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def shares(order, step, batch, workers):
    """All workers' rows, sorted, and the largest difference of their numbers."""
    rows = [np.asarray(share(order, step, batch, worker, workers)[0]) for worker in range(workers)]
    return np.sort(np.concatenate(rows)), max(map(len, rows)) - min(map(len, rows))


check("step 2 begins after 2 whole batches", shares(np.arange(12), 2, 4, 2)[0], expected=[8, 9, 10, 11])
check("5 rows, 3 workers: none is left out", shares(np.arange(10), 1, 5, 3)[0], expected=[5, 6, 7, 8, 9])
check("5 rows, 3 workers: their numbers differ by", shares(np.arange(10), 1, 5, 3)[1], expected=1)
### BEGIN HIDDEN TESTS
for step in [0, 1, 3]:
    batch, workers, more = check.rng().integers([7, 2, 3], [30, 7, 7]).tolist()
    drawn, difference = shares(check.rng().permutation(3 * batch + more), step, batch, workers)
    check(f"any batch at step {step}: all its rows, none twice", drawn)
    check(f"any batch at step {step}: nobody has two more than another", difference, at_most=1)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "share_weight", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def summed(losses, batch, workers):
    """Sum over the workers of their weighted losses at step 0."""
    parts = [share(np.arange(len(losses)), 0, batch, worker, workers) for worker in range(workers)]
    return sum(weight * losses[rows].sum() for rows, weight in parts)


check("losses 1, 2, 3, 6 on 2 workers sum to their mean", summed(np.array([1., 2, 3, 6]), 4, 2), expected=3.0)
check("a last batch of 4 where 8 are usual: still the mean of 4", summed(np.array([1., 2, 3, 6]), 8, 2), expected=3.0)
### BEGIN HIDDEN TESTS
for workers in [2, 4]:
    drawn = check.rng().uniform(size=12 * workers)
    check(f"any losses on {workers} workers", summed(drawn, 12 * workers, workers))
    check(f"a short batch on {workers} workers", summed(drawn[:6 * workers], 12 * workers, workers))
### END HIDDEN TESTS

# %% [markdown]
# ### The program of a worker
#
# Model and gradient know nothing of a cluster. A batch of 45 cannot be halved, and the last one of an epoch has 42.

# %%
BATCH, RATE, PLAIN, COMPUTE, TAIL = 45, 0.2, 60, 0.02, 0.01  # examples, rate, steps, seconds, seconds


def network(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input([64]), keras.layers.Dense(32, "relu"), keras.layers.Dense(10)])


def loss_and_gradients(model, images, labels, weight):
    """The weighted sum of the losses and its gradients: this worker's part of the mean over the global batch."""
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(images))  # (rows,)
        loss = weight * tf.reduce_sum(losses)
    return loss, tape.gradient(loss, model.trainable_variables)


# %% [markdown]
# `exchange` is the synchronization point: within `strategy.run`, a Keras optimizer first sums each gradient over all
# replicas. (`model.fit` would hide it, but fails under Keras 3 with this strategy: keras-team/keras#20585.)
#
# For the second half of the notebook each step is timed: `own` seconds until a worker has its gradient, `whole` until
# the update is done. After 60 steps a worker also sleeps, 20 ms and an exponential tail of 10 ms on average, in an
# accelerator's place.

# %%
def train(strategy, seed, steps):
    """Train on this worker's share of every batch; print [step, loss, own, whole]; return all weights in one list."""
    images, _, labels, _ = data.digits(flat=True)
    worker, workers = strategy.cluster_resolver.task_id, strategy.num_replicas_in_sync
    with strategy.scope():
        model, optimizer = network(seed), keras.optimizers.SGD(RATE)
        optimizer.build(model.trainable_variables)
    compute, delays = tf.function(loss_and_gradients), np.random.default_rng([seed, worker])

    def update(loss, gradients):
        # tf.identity gives a tensor the device that an all-reduce asks for
        optimizer.apply([tf.identity(gradient) for gradient in gradients], model.trainable_variables)
        return tf.distribute.get_replica_context().all_reduce("sum", tf.identity(loss))

    exchange = tf.function(lambda *own: strategy.run(update, own))
    for step in range(steps):
        rows, weight = share(*epoch_order(seed, step, len(images)), BATCH, worker, workers)
        start = time.perf_counter()
        loss, gradients = compute(model, tf.constant(images[rows]), tf.constant(labels[rows]), tf.constant(weight))
        time.sleep(COMPUTE + delays.exponential(TAIL) if step >= PLAIN else 0)
        own = time.perf_counter() - start
        loss = float(exchange(loss, gradients))
        print(json.dumps([step, loss, own, time.perf_counter() - start]), flush=True)
    return np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables]).tolist()


# %%
def epoch_order(seed, step, examples):
    """The shuffled rows of the epoch that this step belongs to, and the step's number in it: equal on all workers."""
    epoch, place = divmod(step, -(-examples // BATCH))
    return np.random.default_rng([seed, epoch]).permutation(examples), place


def main():
    """What every machine runs: TF_CONFIG, read by the strategy, says who the others are and which one this is."""
    seed, steps = map(int, sys.argv[1:])
    print(json.dumps(train(tf.distribute.MultiWorkerMirroredStrategy(), seed, steps)))


# %% [markdown]
# `write_script` puts `main` and all that it uses into one file, as you would copy it to each machine; `Cluster` starts
# it twice, with a `TF_CONFIG` for each.

# %% tags=["demo"] waits=["share"]
script = cluster.write_script("train_worker.py", main)
with cluster.Cluster(script, workers=2, arguments=[seeds(1)[0], PLAIN + 100], seconds=150) as members:
    members.wait()
    printed = [[json.loads(line) for line in members.output(f"worker {number}")] for number in range(2)]
worker_weights = [lines.pop() for lines in printed]
progress = np.array(printed)  # (workers, steps, 4): step, loss, own, whole
print(script.read_text()[:330], "...\n")
print("TF_CONFIG of worker 1:", json.dumps(members.configurations["worker 1"]))

# %% [markdown]
# The reference is Keras in this one process, on whole batches, without a line of the worker's loop. Predict: do the
# losses agree to the last digit?

# %% tags=["demo"] waits=["share"]
train_images, _, train_labels, _ = data.digits(flat=True)  # (1347, 64), (450, 64), (1347,), (450,)
model, losses = network(seeds(1)[0]), []
model.compile(keras.optimizers.SGD(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for step in range(PLAIN + 100):
    order, place = epoch_order(seeds(1)[0], step, len(train_images))
    rows = order[place * BATCH:(place + 1) * BATCH]
    model.reset_metrics()  # else train_on_batch returns the mean over all batches so far
    losses.append(float(model.train_on_batch(train_images[rows], train_labels[rows])))
weights = np.concatenate([variable.ravel() for variable in model.get_weights()])  # (2410,)
differences = {"two workers and one process, loss of a step": np.abs(progress[:, :, 1] - losses).max(),
               "two workers and one process, weights at the end": np.abs(worker_weights - weights).max(),
               "worker 0 and worker 1, weights at the end": np.ptp(worker_weights, axis=0).max()}
plots.table(["largest difference", "value"], [list(pair) for pair in differences.items()])

# %% [markdown]
# The two copies are equal bit for bit, which keeps them one model. Against one process the sums are taken in another
# order, so the last digits differ.
#
# ### A worker that stops, and one that dies
#
# In the middle of a second run we freeze worker 1 for two seconds, let it go on, and then kill it. Predict what
# worker 0 does in each case.

# %% tags=["demo"] waits=["share"]
with cluster.Cluster(script, workers=2, arguments=[seeds(1)[0], 100_000], seconds=150) as members:
    members.wait_for("worker 1", f"[{PLAIN + 10}, ")
    members.pause("worker 1")
    time.sleep(2)
    members.resume("worker 1")
    members.wait_for("worker 1", f"[{PLAIN + 40}, ")
    members.kill("worker 1")
    killed = time.perf_counter()
    try:
        members.wait()
    except cluster.ClusterError as error:
        noticed, message = time.perf_counter() - killed, str(error).split(". The")[0]
    while "aborted" not in members.log("worker 0") and time.perf_counter() < killed + 20:
        time.sleep(0.05)
    ended = time.perf_counter() - killed
    verdict = next((line for line in members.log("worker 0").splitlines() if "aborted" in line), "nothing")
    other_steps = np.array([json.loads(line)[3] for line in members.output("worker 0")])[PLAIN:]

# %% tags=["demo"] waits=["share"]
print(f"The notebook, {noticed:.1f} s after the kill: {message}")
print(f"Worker 0, {ended:.1f} s after the kill: {verdict[:250]}")
claim(
    "multi-worker",
    measured={**{f"largest difference: {name}": value for name, value in differences.items()},
              "steps of worker 0 (s): median, and while the other was frozen for 2 s":
              [np.median(other_steps), other_steps.max()],
              "worker killed: seconds until the other's own error": ended},
    holds=max(differences.values()) < 1e-4 and differences["worker 0 and worker 1, weights at the end"] == 0
    and verdict != "nothing" and ended < 10 and "worker 1 was killed" in message,
    because="two processes make the steps of one up to rounding, with equal weights; a dead worker ends the other "
            "within seconds with an error, while a frozen one is waited for",
)

# %% [markdown]
# A frozen worker and a slow one look the same: everybody waits, and nobody says why. A dead *process* is noticed at
# once, for its kernel closes the sockets. A machine without power closes nothing; therefore the strategy asks every
# half minute whether its peers are there (`_check_health` in TensorFlow's source).
#
# **How this could be wrong.** Two workers that both saw the whole batch would have the same loss; exercise 1's checks
# exclude it. **Often mistaken.** The survivor cannot go on alone: all restart, from the last checkpoint.
#
# ### The same script on real machines
#
# Only `TF_CONFIG` changes. By hand, on the second of two machines:
#
# ```sh
# export TF_CONFIG='{"cluster": {"worker": ["10.0.0.4:2222", "10.0.0.5:2222"]}, "task": {"type": "worker", "index": 1}}'
# ```
#
# **Kubernetes.** An indexed Job names its pods train-0, train-1 ... and tells each its number in
# `JOB_COMPLETION_INDEX`, the index for `TF_CONFIG`. A headless Service gives the names to DNS: the addresses are
# `train-0.digits:2222` and so on.
#
# ```yaml
# apiVersion: v1
# kind: Service
# metadata: {name: digits}
# spec: {clusterIP: None, selector: {job-name: train}}
# ---
# apiVersion: batch/v1
# kind: Job
# metadata: {name: train}
# spec: {completionMode: Indexed, completions: 4, parallelism: 4, template: {spec: {
#   subdomain: digits, restartPolicy: Never, containers: [
#     {name: worker, image: registry.example/digits, command: [python, train_worker.py, "62", "1000"]}]}}}
# ```
#
# **Slurm.** `srun` starts the script as often as there are tasks; pass
# `tf.distribute.cluster_resolver.SlurmClusterResolver()` to the strategy as `cluster_resolver`. Two traps in TensorFlow
# 2.21, tried with Slurm's variables set by hand: it sorts node names as text, so on `node[2,10]` rank 1, which runs on
# node10, takes itself for node2 (`node[02,10]` is right); and it fails on nodes without a GPU.

# %% [markdown] topic="sync-limits"
# ## The limits
#
# "Limits: Per-example efficiency of gradient descent diminishes as the batch size increases. Cutting a batch smaller
# yield diminishing returns as matrix multiplies become less efficient. Cost of synchronization grows with K: need to
# wait for stragglers." (*Large Scale Deep Learning*.) Keep the shard, and the batch grows with $K$; keep the batch, and
# the shards shrink. The first two limits close one way out each.
#
# ### Limit 1: large batches
#
# How many examples does SGD need until the training loss of digits is below 0.2? For each batch size five seeds and
# five rates, of which the best is kept: 25 runs, as one network with a leading axis.

# %%
TARGET, RATES, BATCHES = 0.2, [0.125, 0.25, 0.5, 1.0, 2.0], [4, 8, 16, 32, 64, 128, 256, 512]
images, _, labels, _ = (tf.constant(part) for part in data.digits(flat=True))  # (1347, 64), (450, 64), (1347,), (450,)


def run_losses(parameters, images, labels):
    """Mean loss of each run; images (runs or 1, batch, 64), labels (runs, batch)."""
    first, first_bias, second, second_bias = parameters
    logits = tf.nn.relu(images @ first + first_bias) @ second + second_bias  # (runs, batch, 10)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), axis=1)  # (runs,)


@tf.function(reduce_retracing=True)
def descend(parameters, rates, rows):
    """One step of every run for each of rows, (steps, runs, batch); rates (runs, 1, 1). And the losses, (runs,)."""
    for batch in rows:
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            total = tf.reduce_sum(run_losses(parameters, tf.gather(images, batch), tf.gather(labels, batch)))
        gradients = tape.gradient(total, parameters)  # a run's loss does not touch another's parameters
        parameters = [old - rates * gradient for old, gradient in zip(parameters, gradients, strict=True)]
    return parameters, run_losses(parameters, images[tf.newaxis], tf.repeat(labels[tf.newaxis], tf.size(rates), axis=0))


# %% [markdown]
# The loss is looked at after each twelfth of the way, the crossing interpolated. A batch size is done when one rate has
# arrived with all its seeds, and a quarter more steps have passed.

# %%
def initial(seed):
    rng = np.random.default_rng(seed)
    scales = {(64, 32): 64**-0.5, (1, 32): 0, (32, 10): 32**-0.5, (1, 10): 0}
    return [np.float32(2**0.5 * scale * rng.normal(size=shape)) for shape, scale in scales.items()]


def examples_to_target(batch, repeats):
    """Examples until the loss is below TARGET, (rates, repeats); infinity for runs that never were."""
    parameters = [tf.tile(np.stack(parts), [len(RATES), 1, 1]) for parts in zip(*map(initial, repeats), strict=True)]
    rates = tf.constant(np.repeat(RATES, len(repeats)), tf.float32)[:, None, None]  # (runs, 1, 1)
    rng, steps, before, arrived = (np.random.default_rng([batch, *repeats]), 0, np.full(len(rates), 2.5),
                                   np.full((len(RATES), len(repeats)), np.inf))
    while steps < 1.25 * arrived.max(axis=1).min() and steps * batch < 500_000:
        more = max(1, steps // 12)
        rows = rng.integers(len(images), size=(more, len(repeats), batch))  # the same for every rate
        parameters, losses = descend(parameters, rates, tf.constant(np.tile(rows, (1, len(RATES), 1))))
        after = losses.numpy()
        now = np.isinf(arrived.ravel()) & (after < TARGET)
        arrived.flat[now] = steps + more * np.log(before[now] / TARGET) / np.log(before[now] / after[now])
        steps, before = steps + more, after
    return batch * arrived


# %% tags=["demo"]
trials = np.array([examples_to_target(batch, seeds(5)) for batch in BATCHES])  # (batches, rates, seeds)
best = trials.mean(axis=2).argmin(axis=1)  # (batches,)
examples = trials[np.arange(len(BATCHES)), best].T  # (seeds, batches)

# %% [markdown]
# The variance of a batch's gradient falls as $1/B$, its mean stays. From this McCandlish et al. (2018) derive
#
# $$\text{steps}(B) = \frac{E_{\min}}{B_c}\left(1 + \frac{B_c}{B}\right), \qquad
# E(B) = B \cdot \text{steps}(B) = E_{\min}\left(1 + \frac{B}{B_c}\right)$$
#
# for the steps and the examples to the target. Below the **critical batch** $B_c$ more workers mean fewer steps; above
# it, more examples. Look where the curve leaves its floor, and whether it keeps to the law.

# %% tags=["demo"]
def law(batch, log_floor, critical):
    return log_floor + np.log(1 + np.array(batch) / critical)


fits = np.array([curve_fit(law, BATCHES, np.log(row), p0=(7, 30))[0] for row in examples])  # (seeds, 2)
critical_batch, critical_width = stats.mean_interval(fits[:, 1])
fitted = np.exp(law(BATCHES, fits[:, 0].mean(), critical_batch))  # (batches,)
plots.line(BATCHES, {"measured, five seeds": examples, "law": fitted}, xlabel="batch size (examples)",
           ylabel="examples to a loss of 0.2", log="xy")
plt.axvline(critical_batch, color="black", linestyle=":")
plt.annotate(" critical batch", (critical_batch, examples.max() / 2))
plots.table(["batch size", *map(str, BATCHES)], [["best rate", *(RATES[index] for index in best)]])

# %% [markdown]
# The best rate grows with the batch, then stops: beyond the critical batch not noise but curvature limits it.
#
# ### Limit 2: small shards
#
# A dense layer of 1,024 units costs three products: its outputs, the gradient of its inputs, that of its weights.
# Predict how much longer an example takes in a shard of 1 than in one of 256.

# %% tags=["demo"]
SHARDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
rng = np.random.default_rng(seeds(1)[0])
inputs = {n: tf.constant(rng.normal(size=(n, 1024)), tf.float32) for n in SHARDS}
layer = tf.constant(rng.normal(size=(1024, 1024)), tf.float32)
products = tf.function(lambda x: (x @ layer, tf.matmul(x, layer, transpose_b=True), tf.matmul(x, x, transpose_a=True)))
seconds = {n: [] for n in SHARDS}
for _ in range(15):
    for n in SHARDS:  # interleaved, so that a disturbance hits all of them
        begin = time.perf_counter()
        products(inputs[n])[2].numpy()
        seconds[n].append(time.perf_counter() - begin)
shard_time = {n: np.median(times[3:]) for n, times in seconds.items()}  # seconds, without the warm-up
plots.line(SHARDS, 1e6 * np.array(list(shard_time.values())) / SHARDS, xlabel="shard of a worker (examples)",
           ylabel="time an example (µs)", log="xy")

# %% [markdown]
# The weights are read and their gradient written for one example as for 256: a small shard pays for memory, not for
# arithmetic (week 5). (A shard of 1 may be cheaper than one of 2: TensorFlow treats a single row apart.)
#
# ### Limit 3: stragglers
#
# A synchronous step takes as long as its slowest worker. **Backup workers** (Chen et al. 2016) cut off the wait: of $K$
# workers $b$ are backups, and the step ends with the first $K - b$ gradients.
#
# ### Exercise 2 (4 points): the expected step
#
# `times[s, k]` is how long worker $k$ needs for its gradient at step $s$; all begin together. Return the mean length of
# a step that ends when all gradients but the last `backups` are there.

# %% nbgrader={"grade": false, "grade_id": "step_time", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_time(times: np.ndarray, backups: int = 0) -> float:
    """Mean length of a step in seconds; times has shape (steps, workers), and 0 <= backups < workers."""
    ### BEGIN SOLUTION
    return np.sort(times, axis=1)[:, times.shape[1] - 1 - backups].mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step_time_slowest", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two steps, each with another straggler: 5 s and 7 s", step_time(np.array([[5., 1, 1], [1, 7, 1]])), expected=6.0)
### BEGIN HIDDEN TESTS
for count in [2, 9]:
    check(f"{count} workers, no backup", step_time(check.rng().exponential(size=(20, count))))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "step_time_backups", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one backup: a step's slowest is not waited for", step_time(np.array([[5., 2, 1], [1, 7, 4]]), 1), expected=3.0)
check("one backup does not help against two stragglers", step_time(np.array([[9., 1, 9, 1]]), 1), expected=9.0)
### BEGIN HIDDEN TESTS
for count, spare in [(5, 1), (8, 3), (4, 3)]:
    check(f"{spare} backups among {count} workers", step_time(check.rng().exponential(size=(20, count)), spare))
### END HIDDEN TESTS

# %% [markdown]
# ### Two real workers
#
# Can the first cluster's step be foretold from what each worker needs *alone*? We pair every time of worker 0 with
# every time of worker 1, as if they were independent, and add the exchange of the plain steps, as seen by the worker
# that came last.

# %% tags=["demo"] waits=["share", "step_time"]
own, whole = progress[:, :, 2], progress[:, :, 3]  # (workers, steps) each
lagging = progress[0, :, 0] >= PLAIN
exchange_time = np.median((whole - own)[:, 10:PLAIN].min(axis=0))
pairs = np.stack(np.meshgrid(*own[:, lagging]), axis=-1).reshape(-1, 2)  # (100 * 100, workers)
foretold, measured, mean_own = step_time(pairs) + exchange_time, whole[:, lagging].mean(), own[:, lagging].mean()
plots.table(["mean", "seconds"], [["own time of a worker", mean_own], ["exchange", exchange_time],
                                  ["step of two workers, foretold", foretold], ["the same, measured", measured]])

# %% [markdown]
# More workers than this machine could run need a simulation of events. It assumes that own times are drawn
# independently from those just measured, that the exchange takes as long for any $K$, and that a late backup is not
# stopped: it finishes its useless gradient before it joins the current step.

# %%
def simulate(draw, workers, backups, steps=300):
    """Mean seconds of a step without its exchange; draw() returns the time of one gradient."""
    events = sorted((draw(), worker, 0) for worker in range(workers))  # when, who, for which step
    waiting, step = [], 0
    while step < steps:
        now, worker, of_step = heapq.heappop(events)
        if of_step < step:  # too late: its gradient is dropped
            heapq.heappush(events, (now + draw(), worker, step))
            continue
        waiting.append(worker)
        if len(waiting) == workers - backups:
            step += 1
            for worker in waiting:
                heapq.heappush(events, (now + draw(), worker, step))
            waiting = []
    return now / steps


# %% [markdown]
# Left, the step against $K$. If the tail is exponential, its largest of $K$ is $H_K = 1 + \frac12 + \dots + \frac1K$
# times its mean. Right, how many of 64 workers should be backups: each shortens the step and gives up a shard.

# %% tags=["demo"] waits=["share", "step_time"]
WORKERS, BACKUPS = np.array([1, 2, 4, 8, 16, 32, 64]), np.array([0, 1, 2, 4, 8, 16, 24, 32, 48])
rng = np.random.default_rng(seeds(2)[1])
pool = own[:, lagging].ravel()  # (200,) measured seconds
simulated = np.array([simulate(lambda: rng.choice(pool), count, 0) for count in WORKERS]) + exchange_time
slowdown = simulated / simulated[0]  # (7,)
formula = [mean_own - TAIL + TAIL * sum(1 / k for k in range(1, count + 1)) + exchange_time for count in WORKERS]
late = [simulate(lambda: rng.choice(pool), 64, spare) + exchange_time for spare in BACKUPS]
stopped = [step_time(rng.choice(pool, size=(300, 64)), spare) + exchange_time for spare in BACKUPS]
left, right = plots.panels(2)
plots.line(WORKERS, {"simulated": 1000 * simulated, "formula": 1000 * np.array(formula)}, xlabel="workers $K$",
           ylabel="time of a step (ms)", log="x", ax=left)
left.plot(2, 1000 * measured, "k*", markersize=13)
left.annotate("two real workers", (2, 1000 * measured), (10, -10), textcoords="offset points")
plots.line(BACKUPS, {"late ones go on": (64 - BACKUPS) / late, "late ones are stopped": (64 - BACKUPS) / stopped},
           xlabel="backups $b$ among 64 workers", ylabel="shards used a second", ax=right)

# %% [markdown]
# The wait grows as $\ln K$: slowly, but without end. The first backups gain most, since they cut off the longest lags;
# with many, more work is thrown away than waited for. (Chen et al. ran 96 workers and 4 backups.)
#
# ### Exercise 3 (4 points): the speed-up that remains
#
# Each of $K$ workers has a shard of $n$ examples, so the batch is $Kn$. Derive from $\text{steps}(B)$ above how many
# times sooner than one worker with its batch of $n$ they reach the target, if a step of theirs takes `slowdown` times
# as long.

# %% nbgrader={"grade": false, "grade_id": "speed_up", "locked": false, "schema_version": 3, "solution": true, "task": false}
def speed_up(workers: float, shard: float, critical: float, slowdown: float = 1.0) -> float:
    """Time to the target of one worker over that of `workers`; works for arrays too."""
    ### BEGIN SOLUTION
    steps_of_one, steps_of_all = 1 + critical / shard, 1 + critical / (workers * shard)
    return steps_of_one / steps_of_all / slowdown
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "speed_up_steps", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("shard 10, critical batch 90, 9 workers: 10 units of steps become 2", speed_up(9, 10, 90), expected=5.0)
check("far below the critical batch the speed-up is K", speed_up(8, 1, 1e9), expected=8.0)
### BEGIN HIDDEN TESTS
for count in [3, 50]:
    check(f"{count} workers, any shard and critical batch", speed_up(count, *check.rng().uniform([4, 20], [60, 500])))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "speed_up_slowdown", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("steps of twice the time: half the speed-up", speed_up(9, 10, 90, slowdown=2.0), expected=2.5)
check("slow steps can make it a loss", speed_up(2, 90, 10, slowdown=2.0), expected=10 / 19)
### BEGIN HIDDEN TESTS
for count in [2, 30]:
    check(f"{count} workers, slower steps", speed_up(count, *check.rng().uniform([4, 20, 1.2], [60, 500, 3])))
### END HIDDEN TESTS

# %% [markdown]
# Put together for workers like ours: a shard of 4 that is kept, without and with waiting, and a batch of 256 that is
# kept, with the times of limit 2.

# %% tags=["demo"] waits=["share", "step_time", "speed_up"]
cut = [shard_time[256] / shard_time[256 // count] for count in WORKERS]
plots.line(WORKERS, {"ideal": WORKERS, "shard of 4, critical batch": speed_up(WORKERS, 4, critical_batch),
                     "the same, and stragglers": speed_up(WORKERS, 4, critical_batch, slowdown),
                     "batch of 256 cut into K": cut}, xlabel="workers $K$", ylabel="speed-up", log="xy")

# %% tags=["demo"] waits=["share", "step_time"]
growth, growth_width = stats.mean_interval(np.log(examples[:, -1] / examples[:, 1]))
small_shard = 256 * shard_time[1] / shard_time[256]
claim(
    "sync-limits",
    measured={"critical batch size, and its 95% half-width over seeds": [critical_batch, critical_width],
              "examples at batch 512 over those at 8": examples[:, -1] / examples[:, 1],
              "mean examples over the law": examples.mean(axis=0) / fitted,
              "time an example: shard of 1 over shard of 256": small_shard,
              "two real workers: step over own time, step foretold over measured":
              [measured / mean_own, foretold / measured],
              "64 simulated workers: step over that of one": slowdown[-1],
              "best of the numbers of backups among 64": int(BACKUPS[((64 - BACKUPS) / late).argmax()])},
    holds=growth - growth_width > np.log(4) and small_shard > 2 and slowdown[-1] > 1.25 * slowdown[1]
    and abs(foretold / measured - 1) < 0.3,
    because="beyond a critical batch of some tens, examples grow in proportion to the batch; in a small shard an "
            "example takes many times longer; the step grows with the number of workers, and at two it is as foretold",
)

# %% [markdown]
# All three sentences hold. With the shard kept, the speed-up cannot pass $1 + B_c/n$; with the batch kept, cutting
# the shards once more soon saves next to nothing.
#
# **How this could be wrong.** The best rate is chosen on the seeds that are shown. The lags are planted: two workers
# test that they are independent and that the exchange only adds, not how large they are. The simulation draws no lag
# beyond the longest of 200. And on a busy machine lags come together; then waiting costs less than foretold.
#
# **Practice has moved on.** An all-reduce cannot leave a worker out: TensorFlow 2's strategies have no backups (version
# 1's `SyncReplicasOptimizer` had). And digits are easy: McCandlish et al. find critical batches of tens of thousands
# for ImageNet and of millions for Dota 2, room for thousands of workers.

# %% [markdown]
# ### Question (3 points, marked by hand): eight times the machines
#
# A team trains on 8 workers with 64 examples each; a step takes 80 ms of work and 10 ms of exchange. They are given 64
# workers, and have measured: from a batch of 512 to one of 4,096 the examples to the target double; in a shard of 8 an
# example takes three times as long as in one of 64; the slowest of 64 workers takes 1.6 times as long as the slowest
# of 8. How many times sooner are they done (a) if they keep the batch, (b) if they keep the shard? Name what costs most
# in each. What would you change first, and which measurement would show that it worked?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_eight_times", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# (a) The steps stay as many. A shard of 8 takes $80 \cdot 3 \cdot 8/64 = 30$ ms, the slowest one 48 ms, with the
# exchange 58 ms instead of 90: 1.6 times sooner, for 8 times the machines. The small shard costs most: without its
# factor of 3 the step would take 26 ms.
#
# (b) Twice the examples in batches 8 times as large: a quarter of the steps. Each takes $80 \cdot 1.6 + 10 = 138$ ms:
# $4 \cdot 90/138 = 2.6$ times sooner. The large batch costs a factor of 2, the stragglers one of 1.5.
#
# Keep the shard, and deal with the stragglers first: look for machines that are always the slow ones (each worker's own
# time over the day). Replacing them should bring the step near 90 ms and the speed-up near 4; if lags wander from
# machine to machine, a few backups. A batch between, with 32 examples a worker, is worth one measurement.
# ### END SOLUTION
#
# *Marking.* One point for each of (a) and (b) with the estimate (10% either way) and the costliest limit; one for a
# change against a cost that was named, with a measurement that would show its success. An answer that only says "more
# machines are faster" or "tune the rate" earns nothing.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Every machine runs the same script; `TF_CONFIG` tells them apart, and the sum of weighted gradients makes them one.
# - Dead is an error, slow is silence: log every worker's own time.
# - Below the critical batch add workers; above it they only burn examples. Measure it before buying machines.
#
# ## At full scale
#
# | where | what | workers | time |
# |---|---|---|---|
# | this laptop | 160 steps of 45 digits, 2,410 parameters | 2 processes | seconds |
# | one GPU | ResNet-50, 25.6 million parameters, 90 epochs of ImageNet | 1 | hours to a day |
# | the paper (Chen et al. 2016) | Inception, ImageNet, synchronous | 96 and 4 backups | not repeated here |
# | the deck's example (notebook 5) | ResNet-50, ImageNet | 16 machines of 8 GPUs | 18 minutes |

# %%
dlcourse.submit()
