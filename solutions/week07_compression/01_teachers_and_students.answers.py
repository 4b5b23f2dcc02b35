# %% exercise="combine" answer="from-scratch" points=4
def combine(logits, rule):
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    p = shifted / shifted.sum(axis=2, keepdims=True)
    if rule == "arithmetic":
        return sum(p) / len(p)
    if rule == "geometric":
        product = np.prod(p ** (1 / len(p)), axis=0)
        return product / product.sum(axis=1, keepdims=True)
    shares = np.zeros(p.shape[1:])
    for one in p:
        shares[np.arange(len(shares)), one.argmax(axis=1)] += 1 / len(p)
    return shares

# %% exercise="combine" answer="softmax-of-the-mean-logits-for-both" points=2
def combine(logits, rule):
    if rule == "votes":
        return (logits == logits.max(axis=-1, keepdims=True)).mean(axis=0)
    return softmax(logits.mean(axis=0), axis=-1)

# %% exercise="combine" answer="geometric-not-normalized" points=3
def combine(logits, rule):
    p = softmax(logits, axis=-1)
    if rule == "arithmetic":
        return p.mean(axis=0)
    if rule == "geometric":
        return np.exp(np.log(p).mean(axis=0))
    return np.eye(p.shape[-1])[p.argmax(axis=-1)].mean(axis=0)

# %% exercise="combine" answer="softmax-over-the-members" points=1
def combine(logits, rule):
    p = softmax(logits, axis=0)
    if rule == "arithmetic":
        return p.mean(axis=0)
    if rule == "geometric":
        q = np.exp(np.log(p).mean(axis=0))
        return q / q.sum(axis=-1, keepdims=True)
    return np.eye(logits.shape[-1])[logits.argmax(axis=-1)].mean(axis=0)

# %% exercise="combine" answer="votes-of-the-mean" points=3
def combine(logits, rule):
    p = softmax(logits, axis=-1)
    if rule == "arithmetic":
        return p.mean(axis=0)
    if rule == "geometric":
        return softmax(logits.mean(axis=0), axis=-1)
    return np.eye(p.shape[-1])[p.mean(axis=0).argmax(axis=-1)]

# %% exercise="combine" answer="mean-over-images" points=0
def combine(logits, rule):
    p = softmax(logits, axis=-1)
    if rule == "arithmetic":
        return p.mean(axis=1)
    if rule == "geometric":
        return softmax(logits.mean(axis=1), axis=-1)
    return np.eye(p.shape[-1])[p.argmax(axis=-1)].mean(axis=1)

# %% exercise="soft_gradient" answer="by-the-tape" points=4
def soft_gradient(student_logits, teacher_logits, temperature):
    z, v = tf.Variable(student_logits, dtype=tf.float64), tf.constant(teacher_logits, tf.float64)
    with tf.GradientTape() as tape:
        log_p, log_q = tf.nn.log_softmax(v / temperature), tf.nn.log_softmax(z / temperature)
        loss = tf.reduce_mean(temperature**2 * tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1))
    return tape.gradient(loss, z)

# %% exercise="soft_gradient" answer="forgot-the-chain-rule" points=0
def soft_gradient(student_logits, teacher_logits, temperature):
    p, q = softmax(teacher_logits / temperature, axis=-1), softmax(student_logits / temperature, axis=-1)
    return temperature**2 * (q - p) / len(p)

# %% exercise="soft_gradient" answer="forgot-t-squared" points=0
def soft_gradient(student_logits, teacher_logits, temperature):
    p, q = softmax(teacher_logits / temperature, axis=-1), softmax(student_logits / temperature, axis=-1)
    return (q - p) / temperature / len(p)

# %% exercise="soft_gradient" answer="temperature-on-the-student-only" points=0
def soft_gradient(student_logits, teacher_logits, temperature):
    p, q = softmax(teacher_logits, axis=-1), softmax(student_logits / temperature, axis=-1)
    return temperature * (q - p) / len(p)

# %% exercise="soft_gradient" answer="sum-for-mean" points=2
def soft_gradient(student_logits, teacher_logits, temperature):
    p, q = softmax(teacher_logits / temperature, axis=-1), softmax(student_logits / temperature, axis=-1)
    return temperature * (q - p)

# %% exercise="soft_gradient" answer="uphill" points=0
def soft_gradient(student_logits, teacher_logits, temperature):
    p, q = softmax(teacher_logits / temperature, axis=-1), softmax(student_logits / temperature, axis=-1)
    return temperature * (p - q) / len(p)

# %% exercise="soft_gradient" answer="its-limit-at-every-temperature" points=0
def soft_gradient(student_logits, teacher_logits, temperature):
    difference = student_logits - teacher_logits
    return (difference - difference.mean(axis=1, keepdims=True)) / difference.size

# %% exercise="bias_shift" answer="tries-each-candidate" points=4
def bias_shift(logits, absent, count):
    best = logits.copy()
    best[:, absent] = -np.inf
    lacking = best.max(axis=1) - logits[:, absent]
    return min(shift for shift in lacking if (lacking <= shift).sum() >= count)

# %% exercise="bias_shift" answer="off-by-one" points=0
def bias_shift(logits, absent, count):
    lacking = np.sort(np.delete(logits, absent, axis=1).max(axis=1) - logits[:, absent])
    return lacking[min(count, len(lacking) - 1)]

# %% exercise="bias_shift" answer="the-class-among-its-own-rivals" points=2
def bias_shift(logits, absent, count):
    return np.sort(logits.max(axis=1) - logits[:, absent])[count - 1]

# %% exercise="bias_shift" answer="never-lowers" points=2
def bias_shift(logits, absent, count):
    lacking = np.sort(np.delete(logits, absent, axis=1).max(axis=1) - logits[:, absent])
    return max(0.0, lacking[count - 1])

# %% exercise="bias_shift" answer="from-the-largest-gap" points=0
def bias_shift(logits, absent, count):
    lacking = np.sort(np.delete(logits, absent, axis=1).max(axis=1) - logits[:, absent])
    return lacking[-count]

# %% exercise="bias_shift" answer="mean-gap" points=0
def bias_shift(logits, absent, count):
    return np.mean(np.delete(logits, absent, axis=1).max(axis=1) - logits[:, absent])
