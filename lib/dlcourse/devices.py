"""The devices of this machine: logical CPUs that stand for several, and the strategy that uses what is there."""

import os
import warnings
from pathlib import Path

TPU_WITHOUT_TENSORFLOW = (
    "this machine has a TPU that its TensorFlow cannot use, so the CPU does the work. Colab's TPU runtimes come "
    "without TensorFlow since March 2025 (googlecolab/colabtools#5164). Every notebook of this course runs on a CPU or "
    "GPU runtime; for the TPU install `tensorflow-tpu` of TensorFlow's version with "
    "--find-links=https://storage.googleapis.com/libtpu-tf-releases/index.html and restart the kernel"
)


def logical_cpus(count: int) -> list[str]:
    """Cut the CPU into `count` logical devices, which share its cores and its memory.

    Returns:
        their names, "CPU:0" and so on, for `tf.device`.

    Raises:
        ValueError: `count` is below 1.
        RuntimeError: TensorFlow has used the CPU already, so that it cannot be cut any more.
    """
    import tensorflow as tf

    if count < 1:
        raise ValueError(f"count is {count}; expected at least one logical device")
    physical = tf.config.list_physical_devices("CPU")[0]
    now = tf.config.get_logical_device_configuration(physical)
    if now is None or len(now) != count:
        try:
            tf.config.set_logical_device_configuration(physical, [tf.config.LogicalDeviceConfiguration()] * count)
        except RuntimeError:
            raise RuntimeError(
                f"TensorFlow runs already, with {len(now or [None])} logical CPU; restart the kernel and ask for "
                f"{count} before anything else uses TensorFlow"
            ) from None
    return [f"CPU:{index}" for index in range(count)]


def strategy():
    """The `tf.distribute` strategy for what this machine has.

    All cores of a TPU; else all GPUs when there are several; else the one GPU; else the logical CPUs, if the CPU was
    cut with `logical_cpus`; else the strategy that distributes nothing. What runs under it needs no change.
    Warns when there is a TPU that TensorFlow cannot use.
    """
    import tensorflow as tf

    if tpu_present():
        try:
            return tpu_strategy()
        except (ValueError, RuntimeError, tf.errors.OpError):
            warnings.warn(TPU_WITHOUT_TENSORFLOW, stacklevel=2)
    gpus = tf.config.list_logical_devices("GPU")
    cpus = tf.config.list_logical_devices("CPU")
    if len(gpus) > 1:
        return tf.distribute.MirroredStrategy()
    if gpus:
        return tf.distribute.OneDeviceStrategy("GPU:0")
    if len(cpus) > 1:
        return tf.distribute.MirroredStrategy(
            [device.name for device in cpus],
            cross_device_ops=tf.distribute.ReductionToOneDevice(),  # not a collective: one failure breaks no later step
        )
    return tf.distribute.get_strategy()


def describe(strategy) -> str:
    """One line on a strategy: its kind, its replicas and their devices."""
    name, replicas = type(strategy).__name__.strip("_"), strategy.num_replicas_in_sync
    if replicas == 1:
        return f"{name}: one replica"
    devices = [device.split("device:")[-1] for device in strategy.extended.worker_devices]
    return f"{name}: {replicas} replicas in step, on {', '.join(devices)}"


def tpu_present() -> bool:
    """Whether this machine has a TPU, as Colab's TPU runtimes and Google's TPU machines show it."""
    return bool({"TPU_NAME", "TPU_ACCELERATOR_TYPE"} & os.environ.keys() or list(Path("/dev").glob("accel[0-9]*")))


def tpu_strategy():
    """TPUStrategy over all cores of this machine's TPU, or of the one that TPU_NAME names.

    Raises:
        ValueError, RuntimeError, tf.errors.OpError: TensorFlow cannot use it.
    """
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(os.environ.get("TPU_NAME", "local"))
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)
