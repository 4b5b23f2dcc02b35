# %% [markdown]
# # 5 · Policy and value networks
#
# *Applications* (Goodfellow 2018), slide 32, NCTU week 9, "Superhuman Go", and *Practical Deep Learning* week 5, hot
# research. The paper behind them: Silver et al. 2016, *Mastering the game of Go with deep neural networks and tree
# search*.
#
# **You should know** Monte Carlo tree search (`monte-carlo-tree-search`) and what REINFORCE estimates
# (`non-differentiable`). **You will have built** AlphaGo's stages on a board of 5 x 5: a network that imitates a
# search, the same network improved by games against its older selves, a value network, and a search that uses both.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 4) A leaf's value is 0.6 for the player to move there. What does the move that led to it get?
# 2. (Notebook 1) REINFORCE multiplies $\nabla \log p(a)$ by the return. What changes in its mean when a constant is
#    subtracted from the return?
#
# <details><summary>Answers</summary>
#
# 1. -0.6: what is good for the player to move is bad for the one who moved there.
# 2. Nothing, since $\sum_a p(a) \nabla \log p(a) = \nabla 1 = 0$. Its variance changes.
#
# </details>

# %%
dlcourse.setup("week15/05_policy_and_value_networks", seed=155)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds, stats
from dlcourse.board_games import SMALL_CONNECT_FOUR as game
from dlcourse.board_games import Positions, random_moves
from dlcourse.tree_search import play_out, random_player, rollouts, search, searcher

# %% [markdown] topic="policy-and-value-networks"
# ## Policy and value networks
#
# The deck on hot research quotes the paper: "We introduce a new approach to computer Go that uses 'value networks' to
# evaluate board positions and 'policy networks' to select moves. These deep neural networks are **trained by a novel
# combination of supervised learning from human expert games, and reinforcement learning from games of self-play.
# Without any lookahead search, the neural networks play Go at the level of state-of-the-art Monte Carlo tree search
# programs** that simulate thousands of random games of self-play. We also introduce **a new search algorithm that
# combines Monte Carlo simulation with value and policy networks.**"
#
# Each sentence is tested here, on Connect Four on 5 x 5. In place of human experts a plain search plays the games to
# learn from. Chance decides in training and in play, so ten networks are trained at once: their weights are stacked
# along the first axis, and one matrix product serves all ten.
#
# ### What the networks see
#
# The paper's networks get 48 planes of features, among them what a move would capture. Ours get nine of 5 x 5: both
# players' stones; the places where a stone can lie next; the places that would complete a row of four, for each player;
# those of them that can be taken now; and those that the next stone in the column would open.

# %%
rows = [[(r + k * dr, c + k * dc) for k in range(4)] for r in range(5) for c in range(5)
        for dr, dc in [(0, 1), (1, 0), (1, 1), (1, -1)] if r + 3 * dr < 5 and 0 <= c + 3 * dc < 5]  # 28 rows of four
threes = np.array([sum(int(game.places[q]) for q in row if q != hole) for row in rows for hole in row], np.uint64)
holes = np.array([np.eye(25)[5 * r + c] for row in rows for r, c in row])  # (112, 25): the place that each three lacks


def raised(planes):  # each place gets what is in the one below it
    return np.pad(planes, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, :-1]


def features(positions):  # what the player to move sees: (count, rows 5, columns 5, planes 9)
    stones = game.planes(positions)  # (count, 5, 5, 2)
    free = 1 - stones.sum(axis=-1, keepdims=True)  # (count, 5, 5, 1)
    now = free * (1 - raised(free))  # where a stone can lie next
    fours = [((side[:, None] & threes) == threes) @ holes > 0 for side in (positions.own, positions.other)]
    fours = np.stack(fours, axis=-1).reshape(stones.shape) * free
    return np.concatenate([stones, now, fours, fours * now, fours * raised(now)], axis=-1).astype(np.float32)


# %% [markdown]
# A network is two hidden layers. By hand, ten in one product, and the same as a Keras model with the weights of one:

# %%
rng, units = np.random.default_rng(seeds(1)[0]), 64  # the paper: 13 layers of 192 convolutional filters


def new_networks(count, outputs):  # W1 (count, 225, units), b1 (count, 1, units), W2, b2, W3, b3
    sizes = [225, units, units, outputs]
    return [part.astype(np.float32) for m, n in zip(sizes[:-1], sizes[1:], strict=True)
            for part in (rng.normal(0, (2 / m) ** 0.5, (count, m, n)), np.zeros((count, 1, n)))]


