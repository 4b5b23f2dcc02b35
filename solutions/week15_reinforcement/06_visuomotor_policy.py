# %% [markdown]
# # 6 · From pixels to torques
#
# *Practical Deep Learning*, week 5, "Robotics"; *Large Scale Deep Learning*, session III, slides "Hot Topics in Deep
# Learning: Robots!" The paper behind both: Levine, Finn, Darrell, Abbeel 2015, *End-to-End Training of Deep Visuomotor
# Policies*.
#
# **You should know** what a policy is (`q-learning`), why a reward has no gradient (`non-differentiable`), and
# convolutions (week 4). **You will have built** a teacher that plans with the arm's equations of motion; a network with
# feature points that sees a picture and drives the motors; a second lesson, in the states into which the network brings
# itself; and the controls which show that it does look.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) The gradient of the expected return can be estimated from sampled actions. Why does that take so many
#    more samples than supervised learning?
# 2. (Week 2, `softmax-temperature`) A softmax runs over the 225 places of a 15 x 15 map, and all activations are equal.
#    Where is the mean of the places, weighted by it? And when one activation is very large?
#
# <details><summary>Answers</summary>
#
# 1. A return says how good the whole episode was, not which of its actions should have been otherwise, nor what they
#    should have been. A label says this for each state, in both torques.
# 2. In the middle of the map; at the place of the large activation. In between it moves smoothly, so it has a gradient,
#    which the place of the maximum has not.
#
# </details>

# %%
dlcourse.setup("week15/06_visuomotor_policy", seed=156)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds, stats, two_joint_arm
from scipy.linalg import solve_discrete_are

# %% [markdown] topic="visuomotor-policy"
# ## Visuomotor policy
#
# "We develop a method that can be used to learn policies that map raw image observations directly to torques at the
# robot's motors. The policies are represented by deep convolutional neural networks (CNNs) with 92,000 parameters, and
# are trained using a partially observed guided policy search method, which transforms policy search into supervised
# learning, with supervision provided by a simple trajectory-centric reinforcement learning method." The other deck
# draws the conclusion: "End-to-end learning from example. Bypasses much of traditional robotics approaches:
# localization, registration, motion planning."
#
# The robot is an arm of two links on a table, the task to bring its hand to the red disc within 2.5 s and to hold it
# there. A state $x$ has four numbers, the angles of shoulder and elbow and their velocities; the action $u$ is two
# torques, held for 0.1 s. Episodes start at rest. A reach succeeds when at the end the hand is within 0.1 m of the
# target and slower than 0.2 m/s.

# %%
T, period = 25, 0.1  # steps of an episode, seconds of a step; 20 Hz in the paper
hidden, radius = np.array([-0.1, 0.65]), 0.2  # no training target lies in this disc


def move(x, u):  # states (count, 4) after torques (count, 2) held for one period
    return two_joint_arm.step(two_joint_arm.step(x, u), u)


def hand(x):
    return two_joint_arm.joints(x)[:, 1]  # (count, 2), metres


def places(count, rng, within=False):  # states of rest (count, 4), the hand outside the hidden disc or within it
    x = rng.uniform([0, 0.5, 0, 0], [2.4, 2.3, 0, 0], size=(30 * count, 4))
    return x[(np.linalg.norm(hand(x) - hidden, axis=-1) < radius) == within][:count]


# %% tags=["demo"]
examples = places(16, np.random.default_rng(seeds(1)[0]))
plots.images(two_joint_arm.draw(examples[:8], hand(examples[8:])))

# %% [markdown]
# These are 8 starts, 32 x 32 pixels each; a pixel is 7 cm wide. Velocities cannot be seen in one picture. The paper
# gives its network the joints' angles and velocities beside the image; ours gets the velocities only, so it has to see
# where its own arm is.
#
# ### The teacher
#
# The teacher may use what the network will never get: the state, the equations of motion, and the goal $x^*$, the state
# of rest with the hand on the target. It looks for the torques with the least cost
#
# $$\tfrac12 \sum_{t<T} \left[(x_t - x^*)^\top Q\, (x_t - x^*) + u_t^\top R\, u_t\right]
# + \tfrac12 (x_T - x^*)^\top P_T\, (x_T - x^*).$$
#
# Near a trajectory the arm is linear, $x_{t+1} \approx A_t x_t + B_t u_t$. Central differences give $A$ and $B$ for
# all trajectories at once. For a linear system and a quadratic cost the cheapest rest of the way costs
# $\tfrac12 x^\top P_t\, x$, and the Riccati recursion gives $P_t$ and the gain $K_t$ of the best $u = K_t x$,
# backwards:
#
# $$K_t = -(R + B^\top P_{t+1} B)^{-1} B^\top P_{t+1} A, \qquad P_t = Q + A^\top P_{t+1} (A + B K_t).$$

