"""The laws of DESIGN section 3 as plain functions: they cover the layer that nobody has written yet.

They are called in float64, with woken weights (`registry.wake`), so that nothing is zero by initialisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

TOLERANCE = 1e-11
SEEN = 1e-9  # a smaller change is rounding, which lies well below


def same(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> None:
    """Equal up to float64 rounding."""
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def gradient_reaches_every_parameter(loss: Callable[[], Tensor], parameters: Iterable[tuple[str, Tensor]]) -> None:
    """Every parameter moves when one trains, and by a finite amount."""
    named = dict(parameters)
    for name, slope in zip(named, torch.autograd.grad(loss(), list(named.values()), allow_unused=True), strict=True):
        assert slope is not None, f"{name} is unused"
        assert bool(slope.isfinite().all()), f"the gradient of {name} is not finite"
        assert slope.numel() == 0 or bool(slope.abs().max() > 0), f"no gradient reaches {name}"
