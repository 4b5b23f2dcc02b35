"""The library's augmentations: as the notebook builds them, and what they promise."""

import numpy as np
import pytest
import tensorflow as tf

from dlcourse import augmentation

NOTEBOOK = "week04/04_augmentation"
EVERYTHING = {"degrees": 30, "zoom": 1.3, "shear": 0.2, "shift": 0.1, "elastic": 0.05, "sigma": 0.15, "flips": 0.5,
              "hue": 0.5, "noise": 0.1}  # fmt: skip


@pytest.fixture
def images() -> tf.Tensor:
    return tf.constant(np.random.default_rng(4).random((6, 12, 10, 3)), tf.float32)


def test_pieces_are_the_notebooks(definitions, images):
    matrices, places = tf.random.normal((6, 2, 2)), 14 * tf.random.uniform((6, 5, 7, 2)) - 1
    which, turns = tf.random.uniform((6,)) < 0.5, tf.random.normal((6,))
    for name, arguments in {
        "pixel_grid": (12, 10),
        "sample": (images, places),
        "warp": (images, tf.random.normal((6, 12, 10, 2)), "nearest"),
        "affine_field": (matrices, 12, 10),
        "elastic_field": ([3, 4], 6, 12, 10, 1.5),
        "flip": (images, which),
        "shift_hue": (images, turns),
    }.items():
        notebooks = getattr(definitions(NOTEBOOK, name), name)
        np.testing.assert_allclose(getattr(augmentation, name)(*arguments), notebooks(*arguments), atol=1e-5)


def test_nothing_asked_changes_nothing(images):
    np.testing.assert_array_equal(augmentation.augment(images, [1, 2]), images)
    np.testing.assert_array_equal(augmentation.warp(images, tf.zeros((6, 12, 10, 2))), images)


@pytest.mark.parametrize("fill", augmentation.FILLS)
def test_pieces_put_together(images, fill):
    moved = augmentation.augment(images, [1, 2], shift=0.25, fill=fill)
    shifts = 12 * tf.random.stateless_uniform((6, 1, 1, 2), tf.random.split([1, 2], 6)[1], -0.25, 0.25)
    np.testing.assert_allclose(moved, augmentation.warp(images, tf.tile(shifts, (1, 12, 10, 1)), fill), atol=1e-5)
    mirrored = augmentation.augment(images, [1, 2], flips=1)
    np.testing.assert_array_equal(mirrored, images[:, :, ::-1])


def test_same_seed_same_images_in_eager_code_in_a_function_and_in_a_pipeline(images):
    def change(batch):
        return augmentation.augment(batch, [1, 2], **EVERYTHING)

    eager = change(images)
    np.testing.assert_allclose(tf.function(change)(images), eager, atol=1e-5)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(6).map(change)
    np.testing.assert_allclose(next(iter(dataset)), eager, atol=1e-5)
    assert not np.allclose(augmentation.augment(images, [1, 3], **EVERYTHING), eager)


def test_each_image_has_draws_of_its_own():
    alike = tf.repeat(tf.random.uniform((1, 12, 12, 3)), 5, axis=0)
    for name in ["degrees", "shift", "elastic", "hue", "noise"]:
        assert len(np.unique(augmentation.augment(alike, [1, 2], **{name: EVERYTHING[name]}), axis=0)) == 5, name


def test_matrices_turn_clockwise_and_grow():
    image = np.zeros((1, 9, 9, 1), np.float32)
    image[0, 4, 6] = 1  # two pixels to the right of the middle
    quarter = augmentation.affine_matrices(tf.constant([90.0]), tf.constant([1.0]), tf.constant([0.0]))
    turned = augmentation.warp(tf.constant(image), augmentation.affine_field(quarter, 9, 9))
    assert np.argwhere(turned[0, ..., 0].numpy() > 0.99).tolist() == [[6, 4]]  # below it
    twice = augmentation.affine_matrices(tf.constant([0.0]), tf.constant([2.0]), tf.constant([0.0]))
    grown = augmentation.warp(tf.constant(image), augmentation.affine_field(twice, 9, 9))
    assert np.argwhere(grown[0, ..., 0].numpy() > 0.99).tolist() == [[4, 8]]


def test_gradients_reach_the_image_and_the_places(images):
    field = tf.random.normal((6, 12, 10, 2))
    with tf.GradientTape() as tape:
        tape.watch([images, field])
        total = tf.reduce_sum(augmentation.warp(images, field) ** 2)
    assert all(np.abs(gradient).max() > 0 for gradient in tape.gradient(total, [images, field]))


def test_elastic_fields_have_a_standard_deviation_of_one_pixel_everywhere():
    field = augmentation.elastic_field([1, 2], 4000, 6, 6, 1.5)
    np.testing.assert_allclose(np.std(field, axis=0), 1, atol=0.08)


def test_errors_name_the_argument(images):
    with pytest.raises(ValueError, match="fill is 'reflect'"):
        augmentation.augment(images, [1, 2], shift=0.1, fill="reflect")
    with pytest.raises(ValueError, match="channels"):
        augmentation.sample(images[..., 0], images[..., :2])
    with pytest.raises(ValueError, match="zoom is 0.8"):
        augmentation.augment(images, [1, 2], zoom=0.8)
    with pytest.raises(ValueError, match="RGB"):
        augmentation.augment(images[..., :1], [1, 2], hue=0.5)
