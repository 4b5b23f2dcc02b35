# %% [markdown]
# # 5 · Deep translation: GNMT
#
# *Applications* (Goodfellow 2018), slide "Google Neural Machine Translation, Wu et al 2016"; NCTU week 9, slide "Google
# Neural Machine Translation".
#
# **You should know** LSTM cells (`lstm-memory`), teacher forcing and beam search (`seq2seq`), additive attention
# (`alignment-attention`). **You will have built** the network of that slide, small: deep encoder and decoder, residual
# connections, a bidirectional bottom layer, attention from the bottom of the decoder, length and coverage penalties.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 2, `weight-initialization`) What happens to activations and gradients when thirty layers each shrink them by
#    a tenth?
# 2. (Notebook 3) A beam search ranks translations by $\log P(Y \mid X)$. Every further token changes this sum. In which
#    direction?
#
# <details><summary>Answers</summary>
#
# 1. $0.9^{30} \approx 0.04$ of them is left at the far end. Layers that shrink more leave less.
# 2. Down, always: each token adds the logarithm of a probability. Of two translations that are equally good token by
#    token, the shorter one wins.
#
# </details>

# %%
dlcourse.setup("week09/05_deep_translation", seed=95)

import itertools
import math

import keras
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, stats
from dlcourse.vocabulary import END, PADDING, START, Vocabulary, words

# %% [markdown] topic="gnmt"
# ## The network on the slide
#
# The slide shows one picture, from Wu et al. (2016): eight LSTM layers above each other in the encoder, eight in the
# decoder. The paper says why that is not a matter of stacking: "simple stacked LSTM layers work well up to 4 layers,
# barely with 6 layers, and very poorly beyond 8 layers". Its remedies, from the bottom up:
#
# - The **bottom encoder layer is bidirectional**; its two outputs side by side are the second layer's input.
# - **Residual connections** from the third layer on: $x_t^{i} = m_t^i + x_t^{i-1}$, where $m_t^i$ is what LSTM layer
#   $i$ makes of the layer below, $x^{i-1}$. They start where input and output have the same width.
# - **Attention** is asked for by the *bottom* decoder layer and reads the *top* encoder layer; the context "is sent
#   directly to all the remaining decoder layers". Nothing else passes from the encoder to the decoder.
#
# One thing we change: the paper asks with the bottom layer's output of the previous step, we with that of this step.
#
# ### Exercise 1 (3 points): where a residual connection starts
#
# Layers are functions of one array. The first `start` of them are stacked plainly; from `layers[start]` on, each
# layer's own input is added to its output.

# %% nbgrader={"grade": false, "grade_id": "residual_stack", "locked": false, "schema_version": 3, "solution": true, "task": false}
def residual_stack(layers: list, inputs: np.ndarray, start: int) -> np.ndarray:
    """Output of layers[0], layers[1], ... stacked, with a residual connection around layers[start] and all above it.

    Each layer is a function of an array (batch, width); below `start` it may change the width, from `start` on not.
    """
    ### BEGIN SOLUTION
    x = inputs
    for number, layer in enumerate(layers):
        x = layer(x) + x if number >= start else layer(x)
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "residual_stack_start", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("three layers that double, residual from layers[1]: 2, then times 3, times 3",
      residual_stack([lambda x: 2 * x] * 3, np.ones((1, 2)), start=1), expected=[[18, 18]])
### BEGIN HIDDEN TESTS
for start, kernels in [(2, check.rng().normal(size=(5, 4, 4))), (3, check.rng().normal(size=(4, 6, 6)))]:
    layers = [lambda x, kernel=kernel: np.tanh(x @ kernel) for kernel in kernels]
    check(f"random layers, residual from layers[{start}]", residual_stack(layers, kernels[0], start))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "residual_stack_ends", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("residual around all", residual_stack([lambda x: 2 * x] * 2, np.ones((1, 2)), start=0), expected=[[9, 9]])
check("around none", residual_stack([lambda x: 2 * x] * 2, np.ones((1, 2)), start=2), expected=[[4, 4]])
### BEGIN HIDDEN TESTS
wide, same = check.rng().normal(size=(3, 5)), check.rng().normal(size=(5, 5))
layers = [lambda x: np.tanh(x @ wide), lambda x: x @ same, lambda x: np.tanh(x @ same)]
check("a first layer that widens", residual_stack(layers, check.rng().normal(size=(2, 3)), start=1))
### END HIDDEN TESTS

