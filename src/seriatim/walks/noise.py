"""Counter-based noise: the uniforms of a sample depend only on its seed and the symbol's index.

Forking, resuming, the other rows of the batch, block sizes and the device do not change them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

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


def row_seeds(seed: int | Sequence[int], n: int, device: torch.device | str = "cpu") -> Int[Tensor, "n"]:
    """A seed for each of n rows: the given ones, or n different ones derived from a single seed.

    Row i gets the same seed whatever n is.

    Raises:
        ValueError: if the number of given seeds is not n.

    Example:
        >>> torch.equal(row_seeds(7, 5)[:3], row_seeds(7, 3))
        True
    """
    if isinstance(seed, int):
        return (_mix(_mix(torch.tensor(_signed(seed))) + torch.arange(n) * _GOLDEN)).to(device)
    if len(seed) != n:
        raise ValueError(f"{len(seed)} seeds for {n} rows")
    return torch.tensor([_signed(each) for each in seed], device=device)


def _signed(seed: int) -> int:
    """Any integer as a signed 64-bit one."""
    return (seed + 2**63) % 2**64 - 2**63
