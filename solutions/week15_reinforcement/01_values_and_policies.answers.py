# %% exercise="q_target" answer="one-expression" points=4
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    return reward + gamma * (1 - int(terminated)) * max(Q[s_next])

# %% exercise="q_target" answer="as-planted" points=0
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    if terminated or truncated:
        return reward
    return reward + gamma * Q.max()

# %% exercise="q_target" answer="only-the-row-mended" points=2
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    if terminated or truncated:
        return reward
    return reward + gamma * Q[s_next].max()

# %% exercise="q_target" answer="only-the-clock-mended" points=0
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    if terminated:
        return reward
    return reward + gamma * Q.max()

# %% exercise="q_target" answer="the-clock-outranks-the-goal" points=2
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    if terminated and not truncated:
        return reward
    return reward + gamma * Q[s_next].max()

# %% exercise="q_target" answer="goes-on-for-ever" points=0
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    return reward + gamma * Q[s_next].max()

# %% exercise="q_target" answer="mean-for-maximum" points=0
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    return reward if terminated else reward + gamma * Q[s_next].mean()

# %% exercise="q_target" answer="discounts-the-reward-too" points=0
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    return reward if terminated else gamma * (reward + Q[s_next].max())

# %% exercise="q_target" answer="action-for-its-value" points=0
def q_target(Q, reward, s_next, terminated, truncated, gamma):
    return reward if terminated else reward + gamma * Q[s_next].argmax()

# %% exercise="score_gradients" answer="draw-by-draw" points=4
def score_gradients(theta, choices, rewards, baseline=0.0):
    rows = []
    for logits, k, advantage in zip(theta, choices, rewards - baseline):
        shifted = logits - max(logits)
        row = -np.exp(shifted) / sum(np.exp(shifted))
        row[k] += 1
        rows.append(advantage * row)
    return np.array(rows)

# %% exercise="score_gradients" answer="through-cross-entropy" points=4
def score_gradients(theta, choices, rewards, baseline=0.0):
    with tf.GradientTape() as tape:
        logits = tf.constant(theta, tf.float64)
        tape.watch(logits)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(choices, logits) * (rewards - baseline)
    return -tape.gradient(loss, logits)

# %% exercise="score_gradients" answer="overflows" points=2
def score_gradients(theta, choices, rewards, baseline=0.0):
    p = np.exp(theta) / np.exp(theta).sum(axis=1, keepdims=True)
    return (rewards - baseline)[:, None] * (np.eye(theta.shape[1])[choices] - p)

# %% exercise="score_gradients" answer="baseline-from-the-whole" points=2
def score_gradients(theta, choices, rewards, baseline=0.0):
    p = softmax(theta)
    return rewards[:, None] * (np.eye(theta.shape[1])[choices] - p) - np.reshape(baseline, (-1, 1))

# %% exercise="score_gradients" answer="baseline-forgotten" points=2
def score_gradients(theta, choices, rewards, baseline=0.0):
    return rewards[:, None] * (np.eye(theta.shape[1])[choices] - softmax(theta))

# %% exercise="score_gradients" answer="sign-of-the-cross-entropy" points=0
def score_gradients(theta, choices, rewards, baseline=0.0):
    return (rewards - baseline)[:, None] * (softmax(theta) - np.eye(theta.shape[1])[choices])

# %% exercise="score_gradients" answer="gradient-of-p" points=0
def score_gradients(theta, choices, rewards, baseline=0.0):
    p = softmax(theta)
    chosen = p[np.arange(len(p)), choices][:, None]
    return (rewards - baseline)[:, None] * chosen * (np.eye(theta.shape[1])[choices] - p)

# %% exercise="score_gradients" answer="chosen-logit-only" points=0
def score_gradients(theta, choices, rewards, baseline=0.0):
    return (rewards - baseline)[:, None] * np.eye(theta.shape[1])[choices] * (1 - softmax(theta))

# %% exercise="score_gradients" answer="averaged" points=0
def score_gradients(theta, choices, rewards, baseline=0.0):
    score = np.eye(theta.shape[1])[choices] - softmax(theta)
    return ((rewards - baseline)[:, None] * score).mean(axis=0)

# %% exercise="score_gradients" answer="log-probability-for-its-gradient" points=0
def score_gradients(theta, choices, rewards, baseline=0.0):
    return (rewards - baseline)[:, None] * np.eye(theta.shape[1])[choices] * np.log(np.maximum(softmax(theta), 1e-300))

# %% exercise="best_baseline" answer="squared-norm-by-hand" points=3
def best_baseline(p, rewards):
    weights = p * (1 - 2 * p + (p**2).sum())
    return (weights * rewards).sum() / weights.sum()

# %% exercise="best_baseline" answer="through-the-parabola" points=3
def best_baseline(p, rewards):
    at_minus, at_0, at_plus = (variance(p, rewards, b)[0] for b in (-1.0, 0.0, 1.0))
    return (at_minus - at_plus) / (2 * (at_plus + at_minus - 2 * at_0))

# %% exercise="best_baseline" answer="mean-reward" points=0
def best_baseline(p, rewards):
    return p @ rewards

# %% exercise="best_baseline" answer="plain-mean" points=0
def best_baseline(p, rewards):
    return rewards.mean()

# %% exercise="best_baseline" answer="chosen-component-only" points=1
def best_baseline(p, rewards):
    weights = p * (1 - p) ** 2
    return weights @ rewards / weights.sum()

# %% exercise="best_baseline" answer="probability-forgotten" points=0
def best_baseline(p, rewards):
    return squared_scores(p) @ rewards / squared_scores(p).sum()

# %% exercise="best_baseline" answer="norm-not-squared" points=0
def best_baseline(p, rewards):
    weights = p * np.sqrt(squared_scores(p))
    return weights @ rewards / weights.sum()

# %% exercise="best_baseline" answer="best-reward" points=0
def best_baseline(p, rewards):
    return rewards.max()
