"""Objects on a table under a camera, and a gripper of two fingers that tries to lift them.

Lengths are in pixels of the camera, angles in radians, x to the right, y downwards, as in the pictures.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

SIDE = 24  # of a picture
OPENING = 10.0  # between the open fingers
FINGER = 2.0  # a finger's width, across the closing direction
FRICTION = 0.6  # the fingers hold where the surface is tilted by less than atan(0.6), 31 degrees
LEVER = 3.5  # how far from the centre of mass the gripper may hold; farther out the object slips round
_SAMPLES = 46  # along the way of the fingers


@dataclass(frozen=True)
class Objects:
    """`count` objects, each of two bars or ellipses: a hammer, a cross, a ball, a stick.

    A part has a middle, half axes and an angle; a point is inside where |x/a|^p + |y/b|^p < 1.
    """

    middles: np.ndarray  # (count, 2, 2)
    half_axes: np.ndarray  # (count, 2, 2)
    angles: np.ndarray  # (count, 2)
    powers: np.ndarray  # (count, 2): 2 for an ellipse, 6 for a bar

    def __len__(self) -> int:
        return len(self.angles)

    def height(self, points: np.ndarray) -> np.ndarray:
        """Positive inside the object, negative outside: (count, n) for points (count, n, 2)."""
        offset = points[:, :, None] - self.middles[:, None]  # (count, n, parts, 2)
        cosine, sine = np.cos(self.angles)[:, None], np.sin(self.angles)[:, None]
        along = cosine * offset[..., 0] + sine * offset[..., 1]
        across = cosine * offset[..., 1] - sine * offset[..., 0]
        scaled = np.abs(np.stack([along, across], axis=-1) / self.half_axes[:, None])
        inside = 1 - np.sum(scaled ** self.powers[:, None, :, None], axis=-1) ** (1 / self.powers[:, None])
        return inside.max(axis=-1)

    @cached_property
    def centres_of_mass(self) -> np.ndarray:
        """(count, 2)."""
        covered = (self.height(_pixels(len(self))) > 0).astype(float)  # (count, SIDE * SIDE)
        return (covered[..., None] * _pixels(len(self))).sum(axis=1) / covered.sum(axis=1, keepdims=True)


def _pixels(count: int) -> np.ndarray:
    ticks = np.arange(SIDE) + 0.5
    return np.broadcast_to(np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(1, -1, 2), (count, SIDE * SIDE, 2))


def objects(count: int, *, seed: int = 0) -> Objects:
    """Draw `count` objects in the middle part of the picture.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count is {count}; at least 1 object can be drawn")
    chances = np.random.default_rng(seed).random((count, 10))  # a row is an object
    angle = 2 * np.pi * chances[:, 0]
    long, thick = 4.5 + 3 * chances[:, 1], 1.2 + 2 * chances[:, 2]
    handle = np.stack([long, thick], axis=-1)
    head = np.stack([1.2 + 2 * chances[:, 3], 1.5 + 3.5 * chances[:, 4]], axis=-1)
    middle = SIDE / 2 + 4 * (chances[:, 5:7] - 0.5)
    to_the_head = (long * chances[:, 7])[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    powers = np.where(chances[:, 8:10] < 0.5, 2.0, 6.0)
    return Objects(
        np.stack([middle - to_the_head / 2, middle + to_the_head / 2], axis=1),
        np.stack([handle, head], axis=1),
        np.stack([angle, angle], axis=1),
        powers,
    )


def pictures(found: Objects, *, seed: int = 0) -> np.ndarray:
    """What the camera sees: float32 (count, SIDE, SIDE) in [0, 1]; bright objects on a dark table, both with noise."""
    rng = np.random.default_rng(seed)
    height = found.height(_pixels(len(found))).reshape(-1, SIDE, SIDE)
    covered = np.clip(4 * height + 0.5, 0, 1)  # soft edges
    table, brightness = rng.uniform(0.1, 0.3, (len(found), 1, 1)), rng.uniform(0.6, 0.9, (len(found), 1, 1))
    seen = table + (brightness - table) * covered + rng.normal(0, 0.04, covered.shape)
    return np.clip(seen, 0, 1).astype(np.float32)


def random_grasps(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3): x and y of the gripper's middle, at most 5 pixels from the picture's, and its angle, 0 to pi."""
    middle = SIDE / 2 + rng.uniform(-5, 5, (count, 2))
    return np.concatenate([middle, rng.uniform(0, np.pi, (count, 1))], axis=-1)


def succeeds(found: Objects, grasps: np.ndarray) -> np.ndarray:
    """Whether each grasp (count, 3) lifts its object: bool (count,).

    The fingers come down OPENING apart in the direction of the angle and close. They must come down beside the object,
    meet it where its surface faces them (FRICTION), and hold it near its centre of mass (LEVER).
    """
    middle, angle = grasps[:, :2], grasps[:, 2]
    closing = np.stack([np.cos(angle), np.sin(angle)], axis=-1)  # (count, 2)
    across = np.stack([-closing[:, 1], closing[:, 0]], axis=-1)
    way = np.linspace(-OPENING / 2, OPENING / 2, _SAMPLES)
    lines = [
        found.height(middle[:, None] + way[:, None] * closing[:, None] + side * across[:, None]) > 0  # (count, samples)
        for side in (-FINGER / 2, 0, FINGER / 2)
    ]
    free = ~np.any([line[:, [0, 1, -2, -1]].any(axis=1) for line in lines], axis=0)
    between = lines[1]
    first, last = between.argmax(axis=1), _SAMPLES - 1 - between[:, ::-1].argmax(axis=1)
    holds = [
        _tilt(found, middle + way[place][:, None] * closing, closing) < np.arctan(FRICTION) for place in (first, last)
    ]
    held = middle + ((way[first] + way[last]) / 2)[:, None] * closing
    near = np.linalg.norm(held - found.centres_of_mass, axis=-1) < LEVER
    return free & between.any(axis=1) & holds[0] & holds[1] & near


def _tilt(found: Objects, points: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The angle between the surface's normal at `points` (count, 2) and the line of `direction`: (count,)."""
    shift = 0.05 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    height = found.height(points[:, None] + shift)  # (count, 4)
    normal = np.stack([height[:, 0] - height[:, 1], height[:, 2] - height[:, 3]], axis=-1)
    cosine = np.abs(np.sum(normal * direction, axis=-1)) / np.maximum(np.linalg.norm(normal, axis=-1), 1e-12)
    return np.arccos(np.clip(cosine, 0, 1))
