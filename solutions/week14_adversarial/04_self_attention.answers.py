# %% exercise="attend" answer="by-einsum" points=4
def attend(keys, queries, values):
    scores = tf.einsum("...jk,...ik->...ji", queries, keys)
    weights = tf.exp(scores - tf.reduce_max(scores, axis=-1, keepdims=True))
    beta = weights / tf.reduce_sum(weights, axis=-1, keepdims=True)
    return tf.einsum("...ji,...ic->...jc", beta, values), beta

# %% exercise="attend" answer="softmax-over-the-attending-places" points=0
def attend(keys, queries, values):
    beta = tf.nn.softmax(tf.matmul(queries, keys, transpose_b=True), axis=-2)
    return beta @ values, beta

# %% exercise="attend" answer="keys-and-queries-exchanged" points=0
def attend(keys, queries, values):
    beta = tf.nn.softmax(tf.matmul(keys, queries, transpose_b=True), axis=-1)
    return beta @ values, beta

# %% exercise="attend" answer="divided-by-the-root-of-k" points=0
def attend(keys, queries, values):
    scores = tf.matmul(queries, keys, transpose_b=True) / (keys.shape[-1] ** 0.5)
    beta = tf.nn.softmax(scores, axis=-1)
    return beta @ values, beta

# %% exercise="attend" answer="beta-transposed-in-the-sum" points=2
def attend(keys, queries, values):
    beta = tf.nn.softmax(tf.matmul(queries, keys, transpose_b=True), axis=-1)
    return tf.matmul(beta, values, transpose_a=True), beta

# %% exercise="attend" answer="returns-scores-for-weights" points=2
def attend(keys, queries, values):
    scores = tf.matmul(queries, keys, transpose_b=True)
    return tf.nn.softmax(scores, axis=-1) @ values, scores

# %% exercise="block_gradients" answer="by-einsum" points=4
def block_gradients(X, beta, W_h, gamma, U):
    d_gamma = np.einsum("bji,bic,cd,bjd->", beta, X, W_h, U)
    return d_gamma, gamma * np.einsum("bji,bic,bjd->cd", beta, X, U)

# %% exercise="block_gradients" answer="mean-over-the-batch" points=2
def block_gradients(X, beta, W_h, gamma, U):
    mixed = beta @ X
    return np.sum(U * (mixed @ W_h)) / len(X), gamma * np.sum(mixed.swapaxes(1, 2) @ U, axis=0)

# %% exercise="block_gradients" answer="gamma-forgotten" points=2
def block_gradients(X, beta, W_h, gamma, U):
    mixed = beta @ X
    return np.sum(U * (mixed @ W_h)), np.sum(mixed.swapaxes(1, 2) @ U, axis=0)

# %% exercise="block_gradients" answer="beta-transposed" points=0
def block_gradients(X, beta, W_h, gamma, U):
    mixed = beta.swapaxes(1, 2) @ X
    return np.sum(U * (mixed @ W_h)), gamma * np.sum(mixed.swapaxes(1, 2) @ U, axis=0)

# %% exercise="block_gradients" answer="without-beta" points=0
def block_gradients(X, beta, W_h, gamma, U):
    return np.sum(U * (X @ W_h)), gamma * np.sum(X.swapaxes(1, 2) @ U, axis=0)

# %% exercise="block_gradients" answer="residual-counted-too" points=2
def block_gradients(X, beta, W_h, gamma, U):
    mixed = beta @ X
    return np.sum(U * (X + mixed @ W_h)), gamma * np.sum(mixed.swapaxes(1, 2) @ U, axis=0)

# %% exercise="block_gradients" answer="transposed-result" points=2
def block_gradients(X, beta, W_h, gamma, U):
    mixed = beta @ X
    return np.sum(U * (mixed @ W_h)), gamma * np.sum(U.swapaxes(1, 2) @ mixed, axis=0)

# %% exercise="agreement" answer="pair-by-pair" points=4
def agreement(colours):
    centred = colours - colours.reshape(-1, colours.shape[-1]).mean(axis=0)
    found = [[] for _ in range(colours.shape[1])]
    for i in range(colours.shape[1]):
        for j in range(i, colours.shape[1]):
            found[j - i].append((centred[:, i] * centred[:, j]).sum(axis=-1).mean())
    return np.array([np.mean(each) for each in found]) / np.mean(found[0])

# %% exercise="agreement" answer="as-planted" points=0
def agreement(colours):
    length = np.linalg.norm(colours, axis=-1, keepdims=True)
    length = np.where(length == 0, 1, length)
    return np.array([np.mean(np.sum(colours / length * np.roll(colours / length, distance, axis=1), axis=-1))
                     for distance in range(colours.shape[1])])

# %% exercise="agreement" answer="still-not-centred" points=2
def agreement(colours):
    count = colours.shape[1]
    products = [np.sum(colours[:, :count - k] * colours[:, k:], axis=-1).mean() for k in range(count)]
    return np.array(products) / products[0]

# %% exercise="agreement" answer="still-around-the-end" points=0
def agreement(colours):
    centred = colours - colours.mean(axis=(0, 1))
    products = [np.sum(centred * np.roll(centred, k, axis=1), axis=-1).mean() for k in range(colours.shape[1])]
    return np.array(products) / products[0]

# %% exercise="agreement" answer="each-string-centred-by-itself" points=0
def agreement(colours):
    centred, count = colours - colours.mean(axis=1, keepdims=True), colours.shape[1]
    products = [np.sum(centred[:, :count - k] * centred[:, k:], axis=-1).mean() for k in range(count)]
    return np.array(products) / products[0]

# %% exercise="agreement" answer="divided-by-all-beads" points=0
def agreement(colours):
    centred, count = colours - colours.mean(axis=(0, 1)), colours.shape[1]
    products = [np.sum(centred[:, :count - k] * centred[:, k:]) for k in range(count)]
    return np.array(products) / products[0]
