"""Data, statistics, claims, tables and the syllabus."""

import ast
from pathlib import Path

import numpy as np
import pytest

import dlcourse
from dlcourse import claims, data, plots, session, sprites, stats, syllabus


def test_digits_are_split_into_disjoint_stratified_parts():
    train_images, test_images, train_labels, test_labels = data.digits(train=200, seed=3)
    assert train_images.shape == (200, 8, 8) and test_images.shape == (1597, 8, 8)
    assert train_images.dtype == np.float32 and train_labels.dtype == np.int64
    assert train_images.min() >= 0 and train_images.max() == 1
    assert set(np.bincount(train_labels)) <= set(range(18, 23))
    other = data.digits(train=200, seed=4)[0]
    assert not np.array_equal(train_images, other)
    assert np.array_equal(train_images, data.digits(train=200, seed=3)[0])


def test_flat_digits_are_the_same_pixels():
    assert np.array_equal(data.digits(flat=True)[0], data.digits()[0].reshape(1347, 64))


def test_impossible_split_is_refused():
    with pytest.raises(ValueError, match="train is 1797"):
        data.digits(train=1797)


def test_pictures_are_sprites_and_do_not_repeat():
    train_images, test_images, train_labels, test_labels = data.pictures(30, 20, size=16, seed=2)
    drawn = sprites.draw(50, 16, seed=2)
    assert np.array_equal(np.concatenate([train_images, test_images]), drawn.images) and len(train_images) == 30
    assert np.array_equal(np.concatenate([train_labels, test_labels]), drawn.labels) and len(test_labels) == 20


def test_full_pictures_have_the_same_form(monkeypatch):
    """CIFAR-10 as Keras hands it on: bytes, and labels in a column."""
    import keras

    rng = np.random.default_rng(0)
    parts = [(rng.integers(256, size=(n, 32, 32, 3), dtype=np.uint8), rng.integers(10, size=(n, 1))) for n in (6, 4)]
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: parts)
    train_images, test_images, train_labels, test_labels = data.pictures(full=True)
    assert [part.shape for part in (train_images, test_images)] == [(6, 32, 32, 3), (4, 32, 32, 3)]
    assert train_images.dtype == np.float32 and np.array_equal(np.round(255 * train_images), parts[0][0])
    assert train_labels.dtype == np.int64 and np.array_equal(test_labels, parts[1][1][:, 0])


def test_faces_are_cut_square_from_the_middle(monkeypatch, tmp_path):
    """CelebA's pictures are 218 high and 178 wide, in a folder of the archive."""
    import keras
    from PIL import Image

    folder = tmp_path / "celeba_extracted" / "img_align_celeba"
    folder.mkdir(parents=True)
    for number in range(1, 4):
        picture = np.full((218, 178, 3), 60 * number, np.uint8)
        picture[:20] = picture[-20:] = 255  # what is cut off
        Image.fromarray(picture).save(folder / f"{number:06}.jpg", quality=95)
    monkeypatch.setattr(keras.utils, "get_file", lambda *_, **__: str(tmp_path / "celeba_extracted"))
    faces = data.faces(2, size=32)
    assert faces.shape == (2, 32, 32, 3) and faces.dtype == np.float32
    np.testing.assert_allclose(faces[:, 1:-1], np.broadcast_to([[[[60]]], [[[120]]]], (2, 30, 32, 3)) / 255, atol=0.02)
    with pytest.raises(ValueError, match="count is 4; CelebA has 3 faces"):
        data.faces(4)


def test_no_number_is_both_for_training_and_testing():
    pairs = data.spelled_numbers(400, 100, below=2000, seed=3)
    assert len(pairs.train_sources) == len(pairs.train_targets) == 400 and len(pairs.test_targets) == 100
    assert len(set(pairs.train_sources + pairs.test_sources)) == 500
    assert (
        pairs
        == data.spelled_numbers(400, 100, below=2000, seed=3)
        != data.spelled_numbers(400, 100, below=2000, seed=4)
    )


def test_numbers_are_spelled_out_in_both_languages():
    pairs = data.spelled_numbers(90, 10, below=100)
    known = dict(zip(pairs.train_sources + pairs.test_sources, pairs.train_targets + pairs.test_targets, strict=True))
    assert known["ninety-seven"] == "quatre-vingt-dix-sept" and known["zero"] == "zéro" and len(known) == 100
    german = data.spelled_numbers(90, 10, below=100, languages=("fr", "de"))
    assert dict(zip(german.train_sources, german.train_targets, strict=True))["vingt et un"] == "einundzwanzig"
    with pytest.raises(ValueError, match="only 50 numbers below 50"):
        data.spelled_numbers(45, 10, below=50)


