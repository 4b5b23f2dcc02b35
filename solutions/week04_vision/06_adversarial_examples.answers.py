# %% exercise="worst_margin" answer="by-building-each-perturbation" points=4
def worst_margin(weights, bias, x, label, epsilon):
    worst = np.inf
    for other in range(len(bias)):
        if other != label:
            direction = weights[:, label] - weights[:, other]
            z = (x - epsilon * np.sign(direction)) @ weights + bias
            worst = min(worst, z[label] - z[other])
    return worst

# %% exercise="worst_margin" answer="euclidean-norm-for-the-sum" points=0
def worst_margin(weights, bias, x, label, epsilon):
    towards = weights[:, [label]] - weights
    margins = x @ towards + bias[label] - bias - epsilon * np.linalg.norm(towards, axis=0)
    return np.delete(margins, label).min()

# %% exercise="worst_margin" answer="attacks-the-runner-up-only" points=2
def worst_margin(weights, bias, x, label, epsilon):
    z = x @ weights + bias
    z[label] = -np.inf
    other = z.argmax()
    towards = weights[:, label] - weights[:, other]
    return x @ towards + bias[label] - bias[other] - epsilon * np.abs(towards).sum()

# %% exercise="worst_margin" answer="own-class-among-the-others" points=0
def worst_margin(weights, bias, x, label, epsilon):
    towards = weights[:, [label]] - weights
    return (x @ towards + bias[label] - bias - epsilon * np.abs(towards).sum(axis=0)).min()

# %% exercise="worst_margin" answer="best-case-for-worst" points=0
def worst_margin(weights, bias, x, label, epsilon):
    towards = weights[:, [label]] - weights
    return np.delete(x @ towards + bias[label] - bias + epsilon * np.abs(towards).sum(axis=0), label).min()

# %% exercise="worst_margin" answer="lowers-the-own-logit-only" points=0
def worst_margin(weights, bias, x, label, epsilon):
    z = (x - epsilon * np.sign(weights[:, label])) @ weights + bias
    return z[label] - np.delete(z, label).max()

# %% exercise="project" answer="picture-by-picture" points=4
def project(perturbation, epsilon, norm):
    result = []
    for one in perturbation:
        if norm == "maximum":
            result.append(np.minimum(np.maximum(one, -epsilon), epsilon))
        else:
            length = np.linalg.norm(np.ravel(one))
            result.append(one if length <= epsilon else one * epsilon / length)
    return np.array(result)

# %% exercise="project" answer="one-norm-for-the-batch" points=1
def project(perturbation, epsilon, norm):
    if norm == "maximum":
        return np.clip(perturbation, -epsilon, epsilon)
    return perturbation * min(1, epsilon / np.linalg.norm(perturbation))

# %% exercise="project" answer="always-onto-the-sphere" points=1
def project(perturbation, epsilon, norm):
    if norm == "maximum":
        return np.clip(perturbation, -epsilon, epsilon)
    axes = tuple(range(1, perturbation.ndim))
    return epsilon * perturbation / (np.sqrt((perturbation**2).sum(axis=axes, keepdims=True)) + 1e-12)

# %% exercise="project" answer="shortens-for-the-maximum-norm-too" points=3
def project(perturbation, epsilon, norm):
    axes = tuple(range(1, perturbation.ndim))
    if norm == "maximum":
        length = np.abs(perturbation).max(axis=axes, keepdims=True)
    else:
        length = np.sqrt((perturbation**2).sum(axis=axes, keepdims=True))
    return perturbation * epsilon / np.maximum(length, epsilon)

# %% exercise="project" answer="clips-for-both" points=1
def project(perturbation, epsilon, norm):
    return np.clip(perturbation, -epsilon, epsilon)

# %% exercise="project" answer="norm-over-the-last-axis-only" points=1
def project(perturbation, epsilon, norm):
    if norm == "maximum":
        return np.clip(perturbation, -epsilon, epsilon)
    length = np.linalg.norm(perturbation, axis=-1, keepdims=True)
    return perturbation * epsilon / np.maximum(length, epsilon)

# %% exercise="targeted_step" answer="bounds-first" points=4
def targeted_step(images, originals, gradient, rate, epsilon):
    low, high = np.maximum(originals - epsilon, 0), np.minimum(originals + epsilon, 1)
    return np.minimum(np.maximum(images + rate * np.sign(-gradient), low), high)

# %% exercise="targeted_step" answer="sign-repaired-only" points=1
def targeted_step(images, originals, gradient, rate, epsilon):
    stepped = images - rate * np.sign(gradient)
    return np.clip(stepped, images - epsilon, images + epsilon)

# %% exercise="targeted_step" answer="no-clip-to-the-range" points=2
def targeted_step(images, originals, gradient, rate, epsilon):
    stepped = images - rate * np.sign(gradient)
    return np.clip(stepped, originals - epsilon, originals + epsilon)

# %% exercise="targeted_step" answer="ball-around-the-present-pictures" points=3
def targeted_step(images, originals, gradient, rate, epsilon):
    stepped = images - rate * np.sign(gradient)
    return np.clip(np.clip(stepped, images - epsilon, images + epsilon), 0, 1)

# %% exercise="targeted_step" answer="away-from-the-target" points=0
def targeted_step(images, originals, gradient, rate, epsilon):
    stepped = images + rate * np.sign(gradient)
    return np.clip(np.clip(stepped, originals - epsilon, originals + epsilon), 0, 1)

# %% exercise="targeted_step" answer="gradient-without-its-sign" points=0
def targeted_step(images, originals, gradient, rate, epsilon):
    stepped = images - rate * gradient
    return np.clip(np.clip(stepped, originals - epsilon, originals + epsilon), 0, 1)
