# %% [markdown]
# # 1 · Values and policies
#
# *Practical Deep Learning*, week 5, "Reinforcement Learning". *Large Scale Deep Learning*, session III, slide
# "Reinforcement Learning". Both point to the paper: Mnih et al. 2015.
#
# **You should know** the gradient of softmax and cross-entropy (`loss-functions`) and the training loop (`sgd-loop`).
# **You will have built** Q-learning with a table and with a network, judged by the exact optimum, and REINFORCE through
# a choice that has no derivative, judged by the enumerated gradient.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1, notebook 3) What is the gradient of the cross-entropy $-\ln p_k$ with respect to the logits of a
#    softmax?
# 2. (Week 9, notebook 4) Attention decides where to look. Why can back-propagation train it?
#
# <details><summary>Answers</summary>
#
# 1. $p - e_k$, with $e_k$ the one-hot row of $k$.
# 2. It does not choose. It hands on a weighted mean over all places, differentiable in the weights; for that it has to
#    look everywhere.
#
# </details>

# %%
dlcourse.setup("week15/01_values_and_policies", seed=151)

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, stats
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression

# %% [markdown] topic="q-learning"
# ## Q-learning
#
# The deck quotes the paper: "deep Q-network, that can learn successful policies directly from high-dimensional
# sensory inputs using end-to-end reinforcement learning". $Q(s, a)$ is the discounted sum of rewards to be expected
# after action $a$ in state $s$ if all later actions are the best ones:
#
# $$Q^*(s, a) = \sum_{s'} P(s' \mid s, a) \left[ r + \gamma \max_{a'} Q^*(s', a') \right],$$
#
# without the second term if $s'$ ends the episode. The world is small enough to compute $Q^*$: 24 places, a goal G
# (reward 1) and a cliff x (reward -1), which both end the episode. The ground is slippery: with 15% each a move goes
# astray to the left or to the right of its direction.

# %%
world = np.array([list(row) for row in ["......", "......", "......", "SxxxxG"]])
height, width = world.shape
gain = np.select([world.ravel() == "G", world.ravel() == "x"], [1.0, -1.0])  # (24,): reward for coming to a place
terminal = gain != 0  # (24,)
ways = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # up, right, down, left: change of row and column
places = np.stack(np.divmod(np.arange(24), width), axis=1)  # (24, 2)
beside = np.clip(places[:, None] + ways, 0, [height - 1, width - 1]) @ [width, 1]  # (24, 4): who runs into a wall stays
P = sum(p * np.eye(24)[np.roll(beside, turn, axis=1)] for turn, p in [(0, 0.7), (1, 0.15), (-1, 0.15)])  # (24, 4, 24)
gamma, start = 0.9, 18

# %% [markdown]
# ### The truth
#
# *Value iteration* puts the right side of the equation into the left until nothing moves. The value of a given policy
# $\pi$ solves linear equations, without a maximum: $V = P_\pi (r + \gamma V)$, with $V = 0$ where the episode has
# ended. At the optimum the two must meet.

# %%
Q_star = np.zeros((24, 4))
for _ in range(600):
    Q_star = P @ (gain + gamma * np.where(terminal, 0.0, Q_star.max(axis=1)))  # (24, 4)
V_star = Q_star.max(axis=1)  # (24,)


def value_of(policy):  # V (24,) of a policy that gives each action a probability (24, 4)
    into = np.einsum("sa,sat->st", policy, P)  # (24, 24)
    return np.linalg.solve(np.eye(24) - gamma * into * ~terminal, into @ gain)


print(f"V in two ways differs by {np.abs(value_of(np.eye(4)[Q_star.argmax(axis=1)]) - V_star).max():.0e}")
print(f"from S: at random {value_of(np.full((24, 4), 0.25))[start]:.3f}, optimal {V_star[start]:.3f}")

# %% [markdown]
# Predict: which way does the best policy leave S, and how close to the cliff does it walk?

# %%
def draw_policy(ax, policy, shade, label):  # arrows: actions of more than 50%; shade (24,) colours the places
    picture = ax.imshow(shade.reshape(world.shape), cmap="cividis")
    ax.figure.colorbar(picture, ax=ax, label=label, shrink=0.7)
    s, a = np.nonzero((policy > 0.5) & ~terminal[:, None])
    ax.quiver(*places[s, ::-1].T, policy[s, a] * ways[a, 1], -policy[s, a] * ways[a, 0], scale=1.5, scale_units="x",
              color="white", edgecolor="black", linewidth=0.7, pivot="mid", width=0.013)
    for s in np.flatnonzero(terminal):
        ax.text(*places[s, ::-1], world.flat[s], ha="center", va="center", backgroundcolor="white")
    ax.set(xticks=[], yticks=[])


# %% tags=["demo"]
for ax, policy, name in zip(plots.panels(2), [np.eye(4)[Q_star.argmax(axis=1)], np.full((24, 4), 0.25)],
                            ["optimal value", "value of random moves"], strict=True):
    draw_policy(ax, policy, np.where(terminal, 0, value_of(policy)), name)

