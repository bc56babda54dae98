"""Reading a folder of pictures, or one file, with labels, into memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from seriatim.data.bad import Bad
from seriatim.data.fitting import WIDEST, Colour, fitted, usual_sides
from seriatim.data.folder import drawn, files_in, listed
from seriatim.data.holding import IMAGE_ENDINGS
from seriatim.data.labels import of_folders, of_table
from seriatim.data.npy import ENDING
from seriatim.data.options import DataOptions
from seriatim.data.partners import Pairing, partners_of
from seriatim.data.picture import Header, read_header, read_pixels
from seriatim.data.pixels import Pixels, check_room
from seriatim.data.vectors import vectors_of
from seriatim.errors import UserError
from seriatim.image.data.gallery import Pictures
from seriatim.image.options import ImageOptions

SIDE = 64
"""Pixels of the longer side up to which pictures keep their size."""

_MAPS = Pairing("--image.maps", IMAGE_ENDINGS, "map", "picture")
_VECTORS = Pairing("--image.vectors", (ENDING,), "vector", "picture", IMAGE_ENDINGS)


def read_folder(path: Path, options: ImageOptions, division: DataOptions) -> tuple[Pictures, str]:
    """Read all pictures of a folder, or one file, in one size and colour; with a note."""
    files, notes = _files(path)
    names = [name for name, _ in files]
    labels, remark = _labels(path, names, options)
    notes += [remark] if remark else []
    if division.limit is not None and division.limit < len(files):
        files = drawn(files, division.limit, division.seed)
    whole, names = names, [name for name, _ in files]
    bad = Bad(division.skip_bad)
    x, remarks, kept = _read(path, [file for _, file in files], options.sides, options.colour, options, "size", bad)
    notes += [remark] if (remark := bad.finish(len(files), "pictures")) else []
    files, names = [files[i] for i in kept], [names[i] for i in kept]
    notes += [f"{count} of {len(files)} pictures {remark}." for remark, count in sorted(remarks.items())]
    chosen = None if labels is None else tuple(labels[name] for name in names)
    maps = vectors = None
    if options.maps is not None:
        place = Path(options.maps)
        partners, remark = partners_of(whole, place, _MAPS)
        notes += [remark] if remark else []
        found = [partners[name] for name in names]
        bad = Bad()
        maps, remarks, _ = _read(place, found, options.map_sides, options.map_colour, options, "map-size", bad)
        bad.finish(len(found), "maps")
        notes += [f"{count} of {len(files)} maps {remark}." for remark, count in sorted(remarks.items())]
    if options.vectors is not None:
        every, remark = vectors_of(whole, Path(options.vectors), _VECTORS)
        notes += [remark] if remark else []
        row = {name: i for i, name in enumerate(whole)}
        vectors = every[[row[name] for name in names]]
    return Pictures(x, chosen, names, maps, vectors), " ".join(notes)


def _read(
    path: Path,
    files: Sequence[Path],
    sides: tuple[int, int] | None,
    colour: Colour,
    options: ImageOptions,
    option: str,
    bad: Bad,
) -> tuple[Pixels, Counter[str], list[int]]:
    """Files as (N, H, W, C), counts of remarks, and which are not bad; `option` sets their size, for messages."""
    found = [(i, header) for i, file in enumerate(files) if (header := bad.attempt(read_header, file, str(file)))]
    if not found:
        bad.finish(len(files), "files")
    whole, headers = files, [header for _, header in found]
    files = [whole[i] for i, _ in found]
    sizes = [(header.height, header.width) for header in headers]
    if sides is None:
        sides, remark = (
            usual_sides(sizes, SIDE, "image") if option == "size" else (_common_size(files, headers, option), "")
        )
    else:
        remark = fitted(sizes, sides, options.fitting)
    height, width = sides
    channels = {"grey": 1, "rgb": 3}.get(colour) or max(header.channels for header in headers)
    check_room(len(files), height, width, channels, str(path), option)
    x = np.empty((len(files), height, width, channels), np.uint8)
    remarks: Counter[str] = Counter({remark: len(files)} if remark else {})
    kept: list[int] = []
    for (i, _), file in zip(found, files, strict=True):
        picture = bad.attempt(read_pixels, file, str(file), channels, sides, options.fitting, remarks)
        if picture is None:
            continue
        if picture.shape != x.shape[1:]:
            raise UserError(f"{file}: changed while being read: try again when it is no longer written to")
        x[len(kept)] = picture
        kept.append(i)
    return x[: len(kept)], remarks, kept


def _files(path: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    if not path.is_dir():
        return [(path.name, path)], []
    files, others = files_in(path, IMAGE_ENDINGS)
    kinds = listed(others)
    if not files:
        there = f"only other files ({kinds})" if kinds else "no files"
        wanted = ", ".join("*" + ending for ending in IMAGE_ENDINGS)
        raise UserError(f"{path}: {there}; expected {wanted}: give a folder with pictures")
    return files, [f"Left out: {kinds}."] if kinds else []


def _common_size(files: Sequence[Path], headers: Sequence[Header], option: str) -> tuple[int, int]:
    first = headers[0]
    for file, header in zip(files, headers, strict=True):
        if header[:2] != first[:2]:
            raise UserError(
                f"{file}: {header.height} × {header.width} pixels, but {files[0]} has {first.height} × {first.width}: "
                f"give one size for all, e.g. --image.{option} 32"
            )
    if max(first[:2]) > WIDEST:
        raise UserError(
            f"{files[0]}: {first.height} × {first.width} pixels, more than {WIDEST} a side: "
            f"give a smaller --image.{option}"
        )
    return first.height, first.width


def _labels(path: Path, names: Sequence[str], options: ImageOptions) -> tuple[Mapping[str, str] | None, str]:
    """The label of each picture, from a CSV file or its subfolder; None without labels or if they are off."""
    if options.labels is not None:
        if not path.is_dir():
            raise UserError(f"--image.labels was given, but {path} is a single picture: leave it out")
        return of_table(Path(options.labels), path, names, "image", "picture", IMAGE_ENDINGS), ""
    return of_folders(path, names, "image", "pictures") if options.given else (None, "")
