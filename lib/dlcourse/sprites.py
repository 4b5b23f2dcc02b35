"""Pictures that we draw ourselves: one coloured shape on a textured ground, at any resolution.

A scene is described in continuous coordinates and then photographed: each pixel is the mean over its area. So the
same seed gives the same scenes at every size, and 16 pixels show what a camera of low resolution would see.
"""

from dataclasses import dataclass

import numpy as np

CLASSES = (
    "triangle",
    "square",
    "hexagon",
    "disc",
    "ring",
    "crescent",
    "five-pointed star",
    "six-pointed star",
    "plus",
    "cross",
)
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
RGB = np.array(
    [
        [0.85, 0.10, 0.10],
        [0.95, 0.50, 0.05],
        [0.95, 0.90, 0.15],
        [0.10, 0.60, 0.15],
        [0.10, 0.80, 0.85],
        [0.10, 0.20, 0.85],
        [0.50, 0.10, 0.60],
        [0.95, 0.50, 0.75],
    ],
    dtype=np.float32,
)
PLACES = (  # rows of the picture, then columns
    ("in the upper left", "at the top", "in the upper right"),
    ("on the left", "in the centre", "on the right"),
    ("in the lower left", "at the bottom", "in the lower right"),
)
WAVES = 4  # plane waves in a ground


@dataclass(frozen=True)
class Sprites:
    """`count` pictures and what is in them."""

    images: np.ndarray  # (count, size, size, 3), float32 in [0, 1]
    labels: np.ndarray  # (count,), int64: place in CLASSES
    colours: np.ndarray  # (count,), int64: place in COLOURS
    boxes: np.ndarray  # (count, 4), float32: top, left, bottom, right as fractions of the side
    captions: list[str]  # such as "a red triangle in the upper left"


