"""Dividing recordings among train, validation and test without overlap."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

from seriatim.audio.data.recordings import Takes
from seriatim.audio.options import AudioOptions
from seriatim.data import deal
from seriatim.data.digest import digest
from seriatim.data.options import DataOptions
from seriatim.errors import UserError


def divide(takes: Takes, options: AudioOptions, division: DataOptions, where: str) -> tuple[dict[str, Takes], str]:
    """Split recordings, whole with copies together, or each cut by time; and what to say of it.

    Raises:
        UserError: if there are too few for a split.
    """
    splits = (_by_time if options.split == "time" else _by_file)(takes, division)
    remark = ""
    if options.split == "auto" and not splits.keys() >= division.shares.keys():
        splits = _by_time(takes, division)
        each = "The recording is" if len(takes.x) == 1 else f"The {len(takes.x)} recordings are each"
        remark = f"{each} cut by time, being too few to split by file: the first part trains, the last tests."
    for side in division.shares:
        if side not in splits:
            raise UserError(
                f"{where}: too few distinct recordings (of {len(takes.x)}) for a {side} split: give "
                "more, set --data.validation and --data.test to 0, or cut each with --audio.split time"
            )
    return splits, remark


def taken(takes: Takes, rows: Sequence[int]) -> Takes:
    """A subset of the recordings."""
    return Takes(
        [takes.x[row] for row in rows],
        {name: tuple(values[row] for row in rows) for name, values in takes.labels.items()},
        [takes.names[row] for row in rows],
        {name: replace(track, values=[track.values[row] for row in rows]) for name, track in takes.tracks.items()},
        None if takes.vectors is None else takes.vectors[list(rows)],
        [takes.marks[row] for row in rows] if takes.marks else (),
    )


def drawn_rows(names: Sequence[str], limit: int, seed: int) -> list[int]:
    """`limit` rows, in order, chosen by a hash so that they do not all have the first label."""
    key = [hashlib.sha256(repr((seed, name)).encode()).digest() for name in names]
    return sorted(sorted(range(len(names)), key=lambda row: key[row])[:limit])


def _by_file(takes: Takes, division: DataOptions) -> dict[str, Takes]:
    sides = deal.deal([digest(x) for x in takes.x], division.validation, division.test, division.seed)
    rows = {side: [row for row, at in enumerate(sides) if at == side] for side in deal.SIDES}
    return {side: taken(takes, chosen) for side, chosen in rows.items() if chosen}


def _by_time(takes: Takes, division: DataOptions) -> dict[str, Takes]:
    """The first part of each recording trains, the next validates, the last tests; cuts are at frame boundaries."""
    first, last = 1 - division.validation - division.test, 1 - division.test
    edges = {"train": (0.0, first), "validation": (first, last), "test": (last, 1.0)}
    splits = {side: stretch(takes, start, stop) for side, (start, stop) in edges.items()}
    return {side: part for side, part in splits.items() if part.x}


def stretch(takes: Takes, start: float, stop: float) -> Takes:
    """From one share of the length of each recording to another; recordings of which nothing is left are left out."""
    hop = math.lcm(*(track.hop for track in takes.tracks.values()))
    parts = [(_cut(start, len(x), hop), _cut(stop, len(x), hop)) for x in takes.x]
    rows = [row for row, (a, b) in enumerate(parts) if a < b]
    kept = taken(takes, rows)
    x = [takes.x[row][parts[row][0] : parts[row][1]] for row in rows]
    names = [f"{takes.names[row]}[{parts[row][0]}:{parts[row][1]}]" for row in rows]
    tracks = {
        name: replace(
            track,
            values=[
                values[parts[row][0] // track.hop : -(-parts[row][1] // track.hop)]
                for row, values in zip(rows, track.values, strict=True)
            ],
        )
        for name, track in kept.tracks.items()
    }
    return replace(kept, x=x, names=names, tracks=tracks)


def _cut(share: float, samples: int, hop: int) -> int:
    return samples if share == 1 else min(samples, round(share * samples / hop) * hop)
