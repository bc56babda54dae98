"""`open_gallery`: the user's own pictures, or a named data set of them.

Importing this does not import numpy or Pillow: the command line answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seriatim.data import named
from seriatim.data.corpus import fingerprint
from seriatim.data.folder import files_in
from seriatim.data.gallery import PICTURE_ENDINGS, Fitting, Gallery, ImageOptions, Pictures
from seriatim.data.image_sets import ImageSource
from seriatim.data.split import SIDES
from seriatim.errors import UserError, nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Gallery",
    "ImageOptions",
    "Pictures",
    "image_names",
    "is_gallery",
    "open_gallery",
    "open_set",
    "read_picture",
]

_CIFAR_ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-binary-subset.tar.xz")


def image_names() -> list[str]:
    """The named data sets of pictures, sorted."""
    return named.names("image")


def is_gallery(spec: str | Path) -> bool:
    """Whether a spec is pictures: the name of such a set, a picture's file, a folder whose files are mostly pictures.

    A path that exists wins over a name. Text is anything else, so that `open_corpus` says what is wrong with it.
    """
    path = _existing(spec)
    if path is None:
        return str(spec) in image_names()
    if path.name in _CIFAR_ARCHIVES:
        return True
    if not path.is_dir():
        return path.suffix.lower() in PICTURE_ENDINGS
    found, others = files_in(path, PICTURE_ENDINGS)
    return len(found) > others.total()


def open_gallery(spec: str | Path, options: ImageOptions | None = None) -> Gallery:
    """The pictures of a folder, of a file or of a named data set, in splits.

    A folder holds PNG, JPEG, WebP, GIF and BMP; its subfolders are the labels, or a CSV file gives them. A path that
    exists wins over a name. All is read here, into memory, so what is wrong with it is found now, in a `UserError`.
    """
    options = options or ImageOptions()
    path = _existing(spec)
    if path is None:
        return open_set(str(spec), options)
    if path.name in _CIFAR_ARCHIVES:
        return open_set("cifar10", options, path)
    return _own(path, options)


def read_picture(path: Path, height: int, width: int, channels: int, how: Fitting | None = None) -> NDArray[np.uint8]:
    """One file as (height, width, channels), to score, to complete or as a condition; channels are 1 or 3."""
    from seriatim.data import picture

    return picture.read_picture(path, height, width, channels, how or Fitting())


def open_set(name: str, options: ImageOptions, file: Path | None = None) -> Gallery:
    """A named data set, whatever lies at a path of that name; from its own files, or from `file` in its layout."""
    from seriatim.data.image_loaders import LAYOUTS, taken
    from seriatim.data.pixels import shaped

    source = named.SOURCES.get(name)
    if source is None:
        raise UserError(f"{name!r} is no folder, picture or named data set: {nearest(name, image_names())}")
    if not isinstance(source, ImageSource):
        raise named.other_kind(source, "image", name)
    for option in ("labels", "validation", "test"):
        if getattr(options, option) != getattr(ImageOptions(), option):
            raise UserError(f"--image.{option} was given, but {name} brings its own labels and split: leave it out")
    for option in ("maps", "vectors"):
        if getattr(options, option) is not None:
            raise UserError(
                f"--image.{option} was given, but {name} is no folder whose files could have partners: leave it out, "
                "or save its pictures as files"
            )
    loaded = LAYOUTS[source.layout](source, named.fetch(name) if file is None else [file])
    splits: dict[str, Pictures] = {}
    for side, pictures in loaded.splits.items():
        chosen = pictures if options.limit is None else taken(pictures, range(min(options.limit, len(pictures.x))))
        x = shaped(chosen.x, options, name)
        splits[side] = replace(chosen, x=x, labels=chosen.labels if options.given else None)
    return _finished(name, splits, options, source.terms(loaded.note))


def _existing(spec: str | Path) -> Path | None:
    path = Path(spec)
    try:
        return path if spec != "" and path.exists() else None  # Path("") would be the current folder
    except OSError as error:
        raise UserError(f"{spec}: cannot be looked at ({error.strerror}): check the path and its permissions") from None


def _own(path: Path, options: ImageOptions) -> Gallery:
    from seriatim.data.image_loaders import deal
    from seriatim.data.picture_folder import read_folder

    pictures, note = read_folder(path, options)
    splits = deal(pictures, options.validation, options.test, options.seed)
    wanted = [("train", 1.0), ("validation", options.validation), ("test", options.test)]
    lacking = [side for side, share in wanted if share and side not in splits]
    if lacking:
        raise UserError(
            f"{path}: too few different pictures ({len(pictures.x)} with copies) to leave any for {lacking[0]}: "
            "give more, or set --image.validation and --image.test to 0"
        )
    return _finished(path.name or path.resolve().name, splits, options, note)


def _finished(name: str, splits: Mapping[str, Pictures], options: ImageOptions, note: str) -> Gallery:
    """Ink drawn where it is wanted, and the fingerprint of what is there in the end."""
    from seriatim.data.pixels import digest, ink

    if options.binarise != "no":
        if any(pictures.x.shape[-1] != 1 for pictures in splits.values()):
            raise UserError(
                f"{name}: pictures in colour, but --image.binarise {options.binarise} is for grey ones: "
                "give --image.colour grey, or leave it out"
            )
        splits = {
            side: pictures
            if side == "train" and options.binarise == "epoch"
            else replace(pictures, x=ink(pictures.x, (options.seed, SIDES.index(side))))
            for side, pictures in splits.items()
        }
    mark = fingerprint(
        options.alphabet,
        options.seed if options.binarise != "no" else None,
        *((side, p.x.shape, digest(p.x), p.labels, tuple(p.names)) for side, p in splits.items()),
        *((side, p.maps.shape, digest(p.maps)) for side, p in splits.items() if p.maps is not None),
        *((side, p.vectors.shape, digest(p.vectors)) for side, p in splits.items() if p.vectors is not None),
    )
    return Gallery(name, splits, mark, note)
