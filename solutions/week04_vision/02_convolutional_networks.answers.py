# %% exercise="receptive_field" answer="from-the-last-layer-back" points=4
def receptive_field(stack):
    field = 1
    for kernel, stride in reversed(stack):
        field = (field - 1) * stride + kernel
    return field

# %% exercise="receptive_field" answer="strides-left-out" points=2
def receptive_field(stack):
    return 1 + sum(kernel - 1 for kernel, _ in stack)

# %% exercise="receptive_field" answer="own-stride-counted" points=2
def receptive_field(stack):
    field, apart = 1, 1
    for kernel, stride in stack:
        apart *= stride
        field += (kernel - 1) * apart
    return field

# %% exercise="receptive_field" answer="only-the-last-stride-counts" points=2
def receptive_field(stack):
    field, before = 1, 1
    for kernel, stride in stack:
        field += (kernel - 1) * before
        before = stride
    return field

# %% exercise="receptive_field" answer="sum-of-kernels" points=0
def receptive_field(stack):
    field, apart = 0, 1
    for kernel, stride in stack:
        field += kernel * apart
        apart *= stride
    return field

# %% exercise="receptive_field" answer="product-of-kernels" points=0
def receptive_field(stack):
    return int(np.prod([kernel for kernel, _ in stack]))

# %% exercise="local_contrast" answer="by-loops" points=4
def local_contrast(images, window=5):
    images = np.asarray(images, dtype=float)
    mean, deviation = np.zeros_like(images), np.zeros_like(images)
    reach = window // 2
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            patch = images[:, max(row - reach, 0):row + reach + 1, max(column - reach, 0):column + reach + 1]
            mean[:, row, column] = patch.mean(axis=(1, 2))
            deviation[:, row, column] = patch.std(axis=(1, 2))
    floor = deviation.mean(axis=(1, 2), keepdims=True)
    return (images - mean) / np.maximum(np.maximum(deviation, floor), 1e-6)

# %% exercise="local_contrast" answer="by-padding-and-counting" points=4
def local_contrast(images, window=5):
    images, reach = np.asarray(images, dtype=float), window // 2

    def windows(values):
        padded = np.pad(values, ((0, 0), (reach, reach), (reach, reach), (0, 0)), constant_values=np.nan)
        return np.lib.stride_tricks.sliding_window_view(padded, (window, window), axis=(1, 2))

    mean, deviation = (function(windows(images), axis=(-2, -1)) for function in (np.nanmean, np.nanstd))
    floor = deviation.mean(axis=(1, 2), keepdims=True)
    return (images - mean) / np.maximum(np.maximum(deviation, floor), 1e-6)

# %% exercise="local_contrast" answer="zeros-beyond-the-edge-counted" points=2
def local_contrast(images, window=5):
    images, reach = np.asarray(images, dtype=float), window // 2
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (window, window), axis=(1, 2))
    mean, deviation = windows.mean(axis=(-2, -1)), windows.std(axis=(-2, -1))
    inside = np.zeros_like(deviation)
    inside[:, reach:-reach, reach:-reach] = 1
    floor = deviation.mean(axis=(1, 2), keepdims=True)
    return (images - mean) / np.maximum(np.maximum(deviation, floor), 1e-6)

# %% exercise="local_contrast" answer="no-floor-for-flat-regions" points=0
def local_contrast(images, window=5):
    images = np.asarray(images, dtype=float)
    mean = tf.nn.avg_pool2d(images, window, 1, "SAME").numpy()
    square = tf.nn.avg_pool2d(images**2, window, 1, "SAME").numpy()
    return (images - mean) / np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), 1e-6)

# %% exercise="local_contrast" answer="floor-of-the-whole-batch" points=0
def local_contrast(images, window=5):
    images = np.asarray(images, dtype=float)
    mean = tf.nn.avg_pool2d(images, window, 1, "SAME").numpy()
    square = tf.nn.avg_pool2d(images**2, window, 1, "SAME").numpy()
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return (images - mean) / np.maximum(np.maximum(deviation, deviation.mean()), 1e-6)

