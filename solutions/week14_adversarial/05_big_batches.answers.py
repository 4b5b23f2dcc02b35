# %% exercise="conditional_batch_norm" answer="in-numpy-with-one-hot" points=4
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, variance = (x.mean(axis=axes), x.var(axis=axes)) if statistics is None else statistics
    one_hot = np.eye(len(gain))[labels]
    scale, shift = (one_hot @ gain)[:, None, None, :], (one_hot @ bias)[:, None, None, :]
    return scale * (x - mean) / np.sqrt(variance + epsilon) + shift

# %% exercise="conditional_batch_norm" answer="folded-into-one-product" points=4
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    if statistics is None:
        mean = tf.reduce_mean(x, axis=(0, 1, 2))
        statistics = mean, tf.reduce_mean((x - mean) ** 2, axis=(0, 1, 2))
    mean, variance = statistics
    scale = tf.gather(gain, labels) / tf.sqrt(variance + epsilon)
    shift = tf.gather(bias, labels) - scale * mean
    return x * scale[:, tf.newaxis, tf.newaxis] + shift[:, tf.newaxis, tf.newaxis]

# %% exercise="conditional_batch_norm" answer="statistics-of-each-class" points=2
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    result = np.zeros_like(x)
    for c in np.unique(labels):
        mine = labels == c
        if statistics is None:
            mean, variance = x[mine].mean(axis=(0, 1, 2)), x[mine].var(axis=(0, 1, 2))
        else:
            mean, variance = statistics
        result[mine] = gain[c] * (x[mine] - mean) / np.sqrt(variance + epsilon) + bias[c]
    return result

# %% exercise="conditional_batch_norm" answer="statistics-of-each-image" points=2
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    mean, variance = tf.nn.moments(x, axes=[1, 2], keepdims=True) if statistics is None else statistics
    normalized = (x - mean) / tf.sqrt(variance + epsilon)
    return normalized * tf.gather(gain, labels)[:, None, None] + tf.gather(bias, labels)[:, None, None]

# %% exercise="conditional_batch_norm" answer="each-place-normalized-alone" points=2
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    mean, variance = tf.nn.moments(x, axes=[0]) if statistics is None else statistics
    normalized = (x - mean) / tf.sqrt(variance + epsilon)
    return normalized * tf.gather(gain, labels)[:, None, None] + tf.gather(bias, labels)[:, None, None]

# %% exercise="conditional_batch_norm" answer="train-mode-at-test-time" points=2
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
    normalized = (x - mean) / tf.sqrt(variance + epsilon)
    return normalized * tf.gather(gain, labels)[:, None, None] + tf.gather(bias, labels)[:, None, None]

# %% exercise="conditional_batch_norm" answer="divides-by-the-variance" points=0
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    mean, variance = tf.nn.moments(x, axes=[0, 1, 2]) if statistics is None else statistics
    normalized = (x - mean) / (variance + epsilon)
    return normalized * tf.gather(gain, labels)[:, None, None] + tf.gather(bias, labels)[:, None, None]

# %% exercise="conditional_batch_norm" answer="rows-by-place-in-the-batch" points=0
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    mean, variance = tf.nn.moments(x, axes=[0, 1, 2]) if statistics is None else statistics
    normalized = (x - mean) / tf.sqrt(variance + epsilon)
    rows = np.arange(len(x)) % len(gain)
    return normalized * tf.gather(gain, rows)[:, None, None] + tf.gather(bias, rows)[:, None, None]

# %% exercise="conditional_batch_norm" answer="bias-forgotten" points=0
def conditional_batch_norm(x, labels, gain, bias, statistics=None, epsilon=1e-3):
    mean, variance = tf.nn.moments(x, axes=[0, 1, 2]) if statistics is None else statistics
    return (x - mean) / tf.sqrt(variance + epsilon) * tf.gather(gain, labels)[:, None, None]

# %% exercise="precision_and_coverage" answer="loop-over-the-real-images" points=3
def precision_and_coverage(real, generated, k):
    precise, covered = np.zeros(len(generated), bool), 0
    for i, center in enumerate(real):
        others = np.linalg.norm(np.delete(real, i, axis=0) - center, axis=1)
        inside = np.linalg.norm(generated - center, axis=1) <= np.sort(others)[k - 1]
        precise |= inside
        covered += inside.any()
    return precise.mean(), covered / len(real)

# %% exercise="precision_and_coverage" answer="counts-the-image-itself" points=0
def precision_and_coverage(real, generated, k):
    radius = np.sort(distances(real, real), axis=1)[:, k - 1]
    inside = distances(real, generated) <= radius[:, None]
    return inside.any(axis=0).mean(), inside.any(axis=1).mean()

