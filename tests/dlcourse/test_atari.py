import csv
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dlcourse import atari

FEW = 20 / 3600  # hours: 20 steps by the clock below


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Lessons begin soon, two games are enough for a score, and a second is one step, however fast the machine."""
    monkeypatch.setattr(atari, "FIRST_STEPS", 100)
    monkeypatch.setattr(atari, "EVALUATION_GAMES", 2)
    seconds = itertools.count()  # one later each time that it is looked at
    monkeypatch.setattr(atari, "time", SimpleNamespace(monotonic=lambda: next(seconds)))


def command(folder: Path, *more: str) -> None:
    atari.main(["--game", "SpaceInvaders", "--folder", str(folder), "--memory", "2000", *more])


def state(folder: Path) -> dict:
    return json.loads((folder / "progress.json").read_text())


def test_a_run_leaves_checkpoint_progress_and_video_and_goes_on(tmp_path, capsys, monkeypatch):
    plays = []
    monkeypatch.setattr(atari, "evaluate", lambda *given, **named: plays.append(given) or evaluation(*given))
    command(tmp_path, "--hours", str(FEW), "--minutes", "1")
    first = state(tmp_path)
    assert first["game"] == "SpaceInvaders" and first["hours"] >= FEW and first["lessons"] == 16
    assert [agent is None for _, agent in plays] == [True, False]
    said = capsys.readouterr().out
    assert "0.00 hours, 0 steps, 0 lessons so far" in said and "random play scores" in said and "are used up" in said

    command(tmp_path, "--hours", str(2 * FEW), "--minutes", "1")
    second = state(tmp_path)
    assert second["hours"] >= 2 * FEW and second["steps"] > first["steps"] and second["lessons"] > first["lessons"]
    assert f"{first['steps']} steps, {first['lessons']} lessons so far" in capsys.readouterr().out
    assert {path.name.split(".")[0] for path in tmp_path.glob("weights-*")} == {second["weights"]}
    with (tmp_path / "progress.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [int(line["steps"]) for line in lines] == [first["steps"], second["steps"]]
    assert all(float(line["spread"]) >= 0 and np.isfinite(float(line["loss"])) for line in lines)
    with Image.open(tmp_path / "game.gif") as video:
        assert video.size == (168, 168) and video.n_frames > 1


def evaluation(*_):
    """A short one in place of whole games."""
    return np.array([1.0, 3.0]), list(np.random.default_rng(0).integers(0, 255, size=(5, 84, 84), dtype=np.uint8))


def test_a_checkpoint_brings_back_network_target_and_optimizer(tmp_path):
    run = atari.Run("Pong", tmp_path, memory=800)
    for _ in range(20):
        run.step(epsilon=1.0)
    assert np.isfinite([run.learn() for _ in range(2)]).all()
    run.save()
    again = atari.Run("Pong", tmp_path, memory=800)
    assert again.progress == run.progress and run.progress.lessons == 2
    for mine, theirs in [(run.agent.network, again.agent.network), (run.agent.target, again.agent.target)]:
        for one, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(run.agent.optimizer.variables, again.agent.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    assert int(again.agent.optimizer.iterations.numpy()) == 2
    with pytest.raises(ValueError, match="holds a run of Pong; a run of Breakout"):
        atari.Run("Breakout", tmp_path, memory=800)


def test_the_memory_holds_what_the_agent_saw(tmp_path):
    """The states that are drawn are those that were acted on, over lost lives and games' ends too."""
    run = atari.Run("Breakout", tmp_path, memory=8 * 400, seed=1)
    run.agent.act = lambda states, epsilon, rng: rng.integers(4, size=len(states))
    seen = []
    for _ in range(300):
        seen.append(run.states)
        run.step(epsilon=1.0)
    times, games = (grid.ravel() for grid in np.meshgrid(np.arange(300), np.arange(atari.GAMES), indexing="ij"))
    np.testing.assert_array_equal(run.memory.states(times, games), np.array(seen)[times, games])
    terminated, truncated = run.memory.terminated[:300], run.memory.truncated[:300]
    assert terminated.sum() > 20 and truncated.any() and not (terminated & truncated).any()
    ends = np.argwhere(truncated)  # a game's end: terminated, and the step after it is of no use
    assert all(terminated[time - 1, game] for time, game in ends if time > 0) and len(ends) < terminated.sum() / 3


def test_evaluation_plays_whole_games_for_real_points():
    scores, film = atari.evaluate("SpaceInvaders", None, seed=3, games=2)
    assert scores.shape == (2,) and (scores % 5 == 0).all() and scores.max() > 20  # 20 hits would be 20 if clipped
    assert len(film) > 100 and film[0].shape == (84, 84)


def test_interrupted_it_says_so_and_the_checkpoint_is_whole(tmp_path):
    arguments = ["--game", "Pong", "--hours", "1", "--folder", str(tmp_path), "--memory", "5000"]
    quick = "from dlcourse import atari; atari.EVALUATION_GAMES = 2; atari.FIRST_STEPS = 64; atari.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", quick, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(atari.__file__).parents[1])},
    )
    try:
        for line in process.stdout:
            if line.startswith("random play"):  # now it plays and learns
                break
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "stopped after" in said and "goes on from here" in said and "Traceback" not in errors
    assert state(tmp_path)["steps"] > 0
    assert atari.Run("Pong", tmp_path, memory=5000).progress.steps == state(tmp_path)["steps"]


def test_wrong_arguments_are_named(tmp_path, capsys):
    with pytest.raises(ValueError, match="game is 'Pongg'; the emulator has no such game, but has .*Pong"):
        atari.environment("Pongg")
    with pytest.raises(ValueError, match="memory is 10; lessons begin when it holds 100 steps"):
        atari.Run("Pong", tmp_path / "run", memory=10)
    with pytest.raises(SystemExit):
        atari.main(["--game", "pong", "--hours", "1", "--folder", str(tmp_path / "run")])
    assert "game is 'pong'" in capsys.readouterr().err
    for wrong, message in [
        (["--hours", "0"], "hours is 0; it is the hours of play and learning, all sittings together, more than 0"),
        (["--hours", "1", "--minutes", "-2"], "minutes is -2; it is the minutes between evaluations, more than 0"),
        (["--hours", "1", "--seed", "-1"], "seed is -1; it must be 0 or more"),
    ]:
        with pytest.raises(SystemExit):
            atari.main(["--folder", str(tmp_path / "run"), *wrong])
        assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_new_picture_joins_the_states():
    states = np.arange(1, 9, dtype=np.uint8).reshape(2, 1, 1, 4)
    pictures = np.full((2, 1, 1), 9, np.uint8)
    after = atari.push(states, pictures, np.array([False, True]))
    assert after.dtype == np.uint8 and after.reshape(2, 4).tolist() == [[2, 3, 4, 9], [0, 0, 0, 9]]
    assert states.reshape(2, 4)[0].tolist() == [1, 2, 3, 4]
    assert atari.first_states(pictures).reshape(2, 4).tolist() == [[0, 0, 0, 9]] * 2
