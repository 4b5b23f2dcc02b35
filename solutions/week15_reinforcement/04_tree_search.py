# %% [markdown]
# # 4 · Tree search
#
# *Applications* (Goodfellow 2018), slide 32, and NCTU week 9, both "Superhuman Go". The paper behind them: Silver et
# al. 2016, *Mastering the game of Go with deep neural networks and tree search*, figure 3.
#
# **You should know** what a value and a policy are (`q-learning`, `non-differentiable`). **You will have built** Monte
# Carlo tree search, its four steps in hundreds of trees side by side; a player that never loses tic-tac-toe; and a
# ladder that says how much stronger a search becomes when it may think twice as long.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) Which target does $Q(s, a)$ get when the move $a$ ends the episode?
# 2. (Every claim so far) A player wins 60 of 100 games and loses 40. How sure is it that it wins more than half?
#
# <details><summary>Answers</summary>
#
# 1. The reward alone: there is no next state whose value could be added. A finished game in a search tree is the same
#    case: its value is known, and nothing may be asked of a network or a random game.
# 2. The standard error of the share is $\sqrt{0.6 \cdot 0.4 / 100} = 0.049$, the 95% interval 0.50 to 0.70: just. To
#    compare players takes hundreds of games.
#
# </details>

# %%
dlcourse.setup("week15/04_tree_search", seed=154)

import time
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
from dlcourse import check, claim, plots, seeds, stats, tree_search
from dlcourse.board_games import SMALL_CONNECT_FOUR, TIC_TAC_TOE, Positions, random_moves
from dlcourse.tree_search import play_out, random_player, rollouts, searcher

# %% [markdown] topic="monte-carlo-tree-search"
# ## Monte Carlo tree search
#
# "Superhuman Go: Monte Carlo tree search, with convolutional networks for value function and policy." The week 9 deck
# explains the four steps under its picture:
#
# "**a**, Each simulation traverses the tree by selecting the edge with maximum action value $Q$, plus a bonus $u(P)$
# that depends on a stored prior probability $P$ for that edge. **b**, The leaf node may be expanded; the new node is
# processed once by the policy network $p_\sigma$ and the output probabilities are stored as prior probabilities $P$ for
# each action. **c**, At the end of a simulation, the leaf node is evaluated in two ways: using the value network
# $v_\theta$; and by running a rollout to the end of the game with the fast rollout policy $p_\pi$, then computing the
# winner with function $r$. **d**, Action values $Q$ are updated to track the mean value of all evaluations $r(\cdot)$
# and $v_\theta(\cdot)$ in the subtree below that action."
#
# This notebook builds the search, with equal priors and a random rollout as its evaluation; the next one puts networks
# in. The games are the library's. A position is seen by the player who moves next: x is that player, o the other.

# %%
game, small, c = TIC_TAC_TOE, SMALL_CONNECT_FOUR, 4  # c is the weight of the bonus, 5 in the paper


def after(*moves):
    """The position after these moves, as an array of one."""
    position = game.start(1)
    for move in moves:
        position = game.play(position, [move])
    return position


for moves in [(4, 0), (4, 0, 8)]:  # the centre, the corner below left, and then the one above right
    print(game.text(after(*moves)), "legal moves:", np.flatnonzero(game.legal(after(*moves))[0]))

# %% [markdown]
# The stones changed names between the two boards, because the player to move changed. All values here follow the same
# rule: **a value is that of the player to move**, 1 for a win, 0 for a draw, -1 for a loss. An *evaluation* is a
# function from positions to priors and values, for many positions in one call. As a stand-in for a network, here is a
# random linear one: useless as a player, and good for comparing programs, since it always gives the same answer.

# %%
def stand_in(game, seed=0):
    """An evaluation: priors (count, moves), values (count,), from random weights."""
    A = np.random.default_rng(seed).normal(size=(game.rows * game.columns * 2, game.moves + 1))

    def evaluate(positions):
        out = game.planes(positions).reshape(len(positions), -1) @ A  # (count, moves + 1)
        P = np.exp(out[:, :-1])
        return P / P.sum(axis=1, keepdims=True), np.tanh(out[:, -1])

    return evaluate


