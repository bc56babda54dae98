"""Lossless compression with any discrete model: walks in which a coder chooses the symbols.

Encoder and decoder take the same steps in float64. In float32 the parallel and the stepped pass differ by about 2e-7,
which changes the 16-bit table of 10 to 24 % of positions: a codec that mixed them would soon lose synchronisation.

Eight bytes follow the coded words: a checksum of the symbols and their shape, which another model or another condition
does not decode to, and one of all that is before it, which tells damage without decoding.
"""

from __future__ import annotations

import copy
import hashlib
import math
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from seriatim.coding import RangeDecoder, RangeEncoder
from seriatim.coding.ranges import BITS, Count, Ints
from seriatim.context import EMPTY
from seriatim.heads import Discrete, Dist
from seriatim.models import Model
from seriatim.models.base import ContextLike
from seriatim.models.likelihood import Window, default_stride, windows
from seriatim.walks.walk import Walk, roll

_WORD = 4  # bytes of a checksum
CHECKS = 2 * _WORD
"""Bytes after the coded words."""


def _counts(dist: Dist) -> tuple[Count, int]:
    """The integer cdf of a distribution in the form the coder expects."""
    if not isinstance(dist, Discrete):
        raise TypeError(f"{type(dist).__name__} is not discrete; only discrete symbols can be coded")

    def count(x: Ints) -> Ints:
        return dist.count(torch.from_numpy(x).to(dist.device), BITS).cpu().numpy()

    return count, dist.levels


def _sum(x: Tensor) -> bytes:
    """A checksum of symbols and their shape."""
    symbols = np.ascontiguousarray(x.cpu().numpy().astype("<i8")).tobytes()
    return hashlib.blake2b(repr(tuple(x.shape)).encode() + symbols, digest_size=_WORD).digest()


def _follow(model: Model, batch: int, symbols: int, given: ContextLike, hand: Callable[[int, Dist], Tensor]) -> Tensor:
    """Walk through `symbols` symbols in float64, on a copy of the model: (batch, symbols).

    What is longer than the model's horizon is read in the windows of `models.likelihood`, so that its bits are those of
    its likelihood.
    """
    if not symbols:
        return torch.zeros(batch, 0, dtype=torch.long)
    exact = copy.deepcopy(model).double().eval()
    packed, context, found, parts = exact.packed(), exact.condition(given, batch), list[Tensor](), model.head.parts
    length, horizon = symbols // parts, model.horizon
    pieces = [Window(0, length, 0)] if horizon is None else windows(length, horizon, default_stride(horizon))
    for piece in pieces:
        around = context.window(piece.start, piece.stop) if piece.start else context
        walk = Walk(packed, batch, around, piece.stop - piece.start)
        if piece.fresh > piece.start:  # what the window before has coded
            before = torch.stack(found[piece.start * parts : piece.fresh * parts], 1)
            walk.feed(before if parts == 1 else before.unflatten(1, (-1, parts)))
        begun = piece.fresh * parts
        found += roll(walk, lambda i, dist, begun=begun: hand(begun + i, dist), piece.stop * parts - begun)
    return torch.stack(found, 1)


def encode(model: Model, x: Tensor, given: ContextLike = EMPTY) -> bytes:
    """Code x (B, *S) or (B, *S, P) in about −log2 p(x | c) bits, plus at most three 32-bit words and eight bytes.

    Args:
        model: any model with a discrete head.
        x: symbols, in the model's order.
        given: conditions of the rows; a `Context` must be in float64.

    Example:
        >>> from seriatim.models import LSTM, RecurrentConfig
        >>> model, x = LSTM(RecurrentConfig(symbols=4, width=8)), torch.randint(4, (2, 20))
        >>> torch.equal(decode(model, encode(model, x), x.shape), x)
        True

    Raises:
        ValueError: if the head's figures are no likelihood.
    """
    if not model.head.likelihood:
        raise ValueError(f"{type(model.head).__name__} gives cross-entropies, no likelihood; code with another head")
    coder = RangeEncoder()
    stream = x.flatten(1)

    def hand(i: int, dist: Dist) -> Tensor:
        count, levels = _counts(dist)
        coder.put(stream[:, i].cpu().numpy().astype(np.int64), count, levels)
        return stream[:, i]

    _follow(model, x.shape[0], stream.shape[1], given, hand)
    coded = coder.finish()
    coded += _sum(x)
    return coded + zlib.crc32(coded).to_bytes(_WORD, "little")


def decode(model: Model, data: bytes, shape: Sequence[int], given: ContextLike = EMPTY) -> Tensor:
    """The x, of shape (B, *S) or (B, *S, P), that `encode` coded with the same model and conditions.

    Raises:
        ValueError: if the data is damaged, or was coded with another model, shape or conditions.
    """
    coded, total = data[:-_WORD], data[-_WORD:]
    if len(data) < CHECKS or zlib.crc32(coded).to_bytes(_WORD, "little") != total:
        raise ValueError(f"the {len(data):,} bytes of coded data are damaged; expected what encode returned, whole")
    coder = RangeDecoder(coded[:-_WORD])
    batch = shape[0]

    def hand(i: int, dist: Dist) -> Tensor:  # noqa: ARG001
        count, levels = _counts(dist)
        return torch.from_numpy(coder.get(batch, count, levels)).to(dist.device)

    x = _follow(model, batch, math.prod(shape[1:]), given, hand).view(tuple(shape))
    if _sum(x) != coded[-_WORD:]:
        raise ValueError("the data was coded with another model, shape or conditions; give those of encode")
    return x
