"""RNNs whose state matrix has a bounded norm."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

import seriatim
from seriatim.causal import Recurrent
from seriatim.errors import UserError
from seriatim.models import GRU, LSTM, RNN, Conditional, RecurrentConfig
from seriatim.testing import wake
from tiny_text import text_file


def state_matrices(model: torch.nn.Module) -> list[Tensor]:
    return [module.weights().back.detach() for module in model.modules() if isinstance(module, Recurrent)]


def norms(model: torch.nn.Module) -> list[float]:
    return [float(np.linalg.svd(back.numpy())[1][0]) for back in state_matrices(model)]


def test_singular_values_above_the_bound_are_cut_off() -> None:
    model = RNN(RecurrentConfig(symbols=5, width=6, layers=1, stable=0.7)).double()
    assert norms(model)[0] <= 0.7 + 1e-6  # from the beginning; untrained ones are about 1
    (back,) = state_matrices(model)
    random = np.random.default_rng(0)
    (u, _), (v, _) = (np.linalg.qr(random.normal(size=(6, 6))) for _ in range(2))
    back.copy_(torch.from_numpy(u @ np.diag([3.0, 0.9, 0.7, 0.5, 0.1, 0.0]) @ v.T))
    model.keep_bounds()
    np.testing.assert_allclose(back.numpy(), u @ np.diag([0.7, 0.7, 0.7, 0.5, 0.1, 0.0]) @ v.T, atol=1e-12)
    before = back.clone()
    model.keep_bounds()
    np.testing.assert_allclose(back.numpy(), before.numpy(), atol=1e-12)


def test_a_model_with_conditions_is_brought_back_too() -> None:
    model = Conditional(RNN(RecurrentConfig(symbols=5, width=6, vector=2, stable=0.5)), {})
    for back in state_matrices(model):
        back.mul_(10)
    model.keep_bounds()
    assert max(norms(model)) <= 0.5 + 1e-6


def test_states_that_read_the_same_come_together() -> None:
    model = RNN(RecurrentConfig(symbols=5, width=8, layers=1, stable=0.6)).double()
    wake(model, 0)
    model.keep_bounds()
    layer = next(module for module in model.modules() if isinstance(module, Recurrent))
    x = torch.randn(1, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    first, other = layer.start(1), layer.start(1)
    other = other._replace(h=torch.full_like(other.h, 0.9))
    apart = float((first.h - other.h).norm())
    with torch.no_grad():
        gaps = (layer(x, state=first)[0] - layer(x, state=other)[0]).norm(dim=2)[0]
    for t, gap in enumerate(gaps.tolist()):
        assert gap <= 0.6 ** (t + 1) * apart + 1e-12


def test_training_stays_within_the_bound(tmp_path: Path) -> None:
    data = text_file(tmp_path)
    common: dict[str, Any] = {"steps": 6, "lr": 0.1, "batch": 4, "quiet": True, "device": "cpu", "samples": 0}
    found: list[list[float]] = []
    for stable in (0.0, 0.5):
        net = {"width": 12, "layers": 2, "stable": stable}
        model = seriatim.train(data, "rnn", out=tmp_path / f"run-{stable}", net=net, **common)
        found.append(norms(model.model))
    assert min(found[0]) > 0.6
    assert max(found[1]) <= 0.5 + 1e-5


@pytest.mark.parametrize("family", [LSTM, GRU])
def test_a_bound_is_for_rnn(family: Any) -> None:
    with pytest.raises(UserError, match="stable is for rnn"):
        family(RecurrentConfig(symbols=5, width=4, stable=0.5))
    with pytest.raises(UserError, match=r"stable is 1\.5"):
        RecurrentConfig(symbols=5, stable=1.5)


def test_without_a_bound_nothing_is_touched() -> None:
    model = RNN(RecurrentConfig(symbols=5, width=6))
    for back in state_matrices(model):
        back.mul_(10)
    before = [back.clone() for back in state_matrices(model)]
    model.keep_bounds()
    assert all(torch.equal(a, b) for a, b in zip(before, cast(Any, state_matrices(model)), strict=True))
