"""ARCH and GARCH: a constant mean, and a variance that follows the squares and variances before it.

The idea: returns are hardly predictable, but how far they move is: calm follows calm. The distribution of a value is
normal, or Student's t with heavier tails, standardised as in the package arch.

Deviations: what came before the first value has the process's own variance (or a fitted one); arch takes a mean of the
first values' squares, which looks at later ones. Σ α + Σ β is below 1.

Reference: Engle (1982), Autoregressive conditional heteroscedasticity; Bollerslev (1986), Generalized autoregressive
conditional heteroskedasticity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor, nn

from seriatim.causal import Reals, Rescale, Serial, Standardise
from seriatim.causal.base import Pointwise
from seriatim.causal.volatility import Volatility
from seriatim.config import bounded
from seriatim.errors import UserError
from seriatim.heads import MomentsHead, ScaledHead
from seriatim.heads.moments import raw_freedom
from seriatim.models.sequence import SequenceModel


@final
@dataclass(frozen=True)
class GARCHConfig:
    """Orders of a GARCH process.

    Attributes:
        arch: p, lags of squared deviations.
        garch: q, lags of variances; 0 is ARCH.
        tails: "normal", or "student" with degrees of freedom as a parameter.
        first: the variance before the first value: the "stationary" one, or "fitted".
        parts: 1: a process has one value at a position.

    Example:
        >>> GARCHConfig(arch=1, garch=0)  # ARCH
        GARCHConfig(arch=1, garch=0, tails='normal', first='stationary', parts=1)
    """

    arch: int = 1
    garch: int = 1
    tails: Literal["normal", "student"] = "normal"
    first: Literal["stationary", "fitted"] = "stationary"
    parts: int = 1

    def __post_init__(self) -> None:
        if self.parts != 1:
            raise UserError(f"garch models one value at a time, and there are {self.parts}; choose another family")
        bounded("arch", self.arch, 1, 512)
        bounded("garch", self.garch, 0, 512)

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return


@final
class GARCH(SequenceModel):
    """A GARCH process as a model of real numbers; in units of `context.scale`, if there is one.

    Example:
        >>> model = GARCH(GARCHConfig(tails="student")).double()
        >>> model.set(omega=0.02, alpha=[0.1], beta=[0.88], freedom=6.0)
        >>> x = model.sample(n=2, length=5, seed=1)
        >>> model.log_prob(x).shape
        torch.Size([2])
    """

    def __init__(self, config: GARCHConfig) -> None:
        student = config.tails == "student"
        process = Volatility(config.arch, config.garch, config.first == "fitted")
        tails = _Append(4.0) if student else None  # about 6 degrees of freedom
        after = {} if tails is None else {"tails": Pointwise(tails)}
        net = Serial(standardise=Standardise(), process=process, **after, scale=Rescale())
        super().__init__(Reals(), net, ScaledHead(MomentsHead(student)), start=math.nan)
        self.config, self.process, self.tails = config, process, tails

    @torch.no_grad()
    def set(
        self,
        *,
        omega: float,
        alpha: Sequence[float],
        beta: Sequence[float],
        mean: float = 0.0,
        freedom: float | None = None,
        first: float | None = None,
    ) -> None:
        """Take over coefficients.

        Args:
            omega: ω.
            alpha: α_1 … α_p.
            beta: β_1 … β_q.
            mean: of the values.
            freedom: degrees of freedom, above 2.05.
            first: the variance before the first value.

        Raises:
            ValueError: if they are not those of such a process.
        """
        if len(alpha) != self.config.arch or len(beta) != self.config.garch:
            expected = f"{self.config.arch} α and {self.config.garch} β"
            raise ValueError(f"{len(alpha)} α and {len(beta)} β; expected {expected}")
        self.process.set(omega, [*alpha], [*beta])
        self.process.mean.fill_(mean)
        if (freedom is None) != (self.tails is None):
            raise ValueError(f"freedom is {freedom} and tails are {self.config.tails}; they belong together")
        if freedom is not None and self.tails is not None:
            self.tails.raw.copy_(raw_freedom(freedom))
        if first is not None:
            if self.process.log_first is None:
                raise ValueError("the variance before the first value is the process's own; expected first='fitted'")
            self.process.log_first.fill_(first).log_()


@final
class _Append(nn.Module):
    """A parameter that is the same at every position, after those that there are."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C + 1)."""
        return torch.cat([x, self.raw.expand_as(x[..., :1])], -1)
