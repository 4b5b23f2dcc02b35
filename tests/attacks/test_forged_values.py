"""Whatever a submission's kernel sends for a check cell, it earns nothing but by the right values."""

import base64

import numpy as np
import pytest

from autograder.marking import decide
from dlcourse.encoding import encode

TWICE = {"name": "twice", "value": encode(np.float64(3)), "expected": None, "tolerance": 1e-5}
TWICE |= {"at_least": None, "at_most": None}
SHARE = TWICE | {"name": "share", "value": encode(np.array([0.2, 0.8])), "at_least": 0.0, "at_most": 1.0}
VECTOR = TWICE | {"name": "vector", "value": encode(np.array([1.0, 2.0]))}
TEXT = TWICE | {"name": "text", "value": encode("right")}
RIGHT = {rule["name"]: {"name": rule["name"], "value": rule["value"]} for rule in (TWICE, SHARE, VECTOR, TEXT)}


def npy(header: str, data: bytes = b"") -> dict:
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    return {"npy": base64.b64encode(start + data).decode()}


def described(kind: str, shape: str, data: bytes = b"") -> dict:
    return npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n", data)


def sent(*records, error=None) -> dict:
    return {"values": list(records), "error": error}


@pytest.mark.parametrize("rule", [TWICE, SHARE, VECTOR, TEXT], ids=lambda rule: rule["name"])
def test_right_value_earns_the_cell_whatever_else_is_sent(rule):
    others = [RIGHT[name] for name in RIGHT if name != rule["name"]]
    assert decide(sent(RIGHT[rule["name"]]), [rule]) is None
    assert decide(sent(*others, RIGHT[rule["name"]], {"name": "?"}, 3, [], error=["Any", "error"]), [rule]) is None


VALUES = {
    "another number": encode(np.float64(5)),
    "not a number": encode(np.float64("nan")),
    "infinity": encode(np.float64("inf")),
    "one element too many": encode(np.array([1.0, 2.0, 3.0])),
    "no elements": encode(np.zeros(0)),
    "no elements in two dimensions": encode(np.zeros((0, 2))),
    "numbers as text": encode(np.array(["3.0", "0.5"])),
    "a text": encode("wrong"),
    "nothing": None,
    "a bare number": 3.0,
    "a list": [3.0],
    "nested": {"npy": {"npy": RIGHT["twice"]["value"]}},
    "both kinds": {"string": 3, "npy": 3},
    "no base64": {"npy": "§§§"},
    "objects": described("|O", "(1,)", b"x" * 8),
    "a pickle": {"npy": base64.b64encode(b"\x80\x04c__builtin__\nexit\n.").decode()},
    "code as shape": described("<f8", "(__import__('os').system('true'),)", b"x" * 8),
    "a huge shape": described("<f8", "(999999999999999999, 999999999999999999)", b"x" * 8),
    "a hundred dimensions": described("<f8", "(" + "1, " * 100 + ")", np.float64(3).tobytes()),
    "a kind that is none": described("<f3", "()", b"xxx"),
    "a text of no length": described("<U0", "(2,)"),
    "an enormous text": described("<U999999999", "(0,)"),
    "complex": described("<c16", "(2,)", np.array([0.2, 0.5j]).tobytes()),
}


@pytest.mark.parametrize("rule", [TWICE, SHARE, VECTOR, TEXT], ids=lambda rule: rule["name"])
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_any_other_value_earns_nothing(rule, value):
    record = {"name": rule["name"], "value": value, "expected": value, "tolerance": 1e300, "at_least": -1e300}
    ename, evalue = decide(sent(record), [rule])
    assert ename == "CheckFailed" and evalue.startswith(rule["name"]) and len(evalue) < 1000
    assert decide(sent(record, RIGHT[rule["name"]]), [rule]) is not None
    assert decide(sent(RIGHT[rule["name"]], record), [rule]) is not None


def test_every_check_of_the_cell_must_arrive():
    assert decide(sent(RIGHT["twice"]), [TWICE, TEXT]) == ("CheckFailed", "text: no value arrived")
    assert decide(sent(), []) is not None and decide(sent(RIGHT["twice"]), None) is not None


@pytest.mark.parametrize("name", [None, 3, ["twice"], {"twice": 1}, "Twice", "twice "])
def test_a_name_is_that_name_exactly(name):
    assert decide(sent({"name": name, "value": TWICE["value"]}), [TWICE]) is not None
