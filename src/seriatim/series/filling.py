"""Filling gaps: values that are missing between values that are there, given both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.models.likelihood import to_given
from seriatim.series.codec import SeriesCodec
from seriatim.series.data.panel import Panel
from seriatim.series.data.windows import Cutter, Window
from seriatim.symbols import Symbols
from seriatim.walks.noise import own_seeds, seed_of
from seriatim.walks.particles import fill_in
from seriatim.walks.threads import one_thread

_AFTER = 64  # known steps after a gap that are looked at, at most
_LEAST = 2  # known steps before one
_ROWS = 1 << 20


class Gap(NamedTuple):
    """Steps start … stop − 1 of a series, of which none is whole."""

    owner: int
    start: int
    stop: int


class Filled(NamedTuple):
    """What may have been in a gap.

    Attributes:
        gap: where it is.
        values: (N, steps, C) N draws; what is known in them is as it was.
        effective: the smallest effective number of particles on the way: of few, the draws are hardly better than those
            that ignore what comes after.
    """

    gap: Gap
    values: NDArray[np.float64]
    effective: float


def gaps(panel: Panel) -> Iterator[Gap]:
    """The gaps of all series that have values before and after them."""
    for owner, each in enumerate(panel.items):
        missing = np.asarray(np.isnan(each.values).any(axis=1))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if np.count_nonzero(~missing[:start]) >= _LEAST and stop < each.steps:
                yield Gap(owner, start, stop)


@torch.no_grad()
def fill(
    model: Model,
    codecs: Mapping[str, Symbols],
    panel: Panel,
    n: int = 100,
    particles: int = 50,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> list[Filled]:
    """Draw what may have been in each gap, given the values before it and those after it.

    Values after a gap weigh candidates by how likely they make them (particles); the more, the closer to the model's
    own distribution of the gap. Gaps are filled one at a time: other gaps near one stay missing.

    Args:
        model: over positions.
        codecs: of the values ("x") and of the conditions.
        panel: the series.
        n: draws for each gap.
        particles: candidates for each draw.
        seed: of the draws.
        progress: called with the number of gaps done.

    Raises:
        UserError: for blocks, whose values are not drawn in the order of time, or impossible numbers.
    """
    codec, device = cast(SeriesCodec, codecs["x"]), model.device
    if codec.block > 1:
        raise UserError(
            "a model of blocks cannot fill gaps inside them; use one that was trained without --series.block"
        )
    if n < 1 or particles < 1 or n * particles > _ROWS:
        raise UserError(
            f"{n:,} draws of {particles:,} particles are asked for; give 1 or more, at most {_ROWS:,} in all"
        )
    cutter, found, width = Cutter(panel, codecs), list[Filled](), len(codec.channels)
    with one_thread():
        for gap in gaps(panel):
            item = panel.items[gap.owner]
            steps = min(gap.stop + _AFTER, item.steps) - gap.start
            batch = cutter.batch([Window(gap.owner, gap.start, steps)])
            x = model.symbols(batch.x)
            context = model.condition(to_given(batch.given, device), 1)
            walk = model.walk(1, context, x.shape[1])
            walk.feed(x[:, : codec.past])
            rows = n * particles
            walk.select(torch.zeros(rows, dtype=torch.long, device=device))
            known = x[0, codec.past :].reshape(-1)
            name = f"{item.name}:{gap.start}:filled"
            seeds = torch.tensor(own_seeds(seed_of(seed, name), rows), dtype=torch.long, device=device)
            seen = [float(particles)]
            drawn = fill_in(walk, known.nan_to_num(0.0), ~known.isnan(), seeds, particles, watch=seen.append)
            values = drawn.reshape(n, steps, width)[:, : gap.stop - gap.start].double().cpu().numpy()
            found.append(Filled(gap, values, min(seen)))
            if progress is not None:
                progress(len(found))
    return found
