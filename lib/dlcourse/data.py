"""Data sets that need no network, but for `faces`; `full=True` fetches the full one where there is one."""

import datetime
from dataclasses import dataclass

import numpy as np

from dlcourse import sprites

FACES = "https://s3-us-west-1.amazonaws.com/udacity-dlnfd/datasets/celeba.zip"
FACES_MD5 = "00d2c5bc6d35e252742224ab0c1e8fcb"
SENTENCE_PAIRS = "http://storage.googleapis.com/download.tensorflow.org/data/spa-eng.zip"
DATE_LOCALES = ("en_US", "en_GB", "fr", "de", "es", "hu")
DATE_FORMATS = ("short", "medium", "long", "full", "EEE d MMM y", "MMMM d, y", "d MMMM y, EEEE", "y/MM/dd")
FIRST_DAY, LAST_DAY = datetime.date(1970, 1, 1), datetime.date(2069, 12, 31)  # two digits tell the year


@dataclass(frozen=True)
class TextPairs:
    """Texts and what they become, for training and for testing; no test text is among the training texts."""

    train_sources: list[str]
    train_targets: list[str]
    test_sources: list[str]
    test_targets: list[str]


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


def pictures(
    train: int = 2000, test: int = 500, *, size: int = 32, full: bool = False, seed: int = 0
) -> tuple[np.ndarray, ...]:
    """Small colour pictures with classes: `sprites`, or with `full=True` CIFAR-10's 60,000 photographs of 32x32.

    Args:
        train, test, size, seed: of the sprites. CIFAR-10 comes through keras.datasets, with its own split into 50,000
            and 10,000.

    Returns:
        train_images, test_images, train_labels, test_labels: images float32 in [0, 1] of shape (n, size, size, 3),
        labels int64 of shape (n,).

    Raises:
        ValueError: see `sprites.draw`.
    """
    if full:
        from keras.datasets import cifar10

        (train_images, train_labels), (test_images, test_labels) = cifar10.load_data()
        train_images, test_images = (part.astype(np.float32) / 255 for part in (train_images, test_images))
        return train_images, test_images, *(part.ravel().astype(np.int64) for part in (train_labels, test_labels))
    drawn = sprites.draw(train + test, size, seed=seed)
    return *np.split(drawn.images, [train]), *np.split(drawn.labels, [train])


def faces(count: int = 20_000, *, size: int = 64) -> np.ndarray:
    """Faces of CelebA (Liu et al. 2015), cut square and shrunk: float32 in [0, 1], (count, size, size, 3).

    There is no small set in its place: the first call fetches 1.4 GB.

    Raises:
        ValueError: CelebA has fewer faces.
    """
    from pathlib import Path

    from keras.utils import get_file, image_dataset_from_directory

    fetched = Path(get_file("celeba.zip", FACES, file_hash=FACES_MD5, extract=True))
    folder = next(fetched.rglob("000001.jpg")).parent
    if count > (there := len(list(folder.glob("*.jpg")))):
        raise ValueError(f"count is {count}; CelebA has {there} faces")
    found = image_dataset_from_directory(
        folder,
        labels=None,
        batch_size=None,
        image_size=(size, size),
        crop_to_aspect_ratio=True,
        interpolation="area",
        shuffle=False,
        verbose=False,
    )
    return np.stack([face.numpy() for face in found.take(count)]) / np.float32(255)


def photographs() -> np.ndarray:
    """scikit-learn's two photographs, a temple and a flower: float32 in [0, 1], shape (2, 427, 640, 3)."""
    from sklearn.datasets import load_sample_images

    return np.stack(load_sample_images().images).astype(np.float32) / 255


