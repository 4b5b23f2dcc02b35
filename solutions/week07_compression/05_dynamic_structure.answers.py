# %% exercise="box_sums" answer="by-differences" points=4
def box_sums(integral, top, left, height, width):
    strip = integral[..., top + height, :] - integral[..., top, :]
    return strip[..., left + width] - strip[..., left]

# %% exercise="box_sums" answer="inclusive-corners" points=0
def box_sums(integral, top, left, height, width):
    bottom, right = top + height - 1, left + width - 1
    return integral[..., bottom, right] - integral[..., top, right] - integral[..., bottom, left] + integral[..., top, left]

# %% exercise="box_sums" answer="corner-not-added-back" points=2
def box_sums(integral, top, left, height, width):
    bottom, right = top + height, left + width
    return integral[..., bottom, right] - integral[..., top, right] - integral[..., bottom, left]

# %% exercise="box_sums" answer="only-from-the-upper-left" points=2
def box_sums(integral, top, left, height, width):
    return integral[..., top + height, left + width]

# %% exercise="box_sums" answer="one-picture-only" points=2
def box_sums(integral, top, left, height, width):
    bottom, right = top + height, left + width
    return integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]

# %% exercise="box_sums" answer="sums-the-integral-image" points=0
def box_sums(integral, top, left, height, width):
    return integral[..., top : top + height, left : left + width].sum(axis=(-2, -1))

# %% exercise="reweighted" answer="wrong-ones-heavier" points=4
def reweighted(weights, wrong):
    error = np.sum(weights * wrong)
    return np.where(wrong, weights / (2 * error), weights / (2 * (1 - error))), np.log((1 - error) / error)

# %% exercise="reweighted" answer="as-printed" points=0
def reweighted(weights, wrong):
    error = np.mean(wrong)
    beta = error / (1 - error)
    weights = weights * np.where(wrong, beta, 1)
    return weights / weights.sum(), np.log(1 / beta)

# %% exercise="reweighted" answer="unweighted-error" points=0
def reweighted(weights, wrong):
    error = np.mean(wrong)
    beta = error / (1 - error)
    weights = weights * np.where(wrong, 1, beta)
    return weights / weights.sum(), np.log(1 / beta)

# %% exercise="reweighted" answer="wrong-ones-lighter" points=2
def reweighted(weights, wrong):
    error = weights[wrong].sum()
    beta = error / (1 - error)
    weights = weights * np.where(wrong, beta, 1)
    return weights / weights.sum(), np.log(1 / beta)

# %% exercise="reweighted" answer="not-normalized" points=2
def reweighted(weights, wrong):
    error = weights[wrong].sum()
    return weights * np.where(wrong, 1, error / (1 - error)), np.log((1 - error) / error)

# %% exercise="reweighted" answer="half-the-vote" points=2
def reweighted(weights, wrong):
    error = weights[wrong].sum()
    vote = 0.5 * np.log((1 - error) / error)
    weights = weights * np.exp(np.where(wrong, vote, -vote))
    return weights / weights.sum(), vote

# %% exercise="top_k_gates" answer="renormalized-softmax" points=4
def top_k_gates(h, k):
    p = tf.nn.softmax(h)
    chosen = tf.reduce_sum(tf.one_hot(tf.math.top_k(h, k).indices, h.shape[-1], dtype=h.dtype), axis=-2)
    return p * chosen / tf.reduce_sum(p * chosen, axis=-1, keepdims=True)

# %% exercise="top_k_gates" answer="not-renormalized" points=0
def top_k_gates(h, k):
    p = tf.nn.softmax(h)
    return tf.where(p >= tf.math.top_k(p, k).values[..., -1:], p, 0.0)

# %% exercise="top_k_gates" answer="zero-for-minus-infinity" points=0
def top_k_gates(h, k):
    return tf.nn.softmax(tf.where(h >= tf.math.top_k(h, k).values[..., -1:], h, 0.0))

# %% exercise="top_k_gates" answer="equal-shares" points=2
def top_k_gates(h, k):
    chosen = tf.cast(h >= tf.math.top_k(h, k).values[..., -1:], h.dtype)
    return chosen / k

# %% exercise="top_k_gates" answer="best-only" points=2
def top_k_gates(h, k):
    return tf.one_hot(tf.argmax(h, axis=-1), h.shape[-1], dtype=h.dtype)

# %% exercise="top_k_gates" answer="without-the-kth" points=0
def top_k_gates(h, k):
    return tf.nn.softmax(tf.where(h > tf.math.top_k(h, k).values[..., -1:], h, -np.inf))

# %% exercise="top_k_gates" answer="values-of-the-k-only" points=0
def top_k_gates(h, k):
    return tf.nn.softmax(tf.math.top_k(h, k).values)