def forward(weights, x, relu=lambda h: np.maximum(h, 0)):  # (networks, count, 225) -> (networks, count, outputs)
    W1, b1, W2, b2, W3, b3 = weights
    return relu(relu(x @ W1 + b1) @ W2 + b2) @ W3 + b3


model = keras.Sequential([keras.Input((225,)), *(keras.layers.Dense(*of) for of in 2 * [(units, "relu")] + [(5,)])])
weights, x = new_networks(10, 5), rng.random((7, 225), np.float32)
model.set_weights([part[3].reshape(old.shape) for part, old in zip(weights, model.get_weights(), strict=True)])
print("largest difference from Keras:", np.abs(forward(weights, x[None])[3] - model(x).numpy()).max())

# %% [markdown]
# Games. Each begins at one of the 345 positions that four moves lead to. In a series network $k$ plays each of its
# openings twice, once with each side to move, against network $k$ of another stack, or against a player such as a
# search. Moves are drawn from the softmax of the logits (Gumbel noise and argmax), as in the paper's matches between
# networks; with `temperature=0` the best is played. Networks whose weights are all zero move at random. A series gives
# the results $z$ for our side, and of each of our moves what the network saw, what was legal, what it played, and how
# much better than the average of its colour the game ended.

# %%
every = game.start(5**4)
for move in np.indices([5] * 4).reshape(4, -1):
    every = game.play(every, move)
every = every[np.unique(every.own << np.uint64(30) | every.other, return_index=True)[1]]  # 345 positions


def opened(count):
    return every[rng.integers(len(every), size=count)]


def look(weights, positions, temperature):  # what each network sees, what is legal, its move: (networks, count, ...)
    x = features(positions).reshape(len(weights[0]), -1, 225)
    legal, logits = game.legal(positions).reshape(*x.shape[:2], 5), forward(weights, x)
    return x, legal, np.where(legal, logits + temperature * rng.gumbel(size=logits.shape), -np.inf).argmax(axis=-1)


# %%
def series(ours, theirs, openings, temperature=1.0):  # openings (networks * games): each network has its own
    made, moves = [], np.zeros((2, len(openings)), int)
    own, other = (np.stack([stones, stones]) for stones in (openings.own, openings.other))  # (2, networks * games)
    z, going = np.zeros(own.shape), np.ones(own.shape, bool)
    while going.any():
        half = len(made) % 2  # the half in which it is our move
        here, there = (Positions(own[side], other[side]) for side in (half, 1 - half))
        made.append((half, *look(ours, here, temperature), going[half].reshape(len(ours[0]), -1).copy()))
        moves[half], rest = made[-1][3].ravel(), going[1 - half]
        reply = theirs(there[rest]) if callable(theirs) else look(theirs, there, temperature)[2].ravel()[rest]
        moves[1 - half, rest] = reply
        at = np.nonzero(going)
        after = game.play(Positions(own[at], other[at]), moves[at])
        own[at], other[at], going[at] = after.own, after.other, ~game.over(after)
        z[at] = np.where(at[0] == half, 1, -1) * game.lost(after)
    z = z.reshape(2, len(ours[0]), -1)
    worth = [(z[half] - z[half].mean(axis=1, keepdims=True)) * alive for half, *_, alive in made]
    x, legal, moves, worth = (np.concatenate(part, axis=1) for part in [*list(zip(*made, strict=True))[1:4], worth])
    return z, (x, legal, moves, worth.astype(np.float32))


# %%
def scores(*players, **options):  # of each of our networks: wins, and half the draws
    return 0.5 + series(*players, **options)[0].mean(axis=(0, 2)) / 2


def player(weights, k, temperature=0.0):  # network number k
    return lambda positions: look([part[k : k + 1] for part in weights], positions, temperature)[2][0]


# %% [markdown]
# ### Stage 1: imitate a search
#
# The teacher is plain search with 100 simulations. In one move of four a random one is played in its place, so that the
# games differ; what is learned is always the teacher's move. A position and its mirror image are two examples.

# %% tags=["demo"]
examples, positions = [], game.start(1000)  # the paper: 30 million positions from human games
while len(positions):
    best = search(game, positions, rollouts(game, rng), 100).best
    examples.append((positions.own, positions.other, best))
    positions = game.play(positions, np.where(rng.random(len(best)) < 0.25, random_moves(game, positions, rng), best))
    positions = positions[~game.over(positions)]
