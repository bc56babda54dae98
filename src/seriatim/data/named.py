"""The named data sets of all kinds: their descriptions and files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from seriatim.data import fetch as files_of
from seriatim.data.fetch import NamedSet
from seriatim.errors import UserError, nearest
from seriatim.modality import Modality, modalities


def names() -> list[str]:
    """The names of all data sets, sorted."""
    return sorted(name for each in modalities() for name in each.names)


def kind_of(name: str) -> Modality:
    """The kind of data of a named data set.

    Raises:
        UserError: if there is no such set.
    """
    for each in modalities():
        if name in each.names:
            return each
    raise UserError(f"no data set is named {name!r}: {nearest(name, names())}")


def info(name: str) -> NamedSet:
    """The description of a data set, without downloading it.

    Raises:
        UserError: if there is no such set.
    """
    return kind_of(name).sets()[name]


def of_kind(name: str, wanted: Modality) -> NamedSet:
    """A data set that must hold the given kind of data.

    Raises:
        UserError: if there is no such set, or it holds another kind.
    """
    found = kind_of(name)
    if found.name != wanted.name:
        raise UserError(
            f"{name} is a data set of {found.words}, not of {wanted.words}: give one of "
            f"{', '.join(sorted(wanted.names))}"
        )
    return found.sets()[name]


def available(name: str) -> bool:
    """Whether all its files are on this machine (unverified), so that no download is needed."""
    known = info(name)
    if known.package and find_spec(known.package) is None:
        return False
    return _at_hand(known.files) or (known.part != () and _at_hand(known.part))


def fetch(name: str) -> list[Path]:
    """Its verified files on this machine, in the order of the table; downloaded if necessary.

    Raises:
        UserError: if there is no such set, or it cannot be downloaded.
    """
    known = info(name)
    if known.package and find_spec(known.package) is None:
        raise UserError(f"{name} comes with {known.package}, which is not installed: {known.by_hand}")
    files = known.part if known.part and _at_hand(known.part) and not _at_hand(known.files) else known.files
    return [files_of.get(file, known.by_hand) for file in files]


def _at_hand(files: Sequence[files_of.File]) -> bool:
    return all(files_of.find(file) is not None for file in files)


def unknown(spec: str, words: str, known: Iterable[str]) -> UserError:
    """What to say of a path or name that is neither a file nor a data set; `words`: what was expected."""
    if Path(spec).suffix or len(Path(spec).parts) > 1:
        return UserError(f"{spec!r}: no such file or folder: check the path")
    return UserError(f"{spec!r} is not a {words} or named data set: {nearest(spec, known)}")
