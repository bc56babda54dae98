"""`open_gallery`: the user's own pictures, or a named data set.

Importing this does not import numpy or Pillow, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seriatim.data import named
from seriatim.data.deal import SIDES
from seriatim.data.digest import digest, fingerprint
from seriatim.data.fitting import Fitting
from seriatim.data.holding import existing
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.image.data.gallery import Gallery, Pictures
from seriatim.image.data.sets import ImageSet
from seriatim.image.holding import CIFAR_ARCHIVES, NAMES
from seriatim.image.options import ImageOptions
from seriatim.modality import modality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def open_gallery(spec: object, options: ImageOptions | None = None, division: DataOptions | None = None) -> Gallery:
    """Read pictures in splits.

    Args:
        spec: a folder, a file, the name of a data set, an 8-bit array (N, H, W[, C]), or a mapping {"x": array,
            "label": [a string each], "image": maps (N, h, w[, c]), "vector": (N, D)}. A folder contains PNG, JPEG,
            WebP, GIF, BMP and TIFF files; subfolders are labels, unless a CSV file gives them. An existing path takes
            precedence over a name.
        options: how they are read.
        division: how they are divided.

    Raises:
        UserError: if anything is wrong with them: all are read into memory here.
    """
    options, division = options or ImageOptions(), division or DataOptions()
    if not isinstance(spec, str | Path):
        return _from_arrays(spec, options, division)
    path = existing(spec)
    if path is None:
        return open_set(str(spec), options, division)
    if path.name in CIFAR_ARCHIVES:
        return open_set("cifar10", options, division, path)
    return _own(path, options, division)


def read_picture(path: Path, height: int, width: int, channels: int, how: Fitting | None = None) -> NDArray[np.uint8]:
    """Read one file as (height, width, channels), to score, to complete or as a condition; channels are 1 or 3."""
    from seriatim.data import picture

    return picture.read_picture(path, height, width, channels, how or Fitting())


def open_set(name: str, options: ImageOptions, division: DataOptions, file: Path | None = None) -> Gallery:
    """Open a named data set, even if a path of that name exists; from its own files, or from `file` in its layout."""
    from seriatim.image.data.loaders import LAYOUTS, taken
    from seriatim.image.data.pixels import shaped

    if name not in named.names():
        raise named.unknown(name, "folder, picture", NAMES)
    known = cast(ImageSet, named.of_kind(name, modality("image")))
    usual = DataOptions()
    given = ["--image.labels"] if options.labels is not None else []
    given += [f"--data.{key}" for key in ("validation", "test") if getattr(division, key) != getattr(usual, key)]
    if given:
        raise UserError(f"{given[0]} was given, but {name} has its own labels and split: leave it out")
    for option in ("maps", "vectors"):
        if getattr(options, option) is not None:
            raise UserError(
                f"--image.{option} was given, but {name} is not a folder of files: leave it out, "
                "or save its pictures as files"
            )
    loaded = LAYOUTS[known.layout](known, named.fetch(name) if file is None else [file])
    splits: dict[str, Pictures] = {}
    for side, pictures in loaded.splits.items():
        chosen = pictures if division.limit is None else taken(pictures, range(min(division.limit, len(pictures.x))))
        x = shaped(chosen.x, options, name)
        splits[side] = replace(chosen, x=x, labels=chosen.labels if options.given else None)
    return _finished(name, splits, options, division, known.terms(loaded.note))


def _own(path: Path, options: ImageOptions, division: DataOptions) -> Gallery:
    from seriatim.image.data.folder import read_folder

    pictures, note = read_folder(path, options, division)
    return _divided(path.name or path.resolve().name, pictures, options, division, note, str(path))


def _from_arrays(spec: object, options: ImageOptions, division: DataOptions) -> Gallery:
    from seriatim.image.data.arrays import read_arrays

    pictures = read_arrays(spec, options, division)
    return _divided("arrays", pictures, options, division, "", "the arrays")


def _divided(
    name: str, pictures: Pictures, options: ImageOptions, division: DataOptions, note: str, where: str
) -> Gallery:
    from seriatim.image.data.loaders import deal

    splits = deal(pictures, division.validation, division.test, division.seed)
    lacking = [side for side in division.shares if side not in splits]
    if lacking:
        raise UserError(
            f"{where}: too few distinct pictures (of {len(pictures.x)}) for a {lacking[0]} split: "
            "give more, or set --data.validation and --data.test to 0"
        )
    return _finished(name, splits, options, division, note)


def _finished(
    name: str, splits: Mapping[str, Pictures], options: ImageOptions, division: DataOptions, note: str
) -> Gallery:
    """Binarise the splits if requested, and compute the fingerprint."""
    from seriatim.image.data.pixels import ink

    if options.binarise != "no":
        if any(pictures.x.shape[-1] != 1 for pictures in splits.values()):
            raise UserError(
                f"{name}: colour pictures, but --image.binarise {options.binarise} is for grey ones: "
                "give --image.colour grey, or leave it out"
            )
        splits = {
            side: pictures
            if side == "train" and options.binarise == "epoch"
            else replace(pictures, x=ink(pictures.x, (division.seed, SIDES.index(side))))
            for side, pictures in splits.items()
        }

    def content(pictures: Pictures) -> list[Any]:
        extra = [digest(each) for each in (pictures.maps, pictures.vectors) if each is not None]
        return [digest(pictures.x), pictures.labels, tuple(pictures.names), *extra]

    seed = division.seed if options.binarise != "no" else None
    mark = fingerprint(options.alphabet, seed, *((side, content(pictures)) for side, pictures in splits.items()))
    return Gallery(name, splits, mark, note)