own, other, best = (np.concatenate(part) for part in zip(*examples, strict=True))
seen, chosen = features(Positions(own, other)), np.eye(5, dtype=np.float32)[best]
x = np.concatenate([seen, seen[:, :, ::-1]]).reshape(-1, 225)  # and mirrored
y = np.concatenate([chosen, chosen[:, ::-1]])  # (examples, 5)


# %%
def fit(weights, x, y, batches, loss, rate):  # batches (steps, networks, batch): rows of x and y
    variables = [tf.Variable(part) for part in weights]
    adam = keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(rate, len(batches), 0.0))
    adam.build(variables)

    @tf.function
    def run(x, y, batches):
        for rows in batches:  # (networks, batch)
            with tf.GradientTape() as tape:  # the gradient of the sum over networks is that of each alone
                losses = loss(tf.gather(y, rows), forward(variables, tf.gather(x, rows), tf.nn.relu)) / rows.shape[1]
            adam.apply(tape.gradient(losses, variables), variables)

    run(*map(tf.constant, (x, y, batches)))
    return [variable.numpy() for variable in variables]


# %% tags=["demo"]
batches, cross_entropy = rng.integers(0, len(x), (800, 10, 256)), tf.nn.softmax_cross_entropy_with_logits
imitators = fit(new_networks(10, 5), x, y, batches, cross_entropy, 0.003)
at_random = scores(imitators, [np.zeros_like(part) for part in imitators], opened(10 * 200))
print("score of the ten networks against random moves:", at_random.round(3))

# %% [markdown]
# ### Stage 2: games against older selves
#
# The imitators play against networks of a pool, their own earlier versions (the paper: "to prevent overfitting to the
# current policy"). Every move of a game gets the result $z$ of the player who made it, 1 or -1, and
#
# $$L = -\frac1n \sum_{i=1}^n z_i \log p(a_i \mid s_i).$$
#
# ### Exercise 1 (4 points): derive the gradient
#
# What is $\partial L / \partial o$ for logits $o$, when $p$ is their softmax? Watch the sign: an optimizer goes
# *against* what you return, and it should make a winner's moves more probable and a loser's less.

# %% nbgrader={"grade": false, "grade_id": "reinforce_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reinforce_gradient(logits: np.ndarray, moves: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Gradient of L at the logits, (n, moves); moves (n,) were made, z (n,) are the results for who made them."""
    ### BEGIN SOLUTION
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return z[:, None] * (p - np.eye(logits.shape[1])[moves]) / len(z)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "reinforce_gradient_one", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a winner's move: its logit must rise, so its gradient is negative", expected=[[-0.75, 0.25, 0.25, 0.25]],
      value=reinforce_gradient(np.zeros((1, 4)), np.array([0]), np.array([1.0])))
check("a loser's move: the other way round", expected=[[0.5, -0.5]],
      value=reinforce_gradient(np.zeros((1, 2)), np.array([0]), np.array([-1.0])))
### BEGIN HIDDEN TESTS
check("one move of a loser, any logits",
      reinforce_gradient(check.rng().normal(size=(1, 5)), check.rng().integers(5, size=1), np.array([-1.0])))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "reinforce_gradient_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a mean over moves; a draw teaches nothing", expected=[[-0.25, 0.25], [0.0, 0.0]],
      value=reinforce_gradient(np.zeros((2, 2)), np.array([0, 1]), np.array([1.0, 0.0])))
### BEGIN HIDDEN TESTS
z = np.sign(check.rng().normal(size=9))
check("nine moves of winners and losers",
      reinforce_gradient(3 * check.rng().normal(size=(9, 5)), check.rng().integers(5, size=9), z))
### END HIDDEN TESTS

# %% [markdown]
# The Keras way: REINFORCE is the cross-entropy of the moves that were made, as if they were labels, with $z$ as each
# example's weight. That is why its code looks like imitation: a winner imitates itself, and a loser does the opposite.

