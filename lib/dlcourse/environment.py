"""The first cell of every notebook: seeds, determinism, quiet start-up, plot style."""

import os
import platform
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from dlcourse import checking, devices, plots, session


def setup(notebook: str, *, seed: int, deterministic: bool = True) -> None:
    """Prepare the kernel for one notebook, and print a line on the machine.

    Args:
        notebook: the notebook's place in the course, such as "week06/03_asynchronous".
        seed: seeds Python's, NumPy's and TensorFlow's generators.
        deterministic: also make TensorFlow's operations deterministic. False in notebooks that time things,
            because determinism serializes input pipelines.

    Raises:
        ValueError: `notebook` is not of the form weekNN/NN_name.
        ModuleNotFoundError: there is no TensorFlow, as on Colab's TPU runtimes.
    """
    if not re.fullmatch(r"week\d\d/\d\d_\w+", notebook):
        raise ValueError(f"notebook is {notebook!r}; expected a place such as 'week06/03_asynchronous'")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its rounding differs from machine to machine
    warnings.filterwarnings("ignore", category=DeprecationWarning)

    if find_spec("tensorflow") is None:
        raise ModuleNotFoundError(
            "TensorFlow is not installed here. "
            + (devices.TPU_WITHOUT_TENSORFLOW if devices.tpu_present() else "Install it with: pip install tensorflow")
        )
    with quiet_start():
        import keras
        import tensorflow as tf

        gpus = len(tf.config.list_physical_devices("GPU"))
    tf.get_logger().setLevel("ERROR")
    seed = session.notebook_seed(seed)
    session.begin(notebook, seed)
    seed_everything(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    checking.reseed_before_checks(seed_everything)
    plots.use_style()
    print(
        f"{notebook} · Python {platform.python_version()} · TensorFlow {tf.__version__} · Keras {keras.__version__} · "
        f"{os.cpu_count()} CPU cores · {gpus or 'no'} GPU{'s' if gpus > 1 else ''}"
    )


@contextmanager
def quiet_start() -> Iterator[None]:
    """Drop what TensorFlow's C++ code writes to the error stream, past Python, while it looks for devices."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def seeds(count: int) -> list[int]:
    """Different seeds for repeated experiments; all follow from the notebook's own, the one given to `setup`."""
    return [1000 * session.current.seed + repeat for repeat in range(count)]


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, NumPy and TensorFlow."""
    import keras

    keras.utils.set_random_seed(seed)
