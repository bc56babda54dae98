"""`open_recordings`: the user's own recordings, or a named data set.

Importing this does not import numpy, soundfile or soxr, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from seriatim.audio.data.recordings import Recordings, Takes
from seriatim.audio.data.sets import AudioSet
from seriatim.audio.holding import NAMES, is_archive_of_digits
from seriatim.audio.options import AudioOptions
from seriatim.data import named
from seriatim.data.digest import digest, fingerprint
from seriatim.data.holding import existing
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import modality

if TYPE_CHECKING:
    from seriatim.audio.data.waves import Samples


def open_recordings(
    spec: object, options: AudioOptions | None = None, division: DataOptions | None = None
) -> Recordings:
    """Read recordings in splits.

    Args:
        spec: a folder, a file, the name of a data set, a sequence of 16-bit arrays (T,) or (T, 2) at `options.rate`, or
            a mapping {"x": arrays, condition: [a label each]}. A folder contains WAV, FLAC, Ogg, AIFF and MP3 files;
            subfolders are labels, unless a CSV file gives them. An existing path takes precedence over a name.
        options: how they are read.
        division: how they are divided.

    Raises:
        UserError: if anything is wrong with them: all are read into memory here.
    """
    options, division = options or AudioOptions(), division or DataOptions()
    if not isinstance(spec, str | Path):
        return _from_arrays(spec, options, division)
    path = existing(spec)
    if path is None:
        return open_set(str(spec), options, division)
    if is_archive_of_digits(path):
        return open_set("spoken-digits", options, division, path)
    return _own(path, options, division)


def open_set(name: str, options: AudioOptions, division: DataOptions, file: Path | None = None) -> Recordings:
    """Open a named data set, even if a path of that name exists; from its own files, or from `file` in its layout."""
    from seriatim.audio.data.labels import chosen
    from seriatim.audio.data.loaders import LAYOUTS
    from seriatim.audio.data.splits import drawn_rows, taken

    if name not in named.names():
        raise named.unknown(name, "folder, recording", NAMES)
    known = cast(AudioSet, named.of_kind(name, modality("audio")))
    own, usual = ("labels", "spans", "track", "vectors", "split"), (AudioOptions(), DataOptions())
    given = [f"--audio.{key}" for key in own if getattr(options, key) != getattr(usual[0], key)]
    given += [f"--data.{key}" for key in ("validation", "test") if getattr(division, key) != getattr(usual[1], key)]
    if given:
        raise UserError(f"{given[0]} was given, but {name} has its own labels and split: leave it out")
    if options.channels != "mono":
        raise UserError(f"--audio.channels {options.channels} was given, but {name} is mono: leave it out")
    loaded = LAYOUTS[known.layout](named.fetch(name)[0] if file is None else file, options, division.seed)
    splits: dict[str, Takes] = {}
    for side, whole in loaded.splits.items():
        wanted = chosen([*whole.labels, *whole.tracks], options, name)
        rows = None if division.limit is None else drawn_rows(whole.names, division.limit, division.seed)
        takes = whole if rows is None else taken(whole, rows)
        labels = {key: values for key, values in takes.labels.items() if key in wanted}
        tracks = {key: track for key, track in takes.tracks.items() if key in wanted}
        splits[side] = replace(takes, labels=labels, tracks=tracks)
    return _finished(name, loaded.rate, 1, splits, known.terms(loaded.note))


def read_recording(path: Path, rate: int, channels: int, options: AudioOptions | None = None) -> tuple[Samples, str]:
    """Read one file, to score, to continue or as a condition: (T,), or (T, 2) for two channels, and remarks.

    Raises:
        UserError: if it is not audio, damaged or empty.
    """
    from seriatim.audio.data.recording import read_samples
    from seriatim.audio.data.waves import Report

    report = Report()
    x = read_samples(path, str(path), (options or AudioOptions()).form(rate, channels), report)
    if not len(x):
        raise UserError(f"{path}: the recording is empty: give another")
    return x, " ".join(report.sentences(1))


def _own(path: Path, options: AudioOptions, division: DataOptions) -> Recordings:
    from seriatim.audio.data.folder import read_folder
    from seriatim.audio.data.splits import divide

    found = read_folder(path, options, division)
    splits, remark = divide(found.takes, options, division, str(path))
    note = f"{found.note} {remark}".strip()
    return _finished(path.name or path.resolve().name, found.rate, found.channels, splits, note)


def _from_arrays(spec: object, options: AudioOptions, division: DataOptions) -> Recordings:
    from seriatim.audio.data.arrays import read_arrays
    from seriatim.audio.data.splits import divide

    takes, rate, channels = read_arrays(spec, options, division)
    splits, remark = divide(takes, options, division, "the arrays")
    return _finished("arrays", rate, channels, splits, remark)


def _finished(name: str, rate: int, channels: int, splits: Mapping[str, Takes], note: str) -> Recordings:
    """Compute the fingerprint of the splits."""

    def content(takes: Takes) -> object:
        tracks = [(key, t.hop, t.labels, [digest(v) for v in t.values]) for key, t in sorted(takes.tracks.items())]
        vectors = [] if takes.vectors is None else [digest(takes.vectors)]
        return sorted(takes.labels.items()), tuple(takes.names), tuple(digest(x) for x in takes.x), tracks, *vectors

    mark = fingerprint(rate, channels, *((side, content(takes)) for side, takes in splits.items()))
    return Recordings(name, rate, channels, splits, mark, note)
