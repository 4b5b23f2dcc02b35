# %% exercise="cost_of_gain" answer="sums-the-powers" points=4
def cost_of_gain(A, B, Q, R, K, count):
    closed, stage = A + B @ K, Q + K.T @ R @ K
    total, power = 0 * Q, np.eye(len(A))
    for _ in range(count):
        total = total + power.T @ stage @ power
        power = closed @ power
    return total

# %% exercise="cost_of_gain" answer="torques-for-nothing" points=0
def cost_of_gain(A, B, Q, R, K, count):
    P = np.zeros_like(Q)
    for _ in range(count):
        P = Q + (A + B @ K).T @ P @ (A + B @ K)
    return P

# %% exercise="cost_of_gain" answer="riccatis-formula-for-any-gain" points=0
def cost_of_gain(A, B, Q, R, K, count):
    P = np.zeros_like(Q)
    for _ in range(count):
        P = Q + A.T @ P @ (A + B @ K)
    return P

# %% exercise="cost_of_gain" answer="without-the-feedback-in-the-next-state" points=2
def cost_of_gain(A, B, Q, R, K, count):
    P = np.zeros_like(Q)
    for _ in range(count):
        P = Q + K.T @ R @ K + A.T @ P @ A
    return P

# %% exercise="cost_of_gain" answer="u-is-minus-Kx" points=2
def cost_of_gain(A, B, Q, R, K, count):
    P = np.zeros_like(Q)
    for _ in range(count):
        P = Q + K.T @ R @ K + (A - B @ K).T @ P @ (A - B @ K)
    return P

# %% exercise="cost_of_gain" answer="transposed-the-wrong-way" points=2
def cost_of_gain(A, B, Q, R, K, count):
    P = np.zeros_like(Q)
    for _ in range(count):
        P = Q + K.T @ R @ K + (A + B @ K) @ P @ (A + B @ K).T
    return P

# %% exercise="cost_of_gain" answer="one-state-too-many" points=0
def cost_of_gain(A, B, Q, R, K, count):
    P = Q.copy()
    for _ in range(count):
        P = Q + K.T @ R @ K + (A + B @ K).T @ P @ (A + B @ K)
    return P

# %% exercise="pulls_on_point" answer="one-derivative-at-a-time" points=4
def pulls_on_point(a):
    s = np.exp(a - a.max())
    s = (s / s.sum()).ravel()
    xy = coordinates(*a.shape).reshape(-1, 2)
    jacobian = np.diag(s) - np.outer(s, s)
    return (jacobian @ xy).reshape(*a.shape, 2)

# %% exercise="pulls_on_point" answer="by-the-tape" points=4
def pulls_on_point(a):
    a = tf.constant(a, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(a)
        s = tf.reshape(tf.nn.softmax(tf.reshape(a, [-1])), a.shape)
        f = tf.reduce_sum(s[..., None] * coordinates(*a.shape), axis=(0, 1))
    return np.moveaxis(tape.jacobian(f, a).numpy(), 0, -1)

# %% exercise="pulls_on_point" answer="the-mean-forgotten" points=2
def pulls_on_point(a):
    s = spatial_softmax(a[None, :, :, None])[0]
    return s * coordinates(*a.shape)

# %% exercise="pulls_on_point" answer="only-the-softmaxs-diagonal" points=0
def pulls_on_point(a):
    s = spatial_softmax(a[None, :, :, None])[0]
    return s * (1 - s) * coordinates(*a.shape)

# %% exercise="pulls_on_point" answer="not-weighted" points=0
def pulls_on_point(a):
    s = spatial_softmax(a[None, :, :, None])[0]
    xy = coordinates(*a.shape)
    return xy - (s * xy).sum(axis=(0, 1))

# %% exercise="pulls_on_point" answer="softmax-of-each-row" points=0
def pulls_on_point(a):
    s = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    xy = coordinates(*a.shape)
    return s[..., None] * (xy - (s[..., None] * xy).sum(axis=(0, 1)))

# %% exercise="pulls_on_point" answer="overflows" points=2
def pulls_on_point(a):
    s = (np.exp(a) / np.exp(a).sum())[..., None]
    xy = coordinates(*a.shape)
    return s * (xy - (s * xy).sum(axis=(0, 1)))

# %% exercise="pulls_on_point" answer="sign-turned" points=0
def pulls_on_point(a):
    s = spatial_softmax(a[None, :, :, None])[0]
    xy = coordinates(*a.shape)
    return s * ((s * xy).sum(axis=(0, 1)) - xy)

# %% exercise="second_lesson" answer="with-loops" points=4
def second_lesson(visited, X, U, K):
    states, labels = [], []
    for t in range(len(U)):
        for i in range(U.shape[1]):
            states.append(visited[t, i])
            labels.append(np.minimum(np.maximum(U[t, i] + K[t, i] @ (visited[t, i] - X[t, i]), -2), 2))
    return np.array(states), np.array(labels)

# %% exercise="second_lesson" answer="as-planted" points=0
def second_lesson(visited, X, U, K):
    labels = U + times(K, X[:-1] - visited[:-1])
    return X[:-1].reshape(-1, 4), labels.reshape(-1, 2)

# %% exercise="second_lesson" answer="sign-left-wrong" points=2
def second_lesson(visited, X, U, K):
    labels = U + times(K, X[:-1] - visited[:-1])
    return visited[:-1].reshape(-1, 4), np.clip(labels, -2, 2).reshape(-1, 2)

# %% exercise="second_lesson" answer="the-teachers-states" points=2
def second_lesson(visited, X, U, K):
    labels = U + times(K, visited[:-1] - X[:-1])
    return X[:-1].reshape(-1, 4), np.clip(labels, -2, 2).reshape(-1, 2)

# %% exercise="second_lesson" answer="the-teachers-torques-uncorrected" points=2
def second_lesson(visited, X, U, K):
    return visited[:-1].reshape(-1, 4), U.reshape(-1, 2)

# %% exercise="second_lesson" answer="the-state-after-the-torque" points=0
def second_lesson(visited, X, U, K):
    labels = U + times(K, visited[1:] - X[1:])
    return visited[1:].reshape(-1, 4), np.clip(labels, -2, 2).reshape(-1, 2)

# %% exercise="second_lesson" answer="not-cut" points=2
def second_lesson(visited, X, U, K):
    labels = U + times(K, visited[:-1] - X[:-1])
    return visited[:-1].reshape(-1, 4), labels.reshape(-1, 2)
