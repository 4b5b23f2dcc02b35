# %% [markdown]
# # 4 · Augmentation
#
# *Applications* (Goodfellow 2016, 2018), slide "Dataset Augmentation for Computer Vision".
#
# **You should know** what a convolution does with a picture that has moved (`convolution`, `pooling`) and why few
# labels overfit (`simple-models-first`). **You will have built** the slide's six augmentations as tensor code around
# one bilinear sampler, checked them against Keras, moved boxes with their pictures, and measured what each
# augmentation is worth when 100 pictures have labels.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 1) A picture moves by one pixel. What happens to the feature maps of a convolution, and what to the
#    output of a dense layer that reads them all?
# 2. (Week 1, notebook 5) "Replacing smarts with data": what did a network need in order to overtake features made by
#    hand?
#
# <details><summary>Answers</summary>
#
# 1. The maps move by one pixel too. A dense layer has a weight for each place, so its output changes at will: that the
#    moved picture shows the same thing has to be learned from examples.
# 2. More labelled images. Augmentation lets us say what we know about pictures, in the form of data.
#
# </details>

# %%
dlcourse.setup("week04/04_augmentation", seed=44, deterministic=False)

import time
from concurrent.futures import ThreadPoolExecutor

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, data, plots, seeds, sprites, stats
from dlcourse.augmentation import augment
from keras import layers
from sklearn.metrics import confusion_matrix

# %% [markdown] topic="augmentation"
# ## Augmentation
#
# The slide is one picture with six labels: "Affine distortion", "Noise", "Elastic deformation", "Horizontal flip",
# "Random translation", "Hue shift". Each is a random function $g$, and using it makes a statement about the *labels*:
#
# $$\text{label of } g(x) = \text{label of } x.$$
#
# Where the statement is true, one labelled picture becomes as many as we like. Where it is false, we have mislabelled
# our own data. The network sees a new version of each picture in every epoch and never the same one twice.
#
# Three of the six move pixels, and these are one function. For each pixel of the *result* we ask where in the image
# it comes from. The answer falls between pixels, so we mix the four around it, each with the area opposite to it as
# weight:
#
# $$I(r, c) = (1-d)\,\big[(1-e)\,I_{t,l} + e\,I_{t,l+1}\big] + d\,\big[(1-e)\,I_{t+1,l} + e\,I_{t+1,l+1}\big],
# \qquad t = \lfloor r \rfloor,\ d = r - t,\ l = \lfloor c \rfloor,\ e = c - l.$$
#
# Asking in the other direction, where each pixel of the image *goes to*, would leave holes in the result.

# %%
def sample(images, places, fill="constant"):
    """Images (batch, height, width, channels) at places (batch, height', width', 2): rows and columns, in pixels."""
    if fill == "constant":  # a margin of zeros, which then is the nearest pixel of every place outside
        images, places = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]]), places + 1
    corner = tf.floor(places)  # t, l
    d, e = tf.split(places - corner, 2, axis=-1)  # (batch, height', width', 1) each
    last = [size - 1.0 for size in images.shape[1:3]]

    def pixel(down, right):
        place = tf.clip_by_value(corner + [down, right], 0, last)
        return tf.gather_nd(images, tf.cast(place, tf.int32), batch_dims=1)  # (batch, height', width', channels)

    upper = (1 - e) * pixel(0.0, 0.0) + e * pixel(0.0, 1.0)
    lower = (1 - e) * pixel(1.0, 0.0) + e * pixel(1.0, 1.0)
    return (1 - d) * upper + d * lower

# %% [markdown]
# Sums, products and one gather: it works on a batch, runs on a GPU, and has gradients with respect to the image *and*
# the places. (A network that chooses the places itself is a *spatial transformer*, Jaderberg et al. 2015.)
#
# An augmentation now is a **field** of displacements $u$: pixel $p$ of the result shows the image at $p + u(p)$.
#
# - **Translation** by $s$: $u(p) = -s$, the same everywhere. Minus, since $u$ points back to where pixels come from.
# - **Affine distortion**: $u(p) = (A - 1)(p - m)$ with a 2 x 2 matrix $A$ about the middle $m$ of the picture. Pixel
#   $i$ of $n$ lies at $i$, so the middle is at $(n-1)/2$, not at $n/2$.
# - **Elastic deformation** (Simard, Steinkraus and Platt 2003): a random displacement for each pixel, smoothed with a
#   Gaussian of width $\sigma$, normalized, times a strength. Small $\sigma$ shreds the picture, large $\sigma$ moves it
#   as a whole; in between it bends as handwriting does.

# %%
def pixel_grid(height, width):
    """The place of each pixel, (height, width, 2)."""
    return tf.cast(tf.stack(tf.meshgrid(tf.range(height), tf.range(width), indexing="ij"), axis=-1), tf.float32)


def warp(images, field, fill="constant"):
    """Images displaced by a field (batch, height, width, 2) of pixels, down and right."""
    return sample(images, pixel_grid(*images.shape[1:3]) + field, fill)


