import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from dlcourse.catching_game import (
    BASKET,
    BOMB,
    BRIGHTNESS,
    FRUIT,
    LEFT,
    RIGHT,
    SIDE,
    STAY,
    STEPS,
    CatchingGame,
    CatchingGames,
)


def scores(games: CatchingGames, policy) -> tuple[np.ndarray, np.ndarray]:
    """Each game's first episode: its score and whether a bomb ended it."""
    total, ended = np.zeros(len(games.baskets)), np.zeros(len(games.baskets), bool)
    for _ in range(STEPS):
        rewards, terminated, _ = games.step(policy(games))
        total += np.where(ended, 0, rewards)
        ended |= terminated
    return total, ended


@pytest.mark.filterwarnings("ignore:.*Not able to test alternative render modes.*")
def test_gymnasium_accepts_it():
    check_env(CatchingGame("rgb_array"))


def test_the_planner_takes_hardly_a_bomb_and_is_far_above_chance():
    planned, bombs = scores(CatchingGames(300, seed=1), CatchingGames.planned_actions)
    assert bombs.mean() < 0.02  # bombs side by side can close a trap
    rng = np.random.default_rng(0)
    chance, bombs = scores(CatchingGames(300, seed=1), lambda games: rng.integers(3, size=300))
    assert bombs.mean() > 0.5 and planned.mean() > chance.mean() + 5


def test_the_planner_catches_the_most_that_is_on_the_screen():
    """Against all sequences of moves, until what is on the screen has come down."""
    games = CatchingGames(4, seed=3)
    for _ in range(SIDE):
        games.step(games.planned_actions())
    plans = np.stack(np.meshgrid(*[[-1, 0, 1]] * (SIDE - 1), indexing="ij"), axis=-1).reshape(-1, SIDE - 1)
    for game in range(4):
        place, worth, first = games.baskets[game], np.zeros(len(plans)), plans[:, 0]
        places = np.full(len(plans), place)
        for time, row in enumerate(range(SIDE - 2, -1, -1)):
            places = np.clip(places + plans[:, time], 1, SIDE - 2)
            column, kind = games.columns[game, row], games.kinds[game, row]
            worth += ((column >= 0) & (np.abs(column - places) <= 1)) * (1.0 if kind == FRUIT else -100.0)
        chosen = games.planned_actions()[game] - 1
        assert worth[first == chosen].max() == worth.max()


def test_what_a_step_does():
    games = CatchingGames(3)
    games.baskets[:] = 1
    games.columns[:] = -1
    games.columns[:, -2], games.kinds[:, -2] = [0, 0, 4], [FRUIT, BOMB, FRUIT]
    rewards, terminated, truncated = games.step([LEFT, STAY, RIGHT])
    assert games.baskets.tolist() == [1, 1, 2]  # the basket stays in the picture
    assert rewards.tolist() == [1, -1, 0] and terminated.tolist() == [False, True, False] and not truncated.any()
    lowest = games.pixels()[:, -1]
    assert lowest[:, 4].tolist() == [0, 0, BRIGHTNESS[FRUIT]]
    assert lowest[2].tolist() == [0, BASKET, BASKET, BASKET, BRIGHTNESS[FRUIT], 0, 0, 0]


def test_time_ends_an_episode_that_no_bomb_ended_and_a_new_one_begins_empty():
    games = CatchingGames(50, seed=2)
    for step in range(STEPS):
        _, _, truncated = games.step(games.planned_actions())
        assert truncated.all() == (step == STEPS - 1)
    games.restart(np.arange(50) < 10)
    assert (games.columns[:10] == -1).all() and (games.steps == np.where(np.arange(50) < 10, 0, STEPS)).all()


def test_events_are_named():
    game = CatchingGame()
    game.reset(seed=4)
    seen, rewards = set(), {"fruit": 1, "bomb": -1, "missed": 0, "": 0}
    for _ in range(400):
        _, reward, terminated, _, info = game.step(STAY)
        assert reward == rewards[info["event"]] and terminated == (info["event"] == "bomb")
        seen |= {info["event"], info["appeared"]}
    assert seen == {"", "fruit", "bomb", "missed"}


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="count is 0"):
        CatchingGames(0)
    with pytest.raises(ValueError, match=r"actions are \[3\]"):
        CatchingGames(1).step([3])