# %% [markdown]
# ### Exercise 1 (3 points): value plus bonus
#
# At a position $s$ the search follows the move with the greatest
#
# $$Q(s, a) + u(s, a), \qquad u(s, a) = c\, P(s, a)\, \frac{\sqrt{N(s)}}{1 + N(s, a)}, \qquad
# N(s) = 1 + \sum_b N(s, b).$$
#
# $N(s, a)$ counts how often the move was followed from $s$, and $N(s)$ how often the search came to $s$: once when the
# position was new, and once for each move followed since. (The paper leaves out the 1; then all moves of a new position
# would score 0, whatever $P$ says.) A move that is seldom tried has a bonus that grows with all other tries.

# %% nbgrader={"grade": false, "grade_id": "puct", "locked": false, "schema_version": 3, "solution": true, "task": false}
def puct(Q: np.ndarray, P: np.ndarray, N: np.ndarray, c: float) -> np.ndarray:
    """Q + u of every move; Q, P, N and the result are (positions, moves), one row for each position."""
    ### BEGIN SOLUTION
    visits = N.sum(axis=-1, keepdims=True) + 1  # (positions, 1)
    return Q + c * P * visits**0.5 / (N + 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "puct_one", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("three visits, all to the first move: N(s) is 4", expected=[[0.7, 1.2, 1.5]], value=puct(
    np.array([[0.5, 0.0, -0.5]]), np.array([[0.2, 0.3, 0.5]]), np.array([[3, 0, 0]]), c=2.0))
check("a new position: Q is 0, the bonus c P", expected=[[1.8, 0.2]],
      value=puct(np.zeros((1, 2)), np.array([[0.9, 0.1]]), np.zeros((1, 2)), c=2.0))
### BEGIN HIDDEN TESTS
Q, P, N = check.rng().normal(size=(3, 1, 7))
check("one position with seven moves", puct(Q, P**2, np.floor(9 * N**2), c=1.7))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "puct_rows", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two positions know nothing of each other: N(s) is 4 in one, 1 in the other", expected=[[0.5, 2.0], [1.0, 1.0]],
      value=puct(np.zeros((2, 2)), np.full((2, 2), 0.5), np.array([[3, 0], [0, 0]]), c=2.0))
### BEGIN HIDDEN TESTS
Q, P, N = check.rng().normal(size=(3, 5, 4))
check("five positions", puct(Q, P**2, np.floor(9 * N**2), c=3.0))
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 (4 points): find the planted bugs
#
# A new leaf gets its priors and its value from the evaluation. With the function below a colleague's program loses
# games that it could win in one move, and seems to doubt a move that is the only legal one.
#
# Write it without the bugs. `evaluate` knows nothing of the rules: it gives probabilities to illegal moves too, and an
# opinion on games that are over, which must not count. The priors of the legal moves must sum to 1; where the game is
# over all priors are 0. (`game.over` is true when the game is lost for the player to move, or the board full.)

# %%
def expand_with_bugs(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.lost(positions), 1.0, np.where(game.over(positions), 0.0, value))
    return np.where(game.legal(positions), P, 0.0), value


# %% nbgrader={"grade": false, "grade_id": "expand", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expand(game, positions: Positions, evaluate) -> tuple[np.ndarray, np.ndarray]:
    """Priors (count, moves) and values (count,) of new leaves, the values for the player to move."""
    ### BEGIN SOLUTION
    (P, value), over, legal = evaluate(positions), game.over(positions), game.legal(positions)
    P = P * (legal & ~over[:, None])
    return P / np.where(over, 1.0, P.sum(axis=1))[:, None], np.where(over, -1.0 * game.lost(positions), value)
    ### END SOLUTION


# %%
def random_positions(game, count, stones, rng):
    """At most `count` positions after that many random moves, the last of which may have ended the game."""
    positions = game.start(count)
    for _ in range(stones):
        positions = positions[~game.over(positions)]
        positions = game.play(positions, random_moves(game, positions, rng))
    return positions


# %% nbgrader={"grade": true, "grade_id": "expand_values", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the other player has a row: lost for who would move next", expected=[-1.0],
      value=expand(game, after(0, 3, 1, 4, 2), stand_in(game))[1])
check("full board: drawn", expand(game, after(0, 1, 2, 4, 3, 5, 7, 6, 8), stand_in(game))[1], expected=[0.0])
check("the game goes on: what evaluate says", expected=[0.3],
      value=expand(game, after(4), lambda p: (np.ones((1, 9)), np.array([0.3])))[1])
