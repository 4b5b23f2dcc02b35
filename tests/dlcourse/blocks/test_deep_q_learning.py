"""Deep Q-learning: the library agrees with the notebook, the memory gives what was put in, and lessons work."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlcourse.deep_q_learning import DeepQ, ReplayMemory, q_network

NOTEBOOK = "week15/02_deep_q_learning"
GAMES, FRAME = 3, (4, 5)


def filled(memory, steps: int, ends=()):
    """Play: the frame, action and reward of step t of game g say t and g; the steps in `ends` are truncated."""
    for t in range(steps):
        number = 10 * t + np.arange(GAMES)
        frames = np.broadcast_to(number[:, None, None] % 256, (GAMES, *FRAME))
        memory.add(frames, number % 3, number / 8, np.full(GAMES, t % 7 == 6), np.full(GAMES, t in ends))
    return memory


def test_the_notebook_and_the_library_have_the_same_memory(definitions):
    by_hand = filled(definitions(NOTEBOOK, "ReplayMemory").ReplayMemory(9, GAMES, FRAME), 23)
    library = filled(ReplayMemory(9, GAMES, FRAME), 23)
    rng = np.random.default_rng(0)
    times, games = rng.integers(23 - 9, 22, size=(4, 30)), rng.integers(GAMES, size=(4, 30))
    for mine, theirs in zip(by_hand.steps(times, games), library.steps(times, games), strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def test_the_notebook_and_the_library_have_the_same_network_and_learn_the_same(definitions):
    notebook = definitions(NOTEBOOK, "new_networks", "q_values", "Agents", "filters", "units", "discount")
    rng = np.random.default_rng(1)
    theta = notebook.new_networks(2, rng)
    networks = [q_network((8, 8, 1), 3, [(notebook.filters, (8, 3), 1)], notebook.units) for _ in range(4)]
    for number, network in enumerate(networks[:2]):
        network.set_weights(
            [weight[number].reshape(own.shape) for weight, own in zip(theta, network.get_weights(), strict=True)]
        )
    pictures = rng.integers(256, size=(2, 20, 8, 8, 1)).astype(np.uint8)
    expected = np.stack([network(states) for network, states in zip(networks, pictures, strict=False)])
    np.testing.assert_allclose(notebook.q_values(theta, pictures), expected, atol=1e-5)

    several, agents = notebook.Agents(theta), []
    for network, target in [(networks[0], networks[2]), (networks[1], networks[3])]:
        agents.append(DeepQ(network, target, rate=1e-3, discount=notebook.discount))
    for lesson in range(1, 4):
        batch = (
            pictures,
            rng.integers(3, size=(2, 20)).astype(np.int32),
            rng.normal(size=(2, 20)).astype(np.float32),
            pictures[:, ::-1],
            rng.random((2, 20)) < 0.3,
        )
        renew = np.array([False, lesson == 2])  # the second agent's target is renewed before the second lesson
        if lesson == 2:
            agents[1].synchronize()
        losses = several.learn(np.float32(lesson), np.full(2, 1e-3, np.float32), renew, *batch)
        singly = [agent.learn(*(part[number] for part in batch)) for number, agent in enumerate(agents)]
        np.testing.assert_allclose(losses, singly, atol=1e-4)
    after = np.stack([agent.values(states) for agent, states in zip(agents, pictures, strict=True)])
    np.testing.assert_allclose(several.values(pictures), after, atol=1e-3)


def test_a_state_is_stacked_oldest_first_and_does_not_reach_into_another_episode():
    memory = filled(ReplayMemory(50, GAMES, FRAME, stack=4), 20, ends=[9])
    states = memory.states(np.array([5, 8, 11]), np.array([0, 1, 2]))  # the episodes begin with steps 0, 7, 10 and 14
    assert states.shape == (3, *FRAME, 4) and states.dtype == np.uint8
    np.testing.assert_array_equal(states[:, 0, 0], [[20, 30, 40, 50], [0, 0, 71, 81], [0, 0, 102, 112]])


def test_samples_are_steps_with_all_that_belongs_to_them():
    memory = filled(ReplayMemory(12, GAMES, FRAME, stack=2), 25, ends=[17, 22])
    states, actions, rewards, next_states, terminated = memory.sample(2000, np.random.default_rng(2))
    assert len(states) == 2000
    number = np.round(8 * rewards).astype(int)
    times = number // 10
    assert set(times) == set(range(14, 24)) - {17, 22}  # 13 and 24 lack a frame
    np.testing.assert_array_equal(states[:, 0, 0, -1], number % 256)
    np.testing.assert_array_equal(actions, number % 3)
    np.testing.assert_array_equal(terminated, times % 7 == 6)
    goes_on = ~terminated
    np.testing.assert_array_equal(next_states[goes_on, 0, 0, -1], (number[goes_on] + 10) % 256)
    np.testing.assert_array_equal(next_states[goes_on, 0, 0, -2], number[goes_on] % 256)
    counts = np.bincount(number)[np.unique(number)]
    assert counts.var() < 3 * counts.mean(), "all steps are drawn about equally often"


def test_the_papers_network_has_the_papers_parameters():
    """Mnih et al. 2015 with 18 actions."""
    network = q_network((84, 84, 4), 18, [(32, 8, 4), (64, 4, 2), (64, 3, 1)], 512)
    assert network.count_params() == 1_693_362


def test_random_actions_are_as_frequent_as_epsilon_says():
    keras.utils.set_random_seed(0)
    agent = DeepQ(q_network((8, 8, 1), 3, [(4, 3, 1)], 8), q_network((8, 8, 1), 3, [(4, 3, 1)], 8))
    rng = np.random.default_rng(3)
    states = rng.integers(256, size=(4000, 8, 8, 1)).astype(np.uint8)
    greedy = agent.act(states, 0.0, rng)
    np.testing.assert_array_equal(greedy, np.argmax(agent.values(states), axis=-1))
    assert np.mean(agent.act(states, 0.6, rng) != greedy) == pytest.approx(0.4, abs=0.03)


def test_a_terminated_step_is_worth_its_reward():
    """And one that goes on that and the discounted best of the next state: both are learned exactly."""
    keras.utils.set_random_seed(5)
    agent = DeepQ(
        q_network((8, 8, 1), 2, [(4, 3, 1)], 16), q_network((8, 8, 1), 2, [(4, 3, 1)], 16), rate=3e-3, discount=0.5
    )
    agent.target.layers[-1].bias.assign([1.0, 3.0])  # far from 0 and from each other
    states = np.random.default_rng(6).integers(256, size=(2, 8, 8, 1)).astype(np.uint8)
    best = tf.reduce_max(agent.target(states), axis=-1).numpy()
    batch = states, np.array([0, 1], np.int32), np.array([1.0, 2.0], np.float32), states[::-1], np.array([True, False])
    losses = [float(agent.learn(*batch)) for _ in range(600)]
    assert losses[-1] < 1e-3 * losses[0]
    values = agent.values(states).numpy()
    np.testing.assert_allclose([values[0, 0], values[1, 1]], [1.0, 2.0 + 0.5 * best[0]], atol=0.02)
