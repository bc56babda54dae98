"""Whoever adds a layer, a head or a family registers it, or these fail."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
import torch

import seriatim.causal
import seriatim.heads
import seriatim.models
from registry import HEADS, LAYERS, MODELS
from seriatim.causal import Causal
from seriatim.heads import Dist, Event, Head
from seriatim.models import FAMILIES, Model

pytestmark = pytest.mark.usefixtures("float64")


def concrete(base: type) -> set[type]:
    """Every class of the library below `base` that can be made."""
    for package in (seriatim.causal, seriatim.heads, seriatim.models):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)

    def below(cls: type) -> Iterator[type]:
        for sub in cls.__subclasses__():
            yield sub
            yield from below(sub)

    mine = {cls for cls in below(base) if cls.__module__.startswith("seriatim.")}
    return {cls for cls in mine if not inspect.isabstract(cls)}


def test_every_layer_is_registered() -> None:
    layers = {cls for cls in concrete(Causal) if cls.__module__.startswith("seriatim.causal.")}
    tried = {type(each) for case in LAYERS.values() for each in case.make().modules()}
    assert layers <= tried, "a family's own blocks obey the family's laws"


def test_every_head_is_registered() -> None:
    registered = {type(case.make()) for case in HEADS.values()}
    assert concrete(Head) <= registered


def test_every_distribution_comes_from_a_registered_head() -> None:
    made: set[type] = set()
    for case in HEADS.values():
        dist = case.make()(case.parameters(2))
        made.add(type(dist))
        if isinstance(dist, Event):
            kind = torch.get_default_dtype() if dist.real else torch.long
            made |= {type(dist.given(i, torch.zeros(2, i, dtype=kind))) for i in range(dist.parts)}
    assert (concrete(Dist) | concrete(Event)) <= made


def test_every_family_is_registered() -> None:
    assert set(FAMILIES) == {case.family for case in MODELS.values()} - {None}


def test_every_model_is_a_family_or_registered() -> None:
    made = {type(case.model()) for case in MODELS.values()}
    finished = {cls for cls in concrete(Model) if not cls.__subclasses__()}  # the others are what several share
    assert finished <= made


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_registered_in_every_form(name: str) -> None:
    cases = [case.make(3) for case in MODELS.values() if case.family == name]
    configs = [case.config for case in cases]
    if FAMILIES[name].linear:
        return  # takes no conditions but a scale
    assert any(config.vector for config in configs)
    assert any(not config.vector for config in configs)
