# %% exercise="lstm_step" answer="slices" points=4
def lstm_step(x, h, c, kernel, recurrent, bias):
    units = c.shape[-1]
    sums = tf.matmul(x, kernel) + tf.matmul(h, recurrent) + bias
    i, f, o = [tf.math.sigmoid(sums[..., k * units:(k + 1) * units]) for k in (0, 1, 3)]
    c = f * c + i * tf.tanh(sums[..., 2 * units:3 * units])
    h = o * tf.tanh(c)
    return h, c

# %% exercise="lstm_step" answer="one-product" points=4
def lstm_step(x, h, c, kernel, recurrent, bias):
    sums = tf.concat([x, h], axis=-1) @ tf.concat([kernel, recurrent], axis=-2) + bias
    i, f, g, o = tf.split(sums, 4, axis=-1)
    c = c * tf.sigmoid(f) + tf.sigmoid(i) * tf.tanh(g)
    return tf.tanh(c) * tf.sigmoid(o), c

# %% exercise="lstm_step" answer="order-of-torch-tensorflow-1" points=0
def lstm_step(x, h, c, kernel, recurrent, bias):
    i, g, f, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c

# %% exercise="lstm_step" answer="candidate-through-sigmoid" points=0
def lstm_step(x, h, c, kernel, recurrent, bias):
    i, f, g, o = tf.split(tf.sigmoid(x @ kernel + h @ recurrent + bias), 4, axis=-1)
    c = f * c + i * g
    return o * tf.tanh(c), c

# %% exercise="lstm_step" answer="no-tanh-of-the-memory" points=2
def lstm_step(x, h, c, kernel, recurrent, bias):
    i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * c, c

# %% exercise="lstm_step" answer="reads-the-old-memory" points=2
def lstm_step(x, h, c, kernel, recurrent, bias):
    i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    return tf.sigmoid(o) * tf.tanh(c), tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)

# %% exercise="lstm_step" answer="forget-gate-that-forgets" points=0
def lstm_step(x, h, c, kernel, recurrent, bias):
    i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = (1 - tf.sigmoid(f)) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c

# %% exercise="lstm_step" answer="tanh-for-a-gate" points=2
def lstm_step(x, h, c, kernel, recurrent, bias):
    i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.tanh(o) * tf.tanh(c), c

# %% exercise="lstm_step" answer="returned-the-wrong-way-round" points=0
def lstm_step(x, h, c, kernel, recurrent, bias):
    i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return c, tf.sigmoid(o) * tf.tanh(c)

# %% exercise="gru_step" answer="as-a-correction-of-the-old" points=4
def gru_step(x, h, kernel, recurrent, bias, recurrent_bias):
    units = h.shape[-1]
    new, old = x @ kernel + bias, h @ recurrent + recurrent_bias
    gates = tf.sigmoid(new[..., :2 * units] + old[..., :2 * units])
    candidate = tf.tanh(new[..., 2 * units:] + gates[..., units:] * old[..., 2 * units:])
    return h + (1 - gates[..., :units]) * (candidate - h)

# %% exercise="gru_step" answer="only-the-order-mended" points=2
def gru_step(x, h, kernel, recurrent, bias, recurrent_bias):
    inputs, previous = x @ kernel + bias, h @ recurrent
    z_input, r_input, g_input = tf.split(inputs, 3, axis=-1)
    z_previous, r_previous, g_previous = tf.split(previous, 3, axis=-1)
    z_bias, r_bias, g_bias = tf.split(recurrent_bias, 3, axis=-1)
    z = tf.sigmoid(z_input + z_previous + z_bias)
    r = tf.sigmoid(r_input + r_previous + r_bias)
    return z * h + (1 - z) * tf.tanh(g_input + r * g_previous + g_bias)

# %% exercise="gru_step" answer="only-the-reset-mended" points=2
def gru_step(x, h, kernel, recurrent, bias, recurrent_bias):
    r_input, z_input, g_input = tf.split(x @ kernel + bias, 3, axis=-1)
    r_previous, z_previous, g_previous = tf.split(h @ recurrent + recurrent_bias, 3, axis=-1)
    z, r = tf.sigmoid(z_input + z_previous), tf.sigmoid(r_input + r_previous)
    return z * h + (1 - z) * tf.tanh(g_input + r * g_previous)

# %% exercise="gru_step" answer="as-it-was" points=0
def gru_step(x, h, kernel, recurrent, bias, recurrent_bias):
    return faulty_gru_step(x, h, kernel, recurrent, bias, recurrent_bias)

# %% exercise="gru_step" answer="old-and-new-exchanged" points=0
def gru_step(x, h, kernel, recurrent, bias, recurrent_bias):
    z_input, r_input, g_input = tf.split(x @ kernel + bias, 3, axis=-1)
    z_previous, r_previous, g_previous = tf.split(h @ recurrent + recurrent_bias, 3, axis=-1)
    z, r = tf.sigmoid(z_input + z_previous), tf.sigmoid(r_input + r_previous)
    return (1 - z) * h + z * tf.tanh(g_input + r * g_previous)

# %% exercise="gru_step" answer="reset-before-the-product" points=0
def gru_step(x, h, kernel, recurrent, bias, recurrent_bias):
    units = h.shape[-1]
    z_input, r_input, g_input = tf.split(x @ kernel + bias, 3, axis=-1)
    z_previous, r_previous, _ = tf.split(h @ recurrent + recurrent_bias, 3, axis=-1)
    z, r = tf.sigmoid(z_input + z_previous), tf.sigmoid(r_input + r_previous)
    g = tf.tanh(g_input + (r * h) @ recurrent[..., 2 * units:] + recurrent_bias[..., 2 * units:])
    return z * h + (1 - z) * g

# %% exercise="forget_bias" answer="logit-of-the-root" points=4
def forget_bias(steps, left):
    gate = left ** (1 / steps)
    return np.log(gate) - np.log1p(-gate)

# %% exercise="forget_bias" answer="log-of-the-steps" points=0
def forget_bias(steps, left):
    return np.log(steps)

# %% exercise="forget_bias" answer="sign" points=0
def forget_bias(steps, left):
    return np.log(np.expm1(-np.log(left) / steps))

# %% exercise="forget_bias" answer="share-that-is-gone" points=2
def forget_bias(steps, left):
    gate = (1 - left) ** (1 / steps)
    return np.log(gate / (1 - gate))

# %% exercise="forget_bias" answer="approximation-for-many-steps" points=0
def forget_bias(steps, left):
    return np.log(steps / -np.log(left))

# %% exercise="forget_bias" answer="linear-instead-of-exponential" points=0
def forget_bias(steps, left):
    gate = 1 - (1 - left) / steps
    return np.log(gate / (1 - gate))

# %% exercise="forget_bias" answer="gate-not-bias" points=0
def forget_bias(steps, left):
    return left ** (1 / steps)
