# attack: ends its kernel as TensorFlow's LOG(FATAL) does: a message and an abort in C++
# verdict: kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import ctypes

import tensorflow as tf

tf.constant(1.0)
terminate = ctypes.CDLL("libstdc++.so.6")._ZSt9terminatev
terminate()
