# %% exercise="ac_gan_losses" answer="by-keras-losses" points=4
def ac_gan_losses(real, fake, labels, asked):
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    of_class = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    discriminator = binary(tf.ones_like(real[0]), real[0]) + binary(tf.zeros_like(fake[0]), fake[0])
    discriminator += of_class(labels, real[1]) + of_class(asked, fake[1])
    return discriminator, binary(tf.ones_like(fake[0]), fake[0]) + of_class(asked, fake[1])

# %% exercise="ac_gan_losses" answer="as-planted" points=0
def ac_gan_losses(real, fake, labels, asked):
    source, deceived = non_saturating(real[0], fake[0])
    classes = cross_entropy(labels, real[1]) + cross_entropy(labels, fake[1])
    return source + classes, deceived - classes

# %% exercise="ac_gan_losses" answer="generator-still-against-the-class" points=2
def ac_gan_losses(real, fake, labels, asked):
    source, deceived = non_saturating(real[0], fake[0])
    classes = cross_entropy(labels, real[1]) + cross_entropy(asked, fake[1])
    return source + classes, deceived - cross_entropy(asked, fake[1])

# %% exercise="ac_gan_losses" answer="fakes-compared-with-the-real-labels" points=0
def ac_gan_losses(real, fake, labels, asked):
    source, deceived = non_saturating(real[0], fake[0])
    recognized = cross_entropy(labels, fake[1])
    return source + cross_entropy(labels, real[1]) + recognized, deceived + recognized

# %% exercise="ac_gan_losses" answer="generator-pays-for-the-real-classes-too" points=2
def ac_gan_losses(real, fake, labels, asked):
    source, deceived = non_saturating(real[0], fake[0])
    classes = cross_entropy(labels, real[1]) + cross_entropy(asked, fake[1])
    return source + classes, deceived + classes

# %% exercise="ac_gan_losses" answer="saturating-generator" points=2
def ac_gan_losses(real, fake, labels, asked):
    source, _ = non_saturating(real[0], fake[0])
    recognized = cross_entropy(asked, fake[1])
    return source + cross_entropy(labels, real[1]) + recognized, recognized - source

# %% exercise="ac_gan_losses" answer="discriminator-against-the-fakes-classes" points=2
def ac_gan_losses(real, fake, labels, asked):
    source, deceived = non_saturating(real[0], fake[0])
    recognized = cross_entropy(asked, fake[1])
    return source + cross_entropy(labels, real[1]) - recognized, deceived + recognized

# %% exercise="ac_gan_losses" answer="class-of-the-real-images-only" points=2
def ac_gan_losses(real, fake, labels, asked):
    source, deceived = non_saturating(real[0], fake[0])
    return source + cross_entropy(labels, real[1]), deceived + cross_entropy(asked, fake[1])

# %% exercise="through_normalization" answer="by-the-product-rule" points=4
def through_normalization(G, W, v, u):
    sigma = float(v @ W @ u)
    of_sigma = -(G * W).sum() / sigma**2
    return G / sigma + of_sigma * np.outer(v, u)

# %% exercise="through_normalization" answer="by-the-tape" points=4
def through_normalization(G, W, v, u):
    kernel = tf.Variable(W)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(G * kernel / tf.tensordot(v, tf.linalg.matvec(kernel, u), 1))
    return tape.gradient(loss, kernel).numpy()

# %% exercise="through_normalization" answer="sigma-taken-for-a-constant" points=0
def through_normalization(G, W, v, u):
    return G / (v @ W @ u)

# %% exercise="through_normalization" answer="sigma-from-the-decomposition" points=2
def through_normalization(G, W, v, u):
    sigma = np.linalg.svd(W, compute_uv=False)[0]
    return (G - np.sum(G * W) / sigma * np.outer(v, u)) / sigma

# %% exercise="through_normalization" answer="sign-of-the-second-term" points=0
def through_normalization(G, W, v, u):
    sigma = v @ W @ u
    return (G + np.sum(G * W) / sigma * np.outer(v, u)) / sigma

# %% exercise="through_normalization" answer="not-divided-by-sigma-inside" points=0
def through_normalization(G, W, v, u):
    sigma = v @ W @ u
    return (G - np.sum(G * W) * np.outer(v, u)) / sigma

# %% exercise="through_normalization" answer="as-for-the-frobenius-norm" points=0
def through_normalization(G, W, v, u):
    sigma = v @ W @ u
    return (G - np.sum(G * W) / sigma * W / sigma) / sigma

# %% exercise="through_normalization" answer="vectors-turned-round" points=0
def through_normalization(G, W, v, u):
    sigma = v @ W @ u
    return (G - np.sum(G * W) / sigma * np.outer(u, v)) / sigma

# %% exercise="through_normalization" answer="projected-on-the-direction-itself" points=0
def through_normalization(G, W, v, u):
    sigma = v @ W @ u
    return (G - (v @ G @ u) * np.outer(v, u)) / sigma

# %% exercise="convolution_norm" answer="frequency-by-frequency" points=4
def convolution_norm(kernel, n):
    height, width = kernel.shape[:2]
    rows, columns = np.arange(height), np.arange(width)
    largest = 0.0
    for a in range(n):
        for b in range(n):
            phase = np.exp(-2j * np.pi * (a * rows[:, None] + b * columns) / n)
            largest = max(largest, np.linalg.norm(np.einsum("hw,hwio->io", phase, kernel), ord=2))
    return largest

# %% exercise="convolution_norm" answer="sigma-of-the-flattened-kernel" points=0
def convolution_norm(kernel, n):
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]

# %% exercise="convolution_norm" answer="without-padding-to-n" points=0
def convolution_norm(kernel, n):
    return np.linalg.svd(np.fft.fft2(kernel, axes=(0, 1)), compute_uv=False).max()

# %% exercise="convolution_norm" answer="channels-transformed-too" points=0
def convolution_norm(kernel, n):
    return np.linalg.svd(np.fft.fft2(kernel, s=(n, n)), compute_uv=False).max()

# %% exercise="convolution_norm" answer="frobenius-over-the-channels" points=2
def convolution_norm(kernel, n):
    transfer = np.fft.fft2(kernel, s=(n, n), axes=(0, 1))
    return np.linalg.norm(transfer, axis=(2, 3)).max()

# %% exercise="convolution_norm" answer="largest-element-of-the-transform" points=2
def convolution_norm(kernel, n):
    return np.abs(np.fft.fft2(kernel, s=(n, n), axes=(0, 1))).max()

# %% exercise="convolution_norm" answer="mean-over-the-frequencies" points=0
def convolution_norm(kernel, n):
    transfer = np.fft.fft2(kernel, s=(n, n), axes=(0, 1))
    return np.linalg.svd(transfer, compute_uv=False)[..., 0].mean()

# %% exercise="convolution_norm" answer="real-part-only" points=0
def convolution_norm(kernel, n):
    transfer = np.fft.fft2(kernel, s=(n, n), axes=(0, 1)).real
    return np.linalg.svd(transfer, compute_uv=False).max()
