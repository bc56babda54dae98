"""Temporary files of this process: what can be read only once, or only in order, is kept here as plain bytes."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from seriatim.errors import UserError


def keep(chunks: Iterable[bytes], name: str) -> Path:
    """Write `chunks`, which came from `name`, to a file that lasts as long as the process."""
    try:
        with tempfile.NamedTemporaryFile(dir=_folder(), delete=False) as file:
            file.writelines(chunks)
            return Path(file.name)
    except OSError as error:
        raise UserError(
            f"{name}: no temporary copy could be written ({error.strerror}): set TMPDIR to a folder with room for it"
        ) from None


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="seriatim-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