### BEGIN HIDDEN TESTS
mixed = random_positions(game, 60, 7, check.rng())
P, opinions = check.rng().random((len(mixed), 9)), check.rng().uniform(-1, 1, size=len(mixed))
check("values of many positions, some over", expand(game, mixed, lambda p: (P, opinions))[1])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "expand_priors", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("seven legal moves share what nine had", expected=[[0, *[1 / 7] * 3, 0, *[1 / 7] * 4]],
      value=expand(game, after(4, 0), lambda p: (np.full((1, 9), 1 / 9), np.zeros(1)))[0])
check("over: nothing to choose", expand(game, after(0, 3, 1, 4, 2), stand_in(game))[0], expected=np.zeros((1, 9)))
### BEGIN HIDDEN TESTS
mixed = random_positions(game, 60, 7, check.rng())
given = check.rng().dirichlet(np.ones(9), size=len(mixed))
check("priors of many positions, some over", expand(game, mixed, lambda p: (given, np.zeros(len(given))))[0])
### END HIDDEN TESTS

# %% [markdown]
# ### The four steps
#
# In one tree a simulation is a recursion. Look for the two minus signs:
#
# ```python
# def simulate(node):                                # gives the value for the player to move at the node
#     if node.over:
#         return node.value
#     move = the legal one with the greatest Q + u   # a: select
#     if move in node.children:
#         value = -simulate(node.children[move])
#     else:                                          # b, c: expand and evaluate
#         node.children[move] = new_node(node, move)
#         value = -node.children[move].value
#     node.N[move] += 1                              # d: back up; Q is W / N
#     node.W[move] += value
#     return value
# ```
#
# What is good for the player to move at the child is bad for the one who moved there: hence the minus, at every return.
#
# ### Exercise 3 (3 points): derive the signs
#
# A network wants hundreds of positions in one call, and one tree offers one leaf at a time. So we grow hundreds of
# trees, one for each game, and evaluate their leaves together. Then there is no recursion that turns the sign at every
# return: a tree's path from root to leaf has some length $k$, with moves $0, 1, \dots, k - 1$, and the leaf's value $v$
# is that of the player to move *at the leaf*. What is added to $W$ of move $i$?

# %% nbgrader={"grade": false, "grade_id": "backed_up", "locked": false, "schema_version": 3, "solution": true, "task": false}
def backed_up(values: np.ndarray, lengths: np.ndarray, depth: int) -> np.ndarray:
    """What each move of each path adds to its W: (count, depth), move 0 is the root's; 0 beyond a path's end.

    values (count,): of the leaves, for the player to move there. lengths (count,): moves in each path, 1 to depth.
    """
    ### BEGIN SOLUTION
    to_leaf = lengths[:, None] - np.arange(depth)  # (count, depth): 1 for the move that leads into the leaf
    return np.where(to_leaf > 0, values[:, None] * np.where(to_leaf % 2 == 1, -1, 1), 0.0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "backed_up_one", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a winning move leads to a leaf of value -1", backed_up(np.array([-1.0]), np.array([1]), 1), expected=[[1.0]])
check("three moves: the last and the first were made by the same player",
      backed_up(np.array([0.5]), np.array([3]), depth=3), expected=[[-0.5, 0.5, -0.5]])
### BEGIN HIDDEN TESTS
check("paths that are all as long as depth", backed_up(check.rng().uniform(-1, 1, size=4), np.full(4, 5), depth=5))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "backed_up_lengths", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a short and a long path: the leaf is at the path's end, not at depth",
      backed_up(np.array([0.5, 0.2]), np.array([2, 3]), depth=3), expected=[[0.5, -0.5, 0.0], [-0.2, 0.2, -0.2]])
### BEGIN HIDDEN TESTS
leaves, moves = check.rng().uniform(-1, 1, size=12), check.rng().integers(1, 7, size=12)
check("twelve paths of many lengths", backed_up(leaves, moves, depth=6))
### END HIDDEN TESTS

# %% [markdown]
# ### Many trees at once
#
# All trees lie in the same arrays: node $k$ of tree $t$ at `[t, k]`. In each simulation every tree gets at most one new
# node, which has the number `new` in all of them. `over` is true for nodes that are not there yet, so that a descent
# stops there.

