# %% exercise="best_discriminator" answer="from-the-derivative" points=4
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    # with a for D and b for 1 - D, the loss at x is -a_weight ln D - b_weight ln(1 - D)
    towards_real = (1 - smoothing) * p
    towards_fake = smoothing * p + fakes_per_real * q
    return towards_real / (towards_real + towards_fake)

# %% exercise="best_discriminator" answer="through-the-logit" points=4
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    odds = (1 - smoothing) * p / (smoothing * p + fakes_per_real * q)
    logit = np.log(odds)
    return 1 / (1 + np.exp(-logit))

# %% exercise="best_discriminator" answer="smoothing-forgotten-below" points=2
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    return (1 - smoothing) * p / ((1 - smoothing) * p + fakes_per_real * q)

# %% exercise="best_discriminator" answer="two-sided" points=2
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    r = fakes_per_real
    return ((1 - smoothing) * p + smoothing * r * q) / (p + r * q)

# %% exercise="best_discriminator" answer="ratio-on-the-real-side" points=0
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    return (1 - smoothing) * fakes_per_real * p / (fakes_per_real * p + q)

# %% exercise="best_discriminator" answer="probability-of-fake" points=0
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    return fakes_per_real * q / (p + fakes_per_real * q)

# %% exercise="best_discriminator" answer="means-in-place-of-sums" points=0
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    return (1 - smoothing) * p / (p + q)

# %% exercise="best_discriminator" answer="minus-smoothing" points=2
def best_discriminator(p, q, fakes_per_real=1.0, smoothing=0.0):
    return p / (p + fakes_per_real * q) - smoothing

# %% exercise="pulls" answer="by-tensorflow" points=4
def pulls(l):
    l = tf.Variable(np.asarray(l, float))
    losses = [lambda: tf.reduce_mean(tf.math.log_sigmoid(-l)), lambda: tf.reduce_mean(tf.nn.softplus(-l)),
              lambda: tf.reduce_mean(-tf.exp(l))]
    rows = []
    for loss in losses:
        with tf.GradientTape() as tape:
            value = loss()
        rows.append(tape.gradient(value, l).numpy())
    return np.stack(rows)

# %% exercise="pulls" answer="without-the-mean" points=0
def pulls(l):
    sigma = 1 / (1 + np.exp(-l))
    return np.stack([-sigma, sigma - 1, -np.exp(l)])

# %% exercise="pulls" answer="signs-turned" points=0
def pulls(l):
    sigma = 1 / (1 + np.exp(-l))
    return np.stack([sigma, 1 - sigma, np.exp(l)]) / len(l)

# %% exercise="pulls" answer="with-respect-to-D" points=0
def pulls(l):
    D = 1 / (1 + np.exp(-l))
    return np.stack([-1 / (1 - D), -1 / D, -1 / (1 - D) ** 2]) / len(l)

# %% exercise="pulls" answer="rows-exchanged" points=1
def pulls(l):
    sigma = 1 / (1 + np.exp(-l))
    return np.stack([sigma - 1, -sigma, -np.exp(l)]) / len(l)

# %% exercise="pulls" answer="zero-over-zero" points=1
def pulls(l):
    D = 1 / (1 + np.exp(-l))
    slope = D * (1 - D)  # of the sigmoid
    return np.stack([-slope / (1 - D), -slope / D, -np.exp(l)]) / len(l)

# %% exercise="pulls" answer="maximum-likelihood-of-the-probability" points=3
def pulls(l):
    sigma = 1 / (1 + np.exp(-l))
    return np.stack([-sigma, sigma - 1, -sigma * (1 - sigma) * np.exp(sigma)]) / len(l)

# %% exercise="pulls" answer="mean-over-the-batch-taken" points=0
def pulls(l):
    sigma = 1 / (1 + np.exp(-l))
    return np.stack([-sigma, sigma - 1, -np.exp(l)]).mean(axis=1)

# %% exercise="game_step" answer="slopes-by-hand" points=4
def game_step(theta, w, b, real, z, rate):
    def sigma(l):
        return 1 / (1 + np.exp(-l))

    fake = z + theta
    miss, hit = 1 - sigma(w * real + b), sigma(w * fake + b)
    w, b = w + rate * (np.mean(miss * real) - np.mean(hit * fake)), b + rate * (np.mean(miss) - np.mean(hit))
    return theta + rate * w * np.mean(1 - sigma(w * fake + b)), w, b

