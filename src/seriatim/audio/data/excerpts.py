"""The excerpts of recordings that a training step sees."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.arrangement import Arrangement
from seriatim.audio.data.recordings import VECTOR, Aligned, Takes
from seriatim.audio.quantiser import Quantiser
from seriatim.audio.spans import Spans
from seriatim.audio.tracks import Track
from seriatim.conditioning import MARGIN
from seriatim.data.batches import Batch, Batches, Pieces
from seriatim.errors import UserError
from seriatim.symbols import Labels, Symbols, Vectors
from seriatim.symbols.given import encode_given
from seriatim.symbols.lacking import Lacking


@final
class Stretches:
    """Excerpts of recordings as the rows of a batch, with their conditions, padded on the right.

    With tracks, rows start at a frame boundary of all of them, so that the tracks' values are frames 0, 1, … of a
    `Context.field` without an offset. A few frames after a row's end are included, for encoders that look both ways.
    Rows are padded with zeros that do not count, and tracks with NaN.

    Args:
        takes: the split.
        codecs: of the samples ("x") and of the conditions to include: labels and tracks of `takes`.
        arrangement: of the samples. With one that is not the order of time, rows start where it repeats, have the
            samples after their end that it looks at, and are padded with its `none`. Default: the order of time.
    """

    def __init__(self, takes: Takes, codecs: Mapping[str, Symbols], arrangement: Arrangement | None = None) -> None:
        self.arrangement = arrangement or Arrangement()
        self.takes, self.codec = takes, cast(Quantiser, codecs["x"])
        self.labels = labels_given(takes, codecs)
        self.tracks = {name: as_encoded(track, codecs[name]) for name, track in takes.tracks.items() if name in codecs}
        vector = codecs.get(VECTOR)
        self.vectors = None
        if takes.vectors is not None and isinstance(vector, Vectors):
            self.vectors = vector.encode(takes.vectors)
        self.hop = math.lcm(*(track.hop for track in self.tracks.values()), self.arrangement.schedule.period)

    def whole(self, owners: Sequence[int]) -> Batch:
        """Whole recordings; every sample counts."""
        return self.batch(owners, [0] * len(owners), [len(self.takes.x[owner]) for owner in owners], 0)

    def batch(self, owners: Sequence[int], starts: Sequence[int], stops: Sequence[int], past: int) -> Batch:
        """The samples start … stop − 1 of each of the recordings `owners`, which count, after their past.

        The past is `past` samples, up to a hop more with tracks, and fewer at a recording's start.
        """
        begins = [max(start - past, 0) // self.hop * self.hop for start in starts]
        sizes = [len(self.takes.x[owner]) for owner in owners]
        ends = [min(stop + self.arrangement.ahead, size) for stop, size in zip(stops, sizes, strict=True)]
        rows = zip(owners, begins, ends, strict=True)
        x = self.arrangement.rows([self.codec.encode(self.takes.x[owner][begin:end]) for owner, begin, end in rows])
        width = x.shape[1]
        mask = np.zeros((len(owners), width), np.bool_)
        for row, begin, start, stop in zip(mask, begins, starts, stops, strict=True):
            row[start - begin : stop - begin] = True
        mask = self.arrangement.arranged(mask)
        given: dict[str, NDArray[Any]] = {name: values[list(owners)] for name, values in self.labels.items()}
        if self.vectors is not None:
            given[VECTOR] = self.vectors[list(owners)]
        for name, track in self.tracks.items():
            columns = [
                track.values[owner][begin // track.hop : -(-end // track.hop) + MARGIN]
                for owner, begin, end in zip(owners, begins, ends, strict=True)
            ]
            given[name] = _padded(columns, -(-width // track.hop) + MARGIN)
        names = list(dict.fromkeys(self.takes.names[owner] for owner in owners))
        origin = f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}, samples {starts[0]}–{stops[0]} …"
        return Batch(x, mask, given, True, origin)


@final
class Excerpts(Batches):
    """Recordings cut into pieces, each once per epoch, preceded by the model's receptive field.

    Every sample of every recording counts once per epoch (except for pieces that would not fill a batch, which differ
    between epochs), at cuts that vary. The past of a piece is seen but not counted, and computed for each piece, so
    `length` should be several times `past`. A piece at a recording's start has no past: position 0 of a model means
    the start of a recording, and is scored only there.

    Args:
        takes: the split.
        codecs: as for `Stretches`.
        length: most samples of a piece that count.
        past: most samples before a piece. If a model's parameters at t depend on x_{t−R} … x_{t−1}, past = R gives
            every counted sample the same parameters as reading the whole recording. For a `SequenceModel`, R is
            `net.reach` + 1.
        size: pieces per batch.
        seed: of the order and the cuts.
        rank: of this process among `world`, each of which sees its own pieces.
        world: number of processes.
        arrangement: as for `Stretches`.
    """

    def __init__(
        self,
        takes: Takes,
        codecs: Mapping[str, Symbols],
        length: int,
        past: int,
        size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        arrangement: Arrangement | None = None,
    ) -> None:
        if length < 1 or past < 0:
            raise UserError(f"length is {length} and past {past}; give 1 or more, and 0 or more")
        self.stretches, self.past = Stretches(takes, codecs, arrangement), past
        bounds = np.concatenate([[0], np.cumsum([len(x) for x in takes.x], dtype=np.int64)]).astype(np.int64)
        self.pieces = Pieces(bounds, length, size, seed, rank, world)
        self.per_epoch = self.pieces.per_epoch

    def batch(self, step: int) -> Batch:
        """The pieces from step · size on in the epoch's order."""
        chosen = self.pieces.of(step)
        owners = self.pieces.owners(chosen)
        starts, stops = (chosen - self.pieces.bounds[owners][:, None]).T.tolist()  # relative to their recordings
        return self.stretches.batch(owners, starts, stops, self.past)


