"""How sure a mean is: the one interval that the course's claims use."""

import numpy as np


def mean_interval(values, level: float = 0.95) -> tuple[float, float]:
    """Mean of `values` and the half-width of its t interval.

    Args:
        values: at least two numbers, such as paired differences over seeds, shape (n,).
        level: probability that the interval holds the mean, between 0 and 1.

    Raises:
        ValueError: fewer than two values.
    """
    from scipy.stats import t

    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"values has shape {values.shape}; an interval needs a list of at least two numbers")
    standard_error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(t.ppf((1 + level) / 2, len(values) - 1) * standard_error)
