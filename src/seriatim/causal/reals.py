"""Real numbers to frames and back: missing values become an indicator, a scale is taken out and put in again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Bool
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
        shifted: whether the last P parameters move the locations, in units of the scales, instead of being passed on.
        marked: whether a category comes before the numbers: the scale has a row for it, which is left out.

    Example:
        >>> context = Context(scale=torch.tensor([[[5.0, 1.0]]]))
        >>> Rescale()(torch.zeros(1, 1, 2), context)[0].tolist()
        [[[0.0, 0.0, 5.0, 1.0]]]
        >>> Rescale(shifted=True)(torch.tensor([[[0.0, 0.0, 2.0]]]), context)[0]  # 5 + 2 e
        tensor([[[ 0.0000,  0.0000, 10.4366,  1.0000]]])
    """

    def __init__(self, parts: int = 1, shifted: bool = False, marked: bool = False) -> None:
        super().__init__(parts)
        self.shifted, self.marked = shifted, marked

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C + 2 P), or (B, T, C + P) if shifted."""
        scale = self.scale(context, state, x.shape[0])
        if scale is None:
            location = log_scale = x.new_zeros(x.shape[0], 1, self.parts)
        else:
            location, log_scale = scale.to(x.dtype)[:, None, int(self.marked) :].unbind(-1)
        if self.shifted:
            x, shift = x[..., : -self.parts], x[..., -self.parts :]
            location = location + shift * log_scale.exp()
        steps = x.shape[1]
        return torch.cat([x, location.expand(-1, steps, -1), log_scale.expand(-1, steps, -1)], -1), state


@final
class Lags(Causal):
    """The frames of `Reals` of several positions before, one after another; before the first, all is missing.

    Args:
        lags: how many frames back each is; 0 is the frame itself.
        parts: P, numbers per position.

    Example:
        >>> frames, _ = Reals()(torch.tensor([[7.0, 8.0, 9.0]]))
        >>> Lags((0, 2))(frames)[0].tolist()  # the value, whether it is missing; and those of two frames before
        [[[7.0, 0.0, 0.0, 1.0], [8.0, 0.0, 0.0, 1.0], [9.0, 0.0, 7.0, 0.0]]]
    """

    def __init__(self, lags: Sequence[int], parts: int = 1) -> None:
        super().__init__()
        if not lags or min(lags) < 0:
            raise ValueError(f"lags are {tuple(lags)}; expected one or more numbers from 0")
        self.lags, self.parts = tuple(lags), parts

    @property
    def reach(self) -> int:
        """The largest lag."""
        return max(self.lags)

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """The lags, and no frame between them."""
        apart = torch.arange(steps)[:, None] - torch.arange(steps)
        return torch.isin(apart, torch.tensor(self.lags))

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """Nothing: frames that are not there yet are missing."""
        return ()

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T, 2 P) -> (B, T, 2 P · lags)."""
        reach, steps = self.reach, x.shape[1]
        if isinstance(state, Tensor):
            before = state
        else:
            before = x.new_zeros(x.shape[0], reach, x.shape[2])
            before[..., self.parts :] = 1.0
        seen = torch.cat([before, x], 1)
        y = torch.cat([seen[:, reach - lag : reach - lag + steps] for lag in self.lags], -1)
        return y, None if state is None else seen[:, steps:]