def test_dates_name_different_days():
    pairs = data.dates(3000, 300, seed=1)
    days = pairs.train_targets + pairs.test_targets
    assert len(set(days)) == 3300 and min(days) >= "1970-01-01" and max(days) <= "2069-12-31"
    for source, target in zip(pairs.train_sources, pairs.train_targets, strict=True):
        assert target[2:4] in source and target[8:].lstrip("0") in source
    assert (
        data.dates(1, 0, locales=("hu",), seed=5).train_sources
        != data.dates(1, 0, locales=("fr",), seed=5).train_sources
    )
    with pytest.raises(ValueError, match="only 36525 days"):
        data.dates(36000, 526)


def test_photographs_are_two_colour_images():
    photographs = data.photographs()
    assert photographs.shape == (2, 427, 640, 3) and 0.9 < photographs.max() <= 1


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        mean, half_width = stats.mean_interval(rng.normal(3.0, 2.0, size=5))
        covered += abs(mean - 3.0) <= half_width
    assert 0.93 < covered / 2000 < 0.97


def test_interval_needs_two_values():
    with pytest.raises(ValueError, match="at least two"):
        stats.mean_interval([1.0])


def test_claims_are_kept_once_a_topic_and_refuse_what_was_not_computed(capsys):
    session.begin("week01/01_made_up", seed=1)
    for holds in (np.bool_(False), True):
        dlcourse.claim("sgd-loop", measured={"steps": np.float32(3.14159), "curve": [1, 2]}, holds=holds, because="so")
    assert session.current.claims == [
        {
            "topic": "sgd-loop",
            "holds": True,
            "because": "so",
            "timing": False,
            "measured": {"steps": 3.142, "curve": [1, 2]},
        }
    ]
    with pytest.raises(KeyError, match="did you mean sgd-loop"):
        dlcourse.claim("sgd-lop", measured={}, holds=True, because="")
    with pytest.raises(TypeError, match="holds is 'yes'"):
        dlcourse.claim("sgd-loop", measured={}, holds="yes", because="")
    with pytest.raises(TypeError, match="measured"):
        claims.plain("model", object())


def test_cells_of_a_table_are_rounded_for_reading():
    assert [plots.cell(value) for value in (61_000_000, 0.123456, 12345.6, 1e-7, True, 3.0, "x", float("inf"))] == [
        "61,000,000", "0.1235", "12,346", "1e-07", "yes", "3", "x", "inf"]  # fmt: skip


def test_lines_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shape"):
        plots.line([1, 2, 3], {"a": [1, 2]}, xlabel="x", ylabel="y")
    with pytest.raises(ValueError, match="ticks say"):
        plots.heat(np.zeros((2, 2)), rows=("r", [1]), columns=("c", [1, 2]), label="l")


def test_short_logarithmic_axes_have_more_labels_than_powers_of_ten():
    import matplotlib.pyplot as plt

    labels = {}
    for name, values in {"short": [3.0, 40.0], "long": [1e-6, 1.0]}.items():
        plots.line([1, 2], values, xlabel="x", ylabel="y", log="y")
        plt.gcf().canvas.draw()
        labels[name] = [label.get_text() for label in plt.gca().get_yticklabels()]
        plt.close()
    assert {"5", "10", "20"} <= set(labels["short"])
    assert any("10^{-3}" in text or "10^{-4}" in text for text in labels["long"])


def test_syllabus_names_152_topics_in_16_weeks():
    topics = syllabus.topics()
    assert len({topic.id for topic in topics}) == 152
    assert sorted({topic.week for topic in topics}) == list(range(1, 17)) == sorted(syllabus.weeks())
    assert all(topic.title and topic.build and topic.claim for topic in topics)


def test_library_does_not_import_the_grader_or_tensorflow():
    """What notebooks import before `setup` has done its work; the blocks that they build are imported after it."""
    blocks = {path.stem.removeprefix("test_") for path in (Path(__file__).parent / "blocks").glob("test_*.py")}
    for path in Path(dlcourse.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.startswith("autograder")], path
        top = [a.name for node in tree.body if isinstance(node, ast.Import) for a in node.names]
        assert path.stem in blocks or not {"tensorflow", "keras"} & set(top), path


@pytest.mark.parametrize("notebook", ["06/03_x", "week6/03_x", "week06/asynchronous", "week06"])
def test_setup_refuses_a_place_that_is_none(notebook):
    with pytest.raises(ValueError, match="week06/03_asynchronous"):
        dlcourse.setup(notebook, seed=1)


def test_seeds_follow_from_the_notebooks_seed_or_the_one_that_the_course_is_run_with(monkeypatch):
    monkeypatch.setattr(session, "current", session.Session(seed=session.notebook_seed(63)))
    assert dlcourse.seeds(3) == [63000, 63001, 63002]
    monkeypatch.setenv(session.NOTEBOOK_SEED, "101")
    monkeypatch.setattr(session, "current", session.Session(seed=session.notebook_seed(63)))
    assert dlcourse.seeds(1) == [101000]
