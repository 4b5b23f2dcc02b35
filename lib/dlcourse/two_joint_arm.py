"""An arm of two links in a plane, driven by torques at its joints, and pictures of it: many arms at once.

Lengths are in metres, angles in radians, torques in newton metres, times in seconds. The arm lies on a table, so
gravity does no work. A state is (shoulder's angle, elbow's angle, their two velocities); at zero the arm points to
the right.
"""

import numpy as np

LINKS = (0.5, 0.5)  # lengths; each link is a uniform rod
MASSES = (1.0, 1.0)  # kilograms
DAMPING = 0.1  # newton metres a radian a second, at each joint
LARGEST_TORQUE = 2.0
STEP = 0.05
SUBSTEPS = 5  # of the simulation in a step


def _inertia(elbow: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """M(q) in kilograms square metres: its elements 11 and 12, (count,) each, and 22, which is the same for all."""
    (l1, l2), (m1, m2) = LINKS, MASSES
    outer, coupling = m2 * l2**2 / 3, m2 * l1 * l2 / 2 * np.cos(elbow)
    return m1 * l1**2 / 3 + m2 * l1**2 + outer + 2 * coupling, outer + coupling, outer


def accelerations(states: np.ndarray, torques: np.ndarray) -> np.ndarray:
    """M(q)^-1 (torque - Coriolis - damping), (count, 2), for states (count, 4) and torques (count, 2)."""
    _, elbow, shoulder_velocity, elbow_velocity = states.T
    m11, m12, m22 = _inertia(elbow)
    bend = MASSES[1] * LINKS[0] * LINKS[1] / 2 * np.sin(elbow)
    force_1 = (
        torques[:, 0] - DAMPING * shoulder_velocity + bend * elbow_velocity * (2 * shoulder_velocity + elbow_velocity)
    )
    force_2 = torques[:, 1] - DAMPING * elbow_velocity - bend * shoulder_velocity**2
    determinant = m11 * m22 - m12**2
    return np.stack([m22 * force_1 - m12 * force_2, m11 * force_2 - m12 * force_1], axis=-1) / determinant[:, None]


def step(states: np.ndarray, torques: np.ndarray) -> np.ndarray:
    """The states (count, 4) after one STEP with the torques (count, 2) held, each cut to LARGEST_TORQUE."""
    torques = np.clip(torques, -LARGEST_TORQUE, LARGEST_TORQUE)

    def rates(states):
        return np.concatenate([states[:, 2:], accelerations(states, torques)], axis=-1)

    dt = STEP / SUBSTEPS
    for _ in range(SUBSTEPS):  # the classical Runge-Kutta method
        k1 = rates(states)
        k2 = rates(states + dt / 2 * k1)
        k3 = rates(states + dt / 2 * k2)
        k4 = rates(states + dt * k3)
        states = states + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return states


def joints(states: np.ndarray) -> np.ndarray:
    """Where the elbow and the hand are, (count, 2, 2): x and y of each; the shoulder is at 0, 0."""
    shoulder, both = states[:, 0], states[:, 0] + states[:, 1]
    elbow = LINKS[0] * np.stack([np.cos(shoulder), np.sin(shoulder)], axis=-1)
    hand = elbow + LINKS[1] * np.stack([np.cos(both), np.sin(both)], axis=-1)
    return np.stack([elbow, hand], axis=1)


def angles_for(points: np.ndarray) -> np.ndarray:
    """The angles (count, 2) that put the hand on `points` (count, 2), the elbow's between 0 and pi.

    Raises:
        ValueError: a point is out of reach.
    """
    (l1, l2), squared = LINKS, np.sum(np.square(points), axis=-1)
    cosine = (squared - l1**2 - l2**2) / (2 * l1 * l2)
    if np.any(np.abs(cosine) > 1):
        farthest = np.sqrt(squared.max())
        raise ValueError(
            f"a point is {farthest:.2f} m away; the hand reaches from {abs(l1 - l2):.2f} to {l1 + l2:.2f} m"
        )
    elbow = np.arccos(cosine)
    shoulder = np.arctan2(points[:, 1], points[:, 0]) - np.arctan2(l2 * np.sin(elbow), l1 + l2 * cosine)
    return np.stack([shoulder, elbow], axis=-1)


def energy(states: np.ndarray) -> np.ndarray:
    """Kinetic energy in joules, (count,)."""
    _, elbow, v1, v2 = states.T
    m11, m12, m22 = _inertia(elbow)
    return m11 * v1**2 / 2 + m12 * v1 * v2 + m22 * v2**2 / 2


def draw(states: np.ndarray, targets: np.ndarray, size: int = 32) -> np.ndarray:
    """Pictures from above, float32 (count, size, size, 3) in [0, 1]: upper link blue, lower link yellow, target red.

    They show -1.1 to 1.1 m both ways, y upwards. Velocities cannot be seen.
    """
    ticks = np.linspace(-1.1, 1.1, size, dtype=np.float32)
    pixels = np.stack(np.meshgrid(ticks, ticks[::-1]), axis=-1)  # (size, size, 2): x, y
    elbow, hand = np.moveaxis(joints(states).astype(np.float32), 1, 0)  # (count, 2) each
    pictures = np.full((len(states), size, size, 3), 0.1, np.float32)
    shapes = [  # from, to, half the width in metres, colour
        (targets.astype(np.float32), targets.astype(np.float32), 0.09, (0.9, 0.2, 0.2)),
        (np.zeros_like(elbow), elbow, 0.06, (0.25, 0.45, 0.9)),
        (elbow, hand, 0.05, (0.95, 0.85, 0.3)),
    ]
    for start, end, half_width, colour in shapes:
        inside = half_width - _distances(pixels, start, end)
        covered = np.clip(inside / (2.2 / size) + 0.5, 0, 1)[..., None]  # soft over one pixel
        pictures = (1 - covered) * pictures + covered * np.array(colour, np.float32)
    return pictures


def _distances(pixels: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """From each pixel to the segments from `start` to `end` (count, 2): (count, size, size)."""
    along = (end - start)[:, None, None]
    offset = pixels - start[:, None, None]
    length = np.maximum(np.sum(along**2, axis=-1), 1e-9)
    share = np.clip(np.sum(offset * along, axis=-1) / length, 0, 1)[..., None]
    return np.linalg.norm(offset - share * along, axis=-1)
