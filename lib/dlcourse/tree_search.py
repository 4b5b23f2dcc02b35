"""Monte Carlo tree search in many games side by side, built in notebook week15/04_tree_search.

Values lie between -1 and 1 and are those of the player to move in the position they belong to. An *evaluation* is a
function from positions (count,), none of them over, to prior probabilities (count, moves) and values (count,): a
network, random games (`rollouts`), or a mixture. A *player* is a function from positions (count,) to moves (count,).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dlcourse.board_games import BoardGame, Positions, random_moves

Evaluation = Callable[[Positions], tuple[np.ndarray, np.ndarray]]
Player = Callable[[Positions], np.ndarray]


def puct(Q: np.ndarray, P: np.ndarray, N: np.ndarray, exploration: float) -> np.ndarray:
    """Action value plus bonus, Q + c P sqrt(N(s)) / (1 + N), all (..., moves).

    N counts the visits of each move; the position itself was visited once more than all its moves, when it was new.
    """
    return Q + exploration * P * np.sqrt(1 + N.sum(axis=-1, keepdims=True)) / (1 + N)


@dataclass(frozen=True)
class Found:
    """What a search found at the roots."""

    visits: np.ndarray  # (count, moves), int: they sum to the number of simulations
    values: np.ndarray  # (count, moves): mean value of each move for the player to move, 0 where there was no visit

    @property
    def best(self) -> np.ndarray:
        """The most visited move of each position, of equally visited ones the one with the best value: (count,)."""
        return (self.visits + self.values / 4).argmax(axis=1)

    @property
    def policy(self) -> np.ndarray:
        """The visits as probabilities: (count, moves)."""
        return self.visits / self.visits.sum(axis=1, keepdims=True)


class Trees:
    """One tree for each position; `simulate` makes one step of the search in all of them.

    A node is a row of every array, its children are rows after it; the roots are the first rows. The nodes of all trees
    share the rows, and rows are added as the trees need them.
    """

    def __init__(self, game: BoardGame, positions: Positions, evaluate: Evaluation, exploration: float = 4.0):
        self.game, self.evaluate, self.exploration = game, evaluate, exploration
        self.own, self.other = np.zeros((2, 0), np.uint64)
        self.over, self.value = np.zeros(0, bool), np.zeros(0)
        self.child = np.zeros((0, game.moves), np.int32)  # row of the node after the move, 0 while there is none
        self.edges = np.zeros((0, 4, game.moves), np.float32)  # N, W, P, and 0 for legal moves, -inf for others
        self.nodes = 0
        self.roots = self.add(positions)

    def simulate(self) -> None:
        """Select, expand, evaluate and back up once in every tree."""
        path, leaves = self.select()
        self.back_up(path, self.value[leaves])

    @property
    def found(self) -> Found:
        """What the simulations so far found at the roots."""
        N, W = self.edges[self.roots, :2].swapaxes(0, 1).astype(float)
        return Found(N.astype(int), W / np.maximum(N, 1))

    def select(self) -> tuple[list[tuple[np.ndarray, np.ndarray, np.ndarray]], np.ndarray]:
        """Descend to a new node or to the end of a game; gives the path and the nodes at its end (count,).

        The path is a list with, for each depth, the trees whose path is that long, their nodes, and the moves taken.
        """
        trees, nodes, path = np.arange(len(self.roots)), self.roots, []
        leaves, parents, last = np.empty((3, len(trees)), int)
        while len(trees):
            N, W, P, closed = self.edges[nodes].swapaxes(0, 1)  # (trees, moves) each
            moves = (puct(W / np.maximum(N, 1), P, N, self.exploration) + closed).argmax(axis=1)
            path.append((trees, nodes, moves))
            parents[trees], last[trees], leaves[trees] = nodes, moves, self.child[nodes, moves]
            trees = trees[(leaves[trees] > 0) & ~self.over[leaves[trees]]]
            nodes = leaves[trees]
        new = np.flatnonzero(leaves == 0)  # the trees that grow
        if len(new):
            parents, last = parents[new], last[new]
            added = self.add(self.game.play(Positions(self.own[parents], self.other[parents]), last))
            leaves[new] = self.child[parents, last] = added
        return path, leaves

    def add(self, positions: Positions) -> np.ndarray:
        """Expand: make new nodes, and evaluate those where the game goes on; gives their rows."""
        nodes = np.arange(self.nodes, self.nodes + len(positions))
        self.nodes += len(positions)
        if self.nodes > len(self.over):
            for name in ["own", "other", "over", "value", "child", "edges"]:
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, np.zeros((self.nodes, *array.shape[1:]), array.dtype)]))
        lost = self.game.lost(positions)
        legal = self.game.legal(positions)
        over = lost | ~legal.any(axis=1)
        self.own[nodes], self.other[nodes] = positions.own, positions.other
        self.over[nodes], self.value[nodes] = over, -1.0 * lost
        self.edges[nodes, 3] = np.where(legal, 0.0, -np.inf)
        if not over.all():
            priors, values = evaluated(self.evaluate, positions[~over], legal[~over])
            self.edges[nodes[~over], 2], self.value[nodes[~over]] = priors, values
        return nodes

    def back_up(self, path: list[tuple[np.ndarray, np.ndarray, np.ndarray]], values: np.ndarray) -> None:
        """Count each move of the path, and add to it the value as the player who made it sees it."""
        values = values.copy()
        for trees, nodes, moves in reversed(path):
            values[trees] = -values[trees]  # what is good for the player to move after the move is bad for its maker
            self.edges[nodes, 0, moves] += 1
            self.edges[nodes, 1, moves] += values[trees]


def evaluated(evaluate: Evaluation, positions: Positions, legal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Priors of the legal moves that sum to 1, and values; ValueError when they have other shapes."""
    priors, values = (np.asarray(part, dtype=float) for part in evaluate(positions))
    if priors.shape != legal.shape or values.shape != legal.shape[:1]:
        raise ValueError(
            f"evaluate gave priors {priors.shape} and values {values.shape} of {len(positions)} positions; "
            f"wanted {legal.shape} and {legal.shape[:1]}"
        )
    priors = np.where(legal, priors, 0.0)
    total = priors.sum(axis=1, keepdims=True)
    even = legal / legal.sum(axis=1, keepdims=True)
    return np.where(total > 0, priors / np.where(total > 0, total, 1), even), values


