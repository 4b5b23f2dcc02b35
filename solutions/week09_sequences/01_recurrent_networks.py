# %% [markdown]
# # 1 · Recurrent networks
#
# *Large Scale Deep Learning*, session II, slides "Models for Time Series" and "Recurrent Neural Networks". *Practical
# Deep Learning*, week 5, quiz question 12.
#
# **You should know** back-propagation (`backprop-graph`), clipping (`gradient-clipping`) and RMSprop (`rmsprop`). **You
# will have built** a recurrent network in three forms that agree with each other and with Keras, a language model of
# characters beside n-grams, the gradient's rate of decay and growth through time, and truncated back-propagation.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 2, notebook 2) A gradient $g$ of norm 50 is clipped by its global norm at 1. What of it changes, what stays?
# 2. (Week 1, notebook 2) The gradient of a sum in which one matrix occurs ten times: how do the ten occurrences share?
#
# <details><summary>Answers</summary>
#
# 1. Its length becomes 1, its direction stays. An update is then at most the learning rate long.
# 2. Each contributes a gradient of its own, and they are added. In a recurrent network the same matrix occurs once in
#    every time step: the whole of this notebook is about how large the ten contributions are.
#
# </details>

# %%
dlcourse.setup("week09/01_recurrent_networks", seed=91)

from pydoc_data.topics import topics

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds, stats

# %% [markdown] topic="recurrent-network"
# ## Recurrent networks
#
# The slide draws a layer whose output is fed back to it through "recurrent connections (trainable weights)". With
# input $x_t$ and state $h_t$,
#
# $$h_t = \tanh(x_t W + h_{t-1} U + b).$$
#
# "Can be implemented via explicit unrolling or dynamically by keeping state across invocations, or a combination of
# both." We write all three. The dots in the shapes stand for further axes in front: $W$ and $U$ may be stacks of
# matrices, and then many networks run side by side. `carry` is what happens to a state at the edge of two chunks; so
# far nothing does.

# %%
def step(state, x, W, U, b):
    """The next state (..., batch, units), from inputs x (..., batch, inputs)."""
    return tf.tanh(x @ W + state @ U + b)  # (..., batch, units)


def unrolled(inputs, state, weights):
    """States after every time step, (time, ..., batch, units): one copy of the step for each."""
    states = []
    for x in tf.unstack(inputs):
        states.append(step(states[-1] if states else state, x, *weights))
    return tf.stack(states)


def dynamic(inputs, state, weights):
    """The same by a loop in the graph: one copy of the step."""
    return tf.scan(lambda state, x: step(state, x, *weights), inputs, state)


def in_chunks(inputs, state, weights, length, carry=tf.identity):
    """A combination of both: unrolled over `length` time steps, the last state carried into the next chunk."""
    chunks = []
    for begin in range(0, len(inputs), length):
        chunks.append(unrolled(inputs[begin : begin + length], carry(chunks[-1][-1] if chunks else state), weights))
    return tf.concat(chunks, axis=0)


# %% [markdown]
# The random weights will matter later. What we choose is the *spectral radius* of $U$, the largest modulus of its
# eigenvalues: a Gaussian matrix is divided by its own and multiplied by the wanted one. An output layer comes with
# them.

# %%
def random_weights(inputs, units, radius, rng, *, outputs=1, nets=(), scale=0.3, gates=1):
    """W (*nets, inputs, gates * units), U (*nets, units, gates * units), b, V (*nets, units, outputs) and c."""
    parts = rng.normal(size=(gates, *nets, units, units))
    U = np.concatenate(parts * (radius / np.abs(np.linalg.eigvals(parts)).max(axis=-1)[..., None, None]), axis=-1)
    W, b = scale * rng.normal(size=(*nets, inputs, gates * units)), np.zeros((*nets, 1, gates * units))
    V, c = rng.normal(size=(*nets, units, outputs)) / np.sqrt(units), np.zeros((*nets, 1, outputs))
    return [tf.constant(array, tf.float32) for array in (W, U, b, V, c)]


# %% [markdown]
# Keras has the layer as `SimpleRNN`, with `stateful=True` for states that are kept across invocations. Four ways to use
# it should agree with ours. Which of them do you expect to differ from the unrolled 24 time steps, and in how many?

# %% tags=["demo"]
rng = np.random.default_rng(seeds(1)[0])
weights, start = random_weights(5, 16, 0.9, rng)[:3], tf.zeros((3, 16))
inputs = tf.constant(rng.normal(size=(24, 3, 5)), tf.float32)  # (time, batch, inputs)
by_hand, batch_first = unrolled(inputs, start, weights), tf.transpose(inputs, [1, 0, 2])  # (24, 3, 16), (3, 24, 5)
forgets, keeps = (keras.layers.SimpleRNN(16, return_sequences=True, stateful=stateful) for stateful in (False, True))
for layer in [forgets, keeps]:
    layer.build((3, 8, 5))
    layer.set_weights([weights[0], weights[1], weights[2][0]])
