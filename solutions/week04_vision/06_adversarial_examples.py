# %% [markdown]
# # 6 · Adversarial examples
#
# *Practical Deep Learning*, week 5, "Hot Research", section "GAN". The deck's bus and ostrich are from Szegedy et al.
# 2013, "Intriguing properties of neural networks".
#
# **You should know** the gradient with respect to a layer's input (`backprop-one-layer`) and small convolutional nets
# (`conv-pyramid`). **You will have built** the fast gradient sign method, the projected iterative attack with and
# without a target, noise of equal norm as its control, and a network trained against attacks, judged by a stronger one.

# %% [markdown]
# ## Two questions first
#
# 1. (Week 1, notebook 2) For $Y = XW$ back-propagation gives $\partial L/\partial W$ and $\partial L/\partial X$. What
#    does training do with $\partial L/\partial X$ of the *first* layer?
# 2. (Week 2, gradient clipping) A vector has $n$ entries, each $+g$ or $-g$. How large are its maximum norm, its
#    Euclidean norm and the sum of its absolute values?
#
# <details><summary>Answers</summary>
#
# 1. Nothing: there is no layer below that could use it. Today it is the only gradient that we need.
# 2. $g$, $\sqrt n\,g$ and $n\,g$. A picture of 32 x 32 x 3 has $n = 3072$, so the three are far apart.
#
# </details>

# %%
dlcourse.setup("week04/06_adversarial_examples", seed=46)

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots, seeds, sprites, stats
from keras import layers

# %% [markdown] topic="adversarial-examples"
# ## Adversarial examples
#
# "Group of researchers added noise in image and whatever appears to naked eye isn't classified by CNN. Example — given
# image of bus (appearing via naked eye) classified as Ostrich."
#
# Was it *noise*? We bound how much each value of a picture $x$ may change, $\|\delta\|_\infty = \max_i |\delta_i| \le
# \epsilon$, and compare $\delta$ drawn at random with $\delta$ computed from the network: by one step along the sign of
# the gradient (*fast gradient sign method*, FGSM, Goodfellow et al. 2014), or by many small ones (Kurakin et al. 2016,
# Madry et al. 2017).
#
# $$\text{FGSM:}\quad x' = x + \epsilon\,\mathrm{sign}\,\nabla_x L(x, y) \qquad\qquad
# \text{iterative:}\quad x_{t+1} = \mathrm{clip}\big(x_t + \alpha\,\mathrm{sign}\,\nabla_x L(x_t, y)\big)$$
#
# The clip keeps $x_{t+1}$ within $\epsilon$ of the *original* and within the pictures' range of 0 to 1. To be taken for
# a chosen target class $t$, the picture goes *down* the loss of that class: minus the gradient of $L(x, t)$.

# %%
def cross_entropy(labels, z):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, z)  # (batch,)


def minus_margin(labels, z):
    """The largest other logit less z_y, (batch,): above 0 when the picture is misclassified."""
    own = tf.one_hot(labels, z.shape[1])  # (batch, classes)
    return tf.reduce_max(z - 1e9 * own, axis=1) - tf.reduce_sum(z * own, axis=1)


