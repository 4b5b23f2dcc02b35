# %% [markdown]
# # 3 · Sequence to sequence
#
# *Large Scale Deep Learning*, session III, slides "Hot Topics in Deep Learning: Machine Translation" to "One Scaling
# Issue: the Embedding Bottleneck". *Applications* (Goodfellow 2018), slide 27, figure 12.5.
#
# **You should know** the gated recurrent unit (`lstm-memory`) and cross-entropy (`loss-functions`). **You will have
# built** an encoder and a decoder, their training under teacher forcing, the mask that keeps padding out, greedy and
# beam search, BLEU, a map of thought vectors, and a measurement of how much fits into one of them.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 2) What does a gated recurrent unit do when its update gate $z$ is 1 in all components?
# 2. (Week 1, notebook 3) A softmax over 48 words gives each the same probability. What is the cross-entropy?
#
# <details><summary>Answers</summary>
#
# 1. With $h_t = z\, h_{t-1} + (1 - z)\, \tilde h_t$ it keeps its state. Padding must have the same effect, and the mask
#    below brings it about without asking the gate.
# 2. $\ln 48 = 3.87$ nats. An untrained translator begins there: compare the training curve.
#
# </details>

# %%
dlcourse.setup("week09/03_sequence_to_sequence", seed=93)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, sequence_to_sequence, stats
from dlcourse.vocabulary import END, PADDING, START, Vocabulary, join, words
from num2words import num2words

# %% [markdown] topic="seq2seq"
# ## Sequence to sequence
#
# The lecture begins with what a recurrent network already is: "LSTM = Trainable Sequence-to-Vector Mapping. Can we
# express the opposite operation and map a vector to a sequence? Yes! Very simple idea, but profound implications.
# Mapping Sequences to Sequences
#
# $$X_1, X_2, X_3 \rightarrow Y_1, Y_2, Y_3, Y_4$$
#
# Fully trainable. Agnostic to input and output sequence length." Figure 12.5 names the parts: encoder, "intermediate,
# semantic representation", decoder. The encoder reads $X$ and leaves one vector $h$; the decoder, begun from it, writes
#
# $$p(Y \mid X) = \prod_t p(Y_t \mid Y_1, \dots, Y_{t-1}, h).$$
#
# The pairs are numbers spelled out in English and in French, 8,000 to train on and 1,000 others to test. French counts
# by sixties and twenties (97 is "quatre-vingt-dix-sept"), puts "et" before some ones and no "one" before a hundred, so
# no dictionary of words does it.

# %%
pairs = data.spelled_numbers(train=8000, test=1000)  # WMT'14 English to French: 12 million sentences in the paper
english, french = (Vocabulary.of(map(words, texts)) for texts in [pairs.train_sources, pairs.train_targets])
sources, targets = (vocabulary.encode(map(words, texts)) for vocabulary, texts in
                    [(english, pairs.train_sources), (french, pairs.train_targets)])  # (8000, 12), (8000, 14)
test_sources = english.encode(map(words, pairs.test_sources), sources.shape[1])  # (1000, 12)
references = [words(text) for text in pairs.test_targets]
longest = targets.shape[1] + 1
print(f"{len(english)} and {len(french)} tokens", french.tokens[:5], *pairs.train_targets[:2], targets[:2], sep="\n")

# %% [markdown]
# A row is a text's tokens, END, and PADDING up to the longest: END (2) is part of the translation, for the decoder has
# to learn when to stop; PADDING (0) is not part of anything.
#
# ### Encoder and decoder by hand
#
# Both are gated recurrent units, with Keras' two biases. An embedding followed by $W$ is a table of what each token
# adds to the gates, so it is multiplied out for the tokens and not for every place. With `runs=(5,)` all parameters
# get a first axis: five translators, trained side by side in the same operations.

# %%
def new_parameters(source_tokens, target_tokens, units, rng, runs=()):
    """Variables of one translator, or of several stacked along the first axes `runs`."""
    def uniform(*shape):
        return rng.uniform(-1, 1, size=(*runs, *shape)) * np.sqrt(6 / sum(shape))

    def unit():
        orthogonal = [np.linalg.qr(rng.normal(size=(*runs, units, units)))[0] for _ in range(3)]
        return {"W": uniform(units, 3 * units), "U": np.concatenate(orthogonal, axis=-1)} | {
            bias: np.zeros((*runs, 1, 3 * units)) for bias in "bc"}

    arrays = {"source": uniform(source_tokens, units), "target": uniform(target_tokens, units), "encoder": unit(),
              "decoder": unit(), "V": uniform(units, target_tokens), "d": np.zeros((*runs, 1, target_tokens))}
    return tf.nest.map_structure(lambda array: tf.Variable(array, dtype=tf.float32), arrays)


