"""The exact likelihood of sequences that may be longer than a model's horizon.

A model with a horizon of c positions reads a long sequence in windows of c that advance by `stride`; only the new
symbols of a window count, so every symbol has at least c − stride symbols of context. A model without a horizon carries
its state on. Sampling beyond the horizon moves in the same windows (`generation`), so samples have the distribution
that is scored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.walks.walk import Walk

Array = NDArray[Any]
_CHUNK = 1024  # symbols read at a time with carried state


class Window(NamedTuple):
    """Positions start … stop − 1 are read; those from `fresh` on count."""

    start: int
    stop: int
    fresh: int


def default_stride(window: int) -> int:
    """Half the window: after the first window every symbol has at least half a window of context, at twice the work."""
    return window - window // 2


def windows(length: int, window: int, stride: int) -> Iterator[Window]:
    """Windows that cover `length` positions and count each once."""
    start, fresh = 0, 0
    while fresh < length or length == 0:
        stop = min(start + window, length)
        yield Window(start, stop, fresh)
        if stop >= length:
            return
        start, fresh = start + stride, stop


def window_start(position: int, window: int | None) -> int:
    """The start of the window in which `windows`, at the default stride, counts a position."""
    if window is None or position < window:
        return 0
    stride = default_stride(window)
    return -(-(position - window + 1) // stride) * stride


def to_given(values: Mapping[str, Array], device: torch.device) -> dict[str, Tensor]:
    """Encoded conditions as tensors: labels as integers, numbers as floats."""
    given: dict[str, Tensor] = {}
    for name, value in values.items():
        array = np.require(value, requirements=["C", "W"])  # one value for all rows is kept once until here
        kind = torch.long if array.dtype.kind == "i" else torch.get_default_dtype()
        given[name] = torch.as_tensor(array, dtype=kind, device=device)
    return given


@torch.no_grad()
def log_probs(
    model: Model,
    sequences: Sequence[Array],
    given: Mapping[str, Array | Ragged] | None = None,
    *,
    window: int | None = None,
    stride: int | None = None,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> list[NDArray[np.float64]]:
    """log p of every symbol (or event) of every sequence, in nats.

    Args:
        model: over symbols, in evaluation mode, or dropout would be active.
        sequences: (L,) integers each, or (L, P).
        given: {condition: (number of sequences,), or a `Ragged` of that length}.
        window: positions read together. Default: the model's horizon, or everything, with carried state.
        stride: how far windows advance. Default: half a window.
        batch: rows at a time.
        progress: with carried state, called from time to time with the number of symbols read.

    Raises:
        UserError: if window and stride do not fit each other or the model.
    """
    horizon = model.horizon
    if window is None:
        window = horizon
    if window is None:
        if stride is not None:
            raise UserError("stride is given without a window; give --window too")
        return _carried(model, sequences, given or {}, batch, progress)
    if horizon is not None and window > horizon + 1:
        raise UserError(f"window {window} is more than the model's {horizon} positions; give at most that")
    stride = default_stride(window) if stride is None else stride
    if not 1 <= stride <= window:
        raise UserError(f"stride {stride} and window {window}: the stride must lie between 1 and the window")
    pieces = [(i, piece) for i, x in enumerate(sequences) for piece in windows(len(x), window, stride)]
    pieces.sort(key=lambda item: item[1].stop - item[1].start)
    result = [np.zeros(len(x)) for x in sequences]
    for first in range(0, len(pieces), batch):
        some = pieces[first : first + batch]
        x = model.symbols(pad([sequences[i][w.start : w.stop] for i, w in some]))
        context = to_given({k: v[[i for i, _ in some]] for k, v in (given or {}).items()}, model.device)
        terms = model.log_probs(x, context).cpu().double().numpy()
        for row, (i, w) in zip(terms, some, strict=True):
            result[i][w.fresh : w.stop] = row[w.fresh - w.start : w.stop - w.start]
    return result


def pad(rows: Sequence[Array]) -> Array:
    """(B, longest[, P]) symbols, shorter rows padded with zeros at the end, which earlier positions never see.

    Example:
        >>> pad([np.array([1, 2]), np.array([3])]).tolist(), pad([np.array([0.5, 1.7])]).tolist()
        ([[1, 2], [3, 0]], [[0.5, 1.7]])
    """
    width, kind = max(map(len, rows)), np.result_type(*(np.asarray(row).dtype for row in rows))
    x = np.zeros((len(rows), width, *rows[0].shape[1:]), dtype=kind if kind.kind == "f" else np.int64)
    for i, row in enumerate(rows):
        x[i, : len(row)] = row
    return x


def _carried(
    model: Model,
    sequences: Sequence[Array],
    given: Mapping[str, Array | Ragged],
    batch: int,
    progress: Callable[[int], None] | None,
) -> list[NDArray[np.float64]]:
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    result, read = [np.zeros(len(x)) for x in sequences], 0
    for first in range(0, len(order), batch):
        some = order[first : first + batch]
        x = model.symbols(pad([sequences[i] for i in some]))
        context = to_given({k: v[some] for k, v in given.items()}, model.device)
        terms: list[NDArray[np.float64]] = []
        for part in _chunks(model, x, context):
            terms.append(part)
            read += part.size
            if progress is not None:
                progress(read)
        for row, i in zip(np.concatenate(terms, 1), some, strict=True):
            result[i][:] = row[: len(sequences[i])]
    return result


def _chunks(model: Model, x: Tensor, given: Mapping[str, Tensor]) -> Iterator[NDArray[np.float64]]:
    walk = Walk(model, x.shape[0], model.condition(given, x.shape[0]), x.shape[1])
    for chunk in x.split(_CHUNK, 1):
        yield model.head.log_prob(walk.feed(chunk), chunk).cpu().double().numpy()


_BLOCK = 256  # symbols per block when estimating a standard error


def relative_error(terms: Sequence[NDArray[np.float64]], block: int | None = _BLOCK) -> float:
    """Relative standard error of Σ nats / Σ symbols, by the ratio estimator over blocks; None: over sequences."""
    blocks = [
        part
        for x in terms
        for part in ([x] if block is None else np.array_split(x, max(1, len(x) // block)))
        if len(part)
    ]
    if len(blocks) < 2:
        return math.nan
    nats = np.array([block.sum() for block in blocks])
    counts = np.array([len(block) for block in blocks])
    mean = nats.sum() / counts.sum()
    away = ((nats - mean * counts) ** 2).sum() * len(blocks) / (len(blocks) - 1)
    return float(math.sqrt(away) / abs(nats.sum())) if nats.sum() else math.nan
