"""Discretised mixtures of logistics or normals, coupled across channels: the head of PixelCNN++.

Salimans, Karpathy, Chen and Kingma, "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood
and Other Modifications" (2017). The mixture of normals is the same head with another cdf.

Level k of K has the value 2k/(K−1) − 1 in [−1, 1], and its bin extends 1/(K−1) to each side; the first and the last
bin include their whole tail. A component's mass at a level is the integral of its density over the bin.

We do not fall back on the density at the centre of a bin with little mass, nor find the edge levels by a threshold on
the value: the first breaks Σ p = 1, the second swallows 33 levels at each end at 16 bits. Samples have exactly the
distribution that is scored: given red, green's components have their posterior weights, and draws are rounded to bins.

Internally, locations and scales are in levels, not values: the edges k ± ½ are exact in float32 even at 16 bits.

Shapes: M mixture components, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal, final

import torch
from torch import Tensor

from seriatim.config import bounded
from seriatim.errors import UserError
from seriatim.heads.base import Discrete, Event, Head, frequencies, widest
from seriatim.heads.component import Component
from seriatim.heads.fitting import fitted, side_by_side, thinned
from seriatim.heads.logistic import LOGISTIC
from seriatim.heads.normal import NORMAL

Kind = Literal["logistic", "normal"]

_WIDEST = 60.0  # log-scale; e^−60 and its reciprocal are well inside the range of float32
_AT_ONCE = 2**22  # elements of a table computed at a time
_FITTED = 2048  # levels, or positions of several channels, that a mixture is fitted to at first


_COMPONENTS: Mapping[str, Component] = {"logistic": LOGISTIC, "normal": NORMAL}


def _log_bins(kind: Kind, x: Tensor, centre: Tensor, inverse: Tensor, levels: int) -> Tensor:
    """Log mass (nats) of each component at level x (..., 1); centre and inverse (..., M)."""
    return _COMPONENTS[kind].log_bin((x - centre) * inverse, inverse, x == 0, x == levels - 1)


@final
class Mixture(Discrete):
    """p(x) = Σ_m π_m · (mass of component m in the bin of level x), on 0 … levels − 1.

    Args:
        logits: (*batch_shape, M), π = softmax(logits).
        centre: (*batch_shape, M) locations of the components in levels: 0 is the first level, levels − 1 the last.
        inverse: (*batch_shape, M) reciprocal scales, per level, > 0.
        levels: K.
        kind: "logistic" or "normal" components.

    Example:
        >>> one = torch.ones(1, 1)
        >>> dist = Mixture(logits=one, centre=3 * one, inverse=2 * one, levels=8, kind="logistic")
        >>> dist.log_table().exp().sum(-1)
        tensor([1.])
        >>> dist.draw(torch.tensor([[0.5]], dtype=torch.float64))
        tensor([3])
    """

    def __init__(self, logits: Tensor, centre: Tensor, inverse: Tensor, levels: int, kind: Kind) -> None:
        self.logits, self.centre, self.inverse = logits, centre, inverse
        self.levels = levels
        self.kind: Kind = kind

    @property
    def batch_shape(self) -> torch.Size:
        """The logits' shape without its last axis."""
        return self.logits.shape[:-1]

    @property
    def device(self) -> torch.device:
        """Device of the logits."""
        return self.logits.device

    def log_bins(self, x: Tensor) -> Tensor:
        """(*batch_shape, M): log mass (nats) of each component at its level x (*batch_shape)."""
        return _log_bins(self.kind, x[..., None], self.centre, self.inverse, self.levels)

    def log_mass(self, x: Tensor) -> Tensor:
        """log p(x) in nats."""
        return (self.logits + self.log_bins(x)).logsumexp(-1) - self.logits.logsumexp(-1)

    def log_table(self) -> Tensor:
        """As the default, many levels at a time."""
        log_weights = self.logits.log_softmax(-1)[..., None, :]
        centre, inverse = self.centre[..., None, :], self.inverse[..., None, :]
        pieces = torch.arange(self.levels, device=self.device).split(max(1, _AT_ONCE // max(1, self.logits.numel())))
        each = [_log_bins(self.kind, x[:, None], centre, inverse, self.levels) for x in pieces]
        return torch.cat([(log_weights + piece).logsumexp(-1) for piece in each], -1)

    @cached_property
    def _wide(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights, centres and reciprocal scales, converted once: a coder asks log2 K times."""
        wide = widest(self.device)
        return self.logits.softmax(-1, dtype=wide), self.centre.to(wide), self.inverse.to(wide)

    def cdf(self, x: Tensor) -> Tensor:
        """In closed form, at the upper edge of the bin."""
        weights, centre, inverse = self._wide
        z = (x[..., None] + 0.5 - centre) * inverse
        inside = (weights * _COMPONENTS[self.kind].cdf(z)).sum(-1).clamp(0, 1)
        inside = torch.where(x >= self.levels - 1, torch.ones_like(inside), inside)
        return torch.where(x < 0, torch.zeros_like(inside), inside)

    def draw(self, u: Tensor) -> Tensor:
        """Inverse cdf within one component: u selects the component, and its place in that share the quantile."""
        weights, centre, inverse = self._wide
        sums = weights.cumsum(-1)
        at, from_top = _component(weights, sums, u.to(sums.dtype).contiguous())  # searchsorted warns otherwise
        reach = _COMPONENTS[self.kind].quantile(_inside(from_top)) / inverse.gather(-1, at)
        return (centre.gather(-1, at) - reach).round_().clamp_(0, self.levels - 1).squeeze(-1).long()


@final
class MixtureEvent(Event):
    """The channels of one pixel, with one mixture indicator shared by all of them.

    p(x) = Σ_m π_m ∏_i p_m(x_i | x_<i), where the mean of channel i of component m is its own mean plus
    Σ_j<i coefficient_ijm · value of x_j.

    Args:
        logits: (*batch_shape, M), π = softmax(logits).
        centres: (*batch_shape, C, M) locations before coupling, in levels.
        inverse: (*batch_shape, C, M) reciprocal scales, per level, > 0.
        coefficients: (*batch_shape, C(C−1)/2, M) for the pairs (i, j) = (1, 0), (2, 0), (2, 1), (3, 0), …
        levels: K.
        kind: "logistic" or "normal" components.

    Example:
        >>> dist = MixtureHead(256, channels=3, mixtures=5)(torch.zeros(2, 50))
        >>> x = dist.draw(torch.full((2, 3), 0.5, dtype=torch.float64))
        >>> x.shape, dist.log_prob(x).shape
        (torch.Size([2, 3]), torch.Size([2]))
        >>> dist.given(1, x[:, :1]).levels  # green, given red
        256
    """

    noise = 1

    def __init__(
        self, logits: Tensor, centres: Tensor, inverse: Tensor, coefficients: Tensor, levels: int, kind: Kind
    ) -> None:
        self.logits, self.centres, self.inverse, self.coefficients = logits, centres, inverse, coefficients
        self.levels = levels
        self.kind: Kind = kind
        self.parts = centres.shape[-2]

    @cached_property
    def _rows(self) -> tuple[Tensor, ...]:
        """All parameters separate, in float64, for the channel-by-channel path; small operations are no slower."""
        each = torch.cat([self.logits[..., None, :], self.centres, self.inverse, self.coefficients], -2)
        return each.to(widest(each.device)).unbind(-2)

    def _part(self, i: int, logits: Tensor, before: Sequence[Tensor]) -> Mixture:
        """Channel i with these component logits, given the channels before it in the form of `_from_middle`."""
        c, rows, first = self.parts, self._rows, 1 + 2 * self.parts + i * (i - 1) // 2
        centre = _coupled(rows[1 + i], rows[first : first + i], before)
        return Mixture(logits, centre, rows[1 + c + i], self.levels, self.kind)

    def given(self, i: int, prefix: Tensor) -> Mixture:
        """Channel i given those before it (*batch_shape, i), which reweight the components by their posterior."""
        logits = self._rows[0]
        before = [_from_middle(x, self.levels, logits.dtype) for x in prefix[..., :i].unbind(-1)]
        for j in range(i):
            logits = logits + self._part(j, logits, before[:j]).log_bins(prefix[..., j])
        return self._part(i, logits, before)

    def log_prob(self, x: Tensor) -> Tensor:
        """The chain rule in half the time: posterior weights cancel from one channel to the next."""
        before = [_from_middle(part, self.levels, self.centres.dtype) for part in x.unbind(-1)]
        starts = [i * (i - 1) // 2 for i in range(self.parts)]
        centre = torch.stack(
            [
                _coupled(self.centres[..., i, :], self.coefficients[..., start : start + i, :].unbind(-2), before[:i])
                for i, start in enumerate(starts)
            ],
            -2,
        )
        each = _log_bins(self.kind, x[..., None], centre, self.inverse, self.levels).sum(-2)
        return (self.logits + each).logsumexp(-1) - self.logits.logsumexp(-1)

    def draw(self, u: Tensor) -> Tensor:
        """The first uniform picks the component, and every channel is drawn from that component.

        This needs no posterior. For the same uniforms the chain rule draws other symbols after the first channel, with
        the same probabilities.
        """
        weights = self.logits.softmax(-1, dtype=widest(self.logits.device))
        sums = weights.cumsum(-1)
        u = u.to(sums.dtype)
        at, from_top = _component(weights, sums, u[..., :1].contiguous())
        each = torch.cat([self.centres, self.inverse, self.coefficients], -2)
        each = each.gather(-1, at[..., None].expand(*each.shape[:-1], 1))[..., 0].to(sums.dtype)
        centres, inverse, coefficients = each.split([self.parts, self.parts, self.coefficients.shape[-2]], -1)
        from_top = _inside(torch.cat([from_top, 1 - u[..., 1:]], -1))
        places = (centres - _COMPONENTS[self.kind].quantile(from_top) / inverse).unbind(-1)
        pairs, before, drawn = iter(coefficients.unbind(-1)), list[Tensor](), list[Tensor]()
        for place in places:
            drawn.append(_coupled(place, [next(pairs) for _ in before], before).round_().clamp_(0, self.levels - 1))
            before.append(drawn[-1] - (self.levels - 1) / 2)
        return torch.stack(drawn, -1).long()


def _component(weights: Tensor, sums: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """(..., 1): the component whose share of (0, 1) contains u (..., 1), and the fraction of that share above u."""
    # the default side, left, takes the first of equal sums: no component of zero weight is chosen
    at = torch.searchsorted(sums, u).clamp_max_(sums.shape[-1] - 1)
    return at, (sums.gather(-1, at) - u) / weights.gather(-1, at)


def _inside(u: Tensor) -> Tensor:
    """Clamp away from 0 and 1, whose quantiles are infinite."""
    least = torch.finfo(u.dtype).eps / 2
    return u.clamp_(least, 1 - least)


def _from_middle(x: Tensor, levels: int, dtype: torch.dtype) -> Tensor:
    """(*batch_shape, 1): the value of a level, in units of levels."""
    return x[..., None].to(dtype) - (levels - 1) / 2


def _coupled(centre: Tensor, coefficients: Sequence[Tensor], before: Sequence[Tensor]) -> Tensor:
    """(*batch_shape, M): location of a channel given the channels before it."""
    for coefficient, value in zip(coefficients, before, strict=True):
        centre = torch.addcmul(centre, coefficient, value)
    return centre


@final
class MixtureHead(Head):
    """Maps M · (1 + 2C + C(C−1)/2) parameters to a `Mixture`, or to a `MixtureEvent` if C > 1.

    In this order: M mixture logits; C·M means in units of `spread`, on the scale where the levels span −1 to 1 (first
    channel first); C·M log-scales in the same units; and C(C−1)/2·M coefficients before their tanh, for the pairs
    (1, 0), (2, 0), (2, 1), …

    Log-scales are clamped from below at −7 for up to 256 levels, as in the paper: a scale of 0.12 levels at 256, below
    which a component lies within one bin anyway and its gradient is only noise. Above 256 levels the bound falls by
    ln((K−1)/255), so that it stays at 0.12 levels: at 16 bits −7 would be 30 levels, and no single level could be
    certain. (They are also clamped from above at 60, where all mass is in the tails.)

    Args:
        levels: K, from 2 to 65536.
        channels: C, the symbols at one position.
        mixtures: M.
        kind: "logistic" or "normal" components.
        spread: magnitude that most values stay within, where the levels span −1 to 1. An Adam step moves every mean
            equally far, whatever x is: for 16-bit speech, a few hundredths of full scale, by more than its whole
            amplitude.

    Raises:
        UserError: if a size is out of bounds or the kind is unknown.

    Example:
        >>> head = MixtureHead(65536, channels=2, mixtures=10)  # 16 bits, left and right
        >>> head.width
        60
        >>> head(torch.zeros(4, head.width)).log_prob(torch.zeros(4, 2, dtype=torch.long)).shape
        torch.Size([4])
    """

    def __init__(
        self, levels: int, channels: int = 1, mixtures: int = 10, kind: Kind = "logistic", spread: float = 1.0
    ) -> None:
        super().__init__()
        bounded("levels", levels, 2, 65536)
        bounded("channels", channels, 1, 256)
        bounded("mixtures", mixtures, 1, 1000)
        bounded("spread", spread, 1e-4, 1)
        if kind not in _COMPONENTS:
            raise UserError(f"kind is {kind!r}; expected {' or '.join(_COMPONENTS)}")
        self.levels, self.mixtures, self.spread = levels, mixtures, spread
        self.kind: Kind = kind
        self.parts = channels
        self.pairs = channels * (channels - 1) // 2
        self.width = mixtures * (1 + 2 * channels + self.pairs)
        self.floor, self.ceiling = -7.0 - math.log(max(levels - 1, 255) / 255), _WIDEST  # of a log-scale

    def forward(self, parameters: Tensor) -> Mixture | MixtureEvent:
        """The distribution with parameters (..., width); half precision is raised to float32.

        Raises:
            ValueError: if the last axis is not `width` long.
        """
        if parameters.shape[-1] != self.width:
            raise ValueError(f"{parameters.shape[-1]} parameters; expected {self.width}")
        if parameters.dtype not in (torch.float32, torch.float64):
            parameters = parameters.float()
        c, half = self.parts, (self.levels - 1) / 2
        each = parameters.unflatten(-1, (-1, self.mixtures))
        logits, means, log_scales, coefficients = each.split([1, c, c, self.pairs], -2)
        if self.spread != 1:
            means, log_scales = means * self.spread, log_scales + math.log(self.spread)
        inverse = (-log_scales.clamp(self.floor, self.ceiling)).exp() / half
        logits, centres = logits[..., 0, :], (means + 1) * half
        if c == 1:
            return Mixture(logits, centres[..., 0, :], inverse[..., 0, :], self.levels, self.kind)
        return MixtureEvent(logits, centres, inverse, coefficients.tanh(), self.levels, self.kind)

    def marginal(self, counts: Tensor, events: Tensor) -> Tensor:
        """Components side by side in each channel (counts (C, K)), then fitted by L-BFGS.

        One channel is fitted to its counts; several to `events` (N, C), whose channels go together as the components
        do from the first on: the dark one is dark in red, green and blue.
        """
        half = (self.levels - 1) / 2
        each = [side_by_side(p, self.mixtures) for p in frequencies(counts)]
        means = [(one.centres / half - 1) / self.spread for one in each]
        log_scales = [((one.scales / half).log() - math.log(self.spread)).clamp_min(self.floor) for one in each]
        logits = torch.stack([one.logits for one in each]).mean(0)
        start = torch.cat([logits, *means, *log_scales, logits.new_zeros(self.pairs * self.mixtures)])
        if self.parts == 1:
            x, weights = thinned(counts[0], _FITTED)
        else:
            order = torch.randperm(len(events), generator=torch.Generator().manual_seed(0))
            x = events[order[:_FITTED].to(events.device)]
            weights = torch.ones(len(x), device=x.device)
        if not len(x):
            return start.float()
        share = (weights / weights.sum()).to(start.dtype)
        found = fitted(start, lambda p: -(self(p.expand(len(x), -1)).log_prob(x) * share).sum())
        first, last = (1 + self.parts) * self.mixtures, (1 + 2 * self.parts) * self.mixtures
        found[first:last].clamp_min_(self.floor)  # below it a scale would have no gradient
        return found.float()
