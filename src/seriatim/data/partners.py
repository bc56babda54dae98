"""Pairing pictures or recordings with files of another folder that have the same path up to the suffix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from seriatim.data.folder import files_in
from seriatim.errors import UserError


class Pairing(NamedTuple):
    """What is paired, for messages."""

    option: str
    """The option that gives the folder."""
    endings: tuple[str, ...]
    """Suffixes of the partners; the first is the usual one."""
    partner: str
    """Word for a partner."""
    whole: str
    """Word for the item it belongs to."""
    whole_endings: tuple[str, ...] = ()
    """Suffixes of the items, if a table may list them."""


def partners_of(names: Sequence[str], folder: Path, pairing: Pairing) -> tuple[Mapping[str, Path], str]:
    """The partner in `folder` of each name (or `folder` itself, a file for a single name); a remark on unused ones."""
    option, endings, partner, whole = pairing[:4]
    if len(names) == 1 and folder.is_file() and folder.suffix.lower() in endings:
        return {names[0]: folder}, ""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; {option} needs one with a {partner} per {whole}: check the path")
    found: dict[str, tuple[str, Path]] = {}
    for name, file in files_in(folder, endings)[0]:
        stem = _stem(name)
        if stem in found:
            raise UserError(f"{folder}: {found[stem][0]!r} and {name!r} are {partner}s of the same {whole}: remove one")
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
