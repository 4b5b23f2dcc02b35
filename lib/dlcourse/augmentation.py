"""Augmentation of image batches as tensor code, built in week04/04_augmentation.

Images are float tensors (batch, height, width, channels). Everything is made of TensorFlow operations that take a
seed of shape (2,) where they draw, as `tf.random.stateless_uniform` does: the same seed gives the same images, in
eager code, in a `tf.function` and in `tf.data`, and each image of a batch gets draws of its own.

Geometry is a field of displacements (batch, height, width, 2), down and right, in pixels: pixel (r, c) of the result
shows place (r, c) + field[r, c] of the image. Fields may be added, so that a picture is sampled once.
"""

import numpy as np
import tensorflow as tf

FILLS = ("constant", "nearest")


def pixel_grid(height: int, width: int) -> tf.Tensor:
    """The place of each pixel, (height, width, 2): its row and column."""
    return tf.cast(tf.stack(tf.meshgrid(tf.range(height), tf.range(width), indexing="ij"), axis=-1), tf.float32)


def sample(images: tf.Tensor, places: tf.Tensor, fill: str = "constant") -> tf.Tensor:
    """The images at places between pixels, by bilinear interpolation.

    Args:
        images: (batch, height, width, channels); pixel (r, c) is the place (r, c).
        places: rows and columns in pixels, (batch, height', width', 2).
        fill: what lies outside: "constant" is 0, "nearest" the nearest pixel.

    Returns:
        (batch, height', width', channels), differentiable in the images and the places.

    Raises:
        ValueError: `fill` is neither, or the images are not a batch with channels.
    """
    if fill not in FILLS:
        raise ValueError(f"fill is {fill!r}; it can be one of {FILLS}")
    if len(images.shape) != 4:
        raise ValueError(f"images have shape {images.shape}; (batch, height, width, channels) is wanted")
    if fill == "constant":  # a margin of zeros, which then is the nearest pixel of every place outside
        images, places = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]]), places + 1
    corner = tf.floor(places)
    down, right = tf.split(places - corner, 2, axis=-1)  # (batch, height', width', 1) each
    last = [size - 1.0 for size in images.shape[1:3]]

    def pixel(rows: float, columns: float) -> tf.Tensor:
        place = tf.clip_by_value(corner + [rows, columns], 0, last)
        return tf.gather_nd(images, tf.cast(place, tf.int32), batch_dims=1)

    upper = (1 - right) * pixel(0.0, 0.0) + right * pixel(0.0, 1.0)
    lower = (1 - right) * pixel(1.0, 0.0) + right * pixel(1.0, 1.0)
    return (1 - down) * upper + down * lower


def warp(images: tf.Tensor, field: tf.Tensor, fill: str = "constant") -> tf.Tensor:
    """The images displaced by a field (batch, height, width, 2); -s everywhere moves a picture by s."""
    return sample(images, pixel_grid(*images.shape[1:3]) + field, fill)


