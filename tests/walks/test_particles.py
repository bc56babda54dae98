"""Particles: what is known is kept, and what is drawn comes closer to the true conditional distribution."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from registry import MODELS
from seriatim.context import EMPTY
from seriatim.heads import CategoricalHead
from seriatim.models import Model
from seriatim.testing.statistics import chi_square
from seriatim.walks.noise import row_seeds
from seriatim.walks.particles import _effective, _resample, fill_in
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Walk
from toys import MaskedLinear

pytestmark = pytest.mark.usefixtures("float64")


def drawn(model: Model, known: Tensor, mask: Tensor, n: int, particles: int, seed: int = 0) -> Tensor:
    walk = Walk(model.packed(), n * particles, EMPTY, len(mask) // model.head.parts)
    return fill_in(walk, known, mask, row_seeds(seed, n * particles), particles)


def conditional(
    model: Model, shape: tuple[int, ...], levels: int, known: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Every string that fits what is known, and its probability given that."""
    n = len(mask)
    every = torch.cartesian_prod(*[torch.arange(levels)] * n).view(-1, n)
    every = every[(every[:, mask] == known[mask]).all(1)]
    with torch.no_grad():
        return every, model.log_prob(every.view(-1, *shape)).softmax(0)


def counts(x: Tensor, every: Tensor, levels: int) -> Tensor:
    radix = levels ** torch.arange(x.shape[1] - 1, -1, -1)
    place = torch.full((levels ** x.shape[1],), -1)
    place[(every * radix).sum(1)] = torch.arange(len(every))
    index = place[(x * radix).sum(1)]
    assert (index >= 0).all()  # what is known was kept
    return torch.bincount(index, minlength=len(every))


@pytest.mark.parametrize("name", ["pixelcnn", "gated-pixelcnn", "pixelcnn++-rgb"])
def test_what_is_known_first_gives_the_true_conditional(name: str) -> None:
    case = MODELS[name]
    model, parts = case.model(small=True), len(case.levels)
    shape = (*case.few, parts) if parts > 1 else case.few
    n = math.prod(shape)
    known, mask = torch.randint(case.levels[0], (n,)), torch.arange(n) < n // 2
    every, p = conditional(model, shape, case.levels[0], known, mask)
    chi_square(counts(drawn(model, known, mask, 3000, 1), every, case.levels[0]), p)


def test_particles_find_what_fits_a_known_symbol_that_comes_last() -> None:
    torch.manual_seed(3)
    model = MaskedLinear((4,), CategoricalHead(3), 3)  # as drawn, neighbours matter a lot to each other
    mask, known = torch.arange(4) == 3, torch.full((4,), 1)
    every, p = conditional(model, (4,), 3, known, mask)
    distances = {
        particles: float((counts(drawn(model, known, mask, 1500, particles), every, 3) / 1500 - p).abs().sum() / 2)
        for particles in (1, 64)
    }
    noise = float((p * (1 - p) / 1500).sqrt().sum() / 2)
    assert distances[64] < 2 * noise
    assert distances[1] > 4 * noise


def test_what_a_resampling_has_weighed_is_not_weighed_again() -> None:
    """x_0 is one of three alike; x_1 = 1 has p 0.9 after a 0 and 0.05 after the others; x_2 is anything."""
    model = MaskedLinear((3,), CategoricalHead(3), 3)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.zero_()
        after = torch.tensor([[0.05, 0.9, 0.05], [0.9, 0.05, 0.05], [0.475, 0.05, 0.475]])
        model.weight[1, 0] = after.log()
    found = drawn(model, torch.ones(3, dtype=torch.long), torch.arange(3) == 1, 1000, 64)
    share = float((found[:, 0] == 0).double().mean())
    assert share == pytest.approx(0.9, abs=4 * math.sqrt(0.9 * 0.1 / 1000))


def test_the_same_seed_gives_the_same_completion_in_any_batch() -> None:
    case = MODELS["gated-pixelcnn"]
    model = case.model()
    n = math.prod(case.shape)
    known, mask = torch.randint(3, (n,)), torch.arange(n) % 3 == 1
    seeds = row_seeds(5, 4 * 8)
    whole = fill_in(Walk(model.packed(), 32, EMPTY, n), known, mask, seeds, 8)
    assert whole.shape == (4, n)
    one = fill_in(Walk(model.packed(), 8, EMPTY, n), known, mask, seeds[8:16], 8)
    assert torch.equal(one[0], whole[1])
    assert len({tuple(row) for row in whole.tolist()}) > 1


def test_steering_and_what_does_not_divide() -> None:
    case = MODELS["pixelcnn"]
    model, n = case.model(), math.prod(case.shape)
    mask = torch.zeros(n, dtype=torch.bool)
    walk = Walk(model.packed(), 2, EMPTY, n)
    bold = fill_in(walk, torch.zeros(n, dtype=torch.long), mask, row_seeds(0, 2), 1, Steer(temperature=0))
    assert torch.equal(bold[0], bold[1])
    with pytest.raises(ValueError, match="groups of 3"):
        fill_in(Walk(model.packed(), 2, EMPTY, n), bold[0], mask, row_seeds(0, 2), 3)


def test_resampling_keeps_to_its_group_and_to_the_shares() -> None:
    weights = torch.tensor([[0.5, 0.25, 0.25, 0.0], [0.0, 0.0, 0.0, 1.0]]).log()
    rows = _resample(weights, torch.full((2, 1), 0.5))
    assert rows.tolist() == [0, 0, 1, 2, 7, 7, 7, 7]
    assert _effective(weights).tolist() == pytest.approx([1 / 0.375, 1.0])
    lost = torch.full((1, 4), -math.inf)
    assert _resample(lost, torch.full((1, 1), 0.5)).tolist() == [0, 1, 2, 3]