def recurrent_step(tokens, h, embedding, unit):
    """The state after reading one token of each sentence; tokens (batch,), h (batch, units)."""
    x = tf.one_hot(tokens, embedding.shape[-2]) @ (embedding @ unit["W"] + unit["b"])  # (batch, 3 units)
    (xz, xr, xh), (hz, hr, hh) = tf.split(x, 3, axis=-1), tf.split(h @ unit["U"] + unit["c"], 3, axis=-1)
    z, r = tf.sigmoid(xz + hz), tf.sigmoid(xr + hr)
    return z * h + (1 - z) * tf.tanh(xh + r * hh)  # (batch, units)


# %% [markdown]
# The encoder's loop has one more line than the formula: where a row is padding already, the state stays what it was.

# %%
def encode(parameters, sources, mask=None):
    """The thought vectors (batch, units) of sources (batch, time)."""
    mask = sources != PADDING if mask is None else mask  # (batch, time)
    h = tf.zeros((*parameters["source"].shape[:-2], len(sources), parameters["source"].shape[-1]))
    for t in range(sources.shape[1]):
        read = recurrent_step(sources[:, t], h, parameters["source"], parameters["encoder"])
        h = tf.where(mask[:, t, None], read, h)
    return h


def decode_step(parameters, tokens, h):
    """Logits (batch, French tokens) of what follows `tokens` (batch,), and the state after them."""
    h = recurrent_step(tokens, h, parameters["target"], parameters["decoder"])
    return h @ parameters["V"] + parameters["d"], h


# %% [markdown]
# ### Teacher forcing
#
# In training the decoder is given the true $Y_{t-1}$, whatever it would have written itself. So its inputs are the
# targets moved one place to the right, with START in front, and all steps' losses come from one pass. The loss is the
# mean over the real tokens of the batch, END among them. This is the second mask: without it most of the gradient
# would teach the decoder to write padding after the end.

# %%
def decoder_inputs(targets):
    """START, then the targets (batch, time) but the last."""
    return np.concatenate([np.full_like(targets[:, :1], START), targets[:, :-1]], axis=1)


def teacher_forced(parameters, sources, shifted):
    """Logits (batch, time, French tokens) of each target, given the true ones before it."""
    h, logits = encode(parameters, sources), []
    for t in range(shifted.shape[1]):
        step, h = decode_step(parameters, shifted[:, t], h)
        logits.append(step)
    return tf.stack(logits, axis=-2)


def masked_cross_entropy(targets, logits):
    """The mean of -ln p(target) over all tokens but PADDING; targets (batch, time), logits (batch, time, tokens)."""
    chosen = tf.one_hot(targets, logits.shape[-1]) * tf.nn.log_softmax(logits)
    real = tf.cast(targets != PADDING, tf.float32)  # (batch, time)
    return -tf.reduce_sum(tf.reduce_sum(chosen, axis=-1) * real, axis=(-2, -1)) / tf.reduce_sum(real)


# %% [markdown]
# All steps of the training are one compiled function: Adam, at a learning rate that falls to 0 along a cosine. (With
# several runs, the gradient of the sum of their losses gives each run its own.)

# %%
def trainer(parameters, sources, targets, steps, rate):
    """A function that trains on batches, rows (chunk, batch) of the data, and returns their losses; `steps` in all."""
    variables = tf.nest.flatten(parameters)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(variables)
    arrays = [tf.constant(rows) for rows in [sources, decoder_inputs(targets), targets]]

    @tf.function(jit_compile=True)
    def train(batches):
        losses = tf.TensorArray(tf.float32, len(batches))
        for step in tf.range(len(batches)):
            given, before, wanted = (tf.gather(rows, batches[step]) for rows in arrays)
            with tf.GradientTape() as tape:
                loss = masked_cross_entropy(wanted, teacher_forced(parameters, given, before))  # one for each run
            optimizer.apply(tape.gradient(loss, variables), variables)
            losses = losses.write(step, tf.reduce_mean(loss))
        return losses.stack()

    return train


# %% [markdown]
# We train 1,000 steps and keep a copy of the parameters after the first 200: a young translator that still makes
# mistakes will be worth studying. At which loss will the curve begin?

