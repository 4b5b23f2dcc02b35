"""Neurons of the networks and animals in figure 1.11 of *Deep Learning*, from published counts with their sources."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Network:
    """A network of the figure. `neurons` lies between `low` and `high`, which span the readings of its source."""

    number: int  # in the figure
    name: str
    authors: str
    year: int
    neurons: int
    low: int
    high: int
    basis: str  # "printed", "layer sizes" or "interval"
    source: str
    how: str  # how the count and its interval were made
    verified: bool  # whether the source's text, a quotation or a printed total was compared
    layers: list[list[int]] | None = None  # sizes of each layer, where the count is their sum


@dataclass(frozen=True)
class Animal:
    """An animal of the figure's right-hand axis; `primary` is the study behind the number, where known."""

    name: str
    neurons: int
    source: str
    primary: str


def historical_networks() -> tuple[list[Network], list[Animal]]:
    """The figure's 20 networks in its order, and its 8 animals from the fewest neurons to the most.

    Built on and plotted in week01/06_scale. The rule of counting stands in datasets/historical_networks.toml.
    """
    text = files("dlcourse").joinpath("datasets/historical_networks.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return [Network(**row) for row in tables["networks"]], [Animal(**row) for row in tables["animals"]]