# %% exercise="local_contrast" answer="variance-for-deviation" points=0
def local_contrast(images, window=5):
    images = np.asarray(images, dtype=float)
    mean = tf.nn.avg_pool2d(images, window, 1, "SAME").numpy()
    variance = tf.nn.avg_pool2d(images**2, window, 1, "SAME").numpy() - mean**2
    floor = variance.mean(axis=(1, 2), keepdims=True)
    return (images - mean) / np.maximum(np.maximum(variance, floor), 1e-6)

# %% exercise="local_contrast" answer="floor-added" points=0
def local_contrast(images, window=5):
    images = np.asarray(images, dtype=float)
    mean = tf.nn.avg_pool2d(images, window, 1, "SAME").numpy()
    square = tf.nn.avg_pool2d(images**2, window, 1, "SAME").numpy()
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return (images - mean) / (deviation + deviation.mean(axis=(1, 2), keepdims=True) + 1e-6)

# %% exercise="local_contrast" answer="global-instead-of-local" points=0
def local_contrast(images, window=5):
    mean, deviation = (f(axis=(1, 2), keepdims=True) for f in (images.mean, images.std))
    return (images - mean) / np.maximum(deviation, 1e-6)

# %% exercise="whitened" answer="by-singular-values" points=4
def whitened(train, test, epsilon):
    mean = train.mean(axis=0)
    _, singular, rows = np.linalg.svd((train - mean) / np.sqrt(len(train)), full_matrices=False)
    matrix = rows.T @ np.diag((singular**2 + epsilon) ** -0.5) @ rows
    return (train - mean) @ matrix, (test - mean) @ matrix

# %% exercise="whitened" answer="not-turned-back" points=0
def whitened(train, test, epsilon):
    mean = train.mean(axis=0)
    variances, vectors = np.linalg.eigh((train - mean).T @ (train - mean) / len(train))
    matrix = vectors / np.sqrt(variances + epsilon)
    return (train - mean) @ matrix, (test - mean) @ matrix

# %% exercise="whitened" answer="test-by-its-own-mean" points=2
def whitened(train, test, epsilon):
    mean = train.mean(axis=0)
    centred = train - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    matrix = (vectors / np.sqrt(variances + epsilon)) @ vectors.T
    return centred @ matrix, (test - test.mean(axis=0)) @ matrix

# %% exercise="whitened" answer="test-whitened-by-itself" points=2
def whitened(train, test, epsilon):
    def alone(rows):
        centred = rows - rows.mean(axis=0)
        variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        return centred @ (vectors / np.sqrt(np.maximum(variances, 0) + epsilon)) @ vectors.T

    return alone(train), alone(test)

# %% exercise="whitened" answer="root-still-missing" points=0
def whitened(train, test, epsilon):
    mean = train.mean(axis=0)
    centred = train - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    matrix = (vectors / (variances + epsilon)) @ vectors.T
    return centred @ matrix, (test - mean) @ matrix

# %% exercise="whitened" answer="mean-of-each-image" points=0
def whitened(train, test, epsilon):
    centred = train - train.mean(axis=1, keepdims=True)
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    matrix = (vectors / np.sqrt(np.maximum(variances, 0) + epsilon)) @ vectors.T
    return centred @ matrix, (test - test.mean(axis=1, keepdims=True)) @ matrix

# %% exercise="whitened" answer="statistics-of-both-sets" points=0
def whitened(train, test, epsilon):
    both = np.concatenate([train, test])
    mean = both.mean(axis=0)
    variances, vectors = np.linalg.eigh((both - mean).T @ (both - mean) / len(both))
    matrix = (vectors / np.sqrt(variances + epsilon)) @ vectors.T
    return (train - mean) @ matrix, (test - mean) @ matrix
