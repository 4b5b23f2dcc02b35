# %% exercise="faded_features" answer="written-out" points=4
def faded_features(images, alpha, input4, block8):
    small = images.numpy().reshape(-1, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    old, new = input4(tf.constant(small)), block8(images)
    new = (new[:, ::2, ::2] + new[:, 1::2, ::2] + new[:, ::2, 1::2] + new[:, 1::2, 1::2]) / 4
    return old + alpha * (new - old)

# %% exercise="faded_features" answer="alpha-of-the-old" points=0
def faded_features(images, alpha, input4, block8):
    return alpha * input4(half(images)) + (1 - alpha) * half(block8(images))

# %% exercise="faded_features" answer="old-features-halved-instead-of-the-image" points=0
def faded_features(images, alpha, input4, block8):
    return fade(half(input4(images)), half(block8(images)), alpha)

# %% exercise="faded_features" answer="new-block-given-the-halved-image" points=0
def faded_features(images, alpha, input4, block8):
    return fade(input4(half(images)), block8(half(images)), alpha)

# %% exercise="faded_features" answer="images-mixed-before-the-layers" points=0
def faded_features(images, alpha, input4, block8):
    mixed = fade(double(half(images)), images, alpha)
    return half(block8(mixed))

# %% exercise="faded_features" answer="a-switch-in-place-of-a-fade" points=2
def faded_features(images, alpha, input4, block8):
    return input4(half(images)) if alpha < 0.5 else half(block8(images))

# %% exercise="faded_features" answer="added-without-taking-away" points=0
def faded_features(images, alpha, input4, block8):
    return input4(half(images)) + alpha * half(block8(images))

# %% exercise="with_deviation" answer="by-squares" points=3
def with_deviation(features):
    mean = tf.reduce_mean(features, axis=0, keepdims=True)
    variance = tf.reduce_mean((features - mean) ** 2, axis=0)
    one = tf.reduce_mean(tf.sqrt(variance + 1e-8))
    return tf.concat([features, one * tf.ones_like(features[..., :1])], axis=-1)

# %% exercise="with_deviation" answer="as-planted" points=0
def with_deviation(features):
    deviation = tf.math.reduce_std(features, axis=(1, 2, 3), keepdims=True)
    deviation = tf.reduce_mean(deviation)
    return tf.concat([features, tf.fill(tf.shape(features[..., :1]), deviation)], axis=-1)

# %% exercise="with_deviation" answer="over-everything" points=0
def with_deviation(features):
    deviation = tf.sqrt(tf.math.reduce_variance(features) + 1e-8)
    return tf.concat([features, tf.fill(tf.shape(features[..., :1]), deviation)], axis=-1)

# %% exercise="with_deviation" answer="variance-left-unrooted" points=1
def with_deviation(features):
    variance = tf.reduce_mean(tf.math.reduce_variance(features, axis=0))
    return tf.concat([features, tf.fill(tf.shape(features[..., :1]), variance)], axis=-1)

# %% exercise="with_deviation" answer="root-of-the-mean-variance" points=1
def with_deviation(features):
    deviation = tf.sqrt(tf.reduce_mean(tf.math.reduce_variance(features, axis=0)) + 1e-8)
    return tf.concat([features, tf.fill(tf.shape(features[..., :1]), deviation)], axis=-1)

# %% exercise="with_deviation" answer="nothing-under-the-root" points=1
def with_deviation(features):
    deviation = tf.reduce_mean(tf.math.reduce_std(features, axis=0))
    return tf.concat([features, tf.fill(tf.shape(features[..., :1]), deviation)], axis=-1)

# %% exercise="with_deviation" answer="a-map-of-deviations" points=1
def with_deviation(features):
    deviation = tf.sqrt(tf.math.reduce_variance(features, axis=0) + 1e-8)
    channel = tf.reduce_mean(deviation, axis=-1, keepdims=True)
    return tf.concat([features, tf.repeat(channel[None], len(features), axis=0)], axis=-1)

# %% exercise="saving" answer="added-up" points=3
def saving(resolutions, ratio):
    costs = [ratio**k for k in range(resolutions)]
    return resolutions * costs[-1] / sum(costs)

# %% exercise="saving" answer="geometric-sum-divides-by-zero" points=1
def saving(resolutions, ratio):
    return resolutions * ratio ** (resolutions - 1) * (ratio - 1) / (ratio**resolutions - 1)

# %% exercise="saving" answer="last-stage-over-the-first" points=0
def saving(resolutions, ratio):
    return ratio ** (resolutions - 1)

# %% exercise="saving" answer="one-doubling-too-many" points=0
def saving(resolutions, ratio):
    return resolutions * ratio**resolutions / sum(ratio**k for k in range(resolutions + 1))

# %% exercise="saving" answer="forgets-the-number-of-stages" points=0
def saving(resolutions, ratio):
    return ratio ** (resolutions - 1) / sum(ratio**k for k in range(resolutions))

# %% exercise="saving" answer="two-stages-only" points=1
def saving(resolutions, ratio):
    return 2 * ratio / (1 + ratio)
