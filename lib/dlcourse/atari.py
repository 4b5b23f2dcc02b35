"""Deep Q-learning on a game of the Arcade Learning Environment, for as long as you give it.

    python -m dlcourse.atari --game Pong --hours 8

Built in week15/03_atari, where the preprocessing is written out. The folder of a run keeps its checkpoint, its progress
as CSV and a video. The same command goes on where the run was, until its hours are used up; only the replay memory
begins empty again. Evaluations come on top of the hours.
"""

import argparse
import csv
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import ale_py
import gymnasium
import numpy as np
from PIL import Image

from dlcourse.environment import quiet_start

with quiet_start():  # here a command imports TensorFlow
    import tensorflow as tf

    from dlcourse.deep_q_learning import DeepQ, ReplayMemory, q_network

    tf.config.list_physical_devices("GPU")

CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))  # Mnih et al. 2015, as all numbers here that no comment explains
FRAMES = 4  # in a state
GAMES = 8  # side by side; the paper has 1
STEPS_A_LESSON = 4  # of one game, each 4 frames
BATCH = 32
FIRST_STEPS = 5_000  # before the first lesson; 50,000 in the paper
SYNCHRONIZE = 2_500  # lessons; 10,000 in the paper, whose runs are 12.5 million lessons long
LAST_EPSILON = 0.05  # 0.1 in the paper; reached after a tenth of the hours
EVALUATION_GAMES = 8  # 30 in the paper
EVALUATION_EPSILON = 0.05


@dataclass
class Progress:
    """How far a run is."""

    hours: float = 0.0
    steps: int = 0  # of all games together
    lessons: int = 0


def environment(game: str, *, games: int = GAMES, training: bool = True) -> gymnasium.vector.VectorEnv:
    """Games side by side with the paper's preprocessing: one picture of 84 x 84 a step of 4 frames, (games, 1, 84, 84).

    At most 30 frames of waiting at the start. In training a lost life is reported as the end of an episode, though the
    game goes on, and rewards are -1, 0 and 1; else a game lasts at most 5 minutes. After a game's end the next step
    begins a new one, whatever the action.

    Raises:
        ValueError: the emulator has no such game.
    """
    gymnasium.register_envs(ale_py)
    if f"ALE/{game}-v5" not in gymnasium.registry:
        names = [name[4:-3] for name in gymnasium.registry if name.startswith("ALE/") and name.endswith("-v5")]
        near = sorted(name for name in names if name[0] == game[:1].upper()) or sorted(names)
        raise ValueError(f"game is {game!r}; the emulator has no such game, but has {', '.join(near)}")
    return gymnasium.make_vec(
        f"ALE/{game}-v5",
        num_envs=games,
        stack_num=1,
        life_loss_info=training,
        reward_clipping=training,
        max_num_frames_per_episode=108_000 if training else 18_000,
        repeat_action_probability=0.0,  # gymnasium's own default is 0.25, which came after the paper
    )


