"""Additive attention: the notebook's, the library's and Keras'."""

import numpy as np
import pytest


@pytest.fixture
def translator():
    from dlcourse.sequence_to_sequence import AttentiveTranslator

    return AttentiveTranslator(source_tokens=9, target_tokens=7, units=8)


@pytest.fixture
def states():
    """Outputs (3, 4, 8), memory (3, 6, 8), and a mask of sources of 6, 4 and 1 tokens."""
    rng = np.random.default_rng(5)
    outputs, memory = (rng.normal(size=(3, time, 8)).astype(np.float32) for time in [4, 6])
    return outputs, memory, np.arange(6) < np.array([[6], [4], [1]])


def test_library_agrees_with_the_notebook(definitions, translator, states):
    alignment = definitions("week09/04_attention", "alignment").alignment
    outputs, memory, mask = states
    theirs = translator.attention_weights(outputs, memory, mask)  # builds the layers
    ours = alignment(translator.query(outputs), translator.key(memory), translator.score.kernel[:, 0], mask)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_weights_are_a_distribution_over_what_is_no_padding(translator, states):
    outputs, memory, mask = states
    weights = translator.attention_weights(outputs, memory, mask).numpy()
    assert weights.shape == (3, 4, 6)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-6)
    assert (weights[:, 0][~mask] == 0).all() and (weights[:, 0][mask] > 0).all()


def test_padding_changes_nothing(translator):
    from dlcourse.vocabulary import END, PADDING

    sources, shifted = np.array([[4, 5, 6, END]]), np.array([[1, 4, 5]])
    padded = np.pad(sources, [(0, 0), (0, 3)], constant_values=PADDING)
    np.testing.assert_allclose(translator((sources, shifted)), translator((padded, shifted)), atol=1e-5)