# %%
def new_trees(game, positions, size):
    """Room for `size` nodes in each of `count` trees."""
    shape = len(positions), size
    P, N, W = np.zeros((3, *shape, game.moves))
    return SimpleNamespace(
        P=P, N=N, W=W, child=np.full(P.shape, -1), legal=np.zeros(P.shape, bool), over=np.ones(shape, bool),
        value=np.zeros(shape), positions=Positions(*np.zeros((2, *shape), np.uint64)))


def put(trees, which, new, game, positions, P, value):
    """Make `positions` the node `new` of the trees `which`."""
    trees.P[which, new], trees.value[which, new] = P, value
    trees.legal[which, new], trees.over[which, new] = game.legal(positions), game.over(positions)
    trees.positions.own[which, new], trees.positions.other[which, new] = positions.own, positions.other


def select(trees, new, c):
    """Descend in every tree: the paths' nodes and moves (depth, trees), their lengths and leaves (trees,)."""
    every, at, path = np.arange(len(trees.N)), np.zeros(len(trees.N), int), []
    going, lengths = np.ones(len(every), bool), np.zeros(len(every), int)
    while going.any():
        N = trees.N[every, at]  # (trees, moves)
        scores = puct(trees.W[every, at] / np.maximum(N, 1), trees.P[every, at], N, c)
        moves = np.where(trees.legal[every, at], scores, -np.inf).argmax(axis=1)  # (trees,)
        path.append((at, moves))
        child = trees.child[every, at, moves]
        at = np.where(going, np.where(child < 0, new, child), at)
        lengths += going
        going = going & ~trees.over[every, at]
    return *np.moveaxis(path, 1, 0), lengths, at


# %%
def search(game, positions, evaluate, simulations, c, expand=expand, signs=backed_up):
    """Visits and mean values of the moves of each position, (count, moves) both."""
    every, trees = np.arange(len(positions)), new_trees(game, positions, simulations + 1)
    put(trees, every, 0, game, positions, *expand(game, positions, evaluate))
    for new in range(1, simulations + 1):
        nodes, moves, lengths, leaves = select(trees, new, c)
        growing = np.flatnonzero(leaves == new)  # all but those that ended in a finished game
        if len(growing):
            edge = growing, nodes[lengths - 1, every][growing], moves[lengths - 1, every][growing]
            trees.child[edge] = new
            positions = game.play(trees.positions[edge[:2]], edge[2])
            put(trees, growing, new, game, positions, *expand(game, positions, evaluate))
        tree, step = np.nonzero(np.arange(len(nodes)) < lengths[:, None])
        edges = tree, nodes[step, tree], moves[step, tree]
        trees.N[edges] += 1  # back up
        trees.W[edges] += signs(trees.value[every, leaves], lengths, len(nodes))[tree, step]
    return trees.N[:, 0], trees.W[:, 0] / np.maximum(trees.N[:, 0], 1)


# %% [markdown]
# The move to play in the end is the most visited one, whose value rests on most evaluations, and not the one with the
# greatest $Q$, which may come from one lucky game. `dlcourse.tree_search` holds the same search, for this and the next
# notebook (quicker, since it leaves out the trees whose descent has ended). The two must agree to the last visit.

# %% waits=["puct", "expand", "backed_up"]
some = random_positions(game, 40, 3, np.random.default_rng(1))  # nobody has three in a row yet
visits, values = search(game, some, stand_in(game), 200, c)
found = tree_search.search(game, some, stand_in(game), 200, c)
print("by hand and library differ:", np.abs(visits - found.visits).max(), np.abs(values - found.values).max())

# %% [markdown]
# What is gained by going side by side? The time for a simulation, with random rollouts on the small Connect Four board
# (5 x 5, four in a row), which are played side by side too:

# %% tags=["demo"]
rng, rows = np.random.default_rng(seeds(1)[0]), []
for trees in [1, 20, 400, 2000]:
    start = time.perf_counter()
    tree_search.search(small, small.start(trees), rollouts(small, rng), 40, c)
    rows.append([trees, (time.perf_counter() - start) * 1e6 / 40 / trees])
plots.table(["trees side by side", "microseconds a simulation and tree"], rows)

# %% [markdown]
# NumPy's overhead is shared by all trees, as a network's would be. From here on all games are played side by side.
#
# ### Never loses tic-tac-toe
#
# The game is small enough to be solved. Negamax says the value of every position: the best of its moves, where a move
# is worth the value after it with its sign turned (the same minus again). Perfect play draws.

