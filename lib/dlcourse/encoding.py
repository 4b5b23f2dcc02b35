"""Checked values as plain data: strings as they are, arrays in NumPy's npy format without pickle, as base64 in JSON."""

import base64
import io
import math
import re

import numpy as np

# What np.save writes before an array of plain data; NumPy's own reader would evaluate it, and trust its shape.
LONGEST_HEADER = 1024
HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<kind>[<>|=]?[biufcU]\d{1,9})', 'fortran_order': (?P<order>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,18}, ?)*\d{0,18})\), \} *\n",
    flags=re.DOTALL,
)


def encode(value: str | np.ndarray) -> dict:
    """{"string": ...} or {"npy": base64}."""
    if isinstance(value, str):
        return {"string": value}
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(value), allow_pickle=False)
    return {"npy": base64.b64encode(buffer.getvalue()).decode("ascii")}


def decode(encoded: dict) -> str | np.ndarray:
    """What `encode` was given. Whatever `encoded` is, nothing of it is executed and no more memory used than it has.

    Raises:
        ValueError: `encoded` is something else.
    """
    if isinstance(encoded, dict) and isinstance(encoded.get("string"), str):
        return encoded["string"]
    if not isinstance(encoded, dict) or not isinstance(encoded.get("npy"), str):
        raise ValueError(f"got {type(encoded).__name__}; expected {{'string': text}} or {{'npy': base64}}")
    content = base64.b64decode(encoded["npy"], validate=True)
    header = HEADER.match(content[:LONGEST_HEADER])
    if header is None:
        raise ValueError("got no npy array of numbers, booleans or strings")
    shape = tuple(int(length) for length in header["shape"].split(b",") if length.strip())
    try:
        kind = np.dtype(header["kind"].decode())
    except TypeError as error:
        raise ValueError(f"got an array of no known type: {error}") from None
    data = content[header.end() :]
    if not kind.itemsize or math.prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"got {len(data)} bytes for an array of shape {shape} of {kind}")
    return np.frombuffer(data, kind).reshape(shape, order="F" if header["order"] == b"True" else "C")
