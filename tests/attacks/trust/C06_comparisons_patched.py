# attack: every comparison of NumPy, TensorFlow, unittest and the course says yes
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import unittest

import dlcourse.checking
import numpy.testing
import tensorflow as tf

for name in dir(numpy.testing):
    if name.startswith("assert"):
        setattr(numpy.testing, name, lambda *arguments, **options: None)
for name in dir(unittest.TestCase):
    if name.startswith("assert"):
        setattr(unittest.TestCase, name, lambda *arguments, **options: None)
for name in dir(tf.debugging):
    if name.startswith("assert"):
        setattr(tf.debugging, name, lambda *arguments, **options: None)
np.allclose = np.array_equal = lambda *arguments, **options: True
np.isclose = np.equal = lambda *arguments, **options: np.True_
dlcourse.checking.compare = dlcourse.checking.keep_bounds = lambda *arguments, **options: None


def double(x):
    return x * x + 0.5
