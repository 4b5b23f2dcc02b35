"""Encoder and decoder, with and without attention, and the two ways to search for an output.

Built in week09/03_sequence_to_sequence (`Translator`, `greedy`, `beam_search`) and week09/04_attention
(`AttentiveTranslator`). Rows of tokens are those of `dlcourse.vocabulary`: numbers, END, then PADDING.
"""

import keras
import numpy as np
import tensorflow as tf

from dlcourse.vocabulary import END, PADDING, START


def recurrent(units: int) -> keras.layers.Layer:
    """A layer that gives its states after every token and once more the last of them."""
    return keras.layers.GRU(units, return_sequences=True, return_state=True)


class Translator(keras.Model):
    """Sutskever, Vinyals and Le (2014): the encoder's last state is all that the decoder knows of the source.

    Args:
        source_tokens, target_tokens: sizes of the two vocabularies.
        units: of the states.
        bidirectional: the encoder reads in both directions, with half of the units each; else from left to right, as in
            the paper and in the notebook.
    """

    def __init__(self, source_tokens: int, target_tokens: int, units: int = 128, *, bidirectional: bool = True):
        super().__init__()
        self.source_embedding = keras.layers.Embedding(source_tokens, units)
        self.target_embedding = keras.layers.Embedding(target_tokens, units)
        self.encoder = recurrent(units // 2 if bidirectional else units)
        if bidirectional:
            self.encoder = keras.layers.Bidirectional(self.encoder)
        self.decoder = recurrent(units)
        self.output_logits = keras.layers.Dense(target_tokens)

    def build(self, input_shape) -> None:
        """Make the weights, by translating one token to one token."""
        one = tf.zeros((1, 1), tf.int32)
        self.call((one, one))

    def encode(self, sources) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Of sources (batch, source time): memory (batch, source time, units), which of it is no padding (batch,
        source time), and the last state (batch, units)."""
        mask = tf.not_equal(sources, PADDING)
        memory, *last = self.encoder(self.source_embedding(sources), mask=mask)
        return memory, mask, tf.concat(last, axis=-1)

    def decode(self, inputs, state, memory, mask) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (batch, target time, target tokens) of what follows each of `inputs` (batch, target time), and the
        state (batch, units) after the last; from `state` before the first."""
        outputs, state = self.decoder(self.target_embedding(inputs), initial_state=state)
        return self.output_logits(self.read(outputs, memory, mask)), state

    def read(self, outputs, memory, mask) -> tf.Tensor:
        """What the output layer sees, from the decoder's outputs (batch, target time, units)."""
        return outputs

    def call(self, inputs) -> tf.Tensor:
        """Logits under teacher forcing, for (sources, targets shifted by `decoder_inputs`)."""
        sources, shifted = inputs
        memory, mask, state = self.encode(sources)
        return self.decode(shifted, state, memory, mask)[0]


class AttentiveTranslator(Translator):
    """Additive attention (Bahdanau, Cho and Bengio 2015, section 3.1) from the decoder's outputs to the encoder's.

    As in Luong et al. (2015), the context joins the decoder's output and does not go back into its state.
    """

    def __init__(self, source_tokens: int, target_tokens: int, units: int = 128, *, bidirectional: bool = True):
        super().__init__(source_tokens, target_tokens, units, bidirectional=bidirectional)
        self.query = keras.layers.Dense(units, use_bias=False)
        self.key = keras.layers.Dense(units)
        self.score = keras.layers.Dense(1, use_bias=False)
        self.combine = keras.layers.Dense(units, activation="tanh")

    def attention_weights(self, outputs, memory, mask) -> tf.Tensor:
        """alpha (batch, target time, source time): how much each output looks at each place of the source."""
        hidden = tf.tanh(self.query(outputs)[:, :, None] + self.key(memory)[:, None])  # (batch, target, source, units)
        scores = self.score(hidden)[..., 0]  # (batch, target time, source time)
        return tf.nn.softmax(tf.where(mask[:, None], scores, scores.dtype.min), axis=-1)

    def read(self, outputs, memory, mask) -> tf.Tensor:
        context = self.attention_weights(outputs, memory, mask) @ memory  # (batch, target time, units)
        return self.combine(tf.concat([outputs, context], axis=-1))


def decoder_inputs(targets: np.ndarray) -> np.ndarray:
    """What the decoder is given under teacher forcing: START, then the targets (batch, time) but the last."""
    return np.concatenate([np.full_like(targets[:, :1], START), targets[:, :-1]], axis=1)


def masked_cross_entropy(targets, logits) -> tf.Tensor:
    """The mean over all tokens but PADDING, in nats; targets (batch, time), logits (batch, time, tokens)."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)  # (batch, time)
    weights = tf.cast(tf.not_equal(targets, PADDING), losses.dtype)
    return tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)


def train(
    model: Translator, sources, targets, *, steps: int, rate: float = 3e-3, batch: int = 64, seed: int = 0
) -> np.ndarray:
    """Adam under teacher forcing, the rate falling to 0 along a cosine, gradients clipped to norm 1.

    Args:
        sources, targets: rows of tokens (examples, time).
        steps: how many batches, drawn with `seed` without replacement epoch by epoch.

    Returns:
        The loss of each step, shape (steps,).
    """
    rng = np.random.default_rng(seed)
    epochs = -(-steps * batch // len(sources))
    order = np.concatenate([rng.permutation(len(sources)) for _ in range(epochs)])[: steps * batch].reshape(
        steps, batch
    )
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
    model((sources[:1], targets[:1]))
    optimizer.build(model.trainable_variables)

    @tf.function
    def run(sources, shifted, targets, order):
        losses = tf.TensorArray(tf.float32, steps)
        for step in tf.range(steps):
            rows = order[step]
            with tf.GradientTape() as tape:
                logits = model((tf.gather(sources, rows), tf.gather(shifted, rows)))
                loss = masked_cross_entropy(tf.gather(targets, rows), logits)
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            losses = losses.write(step, loss)
        return losses.stack()

    return run(*map(tf.constant, (sources, decoder_inputs(targets), targets, order))).numpy()


def greedy(model: Translator, sources, longest: int) -> np.ndarray:
    """The likeliest next token, again and again: rows of tokens (batch, longest), PADDING after END.

    Args:
        sources: rows of tokens (batch, source time).
        longest: a translation without END after that many tokens is cut there.
    """

    @tf.function
    def search(sources):
        memory, mask, state = model.encode(sources)
        token = tf.fill([tf.shape(sources)[0], 1], START)
        ended = tf.zeros([tf.shape(sources)[0], 1], tf.bool)
        found = tf.TensorArray(tf.int32, longest)
        for time in tf.range(longest):
            logits, state = model.decode(token, state, memory, mask)
            token = tf.where(ended, PADDING, tf.argmax(logits, axis=-1, output_type=tf.int32))
            ended = ended | (token == END)
            found = found.write(time, token[:, 0])
        return tf.transpose(found.stack())

    return search(tf.constant(sources)).numpy()


def length_penalty(length, alpha: float):
    """What a log-probability is divided by: ((5 + length) / 6)**alpha (Wu et al. 2016, equation 14); 1 at alpha 0."""
    return ((5.0 + length) / 6.0) ** alpha


def beam_search(model: Translator, sources, longest: int, *, width: int = 4, alpha: float = 0.0) -> np.ndarray:
    """The best translation found with `width` of them kept after each token: rows (batch, longest), PADDING after END.

    Translations are compared by log-probability / length_penalty(length, alpha), where the length counts END. One that
    has ended stays among those kept as long as no better ones push it out. A width of 1 is `greedy`.

    Args:
        sources: rows of tokens (batch, source time).
        longest: a translation without END after that many tokens is cut there.
        width: how many are kept for each source.
        alpha: exponent of the length penalty. At 0 the likeliest wins, which is often a short one.

    Raises:
        ValueError: `width` is below 1.
    """
    if width < 1:
        raise ValueError(f"width is {width}; at least 1 translation must be kept")

    @tf.function
    def search(sources):
        batch = tf.shape(sources)[0]
        memory, mask, state = (tf.repeat(part, width, axis=0) for part in model.encode(sources))  # (batch * width, ...)
        token = tf.fill([batch * width, 1], START)
        total = tf.tile([[0.0] + [-np.inf] * (width - 1)], [batch, 1])  # (batch, width): at first one translation
        length = tf.zeros([batch, width])
        ended = tf.zeros([batch, width], tf.bool)
        found = tf.zeros([batch, width, longest], tf.int32)
        for time in tf.range(longest):
            logits, state = model.decode(token, state, memory, mask)  # (batch * width, 1, tokens)
            tokens = tf.shape(logits)[-1]
            log_p = tf.reshape(tf.nn.log_softmax(logits), [batch, width, tokens])
            only_padding = tf.where(tf.range(tokens) == PADDING, 0.0, -np.inf)  # after END, at no cost
            candidates = total[..., None] + tf.where(ended[..., None], only_padding, log_p)  # (batch, width, tokens)
            longer = length + tf.where(ended, 0.0, 1.0)  # (batch, width)
            scores = candidates / length_penalty(longer, alpha)[..., None]
            best = tf.math.top_k(tf.reshape(scores, [batch, width * tokens]), width).indices  # (batch, width)
            parent, chosen = best // tokens, best % tokens
            total = tf.gather(tf.reshape(candidates, [batch, width * tokens]), best, batch_dims=1)
            length, ended = tf.gather(longer, parent, batch_dims=1), tf.gather(ended, parent, batch_dims=1)
            found = tf.gather(found, parent, batch_dims=1)
            found = tf.where(tf.range(longest) == time, chosen[..., None], found)
            ended = ended | (chosen == END)
            state = tf.gather(state, tf.reshape(parent + width * tf.range(batch)[:, None], [-1]))
            token = tf.reshape(chosen, [batch * width, 1])
        return found[:, 0]

    return search(tf.constant(sources)).numpy()
