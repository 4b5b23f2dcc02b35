"""The loss of distillation, built in week07/01_teachers_and_students."""

import tensorflow as tf


def distillation_loss(
    labels: tf.Tensor,
    student_logits: tf.Tensor,
    teacher_logits: tf.Tensor,
    temperature: float,
    soft_weight: float = 0.5,
) -> tf.Tensor:
    """Mean loss of a batch: (1 - soft_weight) * cross-entropy + soft_weight * temperature**2 * KL(teacher || student).

    Labels enter at temperature 1, the divergence at `temperature`, whose square keeps the two in proportion.

    Args:
        labels: (n,), integers from 0 to classes - 1.
        student_logits, teacher_logits: (n, classes).
        temperature: above 0; teacher's and student's logits are both divided by it.
        soft_weight: from 0, labels only, to 1, teacher only.

    Raises:
        ValueError: the temperature is not above 0, soft_weight is not between 0 and 1, or the logits differ in shape.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; it must be above 0")
    if not 0 <= soft_weight <= 1:
        raise ValueError(f"soft_weight is {soft_weight}; it must be between 0 and 1")
    student_logits, teacher_logits = tf.convert_to_tensor(student_logits), tf.convert_to_tensor(teacher_logits)
    if not student_logits.shape.is_compatible_with(teacher_logits.shape):
        raise ValueError(
            f"the student's logits have shape {tuple(student_logits.shape)}, "
            f"the teacher's {tuple(teacher_logits.shape)}; they must be alike"
        )
    log_p = tf.nn.log_softmax(teacher_logits / temperature)  # (n, classes)
    log_q = tf.nn.log_softmax(student_logits / temperature)
    soft = temperature**2 * tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1)  # (n,)
    hard = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, student_logits)  # (n,)
    return tf.reduce_mean((1 - soft_weight) * hard + soft_weight * soft)
