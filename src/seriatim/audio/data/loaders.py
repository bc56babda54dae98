"""Loaders of the named data sets: from files to recordings in splits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from seriatim.audio.data.counting import counting_lines
from seriatim.audio.data.folder import read_files
from seriatim.audio.data.recordings import Takes
from seriatim.audio.data.splits import taken
from seriatim.audio.options import AudioOptions
from seriatim.data.tar import members
from seriatim.errors import UserError

_NAME = re.compile(r"(?:.*/)?(?P<digit>\d)_(?P<speaker>[A-Za-z]+)_(?P<index>\d+)\.wav")
_SIDES = (("train", range(10, 1000)), ("validation", range(5, 10)), ("test", range(5)))


class Loaded(NamedTuple):
    """A data set in its splits."""

    splits: dict[str, Takes]
    rate: int
    note: str


def digits(where: Path, options: AudioOptions, seed: int) -> Loaded:  # noqa: ARG001
    """Files named {digit}_{speaker}_{index}.wav in an archive."""
    found = [(match, data) for name, data in members(where) if (match := _NAME.fullmatch(name))]
    if not found:
        raise UserError(
            f"{where}: no recording has a name like 7_jackson_32.wav: replace the Free Spoken Digit Dataset"
        )
    found.sort(key=lambda pair: (int(pair[0]["index"]), pair[0]["digit"], pair[0]["speaker"]))
    takes, rate, _, notes = read_files([(Path(m.string).name, data) for m, data in found], options, str(where))
    named = [match for name in takes.names if (match := _NAME.fullmatch(name))]
    whole = replace(takes, labels={key: tuple(match[key] for match in named) for key in ("speaker", "digit")})
    splits: dict[str, Takes] = {}
    for side, indices in _SIDES:
        rows = [row for row, match in enumerate(named) if int(match["index"]) in indices]
        if rows:
            splits[side] = taken(whole, rows)
    if "train" not in splits:
        raise UserError(f"{where}: no takes numbered 10 or more, for training: replace the Free Spoken Digit Dataset")
    return Loaded(splits, rate, " ".join(notes))


def counting(where: Path, options: AudioOptions, seed: int) -> Loaded:
    """Lines concatenated from `digits` by the seed; each split uses its own takes."""
    loaded = digits(where, options, seed)
    lines = {side: counting_lines(takes, loaded.rate, seed, side) for side, takes in loaded.splits.items()}
    return loaded._replace(splits=lines)


LAYOUTS: Mapping[str, Callable[[Path, AudioOptions, int], Loaded]] = {"digits": digits, "counting": counting}
