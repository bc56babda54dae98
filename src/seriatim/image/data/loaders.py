"""Loaders of the named data sets: from files to pictures in splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seriatim.data import deal as dealing
from seriatim.data.digest import digest
from seriatim.data.idx import read_idx
from seriatim.data.pixels import Pixels
from seriatim.data.tar import members
from seriatim.errors import UserError
from seriatim.image.data.gallery import Pictures
from seriatim.image.data.sets import ImageSet

_RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue plane
_CIFAR = 60_000


class Loaded(NamedTuple):
    """A data set in its splits, with remarks for the user."""

    splits: dict[str, Pictures]
    note: str = ""


def idx(source: ImageSet, files: Sequence[Path]) -> Loaded:
    """MNIST's layout: training pictures and labels, test pictures and labels."""
    train, train_labels, test, test_labels = (read_idx(path) for path in files)
    return Loaded(
        {**_held_out(train[..., None], train_labels, 5000, source), "test": _split("test", test, test_labels, source)}
    )


def cifar(source: ImageSet, files: Sequence[Path]) -> Loaded:
    """CIFAR-10's binary version as a tar: all of it, or a part in the same layout."""
    found = {Path(name).name: data for name, data in members(files[0]) if name.endswith(".bin")}
    batches = sorted(name for name in found if name.startswith("data_batch_"))
    if not batches or "test_batch.bin" not in found:
        raise UserError(f"{files[0]}: lacks data_batch_1.bin or test_batch.bin: give CIFAR-10's binary version")
    train = np.concatenate([_records(found[name], name, files[0]) for name in batches])
    test = _records(found["test_batch.bin"], "test_batch.bin", files[0])
    parts = _held_out(_planes(train), train[:, 0], len(train) // 10, source)
    note = ""
    if len(train) + len(test) < _CIFAR:
        note = (
            f"Only a part is available: {len(train):,} training and {len(test):,} test pictures, so that figures do "
            "not compare with published ones; the whole is cifar-10-binary.tar.gz from its author's page, put into "
            "$SERIATIM_DATA/cifar10."
        )
    return Loaded({**parts, "test": _split("test", _planes(test), test[:, 0], source)}, note)


def digits(source: ImageSet, _: Sequence[Path]) -> Loaded:
    """scikit-learn's copy of the UCI test set, which has no official split."""
    from sklearn.datasets import load_digits

    grey, labels = load_digits(return_X_y=True)  # (N, 64) from 0 to 16, (N,)
    x: Pixels = np.rint(np.asarray(grey) * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    whole = _split("digits", x, np.asarray(labels), source)
    return Loaded(deal(whole, validation=0.1, test=0.1, seed=0))


LAYOUTS: dict[str, Callable[[ImageSet, Sequence[Path]], Loaded]] = {"idx": idx, "cifar": cifar, "digits": digits}


def deal(pictures: Pictures, validation: float, test: float, seed: int) -> dict[str, Pictures]:
    """Split pictures at random by `seed`, equal ones together; empty splits are left out."""
    sides = np.array(dealing.deal([digest(picture) for picture in pictures.x], validation, test, seed))
    return {side: taken(pictures, np.flatnonzero(sides == side)) for side in dealing.SIDES if (sides == side).any()}


def taken(pictures: Pictures, rows: Sequence[int] | NDArray[np.int64]) -> Pictures:
    """A subset of the pictures."""
    labels = None if pictures.labels is None else tuple(pictures.labels[row] for row in rows)
    maps = None if pictures.maps is None else pictures.maps[rows]
    vectors = None if pictures.vectors is None else pictures.vectors[rows]
    return Pictures(pictures.x[rows], labels, [pictures.names[row] for row in rows], maps, vectors)


def _records(data: bytes, name: str, archive: Path) -> Pixels:
    if not data or len(data) % _RECORD:
        raise UserError(f"{archive}: {name} has {len(data)} bytes, not a multiple of {_RECORD}: replace the file")
    return np.frombuffer(data, np.uint8).reshape(-1, _RECORD)


def _planes(records: Pixels) -> Pixels:
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _held_out(x: Pixels, labels: NDArray[np.uint8], count: int, source: ImageSet) -> dict[str, Pictures]:
    cut = len(x) - count
    whole = _split("train", x, labels, source)
    return {"train": taken(whole, np.arange(cut)), "validation": taken(whole, np.arange(cut, len(x)))}


def _split(name: str, x: Pixels, labels: NDArray[np.uint8], source: ImageSet) -> Pictures:
    if len(x) != len(labels) or (len(labels) and labels.max() >= len(source.labels)):
        raise UserError(f"{name}: pictures and labels do not match: replace the files of the data set")
    known = source.labels
    return Pictures(
        x if x.ndim == 4 else x[..., None],
        tuple(known[label] for label in labels.tolist()),
        [f"{name}:{i}" for i in range(len(x))],
    )
