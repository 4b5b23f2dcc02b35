import numpy as np
import pytest

from dlcourse import two_joint_arm as arm


def random_states(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 4)) * [2, 2, 3, 3]


def test_energy_changes_by_the_work_of_torques_and_damping_only():
    """Over one short step; a wrong sign in the Coriolis terms would show."""
    states, torques = random_states(200), np.random.default_rng(1).uniform(-2, 2, size=(200, 2))
    dt = 1e-6
    later = states + dt * np.concatenate([states[:, 2:], arm.accelerations(states, torques)], axis=-1)
    power = np.sum((torques - arm.DAMPING * states[:, 2:]) * states[:, 2:], axis=-1)
    assert np.allclose((arm.energy(later) - arm.energy(states)) / dt, power, atol=1e-3, rtol=1e-4)


def test_the_steps_are_short_enough(monkeypatch):
    states, torques = random_states(200), np.random.default_rng(1).uniform(-2, 2, size=(200, 2))
    coarse = arm.step(states, torques)
    monkeypatch.setattr(arm, "SUBSTEPS", 100)
    assert np.abs(arm.step(states, torques) - coarse).max() < 1e-3


def test_torques_are_cut():
    states = random_states(5)
    assert np.array_equal(
        arm.step(states, np.full((5, 2), 100.0)), arm.step(states, np.full((5, 2), arm.LARGEST_TORQUE))
    )


def test_energy_of_a_stretched_arm_is_that_of_a_rod():
    rod = sum(arm.MASSES) * sum(arm.LINKS) ** 2 / 3  # equal masses and lengths
    assert arm.energy(np.array([[0.3, 0.0, 2.0, 0.0]])) == pytest.approx(rod * 2.0**2 / 2)


def test_angles_put_the_hand_there():
    rng = np.random.default_rng(2)
    radius, angle = rng.uniform(0.05, 0.99, size=50), rng.uniform(-np.pi, np.pi, size=50)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    states = np.concatenate([arm.angles_for(points), np.zeros((50, 2))], axis=-1)
    assert np.allclose(arm.joints(states)[:, 1], points)
    with pytest.raises(ValueError, match=r"a point is 1.50 m away; the hand reaches from 0.00 to 1.00 m"):
        arm.angles_for(np.array([[1.5, 0.0]]))


def test_a_picture_shows_each_part_where_it_is():
    states = np.array([[np.pi / 2, -np.pi / 2, 0, 0]])  # up, then right: the hand is at 0.5, 0.5
    picture = arm.draw(states, np.array([[-0.5, -0.5]]), size=64)[0]

    def colour(x, y):
        return picture[round((1.1 - y) / 2.2 * 63), round((x + 1.1) / 2.2 * 63)]

    assert np.allclose(colour(0, 0.25), [0.25, 0.45, 0.9], atol=0.05)
    assert np.allclose(colour(0.25, 0.5), [0.95, 0.85, 0.3], atol=0.05)
    assert np.allclose(colour(-0.5, -0.5), [0.9, 0.2, 0.2], atol=0.05)
    assert np.allclose(colour(0.5, -0.5), 0.1)
