"""Deep Q-learning (Mnih et al. 2015): a network, a replay memory, a target network, and the loop that uses them.

Built in week15/02_deep_q_learning. Frames are uint8 (height, width); a state is the last few of them, (height, width,
frames). Several games are played side by side.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


def q_network(shape: tuple[int, int, int], actions: int, convolutions: Sequence[tuple], units: int):
    """From states (batch, *shape), uint8 or float of 0 to 255, to one value an action (batch, actions).

    Args:
        convolutions: filters, size (a number or height and width) and stride of each layer; the paper has (32, 8, 4),
            (64, 4, 2), (64, 3, 1).
        units: of the layer before the last; the paper has 512.
    """
    model = keras.Sequential([keras.Input(shape), keras.layers.Rescaling(1 / 255)])
    for filters, size, stride in convolutions:
        model.add(keras.layers.Conv2D(filters, size, strides=stride, activation="relu"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(actions))
    return model


class ReplayMemory:
    """The last `capacity` steps of `games` games, each frame kept once.

    A step is a frame, the action taken on it, and what the action brought: reward, terminated, truncated. When it ended
    the episode the next frame added is the first of a new one.
    """

    def __init__(self, capacity: int, games: int, frame: tuple[int, int], stack: int = 1):
        self.frames = np.zeros((capacity, games, *frame), np.uint8)
        self.actions = np.zeros((capacity, games), np.int32)
        self.rewards = np.zeros((capacity, games), np.float32)
        self.terminated = np.zeros((capacity, games), bool)
        self.truncated = np.zeros((capacity, games), bool)
        self.age = np.zeros((capacity, games), np.int64)  # steps since the episode began
        self.stack, self.added = stack, 0

    def add(self, frames, actions, rewards, terminated, truncated) -> None:
        """One step of every game: frames (games, height, width), the others (games,)."""
        now, before = self.added % len(self.frames), (self.added - 1) % len(self.frames)
        ended = self.terminated[before] | self.truncated[before]
        self.age[now] = np.where(ended | (self.added == 0), 0, self.age[before] + 1)
        self.frames[now], self.actions[now], self.rewards[now] = frames, actions, rewards
        self.terminated[now], self.truncated[now] = terminated, truncated
        self.added += 1

    def states(self, times: np.ndarray, games: np.ndarray) -> np.ndarray:
        """The stacked frames (..., height, width, stack), oldest first; before an episode's first frame stand zeros.

        Args:
            times, games: of any one shape (...); times count from the first step added, 0.
        """
        back = np.arange(self.stack - 1, -1, -1)  # (stack,)
        frames = self.frames[(times[..., None] - back) % len(self.frames), games[..., None]]  # (..., stack, h, w)
        known = back <= self.age[times % len(self.frames), games][..., None]
        return np.moveaxis(frames * known[..., None, None], -3, -1)

    def steps(self, times: np.ndarray, games: np.ndarray) -> tuple[np.ndarray, ...]:
        """States, actions, rewards, next states and terminated of steps whose next frame is there; see `states`."""
        rows = times % len(self.frames), games
        return (
            self.states(times, games),
            self.actions[rows],
            self.rewards[rows],
            self.states(times + 1, games),
            self.terminated[rows],
        )

    def sample(self, batch: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """`batch` random steps: states, actions, rewards, next states, terminated.

        Truncated steps are left out: what would have come next was never seen, and it is not worth nothing.
        """
        oldest = max(self.added - len(self.frames), 0) + self.stack - 1
        times = rng.integers(oldest, self.added - 1, size=2 * batch)
        games = rng.integers(self.frames.shape[1], size=2 * batch)
        whole = np.flatnonzero(~self.truncated[times % len(self.frames), games])[:batch]
        return self.steps(times[whole], games[whole])


class DeepQ:
    """Q-learning with a network and a copy of it that lags behind.

    Args:
        network: from states to values; `target` is a model of the same shape.
        rate: of Adam. discount: gamma, a step.
    """

    def __init__(self, network: keras.Model, target: keras.Model, *, rate: float = 1e-3, discount: float = 0.97):
        self.network, self.target, self.discount = network, target, discount
        self.optimizer = keras.optimizers.Adam(rate)
        self.optimizer.build(network.trainable_variables)
        self.synchronize()

    def synchronize(self) -> None:
        """The target becomes a copy of the network."""
        self.target.set_weights(self.network.get_weights())

    @tf.function
    def values(self, states) -> tf.Tensor:
        """Q (batch, actions)."""
        return self.network(states)

    def act(self, states, epsilon: float, rng: np.random.Generator) -> np.ndarray:
        """The best actions (batch,), but with probability `epsilon` each a random one."""
        values = self.values(states).numpy()
        return np.where(
            rng.random(len(values)) < epsilon, rng.integers(values.shape[1], size=len(values)), values.argmax(-1)
        )

    @tf.function
    def learn(self, states, actions, rewards, next_states, terminated) -> tf.Tensor:
        """One step of Adam on Huber's loss; returns it."""
        best = tf.reduce_max(self.target(next_states), axis=-1)  # (batch,)
        targets = rewards + self.discount * tf.where(terminated, 0.0, best)
        with tf.GradientTape() as tape:
            values = tf.gather(self.network(states), actions, batch_dims=1)  # (batch,)
            loss = tf.reduce_mean(keras.losses.huber(targets[:, None], values[:, None]))
        self.optimizer.apply(tape.gradient(loss, self.network.trainable_variables), self.network.trainable_variables)
        return loss
