"""Time-aligned conditions of recordings, from files of the same path: labels with times, and tracks of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.data.recordings import SPANS, TRACK, Aligned, Takes
from seriatim.audio.features import Energy, Feature, LogMel
from seriatim.audio.options import AudioOptions
from seriatim.audio.spans import Span, columns_of
from seriatim.data.npy import read_npy
from seriatim.data.partners import Pairing, partners_of
from seriatim.data.table import cells_of
from seriatim.errors import UserError
from seriatim.symbols.base import Symbols

_SPANS = Pairing("--audio.spans", (".csv",), "span file", "recording")
_TRACK = Pairing("--audio.track", (".npy", ".csv"), "track file", "recording")
_SPARE = 2  # rows too many that are rounding
_MOST = 1 << 30  # most bytes of the track of one recording


def tracks_of(takes: Takes, rate: int, options: AudioOptions) -> tuple[Mapping[str, Aligned], list[str]]:
    """The tracks that the options request, with remarks on files that belong to no recording."""
    tracks: dict[str, Aligned] = {}
    notes: list[str] = []
    if options.spans is not None:
        files, remark = partners_of(takes.names, Path(options.spans), _SPANS)
        spans = [read_spans(files[name]) for name in takes.names]
        labels = tuple(sorted({span.label for each in spans for span in each}))
        if not labels:
            raise UserError(f"{options.spans}: no spans in any file: write begin,end,label in seconds, or leave it out")
        number = {label: i for i, label in enumerate(labels)}
        values = [columns_of(each, number, rate, options.hop, len(x)) for each, x in zip(spans, takes.x, strict=True)]
        tracks[SPANS] = Aligned(values, options.hop, labels)
        notes += [remark] if remark else []
    if options.track is not None:
        files, remark = partners_of(takes.names, Path(options.track), _TRACK)
        most = None if options.seconds is None else round(options.seconds * rate)
        found = [
            _fitting(read_track(files[name]), files[name], options.hop, len(x), cut=len(x) == most)
            for name, x in zip(takes.names, takes.x, strict=True)
        ]
        first = found[0].shape[1]
        for name, columns in zip(takes.names, found, strict=True):
            if columns.shape[1] != first:
                raise UserError(
                    f"{files[name]}: {columns.shape[1]} numbers per row, but {files[takes.names[0]]} has {first}: give "
                    "the same number in each"
                )
        tracks[TRACK] = Aligned(found, options.hop)
        notes += [remark] if remark else []
    return tracks, notes


def features_of(options: AudioOptions, rate: int, recordings: Sequence[NDArray[Any]]) -> dict[str, LogMel | Energy]:
    """The features that the options request, fitted to the recordings."""
    hop = options.hop or max(1, round(rate / 100))
    found: dict[str, LogMel | Energy] = {}
    if options.features in ("log-mel", "both"):
        found[LogMel.kind] = LogMel(rate, hop, (3 if hop % 2 else 4) * hop, options.bands).fitted(recordings)
    if options.features in ("energy", "both"):
        found[Energy.kind] = Energy(hop).fitted(recordings)
    return found


def featured(takes: Takes, codecs: Mapping[str, Symbols]) -> Takes:
    """The recordings with a track for each feature among the codecs."""
    some = {name: codec for name, codec in codecs.items() if isinstance(codec, Feature)}
    tracks = {name: Aligned([codec.encode(x) for x in takes.x], codec.hop) for name, codec in some.items()}
    return replace(takes, tracks={**takes.tracks, **tracks})


def read_spans(path: Path) -> list[Span]:
    """Rows of begin, end (in seconds) and label, in temporal order and without overlap.

    Raises:
        UserError: naming the row.
    """
    spans: list[Span] = []
    for place, cells in cells_of(path):
        begin, end = (_number(cell) for cell in (*cells, "", "")[:2])
        if begin is None and place.endswith(":1"):
            continue  # a header
        if len(cells) != 3 or begin is None or end is None or not 0 <= begin < end or not cells[2]:
            raise UserError(
                f"{place}: {','.join(cells)!r:.80}; expected begin,end,label in seconds, the end after the "
                "begin: correct it"
            )
        if spans and begin < spans[-1].end:
            raise UserError(f"{place}: begins at {begin:g} s, before the row above ends: correct one of them")
        spans.append(Span(begin, end, cells[2]))
    return spans


def read_track(path: Path) -> NDArray[np.float64]:
    """(K, F) finite numbers of an NPY file, (K,) or (K, F), or of a CSV file with a row per frame.

    Raises:
        UserError: if it is damaged, too large, empty, or contains values that are not finite.
    """
    columns = _from_npy(path) if path.suffix.lower() == ".npy" else _from_csv(path)
    if not columns.size:
        raise UserError(f"{path}: contains no numbers: give a row per frame")
    if not np.isfinite(columns).all():
        raise UserError(f"{path}: contains values that are not finite: replace them first")
    return columns


def _from_npy(path: Path) -> NDArray[np.float64]:
    held = read_npy(path)
    if held.ndim not in (1, 2):
        raise UserError(f"{path}: shape {held.shape}; expected an array (frames, numbers): save it as such")
    if 8 * held.size > _MOST:
        raise UserError(f"{path}: {held.size:,} numbers, more than the limit of {_MOST // 8:,}: give fewer")
    return held.astype(np.float64).reshape(len(held), held.size // max(1, len(held)))


def _from_csv(path: Path) -> NDArray[np.float64]:
    rows: list[list[float]] = []
    for place, cells in cells_of(path):
        values = [number for cell in cells if (number := _number(cell)) is not None]
        if not values and place.endswith(":1"):
            continue  # a header
        if len(values) != len(cells) or (rows and len(values) != len(rows[0])):
            wanted = f"{len(rows[0])} numbers" if rows else "numbers"
            raise UserError(f"{place}: {','.join(cells)!r:.80}; expected {wanted}: correct it")
        rows.append(values)
    return np.array(rows, np.float64).reshape(len(rows), len(rows[0]) if rows else 0)


def _fitting(columns: NDArray[np.float64], path: Path, hop: int, samples: int, cut: bool) -> NDArray[np.float64]:
    """The frames of a recording. One or two surplus ones are rounding, more belong to one that is `cut`.

    Raises:
        UserError: if there are too few rows, or more than two too many.
    """
    needed = -(-samples // hop)
    spare = len(columns) - needed
    if spare < 0 or (spare > _SPARE and not cut):
        advice = "correct --audio.hop or add rows"
        if spare > 0:
            advice = f"correct --audio.hop (about {max(1, round(samples / len(columns)))}) or remove rows"
        raise UserError(f"{path}: {len(columns)} rows, but {samples} samples at {hop} per row need {needed}: {advice}")
    return columns[:needed]


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
