import numpy as np
import pytest

from dlcourse.grasping import SIDE, Objects, objects, pictures, random_grasps, succeeds


def bar(angle: float = 0.0, half_length: float = 7.0, half_thickness: float = 2.0) -> Objects:
    """A bar in the middle of the picture (both parts are the same)."""
    middle, axes = np.full((1, 2, 2), SIDE / 2), np.tile([half_length, half_thickness], (1, 2, 1))
    return Objects(middle, axes, np.full((1, 2), angle), np.full((1, 2), 6.0))


@pytest.mark.parametrize("turned", [0.0, 0.7, 2.5])
@pytest.mark.parametrize(
    ("aside", "along", "angle", "lifts"),
    [
        (0, 0, np.pi / 2, True),  # across the middle
        (1.5, 0, np.pi / 2, True),  # the fingers need not be at equal distances
        (0, 0, 0, False),  # along the bar: the fingers come down on it
        (0, 0, np.pi / 2 + 0.4, True),  # a little askew: friction holds
        (0, 0, np.pi / 2 + 0.7, False),  # more than friction can hold
        (0, 5, np.pi / 2, False),  # at the end: the bar turns down
        (6, 0, np.pi / 2, False),  # a finger comes down on the bar
        (8, 0, np.pi / 2, False),  # beside it
    ],
)
def test_a_bar_is_lifted_across_its_middle(turned, aside, along, angle, lifts):
    u = np.array([np.cos(turned), np.sin(turned)])
    x, y = SIDE / 2 + along * u + aside * np.array([-u[1], u[0]])
    assert succeeds(bar(turned), np.array([[x, y, angle + turned]])) == [lifts]


def test_the_gripper_has_no_front():
    found, grasps = objects(500, seed=1), random_grasps(500, np.random.default_rng(1))
    assert np.array_equal(succeeds(found, grasps), succeeds(found, grasps + [0, 0, np.pi]))


def test_chance_is_low_but_nearly_every_object_can_be_lifted():
    found, rng, lifted = objects(300, seed=2), np.random.default_rng(2), []
    for _ in range(100):
        lifted.append(succeeds(found, random_grasps(300, rng)))
    assert 0.02 < np.mean(lifted) < 0.1
    assert np.any(lifted, axis=0).mean() > 0.9


def test_pictures_show_the_objects():
    found = objects(50, seed=3)
    seen = pictures(found, seed=3)
    assert seen.shape == (50, SIDE, SIDE) and seen.dtype == np.float32
    bright = seen > 0.45
    ticks = np.arange(SIDE) + 0.5
    x, y = (bright * ticks).sum((1, 2)) / bright.sum((1, 2)), (bright * ticks[:, None]).sum((1, 2)) / bright.sum((1, 2))
    assert np.abs(np.stack([x, y], axis=-1) - found.centres_of_mass).max() < 0.7
    assert np.array_equal(objects(10, seed=3).angles, found.angles[:10])  # more objects begin with the same ones
    with pytest.raises(ValueError, match="count is 0"):
        objects(0)
