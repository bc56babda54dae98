"""The order in which a cascade over time visits samples: every k-th one runs ahead of those between.

With a factor k and a look-ahead of L, the samples between two of every k-th are visited once the next L of those are
there. So the order of time is left by a bounded number of samples, and a stream needs bounded memory.
"""

from __future__ import annotations

from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


@final
class Schedule:
    """Times in the order of visiting, of a sequence that ends or does not.

    Every `factor`-th sample belongs to `slow`, which visits them in its own order; the others are visited block by
    block (a block: `factor` samples from one of those on), each block once all samples of `slow` up to `look_ahead`
    blocks after its own are there. A sequence of T samples has the same order without what lies beyond its end.

    Args:
        factor: k; 1 for the order of time.
        look_ahead: L, in samples of `slow`.
        slow: of every k-th sample. Default: the order of time.

    Example:
        >>> Schedule(2, 1).order(7).tolist()
        [0, 2, 1, 4, 3, 6, 5]
        >>> Schedule(2, 1, Schedule(2, 1)).order(9).tolist()
        [0, 4, 2, 1, 3, 8, 6, 5, 7]
        >>> Schedule().order(3).tolist(), Schedule(4, 2).ahead, Schedule(2, 1, Schedule(2, 1)).period
        ([0, 1, 2], 7, 4)
    """

    def __init__(self, factor: int = 1, look_ahead: int = 0, slow: Schedule | None = None) -> None:
        self.factor, self.look_ahead, self.slow = factor, look_ahead, slow

    @property
    def below(self) -> Schedule:
        """Of every k-th sample."""
        return Schedule() if self.slow is None else self.slow

    @property
    def period(self) -> int:
        """Samples after which the order repeats: the product of all factors."""
        return self.factor if self.slow is None else self.factor * self.slow.period

    @property
    def ahead(self) -> int:
        """How many samples further in time than a sample one may be that is visited before it, at most."""
        return max(0, self.factor * (self.look_ahead + self.below.ahead) - 1) if self.factor > 1 else 0

    @cached_property
    def _begin(self) -> Places:
        """The first `ahead` + `period` places; from `ahead` on they repeat."""
        return self._order(2 * self.ahead + 2 * self.period)[: self.ahead + self.period]

    def _order(self, length: int) -> Places:
        """`order`, by sorting."""
        if self.factor == 1:
            return np.arange(length)
        slow = self.below._order(-(-length // self.factor))
        waiting = np.minimum.accumulate(slow[::-1])[::-1]  # the first that is not there yet
        needed = np.maximum(waiting - self.look_ahead, 0)  # by which block
        times = np.arange(length)
        fast = times[times % self.factor > 0]
        keys = np.concatenate([2 * needed, 2 * (fast // self.factor) + 1])
        return np.concatenate([slow * self.factor, fast])[np.argsort(keys, kind="stable")]

    def times(self, first: int, stop: int) -> Places:
        """The times at places first … stop − 1 of a sequence without end."""
        if self.factor == 1:
            return np.arange(first, stop)
        places, warm, period = np.arange(first, stop), self.ahead, self.period
        times, later = np.divmod(np.maximum(places - warm, 0), period)
        return self._begin[np.where(places < warm, places, warm + later)] + period * times

    def order(self, length: int) -> Places:
        """(length,) the time at each place of a sequence of `length` samples: a permutation."""
        times = self.times(0, length + self.ahead)
        return times[times < length]

    def segment(self, first: int, stop: int, end: int | None) -> Places:
        """The times at places first … stop − 1 of a sequence of `end` samples; None: without end.

        Example:
            >>> Schedule(2, 1).segment(5, 7, end=7).tolist(), Schedule(2, 1).segment(5, 7, end=None).tolist()
            ([6, 5], [6, 5])
        """
        if end is None or stop <= end - self.ahead:
            return self.times(first, stop)
        same = max(0, end - self.ahead)  # up to here nothing lies beyond the end
        times = self.times(same, end + self.ahead)
        tail = times[times < end]
        whole = np.concatenate([self.times(min(first, same), same), tail])
        return whole[first - min(first, same) : stop - min(first, same)]
