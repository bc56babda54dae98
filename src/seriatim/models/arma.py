"""AR and ARMA: a value is a linear map of the values and shocks before it, plus a normal shock.

The idea: the oldest autoregressive models, with the likelihood worked out exactly: the first values have the process's
own distribution, and what is missing is integrated out. Everything a deep model does (score, sample, complete, compare)
they do too, in the same units, so that a deep model's gain over them is known.

Seasonal lags multiply: φ(L) Φ(L^s) (x_t − μ) = θ(L) Θ(L^s) ε_t.

Differenced d and D times, the process is one of y = (1 − L)^d (1 − L^s)^D x, an ARIMA: the first d + sD values are
conditioned on, and so is which values are missing, as each counts as the last one before it.

With chosen lags, an autoregression is a linear regression on them, with normal or Student's t shocks: many lags of a
long season cost little. Then it is fitted given the values that the lags reach back to, coefficients are free, and a
missing value counts as the mean of its series: the pattern of what is missing is conditioned on, not integrated out.

Deviations: parameters are partial autocorrelations, so that every process is stationary and invertible (Monahan, 1984);
statsmodels does the same by default. σ is a parameter and is not concentrated out.

Reference: Box and Jenkins (1970), Time series analysis; Harvey (1989), Forecasting, structural time series models and
the Kalman filter, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.causal import Differenced, Reals, Regression, Rescale, Serial, Standardise
from seriatim.causal.kalman import Arma, to_partial
from seriatim.causal.regression import least_squares
from seriatim.config import bounded
from seriatim.context import EMPTY
from seriatim.errors import UserError
from seriatim.heads import GaussianHead, MomentsHead, ScaledHead, StudentHead
from seriatim.heads.density import FLOOR, spread
from seriatim.models.base import ContextLike
from seriatim.models.sequence import SequenceModel


@final
@dataclass(frozen=True)
class ARMAConfig:
    """Orders of an ARMA process.

    Attributes:
        ar: p, autoregressive lags.
        ma: q, lags of shocks.
        season: s, values per season; 0 for none.
        seasonal_ar: P, autoregressive lags of whole seasons.
        seasonal_ma: Q, lags of shocks of whole seasons.
        difference: d, how often values are differenced.
        seasonal_difference: D, likewise by a season.
        constant: whether the mean, of what is differenced, is a parameter; else it is 0.
        lags: in place of all of the above, the lags of a regression; 1 is the value before.
        tails: of the shocks, normal, or with such lags Student's t.
        ridge: λ, with such lags: the fit maximises log p − λ Σ w² / 2σ².
        vector: series, each of which has coefficients of its own, with such lags; 0: one for all.
        parts: 1: a process has one value at a position.

    Example:
        >>> ARMAConfig(ar=2, ma=1, season=12, seasonal_ar=1).state  # 2 + 12 values
        14
    """

    ar: int = 1
    ma: int = 0
    season: int = 0
    seasonal_ar: int = 0
    seasonal_ma: int = 0
    difference: int = 0
    seasonal_difference: int = 0
    constant: bool = True
    lags: tuple[int, ...] = ()
    tails: Literal["normal", "student"] = "normal"
    ridge: float = 0.0
    vector: int = 0
    parts: int = 1

    def __post_init__(self) -> None:
        if self.parts != 1:
            raise UserError(f"ar and arma model one value at a time, and there are {self.parts}; choose another family")
        for name in ("ar", "ma", "seasonal_ar", "seasonal_ma"):
            bounded(name, getattr(self, name), 0, 512)
        bounded("season", self.season, 0, 2**12)
        for name in ("difference", "seasonal_difference"):
            bounded(name, getattr(self, name), 0, 4)
        if (self.seasonal_ar or self.seasonal_ma or self.seasonal_difference) and self.season < 2:
            raise UserError(f"season is {self.season}; seasonal lags and differences need one of at least 2")
        if not self.lags:
            bounded("the number of values that the process remembers", self.state, 1, 1024)
        if self.tails != "normal" and not self.lags:
            raise UserError("tails are student, which needs chosen lags, e.g. 1,2,24; a process of orders is normal")
        bounded("ridge", self.ridge, 0, 1e12)
        bounded("vector", self.vector, 0, 2**12)
        if self.lags:
            self._check_lags()
        elif self.ridge:
            raise UserError("ridge is for chosen lags; give lags, e.g. 1,2,24")

    def _check_lags(self) -> None:
        """Refuse lags that cannot be, and orders beside them."""
        bounded("the number of lags", len(self.lags), 1, 2**10)
        for lag in self.lags:
            bounded("a lag", lag, 1, 2**14)
        if len(set(self.lags)) < len(self.lags):
            raise UserError(f"lags are {','.join(map(str, self.lags))}; give each lag once")
        for name in ("ma", "seasonal_ar", "seasonal_ma", "difference", "seasonal_difference"):
            if getattr(self, name):
                raise UserError(f"{name} is {getattr(self, name)}, which does not go with chosen lags; leave out one")

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return

    @property
    def past(self) -> int | None:
        """The largest of chosen lags; None: all of the past, as what is missing makes earlier values matter."""
        return max(self.lags) if self.lags else None

    @property
    def conditioned(self) -> int:
        """Values at the beginning that are conditioned on: d + sD, or the largest of chosen lags."""
        return self.past or self.difference + self.season * self.seasonal_difference

    @property
    def state(self) -> int:
        """r: numbers that the process remembers."""
        if self.lags:
            return max(self.lags)
        return max(self.ar + self.season * self.seasonal_ar, self.ma + self.season * self.seasonal_ma + 1)


@final
class ARMA(SequenceModel):
    """An ARMA process as a model of real numbers; in units of `context.scale`, if there is one.

    Example:
        >>> model = ARMA(ARMAConfig(ar=1)).double()
        >>> model.set(ar=[0.5], deviation=2.0, mean=10.0)
        >>> x = model.sample(n=2, length=5, seed=1)
        >>> model.log_prob(x).shape, model.log_prob(torch.tensor([[10.0]])).item()  # deviation 2 / √(1 − 0.25)
        (torch.Size([2]), -1.7559267...)
    """

    def __init__(self, config: ARMAConfig) -> None:
        c = config
        if c.vector and not c.lags:
            raise UserError("several series with coefficients of their own need chosen lags, e.g. 1,2,24")
        head = MomentsHead() if not c.lags else GaussianHead() if c.tails == "normal" else StudentHead()
        if c.lags:
            process = whole = Regression(c.lags, head.width, c.vector)
        else:
            process = whole = Arma(c.ar, c.ma, c.season, c.seasonal_ar, c.seasonal_ma, c.constant)
        differenced = bool(c.difference or c.seasonal_difference)
        if differenced:
            whole = Differenced(process, c.difference, c.season, c.seasonal_difference)
        scale = Rescale(shifted=differenced or bool(c.lags))
        net = Serial(standardise=Standardise(), process=whole, scale=scale)
        super().__init__(Reals(), net, ScaledHead(head), start=math.nan)
        self.config, self.process = config, process

    def calibrate(self, x: Tensor, context: ContextLike = EMPTY) -> None:
        """Of chosen lags, begin with the weights of a ridge regression, and the mean and deviation of what is left."""
        process, head = self.process, self.head
        if not isinstance(process, Regression):
            return
        given = self.condition(context, len(x))
        scale = x.new_zeros(len(x), 1, 2) if given.scale is None else given.scale
        unit = (x - scale[:, :, 0]) * (-scale[:, :, 1]).exp()
        rest = least_squares(process, unit, given.vector if process.rows else None, self.config.ridge)
        assert isinstance(head, ScaledHead)
        with torch.no_grad():
            raw = (rest[:, 1] - FLOOR).clamp_min(FLOOR).expm1().log()  # the reverse of softplus
            start = torch.stack([rest[:, 0], raw], 1)
            # of Student's t, six degrees of freedom
            process.density.copy_(start if self.config.tails == "normal" else F.pad(start, (1, 0), value=4.0))

    def penalty(self) -> Tensor | float:
        """λ Σ w² / 2σ² of chosen lags, in nats."""
        process = self.process
        if not isinstance(process, Regression) or not self.config.ridge:
            return 0.0
        deviation = spread(process.density[:, -1])
        return 0.5 * self.config.ridge * (process.weight.square().sum(1) / deviation.square()).sum()

    @torch.no_grad()
    def set(
        self,
        ar: Sequence[float] = (),
        ma: Sequence[float] = (),
        seasonal_ar: Sequence[float] = (),
        seasonal_ma: Sequence[float] = (),
        *,
        deviation: float,
        mean: float = 0.0,
    ) -> None:
        """Take over coefficients, in the signs of x_t = φ_1 x_(t−1) + … + ε_t + θ_1 ε_(t−1) + …

        Args:
            ar: φ_1 … φ_p.
            ma: θ_1 … θ_q.
            seasonal_ar: Φ_1 … Φ_P.
            seasonal_ma: Θ_1 … Θ_Q.
            deviation: σ, of a shock.
            mean: μ, of the process.

        Raises:
            ValueError: if they are not as many as the config says, or not those of a stationary, invertible process;
                and of chosen lags, whose weights are in `process.weight`.
        """
        p = self.process
        if not isinstance(p, Arma):
            raise ValueError("orders and their coefficients; this model has chosen lags: set process.weight")
        given = {"raw_ar": ar, "raw_ma": ma, "raw_seasonal_ar": seasonal_ar, "raw_seasonal_ma": seasonal_ma}
        for name, values in given.items():
            raw: Tensor | None = getattr(p, name)
            count = 0 if raw is None else len(raw)
            if len(values) != count:
                raise ValueError(f"{len(values)} coefficients for {name.removeprefix('raw_')}; expected {count}")
            if raw is None:
                continue
            sign = -1 if name.endswith("ma") else 1
            wide = torch.tensor([sign * value for value in values], dtype=torch.float64)
            raw.copy_(to_partial(wide).clamp(-1 + 1e-15, 1 - 1e-15).atanh())
        p.log_deviation.fill_(deviation).log_()
        if p.mean is not None:
            p.mean.fill_(mean)
