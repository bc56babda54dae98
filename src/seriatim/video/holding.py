"""How likely data is films. No reader is imported: every command checks this."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from seriatim.data.folder import files_in
from seriatim.data.holding import existing, minority, named
from seriatim.modality import NOT_MINE, Certainty, Verdict
from seriatim.video.data.gif import animated

NAMES = ("moving-mnist",)
"""The named data sets of films: the keys of `video.data.sets.SETS`."""

GIF = ".gif"

FILM_ENDINGS = (
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".mpg",
    ".mpeg",
    ".vob",
    ".m2ts",
    ".wmv",
    ".flv",
    ".ogv",
    ".3gp",
    ".y4m",
    GIF,
)
"""Suffixes of films. A GIF is a film if it has two or more frames, else a picture."""

_LOOKED_AT = 32  # GIFs of a folder, to say whether its GIFs move


def holds(data: object) -> Verdict:
    """Films: a path, a name, an 8-bit array (N, T, H, W, C), a list of arrays (T, H, W[, C]), or a mapping with x."""
    path = existing(data)
    if path is None:
        x: Any = cast("dict[str, Any]", data).get("x") if isinstance(data, dict) else data
        if films_in(x):
            size = x.nbytes if hasattr(x, "nbytes") else sum(each.nbytes for each in x)
            return Verdict(Certainty.YES, "arrays of frames", len(x), size)
        return named(data, NAMES, "films")
    return _folder(path) if path.is_dir() else _file(path)


def films_in(data: Any) -> bool:
    """Whether a Python object is several 8-bit films: an array (N, T, H, W, C), or a sequence of (T, H, W[, C]).

    Arrays (N, T, H, W) and sequences of (H, W, 1 or 3) are pictures.
    """
    if _is_bytes(data):
        return data.ndim == 5 and len(data) > 0
    if not isinstance(data, list | tuple) or not data:
        return False
    each = cast("list[Any]", data)
    return all(_is_bytes(x) and (x.ndim == 4 or (x.ndim == 3 and x.shape[-1] not in (1, 3))) for x in each)


def _is_bytes(x: Any) -> bool:
    return hasattr(x, "ndim") and getattr(getattr(x, "dtype", None), "name", "") == "uint8"


def _file(path: Path) -> Verdict:
    ending = path.suffix.lower()
    if ending == GIF:
        return Verdict(Certainty.SURE, "an animation", 1, path.stat().st_size) if animated(path) else NOT_MINE
    return Verdict(Certainty.YES, "a film", 1, path.stat().st_size) if ending in FILM_ENDINGS else NOT_MINE


def _folder(path: Path) -> Verdict:
    """By how many of its files are films; GIFs are if most of the first ones move."""
    found, others = files_in(path, FILM_ENDINGS)
    gifs = [file for _, file in found if file.suffix.lower() == GIF]
    moving = _move(gifs)
    if not moving:
        found = [(name, file) for name, file in found if file.suffix.lower() != GIF]
        others[GIF] += len(gifs)
    if not found:
        return NOT_MINE
    # Animations alone are sure, as the wing of pictures claims every GIF.
    usual = Certainty.SURE if moving else Certainty.YES
    certainty = usual if len(found) > others.total() else Certainty.MAYBE
    size = sum(file.stat().st_size for _, file in found)
    words = f"{len(found):,} film{'s' * (len(found) > 1)}"
    return Verdict(certainty, words, len(found), size, minority(len(found), others))


def _move(gifs: Sequence[Path]) -> bool:
    seen = [animated(file) for file in gifs[:_LOOKED_AT]]
    return 2 * sum(seen) > len(seen)