# %% [markdown]
# It leaves S by walking *into the wall*: a move to the left can slip up or down, but not to the right, into the
# cliff. Beside the cliff it first moves away, and walks to the goal with a row between.
#
# ### Learning without knowing the world
#
# Q-learning (Watkins 1989) has no $P$. It is given single moves $(s, a, r, s')$, and moves the table towards a target
# $y$ that is right on average if the rest of the table is:
#
# $$Q(s, a) \leftarrow Q(s, a) + \alpha \left[ y - Q(s, a) \right], \qquad y = r + \gamma \max_{a'} Q(s', a').$$
#
# An episode stops for one of two reasons, which gymnasium reports apart. *Terminated*: the world has ended, nothing
# follows. *Truncated*: a limit of time was reached; the world would have gone on.
#
# ### Exercise 1 (4 points): find the planted bugs
#
# A colleague's target for one move. Values come out too low where the limit of time cuts in, and too rosy elsewhere.
# Write it without the bugs. (The last move before the limit may reach the goal as well.)
#
# ```python
# def q_target_with_bugs(Q, reward, s_next, terminated, truncated, gamma):
#     if terminated or truncated:
#         return reward
#     return reward + gamma * Q.max()
# ```

# %% nbgrader={"grade": false, "grade_id": "q_target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def q_target(Q: np.ndarray, reward: float, s_next: int, terminated: bool, truncated: bool, gamma: float) -> float:
    """The target y for one move that earned `reward` and led to the state `s_next`.

    Q (states, actions): the table as it stands; its rows of terminal states may hold any numbers.
    terminated: s_next ends the world. truncated: the episode is cut here by a limit of time.
    """
    ### BEGIN SOLUTION
    return reward if terminated else reward + gamma * Q[s_next].max()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q_target_row", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
little = np.array([[1.0, 3.0], [0.0, 2.0], [-3.0, -1.0]])  # 3 states, 2 actions
check("a move that goes on: 0.5 + 0.9 * 2", q_target(little, 0.5, 1, False, False, 0.9), expected=2.3)
check("terminated: the reward alone", q_target(little, 1.0, 0, True, False, 0.9), expected=1.0)
### BEGIN HIDDEN TESTS
table = check.rng().normal(size=(9, 4))
for words, ends in [("goes on", False), ("terminated", True)]:
    check(f"random table, {words}", [q_target(table, r, s, ends, False, 0.8) for s, r in enumerate(table[:, 0])])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q_target_limit", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("cut by the clock: the world goes on from s_next", q_target(little, 0.5, 1, False, True, 0.9), expected=2.3)
check("the goal, reached with the last move", q_target(little, 1.0, 0, True, True, 0.9), expected=1.0)
### BEGIN HIDDEN TESTS
table = check.rng().normal(size=(9, 4))
for words, ends in [("cut by the clock", False), ("terminated in the last move", True)]:
    check(f"random table, {words}", [q_target(table, r, s, ends, True, 0.7) for s, r in enumerate(table[:, 1])])
### END HIDDEN TESTS

# %% [markdown]
# ### The table
#
# The walker moves *at random*, 12 moves at most, and then begins somewhere else. Q-learning is off-policy: the
# maximum in the target asks for the best next action, whatever the walker does, as long as it keeps trying all.

# %%
def random_walk(seed, count, longest=12):  # moves: place, action, reward, next place, terminated, truncated
    rng, moves, age = np.random.default_rng(seed), [], 0
    begin, actions = rng.choice(np.flatnonzero(~terminal), count), rng.integers(4, size=count)
    went = (actions + rng.choice([0, 1, -1], count, p=[0.7, 0.15, 0.15])) % 4  # the way it went in fact
    s = begin[0]
    for action, way, other in zip(actions, went, begin, strict=True):
        s_next, age = beside[s, way], age + 1
        moves.append((s, action, gain[s_next], s_next, terminal[s_next], age == longest))
        s, age = (other, 0) if terminal[s_next] or age == longest else (s_next, age)
    return [np.array(part) for part in zip(*moves, strict=True)]  # each (count,)


def q_learning(moves, rate, target, marks, first=0.0):  # gives the tables after `marks` moves: (marks, 24, 4)
    Q, visits, kept = np.full((24, 4), first), np.zeros((24, 4)), []
    for t, (s, a, reward, s_next, terminated, truncated) in enumerate(zip(*moves, strict=True), 1):
        visits[s, a] += 1
        y = target(Q, reward, s_next, terminated, truncated, gamma)
        Q[s, a] += rate(visits[s, a]) * (y - Q[s, a])
        if t in marks:
            kept.append(Q.copy())
    return np.array(kept)


def error(Q):  # root mean square of Q - Q*, where something is left to decide
    return np.sqrt(((Q - Q_star)[..., ~terminal, :] ** 2).mean(axis=(-2, -1)))


# %% [markdown]
# $\alpha$ decides what is forgotten. A constant keeps chasing the luck of the last moves; $1/n$, with $n$ the visits
# to $(s, a)$, averages all targets, the old, wrong ones too; $n^{-0.6}$ lies between. Predict the order at the end.

# %% tags=["demo"] waits=["q_target"]
walks = [random_walk(seed, 30_000) for seed in seeds(5)]
marks = np.unique(np.geomspace(100, 30_000, 15).astype(int))
rates = {"0.3": lambda n: 0.3, "1/n": lambda n: 1 / n, "n^-0.6": lambda n: n**-0.6}
tables = {name: np.stack([q_learning(moves, rate, q_target, set(marks)) for moves in walks])
          for name, rate in rates.items()}  # (5, marks, 24, 4)
