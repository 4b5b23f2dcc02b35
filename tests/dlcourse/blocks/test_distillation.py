"""The loss of distillation: the library's, the notebook's and Keras'."""

import numpy as np
import pytest


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    student, teacher = rng.normal(0, 2, size=(2, 6, 5)).astype(np.float32)
    return rng.integers(5, size=6), student, teacher


@pytest.mark.parametrize("soft_weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 8.0])
def test_library_agrees_with_the_notebook(definitions, batch, temperature, soft_weight):
    from dlcourse.distillation import distillation_loss

    built = definitions("week07/01_teachers_and_students", "distillation_loss").distillation_loss
    ours = distillation_loss(*batch, temperature, soft_weight)
    np.testing.assert_allclose(ours, built(*batch, temperature, soft_weight), rtol=1e-6)


def test_soft_term_is_keras_with_the_divergence_as_a_class(batch):
    import keras

    from dlcourse.distillation import distillation_loss

    _, student, teacher = batch
    theirs = keras.distillation.LogitsDistillation(temperature=4.0, loss=keras.losses.KLDivergence())
    ours = distillation_loss(*batch, temperature=4.0, soft_weight=1.0)
    np.testing.assert_allclose(ours, theirs.compute_loss(teacher, student), rtol=1e-4)


def test_student_that_equals_its_teacher_has_no_soft_loss(batch):
    from dlcourse.distillation import distillation_loss

    labels, _, teacher = batch
    shifted = teacher + np.arange(6, dtype=np.float32)[:, None]  # a constant for each image changes nothing
    assert abs(float(distillation_loss(labels, shifted, teacher, 3.0, soft_weight=1.0))) < 1e-4


def test_errors_name_what_was_given(batch):
    from dlcourse.distillation import distillation_loss

    labels, student, teacher = batch
    with pytest.raises(ValueError, match="temperature is 0"):
        distillation_loss(labels, student, teacher, 0)
    with pytest.raises(ValueError, match="soft_weight is 1.5"):
        distillation_loss(labels, student, teacher, 2.0, 1.5)
    with pytest.raises(ValueError, match=r"\(6, 5\).*\(6, 4\)"):
        distillation_loss(labels, student, teacher[:, :4], 2.0)
