# %% [markdown]
# # 7 · Grasping and driving
#
# *Applications* (Goodfellow 2018), slides 33, "Robotics (Google Brain)", and 35, "Autonomous Vehicles (WayMo)".
#
# **You should know** cross-entropy (`loss-functions`) and what a policy is (`non-differentiable`). **You will have
# built** a gripper that labels its own trials and learns from them where to close its fingers; the cross-entropy
# method; and a car that learns to keep its lane from pixels, by cloning, by cloning with disturbances and by DAgger.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1, notebook 3) Of a robot's trials 6% succeed. A network predicts 6% each time. Its accuracy, its loss?
# 2. (Week 9, notebook 3) Why does a translator trained with teacher forcing do worse than its training log says?
#
# <details><summary>Answers</summary>
#
# 1. As a classifier it is right in 94% of the trials, and useless. Its cross-entropy is
#    $-0.06 \ln 0.06 - 0.94 \ln 0.94 = 0.23$ nats, what a network has to beat.
# 2. In training it reads true words, later its own, mistakes among them. It meets beginnings that it was never trained
#    on. A car that learned from a good driver has the same trouble.
#
# </details>

# %%
dlcourse.setup("week15/07_grasping_and_driving", seed=157)

import copy

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import augmentation, check, claim, grasping, plots, seeds, stats
from dlcourse.lane_driving import LaneDriving

# %% [markdown] topic="robotics-grasping"
# ## Robotics: grasping
#
# "Robotics (Google Brain)" is the slide's whole text. What that group had built by then is the arms of Levine et al.
# 2016. For two months up to 14 of them reached into bins of things, at first at random. A camera saw whether the
# gripper came up empty, and that was the label: nobody labelled anything. A network learned
#
# $$g(I, v) = p(\text{success} \mid \text{picture } I, \text{grasp } v)$$
#
# from these trials, and then chose the grasps, so that later trials were better ones.
#
# Our gripper has two fingers. A grasp is $v = (x, y, \theta)$: the fingers come down on both sides of the place
# $(x, y)$ and close in direction $\theta$. They must not come down on the object, must meet surfaces that face them,
# and must hold it near its centre of mass; else it slips. Every trial is with an object never seen before.

# %%
def show_grasps(pictures, grasps, held, titles):
    """Pictures with the gripper's fingers before they close: blue where it holds, orange and dotted where not."""
    plots.images(pictures, titles)
    for ax, (x, y, angle), good in zip(plt.gcf().axes, grasps, held, strict=True):
        closing, across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        for end in (-grasping.OPENING / 2, grasping.OPENING / 2):  # pixel (r, c) has its middle at y = r + 0.5
            finger = [x - 0.5, y - 0.5] + end * closing + np.outer([-1.5, 1.5], across)
            ax.plot(*finger.T, color="#56B4E9" if good else "#E69F00", linestyle="-" if good else ":", linewidth=3)


def new_objects(count, seed):
    """Objects and what the camera sees of them, (count, 24, 24)."""
    found = grasping.objects(count, seed=seed)
    return found, grasping.pictures(found, seed=seed + 500)


# %% tags=["demo"]
found, pictures = new_objects(800, seeds(1)[0])
grasps = grasping.random_grasps(800, np.random.default_rng(0))  # (800, 3)
held = grasping.succeeds(found, grasps)
some = np.r_[np.flatnonzero(~held)[:8], np.flatnonzero(held)[:8]]
show_grasps(pictures[some], grasps[some], held[some], ["slipped"] * 8 + ["held"] * 8)

# %% [markdown]
# ### Exercise 1 (4 points): the gripper's own view
#
# A hammer that lies elsewhere, or turned, is the same hammer to a gripper moved and turned with it. So we show the
# network a crop in the **grasp's frame**: its middle is $(x, y)$, its columns run along the closing direction
# $(\cos\theta, \sin\theta)$, its rows along $(-\sin\theta, \cos\theta)$. Write where its pixels lie in the picture: the
# pixel in row $r$ and column $c$ is `ticks[c]` away from the middle along the columns' direction and `ticks[r]` along
# the rows'.