def affine_field(matrices, height, width):
    """Field under which the pixel at d from the middle shows the place at A d; matrices (batch, 2, 2)."""
    from_middle = pixel_grid(height, width) - [(height - 1) / 2, (width - 1) / 2]
    return tf.einsum("bij,rcj->brci", matrices - tf.eye(2), from_middle)  # (batch, height, width, 2)

# %% [markdown]
# Smoothing is a matrix product from both sides: row $i$ of the matrix holds the Gaussian around pixel $i$. With noise
# on a larger grid every pixel gets all of its neighbours, and with a kernel whose squares sum to 1 the field keeps
# the noise's standard deviation, 1 pixel: that is the normalization.

# %%
def elastic_field(seed, batch, height, width, sigma):
    """Smooth random field (batch, height, width, 2) with standard deviation 1 pixel."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-np.arange(-reach, reach + 1) ** 2 / (2 * sigma**2))
    kernel = kernel / np.sqrt(np.sum(kernel**2))  # (2 reach + 1,)

    def smoothing(size):  # (size, size + 2 reach)
        return np.array([np.pad(kernel, (i, size - 1 - i)) for i in range(size)], np.float32)

    noise = tf.random.stateless_normal((batch, height + 2 * reach, width + 2 * reach, 2), seed)
    return tf.einsum("ij,bjkd,lk->bild", smoothing(height), noise, smoothing(width))


# %% [markdown]
# The lines show where the original's pixel rows and columns went. **Predict** for each panel: do straight lines stay
# straight, and parallels parallel?

# %% tags=["demo"]
scene = tf.constant(sprites.draw(8, 64, seed=5).images[5:6])  # (1, 64, 64, 3)
fields = {"the picture": tf.zeros((1, 64, 64, 2)), "translation": tf.zeros((1, 64, 64, 2)) - [5.0, 9.0],
          "affine": affine_field(tf.constant([[[0.8, 0.35], [-0.1, 0.85]]]), 64, 64),
          "elastic": 2.5 * elastic_field([0, 7], 1, 64, 64, 6.0)}
for ax, (name, field) in zip(plots.panels(4, columns=4), fields.items(), strict=True):
    ax.imshow(warp(scene, field, "nearest")[0])
    for lines in np.moveaxis(pixel_grid(64, 64) + field[0], -1, 0):  # rows, then columns, of the original
        ax.contour(lines, levels=range(0, 64, 7), colors="white", linewidths=0.8)
    ax.set_title(name)
    ax.axis("off")
plt.gcf().set_size_inches(10, 2.7)

# %% [markdown]
# Fields are added before sampling, not sampled one after the other: each bilinear sampling is a small blur, and three
# of them are a large one.
#
# ### Exercise 1 (4 points): a turn and a zoom about the middle
#
# Libraries take an affine map as one matrix. Write the 3 x 3 matrix that leads from pixel (row, column, 1) of the
# *result* to its place (row, column, 1) in the *image*, such that the picture turns counter-clockwise by `degrees`
# and grows by the factor `zoom`, both about its middle. Rows point down.

# %% nbgrader={"grade": false, "grade_id": "backward_matrix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def backward_matrix(degrees: float, zoom: float, height: int, width: int) -> np.ndarray:
    """Matrix (3, 3) that maps (row, column, 1) of the turned and zoomed result to (row, column, 1) of the image.

    The picture has `height` x `width` pixels; the middle, where four quarters meet, stays where it is.
    """
    ### BEGIN SOLUTION
    cosine, sine = np.cos(np.radians(degrees)) / zoom, np.sin(np.radians(degrees)) / zoom
    back = np.array([[1, 0, (height - 1) / 2], [0, 1, (width - 1) / 2], [0, 0, 1]])
    return back @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]]) @ np.linalg.inv(back)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "backward_matrix_turn", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("a quarter turn of 3 x 3: the upper left corner comes from the upper right one",
      backward_matrix(90, 1, 3, 3) @ [0, 0, 1], expected=[0, 2, 1])
check("the middle of 4 x 4 stays", backward_matrix(30, 1, 4, 4) @ [1.5, 1.5, 1], expected=[1.5, 1.5, 1])
### BEGIN HIDDEN TESTS
check("a turn by any angle", backward_matrix(check.rng().uniform(10, 170), 1, 9, 9))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "backward_matrix_zoom", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("5 x 9 twice as large: the corner comes from half way to the middle", backward_matrix(0, 2, 5, 9) @ [0, 0, 1],
      expected=[1, 2, 1])
### BEGIN HIDDEN TESTS
rng = check.rng()
check("any turn and zoom", backward_matrix(rng.uniform(10, 170), rng.uniform(0.5, 2), *rng.integers(5, 20, size=2)))
### END HIDDEN TESTS

# %% [markdown]
# Keras' `affine_transform` takes the first two rows as eight numbers, in the order (x, y), so rows and columns change
# places. The same picture four times: your matrix through our sampler and through Keras, and what two usual slips
# make.

# %% tags=["demo"] waits=["backward_matrix"]
matrix = backward_matrix(25, 1.4, 64, 64)
ours = warp(scene, affine_field(tf.constant(matrix[None, :2, :2], tf.float32), 64, 64))
corner = matrix - np.pad(matrix[:2, 2:], ((0, 1), (2, 0)))  # without the moves to the middle and back
eight = [one[[1, 0, 2]][:, [1, 0, 2]].ravel()[:8] for one in (matrix, np.linalg.inv(matrix), corner)]
theirs = keras.ops.image.affine_transform(tf.repeat(scene, 3, axis=0), tf.constant(eight, tf.float32))  # (3, 64, 64, 3)
print(f"largest difference between Keras and ours: {np.abs(ours - theirs[:1]).max():.1e}")
plots.images([*scene, *theirs], ["the picture", "25° and 1.4 times", "forwards", "about a corner"], columns=4)


# %% [markdown]
# Forwards instead of backwards turns the other way and shrinks; a matrix about the corner, pixel (0, 0), throws most
# of the picture out. Both mistakes pass unnoticed in a training loop: the network trains on what it is given.
#
# ### The other three change numbers, not places
#
# - **Horizontal flip**: the columns in reverse order.
# - **Noise**: $x + \sigma n$ with normal $n$, drawn for each number.
# - **Hue shift**: in the hue, saturation, value (HSV) description of a colour the hue is an angle: red 0, green a third
#   of the circle, blue two thirds. *Value* is the largest of the three channels, *chroma* the largest less the
#   smallest; a hue shift leaves both alone. Grey has chroma 0, so it stays grey. (Rotating RGB about its grey axis is
#   another convention; it keeps the mean of the channels instead, and may leave the range [0, 1].)

# %%
def flip(images, which):
    """Images of which `which` (batch,) is true are mirrored, left for right."""
    return tf.where(which[:, None, None, None], images[:, :, ::-1], images)


def shift_hue(images, turns):
    """RGB images in [0, 1] with their hue turned by turns (batch,) of the circle."""
    red, green, blue = tf.unstack(images, axis=-1)  # each (batch, height, width)
    value = tf.reduce_max(images, axis=-1)
    chroma = value - tf.reduce_min(images, axis=-1)
    hue = tf.where(value == red, tf.math.divide_no_nan(green - blue, chroma),
                   tf.where(value == green, 2 + tf.math.divide_no_nan(blue - red, chroma),
                            4 + tf.math.divide_no_nan(red - green, chroma)))  # in sixths of the circle
    hue += 6 * turns[:, None, None]

    def channel(peak):  # full within a sixth of its peak, nothing beyond a third
        distance = tf.abs(tf.math.floormod(hue - peak + 3, 6.0) - 3)  # around the circle, 0 to 3
        return value - chroma * tf.clip_by_value(distance - 1, 0, 1)

    return tf.stack([channel(0), channel(2), channel(4)], axis=-1)


# %% [markdown]
# Now the chance. Each image of a batch needs its own draw, and each kind of draw its own seed: TensorFlow's
# *stateless* generators give the same numbers for the same seed, wherever they run. `dlcourse.augmentation.augment`
# puts our pieces together, and leaves out what has strength 0. In short:
#
# ```python
# one, two, three, ... = tf.unstack(tf.random.split(seed, 6))
# field = affine_field(matrices_of(uniform((3, batch), one, -1, 1)), height, width)  # turn, zoom, shear
# field += uniform((batch, 1, 1, 2), two, -shift, shift) + elastic * elastic_field(three, ...)
# images = warp(images, field)
# images = flip(images, uniform((batch,), four) < flips)
# images = shift_hue(images, uniform((batch,), five, -hue, hue)) + noise * normal(images.shape, six)
# ```
#
# The slide's six, of one photograph. Which of them leave "a pagoda" true, and which "the lake is to the right of it"?

# %% tags=["demo"]
temple = tf.constant(data.photographs()[:1, :, :427])  # (1, 427, 427, 3)
slide = {"Affine distortion": {"degrees": 20, "zoom": 1.3, "shear": 0.3}, "Noise": {"noise": 0.15},
         "Elastic deformation": {"elastic": 0.02, "sigma": 0.05}, "Horizontal flip": {"flips": 1},
         "Random translation": {"shift": 0.25}, "Hue shift": {"hue": 0.5}}
plots.images([augment(temple, [44, 8], **strengths)[0] for strengths in slide.values()], list(slide), columns=3)
plt.gcf().set_size_inches(9, 6.4)

# %% [markdown]
# ### The Keras way
#
# Keras has a layer for each. They draw at random, so we pin them: a range whose ends are equal leaves nothing to
# chance. Where a coin or a sign is left we ask what it cannot change: `RandomHue` of half a circle is the same either
# way, and a picture plus its mirror image is the same whichever came first. `RandomElasticTransform` cannot be
# pinned; the sampler beneath it, `keras.ops.image.map_coordinates`, can be given our field.

# %% tags=["demo"]
pair, two = tf.constant(data.photographs()[:, 100:220, 300:396]), tf.ones(2)  # (2, 120, 96, 3)
cosine, sine = np.cos(np.pi / 5), np.sin(np.pi / 5)  # a tenth of a turn
turned = affine_field(tf.constant([[[cosine, sine], [-sine, cosine]]] * 2, tf.float32), 120, 96)
moved, bent = 0 * turned + [-12, 4.8], 5 * elastic_field([1, 2], 2, 120, 96, 6.0)  # (2, 120, 96, 2)
places = np.moveaxis(pixel_grid(120, 96) + bent, -1, 1)  # (2, 2, 120, 96)
flipped = layers.RandomFlip("horizontal")(pair)
pairs = {
    "RandomRotation((0.1, 0.1))": (layers.RandomRotation((0.1, 0.1), "nearest")(pair), warp(pair, turned, "nearest")),
    "RandomTranslation((0.1, 0.1), (-0.05, -0.05))": (
        layers.RandomTranslation((0.1, 0.1), (-0.05, -0.05), "nearest")(pair), warp(pair, moved, "nearest")),
    "RandomFlip('horizontal'), plus its mirror image": (flipped + flip(flipped, two > 0), pair + flip(pair, two > 0)),
    "RandomHue((1, 1))": (layers.RandomHue((1.0, 1.0), value_range=(0, 1))(pair), shift_hue(pair, two / 2)),
    "tf.image.adjust_hue(..., 0.2)": (tf.image.adjust_hue(pair, 0.2), shift_hue(pair, 0.2 * two)),
    "map_coordinates at our elastic field's places": (
        keras.ops.image.map_coordinates(pair[0, ..., 0], places[0], order=1, fill_mode="nearest"),
        warp(pair, bent, "nearest")[0, ..., 0])}
agreement = {name: np.abs(theirs - ours).max() for name, (theirs, ours) in pairs.items()}
plots.table(["Keras", "largest difference"], [[name, f"{value:.1e}"] for name, value in agreement.items()])
print(f"GaussianNoise(0.2) has deviation {np.std(layers.GaussianNoise(0.2, seed=1)(pair, training=True) - pair):.4f}")

# %% [markdown]
# All agree to rounding, the noise to its sampling error. What one has to know for that: `RandomRotation` counts in
# turns, counter-clockwise; `RandomTranslation` in parts of the side, down and right; `RandomHue` in half circles.
# Places are pixel indices with the middle at $(n-1)/2$, so a quarter turn is exact. Resizing is another matter: there
# pixel $i$ covers $i$ to $i + 1$ and its middle is $i + \tfrac12$ (`crops`, below). And Keras' default fill,
# `"reflect"`, puts pieces of a second digit at the edge.
#
# ### Labels that have to change too
#
# "This is a six" survives a small turn and not a large one. "The disc is at the left" is changed by a flip in a known
# way, and the label must follow its picture: boxes, key points, masks, "left" and "right" in captions.
#
# ### Exercise 2 (4 points): boxes move with their pictures
#
# A box is (top, left, bottom, right) in parts of the side, from 0 to 1. Some pictures are mirrored, then all are
# shifted, and what leaves the picture is cut off. Return the boxes as they are then, and which part of each box's
# area is still in the picture: a detector should not be asked for a thing of which nothing is left.

# %% nbgrader={"grade": false, "grade_id": "moved_boxes", "locked": false, "schema_version": 3, "solution": true, "task": false}
def moved_boxes(boxes: np.ndarray, mirrored: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) after the flip, the shift and the cut, and the part (n,) of each box's area that is left.

    boxes: (n, 4), top, left, bottom, right. mirrored: (n,), booleans: flipped left for right, before the shift.
    shifts: (n, 2), down and right, in parts of the side. A box that has left the picture lies flat on its edge: area 0.
    """
    ### BEGIN SOLUTION
    top, left, bottom, right = boxes.T
    left, right = np.where(mirrored, 1 - right, left), np.where(mirrored, 1 - left, right)
    moved = np.clip(np.stack([top, left, bottom, right], axis=1) + np.tile(shifts, 2), 0, 1)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (moved, boxes)]
    return moved, areas[0] / areas[1]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "moved_boxes_places", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
