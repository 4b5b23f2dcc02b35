"""The inception module, built by hand and in Keras in week 4, notebook 3 (`inception`)."""


def inception_module(
    x, one: int, reduce3: int, three: int, reduce5: int, five: int, project: int, name: str = "module"
):
    """Four views of `x` side by side: 1x1, 3x3 and 5x5 filters and a pooled view, with 1x1 projections before or after.

    Stride 1 and "same" padding; a ReLU follows every convolution. As in Szegedy et al. 2015, "Going Deeper with
    Convolutions", table 1, whose rows are the six widths in this order.

    Args:
        x: a Keras tensor (batch, height, width, channels).
        one: filters of the 1x1 branch.
        reduce3, three: channels that the 3x3 filters read, and how many filters there are.
        reduce5, five: the same for the 5x5 filters.
        project: filters that read the pooled view, the largest value of 3x3 neighbours.
        name: of the module, and the beginning of its layers' names, such as "3a_reduce5".

    Returns:
        A Keras tensor (batch, height, width, one + three + five + project), the branches in this order.

    Raises:
        ValueError: `x` has not four axes, or a width is not a whole number of at least 1.
    """
    from keras import layers

    if len(x.shape) != 4:
        raise ValueError(f"x has shape {tuple(x.shape)}; a module reads (batch, height, width, channels)")
    widths = {
        "one": one,
        "reduce3": reduce3,
        "three": three,
        "reduce5": reduce5,
        "five": five,
        "project": project,
    }
    for width, value in widths.items():
        if value != int(value) or value < 1:
            raise ValueError(f"{width} is {value}; a branch has a whole number of filters, at least 1")

    def convolution(part: str, side: int, source):
        layer = layers.Conv2D(widths[part], side, padding="same", activation="relu", name=f"{name}_{part}")
        return layer(source)

    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    branches = [
        convolution("one", 1, x),
        convolution("three", 3, convolution("reduce3", 1, x)),
        convolution("five", 5, convolution("reduce5", 1, x)),
        convolution("project", 1, pooled),
    ]
    return layers.Concatenate(name=name)(branches)
