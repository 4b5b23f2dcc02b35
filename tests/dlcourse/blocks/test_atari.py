import numpy as np

from dlcourse import atari


def test_the_notebooks_stack_is_the_librarys(definitions):
    notebook = definitions("week15/03_atari", "pushed")
    rng = np.random.default_rng(0)
    states = rng.integers(0, 256, size=(6, 84, 84, 4), dtype=np.uint8)
    pictures, fresh = rng.integers(0, 256, size=(6, 84, 84), dtype=np.uint8), rng.random(6) < 0.5
    np.testing.assert_array_equal(notebook.pushed(states, pictures, fresh), atari.push(states, pictures, fresh))


def test_the_notebooks_preprocessing_is_the_emulators(definitions):
    """Pictures within a rounding, rewards and ends; without the waiting at the start."""
    notebook = definitions("week15/03_atari", "compared")
    for game, actions in [("breakout", 4), ("pong", 6)]:
        choices = np.random.default_rng(1).integers(actions, size=100)
        differences, same, *happened = notebook.compared(game, choices, 5)
        assert differences.max() <= 1 and same.all() and len(same) == 100
        assert game == "pong" or happened[1].any()  # a life was lost


def test_the_librarys_network_has_the_notebooks_parameters(definitions):
    notebook = definitions("week15/03_atari", "parameters")
    assert atari.agent_for(18).network.count_params() == notebook.parameters(18)
