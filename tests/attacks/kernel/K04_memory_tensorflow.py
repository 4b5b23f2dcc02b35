# attack: tensors of ones until there is no more memory
# verdict: memory
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: ResourceExhaustedError
# %% after="double"
import tensorflow as tf

kept = [tf.ones([2**24]) for _ in range(24)]