# %%
Q, R = np.diag([1.0, 1.0, 0.1, 0.1]), 0.05 * np.eye(2)


def linearized(x, u, epsilon=1e-5):  # A (count, 4, 4) and B (count, 4, 2) of `move` at x (count, 4), u (count, 2)
    both = np.concatenate([x, u], axis=-1)
    ahead, behind = (np.stack([move(*np.split(both + shift, [4], axis=-1)) for shift in sign * epsilon * np.eye(6)],
                              axis=-1) for sign in [1, -1])  # (count, 4, 6)
    return np.split((ahead - behind) / (2 * epsilon), [4], axis=-1)


def riccati(A, B, P):  # the gains (count, 2, 4), and P (count, 4, 4) one step earlier
    BP = B.mT @ P  # (count, 2, 4)
    K = -np.linalg.solve(R + BP @ B, BP @ A)
    return K, Q + A.mT @ P @ (A + B @ K)


def at_rest(goals):  # A and B at each goal, and what the recursion converges to
    A, B = linearized(goals, np.zeros((len(goals), 2)))
    P = np.broadcast_to(Q, A.shape)
    for _ in range(100):
        K, P = riccati(A, B, P)
    return A, B, K, P


A, B, K, P = at_rest(places(3, np.random.default_rng(0)))
print(f"largest difference from SciPy's P: {np.abs(P[0] - solve_discrete_are(A[0], B[0], Q, R)).max():.0e}")

# %% [markdown]
# The fixed point $P$ is what an infinite rest of the way costs, and serves as $P_T$: so the teacher has no reason to
# hurry at the end, and a policy that does not know the time can imitate it.
#
# ### Exercise 1 (4 points): the cost of a given gain
#
# The recursion above is for the best gain. Derive the one for *any* gain: the matrix $P$ for which
# $\tfrac12 x^\top P x$ is the cost of the next `count` steps, begun in $x$, when $u = K x$ and
# $x_{t+1} = A x_t + B u_t$. Each step costs $\tfrac12 (x^\top Q x + u^\top R u)$; what comes after the last costs
# nothing.

# %% nbgrader={"grade": false, "grade_id": "cost_of_gain", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cost_of_gain(A: np.ndarray, B: np.ndarray, Q: np.ndarray, R: np.ndarray, K: np.ndarray, count: int) -> np.ndarray:
    """P (n, n) with x^T P x / 2 the cost of `count` >= 1 steps; A, Q (n, n), B (n, m), R (m, m), K (m, n)."""
    ### BEGIN SOLUTION
    P = np.zeros_like(Q)
    for _ in range(count):
        P = Q + K.T @ R @ K + (A + B @ K).T @ P @ (A + B @ K)
    return P
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cost_of_gain_one_step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
one = np.ones((1, 1))
check("one step: 1 for the state, 2 (1/2)^2 for the torque", cost_of_gain(one, one, one, 2 * one, -one / 2, 1), [[1.5]])
### BEGIN HIDDEN TESTS
a, b, k = (check.rng().normal(size=size) for size in [(3, 3), (3, 2), (2, 3)])
check("one step of any system", cost_of_gain(a, b, np.diag([1.0, 2, 3]), np.array([[2, 0.5], [0.5, 1]]), k, 1))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "cost_of_gain_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two steps: the state is 1, then 1/2", cost_of_gain(one, one, one, 2 * one, -one / 2, 2), expected=[[1.875]])
### BEGIN HIDDEN TESTS
a, b, k = (check.rng().normal(size=size) / 3 for size in [(3, 3), (3, 2), (2, 3)])
check("four steps of any system", cost_of_gain(a, b, np.diag([1.0, 2, 3]), np.array([[2, 0.5], [0.5, 1]]), k, 4))
### END HIDDEN TESTS

# %% [markdown]
# With it a gain can be judged without the theory that found it: is Riccati's the cheapest of its multiples, and what
# does its $P$ have to do with the cost over a long time?

# %% tags=["demo"] waits=["cost_of_gain"]
factors = np.linspace(0.4, 1.9, 16)
cost = {f"goal {i + 1}": [np.trace(cost_of_gain(A[i], B[i], Q, R, f * K[i], 200)) / np.trace(P[i]) for f in factors]
        for i in range(3)}
plots.line(factors, cost, xlabel="gain, in multiples of Riccati's", ylabel="cost / trace of P")

# %% [markdown]
# Riccati's gain is the cheapest of its multiples at all three goals, and its cost over a long time is $P$'s.
#
# ### Planning whole reaches
#
# Far from the goal the arm is not the linear system of the goal. Iterative LQR (the paper fits its linear models to
# trials on the robot; we have the equations) linearizes along the trajectory, runs the recursion, with one more vector
# $p_t$ for the cost's slope, and follows the improved torques $u_t + \alpha k_t + K_t (x - x_t)$ on the real arm.
# The cheapest of the old trajectory and two new ones is kept. All reaches are planned side by side.

