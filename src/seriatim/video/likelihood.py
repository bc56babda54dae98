"""The likelihood of films of any length: long ones are read in pieces, the state carried over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.data.arrays import UInt8
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.models.likelihood import to_given
from seriatim.video.canvas import nested_of
from seriatim.video.conditions import rows_of
from seriatim.walks.steer import Steer, steer_of

_AT_ONCE = 1 << 18  # sub-pixels that are read together


@torch.no_grad()
def terms_of(
    model: Model,
    x: Sequence[UInt8],
    encoded: Mapping[str, list[Any]],
    symbols: Callable[[Sequence[UInt8]], Tensor],
    batch: int,
    progress: Callable[[int], None] | None = None,
) -> list[NDArray[np.float64]]:
    """What the head's `log_prob` says of every pixel of each film, its colours together: (T, H, W) each.

    Args:
        model: in evaluation mode.
        x: films (T, H, W, C).
        encoded: {condition: one value per film}.
        symbols: films -> positions, shorter ones padded at the end.
        batch: films read together.
        progress: called now and then with the number of frames done.
    """
    order, nested = sorted(range(len(x)), key=lambda i: len(x[i])), nested_of(model)
    found: dict[int, NDArray[np.float64]] = {}
    done = 0
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        longest = max(len(x[i]) for i in rows)
        context = model.condition(to_given(rows_of(encoded, rows, longest), model.device), len(rows))
        film, parts = nested.film(len(rows), context), list[NDArray[np.float64]]()
        step = max(1, _AT_ONCE // (len(rows) * x[0][0].size))
        for start in range(0, longest, step):
            some = symbols([x[i][start : start + step] for i in rows])
            parameters, film = nested.frames(some, context, film, start)
            terms = model.head.log_prob(parameters, some).double().cpu().numpy()
            parts.append(terms if terms.ndim == 4 else terms.sum(-1))
            done += some.shape[0] * some.shape[1]
            if progress is not None:
                progress(done)
        together = np.concatenate(parts, 1)
        found |= {i: together[row, : len(x[i])] for row, i in enumerate(rows)}
    return [found[i] for i in range(len(x))]


def plain_steer(steer: Steer | None, options: Mapping[str, Any]) -> Steer:
    """How films are drawn.

    Raises:
        UserError: for penalties, which count symbols.
    """
    chosen = steer_of(steer, options)
    if chosen.counts:
        raise UserError("repetition, presence and frequency are for text; leave them out")
    return chosen
