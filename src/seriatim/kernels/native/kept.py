"""Where compiled kernels are kept.

A folder of their own for each version of their source; numba adds the processor and its features to the names of the
files, so that a processor that lacks some compiles anew. A folder that cannot be written to, or that others may write
to, it or one above it, is not used, and kernels are then compiled in every process: what is loaded from it is code.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import stat
from pathlib import Path

from seriatim.config import cache_folder
from seriatim.errors import UserError

_NOWHERE = (OSError, UserError, importlib.metadata.PackageNotFoundError)


def _key() -> str:
    """A name that changes with the source of the kernels and the version of numba."""
    found = hashlib.sha256(importlib.metadata.version("numba").encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def home() -> Path:
    """The folder for this version's kernels, in the cache.

    Raises:
        UserError: if there is no place for one.
        PackageNotFoundError: if numba has no version.
    """
    return cache_folder() / "native" / _key()


def folder() -> Path | None:
    """This version's folder, made if need be; None if it cannot be used."""
    try:
        place = home().absolute()
        for each in (*reversed(place.parents), place):
            if not each.exists():
                each.mkdir(mode=0o700, exist_ok=True)
        safe = all(map(_own, (place, *place.parents)))
        return place if safe and stat.S_ISDIR(place.lstat().st_mode) and os.access(place, os.W_OK) else None
    except _NOWHERE:
        return None


def _own(place: Path) -> bool:
    """Whether nobody else may replace what is in a folder. Not checked on Windows."""
    if os.name != "posix":
        return True
    found = place.stat()
    if found.st_uid not in (os.getuid(), 0):
        return False
    if found.st_mode & stat.S_ISVTX:  # such as /tmp: entries belong to whoever made them
        return True
    private = found.st_gid == 0 or found.st_gid == os.getgid() == os.getuid()  # a group of one's own
    return not found.st_mode & stat.S_IWOTH and (private or not found.st_mode & stat.S_IWGRP)


def any_kept(kernels: str) -> bool:
    """Whether the runs of a module of kernels were compiled before, on this or another processor."""
    try:
        return next(home().rglob(f"{kernels}.run-*.nbc"), None) is not None
    except _NOWHERE:
        return False