# %%
exact = {}  # (own, other): value for the player to move


def negamax(position):
    key = int(position.own[0]), int(position.other[0])
    if key not in exact:
        moves = [] if game.over(position)[0] else np.flatnonzero(game.legal(position)[0])
        lost = int(game.lost(position)[0])
        exact[key] = max([-negamax(game.play(position, [move])) for move in moves], default=-lost)
    return exact[key]


def exact_values(positions):
    """The exact value of each move for the player to move, -inf where it is not legal: (count, moves)."""
    values, (which, moves) = np.full((len(positions), game.moves), -np.inf), np.nonzero(game.legal(positions))
    later = game.play(positions[which], moves)
    values[which, moves] = [-exact[key] for key in zip(later.own.tolist(), later.other.tolist(), strict=True)]
    return values


print("the empty board:", negamax(game.start(1)), "of", len(exact), "positions")

# %% [markdown]
# The search knows none of this. It has equal priors, and for each leaf the result of one random game. A corner was
# taken: which answer will it like after 30, 300 and 2,000 simulations?

# %% tags=["demo"]
trees = tree_search.Trees(game, after(0), rollouts(game, rng), exploration=c)
for ax, simulations in zip(plots.panels(3, columns=3), [30, 300, 2000], strict=True):
    while trees.found.visits.sum() < simulations:
        trees.simulate()
    share, Q = 100 * trees.found.policy.reshape(3, 3), trees.found.values.reshape(3, 3)
    ax.pcolormesh(share, cmap="cividis", vmin=0, vmax=80, edgecolors="white", linewidth=2)
    for (row, column), visits in np.ndenumerate(share):
        text = f"{visits:.0f}%\nQ = {Q[row, column]:+.2f}" if row + column else "o"
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color="white" if visits < 40 else "black",
                fontsize=10 if row + column else 30)
    ax.set(title=f"{simulations} simulations", xticks=[], yticks=[], aspect="equal")
print("exact:", exact_values(after(0))[0])

# %% [markdown]
# Only the centre draws, and all other answers lose. With few simulations $Q$ is the mean of a few careless games, and
# it is chance which answer leads. As the tree below an answer grows, the opponent in it stops being careless: the $Q$
# of a bad answer falls, and the visits go elsewhere. (It is still far from -1, for the bonus sends simulations to bad
# replies too.) Two thousand is not much: the whole tree below this position has 59,705 nodes.
#
# "Never loses" means: to nobody, whatever has happened before. So we ask for the search's move in *every* position in
# which a mistake is possible, a move that gives away a draw or a win. There are 3,191, most of them the same position
# turned or mirrored up to eight times, which makes eight independent searches of it. If none makes a mistake, no
# opponent can win, from the empty board or from any position that is not lost already.

# %% tags=["demo"]
every = Positions(*rng.permutation(np.array(list(exact), np.uint64)).T)
values = exact_values(every := every[~game.over(every)])
possible = np.where(np.isfinite(values), values, 1).min(axis=1) < values.max(axis=1)
risky, of_moves = every[possible], values[possible]


def mistakes(moves):
    """Share of the positions (%) where the move is worse than the best, in five parts of them: (5,)."""
    worse = of_moves[np.arange(len(risky)), moves] < of_moves.max(axis=1)
    return 100 * np.array([part.mean() for part in np.array_split(worse, 5)])


trees = tree_search.Trees(game, risky, rollouts(game, rng), exploration=c)
marks, chosen = 2 ** np.arange(2, 13), {}
for mark in marks:
    while trees.found.visits[0].sum() < mark:
        trees.simulate()
    chosen[mark] = trees.found.best
rates = [mistakes(moves) for moves in chosen.values()]
plots.line(marks, np.transpose(rates), xlabel="simulations", ylabel="mistakes (%)", log="x")
plt.yscale("symlog", linthresh=0.1)  # linear below 0.1%, so that 0 has a place
_ = plt.ylim(-0.01, 100), plt.yticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])

# %% [markdown]
# Now the controls, which must do worse: the bugs of exercise 2; signs that are never turned, which take the opponent
# for a friend; signs that begin wrong at the leaf, an easy slip; a search without the bonus.