near_left, shifts = np.array([[0.1, 0.2, 0.4, 0.3]] * 2), np.array([[0.0, 0.0], [0.2, 0.1]])
check("mirrored: near the left becomes near the right; the second then moves down and right",
      moved_boxes(near_left, np.array([True, True]), shifts)[0], expected=[[0.1, 0.7, 0.4, 0.8], [0.3, 0.8, 0.6, 0.9]])
### BEGIN HIDDEN TESTS
rng = check.rng()
corners = np.sort(rng.uniform(0.3, 0.7, size=(20, 2, 2)), axis=1).reshape(20, 4)
moved, left = moved_boxes(corners, rng.random(20) < 0.5, rng.uniform(-0.3, 0.3, size=(20, 2)))
check("many boxes, each with its own flip and shift", moved)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "moved_boxes_cut", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
half_out = moved_boxes(np.array([[0.2, 0.0, 0.6, 0.4]]), np.array([False]), np.array([[0.0, -0.2]]))
check("half of it out at the left: the box is cut", half_out[0], expected=[[0.2, 0, 0.6, 0.2]])
check("and half of its area is left", half_out[1], expected=[0.5])
### BEGIN HIDDEN TESTS
rng = check.rng()
corners = np.sort(rng.uniform(size=(20, 2, 2)), axis=1).reshape(20, 4)
moved, left = moved_boxes(corners, rng.random(20) < 0.5, rng.uniform(-0.6, 0.6, size=(20, 2)))
check("boxes cut at every side, and some gone", moved)
check("the part that is left of each", left)
### END HIDDEN TESTS