# %%
def times(M, v):
    return (M @ v[..., None])[..., 0]


def squared(v, M):
    return np.sum(v * times(M, v), axis=-1)


def follow(start, law):  # X (T + 1, count, 4) and U (T, count, 2) of arms that get the torques law(t, x)
    X, U = [start], []
    for t in range(T):
        U.append(np.clip(law(t, X[-1]), -two_joint_arm.LARGEST_TORQUE, two_joint_arm.LARGEST_TORQUE))
        X.append(move(X[-1], U[-1]))
    return np.stack(X), np.stack(U)


# %%
def backward(X, U, goals, P):  # gains K (T, count, 2, 4), torques' changes k (T, count, 2)
    A, B = (part.reshape(T, len(goals), 4, -1) for part in linearized(X[:-1].reshape(-1, 4), U.reshape(-1, 2)))
    K, k, p = np.zeros((T, len(goals), 2, 4)), np.zeros(U.shape), times(P, X[-1] - goals)
    for t in reversed(range(T)):
        k[t] = -np.linalg.solve(R + B[t].mT @ P @ B[t], (U[t] @ R + times(B[t].mT, p))[..., None])[..., 0]
        p = (X[t] - goals) @ Q + times(A[t].mT, p + times(P, times(B[t], k[t])))
        K[t], P = riccati(A[t], B[t], P)
    return K, k


def plan(start, goals, iterations=3):  # X, U, gains K, and the costs (iterations + 1, count)
    _, _, gain, P = at_rest(goals)

    def cost(X, U):
        return (squared(X[:-1] - goals, Q).sum(axis=0) + squared(U, R).sum(axis=0) + squared(X[-1] - goals, P)) / 2

    def changed(X, U, K, k):
        return follow(start, lambda t, x: U[t] + k[t] + times(K[t], x - X[t]))

    X, U = follow(start, lambda t, x: times(gain, x - goals))  # the linear law of the goal
    costs = [cost(X, U)]
    for _ in range(iterations):
        K, k = backward(X, U, goals, P)
        found = [(X, U), changed(X, U, K, 0.3 * k), changed(X, U, K, k)]
        best = np.argmin([cost(*each) for each in found], axis=0), np.arange(len(goals))
        X, U = (np.stack(parts)[best[0], :, best[1]].swapaxes(0, 1) for parts in zip(*found, strict=True))
        costs.append(cost(X, U))
    return X, U, backward(X, U, goals, P)[0], np.array(costs)


# %% tags=["demo"]
count, rng = 160, np.random.default_rng(seeds(1)[0])
start, goals = places(count, rng), places(count, rng)
X, U, K, costs = plan(start, goals)
print("mean cost saved by planning (%), after each iteration:", 100 * (1 - costs / costs[0]).mean(axis=1).round(3))
way = np.stack([np.linalg.norm(hand(x) - hand(goals), axis=-1) for x in X])  # (T + 1, count)
plt.plot(np.arange(T + 1) * period, way[:, :50], color="tab:blue", alpha=0.3, lw=1)
plt.axhline(0.1, color="black", ls="--", lw=1)
_ = plt.gca().set(xlabel="time (s)", ylabel="hand to target (m), 50 reaches")

# %% [markdown]
# The linear law of the goal is a good start, and planning saves 4% of its cost: an arm with a motor at each joint is an
# easy body. Every reach ends within the dashed 0.1 m. Not the body is difficult here, but the eye.
#
# ### Feature points
#
# The hand's torques depend on *where* things are, and a map of activations $a_{cij}$ hides that in 225 numbers. The
# paper's answer is a spatial softmax with an expectation: each channel $c$ becomes a distribution over its places, and
# the place's mean is all that the next layer gets:
#
# $$s_{cij} = \frac{e^{a_{cij}}}{\sum_{i'j'} e^{a_{ci'j'}}}, \qquad
# f_c = \Big(\sum_{ij} s_{cij}\, x_{ij},\ \sum_{ij} s_{cij}\, y_{ij}\Big).$$
#
# A channel says: here. Coordinates run from -1 at the left and the bottom to 1 at the right and the top.

# %%
def coordinates(height, width):  # x and y of the places of a map: (height, width, 2)
    return np.stack(np.meshgrid(np.linspace(-1, 1, width), np.linspace(1, -1, height)), axis=-1)


def spatial_softmax(a):  # maps (batch, height, width, channels) to distributions of the same shape
    e = np.exp(a - a.max(axis=(1, 2), keepdims=True))
    return e / e.sum(axis=(1, 2), keepdims=True)


def feature_points(a):  # (batch, channels, 2)
    return np.einsum("bijc,ijx->bcx", spatial_softmax(a), coordinates(*a.shape[1:3]))


