# %% exercise="line_distance" answer="row-by-row-with-a-loop" points=4
def line_distance(x, y):
    distances, derivatives = [], np.zeros_like(x, dtype=float)
    for row, (a, b) in enumerate(zip(x, y)):
        order = np.argsort(a)
        gaps = a[order] - np.sort(b)
        distances.append(np.abs(gaps).mean())
        derivatives[row, order] = np.where(gaps > 0, 1.0, -1.0) / len(a)
    return np.array(distances), derivatives

# %% exercise="line_distance" answer="not-sorted" points=0
def line_distance(x, y):
    difference = x - y
    return np.abs(difference).mean(axis=1), np.sign(difference) / x.shape[1]

# %% exercise="line_distance" answer="derivative-in-sorted-order" points=2
def line_distance(x, y):
    difference = np.sort(x, axis=1) - np.sort(y, axis=1)
    return np.abs(difference).mean(axis=1), np.sign(difference) / x.shape[1]

# %% exercise="line_distance" answer="sum-for-mean" points=0
def line_distance(x, y):
    rank = x.argsort(axis=1).argsort(axis=1)
    difference = x - np.take_along_axis(np.sort(y, axis=1), rank, axis=1)
    return np.abs(difference).sum(axis=1), np.sign(difference)

# %% exercise="line_distance" answer="difference-of-means" points=0
def line_distance(x, y):
    gap = x.mean(axis=1) - y.mean(axis=1)
    return np.abs(gap), np.repeat(np.sign(gap)[:, None], x.shape[1], axis=1) / x.shape[1]

# %% exercise="line_distance" answer="argsort-once" points=2
def line_distance(x, y):
    difference = np.sort(x, axis=1) - np.sort(y, axis=1)
    signs = np.take_along_axis(np.sign(difference), x.argsort(axis=1), axis=1)
    return np.abs(difference).mean(axis=1), signs / x.shape[1]

# %% exercise="line_distance" answer="derivative-of-the-sum" points=2
def line_distance(x, y):
    rank = x.argsort(axis=1).argsort(axis=1)
    difference = x - np.take_along_axis(np.sort(y, axis=1), rank, axis=1)
    return np.abs(difference).mean(axis=1), np.sign(difference)

# %% exercise="penalized_critic" answer="by-search" points=3
def penalized_critic(distance, weight):
    low, high = 1.0, 1.0 + distance / weight
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if 2 * weight * (middle - 1) < distance else (low, middle)
    return low, low * distance

# %% exercise="penalized_critic" answer="factor-two-forgotten" points=0
def penalized_critic(distance, weight):
    best = 1 + distance / weight
    return best, best * distance

# %% exercise="penalized_critic" answer="slope-one" points=0
def penalized_critic(distance, weight):
    return 1.0, distance

# %% exercise="penalized_critic" answer="value-with-the-penalty" points=1
def penalized_critic(distance, weight):
    best = 1 + distance / (2 * weight)
    return best, best * distance - weight * (best - 1) ** 2

# %% exercise="penalized_critic" answer="sign-turned" points=0
def penalized_critic(distance, weight):
    best = 1 - distance / (2 * weight)
    return best, best * distance

# %% exercise="image_penalty" answer="flattened" points=5
def image_penalty(critic, real, fake):
    alpha = tf.random.uniform([real.shape[0]])[:, None, None, None]
    places = (1 - alpha) * real + alpha * fake
    with tf.GradientTape() as tape:
        tape.watch(places)
        total = tf.reduce_sum(critic(places))
    gradient = tf.reshape(tape.gradient(total, places), (real.shape[0], -1))
    return tf.reduce_mean((tf.sqrt(tf.reduce_sum(gradient**2, axis=1) + 1e-10) - 1) ** 2)

# %% exercise="image_penalty" answer="as-planted" points=0
def image_penalty(critic, real, fake):
    alpha = tf.random.normal((len(real), 1, 1, 1))
    between = real + alpha * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between)
    norms = tf.norm(tape.gradient(values, between), axis=(1, 2))
    return tf.reduce_mean((norms - 1) ** 2)

# %% exercise="image_penalty" answer="only-alpha-repaired" points=2
def image_penalty(critic, real, fake):
    alpha = tf.random.uniform((len(real), 1, 1, 1))
    between = real + alpha * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between)
    norms = tf.norm(tape.gradient(values, between), axis=(1, 2))
    return tf.reduce_mean((norms - 1) ** 2)

# %% exercise="image_penalty" answer="one-alpha-for-each-pixel" points=3
def image_penalty(critic, real, fake):
    between = real + tf.random.uniform(real.shape) * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between)
    squares = tf.reduce_sum(tape.gradient(values, between) ** 2, axis=(1, 2, 3))
    return tf.reduce_mean((tf.sqrt(squares + 1e-12) - 1) ** 2)

# %% exercise="image_penalty" answer="norm-of-the-whole-batch" points=2
def image_penalty(critic, real, fake):
    between = real + tf.random.uniform((len(real), 1, 1, 1)) * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between)
    return (tf.sqrt(tf.reduce_sum(tape.gradient(values, between) ** 2) + 1e-12) - 1) ** 2

# %% exercise="image_penalty" answer="no-epsilon" points=4
def image_penalty(critic, real, fake):
    between = real + tf.random.uniform((len(real), 1, 1, 1)) * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between)
    norms = tf.sqrt(tf.reduce_sum(tape.gradient(values, between) ** 2, axis=(1, 2, 3)))
    return tf.reduce_mean((norms - 1) ** 2)

# %% exercise="image_penalty" answer="square-of-the-norm-minus-one" points=2
def image_penalty(critic, real, fake):
    between = real + tf.random.uniform((len(real), 1, 1, 1)) * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between)
    squares = tf.reduce_sum(tape.gradient(values, between) ** 2, axis=(1, 2, 3))
    return tf.reduce_mean(squares - 1)