# %% tags=["demo"] waits=["moved_boxes"]
drawn, mirrored = sprites.draw(6, 64, seed=11), np.array([0, 1, 0, 1, 1, 0]) > 0
shifts = np.array([[0, 0], [0, 0], [0.2, 0.3], [-0.1, -0.3], [0.4, 0], [0, 0.8]], np.float32)
moved, left = moved_boxes(drawn.boxes, mirrored, shifts)
field = np.tile(-64 * shifts[:, None, None], (1, 64, 64, 1))  # (6, 64, 64, 2)
shown = warp(flip(tf.constant(drawn.images), tf.constant(mirrored)), field)
plots.images(shown, [f"{'mirrored' if m else 'as it was'}\n{100 * part:.0f}% left" for m, part in zip(mirrored, left)])
for ax, (top, start, bottom, end) in zip(plt.gcf().axes, 64 * moved - 0.5, strict=True):
    ax.add_patch(plt.Rectangle((start, top), end - start, bottom - top, fill=False, edgecolor="white", linewidth=2))

# %% [markdown]
# A turned box is no longer upright: one takes the upright box around its four turned corners, which is larger than
# the object, by up to 41% a side at 45°.
#
# ### Exercise 3 (4 points): find the planted bugs
#
# A colleague draws flips and sideways shifts for a batch. Half of all images should be mirrored, shifts should lie
# evenly between `-limit` and `limit`, and all draws should be independent. Three bugs are planted. Write `draws`
# without them; it takes the same arguments and may use its seed as it likes.

