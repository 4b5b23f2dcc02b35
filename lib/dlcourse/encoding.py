"""Checked values as plain data: strings as they are, arrays in NumPy's npy format without pickle, as base64 in JSON."""

import base64
import io

import numpy as np


def encode(value: str | np.ndarray) -> dict:
    """{"string": ...} or {"npy": base64}."""
    if isinstance(value, str):
        return {"string": value}
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(value), allow_pickle=False)
    return {"npy": base64.b64encode(buffer.getvalue()).decode("ascii")}


def decode(encoded: dict) -> str | np.ndarray:
    """What `encode` was given. Raises ValueError when `encoded` is something else."""
    if "string" in encoded:
        return encoded["string"]
    if "npy" in encoded:
        return np.load(io.BytesIO(base64.b64decode(encoded["npy"])), allow_pickle=False)
    raise ValueError(f"got keys {sorted(encoded)}; expected 'string' or 'npy'")
