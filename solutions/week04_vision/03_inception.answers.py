# %% exercise="widest_reduction" answer="one-by-one" points=3
def widest_reduction(side, channels, kernel, filters, budget):
    of_a_channel = side * side * channels + side * side * kernel * kernel * filters
    low, high = 0, budget
    while low < high:
        middle = (low + high + 1) // 2
        if middle * of_a_channel <= budget:
            low = middle
        else:
            high = middle - 1
    return low

# %% exercise="widest_reduction" answer="forgot-that-the-reduction-costs" points=0
def widest_reduction(side, channels, kernel, filters, budget):
    return budget // (side**2 * kernel**2 * filters)

# %% exercise="widest_reduction" answer="forgot-the-positions" points=0
def widest_reduction(side, channels, kernel, filters, budget):
    return budget // (channels + kernel**2 * filters)

# %% exercise="widest_reduction" answer="reduction-as-large-as-the-kernel" points=0
def widest_reduction(side, channels, kernel, filters, budget):
    return budget // (side**2 * kernel**2 * (channels + filters))

# %% exercise="widest_reduction" answer="rounded-up" points=0
def widest_reduction(side, channels, kernel, filters, budget):
    return int(np.ceil(budget / (side**2 * (channels + kernel**2 * filters))))

# %% exercise="widest_reduction" answer="break-even-whatever-the-budget" points=2
def widest_reduction(side, channels, kernel, filters, budget):
    return kernel**2 * channels * filters // (channels + kernel**2 * filters)

# %% exercise="module_by_hand" answer="each-branch-written-out" points=4
def module_by_hand(images, weights):
    def layer(x, part):
        return keras.ops.relu(keras.ops.conv(x, weights[part][0], padding="same") + weights[part][1])

    height, width = images.shape[1:3]
    framed = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-np.inf)
    view = framed[:, 1:-1, 1:-1]
    for down in range(3):
        for right in range(3):
            view = tf.maximum(view, framed[:, down:down + height, right:right + width])
    three, five = (layer(layer(images, f"reduce{side}"), part) for side, part in [(3, "three"), (5, "five")])
    return tf.concat([layer(images, "one"), three, five, layer(view, "project")], -1)

# %% exercise="module_by_hand" answer="relu-only-at-the-end" points=2
def module_by_hand(images, weights):
    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias

    three = convolve(convolve(images, "reduce3"), "three")
    five = convolve(convolve(images, "reduce5"), "five")
    pooled = convolve(tf.nn.max_pool2d(images, 3, strides=1, padding="SAME"), "project")
    return tf.nn.relu(tf.concat([convolve(images, "one"), three, five, pooled], axis=-1))

# %% exercise="module_by_hand" answer="pools-the-projection" points=2
def module_by_hand(images, weights):
    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.relu(tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias)

    three = convolve(convolve(images, "reduce3"), "three")
    five = convolve(convolve(images, "reduce5"), "five")
    pooled = tf.nn.max_pool2d(convolve(images, "project"), 3, strides=1, padding="SAME")
    return tf.concat([convolve(images, "one"), three, five, pooled], axis=-1)

# %% exercise="module_by_hand" answer="averages-the-neighbours" points=2
def module_by_hand(images, weights):
    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.relu(tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias)

    three = convolve(convolve(images, "reduce3"), "three")
    five = convolve(convolve(images, "reduce5"), "five")
    pooled = convolve(tf.nn.avg_pool2d(images, 3, strides=1, padding="SAME"), "project")
    return tf.concat([convolve(images, "one"), three, five, pooled], axis=-1)

# %% exercise="module_by_hand" answer="kept-the-order" points=0
def module_by_hand(images, weights):
    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.relu(tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias)

    three = convolve(convolve(images, "reduce3"), "three")
    five = convolve(convolve(images, "reduce5"), "five")
    pooled = convolve(tf.nn.max_pool2d(images, 3, strides=1, padding="SAME"), "project")
    return tf.concat([convolve(images, "one"), three, pooled, five], axis=-1)

# %% exercise="module_by_hand" answer="filters-read-the-input" points=0
def module_by_hand(images, weights):
    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.relu(tf.nn.conv2d(x, kernel, strides=1, padding="SAME") + bias)

    pooled = convolve(tf.nn.max_pool2d(images, 3, strides=1, padding="SAME"), "project")
    return tf.concat([convolve(images, name) for name in ["one", "three", "five"]] + [pooled], axis=-1)

# %% exercise="top_error" answer="image-by-image" points=4
def top_error(scores, labels, k=5):
    wrong = 0
    for row, label in zip(scores, labels):
        others = np.delete(row, label)
        wrong += sum(other > row[label] for other in others) >= k
    return wrong / len(labels)

# %% exercise="top_error" answer="sorted-ties-by-place" points=2
def top_error(scores, labels, k=5):
    top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return 1 - (top == labels[:, None]).any(axis=1).mean()

# %% exercise="top_error" answer="ties-count-against-it" points=2
def top_error(scores, labels, k=5):
    of_label = scores[np.arange(len(labels)), labels]
    return ((scores >= of_label[:, None]).sum(axis=1) > k).mean()

# %% exercise="top_error" answer="accuracy-for-error" points=0
def top_error(scores, labels, k=5):
    of_label = scores[np.arange(len(labels)), labels]
    return ((scores > of_label[:, None]).sum(axis=1) < k).mean()

# %% exercise="top_error" answer="off-by-one" points=0
def top_error(scores, labels, k=5):
    of_label = scores[np.arange(len(labels)), labels]
    return ((scores > of_label[:, None]).sum(axis=1) > k).mean()

# %% exercise="top_error" answer="lowest-scores-taken" points=0
def top_error(scores, labels, k=5):
    top = np.argsort(scores, axis=1)[:, :k]
    return 1 - (top == labels[:, None]).any(axis=1).mean()
