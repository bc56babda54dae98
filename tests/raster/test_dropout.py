"""Dropout by random bytes: the share that is silent, the mean that stays, the generator that decides."""

from __future__ import annotations

import pytest
import torch

from seriatim.raster.dropout import ByteDropout
from seriatim.raster.shifted import both, silenced


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_is_silent_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    x = torch.full((301, 1003), 3.0)
    y = ByteDropout(share).train()(x)
    silent = round(share * 256) / 256
    assert abs(float((y == 0).float().mean()) - silent) < 5 * (silent * (1 - silent) / x.numel()) ** 0.5
    assert y.unique().tolist() == pytest.approx([0.0, 3 / (1 - silent)])
    assert float(y.mean()) == pytest.approx(3.0, rel=0.02)
    neighbours = (y[:, 1:] == 0) == (y[:, :-1] == 0)  # eight share a draw, and yet
    assert float(neighbours.float().mean()) == pytest.approx(silent**2 + (1 - silent) ** 2, abs=0.01)


def test_it_follows_the_generator_and_rests_in_evaluation() -> None:
    layer, x = ByteDropout(0.5).train(), torch.randn(7, 9)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert not torch.equal(layer(x), first)
    assert layer.eval()(x) is x
    assert ByteDropout(0.0).train()(x) is x


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_together_with_the_activation_before_it_is_what_they_are_one_after_the_other(share: float) -> None:
    layer = ByteDropout(share).train()
    x = torch.randn(3, 4, 5, 6, dtype=torch.float64, requires_grad=True)
    slope = torch.randn(3, 4, 5, 12, dtype=torch.float64)
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    for silence in (silenced, lambda x, drop: drop(both(x))):
        torch.manual_seed(2)
        y = silence(x, layer)
        found.append((y, torch.autograd.grad(y, x, slope)[0]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert (found[0][0] == 0).any()
    torch.testing.assert_close(silenced(x, layer.eval()), both(x))
