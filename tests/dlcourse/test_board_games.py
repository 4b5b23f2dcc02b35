import numpy as np
import pytest

from dlcourse.board_games import CONNECT_FOUR, SMALL_CONNECT_FOUR, TIC_TAC_TOE, BoardGame, Positions, random_moves


def successors(game: BoardGame, positions: Positions) -> Positions:
    """All positions one legal move later, those reached twice twice."""
    parents, moves = np.nonzero(game.legal(positions))
    return game.play(positions[parents], moves)


def test_all_games_of_tic_tac_toe():
    """The known numbers: 131,184 games won by who begins, 77,904 by the other, 46,080 drawn."""
    positions, won, drawn = TIC_TAC_TOE.start(1), [0, 0], 0
    for ply in range(9):
        positions = successors(TIC_TAC_TOE, positions)
        lost = TIC_TAC_TOE.lost(positions)
        won[ply % 2] += lost.sum()
        drawn += (TIC_TAC_TOE.over(positions) & ~lost).sum()
        positions = positions[~TIC_TAC_TOE.over(positions)]
    assert (won, drawn, len(positions)) == ([131_184, 77_904], 46_080, 0)


def test_positions_of_connect_four():
    """Different positions after each move, as in the Online Encyclopedia of Integer Sequences, A212693."""
    positions, counts = CONNECT_FOUR.start(1), [1]
    for _ in range(7):
        after = successors(CONNECT_FOUR, positions[~CONNECT_FOUR.over(positions)])
        own, other = np.unique(np.stack([after.own, after.other]), axis=1)
        positions = Positions(own, other)
        counts.append(len(positions))
    assert counts == [1, 7, 49, 238, 1120, 4263, 16422, 54859]


@pytest.mark.parametrize("game", [TIC_TAC_TOE, SMALL_CONNECT_FOUR, BoardGame(4, 6, 3, falls=True)])
def test_a_row_is_seen_in_every_direction_and_only_on_the_board(game):
    rng = np.random.default_rng(0)
    planes = rng.random((3000, game.rows, game.columns)) < 0.4
    stones = (planes * game.places).sum(axis=(1, 2), dtype=np.uint64)
    k, lines = game.in_a_row, []
    for row in range(game.rows):
        for column in range(game.columns):
            for down, right in [(0, 1), (1, 0), (1, 1), (1, -1)]:
                places = [(row + i * down, column + i * right) for i in range(k)]
                if all(r < game.rows and 0 <= c < game.columns for r, c in places):
                    lines.append(np.all([planes[:, r, c] for r, c in places], axis=0))
    wanted = np.any(lines, axis=0)
    assert 0 < wanted.sum() < len(wanted)
    assert np.array_equal(game.lost(Positions(np.zeros_like(stones), stones)), wanted)


def test_planes_and_text_show_the_player_to_move():
    positions = SMALL_CONNECT_FOUR.start(1)
    for move in [2, 2, 4]:
        positions = SMALL_CONNECT_FOUR.play(positions, [move])
    assert SMALL_CONNECT_FOUR.text(positions) == ".....\n.....\n.....\n..x..\n..o.o"
    own, other = np.moveaxis(SMALL_CONNECT_FOUR.planes(positions)[0], -1, 0)
    assert np.argwhere(own).tolist() == [[1, 2]] and np.argwhere(other).tolist() == [[0, 2], [0, 4]]


def test_an_illegal_move_is_named():
    positions = TIC_TAC_TOE.play(TIC_TAC_TOE.start(2), [0, 8])
    with pytest.raises(ValueError, match=r"move 8 is not legal in position 1:\n..o"):
        TIC_TAC_TOE.play(positions, [1, 8])
    full = SMALL_CONNECT_FOUR.start(1)
    for _ in range(5):
        full = SMALL_CONNECT_FOUR.play(full, [3])
    assert SMALL_CONNECT_FOUR.legal(full).tolist() == [[True, True, True, False, True]]


def test_random_moves_are_legal_and_equally_likely():
    positions = TIC_TAC_TOE.play(TIC_TAC_TOE.start(9000), np.full(9000, 4))
    counts = np.bincount(random_moves(TIC_TAC_TOE, positions, np.random.default_rng(0)), minlength=9)
    assert counts[4] == 0 and np.all(np.abs(np.delete(counts, 4) - 1125) < 150)
