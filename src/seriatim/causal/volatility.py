"""Conditional variance: large values are followed by large ones (Engle, 1982; Bollerslev, 1986)."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.causal.scan import linear_scan
from seriatim.context import EMPTY, Context
from seriatim.tree import State


class Recent(NamedTuple):
    """The last squared deviations (B, p) and variances (B, q), the latest first, and the variance of the last value."""

    squares: Tensor
    variances: Tensor


@final
class Volatility(Causal):
    """Frames of `Reals` -> mean and log deviation of the next value: σ²_t = ω + Σ α_i ε²_(t−i) + Σ β_j σ²_(t−j).

    All coefficients are positive, and Σ α + Σ β is below 1: the variance does not run away. A missing value's ε² is
    taken as expected, σ². What came before the first value has the variance of the process, or one of its own.

    Args:
        arch: p, squared deviations.
        garch: q, variances.
        fitted: whether the variance before the first value is a parameter; else it is the process's own.

    Example:
        >>> layer = Volatility(arch=1, garch=0)
        >>> with torch.no_grad():
        ...     layer.set(omega=0.5, alpha=[0.5], beta=[])
        ...     layer(torch.tensor([[[0.0, 1.0], [3.0, 0.0]]]))[0][0, :, 1].mul(2).exp()  # 1, then 0.5 + 0.5 · 9
        tensor([1., 5.])
    """

    def __init__(self, arch: int = 1, garch: int = 1, fitted: bool = False) -> None:
        super().__init__()
        self.arch, self.garch = arch, garch
        self.mean, self.log_omega = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        self.shares = nn.Parameter(torch.zeros(arch + garch))
        self.log_first = nn.Parameter(torch.zeros(())) if fitted else None

    @property
    def reach(self) -> None:
        """All of the past: what is missing makes earlier values matter."""
        return

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """Of values that are there: the lags alone, if there are none of variances."""
        ones = torch.ones(steps, steps, dtype=torch.bool).tril()
        return ones if self.garch else ones.triu(1 - self.arch)

    def coefficients(self) -> tuple[Tensor, Tensor, Tensor]:
        """ω, α (p,) and β (q,)."""
        shares = torch.cat([self.shares, self.shares.new_zeros(1)]).softmax(0)[:-1]
        return self.log_omega.exp(), shares[: self.arch], shares[self.arch :]

    @torch.no_grad()
    def set(self, omega: float, alpha: list[float], beta: list[float]) -> None:
        """Parameters of given coefficients.

        Raises:
            ValueError: if they are not positive, or α and β sum to 1 or more.
        """
        shares = torch.tensor([*alpha, *beta], dtype=self.shares.dtype)
        rest = 1 - shares.sum()
        if not (omega > 0 and bool((shares > 0).all()) and float(rest) > 0):
            raise ValueError(f"ω {omega}, α {alpha}, β {beta}; expected positive ones, α and β with a sum below 1")
        self.log_omega.fill_(omega).log_()
        self.shares.copy_((shares / rest).log())

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """The variance before the first value, as often as it is looked at."""
        return self._begin(batch)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T, 2) values and whether they are missing -> (B, T, 2) mean and log deviation of the next."""
        held: Recent = self._begin(x.shape[0]) if state is None else state
        missing = x[..., 1] > 0
        square = (x[..., 0] - self.mean).square()
        found, at, length, gaps = list[Tensor](), 0, x.shape[1], missing.any(0)
        while at < length:
            ahead = gaps[at:].nonzero()
            stop = at + int(ahead[0]) if len(ahead) else length
            if stop > at:
                variance, held = self._several(square[:, at:stop], held)
            else:  # what is missing counts as what was expected of it
                value = torch.where(missing[:, at], held.variances[:, 0], square[:, at])
                variance, held = self._several(value[:, None], held)
            found.append(variance)
            at += variance.shape[1]
        y = 0.5 * torch.cat(found, 1).log() if found else x[..., 0]
        y = torch.stack([self.mean.expand_as(y), y], -1)
        return y, None if state is None else held

    def _several(self, squares: Tensor, held: Recent) -> tuple[Tensor, Recent]:
        """The variances (B, T) after squares (B, T), none of which is missing."""
        omega, alpha, beta = self.coefficients()
        every = torch.cat([held.squares.flip(1), squares], 1)  # in order of time
        drive = omega + every.unfold(1, self.arch, 1)[:, 1:] @ alpha.flip(0)
        if self.garch == 0:
            variances = drive[..., None]
        else:
            ahead = torch.eye(self.garch, dtype=beta.dtype, device=beta.device)
            move = torch.cat([beta[None], ahead[:-1]])
            variances = linear_scan(move, drive[..., None] * ahead[0], held.variances)
        return variances[..., 0], Recent(every[:, -self.arch :].flip(1), variances[:, -1])

    def _begin(self, batch: int) -> Recent:
        omega, alpha, beta = self.coefficients()
        first = omega / (1 - alpha.sum() - beta.sum()) if self.log_first is None else self.log_first.exp()
        return Recent(first.expand(batch, self.arch), first.expand(batch, max(1, self.garch)))
