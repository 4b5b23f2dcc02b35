"""`check` passes what is right, and says of what is wrong what is wrong with it."""

import json

import numpy as np
import pytest

from dlcourse import checking, encoding, session
from dlcourse.checking import CheckFailed, check


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    for variable in (session.RECORDING, session.REFERENCE, session.GRADING_SEED):
        monkeypatch.delenv(variable, raising=False)
    session.begin("week01/01_made_up", seed=1)


@pytest.fixture
def reference(tmp_path, monkeypatch):
    """Grade against these values of the reference solution."""

    def store(values, seed=3):
        path = tmp_path / "week01" / "01_made_up.json"
        path.parent.mkdir(exist_ok=True)
        encoded = {name: encoding.encode(checking.plain(name, value)) for name, value in values.items()}
        path.write_text(json.dumps({"seed": seed, "values": encoded}))
        monkeypatch.setenv(session.REFERENCE, str(tmp_path))

    return store


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1), (1 + 5e-6, 1.0), (1e6 + 5, 1e6), ("relu", "relu"), (True, True), ([1, 2.0], np.array([1, 2])),
        (np.float32(0.1), 0.1), ([[1], [2]], [[1.0], [2.0]]), (np.inf, np.inf), ([np.nan, 1], [np.nan, 1]),
        (["a", "b"], ["a", "b"]), (1 + 2j, 1 + 2j),
    ],
)  # fmt: skip
def test_agreeing_values_pass_and_the_student_sees_it(value, expected, capsys):
    assert check("my value", value, expected=expected) is None
    assert capsys.readouterr().out == "✓ my value\n"


@pytest.mark.parametrize(
    ("value", "expected", "message"),
    [
        (1.1, 1.0, "got 1.1, wanted 1"),
        ([1, 2], [[1, 2]], r"got shape \(2,\), wanted shape \(1, 2\)"),
        ([1.0, 5.0, 3.0], [1.0, 2.0, 3.0], r"1 of 3 elements differ.*at \[1\]: got 5., wanted 2."),
        ("tanh", "relu", "got 'tanh', wanted 'relu'"),
        ("1", 1, "got '1', wanted 1"),
        (np.nan, 1.0, "got nan, wanted 1"),
        (1.0, np.nan, "wanted nan"),
        (-np.inf, np.inf, "got -inf, wanted inf"),
        ([True, False], [True, True], "1 of 2"),
        (["a"], ["b"], "1 of 1 elements differ"),
        (["1"], [1], "1 of 1 elements differ"),
    ],
)
def test_wrong_values_fail_with_what_was_got_and_wanted(value, expected, message, capsys):
    with pytest.raises(CheckFailed, match=message):
        check("value", value, expected=expected)
    assert "✓" not in capsys.readouterr().out


def test_tolerance_is_relative_above_one_and_absolute_below():
    check("large", 1009.0, expected=1000.0, tolerance=0.01)
    check("small", 0.009, expected=0.0, tolerance=0.01)
    with pytest.raises(CheckFailed):
        check("large", 1011.0, expected=1000.0, tolerance=0.01)


def test_bounds_hold_for_every_element():
    check("share", [0.1, 0.5], at_least=0, at_most=1)
    with pytest.raises(CheckFailed, match="got 1.5, wanted at most 1"):
        check("share", [0.1, 1.5], at_most=1)
    with pytest.raises(CheckFailed, match="got nan, wanted at least 0"):
        check("share", np.nan, at_least=0)
    with pytest.raises(TypeError, match="bounds are for numbers"):
        check("word", "relu", at_least=0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "does the function return"),
        (lambda x: x, "got a function"),
        ({"a": 1}, "got a dict"),
        ([[1], [1, 2]], "no array"),
    ],
)
def test_what_cannot_be_checked_is_refused_by_its_kind(value, message):
    with pytest.raises(TypeError, match=message):
        check("value", value, expected=1)


def test_tensors_count_as_arrays():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.arange(3.0)

    check("tensor", Tensor(), expected=[0, 1, 2])


