# %% exercise="residual_stack" answer="plain-part-then-residual-part" points=3
def residual_stack(layers, inputs, start):
    for layer in layers[:start]:
        inputs = layer(inputs)
    for layer in layers[start:]:
        inputs = np.add(inputs, layer(inputs))
    return inputs

# %% exercise="residual_stack" answer="one-layer-late" points=0
def residual_stack(layers, inputs, start):
    x = inputs
    for number, layer in enumerate(layers):
        x = layer(x) + x if number > start else layer(x)
    return x

# %% exercise="residual_stack" answer="adds-the-networks-input" points=0
def residual_stack(layers, inputs, start):
    x = inputs
    for number, layer in enumerate(layers):
        x = layer(x) + inputs if number >= start else layer(x)
    return x

# %% exercise="residual_stack" answer="one-shortcut-around-all-of-them" points=0
def residual_stack(layers, inputs, start):
    x = inputs
    for layer in layers[:start]:
        x = layer(x)
    below = x
    for layer in layers[start:]:
        x = layer(x)
    return x + below

# %% exercise="residual_stack" answer="wherever-the-shapes-agree" points=0
def residual_stack(layers, inputs, start):
    x = inputs
    for layer in layers:
        y = layer(x)
        x = y + x if y.shape == x.shape else y
    return x

# %% exercise="gnmt_score" answer="powers-apart" points=4
def gnmt_score(log_probability, length, alpha, attention=None, beta=0.0):
    penalty = (5.0 + length) ** alpha / 6.0**alpha
    if attention is None:
        return log_probability / penalty
    covered = np.asarray(attention).sum(axis=-2)
    return log_probability / penalty + beta * np.log(np.where(covered > 1, 1, covered)).sum(-1)

# %% exercise="gnmt_score" answer="six-without-the-power" points=0
def gnmt_score(log_probability, length, alpha, attention=None, beta=0.0):
    score = log_probability / ((5 + length) ** alpha / 6)
    if attention is not None:
        score = score + beta * np.log(np.minimum(attention.sum(axis=-2), 1.0)).sum(axis=-1)
    return score

# %% exercise="gnmt_score" answer="multiplied-by-the-penalty" points=1
def gnmt_score(log_probability, length, alpha, attention=None, beta=0.0):
    score = log_probability * ((5 + length) / 6) ** alpha
    if attention is not None:
        score = score + beta * np.log(np.minimum(attention.sum(axis=-2), 1.0)).sum(axis=-1)
    return score

# %% exercise="gnmt_score" answer="power-of-the-length-alone" points=1
def gnmt_score(log_probability, length, alpha, attention=None, beta=0.0):
    score = log_probability / (1.0 * length) ** alpha
    if attention is not None:
        score = score + beta * np.log(np.minimum(attention.sum(axis=-2), 1.0)).sum(axis=-1)
    return score

# %% exercise="gnmt_score" answer="summed-over-the-source" points=2
def gnmt_score(log_probability, length, alpha, attention=None, beta=0.0):
    score = log_probability / ((5 + length) / 6) ** alpha
    if attention is not None:
        score = score + beta * np.log(np.minimum(attention.sum(axis=-1), 1.0)).sum(axis=-1)
    return score

# %% exercise="gnmt_score" answer="no-minimum" points=2
def gnmt_score(log_probability, length, alpha, attention=None, beta=0.0):
    score = log_probability / ((5 + length) / 6) ** alpha
    if attention is not None:
        score = score + beta * np.log(attention.sum(axis=-2)).sum(axis=-1)
    return score

# %% exercise="gnmt_score" answer="coverage-divided-too" points=3
def gnmt_score(log_probability, length, alpha, attention=None, beta=0.0):
    score = log_probability
    if attention is not None:
        score = score + beta * np.log(np.minimum(attention.sum(axis=-2), 1.0)).sum(axis=-1)
    return score / ((5 + length) / 6) ** alpha

# %% exercise="path_shares" answer="layer-by-layer" points=4
def path_shares(layers, derivative):
    shares = np.ones(1)
    for _ in range(layers):
        shares = np.convolve(shares, [1, derivative]) / (1 + derivative)
    return shares

# %% exercise="path_shares" answer="one-path-for-each-number-of-layers" points=0
def path_shares(layers, derivative):
    paths = derivative ** np.arange(layers + 1.0)
    return paths / paths.sum()

# %% exercise="path_shares" answer="counts-the-layers-skipped" points=0
def path_shares(layers, derivative):
    paths = [math.comb(layers, k) * derivative ** (layers - k) for k in range(layers + 1)]
    return np.array(paths) / sum(paths)

# %% exercise="path_shares" answer="not-divided-by-the-sum" points=0
def path_shares(layers, derivative):
    return np.array([math.comb(layers, k) * derivative**k for k in range(layers + 1)])

# %% exercise="path_shares" answer="derivative-taken-for-a-probability" points=0
def path_shares(layers, derivative):
    return np.array([math.comb(layers, k) * derivative**k * (1 - derivative) ** (layers - k) for k in range(layers + 1)])
