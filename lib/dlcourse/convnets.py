"""The small convolutional network of the course, built in week 4, notebook 2 (convolutional networks)."""

from collections.abc import Sequence


def small_convnet(
    shape: tuple[int, int, int], classes: int, widths: Sequence[int] = (16, 32), *, batch_norm: bool = False
):
    """A Keras pyramid: a 3 x 3 convolution, ReLU and 2 x 2 max pooling for each width, then one Dense layer.

    Built in week04/02_convolutional_networks. Each level halves height and width (rounded down).

    Args:
        shape: of one image: height, width, channels; the model takes (n, height, width, channels).
        classes: outputs of the last layer.
        widths: feature maps of each level, the first level first.
        batch_norm: normalize each convolution's outputs over the batch, before the ReLU; the convolutions then have
            no biases. The running averages forget a tenth a step, so that a few hundred steps are enough.

    Returns:
        A `keras.Sequential`, not compiled, that gives logits (n, classes).

    Raises:
        ValueError: `shape` is not that of an image, there are no `widths`, or the levels would leave no pixel.
    """
    from keras import Input, Sequential, layers

    if len(shape) != 3:
        raise ValueError(f"shape is {shape}; expected height, width and channels, such as (8, 8, 1)")
    if not widths:
        raise ValueError("widths is empty; expected the feature maps of at least one level, such as (16, 32)")
    if min(shape[:2]) < 2 ** len(widths):
        raise ValueError(
            f"shape is {shape}; {len(widths)} levels of halving need at least {2 ** len(widths)} pixels a side"
        )
    model = Sequential([Input(shape)])
    for width in widths:
        model.add(layers.Conv2D(width, 3, padding="same", use_bias=not batch_norm))
        if batch_norm:
            model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(classes))
    return model
