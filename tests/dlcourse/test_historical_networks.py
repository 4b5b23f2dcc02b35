"""The data file behind figure 1.11 agrees with itself and with totals that the papers print."""

import math

import pytest

from dlcourse.historical_networks import historical_networks

NETWORKS, ANIMALS = historical_networks()


def test_the_figure_s_list_is_whole_and_in_order():
    assert [network.number for network in NETWORKS] == list(range(1, 21))
    assert [network.year for network in NETWORKS] == sorted(network.year for network in NETWORKS)
    assert [animal.name for animal in ANIMALS] == [
        "Sponge",
        "Roundworm",
        "Leech",
        "Ant",
        "Bee",
        "Frog",
        "Octopus",
        "Human",
    ]
    assert [animal.neurons for animal in ANIMALS] == sorted(animal.neurons for animal in ANIMALS)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: str(network.number))
def test_every_count_has_an_interval_and_a_source(network):
    assert 1 <= network.low <= network.neurons <= network.high
    assert network.source and network.how
    assert network.basis in {"printed", "layer sizes", "interval"}
    assert (network.layers is not None) == (network.basis == "layer sizes")
    if network.basis == "layer sizes":
        assert network.neurons == sum(map(math.prod, network.layers))
    if network.basis == "interval":
        assert network.neurons == pytest.approx(math.sqrt(network.low * network.high), rel=0.03)
        assert not network.verified


def test_lenet_s_sizes_give_the_connections_its_paper_prints():
    c1, s2, c3, s4, c5, f6, output = map(math.prod, NETWORKS[7].layers)
    inputs_of_c3 = 6 * 3 + 9 * 4 + 1 * 6  # maps of S2 that the 16 maps of C3 read, 25 weights each
    connections = (
        c1 * 26 + s2 * 5 + 100 * (inputs_of_c3 * 25 + 16) + s4 * 5 + c5 * (400 + 1) + f6 * (120 + 1) + output * 84
    )
    assert connections == 340_908


def test_ciresan_s_sizes_give_the_twelve_million_weights_its_paper_prints():
    sizes = [29 * 29, *map(math.prod, NETWORKS[14].layers)]
    weights = sum((inputs + 1) * units for inputs, units in zip(sizes, sizes[1:], strict=False))
    assert round(weights / 1e6, 2) in {12.11, 12.12}


def test_the_layers_under_alexnet_s_figure_2_are_the_low_count():
    alexnet = NETWORKS[17]
    assert alexnet.low == 253_440 + 186_624 + 64_896 + 64_896 + 43_264 + 4096 + 4096 + 1000
    assert alexnet.high == alexnet.low - 253_440 + 55 * 55 * 96
