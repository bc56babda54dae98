"""Which picture of another folder belongs to each: the one of the same path, whatever its ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from seriatim.data.folder import files_in
from seriatim.data.gallery import PICTURE_ENDINGS
from seriatim.errors import UserError


def partners_of(names: Sequence[str], folder: Path) -> tuple[Mapping[str, Path], str]:
    """The partner in `folder` of each picture, by the picture's name, and a remark on those of none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no folder, where --image.maps wants one with a picture for each: check the path")
    found: dict[str, tuple[str, Path]] = {}
    for name, file in files_in(folder, PICTURE_ENDINGS)[0]:
        stem = _stem(name)
        if stem in found:
            raise UserError(f"{folder}: {found[stem][0]!r} and {name!r} are maps of one picture: take one of them away")
        found[stem] = name, file
    lacking = [name for name in names if _stem(name) not in found]
    if lacking:
        wanted = f"{_stem(lacking[0])}.png (or {', '.join(PICTURE_ENDINGS[1:])})"
        raise UserError(
            f"{folder}: no map for {len(lacking)} of {len(names)} pictures, such as {lacking[0]!r}: put {wanted} there"
        )
    spare = len(found) - len({_stem(name) for name in names})
    return {name: found[_stem(name)][1] for name in names}, f"{spare} maps belong to no picture." if spare else ""


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
