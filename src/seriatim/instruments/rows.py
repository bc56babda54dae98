"""The memory horizon of models of pictures, row by row: held-out bits when only the last rows are given.

A picture is moved up by s rows, and what was above is gone: the model then predicts row s + r knowing the r rows above
it, as it predicts row r of a picture. One pass for each s gives every number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.context import Context
from seriatim.data.progress import offset
from seriatim.instruments.held import HeldPictures
from seriatim.instruments.horizon import Begins, Horizon
from seriatim.models import Model

_TOGETHER = 1 << 24  # numbers of a batch's parameters, at most

Floats = NDArray[np.float64]


def horizon_of(model: Model, held: HeldPictures, begins: Begins | None = None) -> Horizon:
    """Bits/dim of the lower half of held-out pictures, given the row so far and the last rows above it.

    Args:
        model: over pictures, row by row, in evaluation mode.
        held: the pictures.
        begins: called with the number of passes; it returns what is called with the number made so far.
    """
    x, height, parts = held.x, held.x.shape[1], list[tuple[Floats, Floats]]()
    spans, size = row_spans(height), max(1, _TOGETHER // (model.head.width * held.dims * height))
    per, count = len(moves(height, spans)), -(-len(x) // size)
    progress = begins and begins(per * count)
    for number in range(count):
        part = torch.arange(number * size, min((number + 1) * size, len(x)), device=x.device)
        told = progress and offset(progress, number * per)
        parts.append(rows_predicted(model, x[part], held.context.select(part), spans, told))
    nats, whole = (np.concatenate(each) / held.dims for each in zip(*parts, strict=True))
    return Horizon(spans, "rows above", "bits/dim", nats, whole)


def row_spans(height: int) -> tuple[int, ...]:
    """Rows above that are given, to predict rows of the lower half: 0, 1, 2, 4, … up to half of the height.

    Example:
        >>> row_spans(28)
        (0, 1, 2, 4, 8)
    """
    return (0, *(1 << i for i in range((height // 2).bit_length())))


def moves(height: int, spans: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """{s: which (span, row) a picture that is moved up by s rows tells}.

    Example:
        >>> moves(4, (0, 1))
        {1: [(1, 2)], 2: [(0, 2), (1, 3)], 3: [(0, 3)]}
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for i, r in enumerate(spans):
        for row in range(height // 2, height):
            found.setdefault(max(0, row - r), []).append((i, row))
    return dict(sorted(found.items()))


@torch.no_grad()
def rows_predicted(
    model: Model,
    x: Tensor,
    context: Context,
    spans: Sequence[int],
    progress: Callable[[int], None] | None = None,
) -> tuple[Floats, Floats]:
    """Nats of a row of the lower half, given the row so far and the last rows above; (N, spans), and (N,) given all.

    Args:
        model: over pictures, row by row, in evaluation mode.
        x: (N, H, W, …) symbols.
        context: their conditions. A map moves with the picture.
        spans: numbers of rows above.
        progress: called with the number of passes made, one for each of `moves`.
    """
    height = x.shape[1]
    lower = height // 2
    each = np.zeros((len(x), len(spans), height - lower))
    whole = _nats(model, x, context)
    for number, (s, wanted) in enumerate(moves(height, spans).items()):
        field = None if context.field is None else _moved(context.field, s)
        nats = whole if s == 0 else _nats(model, _moved(x, s), replace(context, field=field))
        for i, row in wanted:
            each[:, i, row - lower] = nats[:, row - s]
        if progress is not None:
            progress(number + 1)
    return each.mean(2), whole[:, lower:].mean(1)


def _moved(x: Tensor, s: int) -> Tensor:
    """(N, H, …) up by s rows; below, where nothing is read, are zeros."""
    return torch.cat([x[:, s:], torch.zeros_like(x[:, :s])], 1)


def _nats(model: Model, x: Tensor, context: Context) -> Floats:
    """(N, H) of every row."""
    return -model.log_probs(x, context).double().flatten(2).sum(2).cpu().numpy()