def spelled_numbers(
    train: int = 4000,
    test: int = 500,
    *,
    below: int = 1_000_000,
    languages: tuple[str, str] = ("en", "fr"),
    full: bool = False,
    seed: int = 0,
) -> TextPairs:
    """Numbers spelled out in two languages: "ninety-seven" and "quatre-vingt-dix-sept".

    Half of the numbers are uniform below `below`, half in the logarithm, so that short ones occur; all are different.
    Commas are left out.

    Args:
        train, test: how many pairs.
        below: all numbers are from 0 to `below` - 1.
        languages: of sources and targets, as num2words calls them.
        full: sentence pairs from English to Spanish (Tatoeba's, fetched from TensorFlow's server) instead of numbers;
            `train` and `test` of them, while `below` and `languages` have no effect.
        seed: which numbers, and which of them are for testing.

    Raises:
        ValueError: there are fewer than `train + test` different numbers, or pairs.
    """
    rng = np.random.default_rng(seed)
    if full:
        pairs = sentence_pairs()
        if train + test > len(pairs):
            raise ValueError(f"train + test is {train + test}; the corpus has {len(pairs)} pairs")
        chosen = [pairs[place] for place in rng.permutation(len(pairs))[: train + test]]
    else:
        from num2words import num2words

        if train + test > below:
            raise ValueError(f"train + test is {train + test}; there are only {below} numbers below {below}")
        numbers = different_numbers(train + test, below, rng)
        chosen = [tuple(num2words(n, lang=name).replace(",", "") for name in languages) for n in numbers]
    return split_pairs(chosen, train)


def different_numbers(count: int, below: int, rng: np.random.Generator) -> list[int]:
    """Half uniform, half log-uniform, as far as there are that many small ones."""
    found: dict[int, None] = {}
    while len(found) < count:
        uniform = rng.integers(0, below, size=count)
        small = (np.exp(rng.uniform(0, np.log(below), size=count)) - 1).astype(int)
        found |= dict.fromkeys(np.stack([uniform, small], axis=1).ravel().tolist())
    numbers = list(found)[:count]
    return [numbers[place] for place in rng.permutation(count)]


def split_pairs(pairs: list[tuple[str, str]], train: int) -> TextPairs:
    sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
    return TextPairs(sources[:train], targets[:train], sources[train:], targets[train:])


def sentence_pairs() -> list[tuple[str, str]]:
    """Each English sentence of the corpus once, with its first Spanish translation."""
    from pathlib import Path

    from keras.utils import get_file

    folder = Path(get_file("spa-eng.zip", SENTENCE_PAIRS, extract=True))
    lines = next(folder.rglob("spa.txt")).read_text(encoding="utf-8").splitlines()
    pairs: dict[str, str] = {}
    for line in lines:
        source, target = line.split("\t")[:2]
        pairs.setdefault(source, target)
    return list(pairs.items())


def dates(train: int = 4000, test: int = 500, *, locales: tuple[str, ...] = DATE_LOCALES, seed: int = 0) -> TextPairs:
    """Dates as people write them, "mardi 3 mars 2015", and as computers do, "2015-03-03".

    Days from 1970 to 2069, in the formats of `DATE_FORMATS` and of the locales (CLDR's, through babel): day and month
    stand in different orders, so what is aligned with what depends on the locale. No day is in both parts.

    Args:
        train, test: how many pairs.
        locales: of the sources, as babel calls them. Short dates of "en_US" and "en_GB" look alike: what such a source
            means is for the reader to guess.
        seed: which days, locales and formats, and which days are for testing.

    Raises:
        ValueError: there are fewer than `train + test` different days.
    """
    from babel.dates import format_date

    days = (LAST_DAY - FIRST_DAY).days + 1
    if train + test > days:
        raise ValueError(f"train + test is {train + test}; there are only {days} days from {FIRST_DAY} to {LAST_DAY}")
    rng = np.random.default_rng(seed)
    pairs = []
    for day in rng.permutation(days)[: train + test].tolist():
        date = FIRST_DAY + datetime.timedelta(days=day)
        locale, style = locales[rng.integers(len(locales))], DATE_FORMATS[rng.integers(len(DATE_FORMATS))]
        pairs.append((format_date(date, style, locale=locale), date.isoformat()))
    return split_pairs(pairs, train)
