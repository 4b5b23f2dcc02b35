"""Fréchet distance, nearest images and the judge: the library agrees with the notebook, and with known values."""

import numpy as np
import pytest

from dlcourse.sample_quality import Judge, frechet_distance, nearest

NOTEBOOK = "week14/01_adversarial_networks"


@pytest.mark.parametrize("shape", [(50, 1), (60, 5), (8, 20)])
def test_the_notebook_and_the_library_agree(definitions, shape):
    notebook = definitions(NOTEBOOK, "frechet_distance", "nearest")
    one, other = np.random.default_rng(0).normal(size=(2, *shape)) * [[[1.0]], [[3.0]]] + 0.5
    assert frechet_distance(one, other) == pytest.approx(notebook.frechet_distance(one, other), rel=1e-5)
    images, training = np.random.default_rng(1).random((2, 30, 4, 4, 1))
    for ours, theirs in zip(nearest(images, training), notebook.nearest(images, training), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_known_distances():
    cloud = np.random.default_rng(0).normal(size=(100, 4))
    assert frechet_distance(cloud, cloud) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(cloud, cloud + 3) == pytest.approx(4 * 9)
    one = np.array([[-1.0], [1.0], [3.0]])  # mean 1, deviation 2
    assert frechet_distance(one, 3 * one + 1) == pytest.approx(3**2 + 4**2)


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(5, 3\) and \(5, 2\)"):
        frechet_distance(np.zeros((5, 3)), np.zeros((5, 2)))
    with pytest.raises(ValueError, match="two rows"):
        frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))


def test_the_nearest_image_of_a_known_one_is_itself():
    training = np.random.default_rng(0).random((20, 3, 3, 1))
    place, apart = nearest(training[[7, 2]], training)
    np.testing.assert_array_equal(place, [7, 2])
    np.testing.assert_allclose(apart, 0, atol=1e-7)
    assert nearest(training[:1] + 0.1, training[:1])[1] == pytest.approx(0.1)


def test_a_judge_tells_what_it_has_learned():
    labels = np.arange(120) % 3
    images = np.random.default_rng(0).random((120, 8, 8, 1), np.float32) * 0.2
    images[np.arange(120), labels] += 0.7  # a bright row at another height for each class
    judge = Judge(images, labels, features=16, epochs=20)
    assert judge.features(images).shape == (120, 16)
    assert np.mean(judge.classes(images) == labels) > 0.9
