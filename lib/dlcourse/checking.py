"""`check`: compare a named value with what it should be, and say what differs.

In a student's notebook a check with `expected` or bounds passes or fails at once. While the course is run or graded,
checks publish the values they are given as plain data: those of the reference solution become the reference, and
those of a submission are compared with it by the grader, in another process.
"""

import hashlib
import numbers

import numpy as np

from dlcourse import encoding, session

MIME = "application/vnd.dlcourse.check+json"


class CheckFailed(AssertionError):
    """A checked value is not what it should be."""

    def _render_traceback_(self):
        """IPython shows this instead of a traceback: the message is what teaches."""
        return [f"Check failed: {self}"]


class Checker:
    """The callable `check`, with `check.rng()`."""

    def __call__(self, name, value, expected=None, *, tolerance=1e-5, at_least=None, at_most=None) -> None:
        """Check that `value` agrees with what it should be.

        Args:
            name: says what is checked; unique in the notebook.
            value: a number, string, boolean or array (nested lists and tensors count as arrays).
            expected: the right value. Without it and without bounds, the reference solution's value is the right one.
            tolerance: numbers agree when |got - wanted| <= tolerance * max(1, |wanted|).
            at_least, at_most: bounds that every element must keep.

        Raises:
            CheckFailed: the value is wrong; the message says how.
            TypeError: the value is of a kind that cannot be checked.
        """
        got = plain(name, value)
        if session.recording() or session.sending():
            rule = {"expected": expected, "tolerance": tolerance, "at_least": at_least, "at_most": at_most}
            publish(name, got, rule)
        if session.sending():
            return
        wanted = None if expected is None else plain(name, expected)
        if wanted is None and at_least is None and at_most is None and session.grading():
            wanted = reference_value(name)
        if wanted is not None:
            compare(name, got, wanted, tolerance)
        if at_least is not None or at_most is not None:
            keep_bounds(name, got, at_least, at_most)
        if not session.grading() and not session.recording():
            print(f"✓ {name}")

    @staticmethod
    def rng() -> np.random.Generator:
        """A generator for a check's inputs, keyed by the grading seed, the cell and the call."""
        state = session.current
        cell = int.from_bytes(hashlib.sha256(state.cell.strip().encode()).digest()[:8], "big")
        state.calls_of_rng += 1
        return np.random.default_rng([session.grading_seed(), cell, state.calls_of_rng])


check = Checker()


def plain(name: str, value):
    """The value as a str or a NumPy array of numbers or booleans; TypeError when it is neither."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        raise TypeError(f"{name}: got None; does the function return its result?")
    if not isinstance(value, numbers.Number | np.ndarray | np.generic | list | tuple) and not hasattr(
        value, "__array__"
    ):
        raise TypeError(f"{name}: got a {type(value).__name__}; a number, a string or an array can be checked")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{name}: got a {type(value).__name__} that is no array: {error}") from None
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind not in "biufc":
        try:
            return array.astype(np.float64)  # bfloat16 and other types that NumPy does not know by kind
        except (ValueError, TypeError):
            raise TypeError(
                f"{name}: got an array of {array.dtype}; numbers, booleans or strings can be checked"
            ) from None
    return array


def compare(name: str, got, wanted, tolerance: float) -> None:
    """Raise CheckFailed unless `got` agrees with `wanted`."""
    if isinstance(got, str) or isinstance(wanted, str):
        if not (isinstance(got, str) and isinstance(wanted, str)) or got != wanted:
            raise CheckFailed(f"{name}: got {shown(got)}, wanted {shown(wanted)}")
        return
    if got.shape != wanted.shape:
        raise CheckFailed(f"{name}: got shape {got.shape}, wanted shape {wanted.shape}")
    if got.dtype.kind == "U" or wanted.dtype.kind == "U":
        agrees = got == wanted if got.dtype.kind == wanted.dtype.kind else np.zeros(got.shape, bool)
        difference = ~np.asarray(agrees)
    else:
        difference, agrees = distance(got, wanted, tolerance)
    if np.all(agrees):
        return
    if got.ndim == 0:
        raise CheckFailed(f"{name}: got {shown(got)}, wanted {shown(wanted)}")
    wrong = np.where(agrees, -np.inf, np.nan_to_num(difference.astype(float), nan=np.inf, posinf=np.inf))
    where = tuple(int(index) for index in np.unravel_index(np.argmax(wrong), got.shape))
    raise CheckFailed(
        f"{name}: {int((~agrees).sum())} of {got.size} elements differ; the largest difference is at {list(where)}: "
        f"got {shown(got[where])}, wanted {shown(wanted[where])} (shape {got.shape})"
    )


def distance(got: np.ndarray, wanted: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Elementwise difference, and where it is within the tolerance; equal infinities, and NaN in one place, agree."""
    kind = complex if "c" in (got.dtype.kind, wanted.dtype.kind) else float
    got, wanted = got.astype(kind), wanted.astype(kind)
    with np.errstate(invalid="ignore"):
        difference = np.abs(got - wanted)
        agrees = difference <= tolerance * np.maximum(1.0, np.abs(wanted))
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    finite = np.isfinite(wanted)
    return difference, np.where(finite, agrees, same)


def keep_bounds(name: str, got, at_least, at_most) -> None:
    """Raise CheckFailed unless every element lies between the bounds."""
    if isinstance(got, str) or got.dtype.kind == "U":
        raise TypeError(f"{name}: got a string; bounds are for numbers")
    if at_least is not None and not np.all(got >= at_least):
        raise CheckFailed(f"{name}: got {shown(np.min(got))}, wanted at least {at_least:g}")
    if at_most is not None and not np.all(got <= at_most):
        raise CheckFailed(f"{name}: got {shown(np.max(got))}, wanted at most {at_most:g}")


def shown(value) -> str:
    """A value in a message: short, numbers to six digits."""
    if isinstance(value, str):
        text = repr(value)
    else:
        text = np.array2string(np.asarray(value), precision=6, threshold=12, separator=", ")
    return text if len(text) <= 200 else text[:197] + "..."


def publish(name: str, value, rule: dict) -> None:
    """Send the value out of the kernel as plain data, with what the check itself asks of it.

    Of a submission only name and value are used: the rule is that of the reference solution's run.
    """
    from IPython.display import publish_display_data

    bounds = {bound: None if rule[bound] is None else float(rule[bound]) for bound in ("at_least", "at_most")}
    expected = None if rule["expected"] is None else encoding.encode(plain(name, rule["expected"]))
    record = {
        "name": name,
        "value": encoding.encode(value),
        "expected": expected,
        "tolerance": float(rule["tolerance"]),
    }
    publish_display_data({MIME: record | bounds, "text/plain": f"check {name!r}"})


def reference_value(name: str):
    values = session.reference()["values"]
    if name not in values:
        raise KeyError(f"{name}: the reference has no such check; it has {sorted(values)}")
    return encoding.decode(values[name])


def reseed_before_checks(seed_everything) -> None:
    """From now on note each cell's source before it runs, and reseed before cells with checks.

    Checks then see the same random numbers whatever ran before them. Outside IPython nothing is done.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    for callback in list(shell.events.callbacks["pre_run_cell"]):
        if getattr(callback, "__name__", "") == "begin_cell":
            shell.events.unregister("pre_run_cell", callback)

    def begin_cell(info):
        state = session.current
        state.cell, state.calls_of_rng = info.raw_cell or "", 0
        if "check(" in state.cell:
            seed_everything(state.seed)

    shell.events.register("pre_run_cell", begin_cell)