class FeaturePoints(keras.layers.Layer):  # the same as a layer
    def call(self, a):
        maps = keras.ops.reshape(keras.ops.transpose(a, (0, 3, 1, 2)), (-1, a.shape[1] * a.shape[2]))
        points = keras.ops.softmax(maps) @ coordinates(*a.shape[1:3]).reshape(-1, 2).astype("float32")
        return keras.ops.reshape(points, (-1, a.shape[3], 2))


maps = np.random.default_rng(0).normal(size=(3, 15, 15, 4)).astype("float32")
print(f"by hand and as a layer, largest difference: {np.abs(feature_points(maps) - FeaturePoints()(maps)).max():.0e}")

# %% [markdown]
# ### Exercise 2 (4 points): what moves a feature point
#
# Training moves a feature point through its activations. Derive by how much: the derivatives of both coordinates of
# $f$ with respect to each activation of one map. Activations of 1000 must give finite numbers.

# %% nbgrader={"grade": false, "grade_id": "pulls_on_point", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pulls_on_point(a: np.ndarray) -> np.ndarray:
    """Derivatives (height, width, 2) of the feature point's x and y with respect to the map's a (height, width)."""
    ### BEGIN SOLUTION
    s, xy = spatial_softmax(a[None, :, :, None])[0], coordinates(*a.shape)  # (height, width, 1), (height, width, 2)
    return s * (xy - (s * xy).sum(axis=(0, 1)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pulls_on_point_balanced", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("equal activations, point in the middle: each pulls to its own place by 1/4", pulls_on_point(np.zeros((2, 2))),
      expected=[[[-0.25, 0.25], [0.25, 0.25]], [[-0.25, -0.25], [0.25, -0.25]]])
### BEGIN HIDDEN TESTS
half = check.rng().normal(size=(4, 6))
check("any map that half a turn leaves as it is, point in the middle", pulls_on_point(half + half[::-1, ::-1]))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pulls_on_point_anywhere", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two columns, 3/4 at the right: the point at 1/2 is pulled as far to the left as to the right",
      pulls_on_point(np.log([[1.0, 3.0], [1.0, 3.0]])).sum(axis=0)[:, 0], expected=[-0.375, 0.375])
### BEGIN HIDDEN TESTS
check("any map", pulls_on_point(check.rng().normal(size=(5, 3))))
check("large activations", pulls_on_point(1000 + check.rng().normal(size=(3, 4))))
### END HIDDEN TESTS

# %% [markdown]
# ### The network
#
# A place pulls by its weight times its distance from the point. So a point that already sits on one thing cannot be
# called over by a faint activation elsewhere; early in training, with nearly equal weights, all places have a say.
#
# One convolution (without a bias, which its softmax would not notice), 16 feature points, the two velocities, two dense
# layers, two torques. A map has 15 x 15 places; its coordinates of -1 and 1 are places at -0.99 m and 0.99 m, so that a
# feature point is in metres but for 1%. There is no ReLU, and the picture is multiplied by 15, and with it the
# activations: with weights of the usual size the softmax would be nearly even, and all points would sit in the middle
# (question 2). Sharp from the start, a channel of random weights already follows things of some colour. The paper
# prepares its three convolutions otherwise, by training them first to tell where the target is.

# %%
def torques(x):
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Dense(64, activation="relu")(x))
    return keras.layers.Dense(2)(x)  # (batch, 2)


def visual_network():  # three convolutions with 64, 32, 32 channels and 240 x 240 pixels in the paper
    picture, velocities = keras.Input((32, 32, 3)), keras.Input((2,))
    sharpened = keras.layers.Rescaling(15.0)(picture)
    a = keras.layers.Conv2D(16, 4, strides=2, use_bias=False, name="maps")(sharpened)  # (batch, 15, 15, 16)
    points = keras.layers.Flatten()(FeaturePoints()(a))  # (batch, 32)
    return keras.Model([picture, velocities], torques(keras.layers.Concatenate()([points, velocities])))


def blind_network(inputs):
    numbers = keras.Input((inputs,))
    return keras.Model([numbers], torques(numbers))

# %% [markdown]
# Training is supervised: the squared difference from the teacher's torques. Five networks with different starts are
# trained side by side in one compiled function, each on batches of its own; Adam treats each variable by itself, so one
# optimizer serves all.

