"""Pictures in memory: arrays and their conditions."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.image.data.gallery import Pictures
from seriatim.image.data.loaders import taken
from seriatim.image.data.pixels import shaped
from seriatim.image.options import ImageOptions
from seriatim.symbols.label import label_of

_KEYS = ("x", "label", "image", "vector")


def read_arrays(spec: object, options: ImageOptions, division: DataOptions) -> Pictures:
    """Read an array of pictures, or a mapping of it and its conditions.

    Raises:
        UserError: naming a key whose values do not match.
    """
    given: dict[str, Any] = cast("dict[str, Any]", spec) if isinstance(spec, dict) else {"x": spec}
    for key in given:
        if key not in _KEYS:
            raise UserError(f"unknown key {key!r} for pictures in memory; give {', '.join(_KEYS)}")
    x = _pictures(given.get("x"), "x")
    for key in _KEYS[1:]:
        if key in given and len(given[key]) != len(x):
            raise UserError(f"{len(given[key])} values of {key!r} for {len(x)} pictures; give one per picture")
    labels = tuple(map(label_of, given["label"])) if "label" in given and options.given else None
    maps = _pictures(given["image"], "image") if "image" in given else None
    vectors = np.asarray(given["vector"], np.float32) if "vector" in given else None
    if vectors is not None and (vectors.ndim != 2 or not np.isfinite(vectors).all()):
        raise UserError(f"'vector' has shape {vectors.shape}; expected (pictures, numbers), all finite")
    whole = Pictures(shaped(x, options, "x"), labels, [f"picture {i}" for i in range(len(x))], maps, vectors)
    if division.limit is None or division.limit >= len(x):
        return whole
    chosen = np.sort(np.random.default_rng(division.seed).permutation(len(x))[: division.limit])
    return taken(whole, chosen)


def _pictures(value: Any, key: str) -> NDArray[np.uint8]:
    """(N, H, W, C) 8-bit values."""
    x: NDArray[Any] = np.asarray(value)
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[-1] not in (1, 3)):
        raise UserError(f"{key!r} is {x.dtype} of shape {x.shape}; expected uint8 (N, H, W) or (N, H, W, 1 or 3)")
    if x.ndim == 3 and x.shape[-1] in (1, 3):
        raise UserError(
            f"{key!r} has shape {x.shape}: one picture, or {len(x)} that are {x.shape[-1]} wide; give x[None] for one, "
            "x[..., None] for several"
        )
    return np.ascontiguousarray(x if x.ndim == 4 else x[..., None])
