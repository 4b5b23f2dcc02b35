# %% exercise="mended_step" answer="by-columns" points=5
def mended_step(weights, biases, X, targets, rate):
    layers = [[W.T.copy(), b[:, None].copy()] for W, b in zip(weights, biases, strict=True)]
    sgd_step(layers, X.T, targets.T, rate, cross_entropy)
    return [W.T for W, _ in layers], [B[:, 0] for _, B in layers]

# %% exercise="mended_step" answer="all-gradients-first" points=5
def mended_step(weights, biases, X, targets, rate):
    stored = [X]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        stored.append(np.maximum(stored[-1] @ W + b, 0))
    dH = softmax((stored[-1] @ weights[-1] + biases[-1]).T).T - targets
    new_weights, new_biases = [], []
    for W, b, H in zip(weights[::-1], biases[::-1], stored[::-1], strict=True):
        new_weights.insert(0, W - rate * H.T @ dH / len(X))
        new_biases.insert(0, b - rate * dH.mean(axis=0))
        dH = (dH @ W.T) * (H > 0)
    return new_weights, new_biases

# %% exercise="mended_step" answer="unchanged" points=0
def mended_step(weights, biases, X, targets, rate):
    return faulty_step(weights, biases, X, targets, rate)

# %% exercise="mended_step" answer="only-the-mean" points=2
def mended_step(weights, biases, X, targets, rate):
    return faulty_step(weights, biases, X, targets, rate / len(X))

# %% exercise="mended_step" answer="only-the-order" points=3
def mended_step(weights, biases, X, targets, rate):
    layers = [[W.T.copy(), b[:, None].copy()] for W, b in zip(weights, biases, strict=True)]
    sgd_step(layers, X.T, targets.T, rate * len(X), cross_entropy)
    return [W.T for W, _ in layers], [B[:, 0] for _, B in layers]

# %% exercise="mended_step" answer="bias-still-summed" points=3
def mended_step(weights, biases, X, targets, rate):
    weights, biases = [W.copy() for W in weights], [b.copy() for b in biases]
    stored = [X]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        stored.append(np.maximum(stored[-1] @ W + b, 0))
    dH = softmax((stored[-1] @ weights[-1] + biases[-1]).T).T - targets
    for index in reversed(range(len(weights))):
        dH_below = (dH @ weights[index].T) * (stored[index] > 0)
        weights[index] -= rate * stored[index].T @ dH / len(X)
        biases[index] -= rate * dH.sum(axis=0)
        dH = dH_below
    return weights, biases

# %% exercise="mended_step" answer="mean-over-batch-and-classes" points=0
def mended_step(weights, biases, X, targets, rate):
    layers = [[W.T.copy(), b[:, None].copy()] for W, b in zip(weights, biases, strict=True)]
    sgd_step(layers, X.T, targets.T, rate / targets.shape[1], cross_entropy)
    return [W.T for W, _ in layers], [B[:, 0] for _, B in layers]

# %% exercise="mended_step" answer="lost-the-relu" points=2
def mended_step(weights, biases, X, targets, rate):
    weights, biases = [W.copy() for W in weights], [b.copy() for b in biases]
    stored = [X]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        stored.append(np.maximum(stored[-1] @ W + b, 0))
    dH = (softmax((stored[-1] @ weights[-1] + biases[-1]).T).T - targets) / len(X)
    for index in reversed(range(len(weights))):
        dH_below = dH @ weights[index].T
        weights[index] -= rate * stored[index].T @ dH
        biases[index] -= rate * dH.sum(axis=0)
        dH = dH_below
    return weights, biases

# %% exercise="softmax_backward" answer="by-jacobian" points=5
def softmax_backward(y, dy):
    columns = []
    for n in range(y.shape[1]):
        jacobian = np.diag(y[:, n]) - np.outer(y[:, n], y[:, n])
        columns.append(jacobian.T @ dy[:, n])
    return np.stack(columns, axis=1)

# %% exercise="softmax_backward" answer="through-the-logarithm" points=5
def softmax_backward(y, dy):
    d_log = y * dy
    return d_log - y * d_log.sum(axis=0)

# %% exercise="softmax_backward" answer="diagonal-only" points=0
def softmax_backward(y, dy):
    return y * (1 - y) * dy

# %% exercise="softmax_backward" answer="summed-over-everything" points=3
def softmax_backward(y, dy):
    return y * (dy - (y * dy).sum())

# %% exercise="softmax_backward" answer="summed-over-examples" points=0
def softmax_backward(y, dy):
    return y * (dy - (y * dy).sum(axis=1, keepdims=True))

# %% exercise="softmax_backward" answer="sign" points=0
def softmax_backward(y, dy):
    return y * ((y * dy).sum(axis=0, keepdims=True) - dy)

# %% exercise="softmax_backward" answer="softmax-again" points=0
def softmax_backward(y, dy):
    y = softmax(y)
    return y * (dy - (y * dy).sum(axis=0, keepdims=True))

# %% exercise="softmax_backward" answer="mean-for-sum" points=0
def softmax_backward(y, dy):
    return y * (dy - (y * dy).mean(axis=0, keepdims=True))

# %% exercise="softmax_backward" answer="cross-entropy-only" points=0
def softmax_backward(y, dy):
    return y + y * dy