# %%
def train(networks, inputs, labels, rows, steps, rng, rate=5e-3, batch=48):  # each on its rows of the examples
    variables = [variable for network in networks for variable in network.trainable_variables]
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(variables)
    inputs, labels = [tf.constant(part, tf.float32) for part in inputs], tf.constant(labels, tf.float32)

    @tf.function
    def loop(batches):
        for rows in batches:  # (networks, batch)
            with tf.GradientTape() as tape:
                losses = [tf.reduce_mean(tf.square(network([tf.gather(part, mine) for part in inputs])
                                                   - tf.gather(labels, mine)))
                          for network, mine in zip(networks, tf.unstack(rows), strict=True)]
            optimizer.apply(tape.gradient(losses, variables), variables)

    loop(tf.constant(np.stack([mine[rng.integers(len(mine), size=(steps, batch))] for mine in rows], axis=1)))


# %% [markdown]
# To act, a network gets at each step what `see` makes of the states and of the target shown to it. All networks and all
# their reaches are played at once.

# %%
def see(x, shown):
    return [two_joint_arm.draw(x, shown), x[:, 2:]]


def play(networks, start, shown, see=see):  # X (T + 1, networks, reaches, 4)
    everyone = np.concatenate([shown] * len(networks))

    @tf.function
    def act(inputs):
        parts = zip(*[tf.split(part, len(networks)) for part in inputs], strict=True)
        return tf.concat([network(list(part)) for network, part in zip(networks, parts, strict=True)], axis=0)

    X, _ = follow(np.concatenate([start] * len(networks)),
                  lambda t, x: act([tf.constant(part, tf.float32) for part in see(x, everyone)]).numpy())
    return X.reshape(T + 1, len(networks), -1, 4)


def reached(X, targets):  # whether each reach of X (T + 1, ..., reaches, 4) ends near its target and slowly
    before, end = (hand(x.reshape(-1, 4)).reshape(*x.shape[:-1], 2) for x in X[-2:])
    return (np.linalg.norm(end - targets, axis=-1) < 0.1) & (np.linalg.norm(end - before, axis=-1) / period < 0.2)


# %% [markdown]
# ### Does it reach?
#
# A network learns from the first 40 of the planned reaches or from all 160. It is tested on 30 new targets and on 30
# within the hidden disc, where none of the 160 targets was. Three comparisons: networks *told* the state and the
# target's place, with the same dense layers and twice the steps, which are cheap without pictures: about the most that
# imitation of these reaches can give; *blind* ones told the state but not the target; and *traditional* robotics, which
# locates the centre of the red pixels once, computes the goal's angles and applies the linear law of that goal to the
# true state. Where will the seeing networks stand?

# %%
def resting(points):  # (count, 4); the shoulder's angle from -1 on, for the arm does not go the other way round
    return np.pad((two_joint_arm.angles_for(points) + 1) % (2 * np.pi) - 1, [(0, 0), (0, 2)])


def traditional(start, shown):  # X (T + 1, 1, reaches, 4) of localization, inverse kinematics, a linear law
    pictures = two_joint_arm.draw(start, shown)
    red = np.clip(pictures[..., 0] - pictures[..., 1] - 0.2, 1e-9, None)  # (reaches, 32, 32)
    point = 1.1 * np.einsum("bij,ijx->bx", red / red.sum(axis=(1, 2), keepdims=True), coordinates(32, 32))
    goals = resting(point * np.minimum(1, 0.99 / np.linalg.norm(point, axis=-1, keepdims=True)))
    gain = at_rest(goals)[2]
    return follow(start, lambda t, x: times(gain, x - goals))[0][:, None]


# %% tags=["demo"]
test_start = places(60, rng)
test = hand(np.concatenate([places(30, rng), places(30, rng, within=True)]))  # (60, 2)
x, shown, labels = X[:-1].reshape(-1, 4), np.tile(hand(goals), (T, 1)), U.reshape(-1, 2)
pictures, reach = see(x, shown), np.tile(np.arange(count), T)  # which reach an example is of
first_weights = seeds(1)[0]


def trained(rows, inputs=pictures, labels=labels, build=visual_network, steps=700):  # 5 networks, each on its rows
    keras.utils.set_random_seed(first_weights)  # the same five starts for whatever they learn from
    networks = [build() for _ in range(5)]
    train(networks, inputs, labels, rows, steps, rng)
    return networks


# %% tags=["demo"]
rows = {number: [np.flatnonzero(reach < number)] * 5 for number in [40, 160]}
learners = {number: trained(mine) for number, mine in rows.items()}
runs = {f"sees, {number} reaches": play(networks, test_start, test) for number, networks in learners.items()}
for name, width, looks in [("told the target, 160", 6, lambda x, shown: [np.concatenate([x, shown], axis=-1)]),
                           ("blind, 160", 4, lambda x, shown: [x])]:
    networks = trained(rows[160], looks(x, shown), build=lambda width=width: blind_network(width), steps=1500)
    runs[name] = play(networks, test_start, test, looks)
runs["traditional"] = traditional(test_start, test)
runs["random torques"] = follow(test_start, lambda t, x: rng.uniform(-2, 2, size=(60, 2)))[0][:, None]
runs["teacher"] = plan(test_start, resting(test))[0][:, None]


