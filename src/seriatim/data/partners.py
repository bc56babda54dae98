"""Which file of another folder belongs to each picture or recording: the one of the same path but for the ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from seriatim.data.folder import files_in
from seriatim.errors import UserError


class Pairing(NamedTuple):
    """What is paired, for messages."""

    option: str
    """That names the folder."""
    endings: tuple[str, ...]
    """Of the partners; the first is the usual one."""
    partner: str
    """What a partner is called."""
    whole: str
    """What it is a partner of."""
    whole_endings: tuple[str, ...] = ()
    """Of those, where a table may name them."""


def partners_of(names: Sequence[str], folder: Path, pairing: Pairing) -> tuple[Mapping[str, Path], str]:
    """The partner in `folder` of each name, or the file that `folder` is of a single one; a remark on those of none."""
    option, endings, partner, whole = pairing[:4]
    if len(names) == 1 and folder.is_file() and folder.suffix.lower() in endings:
        return {names[0]: folder}, ""
    if not folder.is_dir():
        raise UserError(f"{folder}: no folder, where {option} wants one with a {partner} for each: check the path")
    found: dict[str, tuple[str, Path]] = {}
    for name, file in files_in(folder, endings)[0]:
        stem = _stem(name)
        if stem in found:
            raise UserError(
                f"{folder}: {found[stem][0]!r} and {name!r} are {partner}s of one {whole}: take one of them away"
            )
        found[stem] = name, file
    lacking = [name for name in names if _stem(name) not in found]
    if lacking:
        others = f" (or {', '.join(endings[1:])})" if endings[1:] else ""
        raise UserError(
            f"{folder}: no {partner} for {len(lacking)} of {len(names)} {whole}s, such as {lacking[0]!r}: put "
            f"{_stem(lacking[0])}{endings[0]}{others} there"
        )
    spare = len(found) - len({_stem(name) for name in names})
    return {name: found[_stem(name)][1] for name in names}, f"{spare} {partner}s belong to no {whole}." if spare else ""


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
