"""Where compiled kernels are kept.

A folder of their own for each version of their source; numba adds the processor and its features to the names of the
files, so that a processor that lacks some compiles anew. A folder that cannot be written, or that others may write to,
is not used, and kernels are then compiled in every process: what is loaded from it is code.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import stat
from pathlib import Path


def source_key() -> str:
    """A name that changes with the source of the kernels and the version of numba."""
    found = hashlib.sha256(importlib.metadata.version("numba").encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def home() -> Path:
    """The folder for the kernels of all versions: `SERIATIM_CACHE`/native, or in the user's cache."""
    own = os.environ.get("SERIATIM_CACHE")
    base = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seriatim"
    return base / "native"


def folder() -> Path | None:
    """This version's folder, made if need be; None if it cannot be used."""
    place = home() / source_key()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()
        if os.name == "posix" and (found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
            return None
        return place if stat.S_ISDIR(found.st_mode) and os.access(place, os.W_OK) else None
    except (OSError, RuntimeError):  # no home
        return None


def clear() -> int:
    """Remove all kept kernels; returns how many files there were."""
    place = home()
    count = sum(file.is_file() for file in place.rglob("*")) if place.is_dir() else 0
    shutil.rmtree(place, ignore_errors=True)
    return count


def any_kept() -> bool:
    """Whether this version's kernels were compiled before, on this or another processor."""
    return next((home() / source_key()).rglob("*.nbc"), None) is not None
