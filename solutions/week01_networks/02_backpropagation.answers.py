# %% exercise="log_softmax" answer="by-jacobian" points=4
def log_softmax(node):
    shifted = node.value - node.value.max(axis=0)
    value = shifted - np.log(np.exp(shifted).sum(axis=0))

    def send_back(d):
        sent = np.zeros_like(d)
        for example in range(d.shape[1]):
            jacobian = np.eye(len(d)) - np.exp(value[:, example])  # jacobian[k, i] = dy_k / dx_i
            sent[:, example] = d[:, example] @ jacobian
        return (sent,)

    return Node(value, (node,), send_back, "log_softmax")

# %% exercise="log_softmax" answer="without-subtracting-the-largest" points=2
def log_softmax(node):
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        value = node.value - np.log(np.exp(node.value).sum(axis=0, keepdims=True))
    return Node(value, (node,), lambda d: (d - np.exp(value) * d.sum(axis=0, keepdims=True),), "log_softmax")

# %% exercise="log_softmax" answer="one-hot-gradients-only" points=2
def log_softmax(node):
    shifted = node.value - node.value.max(axis=0, keepdims=True)
    value = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))
    return Node(value, (node,), lambda d: (d - np.exp(value),), "log_softmax")

# %% exercise="log_softmax" answer="over-the-examples" points=0
def log_softmax(node):
    shifted = node.value - node.value.max(axis=1, keepdims=True)
    value = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return Node(value, (node,), lambda d: (d - np.exp(value) * d.sum(axis=1, keepdims=True),), "log_softmax")

# %% exercise="log_softmax" answer="diagonal-of-the-jacobian" points=2
def log_softmax(node):
    shifted = node.value - node.value.max(axis=0, keepdims=True)
    value = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))
    return Node(value, (node,), lambda d: (d * (1 - np.exp(value)),), "log_softmax")

# %% exercise="log_softmax" answer="gradient-of-the-softmax" points=2
def log_softmax(node):
    shifted = node.value - node.value.max(axis=0, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(axis=0, keepdims=True)
    value = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))
    return Node(value, (node,), lambda d: (probabilities * (d - (d * probabilities).sum(axis=0)),), "log_softmax")

# %% exercise="mended_gradients" answer="by-the-engine" points=4
def mended_gradients(W, X, B, T):
    return tuple(by_engine(tied, [W, X, B, T])[:3])

# %% exercise="mended_gradients" answer="with-copies" points=4
def mended_gradients(W, X, B, T):
    hidden = np.tanh(W @ X + B)
    d_outputs = -2 * (T - (hidden + W @ hidden + B))
    d_weights = d_outputs @ hidden.T
    d_hidden = d_outputs.copy()
    d_hidden += W.T @ d_outputs
    d_before = d_hidden * (1 - hidden**2)
    d_weights += d_before @ X.T
    return d_weights, W.T @ d_before, (d_outputs + d_before).sum(axis=1, keepdims=True)

# %% exercise="mended_gradients" answer="nothing-mended" points=0
mended_gradients = faulty_gradients

# %% exercise="mended_gradients" answer="only-the-overwritten-one" points=2
def mended_gradients(W, X, B, T):
    hidden = np.tanh(W @ X + B)
    d_outputs = -2 * (T - (hidden + W @ hidden + B))
    d_weights = d_outputs @ hidden.T
    d_hidden = d_outputs
    d_hidden += W.T @ d_outputs
    d_before = d_hidden * (1 - hidden**2)
    d_weights += d_before @ X.T
    return d_weights, W.T @ d_before, (d_outputs + d_before).sum(axis=1, keepdims=True)

# %% exercise="mended_gradients" answer="only-the-changed-one" points=2
def mended_gradients(W, X, B, T):
    hidden = np.tanh(W @ X + B)
    d_outputs = -2 * (T - (hidden + W @ hidden + B))
    d_weights = d_outputs @ hidden.T
    d_hidden = d_outputs + W.T @ d_outputs
    d_before = d_hidden * (1 - hidden**2)
    d_weights = d_before @ X.T
    return d_weights, W.T @ d_before, (d_outputs + d_before).sum(axis=1, keepdims=True)

# %% exercise="mended_gradients" answer="removed-the-skip-connection" points=0
def mended_gradients(W, X, B, T):
    hidden = np.tanh(W @ X + B)
    d_outputs = -2 * (T - (hidden + W @ hidden + B))
    d_before = (W.T @ d_outputs) * (1 - hidden**2)
    return d_outputs @ hidden.T + d_before @ X.T, W.T @ d_before, (d_outputs + d_before).sum(axis=1, keepdims=True)

# %% exercise="dense_gradients" answer="by-einsum" points=4
def dense_gradients(inputs, weights, bias, targets):
    outputs = np.maximum(inputs @ weights + bias, 0)
    d_before = np.where(outputs > 0, 2 * (outputs - targets), 0) / np.size(targets)
    return (np.einsum("nm,im->ni", d_before, weights), np.einsum("ni,nm->im", inputs, d_before),
            np.einsum("nm->m", d_before))

# %% exercise="dense_gradients" answer="sum-for-mean" points=0
def dense_gradients(inputs, weights, bias, targets):
    before = inputs @ weights + bias
    d_before = -2 * (targets - np.maximum(before, 0)) * (before > 0)
    return d_before @ weights.T, inputs.T @ d_before, d_before.sum(axis=0)

# %% exercise="dense_gradients" answer="mean-over-examples-only" points=0
def dense_gradients(inputs, weights, bias, targets):
    before = inputs @ weights + bias
    d_before = -2 * (targets - np.maximum(before, 0)) / len(targets) * (before > 0)
    return d_before @ weights.T, inputs.T @ d_before, d_before.sum(axis=0)

# %% exercise="dense_gradients" answer="bias-summed-over-outputs" points=2
def dense_gradients(inputs, weights, bias, targets):
    before = inputs @ weights + bias
    d_before = -2 * (targets - np.maximum(before, 0)) / targets.size * (before > 0)
    return d_before @ weights.T, inputs.T @ d_before, d_before.sum(axis=1)

# %% exercise="dense_gradients" answer="bias-as-a-mean-over-examples" points=2
def dense_gradients(inputs, weights, bias, targets):
    before = inputs @ weights + bias
    d_before = -2 * (targets - np.maximum(before, 0)) / targets.size * (before > 0)
    return d_before @ weights.T, inputs.T @ d_before, d_before.mean(axis=0)

# %% exercise="dense_gradients" answer="forgot-the-relu" points=0
def dense_gradients(inputs, weights, bias, targets):
    d_before = -2 * (targets - np.maximum(inputs @ weights + bias, 0)) / targets.size
    return d_before @ weights.T, inputs.T @ d_before, d_before.sum(axis=0)

# %% exercise="dense_gradients" answer="weights-in-the-deck's-shape" points=2
def dense_gradients(inputs, weights, bias, targets):
    before = inputs @ weights + bias
    d_before = -2 * (targets - np.maximum(before, 0)) / targets.size * (before > 0)
    return d_before @ weights.T, d_before.T @ inputs, d_before.sum(axis=0)
