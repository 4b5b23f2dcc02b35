# %% exercise="alignment" answer="exponentials-by-hand" points=4
def alignment(queries, keys, v, mask):
    hidden = tf.tanh(tf.expand_dims(queries, -2) + tf.expand_dims(keys, -3))
    scores = tf.reduce_sum(hidden * v, -1)
    exponentials = tf.exp(scores) * tf.cast(mask, scores.dtype)[..., None, :]
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)

# %% exercise="alignment" answer="minus-infinity-added" points=4
def alignment(queries, keys, v, mask):
    scores = tf.reduce_sum(v * tf.tanh(queries[..., None, :] + keys[..., None, :, :]), axis=-1)
    scores += (1 - tf.cast(mask[..., None, :], tf.float32)) * -1e9
    return tf.nn.softmax(scores)

# %% exercise="alignment" answer="softmax-over-the-outputs" points=0
def alignment(queries, keys, v, mask):
    hidden = tf.tanh(queries[..., :, None, :] + keys[..., None, :, :])
    scores = tf.reduce_sum(v * hidden, axis=-1)
    return tf.nn.softmax(tf.where(mask[..., None, :], scores, -1e9), axis=-2)

# %% exercise="alignment" answer="mask-after-the-softmax" points=2
def alignment(queries, keys, v, mask):
    hidden = tf.tanh(queries[..., :, None, :] + keys[..., None, :, :])
    weights = tf.nn.softmax(tf.reduce_sum(v * hidden, axis=-1), axis=-1)
    return weights * tf.cast(mask, tf.float32)[..., None, :]

# %% exercise="alignment" answer="padding-scores-zero" points=2
def alignment(queries, keys, v, mask):
    hidden = tf.tanh(queries[..., :, None, :] + keys[..., None, :, :])
    scores = tf.reduce_sum(v * hidden, axis=-1)
    return tf.nn.softmax(tf.where(mask[..., None, :], scores, 0.0), axis=-1)

# %% exercise="alignment" answer="dot-product" points=0
def alignment(queries, keys, v, mask):
    scores = tf.matmul(queries * v, keys, transpose_b=True)
    return tf.nn.softmax(tf.where(mask[..., None, :], scores, -1e9), axis=-1)

# %% exercise="alignment" answer="tanh-of-the-sum" points=0
def alignment(queries, keys, v, mask):
    scores = tf.tanh(tf.reduce_sum(v * (queries[..., :, None, :] + keys[..., None, :, :]), axis=-1))
    return tf.nn.softmax(tf.where(mask[..., None, :], scores, -1e9), axis=-1)

# %% exercise="crossings" answer="two-loops" points=4
def crossings(weights):
    places = [max(range(len(row)), key=lambda place: row[place]) for row in weights]
    pairs = [(i, j) for i in range(len(places)) for j in range(i + 1, len(places))]
    return sum(places[i] > places[j] for i, j in pairs) / len(pairs)

# %% exercise="crossings" answer="neighbours-only" points=0
def crossings(weights):
    places = np.argmax(weights, axis=1)
    return np.mean(places[:-1] > places[1:])

# %% exercise="crossings" answer="count-for-share" points=0
def crossings(weights):
    places = np.argmax(weights, axis=1)
    first, second = np.triu_indices(len(places), k=1)
    return np.sum(places[first] > places[second])

# %% exercise="crossings" answer="same-place-counts" points=2
def crossings(weights):
    places = np.argmax(weights, axis=1)
    first, second = np.triu_indices(len(places), k=1)
    return np.mean(places[first] >= places[second])

# %% exercise="crossings" answer="outputs-of-each-word" points=2
def crossings(weights):
    places = np.argmax(weights, axis=0)
    first, second = np.triu_indices(len(places), k=1)
    return np.mean(places[first] > places[second])

# %% exercise="crossings" answer="mean-place" points=2
def crossings(weights):
    places = weights @ np.arange(weights.shape[1])
    first, second = np.triu_indices(len(places), k=1)
    return np.mean(places[first] > places[second] + 1e-9)

# %% exercise="copied" answer="word-by-word" points=4
def copied(output, weights, source):
    result = []
    for word, row in zip(output, weights):
        result.append(source[int(np.argmax(row[:len(source)]))] if word == "<unknown>" else word)
    return result

# %% exercise="copied" answer="one-fault-left-the-end" points=2
def copied(output, weights, source):
    places = weights.argmax(axis=1)
    return [source[min(places[index], len(source) - 1)] if word == "<unknown>" else word
            for index, word in enumerate(output)]

# %% exercise="copied" answer="one-fault-left-the-axis" points=0
def copied(output, weights, source):
    places = weights[:, :len(source)].argmax(axis=0)
    return [source[places[index] % len(source)] if word == "<unknown>" else word
            for index, word in enumerate(output[:len(source)])]

# %% exercise="copied" answer="copies-every-word" points=0
def copied(output, weights, source):
    return [source[place] for place in weights[:, :len(source)].argmax(axis=1)]

# %% exercise="copied" answer="by-order-of-the-words" points=0
def copied(output, weights, source):
    left = iter(source)
    return [next(left, word) if word == "<unknown>" else word for word in output]