# %% tags=["demo"]
steps, chunk, units = 1000, 200, 128  # 4 layers of 1000 units, 7.5 epochs in the paper
rng = np.random.default_rng(seeds(1)[0])
translator = new_parameters(len(english), len(french), units, rng)
train, losses = trainer(translator, sources, targets, steps, rate=1e-2), []
for batches in rng.integers(len(sources), size=(steps // chunk, chunk, 32)):
    losses.extend(train(tf.constant(batches)).numpy())
    if len(losses) == chunk:
        young = tf.nest.map_structure(lambda variable: tf.constant(variable.numpy()), translator)
plots.line(range(1, steps + 1), losses, xlabel="step", ylabel="loss (nats per token)", log="y")

# %% [markdown]
# ### Greedy search, and numbers never seen
#
# To translate, the decoder is fed what it has written itself. Greedy search takes the likeliest token each time.

# %%
def greedy(parameters, sources, longest, mask=None):
    """The likeliest token, again and again: (batch, longest). What follows END is without meaning."""
    h, found = encode(parameters, sources, mask), []
    tokens = tf.fill(h.shape[:-1], START)  # (batch,)
    for _ in range(longest):
        logits, h = decode_step(parameters, tokens, h)
        tokens = tf.argmax(logits, axis=-1, output_type=tf.int32)
        found.append(tokens)
    return tf.stack(found, axis=-1).numpy()


def translate(text):
    """English and French of a number: of digits, which are spelled out, or of English words."""
    text = (num2words(int(text)) if text.isdigit() else text.lower()).replace(",", "")
    return text, join(french.decode(greedy(translator, english.encode([words(text)], sources.shape[1]), longest))[0])


# %% [markdown]
# **Your turn**: put any numbers below a million here, as digits or in English words, and run the cell again.

# %% tags=["demo"]
yours = ["71", "80", "81", "91", "200", "201", "eighty thousand and eighty", "1001", "97697", "999999"]
plots.table(["English", "French", "among the training pairs"],
            [[*pair, pair[0] in {x.replace(",", "") for x in pairs.train_sources}] for pair in map(translate, yours)])

# %% [markdown]
# How good is this, and beside what? The baseline is a *dictionary* made from the same pairs: each English token is
# replaced by the French one that goes with it best (Dice's coefficient: twice the number of pairs with both, divided by
# those with the one plus those with the other). We spare it "and", which French leaves out.

# %%
def dictionary_translations(rows):
    here, there = (np.stack([np.bincount(row, minlength=len(vocabulary)) for row in part])[:, 4:] > 0
                   for vocabulary, part in [(english, sources), (french, targets)])  # (8000, tokens), no special ones
    dice = 2 * (here.T.astype(float) @ there) / (here.sum(axis=0)[:, None] + there.sum(axis=0))
    best = dict(zip(english.tokens[4:], np.array(french.tokens[4:])[dice.argmax(axis=1)], strict=True))
    return [[str(best[token]) for token in sentence if token != "and"] for sentence in english.decode(rows)]


# %% [markdown]
# ### BLEU
#
# Exact match calls "six cent deux" for "six cent trois" as wrong as silence. BLEU (Papineni et al. 2002) counts
# matching $n$-grams. Precision is easily deceived: of "the the the the the the the" all seven words occur in "the cat
# is on the mat". So matches are *clipped*, an $n$-gram counts at most as often as it occurs in its reference (2 of 7
# here), and are added over the whole corpus before anything is divided. BLEU is the geometric mean of the precisions
# for $n$ = 1 to 4, times a penalty: a corpus of $c$ words that should have $r > c$ is multiplied by $e^{1 - r/c}$.
# (On random corpora the functions below agree with the package sacrebleu to twelve digits.)

# %%
def clipped_matches(found, wanted, n):
    """Clipped matches of the n-grams of one translation, and their number."""
    mine, theirs = ([tuple(text[i:i + n]) for i in range(len(text) - n + 1)] for text in [found, wanted])
    return sum(min(mine.count(gram), theirs.count(gram)) for gram in set(mine)), len(mine)


def bleu(translations, references):
    """Corpus BLEU with one reference for each translation, from 0 to 100."""
    both = list(zip(translations, references, strict=True))
    matches, total = np.array([[clipped_matches(*pair, n) for pair in both] for n in [1, 2, 3, 4]]).sum(axis=1).T
    c, r = sum(map(len, translations)), sum(map(len, references))
    return 100 * min(1, np.exp(1 - r / c)) * np.prod(matches / total) ** 0.25


def scores(found, references):  # exact match (%), BLEU
    return 100 * np.mean([a == b for a, b in zip(found, references, strict=True)]), bleu(found, references)


print("right, but cut after 4 of 6 words:", bleu([list("abcd")], [list("abcdef")]), "= 100 exp(1 - 6/4)")

# %% tags=["demo"]
systems = {"dictionary": dictionary_translations(test_sources),
           "young translator": french.decode(greedy(young, test_sources, longest)),
           "translator": french.decode(greedy(translator, test_sources, longest))}
of_systems = {name: scores(found, references) for name, found in systems.items()}
plots.table(["1,000 numbers never seen", "exact match (%)", "BLEU", "right: " + join(references[3])],
            [[name, *of_systems[name], join(found[3])] for name, found in systems.items()])

# %% [markdown]
# The dictionary gets a third of the numbers right: those where French goes word by word. The young translator is
# seldom right, and its BLEU is far from 0: it writes good French of a number nearby. A number with another digit is
# another number, so exact match is the score to go by here.
#
# ### The same in Keras
#
# `dlcourse.sequence_to_sequence.Translator` says it in five layers: `Embedding` and `GRU` to read, the same two to
# write, started with `initial_state`, and `Dense`. The mask goes into `GRU` as an argument; `Embedding(mask_zero=True)`
# would hand it on by itself. We give it the young translator's parameters.

# %% tags=["demo"]
model = sequence_to_sequence.Translator(len(english), len(french), units, bidirectional=False)
few = test_sources[:200], decoder_inputs(french.encode(references[:200], longest))  # (200, 12), (200, 15)
model(few)
units_of = [[unit["W"], unit["U"], tf.concat([unit["b"], unit["c"]], axis=0)]  # the biases: (2, 3 units)
            for unit in [young["encoder"], young["decoder"]]]
model.set_weights([young["source"], young["target"], *units_of[0], *units_of[1], young["V"], young["d"][0]])
print(f"by hand and in Keras, largest difference: {np.abs(model(few) - teacher_forced(young, *few)).max():.1e}")

# %% [markdown]
# ### What goes wrong without the mask
#
# Add empty columns to a batch, as happens when it holds one long sentence. With the mask nothing changes. Without it
# the unit goes on reading: PADDING is a token like any other, and the state drifts away from the thought. Predict what
# the second curve will show, and at which value it will begin.

# %% tags=["demo"]
extra, by_mask = [0, 1, 2, 4, 8], {"with the mask": [], "without": []}
for columns in extra:
    padded = np.pad(test_sources[:300], [(0, 0), (0, columns)])  # (300, 12 + columns)
    for name, mask in [("with the mask", None), ("without", np.ones(padded.shape, bool))]:
        found = french.decode(greedy(translator, padded, longest, mask))
        by_mask[name].append(scores(found, references[:300])[0])
plots.line(extra, by_mask, xlabel="columns of padding added to all rows", ylabel="exact match (%)")

# %% [markdown]
# Already without a further column most rows are padded up to the longest, and many of them suffer. The error is a
# quiet one: training without the mask can look perfect while all batches are padded to one length. The translator
# then depends on how long the *other* sentences of its batch are, and fails on the day they are longer.
#
# ### Exercise 1 (4 points): find the planted bugs
#
# A colleague scores translations with the function below and is surprised twice: the exact match is near 0 for numbers
# that look right, and the token accuracy changes when the batch is padded more.
#
# ```python
# def scores_with_bugs(found, targets):
#     hits = found == targets
#     return hits.all(axis=1).mean(), hits.mean(axis=1).mean()
# ```
#
# Write it without the bugs. A translation matches exactly when all tokens of its target are right, END included; what
# it says after END has no meaning. The token accuracy is over all real tokens (END included) of the whole batch.
#
# (The next cell makes rows of tokens for the checks, and for the second half of this notebook.)

# %%
shortest_call, longest_call = 3, 10


def telephone_numbers(count, rng):
    """Rows (count, 11) of random strings: tokens 4 to 13, END, PADDING; all lengths equally frequent."""
    lengths, place = rng.integers(shortest_call, longest_call + 1, size=(count, 1)), np.arange(longest_call + 1)
    digits = rng.integers(4, 14, size=(count, longest_call + 1))
    return np.where(place < lengths, digits, np.where(place == lengths, END, PADDING)).astype(np.int32)


# %% nbgrader={"grade": false, "grade_id": "match_rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def match_rates(found: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Exact match and token accuracy, from 0 to 1; both are rows (batch, time), END is 2 and PADDING 0."""
    ### BEGIN SOLUTION
    hits, real = found == targets, targets != PADDING
    return (hits | ~real).all(axis=1).mean(), hits[real].mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "match_rates_exact", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
right = np.array([[5, 2, 0, 0], [5, 6, 2, 0]])
check("exact match: what stands after END has no meaning", match_rates(right + [0, 0, 0, 7], right)[0], expected=1.0)
check("exact match: ending too late or too early is wrong", match_rates(right[::-1], right)[0], expected=0.0)
### BEGIN HIDDEN TESTS
wanted = telephone_numbers(40, check.rng())
check("exact match: any rows", match_rates(np.where(check.rng().random(wanted.shape) < 0.15, 2, wanted), wanted)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "match_rates_tokens", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
right = np.array([[5, 2, 0, 0], [5, 6, 7, 2]])
check("2 of 2 and 2 of 4 real tokens, together 4 of 6",
      match_rates(np.array([[5, 2, 0, 0], [5, 6, 8, 8]]), right)[1], expected=4 / 6)
check("token accuracy: padding is no token", match_rates(np.zeros_like(right), right)[1], expected=0.0)
### BEGIN HIDDEN TESTS
wanted = telephone_numbers(40, check.rng())
check("any rows: real tokens", match_rates(np.where(check.rng().random(wanted.shape) < 0.4, 5, wanted), wanted)[1])
### END HIDDEN TESTS

# %% [markdown]
# ### Exposure bias
#
# Under teacher forcing the translator never sees a mistake of its own. In use it does, and nobody has taught it how to
# go on from there (Bengio et al. 2015, "Scheduled Sampling"). So the accuracy under teacher forcing flatters. We take
# the young translator and ask for its accuracy at each place: given the true tokens before it, given its own, and given
# its own when one of them was already wrong.

# %% tags=["demo"] waits=["match_rates"]
test_targets = french.encode(references, longest)  # (1000, 15)
real, own = test_targets != PADDING, greedy(young, test_sources, longest)
forced = tf.argmax(teacher_forced(young, test_sources, decoder_inputs(test_targets)), axis=-1).numpy()
spoilt = real & (np.cumsum(own != test_targets, axis=1) > (own != test_targets))  # some token before was wrong
places = np.array([t for t in range(1, longest) if spoilt[:, t].sum() >= 50])
curves = {name: [100 * (found == test_targets)[among[:, t], t].mean() for t in places] for name, found, among in [
    ("after the true tokens", forced, real), ("after its own", own, real), ("after its own, one wrong", own, spoilt)]}
plots.line(places + 1, curves, xlabel="place in the translation", ylabel="right tokens (%)")
plots.table(["given before each token", "exact match", "token accuracy"], [
    [name, *match_rates(found, test_targets)] for name, found in [("the true ones", forced), ("its own", own)]])

# %% [markdown]
# After a mistake the next token is right much less often: partly because the decoder is somewhere it has never been,
# and partly because after one word too many or too few all later ones stand in the wrong place. What a training log
# shows is the upper curve. (Why is the exact match the same in both rows of the table?)
#
# ### Beam search
#
# Greedy search cannot take back a token. The likeliest *sentence* may begin with the second best one, so beam search
# keeps the `width` best beginnings, lets each continue with every token, and keeps the `width` best of all these, by
# their total log-probability. A beginning that has ended stays and competes. Every further token lowers
# $\log p(Y \mid X) = \sum_t \log p(Y_t \mid \dots)$, so short translations have an advantage that they do not
# deserve. Length normalization (Wu et al. 2016) compares instead
#
# $$\frac{\log p(Y \mid X)}{lp(Y)}, \qquad lp(Y) = \left(\frac{5 + |Y|}{6}\right)^\alpha.$$
#
# ### Exercise 2 (5 points): one step of the beam
#
# Kept are some beginnings with their total log-probabilities. Each continues with any token, which adds that token's
# log-probability to the total. One that has ended continues with PADDING only, at no cost. Return the `width` best
# continuations, the best first, where a continuation's rank is its total divided by `penalty` of its parent.

# %% nbgrader={"grade": false, "grade_id": "best_continuations", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_continuations(log_p: np.ndarray, totals: np.ndarray, ended: np.ndarray, penalty: np.ndarray,
                       width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parents, tokens and totals of the best continuations, three arrays of shape (width,), the best first.

    log_p (kept, tokens): of each token after each beginning; token 0 is PADDING. totals, ended, penalty (kept,): the
    beginnings' log-probabilities, whether they have ended, and what divides for comparing (not what is returned).
    """
    ### BEGIN SOLUTION
    only_padding = np.where(np.arange(log_p.shape[1]) == PADDING, 0.0, -np.inf)
    candidates = totals[:, None] + np.where(ended[:, None], only_padding, log_p)  # (kept, tokens)
    best = np.argsort(-(candidates / penalty[:, None]), axis=None)[:width]
    parents, tokens = np.unravel_index(best, candidates.shape)
    return parents, tokens, candidates[parents, tokens]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best_continuations_open", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
step = np.log([[0.1, 0.5, 0.4], [0.1, 0.1, 0.8]])
check("the better beginning's two continuations win: parents, tokens, log(0.8 x 0.5) and log(0.8 x 0.4)",
      best_continuations(step, np.log([0.8, 0.2]), np.zeros(2, bool), np.ones(2), 2),
      expected=[[0, 0], [1, 2], np.log([0.4, 0.32])])
### BEGIN HIDDEN TESTS
for kept in [1, 4]:
    logs, before = np.log(check.rng().dirichlet(np.ones(6), size=kept)), np.log(check.rng().random(kept))
    check(f"width 4, {kept} open", np.stack(best_continuations(logs, before, np.zeros(kept, bool), np.ones(kept), 4)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "best_continuations_ended", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
step = np.log([[0.1, 0.5, 0.4], [0.1, 0.1, 0.8]])
for name, penalty, best in [
        ("one that has ended goes on with padding, for nothing", [1, 1], [[1, 0], [2, 0], np.log([0.56, 0.3])]),
        ("compared after division, returned before it", [4, 1], [[0, 1], [0, 2], np.log([0.3, 0.56])])]:
    check(name, best_continuations(step, np.log([0.3, 0.7]), np.array([True, False]), np.array(penalty), 2), best)
### BEGIN HIDDEN TESTS
logs, over = np.log(check.rng().dirichlet(np.ones(6), size=4)), check.rng().permutation([True, True, False, False])
before, divide = np.log(check.rng().random(4)), check.rng().uniform(1, 3, size=4)
check("two of four ended", np.stack(best_continuations(logs, before, over, divide, 5)))
### END HIDDEN TESTS

# %% [markdown]
# The search is that step in a loop; the decoder's states follow their parents. The library's does it for all sources at
# once: we let it translate 500, and look at one where greedy search lost its way.

# %% waits=["best_continuations"]
def beam_search(parameters, source, longest, width=4, alpha=0.0):
    """The `width` best translations of one source (time,): rows (width, longest) and their totals (width,)."""
    h = encode(parameters, source[None])  # (1, units): at first there is one beginning
    rows, totals, tokens, ended = np.full((1, longest), PADDING), np.zeros(1), np.array([START]), np.array([False])
    for t in range(longest):
        logits, h = decode_step(parameters, tf.constant(tokens, tf.int32), h)
        length = (rows != PADDING).sum(axis=1) + ~ended
        parents, tokens, totals = best_continuations(tf.nn.log_softmax(logits).numpy(), totals, ended,
                                                     ((5 + length) / 6) ** alpha, width)
        rows, h = rows[parents], tf.gather(h, parents)
        rows[:, t] = tokens
        ended = ended[parents] | (tokens == END)
    return rows, totals


# %% tags=["demo"]
searches = [(1, 0.0), (4, 0.0), (4, 1.0)]  # width and alpha; widths 1, 2 and 12 in the paper
texts = [french.decode(sequence_to_sequence.beam_search(model, test_sources[:500], longest, width=width, alpha=alpha))
         for width, alpha in searches]
plots.table(["width", "alpha", "exact match (%)", "BLEU", "words written (% of the right ones)"],
            [[*search, *scores(found, references[:500]), 100 * sum(map(len, found)) / sum(map(len, references[:500]))]
             for search, found in zip(searches, texts, strict=True)])

# %% tags=["demo"] waits=["best_continuations"]
k = next((k for k in range(500) if texts[0][k] != references[k] == texts[1][k]), 0)
rows, totals = beam_search(young, test_sources[k], longest)
plots.table([pairs.test_sources[k], "probability"], [["greedy: " + join(texts[0][k]), ""]] + [
    [join(text), f"{np.exp(total):.4f}"] for text, total in zip(french.decode(rows), totals, strict=True)])
print("by hand as in the library, of 5:", sum(
    french.decode(beam_search(young, test_sources[k], longest)[0])[0] == texts[1][k] for k in range(5)))

# %% [markdown]
# The wider beam writes fewer words, and the length penalty gives some of them back. Likelier is not yet right: with
# this young translator the exact match hardly moves, since most mistakes are the model's and not the search's.
#
# ### Exercise 3 (3 points): derive when the longer one wins
#
# A short translation has $\log p = s$ and length $m$, a longer one $\log p = l$ and length $n > m$. Derive the exponent
# $\alpha$ at which both have the same normalized score; above it the longer one wins. (It is negative when the longer
# one is ahead already.)

# %% nbgrader={"grade": false, "grade_id": "alpha_of_a_tie", "locked": false, "schema_version": 3, "solution": true, "task": false}
def alpha_of_a_tie(short: float, short_length: int, long: float, long_length: int) -> float:
    """The alpha at which short / lp(short_length) = long / lp(long_length); short and long are log-probabilities."""
    ### BEGIN SOLUTION
    return float(np.log(long / short) / np.log((5 + long_length) / (5 + short_length)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "alpha_of_a_tie_known", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("twice the log-probability, (5 + n) / (5 + m) = 4", alpha_of_a_tie(-1.0, 1, -2.0, 19), expected=0.5)
### BEGIN HIDDEN TESTS
check("alpha < 1", [alpha_of_a_tie(-3.0, m + 1, -3.0 - x, m + 4) for m, x in enumerate(check.rng().random(5) / 2)])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "alpha_of_a_tie_any", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("above 1: the longer one is far less likely", alpha_of_a_tie(-1.0, 1, -16.0, 19), expected=2.0)
### BEGIN HIDDEN TESTS
check("any two", [alpha_of_a_tie(-2.0, m + 1, -9.0 * x, m + 3) for m, x in enumerate(check.rng().uniform(0.01, 1, 5))])
### END HIDDEN TESTS

# %% [markdown]
# ### The map of thought vectors
#
# "Geoff Hinton calls these **Thought Vectors**", says the lecture of the encoder's last states. Figure 2 of Sutskever's
# paper draws some by their two principal components: sentences of like meaning lie together, and order matters. Ours
# have 128 components. Where will 302,000 lie, beside 302 or beside 41,000?

# %% tags=["demo"]
numbers, few = np.unique(np.geomspace(1, 999_999, 1500).astype(int)), [7, 97, 302, 302_000, 3_002, 41_000]
h = encode(translator, english.encode([words(num2words(int(number)).replace(",", "")) for number in [*numbers, *few]],
                                      sources.shape[1])).numpy()  # (numbers, 128)
h -= h.mean(axis=0)
at = h @ np.linalg.svd(h, full_matrices=False)[2][:2].T  # (numbers, 2)
plt.colorbar(plt.scatter(*at[:-len(few)].T, c=np.log10(numbers), s=9, cmap="viridis"), label="log10 of the number")
for side, number, place in zip([6, 6, -16, 6, -16, 6], few, at[-len(few):], strict=True):
    plt.plot(*place, "k^")
    plt.annotate(f"{number:,}", place, xytext=(0, side), textcoords="offset points", ha="center", weight="bold",
                 bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1})
_ = plt.gca().set(xlabel="first principal component", ylabel="second principal component")

# %% [markdown]
# What orders the map is not the size of the number but the shape of the sentence: 302,000 lies by 302, since both begin
# with "three hundred and two", and those with only tens before "thousand" lie elsewhere. The thought is a plan of what
# has to be said.

# %% tags=["demo"]
claim(
    "seq2seq",
    measured={"exact match on 1,000 numbers never seen (%): " + ", ".join(systems): [e for e, _ in of_systems.values()],
              "BLEU, in the same order": [b for _, b in of_systems.values()]},
    holds=of_systems["translator"][0] > 90 and of_systems["dictionary"][0] < 45,
    because="it is right on numbers that it has never seen, two thirds of which a dictionary gets wrong",
)

# %% [markdown]
# **How this could be wrong.** This is one training; three others reached 98.9 to 99.6%. The test numbers are drawn like
# the training numbers, of which there are 0.8% of all below a million: this is interpolation among numbers, not
# understanding of counting. A million and more needs words that the decoder has never written.
#
# **Often mistaken.** BLEU compares systems on one test set; across tasks it says little. **Practice has moved on**: the
# paper's encoder read the source backwards, which brought the first words of both languages near each other;
# bidirectional encoders and attention (notebook 4) made this unnecessary.

# %% [markdown] topic="embedding-bottleneck"
# ## The embedding bottleneck
#
# "Biggest issue of all: scaling! One Scaling Issue: the Embedding Bottleneck." Whatever the encoder has read must pass
# through one vector of a fixed size. Number words hide the problem: the longest carries less than 20 bits.
#
# So here is a task with nothing to understand and much to keep: telephone numbers, read out digit by digit, "seven one
# four" to "sept un quatre". A digit carries $\log_2 10 = 3.3$ bits wherever it stands. Lengths from 3 to 10 are equally
# frequent in training, so the long ones are no rarer, and no test string is among the training strings. (Both
# languages have ten words, so one array of rows serves as source and as target.)

# %% [markdown]
# Translators of 32 and of 64 units, five of each side by side, all with 600 steps at a rate of 0.02 (0.005 and 0.01 did
# worse in trials with 64 units and other lengths). What shape will exact match have against length? And is it a fall of the
# memory, or only ten chances to err in place of three?

# %% tags=["demo"]
rng, span = np.random.default_rng(seeds(1)[0]), np.arange(shortest_call, longest_call + 1)
calls, learned = telephone_numbers(2400, rng), telephone_numbers(20_000, rng)
learned = learned[~np.isin(learned @ 14 ** np.arange(11), calls @ 14 ** np.arange(11))]  # none of the test strings
lengths, real = (calls == END).argmax(axis=1), calls != PADDING
by_length, digits_right, by_place = {}, {}, {}  # of each size: (5, lengths), (5, lengths), (5, places)
for size in [32, 64]:  # 1000 units, 4 layers in the paper
    several, name = new_parameters(14, 14, size, rng, runs=(5,)), f"{size} units"
    trainer(several, learned, learned, 600, rate=2e-2)(tf.constant(rng.integers(len(learned), size=(600, 32))))
    whole = ((greedy(several, calls, longest_call + 1) == calls) | ~real).all(axis=-1)  # (5, 2400)
    hits = tf.argmax(teacher_forced(several, calls, decoder_inputs(calls)), axis=-1).numpy() == calls  # (5, 2400, 11)
    by_length[name] = 100 * np.stack([whole[:, lengths == n].mean(axis=1) for n in span], axis=1)
    digits_right[name] = 100 * np.stack([hits[:, lengths == n, :n].mean(axis=(1, 2)) for n in span], axis=1)
    by_place[name] = 100 * hits[:, lengths == longest_call, :-1].mean(axis=1)

# %% tags=["demo"]
left, middle, right = plots.panels(3, columns=3)
plots.line(span, by_length, xlabel="length (digits)", ylabel="exact match (%)", ax=left)
plots.line(span, digits_right, xlabel="length (digits)", ylabel="right digits (%)", ax=middle)
plots.line(range(1, longest_call + 1), by_place, xlabel="place in strings of 10", ylabel="right digits (%)", ax=right)

# %% [markdown]
# The middle panel answers the second question. Under teacher forcing no earlier error can do harm, and each digit is
# one chance; still fewer digits are right in longer strings (guessing gives 10%). The right panel shows which are lost.

# %% tags=["demo"]
fall, single = ({name: stats.mean_interval(values[:, 0] - values[:, -1]) for name, values in curves.items()}
                for curves in [by_length, digits_right])
half = {name: np.array([np.interp(-50, -run, span) for run in values]) for name, values in by_length.items()}
gain = stats.mean_interval(half["64 units"] - half["32 units"])
claim(
    "embedding-bottleneck",
    measured={f"{name}: matches at 3, 6 and 10 digits (%)": y.mean(axis=0)[[0, 3, -1]] for name, y in by_length.items()}
    | {"64 units: fall from 3 to 10 digits (points, 95% half-width)": fall["64 units"],
       "fall of the single digits, teacher forced": single["64 units"],
       "length at which half match: 32 and 64 units": [half["32 units"].mean(), half["64 units"].mean()],
       "gain of twice the units (digits, 95% half-width)": gain},
    holds=all(mean - width > 20 for mean, width in [fall["32 units"], fall["64 units"]])
    and all(mean - width > 3 for mean, width in [single["32 units"], single["64 units"]]) and gain[0] > gain[1],
    because="with all lengths equally frequent, exact match and single digits fall with length; units move the fall",
)

# %% [markdown]
# Of long strings the first digits are kept best, and the last, which the encoder has read just before it stops; what
# is lost lies between. Twice the units do not carry twice the digits. The bits are not the limit as such (64
# floating-point numbers could hold them many times over); what is limited is what so much training can make of them.
#
# **How this could be wrong.** More training moves all curves to the right, so "how much fits" is a statement about a
# budget. The strings of three digits are few (1,000), and those of the training set were seen many times; from five
# digits on hardly any string occurs twice. The five runs of a size share data and batches and differ in their start.
#
# **Often mistaken.** A fall of the exact match alone shows nothing: with a constant error rate it is $p^n$. **Practice
# has moved on** from the single vector: the next notebook lets the decoder look back at all the encoder's states.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - One network turns a sequence into a vector, another the vector into a sequence; both learn from pairs alone.
# - Two masks: padding leaves the encoder's state as it is, and has no part in the loss. END is no padding.
# - Teacher forcing makes training parallel in its losses and the training log too rosy.
# - Beam search approximates the likeliest sentence; dividing by a length penalty takes the bonus from short ones.
# - One vector of fixed size is a bottleneck: accuracy falls with length even where every length is equally frequent.
#
# ## At full scale
#
# `data.spelled_numbers(full=True)` gives sentence pairs, English to Spanish, under the same call.
#
# | where | what | parameters | training |
# |---|---|---|---|
# | this laptop | numbers below a million, 8,000 pairs | 0.2 million | 1,000 steps, half a minute |
# | one GPU | 100,000 sentence pairs, 512 units | tens of millions | tens of thousands of steps, hours |
# | the paper (Sutskever et al. 2014) | 12 million pairs, 4 layers of 1000 units | 384 million | 10 days, 8 GPUs |
#
# Next: notebook 4 opens the bottleneck.

# %%
dlcourse.submit()
