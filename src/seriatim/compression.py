"""Lossless compression with any discrete model: walks whose hand is a coder.

Encoder and decoder take the same steps in float64. In float32 the parallel pass and the stepped pass differ by about
2e-7, which gives 10 to 24 % of positions another 16-bit table: a codec that mixed them would soon lose step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from seriatim.coding import RangeDecoder, RangeEncoder
from seriatim.coding.ranges import BITS, Count, Ints
from seriatim.context import EMPTY, Context
from seriatim.heads import Discrete, Dist
from seriatim.models import Model
from seriatim.walk import Walk, roll


def _walk(model: Model, batch: int, length: int, context: Context) -> Walk:
    exact = copy.deepcopy(model).double().eval()
    return Walk(exact, batch, context, length)


def _counts(dist: Dist) -> tuple[Count, int]:
    """The integer cdf of a distribution as the coder wants it."""
    if not isinstance(dist, Discrete):
        raise TypeError(f"{type(dist).__name__} is not discrete; only symbols can be coded")

    def count(x: Ints) -> Ints:
        return dist.count(torch.from_numpy(x).to(dist.device), BITS).cpu().numpy()

    return count, dist.levels


def _follow(walk: Walk, length: int, hand: Callable[[int, Dist], Tensor]) -> Tensor:
    parts = walk.stepper.head.parts
    symbols = torch.stack(list(roll(walk, hand, length * parts)), 1)
    return symbols if parts == 1 else symbols.view(walk.batch, length, parts)


def encode(model: Model, x: Tensor, context: Context = EMPTY) -> bytes:
    """Code x (B, T) or (B, T, P): about −log2 p(x | c) bits, and at most a word more.

    Args:
        model: any with a discrete head.
        x: positions in the order of visiting.
        context: of the rows, in float64 or convertible.
    """
    coder = RangeEncoder()
    stream = x.reshape(x.shape[0], -1)

    def hand(i: int, dist: Dist) -> Tensor:
        count, levels = _counts(dist)
        coder.put(stream[:, i].cpu().numpy().astype(np.int64), count, levels)
        return stream[:, i]

    if x.shape[1]:
        _follow(_walk(model, x.shape[0], x.shape[1], context), x.shape[1], hand)
    return coder.finish()


def decode(model: Model, data: bytes, batch: int, length: int, context: Context = EMPTY) -> Tensor:
    """The x (batch, length) or (batch, length, P) that `encode` was given, with the same model and context.

    Raises:
        ValueError: if the data cannot be what `encode` gave.
    """
    coder = RangeDecoder(data)

    def hand(i: int, dist: Dist) -> Tensor:  # noqa: ARG001
        count, levels = _counts(dist)
        return torch.from_numpy(coder.get(batch, count, levels)).to(dist.device)

    if not length:
        return torch.zeros(batch, 0, dtype=torch.long)
    return _follow(_walk(model, batch, length, context), length, hand)
