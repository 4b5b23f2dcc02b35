# %% exercise="content_loss" answer="weighted-variance" points=4
def content_loss(source, adapted, mask):
    d = tf.reshape(adapted - source, (len(source), -1, 3))
    m = tf.reshape(mask, (len(source), -1, 1))
    k = 3 * tf.reduce_sum(m, axis=(1, 2), keepdims=True)
    mean = tf.reduce_sum(m * d, axis=(1, 2), keepdims=True) / k
    return tf.reduce_sum(m / k * (d - mean) ** 2, axis=(1, 2))

# %% exercise="content_loss" answer="without-the-pairs" points=0
def content_loss(source, adapted, mask):
    m = mask * tf.ones_like(source)
    return tf.reduce_sum(m * (adapted - source) ** 2, axis=(1, 2, 3)) / tf.reduce_sum(m, axis=(1, 2, 3))

# %% exercise="content_loss" answer="k-forgets-the-colours" points=0
def content_loss(source, adapted, mask):
    d, k = adapted - source, tf.reduce_sum(mask, axis=(1, 2, 3))
    return tf.reduce_sum(mask * d**2, axis=(1, 2, 3)) / k - (tf.reduce_sum(mask * d, axis=(1, 2, 3)) / k) ** 2

# %% exercise="content_loss" answer="k-counts-all-pixels" points=2
def content_loss(source, adapted, mask):
    d, k = adapted - source, float(np.prod(source.shape[1:]))
    return tf.reduce_sum(mask * d**2, axis=(1, 2, 3)) / k - (tf.reduce_sum(mask * d, axis=(1, 2, 3)) / k) ** 2

# %% exercise="content_loss" answer="mask-squared" points=2
def content_loss(source, adapted, mask):
    m = mask * tf.ones_like(source)
    d, k = m * (adapted - source), tf.reduce_sum(m, axis=(1, 2, 3))
    return tf.reduce_sum(d**2, axis=(1, 2, 3)) / k - (tf.reduce_sum(d, axis=(1, 2, 3)) / k) ** 2

# %% exercise="content_loss" answer="one-loss-for-the-batch" points=0
def content_loss(source, adapted, mask):
    d = adapted - source
    m = mask * tf.ones_like(d)
    k = tf.reduce_sum(m)
    return tf.reduce_sum(m * d**2) / k - (tf.reduce_sum(m * d) / k) ** 2

# %% exercise="content_loss" answer="numpy-without-gradient" points=2
def content_loss(source, adapted, mask):
    d = np.asarray(adapted) - np.asarray(source)
    m = np.asarray(mask) * np.ones_like(d)
    k = m.sum(axis=(1, 2, 3))
    return tf.constant((m * d**2).sum(axis=(1, 2, 3)) / k - ((m * d).sum(axis=(1, 2, 3)) / k) ** 2)

# %% exercise="labels_needed" answer="segment-by-segment" points=4
def labels_needed(amounts, without, accuracies):
    found = []
    for wanted in accuracies:
        if wanted > without[-1]:
            found.append(np.inf)
        elif wanted <= without[0]:
            found.append(0.0)
        else:
            k = int(np.searchsorted(without, wanted))
            part = (wanted - without[k - 1]) / (without[k] - without[k - 1])
            low, high = np.log(1 + amounts[k - 1]), np.log(1 + amounts[k])
            found.append(np.exp(low + part * (high - low)) - 1)
    return np.array(found)

# %% exercise="labels_needed" answer="linear-in-n" points=0
def labels_needed(amounts, without, accuracies):
    return np.interp(accuracies, without, amounts, right=np.inf)

# %% exercise="labels_needed" answer="forgets-to-take-the-1-away" points=0
def labels_needed(amounts, without, accuracies):
    return np.exp(np.interp(accuracies, without, np.log1p(amounts), right=np.inf))

# %% exercise="labels_needed" answer="stops-at-the-last-point" points=2
def labels_needed(amounts, without, accuracies):
    return np.expm1(np.interp(accuracies, without, np.log1p(amounts)))

# %% exercise="labels_needed" answer="next-measured-amount" points=0
def labels_needed(amounts, without, accuracies):
    return np.append(amounts, np.inf)[np.searchsorted(without, accuracies)]

# %% exercise="labels_needed" answer="axes-exchanged" points=0
def labels_needed(amounts, without, accuracies):
    return np.interp(accuracies, np.log1p(amounts), without)

# %% exercise="least_mislabelled" answer="what-cannot-be-shared" points=3
def least_mislabelled(source_shares, target_shares):
    return 1 - np.minimum(source_shares, target_shares).sum()

# %% exercise="least_mislabelled" answer="without-the-half" points=0
def least_mislabelled(source_shares, target_shares):
    return np.abs(source_shares - target_shares).sum()

# %% exercise="least_mislabelled" answer="largest-difference" points=1
def least_mislabelled(source_shares, target_shares):
    return np.abs(source_shares - target_shares).max()

# %% exercise="least_mislabelled" answer="drawn-independently" points=0
def least_mislabelled(source_shares, target_shares):
    return 1 - (source_shares * target_shares).sum()

# %% exercise="least_mislabelled" answer="classes-that-are-missing" points=0
def least_mislabelled(source_shares, target_shares):
    return source_shares[target_shares == 0].sum()
