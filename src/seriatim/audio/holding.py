"""How likely data is audio. No reader is imported: every command checks this."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from seriatim.data.holding import existing, held, named
from seriatim.modality import Certainty, Verdict

NAMES = ("spoken-digits", "spoken-counting")
"""The named data sets of audio: the keys of `audio.data.sets.SETS`."""

AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".mp3")
"""Suffixes of recordings."""


def holds(data: object) -> Verdict:
    """Audio: a path, a name, a sequence of 16-bit arrays (T,) or (T, 2), or a mapping with one under the key x."""
    path = existing(data)
    if path is None:
        x: Any = cast("dict[str, Any]", data).get("x") if isinstance(data, dict) else data
        if recordings_in(x):
            return Verdict(Certainty.YES, "arrays of samples", len(x), sum(each.nbytes for each in x))
        return named(data, NAMES, "audio")
    if is_archive_of_digits(path):
        return Verdict(Certainty.YES, "the Free Spoken Digit Dataset", 1, path.stat().st_size)
    return held(path, AUDIO_ENDINGS, "audio")


def recordings_in(data: Any) -> bool:
    """Whether a Python object is several 16-bit recordings: a sequence of arrays, or an array (N, T[, 2])."""
    if isinstance(data, str | Path | dict) or not hasattr(data, "__len__") or not len(data):
        return False
    if not isinstance(data, list | tuple) and getattr(data, "ndim", 0) not in (2, 3):
        return False
    each = cast("list[Any]", data)
    return all(getattr(getattr(x, "dtype", None), "name", "") == "int16" and x.ndim in (1, 2) for x in each)


def is_archive_of_digits(path: Path) -> bool:
    """Whether a file is the Free Spoken Digit Dataset, by its published name."""
    return re.fullmatch(r"free-spoken-digit-dataset.*\.(tar|tar\.(gz|xz|bz2)|tgz)", path.name) is not None
