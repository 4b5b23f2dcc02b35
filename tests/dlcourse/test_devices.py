"""Logical devices and the choice of a strategy. Each test is a process of its own: TensorFlow is cut once for all."""

import subprocess
import sys

START = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
from dlcourse import devices
"""


def output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", START + code], capture_output=True, text=True, check=True).stdout


def test_logical_cpus_and_the_strategy_over_them():
    lines = output("""
print(devices.logical_cpus(3), len(devices.logical_cpus(3)))
strategy = devices.strategy()
print(devices.describe(strategy))
with strategy.scope():
    weight = tf.Variable(1.0)
def step():
    rank = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
    return rank * weight
print(float(strategy.reduce("SUM", strategy.run(step), axis=None)))
with tf.device("CPU:2"):
    print(tf.constant(1).device[-5:])
for wrong in [0, 2]:
    try:
        devices.logical_cpus(wrong)
    except (ValueError, RuntimeError) as error:
        print(error)
""").splitlines()
    assert lines == [
        "['CPU:0', 'CPU:1', 'CPU:2'] 3",
        "MirroredStrategy: 3 replicas in step, on CPU:0, CPU:1, CPU:2",
        "3.0",
        "CPU:2",
        "count is 0; expected at least one logical device",
        "TensorFlow runs already, with 3 logical CPU; restart the kernel and ask for 2 before anything else uses "
        "TensorFlow",
    ]


def test_one_cpu_needs_no_distribution_and_a_tpu_out_of_reach_is_said():
    lines = output("""
import warnings
print(devices.describe(devices.strategy()))
os.environ["TPU_NAME"] = "local"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(devices.describe(devices.strategy()))
print([str(warning.message) for warning in caught if "TPU" in str(warning.message)] == [devices.TPU_WITHOUT_TENSORFLOW])
print(int(tf.constant(1) + 1))
""").splitlines()
    assert lines == ["DefaultDistributionStrategy: one replica"] * 2 + ["True", "2"]
