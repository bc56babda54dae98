"""Cross-validation of recordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seriatim.audio.data.recordings import Recordings, Takes
from seriatim.audio.data.splits import stretch, taken
from seriatim.audio.options import AudioOptions
from seriatim.data import deal
from seriatim.data.digest import digest, fingerprint
from seriatim.errors import UserError

_CUT = re.compile(r"\[\d+:\d+\]$")  # the end of the name of a recording that was cut by time


def folds(found: Recordings, k: int, options: AudioOptions) -> list[Recordings]:
    """k times the recordings: train and validation are pooled, fold i validates part i, the test is kept.

    Parts are whole recordings, copies together; of recordings that are cut by time, the i-th stretch of each.
    """
    sides = [found.splits[side] for side in ("train", "validation") if side in found.splits]
    by_time = options.split != "file" and all(_CUT.search(name) for side in sides for name in side.names)
    pool = _mended(sides) if by_time else joined(sides)
    place = [] if by_time else deal.folds([digest(x) for x in pool.x], k, found.name)
    if k < 2:
        raise UserError(f"{k} folds are too few: give 2 or more")
    return [_fold(found, _in_time(pool, i, k) if by_time else _whole(pool, place, i), i, k) for i in range(k)]


def _fold(found: Recordings, splits: dict[str, Takes], i: int, k: int) -> Recordings:
    for side, takes in splits.items():
        if not takes.samples:
            raise UserError(f"{found.name}: fold {i + 1} of {k} leaves nothing for {side}: give fewer folds")
    test = {"test": found.splits["test"]} if "test" in found.splits else {}
    mark = fingerprint(found.fingerprint, "fold", i, k)
    name = f"{found.name} (fold {i + 1} of {k})"
    return replace(found, name=name, splits={**splits, **test}, fingerprint=mark)


def _whole(pool: Takes, place: Sequence[int], i: int) -> dict[str, Takes]:
    rows = {side: [row for row, at in enumerate(place) if (at == i) == (side == "validation")]
            for side in ("train", "validation")}  # fmt: skip
    return {side: taken(pool, chosen) for side, chosen in rows.items()}


def _in_time(pool: Takes, i: int, k: int) -> dict[str, Takes]:
    around = [stretch(pool, 0.0, i / k), stretch(pool, (i + 1) / k, 1.0)]
    return {"train": joined([part for part in around if part.x]), "validation": stretch(pool, i / k, (i + 1) / k)}


def joined(parts: Sequence[Takes]) -> Takes:
    """Splits as one."""
    first = parts[0]

    def all_of(each: Sequence[Sequence[Any]]) -> list[Any]:
        return [value for part in each for value in part]

    return replace(
        first,
        x=all_of([part.x for part in parts]),
        labels={name: tuple(all_of([part.labels[name] for part in parts])) for name in first.labels},
        names=all_of([part.names for part in parts]),
        tracks={
            name: replace(track, values=all_of([part.tracks[name].values for part in parts]))
            for name, track in first.tracks.items()
        },
        vectors=None if first.vectors is None else np.concatenate([part.vectors for part in parts]),  # pyright: ignore
        marks=all_of([part.marks for part in parts]),
    )


def _mended(parts: Sequence[Takes]) -> Takes:
    """Recordings that were cut in time, in one piece again: "a.wav[0:80]" and "a.wav[80:90]"."""
    every = joined(parts)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(every.names):
        rows.setdefault(name.rpartition("[")[0], []).append(row)
    one = taken(every, [chosen[0] for chosen in rows.values()])

    def glued(values: Sequence[Any]) -> list[Any]:
        return [np.concatenate([values[row] for row in chosen]) for chosen in rows.values()]

    tracks = {name: replace(track, values=glued(every.tracks[name].values)) for name, track in one.tracks.items()}
    return replace(one, x=glued(every.x), names=list(rows), tracks=tracks)
