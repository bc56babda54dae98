"""`open_recordings`: the user's own recordings, or a named data set of them.

Importing this does not import numpy, soundfile or soxr: the command line answers at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seriatim.data import named
from seriatim.data.corpus import fingerprint
from seriatim.data.folder import files_in
from seriatim.data.recordings import SOUND_ENDINGS, AudioOptions, Recordings, Takes, Track
from seriatim.data.sound_sets import SoundSource
from seriatim.errors import UserError, nearest

if TYPE_CHECKING:
    from seriatim.data.waves import Samples

__all__ = [
    "AudioOptions",
    "Recordings",
    "Takes",
    "Track",
    "is_recordings",
    "open_recordings",
    "open_sound_set",
    "read_sound",
    "sound_names",
]


def sound_names() -> list[str]:
    """The named data sets of sound, sorted."""
    return named.names("audio")


def is_recordings(spec: str | Path) -> bool:
    """Whether a spec is sound: the name of such a set, a recording's file, a folder whose files are mostly recordings.

    A path that exists wins over a name.
    """
    path = _existing(spec)
    if path is None:
        return str(spec) in sound_names()
    if not path.is_dir():
        return path.suffix.lower() in SOUND_ENDINGS or _is_archive_of_digits(path)
    found, others = files_in(path, SOUND_ENDINGS)
    return len(found) > others.total()


def open_recordings(spec: str | Path, options: AudioOptions | None = None) -> Recordings:
    """The recordings of a folder, of a file or of a named data set, in splits.

    A folder holds WAV, FLAC, Ogg and AIFF; its subfolders are the labels, or a CSV file gives them. A path that exists
    wins over a name. All is read here, into memory, so what is wrong with it is found now, in a `UserError`.
    """
    options = options or AudioOptions()
    path = _existing(spec)
    if path is None:
        return open_sound_set(str(spec), options)
    if _is_archive_of_digits(path):
        return open_sound_set("spoken-digits", options, path)
    return _own(path, options)


def open_sound_set(name: str, options: AudioOptions, file: Path | None = None) -> Recordings:
    """A named data set, whatever lies at a path of that name; from its own files, or from `file` in its layout."""
    from seriatim.data.sound_labels import chosen
    from seriatim.data.sound_loaders import LAYOUTS
    from seriatim.data.sound_splits import drawn_rows, taken

    source = named.SOURCES.get(name)
    if source is None:
        raise UserError(f"{name!r} is no folder, recording or named data set: {nearest(name, sound_names())}")
    if not isinstance(source, SoundSource):
        raise named.other_kind(source, "audio", name)
    for option in ("labels", "spans", "series", "vectors", "split", "validation", "test"):
        if getattr(options, option) != getattr(AudioOptions(), option):
            raise UserError(f"--audio.{option} was given, but {name} brings its own labels and split: leave it out")
    if options.channels != "mono":
        raise UserError(f"--audio.channels {options.channels} was given, but {name} is mono: leave it out")
    loaded = LAYOUTS[source.layout](named.fetch(name)[0] if file is None else file, options)
    splits: dict[str, Takes] = {}
    for side, whole in loaded.splits.items():
        wanted = chosen([*whole.labels, *whole.tracks], options, name)
        takes = whole if options.limit is None else taken(whole, drawn_rows(whole.names, options.limit, options.seed))
        labels = {key: values for key, values in takes.labels.items() if key in wanted}
        tracks = {key: track for key, track in takes.tracks.items() if key in wanted}
        splits[side] = replace(takes, labels=labels, tracks=tracks)
    return _finished(name, loaded.rate, 1, splits, source.terms(loaded.note))


def read_sound(path: Path, rate: int, channels: int, options: AudioOptions | None = None) -> tuple[Samples, str]:
    """One file, to score, to continue or as a condition: (T,) or, of two channels, (T, 2), and what was done to it.

    Raises:
        UserError: if it is no sound, damaged or without a sample.
    """
    from seriatim.data.sound import read_samples
    from seriatim.data.waves import Report

    report = Report()
    x = read_samples(path, str(path), (options or AudioOptions()).form(rate, channels), report)
    if not len(x):
        raise UserError(f"{path}: a recording without a sample: give another")
    return x, " ".join(report.sentences(1))


def _existing(spec: str | Path) -> Path | None:
    path = Path(spec)
    try:
        return path if spec != "" and path.exists() else None  # Path("") would be the current folder
    except OSError as error:
        raise UserError(f"{spec}: cannot be looked at ({error.strerror}): check the path and its permissions") from None


def _is_archive_of_digits(path: Path) -> bool:
    return re.fullmatch(r"free-spoken-digit-dataset.*\.(tar|tar\.(gz|xz|bz2)|tgz)", path.name) is not None


def _own(path: Path, options: AudioOptions) -> Recordings:
    from seriatim.data.sound_folder import read_folder
    from seriatim.data.sound_splits import divide

    found = read_folder(path, options)
    splits = divide(found.takes, options, str(path))
    return _finished(path.name or path.resolve().name, found.rate, found.channels, splits, found.note)


def _finished(name: str, rate: int, channels: int, splits: Mapping[str, Takes], note: str) -> Recordings:
    """With the fingerprint of what is there in the end."""
    from seriatim.data.waves import digest

    def content(takes: Takes) -> object:
        tracks = [(key, t.hop, t.labels, [digest(v) for v in t.values]) for key, t in sorted(takes.tracks.items())]
        vectors = [] if takes.vectors is None else [digest(takes.vectors)]
        return sorted(takes.labels.items()), tuple(takes.names), tuple(digest(x) for x in takes.x), tracks, *vectors

    mark = fingerprint(rate, channels, *((side, content(takes)) for side, takes in splits.items()))
    return Recordings(name, rate, channels, splits, mark, note)
