# %% exercise="average_gradients" answer="running-sum" points=4
def average_gradients(tower_gradients, sizes=None):
    if sizes is None:
        sizes = [1 for _ in tower_gradients]
    total = [tf.zeros_like(gradient) for gradient in tower_gradients[0]]
    for gradients, size in zip(tower_gradients, sizes, strict=True):
        if size > 0:
            total = [so_far + float(size) * gradient for so_far, gradient in zip(total, gradients, strict=True)]
    return [gradient / float(sum(sizes)) for gradient in total]

# %% exercise="average_gradients" answer="stacked-as-in-the-tutorial-nan-replaced" points=4
def average_gradients(tower_gradients, sizes=None):
    sizes = tf.ones(len(tower_gradients)) if sizes is None else tf.constant(sizes, tf.float32)
    means = []
    for gradients in zip(*tower_gradients, strict=True):
        stacked = tf.concat([tf.expand_dims(gradient, 0) for gradient in gradients], axis=0)
        stacked = tf.where(tf.math.is_nan(stacked), 0.0, stacked)
        means.append(tf.tensordot(sizes / tf.reduce_sum(sizes), stacked, axes=1))
    return means

# %% exercise="average_gradients" answer="zero-times-nan" points=3
def average_gradients(tower_gradients, sizes=None):
    sizes = sizes or [1] * len(tower_gradients)
    shares = [size / sum(sizes) for size in sizes]
    return [tf.add_n([share * gradient for share, gradient in zip(shares, gradients, strict=True)])
            for gradients in zip(*tower_gradients, strict=True)]

# %% exercise="average_gradients" answer="sizes-ignored" points=2
def average_gradients(tower_gradients, sizes=None):
    return [tf.reduce_mean(tf.stack(gradients), axis=0) for gradients in zip(*tower_gradients, strict=True)]

# %% exercise="average_gradients" answer="empty-left-out-but-the-rest-unweighted" points=2
def average_gradients(tower_gradients, sizes=None):
    sizes = sizes or [1] * len(tower_gradients)
    filled = [gradients for gradients, size in zip(tower_gradients, sizes, strict=True) if size]
    return [tf.add_n(gradients) / len(filled) for gradients in zip(*filled, strict=True)]

# %% exercise="average_gradients" answer="sum-over-towers" points=0
def average_gradients(tower_gradients, sizes=None):
    sizes = sizes or [1] * len(tower_gradients)
    pairs = zip(tower_gradients, sizes, strict=True)
    filled = [[size * gradient for gradient in gradients] for gradients, size in pairs if size]
    return [tf.add_n(gradients) for gradients in zip(*filled, strict=True)]

# %% exercise="average_gradients" answer="mean-over-everything" points=0
def average_gradients(tower_gradients, sizes=None):
    return [tf.reduce_mean(gradients) for gradients in zip(*tower_gradients, strict=True)]

# %% exercise="average_gradients" answer="divided-by-the-number-of-variables" points=0
def average_gradients(tower_gradients, sizes=None):
    return [tf.add_n(gradients) / len(tower_gradients[0]) for gradients in zip(*tower_gradients, strict=True)]

# %% exercise="synchronized_moments" answer="within-plus-between" points=3
def synchronized_moments(counts, sums, squares):
    shares = counts / tf.reduce_sum(counts)
    means = sums / counts
    variances = squares / counts - means**2
    mean = tf.reduce_sum(shares * means, axis=0)
    return mean, tf.reduce_sum(shares * (variances + (means - mean) ** 2), axis=0)

# %% exercise="synchronized_moments" answer="mean-of-the-towers-variances" points=1
def synchronized_moments(counts, sums, squares):
    shares = counts / tf.reduce_sum(counts)
    means = sums / counts
    variances = squares / counts - means**2
    return tf.reduce_sum(shares * means, axis=0), tf.reduce_sum(shares * variances, axis=0)

# %% exercise="synchronized_moments" answer="towers-count-equally" points=0
def synchronized_moments(counts, sums, squares):
    means = sums / counts
    mean = tf.reduce_mean(means, axis=0)
    return mean, tf.reduce_mean(squares / counts, axis=0) - mean**2

# %% exercise="synchronized_moments" answer="unbiased-variance" points=1
def synchronized_moments(counts, sums, squares):
    total = tf.reduce_sum(counts)
    mean = tf.reduce_sum(sums, axis=0) / total
    return mean, (tf.reduce_sum(squares, axis=0) - total * mean**2) / (total - 1)

# %% exercise="synchronized_moments" answer="wrong-axis" points=0
def synchronized_moments(counts, sums, squares):
    total = tf.reduce_sum(counts)
    mean = tf.reduce_sum(sums, axis=1) / total
    return mean, tf.reduce_sum(squares, axis=1) / total - mean**2

# %% exercise="replica_loss" answer="with-the-library" points=3
def replica_loss(losses, weights, decay, global_batch, replicas):
    penalty = sum(2 * decay * tf.nn.l2_loss(tensor) for tensor in weights)
    return tf.nn.compute_average_loss(losses, global_batch_size=global_batch) + penalty / replicas

# %% exercise="replica_loss" answer="mean-divided-by-replicas" points=1
def replica_loss(losses, weights, decay, global_batch, replicas):
    penalty = decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])
    return (tf.reduce_mean(losses) + penalty) / replicas

# %% exercise="replica_loss" answer="penalty-on-every-replica" points=2
def replica_loss(losses, weights, decay, global_batch, replicas):
    penalty = decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])
    return tf.reduce_sum(losses) / global_batch + penalty

# %% exercise="replica_loss" answer="mean-over-the-global-batch" points=1
def replica_loss(losses, weights, decay, global_batch, replicas):
    penalty = decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])
    return tf.reduce_mean(losses) / global_batch + penalty / replicas

# %% exercise="replica_loss" answer="penalty-divided-by-the-batch" points=2
def replica_loss(losses, weights, decay, global_batch, replicas):
    penalty = decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])
    return (tf.reduce_sum(losses) + penalty) / global_batch

# %% exercise="replica_loss" answer="divided-twice" points=1
def replica_loss(losses, weights, decay, global_batch, replicas):
    penalty = decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])
    return tf.reduce_sum(losses) / global_batch / replicas + penalty / replicas

# %% exercise="replica_loss" answer="unchanged" points=0
def replica_loss(losses, weights, decay, global_batch, replicas):
    penalty = decay * tf.add_n([tf.reduce_sum(tensor**2) for tensor in weights])
    return tf.reduce_mean(losses) + penalty
