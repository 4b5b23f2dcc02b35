"""The inception module: the notebook's, by hand and in Keras, and the library's agree."""

import keras
import numpy as np
import pytest

from dlcourse.inception import inception_module

NOTEBOOK = "week04/03_inception"
WIDTHS = (5, 3, 7, 2, 4, 6)


def model_of(module, shape=(9, 8, 11)) -> keras.Model:
    inputs = keras.Input(shape)
    return keras.Model(inputs, module(inputs, *WIDTHS))


@pytest.fixture
def library_model() -> keras.Model:
    model, rng = model_of(inception_module), np.random.default_rng(0)
    model.set_weights([0.3 * rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3, 9, 8, 11)).astype(np.float32)


def test_library_agrees_with_the_notebook_in_keras(definitions, library_model, pictures):
    notebook_model = model_of(definitions(NOTEBOOK, "inception_module").inception_module)
    assert [layer.name for layer in notebook_model.layers[1:]] == [layer.name for layer in library_model.layers[1:]]
    for layer in notebook_model.layers[1:]:
        layer.set_weights(library_model.get_layer(layer.name).get_weights())
    np.testing.assert_allclose(library_model(pictures), notebook_model(pictures), atol=1e-5)


def test_library_agrees_with_the_notebook_by_hand(definitions, library_model, pictures):
    parts = ["one", "reduce3", "three", "reduce5", "five", "project"]
    weights = {part: library_model.get_layer(f"module_{part}").get_weights() for part in parts}
    by_hand = definitions(NOTEBOOK, "module_by_hand").module_by_hand
    np.testing.assert_allclose(library_model(pictures), by_hand(pictures, weights), atol=1e-5)


def test_shape_and_parameters(library_model):
    assert library_model.output_shape == (None, 9, 8, 5 + 7 + 4 + 6)
    kernels = 11 * (5 + 3 + 2 + 6) + 9 * 3 * 7 + 25 * 2 * 4
    assert library_model.count_params() == kernels + sum(WIDTHS)


def test_two_modules_in_one_model_need_two_names():
    inputs = keras.Input((4, 4, 3))
    outputs = inception_module(inception_module(inputs, *WIDTHS, name="3a"), *WIDTHS, name="3b")
    assert keras.Model(inputs, outputs).get_layer("3b_reduce5").kernel.shape == (1, 1, 22, 2)


def test_a_width_below_one_is_refused():
    with pytest.raises(ValueError, match="reduce5 is 0; a branch has a whole number of filters"):
        inception_module(keras.Input((4, 4, 3)), 5, 3, 7, 0, 4, 6)


def test_an_input_without_channels_is_refused():
    with pytest.raises(ValueError, match="reads \\(batch, height, width, channels\\)"):
        inception_module(keras.Input((4, 4)), *WIDTHS)