def rates(X, targets=test):  # successes in percent (networks, 2): among the new targets, within the hidden disc
    return 100 * reached(X, targets).reshape(-1, 2, 30).mean(axis=-1)


plots.table(["", "new targets (%)", "lowest to highest", "hidden disc (%)", "lowest to highest"], [
    [name, *sum(([v.mean(), f"{v.min():.0f} to {v.max():.0f}"] for v in rates(X).T), [])] for name, X in runs.items()])

# %% tags=["demo"]
limits = np.linspace(0.01, 0.8, 80)
ends = {name: np.linalg.norm(hand(X[-1].reshape(-1, 4)).reshape(-1, 60, 2) - test, axis=-1) for name, X in runs.items()}
plots.line(limits, {name: 100 * (ends[name][..., None] < limits).mean(axis=1) for name in [
    "told the target, 160", "sees, 160 reaches", "sees, 40 reaches", "blind, 160"]},
           xlabel="distance at the end (m), at most", ylabel="reaches (%)")
_ = plt.axvline(0.1, color="black", lw=1)

# %% [markdown]
# Read the table by its differences. From *told* to *teacher*: what imitation costs with a perfect eye. From *sees* to
# *told*: what the eye costs, its harder training included. From *blind* to *sees*: what the eye gives. More of the
# teacher's reaches help the eye. The hidden disc asks about as much as the new targets do: it lies in the midst of the
# training targets, while the new ones reach to the edge of the arm's range. *Traditional* misses none: for one red disc
# on a dark table, ten lines of localization and planning are the better engineering. (They are also given the joints'
# angles, which the network has to see.) The limit of 0.1 m is ours; the picture shows what another one would say.
#
# ### Watching it
#
# Every third picture of two reaches as the first of the five networks sees them: among its 60 the one that ends at the
# middle rank, and the one that ends farthest from its target.

# %% tags=["demo"]
watched, far = runs["sees, 160 reaches"][:, 0], ends["sees, 160 reaches"][0]  # (T + 1, 60, 4), (60,)
strip = np.argsort(far)[[30, -1]]
frames = [two_joint_arm.draw(watched[::3, k], np.tile(test[k], (9, 1))) for k in strip]
print("hand to target at the end: {:.1f} cm above, {:.1f} cm below".format(*100 * far[strip]))
plots.images(np.concatenate(frames), titles=[f"{t * period:.1f} s" for t in range(0, T + 1, 3)] * 2, columns=9)

# %% [markdown]
# Where do the feature points look? Each point is compared with the target, the elbow and the hand over all test
# reaches. A point that follows one of them (correlation above 0.8 in both coordinates) is drawn with the mark of the
# one that it follows best, the others as small dots.

# %% tags=["demo"]
keras.utils.set_random_seed(first_weights)
network, untrained = learners[160][0], visual_network()  # the same first weights
x, drawn = watched[:-1:4].reshape(-1, 4), np.tile(test, (7, 1))  # (420, 4), (420, 2)
inputs = [tf.constant(part, tf.float32) for part in see(x, drawn)]
points, before = (feature_points(keras.Model(each.inputs, each.get_layer("maps").output)(inputs).numpy())
                  for each in [network, untrained])  # (420, 16, 2)
things = {"target": drawn, "elbow": two_joint_arm.joints(x)[:, 0], "hand": hand(x)}
fits = np.array([[min(np.corrcoef(points[:, c, k], thing[:, k])[0, 1] for k in [0, 1]) for c in range(16)]
                 for thing in things.values()])  # (3, 16)
best = np.where(fits.max(axis=0) > 0.8, fits.argmax(axis=0), 3)
for ax, k in zip(plots.panels(3, columns=3), [3, 100, 160], strict=True):
    ax.imshow(inputs[0][k], extent=np.array([-1, 1, -1, 1]) * 1.1 * 32 / 31)
    ax.axis("off")
    for i, (name, mark) in enumerate(zip([*things, "none"], ["^r", "sc", "om", ".w"], strict=True)):
        ax.plot(*points[k, best == i].T, mark, mec="white", ms=9 if i < 3 else 4, label=name)
_ = plt.legend(loc="lower right", labelcolor="white")

# %% tags=["demo"]
def found_from(points, thing):  # mean distance (cm) of the best linear map from the points, on reaches not fitted
    known = np.pad(points.reshape(len(points), -1), [(0, 0), (0, 1)], constant_values=1)
    return 100 * np.linalg.norm(known[1::2] @ np.linalg.lstsq(known[::2], thing[::2])[0] - thing[1::2], axis=-1).mean()


plots.table(["error (cm) of a linear map from", "trained points", "untrained points", "nothing (the mean place)"], [
    [name, found_from(points, thing), found_from(before, thing), found_from(points[:, :0], thing)]
    for name, thing in things.items()])