# %% exercise="game_step" answer="as-planted" points=0
def game_step(theta, w, b, real, z, rate):
    theta, w, b = (tf.Variable(float(value)) for value in [theta, w, b])
    with tf.GradientTape() as tape:
        fake = z + theta
        d_loss = tf.reduce_mean(tf.nn.softplus(-(w * real + b))) + tf.reduce_mean(tf.nn.softplus(-(w * fake + b)))
    for variable, slope in zip([theta, w, b], tape.gradient(d_loss, [theta, w, b])):
        variable.assign_sub(rate * slope)
    with tf.GradientTape() as tape:
        g_loss = tf.reduce_mean(tf.nn.softplus(w * (z + theta) + b))
    theta.assign_sub(rate * tape.gradient(g_loss, theta))
    return float(theta), float(w), float(b)

# %% exercise="game_step" answer="D-still-moves-theta" points=2
def game_step(theta, w, b, real, z, rate):
    theta, w, b = (tf.Variable(float(value)) for value in [theta, w, b])
    with tf.GradientTape() as tape:
        fake = z + theta
        d_loss = tf.reduce_mean(tf.nn.softplus(-(w * real + b))) + tf.reduce_mean(tf.nn.softplus(w * fake + b))
    slopes = tape.gradient(d_loss, [theta, w, b])
    for variable, slope in zip([theta, w, b], slopes):
        variable.assign_sub(rate * slope)
    with tf.GradientTape() as tape:
        g_loss = tf.reduce_mean(tf.nn.softplus(-(w * (z + theta) + b)))
    theta.assign_sub(rate * tape.gradient(g_loss, theta))
    return float(theta), float(w), float(b)

# %% exercise="game_step" answer="minimax-with-its-sign-lost" points=2
def game_step(theta, w, b, real, z, rate):
    theta, w, b = (tf.Variable(float(value)) for value in [theta, w, b])
    with tf.GradientTape() as tape:
        d_loss = tf.reduce_mean(tf.nn.softplus(-(w * real + b))) + tf.reduce_mean(tf.nn.softplus(w * (z + theta) + b))
    for variable, slope in zip([w, b], tape.gradient(d_loss, [w, b])):
        variable.assign_sub(rate * slope)
    with tf.GradientTape() as tape:
        g_loss = tf.reduce_mean(tf.nn.softplus(w * (z + theta) + b))
    theta.assign_sub(rate * tape.gradient(g_loss, theta))
    return float(theta), float(w), float(b)

# %% exercise="game_step" answer="G-against-the-old-D" points=2
def game_step(theta, w, b, real, z, rate):
    theta, w, b = (tf.Variable(float(value)) for value in [theta, w, b])
    with tf.GradientTape(persistent=True) as tape:
        fake = z + theta
        d_loss = tf.reduce_mean(tf.nn.softplus(-(w * real + b))) + tf.reduce_mean(tf.nn.softplus(w * fake + b))
        g_loss = tf.reduce_mean(tf.nn.softplus(-(w * fake + b)))
    slopes = tape.gradient(d_loss, [w, b]) + [tape.gradient(g_loss, theta)]
    for variable, slope in zip([w, b, theta], slopes):
        variable.assign_sub(rate * slope)
    return float(theta), float(w), float(b)

# %% exercise="game_step" answer="true-minimax" points=2
def game_step(theta, w, b, real, z, rate):
    theta, w, b = (tf.Variable(float(value)) for value in [theta, w, b])
    with tf.GradientTape() as tape:
        d_loss = tf.reduce_mean(tf.nn.softplus(-(w * real + b))) + tf.reduce_mean(tf.nn.softplus(w * (z + theta) + b))
    for variable, slope in zip([w, b], tape.gradient(d_loss, [w, b])):
        variable.assign_sub(rate * slope)
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(tf.nn.softplus(w * (z + theta) + b))
    theta.assign_sub(rate * tape.gradient(g_loss, theta))
    return float(theta), float(w), float(b)

# %% exercise="game_step" answer="labels-of-the-samples-left" points=0
def game_step(theta, w, b, real, z, rate):
    theta, w, b = (tf.Variable(float(value)) for value in [theta, w, b])
    with tf.GradientTape() as tape:
        fake = z + theta
        d_loss = tf.reduce_mean(tf.nn.softplus(-(w * real + b))) + tf.reduce_mean(tf.nn.softplus(-(w * fake + b)))
    for variable, slope in zip([w, b], tape.gradient(d_loss, [w, b])):
        variable.assign_sub(rate * slope)
    with tf.GradientTape() as tape:
        g_loss = tf.reduce_mean(tf.nn.softplus(-(w * (z + theta) + b)))
    theta.assign_sub(rate * tape.gradient(g_loss, theta))
    return float(theta), float(w), float(b)
