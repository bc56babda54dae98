"""A linear regression on chosen lags, and a density that is the same at every position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context, spread
from seriatim.tree import Fixed, State


class Regressed(NamedTuple):
    """The coefficients of each row, and the values that are still to be read."""

    fixed: Fixed  # the vector (B, N), or None
    seen: State  # (B, reach), or () before the first


@final
class Regression(Causal):
    """Frames of `Reals` -> parameters of a density that are the same everywhere, and Σ w_l x_(t−l), which moves it.

    A value that is missing, or before the first, counts as 0, the location of the unit that frames are in.

    Args:
        lags: how many positions before the predicted one each is; 1 is the last.
        width: parameters that are the same everywhere.
        rows: N, of which each has coefficients of its own; those of `context.vector` (B, N) are mixed. 0: one for all.

    Example:
        >>> layer = Regression((1, 3), width=1)
        >>> with torch.no_grad():
        ...     _ = layer.weight.copy_(torch.tensor([[0.5, 2.0]]))
        >>> frames = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [4.0, 0.0]]])  # 1, missing, 4
        >>> layer(frames)[0][0, :, 1].tolist()  # 0.5 · 1; nothing; 0.5 · 4 + 2 · 1
        [0.5, 0.0, 4.0]
    """

    def __init__(self, lags: Sequence[int], width: int, rows: int = 0) -> None:
        super().__init__()
        if not lags or min(lags) < 1:
            raise ValueError(f"lags are {tuple(lags)}; expected one or more numbers from 1")
        self.lags, self.rows = tuple(lags), rows
        self.weight = nn.Parameter(torch.zeros(max(1, rows), len(self.lags)))
        self.density = nn.Parameter(torch.zeros(max(1, rows), width))

    @property
    def reach(self) -> int:
        """The largest lag, less the shift of the model's input by one."""
        return max(self.lags) - 1

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """The lags, and no frame between them."""
        apart = torch.arange(steps)[:, None] - torch.arange(steps) + 1
        return torch.isin(apart, torch.tensor(self.lags))

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """Nothing is read yet: what is before the first position counts as 0."""
        return Regressed(Fixed(context.vector if self.rows else None), ())

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, 2) values and whether they are missing -> (B, T, width + 1)."""
        value, reach, steps = x[..., 0], self.reach, x.shape[1]
        seen = F.pad(value, (reach, 0))
        if state is not None and isinstance(state.seen, Tensor):
            seen = torch.cat([state.seen, value], 1)
        vector = context.vector if state is None or torch.is_grad_enabled() else state.fixed.nest
        weights, density = self.coefficients(None if vector is None else spread(vector, x.shape[0]))
        # one lag after another: all side by side would take as many times the memory
        location = torch.zeros_like(value)
        for i, lag in enumerate(self.lags):
            location = location + weights[:, i, None] * seen[:, reach + 1 - lag : reach + 1 - lag + steps]
        y = torch.cat([density[:, None].expand(len(x), steps, -1), location[..., None]], -1)
        return y, None if state is None else Regressed(state.fixed, seen[:, steps:])

    def coefficients(self, vector: Tensor | None) -> tuple[Tensor, Tensor]:
        """Weights (B, L) and parameters of the density (B, width) of each row; (1, …) for all."""
        if not self.rows:
            return self.weight, self.density
        if vector is None:
            raise ValueError("this model reads context.vector, but there is none")
        return vector @ self.weight, vector @ self.density


@torch.no_grad()
def least_squares(layer: Regression, x: Tensor, vector: Tensor | None, ridge: float) -> Tensor:
    """Set the weights to those of a ridge regression, for each of the layer's rows.

    Args:
        layer: whose weights are set.
        x: (B, T) values in the frames' unit, NaN where missing; the first steps are given.
        vector: (B, N) which row each series is of; None for one row.
        ridge: λ; least squares of the shocks, plus λ Σ w².

    Returns:
        (rows, 2): mean and deviation of what is left.
    """
    there, values = ~x.isnan(), x.nan_to_num(0.0)
    reach, found = max(layer.lags), list[Tensor]()
    owner = values.new_zeros(len(x), dtype=torch.long) if vector is None else vector.argmax(1)
    for row in range(len(layer.weight)):
        square, cross, seen = values.new_zeros(len(layer.lags) + 1, len(layer.lags) + 1), 0.0, list[Tensor]()
        for own, there_own in zip(values[owner == row], there[owner == row], strict=True):
            kept = there_own.clone()
            kept[: int(kept.int().argmax()) + reach] = False  # what the first lags reach back to is given
            at = kept.nonzero()[:, 0]
            columns = torch.stack([own[at - lag] for lag in layer.lags] + [torch.ones_like(own[at])], 1)
            square, cross = square + columns.T @ columns, cross + columns.T @ own[at]
            seen.append(torch.cat([columns, own[at, None]], 1))
        penalty = ridge * torch.eye(len(square), dtype=square.dtype, device=square.device)
        penalty[-1, -1] = 1e-9
        weights = torch.linalg.lstsq(square + penalty, torch.as_tensor(cross).to(square)[:, None]).solution[:, 0]
        layer.weight[row] = weights[:-1]
        table = torch.cat(seen)
        rest = table[:, -1] - table[:, :-2] @ weights[:-1]
        found.append(torch.stack([rest.mean(), rest.std()]))
    return torch.stack(found)
