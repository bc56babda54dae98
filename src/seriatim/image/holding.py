"""How likely data is images. No reader is imported: every command checks this."""

from __future__ import annotations

from typing import Any, cast

from seriatim.data.holding import IMAGE_ENDINGS, existing, held, named
from seriatim.modality import Certainty, Verdict

NAMES = ("mnist", "fashion-mnist", "cifar10", "digits")
"""The named data sets of images: the keys of `image.data.sets.SETS`."""

CIFAR_ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-binary-subset.tar.xz")
"""Files of named data sets, by their published names."""


def holds(data: object) -> Verdict:
    """Images: a path, a name, an 8-bit array (N, H, W[, C]), or a mapping with one under the key x."""
    path = existing(data)
    if path is None:
        x: Any = cast("dict[str, Any]", data).get("x") if isinstance(data, dict) else data
        if getattr(x, "ndim", 0) in (3, 4) and getattr(getattr(x, "dtype", None), "name", "") == "uint8":
            return Verdict(Certainty.YES, "an array of pictures", len(x), x.nbytes)
        return named(data, NAMES, "images")
    if path.name in CIFAR_ARCHIVES:
        return Verdict(Certainty.YES, "CIFAR-10", 1, path.stat().st_size)
    return held(path, IMAGE_ENDINGS, "images")
