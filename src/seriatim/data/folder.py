"""The files of a folder, by suffix."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from seriatim.errors import UserError


def files_in(folder: Path, endings: Sequence[str]) -> tuple[list[tuple[str, Path]], Counter[str]]:
    """The files in a folder with one of the suffixes `endings`, sorted by path, and counts of the other suffixes.

    Hidden files and folders are skipped.
    """
    found: list[tuple[str, Path]] = []
    others: Counter[str] = Counter()
    for path in walk(folder):
        if path.suffix.lower() in endings and path.is_file():  # reading a pipe would block
            found.append((path.relative_to(folder).as_posix(), path))
        else:
            others[path.suffix.lower() or "no suffix"] += 1
    return sorted(found), others


def no_pipe(path: Path) -> None:
    """Refuse a pipe, which can be read once and may never end.

    Raises:
        UserError: if it is one.
    """
    if path.is_fifo():
        raise UserError(f"{path} is a pipe, which cannot be read again; save it to a file and give that")


def drawn(files: Sequence[tuple[str, Path]], limit: int, seed: int) -> list[tuple[str, Path]]:
    """`limit` files, in order, chosen by a hash so that they are not all from the first subfolder."""
    key = {name: hashlib.sha256(repr((seed, name)).encode()).digest() for name, _ in files}
    chosen = set(sorted(key, key=lambda name: key[name])[:limit])
    return [(name, file) for name, file in files if name in chosen]


def listed(others: Counter[str]) -> str:
    """Suffixes with their counts for a message: "2 × .pdf, 1 × .py"."""
    return ", ".join(f"{count} × {ending}" for ending, count in sorted(others.items()))


def walk(folder: Path) -> Iterator[Path]:
    """Every file in a folder and its subfolders that is not hidden."""

    def fail(error: OSError) -> None:
        raise UserError(f"{error.filename}: {error.strerror}: change its permissions or give another folder")

    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in files if not name.startswith("."))
