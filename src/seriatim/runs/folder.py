"""A run's directory as a place to write: without links, and with one writer at a time."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from seriatim.errors import UserError

LOCK = ".lock"
"""Held while a run is written; the system lets go of it when the process ends, however it ends."""


def refuse_links(folder: Path) -> None:
    """Check that a run has files and folders of its own only, before anything is written into it.

    A run may come from a stranger, and a link in it may point anywhere.

    Raises:
        UserError: naming the first link, pipe, socket or device.
    """
    for place, folders, names in os.walk(folder):
        for name in sorted([*folders, *names]):
            path = Path(place) / name
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                what = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
                raise UserError(f"{path} is {what}, which no run has; remove it, or copy what it stands for")


_SAVED = ("config.toml", "model.json", "study.toml")


@contextmanager
def writing(folder: Path) -> Generator[None]:
    """Be the only process that writes a run; its folder is made.

    If nothing comes of it, a folder that was not there before is removed again.

    Raises:
        UserError: if another process writes it, it has links, or it cannot be made.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    refuse_links(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, blocking=False)
        lock.acquire()
    except Timeout:
        raise UserError(f"another process is writing {folder}; wait until it ends, or choose another --out") from None
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}; choose another --out") from error
    try:
        yield
    finally:
        lock.release()  # the file stays: a process that waits for it and one that makes its own would both get one
        if folder in made and not any((folder / name).exists() for name in _SAVED):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                for place in made[1:]:
                    place.rmdir()