# %% [markdown]
# No label ever said where the target or the hand is. The points follow them because torques depend on them; what the
# torques can do without, no point has to follow. The control is the same network before training: random channels
# already give the arm away, which is large and of two colours. What training adds above all is the target.
#
# ### Which states need labels?
#
# The teacher's states are those of good reaches. The network errs a little, comes where the teacher never was, and has
# learned nothing about how to go on from there. Guided policy search therefore lets teacher and network meet; we take
# the simplest form of the idea (dataset aggregation, Ross et al. 2011): the *network* acts, the teacher says for each
# state it came to what should have been done, and both lessons together are the next training set. The teacher's word
# is the law that planning has left around each of its trajectories,
#
# $$u = u_t + K_t (x - x_t).$$
#
# ### Exercise 3 (4 points): find the planted bugs
#
# A colleague writes the second lesson as below. His networks get worse by it: labels push away from the teacher's
# trajectory, some ask for more than the 2 Nm that the motors give, and the states do not belong to the labels.
#
# ```python
# def second_lesson_with_bugs(visited, X, U, K):
#     labels = U + times(K, X[:-1] - visited[:-1])
#     return X[:-1].reshape(-1, 4), labels.reshape(-1, 2)
# ```
#
# Write it without the bugs. The result lists states and labels step by step, within a step reach by reach.

