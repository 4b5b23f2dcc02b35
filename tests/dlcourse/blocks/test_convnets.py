"""The small convolutional network: the library's is the notebook's, and its errors say what would be right."""

import numpy as np
import pytest

from dlcourse.convnets import small_convnet

NOTEBOOK = "week04/02_convolutional_networks"


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("shape", "widths"), [((8, 8, 1), (16, 32)), ((20, 17, 3), (4, 6, 5, 7))])
def test_the_notebook_and_the_library_agree(definitions, shape, widths, batch_norm):
    notebook = definitions(NOTEBOOK, "small_convnet").small_convnet(shape, 10, widths, batch_norm=batch_norm)
    library = small_convnet(shape, 10, widths, batch_norm=batch_norm)
    rng = np.random.default_rng(0)
    weights = [rng.uniform(0.1, 0.9, size=each.shape) for each in library.weights]
    for model in (notebook, library):
        model.set_weights(weights)
    images = rng.normal(size=(5, *shape)).astype(np.float32)
    for training in (False, True):
        np.testing.assert_allclose(notebook(images, training=training), library(images, training=training), rtol=1e-5)
    for here, there in zip(notebook.weights, library.weights, strict=True):  # batch norm's averages have moved alike
        np.testing.assert_allclose(here, there, rtol=1e-5)


def test_defaults_are_the_notebooks(definitions):
    notebook = definitions(NOTEBOOK, "small_convnet").small_convnet((8, 8, 1), 10)
    assert [each.shape for each in notebook.weights] == [each.shape for each in small_convnet((8, 8, 1), 10).weights]


def test_parameters_are_those_of_the_formula():
    assert small_convnet((8, 8, 1), 10).count_params() == (9 + 1) * 16 + (9 * 16 + 1) * 32 + (2 * 2 * 32 + 1) * 10


def test_each_level_halves_the_sides():
    model = small_convnet((21, 16, 3), 4, (5, 6))
    assert [layer.output.shape[1:] for layer in model.layers if "pool" in layer.name] == [(10, 8, 5), (5, 4, 6)]
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("shape", "widths", "message"),
    [((8, 8), (16,), "height, width and channels"), ((8, 8, 1), (), "empty"), ((8, 7, 1), (4, 4, 4), "at least 8")],
)
def test_errors_say_what_would_be_right(shape, widths, message):
    with pytest.raises(ValueError, match=message):
        small_convnet(shape, 10, widths)
