"""Films in memory: arrays of frames and their conditions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seriatim.data import pixels
from seriatim.data.fitting import WIDEST
from seriatim.data.options import DataOptions
from seriatim.data.pixels import Pixels, fit, to_array, to_grey
from seriatim.errors import UserError
from seriatim.symbols.label import label_of
from seriatim.video.data.actions import checked, one_width
from seriatim.video.data.films import Films
from seriatim.video.options import VideoOptions

_KEYS = ("x", "label", "action")


def read_arrays(spec: object, options: VideoOptions, division: DataOptions) -> Films:
    """Read films, or a mapping of them and their conditions.

    Args:
        spec: uint8 (N, T, H, W, C) or (N, T, H, W), a sequence of (T, H, W, C) or (T, H, W), or {"x": such, "label":
            a label each, "action": (N, T, A) or a sequence of (T, A)}.
        options: how they are read; they keep their size unless it is given.
        division: of which `limit` and `seed` choose some.

    Raises:
        UserError: naming a key whose values do not match.
    """
    given: dict[str, Any] = cast("dict[str, Any]", spec) if isinstance(spec, dict) else {"x": spec}
    for key in given:
        if key not in _KEYS:
            raise UserError(f"unknown key {key!r} for films in memory; give {', '.join(_KEYS)}")
    for option, instead in (("labels", "give 'label'"), ("actions", "give 'action'"), ("rate", "leave it out")):
        if getattr(options, option):
            raise UserError(f"--video.{option} was given, but is for files; {instead} with the films in memory")
    x = [_film(each, i) for i, each in enumerate(_several(given.get("x")))]
    names = [f"film {i}" for i in range(len(x))]
    for i, each in enumerate(x):
        if each.shape[1:3] != x[0].shape[1:3] and options.sides is None:
            raise UserError(
                f"film {i} has frames of {each.shape[1]} × {each.shape[2]}, but film 0 of {x[0].shape[1]} × "
                f"{x[0].shape[2]}: give one size for all, e.g. --video.size 32"
            )
    for key in _KEYS[1:]:
        if key in given and len(given[key]) != len(x):
            raise UserError(f"{len(given[key])} values of {key!r} for {len(x)} films; give one per film")
    labels = tuple(map(label_of, given["label"])) if "label" in given and options.given else None
    actions = None
    if "action" in given:
        actions = [
            checked(np.asarray(each), f"'action' {i}", name, len(film))
            for i, (each, name, film) in enumerate(zip(given["action"], names, x, strict=True))
        ]
        one_width(actions, names)
    whole = Films(x, [len(each) for each in x], names, labels, actions, given_frames=options.given_frames)
    if division.limit is not None and division.limit < len(x):
        chosen = np.sort(np.random.default_rng(division.seed).permutation(len(x))[: division.limit])
        whole = whole.taken(chosen.tolist())
    return replace(whole, x=_shaped(whole.x, options))


def _several(value: Any) -> list[Any]:
    """The films of an array or a sequence of arrays."""
    if isinstance(value, list | tuple) and value:
        return [*cast("list[Any]", value)]
    x: NDArray[Any] = np.asarray(value)
    if x.dtype != np.uint8 or x.ndim not in (4, 5) or not len(x):
        raise UserError(
            f"'x' is {x.dtype} of shape {x.shape}; expected uint8 (N, T, H, W) or (N, T, H, W, 1 or 3), or a list of "
            "(T, H, W) or (T, H, W, 1 or 3)"
        )
    if x.ndim == 4 and x.shape[-1] in (1, 3):
        raise UserError(
            f"'x' has shape {x.shape}: one film, or {len(x)} whose frames are {x.shape[-1]} wide; give x[None] for "
            "one, x[..., None] for several"
        )
    return [*x]


def _film(value: Any, i: int) -> Pixels:
    """(T, H, W, C) 8-bit values."""
    x: NDArray[Any] = np.asarray(value)
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[-1] not in (1, 3)) or not x.size:
        raise UserError(f"film {i} is {x.dtype} of shape {x.shape}; expected uint8 (T, H, W) or (T, H, W, 1 or 3)")
    if x.ndim == 3 and x.shape[-1] in (1, 3):
        raise UserError(
            f"film {i} has shape {x.shape}: a picture, or frames that are {x.shape[-1]} wide; give x[..., None] for "
            "frames, or --kind image for pictures"
        )
    if max(x.shape[1:3]) > WIDEST:
        raise UserError(f"film {i}: frames of {x.shape[1]} × {x.shape[2]}; expected at most {WIDEST}: shrink them")
    return x if x.ndim == 4 else x[..., None]


def _shaped(films: Any, options: VideoOptions) -> list[Pixels]:
    """Films (T, H, W, C) in the requested size and colour."""
    most = max(x.shape[-1] for x in films)
    channels = {"grey": 1, "rgb": 3}.get(options.colour) or most
    height, width = options.sides or films[0].shape[1:3]
    frames = sum(len(x) for x in films)
    if (size := frames * height * width * channels) > pixels.MOST:
        raise UserError(
            f"{frames:,} frames of {height} × {width} × {channels} take {size / 2**30:.1f} GiB of memory, more than "
            f"the limit of {pixels.MOST / 2**30:g}: give a smaller --video.size or --data.limit"
        )
    return [_resized(_coloured(x, channels), height, width, options) for x in films]


def _coloured(x: Pixels, channels: int) -> Pixels:
    if x.shape[-1] == channels:
        return x
    return to_grey(x) if channels == 1 else np.repeat(x, 3, axis=-1)


def _resized(x: Pixels, height: int, width: int, options: VideoOptions) -> Pixels:
    if x.shape[1:3] == (height, width):
        return x
    flat = x[..., 0] if x.shape[-1] == 1 else x
    return np.stack([to_array(fit(Image.fromarray(frame), height, width, options.fitting)) for frame in flat])
