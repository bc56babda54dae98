"""Temporary files of this process, for input that can be read only once or only in order."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from seriatim.errors import UserError


def keep(chunks: Iterable[bytes], name: str) -> Path:
    """Write `chunks` of `name` to a file that is deleted when the process ends."""
    try:
        with tempfile.NamedTemporaryFile(dir=_folder(), delete=False) as file:
            file.writelines(chunks)
            return Path(file.name)
    except OSError as error:
        raise UserError(
            f"{name}: cannot write a temporary copy ({error.strerror}): set TMPDIR to a folder with enough space"
        ) from None


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="seriatim-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