# %% [markdown]
# A layer's derivative $f'$ becomes $1 + f'$. Thirty layers $f(x) = \tanh(x/2)$ show what that does to $dy/dx$ at 0:

# %% waits=["residual_stack"]
halves = [lambda x: np.tanh(x / 2)] * 30
for name, begin in {"plain": 30, "residual from layers[2]": 2, "residual everywhere": 0}.items():
    print(f"{name}: dy/dx = {residual_stack(halves, np.array([[1e-9]]), begin)[0, 0] / 1e-9:.2g}")

# %% [markdown]
# Plain, $2^{-30}$; with residuals it can even grow, as $1.5^{28}$ until the tanh saturates. An LSTM's output gate and
# cell shrink a small signal too. Whether that hurts a translator of six layers we measure.
#
# ### Data
#
# Numbers below 1000 spelled out in English, to be spelled out in French; 300 of them are never seen in training.

# %%
pairs = data.spelled_numbers(700, 300, below=1000)
english = [words(text) for text in pairs.train_sources + pairs.test_sources]
french = [words(text) for text in pairs.train_targets + pairs.test_targets]
source_vocabulary, target_vocabulary = Vocabulary.of(english), Vocabulary.of(french)
train_sources, test_sources = np.split(source_vocabulary.encode(english), [700])  # (700, 6), (300, 6)
train_targets, test_targets = np.split(target_vocabulary.encode(french), [700])  # (700, 7), (300, 7)
print(pairs.test_sources[0], "->", pairs.test_targets[0])

# %% [markdown]
# ### Many networks as one
#
# Five seeds of several kinds are many small networks. They have the same shapes, so their weights are stacked in
# front: a kernel has shape (networks, inputs, outputs), and one einsum serves all. Nothing passes from one to another.

# %%
units = 32  # 1024 in the paper