# %%
def draws_with_bugs(batch, limit, seed):
    coin = tf.random.stateless_uniform([], seed) < 0.5
    shifts = tf.random.stateless_uniform([batch], seed, maxval=limit)
    return tf.broadcast_to(coin, [batch]), shifts


# %% nbgrader={"grade": false, "grade_id": "draws", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draws(batch: int, limit: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which images of a batch are mirrored, (batch,) booleans, and their shifts, (batch,) float32.

    seed: (2,) integers. The same seed gives the same draws, another seed others.
    """
    ### BEGIN SOLUTION
    for_coins, for_shifts = tf.unstack(tf.random.split(seed, 2))
    coins = tf.random.stateless_uniform([batch], for_coins) < 0.5
    return coins, tf.random.stateless_uniform([batch], for_shifts, minval=-limit, maxval=limit)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "draws_each", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
coins, shifts = draws(4000, 2.0, tf.constant([5, 6]))
check("part of a batch that is mirrored", np.mean(coins), expected=0.5, tolerance=0.05)
check("least, mean and largest of 4000 shifts at limit 2", [np.min(shifts), np.mean(shifts), np.max(shifts)],
      expected=[-2, 0, 2], tolerance=0.1)
### BEGIN HIDDEN TESTS
rng = check.rng()
limit, seed = rng.uniform(1, 9), tf.constant(rng.integers(1000, size=2))
coins, shifts = draws(4000, limit, seed)
check("part mirrored, any seed", np.mean(coins), tolerance=0.05)
check("quartiles of the shifts, any limit", np.quantile(shifts / limit, [0, 0.25, 0.5, 0.75, 1]), tolerance=0.1)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "draws_independent", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("correlation of being mirrored with the shift", np.corrcoef(*draws(4000, 2.0, tf.constant([5, 6])))[0, 1],
      expected=0, tolerance=0.1)
### BEGIN HIDDEN TESTS
seed = tf.constant(check.rng().integers(1000, size=2))
check("correlation, any seed", np.corrcoef(*draws(4000, 3.0, seed))[0, 1], tolerance=0.1)
### END HIDDEN TESTS

# %% [markdown]
# What the reused seed does is easily overlooked: flips and shifts each look right, yet every mirrored picture moves
# one way. It is in the wild. An image whose two channels *are* its row and column shows any layer's field: subtract
# the original from the result. First Keras' elastic layer, then ours.

# %% tags=["demo"]
ramps = pixel_grid(64, 64)[None]  # (1, 64, 64, 2)
bend = layers.RandomElasticTransform((1.0, 1.0), (1.0, 1.0), fill_mode="nearest", value_range=(0, 63), seed=1)
for field in (bend(ramps) - ramps, elastic_field([0, 7], 1, 64, 64, 3.2)):
    down, across = np.reshape(field[0, 12:-12, 12:-12], (-1, 2)).T  # (1600,) each, far from the edge
    print(f"correlation of the displacements down and across: {np.corrcoef(down, across)[0, 1]:.3f}")

# %% [markdown]
# A correlation of 1 (Keras 3.15) says that every pixel moves along one diagonal: both directions were drawn with one
# seed. A reader of the layer's results would never have noticed.
#
# ### Where augmentation belongs
#
# In training only: the test asks about pictures as they come. In the input pipeline it can be mapped over single
# images or over batches; the numbers drawn are as independent either way. **Predict** which is faster, and how much.

# %% tags=["demo"]
everything = {"degrees": 20, "zoom": 1.2, "shift": 0.1, "elastic": 0.03, "flips": 0.5, "hue": 0.5, "noise": 0.05}


def change(batch, number):
    return augment(batch, [44, number], **everything)


source, numbers = tf.data.Dataset.from_tensor_slices(sprites.draw(512, 32).images).repeat(), tf.data.Dataset.counter()
each = tf.data.Dataset.zip(source, numbers).map(lambda image, number: change(image[None], number)[0]).batch(64)
batches = tf.data.Dataset.zip(source.batch(64), numbers).map(change)
for name, dataset in {"each image": each, "the batch": batches}.items():
    marks = [time.perf_counter() for _ in dataset.take(20)]
    print(f"mapped over {name}: {np.median(np.diff(marks)) / 64 * 1e6:.0f} µs an image")

# %% [markdown]
# The difference is the overhead of calling some hundred small operations for one image. Inside the training step, as
# below, `augment` needs no pipeline at all and would run on the GPU with the rest. Two orders to get right: `cache()`
# keeps what comes before it, so cache *first*; and a seed that is counted afresh in each epoch repeats the same
# pictures, a cache that nobody meant.
#
# ### What is it worth?
#
# 100 labelled pictures, two kinds. **Digits**: 8 x 8, tested on the other 1,697. **Sprites**: what is the shape, one
# of ten? Colour, ground and orientation are random, so the label survives any turn, flip and hue. They are cut out of
# their pictures by their boxes: cropping and resizing is our sampler again, with pixel middles at $i + \tfrac12$.

# %%
def crops(drawn, side=16, margin=0.1):
    """The sprites in their boxes, with a margin around, as (n, side, side, 3)."""
    low, high = drawn.boxes[:, None, None, :2], drawn.boxes[:, None, None, 2:]  # (n, 1, 1, 2): top left, bottom right
    middles = (pixel_grid(side, side) + 0.5) / side * (1 + 2 * margin) - margin  # (side, side, 2), in the box
    return sample(drawn.images, (low + (high - low) * middles) * drawn.images.shape[1] - 0.5, "nearest").numpy()

# %% [markdown]
# Eight small networks train at once (six on sprites), each on a hundred pictures of its own; their weights and
# batches are stacked. Every arm starts from the same weights and sees the same pictures in the same order, for the
# same number of steps at the same rates; only `augment` differs, so differences are paired. Strengths: for digits
# what a human still reads; for sprites the same, after a look at pictures of other seeds (a zoom hurt there: boxes
# fix the size).

# %%
def convolve(maps, kernels, stride, padding="SAME"):
    """Each network's maps (count, batch, height, width, channels) with its own kernel."""
    each = zip(tf.unstack(maps), tf.unstack(kernels), strict=True)
    return tf.stack([tf.nn.conv2d(one, kernel, stride, padding) for one, kernel in each])


