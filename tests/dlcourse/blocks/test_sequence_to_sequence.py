"""Encoder, decoder and searches: the library agrees with the notebook, padding changes nothing, beams find the best."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from dlcourse import sequence_to_sequence
from dlcourse.sequence_to_sequence import AttentiveTranslator, Translator
from dlcourse.vocabulary import END, PADDING

NOTEBOOK = "week09/03_sequence_to_sequence"
MODELS = [Translator, AttentiveTranslator]
SOURCES = np.array([[5, 4, 6, END], [3, END, PADDING, PADDING], [6, 6, END, PADDING]], dtype=np.int32)
TARGETS = np.array([[4, END, PADDING], [3, 5, END], [END, PADDING, PADDING]], dtype=np.int32)


def untrained(kind=Translator, tokens=6, units=8, seed=0, **arguments) -> Translator:
    """A translator whose weights are large, so that its translations differ; as if trained it writes no PADDING."""
    model = kind(7, tokens, units, **arguments)
    model((SOURCES, TARGETS % tokens))
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=each.shape) for each in model.weights])
    model.output_logits.bias.assign(np.where(np.arange(tokens) == PADDING, -99.0, rng.normal(size=tokens)))
    return model


def parameters_of(model: Translator) -> dict:
    """The notebook's parameters of a translator that reads from left to right."""

    def unit(layer):
        W, U, biases = layer.get_weights()
        return {"W": W, "U": U, "b": biases[:1], "c": biases[1:]}

    V, d = model.output_logits.get_weights()
    return {
        "source": model.source_embedding.get_weights()[0],
        "target": model.target_embedding.get_weights()[0],
        "encoder": unit(model.encoder),
        "decoder": unit(model.decoder),
        "V": V,
        "d": d[None],
    }


def test_the_notebook_and_the_library_agree(definitions):
    notebook = definitions(
        NOTEBOOK, "decoder_inputs", "encode", "greedy", "beam_search", "masked_cross_entropy", "teacher_forced"
    )
    model = untrained(bidirectional=False)
    parameters = parameters_of(model)
    shifted = sequence_to_sequence.decoder_inputs(TARGETS)
    np.testing.assert_array_equal(notebook.decoder_inputs(TARGETS), shifted)
    np.testing.assert_allclose(notebook.encode(parameters, SOURCES), model.encode(SOURCES)[2], atol=1e-5)
    logits = model((SOURCES, shifted))
    np.testing.assert_allclose(notebook.teacher_forced(parameters, SOURCES, shifted), logits, atol=1e-4)
    loss = sequence_to_sequence.masked_cross_entropy(TARGETS, logits)
    np.testing.assert_allclose(notebook.masked_cross_entropy(TARGETS, logits), loss, rtol=1e-5)
    found = sequence_to_sequence.greedy(model, SOURCES, 6)
    after_end = np.cumsum(found == END, axis=1) > (found == END)
    np.testing.assert_array_equal(np.where(after_end, PADDING, notebook.greedy(parameters, SOURCES, 6)), found)
    for width, alpha in [(1, 0.0), (3, 0.0), (3, 1.0)]:
        best = sequence_to_sequence.beam_search(model, SOURCES, 6, width=width, alpha=alpha)
        by_hand = [notebook.beam_search(parameters, source, 6, width, alpha)[0][0] for source in SOURCES]
        np.testing.assert_array_equal(by_hand, best)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("kind", MODELS)
def test_padding_changes_nothing(kind, bidirectional):
    model = untrained(kind, bidirectional=bidirectional)
    padded = np.pad(SOURCES, [(0, 0), (0, 3)])
    shifted = sequence_to_sequence.decoder_inputs(TARGETS)
    np.testing.assert_allclose(model((padded, shifted)), model((SOURCES, shifted)), atol=1e-5)
    longer = np.pad(TARGETS, [(0, 0), (0, 2)])
    losses = [
        sequence_to_sequence.masked_cross_entropy(rows, model((SOURCES, sequence_to_sequence.decoder_inputs(rows))))
        for rows in [TARGETS, longer]
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_a_beam_of_width_1_is_greedy_search(kind):
    for seed in range(3):
        model = untrained(kind, seed=seed)
        found = sequence_to_sequence.greedy(model, SOURCES, 5)
        assert found.shape == (3, 5)
        np.testing.assert_array_equal(sequence_to_sequence.beam_search(model, SOURCES, 5, width=1, alpha=1.0), found)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("kind", MODELS)
def test_a_beam_that_keeps_everything_finds_the_best_of_all(kind, alpha):
    model, longest, tokens = untrained(kind, tokens=5, units=4), 3, 5
    possible = [
        row
        for length in range(1, longest + 1)
        for row in itertools.product(range(tokens), repeat=length)
        if END not in row[:-1] and (row[-1] == END or length == longest)
    ]
    scores = np.array([score(model, row, alpha) for row in possible])  # (possible, sources)
    best = [possible[k] + (PADDING,) * (longest - len(possible[k])) for k in scores.argmax(axis=0)]
    found = sequence_to_sequence.beam_search(model, SOURCES, longest, width=tokens**longest, alpha=alpha)
    np.testing.assert_array_equal(found, best)


def score(model, row, alpha) -> np.ndarray:
    """Of the same translation of each source: log-probability divided by the length penalty."""
    rows = np.tile(row, (len(SOURCES), 1)).astype(np.int32)
    log_p = tf.nn.log_softmax(model((SOURCES, sequence_to_sequence.decoder_inputs(rows)))).numpy()
    chosen = np.take_along_axis(log_p, rows[..., None], axis=-1)[..., 0]
    return chosen.sum(axis=1) / sequence_to_sequence.length_penalty(len(row), alpha)


def test_length_penalty_is_that_of_the_paper():
    assert sequence_to_sequence.length_penalty(1, 0.7) == 1
    assert sequence_to_sequence.length_penalty(13, 0.5) == pytest.approx(3**0.5)
    np.testing.assert_array_equal(sequence_to_sequence.length_penalty(np.array([1, 7]), 0.0), [1, 1])


def test_training_lowers_the_loss_and_is_repeatable():
    rows = np.tile(SOURCES, (8, 1))
    losses = []
    for _ in range(2):
        tf.keras.utils.set_random_seed(0)
        model = Translator(7, 7, 8)
        losses.append(sequence_to_sequence.train(model, rows, rows, steps=60, rate=1e-2, batch=6))
    assert losses[0].shape == (60,)
    assert losses[0][-1] < losses[0][0] / 2
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_errors_say_what_would_be_right():
    with pytest.raises(ValueError, match="width is 0; at least 1"):
        sequence_to_sequence.beam_search(untrained(), SOURCES, 3, width=0)


@pytest.mark.filterwarnings("error:.*build.*")
@pytest.mark.parametrize("kind", MODELS)
def test_the_first_call_makes_all_weights_and_warns_of_nothing(kind):
    model = kind(7, 6)
    logits = model((SOURCES, TARGETS))
    assert logits.shape == (3, 3, 6) and len(model.weights) == len(untrained(kind).weights) > 0