ways = {"dynamic": dynamic(inputs, start, weights), "in chunks of 8": in_chunks(inputs, start, weights, 8)}
for name, layer, chunks in [("Keras", forgets, 1), ("Keras in chunks, stateful", keeps, 3),
                            ("Keras in chunks, not stateful", forgets, 3), ("stateful, not reset", keeps, 3)]:
    pieces = [layer(piece) for piece in tf.split(batch_first, chunks, axis=1)]
    ways[name] = tf.transpose(tf.concat(pieces, axis=1), [1, 0, 2])
apart = {name: np.abs(states - by_hand).max(axis=(1, 2)) for name, states in ways.items()}  # each (24,)
plots.table(["beside unrolled", "largest difference", "time steps that differ"],
            [[name, each.max(), int((each > 1e-5).sum())] for name, each in apart.items()])

# %% [markdown]
# The first four agree; the last two are the two mistakes of chunks. Without `stateful` each chunk begins with a zero
# state: all 16 time steps from the second chunk on are wrong. With it, a second pass begins with the state that the
# first pass left.
#
# "Unrolling is conceptually simpler, but imposes a fixed sequence length." Count the operations of the graph that
# TensorFlow makes of each form:

# %% tags=["demo"]
for form, length in [(unrolled, 8), (unrolled, 32), (unrolled, 128), (dynamic, None)]:
    traced = tf.function(form).get_concrete_function(tf.TensorSpec((length, 3, 5)), start, weights)
    print(f"{form.__name__} for {length or 'any'} time steps: {len(traced.graph.get_operations())} operations")

# %% [markdown]
# One dynamic graph serves every length; unrolled, each length has its own graph, which grows in proportion. In return
# the compiler sees all of an unrolled graph at once. A chunk of fixed length with a carried state has both advantages,
# and that is how language models were trained.
#
# ### A language model of characters
#
# The text is the reference manual of Python as CPython carries it. Many paragraphs occur in several of its sections: we
# keep each once, in lower case, and hold out every tenth.

# %%
parts = (" ".join(part.split()).lower() + "\n" for text in topics.values() for part in text.split("\n\n"))
paragraphs = list(dict.fromkeys(parts))
characters = np.array(sorted(set("".join(paragraphs))))
training, held_out = (np.searchsorted(characters, list("".join(kept)))  # each character as its number
                      for kept in ([one for i, one in enumerate(paragraphs) if i % 10], paragraphs[::10]))
print(f"{len(training):,} characters for training, {len(held_out):,} held out, {len(characters)} different ones")

# %% [markdown]
# ### Exercise 1 (4 points): streams
#
# One long text is to be read `batch` characters at a time, in chunks of `length` time steps with a carried state. So
# row $b$ of a chunk must go on where row $b$ of the chunk before it stopped. Cut the text into `batch` parts of equal
# length, the *streams*, each a multiple of `length`, as long as possible; what is left at the end of the text is
# dropped. Chunk $k$ holds the characters $k \cdot$ `length` to $(k + 1) \cdot$ `length` $- 1$ of every stream, time
# first.

# %% nbgrader={"grade": false, "grade_id": "streams", "locked": false, "schema_version": 3, "solution": true, "task": false}
def streams(text: np.ndarray, batch: int, length: int) -> np.ndarray:
    """Chunks of text (characters,), as (chunks, length, batch): [k, t, b] is character k * length + t of stream b."""
    ### BEGIN SOLUTION
    chunks = len(text) // (batch * length)
    return text[: chunks * batch * length].reshape(batch, chunks, length).transpose(1, 2, 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "streams_continue", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("0 to 11 as two streams, 0 to 5 and 6 to 11, in chunks of 3",
      streams(np.arange(12), batch=2, length=3), expected=[[[0, 6], [1, 7], [2, 8]], [[3, 9], [4, 10], [5, 11]]])
### BEGIN HIDDEN TESTS
check("a random text in 4 streams", streams(check.rng().integers(0, 99, 80), batch=4, length=5))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "streams_rest", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("0 to 9 has room for two streams of 4; 8 and 9 are dropped",
      streams(np.arange(10), batch=2, length=2), expected=[[[0, 4], [1, 5]], [[2, 6], [3, 7]]])
### BEGIN HIDDEN TESTS
check("a random text with a rest of 8", streams(check.rng().integers(0, 99, 68), batch=3, length=4))
### END HIDDEN TESTS

# %% [markdown]
# The output layer turns each state into scores of the next character. Five networks learn side by side: the first axis
# of every weight is theirs. A chunk's tape sees the chunk alone, since the state comes in as a number (the third topic
# is about what this means), and each network's gradient is clipped by its own norm.

# %%
def next_character_loss(weights, inputs, targets, state):
    """Mean cross-entropy of each net at each time, (time, nets), and the last state (nets, batch, units)."""
    *recurrent, V, c = weights
    states = unrolled(tf.one_hot(inputs, len(characters))[:, None], state, recurrent)  # (time, nets, batch, units)
    logits = states @ V + c  # (time, nets, batch, characters)
    labels = tf.broadcast_to(targets[:, None], tf.shape(logits)[:-1])
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), axis=2), states[-1]


def clipped(gradients, threshold):
    """The gradients, each net's scaled to a global norm of at most `threshold`, and the norms before, (nets, 1, 1)."""
    norm = tf.sqrt(sum(tf.reduce_sum(g**2, axis=[1, 2], keepdims=True) for g in gradients))
    return [g * tf.minimum(1.0, threshold / norm) for g in gradients], norm