def logits(kernels, images):
    """(count, batch, 10) from images (count, batch, height, width, channels) of 8 x 8 or 16 x 16 pixels."""
    maps = tf.nn.relu(convolve(images, kernels[0], images.shape[2] // 8))  # (count, batch, 8, 8, 16)
    maps = tf.nn.relu(convolve(maps, kernels[1], 2))  # (count, batch, 4, 4, 32)
    return convolve(maps, kernels[2], 1, "VALID")[:, :, 0, 0]


# %% [markdown]
# The whole training is one `tf.function`, augmentation included; no picture is ever stored.

# %%
def answers(images, labels, tests, strengths, steps, rate=0.003, batch=16):
    """Train on images (count, 100, ...) and labels (count, 100); the answers (count, n) to tests (count, n, ...)."""
    count, number, *shape = images.shape
    rng, sizes = np.random.default_rng(seeds(1)), [(3, 3, shape[-1], 16), (3, 3, 16, 32), (4, 4, 32, 10)]
    kernels = [rng.normal(0, np.sqrt(2 / np.prod(size[:3])), (count, *size)) for size in sizes]
    kernels = [tf.Variable(kernel, dtype=tf.float32) for kernel in kernels]
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(kernels)

    @tf.function
    def train(images, labels):
        for step in tf.range(steps):
            seed = tf.stack([seeds(1)[0], step])
            rows = tf.random.stateless_uniform((count, batch), seed, maxval=number, dtype=tf.int32)
            chosen = tf.reshape(tf.gather(images, rows, batch_dims=1), (count * batch, *shape))
            chosen = tf.reshape(augment(chosen, seed, **strengths), (count, batch, *shape))
            with tf.GradientTape() as tape:
                wanted, given = tf.gather(labels, rows, batch_dims=1), logits(kernels, chosen)
                loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, given)) / batch
            optimizer.apply(tape.gradient(loss, kernels), kernels)  # a sum over networks: each learns on its own

    train(tf.constant(images), tf.constant(labels))
    return tf.argmax(logits(kernels, tests), axis=-1).numpy()

