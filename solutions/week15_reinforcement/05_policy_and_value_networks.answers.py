# %% exercise="reinforce_gradient" answer="move-by-move" points=4
def reinforce_gradient(logits, moves, z):
    gradient = np.zeros(np.shape(logits))
    for i in range(len(moves)):
        e = np.exp(logits[i])
        for a in range(len(e)):
            gradient[i, a] = z[i] * (e[a] / e.sum() - (a == moves[i])) / len(moves)
    return gradient

# %% exercise="reinforce_gradient" answer="by-the-tape" points=4
def reinforce_gradient(logits, moves, z):
    o = tf.constant(logits, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(o)
        log_p = tf.gather(tf.nn.log_softmax(o), tf.constant(moves), batch_dims=1)
        loss = -tf.reduce_mean(tf.constant(z, tf.float64) * log_p)
    return tape.gradient(loss, o).numpy()

# %% exercise="reinforce_gradient" answer="uphill" points=0
def reinforce_gradient(logits, moves, z):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return z[:, None] * (np.eye(logits.shape[1])[moves] - p) / len(z)

# %% exercise="reinforce_gradient" answer="sum-for-mean" points=2
def reinforce_gradient(logits, moves, z):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return z[:, None] * (p - np.eye(logits.shape[1])[moves])

# %% exercise="reinforce_gradient" answer="winners-only" points=0
def reinforce_gradient(logits, moves, z):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.maximum(z, 0)[:, None] * (p - np.eye(logits.shape[1])[moves]) / len(z)

# %% exercise="reinforce_gradient" answer="everybody-a-winner" points=0
def reinforce_gradient(logits, moves, z):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (p - np.eye(logits.shape[1])[moves]) / len(z)

# %% exercise="reinforce_gradient" answer="softmax-over-the-batch" points=0
def reinforce_gradient(logits, moves, z):
    p = np.exp(logits) / np.exp(logits).sum()
    p = p / p.sum(axis=0, keepdims=True)
    return z[:, None] * (p - np.eye(logits.shape[1])[moves]) / len(z)

# %% exercise="reinforce_gradient" answer="the-chosen-logit-only" points=0
def reinforce_gradient(logits, moves, z):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return z[:, None] * (p - 1) * np.eye(logits.shape[1])[moves] / len(z)

# %% exercise="value_examples" answer="game-by-game" points=4
def value_examples(lengths, results, draws):
    chosen, targets = [], []
    for length, result, draw in zip(lengths, results, draws):
        j = int(np.floor(draw * length))
        chosen.append(j)
        targets.append(result * (-1) ** j)
    return np.array(chosen), np.array(targets)

# %% exercise="value_examples" answer="as-planted" points=0
def value_examples(lengths, results, draws):
    chosen = np.minimum((draws * lengths.max()).astype(int), lengths - 1)
    return chosen, results

# %% exercise="value_examples" answer="only-the-sides-mended" points=2
def value_examples(lengths, results, draws):
    chosen = np.minimum((draws * lengths.max()).astype(int), lengths - 1)
    return chosen, np.where(chosen % 2 == 0, results, -results)

# %% exercise="value_examples" answer="only-the-choice-mended" points=2
def value_examples(lengths, results, draws):
    return (draws * lengths).astype(int), results

# %% exercise="value_examples" answer="seen-by-who-moved-last" points=2
def value_examples(lengths, results, draws):
    chosen = (draws * lengths).astype(int)
    return chosen, np.where(chosen % 2 == 0, -results, results)

# %% exercise="value_examples" answer="rounded" points=0
def value_examples(lengths, results, draws):
    chosen = np.round(draws * (lengths - 1)).astype(int)
    return chosen, np.where(chosen % 2 == 0, results, -results)

# %% exercise="value_examples" answer="seen-by-who-moves-last-in-the-game" points=2
def value_examples(lengths, results, draws):
    chosen = (draws * lengths).astype(int)
    return chosen, np.where((lengths - chosen) % 2 == 1, results, -results)

# %% exercise="leaf_value" answer="leaf-by-leaf" points=4
def leaf_value(v, winner, stones, mix):
    V = []
    for k in range(len(v)):
        to_move = 1 if stones[k] % 2 == 0 else -1
        V.append((1 - mix) * v[k] + mix * winner[k] * to_move)
    return np.array(V)

# %% exercise="leaf_value" answer="never-turned" points=0
def leaf_value(v, winner, stones, mix):
    return (1 - mix) * v + mix * winner

# %% exercise="leaf_value" answer="both-turned" points=2
def leaf_value(v, winner, stones, mix):
    return ((1 - mix) * v + mix * winner) * np.where(stones % 2 == 0, 1, -1)

# %% exercise="leaf_value" answer="lambda-on-the-wrong-side" points=0
def leaf_value(v, winner, stones, mix):
    return mix * v + (1 - mix) * winner * np.where(stones % 2 == 0, 1, -1)

# %% exercise="leaf_value" answer="for-who-moved-last" points=0
def leaf_value(v, winner, stones, mix):
    return (1 - mix) * v + mix * winner * np.where(stones % 2 == 0, -1, 1)

# %% exercise="leaf_value" answer="sum-for-mixture" points=0
def leaf_value(v, winner, stones, mix):
    return v + mix * winner * np.where(stones % 2 == 0, 1, -1)

# %% exercise="leaf_value" answer="always-half-and-half" points=0
def leaf_value(v, winner, stones, mix):
    return (v + winner * np.where(stones % 2 == 0, 1, -1)) / 2