# %% tags=["demo"] waits=["streams"]
nets, units, batch, length, epochs = 5, 64, 32, 25, 4  # Mikolov et al. (2010): up to 500 units, 6.4 million words
rng = np.random.default_rng(seeds(1)[0])
chunks = [tf.constant(streams(part, batch, length), tf.int32) for part in (training[:-1], training[1:])]
initial = random_weights(len(characters), units, 0.9, rng, outputs=len(characters), nets=(nets,))
decay = keras.optimizers.schedules.PolynomialDecay(0.005, epochs * len(chunks[0]), 0.0)
language_model, optimizer = [tf.Variable(array) for array in initial], keras.optimizers.Adam(decay)
optimizer.build(language_model)


@tf.function(jit_compile=True)
def chunk_gradients(inputs, targets, state):
    with tf.GradientTape() as tape:
        losses, state = next_character_loss(language_model, inputs, targets, state)
        loss = tf.reduce_sum(tf.reduce_mean(losses, axis=0))
    return clipped(tape.gradient(loss, language_model), 1.0)[0], state


@tf.function
def epoch(inputs, targets):
    state = tf.zeros((nets, batch, units))
    for chunk in tf.range(len(inputs)):
        gradients, state = chunk_gradients(inputs[chunk], targets[chunk], state)
        optimizer.apply(gradients)


for _ in range(epochs):
    epoch(*chunks)

# %% [markdown]
# The rivals know the $n - 1$ characters before the next one and nothing else. Each order is interpolated with the next
# lower one, down to equal probabilities:
#
# $$p_n(c \mid h) = \frac{\text{count}(hc) + \alpha\, p_{n-1}(c \mid h')}{\text{count}(h) + \alpha}$$
#
# where $h'$ is $h$ without its first character. (Week 8 builds better ones.) For each order we take the $\alpha$ that
# is best on the held-out text itself, which favours the n-grams. Which order will the network, with 14,000 weights,
# reach?

