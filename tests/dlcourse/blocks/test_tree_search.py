"""Tree search: the library agrees with the notebook, values have the right sign, and games end where they end."""

import numpy as np
import pytest

from dlcourse import tree_search
from dlcourse.board_games import CONNECT_FOUR, SMALL_CONNECT_FOUR, TIC_TAC_TOE, Positions, random_moves
from dlcourse.tree_search import play_out, random_player, rollouts, search, searcher

NOTEBOOK = "week15/04_tree_search"
GAMES = [TIC_TAC_TOE, SMALL_CONNECT_FOUR, CONNECT_FOUR]


def after(game, *moves) -> Positions:
    position = game.start(1)
    for move in moves:
        position = game.play(position, [move])
    return position


def open_positions(game, count, stones, rng) -> Positions:
    positions = game.start(count)
    for _ in range(stones):
        positions = game.play(positions, random_moves(game, positions, rng))
        positions = positions[~game.over(positions)]
    return positions


def nothing(game):
    """An evaluation that knows nothing: every search with it is the same."""
    return lambda positions: (np.ones((len(positions), game.moves)), np.zeros(len(positions)))


@pytest.mark.parametrize("game", GAMES)
def test_the_notebook_and_the_library_agree(definitions, game):
    notebook = definitions(NOTEBOOK, "stand_in", "puct", "expand", "search")
    rng = np.random.default_rng(0)
    Q, P, N = rng.normal(size=(3, 6, game.moves))
    np.testing.assert_allclose(tree_search.puct(Q, P, N**2, 3.0), notebook.puct(Q, P, N**2, 3.0))
    positions, evaluate = open_positions(game, 25, 4, rng), notebook.stand_in(game)
    found = search(game, positions, evaluate, 60, 2.5)
    visits, values = notebook.search(game, positions, evaluate, 60, 2.5)
    np.testing.assert_array_equal(found.visits, visits)
    np.testing.assert_allclose(found.values, values, atol=1e-5)


def test_a_win_in_one_is_found_and_worth_1():
    """x has 0 and 1 and completes the row at 2; o has 3 and 4 and would complete at 5."""
    found = search(TIC_TAC_TOE, after(TIC_TAC_TOE, 0, 3, 1, 4), nothing(TIC_TAC_TOE), 50)
    assert found.best == 2 and found.values[0, 2] == 1.0
    others = found.values[0, [5, 6, 7, 8]]
    assert np.all(others <= 0) and np.all(found.visits[0, [0, 1, 3, 4]] == 0)


def test_a_threat_is_met_and_every_other_move_is_worth_less():
    """o has 0 and 1; who does not take 2 loses."""
    found = search(TIC_TAC_TOE, after(TIC_TAC_TOE, 0, 4, 1), nothing(TIC_TAC_TOE), 400)
    assert found.best == 2
    assert found.values[0, 2] > np.delete(found.values[0], [0, 1, 2, 4]).max()


def test_values_turn_their_sign_at_every_move():
    """The evaluation says +v of every position, so a leaf after one move is worth -v at the root, after two +v."""
    positions = TIC_TAC_TOE.start(1)
    found = search(TIC_TAC_TOE, positions, lambda p: (np.ones((len(p), 9)), np.full(len(p), 0.5)), 9, 100.0)
    assert np.all(found.visits == 1) and np.all(found.values == -0.5)
    deeper = search(TIC_TAC_TOE, positions, lambda p: (np.ones((len(p), 9)), np.full(len(p), 0.5)), 18, 100.0)
    assert np.all(deeper.visits == 2) and np.all(deeper.values == 0.0)


def test_finished_games_are_never_evaluated():
    asked = []

    def evaluate(positions):
        asked.append(positions)
        return np.ones((len(positions), 9)), np.zeros(len(positions))

    search(TIC_TAC_TOE, open_positions(TIC_TAC_TOE, 20, 5, np.random.default_rng(0)), evaluate, 80)
    assert not any(TIC_TAC_TOE.over(positions).any() for positions in asked)


