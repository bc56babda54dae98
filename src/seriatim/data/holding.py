"""How likely a path holds some kind of data, by the suffixes of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from seriatim.data.folder import files_in
from seriatim.errors import UserError
from seriatim.modality import NOT_MINE, Certainty, Verdict

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
"""Suffixes of pictures."""


def existing(data: object) -> Path | None:
    """The path if it exists; None for anything else.

    Raises:
        UserError: if it cannot be accessed.
    """
    if not isinstance(data, str | Path):
        return None
    path = Path(data)
    try:
        return path if str(data) != "" and path.exists() else None  # Path("") would be the current folder
    except OSError as error:
        raise UserError(f"{data}: cannot be accessed ({error.strerror}): check the path and its permissions") from None


def held(path: Path, endings: Sequence[str], words: str) -> Verdict:
    """A file is judged by its suffix, a folder by how many of its files have one: most, or only some."""
    if not path.is_dir():
        mine = path.suffix.lower() in endings
        return Verdict(Certainty.YES, f"a file of {words}", 1, path.stat().st_size) if mine else NOT_MINE
    found, others = files_in(path, endings)
    if not found:
        return NOT_MINE
    sure = Certainty.YES if len(found) > others.total() else Certainty.MAYBE
    size = sum(file.stat().st_size for _, file in found)
    return Verdict(
        sure, f"{len(found):,} file{'s' * (len(found) > 1)} of {words}", len(found), size, minority(len(found), others)
    )


def minority(found: int, others: Counter[str]) -> bool:
    """Whether most files of a folder are of another kind, so that the few may be there by chance."""
    return found < others.total()


def named(data: object, names: Sequence[str], words: str) -> Verdict:
    """The verdict on the name of a data set."""
    if isinstance(data, str) and data in names:
        return Verdict(Certainty.YES, f"a named data set of {words}")
    return NOT_MINE