def lstm(x, kernel, recurrent, bias):
    """Outputs (networks, batch, time, units) of an LSTM that starts from zeros; x (networks, batch, time, inputs)."""
    z = tf.einsum("nbti,nio->nbto", x, kernel) + bias[:, None]  # (networks, batch, time, 4 units)
    h = c = tf.zeros_like(z[:, :, 0, :units])  # (networks, batch, units)
    outputs = []
    for z_t in tf.unstack(z, axis=2):
        i, f, g, o = tf.split(z_t + h @ recurrent, 4, axis=-1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    return tf.stack(outputs, axis=2)


def reverse(x, lengths):
    """The first `lengths` (networks, batch) steps of x (networks, batch, time, inputs) backwards; padding stays."""
    sentences = tf.reshape(x, [-1, *x.shape[2:]])  # (networks * batch, time, inputs)
    return tf.reshape(tf.reverse_sequence(sentences, tf.reshape(lengths, [-1]), seq_axis=1), x.shape)


# %% [markdown]
# The encoder. `residual`, of shape (networks, 1, 1, 1), is 1 for the networks with residual connections and 0 for the
# plain ones: two networks of one seed begin with the same weights.

# %%
def encode(w, sources, residual):
    """Outputs (networks, batch, source time, units) of the top layer; sources (networks, batch, source time)."""
    x = tf.gather(w["source"], sources, batch_dims=1)  # (networks, batch, time, units)
    lengths = tf.reduce_sum(tf.cast(sources != PADDING, tf.int32), axis=-1)  # (networks, batch)
    backward = reverse(lstm(reverse(x, lengths), *w["backward"]), lengths)
    x = tf.concat([lstm(x, *w["forward"]), backward], axis=-1)  # (networks, batch, time, 2 units)
    for number, layer in enumerate(w["encoder"], start=2):
        x = lstm(x, *layer) + (residual * x if number > 2 else 0)
    return x


def attend(w, queries, memory, sources):
    """Additive attention of queries (networks, batch, target time, units): the contexts, in the same shape."""
    q, k = tf.einsum("nbti,nio->nbto", queries, w["query"]), tf.einsum("nbsi,nio->nbso", memory, w["key"])
    scores = tf.einsum("nbtso,nop->nbts", tf.tanh(q[:, :, :, None] + k[:, :, None]), w["score"])
    scores += tf.where(sources == PADDING, -1e9, 0.0)[:, :, None]  # (networks, batch, target time, source time)
    return tf.nn.softmax(scores) @ memory


def decode(w, memory, sources, inputs, residual):
    """Logits (networks, batch, target time, tokens) of what follows each of inputs (networks, batch, target time)."""
    bottom, *above = w["decoder"]
    x = lstm(tf.gather(w["target"], inputs, batch_dims=1), *bottom)  # (networks, batch, target time, units)
    context = attend(w, x, memory, sources)
    for number, layer in enumerate(above, start=2):
        x = lstm(tf.concat([x, context], axis=-1), *layer) + (residual * x if number > 2 else 0)
    return tf.einsum("nbti,niv->nbtv", x, w["output"])


# %% [markdown]
# The weights at the start, Glorot's, with a forget bias of 1.

# %%
def initial(depth, seed):
    """Weights of one network of `depth` layers in the encoder and as many in the decoder."""
    rng = np.random.default_rng(seed)

    def matrix(inputs, outputs):
        return rng.uniform(-1, 1, (inputs, outputs)) * np.sqrt(6 / (inputs + outputs))

    def layer(inputs):
        forget = np.repeat([[0.0, 1.0, 0.0, 0.0]], units, axis=1)  # (1, 4 units): gates i, f, g, o
        return matrix(inputs, 4 * units), matrix(units, 4 * units), forget

    return {"source": rng.normal(0, 0.5, (len(source_vocabulary), units)), "forward": layer(units),
            "backward": layer(units), "encoder": [layer(units * (2 if i == 0 else 1)) for i in range(depth - 1)],
            "target": rng.normal(0, 0.5, (len(target_vocabulary), units)),
            "decoder": [layer(units * (1 if i == 0 else 2)) for i in range(depth)], "query": matrix(units, units),
            "key": matrix(units, units), "score": matrix(units, 1), "output": matrix(units, len(target_vocabulary))}


def stacked(networks):
    """The weights of several networks of one depth as one structure, each (networks, rows, columns)."""
    return tf.nest.map_structure(lambda *parts: tf.constant(np.stack(parts), tf.float32), *networks)


# %% [markdown]
# Keras builds the same encoder and attention from its layers. Given our weights, do they agree, on a batch with padding
# in it? (Keras passes the mask along by itself; padded places differ and are not compared.)

# %%
def keras_context(w, sources, depth):
    """What `attend` returns for the encoder's outputs as queries, by Keras' layers, for one network with residuals."""
    inputs = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(*w["source"].shape, mask_zero=True)
    one_way = keras.layers.LSTM(units, return_sequences=True)
    bottom, top = keras.layers.Bidirectional(one_way), []
    x = bottom(embedding(inputs))
    for number in range(2, depth + 1):
        top.append(keras.layers.LSTM(units, return_sequences=True))
        x = keras.layers.Add()([top[-1](x), x]) if number > 2 else top[-1](x)
    query, key = (keras.layers.Dense(units, use_bias=False) for _ in range(2))
    attention = keras.layers.AdditiveAttention()
    model = keras.Model(inputs, attention([query(x), x, key(x)], mask=[None, inputs != PADDING]))  # query, value, key
    own = [w["source"], *w["forward"], *w["backward"], *sum(w["encoder"], ()), w["query"], w["key"], w["score"]]
    for layer in [embedding, bottom, *top, query, key, attention]:
        layer.set_weights([own.pop(0).reshape(part.shape) for part in layer.get_weights()])
    return model(sources)


network, some, ones = initial(6, seed=1), test_sources[:8], tf.ones((1, 1, 1, 1))
memory = encode(stacked([network]), some[None], ones)  # (1, 8, 6, units)
by_hand = attend(stacked([network]), memory, memory, some[None])[0]  # (8, 6, units)
difference = (by_hand - keras_context(network, some, depth=6)).numpy()[some != PADDING]
print(f"largest difference from Keras: {abs(difference).max():.1e}")

# %% [markdown]
# ### Plain against residual
#
# Training: teacher forcing, masked loss, Adam with a rate for each network, gradients clipped to norm 1 network by
# network. The whole loop is one `tf.function`.

# %%
def losses(w, sources, targets, residual):
    """Mean cross-entropy a token (networks,), in nats; sources and targets (networks, batch, time)."""
    inputs = tf.concat([tf.fill([*targets.shape[:2], 1], START), targets[:, :, :-1]], axis=-1)
    logits = decode(w, encode(w, sources, residual), sources, inputs, residual)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)  # (networks, batch, target time)
    real = tf.cast(targets != PADDING, tf.float32)
    return tf.reduce_sum(each * real, axis=[1, 2]) / tf.reduce_sum(real, axis=[1, 2])