def test_priors_of_illegal_moves_are_left_out():
    position = after(TIC_TAC_TOE, 4)
    trees = tree_search.Trees(TIC_TAC_TOE, position, lambda p: (np.full((1, 9), 1 / 9), np.zeros(1)))
    np.testing.assert_allclose(trees.edges[0, 2], np.where(np.arange(9) == 4, 0, 1 / 8))
    only = tree_search.Trees(TIC_TAC_TOE, position, lambda p: (np.eye(9)[[4]], np.zeros(1)))
    np.testing.assert_allclose(only.edges[0, 2], np.where(np.arange(9) == 4, 0, 1 / 8))


def test_trees_are_independent_of_their_neighbours(definitions):
    evaluate = definitions(NOTEBOOK, "stand_in").stand_in(CONNECT_FOUR)
    positions = open_positions(CONNECT_FOUR, 12, 20, np.random.default_rng(3))
    together = search(CONNECT_FOUR, positions, evaluate, 50)
    for k in range(len(positions)):
        np.testing.assert_array_equal(search(CONNECT_FOUR, positions[[k]], evaluate, 50).visits[0], together.visits[k])
    assert np.all(together.visits.sum(axis=1) == 50)
    np.testing.assert_allclose(together.policy.sum(axis=1), 1)


def test_best_prefers_visits_and_then_value():
    found = tree_search.Found(np.array([[3, 5, 5, 0]]), np.array([[1.0, -0.2, 0.1, 0.0]]))
    assert found.best == 2


def test_play_out_gives_the_result_to_who_moves_first():
    """Always the lowest legal move: the first player gets 0, 2, 4 and, with 6, the row 2, 4, 6."""
    lowest = lambda positions: TIC_TAC_TOE.legal(positions).argmax(axis=1)  # noqa: E731
    assert play_out(TIC_TAC_TOE, TIC_TAC_TOE.start(3), lowest).tolist() == [1, 1, 1]
    assert play_out(TIC_TAC_TOE, after(TIC_TAC_TOE, 0), lowest).tolist() == [-1]
    assert play_out(TIC_TAC_TOE, after(TIC_TAC_TOE, 0, 3, 1, 4, 2), lowest).tolist() == [-1]  # over, and lost
    assert play_out(TIC_TAC_TOE, after(TIC_TAC_TOE, 0, 1, 2, 4, 3, 5, 7, 6, 8), lowest).tolist() == [0]


def test_players_take_turns():
    strong = searcher(TIC_TAC_TOE, nothing(TIC_TAC_TOE), 100)
    weak = random_player(TIC_TAC_TOE, np.random.default_rng(0))
    start = TIC_TAC_TOE.start(100)
    assert play_out(TIC_TAC_TOE, start, strong, weak).mean() > 0.8
    assert play_out(TIC_TAC_TOE, start, weak, strong).mean() < -0.4


def test_rollouts_estimate_the_value_of_random_play():
    """Of all games of tic-tac-toe played at random the first player wins 58.5% and loses 28.8%."""
    priors, values = rollouts(TIC_TAC_TOE, np.random.default_rng(0))(TIC_TAC_TOE.start(20_000))
    np.testing.assert_allclose(priors, 1 / 9)
    assert abs(values.mean() - 0.297) < 0.02


def test_errors_say_what_is_wrong():
    over = after(TIC_TAC_TOE, 0, 3, 1, 4, 2)
    with pytest.raises(ValueError, match="the game is over in position 0:\n"):
        search(TIC_TAC_TOE, over, nothing(TIC_TAC_TOE), 10)
    with pytest.raises(ValueError, match="simulations is 0"):
        search(TIC_TAC_TOE, TIC_TAC_TOE.start(1), nothing(TIC_TAC_TOE), 0)
    with pytest.raises(ValueError, match=r"evaluate gave priors \(2, 9\) and values \(2, 1\) of 2 positions"):
        search(TIC_TAC_TOE, TIC_TAC_TOE.start(2), lambda p: (np.ones((2, 9)), np.zeros((2, 1))), 5)
