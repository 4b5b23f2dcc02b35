"""Generated scenes: the same at every size, what they say they are, and where."""

import dataclasses
import time

import numpy as np
import pytest

from dlcourse import sprites


def shapes_alone(count, size, seed):
    """Scenes and, for each, where its shape covers more than half a pixel: (count, size, size)."""
    scenes = sprites.draw(count, size, seed=seed)
    far = np.abs(scenes.images - sprites.RGB[scenes.colours][:, None, None]).max(axis=-1)
    return scenes, far < 0.15  # the paint is at most 0.05 off in each channel


def test_scenes_have_the_stated_shapes_and_ranges():
    scenes = sprites.draw(50, 24, seed=1)
    assert scenes.images.shape == (50, 24, 24, 3) and scenes.images.dtype == np.float32
    assert scenes.images.min() >= 0 and scenes.images.max() <= 1
    assert scenes.labels.shape == scenes.colours.shape == (50,) and scenes.labels.dtype == np.int64
    assert scenes.boxes.shape == (50, 4) and scenes.boxes.dtype == np.float32
    assert scenes.labels.max() < len(sprites.CLASSES) and scenes.colours.max() < len(sprites.COLOURS) == len(
        sprites.RGB
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenes.labels = None


def test_scenes_follow_from_the_seed_and_a_larger_count_begins_with_them():
    once, again, more, other = (
        sprites.draw(count, 16, seed=seed) for count, seed in [(20, 5), (20, 5), (33, 5), (20, 6)]
    )
    assert np.array_equal(once.images, again.images) and once.captions == again.captions
    assert np.allclose(once.images, more.images[:20], atol=1e-6) and once.captions == more.captions[:20]
    assert not np.array_equal(once.labels, other.labels)


@pytest.mark.parametrize("size", [32, 48, 64])
def test_a_smaller_picture_is_the_same_scene_from_further_away(size):
    small, large = sprites.draw(300, 16, seed=2), sprites.draw(300, size, seed=2)
    times = size // 16
    reduced = large.images.reshape(300, 16, times, 16, times, 3).mean(axis=(2, 4))
    assert np.abs(reduced - small.images).mean() < 0.002 and np.abs(reduced - small.images).max() < 0.12
    assert np.array_equal(small.labels, large.labels) and np.array_equal(small.boxes, large.boxes)
    assert np.array_equal(small.colours, large.colours) and small.captions == large.captions


def test_classes_colours_and_places_are_drawn_evenly():
    scenes = sprites.draw(4000, 16, seed=3)
    for values, kinds in [(scenes.labels, sprites.CLASSES), (scenes.colours, sprites.COLOURS)]:
        shares = np.bincount(values, minlength=len(kinds)) * len(kinds) / len(values)
        assert shares.min() > 0.8 and shares.max() < 1.2
    assert {caption.split(" ", 2)[1] for caption in scenes.captions} == set(sprites.COLOURS)
    assert all(any(caption.endswith(place) for caption in scenes.captions) for row in sprites.PLACES for place in row)


def test_boxes_hold_their_shapes_tightly():
    size = 64
    scenes, shapes = shapes_alone(400, size, seed=4)
    assert (scenes.boxes[:, :2] >= 0).all() and (scenes.boxes[:, 2:] <= 1).all()
    for shape, box, label in zip(shapes, scenes.boxes * size, scenes.labels, strict=True):
        rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
        seen = np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])
        outside = np.maximum(box[:2] - seen[:2], seen[2:] - box[2:]).max()
        thin = "star" in sprites.CLASSES[label] or sprites.CLASSES[label] in ("crescent", "triangle")  # pointed
        assert outside < 1, sprites.CLASSES[label]
        assert np.abs(box - seen).max() < (6 if thin else 2.5), sprites.CLASSES[label]


@pytest.mark.parametrize("label", range(len(sprites.CLASSES)), ids=sprites.CLASSES)
def test_the_outline_bounds_what_the_shape_covers(label):
    axis = np.linspace(-1.1, 1.1, 661)
    u, v = np.meshgrid(axis, axis)
    inside = np.broadcast_to(sprites.covers(label, u, v), u.shape)
    points = np.stack([u[inside], v[inside]], axis=1)
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        direction = np.array([np.cos(angle), np.sin(angle)])
        assert (points @ direction).max() == pytest.approx((sprites.OUTLINES[label] @ direction).max(), abs=0.03)
    assert np.hypot(*points.T).max() <= 1.01


def test_captions_tell_colour_shape_and_place():
    scenes = sprites.draw(100, 16, seed=7)
    for caption, label, colour, (top, left, bottom, right) in zip(
        scenes.captions, scenes.labels, scenes.colours, scenes.boxes, strict=True
    ):
        assert f" {sprites.COLOURS[colour]} {sprites.CLASSES[label]} " in caption
        if caption.endswith("in the upper left"):
            assert top + bottom < 1 and left + right < 1


def test_two_thousand_scenes_take_a_second_or_two():
    start = time.process_time()
    sprites.draw(2000, 32, seed=0)
    assert time.process_time() - start < 4


@pytest.mark.parametrize(
    "arguments, message", [((0, 32), "count is 0"), ((5, 15), "size is 15"), ((5, 65), "size is 65")]
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sprites.draw(*arguments)