def affine_field(matrices: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Field (batch, height, width, 2) under which a pixel at d from the middle shows the place at A d.

    `matrices` A, (batch, 2, 2), act on (row, column) and lead from the result back to the image.
    """
    from_middle = pixel_grid(height, width) - [(height - 1) / 2, (width - 1) / 2]
    return tf.einsum("bij,rcj->brci", matrices - tf.eye(2), from_middle)


def affine_matrices(degrees: tf.Tensor, zoom: tf.Tensor, shear: tf.Tensor) -> tf.Tensor:
    """Matrices (batch, 2, 2) for `affine_field`: pictures turn clockwise, slant by `shear` and grow by `zoom`.

    Each argument has shape (batch,).
    """
    cosine, sine = tf.cos(degrees * np.pi / 180), tf.sin(degrees * np.pi / 180)
    four = tf.stack([cosine - shear * sine, -sine, sine + shear * cosine, cosine], axis=-1) / zoom[:, None]
    return tf.reshape(four, (-1, 2, 2))


def elastic_field(seed: tf.Tensor, batch: tf.Tensor, height: int, width: int, sigma: float) -> tf.Tensor:
    """Smooth random field (batch, height, width, 2) with a standard deviation of 1 pixel (Simard et al. 2003).

    Independent normal displacements, smoothed by a Gaussian of standard deviation `sigma` pixels.
    """
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel = kernel / np.sqrt(np.sum(kernel**2))  # the squares sum to 1: smoothing leaves the standard deviation 1

    def smoothing(size: int) -> np.ndarray:  # (size, size + 2 reach): row i holds the kernel around pixel i
        return np.array([np.pad(kernel, (i, size - 1 - i)) for i in range(size)], np.float32)

    noise = tf.random.stateless_normal((batch, height + 2 * reach, width + 2 * reach, 2), seed)
    return tf.einsum("ij,bjkd,lk->bild", smoothing(height), noise, smoothing(width))


def flip(images: tf.Tensor, which: tf.Tensor) -> tf.Tensor:
    """The images with those mirrored, left for right, of which `which` (batch,) is true."""
    return tf.where(which[:, None, None, None], images[:, :, ::-1], images)


def shift_hue(images: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """RGB images with their hue turned by `turns` (batch,) of the circle; value and saturation (HSV) stay."""
    red, green, blue = tf.unstack(images, axis=-1)
    value = tf.reduce_max(images, axis=-1)
    chroma = value - tf.reduce_min(images, axis=-1)
    hue = tf.where(  # in sixths of the circle, from red
        value == red,
        tf.math.divide_no_nan(green - blue, chroma),
        tf.where(
            value == green,
            2 + tf.math.divide_no_nan(blue - red, chroma),
            4 + tf.math.divide_no_nan(red - green, chroma),
        ),
    )
    hue += 6 * turns[:, None, None]

    def channel(peak: float) -> tf.Tensor:  # full within a sixth of its peak, nothing beyond a third
        distance = tf.abs(tf.math.floormod(hue - peak + 3, 6.0) - 3)
        return value - chroma * tf.clip_by_value(distance - 1, 0, 1)

    return tf.stack([channel(0), channel(2), channel(4)], axis=-1)


def augment(
    images: tf.Tensor,
    seed: tf.Tensor,
    *,
    degrees: float = 0,
    zoom: float = 1,
    shear: float = 0,
    shift: float = 0,
    elastic: float = 0,
    sigma: float = 0.1,
    flips: float = 0,
    hue: float = 0,
    noise: float = 0,
    fill: str = "constant",
) -> tf.Tensor:
    """A random version of each image; strengths that are left out do nothing.

    Args:
        images: (batch, height, width, channels); for `hue` RGB in [0, 1].
        seed: (2,) integers.
        degrees, shear: the largest turn and slant, either way.
        zoom: the largest factor of growing or shrinking, 1 or more.
        shift: the largest move up, down, left or right, as a part of the side.
        elastic, sigma: standard deviation of elastic displacements and of their smoothing, as parts of the side.
        flips: chance of a horizontal flip.
        hue: the largest turn of the hue, either way; 0.5 is every hue.
        noise: standard deviation of what is added to each number; nothing is clipped.
        fill: see `sample`.

    Raises:
        ValueError: `zoom` is below 1, `hue` is asked of images that are not RGB, or see `sample`.
    """
    if zoom < 1:
        raise ValueError(f"zoom is {zoom}; the largest factor is 1 or more")
    if hue and images.shape[-1] != 3:
        raise ValueError(f"images have shape {images.shape}; a hue needs the 3 channels of RGB")
    uniform, side = tf.random.stateless_uniform, max(images.shape[1:3])
    batch, (height, width) = tf.shape(images)[0], images.shape[1:3]
    for_affine, for_shift, for_elastic, for_flip, for_hue, for_noise = tf.unstack(tf.random.split(seed, 6))
    fields = []  # each (batch, height, width, 2), or (batch, 1, 1, 2)
    if degrees or zoom > 1 or shear:
        turn, grow, slant = tf.unstack(uniform((3, batch), for_affine, -1, 1))  # each (batch,)
        fields.append(affine_field(affine_matrices(degrees * turn, zoom**grow, shear * slant), height, width))
    if shift:
        fields.append(side * uniform((batch, 1, 1, 2), for_shift, -shift, shift))
    if elastic:
        fields.append(side * elastic * elastic_field(for_elastic, batch, height, width, side * sigma))
    if fields:
        images = warp(images, sum(fields), fill)
    if flips:
        images = flip(images, uniform((batch,), for_flip) < flips)
    if hue:
        images = shift_hue(images, uniform((batch,), for_hue, -hue, hue))
    if noise:
        images += noise * tf.random.stateless_normal(tf.shape(images), for_noise)
    return images