def draw(count: int, size: int = 32, *, seed: int = 0) -> Sprites:
    """Draw `count` scenes with `size` x `size` pixels.

    Place, size, rotation, colour and ground are random. The scenes follow from the seed alone: another `size` shows
    the same ones, and a larger `count` begins with them.

    Raises:
        ValueError: `count` is below 1 or `size` is not between 16 and 64.
    """
    if count < 1:
        raise ValueError(f"count is {count}; at least 1 scene can be drawn")
    if not 16 <= size <= 64:
        raise ValueError(f"size is {size}; scenes can be drawn with 16 to 64 pixels a side")
    chances = np.random.default_rng(seed).random((count, 13 + 4 * WAVES)).astype(np.float32)  # a row is a scene
    labels = (chances[:, 0] * len(CLASSES)).astype(np.int64)
    colours = (chances[:, 1] * len(COLOURS)).astype(np.int64)
    radius = 0.2 + 0.2 * chances[:, 2]
    angle = 2 * np.pi * chances[:, 3]
    centre = radius[:, None] + (1 - 2 * radius[:, None]) * chances[:, 4:6]  # (count, 2): x, y; the shape stays inside
    paint = np.clip(RGB[colours] + 0.1 * (chances[:, 6:9] - 0.5), 0, 1)  # (count, 3)

    images = np.empty((count, size, size, 3), dtype=np.float32)
    for label in range(len(CLASSES)):
        for rows in np.array_split(members := np.flatnonzero(labels == label), -(-len(members) // 100) or 1):
            covered = coverage(label, centre[rows], radius[rows], angle[rows], size)[..., None]  # (rows, size, size, 1)
            behind = ground(chances[rows, 9:], size)
            images[rows] = behind + covered * (paint[rows, None, None] - behind)

    corners = np.array([box(*scene) for scene in zip(labels, centre, radius, angle, strict=True)], dtype=np.float32)
    captions = [
        f"a{'n' if COLOURS[colour] == 'orange' else ''} {COLOURS[colour]} {CLASSES[label]} {PLACES[row][column]}"
        for label, colour, (column, row) in zip(labels, colours, (3 * centre).astype(int), strict=True)
    ]
    return Sprites(images, labels, colours, corners, captions)


def coverage(label: int, centre: np.ndarray, radius: np.ndarray, angle: np.ndarray, size: int) -> np.ndarray:
    """The part of each pixel that the shape covers, (count, size, size): the mean over points inside the pixel."""
    samples = -(-96 // size)  # a pixel's side has at least two
    points = (np.arange(size * samples, dtype=np.float32) + 0.5) / (size * samples)
    x = (points - centre[:, :1])[:, None, :] / radius[:, None, None]  # (count, 1, points)
    y = (points - centre[:, 1:])[:, :, None] / radius[:, None, None]  # (count, points, 1)
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    inside = covers(label, cosine * x + sine * y, cosine * y - sine * x)  # (count, points, points)
    inside = inside.reshape(len(centre), size, samples, size, samples)
    return inside.mean(axis=(2, 4), dtype=np.float32)


def covers(label: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether the shape covers the points (u, v); it fits the unit disc, and v points down."""
    match CLASSES[label]:
        case "triangle":
            return beyond(u, v, 3, np.cos(np.pi / 3)) == 0
        case "square":
            return beyond(u, v, 4, np.cos(np.pi / 4)) == 0
        case "hexagon":
            return beyond(u, v, 6, np.cos(np.pi / 6)) == 0
        case "disc":
            return u**2 + v**2 <= 0.8
        case "ring":
            return abs(u**2 + v**2 - 0.575) <= 0.225
        case "crescent":
            return (u**2 + v**2 <= 1) & ((u - 0.5) ** 2 + v**2 > 0.75)
        case "five-pointed star":  # the points of a star lie beyond one of its lines, the middle beyond none
            return beyond(u, v, 5, np.cos(2 * np.pi / 5)) <= 1
        case "six-pointed star":
            return beyond(u, v, 6, np.cos(2 * np.pi / 6)) <= 1
        case "plus":
            return (np.minimum(abs(u), abs(v)) <= 0.3) & (np.maximum(abs(u), abs(v)) <= 0.95)
        case "cross":
            return (abs(u) <= 0.22) & (abs(v) <= 0.97) | (abs(u) <= 0.68) & (abs(v + 0.35) <= 0.22)


def beyond(u: np.ndarray, v: np.ndarray, lines: int, distance: float) -> np.ndarray:
    """How many of `lines` lines, turned evenly around the origin at this distance, separate (u, v) from it."""
    count = np.zeros(np.broadcast_shapes(u.shape, v.shape), dtype=np.int8)
    for line in range(lines):
        turn = 2 * np.pi * line / lines
        count += np.float32(np.sin(turn)) * u + np.float32(np.cos(turn)) * v > np.float32(distance)
    return count


def outline(label: int) -> np.ndarray:
    """Points (n, 2) of the unit shape whose smallest upright box is the shape's, however it is turned."""

    def circle(radius: float, start: float, end: float, points: int) -> np.ndarray:
        turns = np.linspace(start, end, points)
        return radius * np.stack([np.sin(turns), np.cos(turns)], axis=1)

    match CLASSES[label]:
        case "triangle" | "square" | "hexagon":  # corners lie between two lines
            corners = {"triangle": 3, "square": 4, "hexagon": 6}[CLASSES[label]]
            return circle(1, np.pi / corners, 2 * np.pi + np.pi / corners, corners + 1)
        case "five-pointed star" | "six-pointed star":  # points lie before the lines
            points = {"five-pointed star": 5, "six-pointed star": 6}[CLASSES[label]]
            return circle(1, 0, 2 * np.pi, points + 1)
        case "disc" | "ring":
            return circle(np.sqrt(0.8), 0, 2 * np.pi, 721)
        case "crescent":  # the horns are where the two circles meet, at u = 0.5
            return circle(1, np.pi / 6, -np.pi - np.pi / 6, 721)
        case "plus":
            return np.array([(s * a, t * b) for a, b in [(0.3, 0.95), (0.95, 0.3)] for s in (-1, 1) for t in (-1, 1)])
        case "cross":
            bars = [(0.22, -0.97), (0.22, 0.97), (0.68, -0.57), (0.68, -0.13)]
            return np.array([(side * u, v) for u, v in bars for side in (-1, 1)])


OUTLINES = [outline(label) for label in range(len(CLASSES))]


def box(label: int, centre: np.ndarray, radius: float, angle: float) -> tuple[float, float, float, float]:
    """Top, left, bottom and right of the shape as it stands in the picture."""
    u, v = OUTLINES[label].T
    x = centre[0] + radius * (np.cos(angle) * u - np.sin(angle) * v)
    y = centre[1] + radius * (np.sin(angle) * u + np.cos(angle) * v)
    return y.min(), x.min(), y.max(), x.max()


def ground(chances: np.ndarray, size: int) -> np.ndarray:
    """Grey-brown grounds (count, size, size, 3): a few plane waves, each pixel their exact mean over its area."""
    pixels = (np.arange(size, dtype=np.float32) + 0.5) / size
    grey = np.full((len(chances), size, size), 0, dtype=np.float32)
    for wave in range(WAVES):
        length, direction, phase, strength = chances[:, 4 + 4 * wave : 8 + 4 * wave].T
        cycles = (0.5 + 9.5 * length**2) * np.stack([np.cos(np.pi * direction), np.sin(np.pi * direction)])  # a side
        seen = 0.1 * strength * np.sinc(cycles[0] / size) * np.sinc(cycles[1] / size)
        x, y = 2 * np.pi * (cycles[:, :, None] * pixels + [phase[:, None], np.zeros((len(chances), 1))])
        x, y, seen = x.astype(np.float32), y.astype(np.float32), seen.astype(np.float32)[:, None, None]
        grey += seen * (np.cos(y)[:, :, None] * np.sin(x)[:, None] + np.sin(y)[:, :, None] * np.cos(x)[:, None])
    tint = 0.35 + 0.3 * chances[:, :1] + 0.12 * (chances[:, 1:4] - 0.5)  # (count, 3)
    return np.clip(tint[:, None, None] + grey[..., None], 0, 1)
