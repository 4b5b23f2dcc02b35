# %% exercise="first_loss" answer="one-example-at-a-time" points=3
def first_loss(counts, bias):
    total = 0.0
    for label, count in enumerate(counts):
        total += count * (np.logaddexp.reduce(bias) - bias[label])
    return total / sum(counts)

# %% exercise="first_loss" answer="by-keras" points=3
def first_loss(counts, bias):
    labels = np.repeat(np.arange(len(counts)), counts)
    logits = np.tile(bias, (len(labels), 1)).astype("float64")
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return tf.reduce_mean(losses)

# %% exercise="first_loss" answer="overflow" points=2
def first_loss(counts, bias):
    frequencies = counts / np.sum(counts)
    probabilities = np.exp(bias) / np.sum(np.exp(bias))
    return -np.sum(frequencies * np.log(probabilities))

# %% exercise="first_loss" answer="classes-not-weighted" points=1
def first_loss(counts, bias):
    return np.logaddexp.reduce(bias) - np.mean(bias)

# %% exercise="first_loss" answer="ln-k-always" points=1
def first_loss(counts, bias):
    return np.log(len(counts))

# %% exercise="first_loss" answer="sum-not-mean" points=0
def first_loss(counts, bias):
    return np.sum(counts * (np.logaddexp.reduce(bias) - bias))

# %% exercise="first_loss" answer="entropy-whatever-the-bias" points=0
def first_loss(counts, bias):
    frequencies = counts / np.sum(counts)
    return -np.sum(frequencies * np.log(frequencies + 1e-12))

# %% exercise="leaked" answer="nearest-by-largest-difference" points=3
def leaked(train_images, test_images, tolerance=1e-3):
    found = 0
    for image in test_images:
        largest = np.abs(train_images - image).max(axis=1)
        found += largest.min() <= tolerance
    return found / len(test_images)

# %% exercise="leaked" answer="all-pairs-at-once" points=3
def leaked(train_images, test_images, tolerance=1e-3):
    close = np.isclose(train_images[:, None], test_images[None], rtol=0, atol=tolerance).all(axis=-1)
    return close.any(axis=0).mean()

# %% exercise="leaked" answer="exact-copies-only" points=1
def leaked(train_images, test_images, tolerance=1e-3):
    known = {image.tobytes() for image in train_images}
    return np.mean([image.tobytes() in known for image in test_images])

# %% exercise="leaked" answer="mean-difference" points=1
def leaked(train_images, test_images, tolerance=1e-3):
    return np.mean([np.abs(train_images - image).mean(axis=1).min() <= tolerance for image in test_images])

# %% exercise="leaked" answer="euclidean-distance" points=1
def leaked(train_images, test_images, tolerance=1e-3):
    return np.mean([np.linalg.norm(train_images - image, axis=1).min() <= tolerance for image in test_images])

# %% exercise="leaked" answer="fraction-of-the-training-set" points=0
def leaked(train_images, test_images, tolerance=1e-3):
    return np.mean([np.any(np.all(np.abs(test_images - image) <= tolerance, axis=1)) for image in train_images])

# %% exercise="leaked" answer="same-place-only" points=0
def leaked(train_images, test_images, tolerance=1e-3):
    count = min(len(train_images), len(test_images))
    return np.sum(np.all(np.abs(train_images[:count] - test_images[:count]) <= tolerance, axis=1)) / len(test_images)

# %% exercise="leaked" answer="any-pixel" points=0
def leaked(train_images, test_images, tolerance=1e-3):
    return np.mean([np.any(np.abs(train_images - image) <= tolerance) for image in test_images])

# %% exercise="minibatches" answer="shuffle-both-alike" points=4
def minibatches(images, labels, size, rng):
    order = np.arange(len(images))
    rng.shuffle(order)
    images, labels = images[order], labels[order]
    return [(images[i:i + size], labels[i:i + size]) for i in range(0, len(images), size)]

# %% exercise="minibatches" answer="only-the-pairs-mended" points=2
def minibatches(images, labels, size, rng):
    order = np.random.default_rng(0).permutation(len(images))
    batches = []
    for start in range(0, len(images) - size, size):
        rows = order[start:start + size]
        batches.append((images[rows], labels[rows]))
    return batches

# %% exercise="minibatches" answer="last-batch-dropped" points=3
def minibatches(images, labels, size, rng):
    order = rng.permutation(len(images))
    batches = []
    for start in range(0, len(images) - size + 1, size):
        rows = order[start:start + size]
        batches.append((images[rows], labels[rows]))
    return batches

# %% exercise="minibatches" answer="drawn-with-replacement" points=3
def minibatches(images, labels, size, rng):
    batches = []
    for start in range(0, len(images), size):
        rows = rng.integers(len(images), size=min(size, len(images) - start))
        batches.append((images[rows], labels[rows]))
    return batches

# %% exercise="minibatches" answer="same-order-every-epoch" points=3
def minibatches(images, labels, size, rng):
    order = np.random.default_rng(0).permutation(len(images))
    return [(images[order[i:i + size]], labels[order[i:i + size]]) for i in range(0, len(images), size)]

# %% exercise="minibatches" answer="two-permutations" points=2
def minibatches(images, labels, size, rng):
    images, labels = rng.permutation(images), rng.permutation(labels)
    return [(images[i:i + size], labels[i:i + size]) for i in range(0, len(images), size)]

# %% exercise="minibatches" answer="not-shuffled" points=3
def minibatches(images, labels, size, rng):
    return [(images[i:i + size], labels[i:i + size]) for i in range(0, len(images), size)]

# %% exercise="minibatches" answer="batches-shuffled-not-examples" points=3
def minibatches(images, labels, size, rng):
    full = len(images) // size * size
    starts = [*rng.permutation(np.arange(0, full, size)), *range(full, len(images), size)]
    return [(images[i:i + size], labels[i:i + size]) for i in starts]