def search(
    game: BoardGame, positions: Positions, evaluate: Evaluation, simulations: int, exploration: float = 4.0
) -> Found:
    """Search every position with `simulations` steps of its own tree; their new leaves are evaluated together.

    Priors of illegal moves are left out and the rest made to sum to 1. The number of positions that `evaluate` gets
    changes from call to call, and is at most `len(positions)`.

    Raises:
        ValueError: a game is over already, there is no simulation, or `evaluate` gives other shapes.
    """
    if game.over(positions).any():
        ended = int(game.over(positions).argmax())
        raise ValueError(f"the game is over in position {ended}:\n{game.text(positions[[ended]])}")
    if simulations < 1:
        raise ValueError(f"simulations is {simulations}; a search needs at least 1")
    trees = Trees(game, positions, evaluate, exploration)
    for _ in range(simulations):
        trees.simulate()
    return trees.found


def play_out(game: BoardGame, positions: Positions, *players: Player) -> np.ndarray:
    """Play all games to their end, the players taking turns; the results for who moves in `positions`: (count,).

    1.0 is won, 0.0 drawn, -1.0 lost, for games that are over already too. With one player it plays for both sides.
    """
    results, games, turn = np.zeros(len(positions)), np.arange(len(positions)), 0
    while len(games):
        lost = game.lost(positions)
        results[games[lost]] = -1.0 if turn % 2 == 0 else 1.0
        onward = ~lost & game.legal(positions).any(axis=1)
        positions, games = positions[onward], games[onward]
        if len(games):
            positions = game.play(positions, players[turn % len(players)](positions))
        turn += 1
    return results


def random_player(game: BoardGame, rng: np.random.Generator) -> Player:
    """All legal moves equally likely."""
    return lambda positions: random_moves(game, positions, rng)


def searcher(game: BoardGame, evaluate: Evaluation, simulations: int, exploration: float = 4.0) -> Player:
    """The most visited move of a new search each time."""
    return lambda positions: search(game, positions, evaluate, simulations, exploration).best


def rollouts(game: BoardGame, rng: np.random.Generator) -> Evaluation:
    """Plain search's evaluation: equal priors, and as value the result of one random game."""

    def evaluate(positions: Positions) -> tuple[np.ndarray, np.ndarray]:
        legal = game.legal(positions)
        priors = legal / np.maximum(legal.sum(axis=1, keepdims=True), 1)
        return priors, play_out(game, positions, random_player(game, rng))

    return evaluate
