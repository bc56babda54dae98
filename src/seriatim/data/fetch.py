"""Named data sets and their files, from `$SERIATIM_DATA`, the cache, or else their address."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from seriatim.config import cache_folder
from seriatim.data.decoding import read_bytes
from seriatim.data.download import download
from seriatim.errors import UserError


@dataclass(frozen=True)
class File:
    """A published file. The local copy may be gzipped, with .gz after its name."""

    path: str
    """Path within `$SERIATIM_DATA` and within the cache."""
    size: int
    """In bytes."""
    sha256: str
    address: str | None
    """None if no public address has exactly this file."""


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """A named data set: title, origin, licence and files."""

    title: str
    licence: str
    attribution: str
    files: tuple[File, ...]
    part: tuple[File, ...] = ()
    """A part of the set under another name, used if it is on this machine and `files` are not."""
    package: str = ""
    """The Python package that contains it, instead of files."""
    note: str = ""
    """The split, and caveats."""
    by_hand: str = ""
    """What to do if a file has no address, or the package is missing."""

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(file.size for file in self.files)

    def terms(self, found: str) -> str:
        """Licence, attribution and caveats in sentences, with remarks from reading it."""
        terms = f"{self.title}. Licence: {self.licence}. By: {self.attribution}."
        return " ".join(part for part in (terms, self.note, found) if part)


def find(file: File) -> Path | None:
    """The path of the file on this machine, unverified; None if it is missing."""
    places = [place / f"{file.path}{ending}" for place in _places() for ending in ("", ".gz")]
    return next((place for place in places if place.is_file()), None)


def get(file: File, by_hand: str) -> Path:
    """The verified file on this machine, downloaded into the cache if necessary."""
    path = find(file)
    if path is None:
        if file.address is None:
            raise UserError(f"{file.path} is not on this machine and has no public address: {by_hand}")
        path = download(file.address, file.size, file.sha256, cache_folder() / file.path)
    _verify(path, file)
    return path


def _places() -> list[Path]:
    own = os.environ.get("SERIATIM_DATA")
    if own and not Path(own).is_dir():
        raise UserError(f"$SERIATIM_DATA is {own}, which is not a folder: set it to one, or unset it")
    return [Path(own), cache_folder()] if own else [cache_folder()]


def _verify(path: Path, file: File) -> None:
    """Refuse a file whose content differs from the known one. Each file is hashed once per process."""
    try:
        stat = path.stat()
        seen = (path, stat.st_size, stat.st_mtime_ns)
        if seen not in _digests:
            _digests[seen] = _sha256(path, file)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): change its permissions or remove it") from None
    if (found := _digests[seen]) != file.sha256:
        raise UserError(f"{path}: its sha256 is {found}; expected {file.sha256}: remove it to download it again")


def _sha256(path: Path, file: File) -> str:
    if path.name == Path(file.path).name:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    digest = hashlib.sha256()
    # One byte more than expected shows that a text is too long, whatever follows in a gzip file.
    for chunk in read_bytes(path, str(path), 0, file.size + 1):
        digest.update(chunk)
    return digest.hexdigest()


_digests: dict[tuple[Path, int, int], str] = {}
