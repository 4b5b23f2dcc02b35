"""Games of two players who want a row of their stones, many of them played side by side."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

ONE = np.uint64(1)


@dataclass(frozen=True)
class Positions:
    """`count` positions as the player who moves next sees them.

    A set of stones is the bits of one number: bit `column * (rows + 1) + row`, row 0 at the bottom. The bit above each
    column stays empty, so no row of stones runs from one column's top into the next column.
    """

    own: np.ndarray  # (count,), uint64: stones of the player to move
    other: np.ndarray  # (count,), uint64: stones of the player who moved last

    def __len__(self) -> int:
        return len(self.own)

    def __getitem__(self, chosen) -> "Positions":
        return Positions(self.own[chosen], self.other[chosen])


@dataclass(frozen=True)
class BoardGame:
    """Players set stones in turn; who first has `in_a_row` in a line, in any direction, has won.

    With `falls` a move is a column and the stone falls to the lowest free place, else move `row * columns + column` is
    any free place.
    """

    rows: int
    columns: int
    in_a_row: int
    falls: bool

    @property
    def moves(self) -> int:
        """How many moves there are, legal or not."""
        return self.columns if self.falls else self.rows * self.columns

    @cached_property
    def places(self) -> np.ndarray:
        """The bit of each place, uint64 (rows, columns)."""
        row, column = np.indices((self.rows, self.columns)).astype(np.uint64)
        return ONE << (column * np.uint64(self.rows + 1) + row)

    @cached_property
    def full_board(self) -> np.uint64:
        return self.places.sum()

    def start(self, count: int) -> Positions:
        """`count` empty boards."""
        return Positions(np.zeros(count, np.uint64), np.zeros(count, np.uint64))

    def legal(self, positions: Positions) -> np.ndarray:
        """Which moves have a free place: bool (count, moves); whether the game is over says `over`."""
        occupied = (positions.own | positions.other)[:, None]
        places = self.places[-1] if self.falls else self.places.ravel()  # a column is free while its top is
        return (occupied & places) == 0

    def play(self, positions: Positions, moves: np.ndarray) -> Positions:
        """The positions after `moves` (count,), seen by the other player.

        Raises:
            ValueError: a move is not legal.
        """
        moves = np.asarray(moves)
        legal = self.legal(positions)[np.arange(len(positions)), moves]
        if not legal.all():
            game = int(np.argmin(legal))
            raise ValueError(f"move {moves[game]} is not legal in position {game}:\n{self.text(positions[[game]])}")
        if self.falls:
            occupied = positions.own | positions.other
            column = self.places.sum(axis=0)[moves]
            stone = (occupied + self.places[0, moves]) & column  # the carry runs up to the lowest free place
        else:
            stone = self.places.ravel()[moves]
        return Positions(positions.other, positions.own | stone)

    def lost(self, positions: Positions) -> np.ndarray:
        """Whether the player who moved last has a row: bool (count,)."""
        found = np.zeros(len(positions), bool)
        for step in (1, self.rows, self.rows + 1, self.rows + 2):  # up, down to the right, right, up to the right
            run = positions.other
            for distance in range(1, self.in_a_row):
                run = run & (positions.other >> np.uint64(step * distance))
            found |= run != 0
        return found

    def over(self, positions: Positions) -> np.ndarray:
        """Whether the game is lost or the board full: bool (count,)."""
        return self.lost(positions) | ((positions.own | positions.other) == self.full_board)

    def planes(self, positions: Positions) -> np.ndarray:
        """A network's input: float32 (count, rows, columns, 2), the stones of the player to move and of the
        other, row 0 at the bottom of the board."""
        stones = np.stack([positions.own, positions.other], axis=-1)[:, None, None]  # (count, 1, 1, 2)
        return ((stones & self.places[..., None]) != 0).astype(np.float32)

    def text(self, positions: Positions) -> str:
        """The boards as lines, x for the player to move."""
        boards = self.planes(positions)[:, ::-1] @ np.array([1, 2])  # (count, rows, columns), the top row first
        return "\n\n".join("\n".join("".join(".xo"[int(stone)] for stone in row) for row in board) for board in boards)


def random_moves(game: BoardGame, positions: Positions, rng: np.random.Generator) -> np.ndarray:
    """A legal move for each position, all equally likely: (count,)."""
    return np.where(game.legal(positions), rng.random((len(positions), game.moves)), -1).argmax(axis=-1)


TIC_TAC_TOE = BoardGame(3, 3, 3, falls=False)
CONNECT_FOUR = BoardGame(6, 7, 4, falls=True)
SMALL_CONNECT_FOUR = BoardGame(5, 5, 4, falls=True)
