"""Real numbers to frames and back: missing values become an indicator, a scale is taken out and put in again."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context, spread
from seriatim.tree import Fixed, State


@final
class Reals(Causal):
    """P real numbers enter as themselves, 0 where one is missing (NaN), and P indicators that are 1 where one is.

    Before the first position everything is missing.

    Args:
        parts: P, numbers per position.

    Example:
        >>> Reals()(torch.tensor([[0.5, torch.nan]]))[0]
        tensor([[[0.5000, 0.0000],
                 [0.0000, 1.0000]]])
    """

    def __init__(self, parts: int = 1) -> None:
        super().__init__()
        self.parts = parts

    @property
    def reach(self) -> int:
        """0: a frame depends only on its own numbers."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """No state."""
        return ()

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T), or (B, T, P) if P > 1 -> (B, T, 2 P)."""
        x = x[..., None] if self.parts == 1 else x
        missing = x.isnan()
        return torch.cat([torch.where(missing, 0.0, x), missing.to(x.dtype)], -1), state


class _Scaled(NamedTuple):
    fixed: Fixed  # the scale (B, P, 2), or None


class _Scaling(Causal):
    """A layer that looks at its own frame and `context.scale`."""

    def __init__(self, parts: int = 1) -> None:
        super().__init__()
        self.parts = parts

    @property
    def reach(self) -> int:
        """0: no other frame."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """The scale."""
        return _Scaled(Fixed(context.scale))

    def scale(self, context: Context, state: State, rows: int) -> Tensor | None:
        """(rows, P, 2): the scale, which was given at the start."""
        found = context.scale if state is None or torch.is_grad_enabled() else state.fixed.nest
        return None if found is None else spread(found, rows)


@final
class Standardise(_Scaling):
    """Takes `context.scale` out of the frames of `Reals`: (x − location) / scale; what is missing stays 0.

    Without a scale frames pass as they are.

    Args:
        parts: P, numbers per position.

    Example:
        >>> frames, _ = Reals()(torch.tensor([[7.0, torch.nan]]))
        >>> context = Context(scale=torch.tensor([[[5.0, 1.386294]]]))  # location 5, scale 4 = e^1.386
        >>> Standardise()(frames, context)[0]
        tensor([[[0.5000, 0.0000],
                 [0.0000, 1.0000]]])
    """

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, 2 P) -> (B, T, 2 P)."""
        scale = self.scale(context, state, x.shape[0])
        if scale is None:
            return x, state
        location, log_scale = scale[:, None].unbind(-1)
        value, missing = x.split(self.parts, -1)
        value = torch.where(missing > 0, 0.0, (value - location) * (-log_scale).exp())
        return torch.cat([value, missing], -1), state


@final
class Rescale(_Scaling):
    """Appends `context.scale` to parameters, P locations and P log scales, for a `ScaledHead`; zeros without a scale.

    Args:
        parts: P, numbers per position.

    Example:
        >>> context = Context(scale=torch.tensor([[[5.0, 1.0]]]))
        >>> Rescale()(torch.zeros(1, 1, 2), context)[0].tolist()
        [[[0.0, 0.0, 5.0, 1.0]]]
    """

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C + 2 P)."""
        scale = self.scale(context, state, x.shape[0])
        if scale is None:
            more = x.new_zeros(x.shape[0], 1, 2 * self.parts)
        else:
            more = scale.transpose(1, 2).flatten(1)[:, None].to(x.dtype)
        return torch.cat([x, more.expand(-1, x.shape[1], -1)], -1), state