# %% waits=["reinforce_gradient"]
logits, moves, z = tf.random.normal((50, 5)), rng.integers(5, size=50), rng.choice([-1.0, 1.0], size=50)
with tf.GradientTape() as tape:
    tape.watch(logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(moves, logits, sample_weight=z)
by_hand = reinforce_gradient(logits.numpy(), moves, z)
print("largest difference from Keras:", np.abs(tape.gradient(loss, logits).numpy() - by_hand).max())


# %% [markdown]
# In the program below illegal moves have no probability, and the mean result of each colour is subtracted from $z$,
# which changes the gradient's variance and not its mean. Every ten rounds the networks join their pool. To see what
# *combination* is worth, five networks that never imitated anybody play as many rounds of their own.

# %%
def reinforce(weights, rounds, games=32, rate=0.001):  # gives the networks' versions, one every ten rounds
    variables, adam, pool = [tf.Variable(part) for part in weights], keras.optimizers.Adam(rate), []
    adam.build(variables)

    @tf.function(reduce_retracing=True)
    def learn(x, legal, moves, worth):
        with tf.GradientTape() as tape:
            logits = tf.where(legal, forward(variables, x, tf.nn.relu), -1e9)  # (networks, made, 5)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(moves, logits) * worth
            loss = tf.reduce_sum(losses) / tf.math.count_nonzero(worth, dtype=tf.float32) * len(weights[0])
        adam.apply(tape.gradient(loss, variables), variables)

    for each in range(rounds):
        now = [variable.numpy() for variable in variables]
        pool += [now] if each % 10 == 0 else []
        _, made = series(now, pool[rng.integers(len(pool))], opened(len(now[0]) * games))
        learn(*(tf.constant(part) for part in made))
    return [*pool, [variable.numpy() for variable in variables]]


# %% tags=["demo"]
versions = reinforce(imitators, rounds=100)  # the paper: 10,000 rounds of 128 games
scratch, improved = reinforce(new_networks(5, 5), rounds=100, rate=0.003), versions[-1]
for name, pool, style, k in [("after imitation", versions, "-", 10), ("self-play alone", scratch, "--", 5)]:
    strength = [scores(each, [part[:k] for part in imitators], opened(k * 40)) for each in pool]  # (versions, k)
    plt.plot(range(0, 101, 10), strength, style, color=plots.COLOURS[10 // k - 1], label=[name, *["_"] * (k - 1)])
plt.gca().set(xlabel="rounds of self-play", ylabel="score against the imitators", ylim=(0, 1))
_ = plt.axhline(0.5, color="black", linestyle=":"), plt.legend()

# %% [markdown]
# The combination is worth much: after as many rounds, self-play alone is far below the imitators from whom the others
# began. Each line is a network, and its score comes from 80 games with moves drawn. (Of the rates 0.001, 0.003 and
# 0.01 each kind has the one that was best for it in trials.)
#
# Is this skill, or do the networks only become surer of what they would have played anyway? To tell, they play again
# with the best move instead of a drawn one: a network that only became sharper would score 0.5. In both matches each
# network plays all 345 openings with both colours; with best moves no chance is left in the games. Predict the second.

# %% tags=["demo"]
gains = {name: scores(improved, imitators, every[np.tile(np.arange(345), 10)], temperature=temperature)
         for name, temperature in [("self-play, drawn moves", 1.0), ("self-play, best moves", 0.0)]}
plots.table(["against imitation", "score", "95% half-width", "the ten networks"],
            [[name, *stats.mean_interval(x), " ".join(f"{score:.2f}" for score in x)] for name, x in gains.items()])

# %% [markdown]
# The paper reports that self-play won more than 80% of the games against imitation, with drawn moves. Ours wins two of
# three, and what it added is mostly sharpening: with best moves less than half of the gain is left. That rest is small
# and not sharpness; whether it is skill, a stranger will judge below. Each network plays 6,400 games, and the paper's
# played 1.28 million.
#
# What did they learn? Three positions, and the probabilities of the moves for black, who moves next (means of the ten
# networks). Left, black can complete a column, right, it must stop one. In the middle column 3 wins by force: three in
# the bottom row, open at both ends. Does a network see that without looking ahead?

# %% tags=["demo"]
for ax, line in zip(plots.panels(3, columns=3), [[2, 1, 2, 1, 2, 0], [1, 1, 2, 2], [0, 2, 0, 2, 0]], strict=True):
    position = game.start(1)
    for move in line:
        position = game.play(position, [move])
    row, column, side = np.nonzero(game.planes(position)[0])
    ax.scatter(column, row, s=330, c=side, cmap="binary_r", vmin=0, vmax=1, edgecolors="black")
    for k, (name, weights) in enumerate([("imitation", imitators), ("self-play", improved)]):
        p = tf.nn.softmax(forward(weights, features(position).reshape(1, 1, 225))[:, 0]).numpy().mean(axis=0)  # (5,)
        ax.bar(np.arange(5) + 0.4 * k - 0.2, 3 * p, 0.38, bottom=4.8, color=plots.COLOURS[k], label=name)
    ax.set(xticks=range(5), yticks=[4.8, 7.8], yticklabels=["p = 0", "p = 1"], ylim=(-0.6, 8), xlabel="column")
_ = ax.legend(loc="lower right")

# %% [markdown]
# Completing and stopping a row are features, and learned. In the middle both would rather take the centre: what was
# seldom seen has to be searched.
#
# ### Without any lookahead
#
# Networks that play their best move at once meet plain search: at how many simulations do they draw level? Each plays
# both colours from 30 openings, the same before and after self-play; the level is read off between the searches on a
# logarithmic axis. Plain search has $c$ = 2 (in trials 4 did as well, and 1 worse). Predict: the teacher had 100. Do
# its pupils come near?

# %% tags=["demo"]
searches = np.array([8, 32, 128])
twenty = [np.concatenate(pair) for pair in zip(imitators, improved, strict=True)]
openings = every[np.tile(rng.permutation(345)[:30], 20)]
alone = np.transpose([scores(twenty, searcher(game, rollouts(game, rng), n, exploration=2.0), openings, temperature=0)
                      for n in searches]).reshape(2, 10, 3)  # (stages, networks, searches)
levels = 2 ** np.array([np.interp(-0.5, -each, np.log2(searches)) for each in alone.mean(axis=1)])
judged = stats.mean_interval(alone.mean(axis=2)[1] - alone.mean(axis=2)[0])
plots.line(searches, {"imitation": alone[0], "self-play": alone[1]}, xlabel="simulations of the plain search",
           ylabel="score of the network alone", log="x")
plt.axhline(0.5, color="black", linestyle=":")
print("equal to plain search with", levels.round(), "simulations; self-play gained {:.3f} ± {:.3f}".format(*judged))

# %% [markdown]
# A network that does not search is worth **tens** of simulations here, not the "thousands of random games" of the
# deck: 128 are clearly stronger than it. What the pupils learned came from a teacher with 100; the paper's came from
# human experts, who then knew more than any program. And what beats a relative need not beat a stranger: against plain
# search, self-play gained little if anything (the last figure printed).
#
# ### Stage 3: a value network
#
# The value network learns $v(s)$, the result that the improved policy reaches from $s$ against itself, by squared
# error. The positions of one game are nearly the same and all have the same result. The paper found that a network
# taught with all of them "memorized the game outcomes", and so took one position from each of 30 million games.
#
# ### Exercise 2 (4 points): find the planted bugs
#
# Each game has `lengths` positions, number 0 with the player to move who began. `results` are for the player who began.
# With the function below a colleague's network knows the last positions of short games best, and believes that whoever
# is to move is the one who began. Write it without the bugs: in each game all its positions shall be equally likely,
# position $j$ for `draws` from $j$/length up to ($j$ + 1)/length; and the target is the result for who is to move.

# %%
def value_examples_with_bugs(lengths, results, draws):
    chosen = np.minimum((draws * lengths.max()).astype(int), lengths - 1)
    return chosen, results


# %% nbgrader={"grade": false, "grade_id": "value_examples", "locked": false, "schema_version": 3, "solution": true, "task": false}
def value_examples(lengths: np.ndarray, results: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of one position of each game, and its target; all (games,), draws uniform in [0, 1)."""
    ### BEGIN SOLUTION
    chosen = (draws * lengths).astype(int)
    return chosen, np.where(chosen % 2 == 0, results, -results)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "value_examples_chosen", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the same draw in a long game and in a short one", expected=[10, 5],
      value=value_examples(np.array([20, 10]), np.ones(2), np.array([0.5, 0.5]))[0])
check("the first and the last position", expected=[0, 6],
      value=value_examples(np.array([7, 7]), np.ones(2), np.array([0.0, 0.99]))[0])
### BEGIN HIDDEN TESTS
check("positions of thirty games",
      value_examples(check.rng().integers(4, 22, size=30), np.ones(30), check.rng().random(30))[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "value_examples_sides", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("who began has won: good at positions 0 and 2 for who is to move, bad at 1 and 3", expected=[1, -1, 1, -1],
      value=value_examples(np.full(4, 8), np.ones(4), np.array([0.05, 0.15, 0.3, 0.4]))[1])
### BEGIN HIDDEN TESTS
results = check.rng().choice([-1.0, 0.0, 1.0], size=30)
check("results of thirty games", value_examples(np.full(30, 12), results, check.rng().random(30))[1])
### END HIDDEN TESTS

# %% [markdown]
# One improved network plays 15,000 games against itself, its moves drawn. Games 12,500 and later are the test.

# %% tags=["demo"] waits=["value_examples"]
positions, alive, history, results = opened(15_000), np.arange(15_000), [], np.zeros(15_000)
while len(alive):
    history.append((positions.own, positions.other, alive, np.full(len(alive), len(history))))
    positions = game.play(positions, player(improved, 0, temperature=1.0)(positions))
    results[alive[game.lost(positions)]] = 1 if len(history) % 2 else -1  # for the player who began
    positions, alive = positions[onward := ~game.over(positions)], alive[onward]
columns = [np.concatenate(part) for part in zip(*history, strict=True)]
own, other, of_game, number = (column[np.argsort(columns[2], kind="stable")] for column in columns)  # game after game
chosen, z = value_examples(np.bincount(of_game), results, rng.random(15_000))
picked = np.flatnonzero(number == chosen[of_game])  # the chosen position of game 0, 1, ...
everywhere = np.where(number % 2 == 0, 1, -1) * results[of_game]  # the target of every position

# %% [markdown]
# Five networks get 2,500 positions each, from as many games; five others all positions of so many games that these are
# 2,500 too. All are tested on positions of games that nobody trained on. Predict both errors.

# %% tags=["demo"] waits=["value_examples"]
def squared(z, outputs):  # (networks, batch)
    return (tf.tanh(outputs[..., 0]) - z) ** 2


def error(weights, rows):  # of each network on its own rows (networks, count)
    return np.mean((np.tanh(forward(weights, x[rows])[..., 0]) - everywhere[rows]) ** 2, axis=1)


few = np.searchsorted(of_game, 2500 * np.arange(5))[:, None] + np.arange(2500)  # the first games of each 2,500
test, errors, x = np.tile(picked[12_500:], (5, 1)), {}, features(Positions(own, other)).reshape(-1, 225)
for name, rows in [("one position a game", picked[:12_500].reshape(5, 2500)), ("all positions of few games", few)]:
    batches = np.take_along_axis(rows[None], rng.integers(0, 2500, (300, 5, 256)), axis=2)
    trained = fit(new_networks(5, 1), x, everywhere.astype(np.float32), batches, squared, 0.002)
    errors[name] = error(trained, rows), error(trained, test)
plots.table(["2,500 positions", "error, training", "error, test", "difference"], [
    [name, train.mean(), new.mean(), "{:.3f} ± {:.3f}".format(*stats.mean_interval(new - train))]
    for name, (train, new) in errors.items()])

# %% [markdown]
# The same number of examples, and another network: correlated positions teach less, and the error on them looks better.
# The claim is about equal numbers of *positions*; whoever has few games and cannot play more should still use all.
#
# For the search one network learns from all 12,500 games, one position and its mirror image of each. The variance of
# the results themselves is the error of a network that knows nothing.

# %% tags=["demo"] waits=["value_examples"]
seen = x[picked[:12_500]].reshape(-1, 5, 5, 9)
seen, targets = np.concatenate([seen, seen[:, :, ::-1]]).reshape(-1, 225), np.tile(z[:12_500], 2).astype(np.float32)
value_network = fit(new_networks(1, 1), seen, targets, rng.integers(0, 25_000, (800, 1, 256)), squared, 0.002)
print(f"error of the value network {error(value_network, test[:1])[0]:.3f}, variance of z {z[12_500:].var():.3f}")

# %% [markdown]
# ### Stage 4: search with both
#
# The week 9 deck: "the leaf node is evaluated in two ways: using the value network $v_\theta$; and by running a rollout
# to the end of the game with the fast rollout policy $p_\pi$, then computing the winner with function $r$." The two are
# mixed: $V(s_L) = (1 - \lambda)\, v_\theta(s_L) + \lambda z_L$, and the paper took $\lambda = 0.5$.
#
# ### Exercise 3 (4 points): whose point of view?
#
# $v$ is seen by the player to move at the leaf. $r$ says who won: 1 the player who began the game, -1 the other, 0
# nobody. Who is to move follows from the number of stones on the board. The search wants the value for the player to
# move.

# %% nbgrader={"grade": false, "grade_id": "leaf_value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leaf_value(v: np.ndarray, winner: np.ndarray, stones: np.ndarray, mix: float) -> np.ndarray:
    """V of each leaf for the player to move there; v, winner, stones and the result (count,), mix is lambda."""
    ### BEGIN SOLUTION
    return (1 - mix) * v + mix * np.where(stones % 2 == 0, winner, -winner)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "leaf_value_sides", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("rollouts alone: who began has won, and is to move when the number of stones is even", expected=[1, -1, 1],
      value=leaf_value(np.full(3, 0.3), np.ones(3), np.array([4, 5, 6]), mix=1.0))
### BEGIN HIDDEN TESTS
winner, stones = check.rng().choice([-1.0, 0.0, 1.0], size=12), check.rng().integers(0, 25, size=12)
check("rollouts of twelve leaves", leaf_value(np.zeros(12), winner, stones, mix=1.0))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "leaf_value_mixture", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a quarter of the rollout's result, three quarters of the network's", expected=[0.55, 0.05],
      value=leaf_value(np.full(2, 0.4), np.array([1.0, -1.0]), np.array([8, 8]), mix=0.25))
check("the network's opinion is already that of the player to move", expected=[0.4],
      value=leaf_value(np.array([0.4]), np.array([1.0]), np.array([7]), mix=0.0))
### BEGIN HIDDEN TESTS
v, winner = check.rng().uniform(-1, 1, size=12), check.rng().choice([-1.0, 0.0, 1.0], size=12)
check("mixed values of twelve leaves", leaf_value(v, winner, check.rng().integers(0, 25, size=12), mix=0.3))
### END HIDDEN TESTS

# %% [markdown]
# Each side has 32 simulations a move; the leaves of all games go through the networks in one call. The rollout policy
# here is random moves (the paper's was a small linear softmax, 1,000 times faster than the network). All searches have
# priors from the policy network but the plain one, whose priors are equal and whose values come from rollouts. The
# less noisy its values, the less bonus a search needs: so each gets its own best of four values of $c$, found in games
# against one of the imitators, from other openings than those of the matches.

# %% waits=["leaf_value"]
def with_networks(policy, value, mix):
    def evaluate(positions):
        x, stones = features(positions).reshape(1, -1, 225), game.planes(positions).sum(axis=(1, 2, 3))
        P = np.exp(forward([part[:1] for part in policy], x)[0])  # the search leaves out what is not legal
        winner = play_out(game, positions, random_player(game, rng)) if mix > 0 else np.zeros(len(positions))
        return P, leaf_value(np.tanh(forward(value, x)[0, :, 0]), winner * (-1) ** stones, stones, mix)

    return evaluate


# %% tags=["demo"] waits=["value_examples", "leaf_value"]
evaluations = [rollouts(game, rng), *(with_networks(improved, value_network, mix) for mix in (0.0, 0.5, 1.0))]
imitator, order, constants, best, rows = [part[1:2] for part in imitators], rng.permutation(345), [0.5, 1, 2, 4], {}, []
for name, evaluate in zip(["plain", "value network", "both", "rollouts"], evaluations, strict=True):
    tried = [searcher(game, evaluate, 32, exploration=c) for c in constants]
    rows.append([name, *(1 - scores(imitator, one, every[order[150:230]], temperature=0)[0] for one in tried)])
    best[name] = tried[np.argmax(rows[-1][1:])]
plots.table(["score against an imitator", *(f"c = {c}" for c in constants)], rows)

# %% [markdown]
# Now the matches: 150 other openings, with both colours each.

# %% tags=["demo"] waits=["value_examples", "leaf_value"]
best["policy alone"], outcome, openings = player(improved, 0), {}, every[order[:150]]
for one, other in [("both", "plain"), ("both", "policy alone"), ("both", "value network"), ("both", "rollouts")]:
    first, second = (play_out(game, openings, best[a], best[b]) for a, b in [(one, other), (other, one)])
    outcome[f"{one} against {other}"] = stats.mean_interval(0.5 + (first - second) / 4)
plots.table(["32 simulations", "score", "95% half-width"], [[name, *each] for name, each in outcome.items()])

# %% [markdown]
# Networks make 32 simulations much stronger, and search makes the networks stronger. The paper found the mixture better
# than either half. Here it beats rollouts alone, but not clearly the value network alone: our rollouts are random moves
# and say little that it does not know.
#
# Is a match among relatives to be trusted? An independent judge is the truth: with ten empty places a position can be
# solved, all its continuations level by level, each position once. In how many positions where a mistake is possible
# does each stage make one? (Whiskers: over ten networks, or five repetitions where chance plays.) And below, what the
# first of each kind scores against random moves.

# %% tags=["demo"] waits=["value_examples", "leaf_value"]
def solved(positions):  # values of the positions (count,), of their moves (count, 5)
    legal, values = game.legal(positions) & ~game.lost(positions)[:, None], -1.0 * game.lost(positions)
    of_moves, (which, moves) = np.full(legal.shape, -np.inf), np.nonzero(legal)
    if len(which):
        after = game.play(positions[which], moves)
        _, index, back = np.unique(after.own << np.uint64(30) | after.other, return_index=True, return_inverse=True)
        of_moves[which, moves] = -solved(after[index])[0][back]
        values = np.where(legal.any(axis=1), of_moves.max(axis=1), values)
    return values, of_moves


late, weak = opened(2000), random_player(game, rng)
for _ in range(11):
    late = game.play(late, weak(late))
    late = late[~game.over(late)]
values, of_moves = solved(late)
risky = np.flatnonzero(np.where(np.isfinite(of_moves), of_moves, 1).min(axis=1) < values)
stages = {"random": 5 * [weak], "imitation": [player(imitators, k) for k in range(10)],
          "self-play": [player(improved, k) for k in range(10)], "plain search": 5 * [best["plain"]],
          "search with both": 5 * [best["both"]]}
wrong = {name: [100 * np.mean(of_moves[risky, move(late[risky])] < values[risky]) for move in players]
         for name, players in stages.items()}
plots.bars(wrong, ylabel="mistakes (%)", title=f"{len(risky):,} positions with ten empty places")
beaten = {name: 0.5 + np.mean(play_out(game, openings[:50], one, weak) - play_out(game, openings[:50], weak, one)) / 4
          for name, (one, *_) in stages.items()}
plots.table(["against random moves", "score in 100 games"], list(beaten.items()))

# %% tags=["demo"] waits=["value_examples", "leaf_value"]
matches = {name: stats.mean_interval(x) for name, x in {"imitation against random": at_random, **gains}.items()}
claim(
    "policy-and-value-networks",
    measured={f"{name}: score, 95% half-width": list(each) for name, each in {**matches, **outcome}.items()} | {
        "self-play's gain against plain search, 95% half-width": list(judged),
        "self-play alone against imitation: score": np.mean(strength[-1]),
        "plain search's simulations that equal the network alone: imitation, self-play": levels,
        "value network, test error less training error: one position a game, all of few games":
            [np.mean(new - train) for train, new in errors.values()],
        f"mistakes with ten empty places (%): {', '.join(wrong)}": [np.mean(each) for each in wrong.values()],
        f"score against random moves: {', '.join(beaten)}": list(beaten.values())},
    holds=all(mean - half > 0.5 for mean, half in [
        *matches.values(), outcome["both against plain"], outcome["both against policy alone"]])
    and alone[..., 0].mean() > 0.5 > alone[..., -1].mean(),
    because="each stage wins its match, self-play with best moves by little; equal to tens of simulations, no more",
)

# %% [markdown]
# The independent judge agrees on the search. Self-play makes about as many mistakes as imitation: late positions after
# random moves are not those that it learned to reach.
#
# **How this could be wrong.** The ten networks share the teacher's games. The match with best moves is the closest of
# those that the claim asks for: with five networks in place of ten its interval held one half at one of four seeds.
# Search was measured with one of the networks, over openings. The networks see features that plain search has to find
# by simulation, and their calls are not free: at equal time instead of equal simulations matches could come out
# otherwise.
#
# **Often mistaken.** Results are seen by three different people: who began, who moves, who moved last. No wrong sign
# raises an error. **Practice has moved on**: AlphaGo Zero and AlphaZero (2017) need no teacher and no rollouts; one
# network has both outputs, and learns from the visits of its own search.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - REINFORCE is imitation of one's own moves, weighted with the result of who made them.
# - A pool of older selves is the opponent, and the match with best moves tells skill from sharpness.
# - A value network needs many games more than many positions.
# - A policy is a prior for the search; a value network and a rollout are two opinions on a leaf, which can be mixed.
#
# ## At full scale
#
# | | this laptop | one GPU | the paper |
# |---|---|---|---|
# | game | Connect Four, 5 x 5 | Connect Four, 6 x 7 | Go, 19 x 19 |
# | policy network | 18,900 weights | 5 convolutional layers of 64 filters | 13 layers of 192 filters |
# | imitation | 19,000 positions | 10 million positions | 30 million positions, 3 weeks on 50 GPUs |
# | self-play | 100 rounds of 64 games | 5,000 rounds | 10,000 rounds of 128 games, 1 day |
# | value network | 12,500 games | 1 million games | 30 million games, 1 week on 50 GPUs |

# %%
dlcourse.submit()