# %%
def ngram_probabilities(order, alpha):
    """Of each held-out character given the order - 1 before it, (characters,)."""
    if order == 0:
        return np.full(len(held_out), 1 / len(characters))
    both, counts = np.concatenate([training, held_out]), []
    grams = sum(np.roll(both, back) * len(characters) ** back for back in range(order))  # each n-gram as one number
    for keys in (grams, grams // len(characters)):  # with the last character, and without
        numbers = np.unique(keys, return_inverse=True)[1]
        counts.append(np.bincount(numbers[: len(training)], minlength=len(both))[numbers[len(training) :]])
    return (counts[0] + alpha * ngram_probabilities(order - 1, alpha)) / (counts[1] + alpha)


# %% tags=["demo"]
ngrams = [min(np.exp(-np.log(ngram_probabilities(n, alpha)).mean()) for alpha in (5, 10, 20)) for n in range(1, 7)]

# %% [markdown]
# The network is asked twice: in one go through the held-out text, with the state carried over, and from zero states, to
# see how its perplexity falls with the number of characters read since.

# %% tags=["demo"] waits=["streams"]
held_out_loss = tf.function(next_character_loss, jit_compile=True)
state, losses = tf.zeros((nets, batch, units)), []
for x, y in zip(*(streams(part, batch, length) for part in (held_out[:-1], held_out[1:])), strict=True):
    loss, state = held_out_loss(language_model, x, y, state)
    losses.append(loss)
carried = np.exp(np.mean(losses, axis=(0, 1)))  # (nets,)
windows = held_out[np.arange(0, len(held_out) - 33, 16) + np.arange(33)[:, None]]  # (33, windows)
fresh = held_out_loss(language_model, windows[:-1], windows[1:], tf.zeros((nets, windows.shape[1], units)))[0]
plots.line(np.arange(1, 33), {"recurrent, from a zero state": np.exp(fresh).T,
                              "recurrent, state carried over": np.full(32, carried.mean()),
                              "n-gram": np.pad(ngrams[1:], (0, 27), constant_values=np.nan)},
           xlabel="characters read", ylabel="held-out perplexity", log="xy")

# %% tags=["demo"] waits=["streams"]
mean, half_width = stats.mean_interval(carried)
*close, forgetful, _ = (each.max() for each in apart.values())
claim(
    "recurrent-network",
    measured={"largest difference: dynamic, in chunks, Keras, Keras in chunks": close, "not stateful": forgetful,
              "held-out perplexity, mean of 5 networks and 95% half-width": [mean, half_width],
              "of the 2-, 3-, 4- and 6-gram": [ngrams[order - 1] for order in (2, 3, 4, 6)],
              "after 1, 4 and 32 characters from a zero state": np.exp(fresh).mean(axis=1)[[0, 3, 31]]},
    holds=max(close) < 1e-5 and forgetful > 0.1 and mean + half_width < ngrams[2],
    because="all forms agree to rounding; the network's perplexity is below the trigram's and above the 4-gram's",
)

# %% [markdown]
# All forms are one network. Its perplexity falls as it reads, past what a trigram can know, and settles after some six
# characters. Interpolated 4-grams and longer ones do better on a text as small and repetitive as this one: they store
# 29,000 counts and more, and phrases of the manual recur word for word. More units and more text turn this around;
# Mikolov et al. (2010) needed hundreds of units and millions of words, and mixed their network with n-grams.

# %% [markdown]
# **How this could be wrong.** Held-out paragraphs come from the same manual; duplicates are removed only where whole
# paragraphs agree. The networks were not trained to begin from a zero state, which costs them at the curve's left end.
# **Often mistaken.** Rows of chunks that do not continue each other (exercise 1 with the wrong reshape) raise no error:
# the state is carried into foreign text, and the network learns to do without it.

# %% [markdown] topic="vanishing-gradients"
# ## Vanishing and exploding gradients
#
# "RNNs only have one problem: they mostly don't work! Very difficult to train for more than a few timesteps:
# numerically unstable gradients (vanishing / exploding)."
#
# Both words are about $\partial L / \partial h_t$, the gradient of a loss $L$ that depends on the last state $h_T$, as
# the distance $T - t$ grows. Each step back is a product with one and the same matrix $U$ (in which form is for you to
# find), and with the slope of $\tanh$, at most 1. In a linear network the slope is 1 and $k$ steps multiply by $U$ or
# its transpose $k$ times, whose norm goes as $\rho^k$ in the long run, $\rho$ the spectral radius. The logarithm of the
# gradient's norm is then a line of slope $\ln \rho$ against the distance $k$.
#
# ### Exercise 2 (4 points): back through time
#
# By the chain rule through $h_t = \tanh(x_t W + h_{t-1} U + b)$, with states and gradients as rows, derive
# $\partial L / \partial h_{t-1}$ from $\partial L / \partial h_t$; repeat it from the last state to the first. No tape
# is needed: since $\tanh' = 1 - \tanh^2$, the states themselves hold all that it takes.

# %% nbgrader={"grade": false, "grade_id": "state_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def state_gradients(last: np.ndarray, states: np.ndarray, U: np.ndarray) -> np.ndarray:
    """dL/dh_1 to dL/dh_T as rows (T, units), for a loss that depends on the last state h_T alone.

    last is dL/dh_T (units,), the last row of the result; states holds h_1 to h_T, (T, units); U is (units, units).
    """
    ### BEGIN SOLUTION
    gradients = [last]
    for state in states[:0:-1]:  # h_T to h_2
        gradients.append((gradients[-1] * (1 - state**2)) @ U.T)
    return np.stack(gradients[::-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "state_gradients_linear", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("all states zero, where tanh has slope 1: last U'U', last U', last",
      state_gradients(np.array([1.0, 0.0]), np.zeros((3, 2)), np.array([[2.0, 1.0], [0.0, 3.0]])),
      expected=[[4.0, 0.0], [2.0, 0.0], [1.0, 0.0]])
### BEGIN HIDDEN TESTS
check("zero states, any U", state_gradients(np.ones(4), np.zeros((6, 4)), check.rng().normal(size=(4, 4))))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "state_gradients_tanh", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one unit, U = 1: from h_2 = 0.5 to h_1 a factor of 1 - 0.25",
      state_gradients(np.array([2.0]), np.array([[0.9], [0.5]]), np.ones((1, 1))), expected=[[1.5], [2.0]])
### BEGIN HIDDEN TESTS
last, states, U = (check.rng().uniform(-1, 1, size=size) for size in [4, (6, 4), (4, 4)])
check("any states", state_gradients(last, states, U))
### END HIDDEN TESTS

# %% [markdown]
# The derivation, with $\odot$ for products of elements:
#
# $$\frac{\partial L}{\partial h_{t-1}} = \left(\frac{\partial L}{\partial h_t} \odot (1 - h_t^2)\right) U^\top$$
#
# (The third topic shows that it agrees with the tape.)
#
# Now 100 steps back from a loss that is one unit of the last state, for spectral radii on both sides of 1. Three
# networks: linear, $\tanh$ with small inputs, $\tanh$ with larger ones. Predict: at which radius does each pass from
# falling to growing?

# %%
def gradient_norms(radius, seed, size, linear=False, units=64, distance=100):
    """Norm of dL/dh at distances 0, 1 ... from a loss that is the last state's first element, (distance + 1,)."""
    rng = np.random.default_rng(seed)
    U = random_weights(1, units, radius, rng)[1].numpy().astype(float)
    states, last = np.zeros((distance + 1, units)), np.eye(units)[0]
    for t, x in enumerate(size * rng.normal(size=states.shape)):  # x stands for x_t W
        states[t] = np.tanh(x + states[t - 1] @ U)  # states[-1] is still zero when t is 0
    return np.linalg.norm(state_gradients(last, 0 * states if linear else states, U), axis=1)[::-1]  # zeros: slope 1


# %% tags=["demo"] waits=["state_gradients"]
radii = [0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 4.0]
networks = {"linear": (0.1, True), "tanh, inputs of 0.1": (0.1, False), "tanh, inputs of 0.5": (0.5, False)}
norms = {name: np.array([[gradient_norms(radius, seed, *network) for seed in seeds(8)] for radius in radii])
         for name, network in networks.items()}  # each (radii, seeds, 101)
for name, ax in zip(list(norms)[:2], plots.panels(2), strict=True):
    plots.line(np.arange(101), {f"radius {radii[place]:g}": norms[name][place] for place in [1, 3, 5, 7, 9]}, ax=ax,
               xlabel="distance from the loss (time steps)", ylabel="gradient norm", title=name, log="y")

# %% [markdown]
# Straight lines on a logarithmic axis: exponentials. We fit their slopes beyond the first 20 steps and lay them beside
# $\ln \rho$.

# %% tags=["demo"] waits=["state_gradients"]
slopes = {name: np.polyfit(np.arange(81), np.log(values[..., 20:]).reshape(-1, 81).T, 1)[0].reshape(10, 8)
          for name, values in norms.items()}  # each (radii, seeds)
plots.line(np.log(radii), {r"theory, $\ln \rho$": np.log(radii)} | {name: rate.T for name, rate in slopes.items()},
           xlabel=r"$\ln \rho$, $\rho$ the spectral radius", ylabel="fitted rate (per time step)")

# %% tags=["demo"] waits=["state_gradients"]
linear, small, larger = slopes.values()
off, falls, grows = np.abs(linear - np.log(radii)[:, None]).max(), *map(stats.mean_interval, small[[1, 9]])
claim(
    "vanishing-gradients",
    measured={"linear: largest distance of a rate from ln(radius)": off,
              "tanh, inputs of 0.1: rate at radius 0.8 (ln 0.8 = -0.223) and 95% half-width": falls,
              "at radius 1 and 2 (ln 2 = 0.693)": small[[3, 7]].mean(axis=1), "at radius 4 (ln 4 = 1.386)": grows,
              "tanh, inputs of 0.5: rate at radius 1": larger[3].mean(),
              "time steps until 1% is left there": np.log(0.01) / larger[3].mean()},
    holds=off < 0.1 and falls[0] + falls[1] < -0.15 and grows[0] - grows[1] > 0.1 and larger[3].mean() < -0.1,
    because="linear gradients go as the radius to the power of the distance; tanh falls sooner and grows far less",
)

# %% [markdown]
# Linear networks follow $\ln \rho$ everywhere. With $\tanh$ and small inputs the line holds up to about 1; above it the
# states grow until the slopes $1 - h^2$ have eaten most of the growth: at radius 2 a linear gradient doubles each step,
# and the $\tanh$ network's gains about a tenth. What explodes there needs large weights, but then still does, without
# bound. And with inputs of ordinary size the gradient falls even at radius 1, by a hundred within some fifteen steps.
# That is the deck's "a few timesteps".
#
# **How this could be wrong.** The weights are Gaussian and untrained; the rate of one direction is measured, from
# distance 20 on, when the largest eigenvalues have taken over. Below that a matrix with small eigenvalues may still
# amplify. **Often mistaken.** The gradient of the *weights* does not vanish: it is a sum over all distances, and the
# near ones keep it large. What vanishes is the far contributions' share, so the network learns, but only what is near.
# **Practice has moved on**: Keras begins with an orthogonal $U$ (all eigenvalues of modulus 1), and gates (notebook 2)
# keep a path whose factor stays near 1.

# %% [markdown] topic="truncated-bptt"
# ## Truncated back-propagation through time
#
# Quiz question 12 of week 5: "When encountering exploding gradients during training, which of the following methods
# effectively counteracts the exploding gradients?" The options: "Use LSTM and GRU networks", "Use RMSprop to adjust the
# learning rate", "Clip the gradients at some threshold", "Truncate BPTT".
#
# To truncate back-propagation through time (BPTT) is to carry the state forward over the edges of chunks, and nothing
# back: each chunk takes its first state as a constant. `tf.stop_gradient` does it, which lets a value through and no
# gradient back. What it does to the gradients can be written without a tape.
#
# ### Exercise 3 (4 points): a cut in the wrong place
#
# Every time step has a loss, whose gradient at its own state $h_t$ is `own[t]`. The gradient of all losses together at
# $h_{t-1}$ is `own[t-1]` and what comes back from $h_t$, unless $h_t$ begins a chunk. A colleague has written
#
# ```python
# total = own.copy()
# for t in range(len(own) - 1, 0, -1):
#     if t % cut != cut - 1:
#         total[t - 1] = own[t - 1] + (own[t] * (1 - states[t] ** 2)) @ U.T
# return total
# ```
#
# Two mistakes are in it: the gradients are smaller than the tape's even without a cut, and the cuts are in the wrong
# places. Write it right.

# %% nbgrader={"grade": false, "grade_id": "truncated_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def truncated_gradients(own: np.ndarray, states: np.ndarray, U: np.ndarray, cut: int) -> np.ndarray:
    """Gradient of the sum of all time steps' losses at each state, (T, units), which crosses no edge between chunks.

    own (T, units) is each loss's gradient at its own state; states (T, units), U (units, units). Chunks begin at row 0,
    cut, 2 cut ...; what such a row would give to the row before it is lost."""
    ### BEGIN SOLUTION
    total = np.array(own, dtype=float)
    for t in range(len(own) - 1, 0, -1):
        if t % cut != 0:
            total[t - 1] = own[t - 1] + (total[t] * (1 - states[t] ** 2)) @ U.T
    return total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "truncated_gradients_chain", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("no cut, slope 1, U = 1: each state hears of its own loss and of all later ones",
      truncated_gradients(np.ones((4, 1)), np.zeros((4, 1)), np.ones((1, 1)), cut=9), expected=[[4], [3], [2], [1]])
### BEGIN HIDDEN TESTS
own, states, U = (check.rng().uniform(-1, 1, size=size) for size in [(6, 3), (6, 3), (3, 3)])
check("no cut, any states", truncated_gradients(own, states, U, cut=9))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "truncated_gradients_edges", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("chunks of 2, slope 1, U = 1: rows 0 and 2 hear of one later loss, rows 1, 3 and 4 of none",
      truncated_gradients(np.ones((5, 1)), np.zeros((5, 1)), np.ones((1, 1)), 2), expected=[[2], [1], [2], [1], [1]])
### BEGIN HIDDEN TESTS
own, states, U = (check.rng().uniform(-1, 1, size=size) for size in [(7, 3), (7, 3), (3, 3)])
check("chunks of 2, any states", truncated_gradients(own, states, U, cut=2))
### END HIDDEN TESTS

# %% [markdown]
# The gradient for $U$ follows: time step $t$ contributes the outer product of $h_{t-1}$ and its total times the slope.
# It must equal the tape's through `stop_gradient`. (With losses $\tfrac12 |h_t|^2$ `own` is `states`.)

# %% tags=["demo"] waits=["truncated_gradients"]
def difference(inputs, weights, cut):  # between the gradients for U by tape and by hand
    with tf.GradientTape() as tape:
        tape.watch(weights[1])
        states = in_chunks(inputs, tf.zeros((1, 16)), weights, cut, carry=tf.stop_gradient)  # (20, 1, 16)
        loss = tf.reduce_sum(states**2) / 2
    after = states[:, 0].numpy()  # (20, 16)
    before = np.concatenate([np.zeros((1, 16)), after[:-1]])  # (20, 16)
    by_hand = before.T @ (truncated_gradients(after, after, weights[1].numpy(), cut) * (1 - after**2))  # (16, 16)
    return float(np.abs(by_hand - tape.gradient(loss, weights[1])).max() / np.abs(by_hand).max())


weights = random_weights(3, 16, 1.5, np.random.default_rng(seeds(1)[0]))[:3]
equal = [difference(tf.random.normal((20, 1, 3)), weights, cut) for cut in (5, 20)]
print("largest difference, of the largest element, with a cut at 5 and without:", equal)

# %% [markdown]
# ### Four remedies
#
# The task is to repeat: inputs are random bits of $-1$ and $1$, and at each time step the target is the bit from
# $d$ steps ago. Nothing but memory is needed. Many networks learn side by side, each with its own weights, rate, cut,
# threshold and delay. The cut is again a `stop_gradient`, inside a dynamic loop.

# %%
time, batch, units, draws = 48, 8, 24, 6  # draws of the initial weights and of the bits


@tf.function(jit_compile=True)
def repeating(step, weights, bits, delay, cut):
    """Gradients, loss and accuracy (nets,) of repeating bits (time, nets, batch, 1) `delay` time steps later."""
    *recurrent, V, c = weights

    def cut_step(state, now):
        return step(tf.where(now[0] % cut == 0, tf.stop_gradient(state), state), now[1], *recurrent)

    with tf.GradientTape() as tape:
        tape.watch(weights)
        states = tf.scan(cut_step, (tf.range(time), bits), tf.zeros((*bits.shape[1:3], units)))
        margin = bits[:-delay] * (states @ V + c)[delay:]  # (time - delay, nets, batch, 1), positive where right
        loss = tf.reduce_mean(tf.nn.softplus(-margin), axis=[0, 2, 3])
        total = tf.reduce_sum(loss)
    return tape.gradient(total, weights), loss, tf.reduce_mean(tf.cast(margin > 0, tf.float32), axis=[0, 2, 3])


# %% [markdown]
# A step changes the weights by $-\alpha g$, with $g$ the gradient, clipped at the threshold, or divided by RMSprop's
# root of the running mean of squares. (`learns` multiplies the rate of all but the output layer.)

# %%
def train(step, weights, *, rate, delay=2, cut=time, threshold=np.inf, rms=False, learns=1.0, steps=150):
    """Log (steps, 3, nets) of loss, accuracy and gradient norm; settings but delay and steps may differ among nets."""
    nets = len(weights[0])
    settings = (np.broadcast_to(setting, nets)[:, None, None] for setting in (rate, cut, threshold, rms, learns))
    rate, cut, threshold, rms, learns = (tf.constant(setting.tolist()) for setting in settings)  # (nets, 1, 1)

    @tf.function
    def loop(weights, seed):
        log, squares = tf.TensorArray(tf.float32, steps), [tf.zeros_like(w) for w in weights]
        for number in tf.range(steps):
            bits = tf.sign(tf.random.stateless_normal((time, draws, batch, 1), [seed, number]))
            gradients, *scores = repeating(step, weights, tf.tile(bits, [1, nets // draws, 1, 1]), delay, cut)
            gradients, norm = clipped(gradients, threshold)
            squares = [0.9 * s + 0.1 * g**2 for s, g in zip(squares, gradients, strict=True)]
            moves = [g / tf.where(rms, tf.sqrt(s) + 1e-7, 1.0) for s, g in zip(squares, gradients, strict=True)]
            weights = [w - r * m for w, r, m in zip(weights, [rate * learns] * 3 + [rate] * 2, moves, strict=True)]
            log = log.write(number, tf.stack([*scores, norm[:, 0, 0]]))
        return log.stack()

    return loop(weights, seeds(1)[0]).numpy()


# %% [markdown]
# And a gated cell, of which notebook 2 tells more, with the LSTM. Its state passes from step to step through the factor
# $z$, and not through $U$ alone.

# %%
def gru_step(state, x, W, U, b):
    (xz, xr, xh), (Uz, Ur, Uh) = tf.split(x @ W + b, 3, axis=-1), tf.split(U, 3, axis=-1)
    z, r = tf.sigmoid(xz + state @ Uz), tf.sigmoid(xr + state @ Ur)
    return z * state + (1 - z) * tf.tanh(xh + (r * state) @ Uh)


# %% [markdown]
# At spectral radius 4 the gradient explodes, as the curves above say; radius 2 is the control, where its norm stays
# near 1. Every method gets the same seven learning rates, the same six initializations and the same bits. The bit from
# two steps ago is within reach of a cut at 4. Which methods do you expect to make the gradient itself smaller, and
# which only the step?

# %% tags=["demo"]
sweep, names = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0], ["plain", "clip at 1", "truncate at 4", "RMSprop", "GRU"]
method, rate, logs = np.repeat(np.arange(4), 7 * draws), np.repeat(sweep, draws), []


def nets_for(settings, radius, gates=1):  # the same initializations for every setting
    drawn = random_weights(1, units, radius, np.random.default_rng(seeds(1)[0]), nets=(draws,), scale=0.5, gates=gates)
    return [tf.tile(array, [settings, 1, 1]) for array in drawn]


for radius in [2.0, 4.0]:
    log = train(step, nets_for(28, radius), rate=np.tile(rate, 4), threshold=np.where(method == 1, 1.0, np.inf),
                cut=np.where(method == 2, 4, time), rms=method == 3)  # (150, 3, 168)
    logs.append(np.concatenate([log, train(gru_step, nets_for(7, radius, gates=3), rate=rate)], axis=2))
log = np.stack(logs, axis=2).reshape(150, 3, 2, 5, 7, draws)  # (steps, 3, radii, methods, rates, draws)
accuracy = 100 * log[-20:, 1].mean(axis=0)  # (radii, methods, rates, draws)
plots.heat(accuracy[1].mean(axis=2), rows=("", names), columns=("learning rate", sweep),
           label="accuracy (%), mean of 6", title="radius 4")

# %% tags=["demo"]
chosen = accuracy.mean(axis=3).argmax(axis=2)  # (radii, methods), the best rate's place
best = np.take_along_axis(accuracy, chosen[..., None, None], axis=2)[:, :, 0]  # (radii, methods, draws)
gains = np.array([stats.mean_interval(values - best[1, 0]) for values in best[1, 1:]])  # (methods - 1, 2)
norm = np.median(log[0, 2], axis=(2, 3))  # (radii, methods)
plots.table(["method", "gradient norm before training: radius 2", "radius 4", "accuracy (%): radius 2", "radius 4"],
            [[name, *norm[:, m], *best[:, m].mean(axis=1)] for m, name in enumerate(names)])

# %% [markdown]
# At radius 2 every method learns the task, the plain one too: there is nothing to counter. At radius 4 the gradient
# before training is thousands of times as long. Truncation and gates make the gradient itself small, and every
# initialization learns. Clipping and RMSprop leave it as it is and bound the step. But its direction is that of the
# most distant past, whose contributions are the longest by orders of magnitude and differ from batch to batch; what a
# loss asks of two steps before is lost among them. So clipping learns from some initializations and not from others,
# and RMSprop, which makes all its steps equally long whatever the batch says, stays behind plain descent. That one
# does not diverge either: $\tanh$ bounds the states, and the output layer still learns from them.
#
# ### What truncation costs
#
# A cut at $c$ lets no loss reach further back than its chunk. Delays of 2, 4 and 8 steps, cuts from 1 to all 48,
# clipping for all, and weights of radius 0.7, whose states forget fast on their own. The control in the first column
# learns the output layer alone: what it gets right, the random state remembers untrained. From which cut on will each
# delay be learned?

# %% tags=["demo"]
delays, cuts = [2, 4, 8], [1, 1, 2, 4, 8, 16, 48]  # the first column is the control
log = [train(step, nets_for(7, 0.7), rate=1.0, threshold=1.0, delay=delay, cut=np.repeat(cuts, draws), steps=300,
             learns=np.repeat([0.0] + [1.0] * 6, draws)) for delay in delays]
repeated = 100 * np.stack(log)[:, -20:, 1].mean(axis=1).reshape(3, 7, draws)  # (delays, cuts, draws)
plots.heat(repeated.mean(axis=2), rows=("delay (time steps)", delays), label="accuracy (%), mean of 6",
           columns=("cut (time steps)", ["output\nonly", *cuts[1:-1], "48\n(none)"]))

# %% tags=["demo"] waits=["truncated_gradients"]
cost = stats.mean_interval(repeated[2, 6] - repeated[2, 3])
claim(
    "truncated-bptt",
    measured={"truncated gradient and whole one by hand: largest relative difference from the tape": equal,
              "gradient norm before training at radius 4: " + ", ".join(names): norm[1],
              "accuracy at the best rate (%), radius 2": best[0].mean(axis=1), "radius 4": best[1].mean(axis=1),
              "gain on plain at radius 4 (points)": gains[:, 0], "95% half-width": gains[:, 1],
              "delay 8: accuracy without a cut less that at cut 4 (points), 95% half-width": cost},
    holds=max(equal) < 1e-4 and (gains[:, 0] > gains[:, 1]).all() and cost[0] > 20 > cost[1],
    because="truncation and gates make the gradient small, and train; clipping and RMSprop only bound the step",
)

# %% [markdown]
# Bits from 2 and 4 steps ago the random state remembers unaided, and the output layer alone can read them. With cuts
# of 1 and 2 training even spoils the memory of 4 steps: the weights are shaped for what is near. The bit from 8 steps
# ago has to be learned. Without a cut, and with one at 16, it is; with a cut at 8 or less accuracy stays within some
# points of the control's. A cut of twice the delay is enough, since half of all losses then reach the bit they ask for.
#
# **How this could be wrong.** Radius 4 at the start, and so a gradient that explodes at every step, is harsh. Networks
# that begin near radius 1 meet a steep wall now and then, and there one bounded step saves a run (week 2,
# `gradient-clipping`). The threshold, the cut and RMSprop's decay of 0.9 have one value each; training is short.
# **Often mistaken.** A cut does not limit how long the network can remember, only how far back a loss can teach it to.
# **Practice has moved on**: gates and clipping at a norm of 1 go together by default. The cut lives on where states of
# earlier text are kept as constants, as in Transformer-XL (Dai et al. 2019).

# %% [markdown]
# ### Question (3 points, marked by hand): the turbine
#
# A network reads a turbine's vibration, 1,000 values a second, and is to warn of a fault that announces itself by a
# short click two seconds before. It is a $\tanh$ network trained on chunks of 100 time steps with a carried state, by
# plain gradient descent. In some runs the loss becomes NaN within minutes; in the others it stays where predicting the
# mean would be. A colleague proposes to cut the chunks to 20 steps, "because truncation counters exploding gradients".
# Say what the proposal does to each of the two troubles and why. Then give what you would do instead against each, and
# for one of them the measurement that could prove you wrong.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_turbine", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# *What it does.* The NaNs may become rarer: a gradient that grows by a factor $a$ each step grows to $a^{20}$ and no
# longer to $a^{100}$. The second trouble gets worse. The click lies 2,000 steps back; no loss reaches it through 100
# steps, and through 20 even less. That the state is carried over does not help: it hands the click on only if the
# network keeps it already, and no gradient teaches that.
#
# *Instead.* Against the NaNs: clip the gradient's norm. Its direction and reach stay; the step is bounded. Against the
# second: make the distance short, in steps. Let the network read a summary (spectra, or maxima) of 50 ms at a time, so
# two seconds are 40 steps; train on chunks of 80 or more; use an LSTM, whose gradient does not fall as fast over 40
# steps.
#
# *Measurement.* Before training anything: the norm of the gradient of a late loss at the states before, against
# distance, at 100 and at 2,000 steps; if it is no smaller at the click, vanishing is not the trouble. Or: training on
# recordings made artificially short (click 50 steps before the fault, chunks of 100), several seeds; if the loss stays
# as it was there too, the distance is not to blame.
# ### END SOLUTION
#
# *Marking.* One point for both effects of the shorter cut with their reasons (growth over fewer steps; a click 2,000
# steps back is out of reach of either). One point for a remedy against each that fits: clipping or gates against NaN,
# and one that brings the click within reach (fewer, longer steps; longer chunks with gates). One point for a
# measurement with an outcome that would refute the writer. "Use an LSTM" with chunks of 100 left as they are earns
# nothing for the second.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - A recurrent network unrolled, in a loop, or in chunks with a carried state is one and the same function.
# - Carried states need rows that continue each other, and a reset where they do not.
# - Through $k$ steps a gradient goes as $\rho^k$ where the network is linear; $\tanh$ makes it fall sooner.
# - Truncation and gates make an exploding gradient small. Clipping and RMSprop bound the step, and keep what the
#   explosion did to its direction.
# - What lies much further back than the cut is not learned, however long the state would keep it.
#
# ## At full scale
#
# | where | what | steps back | cost |
# |---|---|---|---|
# | this laptop | five networks of 14,000 weights, 0.3 million characters | 25 | seconds |
# | one GPU | an LSTM of 10 million weights, 100 million characters | 100 to 200 | hours |
# | the paper (Mikolov et al. 2010) | up to 500 units, 6.4 million words | 1 | weeks of one CPU for the largest |
#
# Next: notebook 2 opens the gated cell.

# %%
dlcourse.submit()
