"""A range coder driven by integer cumulative counts (Martin, 1979), through `constriction`.

A symbol is coded as its path through a binary search over 0 … K − 1: at each node one decision, "right of the middle or
not", whose probability is a ratio of two counts. This needs log2 K counts per symbol instead of a whole table, which
for mixtures is ten times faster and costs 10^-5 % in size. Ratios of integers are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import constriction
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Count = Callable[[Ints], Ints]
"""x (B,) -> C(x) (B,): the integer cdf of each row's symbol; C(−1) = 0, C(K − 1) = 2^bits, strictly increasing."""

BITS = 32
_stream: Any = constriction.stream  # pyright: ignore[reportAttributeAccessIssue] (compiled, without types)
_DECISION = _stream.model.Bernoulli(perfect=False)


class _Search:
    """B simultaneous binary searches. Rows that have found their symbol wait for the others."""

    def __init__(self, count: Count, rows: int, levels: int, bits: int) -> None:
        self.count = count
        self.low = np.full(rows, -1, dtype=np.int64)
        self.high = np.full(rows, levels - 1, dtype=np.int64)
        self.below = np.zeros(rows, dtype=np.int64)
        self.above = np.full(rows, 2**bits, dtype=np.int64)

    def ask(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which rows are still searching, and their probabilities of going right of the middle."""
        self.middle = (self.low + self.high) // 2
        going = self.high - self.low > 1
        self.at = np.where(going, self.count(np.where(going, self.middle, 0)), self.above)
        return going, ((self.above - self.at) / (self.above - self.below))[going]

    def tell(self, going: NDArray[np.bool_], right: NDArray[np.bool_]) -> None:
        """Apply the decisions."""
        go_right, go_left = going & right, going & ~right
        self.low, self.below = np.where(go_right, self.middle, self.low), np.where(go_right, self.at, self.below)
        self.high, self.above = np.where(go_left, self.middle, self.high), np.where(go_left, self.at, self.above)


@final
class RangeEncoder:
    """Writes symbols, to be read back in the same order.

    Example:
        >>> def quarters(x):  # four symbols of probability 1/4
        ...     return (x + 1) * 2**30
        >>> coder = RangeEncoder()
        >>> coder.put(np.array([3, 0, 2]), quarters, levels=4)
        >>> data = coder.finish()
        >>> RangeDecoder(data).get(3, quarters, levels=4)
        array([3, 0, 2])
    """

    def __init__(self) -> None:
        self._coder = _stream.queue.RangeEncoder()

    def put(self, x: Ints, count: Count, levels: int, bits: int = BITS) -> None:
        """Write one symbol per row, x (B,) in 0 … levels − 1."""
        search = _Search(count, len(x), levels, bits)
        for _ in range((levels - 1).bit_length()):
            going, p = search.ask()
            right = x > search.middle
            if len(p):
                self._coder.encode(right[going].astype(np.int32), _DECISION, p)
            search.tell(going, right)

    def finish(self) -> bytes:
        """The coded bytes."""
        return np.asarray(self._coder.get_compressed(), dtype="<u4").tobytes()


@final
class RangeDecoder:
    """Reads what a `RangeEncoder` wrote, given the same counts.

    Raises:
        ValueError: if the data is not a whole number of 32-bit words.

    Example:
        >>> def halves(x):
        ...     return (x + 1) * 2**31
        >>> coder = RangeEncoder()
        >>> for _ in range(100):
        ...     coder.put(np.array([1, 0]), halves, levels=2)
        >>> data = coder.finish()
        >>> len(data)  # 200 bits and at most a word more
        28
        >>> RangeDecoder(data).get(2, halves, levels=2)
        array([1, 0])
    """

    def __init__(self, data: bytes) -> None:
        if len(data) % 4:
            raise ValueError(f"{len(data)} bytes are not a whole number of 32-bit words")
        self._coder = _stream.queue.RangeDecoder(np.frombuffer(data, dtype="<u4").astype(np.uint32))

    def get(self, rows: int, count: Count, levels: int, bits: int = BITS) -> Ints:
        """Read one symbol per row.

        Raises:
            ValueError: if no symbols of these counts are coded so. Most other data is read as other symbols.
        """
        search = _Search(count, rows, levels, bits)
        for _ in range((levels - 1).bit_length()):
            going, p = search.ask()
            right = np.zeros(rows, dtype=np.bool_)
            if len(p):
                try:
                    right[going] = np.asarray(self._coder.decode(_DECISION, p)) == 1
                except AssertionError as error:
                    raise ValueError("the data was not coded with these counts; give those of the encoder") from error
            search.tell(going, right)
        return search.high
