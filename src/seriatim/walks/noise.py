"""Counter-based noise: the uniforms of a sample depend only on its seed and the symbol's index.

Forking, resuming, the other rows of the batch, block sizes and the device do not change them.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from seriatim.errors import UserError

Seed: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | NDArray[np.integer[Any]] | Tensor
"""A whole number, or one per row."""

MOST = 1_000_000
"""Rows of one request."""

_GOLDEN = -0x61C8864680B583EB  # 2^64 / golden ratio, odd, as a signed integer
_LANE = -0x3B314601E57A13AD  # another odd constant, to keep lanes far apart
_MIX1 = -0x40A7B892E31B1A47  # the multipliers of splitmix64's finaliser (Steele, Lea and Flood, 2014)
_MIX2 = -0x6B2FB644ECCEEE15


def _shift(x: Tensor, n: int) -> Tensor:
    """Logical right shift of a signed 64-bit integer."""
    return (x >> n) & ((1 << (64 - n)) - 1)


def _mix(x: Tensor) -> Tensor:
    """splitmix64's finaliser: a bijection of 64 bits in which each input bit flips about half of the output bits."""
    x = (x ^ _shift(x, 30)) * _MIX1
    x = (x ^ _shift(x, 27)) * _MIX2
    return x ^ _shift(x, 31)


def uniform(seeds: Int[Tensor, "B"], start: int, n: int, lane: int = 0) -> Float[Tensor, "B n"]:
    """Numbers start … start + n − 1 of each row's stream, in the open interval (0, 1), float64.

    52 random bits, centred: the smallest number is 2^−53, the largest 1 − 2^−53, so that no inverse cdf gets 0 or 1.

    Args:
        seeds: (B,) a 64-bit seed per row.
        start: index of the first number.
        n: how many numbers.
        lane: a second index, for uses that must not share numbers (beams, particles).

    Example:
        >>> seeds = torch.tensor([1, 2])
        >>> torch.equal(uniform(seeds, 0, 5)[:, 2:], uniform(seeds, 2, 3))
        True
    """
    index = torch.arange(start, start + n, device=seeds.device)
    far = torch.tensor(lane, device=seeds.device) * _LANE  # a tensor, since its products wrap around
    key = _mix(_mix(seeds.long() + _GOLDEN) + far)
    bits = _mix(_mix(key[:, None] + (index + 1) * _GOLDEN) ^ key[:, None])
    return (_shift(bits, 12).double() + 0.5) * 2.0**-52


class Noise:
    """The uniforms of a batch's symbols, generated in blocks: a block costs as much as a single number.

    Symbol i uses number i of the lanes 0, 1, …, so no two symbols share noise, however much each consumes.
    """

    def __init__(self, seeds: Int[Tensor, "B"], block: int = 256) -> None:
        self.device = seeds.device
        # 64-bit integer arithmetic gives the same result everywhere, but not every device has it
        self.seeds, self.block = seeds.cpu(), block
        self._start, self._numbers = 0, torch.empty(len(seeds), 0, 0)

    def __call__(self, index: int, n: int = 1) -> Float[Tensor, "B n"]:
        """The n uniforms of symbol `index` of each row."""
        held = self._numbers
        if not (self._start <= index < self._start + held.shape[1] and n <= held.shape[2]):
            lanes = [uniform(self.seeds, index, self.block, lane) for lane in range(n)]
            held = torch.stack(lanes, 2)
            if self.device.type == "mps":  # no float64 there
                held = held.float().clamp(2.0**-24, 1 - 2.0**-24)
            self._start, self._numbers = index, held.to(self.device)
        return self._numbers[:, index - self._start, :n]

    def run(self, index: int, count: int) -> Float[Tensor, "B n"]:
        """Lane 0 of `count` symbols, starting at `index`."""
        _ = self(index)
        if index + count > self._start + self._numbers.shape[1]:  # start a new block here
            self._numbers = self._numbers[:, :0]
            _ = self(index)
        return self._numbers[:, index - self._start : index - self._start + count, 0]

    def select(self, rows: Tensor) -> None:
        """Keep the given rows."""
        self.seeds, self._numbers = self.seeds[rows.cpu()], self._numbers[rows]


def own_seeds(seed: Any, n: int, what: str = "rows") -> list[int]:
    """The seed of each of n rows: the given ones, or those that follow from one, which is the first row's own.

    Row i gets the same seed whatever n is, and with that seed alone it is drawn again: `seed=s` and `seed=[s]` give the
    same first row. Derived seeds have 52 bits, so that JSON readers keep every digit.

    Args:
        seed: a `Seed`, which is checked: a whole number, or one per row (also arrays of NumPy's integers, and tensors).
        n: number of rows.
        what: what the rows are, for the message.

    Raises:
        UserError: if the number of given seeds is not n, one is not a whole number from 0 to 2^63 − 1, or n is beyond a
            million.

    Example:
        >>> own_seeds(7, 3)[0], own_seeds(7, 5)[:3] == own_seeds(7, 3), own_seeds([5, 6], 2)
        (7, True, [5, 6])
    """
    if n > MOST:
        raise UserError(f"{n:,} {what} are asked for; expected at most {MOST:,}: draw the rest with other seeds")
    if isinstance(seed, Sequence) or getattr(seed, "ndim", 0):
        given = [_whole(each) for each in seed]
        if len(given) != n:
            one = f"{what[:-3]}y" if what.endswith("ies") else what.removesuffix("s")
            raise UserError(f"{len(given)} seeds for {n} {what}; give one, or one per {one}")
        return given
    first = _whole(seed)
    return [first, *offspring(first, n)[1:]][:n]


def offspring(seed: int, n: int, lane: int = 0) -> list[int]:
    """n seeds that follow from one and differ from it; of another lane, others."""
    far = torch.tensor(lane) * _LANE
    key = _mix(_mix(torch.tensor(seed)) + far)
    return _shift(_mix(key + torch.arange(n) * _GOLDEN), 12).tolist()


def seed_of(seed: int, name: str) -> int:
    """A seed that follows from the user's and a name, such as that of what is drawn, and from nothing else.

    Example:
        >>> seed_of(1, "a") == seed_of(1, "a"), seed_of(1, "a") == seed_of(1, "b")
        (True, False)
    """
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:6])


def row_seeds(seed: Seed, n: int, device: torch.device | str = "cpu") -> Int[Tensor, "n"]:
    """`own_seeds` as a tensor.

    Example:
        >>> torch.equal(row_seeds(7, 5)[:3], row_seeds(7, 3))
        True
    """
    return torch.tensor(own_seeds(seed, n), dtype=torch.long, device=device)


def _whole(seed: Any) -> int:
    try:
        value = operator.index(seed)
    except TypeError:
        value = -1
    if not 0 <= value < 2**63:
        raise UserError(f"seed is {str(seed)[:40]}; expected whole numbers from 0 to 2^63 - 1; give another")
    return value
