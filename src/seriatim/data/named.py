"""The named data sets: what is known of each, and how to get its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from seriatim.data import fetch as files_of
from seriatim.data.corpus import Corpus, TextOptions, content, fingerprint
from seriatim.data.fetch import CONTENT, Kind, Source
from seriatim.data.image_sets import IMAGES
from seriatim.data.sound_sets import SOUNDS
from seriatim.data.text_sets import TEXTS, TextSource
from seriatim.errors import UserError, nearest

SOURCES: dict[str, Source] = {**TEXTS, **IMAGES, **SOUNDS}
"""Every named data set."""


def names(kind: Kind | None = None) -> list[str]:
    """The names that can be given as data, sorted: all of them, or those of one kind."""
    return sorted(name for name, source in SOURCES.items() if kind in (None, source.kind))


def info(name: str) -> Source:
    """What is known of a data set without having it."""
    if name not in SOURCES:
        raise UserError(f"no data set is named {name!r}: {nearest(name, SOURCES)}")
    return SOURCES[name]


def available(name: str) -> bool:
    """Whether all its files are on this machine (not checked yet), so that nothing need be downloaded."""
    source = info(name)
    if source.package and find_spec(source.package) is None:
        return False
    return _at_hand(source.files) or (source.part != () and _at_hand(source.part))


def fetch(name: str) -> list[Path]:
    """Its files on this machine, checked, in the order of the table; downloaded if need be."""
    source = info(name)
    if source.package and find_spec(source.package) is None:
        raise UserError(f"{name} comes with {source.package}, which is not installed: {source.by_hand}")
    files = source.part if source.part and _at_hand(source.part) and not _at_hand(source.files) else source.files
    return [files_of.get(file, source.by_hand) for file in files]


def open_named(name: str, options: TextOptions | None = None, files: Sequence[Path] | None = None) -> Corpus:
    """A data set of text as a corpus, from its own files or from `files` in a layout that it knows."""
    source, options = info(name), options or TextOptions()
    if not isinstance(source, TextSource):
        raise other_kind(source, "text", name)
    if replace(options, limit=None) != TextOptions():
        changed = next(k for k, v in vars(TextOptions()).items() if k != "limit" and getattr(options, k) != v)
        raise UserError(f"--data.{changed} was given, but {name} brings its own form and split: leave it out")
    splits, found = source.load(fetch(name) if files is None else files)
    limited = {side: documents[: options.limit] for side, documents in splits.items()}
    mark = fingerprint(*((side, content(documents)) for side, documents in limited.items()))
    return Corpus(name, limited, mark, source.terms(found))


def other_kind(source: Source, wanted: Kind, name: str) -> UserError:
    """The error that a data set of another kind was given."""
    verb = "are" if wanted == "image" else "is"
    return UserError(
        f"{name} is a data set of {CONTENT[source.kind]}, where {CONTENT[wanted]} {verb} wanted: give one of "
        f"{', '.join(names(wanted))}"
    )


def _at_hand(files: Sequence[files_of.File]) -> bool:
    return all(files_of.find(file) is not None for file in files)
