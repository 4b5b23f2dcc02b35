"""How good generated images are: the Fréchet distance in a classifier's features, and the nearest training images.

Built in week14/01_adversarial_networks. Images are float32 (count, height, width, channels) in [0, 1].
"""

import keras
import numpy as np


class Judge:
    """A classifier trained on real images, which says of others what it sees in them.

    Heusel et al. (2017) take the 2,048 features of an Inception network; ours has `features` of its own and knows the
    images at hand. Distances under different judges cannot be compared.

    Args:
        images, labels: the real images and their classes (count,), from 0.
        epochs: of training; a few seconds on two cores for 1,800 images of 8 x 8 pixels.
    """

    def __init__(self, images, labels, *, features: int = 32, epochs: int = 15, seed: int = 0):
        keras.utils.set_random_seed(seed)
        layers = [keras.Input(images.shape[1:])]
        size, width = images.shape[1], 32
        while size > 4:
            layers += [keras.layers.Conv2D(width, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D(2)]
            size, width = size // 2, 2 * width
        layers += [keras.layers.Flatten(), keras.layers.Dense(features, activation="relu")]
        self.body = keras.Sequential(layers)
        self.head = keras.layers.Dense(int(labels.max()) + 1)
        model = keras.Sequential([self.body, self.head])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(images, labels, batch_size=32, epochs=epochs, verbose=0)

    def features(self, images) -> np.ndarray:
        """(count, features)."""
        return np.concatenate([self.body(images[first : first + 500]) for first in range(0, len(images), 500)])

    def classes(self, images) -> np.ndarray:
        """The likeliest class of each image, (count,)."""
        return np.argmax(self.head(self.features(images)), axis=-1)


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Between the Gaussians with the means and covariances of two sets of features, (count, features) each.

    |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau 1982). It is 0 for equal means and covariances, and
    positive on average for two samples of one distribution: compare with the distance between halves of the real ones.

    Raises:
        ValueError: the arrays have not as many features, or fewer than two rows.
    """
    one, other = np.asarray(one, float), np.asarray(other, float)
    if one.ndim != 2 or one.shape[1:] != other.shape[1:] or min(len(one), len(other)) < 2:
        raise ValueError(f"shapes {one.shape} and {other.shape}; both must be (count, features) with two rows or more")
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    # C1 C2 has the eigenvalues of the positive semi-definite C1^(1/2) C2 C1^(1/2); rounding can push them below 0.
    roots = np.sqrt(np.maximum(np.linalg.eigvals(np.atleast_2d(first) @ np.atleast_2d(second)).real, 0))
    apart = one.mean(axis=0) - other.mean(axis=0)
    return float(apart @ apart + np.trace(np.atleast_2d(first + second)) - 2 * roots.sum())


def nearest(images: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each image the nearest training image in pixels: its place, and the root mean square difference, (count,)."""
    flat, known = (part.reshape(len(part), -1).astype(float) for part in (images, training))
    squared = (flat**2).sum(1)[:, None] + (known**2).sum(1) - 2 * flat @ known.T  # (count, training)
    place = squared.argmin(axis=1)
    return place, np.sqrt(np.maximum(squared[np.arange(len(place)), place], 0) / flat.shape[1])