# %% nbgrader={"grade": false, "grade_id": "second_lesson", "locked": false, "schema_version": 3, "solution": true, "task": false}
def second_lesson(visited: np.ndarray, X: np.ndarray, U: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States (T * count, 4) to learn from and their labels (T * count, 2), torques between -2 and 2.

    visited (T + 1, count, 4): where the network came. X (T + 1, count, 4), U (T, count, 2), K (T, count, 2, 4): the
    teacher's trajectories with the same starts and goals, their torques and gains."""
    ### BEGIN SOLUTION
    labels = np.clip(U + times(K, visited[:-1] - X[:-1]), -2, 2)
    return visited[:-1].reshape(-1, 4), labels.reshape(-1, 2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "second_lesson_states", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
came, planned = np.zeros((3, 1, 4)), np.ones((3, 1, 4))
came[:, 0, 0] = [0.1, 0.2, 0.3]
check("which states: those the network saw before each of its two torques",
      second_lesson(came, planned, np.zeros((2, 1, 2)), np.zeros((2, 1, 2, 4)))[0], [[0.1, 0, 0, 0], [0.2, 0, 0, 0]])
### BEGIN HIDDEN TESTS
came, planned, gains = (check.rng().normal(size=size) for size in [(5, 3, 4), (5, 3, 4), (4, 3, 2, 4)])
check("which states: four steps of three reaches", second_lesson(came, planned, gains[..., 0], gains)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "second_lesson_labels", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
came, planned = np.full((2, 1, 4), 0.5), np.full((2, 1, 4), 0.4)
check("labels: 1 + K (x - x_t) with K = -1 and four differences of 0.1; the other torque is cut at 2",
      second_lesson(came, planned, np.array([[[1.0, 1.8]]]), np.array([[[[-1.0] * 4, [1.0] * 4]]]))[1], [[0.6, 2.0]])
### BEGIN HIDDEN TESTS
came, planned, gains = (check.rng().normal(size=size) for size in [(5, 3, 4), (5, 3, 4), (4, 3, 2, 4)])
check("labels: four steps of three reaches", second_lesson(came, planned, gains[..., 0], gains)[1])
### END HIDDEN TESTS

# %% [markdown]
# The networks of 40 reaches act in the other 120, from the same starts towards the same targets, and the teacher labels
# where they came. From these and the 40, five networks begin anew, with the same first weights and number of steps as
# those of the teacher's 160 reaches: equally many labels for the same tasks, and only the states of 120 reaches differ.

# %% tags=["demo"] waits=["second_lesson"]
visited = play(learners[40], start[40:], hand(goals[40:])).reshape(T + 1, -1, 4)  # of 5 networks, 120 reaches each
visited, lesson = second_lesson(visited, *(np.concatenate([part[:, 40:]] * 5, axis=1) for part in [X, U, K]))
seen = see(visited, np.tile(hand(goals[40:]), (T * 5, 1)))
own = len(labels) + np.arange(len(lesson)).reshape(T, 5, 120)
both = [np.concatenate([*parts]) for parts in [*zip(pictures, seen, strict=True), (labels, lesson)]]
networks = trained([np.concatenate([rows[40][k], own[:, k].ravel()]) for k in range(5)], both[:2], both[2])
lessons = {"40 teacher's": rates(runs["sees, 40 reaches"]), "160 teacher's": rates(runs["sees, 160 reaches"]),
           "40 and 120 own": rates(play(networks, test_start, test))}
gain = stats.mean_interval((lessons["40 and 120 own"] - lessons["160 teacher's"]).mean(axis=1))
plots.bars({name: rate.mean(axis=1) for name, rate in lessons.items()}, ylabel="success (%)", xlabel="labelled reaches")
print(f"own states against the teacher's, 160 labelled reaches: {gain[0]:.1f} ± {gain[1]:.1f} points")

# %% [markdown]
# The second and the third bar differ in nothing but the states of 120 reaches, and the network's own make the better
# lesson. So part of what looked like the price of a poor eye was a lack of labels where a poor eye leads: the teacher's
# reaches show what to do on the way, the network's own what to do beside it.
#
# ### Does it look?
#
# A policy can succeed for a wrong reason: targets near the usual place, or a target that leaks in through the labels'
# order. Two controls with the networks of the second lesson. *Moved*: the disc is drawn where another test's target is.
# A policy that goes by the picture must miss the true target and reach the drawn one. *Blank*: no disc in the picture.

# %% tags=["demo"] waits=["second_lesson"]
elsewhere = np.roll(test, 30, axis=0)
moved, blank = (play(networks, test_start, drawn) for drawn in [elsewhere, np.full_like(test, 9.0)])
controls = {"as it is": lessons["40 and 120 own"], "moved: true": rates(moved),
            "moved: drawn": rates(moved, elsewhere), "blank: true": rates(blank)}
plots.bars({name: rate.mean(axis=1) for name, rate in controls.items()}, ylabel="success (%)",
           xlabel="the disc in the picture: the target that counts")

# %% [markdown]
# The two middle bars are the same reaches, scored against the true target and against the drawn one. The policy goes
# where the disc is drawn, as often as it reached the true one before; without a disc it is lost.

# %% tags=["demo"] waits=["second_lesson"]
seeing, blind = lessons["40 and 120 own"], rates(runs["blind, 160"])
ahead = stats.mean_interval((seeing - blind).mean(axis=1))
claim(
    "visuomotor-policy",
    measured={
        "after two lessons, success on new targets and in the hidden disc (%)": seeing.mean(axis=0),
        "the same, lowest of 5 networks; blind (%)": [*seeing.min(axis=0), *blind.mean(axis=0)],
        "ahead of blind (points, 95% half-width)": ahead,
        "160 reaches of the teacher (%); ahead of it (points, half-width)": [lessons["160 teacher's"].mean(), *gain],
        "disc elsewhere: the true, the drawn one reached; no disc (%)": [rate.mean() for rate in controls.values()][1:],
        "told the target, random torques, teacher (%)": [rates(runs[name]).mean() for name in [
            "told the target, 160", "random torques", "teacher"]],
        "parameters (92,000 in the paper)": network.count_params(),
    },
    holds=seeing.mean() > 50 and ahead[0] - ahead[1] > 25
    and max(controls[f"{how}: true"].mean() for how in ["moved", "blank"]) < seeing.mean() / 3,
    because="from pictures it reaches targets never seen, follows the drawn disc, and without one it is lost",
)

# %% [markdown]
# **How this could be wrong.** The 5 networks share the 160 reaches and the 60 tests, so the spread over networks says
# nothing about others; at 30 targets a success rate has a standard error of up to 9 points. The targets in the hidden
# disc are surrounded by training targets: this is interpolation, and a target behind the arm's range was never tried.
# All pictures have one light, one camera and one colour of each thing; the paper's robot had none of these comforts.
#
# **Often mistaken.** "End to end" is said of the policy, not of its training: the teacher knew the target's coordinates
# and the equations of motion. Localization and planning are bypassed when the network acts; they were needed to teach
# it. **Practice has moved on**: imitation of people who steer the robot, and networks pretrained on many robots and on
# text, have replaced the planning teacher in much of the work; labelling the learner's own states has stayed.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - A teacher that knows the state turns policy search into supervised learning for a student that only sees.
# - The Riccati recursion runs backwards and gives gains, that is, a law for states beside the trajectory as well.
# - A feature point is the mean place of a spatial softmax: where, with a gradient, in two numbers a channel.
# - Train where the student goes, not only where the teacher went.
# - Believe that a policy looks only after tampering with its pictures.
#
# ## At full scale
#
# | | this laptop | one GPU | the paper |
# |---|---|---|---|
# | robot | 2 joints, simulated, 10 Hz | 7 joints in a physics simulator | PR2, 7 joints, 20 Hz |
# | image | 32 x 32 | 128 x 128 | 240 x 240 |
# | parameters | 7,300 | 100,000 | 92,000 |
# | teacher | iterative LQR with the equations | the same, fitted models | the same, fitted to trials on the robot |
# | training | under a minute | an hour | 3 to 4 hours a task |

# %%
dlcourse.submit()
