# %% exercise="quantize" answer="as-integers-from-the-middle" points=4
def quantize(values, low, high, bits, noise):
    levels = 2.0**bits
    step = (high - low) / levels
    above = values - low
    level = tf.math.floordiv(above + noise * step, step)
    return low + step * tf.minimum(tf.maximum(level, 0.0), levels - 1)

# %% exercise="quantize" answer="the-top-is-a-level" points=0
def quantize(values, low, high, bits, noise):
    step = (high - low) / (2.0**bits - 1)
    return low + step * tf.clip_by_value(tf.floor((values - low) / step + noise), 0.0, 2.0**bits - 1)

# %% exercise="quantize" answer="always-to-the-nearest" points=2
def quantize(values, low, high, bits, noise):
    step = (high - low) / 2.0**bits
    return low + step * tf.clip_by_value(tf.floor((values - low) / step + 0.5), 0.0, 2.0**bits - 1)

# %% exercise="quantize" answer="does-not-saturate" points=0
def quantize(values, low, high, bits, noise):
    step = (high - low) / 2.0**bits
    return low + step * tf.floor((values - low) / step + noise)

# %% exercise="quantize" answer="truncates-towards-zero" points=0
def quantize(values, low, high, bits, noise):
    step = (high - low) / 2.0**bits
    level = tf.cast(tf.cast(values / step + noise, tf.int64), tf.float64) * step
    return tf.clip_by_value(level, low, high - step)

# %% exercise="quantize" answer="as-many-levels-as-bits" points=0
def quantize(values, low, high, bits, noise):
    step = (high - low) / bits
    return low + step * tf.clip_by_value(tf.floor((values - low) / step + noise), 0.0, bits - 1)

# %% exercise="enough_bits" answer="from-the-end" points=3
def enough_bits(widths, lost, tolerance=1.0):
    enough = widths[-1]
    for width, row in reversed(list(zip(widths, lost))):
        if sum(row) / len(row) > tolerance:
            break
        enough = width
    return enough

# %% exercise="enough_bits" answer="the-first-that-loses-little" points=1
def enough_bits(widths, lost, tolerance=1.0):
    return widths[int(np.argmax(lost.mean(axis=1) <= tolerance))]

# %% exercise="enough_bits" answer="every-seed" points=0
def enough_bits(widths, lost, tolerance=1.0):
    too_much = np.flatnonzero(lost.max(axis=1) > tolerance)
    return widths[too_much[-1] + 1 if len(too_much) else 0]

# %% exercise="enough_bits" answer="the-place-not-the-width" points=0
def enough_bits(widths, lost, tolerance=1.0):
    too_much = np.flatnonzero(lost.mean(axis=1) > tolerance)
    return int(too_much[-1] + 1 if len(too_much) else 0)

# %% exercise="enough_bits" answer="the-last-that-is-too-narrow" points=0
def enough_bits(widths, lost, tolerance=1.0):
    too_much = np.flatnonzero(lost.mean(axis=1) > tolerance)
    return widths[too_much[-1] if len(too_much) else 0]

# %% exercise="send" answer="by-comparison" points=4
def send(gradient, memory):
    total = tf.convert_to_tensor(gradient) + memory
    size = tf.reduce_sum(tf.abs(total), axis=[-1, -2], keepdims=True) / (total.shape[-1] * total.shape[-2])
    message = tf.where(total > 0, size, -size)
    return message, total - message

# %% exercise="send" answer="mean-of-the-gradient-alone" points=0
def send(gradient, memory):
    corrected = gradient + memory
    message = tf.sign(corrected) * tf.reduce_mean(tf.abs(gradient), axis=(-2, -1), keepdims=True)
    return message, corrected - message

# %% exercise="send" answer="forgets-the-old-memory" points=0
def send(gradient, memory):
    message = tf.sign(gradient) * tf.reduce_mean(tf.abs(gradient), axis=(-2, -1), keepdims=True)
    return message, gradient - message

# %% exercise="send" answer="memory-with-the-wrong-sign" points=0
def send(gradient, memory):
    corrected = gradient + memory
    message = tf.sign(corrected) * tf.reduce_mean(tf.abs(corrected), axis=(-2, -1), keepdims=True)
    return message, message - corrected

# %% exercise="send" answer="one-mean-for-all-workers" points=2
def send(gradient, memory):
    corrected = gradient + memory
    message = tf.sign(corrected) * tf.reduce_mean(tf.abs(corrected))
    return message, corrected - message
