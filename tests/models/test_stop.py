"""Sequences that are continuous and end by themselves: the end is a part of the likelihood."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from seriatim.causal import Pointwise, Reals, Recurrent, Serial
from seriatim.heads import GaussianHead, MarkedHead
from seriatim.models import SequenceModel
from seriatim.testing import wake
from seriatim.testing.statistics import chi_square

pytestmark = pytest.mark.usefixtures("float64")
GO, STOP = 0.0, 1.0
GRID, STEP = torch.linspace(-9, 9, 61, dtype=torch.float64), 0.3  # the trapezoid rule, exact to rounding for bells


def ending() -> SequenceModel:
    """(go on or stop, value) by a GRU, the values' scale near 1."""
    torch.manual_seed(0)
    net = Serial(Pointwise(nn.Linear(4, 6)), Recurrent("gru", 6, 6), Pointwise(nn.Linear(6, 4)))
    return wake(SequenceModel(Reals(2), net, MarkedHead(GaussianHead(floor=0.4)), start=math.nan), scale=0.8)


def mass(model: SequenceModel, going: int, ended: bool) -> float:
    """P(`going` values, and then the end if `ended`), the values integrated out."""
    values = torch.cartesian_prod(*[GRID] * going).reshape(-1, going) if going else torch.zeros(1, 0)
    steps = [torch.stack([torch.full_like(column, GO), column], -1) for column in values.unbind(1)]
    if ended:
        steps.append(torch.tensor([STOP, 0.0]).expand(len(values), 2))
    with torch.no_grad():
        terms = model.log_probs(torch.stack(steps, 1)).sum(1)
    return float(terms.exp().sum()) * STEP**going


def test_what_has_ended_and_what_has_not_sum_to_one() -> None:
    model = ending()
    ended = [mass(model, going, ended=True) for going in range(3)]
    assert all(0.01 < p < 0.9 for p in ended)
    assert sum(ended) + mass(model, 3, ended=False) == pytest.approx(1, abs=1e-7)
    assert mass(model, 2, ended=True) + mass(model, 3, ended=False) == pytest.approx(
        mass(model, 2, ended=False), abs=1e-7
    )


def test_lengths_are_drawn_as_often_as_the_likelihood_says() -> None:
    model, n = ending(), 4000
    x = model.sample(n=n, length=3, seed=3)
    stopped = x[..., 0] == STOP
    assert bool((x[..., 1][stopped] == 0).all())  # nothing is left to say
    first = torch.where(stopped.any(1), stopped.long().argmax(1), 3)
    counts = torch.bincount(first, minlength=4)
    expected: Tensor = torch.tensor([mass(model, going, ended=True) for going in range(3)])
    chi_square(counts, torch.cat([expected, 1 - expected.sum()[None]]))