def push(states: np.ndarray, frames: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """The states after one more frame of each game: (games, height, width, stack), oldest first.

    Args:
        states: as returned. frames: (games, height, width).
        fresh: (games,), True where the frame is the first of an episode; before it stand zeros.
    """
    newer = np.empty_like(states)
    newer[..., :-1], newer[..., -1] = states[..., 1:], frames
    newer[fresh, ..., :-1] = 0
    return newer


def first_states(frames: np.ndarray) -> np.ndarray:
    """States (games, height, width, FRAMES) of which `frames` (games, height, width) is all that was seen."""
    return push(np.zeros((*frames.shape, FRAMES), np.uint8), frames, np.full(len(frames), True))


def agent_for(actions: int) -> DeepQ:
    """The paper's network and its copy, untrained."""

    def network():
        return q_network((84, 84, FRAMES), actions, CONVOLUTIONS, 512)

    return DeepQ(network(), network(), rate=1e-4, discount=0.99)


class Run:
    """A run and its folder.

    Args:
        memory: steps that the replay memory keeps, 7 kilobytes each; a million in the paper.

    Raises:
        ValueError: the emulator has no such game, the folder holds a run of another, or the memory is too small.
    """

    def __init__(self, game: str, folder: Path, *, memory: int = 100_000, seed: int = 0):
        if memory < FIRST_STEPS:
            raise ValueError(f"memory is {memory}; lessons begin when it holds {FIRST_STEPS} steps")
        self.games, self.folder = environment(game), folder
        self.game, self.progress = game, Progress()
        self.agent = agent_for(int(self.games.single_action_space.n))
        self.checkpoint = tf.train.Checkpoint(
            network=self.agent.network, target=self.agent.target, optimizer=self.agent.optimizer
        )
        if (folder / "progress.json").exists():
            state = json.loads((folder / "progress.json").read_text())
            if (other := state.pop("game")) != game:
                raise ValueError(f"folder is {folder}, which holds a run of {other}; a run of {game} needs its own")
            self.checkpoint.read(str(folder / state.pop("weights"))).assert_existing_objects_matched().expect_partial()
            self.progress = Progress(**state)
        folder.mkdir(parents=True, exist_ok=True)
        self.saved = replace(self.progress)
        self.rng = np.random.default_rng([seed, self.progress.steps])
        self.memory = ReplayMemory(memory // GAMES, GAMES, (84, 84), stack=FRAMES)
        frames, _ = self.games.reset(seed=int(self.rng.integers(2**31 - GAMES)))
        self.states, self.begins = first_states(frames[:, 0]), np.full(GAMES, False)

    def epsilon(self, hours: float) -> float:
        """The share of random actions, in a run of `hours`."""
        return max(LAST_EPSILON, 1 - (1 - LAST_EPSILON) * self.progress.hours / (0.1 * hours))

    def step(self, epsilon: float) -> None:
        """One step of every game, kept in the memory."""
        actions = self.agent.act(self.states, epsilon, self.rng)
        frames, rewards, terminated, truncated, info = self.games.step(actions)
        # Where a game has ended this step only begins the next one: it is kept, but never learned from.
        useless = self.begins | truncated
        self.memory.add(self.states[..., -1], actions, rewards, terminated & ~useless, useless)
        self.states = push(self.states, frames[:, 0], terminated | useless)
        self.begins = truncated | (terminated & (info["lives"] == 0))
        self.progress.steps += GAMES

    def learn(self) -> float:
        """One lesson; its loss."""
        loss = self.agent.learn(*self.memory.sample(BATCH, self.rng))
        self.progress.lessons += 1
        if self.progress.lessons % SYNCHRONIZE == 0:
            self.agent.synchronize()
        return float(loss)

    def play(self, hours: float, minutes: float) -> dict[str, float]:
        """Play and learn for `minutes`, or until `hours` are used up; what came out, for a line of the CSV."""
        begin, before, losses = time.monotonic(), replace(self.progress), []
        while (spent := time.monotonic() - begin) < 60 * minutes and self.progress.hours < hours:
            self.step(self.epsilon(hours))
            if self.memory.added * GAMES >= FIRST_STEPS:
                losses += [self.learn() for _ in range(GAMES // STEPS_A_LESSON)]
            self.progress.hours = before.hours + spent / 3600
        return {
            "steps a second": (self.progress.steps - before.steps) / max(spent, 1e-9),
            "loss": float(np.mean(losses)) if losses else float("nan"),
            "epsilon": self.epsilon(hours),
        }

    def save(self) -> None:
        """Write the checkpoint: first the weights, then, in one move, the file that names them."""
        if self.saved == self.progress and (self.folder / "progress.json").exists():
            return
        weights = f"weights-{self.progress.steps}"
        self.checkpoint.write(str(self.folder / weights))
        state = {"game": self.game, "weights": weights, **asdict(self.progress)}
        (self.folder / "progress.json.new").write_text(json.dumps(state, indent=1))
        os.replace(self.folder / "progress.json.new", self.folder / "progress.json")
        self.saved = replace(self.progress)
        for old in self.folder.glob("weights-*"):
            if not old.name.startswith(f"{weights}."):
                old.unlink()

    def note(self, line: dict[str, float]) -> None:
        """Add a line to progress.csv."""
        path = self.folder / "progress.csv"
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, line)
            if fresh:
                writer.writeheader()
            writer.writerow(line)


def evaluate(game: str, agent: DeepQ | None, *, seed: int, games: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Scores (games,) of whole games, points as the game counts them, and the frames of the first.

    Without an agent the moves are random: what chance reaches.
    """
    rng, playing = np.random.default_rng(seed), environment(game, games=games, training=False)
    frames, _ = playing.reset(seed=seed)
    states, points, going, film = first_states(frames[:, 0]), np.zeros(games), np.full(games, True), []
    while going.any():
        if agent is None:
            actions = rng.integers(playing.single_action_space.n, size=games)
        else:
            actions = agent.act(states, EVALUATION_EPSILON, rng)
        if going[0]:
            film.append(states[0, ..., -1])
        frames, rewards, terminated, truncated, _ = playing.step(actions)
        states = push(states, frames[:, 0], np.full(games, False))
        points += rewards * going
        going &= ~(terminated | truncated)
    playing.close()
    return points, film


def write_video(film: list[np.ndarray], path: Path, *, most: int = 1500) -> None:
    """A GIF of what the network saw, 15 pictures a second, of the last `most` frames."""
    pictures = [Image.fromarray(frame).resize((168, 168), Image.Resampling.NEAREST) for frame in film[-most:]]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=67, loop=0)


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m dlcourse.atari", description="Deep Q-learning on an Atari game; goes on where it was."
    )
    parser.add_argument("--game", default="Pong", help="such as Pong, Breakout, SpaceInvaders")
    parser.add_argument("--hours", type=float, required=True, help="of play and learning, all sittings together")
    parser.add_argument("--folder", type=Path, help="of the run; by default atari/GAME")
    parser.add_argument("--minutes", type=float, default=10.0, help="between evaluations and checkpoints")
    parser.add_argument("--memory", type=int, default=100_000, help="steps in the replay memory, 7 kB each")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(given)
    folder = arguments.folder or Path("atari") / arguments.game
    for name, unit in [("hours", "of play and learning, all sittings together"), ("minutes", "between evaluations")]:
        if not 0 < getattr(arguments, name) < float("inf"):
            parser.error(f"{name} is {getattr(arguments, name):g}; it is the {name} {unit}, more than 0, such as 8")
    if arguments.seed < 0:
        parser.error(f"seed is {arguments.seed}; it must be 0 or more")
    try:
        run = Run(arguments.game, folder, memory=arguments.memory, seed=arguments.seed)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    done = run.progress
    print(f"{folder}: {done.hours:.2f} hours, {done.steps} steps, {done.lessons} lessons so far", flush=True)
    try:
        chance, _ = evaluate(arguments.game, None, seed=arguments.seed, games=EVALUATION_GAMES)
        print(f"random play scores {chance.mean():.1f} (standard deviation {chance.std(ddof=1):.1f})", flush=True)
        while run.progress.hours < arguments.hours:
            line = run.play(arguments.hours, arguments.minutes)
            run.save()
            scores, film = evaluate(arguments.game, run.agent, seed=run.progress.steps, games=EVALUATION_GAMES)
            write_video(film, folder / "game.gif")
            line = asdict(run.progress) | line | {"score": scores.mean(), "spread": scores.std(ddof=1)}
            run.note(line)
            said = {name: f"{value:,}" if isinstance(value, int) else f"{value:.4g}" for name, value in line.items()}
            print(", ".join(f"{name} {value}" for name, value in said.items()), flush=True)
        print(f"the {arguments.hours:g} hours are used up; the same command with more of them goes on", flush=True)
    except KeyboardInterrupt:
        run.save()
        print(f"\nstopped after {run.progress.hours:.2f} hours; the same command goes on from here", flush=True)


if __name__ == "__main__":
    main()
