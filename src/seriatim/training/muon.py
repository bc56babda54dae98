"""Muon: momentum whose updates are orthogonalised, for the matrices inside a network.

Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks, https://kellerjordan.github.io/posts/muon.
An update's singular values all become about 1, so that every direction is learned, not only the few that dominate the
gradient. Deviations: none in the formulas; a tensor that holds several matrices is treated matrix by matrix, and all
matrices of one shape together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from seriatim.causal.stacks import Stack

_A, _B, _C = 3.4445, -4.775, 2.0315
_STEPS = 5
_EPSILON = 1e-7


def orthogonalised(x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """U V^T of matrices U S V^T, about: singular values end up between 0.7 and 1.2.

    Five steps of x <- a x + (b A + c A²) x with A = x x^T, a Newton-Schulz iteration.

    Args:
        x: (N, n, m), n <= m.
        dtype: to compute in. Default: that of `x`.
    """
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp_min(_EPSILON)
    x = x if dtype is None else x.to(dtype)
    n, m = x.shape[1:]
    if 2 * m > 3 * n and x.dtype != torch.bfloat16:
        return _through_gram(x)
    for _ in range(_STEPS):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x


def _through_gram(x: Tensor) -> Tensor:
    """The five steps on A alone, which is smaller than x; their product is applied to x once.

    All factors are polynomials in A, so they commute. 1.5 times as fast for 128 × 352. Rounding errors of A's smallest
    eigenvalues grow a⁸-fold, 20,000 times: too much for bfloat16, but not for float32.
    """
    gram = torch.bmm(x, x.mT)
    product: Tensor | None = None
    for step in range(_STEPS):
        factor = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
        factor.diagonal(dim1=1, dim2=2).add_(_A)
        product = factor if product is None else torch.bmm(factor, product)
        if step < _STEPS - 1:
            gram = torch.bmm(torch.bmm(factor, gram), factor)
    assert product is not None
    return torch.bmm(product, x)


def working_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """bfloat16 in place of float32 if the device multiplies it in hardware; emulated it takes four times as long."""
    native = False
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        native = getattr(torch.cpu, "_is_amx_tile_supported", bool)()  # PyTorch has no public name for it
    return torch.bfloat16 if native and dtype == torch.float32 else dtype


class _Place(NamedTuple):
    """A parameter in the batch of all matrices of its shape."""

    parameter: nn.Parameter
    stack: Stack
    tall: bool  # in which case the batch has its transposed matrices


@final
class Muon(torch.optim.Optimizer):
    """Muon for parameters that hold matrices.

    m <- μ m + (1 − μ) g, o = orthogonalised(μ m + (1 − μ) g), w <- (1 − lr · decay) w − lr · √max(1, rows/columns) · o.

    Args:
        stacks: the parameters, and which matrices they hold.
        lr: learning rate.
        weight_decay: decoupled weight decay.
        momentum: μ.

    Example:
        >>> from seriatim.causal.stacks import stacks_of
        >>> net = nn.LSTM(3, 4)
        >>> optimiser = Muon(stacks_of(net))
        >>> net(torch.randn(5, 3))[0].sum().backward()
        >>> optimiser.step()
    """

    def __init__(
        self,
        stacks: Mapping[nn.Parameter, Stack],
        lr: float = 0.02,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(list(stacks), {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self._batches: dict[Any, list[_Place]] = {}
        for parameter, stack in stacks.items():
            _, n, m = stack.shape
            alike = (min(n, m), max(n, m), parameter.dtype, parameter.device)
            self._batches.setdefault(alike, []).append(_Place(parameter, stack, n > m))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # noqa: ARG002  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every parameter that has a gradient."""
        for places in self._batches.values():
            self._move([place for place in places if place.parameter.grad is not None])

    def _move(self, places: list[_Place]) -> None:
        """One step of parameters whose matrices are of one shape, all in one product."""
        if not places:
            return
        group = self.param_groups[0]
        ahead = [place.stack.matrices(self._ahead(place.parameter, group["momentum"])) for place in places]
        batch = torch.cat([x.mT if place.tall else x for place, x in zip(places, ahead, strict=True)])
        result = orthogonalised(batch, working_dtype(batch.device, batch.dtype)).to(batch.dtype)
        for place, o in zip(places, result.split([len(x) for x in ahead]), strict=True):
            parameter, stack, tall = place
            update = stack.tensor(o.mT if tall else o, parameter.shape)
            if stack.mask is not None:  # orthogonalising fills the zeros of a masked gradient; they must not pile up
                update = update * stack.mask
            _, n, m = stack.shape
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(update, alpha=-group["lr"] * math.sqrt(max(1, n / m)))

    def _ahead(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """Nesterov's momentum: the mean of the gradients after this one, and this one once more."""
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return gradient.lerp(state["momentum"].lerp_(gradient, 1 - momentum), momentum)