# %%
def gradients(w, sources, targets, residual):
    """The loss of each network and the gradient of its own weights, in the structure of w."""
    with tf.GradientTape() as tape:
        tape.watch(w)
        loss = losses(w, sources, targets, residual)
    return loss, tape.gradient(loss, w)


def train(w, residual, rates, order):
    """Weights after Adam, and losses (steps, networks); order (steps, networks, batch): the examples of each step."""
    each, steps = tf.nest.map_structure, len(order)

    @tf.function
    def run(w, order):
        m = v = each(tf.zeros_like, w)
        log = tf.TensorArray(tf.float32, steps)
        for step in tf.range(steps):
            rows, t = order[step], tf.cast(step + 1, tf.float32)
            loss, g = gradients(w, tf.gather(train_sources, rows), tf.gather(train_targets, rows), residual)
            norm = tf.sqrt(sum(tf.reduce_sum(part**2, axis=[1, 2], keepdims=True) for part in tf.nest.flatten(g)))
            g = each(lambda g: g / tf.maximum(norm, 1.0), g)
            m, v = each(lambda m, g: 0.9 * m + 0.1 * g, m, g), each(lambda v, g: 0.999 * v + 0.001 * g**2, v, g)
            rate = rates * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t) * (1 + tf.cos(np.pi * (t - 1) / steps)) / 2
            w = each(lambda w, m, v: w - rate[:, None, None] * m / (tf.sqrt(v) + 1e-7), w, m, v)
            log = log.write(step, loss)
        return w, log.stack()

    return run(w, tf.constant(order))


# %% [markdown]
# Two layers have no third one, so plain and residual are the same network there: a common start for both. **Predict**
# the exact match of plain and of residual networks at four and six layers, after equally many steps.
#
# Each kind gets the learning rate that did best in a sweep from 0.003 to 0.04. Plain networks of four and six layers
# reached at most 1% at every rate of the sweep, so their rate matters little.

# %% tags=["demo"]
steps, best_rate, started, trained, log = 260, {"plain": 0.02, "residual": 0.01}, {}, {}, {}
for depth, kinds in {2: ["plain"], 4: ["plain", "residual"], 6: ["plain", "residual"]}.items():
    networks = [(kind, seed) for kind in kinds for seed in seeds(5)]
    residual = tf.constant([float(kind == "residual") for kind, _ in networks])[:, None, None, None]
    rates = tf.constant([0.04 if depth == 2 else best_rate[kind] for kind, _ in networks])
    order = np.stack([np.random.default_rng(seed).integers(700, size=(steps, 32)) for _, seed in networks], axis=1)
    start = stacked([initial(depth, seed) for _, seed in networks])
    end, losses_seen = train(start, residual, rates, order)
    for place, kind in enumerate(kinds):
        own = slice(5 * place, 5 * place + 5)
        started[depth, kind], trained[depth, kind] = (tf.nest.map_structure(lambda w: w[own], w) for w in (start, end))
        log[depth, kind] = losses_seen.numpy()[:, own].T  # (networks, steps)

# %% [markdown]
# To see what a network has learned it must translate. Beam search keeps the `width` likeliest unfinished hypotheses
# after each token; every one that ends goes to a list. All of those in progress are equally long, so no length penalty
# is needed among them: it matters when a winner is chosen from the finished ones. Width 1 is greedy search. (In
# notebook 3's search an ended hypothesis keeps its place in the beam; here it makes room.)

