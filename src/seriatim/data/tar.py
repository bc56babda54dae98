"""Reading the members of a tar archive as a stream: nothing is unpacked to disk."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from seriatim.errors import UserError

LARGEST = 512 << 20
"""Bytes that the members of an archive may hold in all."""


def members(path: Path, largest: int = LARGEST) -> Iterator[tuple[str, bytes]]:
    """Name and content of each regular file, in the archive's order; sizes are checked before memory is taken."""
    total = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                total += member.size
                if total > largest:
                    raise UserError(f"{path}: holds more than {largest} bytes, too much for this data set: get it anew")
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name, file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{path}: damaged archive ({error}): get the file anew") from None
