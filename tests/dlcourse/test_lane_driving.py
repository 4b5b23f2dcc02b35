import numpy as np
import pytest

from dlcourse.lane_driving import LANE, LARGEST_STEERING, SHARPEST_CURVE, LaneDriving


def drive(cars: LaneDriving, steering, steps: int = 200) -> None:
    for _ in range(steps):
        cars.step(steering(cars))


def test_the_expert_stays_in_the_middle_to_the_end():
    cars, largest = LaneDriving(40, seed=1), 0.0
    for step in range(200):
        drives = cars.step(cars.expert())
        largest = max(largest, np.abs(cars.offsets()).max())
        assert drives.all() == (step < 199)
    assert (cars.driven == 200).all() and largest < LANE / 4


def test_who_does_not_steer_soon_leaves_the_lane_and_stays_there():
    cars = LaneDriving(40, seed=1)
    drive(cars, lambda cars: np.zeros(40))
    assert (np.abs(cars.offsets()) > LANE / 2).all() and cars.driven.mean() < 60
    before = cars.driven.copy()
    cars.step(np.zeros(40))
    assert np.array_equal(cars.driven, before)


def test_roads_wind_within_their_limit():
    turns = np.diff(LaneDriving(40, seed=2).road_headings) / 0.5
    assert np.abs(turns).max() == pytest.approx(SHARPEST_CURVE) and (turns > 0.01).any() and (turns < -0.01).any()


def test_steering_to_the_left_turns_left_and_is_cut():
    cars = LaneDriving(2, seed=3)
    before = cars.headings.copy()
    cars.step(np.array([0.05, 9.0]))
    assert np.allclose(cars.headings - before, [0.05, LARGEST_STEERING])


@pytest.mark.parametrize("offset", [-1.5, 0.0, 1.5])
def test_the_camera_sees_the_lane_where_it_is(offset):
    cars = LaneDriving(30, seed=4)
    drive(cars, LaneDriving.expert, steps=20)
    cars.place(np.full(30, offset), np.zeros(30))
    assert np.allclose(cars.offsets(), offset, atol=0.05)
    nearest = cars.camera()[:, -1]  # two metres in front
    columns = np.linspace(9, -9, nearest.shape[1])  # metres to the left
    asphalt = (nearest * 0 + columns)[nearest < 0.3]
    assert asphalt.mean() == pytest.approx(-offset, abs=0.3) and np.ptp(asphalt) < LANE + 1


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="count is 0 and length 200"):
        LaneDriving(0)