# %% tags=["demo"] waits=["puct", "expand", "backed_up"]
variants = {"as it should be": {}, "bugs of exercise 2": {"expand": expand_with_bugs},
            "signs never turned": {"signs": lambda v, lengths, d: np.repeat(v[:, None], d, axis=1)},
            "wrong at the leaf": {"signs": lambda v, lengths, d: -backed_up(v, lengths, d)}, "no bonus": {"c": 0.0}}
by_variant = {name: mistakes(search(game, risky, rollouts(game, rng), 64, **{"c": c} | change)[0].argmax(axis=1))
              for name, change in variants.items()}
plots.bars(by_variant | {"random moves": mistakes(random_player(game, rng)(risky))}, ylabel="mistakes (%)")

# %% [markdown]
# Every one of these programs runs without an error and plays legal moves, and three of them choose worse than chance.
# That is why a search is tested where the right answer is known, before it plays where it is not.
#
# What this means in games: the moves that the search has just chosen make a player, with 64 or with 4,096 simulations
# (in a position where no mistake is possible, any legal move will do). It plays 900 games as first and 900 as second,
# in which each of the nine first moves occurs a hundred times, against a random opponent and against a perfect one
# that draws lots among its best moves.

# %% tags=["demo"]
def perfect(positions):
    values = exact_values(positions)
    return (rng.random(values.shape) * (values == values.max(axis=1, keepdims=True))).argmax(axis=1)


def by_book(moves):
    book = np.full((2**12, 2**12), -1)
    book[risky.own, risky.other] = moves
    return lambda p: np.where(book[p.own, p.other] < 0, game.legal(p).argmax(axis=1), book[p.own, p.other])


starts = {"first": game.start(900), "second": game.play(game.start(900), np.tile(np.arange(9), 100))}
games = {(n, name, side): play_out(game, start, by_book(chosen[n]), other) for n in [64, 4096] for name, other in
         [("random", random_player(game, rng)), ("perfect", perfect)] for side, start in starts.items()}
plots.table(["simulations", "against", "we move", "won", "drawn", "lost"], [
    [*key, *(int((results == result).sum()) for result in [1, 0, -1])] for key, results in games.items()])

# %% [markdown]
# With 64 simulations the search wins most games against a random opponent, and loses many of those in which a perfect
# one moves first. With 4,096 it loses none, and a perfect opponent always draws.
#
# ### Strength grows with simulations
#
# Connect Four is too large to be solved in a notebook; its smaller sister on 5 x 5 is large enough that no search here
# sees to its end. So strength is measured by matches. A score $s$ (a draw counts half) is turned into a difference on
# Elo's scale, on which differences may be added if the players can be ordered on a line at all:
#
# $$s = \frac{1}{1 + 10^{-d/400}}, \qquad d = 400 \log_{10} \frac{s}{1 - s}.$$
#
# Each player meets the one with half its simulations. Every match begins from all 25 positions after two moves,
# with both colours, so neither the first move nor a lucky opening decides; that is a round of 50 games, and a match has
# twelve rounds. Predict: what does doubling bring, and does it bring the same again and again?

# %%
def elo(score):
    return 400 * np.log10(score / (1 - score))


def match(one, other, rounds=12):
    """Score of `one` in each round of 50 games, (rounds,)."""
    first, second = np.divmod(np.arange(25 * rounds) % 25, 5)
    openings = small.play(small.play(small.start(25 * rounds), first), second)
    results = play_out(small, openings, one, other) - play_out(small, openings, other, one)  # (25 rounds,)
    return 0.5 + results.reshape(rounds, 25).mean(axis=1) / 4


# %% tags=["demo"]
def plain(simulations, evaluate=None):
    return searcher(small, evaluate or rollouts(small, rng), simulations, c)


rungs = 2 ** np.arange(2, 8)  # 4 to 128
pairs = [*zip(rungs[1:].tolist(), rungs[:-1].tolist(), strict=True), (128, 8)]
*gains, direct = [stats.mean_interval(match(plain(more), plain(less))) for more, less in pairs]
plots.table(["match", "score", "95% half-width", "Elo"], [
    [f"{one} against {other}", *s, elo(s[0])] for (one, other), s in zip(pairs, [*gains, direct], strict=True)])