# %% nbgrader={"grade": false, "grade_id": "crop_places", "locked": false, "schema_version": 3, "solution": true, "task": false}
def crop_places(grasps: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """x and y in the picture of each crop's pixels, (n, m, m, 2); grasps (n, 3) of x, y and angle, ticks (m,)."""
    ### BEGIN SOLUTION
    along, aside = np.meshgrid(ticks, ticks)  # (m, m): changes with the column, with the row
    x, y, angle = grasps.T[:, :, None, None]  # (n, 1, 1) each
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([x + cosine * along - sine * aside, y + sine * along + cosine * aside], axis=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "crop_places_moved", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("angle 0: columns go to the right, rows down", crop_places(np.array([[5.0, 8.0, 0.0]]), np.array([-1.0, 1.0])),
      expected=[[[[4, 7], [6, 7]], [[4, 9], [6, 9]]]])
### BEGIN HIDDEN TESTS
check("four places, angle 0", crop_places(check.rng().normal(size=(4, 3)) * [3, 3, 0], check.rng().normal(size=5)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "crop_places_turned", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a quarter turn: columns go down, rows to the left", expected=[[[[6, 7], [6, 9]], [[4, 7], [4, 9]]]],
      value=crop_places(np.array([[5.0, 8.0, np.pi / 2]]), np.array([-1.0, 1.0])))
### BEGIN HIDDEN TESTS
check("four places, any angle", crop_places(check.rng().normal(size=(4, 3)) * 3, check.rng().normal(size=5)))
### END HIDDEN TESTS

# %% [markdown]
# Between pixels the crop is interpolated, by the bilinear sampling of week 4. Sixteen pixels, 1.25 apart, show the
# gripper's surroundings out to 9 pixels: enough to guess the centre of mass. A mirrored crop has the same label, and
# since the gripper has no front, so has one mirrored along the fingers: each trial gives four examples.

# %% waits=["crop_places"]
def crops(pictures, grasps):
    """What the grasps (n, 3) see of their pictures (n, 24, 24): (n, 16, 16), zero near the middle grey."""
    places = crop_places(grasps, 1.25 * (np.arange(16) - 7.5))  # (n, 16, 16, 2), x before y
    places = tf.constant(places[..., ::-1] - 0.5, tf.float32)  # rows before columns, a pixel's middle at whole numbers
    return augmentation.sample(tf.constant(pictures[..., None]), places, "nearest")[..., 0].numpy() - 0.3


# %% tags=["demo"] waits=["crop_places"]
plots.images(crops(pictures[some], grasps[some]) + 0.3, ["slipped"] * 8 + ["held"] * 8)

# %% [markdown]
# The fingers now come from left and right in every picture, and "held" looks nearly alike: something upright in the
# middle. What is left to learn fits into a small network of two hidden layers. Comparisons need several, so `nets`
# networks stand side by side along the first axis, each with its own weights and its own examples.

# %%
def new_networks(nets, sizes, rng):
    """A matrix (nets, inputs, outputs) and a bias (nets, 1, outputs) for each layer, in one list."""
    return [tf.Variable(array, dtype=tf.float32) for n, m in zip(sizes, sizes[1:], strict=False)
            for array in (rng.normal(size=(nets, n, m)) * np.sqrt(2 / n), np.zeros((nets, 1, m)))]


def network(weights, x):
    """Outputs (nets, batch) for x (nets, batch, inputs); x (1, batch, inputs) is shown to all."""
    for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = tf.nn.relu(x @ W + b)  # (nets, batch, units)
    return (x @ weights[-2] + weights[-1])[..., 0]


def trained(inputs, targets, owned, loss, rng, steps=400, rate=2e-3):
    """Networks, each trained on its rows `owned` of inputs (n, ...) and targets (n,), in batches of 32."""
    inputs, targets = tf.constant(inputs.reshape(len(inputs), -1), tf.float32), tf.constant(targets, tf.float32)
    weights = new_networks(len(owned), (inputs.shape[1], 64, 32, 1), rng)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(weights)

    @tf.function
    def learn(batches):
        for rows in batches:  # (nets, 32)
            with tf.GradientTape() as tape:
                losses = loss(tf.gather(targets, rows), network(weights, tf.gather(inputs, rows)))  # (nets, 32)
                total = tf.reduce_sum(losses) / 32  # the sum over networks gives each its own gradient
            optimizer.apply(tape.gradient(total, weights), weights)

    learn(tf.constant(np.stack([rows[rng.integers(len(rows), size=(steps, 32))] for rows in owned], axis=1)))
    return weights


# %% [markdown]
# One of several networks is what Keras calls `Sequential` with three `Dense` layers. The two are shown equal:

# %% tags=["demo"]
several, x = new_networks(3, (256, 64, 32, 1), rng := np.random.default_rng(0)), rng.normal(size=(9, 256))
model = keras.Sequential([keras.Input((256,)), *map(keras.layers.Dense, (64, 32, 1), ("relu", "relu", None))])
model.set_weights([w[2].numpy() if w.shape[1] > 1 else w[2, 0].numpy() for w in several])
print(f"largest difference: {np.abs(model(x)[:, 0] - network(several, tf.constant(x[None], tf.float32))[2]).max():.1e}")

# %% [markdown]
# ### Learning from one's own trials
#
# Five robots make 2,000 random trials each. From the first 100, 300, ... of them each learns $p(\text{success})$ by
# cross-entropy. The test: 300 objects never seen, 64 random grasps thought of for each, and the one with the largest
# $g(I, v)$ is tried. With 100 trials a robot has held about seven objects. **Predict**: how many trials does it need to
# lift every second object?

# %% waits=["crop_places"]
def learn_to_grasp(views, held, owned, rng):
    """Networks, each trained on its own of the trials (crops and whether they held) and their mirror images."""
    mirrored = np.concatenate([views[:, ::a, ::b] for a in (1, -1) for b in (1, -1)])  # (4n, 16, 16)
    owned = [np.concatenate([rows + k * len(views) for k in range(4)]) for rows in owned]
    return trained(mirrored, np.tile(held, 4), owned, tf.nn.sigmoid_cross_entropy_with_logits, rng, steps=1200)


def rated(weights, views):
    """Logits (nets, n) that the networks give to crops (n, 16, 16)."""
    return network(weights, tf.constant(views.reshape(1, -1, 256))).numpy()


# %% tags=["demo"] waits=["crop_places"]
sizes, rng, object_seeds = [100, 300, 1000, 2000], np.random.default_rng(seeds(1)[0]), seeds(7)
found, pictures = new_objects(5 * 2000, object_seeds[5])
grasps = grasping.random_grasps(5 * 2000, rng)
held, views = grasping.succeeds(found, grasps), crops(pictures, grasps)
owned = [2000 * k + np.arange(size) for size in sizes for k in range(5)]
learned = learn_to_grasp(views, held, owned, rng)  # 20 networks
found, test_pictures = new_objects(300, object_seeds[6])
thought = grasping.random_grasps(300 * 64, rng).reshape(300, 64, 3)  # of each test object
truth = np.stack([grasping.succeeds(found, v) for v in thought.transpose(1, 0, 2)], axis=1)  # (300, 64)
test_views = crops(np.repeat(test_pictures, 64, axis=0), thought.reshape(-1, 3))  # (19200, 16, 16)
logits = rated(learned, test_views).reshape(len(sizes), 5, 300, 64)


def lifted(logits):
    """Percentage of the 300 test objects that are lifted by the grasp with the largest logit, of (..., 300, 64)."""
    return 100 * truth[np.arange(300), logits.argmax(axis=-1)].mean(axis=-1)


# %% [markdown]
# Three things to compare with. **By geometry**: close across the principal axis of the bright pixels, through their
# mean; an engineer's rule that knows what the network has to find. **The best that 64 allow**: where one of the 64
# holds. And **without the crop**, Levine's form: the whole picture and $v$ as numbers, from the same trials and as
# many mirror images.

# %% tags=["demo"] waits=["crop_places"]
def across_the_axis(pictures):
    """The grasp (n, 3) through the mean of the bright pixels, closing across their principal axis."""
    bright, ticks = (pictures.reshape(len(pictures), -1) > 0.45).astype(float), np.arange(24) + 0.5
    at = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    mean = bright @ at / bright.sum(axis=1, keepdims=True)
    away = (at - mean[:, None]) * bright[..., None]
    axis = np.linalg.eigh(away.transpose(0, 2, 1) @ away)[1][..., 0]  # the direction of least variance
    return np.c_[mean, np.arctan2(axis[:, 1], axis[:, 0])]


def uncropped(pictures, v):
    return np.c_[pictures.reshape(len(v), -1) - 0.3, v[:, :2] / 5 - 2.4, np.cos(2 * v[:, 2:]), np.sin(2 * v[:, 2:])]


middle, owned = np.array([12, 12, 0]), np.arange(40_000).reshape(4, 5, 2000).swapaxes(0, 1).reshape(5, 8000)
seen = np.concatenate([uncropped(pictures[:, ::a, ::b], (grasps - middle) * [b, a, a * b] + middle)
                       for a in (1, -1) for b in (1, -1)])  # (40000, 580)
plain = trained(seen, np.tile(held, 4), owned, tf.nn.sigmoid_cross_entropy_with_logits, rng, steps=1200)
x = uncropped(np.repeat(test_pictures, 64, axis=0), thought.reshape(-1, 3))[None]  # (1, 19200, 580)
without_crop = network(plain, tf.constant(x, tf.float32)).numpy().reshape(5, 300, 64)
geometry = 100 * grasping.succeeds(found, across_the_axis(test_pictures)).mean()

# %% [markdown]
# ### The second round
#
# A robot that has made 1,000 random trials makes its next 1,000 with what it has learned: of 8 random grasps it tries
# the one that it rates best. It then learns from all 2,000, and is compared with itself after 2,000 random trials.

# %% tags=["demo"] waits=["crop_places"]
chosen, kept = [], []
for k in range(5):
    others, pictures = new_objects(1000, object_seeds[k])
    eight = grasping.random_grasps(8000, rng)  # for each object
    seen = crops(np.repeat(pictures, 8, axis=0), eight)  # (8000, 16, 16)
    scores = rated([w[10 + k:11 + k] for w in learned], seen).reshape(1000, 8)  # after 1,000 trials
    best = 8 * np.arange(1000) + scores.argmax(axis=1)
    chosen, kept = [*chosen, seen[best]], [*kept, grasping.succeeds(others, eight[best])]
owned = [np.r_[2000 * k:2000 * k + 1000, 10_000 + 1000 * k:11_000 + 1000 * k] for k in range(5)]
again = learn_to_grasp(np.concatenate([views, *chosen]), np.concatenate([held, *kept]), owned, rng)
two_rounds = rated(again, test_views).reshape(5, 300, 64)  # (5, 300, 64)

# %% [markdown]
# On the right of the next picture is the calibration: of all the test's grasps to which a network gives about so much,
# how many hold? And what do you expect of those grasps only that were rated best among 64? Below the table are one
# robot's choices after the second round with what it predicted, ten that held and six that slipped.

# %% tags=["demo"] waits=["crop_places"]
left, right = plots.panels(2)
levels = {"one of the 64 holds": 100 * truth.any(axis=1).mean(), "geometry": geometry, "random": 100 * truth.mean()}
plots.line(sizes, {"network": lifted(logits).T} | {name: np.full(4, level) for name, level in levels.items()},
           xlabel="random trials", ylabel="objects lifted (%)", log="x", ax=left)
systems = {"300 random trials": logits[1], "2,000 random trials": logits[3],
           "1,000 random, 1,000 chosen": two_rounds, "2,000 random, without the crop": without_crop}
chances, points = {name: tf.sigmoid(each).numpy() for name, each in systems.items()}, {}
for name in list(systems)[:2]:
    p = chances[name].ravel()
    part = np.digitize(p, [0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85])
    of_part, hits, number = (np.bincount(part, x, 8) for x in (p, np.tile(truth.ravel(), 5), np.ones(len(p))))
    points[name] = 100 * of_part / number, 100 * hits / number
plots.scatter(points, xlabel="predicted chance (%)", ylabel="held (%)", ax=right)
_ = right.plot([0, 100], [0, 100], "k:")

# %% tags=["demo"] waits=["crop_places"]
plots.table(["trials", "lifted (%)", "lowest", "highest robot", "predicted for these grasps (%)"],
            [[name, *(f(lifted(systems[name])) for f in (np.mean, np.min, np.max)), 100 * p.max(axis=-1).mean()]
             for name, p in chances.items()])
best = thought[np.arange(300), two_rounds[0].argmax(axis=-1)]
good, sure = grasping.succeeds(found, best), chances["1,000 random, 1,000 chosen"][0].max(axis=-1)
some = np.r_[np.flatnonzero(good)[:10], np.flatnonzero(~good)[:6]]
show_grasps(test_pictures[some], best[some], good[some], [f"{100 * p:.0f}%" for p in sure[some]])

# %% [markdown]
# After a hundred trials, some seven successes, the gripper lifts more than half of the objects that it never saw; after
# 2,000 it is about as good as the engineer's rule, which nobody told it. The crop has taken place and direction out of
# the problem, and what is left to learn is little. Levine's network had to learn both, from 800,000 trials; the table's
# last row shows what the same form makes of 2,000.
#
# The second round changes the data: of the trials that the policy chose several times as many hold (the claim says how
# many), so the network sees what it confuses, and no longer mostly tables that it missed. For equally many trials that
# gains a few points at most: 2,000 random ones bring successes enough. Where they are rarer it should gain more.
#
# After 300 trials the network is too sure in both directions: it knows some twenty successes by heart. After 2,000 the
# points lie near the line. But they are means over all grasps, and the robot tries the best rated of 64 only. A maximum
# prefers the overrated: compare what the table says was predicted for these with what was lifted. Where the prediction
# is higher, most after 300 trials, that is the **winner's curse**: a robot that plans by its predictions pays for it.

# %% tags=["demo"] waits=["crop_places"]
gain, crop_gain, round_gain = (stats.mean_interval(lifted(a) - b) for a, b in [
    (logits[3], 100 * truth.mean()), (logits[3], lifted(without_crop)), (two_rounds, lifted(logits[3]))])
claim(
    "robotics-grasping",
    measured={"random grasps that hold, of 19,200 on objects never seen (%)": 100 * truth.mean(),
              "objects lifted after " + ", ".join(map(str, sizes)) + " trials (%)": lifted(logits).mean(axis=1),
              "2,000 trials: gain over random (points, 95% half-width)": gain, "by geometry (%)": geometry,
              "gain over the network without the crop": crop_gain, "gain of a chosen second round": round_gain,
              "trials of the second round that held (%)": 100 * np.mean(kept)},
    holds=gain[0] - gain[1] > 40 and crop_gain[0] > crop_gain[1],
    because="its own trials, of which few held, teach the gripper to lift most objects never seen",
)

# %% [markdown]
# **How this could be wrong.** Objects of two parts, one at a time, in the middle of a clean table: the engineer's rule
# shows how easy that is, and it needed no trial at all. All robots are tested with the same 300 objects and 64 grasps
# each, so the interval holds chance in the trials and in the start of training, and not in the test (a standard error
# of about 2 points). The network without the crop had the same layers, steps, rate and mirror images. It predicts less
# than it lifts: it is not done learning. In a trial run it lifted 54% with batches of 64, and 58% with twice the steps
# as well; convolutions and more trials would help it too.
#
# **Often mistaken.** With 6% successes accuracy says nothing; what counts is which grasp comes out on top. **Practice
# has moved on**: QT-Opt (2018) learned a value function from 580,000 real trials, so that the arm may look again and
# regrasp; the labels still come from the gripper.

# %% [markdown] topic="autonomous-driving"
# ## Autonomous driving
#
# "Autonomous Vehicles (WayMo)" is the slide's whole text. The simplest way to learn driving is **behavioural cloning**:
# record what a good driver sees and does, and fit it, as ALVINN did in 1989 with pictures of 30 x 32 pixels. Waymo's
# own report of 2018 (Bansal et al., *ChauffeurNet*) says what becomes of it: "standard behavior cloning is insufficient
# ... 30 million examples are still not enough". Why should it not be enough?
#
# Our cars have a camera that looks ahead from above, 16 x 24 pixels, and drive a metre a step on winding roads; a
# network chooses the steering, as a curvature. The lane is 4 metres wide; a car whose middle leaves it has failed. The
# expert knows the road's middle line and steers to the point 5 metres on.

# %% tags=["demo"]
plots.images(LaneDriving(8, seed=seeds(1)[0]).camera(), [f"road {k}" for k in range(1, 9)])

# %% [markdown]
# ### Exercise 2 (4 points): find the planted bugs
#
# All ways of learning below are one loop, and differ in who holds the wheel. At each step the cars that still drive
# (inside their lanes and not at the end) give a camera picture each, with the **expert's** steering at that place as
# its label. Then the cars move as `steer(cars, pictures)` says. It ends when no car drives any more.
#
# When `steer` is the expert, this is **cloning**; when it is the expert with a shaking wheel, cloning with
# disturbances; when it is the network that has learned so far, **DAgger** (Ross, Gordon, Bagnell 2011): the learner
# drives into trouble, and the expert says what should be done there. A colleague wrote
#
# ```python
# def labelled_drive_with_bugs(cars, steer):
#     seen, labels, drives = [], [], cars.on_the_road()
#     while drives.any():
#         pictures = cars.camera()
#         seen.append(pictures)
#         labels.append(steer(cars, pictures))
#         drives = cars.step(cars.expert())
#     return np.concatenate(seen), np.concatenate(labels)
# ```
#
# While the expert drives nothing seems to be wrong, and DAgger learns nothing new. Write it without the bugs.

# %%
def by_expert(cars, pictures):
    return cars.expert()


# %% nbgrader={"grade": false, "grade_id": "labelled_drive", "locked": false, "schema_version": 3, "solution": true, "task": false}
def labelled_drive(cars: LaneDriving, steer) -> tuple[np.ndarray, np.ndarray]:
    """All cars' pictures (n, 16, 24) and the expert's steering there (n,), first those of the first step."""
    ### BEGIN SOLUTION
    seen, labels, drives = [], [], cars.on_the_road()
    while drives.any():
        pictures = cars.camera()  # (count, 16, 24)
        seen.append(pictures[drives])
        labels.append(cars.expert()[drives])
        drives = cars.step(steer(cars, pictures))
    return np.concatenate(seen), np.concatenate(labels)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "labelled_drive_expert", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
pictures, labels = labelled_drive(LaneDriving(2, length=50, seed=1), by_expert)
check("two cars, 50 metres, the expert drives: 100 pictures, 100 labels", [len(pictures), len(labels)], [100, 100])
check("the first labels are given at the start", labels[:2], expected=LaneDriving(2, length=50, seed=1).expert())
### BEGIN HIDDEN TESTS
pictures, labels = labelled_drive(LaneDriving(2, length=50, seed=int(check.rng().integers(1000))), by_expert)
check("the expert drives: pictures and labels", [pictures.mean(axis=(1, 2)), labels])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "labelled_drive_learner", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
labels = labelled_drive(LaneDriving(3, length=50, seed=2), lambda cars, pictures: np.zeros(3))[1]
check("nobody steers: one label for each metre driven inside the lane", len(labels), expected=44)
check("the labels are the expert's all the same", labels[:3], expected=LaneDriving(3, length=50, seed=2).expert())
### BEGIN HIDDEN TESTS
cars, turn = LaneDriving(3, length=50, seed=int(check.rng().integers(1000))), check.rng().normal(size=3) / 20
pictures, labels = labelled_drive(cars, lambda cars, pictures: turn * pictures.mean(axis=(1, 2)))
check("who drives badly: pictures and labels", [pictures.mean(axis=(1, 2)), labels])
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 (4 points): metres before leaving the lane
#
# A test road ends after 200 metres. The mean distance of the cars depends on that choice; a car that arrived would have
# driven on, nobody knows how far. Suppose that every metre brings the same chance $\lambda\, dx$ to leave the lane. A
# car that leaves after $d$ metres then has likelihood $\lambda e^{-\lambda d}$, one that arrives after $L$ metres
# $e^{-\lambda L}$. **Derive** the $\lambda$ under which what was seen is likeliest, and return $1 / \lambda$, the
# metres for each departure. When no car left, return the largest $1/\lambda$ that is excluded at 95%: that under which
# so good a result has a chance of 5%.

# %% nbgrader={"grade": false, "grade_id": "metres_per_departure", "locked": false, "schema_version": 3, "solution": true, "task": false}
def metres_per_departure(driven: np.ndarray, length: float) -> float:
    """Estimated from the metres driven (n,); a car whose metres reach `length` has arrived, any other has left."""
    ### BEGIN SOLUTION
    left = np.sum(driven < length)  # d ln likelihood / d lambda = left / lambda - sum of all metres = 0
    return float(np.sum(driven) / (left if left else np.log(20)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "metres_per_departure_some", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("20 and 60 metres, two arrivals at 100", metres_per_departure(np.array([20.0, 60, 100, 100]), 100), expected=140)
### BEGIN HIDDEN TESTS
check("some left", [metres_per_departure(np.minimum(check.rng().exponential(90, 12), 70), 70) for _ in range(5)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "metres_per_departure_none", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("none left: exp(-200 lambda) = 1/20", metres_per_departure(np.array([100, 100]), 100), expected=200 / np.log(20))
### BEGIN HIDDEN TESTS
check("none left", [metres_per_departure(np.full(n, 80.0), 80) for n in check.rng().integers(1, 90, size=5)])
### END HIDDEN TESTS

# %% [markdown]
# The same sum answers a question about real cars. In the United States one person dies for each 92 million miles
# driven (2013). How many miles must cars drive without a death to show, with 95% confidence, that they do as well?
# $92 \ln 20 = 275$ million miles: the number in Kalra and Paddock 2016, *Driving to safety*.
#
# ### Equal labels, different drivers
#
# Every learner gets 200 labels, 40 in each of five rounds, drawn from what was seen on two roads of 60 metres, the
# same roads for all. **Cloning**: the expert drives. **Disturbed**: the expert drives, but the wheel shakes, and the
# labels are what the expert wants to do, not what is done. **DAgger**: the expert drives in the first round, after that
# the network trained on the labels so far (a few fewer than 40, if both its cars leave early). Two controls: **cloning,
# 600 labels** takes all 600 of the expert's pictures; **blind** is shown empty ones, so that it can learn the mean of
# its labels and no more. Each network is trained from the start, 400 steps of squared loss.
#
# The test: three roads of 200 metres for each of twenty seeds, never seen. **Predict**: whose error will be smallest on
# pictures that the expert meets, and who drives farthest?

# %%
def steered_by(weights, pictures):
    """Steering (nets, cars) of the networks for pictures (nets, cars, 16, 24)."""
    return network(weights, tf.constant(pictures.reshape(*pictures.shape[:2], 384) - 0.4)).numpy() / 10


def learn_to_drive(lessons, rng):
    """Networks, one for each list of lessons (pictures, labels)."""
    ends = np.cumsum([sum(len(labels) for _, labels in own) for own in lessons])
    pictures, labels = (np.concatenate(part) for part in zip(*sum(lessons, []), strict=True))
    return trained(pictures - np.float32(0.4), 10 * labels, np.split(np.arange(ends[-1]), ends[:-1]),
                   tf.math.squared_difference, rng)


def shaking(rng, count, size=0.08):
    """The expert, with a disturbance of standard deviation `size` that lasts about five metres."""
    noise = np.zeros(count)

    def steer(cars, pictures):
        noise[:] = 0.8 * noise + 0.6 * size * rng.normal(size=count)
        return cars.expert() + noise
    return steer


# %% tags=["demo"] waits=["labelled_drive"]
lessons = {name: [[] for _ in range(20)] for name in ["cloning", "cloning, 600 labels", "disturbed", "DAgger"]}
steer, rng = [by_expert] * 20, np.random.default_rng(seeds(1)[0])
for number, roads in enumerate(np.reshape(seeds(100), (5, 20))):
    if number:
        learned = learn_to_drive(lessons["DAgger"], rng)
        steer = [lambda cars, pictures, k=k: steered_by([w[k:k + 1] for w in learned], pictures[None])[0]
                 for k in range(20)]
    for k, road in enumerate(map(int, roads)):
        for name, way in [("cloning", by_expert), ("disturbed", shaking(rng, 2)), ("DAgger", steer[k])]:
            pictures, labels = labelled_drive(LaneDriving(2, length=60, seed=road), way)
            some = rng.permutation(len(labels))[:40]
            lessons[name][k].append((pictures[some], labels[some]))
            if name == "cloning":
                lessons["cloning, 600 labels"][k].append((pictures, labels))
learned = learn_to_drive(sum(lessons.values(), []), rng)  # 80 networks
blind = np.array([np.mean([labels for _, labels in own]) for own in lessons["cloning"]])  # (20,)

# %% [markdown]
# In the test all 80 networks drive at once. What they meet is kept: where each car is, how it stands to the road, what
# it sees, and what the expert would have done there.

# %%
def only(cars, which):
    """Some of the cars, as many times as `which` names them."""
    some = copy.copy(cars)
    vars(some).update({name: value[which] for name, value in vars(cars).items() if isinstance(value, np.ndarray)})
    return some


def tested(weights, cars):
    """Each network drives its share of the cars; a history of arrays (steps, cars, ...)."""
    history = []
    while (drives := cars.on_the_road()).any():
        pictures = np.zeros((len(drives), 16, 24), np.float32)
        pictures[drives] = only(cars, drives).camera()
        steering = steered_by(weights, pictures.reshape(weights[0].shape[0], -1, 16, 24)).ravel()
        history.append([drives, cars.offsets(), turned(cars), steering - cars.expert(), pictures])
        cars.step(steering)
    return [np.stack(part) for part in zip(*history, strict=True)]


def turned(cars):  # to the left against the road, in degrees
    return np.degrees(cars.headings - cars.road_headings[np.arange(len(cars.headings)), cars.nearest])


# %% tags=["demo"] waits=["labelled_drive"]
names, roads = list(lessons), LaneDriving(60, length=200, seed=seeds(101)[100])  # 3 roads for each of 20 seeds
cars = only(roads, np.tile(np.arange(60), 4))
drives, offsets, angles, errors, frames = tested(learned, cars)  # (steps, 240) each, frames (steps, 240, 16, 24)
metres, each = dict(zip(names, cars.driven.reshape(4, 20, 3), strict=True)), (-1, 80, 3)
on_own = np.sqrt((errors**2).reshape(each).mean(axis=(0, 2), where=drives.reshape(each))).reshape(4, 20)
pictures, labels = labelled_drive(LaneDriving(10, length=100, seed=seeds(102)[101]), by_expert)
on_experts = np.sqrt(((steered_by(learned, pictures[None]) - labels) ** 2).mean(axis=1)).reshape(4, 20)
for name, part, constant in [("blind", 0, np.repeat(blind, 3)), ("straight on", 0, 0), ("expert", 1, 0)]:
    cars, states = only(roads, np.arange(60)), []
    while cars.on_the_road().any():
        states.append([cars.offsets(), turned(cars)])
        cars.step(part * cars.expert() + constant)
    metres[name] = cars.driven.reshape(20, 3)

# %% tags=["demo"] waits=["labelled_drive", "metres_per_departure"]
its = {name: [on_experts[k].mean(), on_own[k].mean()] for k, name in enumerate(names)}
its["blind"] = [np.sqrt(((blind[:, None] - labels) ** 2).mean()), ""]
plots.table(["who drives", "error where the expert goes (1/m)", "where it goes", "metres of 200",
             "worst seed", "best seed", "metres for each departure"],
            [[name, *map(plots.cell, its.get(name, [""] * 2)), y.mean(), *np.sort(y.mean(axis=1))[[0, -1]],
              ("" if (y < 200).any() else "over ") + plots.cell(metres_per_departure(y.ravel(), 200))]
             for name, y in metres.items()])

# %% tags=["demo"] waits=["labelled_drive"]
left, right = plots.panels(2)
for x, y, look in [(offsets[:, :60][drives[:, :60]], angles[:, :60][drives[:, :60]], {"color": "C1", "marker": "s"}),
                   (*np.stack(states, axis=1), {"color": "C0", "marker": "o"})]:
    left.scatter(x.ravel()[::3], y.ravel()[::3], s=3, **look)
left.set(xlabel="offset to the left (m)", ylabel="turned to the left (degrees)")
left.legend(["where the clones come", "where the expert comes"], markerscale=4)
plots.line(range(201), {name: 100 * (metres[name][..., None] >= range(201)).mean((0, 1)) for name in [*names, "blind"]},
           xlabel="metres driven", ylabel="still in the lane (%)", ax=right)
_ = right.legend(loc=(0.48, 0.08))

# %% tags=["demo"] waits=["labelled_drive"]
cloned, other = (metres[name].ravel() for name in ["cloning", "DAgger"])
k = int(np.argmax(np.where(cloned > 30, other - cloned, 0)))  # the road on which most was won
at = np.arange(int(cloned[k]) - 22, int(cloned[k]), 3)
plots.images([frames[t, car] for car in (k, k + 60 * names.index("DAgger")) for t in at],
             [f"{who}, {t} m" for who in ("cloning", "DAgger") for t in at])

# %% [markdown]
# On the expert's pictures the clone's error is a small part of what a blind network makes, and a validation set says
# no more than that. But its small errors move the car to where the expert never was (left). There its steering is a
# guess, the next error is larger, and the frames show how it ends. If a learner errs with probability $\epsilon$ a step
# where the expert goes, it may be wrong in $O(\epsilon T^2)$ of $T$ steps, since after one error all later ones can
# follow; with DAgger's labels the bound is $O(\epsilon T)$ (Ross et al. 2011).
#
# Compare the two columns of errors for each driver. Of those with equal labels, cloning is best where the expert goes,
# and its columns lie farthest apart. The disturbed expert's pupil imitates worst there; its columns are closest
# together, and it goes farthest.
# Three times as many labels of the same kind are the control for the cheaper explanation, that cloning had seen too
# little: they help, yet a third of them with a shaking wheel helps more. DAgger is between. One reason may be that its
# first learners, of 40 labels, go where its last one hardly comes; the shaking brings states of the useful kind from
# the first round on.

# %% tags=["demo"] waits=["labelled_drive"]
gains = {name: stats.mean_interval((metres[name] - metres["cloning"]).mean(axis=1)) for name in names[1:4]}
drift = stats.mean_interval(on_own[0] - on_experts[0])
claim(
    "autonomous-driving",
    measured={"metres of 200 before leaving the lane: " + ", ".join(metres): [y.mean() for y in metres.values()],
              "error of cloning on the expert's pictures, on its own (1/m)": [on_experts[0].mean(), on_own[0].mean()],
              "difference (1/m, 95% half-width)": drift} | {
                  f"{name}: gain over cloning (m, 95% half-width)": gain for name, gain in gains.items()},
    holds=gains["disturbed"][0] > gains["disturbed"][1] and gains["DAgger"][0] > 0 and drift[0] > drift[1]
    and metres["blind"].mean() < metres["cloning"].mean() / 2,
    because="a clone errs most where its errors take it; labels from beside the expert's way keep it in lane longer",
)

# %% [markdown]
# **How this could be wrong.** Our expert answers for any picture and never tires; a human who labels pictures without
# feeling the car move may do worse. A drive of 200 metres is short: whoever arrives on all roads has been measured to a
# bound only, and the gains over cloning are at least what is said. The number of labels was chosen: with 100, DAgger's
# gain was 20 to 51 metres in four runs and above its interval in two of them; with 400, clones arrived on two roads of
# three, and five seeds could not tell DAgger from them. The disturbed driver was ahead each time. DAgger's interval
# excludes 0 by little here, so the claim asks of DAgger that its mean gain is positive, and of the disturbed driver's
# that it exceeds the interval. The strength of the shaking (0.08 per metre, against curves of at most 0.067) was not
# tuned. The bound in $T^2$ was not measured.
#
# **Often mistaken.** A validation error on recorded drives, however small, is measured in the wrong place. **Practice
# has moved on**: NVIDIA's PilotNet (2016) had cameras to the left and right, whose pictures were labelled with the way
# back; ChauffeurNet disturbs the recorded drives. Both are the shaking wheel: recovery without a learner on the road.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - A trial that reports its own outcome needs no other label. Chance gives the first successes, the policy the next.
# - Put into the picture what is known: in the grasp's frame moved and turned objects are one.
# - A score that is maximized is too high where it is wrong. Ask for its calibration among the chosen.
# - A cloned driver is trained on the expert's states and tested on its own. Label where the learner goes.
# - Distances that the road's end cuts off are divided by departures; no departure gives a bound and no rate.
#
# ## At full scale
#
# | | this laptop | one GPU | the papers |
# |---|---|---|---|
# | grasping | 2,000 trials, 18,561 parameters | a simulator, millions of trials | 800,000 trials, up to 14 arms |
# | driving | 200 labels, 26,753 parameters | a driving simulator, hours of pictures | ChauffeurNet: 30 million |
#
# Levine et al. 2016, *Learning hand-eye coordination for robotic grasping*; Ross et al. 2011, *A reduction of imitation
# learning to no-regret online learning*; Laskey et al. 2017, *DART* (noise while the expert drives).

# %%
dlcourse.submit()
