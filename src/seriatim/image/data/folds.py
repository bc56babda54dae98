"""Cross-validation of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seriatim.data import deal
from seriatim.data.digest import digest, fingerprint
from seriatim.image.data.gallery import Gallery, Pictures
from seriatim.image.data.loaders import taken
from seriatim.image.data.pixels import ink
from seriatim.image.options import ImageOptions


def folds(gallery: Gallery, k: int, options: ImageOptions) -> list[Gallery]:
    """k galleries: train and validation are pooled, fold i validates part i, the test is kept.

    Copies of a picture are in one part. Pictures that are binarised anew in each epoch are binarised once where they
    validate.
    """
    pool = joined([gallery.splits[side] for side in ("train", "validation") if side in gallery.splits])
    place = np.array(deal.folds([digest(x) for x in pool.x], k, gallery.name))
    return [_fold(gallery, pool, place == i, i, k, options) for i in range(k)]


def _fold(gallery: Gallery, pool: Pictures, held: np.ndarray, i: int, k: int, options: ImageOptions) -> Gallery:
    train, validation = (taken(pool, np.flatnonzero(rows)) for rows in (~held, held))
    if options.binarise == "epoch":
        validation = replace(validation, x=ink(validation.x, (i, k)))
    test = {"test": gallery.splits["test"]} if "test" in gallery.splits else {}
    splits = {"train": train, "validation": validation, **test}
    name = f"{gallery.name} (fold {i + 1} of {k})"
    return replace(gallery, name=name, splits=splits, fingerprint=fingerprint(gallery.fingerprint, "fold", i, k))


def joined(parts: Sequence[Pictures]) -> Pictures:
    """Splits as one."""
    first = parts[0]

    def all_of(name: str) -> np.ndarray | None:
        each = [getattr(part, name) for part in parts]
        return None if any(value is None for value in each) else np.concatenate(each)

    labels = None if any(part.labels is None for part in parts) else sum((part.labels or () for part in parts), ())
    x, maps, vectors = np.concatenate([part.x for part in parts]), all_of("maps"), all_of("vectors")
    names = [name for part in parts for name in part.names]
    return replace(first, x=x, labels=labels, names=names, maps=maps, vectors=vectors)
