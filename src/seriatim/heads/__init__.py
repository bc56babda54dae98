"""Heads turn a network's parameters into a distribution."""

from seriatim.heads.base import Discrete, Dist, Event, Head
from seriatim.heads.categorical import Categorical, CategoricalHead
from seriatim.heads.mixture import Mixture, MixtureEvent, MixtureHead

__all__ = [
    "Categorical",
    "CategoricalHead",
    "Discrete",
    "Dist",
    "Event",
    "Head",
    "Mixture",
    "MixtureEvent",
    "MixtureHead",
]