errors = {f"α = {name}": error(Q) for name, Q in tables.items()}  # (5, marks)
plots.line(marks, errors, xlabel="moves", ylabel="error of Q (root mean square)", log="xy")

# %% [markdown]
# The bands hold all five walks. Now both bugs, on the same moves. Does a table notice that the end is ignored?

# %% tags=["demo"] waits=["q_target"]
targets = {"right": q_target, "end ignored": lambda *move: q_target(*move[:3], False, *move[4:]),
           "clock taken for an end": lambda *move: q_target(*move[:3], move[3] or move[4], *move[4:])}
ends = [[error(np.concatenate([q_learning(moves, rates["n^-0.6"], target, {30_000}, first) for moves in walks])).mean()
         for first in [0.0, 1.0]] for target in targets.values()]
plots.table(["target", "error of Q, begun at 0", "begun at 1"], [[n, *e] for n, e in zip(targets, ends, strict=True)])

# %% [markdown]
# A table begun at 0 does not: the rows of terminal states are never trained and stay 0, which happens to be right. The
# bug waits for a table begun otherwise, or for a network. The clock taken for an end costs at once.
#
# ### The network, from pixels
#
# Now the walker sees a picture, 8 x 12 pixels: its place and the goal bright, the cliff dark, and noise. No picture
# comes twice, so a table over pictures would never meet a row again.

# %%
clean = 0.5 * (world == "G") - 0.5 * (world == "x") + np.eye(24).reshape(24, height, width)  # (24, 4, 6)
clean = clean.repeat(2, axis=1).repeat(2, axis=2).reshape(24, -1)  # (24, 96)


def pictures(s, rng):  # what is seen at the places s (...): (..., 96)
    return (clean[s] + rng.normal(scale=0.1, size=(*np.shape(s), 96))).astype(np.float32)


def q_values(w, x):  # (..., batch, 96) to (..., batch, 4); the first axes of w hold several networks
    return tf.nn.relu(x @ w[0] + w[1]) @ w[2] + w[3]


# %% [markdown]
# Batches are drawn again and again from the kept moves (*replay*). The loss is $(y - Q(s, a; w))^2$, and $y$ contains
# $w$ too. The *semi-gradient* takes $y$ as a given number: it is computed outside the tape. $Q$ begins at 0, as in the
# table. Five networks are trained with the right target, five with the end ignored. What will these do?

# %%
def trainer(w, memory, ends, updates):  # trains on rows (steps, walks, batch) of the memory; w: (kinds, walks, ...)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, updates))
    optimizer.build(w)

    @tf.function(jit_compile=True)
    def train(batches):
        for step in tf.range(len(batches)):
            x, action, reward, x_next, over = (tf.gather(part, batches[step], batch_dims=1) for part in memory)
            y = reward + gamma * (1 - ends * over) * tf.reduce_max(q_values(w, x_next), axis=-1)
            with tf.GradientTape() as tape:
                taken = tf.reduce_sum(q_values(w, x) * tf.one_hot(action, 4), axis=-1)
                loss = tf.reduce_sum(tf.reduce_mean((y - taken) ** 2, axis=-1))
            optimizer.apply(tape.gradient(loss, w), w)

    return train


def regret(policy):  # what it loses against the optimum, on average over all places
    return (V_star - value_of(policy))[~terminal].mean()


# %% tags=["demo"] waits=["q_target"]
rng, updates, kept = np.random.default_rng(seeds(1)[0]), 2400, []
s, action, reward, s_next, over, _ = (np.stack(parts) for parts in zip(*walks, strict=True))  # each (5, 30000)
memory = [tf.constant(part, tf.int32 if part is action else tf.float32) for part in
          [pictures(s, rng), action, reward, pictures(s_next, rng), over]]
w = [tf.Variable(np.stack([array] * 2), dtype=tf.float32) for array in
     [rng.normal(size=(5, 96, 64)) / 10, np.zeros((5, 1, 64)), np.zeros((5, 64, 4)), np.zeros((5, 1, 4))]]
