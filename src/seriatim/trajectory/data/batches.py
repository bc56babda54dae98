"""Whole trajectories as the rows of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.data.batches import Batch, Batches, Pieces
from seriatim.symbols import Labels, Symbols
from seriatim.symbols.given import encode_given
from seriatim.trajectory.codec import FixedScale, TrajectoryCodec
from seriatim.trajectory.data.trajectories import LABEL, Trajectories

SCALE = "scale"
"""The condition that gives the unit of the values."""

Floats = NDArray[np.float64]


def padded(rows: Sequence[Floats]) -> tuple[Floats, NDArray[np.bool_]]:
    """Positions of unequal numbers as (B, T, P), padded with 0, and which of them count (B, T)."""
    width = max(map(len, rows))
    x = np.zeros((len(rows), width, rows[0].shape[1]))
    mask = np.zeros((len(rows), width), np.bool_)
    for i, row in enumerate(rows):
        x[i, : len(row)], mask[i, : len(row)] = row, True
    return x, mask


def labels_given(labels: Sequence[str | None] | None, codecs: Mapping[str, Symbols], rows: int) -> dict[str, Any]:
    """{condition: (N,) numbers of labels, −1 if missing}, if the model is conditioned on labels.

    Raises:
        UserError: for a label that the codec does not know.
    """
    codec = codecs.get(LABEL)
    if not isinstance(codec, Labels):
        return {}
    values = [None] * rows if labels is None else labels
    known = {value: encode_given(value, codec, LABEL) for value in set(values)}
    return {LABEL: np.array([known[value] for value in values], np.int64)}


def scales(codecs: Mapping[str, Symbols], rows: int) -> dict[str, Any]:
    """{condition: (N, P, 2)} the unit of the values, the same for all rows."""
    unit = cast(FixedScale, codecs[SCALE]).encode(None)
    return {SCALE: np.broadcast_to(unit, (rows, *unit.shape)).copy()}


@final
class Whole(Batches):
    """Whole trajectories with their ends, those of similar length together, each once per epoch.

    Noise and the random stretch of drawings are a function of (seed, step).

    Args:
        part: the split.
        codecs: of the points and the conditions.
        size: trajectories per batch.
        seed: of the order, the noise and the stretch.
        stretch: share by which a drawing is at most made wider and higher, or narrower and lower.
        jitter: deviation of the noise on other series, in units of each channel's own.
        rank: of this process among `world`.
        world: number of processes.
    """

    def __init__(
        self,
        part: Trajectories,
        codecs: Mapping[str, Symbols],
        size: int,
        seed: int,
        stretch: float = 0.0,
        jitter: float = 0.0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.part, self.codecs, self.seed, self.rank = part, codecs, seed, rank
        self.codec = cast(TrajectoryCodec, codecs["x"])
        self.stretch = stretch if self.codec.drawn else 0.0
        unit = np.exp(cast(FixedScale, codecs[SCALE]).log_scale[1:])
        self.jitter = None if self.codec.drawn or not jitter else jitter * unit
        self.labels = labels_given(part.labels, codecs, len(part.x))
        self.rows = [self.codec.encode(x) for x in part.x]
        bounds = np.concatenate([[0], np.cumsum([len(row) for row in self.rows], dtype=np.int64)]).astype(np.int64)
        self.pieces = Pieces(bounds, max(map(len, self.rows)), size, seed, rank, world)
        self.per_epoch = self.pieces.per_epoch

    def batch(self, step: int) -> Batch:
        """The trajectories of a step."""
        owners = self.pieces.owners(self.pieces.of(step))
        random = np.random.default_rng([self.seed, step, self.rank, 3])
        rows: list[Floats] = []
        for owner in owners:
            row = self.codec.noisy(self.rows[owner], random)
            if self.stretch:
                row = row * [1.0, *(1 + random.uniform(-self.stretch, self.stretch, self.codec.parts))]
            if self.jitter is not None:
                row = row.copy()
                row[:-1, 1:] += self.jitter * random.normal(size=row[:-1, 1:].shape)
            rows.append(row)
        x, mask = padded(rows)
        given = {**scales(self.codecs, len(rows)), **{name: of[owners] for name, of in self.labels.items()}}
        names = [self.part.names[owner] for owner in owners[:3]]
        origin = f"{', '.join(names)}{' …' if len(owners) > len(names) else ''}"
        return Batch(x, mask, given, True, origin, cells=mask.size)
