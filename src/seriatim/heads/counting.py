"""Distributions of counts: 0, 1, 2, … without an end."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from seriatim.heads.base import Dist, widest

_BLOCK = 64  # counts summed at a time, at first
_LARGEST = 2**20  # numbers in memory at a time
_MOST = 2**40  # draws end here
_TAIL = 12.0  # deviations below the mean where summing begins
_ROOM = 40.0


class Counting(Dist):
    """A distribution on the whole numbers from 0. A subclass gives `log_mass`, `mean` and `variance`.

    Held in the float type, as all symbols of a model of real numbers are. A draw sums probabilities from twelve
    deviations below the mean until they exceed u: its time grows with the deviation, not with the mean, and is that of
    the slowest row.

    Example:
        >>> from seriatim.heads import Poisson
        >>> Poisson(torch.tensor([1e6])).draw(torch.tensor([[0.5]]))
        tensor([1000000.])
    """

    real = True

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """(*batch_shape): the expected count."""

    @property
    @abstractmethod
    def variance(self) -> Tensor:
        """(*batch_shape): its variance."""

    @abstractmethod
    def log_mass(self, x: Tensor) -> Tensor:
        """log p(x) in nats for whole numbers x from 0, whose shape broadcasts with *batch_shape."""

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of the symbols."""
        return self.mean.shape

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.mean.device

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats; −∞ for what is no count."""
        whole = x.round().clamp(0, _MOST)
        return torch.where(whole == x, self.log_mass(whole), -torch.inf)

    def draw(self, u: Tensor) -> Tensor:
        """The smallest count whose cdf exceeds u (*batch_shape, 1)."""
        mean, deviation = self.mean.to(widest(self.device)), self.variance.to(widest(self.device)).sqrt()
        begin = (mean - _TAIL * deviation - _ROOM).floor().clamp_min(0)
        level, x, total = u[..., 0], begin.clone(), torch.zeros_like(mean)
        size = _BLOCK
        while bool((going := (total <= level) & (x < _MOST)).any()):
            counts = begin[..., None] + torch.arange(size, device=self.device, dtype=begin.dtype)
            sums = total[..., None] + self._wide_mass(counts).exp().cumsum(-1)
            x = torch.where(going, begin + (sums <= level[..., None]).sum(-1), x)
            stuck = sums[..., -1] == total  # the rest is below rounding
            total = torch.where(stuck & (begin > mean), torch.ones_like(total), sums[..., -1])
            begin = begin + size
            size = max(1, min(2 * size, _LARGEST // max(1, mean.numel())))
        return x.to(self.mean.dtype)

    def _wide_mass(self, counts: Tensor) -> Tensor:
        """log p of counts (*batch_shape, K)."""
        return self.unsqueezed().log_mass(counts)

    @abstractmethod
    def unsqueezed(self) -> Counting:
        """The same in float64 with an axis more, for tables."""