# %% tags=["demo"]
scores = np.array([mean for mean, _ in gains])  # of each rung against the one below
heights = np.concatenate([[0], np.cumsum(elo(scores))])
errors = [0, *(400 / np.log(10) * half / (mean * (1 - mean)) for mean, half in gains)]  # of each step, delta method
plt.errorbar(rungs, heights, np.sqrt(np.cumsum(np.square(errors))), fmt="o-", capsize=4)
plt.xscale("log", base=2)
plt.xticks(rungs, rungs)
plt.gca().set(xlabel="simulations a move", ylabel="Elo above 4 simulations")
print(f"128 against 8, by the steps: {1 / (1 + 10 ** ((heights[1] - heights[-1]) / 400)):.3f}, direct: {direct[0]:.3f}")

# %% [markdown]
# Every doubling wins, and after the second step the gain tends to shrink: the players come nearer to perfect play,
# where nothing can be gained, and every further move of foresight costs several times more nodes. Whether Elo may be
# added up was not certain (a player can be good against its neighbour and bad against a third): the long match comes
# out near what the steps promise.
#
# ### Exercise 4 (2 points): read the curve
#
# A newcomer, of any kind, scores `score` against the player on one rung of such a ladder. How many simulations does a
# plain search need to be as strong? Add up the ladder's steps on Elo's scale, and read off where the curve, drawn over
# $\log_2$ of the simulations with straight lines between the rungs, reaches the newcomer. (The next notebook asks this
# about a network that does not search at all.)

