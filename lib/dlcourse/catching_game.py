"""A pixel game small enough that a network learns it in a minute: catch the fruit, leave the bombs."""

from typing import Any

import gymnasium
import numpy as np

SIDE = 8  # pixels
STEPS = 60  # of an episode that no bomb ends
LEFT, STAY, RIGHT = range(3)
FRUIT, BOMB = range(2)
BRIGHTNESS = np.array([255, 110], dtype=np.uint8)  # of a fruit, of a bomb
BASKET = 180  # the basket's brightness; it is three pixels wide and moves in the lowest row
CHANCE_OF_A_THING = 0.3  # that one appears in a step
SHARE_OF_BOMBS = 1 / 3


class CatchingGames:
    """`count` games that are played side by side, each of them as in `CatchingGame`.

    Attributes:
        baskets: column of each basket's middle, (count,).
        columns, kinds: of the things that fall, (count, SIDE), by the row where they are; a column of -1 says that
            there is none. All fall one row a step, so a row has one at most.
        steps: how many steps old each episode is, (count,).
    """

    def __init__(self, count: int, *, seed: int = 0):
        if count < 1:
            raise ValueError(f"count is {count}; at least 1 game can be played")
        self.rng = np.random.default_rng(seed)
        self.baskets = np.full(count, SIDE // 2)
        self.columns = np.full((count, SIDE), -1)
        self.kinds = np.full((count, SIDE), FRUIT)
        self.steps = np.zeros(count, dtype=int)
        self.restart(np.full(count, True))

    def restart(self, games: np.ndarray) -> None:
        """Begin new episodes in the games that are True in `games` (count,)."""
        self.baskets[games] = self.rng.integers(1, SIDE - 1, size=np.count_nonzero(games))
        self.columns[games] = -1
        self.steps[games] = 0

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Play `actions` (count,), each LEFT, STAY or RIGHT.

        Returns:
            rewards: (count,), 1 for a fruit caught, -1 for a bomb, else 0.
            terminated: (count,), True where a bomb was caught: there is no next state.
            truncated: (count,), True where the time is over, though the game could go on.

        Raises:
            ValueError: an action is none of the three.
        """
        actions = np.asarray(actions)
        if not np.isin(actions, (LEFT, STAY, RIGHT)).all():
            raise ValueError(f"actions are {actions}; expected {LEFT} (left), {STAY} (stay) or {RIGHT} (right)")
        self.baskets = np.clip(self.baskets + actions - 1, 1, SIDE - 2)
        self._fall()
        caught = (self.columns[:, -1] >= 0) & (np.abs(self.columns[:, -1] - self.baskets) <= 1)
        terminated = caught & (self.kinds[:, -1] == BOMB)
        self.steps += 1
        return np.where(terminated, -1.0, caught), terminated, (self.steps >= STEPS) & ~terminated

    def _fall(self) -> None:
        appears, bombs = self.rng.random((2, len(self.baskets)))
        columns = self.rng.integers(SIDE, size=len(self.baskets))
        self.columns = np.column_stack([np.where(appears < CHANCE_OF_A_THING, columns, -1), self.columns[:, :-1]])
        self.kinds = np.column_stack([np.where(bombs < SHARE_OF_BOMBS, BOMB, FRUIT), self.kinds[:, :-1]])

    def pixels(self) -> np.ndarray:
        """What a player sees: uint8 (count, SIDE, SIDE)."""
        pictures = np.zeros((len(self.baskets), SIDE, SIDE), dtype=np.uint8)
        for offset in (-1, 0, 1):
            pictures[np.arange(len(self.baskets)), -1, self.baskets + offset] = BASKET
        game, row = np.nonzero(self.columns >= 0)
        pictures[game, row, self.columns[game, row]] = BRIGHTNESS[self.kinds[game, row]]
        return pictures

    def planned_actions(self) -> np.ndarray:
        """The best actions (count,) for all that is on the screen: the most fruit without a bomb.

        Computed backwards in time over the basket's column. What has not appeared yet is unknown to it, so its score
        is close to the best that a player of pixels can reach. Where columns are equal it prefers the middle.
        """
        places = np.arange(1, SIDE - 1)  # of the basket's middle
        value = np.tile(-1e-3 * np.abs(places - (SIDE - 1) / 2), (len(self.baskets), 1))  # (count, places)
        for row in range(SIDE - 1):  # what is in row 0 arrives last
            column, kind = self.columns[:, row, None], self.kinds[:, row, None]
            caught = (column >= 0) & (np.abs(column - places) <= 1)  # (count, places)
            value = value + caught * np.where(kind == BOMB, -STEPS, 1)  # of being there when it arrives
            left_and_right = np.pad(value, ((0, 0), (1, 1)), mode="edge")
            moves = np.stack([left_and_right[:, :-2], value + 1e-6, left_and_right[:, 2:]], axis=-1)
            value = moves.max(axis=-1)
        return moves[np.arange(len(moves)), self.baskets - 1].argmax(axis=-1)


class CatchingGame(gymnasium.Env):
    """One game with gymnasium's interface. Observations: uint8 (SIDE, SIDE, 1).

    A caught fruit is worth 1; a caught bomb is worth -1 and ends the episode (terminated), else time does after STEPS
    steps (truncated). `info` names in "event" what happened: "", "fruit", "bomb" or "missed", with "appeared" for
    the kind of thing that came into the picture.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = gymnasium.spaces.Box(0, 255, (SIDE, SIDE, 1), np.uint8)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.game = CatchingGames(1)
        self.game.rng = self.np_random
        self.game.restart(np.array([True]))
        return self._observation(), {"event": "", "appeared": ""}

    def step(self, action: int):
        rewards, terminated, truncated = self.game.step(np.array([action]))
        return self._observation(), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), self._events(rewards[0])

    def _observation(self) -> np.ndarray:
        return self.game.pixels()[0, ..., None]

    def _events(self, reward: float) -> dict[str, str]:
        columns, kinds = self.game.columns[0], self.game.kinds[0]
        missed = columns[-1] >= 0 and kinds[-1] == FRUIT
        event = {1.0: "fruit", -1.0: "bomb"}.get(reward, "missed" if missed else "")
        return {"event": event, "appeared": "" if columns[0] < 0 else ("fruit", "bomb")[kinds[0]]}

    def render(self) -> np.ndarray:
        """The picture, 16 times as large: uint8 (16 SIDE, 16 SIDE, 3)."""
        return np.repeat(np.kron(self._observation(), np.ones((16, 16, 1), dtype=np.uint8)), 3, axis=-1)
