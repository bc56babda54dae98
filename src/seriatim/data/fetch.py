"""A named data set and its files: got from `$SERIATIM_DATA`, from the cache, else from their address."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from seriatim.data.decoding import read_bytes
from seriatim.data.download import download
from seriatim.errors import UserError


@dataclass(frozen=True)
class File:
    """One file as it is published. Where it is kept it may also lie gzipped, with .gz after its name."""

    path: str
    """Below `$SERIATIM_DATA` and below the cache."""
    size: int
    """In bytes."""
    sha256: str
    address: str | None
    """None where no public address holds exactly this file."""


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """A named data set: what it is, where it comes from, what one may do with it."""

    title: str
    licence: str
    attribution: str
    files: tuple[File, ...]
    part: tuple[File, ...] = ()
    """A part of the set under another name: taken where it is on this machine and `files` are not."""
    package: str = ""
    """The Python package that it comes with, instead of files."""
    note: str = ""
    """How it is split, and caveats."""
    by_hand: str = ""
    """What to do where a file has no address, or the package is missing."""

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(file.size for file in self.files)

    def terms(self, found: str) -> str:
        """Licence, attribution and caveats in sentences, with what was found on reading it."""
        terms = f"{self.title}. Licence: {self.licence}. By: {self.attribution}."
        return " ".join(part for part in (terms, self.note, found) if part)


def find(file: File) -> Path | None:
    """Where the file lies on this machine, unchecked; None if it does not."""
    places = [place / f"{file.path}{ending}" for place in _places() for ending in ("", ".gz")]
    return next((place for place in places if place.is_file()), None)


def get(file: File, by_hand: str) -> Path:
    """The file on this machine, its content checked; downloaded into the cache if it is not there yet."""
    path = find(file)
    if path is None:
        if file.address is None:
            raise UserError(f"{file.path} is not on this machine and has no public address: {by_hand}")
        path = download(file.address, file.size, file.sha256, cache_folder() / file.path)
    _verify(path, file)
    return path


def cache_folder() -> Path:
    """Where downloads are kept: `$SERIATIM_CACHE`, else the user's cache."""
    import pooch

    return Path(os.environ.get("SERIATIM_CACHE") or pooch.os_cache("seriatim"))


def _places() -> list[Path]:
    own = os.environ.get("SERIATIM_DATA")
    if own and not Path(own).is_dir():
        raise UserError(f"$SERIATIM_DATA is {own}, which is no folder: set it to one, or unset it")
    return [Path(own), cache_folder()] if own else [cache_folder()]


def _verify(path: Path, file: File) -> None:
    """Refuse a file whose content is not the one known. The verdict on an unchanged file holds for the process."""
    try:
        stat = path.stat()
        seen = (path, stat.st_size, stat.st_mtime_ns)
        if seen not in _digests:
            _digests[seen] = _sha256(path, file)
    except OSError as error:
        raise UserError(f"{path}: not readable ({error.strerror}): change its permissions or remove it") from None
    if (found := _digests[seen]) != file.sha256:
        raise UserError(f"{path}: its sha256 is {found} where {file.sha256} is wanted: remove it to get it anew")


def _sha256(path: Path, file: File) -> str:
    if path.name == Path(file.path).name:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    digest = hashlib.sha256()
    # One byte more than wanted shows that a text is too long, whatever a gzip file goes on to hold.
    for chunk in read_bytes(path, str(path), 0, file.size + 1):
        digest.update(chunk)
    return digest.hexdigest()


_digests: dict[tuple[Path, int, int], str] = {}
