"""What no law can know: whether a family computes what its paper says. A plain loop that it is held equal to does."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from seriatim.causal import Causal
from seriatim.context import EMPTY
from seriatim.models import Model
from seriatim.models.base import ContextLike
from seriatim.testing.base import cast_given, hold, isolated, on_cpu

CLOSE = 1e-9


def equals(
    model: Model | Causal,
    loop: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    given: ContextLike = EMPTY,
    tolerance: float = CLOSE,
) -> None:
    """Check that a model, or a layer, computes what a textbook's loop does: in float64, max |difference| < 1e-9.

    A gate the wrong way round obeys every law: it is a model, only another one. So a family comes with a loop over
    positions, written from its paper's equations with nothing fused, and this test. The loop takes the weights from the
    model itself, `model.….weight.double()`. They are compared as they are: `wake(model)` first, if some are zero.

    Args:
        model: is copied to float64; not changed.
        loop: x -> parameters, of the model's shape, in float64. While it runs, new tensors are float64.
        x: (B, *S) symbols, or (B, T, C) frames for a layer.
        given: the condition.
        tolerance: largest absolute difference.

    Raises:
        AssertionError: naming the place and both values.
        TypeError: if the loop does not compute in float64.

    >>> from seriatim.layers import Recurrent
    >>> from seriatim.testing import wake
    >>> layer, x = wake(Recurrent("rnn", 2, 3)), torch.ones(1, 5, 2)
    >>> def elman(x):
    ...     w = [weight.double() for weight in layer.weights()]
    ...     h, states = torch.zeros(1, 3), []
    ...     for t in range(5):
    ...         h = torch.tanh(x[:, t] @ w[0].T + w[2] + h @ w[1].T + w[3])
    ...         states.append(h)
    ...     return torch.stack(states, 1)
    >>> equals(layer, elman, x)
    """
    with isolated(), torch.no_grad():
        x = on_cpu(x, torch.float64)
        double, context = copy.deepcopy(model).to("cpu", torch.float64).eval(), cast_given(given, torch.float64)
        found = double(x, context)
        found = found[0] if isinstance(double, Causal) else found
        wanted = loop(x)
    if wanted.dtype != torch.float64:
        raise TypeError(f"the loop computes in {wanted.dtype}; expected float64, such as from weight.double()")
    hold(found.shape == wanted.shape, "equals", f"shape {tuple(found.shape)}; the loop gives {tuple(wanted.shape)}")
    off = (found - wanted).abs().nan_to_num(torch.inf, torch.inf)
    if off.numel() and not bool(off.max() < tolerance):
        worst = int(off.flatten().argmax())
        place = [int(i) for i in torch.unravel_index(torch.tensor(worst), off.shape)]
        values = f"{found.flatten()[worst].item():.9g} where the loop gives {wanted.flatten()[worst].item():.9g}"
        raise AssertionError(f"equals: {values} at {place}")