def test_lying_equality_does_not_pass():
    class AlwaysEqual(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    with pytest.raises(CheckFailed):
        check("value", AlwaysEqual(3), expected=4)


def test_hidden_check_is_compared_with_the_reference_when_graded(reference, capsys):
    reference({"sum": 3.0})
    check("sum", 3.0)
    assert capsys.readouterr().out == ""
    with pytest.raises(CheckFailed, match="sum: got 4"):
        check("sum", 4.0)
    with pytest.raises(KeyError, match="no such check"):
        check("product", 3.0)


def test_hidden_check_without_a_reference_passes_only_outside_grading(tmp_path, monkeypatch):
    check("sum", 3.0)
    monkeypatch.setenv(session.REFERENCE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="course grade week01"):
        check("sum", 3.0)


def test_random_inputs_depend_on_seed_cell_and_call(reference):
    def draw(cell, calls=1):
        session.current.cell, session.current.calls_of_rng = cell, 0
        return [check.rng().uniform() for _ in range(calls)][-1]

    reference({}, seed=3)
    first = draw("check(1)")
    assert first == draw("check(1)\n")
    assert first != draw("check(2)")
    assert first != draw("check(1)", calls=2)
    reference({}, seed=4)
    assert first != draw("check(1)")


def test_values_survive_their_encoding():
    for value in [
        "text",
        np.array(1.5),
        np.arange(6).reshape(2, 3),
        np.array([True]),
        np.array([1 + 2j]),
        np.array(["a"]),
    ]:
        decoded = encoding.decode(json.loads(json.dumps(encoding.encode(value))))
        assert np.array_equal(decoded, value) and np.asarray(decoded).dtype == np.asarray(value).dtype


def test_objects_are_never_unpickled():
    import base64
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="no npy array of numbers"):
        encoding.decode({"npy": base64.b64encode(buffer.getvalue()).decode()})


@pytest.mark.parametrize(
    "value",
    [
        1.5, [[1.0, 2.0]], ["ab", "c"], [[True]], np.zeros((2, 0, 3)), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        1 + 2j, np.float16(3), "text", np.array(["é", ""]), np.arange(3, dtype=">i4"),
    ],
)  # fmt: skip
def test_values_arrive_as_they_were_sent(value):
    sent = checking.plain("value", value)
    arrived = encoding.decode(json.loads(json.dumps(encoding.encode(sent))))
    np.testing.assert_array_equal(arrived, sent)
    assert isinstance(arrived, str) or (arrived.shape, arrived.dtype) == (sent.shape, sent.dtype)


@pytest.mark.parametrize(
    "shape", ["(1000000000000,)", "(2, 10)", "(-1,)", "(999999999999999999, 0, 9)", "(True,)", "(" * 400]
)
@pytest.mark.parametrize("kind", ["<f8", "<U999999999", "|V8", "|O", "<U0", "__import__('os').abort()"])
def test_array_that_is_not_what_it_says_is_refused(shape, kind):
    import base64

    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"12345678"
    with pytest.raises(ValueError, match="got"):
        encoding.decode({"npy": base64.b64encode(content).decode()})


@pytest.mark.parametrize("sent", [None, 3, [], {}, {"npy": 3}, {"string": 3}, {"npy": "\x00"}, {"npy": "AAAA"}])
def test_what_is_no_value_is_refused(sent):
    with pytest.raises(ValueError):
        encoding.decode(sent)


def test_sent_checks_raise_nothing_and_carry_their_rule(monkeypatch):
    published = []
    monkeypatch.setattr("IPython.display.publish_display_data", published.append)
    monkeypatch.setattr(session, "sent_seed", None)
    session.send_checks(5)
    assert session.grading_seed() == 5
    check("wrong", 2.0, expected=1.0, tolerance=0.1)
    check("low", 2.0, at_least=3)
    records = [bundle[checking.MIME] for bundle in published]
    assert [(r["name"], r["tolerance"], r["at_least"], r["at_most"]) for r in records] == [
        ("wrong", 0.1, None, None),
        ("low", 1e-5, 3.0, None),
    ]
    assert encoding.decode(records[0]["expected"]) == 1 and records[1]["expected"] is None