# %% nbgrader={"grade": false, "grade_id": "equal_simulations", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equal_simulations(rungs: np.ndarray, scores: np.ndarray, against: int, score: float) -> float:
    """Simulations of the plain search that is as strong as a player with `score` against rung number `against`.

    rungs (k + 1,): simulations, rising; scores (k,): of rung i + 1 against rung i. The answer lies between the rungs.
    """
    ### BEGIN SOLUTION
    curve = np.cumsum([0.0, *elo(np.asarray(scores))])  # (k + 1,)
    return float(2 ** np.interp(curve[against] + elo(score), curve, np.log2(rungs)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "equal_simulations_rungs", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("as strong as the rung it met", equal_simulations(np.array([4, 8]), np.array([0.7]), 1, 0.5), expected=8.0)
check("3 to 1 twice is 9 to 1: two rungs higher",
      equal_simulations(np.array([1, 10, 50]), np.array([0.75, 0.75]), 0, 0.9), expected=50.0)
### BEGIN HIDDEN TESTS
steps_up = check.rng().uniform(0.55, 0.8, size=4)
odds = np.cumprod(steps_up / (1 - steps_up))
check("at the rungs", [equal_simulations(3 * 2 ** np.arange(5), steps_up, 0, o / (1 + o)) for o in odds])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "equal_simulations_between", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("half the Elo of the step from 4 to 16: the middle on an axis of powers of two",
      equal_simulations(np.array([4, 16]), np.array([0.9]), 0, 0.75), expected=8.0)
check("the same from above", equal_simulations(np.array([4, 16]), np.array([0.9]), 1, 0.25), expected=8.0)
### BEGIN HIDDEN TESTS
steps_up, several = check.rng().uniform(0.6, 0.8, size=4), check.rng().uniform(0.2, 0.8, size=6)
check("anywhere", [equal_simulations(5 * 3 ** np.arange(5), steps_up, 2, score) for score in several])
### END HIDDEN TESTS

# %% [markdown]
# ### What the tree, the rollouts and the prior are worth
#
# Four changes to the search with 32 simulations. Each plays against the unchanged one and is read off the ladder:
#
# - *no tree*: the simulations are shared evenly by the moves at the root, and the one with the best mean is played.
# - *no rollouts*: an unfinished game is worth 0, whatever it looks like.
# - *a prior*: $P$ is proportional to the square of the number of rows of four through the place where the stone would
#   lie, counted on the empty board. It knows nothing of the stones.
# - *the prior turned round*: $P$ is proportional to one over that number.

# %%
rows_through = np.array([[3, 4, 3, 4, 3], [4, 6, 6, 6, 4], [3, 6, 8, 6, 3], [4, 6, 6, 6, 4], [3, 4, 3, 4, 3]])


def with_prior(power, rng):
    """An evaluation: P from the rows of four through the place where the stone would lie, the value by rollout."""
    def evaluate(positions):
        height = small.planes(positions).sum(axis=(1, 3)).astype(int)  # (count, columns): stones in each
        P = 1.0 * rows_through[np.minimum(height, 4), np.arange(5)] ** power
        return P, play_out(small, positions, random_player(small, rng))

    return evaluate


def no_tree(simulations, rng):
    """A player: random games after each move, the same number for all legal ones; the best mean is played."""
    def choose(positions):
        (which, moves), each = np.nonzero(small.legal(positions)), simulations // small.moves
        later = small.play(positions[np.repeat(which, each)], np.repeat(moves, each))
        means = np.full((len(positions), small.moves), -np.inf)
        means[which, moves] = -play_out(small, later, random_player(small, rng)).reshape(-1, each).mean(axis=1)
        return means.argmax(axis=1)

    return choose


# %% tags=["demo"] waits=["equal_simulations"]
changed = {"no tree": no_tree(32, rng), "no rollouts": plain(32, lambda p: (1.0 * small.legal(p), np.zeros(len(p)))),
           "a prior": plain(32, with_prior(2.0, rng)), "the prior turned round": plain(32, with_prior(-1.0, rng))}
worth = {name: match(player, plain(32)) for name, player in changed.items()}
plots.table(["32 simulations", "score against unchanged", "95% half-width", "as strong as plain search with"],
            [[name, *stats.mean_interval(each), round(equal_simulations(rungs, scores, 3, each.mean()))]
             for name, each in worth.items()])

# %% [markdown]
# The tree doubles what 32 simulations are worth, and rollouts do more than that, random as they are. A prior that knows
# the board and not the game already helps; a bad one does harm, and its bonus has not faded after 32 simulations.
# Better rollouts, values and priors are what networks are for.

# %% tags=["demo"]
claim(
    "monte-carlo-tree-search",
    measured={"mistakes in tic-tac-toe (%), 4, 64, 512, 4,096 simulations": np.mean(rates, axis=1)[[0, 4, 7, 10]],
              "games of 3,600 lost with 64 and 4,096 simulations": [
                  sum(int((r < 0).sum()) for key, r in games.items() if key[0] == n) for n in [64, 4096]],
              "Connect Four on 5 x 5: score of each doubling, from 4 to 128 simulations": scores,
              "their 95% half-widths": [half for _, half in gains],
              "Elo from 4 to 128": heights[-1], "score of 128 against 8": direct[0]},
    holds=np.sum(rates[-1]) == 0 and all((r >= 0).all() for key, r in games.items() if key[0] == 4096)
    and all(mean - half > 0.5 for mean, half in gains),
    because="no mistake is left after 4,096 simulations, so nobody can win; and each doubling wins its match",
)

# %% [markdown]
# **How this could be wrong.** The rollouts are random, so "never" is a matter of probability: in trials with the same
# settings 23 of 900 answers to a first stone (corner, edge, centre) were mistakes after 1,024 simulations, and 0 of 600
# after 4,096; with 2,000 simulations 3 of 630 games against perfect play were lost. The ladder's players differ in
# nothing but the number of simulations; against other opponents the same doubling may bring less. The constant $c$ was
# not tuned for each rung (at 64 simulations no value from 2 to 6 did better than another by more than the error).
#
# **Often mistaken.** A wrong sign, or a finished game that is asked for its opinion, makes no error message. Test the
# search where the answer is known. **Practice has moved on**: AlphaGo Zero (2017) dropped the rollouts and
# kept a value network alone, with noise on the root's prior so that self-play stays varied.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Select by $Q + u$, expand, evaluate, back up. The bonus grows with $\sqrt{N(s)}$ and falls with $N(s, a)$.
# - A value belongs to the player to move. It changes its sign with every move on the way back to the root.
# - A finished game has a value by the rules: -1 for who would have to move, when the other has just won.
# - The most visited move is played. Strength grows with the logarithm of the simulations, and slower at the top.
# - One tree asks for one leaf; hundreds of games side by side ask for hundreds, in one call.
#
# ## At full scale
#
# | | this laptop | one GPU | the paper |
# |---|---|---|---|
# | game | Connect Four, 5 x 5 | Connect Four, 6 x 7, or Go, 9 x 9 | Go, 19 x 19 |
# | evaluation | one random game | a small convolutional network | policy and value networks, and rollouts |
# | search | up to 4,096 simulations a move | 800 a move, 1,000 games side by side | 5 s a move |
# | machine | 2 cores | 1 GPU | 1,202 CPUs and 176 GPUs |

# %%
dlcourse.submit()