# %% [markdown]
# **Predict**, for digits and for sprites: which augmentation helps most, which does nothing, which hurts? A digit may
# turn by 15°, a sprite all the way round. Mirroring a digit is the one statement about labels below that we know to
# be false; for grey digits the hue shift has nothing to say.

# %% tags=["demo"]
around = {"fill": "nearest"}  # a ground goes on where its picture ends; around a digit there is nothing
strengths = {
    "digits": {"affine": {"degrees": 15, "zoom": 1.15, "shear": 0.15}, "elastic": {"elastic": 0.06, "sigma": 0.2},
               "noise": {"noise": 0.2}, "flip": {"flips": 0.5}, "translation": {"shift": 0.125}},
    "sprites": {"affine": {"degrees": 180, "shear": 0.1} | around, "elastic": {"elastic": 0.01, "sigma": 0.15} | around,
                "noise": {"noise": 0.03}, "flip": {"flips": 0.5}, "translation": {"shift": 0.05} | around,
                "hue": {"hue": 0.5}},
    "colours": {"nothing": {}, "hue": {"hue": 0.5}}}


def together(task, *kinds):
    return {key: value for kind in kinds for key, value in strengths[task][kind].items()}


for task in ["digits", "sprites"]:
    strengths[task] |= {"nothing": {}, "all": together(task, *strengths[task])}
strengths["digits"]["all but flip"] = together("digits", "affine", "noise", "elastic", "translation")
strengths["digits"] |= {f"{arm}, 1,200 steps": strengths["digits"][arm] for arm in ("nothing", "all but flip")}
strengths["sprites"]["flip and hue"] = together("sprites", "flip", "hue")

# %% tags=["demo"]
drawn, unseen = [sprites.draw(100, 32, seed=seed) for seed in seeds(6)], sprites.draw(1000, 32, seed=seeds(7)[6])
sprite_images, unseen_images = np.stack([crops(part) for part in drawn]), np.stack([crops(unseen)] * 6)
parts = [np.stack(part) for part in zip(*[data.digits(train=100, seed=seed) for seed in seeds(8)], strict=True)]
tasks = {"digits": (parts[0][..., None], parts[2], parts[1][..., None], parts[3]),
         "sprites": (sprite_images, np.stack([part.labels for part in drawn]), unseen_images, unseen.labels),
         "colours": (sprite_images, np.stack([part.colours for part in drawn]), unseen_images, unseen.colours)}


def answers_of(run):
    task, arm = run
    return answers(*tasks[task][:3], strengths[task][arm], steps=1200 if "1,200" in arm else 400)


runs = [(task, arm) for task, arms in strengths.items() for arm in arms]
with ThreadPoolExecutor(2) as pool:
    given = dict(zip(runs, pool.map(answers_of, runs), strict=True))  # (task, arm): (8 or 6, number of tests)

# %% tags=["demo"]
points = {run: 100 * np.mean(one == tasks[run[0]][3], axis=1) for run, one in given.items()}  # each (8,) or (6,)
gains = {(task, arm): stats.mean_interval(points[task, arm] - points[task, "nothing"]) for task, arm in runs}
names = ["nothing, 1,200 steps", "all but flip, 1,200 steps", "all but flip", "all", "flip and hue", "hue",
         "translation", "flip", "elastic", "noise", "affine"]
plt.figure(figsize=(8, 4.8))
for task, up, marker, colour in [("digits", 0.1, "o", plots.COLOURS[0]), ("sprites", -0.1, "s", plots.COLOURS[1])]:
    here = [arm for of, arm in runs if of == task and arm != "nothing"]
    rows, means, widths = np.transpose([(names.index(arm) + up, *gains[task, arm]) for arm in here])
    plt.errorbar(means, rows, xerr=widths, fmt=marker, color=colour, capsize=4,
                 label=f"{task}: {points[task, 'nothing'].mean():.1f}% with none")
plt.axvline(0, color="black", linewidth=0.8)
plt.yticks(range(len(names)), names)
plt.xlabel("accuracy gained by augmentation (points), mean and 95% interval over training sets")
_ = plt.legend(loc="upper right")

