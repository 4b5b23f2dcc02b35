"""Cars on winding roads with a camera that looks ahead from above, many of them side by side.

Lengths are in metres, angles in radians. Every car drives STEP metres a step; only its steering is chosen.
"""

import numpy as np

STEP = 1.0
LANE = 4.0  # width
SHARPEST_CURVE = 1 / 15  # curvature of the road, 1 over metres
LARGEST_STEERING = 1 / 8  # curvature that a car can drive
CAMERA = (16, 24)  # pixels: rows, columns
_SIDEWAYS = np.linspace(-9, 9, CAMERA[1])  # what the columns see, to the left first
_AHEAD = np.geomspace(20, 2, CAMERA[0])  # what the rows see, the farthest first
_SPACING = 0.5  # between the points of a road


def roads(count: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Centre lines (count, points, 2), `length` metres with a point every _SPACING, and their headings (count, points).

    The curvature is smoothed noise, cut at SHARPEST_CURVE.
    """
    points, width = int(length / _SPACING), int(20 / _SPACING)
    noise = rng.normal(size=(count, points + width))
    smooth = np.cumsum(noise, axis=1)
    smooth = (smooth[:, width:] - smooth[:, :-width]) / np.sqrt(width)  # (count, points), standard deviation 1
    curvature = np.clip(smooth * SHARPEST_CURVE / 1.5, -SHARPEST_CURVE, SHARPEST_CURVE)
    headings = np.cumsum(curvature * _SPACING, axis=1)
    steps = _SPACING * np.stack([np.cos(headings), np.sin(headings)], axis=-1)
    return np.cumsum(steps, axis=1), headings


class LaneDriving:
    """`count` cars, each on a road of its own of `length` metres.

    Attributes:
        positions: (count, 2). headings: (count,). driven: metres so far, (count,).
        road: the centre lines, (count, points, 2).
    """

    def __init__(self, count: int, *, length: int = 200, seed: int = 0):
        if count < 1 or length < 50:
            raise ValueError(f"count is {count} and length {length}; expected at least 1 car and 50 metres")
        rng = np.random.default_rng(seed)
        self.length = length
        self.road, self.road_headings = roads(count, length + 30, rng)  # the camera looks past the end
        self.grass = rng.uniform(0.35, 0.65, size=(count, 1, 1)).astype(np.float32)
        self.positions, self.headings = self.road[:, 0].copy(), self.road_headings[:, 0].copy()
        self.nearest = np.zeros(count, dtype=int)  # the road's point beside the car
        self.driven = np.zeros(count)

    def step(self, steering: np.ndarray) -> np.ndarray:
        """Drive one STEP with `steering` (count,), the curvature of the way, positive to the left.

        It is cut at LARGEST_STEERING. A car that is off its lane or at the end stays.

        Returns:
            Which cars still drive: bool (count,).
        """
        drives = self.on_the_road()
        steering = np.clip(steering, -LARGEST_STEERING, LARGEST_STEERING)
        middle = self.headings + steering * STEP / 2
        ahead = STEP * np.stack([np.cos(middle), np.sin(middle)], axis=-1)
        self.positions = np.where(drives[:, None], self.positions + ahead, self.positions)
        self.headings = np.where(drives, self.headings + steering * STEP, self.headings)
        self.driven += np.where(drives, STEP, 0.0)
        self.nearest = self._nearest(self.positions[:, None])[0][:, 0]
        return self.on_the_road()

    def place(self, offsets: np.ndarray, turned: np.ndarray) -> None:
        """Put the cars `offsets` (count,) metres to the left of their centre lines, `turned` (count,) against them."""
        rows = np.arange(len(self.headings))
        along = self.road_headings[rows, self.nearest]
        left = np.stack([-np.sin(along), np.cos(along)], axis=-1)
        self.positions = self.road[rows, self.nearest] + offsets[:, None] * left
        self.headings = along + turned

    def on_the_road(self) -> np.ndarray:
        """Which cars are inside their lanes and not at the end: bool (count,)."""
        return (np.abs(self.offsets()) <= LANE / 2) & (self.driven < self.length)

    def offsets(self) -> np.ndarray:
        """How far each car is to the left of its centre line: (count,)."""
        rows = np.arange(len(self.headings))
        along = self.road_headings[rows, self.nearest]
        x, y = (self.positions - self.road[rows, self.nearest]).T
        return y * np.cos(along) - x * np.sin(along)

    def expert(self) -> np.ndarray:
        """The steering (count,) of a driver who knows the road: an arc to the point 5 metres on (pure pursuit)."""
        rows, ahead = np.arange(len(self.headings)), 5.0
        goal = self.road[rows, self.nearest + int(ahead / _SPACING)] - self.positions
        sideways = goal[:, 1] * np.cos(self.headings) - goal[:, 0] * np.sin(self.headings)
        return 2 * sideways / np.sum(goal**2, axis=-1)

    def camera(self) -> np.ndarray:
        """What the cars see: float32 (count, *CAMERA) in [0, 1], asphalt dark, grass grey, the lane's edges white."""
        ahead, sideways = np.meshgrid(_AHEAD, -_SIDEWAYS, indexing="ij")  # to the left is positive
        cosine, sine = np.cos(self.headings)[:, None, None], np.sin(self.headings)[:, None, None]
        world = np.stack([cosine * ahead - sine * sideways, sine * ahead + cosine * sideways], axis=-1)
        world = world.reshape(len(world), -1, 2) + self.positions[:, None]  # (count, pixels, 2)
        distance = self._nearest(world)[1].reshape(-1, *CAMERA).astype(np.float32)
        picture = np.where(distance < LANE / 2, np.float32(0.15), self.grass)
        white = np.clip(1.2 - np.abs(distance - LANE / 2) / 0.6, 0, 1)  # soft, as the pixels are wider than the line
        return picture + white * (1 - picture)

    def _nearest(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The road's point nearest to each of `places` (count, n, 2) and its distance, (count, n) each.

        It is looked for from a little behind the car to as far as the camera sees.
        """
        first = np.maximum(self.nearest - 8, 0)
        window = np.minimum(first[:, None] + np.arange(64), self.road.shape[1] - 1)  # (count, 64)
        road = np.take_along_axis(self.road, window[..., None], axis=1)
        squared = np.sum(places**2, -1)[..., None] + np.sum(road**2, -1)[:, None] - 2 * places @ road.transpose(0, 2, 1)
        found = squared.argmin(axis=-1)
        return first[:, None] + found, np.sqrt(np.maximum(squared.min(axis=-1), 0))
