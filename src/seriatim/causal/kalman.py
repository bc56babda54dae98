"""The Kalman filter of an ARMA process: the exact distribution of the next value given those seen, some missing."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.causal.scan import linear_scan
from seriatim.context import EMPTY, Context
from seriatim.tree import State

_DOUBLINGS = 60
_STILL = 8.0  # changes of this many units of rounding are none


class Filtered(NamedTuple):
    """What is known of the process's state: mean (B, r) and covariance (B, r, r), before the next value is read."""

    mean: Tensor
    covariance: Tensor


@final
class Arma(Causal):
    """Frames of `Reals` -> mean and log deviation of the next value of a stationary ARMA process with seasonal lags.

    φ(L) Φ(L^s) (x_t − μ) = θ(L) Θ(L^s) ε_t, ε_t normal with deviation σ. The state is Harvey's (1989), with
    r = max(p + sP, q + sQ + 1) numbers; it begins with the process's own distribution. A missing value is not read,
    and so integrated out. Autoregressive coefficients come from partial autocorrelations tanh(raw), so that the process
    is stationary whatever the parameters (Monahan, 1984); moving averages likewise, so that it is invertible.

    Args:
        ar: p.
        ma: q.
        season: s; 0 for none.
        seasonal_ar: P.
        seasonal_ma: Q.
        constant: whether there is a mean μ; else it is 0.

    Example:
        >>> layer = Arma(ar=1)
        >>> frames = torch.tensor([[[0.0, 1.0], [2.0, 0.0]]])  # nothing yet, then 2
        >>> with torch.no_grad():
        ...     _ = layer.raw_ar.fill_(0.5).atanh_()
        ...     layer(frames)[0][0, 1]  # 0.5 · 2, and log 1
        tensor([1., 0.])
    """

    def __init__(
        self,
        ar: int = 1,
        ma: int = 0,
        season: int = 0,
        seasonal_ar: int = 0,
        seasonal_ma: int = 0,
        constant: bool = True,
    ) -> None:
        super().__init__()
        self.season = season
        self.raw_ar, self.raw_ma = _zeros(ar), _zeros(ma)
        self.raw_seasonal_ar, self.raw_seasonal_ma = _zeros(seasonal_ar), _zeros(seasonal_ma)
        self.mean = nn.Parameter(torch.zeros(())) if constant else None
        self.log_deviation = nn.Parameter(torch.zeros(()))
        self.size = max(ar + season * seasonal_ar, ma + season * seasonal_ma + 1)

    @property
    def reach(self) -> None:
        """All of the past: what is missing makes earlier values matter."""
        return

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """Of values that are there: the lags alone, if there are none of shocks."""
        ones = torch.ones(steps, steps, dtype=torch.bool).tril()
        moving = self.raw_ma is not None or self.raw_seasonal_ma is not None
        return ones if moving else ones.triu(1 - self.size)

    def lags(self) -> tuple[Tensor, Tensor]:
        """φ_1 … φ_(p + sP) and θ_1 … θ_(q + sQ) of the products of both polynomials."""
        none = self.log_deviation.new_zeros(0)
        raw = (self.raw_ar, self.raw_seasonal_ar, self.raw_ma, self.raw_seasonal_ma)
        ar, seasonal_ar, ma, seasonal_ma = (none if each is None else -from_partial(each.tanh()) for each in raw)
        return -_product(ar, seasonal_ar, self.season), _product(ma, seasonal_ma, self.season)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """The process's own distribution: mean 0, and the covariance that a step leaves as it is."""
        move, shock = self._system()
        return self._begin(batch, move, shock)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T, 2) values and whether they are missing -> (B, T, 2) mean and log deviation of the next."""
        move, shock = self._system()
        held: Filtered = self._begin(x.shape[0], move, shock) if state is None else state
        centre = 0.0 if self.mean is None else self.mean
        noise = shock[:, None] * shock
        missing = x[..., 1] > 0
        value = torch.where(missing, 0.0, x[..., 0] - centre)
        gaps, length, at, found = missing.any(0), x.shape[1], 0, list[Tensor]()
        while at < length:
            before, read = held.covariance, not gaps[at]
            held = _step(held, value[:, at], missing[:, at], move, noise)
            found.append(torch.stack([held.mean[:, 0], held.covariance[:, 0, 0]], -1)[:, None])
            at += 1
            if at < length and read and _settled(before, held.covariance):  # until the next gap the gain is constant
                ahead = gaps[at:].nonzero()
                stop = at + int(ahead[0]) if len(ahead) else length
                means = _steady(held, value[:, at:stop], move)
                variance = held.covariance[:, None, 0, 0].expand(-1, stop - at)
                found.append(torch.stack([means[..., 0], variance], -1))
                held, at = Filtered(means[:, -1] if stop > at else held.mean, held.covariance), stop
        y = torch.cat(found, 1) if found else x
        y = torch.stack([y[..., 0] + centre, 0.5 * y[..., 1].log()], -1)
        return y, None if state is None else held

    def _system(self) -> tuple[Tensor, Tensor]:
        """The transition (r, r), and what a shock adds to each of the r numbers."""
        ar, ma = self.lags()
        first = F.pad(ar, (0, self.size - len(ar)))[:, None]
        ahead = torch.eye(self.size, dtype=ar.dtype, device=ar.device)[:, :-1]
        shock = F.pad(torch.cat([ma.new_ones(1), ma]), (0, self.size - 1 - len(ma)))
        return torch.cat([first, ahead], 1), shock * self.log_deviation.exp()

    def _begin(self, batch: int, move: Tensor, shock: Tensor) -> Filtered:
        total, power = shock[:, None] * shock, move
        for _ in range(_DOUBLINGS):  # Σ_k M^k S M^k', twice as many terms each time
            more = power @ total @ power.T
            total, power = total + more, power @ power
            if bool(more.abs().max() <= torch.finfo(total.dtype).eps * total.abs().max() * 1e-3):
                break
        return Filtered(move.new_zeros(batch, self.size), total.expand(batch, -1, -1).clone())


def _zeros(count: int) -> nn.Parameter | None:
    return nn.Parameter(torch.zeros(count)) if count else None


def _step(held: Filtered, value: Tensor, missing: Tensor, move: Tensor, noise: Tensor) -> Filtered:
    """Read one value of each row (0 where it is missing), and go on to the next."""
    mean, covariance = held
    gain = torch.where(missing[:, None], 0.0, covariance[:, :, 0] / covariance[:, :1, 0])
    mean = mean + gain * (value - mean[:, 0])[:, None]
    covariance = covariance - gain[:, :, None] * covariance[:, :1]
    return Filtered(mean @ move.T, move @ covariance @ move.T + noise)


def _settled(before: Tensor, after: Tensor) -> bool:
    """Whether the covariance has stopped changing, and is the same for all rows."""
    with torch.no_grad():
        limit = _STILL * torch.finfo(after.dtype).eps * after.abs().max()
        return bool((after - before).abs().max() <= limit) and bool((after - after[:1]).abs().max() <= limit)


def _steady(held: Filtered, values: Tensor, move: Tensor) -> Tensor:
    """(B, T, r): the means after each of several values (B, T) that are all there, with the gain as it is."""
    covariance = held.covariance[0]
    push = move @ (covariance[:, 0] / covariance[0, 0])
    forget = move - push[:, None] * torch.eye(len(push), dtype=move.dtype, device=move.device)[:1]
    return linear_scan(forget, values[..., None] * push, held.mean)


def from_partial(partial: Tensor) -> Tensor:
    """Partial autocorrelations (p,) in (−1, 1) -> coefficients φ of a stationary process (Durbin and Levinson).

    Example:
        >>> from_partial(torch.tensor([0.5, 0.2])).tolist()  # φ_1 = 0.5 (1 − 0.2)
        [0.4000000059604645, 0.20000000298023224]
    """
    found = partial[:0]
    for each in partial:
        found = torch.cat([found - each * found.flip(0), each[None]])
    return found


def to_partial(coefficients: Tensor) -> Tensor:
    """The reverse of `from_partial`.

    Raises:
        ValueError: if the process is not stationary.
    """
    found, rest = list[Tensor](), coefficients
    while len(rest):
        last = rest[-1]
        if not abs(float(last)) < 1:
            raise ValueError(f"coefficients {coefficients.tolist()} are not those of a stationary process")
        found.insert(0, last)
        rest = (rest[:-1] + last * rest[:-1].flip(0)) / (1 - last.square())
    return torch.stack(found) if found else coefficients


def _product(one: Tensor, seasonal: Tensor, season: int) -> Tensor:
    """Coefficients 1 … of (1 + Σ a_i L^i)(1 + Σ b_j L^(sj))."""
    if not len(seasonal):
        return one
    whole = torch.cat([one.new_ones(1), one])
    spaced = torch.cat([one.new_ones(1), *[F.pad(each[None], (season - 1, 0)) for each in seasonal]])
    return F.conv1d(F.pad(whole, (len(spaced) - 1,) * 2)[None, None], spaced.flip(0)[None, None])[0, 0, 1:]