train = trainer(w, memory, np.array([1, 0], np.float32)[:, None, None], updates)
never_seen = pictures(np.arange(24).repeat(16), rng)  # (384, 96)
for _ in range(12):
    train(tf.constant(rng.integers(s.shape[1], size=(updates // 12, 5, 64))))
    Q = q_values(w, never_seen).numpy().reshape(2, 5, 24, 16, 4)
    shares = np.eye(4)[Q.argmax(axis=-1)].mean(axis=3)  # (2, 5, 24, 4): how often each action is taken
    kept.append([error(Q.mean(axis=3)), [[regret(one) for one in kind] for kind in shares]])
misses, regrets = np.array(kept).transpose(1, 2, 3, 0)  # each (2, 5, 12)
for ax, y, name in zip(plots.panels(2), [misses, regrets], ["error of Q (root mean square)", "regret"], strict=True):
    plots.line(200 * np.arange(1, 13), dict(zip(["right target", "end ignored"], y, strict=True)), log="y", ax=ax,
               xlabel="updates of 64 moves", ylabel=name)

# %% [markdown]
# The networks are judged on 16 new pictures of each place: by the error of $Q$, and by the *regret*, the optimal value
# minus the exact value of their policy, averaged over all places. Below, one network of each kind, an arrow as long as
# its share of the 16: compare the arrows with the exact ones above, and the two scales.

# %% tags=["demo"] waits=["q_target"]
for ax, share, believed, name in zip(plots.panels(2), shares, Q.mean(axis=3).max(axis=-1), targets, strict=False):
    draw_policy(ax, share[0], believed[0], f"largest Q ({name})")

# %% [markdown]
# ### The same in Keras
#
# Predict $Q$, put the target in the place of the action that was taken, and fit with the mean squared error. The other
# three actions have error 0, so the mean over four is a quarter of our loss.

# %% tags=["demo"] waits=["q_target"]
mine, rows = [variable[0, 0] for variable in w], np.arange(32)
model = keras.Sequential([keras.Input((96,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(4)])
model.set_weights([tf.reshape(mine[k], mine[k].shape if k % 2 == 0 else [-1]) for k in range(4)])
x, a, r, x_next, over = (part[0, :32].numpy() for part in memory)
wanted = model(x).numpy()  # (32, 4)
wanted[rows, a] = r + gamma * (1 - over) * model(x_next).numpy().max(axis=1)
model.compile("adam", "mse")
by_hand = np.mean((wanted[rows, a] - q_values(mine, x).numpy()[rows, a]) ** 2)
print(f"loss by hand {by_hand:.6f}, four times that of Keras {4 * model.evaluate(x, wanted, verbose=0):.6f}")

# %% tags=["demo"] waits=["q_target"]
good = Q_star >= V_star[:, None] - 0.03  # (24, 4): the best action, or one that loses less than 0.03
policies = [np.eye(4)[tables["n^-0.6"][:, -1].argmax(axis=-1)], *shares, np.full((1, 24, 4), 0.25)]  # (..., 24, 4)
right = [100 * (one * good).sum(axis=-1)[:, ~terminal].mean() for one in policies]
lost = [[regret(one) for one in group] for group in policies]
slope = stats.mean_interval(np.polyfit(np.log(marks), np.log(errors["α = n^-0.6"].T), 1)[0])
claim(
    "q-learning",
    measured={"slope of ln(error) against ln(moves), table, n^-0.6 (95% half-width)": slope,
              "best action or within 0.03 of it (% of places): table, network, end ignored, random": right,
              "mean regret: five tables, five networks, end ignored, random": [np.mean(group) for group in lost],
              "largest regret of a table, of a network": [max(lost[0]), max(lost[1])],
              "error of Q: network, network with the end ignored": misses[:, :, -1].mean(axis=1)},
    holds=sum(slope) < -0.1 and max(lost[0]) < 0.1 and max(lost[1]) < 0.2 and min(right[:2]) > 70 > 1.5 * right[3],
    because="table and network come to nearly the optimal policy, the network from noisy pixels",
)

# %% [markdown]
# The deck's sentence holds here: from noisy pixels to nearly the policy of the exact solution. With the end ignored
# the values are wrong: pictures of goal and cliff are never the $x$ of a loss, so $Q$ there is whatever the network
# makes of them. The policy survives: goal and cliff both gain by it, and most actions keep their order. A good policy
# does not prove the target right.
#
# **How this could be wrong.** "The same policy" has a margin of 0.03; random moves meet it in a third of the places.
# Pictures of one place differ in noise alone. The walk begins anywhere, so each place is seen; from S alone it would
# get past the cliff in 1% of its episodes.
#
# **Often mistaken.** The semi-gradient is not the gradient of any loss, and need not converge when a network,
# bootstrapping and off-policy moves come together. **Practice has moved on** to a second, slower network for $y$
# (notebook 2).

# %% [markdown] topic="non-differentiable"
# ## What has no derivative
#
# The lecture: "Deep models need to be fully (or very close to) differentiable to be trainable. Reinforcement learning
# opens up the class of possible models to include non-differentiable representations. The cost is that these models
# don't scale well with the size of the space to be explored...yet." Three sentences, each to be tested.
#
# The model chooses *where to look*. It is shown a cue, a handwritten digit, and $K$ covered tiles. Each digit has its
# place, always the same: the tile there is the answer, the others are other digits. The model may uncover one tile,
# and a trained reader names the digit on it. The chooser is a softmax over $\theta = xW$, with $x$ what the reader
# makes of the cue:
#
# $$p_k = \frac{e^{\theta_k}}{\sum_j e^{\theta_j}}, \qquad k \sim p, \qquad J = \sum_k p_k R_k.$$
#
# $R_k$ is the reward for uncovering tile $k$. Neither the draw nor right-or-wrong has a derivative:

# %%
def softmax(theta):
    e = np.exp(theta - theta.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# %% tags=["demo"]
train_images, test_images, train_labels, labels = data.digits(flat=True)
reader = LogisticRegression(max_iter=500).fit(train_images[:600], train_labels[:600])
cues = reader.predict_proba(test_images)  # (450, 10): what the chooser is given
reads = cues.argmax(axis=1)  # (450,): what the reader says to each tile
W, x, tiles = tf.Variable(tf.zeros((10, 8))), cues[:1].astype(np.float32), test_images[100:108]  # (8, 64)
with tf.GradientTape() as tape:
    k = tf.random.categorical(x @ W, 1)[0]  # (1,)
    uncovered = tf.gather(tiles, k)  # (1, 64): all that a reader and a loss would be given
print("the gradient for W:", tape.gradient(uncovered, W))

# %% [markdown]
# None, the first sentence: by back-propagation alone the chooser stays where it began. Attention's way out, the
# weighted mean of all tiles, has a gradient, but uncovers all tiles.
#
# ### The score function
#
# *Enumeration* gives $\partial J / \partial \theta_j = p_j (R_j - J)$, but needs the reward of every tile. REINFORCE
# (Williams 1992) needs only that of the tile uncovered. Since $\nabla p_k = p_k \nabla \ln p_k$,
#
# $$\nabla J = \sum_k p_k R_k \nabla \ln p_k = \mathbb{E}_{k \sim p}\left[ R_k \nabla \ln p_k \right]
# = \mathbb{E}_{k \sim p}\left[ (R_k - b) \nabla \ln p_k \right],$$
#
# the last because $\sum_k p_k \nabla \ln p_k = \nabla 1 = 0$, for any *baseline* $b$ that does not depend on $k$.
# The reward is a number from outside; it needs no derivative.
#
# ### Exercise 2 (4 points): one sample's gradient
#
# Write the estimate $(R_k - b) \nabla_\theta \ln p_k$ for each of $n$ draws. (Question 1 at the top has the
# derivative.) Logits may be as large as 1,000.

# %% nbgrader={"grade": false, "grade_id": "score_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score_gradients(theta: np.ndarray, choices: np.ndarray, rewards: np.ndarray, baseline=0.0) -> np.ndarray:
    """The n estimates (n, K) of the gradient of J, one for each draw; they are not averaged.

    theta (n, K): each draw's own logits. choices (n,): from 0 to K - 1. rewards (n,). baseline: one number, or (n,).
    """
    ### BEGIN SOLUTION
    score = np.eye(theta.shape[1])[choices] - softmax(theta)  # (n, K)
    return (rewards - baseline)[:, None] * score
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "score_gradients_plain", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
even, quarter = np.zeros((1, 2)), np.log([[1.0, 3.0]])  # p = (0.5, 0.5) and (0.25, 0.75)
check("p = (0.5, 0.5): a reward makes its choice likelier", expected=[[0.5, -0.5]],
      value=score_gradients(even, np.array([0]), np.array([1.0])))
check("p = (0.25, 0.75): a rare choice gets more", expected=[[1.5, -1.5], [-0.5, 0.5]],
      value=score_gradients(quarter.repeat(2, axis=0), np.array([0, 1]), np.array([2.0, 2.0])))
### BEGIN HIDDEN TESTS
theta, rewards, choices = check.rng().normal(size=(6, 4)), check.rng().normal(size=6), check.rng().integers(4, size=6)
check("six draws among four, no baseline", score_gradients(theta, choices, rewards))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "score_gradients_baseline", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a reward as great as the baseline says nothing", expected=[[0.75, -0.75], [0, 0]],
      value=score_gradients(quarter.repeat(2, axis=0), np.array([0, 1]), np.array([2.0, 1.0]), baseline=1.0))
check("large logits: the choice was all but impossible", expected=[[-1.0, 1.0]],
      value=score_gradients(np.array([[1000.0, 0.0]]), np.array([1]), np.array([1.0])))
### BEGIN HIDDEN TESTS
theta, rewards, own = check.rng().normal(size=(6, 4)), check.rng().normal(size=6), check.rng().normal(size=6)
check("each draw has a baseline of its own", score_gradients(theta, np.arange(6) % 4, rewards, own))
check("random logits up to 1,000", score_gradients(1000 * theta, np.arange(6) % 4, rewards))
### END HIDDEN TESTS

# %% [markdown]
# ### Is it right?
#
# An estimate of a gradient is right if its mean is. How far may the mean of $n$ draws be from the enumerated gradient?
# With $S$ the covariance of the estimates and $d$ the difference, $n\, d^T S^{-1} d$ follows a chi-square distribution
# with $K - 1$ degrees of freedom (the components sum to 0) if the estimate is right.
#
# Beside REINFORCE, three mistakes of real programs (see the table), and two estimates that are biased by design.
# *Straight-through* uncovers tile $k$ but differentiates as if the mean over $p$ had been seen. *Gumbel-softmax* looks
# at a random mixture, nearly one tile at low temperature $\tau$. Both need the derivative of the reward, so here $R$
# is the probability that the reader gives to the right answer. Predict which rows fail.

# %% tags=["demo"] waits=["score_gradients"]
rng, K, draws = np.random.default_rng(seeds(1)[0]), 8, 100_000
logits, theta = reader.decision_function(test_images[100:108]), np.linspace(-1, 1, K)  # (8, 10), (8,)


def seen(z):  # probability of the right answer at mixtures z (n, 8) of the tiles, and its derivative in z
    q = softmax(z @ logits)  # (n, 10)
    return q[:, labels[100]], q[:, labels[100], None] * (logits[:, labels[100]] - q @ logits.T)


def through_softmax(z, slope):  # the derivative of slope . softmax
    return z * (slope - (z * slope).sum(axis=1, keepdims=True))


p, R, rows = softmax(theta), seen(np.eye(K))[0], np.tile(theta, (draws, 1))
enumerated, k = p * (R - p @ R), rng.choice(K, size=draws, p=p)
r, of_four = R[k], R[k].reshape(-1, 4).mean(axis=1).repeat(4)  # rewards, and their means in batches of 4
estimates = {name: score_gradients(rows, k, r, b) for name, b in
             [("REINFORCE", 0.0), ("baseline: mean reward", p @ R), ("baseline: mean of the other 3 of 4 draws",
              (4 * of_four - r) / 3), ("wrong: baseline is the mean of all 4", of_four)]}
estimates |= {"wrong: gradient of p, not ln p": p[k, None] * estimates["REINFORCE"],
              "wrong: reward forgotten": score_gradients(rows, k, np.ones(draws)),
              "straight-through": through_softmax(p, seen(np.eye(K)[k])[1])}
for tau, z in [(tau, softmax((theta + rng.gumbel(size=(draws, K))) / tau)) for tau in [1.0, 0.2]]:
    estimates[f"Gumbel-softmax, τ = {tau:g}"] = through_softmax(z, seen(z)[1]) / tau

# %% tags=["demo"] waits=["score_gradients"]
found = {}
for name, estimate in estimates.items():
    fours = estimate.reshape(-1, 4, K).mean(axis=1)[:, :-1]  # (draws / 4, K - 1): independent, whatever the baseline
    d, S = fours.mean(axis=0) - enumerated[:-1], np.cov(fours.T)
    bias = np.linalg.norm(estimate.mean(axis=0) - enumerated) / np.linalg.norm(enumerated)
    spread = np.sqrt(estimate.var(axis=0).sum()) / np.linalg.norm(enumerated)
    found[name] = bias, spread, chi2.sf(len(fours) * d @ np.linalg.solve(S, d), K - 1)
plots.table(["estimate", "mean is off by (% of the gradient)", "spread of one draw (gradients)", "p of chi-square"],
            [[name, 100 * bias, spread, p_value] for name, (bias, spread, p_value) in found.items()])

# %% [markdown]
# The three forms of REINFORCE pass. (The first two have the same p: with a fixed baseline both ask whether the $K$
# choices came as often as they should.) The wrong ones fail. A draw's own reward in its baseline takes a quarter of
# the gradient away, one part in the batch's size. Straight-through and Gumbel-softmax at $\tau = 1$ fail as announced:
# a small spread around another vector. At low temperature Gumbel-softmax comes nearer, and spreads more than REINFORCE.
#
# ### The best baseline
#
# Every $b$ gives the right mean. They differ in the variance, summed over the components:
#
# $$\sum_k p_k (R_k - b)^2 \lVert \nabla \ln p_k \rVert^2 - \lVert \nabla J \rVert^2.$$

# %%
def squared_scores(p):  # (K,): squared norm of grad ln p_k
    return ((np.eye(len(p)) - p) ** 2).sum(axis=1)


def variance(p, R, b):  # of one estimate, summed over its components; and the squared norm of the gradient
    squared_gradient = ((p * (R - p @ R)) ** 2).sum()
    return p * (R - b) ** 2 @ squared_scores(p) - squared_gradient, squared_gradient


# %% [markdown]
# ### Exercise 3 (3 points): derive the best baseline
#
# Which $b$, one number for all $k$, makes this variance smallest? (Not the mean reward $\sum_k p_k R_k$: set the
# derivative with respect to $b$ to 0.)

# %% nbgrader={"grade": false, "grade_id": "best_baseline", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_baseline(p: np.ndarray, rewards: np.ndarray) -> float:
    """The b of least variance, for the probabilities p (K,) and the rewards (K,) of all choices."""
    ### BEGIN SOLUTION
    weights = p * squared_scores(p)  # (K,)
    return weights @ rewards / weights.sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best_baseline_two", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("two choices: the variance is 0", best_baseline(np.array([0.25, 0.75]), np.array([1.0, 3.0])), expected=1.5)
### BEGIN HIDDEN TESTS
check("two choices, at random", [best_baseline(p, 5 * p**2 - 1) for p in check.rng().dirichlet([1, 1], size=4)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "best_baseline_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("p = (1, 1, 2) / 4", best_baseline(np.array([1, 1, 2]) / 4, np.array([4.0, 0.0, 0.0])), expected=1.4)
### BEGIN HIDDEN TESTS
check("K = 3 to 8", [best_baseline(softmax(x), y) for x, y in (check.rng().normal(size=(2, K)) for K in range(3, 9))])
### END HIDDEN TESTS

# %% [markdown]
# Rare choices count for more than in the mean reward, since their scores are longer. On the left formula and draws. On
# the right $K$ equally likely choices, one worth 0.95, the others 0.1: what a step has to overcome is the variance *as
# a multiple of the squared gradient*.

# %% tags=["demo"] waits=["score_gradients", "best_baseline"]
counts, (left, right) = 2 ** np.arange(1, 8), plots.panels(2)
baselines = np.sort([*np.linspace(-0.3, 0.4, 8), best_baseline(p, R)])
of_b = {"formula": [variance(p, R, b)[0] for b in baselines],
        "draws": [score_gradients(rows, k, r, b).var(axis=0).sum() for b in baselines]}
plots.line(baselines, of_b, xlabel="baseline b", ylabel="variance", ax=left)
even = [(np.full(many, 1 / many), np.where(np.arange(many) == 0, 0.95, 0.1)) for many in counts[1:]]
relative = {"no baseline": [np.divide(*variance(*case, 0.0)) for case in even],
            "best baseline": [np.divide(*variance(*case, best_baseline(*case))) for case in even]}
plots.line(counts[1:], relative, xlabel="choices K", ylabel="variance / squared gradient", log="xy", ax=right)

# %% [markdown]
# Formula and draws agree. For equal probabilities the ratio with the best baseline is $K - 2$, whatever the rewards
# (2, 6, 14 ...; the right picture begins at 4, since with two choices no variance is left). Without a baseline it
# grows faster still: all the worthless draws add the noise of their 0.1.
#
# ### Learning to look
#
# Now the chooser learns, in steps of 8 examples. Reward is 1 if the reader names the uncovered tile as the answer,
# which happens by luck on a tenth of the wrong tiles. Beside REINFORCE, two that know more: one is *told* the right
# place (cross-entropy), one *enumerates* the expected reward of all $K$ tiles.

# %%
def train_choosers(K, signal, rate, runs, seed, world, limit=1500, batch=8, level=0.8):
    rng, (cues, reads, labels) = np.random.default_rng(seed), world
    kinds = np.stack([cues[labels == digit].mean(axis=0) for digit in range(10)])  # (10, 10): typical cues
    place = np.stack([rng.permutation(max(K, 10))[:10] % K for _ in range(runs)])  # (runs, 10): the secret
    W, mean, success = np.zeros((runs, 10, K)), np.zeros((runs, 1)), []
    run, worth = np.arange(runs)[:, None], (reads == labels).mean()
    while len(success) < limit and (not success or success[-1].min() < level):
        cue, answer, other = rng.integers(len(cues), size=(3, runs, batch))
        p, right = softmax(cues[cue] @ W), place[run, labels[cue]]  # (runs, batch, K), (runs, batch)
        if signal == "told":
            gradient = np.eye(K)[right] - p
        elif signal == "enumerated":
            R = np.where(np.arange(K) == right[..., None], worth, 0.1)
            gradient = p * (R - (p * R).sum(axis=-1, keepdims=True))
        else:
            k = (p.cumsum(axis=-1) < rng.random((runs, batch, 1))).sum(axis=-1).clip(max=K - 1)  # (runs, batch)
            rewards = 1.0 * (reads[np.where(k == right, answer, other)] == labels[answer])
            b = np.broadcast_to(mean, rewards.shape).ravel() if signal == "REINFORCE" else 0.0
            gradient = score_gradients((cues[cue] @ W).reshape(-1, K), k.ravel(), rewards.ravel(), b).reshape(p.shape)
            mean = mean + 0.05 * (rewards.mean(axis=1, keepdims=True) - mean)
        W += rate * np.swapaxes(cues[cue], 1, 2) @ gradient / batch
        success.append(softmax(kinds @ W)[run, range(10), place].mean(axis=1))
    return np.array(success)  # (steps, runs)


# %% [markdown]
# From 2 to 128 tiles, how many steps until the right tile is chosen with 80%, in 8 runs with secrets of their own?
# Each kind has its own best rate for each $K$. Predict the slopes.

# %% tags=["demo"] waits=["score_gradients"]
rates = {"enumerated": [128, 512, 2048], "REINFORCE": [4, 8, 16, 32], "no baseline": [4, 8, 16], "told": [128, 512]}
steps_of, seed = {name: [] for name in rates}, seeds(1)[0]
for name, tried in rates.items():
    for many in counts:
        runs = [train_choosers(many, name, rate, 8, seed, (cues, reads, labels)) for rate in tried]  # (steps, 8) each
        steps_of[name].append(min((1 + (np.maximum.accumulate(run) < 0.8).sum(axis=0) for run in runs), key=np.mean))
steps_of = {name: np.transpose(steps) for name, steps in steps_of.items()}  # (8, counts)
left, right = plots.panels(2)
plots.line(counts, steps_of, xlabel="tiles K", ylabel="steps of 8 examples to 80%", log="xy", ax=left)
uncovered = {name: 8 * steps_of[name] * (counts if name == "enumerated" else 1) for name in list(rates)[:3]}
plots.line(counts, uncovered, xlabel="tiles K", ylabel="tiles uncovered to 80%", log="xy", ax=right)

# %% [markdown]
# REINFORCE learns what back-propagation cannot: the second sentence. Its steps grow about like $K$, and the baseline
# saves only some: the third. Who is told the place needs hardly more steps for more tiles. The enumerated gradient has
# no noise and needs few steps, yet uncovers about as many tiles as REINFORCE. So the estimate is not to blame: who is
# told only what a choice was worth, and not which would have been better, has to try them.

# %% tags=["demo"] waits=["score_gradients", "best_baseline"]
exponents = {name: stats.mean_interval(np.polyfit(np.log(counts), np.log(y.T), 1)[0]) for name, y in steps_of.items()}
unbiased, wrong = ([v[2] for name, v in found.items() if name.startswith(start)] for start in [("RE", "base"), "wrong"])
claim(
    "non-differentiable",
    measured={"p of chi-square, REINFORCE without and with two baselines": [float(f"{q:.2g}") for q in unbiased],
              "largest p of three wrong estimates": float(f"{max(wrong):.1e}")}
    | {f"variance / squared gradient, 4 to 128 choices, {name}": values for name, values in relative.items()}
    | {f"exponent of the steps in K, {name} (95% half-width)": value for name, value in exponents.items()}
    | {f"steps with 2, 16 and 128 tiles, {name}": steps.mean(axis=0)[[0, 3, 6]] for name, steps in steps_of.items()},
    holds=min(unbiased) > 1e-4 and max(wrong) < 1e-6 and all(v[-1] > 16 * v[0] for v in relative.values())
    and exponents["REINFORCE"][0] - exponents["REINFORCE"][1] > 0.6 and sum(exponents["told"]) < 0.3,
    because="REINFORCE's mean is the enumerated gradient; its noise and its steps grow about as K, a teacher's do not",
)

# %% [markdown]
# **How this could be wrong.** Each kind has the best of two to four rates, chosen by the runs shown. The steps are
# those to 80%: at greater rates REINFORCE becomes sure of a wrong tile and stops trying. One tile tells nothing of
# another here; where choices are alike (neighbouring tiles, words of one meaning) a chooser can try one and learn of
# many, and the exponent may fall.
#
# **Often mistaken.** "Reinforcement learning needs no derivative": the chooser itself is differentiated, by $\nabla
# \ln p_k$. And a baseline that looks at the choice is none. **Practice has moved on** from "...yet": with millions of
# moves and with what was learned before, large spaces are searched (notebooks 2 to 5); for choices that have nothing
# in common the law stands.

# %% [markdown]
# ### Question (3 points, marked by hand): three choices
#
# Three models contain a choice without a derivative. (a) A model picks one of 4 crops of a photograph; the reward is
# whether a classifier, 2 ms a crop, is right. (b) A model writes a program of 12 instructions, each one of 20; the
# reward is 1 if the program sorts all test lists, else 0. (c) A layer of 256 units is rounded to 0 or 1; above it
# come ordinary layers and a cross-entropy. For each say which estimate of the gradient you would take (enumeration,
# REINFORCE, straight-through or another), what it costs or risks, and what you would measure to see that it works.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_three_choices", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# (a) *Enumerate.* Four crops are 8 ms and give the gradient without any noise of the choice. REINFORCE costs 2 ms an
# example, but has noise (for equal $p$ at best $K - 2 = 2$ times the squared gradient), so it needs more examples.
# Measure: accuracy against time for both; the mean of REINFORCE's estimates must equal the enumerated gradient.
#
# (b) There are $20^{12} = 4 \cdot 10^{15}$ programs, and the reward has no derivative, so only REINFORCE is left.
# It is unbiased and useless: as long as no program drawn earns anything, every estimate is 0. The signal must come
# from elsewhere: programs that work to imitate, reward for partly sorted lists, short lists first, search. Measure
# before training: the share of rewarded draws among a million.
#
# (c) $2^{256}$ patterns, but the loss is differentiable in the units' outputs: *straight-through* or Gumbel-softmax.
# One backward pass, little variance, but biased; REINFORCE with one reward for 256 choices would drown in variance.
# Measure: with 8 units, the angle between the estimate's mean and the gradient enumerated over 256 patterns; and the
# loss with the units rounded, as they will be used.
# ### END SOLUTION
#
# *Marking.* One point for each model: an estimate that can be had there (no enumeration in b and c, no
# straight-through in b), its cost or risk with a number or a reason, and a measurement whose outcome could tell
# against it. In (b) the point needs the remark that rewards are too rare to learn from. "REINFORCE everywhere, since
# it is unbiased" earns nothing.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Value iteration needs the world's probabilities; Q-learning needs only moves, and not even good ones.
# - *Terminated* stops the target, *truncated* does not. A table begun at 0 hides an end ignored, and so can a policy.
# - The target contains the network, and yet only $Q(s, a)$ is differentiated.
# - REINFORCE asks for no derivative of the reward. It pays with variance, which grows with the number of choices.
# - A baseline may be anything that does not depend on the choice. Test an estimate of a gradient by enumeration.
#
# ## At full scale
#
# | where | what | parameters | training |
# |---|---|---|---|
# | this laptop | 24 places, pictures of 8 x 12 | 6,468 | 30,000 moves, 2,400 updates, seconds |
# | one GPU | an Atari game from its screen (notebook 3) | 1.7 million | 10 million frames and more, hours to days |
# | the paper (Mnih et al. 2015) | 49 games, 84 x 84 x 4 | 1.7 million | 50 million steps each, 38 days of play |
#
# Next: notebook 2 puts the memory and a second network into an agent that learns a game while it plays it.

# %%
dlcourse.submit()
