"""What notebooks read of other notebooks' recorded results."""

import json

import pytest

from dlcourse import recorded


@pytest.fixture
def results(tmp_path, monkeypatch):
    """results.json where a published library has it."""
    claim = {"notebook": "week14/01_gan", "holds": True, "measured": {"loss (nats)": 0.25}}
    (tmp_path / "results.json").write_text(json.dumps({"claims": {"gan": claim}}))
    monkeypatch.setattr(recorded, "HERE", tmp_path)
    return tmp_path


def test_measured_gives_the_figures_of_a_topic(results):
    assert recorded.measured("gan") == {"loss (nats)": 0.25}


def test_topic_that_was_never_recorded_is_named(results):
    with pytest.raises(LookupError, match="'biggan'"):
        recorded.measured("biggan")


def test_library_without_results_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "HERE", tmp_path / "lib" / "dlcourse")
    with pytest.raises(LookupError, match="lib/dlcourse"):
        recorded.measured("gan")


def test_checkout_has_results():
    assert recorded.measured("backprop-graph")
