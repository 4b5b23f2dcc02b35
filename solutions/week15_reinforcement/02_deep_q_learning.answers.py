# %% exercise="bellman_targets" answer="with-a-factor" points=6
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    goes_on = 1.0 - tf.cast(terminated, tf.float32)
    return rewards + discount * goes_on * tf.math.reduce_max(Q_next, -1)

# %% exercise="bellman_targets" answer="as-planted" points=0
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    done = terminated | truncated
    return tf.where(done, 0.0, rewards + discount * tf.reduce_max(Q_next, axis=0))

# %% exercise="bellman_targets" answer="truncated-is-the-end-too" points=3
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    done = terminated | truncated
    return rewards + discount * tf.where(done, 0.0, tf.reduce_max(Q_next, axis=-1))

# %% exercise="bellman_targets" answer="the-last-reward-is-lost" points=3
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    return tf.where(terminated, 0.0, rewards + discount * tf.reduce_max(Q_next, axis=-1))

# %% exercise="bellman_targets" answer="axis-1-is-not-always-the-last" points=3
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    return rewards + discount * tf.where(terminated, 0.0, tf.reduce_max(Q_next, axis=1))

# %% exercise="bellman_targets" answer="mean-for-max" points=3
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    return rewards + discount * tf.where(terminated, 0.0, tf.reduce_mean(Q_next, axis=-1))

# %% exercise="bellman_targets" answer="without-the-discount" points=0
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    return rewards + tf.where(terminated, 0.0, tf.reduce_max(Q_next, axis=-1))

# %% exercise="bellman_targets" answer="only-truncated-is-the-end" points=3
def bellman_targets(rewards, terminated, truncated, Q_next, discount):
    return rewards + discount * tf.where(truncated, 0.0, tf.reduce_max(Q_next, axis=-1))

# %% exercise="double_targets" answer="by-a-loop" points=4
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    targets = []
    for reward, ended, choose, judge in zip(rewards, terminated, Q_choose, Q_judge):
        targets.append(reward if ended else reward + discount * judge[np.argmax(choose)])
    return np.array(targets)

# %% exercise="double_targets" answer="along-the-axis" points=4
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    chosen = np.argmax(Q_choose, axis=1)[:, None]
    return np.where(terminated, rewards, rewards + discount * np.take_along_axis(Q_judge, chosen, axis=1)[:, 0])

# %% exercise="double_targets" answer="roles-exchanged" points=2
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    chosen = Q_judge.argmax(axis=-1)
    return rewards + discount * ~terminated * Q_choose[np.arange(len(chosen)), chosen]

# %% exercise="double_targets" answer="one-network-does-both" points=2
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    return rewards + discount * ~terminated * Q_judge.max(axis=-1)

# %% exercise="double_targets" answer="smaller-of-two-maxima" points=2
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    return rewards + discount * ~terminated * np.minimum(Q_choose.max(axis=-1), Q_judge.max(axis=-1))

# %% exercise="double_targets" answer="columns-for-every-row" points=0
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    chosen = Q_choose.argmax(axis=-1)
    return rewards + discount * ~terminated * Q_judge[:, chosen]

# %% exercise="double_targets" answer="bombs-forgotten" points=2
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    chosen = Q_choose.argmax(axis=-1)
    return rewards + discount * Q_judge[np.arange(len(chosen)), chosen]

# %% exercise="double_targets" answer="terminated-worth-nothing" points=2
def double_targets(rewards, terminated, Q_choose, Q_judge, discount):
    chosen = Q_choose.argmax(axis=-1)
    return np.where(terminated, 0.0, rewards + discount * Q_judge[np.arange(len(chosen)), chosen])
