"""Streaming the members of a tar archive without unpacking it to disk."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from seriatim.errors import UserError

LARGEST = 512 << 20
"""Largest total size of the members of an archive, in bytes."""


def members(path: Path, largest: int = LARGEST) -> Iterator[tuple[str, bytes]]:
    """Name and content of each regular file, in archive order; sizes are checked before memory is allocated."""
    total = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                total += member.size
                if total > largest:
                    raise UserError(f"{path}: contains more than {largest} bytes, too many for this set: replace it")
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name, file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{path}: damaged archive ({error}): replace the file") from None
