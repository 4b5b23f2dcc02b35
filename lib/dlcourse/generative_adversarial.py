"""A small generator and discriminator, and their alternating training.

Built in week14/01_adversarial_networks; the later notebooks of the week pass in each paper's idea as a function: a
wrapper of the discriminator's layers, a normalization, an inserted block, other losses, a penalty. Images are float32
(batch, size, size, channels) in [0, 1]; labels are int32 (batch,) from 0.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

LATENT = 32  # numbers in a noise vector; 100 to 128 in the papers


def batch_normalization(features, labels):
    """The default of `generator`: statistics of the batch; the labels have no effect."""
    return keras.layers.BatchNormalization(momentum=0.9)(features)


def unchanged(value):
    """The default of what wraps or is inserted."""
    return value


def generator(
    size: int,
    channels: int,
    *,
    width: int = 16,
    classes: int = 0,
    normalize: Callable = batch_normalization,
    insert: Callable = unchanged,
) -> keras.Model:
    """From [noise (batch, LATENT), labels (batch,)] to images; without classes the labels have no effect.

    Args:
        size: a power of two, at least 4: features start at 4 x 4 and double.
        width: channels of the last hidden layer; the first has twice as many.
        classes: how many the labels count, concatenated to the noise as an embedding.
        normalize: (features (batch, ...), labels) -> features, before every ReLU.
        insert: features (batch, size, size, width) -> the same shape, before the last convolution.
    """
    check_size(size)
    noise, labels = keras.Input((LATENT,)), keras.Input((), dtype="int32")
    x = noise
    if classes:
        x = keras.layers.Concatenate()([noise, keras.layers.Embedding(classes, classes)(labels)])
    x = keras.layers.Dense(4 * 4 * 2 * width, use_bias=False)(x)
    x = keras.layers.ReLU()(normalize(x, labels))
    x = keras.layers.Reshape((4, 4, 2 * width))(x)
    while x.shape[1] < size:
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(keras.layers.UpSampling2D()(x))
        x = keras.layers.ReLU()(normalize(x, labels))
    x = keras.layers.Conv2D(channels, 3, padding="same", activation="sigmoid")(insert(x))
    return keras.Model([noise, labels], x)


def discriminator(
    size: int,
    channels: int,
    *,
    width: int = 16,
    classes: int = 0,
    wrap: Callable = unchanged,
    insert: Callable = unchanged,
) -> keras.Model:
    """From images to (batch, 1 + classes): the logit of "real", then the class logits of an auxiliary head.

    Args:
        size: a power of two, at least 4: strides of two lead down to 4 x 4.
        width: channels of the first layer, doubled by every stride.
        classes: of the auxiliary head; 0 for none.
        wrap: layer -> layer, such as keras.layers.SpectralNormalization, of every layer but the auxiliary head.
        insert: features (batch, size, size, width) -> the same shape, after the first convolution.
    """
    check_size(size)
    images = keras.Input((size, size, channels))
    x = keras.layers.LeakyReLU(0.2)(wrap(keras.layers.Conv2D(width, 3, padding="same"))(images))
    x = insert(x)
    while x.shape[1] > 4:
        width *= 2
        x = keras.layers.LeakyReLU(0.2)(wrap(keras.layers.Conv2D(width, 4, strides=2, padding="same"))(x))
    x = keras.layers.Flatten()(x)
    outputs = wrap(keras.layers.Dense(1))(x)
    if classes:
        outputs = keras.layers.Concatenate()([outputs, keras.layers.Dense(classes)(x)])
    return keras.Model(images, outputs)


def check_size(size: int) -> None:
    if size < 4 or size & (size - 1):
        raise ValueError(f"size is {size}; it must be a power of two, at least 4")


def non_saturating(real, fake) -> tuple[tf.Tensor, tf.Tensor]:
    """Losses of discriminator and generator from the logits of real and generated images (Goodfellow et al. 2014)."""
    discriminator = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
    return discriminator, tf.reduce_mean(tf.nn.softplus(-fake))


def no_penalty(discriminator, real, fake) -> float:
    """The default of `Training`."""
    return 0.0


class Training:
    """Alternating updates of two players, by Adam with beta_1 = 0.5: discriminator first, then generator.

    A discriminator with class logits (see `discriminator`) learns the classes of the real images too, and the
    generator to be given the class that it was asked for (Odena et al. 2017); only its first logit enters `losses`.

    Args:
        make_generator, make_discriminator: () -> keras.Model with the inputs and outputs of the functions above.
        losses: (real logits (batch,), fake logits (batch,)) -> discriminator's loss, generator's loss.
        penalty: (discriminator, real images, fake images) -> a number added to the discriminator's loss.
        rates: learning rates of discriminator and generator. The slower generator steadies digits.
        batch: real images, and as many generated ones, a step.
        discriminator_steps: updates of the discriminator before each of the generator.

    Attributes:
        generator, discriminator: the models.
        optimizers: of discriminator and generator.
    """

    def __init__(
        self,
        make_generator: Callable[[], keras.Model],
        make_discriminator: Callable[[], keras.Model],
        *,
        losses: Callable = non_saturating,
        penalty: Callable = no_penalty,
        rates: tuple[float, float] = (1e-3, 5e-4),
        batch: int = 64,
        discriminator_steps: int = 1,
    ):
        self.makers = make_discriminator, make_generator
        self.discriminator, self.generator = make_discriminator(), make_generator()
        self.optimizers = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates]
        for optimizer, model in zip(self.optimizers, (self.discriminator, self.generator), strict=True):
            optimizer.build(model.trainable_variables)
        self.untouched = [[variable.numpy() for variable in each.variables] for each in self.optimizers]
        self.losses, self.penalty, self.batch, self.discriminator_steps = losses, penalty, batch, discriminator_steps
        self.seed, self.steps = 0, 0

    def restart(self, seed: int) -> None:
        """New weights, new noise and batches, optimizers as at first: another seed without compiling again."""
        keras.utils.set_random_seed(seed)
        self.seed, self.steps = seed, 0
        for model, make in zip((self.discriminator, self.generator), self.makers, strict=True):
            model.set_weights(make().get_weights())
        for optimizer, values in zip(self.optimizers, self.untouched, strict=True):
            for variable, value in zip(optimizer.variables, values, strict=True):
                variable.assign(value)

    def run(self, images, labels, steps: int) -> np.ndarray:
        """Train on; returns the losses of discriminator and generator at each step, (steps, 2)."""
        images, labels = tf.constant(images, tf.float32), tf.constant(labels, tf.int32)
        found = self.loop(images, labels, tf.constant(self.seed % 2**31), tf.constant(self.steps), tf.constant(steps))
        self.steps += steps
        return found.numpy()

    def samples(self, labels, seed: int = 0) -> np.ndarray:
        """One image for each label (without classes only their number counts), in inference mode; the seed's noise."""
        noise = tf.random.stateless_normal([len(labels), LATENT], [seed % 2**31, 2**30])
        rows = tf.data.Dataset.from_tensor_slices((noise, tf.constant(labels, tf.int32))).batch(500)
        return np.concatenate([self.generator([*part], training=False) for part in rows])

    @tf.function(reduce_retracing=True)
    def loop(self, images, labels, seed, first, steps):
        found = tf.TensorArray(tf.float32, steps)
        for step in tf.range(steps):
            for turn in range(self.discriminator_steps):
                key = tf.stack([seed, (first + step) * self.discriminator_steps + turn])
                d_loss, g_loss = self.step(images, labels, key, turn == self.discriminator_steps - 1)
            found = found.write(step, tf.stack([d_loss, g_loss]))
        return found.stack()

    def step(self, images, labels, key, both: bool):
        """One update of the discriminator and, if `both`, one of the generator against the discriminator after it."""
        places = tf.random.stateless_uniform([self.batch], key, 0, len(images), tf.int32)
        noise = tf.random.stateless_normal([2, self.batch, LATENT], key + 1)
        real, asked = tf.gather(images, places), tf.gather(labels, places)
        fake = self.generator([noise[0], asked], training=True)
        with tf.GradientTape() as tape:
            seen, made = self.discriminator(real, training=True), self.discriminator(fake, training=True)
            d_loss = self.losses(seen[:, 0], made[:, 0])[0] + class_loss(asked, seen)
            d_loss += self.penalty(self.discriminator, real, fake)
        self.update(0, self.discriminator, tape, d_loss)
        if not both:
            return d_loss, 0.0
        with tf.GradientTape() as tape:
            made = self.discriminator(self.generator([noise[1], asked], training=True), training=True)
            g_loss = self.losses(seen[:, 0], made[:, 0])[1] + class_loss(asked, made)
        self.update(1, self.generator, tape, g_loss)
        return d_loss, g_loss

    def update(self, player, model, tape, loss) -> None:
        variables = model.trainable_variables
        self.optimizers[player].apply(tape.gradient(loss, variables), variables)


def class_loss(labels, outputs):
    """Cross-entropy of the class logits behind the first column of a discriminator's outputs; 0 without any."""
    if outputs.shape[1] == 1:
        return 0.0
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs[:, 1:]))