# %% exercise="precision_and_coverage" answer="axes-exchanged" points=0
def precision_and_coverage(real, generated, k):
    radius = np.sort(distances(real, real), axis=1)[:, k]
    inside = distances(real, generated) <= radius[:, None]
    return inside.any(axis=1).mean(), inside.any(axis=0).mean()

# %% exercise="precision_and_coverage" answer="recall-with-balls-around-generated-images" points=1
def precision_and_coverage(real, generated, k):
    between = distances(real, generated)
    precise = (between <= np.sort(distances(real, real), axis=1)[:, k][:, None]).any(axis=0)
    around = np.sort(distances(generated, generated), axis=1)[:, min(k, len(generated) - 1)]
    return precise.mean(), (between <= around).any(axis=1).mean()

# %% exercise="precision_and_coverage" answer="density-instead-of-coverage" points=1
def precision_and_coverage(real, generated, k):
    radius = np.sort(distances(real, real), axis=1)[:, k]
    inside = distances(real, generated) <= radius[:, None]
    return inside.any(axis=0).mean(), inside.mean() * len(real) / k

# %% exercise="precision_and_coverage" answer="radius-of-the-wrong-image" points=0
def precision_and_coverage(real, generated, k):
    radius = np.sort(distances(real, real), axis=1)[k]
    inside = distances(real, generated) <= radius[:, None]
    return inside.any(axis=0).mean(), inside.any(axis=1).mean()

# %% exercise="truncated_noise" answer="inverse-of-the-distribution" points=3
def truncated_noise(rng, shape, threshold):
    from scipy.special import ndtr, ndtri
    return ndtri(rng.uniform(ndtr(-threshold), ndtr(threshold), size=shape))

# %% exercise="truncated_noise" answer="one-number-at-a-time" points=3
def truncated_noise(rng, shape, threshold):
    kept = []
    while len(kept) < np.prod(shape):
        kept.extend(z for z in rng.normal(size=10_000) if abs(z) <= threshold)
    return np.reshape(kept[:int(np.prod(shape))], shape)

# %% exercise="truncated_noise" answer="clips" points=1
def truncated_noise(rng, shape, threshold):
    return np.clip(rng.normal(size=shape), -threshold, threshold)

# %% exercise="truncated_noise" answer="scales" points=0
def truncated_noise(rng, shape, threshold):
    return rng.normal(size=shape) * min(threshold, 1.0)

# %% exercise="truncated_noise" answer="draws-again-once" points=0
def truncated_noise(rng, shape, threshold):
    z = rng.normal(size=shape)
    return np.where(np.abs(z) > threshold, rng.normal(size=shape), z)

# %% exercise="truncated_noise" answer="draws-again-once-then-clips" points=1
def truncated_noise(rng, shape, threshold):
    z = rng.normal(size=shape)
    z = np.where(np.abs(z) > threshold, rng.normal(size=shape), z)
    return np.clip(z, -threshold, threshold)

# %% exercise="truncated_noise" answer="uniform-between-the-thresholds" points=1
def truncated_noise(rng, shape, threshold):
    return rng.uniform(-threshold, threshold, size=shape) if np.isfinite(threshold) else rng.normal(size=shape)

# %% exercise="truncated_noise" answer="forgets-the-negative-side" points=0
def truncated_noise(rng, shape, threshold):
    z = rng.normal(size=shape)
    while (z > threshold).any():
        z = np.where(z > threshold, rng.normal(size=shape), z)
    return z

# %% exercise="truncated_noise" answer="zero-beyond" points=1
def truncated_noise(rng, shape, threshold):
    z = rng.normal(size=shape)
    return np.where(np.abs(z) > threshold, 0.0, z)

# %% exercise="on_front" answer="one-setting-after-the-other" points=2
def on_front(quality, variety):
    pairs = list(zip(quality, variety, strict=True))
    return np.array([not any(q >= a and v >= b and (q, v) != (a, b) for q, v in pairs) for a, b in pairs])

# %% exercise="on_front" answer="a-setting-drives-out-itself" points=0
def on_front(quality, variety):
    return np.array([not ((quality >= q) & (variety >= v)).any() for q, v in zip(quality, variety)])

# %% exercise="on_front" answer="must-be-better-in-both" points=1
def on_front(quality, variety):
    return np.array([not ((quality > q) & (variety > v)).any() for q, v in zip(quality, variety)])

# %% exercise="on_front" answer="best-of-each-figure" points=0
def on_front(quality, variety):
    return (quality == quality.max()) | (variety == variety.max())

# %% exercise="on_front" answer="best-by-the-sum" points=0
def on_front(quality, variety):
    return quality + variety >= np.mean(quality + variety)

# %% exercise="on_front" answer="ties-drive-each-other-out" points=1
def on_front(quality, variety):
    order = np.argsort(-quality, kind="stable")
    result, best = np.zeros(len(quality), bool), -np.inf
    for place in order:
        result[place] = variety[place] > best
        best = max(best, variety[place])
    return result