def condition_codecs(takes: Takes, rate: int) -> dict[str, Symbols]:
    """A codec for each label, track and vector of a training split: the conditions of a new model."""
    found: dict[str, Symbols] = {
        name: Labels.train(value for value in values if value is not None) for name, values in takes.labels.items()
    }
    given: dict[str, Symbols] = {}
    for name, track in takes.tracks.items():
        made = Spans.train(track.labels, rate, track.hop, track.values) if track.labels else None
        given[name] = made or Track.train(track.hop, track.values)
    if takes.vectors is not None:
        given[VECTOR] = Vectors.train(takes.vectors)
    for name in given.keys() & found.keys():
        raise UserError(f"{name!r} is the name of both a label and another condition; rename the label")
    return {**found, **given}


def labels_given(takes: Takes, codecs: Mapping[str, Symbols]) -> dict[str, NDArray[np.int64]]:
    """{condition: (N,) the number of each recording's label, −1 if missing}, for conditions with a codec.

    Raises:
        UserError: for a label that its codec does not know.
    """
    found: dict[str, NDArray[np.int64]] = {}
    for name, values in takes.labels.items():
        codec = codecs.get(name)
        if isinstance(codec, Labels):
            known = {value: encode_given(value, codec, name) for value in set(values)}
            found[name] = np.array([known[value] for value in values], np.int64)
    return found


def _padded(rows: list[NDArray[Any]], width: int) -> NDArray[Any]:
    """Frames (n, F) of several rows as (B, width, F), padded with NaN."""
    out = np.full((len(rows), width, *rows[0].shape[1:]), np.nan, np.float32)
    for place, row in zip(out, rows, strict=True):
        place[: len(row)] = row
    return out


def unheard(name: str, codec: Spans, track: Aligned) -> Lacking:
    """The recordings with a label in their spans that the codec does not know; it counts as none there."""
    strange = {i: label for i, label in enumerate(track.labels) if label not in codec.values}
    each = [strange.keys() & set(values[:, 0].astype(np.int64).tolist()) for values in track.values]
    unknown = Counter(strange[i] for found in each for i in found)
    return Lacking(name, len(each), sum(map(bool, each)), dict(unknown.most_common()), codec.values)


def as_encoded(track: Aligned, codec: object) -> Aligned:
    """A track of numbers, encoded; features are already encoded."""
    if isinstance(codec, Track):
        return Aligned([codec.encode(values) for values in track.values], track.hop)
    if not isinstance(codec, Spans) or codec.values == track.labels:
        return track
    known = {label: i for i, label in enumerate(codec.values)}
    table = np.array([known.get(label, -1) for label in track.labels] + [-1], np.float32)
    moved = [np.stack([table[each[:, 0].astype(np.int64)], each[:, 1]], 1) for each in track.values]
    return Aligned(moved, track.hop, codec.values)
