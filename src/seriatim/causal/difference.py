"""Differences of values in front of a layer, and their sums behind it: for processes that wander off."""

from __future__ import annotations

from typing import Any, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context
from seriatim.tree import State


class Differences(NamedTuple):
    """The last frames that differences need, and the state of the layer that reads them."""

    seen: State  # (B, size + 1, 2), or () before the first
    inner: State


@final
class Differenced(Causal):
    """Frames of `Reals` -> what a layer makes of their differences (1 − L)^d (1 − L^s)^D x, and what undoes them.

    The last channel is what is to be added to a location of the next difference, to make it one of the next value: a
    combination of values that are known. A difference of which a value is missing, or before the first, is missing; in
    the sum, such a value counts as the last one that is there, or as 0 without any.

    Args:
        inner: from frames of the differences (B, T, 2) to (B, T, C).
        order: d.
        season: s.
        seasonal: D.

    Example:
        >>> from seriatim.causal.base import Pointwise
        >>> layer = Differenced(Pointwise(torch.nn.Identity()), order=1)
        >>> frames = torch.tensor([[[5.0, 0.0], [7.0, 0.0]]])
        >>> layer(frames)[0][0].tolist()  # the difference, whether it is missing, and the last value
        [[0.0, 1.0, 5.0], [2.0, 0.0, 7.0]]
    """

    def __init__(self, inner: Causal, order: int, season: int = 0, seasonal: int = 0) -> None:
        super().__init__()
        factors = [np.array([1.0, -1.0])] * order
        factors += [np.concatenate([[1.0], np.zeros(max(0, season - 1)), [-1.0]])] * seasonal
        found = np.ones(1)
        for factor in factors:
            found = np.convolve(found, factor)
        self.inner, self.size = inner, len(found) - 1
        self.terms = [(lag, float(value)) for lag, value in enumerate(found) if value]

    @property
    def reach(self) -> int | None:
        """The inner layer's, and the largest lag of a difference."""
        return None if self.inner.reach is None else self.inner.reach + self.size

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """What the inner layer sees of differences that are there, and the values of the sum."""
        apart = torch.arange(steps)[:, None] - torch.arange(steps)
        within = torch.isin(apart, torch.tensor([lag for lag, _ in self.terms]))
        whole = torch.arange(steps) >= self.size  # differences of which no value is before the first
        through = ((self.inner.sight(steps) & whole).float() @ within.float()) > 0
        return through | torch.isin(apart, torch.tensor([lag - 1 for lag, _ in self.terms[1:]]))

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """Nothing is there yet."""
        return Differences((), self.inner.start(batch, context, length))

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, 2) values and whether they are missing -> (B, T, C + 1)."""
        steps = x.shape[1]
        before = None if state is None else state.seen
        if not isinstance(before, Tensor):
            before = x.new_zeros(x.shape[0], self.size + 1, 2)
            before[..., 1] = 1.0
        seen = torch.cat([before, x], 1)
        value, missing = _filled(seen), seen[..., 1] > 0
        begin = self.size + 1  # where x is

        def at(lag: int, of: Tensor) -> Tensor:
            return of[:, begin - lag : begin - lag + steps]

        gone = torch.stack([at(lag, missing) for lag, _ in self.terms]).any(0)
        change = sum((each * at(lag, value) for lag, each in self.terms), torch.zeros_like(x[..., 0]))
        frames = torch.stack([torch.where(gone, 0.0, change), gone.to(x.dtype)], -1)
        y, inner = self.inner(frames, context, None if state is None else state.inner)
        total = sum((-each * at(lag - 1, value) for lag, each in self.terms[1:]), torch.zeros_like(x[..., 0]))
        # values are kept as they were filled, so that a chunk goes on as the whole would
        kept: Any = torch.stack([value, seen[..., 1]], -1)[:, steps:]
        return torch.cat([y, total[..., None]], -1), None if state is None else Differences(kept, inner)


def _filled(seen: Tensor) -> Tensor:
    """(B, T, 2) -> (B, T): a missing value as the last one before it that is there; before any, as the first frame."""
    value, there = seen[..., 0], seen[..., 1] <= 0
    places = torch.arange(value.shape[1], device=value.device).expand_as(value)
    last = torch.where(there, places, torch.zeros_like(places)).cummax(1).values
    return value.gather(1, last)
