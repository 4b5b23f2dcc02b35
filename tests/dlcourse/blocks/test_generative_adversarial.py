"""The two players: the library agrees with the notebook, restarts repeat a run, and each option does what it says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlcourse.generative_adversarial import (
    LATENT,
    Training,
    discriminator,
    generator,
    non_saturating,
)

NOTEBOOK = "week14/01_adversarial_networks"
IMAGES = np.random.default_rng(0).random((40, 8, 8, 1), np.float32)
LABELS = np.arange(40) % 4


def training(classes=0, **arguments) -> Training:
    return Training(
        lambda: generator(8, 1, width=4, classes=classes),
        lambda: discriminator(8, 1, width=4, classes=classes),
        batch=8,
        **arguments,
    )


def noise_and_labels(count=6) -> list:
    return [tf.random.stateless_normal([count, LATENT], [1, 2]), tf.range(count) % 4]


def test_the_notebook_and_the_library_agree_on_the_players(definitions):
    notebook = definitions(NOTEBOOK, "new_generator", "new_discriminator", "player_losses")
    ours, theirs = generator(8, 1), notebook.new_generator()
    theirs.set_weights(ours.get_weights())
    inputs = noise_and_labels()
    for mode in [True, False]:
        np.testing.assert_allclose(ours(inputs, training=mode), theirs(inputs[0], training=mode), atol=1e-5)
    ours, theirs = discriminator(8, 1), notebook.new_discriminator()
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(IMAGES), theirs(IMAGES), atol=1e-5)
    real, fake = tf.random.stateless_normal([2, 9], [3, 4]) * 5
    d_loss, _, g_loss = notebook.player_losses(real, fake)
    np.testing.assert_allclose(non_saturating(real, fake), [d_loss, g_loss], rtol=1e-5)


@pytest.fixture
def eagerly():
    """AutoGraph needs a function's source file, which the notebook's definitions have not."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
def test_the_notebook_and_the_library_take_the_same_steps(definitions):
    notebook = definitions(NOTEBOOK, "new_generator", "new_discriminator", "alternating")
    ours = Training(lambda: generator(8, 1), lambda: discriminator(8, 1))
    ours.restart(5)
    G, D = notebook.new_generator(), notebook.new_discriminator()
    G.set_weights(ours.generator.get_weights())
    D.set_weights(ours.discriminator.get_weights())
    optimizers = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in (1e-3, 5e-4)]
    log = notebook.alternating(G, D, *optimizers, tf.constant(IMAGES))(5, 0, 3, 2)
    np.testing.assert_allclose(ours.run(IMAGES, np.zeros(40), 3)[:, 0], log[:, 0], rtol=1e-4)
    for mine, others in zip(ours.generator.get_weights(), G.get_weights(), strict=True):
        np.testing.assert_allclose(mine, others, atol=1e-4)


def test_a_restart_repeats_the_run_and_another_seed_does_not():
    players = training()
    runs = []
    for seed in (1, 2, 1):
        players.restart(seed)
        first = players.run(IMAGES, LABELS, 2)
        runs.append(np.concatenate([first, players.run(IMAGES, LABELS, 3)]))
    assert runs[0].shape == (5, 2)
    np.testing.assert_allclose(runs[0], runs[2], rtol=1e-4)
    assert np.abs(runs[0] - runs[1]).max() > 1e-3


def test_samples_are_images_and_follow_noise_and_labels():
    players = training(classes=4)
    samples = players.samples(LABELS, seed=3)
    assert samples.shape == IMAGES.shape
    assert samples.min() >= 0
    assert samples.max() <= 1
    np.testing.assert_array_equal(samples, players.samples(LABELS, seed=3))
    assert np.abs(samples - players.samples(LABELS, seed=4)).max() > 0
    assert np.abs(samples - players.samples(LABELS + 1 - 4 * (LABELS == 3), seed=3)).max() > 0


def test_with_class_logits_both_players_learn_classes():
    players = training(classes=4)
    assert players.discriminator(IMAGES).shape == (40, 5)
    players.restart(0)
    before = players.discriminator.get_weights()[-2]
    players.run(IMAGES, LABELS, 1)
    assert np.abs(players.discriminator.get_weights()[-2] - before).max() > 0


def test_wrap_and_insert_reach_the_layers():
    wrapped = discriminator(16, 3, width=4, classes=2, wrap=keras.layers.SpectralNormalization)
    kinds = [type(layer).__name__ for layer in wrapped.layers]
    assert kinds.count("SpectralNormalization") == 4  # three convolutions and the logit; not the auxiliary head
    seen = []

    def spy(features, labels=None):
        seen.append(tuple(features.shape))
        return features

    generator(16, 3, width=4, normalize=spy, insert=spy)
    discriminator(16, 3, width=4, insert=spy)
    assert seen == [(None, 128), (None, 8, 8, 4), (None, 16, 16, 4), (None, 16, 16, 4), (None, 16, 16, 4)]


def test_losses_penalty_rates_and_steps_of_the_discriminator_are_used():
    seen = []

    def losses(real, fake):
        return tf.reduce_mean(fake) - tf.reduce_mean(real), -tf.reduce_mean(fake)

    def penalty(D, real, fake):
        seen.append(tuple(tuple(part.shape) for part in (real, fake, D(real))))
        return 7.0

    players = training(losses=losses, penalty=penalty, rates=(0.0, 0.0), discriminator_steps=3)
    players.restart(1)
    before = players.generator.get_weights()[0]
    log = players.run(IMAGES, LABELS, 2)
    assert set(seen) == {((8, 8, 8, 1), (8, 8, 8, 1), (8, 1))}
    assert len(seen) % 3 == 0  # of each trace, once for each of the discriminator's steps
    assert np.all(np.abs(log[:, 0] - 7) < 1)
    np.testing.assert_array_equal(players.generator.get_weights()[0], before)


@pytest.mark.parametrize("make", [generator, discriminator])
@pytest.mark.parametrize("size", [2, 12])
def test_sizes_that_do_not_double_from_4_are_refused(make, size):
    with pytest.raises(ValueError, match=f"size is {size}"):
        make(size, 1)
