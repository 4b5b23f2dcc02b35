"""Data sets that need no network; `full=True` fetches the full one where there is one."""

import numpy as np


def digits(train: int = 1347, *, flat: bool = False, full: bool = False, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Handwritten digits: scikit-learn's 1,797 real 8x8 images, or MNIST's 70,000 of 28x28 with `full=True`.

    Args:
        train: how many of the small set to train on; the rest are for testing. The split is stratified.
        flat: images as rows of pixels, (n, 64) instead of (n, 8, 8).
        full: MNIST through keras.datasets, with its own split into 60,000 and 10,000.
        seed: of the split.

    Returns:
        train_images, test_images, train_labels, test_labels: images float32 in [0, 1], labels int64 of shape (n,).

    Raises:
        ValueError: `train` leaves no image of each class to train or to test on.
    """
    if full:
        from keras.datasets import mnist

        (train_images, train_labels), (test_images, test_labels) = mnist.load_data()
        train_images, test_images = train_images / 255, test_images / 255
    else:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        if not 10 <= train <= 1787:
            raise ValueError(f"train is {train}; of 1,797 digits between 10 and 1,787 can be for training")
        images, labels = load_digits(return_X_y=True)
        train_images, test_images, train_labels, test_labels = train_test_split(
            images.reshape(-1, 8, 8) / 16, labels, train_size=train, stratify=labels, random_state=seed
        )
    if flat:
        train_images, test_images = (part.reshape(len(part), -1) for part in (train_images, test_images))
    return (
        train_images.astype(np.float32),
        test_images.astype(np.float32),
        train_labels.astype(np.int64),
        test_labels.astype(np.int64),
    )


def photographs() -> np.ndarray:
    """scikit-learn's two photographs, a temple and a flower: float32 in [0, 1], shape (2, 427, 640, 3)."""
    from sklearn.datasets import load_sample_images

    return np.stack(load_sample_images().images).astype(np.float32) / 255