@tf.function(reduce_retracing=True)
def input_gradient(model, images, labels, loss_of=cross_entropy):
    """Gradient of the loss with respect to the images, (batch, height, width, 3)."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = loss_of(labels, model(images))  # (batch,)
    return tape.gradient(loss, images)


def attack(model, images, labels, epsilon, steps=10, towards=False, random_start=False, loss_of=cross_entropy):
    """Pictures within epsilon that the model takes for something else or, if `towards`, for the labels given."""
    rate, sign = 2.5 * epsilon / steps, -1.0 if towards else 1.0
    low, high = tf.maximum(images - epsilon, 0.0), tf.minimum(images + epsilon, 1.0)
    changed = tf.random.uniform(tf.shape(images), low, high) if random_start else images
    for _ in range(steps):
        step = sign * rate * tf.sign(input_gradient(model, changed, labels, loss_of))
        changed = tf.clip_by_value(changed + step, low, high)
    return changed  # (batch, height, width, 3)


# %% [markdown]
# A single step of $2.5\,\epsilon$, clipped, is a step of $\epsilon$: `attack(..., steps=1)` is FGSM. Ten steps of
# $\alpha = \epsilon / 4$ can go to the edge of what is allowed, follow the gradient as it turns, and come back.
#
# ### Where the answer is known: a linear model
#
# For logits $z = x W + b$ the tape must give $\partial L/\partial x = (p - \text{onehot}(y))\,W^\mathsf{T}$. The loss
# depends on $x$ only through differences of logits, and the least that a difference $z_y - z_j$ can become is known:
#
# $$\min_{\|\delta\|_\infty \le \epsilon} (w_y - w_j) \cdot (x + \delta) + b_y - b_j
# = (w_y - w_j) \cdot x + b_y - b_j - \epsilon\,\|w_y - w_j\|_1 ,$$
#
# because each $\delta_i$ is best at $-\epsilon\,\mathrm{sign}(w_y - w_j)_i$, alone and without regard to the others.

# %%
rng = np.random.default_rng(seeds(1)[0])
weights, bias = rng.normal(size=(3072, 2)).astype("float32") / 55, rng.normal(size=2).astype("float32")
pictures = tf.constant(rng.uniform(0.2, 0.8, size=(8, 32, 32, 3)), tf.float32)  # away from 0 and 1: no clipping there
classes, epsilon = rng.integers(2, size=8), 3 / 255  # (8,), three grey levels


def linear(images):
    return tf.reshape(images, (len(images), -1)) @ weights + bias  # (batch, 2)


by_hand = (tf.nn.softmax(linear(pictures)) - tf.one_hot(classes, 2)) @ weights.T  # (8, 3072)
by_tape = tf.reshape(input_gradient(linear, pictures, classes), (8, -1))
print("largest difference of the gradients:", np.abs(by_hand - by_tape).max())

# %% [markdown]
# ### Exercise 1 (4 points): the worst case of a linear classifier
#
# With more classes than two the classifier errs as soon as *any* other class overtakes. Return the least margin
# $\min_{j \ne y} (z_y - z_j)$ that a perturbation with $\|\delta\|_\infty \le \epsilon$ can leave. Ignore the range
# of 0 to 1. The class that is second before the attack need not be the one that overtakes.

# %% nbgrader={"grade": false, "grade_id": "worst_margin", "locked": false, "schema_version": 3, "solution": true, "task": false}
def worst_margin(weights: np.ndarray, bias: np.ndarray, x: np.ndarray, label: int, epsilon: float) -> float:
    """The least margin of the label under any perturbation of maximum norm epsilon.

    weights (features, classes), bias (classes,), x (features,).
    """
    ### BEGIN SOLUTION
    towards = weights[:, [label]] - weights  # (features, classes)
    margins = x @ towards + bias[label] - bias - epsilon * np.abs(towards).sum(axis=0)  # (classes,)
    return float(np.delete(margins, label).min())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "worst_margin_two", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("two classes: margin 3, less 0.1 times the sum of |w_y - w_j|",
      worst_margin(np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), np.array([0.0, 3.0]), np.ones(3) * 1.5, 0, 0.1),
      expected=2.4)
### BEGIN HIDDEN TESTS
rng = check.rng()
for features in [5, 40]:
    check(f"two classes, {features} features", worst_margin(
        rng.normal(size=(features, 2)), rng.normal(size=2), rng.uniform(size=features), 1, 0.05))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "worst_margin_many", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("the third class is behind the second, but comes nearer",
      worst_margin(np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 2.0]]), np.array([3.0, 2.0, 0.0]), np.zeros(2), 0, 0.6),
      expected=0.6)
### BEGIN HIDDEN TESTS
rng = check.rng()
for classes_here in [4, 10]:
    W, b = rng.normal(size=(30, classes_here)), rng.normal(size=classes_here)
    check(f"{classes_here} classes", [worst_margin(W, b, rng.uniform(size=30), label, 0.3) for label in range(4)])
### END HIDDEN TESTS

# %% [markdown]
# No attack can beat this bound, and on a linear model with two classes FGSM and the iterative attack must reach it.
# In Keras the attack is gradient descent on the picture as a variable: SGD whose gradients we replace by their signs,
# and each step is clipped. Equal again?

# %% waits=["worst_margin"]
bound = [worst_margin(weights, bias, np.ravel(x), y, epsilon) for x, y in zip(pictures, classes, strict=True)]
for steps in [1, 10]:
    margin = -minus_margin(classes, linear(attack(linear, pictures, classes, epsilon, steps)))  # (8,)
    print(f"{steps:2} steps: largest distance to the bound {np.abs(margin - bound).max():.1e}")

# %%
variable, low, high = keras.Variable(pictures), pictures - epsilon, pictures + epsilon
sgd = keras.optimizers.SGD(2.5 * epsilon / 10)
for _ in range(10):
    sgd.apply([-tf.sign(input_gradient(linear, variable.value, classes))], [variable])
    variable.assign(tf.clip_by_value(tf.clip_by_value(variable.value, low, high), 0.0, 1.0))
print("Keras and by hand differ by", np.abs(variable - attack(linear, pictures, classes, epsilon)).max())

# %% [markdown]
# ### Networks to attack
#
# Three networks learn the ten shapes of the library's sprites, each from its own start. The argument `epsilon` of the
# training waits for the last section; at 0 it does nothing. The sprites may be flipped and turned: a shape's name does
# not change. (The three are trained in one graph, side by side, which keeps both cores busy.)

# %%
def small_network():
    return keras.Sequential([
        keras.Input((32, 32, 3)), layers.Rescaling(4.0, -2.0),
        layers.Conv2D(12, 4, strides=2, padding="same", activation="relu"),  # (batch, 16, 16, 12)
        layers.Conv2D(24, 3, padding="same", activation="relu"), layers.MaxPooling2D(),  # (batch, 8, 8, 24)
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(),  # (batch, 4, 4, 32)
        layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10)])


def train(models, images, labels, epochs, epsilon=0.0, rate=3e-3, batch=32):
    """Adam on batches in random order; with an epsilon, on batches attacked by one step from a random start."""
    steps = epochs * (len(images) // batch)
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=rate, warmup_steps=steps // 9)
    adams = [keras.optimizers.Adam(schedule) for _ in models]
    for model, adam in zip(models, adams, strict=True):
        adam.build(model.trainable_variables)

    @tf.function
    def run(order):  # (steps, models, batch): the models do not depend on each other, so two cores share the work
        for rows in order:
            for model, adam, own in zip(models, adams, tf.unstack(rows, len(models)), strict=True):
                x, y, flip = tf.gather(images, own), tf.gather(labels, own), tf.random.uniform((3,)) < 0.5
                x = tf.reverse(x, [1]) if flip[0] else x
                x = tf.reverse(x, [2]) if flip[1] else x
                x = tf.transpose(x, (0, 2, 1, 3)) if flip[2] else x
                x = attack(model, x, y, epsilon, steps=1, random_start=True) if epsilon else x
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(cross_entropy(y, model(x)))
                adam.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))

    order = [tf.random.shuffle(tf.range(len(images)))[:steps // epochs * batch] for _ in range(epochs * len(models))]
    run(tf.transpose(tf.reshape(order, (len(models), steps, batch)), (1, 0, 2)))


# %% tags=["demo"]
known, fresh = (sprites.draw(count, seed=seed) for count, seed in zip([6000, 600], seeds(2), strict=True))
train_images, train_labels = tf.constant(known.images), tf.constant(known.labels)  # (6000, 32, 32, 3), (6000,)
images, labels = tf.constant(fresh.images), fresh.labels  # (600, 32, 32, 3), (600,)
standard = []
for seed in seeds(3):
    keras.utils.set_random_seed(seed)
    standard.append(small_network())
train(standard, train_images, train_labels, epochs=5)


def predict(model, images):
    return model(images).numpy().argmax(axis=1)  # (batch,)


right = np.array([predict(model, images) == labels for model in standard])  # (3, 600)
print("accuracy (%):", 100 * right.mean(axis=1))

# %% [markdown]
# Each network now gets 200 test pictures of its own (for noise, which is cheap, all 600). We count only pictures that
# it classifies correctly, and ask how many of them change class at $\epsilon = 3/255$: by noise of $+\epsilon$ or
# $-\epsilon$ at every value (the maximum norm and the Euclidean norm of one step), by Gaussian noise of that Euclidean
# norm, by one step, by ten. For the targeted attack the target is a random wrong class, and only reaching *that* one
# counts. Write your guesses down: the change is three of 255 grey levels.

# %% tags=["demo"]
rng = np.random.default_rng(seeds(1)[0])
targets = (labels + rng.integers(1, 10, size=600)) % 10  # (600,): random wrong classes
signs, bells = (tf.constant(noise, tf.float32) for noise in [
    rng.choice([-1, 1], size=images.shape), rng.normal(size=images.shape)])
parts = np.split(np.arange(600), 3)  # 200 pictures for each network
changed = {"noise, signs": [], "noise, Gaussian": [], "one step": [], "ten steps": [], "targeted, 20 steps": []}
attacked = []  # pictures after ten steps, for each network
for model, ok, rows in zip(standard, right, parts, strict=True):
    x, y, t = tf.gather(images, rows), labels[rows], targets[rows]
    for name, noise in [("noise, signs", signs), ("noise, Gaussian", bells)]:
        changed[name] += list((predict(model, tf.clip_by_value(images + epsilon * noise, 0.0, 1.0)) != labels)[ok])
    attacked.append(attack(model, x, y, epsilon))
    changed["one step"] += list((predict(model, attack(model, x, y, epsilon, steps=1)) != y)[ok[rows]])
    changed["ten steps"] += list((predict(model, attacked[-1]) != y)[ok[rows]])
    pulled = attack(model, x, t, epsilon, steps=20, towards=True)
    changed["targeted, 20 steps"] += list((predict(model, pulled) == t)[ok[rows]])
share = {name: 100 * np.array(stats.mean_interval(np.array(hits, float))) for name, hits in changed.items()}
plots.table(["perturbation of 3/255", "pictures", "changed (%)", "95% half-width"],
            [[name, len(changed[name]), *share[name]] for name in share])

# %% [markdown]
# Noise of this size changes about one picture in a hundred, the computed perturbation most of them. To reach a chosen
# class is harder than to leave the right one.
#
# ### Bus to ostrich
#
# The deck's picture, with our shapes and $\epsilon = 8/255$. From left to right: a picture and what the network says
# with which probability; the perturbation, magnified 10 times, zero in grey; their sum; and the same picture with noise
# of equal size instead. What would you call the third column's shapes?

# %% tags=["demo"]
def name_of(logits):
    return f"{sprites.CLASSES[np.argmax(logits)]}, {100 * np.max(tf.nn.softmax(logits)):.0f}%"


x, t = images[:100], targets[:100]
pulled = attack(standard[0], x, t, 8 / 255, steps=20, towards=True)
sure = tf.nn.softmax(standard[0](pulled)).numpy()[range(100), t] * right[0][:100]  # (100,): of the target
best = {t[pick]: pick for pick in np.argsort(sure)}  # for each target the picture that is most surely taken for it
noisy = tf.clip_by_value(x + 8 / 255 * signs[:100], 0.0, 1.0)
_, axes = plt.subplots(3, 4, figsize=(7.4, 6.2))
for row, pick in zip(axes, sorted(best.values(), key=lambda pick: -sure[pick])[:3], strict=True):
    for ax, picture in zip(row, [x[pick], 0.5 + 10 * (pulled - x)[pick], pulled[pick], noisy[pick]], strict=True):
        ax.imshow(np.clip(picture, 0, 1))
        ax.set_axis_off()
        ax.set_title("perturbation, x 10" if ax is row[1] else name_of(standard[0](picture[None])[0]))

# %% [markdown]
# ### Why so little is enough
#
# The linear model gave the reason: a step of $\epsilon$ along the signs changes the margin by
# $\epsilon\,\|g\|_1 = \epsilon \sum_i |g_i|$, $g$ its gradient, while random signs change it by about
# $\epsilon\,\|g\|_2$. In 3072 dimensions $\|g\|_1$ can be up to $\sqrt{3072} = 55$ times $\|g\|_2$. Is a network linear
# enough for this? We walk along both directions and compare with the tangent.

# %% tags=["demo"]
x, y = tf.boolean_mask(images[:200], right[0][:200]), labels[:200][right[0][:200]]
slope = input_gradient(standard[0], x, y, minus_margin)  # (batch, 32, 32, 3)
l1, l2 = (tf.norm(tf.reshape(slope, (len(x), -1)), order, axis=1).numpy() for order in [1, 2])  # (batch,) each
levels = np.arange(-8, 9)
along = [[-np.mean(minus_margin(y, standard[0](x + k / 255 * way))) for k in levels]
         for way in [tf.sign(slope), signs[:len(x)]]]
tangent = np.where((levels >= 0) & (levels < 5), along[0][8] - levels / 255 * l1.mean(), np.nan)
plots.line(levels, {"along the signs of the gradient": along[0], "along random signs": along[1], "tangent": tangent},
           xlabel=r"step $\epsilon$ (grey levels of 255)", ylabel="mean margin (logits)")
plt.axhline(0, color="0.5", linewidth=1)
fall = 100 * (along[0][8] - np.array(along[0])) / (along[0][8] - tangent + 1e-9)  # of the tangent's, in per cent
print(f"|g|_1 is {np.mean(l1 / l2):.0f} times |g|_2; of the tangent's fall: {fall[9]:.0f}% at 1, {fall[12]:.0f}% at 4")

# %% [markdown]
# Below the grey line the picture is misclassified. Along the gradient's signs the margin follows the tangent for a grey
# level or so, then bends, and is still gone after a few; along random signs it hardly moves. (The iterative attack is
# better than one step because it follows the bend.) So the deck's "noise" is no noise: it is one direction among
# 3072, and nearly every random one is harmless.
#
# ### Exercise 2 (4 points): project onto the ball
#
# After each step the perturbation is brought back to the nearest point of the ball $\|\delta\| \le \epsilon$. Write it
# for the maximum norm and for the Euclidean norm *of each picture*. What is inside already must not move.

# %% nbgrader={"grade": false, "grade_id": "project", "locked": false, "schema_version": 3, "solution": true, "task": false}
def project(perturbation: np.ndarray, epsilon: float, norm: str) -> np.ndarray:
    """The nearest perturbations whose norm is at most epsilon, in the shape given.

    perturbation (batch, ...): one for each picture, any number of further axes. norm: "maximum" or "euclidean".
    """
    ### BEGIN SOLUTION
    if norm == "maximum":
        return np.clip(perturbation, -epsilon, epsilon)
    axes = tuple(range(1, np.ndim(perturbation)))
    lengths = np.sqrt(np.sum(np.square(perturbation), axis=axes, keepdims=True))  # (batch, 1, ...)
    return perturbation * (epsilon / np.maximum(lengths, epsilon))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "project_maximum", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("maximum norm: each value by itself", project(np.array([[3.0, -0.5, -2.0]]), 1.0, "maximum"),
      expected=[[1.0, -0.5, -1.0]])
### BEGIN HIDDEN TESTS
check("maximum norm: pictures", project(check.rng().normal(size=(3, 4, 4, 3)), 0.6, "maximum"))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "project_euclidean", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("Euclidean norm: a picture outside is shortened, one inside stays, zero stays",
      project(np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]), 1.0, "euclidean"),
      expected=[[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("Euclidean norm: pictures", project(rng.normal(size=(4, 4, 4, 3)) * rng.uniform(0, 1, size=(4, 1, 1, 1)), 2.0,
                                          "euclidean"))
### END HIDDEN TESTS

# %% [markdown]
# With it, the attack in a Euclidean ball: it steps along the gradient itself, so it may spend everything on the pixels
# that matter. Our noise has the norm $\epsilon\sqrt{3072}$. How much of that does this attack need?

# %% tags=["demo"] waits=["project"]
def euclidean_attack(model, images, labels, epsilon, steps=10):
    delta = np.zeros(images.shape, "float32")
    for _ in range(steps):
        gradient = input_gradient(model, tf.clip_by_value(images + delta, 0.0, 1.0), labels).numpy()
        lengths = np.sqrt((gradient**2).sum(axis=(1, 2, 3), keepdims=True)) + 1e-12
        delta = project(delta + 2.5 * epsilon / steps * gradient / lengths, epsilon, "euclidean")
    return tf.clip_by_value(images + delta, 0.0, 1.0)


for part in [0.25, 0.5, 1.0]:
    moved = euclidean_attack(standard[0], x[:100], y[:100], part * epsilon * 3072**0.5)
    print(f"{part} of the noise's Euclidean norm: {100 * np.mean(predict(standard[0], moved) != y[:100]):.0f}% changed")

# %% [markdown]
# Half of the noise's norm does about what the signs did, and all of it more: at equal Euclidean norm the sign is not
# the strongest direction, it is the strongest at equal maximum norm.
#
# ### Exercise 3 (4 points): a targeted step that does not work
#
# Below is somebody's step of the targeted attack, and what ten of them do to a linear model. `gradient` is that of the
# *target's* loss at the present pictures. Three things are wrong; the three lines of output show one each. Write the
# step as it should be.

# %%
def broken_step(images, originals, gradient, rate, epsilon):
    stepped = images + rate * np.sign(gradient)
    return np.clip(stepped, images - epsilon, images + epsilon)


def ten_steps(step):
    originals = tf.clip_by_value(2 * pictures - 0.5, 0.0, 1.0)  # (8, 32, 32, 3): some values are 0 or 1
    x, losses = originals, []
    for _ in range(10):
        losses.append(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(1 - classes, linear(x))).numpy())
        x = tf.constant(step(x.numpy(), originals.numpy(), input_gradient(linear, x, 1 - classes).numpy(), 0.01, 0.03))
    print("loss of the target, first and last:", losses[0], losses[-1])
    print("largest change of a value, epsilon = 0.03:", np.abs(x - originals).max())
    print("range of the values:", x.numpy().min(), "to", x.numpy().max())


ten_steps(broken_step)

# %% nbgrader={"grade": false, "grade_id": "targeted_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def targeted_step(images: np.ndarray, originals: np.ndarray, gradient: np.ndarray, rate: float,
                  epsilon: float) -> np.ndarray:
    """The pictures after one targeted step of `rate` along signs: in [0, 1], and within epsilon of the originals.

    images (the present pictures), originals and gradient have the shape (batch, height, width, 3), as the result.
    """
    ### BEGIN SOLUTION
    stepped = images - rate * np.sign(gradient)
    return np.clip(np.clip(stepped, originals - epsilon, originals + epsilon), 0, 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "targeted_step_direction", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("direction: down the target's loss", targeted_step(
    np.full((1, 1, 1, 3), 0.5), np.full((1, 1, 1, 3), 0.5), np.array([[[[2.0, -3.0, 0.0]]]]), 0.1, 0.2),
    expected=[[[[0.4, 0.6, 0.5]]]])
### BEGIN HIDDEN TESTS
start = check.rng().uniform(0.3, 0.7, size=(2, 4, 4, 3))
check("direction: any pictures", targeted_step(start, start, check.rng().normal(size=start.shape), 0.01, 0.03))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "targeted_step_ball", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("ball: no further than epsilon from the original", targeted_step(
    np.full((1, 1, 1, 2), 0.55), np.full((1, 1, 1, 2), 0.5), np.array([[[[-1.0, 1.0]]]]), 0.2, 0.1),
    expected=[[[[0.6, 0.4]]]])
### BEGIN HIDDEN TESTS
start = check.rng().uniform(0.3, 0.7, size=(2, 4, 4, 3))
now = start + check.rng().uniform(-0.03, 0.03, size=start.shape)
check("ball: any pictures", targeted_step(now, start, check.rng().normal(size=start.shape), 0.02, 0.03))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "targeted_step_range", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("range: black and white pixels", targeted_step(
    np.array([[[[0.0, 1.0]]]]), np.array([[[[0.0, 1.0]]]]), np.array([[[[1.0, -1.0]]]]), 0.1, 0.1),
    expected=[[[[0.0, 1.0]]]])
### BEGIN HIDDEN TESTS
start = check.rng().integers(2, size=(2, 4, 4, 3)) * check.rng().uniform(0.97, 1, size=(2, 4, 4, 3))
check("range: any pictures", targeted_step(start, start, check.rng().normal(size=start.shape), 0.02, 0.05))
### END HIDDEN TESTS

# %% waits=["targeted_step"]
ten_steps(targeted_step)

# %% [markdown]
# ### A defence that is none
#
# Multiply the logits by 100. No prediction changes, and the attack fails:

# %% tags=["demo"]
loud = keras.Sequential([keras.Input((32, 32, 3)), standard[0], layers.Rescaling(100.0)])
for name, loss_of in [("up the cross-entropy", cross_entropy), ("down the margin", minus_margin)]:
    moved = attack(loud, x[:100], y[:100], epsilon, loss_of=loss_of)
    print(f"ten steps {name}: {100 * np.mean(predict(loud, moved) == y[:100]):.0f}% are still right")

# %% [markdown]
# With such margins $p$ is the one-hot vector itself in float32, so $p - \text{onehot}(y)$ is zero and the gradient with
# it: its sign points nowhere. The attack down the margin $z_y - \max_{j \ne y} z_j$ finds everything as before.
# Gradients can be *masked* in many ways, by design or because training found one. ("Catastrophic overfitting": nearly
# perfect against the one step that it was trained on, helpless against ten.) So a defence is judged by attacks that it
# has not seen, and by more than one loss.
#
# ### Adversarial training
#
# Madry et al. train on the worst case instead of the picture,
#
# $$\min_\theta\ \mathbb E\,\Big[\max_{\|\delta\|_\infty \le \epsilon} L(\theta, x + \delta, y)\Big] .$$
#
# We approximate the inner maximum by one step from a random start, which costs one more backward pass (Wong et al.
# 2020), and train a copy of each network, its *robust twin*, for two more epochs.
#
# The twins are judged by 20 steps from a random start, once up the cross-entropy and once down the margin; a picture
# counts only if it survives both. Guess three accuracies: on clean pictures, under one step, under both long attacks.

# %% tags=["demo"]
robust = [keras.models.clone_model(model) for model in standard]
for twin, model in zip(robust, standard, strict=True):
    twin.set_weights(model.get_weights())
train(robust, train_images, train_labels, epochs=2, epsilon=epsilon)

# %% tags=["demo"]
judged, gains = [], []  # judged: three accuracies of each robust network
for model, weak, twins, rows in zip(robust, standard, attacked, parts, strict=True):
    x, y = tf.gather(images, rows), labels[rows]
    once, first, second = (
        predict(model, attack(model, x, y, epsilon, steps, random_start=steps > 1, loss_of=loss_of)) == y
        for steps, loss_of in [(1, cross_entropy), (20, cross_entropy), (20, minus_margin)])
    judged.append([np.mean(once), np.mean(first & second), np.mean(predict(model, twins) == y)])
    gains.append((first & second).astype(float) - (predict(weak, twins) == y))  # (200,)
judged, gains = 100 * np.array(judged), 100 * np.array(gains)  # (3, 3), (3, 200)
clean = np.array([[100 * np.mean(predict(model, images) == labels) for model in kind] for kind in [standard, robust]])
before = judged[:, 1] - gains.mean(axis=1)  # the standard networks under their ten steps
plots.table(["accuracy (%), epsilon 3/255", "network 1", "network 2", "network 3"],
            [["standard: clean", *clean[0]], ["standard: ten steps", *before], ["robust: clean", *clean[1]],
             ["robust: one step", *judged[:, 0]], ["robust: both attacks of 20 steps", *judged[:, 1]],
             ["robust: pictures made on its standard twin", *judged[:, 2]]])

# %% [markdown]
# Clean accuracy pays for it with a few points. Is the robustness real? Signs of masked gradients would be (Athalye et
# al. 2018): one step does more harm than many; pictures made on another network do more harm than a network's own;
# some pictures survive however large $\epsilon$ is. The table answers the first two. For the third, the success of
# each attack against $\epsilon$.

# %% tags=["demo"]
grid, x, y, t = [1, 2, 4, 8, 16], images[:100], labels[:100], targets[:100]
panels = plots.panels(2)
for ax, kind, model in zip(panels, ["standard network", "its robust twin"], [standard[0], robust[0]], strict=True):
    curves = {"untargeted": [attack(model, x, y, k / 255, loss_of=minus_margin) for k in grid],
              "targeted": [attack(model, x, t, k / 255, towards=True) for k in grid],
              "noise": [tf.clip_by_value(x + k / 255 * signs[:100], 0.0, 1.0) for k in grid]}
    hits = {name: [100 * np.mean(predict(model, one) == t if name == "targeted" else predict(model, one) != y)
                   for one in made] for name, made in curves.items()}
    plots.line(grid, hits, xlabel=r"$\epsilon$ (grey levels of 255)", ylabel="misclassified, or as the target (%)",
               title=kind, log="x", ax=ax)
    ax.set(xticks=grid, xticklabels=grid, ylim=(-4, 104))
panels[0].get_legend().remove()

# %% [markdown]
# Both reach nearly 100%: the twin's curves are the standard network's, shifted to larger $\epsilon$. (The lines for
# noise begin at each network's error on clean pictures.)
#
# Do pictures made on one network fool another that started elsewhere?

# %% tags=["demo"]
nets = {"standard\n1": standard[0], "standard\n2": standard[1], "robust\n1": robust[0], "robust\n2": robust[1]}
made = [attack(model, x, y, 8 / 255) for model in nets.values()]
plots.heat([[100 * np.mean(predict(model, one) == y) for model in nets.values()] for one in made],
           rows=("attack made on", list(nets)), columns=("and shown to", list(nets)), label="accuracy (%) at 8/255")

# %% [markdown]
# An attack harms its own network and the twin most, a stranger much less. (For large networks and photographs Szegedy
# et al. found more transfer.) Last, what does a network look at? Below the pictures, the gradient of the standard
# network's margin at each, zero in grey, then the robust twin's.

# %% tags=["demo"]
gradients = [input_gradient(model, x, y, minus_margin).numpy() for model in [standard[0], robust[0]]]
shown = [0.5 + g[:8] / (6 * g[:8].std(axis=(1, 2, 3), keepdims=True)) for g in gradients]  # grey is 0
plots.images(np.concatenate([x[:8], *shown]), columns=8)
middle = (np.arange(32) + 0.5) / 32  # of the pixels
top, left, bottom, far = fresh.boxes[:100, :, None].swapaxes(0, 1)  # (100, 1) each
inside = ((middle > top) & (middle < bottom))[:, :, None] & ((middle > left) & (middle < far))[:, None]  # (100, 32, 32)
within = [np.mean((abs(g).sum(axis=3) * inside).sum(axis=(1, 2)) / abs(g).sum(axis=(1, 2, 3))) for g in gradients]
print(f"share of |g| in the shape's box: standard {within[0]:.2f}, robust {within[1]:.2f}; area {inside.mean():.2f}")

# %% [markdown]
# The robust twin looks at the shape; the standard network also at the ground, which says nothing about the class. Where
# a gradient should be zero but is not, an attack finds room.

# %% tags=["demo"]
gain = stats.mean_interval(gains.ravel())
claim(
    "adversarial-examples",
    measured={"standard networks, clean (%)": clean[0], **{
        f"{name}, 3/255: changed, 95% half-width (%)": share[name] for name in share},
        "robust networks, clean (%)": clean[1], "standard, ten steps (%)": before,
        "robust, two attacks of 20 steps (%)": judged[:, 1], "gain, 95% half-width (points)": gain,
        "robust, pictures made on the standard twin (%)": judged[:, 2]},
    holds=share["ten steps"][0] - share["ten steps"][1] > 60
    and max(sum(share["noise, signs"]), sum(share["noise, Gaussian"])) < 2
    and gain[0] > gain[1] and (gains.mean(axis=1) > 0).all() and (judged[:, 2] > judged[:, 1]).all(),
    because="computed perturbations change most predictions, noise of their norms hardly any; training on them helps",
)

# %% [markdown]
# **How this could be wrong.** Noise is the control: it has the attack's norms and fails. The intervals are over
# pictures; chance in training is covered only by three networks, which differ in how robust their twins become. What
# survives our two attacks may fall to a better one, so every robust accuracy here is an upper bound.
#
# **Often mistaken.** Adversarial examples are no weakness of small pictures: the more pixels, the more $\|g\|_1$ can
# exceed $\|g\|_2$. And a defence is not good because the attack that it was trained against fails.
#
# **Practice has moved on** from the deck's surprise to agreed judging (AutoAttack, RobustBench) and to guarantees for a
# given $\epsilon$ (randomized smoothing, Cohen et al. 2019). Adversarial training is still the usual defence.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - An attack is gradient ascent on the picture: step along the signs, clip to the ball around the original, clip to the
#   range. One step is FGSM; a target turns the sign.
# - A step of $\epsilon$ moves the margin by $\epsilon\,\|g\|_1$ along the gradient's signs and by about
#   $\epsilon\,\|g\|_2$ along random ones. In many dimensions these are far apart.
# - For a linear model the worst case is a formula, so an attack can be tested before it is trusted.
# - Judge a defence by attacks it was not trained on, with another loss, and let $\epsilon$ grow until all is lost.
#
# ## At full scale
#
# | where | what | parameters | robust accuracy |
# |---|---|---|---|
# | this laptop | sprites, $\epsilon = 3/255$, 2 epochs of one-step training | 44,000 | the table above |
# | one GPU (Wong et al. 2020) | CIFAR-10, 8/255, one-step training, 6 minutes | 11 million | 45% under PGD |
# | the paper (Madry et al. 2017) | CIFAR-10, 8/255, 7 steps, 80,000 batches of 128 | 46 million | 46% under PGD |
#
# The deck comes to adversarial examples from "GAN": there, in week 14, the perturbed picture gives way to a network
# that makes whole pictures, and its adversary is trained too.

# %%
dlcourse.submit()