# %% [markdown]
# What helps is what the labels do not depend on *and the hundred pictures do not show*. A hundred sprites are ten of
# each shape in eight colours, so the network had learned colours along with shapes; hue shifts take them away. Turns
# and flips gain for the same reason. Where in its box a sprite lies, and a little noise or bending, is not what the
# tests vary, and gains nothing. Digits do vary so: bending is how hands differ, and of the single ones elastic
# deformation does best.
#
# *All* is no sum. Each augmentation makes the task harder to fit, and the steps are the same: on sprites all six stay
# behind the two that are exact symmetries of these drawings, and on digits the four true statements together lose. Now
# look at the last two rows, which give both sides three times as many steps. Without augmentation there is little left
# to learn; with it the four climb from a loss to a gain. Give augmentation time before you judge it.
#
# The flip costs digits more than bending them gains, and all five with it lose most. **Predict** which digits pay for
# it, and which do not mind their mirror image. (Recall in points, over the test digits of all eight networks.)

# %% tags=["demo"]
shares = [100 * confusion_matrix(tasks["digits"][3].ravel(), given["digits", arm].ravel(), normalize="true")
          for arm in ("nothing", "flip")]  # (10, 10) each: digit, answer
plots.heat(np.round(shares[1] - shares[0], 1), rows=("digit", range(10)), columns=("taken for", range(10)),
           label="change by flips (points)")

# %% tags=["demo"]
claim(
    "augmentation",
    measured={"largest difference to Keras where it is deterministic": max(agreement.values()),
              "without (%): digits, sprites": [points[task, "nothing"].mean() for task in ("digits", "sprites")],
              **{f"{task}, {arm}: gain (points), 95% half width": gains[task, arm] for task, arm in runs
                 if arm != "nothing"}},
    holds=max(agreement.values()) < 1e-4 and gains["digits", "flip"][0] < -gains["digits", "flip"][1]
    and all(gains[run][0] > gains[run][1]
            for run in [("digits", "elastic"), ("sprites", "hue"), ("sprites", "flip and hue")]),
    because="true statements about labels gain, false ones cost: flips for digits, hue shifts when colour is asked",
)

# %% [markdown]
# Each row adds up to 0, and its diagonal is what the digit's recall lost. The new confusions are those of mirror
# images: a 3 is taken for a 5, 5 and 7 for each other, a 4 for a 6, a 1 with its flag for a 2. A mirrored 0 or 8 is
# still one, and nothing else looks like a mirrored 6: these hardly mind. (The small changes are chance.)
#
# The control is in the last line of the card: the same pictures, the same hue shifts, but the question is "which of
# the eight colours?" An augmentation is good or bad for a question, not for a picture.
#
# **How this could be wrong.** Four hundred steps for all favour the easier tasks, and the last rows bound by how much
# for one of them only. Strengths were set by hand, one each. All sprite networks share one test set of 1,000
# pictures, so the intervals speak of training sets and not of test pictures. And the sprites' symmetries are exact,
# since we drew them.
#
# **Often mistaken.** Augmenting the test set too: its accuracy then belongs to no pictures that anyone has.
# Augmenting after standardizing: noise and hue shifts here assume numbers in [0, 1]. Seeing no improvement in the
# *training* loss and dropping the augmentation: it has to rise. One draw for the whole batch, or
# the same draws in every epoch.
#
# **Practice has moved on.** *RandAugment* (Cubuk et al. 2020) draws a few from a list at one strength; *MixUp* and
# *CutMix* mix two pictures and their labels in the same proportion (`keras.layers.RandAugment`, `MixUp`, `CutMix`).
# *Test-time augmentation* averages the answers to several versions of one picture, at as many times the cost. In
# contrastive learning "two versions of one picture" *is* the label.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - An augmentation says that labels do not change. Ask that of every class and of every strength before you ask the
#   network.
# - Geometry is a field of displacements, read backwards, sampled once, bilinearly, about $(n-1)/2$.
# - One draw an image, one seed a draw, new ones in every epoch; train only; after the cache.
# - Labels that live in the picture, boxes and left and right, move with it.
#
# ## At full scale
#
# | where | what | steps | parameters | what it gave |
# |---|---|---|---|---|
# | this laptop | 100 digits of 8 x 8, elastic | 400 batches of 16 | 9,872 | about 2 points |
# | this laptop, minutes | `data.digits(full=True)`, 100 to 60,000 labels | 20,000 | 100,000 | try it |
# | Simard et al. 2003 | MNIST, small convolutional net | | 130,000 | error 0.6% with affine, 0.4% with elastic |
# | one GPU (Huang et al. 2016) | CIFAR-10, flips, shifts, ResNet-110 | 64,000 of 128 | 1.7M | error 13.6% to 6.4% |
# | RandAugment (2020) | ImageNet, ResNet-50 | 180 epochs | 26M | accuracy 76.3% to 77.6% |
#
# Next: notebook 5 uses what other labels have taught a network.

# %%
dlcourse.submit()