# %%
def finished_hypotheses(w, sources, residual, width, longest=8):
    """Of each sentence of sources (networks, batch, time) all K = longest * width slots of finished hypotheses: tokens
    (networks, batch, K, longest), log P(Y | X) (networks, batch, K), -inf in empty slots, and lengths (K,)."""
    networks, batch = sources.shape[:2]
    memory, sources = (tf.repeat(part, width, axis=1) for part in (encode(w, sources, residual), sources))
    prefixes = tf.fill([networks, batch, width, 1], START)
    live = tf.tile([[[0.0] + [-np.inf] * (width - 1)]], [networks, batch, 1])  # log P of each unfinished one
    found, totals = [], []
    for length in range(1, longest + 1):
        inputs = tf.reshape(prefixes, [networks, batch * width, length])
        log_p = tf.nn.log_softmax(decode(w, memory, sources, inputs, residual)[:, :, -1])
        tokens = log_p.shape[-1]
        candidates = live[..., None] + tf.reshape(log_p, [networks, batch, width, tokens])
        live, place = tf.math.top_k(tf.reshape(candidates, [networks, batch, width * tokens]), width)
        chosen = place % tokens  # (networks, batch, width)
        prefixes = tf.concat([tf.gather(prefixes, place // tokens, batch_dims=2), chosen[..., None]], axis=-1)
        ended = (chosen == END) | (length == longest)  # cut off at the end
        found.append(tf.pad(prefixes[..., 1:], [[0, 0]] * 3 + [[0, longest - length]]))
        totals.append(tf.where(ended, live, -np.inf))
        live = tf.where(ended, -np.inf, live)
    return tf.concat(found, axis=2), tf.concat(totals, axis=2), np.repeat(np.arange(1.0, longest + 1), width)


def chosen_hypotheses(tokens, scores):
    """The best hypothesis of each sentence: tokens (networks, batch, longest)."""
    return tf.gather(tokens, tf.argmax(scores, axis=-1), batch_dims=2).numpy()


def exact_match(outputs, targets):
    """Share of outputs (networks, batch, longest) equal to targets (batch, time), for each network."""
    padded = np.pad(targets, [(0, 0), (0, outputs.shape[-1] - targets.shape[-1])])
    return (outputs == padded).all(axis=-1).mean(axis=-1)


# %% [markdown]
# Beside it a diagnosis: the loss on the test pairs, and the loss when each network is given *another* pair's source.
# A network whose loss does not care is no translator, only a model of French.

# %% tags=["demo"]
def five(rows):
    """The same rows for each of five networks: (5, rows, time)."""
    return np.repeat(rows[None], 5, axis=0)


flag = {"plain": tf.zeros((5, 1, 1, 1)), "residual": tf.ones((5, 1, 1, 1))}
exact, test_loss = {}, {}
for (depth, kind), w in trained.items():
    tokens, totals, _ = finished_hypotheses(w, five(test_sources), flag[kind], width=1)
    exact[depth, kind] = 100 * exact_match(chosen_hypotheses(tokens, totals), test_targets)  # (networks,)
    test_loss[depth, kind] = [losses(w, five(sources), five(test_targets), flag[kind]).numpy()
                              for sources in (test_sources, np.roll(test_sources, 1, axis=0))]  # own, another's
plots.table(["layers", "kind", "exact match (%), five seeds", "test loss", "with another's source"],
            [[*key, ", ".join(f"{e:.0f}" for e in exact[key]), *np.mean(test_loss[key], axis=1)] for key in exact])

# %% tags=["demo"]
smooth = {key: losses_seen.reshape(5, -1, 10).mean(axis=-1) for key, losses_seen in log.items()}  # (5, steps / 10)
left, right = plots.panels(2)
right.set_xticks([2, 4, 6])
plots.line(np.arange(5, steps, 10), {f"{depth} layers, {kind}": smooth[depth, kind] for depth, kind in smooth},
           xlabel="step", ylabel="training loss (nats a token)", log="y", ax=left)
plots.line([2, 4, 6], {kind: np.stack([exact[2, "plain"], exact[4, kind], exact[6, kind]], axis=1)
                       for kind in ["plain", "residual"]}, xlabel="layers in encoder and in decoder",
           ylabel="exact match (%)", ax=right)

# %% [markdown]
# Plain depth does harm here from the fourth layer on: the loss stays above one nat a token, and hardly a number comes
# out right. These networks are not deaf, but another pair's source costs them far less than it costs the residual ones,
# which are better with four and six layers than with two. (Bands show the range of five seeds. It is wide in exact
# match, where one wrong token spoils a number, so the claim rests on the loss.)
#
# ### Where the source gets lost
#
# "Residual connections greatly improve the gradient flow in the backward pass", says the paper. That can be looked at
# before any training, in the encoder of six layers: the norm of the loss' gradient for each layer's kernel. Beside it
# stands the forward pass: how much the outputs for the first word differ between sentences.

# %% tags=["demo"]
def at_the_start(kind, depth=6):
    """Of each encoder layer, bottom first: gradient norm and spread between sentences, both (networks, depth)."""
    w, sources = started[depth, kind], five(test_sources)
    _, g = gradients(w, sources, five(test_targets), flag[kind])
    norms = [tf.norm(layer[0], axis=[1, 2]) for layer in [g["forward"], *g["encoder"]]]
    outputs = [encode({**w, "encoder": w["encoder"][:above]}, sources, flag[kind])[:, :, 0] for above in range(depth)]
    return np.stack(norms, axis=1), np.stack([tf.math.reduce_std(x, axis=1).numpy().mean(1) for x in outputs], axis=1)


first = {kind: at_the_start(kind) for kind in flag}
for which, (ax, label) in enumerate(zip(plots.panels(2), ["gradient norm at the start",
                                                          "spread between sentences at the start"], strict=True)):
    plots.line(np.arange(1, 7), {kind: first[kind][which] for kind in first}, xlabel="encoder layer (1: bottom)",
               ylabel=label, log="y", ax=ax)

# %% [markdown]
# Each layer of the plain encoder passes on less than a fifth of the differences between sentences. At the top hardly
# anything is left: attention finds the same vectors whatever the source, and the whole encoder's gradient, which
# comes through attention, is more than a hundred times smaller than with residuals. Adam divides by the size of a
# gradient, so a small one alone would do no harm; here its direction says little about the source either, and
# training first learns which French words follow each other. The residual sum keeps the second layer's outputs all
# the way up.

# %% [markdown]
# ### Exercise 2 (4 points): which paths the gradient takes
#
# The derivative of residual layers is a product. Multiplied out it is a sum over *paths* (Veit, Wilber and Belongie
# 2016): each layer is either gone through, which gives its $f'$, or skipped, which gives 1.
#
# $$\prod_{i=1}^{n} (1 + f_i') = \sum_{S \subseteq \{1, \dots, n\}} \; \prod_{i \in S} f_i'$$
#
# Let all $f_i'$ be the same $d \ge 0$. Which share of the sum comes from the paths through exactly $k$ of the layers?

# %% nbgrader={"grade": false, "grade_id": "path_shares", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path_shares(layers: int, derivative: float) -> np.ndarray:
    """Shares, shape (layers + 1,), of the paths through 0, 1, ..., `layers` residual layers; their sum is 1."""
    ### BEGIN SOLUTION
    return np.array([math.comb(layers, k) * derivative**k for k in range(layers + 1)]) / (1 + derivative) ** layers
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "path_shares_few", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two layers, derivative 1: four equal paths", path_shares(2, 1.0), expected=[0.25, 0.5, 0.25])
check("layers that pass nothing on: only the path through none is left", path_shares(2, 0.0), expected=[1, 0, 0])
### BEGIN HIDDEN TESTS
check("three to eight layers, any derivative", path_shares(int(check.rng().integers(3, 9)), check.rng().random() + 0.1))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "path_shares_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("one layer, derivative 3", path_shares(1, 3.0), expected=[0.25, 0.75])
### BEGIN HIDDEN TESTS
check("dozens of layers", path_shares(int(check.rng().integers(30, 60)), check.rng().uniform(0.1, 0.5)))
### END HIDDEN TESTS

# %% [markdown]
# The residual encoder has four such layers. The plain curve on the right falls to less than a fifth a layer, so take
# $d = 0.2$. Which shares, in per cent, go through 0, 1, 2 ... of them? And of the thirty layers $\tanh(x/2)$ of the
# beginning (up to 15)?

# %% waits=["path_shares"]
print(*((100 * path_shares(layers, d)).round()[:16] for layers, d in [(4, 0.2), (30, 0.5)]), sep="\n")

# %% [markdown]
# At the start the deep encoder learns as a shallow one does, through paths of no layer or one; the longer paths gain
# weight as the layers learn to pass something on. Thirty layers are trained like ten or so.
#
# ### Length and coverage
#
# $\log P(Y \mid X)$ falls with every token, so a wide search that finds short hypotheses prefers them. Wu et al. choose
# the finished hypothesis with the largest (equation 14)
#
# $$s(Y, X) = \frac{\log P(Y \mid X)}{lp(Y)} + cp(X; Y), \qquad lp(Y) = \frac{(5 + |Y|)^\alpha}{(5 + 1)^\alpha}, \qquad
# cp(X; Y) = \beta \sum_{i=1}^{|X|} \log \min\Bigl(\sum_{j=1}^{|Y|} p_{i,j},\, 1\Bigr),$$
#
# where $p_{i,j}$ is the attention of target word $j$ to source word $i$. The coverage penalty $cp$ punishes a source
# word that no target word has looked at.
#
# ### Exercise 3 (4 points): the score of GNMT

# %% nbgrader={"grade": false, "grade_id": "gnmt_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gnmt_score(log_probability, length, alpha: float, attention=None, beta: float = 0.0):
    """s(Y, X) of hypotheses with log P(Y | X) `log_probability` and |Y| `length`, arrays that broadcast.

    attention: p, of shape (..., target time, source time), 0 after a hypothesis' end; None leaves out the coverage.
    """
    ### BEGIN SOLUTION
    score = log_probability / ((5 + length) / (5 + 1)) ** alpha
    if attention is not None:
        score = score + beta * np.log(np.minimum(np.sum(attention, axis=-2), 1.0)).sum(axis=-1)
    return score
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gnmt_score_length", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("alpha 1: 7 tokens count double, 1 token as it is",
      gnmt_score(np.array([-3.0, -3.0]), np.array([7, 1]), alpha=1), expected=[-1.5, -3])
### BEGIN HIDDEN TESTS
lengths, alpha = check.rng().integers(2, 30, size=5), check.rng().uniform(0.2, 2)
check("random lengths and alpha", gnmt_score(-check.rng().exponential(size=5), lengths, alpha))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "gnmt_score_coverage", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
looks = np.array([[[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.75, 0.25], [0.75, 0.25]]])  # (2, 3, 2)
check("three target words, two source words; the second hypothesis covers half of a source word",
      gnmt_score(np.array([-1.0, -1.0]), np.array([3, 3]), 0.0, looks, beta=0.2), expected=[-1, -1 + 0.2 * np.log(0.5)])
### BEGIN HIDDEN TESTS
looks = check.rng().dirichlet(np.full(6, 0.3), size=(4, 5))
check("random attention, alpha 0", gnmt_score(np.zeros(4), np.full(4, 5), 0.0, looks, check.rng().uniform(0.1, 1)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "gnmt_score_both", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("alpha 1 and beta 1: coverage is added to what was divided",
      gnmt_score(np.array(-3.0), np.array(7), 1.0, np.array([[0.5, 0.5]] + 6 * [[0.0, 0.0]]), beta=1.0),
      expected=-1.5 + 2 * np.log(0.5))
### BEGIN HIDDEN TESTS
looks, (alpha, beta) = check.rng().dirichlet(np.full(6, 0.3), size=(4, 5)), check.rng().uniform(0.2, 1, size=2)
check("random attention, both penalties", gnmt_score(np.full(4, -3.0), np.full(4, 5), alpha, looks, beta))
### END HIDDEN TESTS

# %% [markdown]
# Short outputs are the fault of models that are unsure, so we take the two-layer networks twice: after all their
# training, and after a training of 60 steps. Each search is done once; $\alpha$ only chooses among what it has found.
# **Predict**: which beam widths give outputs that are too short? Does $\alpha$ mend translations, or only lengths?

# %% tags=["demo"] waits=["gnmt_score"]
order = np.stack([np.random.default_rng(seed).integers(700, size=(60, 32)) for seed in seeds(5)], axis=1)
unsure, _ = train(started[2, "plain"], flag["plain"], tf.fill(5, 0.04), order)
alphas, targets = np.array([0, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3]), test_targets[:200]
ratio, share = {}, {}  # both (networks, alphas) for each stage and width
stages = {"60": unsure, "all": trained[2, "plain"]}
for (stage, w), width in itertools.product(stages.items(), [1, 8]):
    tokens, totals, lengths = finished_hypotheses(w, five(test_sources[:200]), flag["plain"], width)
    outputs = [chosen_hypotheses(tokens, gnmt_score(totals, lengths, alpha)) for alpha in alphas]
    ratio[stage, width] = np.stack([(o != PADDING).sum((1, 2)) for o in outputs], axis=1) / (targets != PADDING).sum()
    share[stage, width] = 100 * np.stack([exact_match(o, targets) for o in outputs], axis=1)

# %% tags=["demo"] waits=["gnmt_score"]
for ax, values, label in zip(plots.panels(2), [ratio, share], ["output length / right length", "exact match (%)"],
                             strict=True):
    plots.line(alphas, {f"{stage} steps, width {width}": values[stage, width].mean(axis=0) for stage, width in values},
               xlabel=r"$\alpha$", ylabel=label, ax=ax)
    ax.axhline(1, color="grey", linewidth=0.8) if values is ratio else ax.get_legend().remove()

# %% [markdown]
# Why does a small $\alpha$ change some choices and not others? The longer of two hypotheses wins above the $\alpha$ that
# notebook 3 derived, $\ln(\log P_{long} / \log P_{short}) / \ln((5 + |Y_{long}|) / (5 + |Y_{short}|))$, so only the *ratio*
# of the log-probabilities counts. A translator that is sure of the shorter output makes the ratio large, and no usual
# $\alpha$ overturns its choice. One that is unsure of everything has ratios near 1, and a small $\alpha$ decides.

# %% tags=["demo"] waits=["gnmt_score"]
worse = {key: stats.mean_interval(test_loss[key][0] - test_loss[2, "plain"][0]) for key in exact if key[0] > 2}
early, late, right = ratio["60", 8].mean(axis=0), ratio["all", 8].mean(axis=0), share["all", 8]
better = [stats.mean_interval(right[:, place] - right[:, 0]) for place in [3, 5]]
claim(
    "gnmt",
    measured={"exact match (%): 2 layers; plain 4, residual 4, plain 6, residual 6": [e.mean() for e in exact.values()],
              "test loss (nats a token), the same": [both[0].mean() for both in test_loss.values()],
              **{f"loss of {key[1]} {key[0]} over that of 2 layers, 95% half-width": worse[key] for key in worse},
              "length ratio after 60 steps, width 8, alpha 0, 1, 2": early[[0, 5, 7]],
              "length ratio after all steps": late[[0, 5, 7]],
              "exact match after all steps (%): gain by alpha 0.6": better[0], "gain by alpha 1": better[1]},
    holds=all((mean > half) if kind == "plain" else (mean < half) for (_, kind), (mean, half) in worse.items())
    and any(mean > half and mean > 1 for mean, half in better),
    because="plain networks fail from four layers on and residual ones do not, but alpha sets only the lengths: "
            "it makes no translation right",
)

# %% [markdown]
# The depth half of the claim holds, the other half does not. Beam search shortens, as theory says; a network unsure
# enough gives too short outputs, and some $\alpha$ gives them the right length. But a longer wrong translation is still
# wrong. The trained networks' outputs are not too short, and there $\alpha$ has nothing to mend. Wu et al. measured
# BLEU, whose brevity penalty makes length itself earn points: a length ratio of 0.84 multiplies the score by
# $e^{1 - 1/0.84} = 0.83$, whatever the words.
#
# **How this could be wrong.** Equal steps, not equal time: six layers take nearly three times as long. Plain networks
# might come off their plateau later, or with larger weights at the start, which shrink differences less. Outputs of
# at most six words and END leave little room for being too short; sentences leave more. **Often mistaken.** Residual
# connections do not make a network deep at no cost: they let depth be *trained*. **Practice has moved on** to
# Transformers, whose every sublayer has a residual connection; length normalization stayed.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Plain stacks of LSTM layers lose the differences between inputs layer by layer, forward and backward. Adding each
#   layer's input to its output keeps them. It starts where the widths agree: above the bidirectional layer.
# - Attention from the bottom decoder layer can be computed before the layers above, which then run in parallel on
#   several machines: that is why GNMT asks there (`model-parallel` in week 6 builds such a pipeline).
# - $\log P$ prefers short outputs. Divide by a length penalty once, when a finished hypothesis is scored.
# - A metric that pays for length, like BLEU, rewards a length penalty. Exact match does not.
#
# ## At full scale
#
# | where | layers, units | parameters | training |
# |---|---|---|---|
# | this laptop | 2 to 6, 32 | 56 to 139 thousand | 260 steps of 32 pairs |
# | one GPU | 4, 512, on sentence pairs (`full=True`) | tens of millions | hours (not measured) |
# | the paper (Wu et al. 2016) | 8, 1024 | about 280 million | 6 days on 96 GPUs, 36 million pairs |
#
# Next: notebook 6 goes back to phrases, and adds a language model to the score.

# %%
dlcourse.submit()
