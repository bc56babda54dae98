"""Reading a folder of recordings, or one file, with labels, into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from seriatim.audio.data.aligned import tracks_of
from seriatim.audio.data.labels import labels_of
from seriatim.audio.data.recording import Header, Source, read_header, read_samples
from seriatim.audio.data.recordings import Takes
from seriatim.audio.data.waves import Report, check_room
from seriatim.audio.holding import AUDIO_ENDINGS
from seriatim.audio.options import AudioOptions
from seriatim.data.bad import Bad
from seriatim.data.folder import drawn, files_in, listed
from seriatim.data.npy import ENDING
from seriatim.data.options import DataOptions
from seriatim.data.partners import Pairing
from seriatim.data.vectors import vectors_of
from seriatim.errors import UserError

_VECTORS = Pairing("--audio.vectors", (ENDING,), "vector", "recording", AUDIO_ENDINGS)

Files = Sequence[tuple[str, Source]]
"""Names in the folder or archive, with the path or the content."""


class Folder(NamedTuple):
    """The recordings of a folder."""

    takes: Takes
    rate: int
    channels: int
    note: str


def read_folder(path: Path, options: AudioOptions, division: DataOptions) -> Folder:
    """Read all recordings of a folder, or one file, at one rate."""
    files, notes = _files(path)
    names = [name for name, _ in files]
    labels, remark = labels_of(path, names, options)
    notes += [remark] if remark else []
    if division.limit is not None and division.limit < len(files):
        files = drawn(files, division.limit, division.seed)
    takes, rate, channels, found = read_files(files, options, str(path), Bad(division.skip_bad))
    kept = {condition: tuple(values[name] for name in takes.names) for condition, values in labels.items()}
    tracks, remarks = tracks_of(takes, rate, options)
    if division.limit is not None:  # files of recordings left out by the limit belong to none
        remarks = []
    vectors = None
    if options.vectors is not None:
        vectors, remark = vectors_of(takes.names, Path(options.vectors), _VECTORS)
        remarks += [remark] if remark and division.limit is None else []
    whole = Takes(takes.x, kept, takes.names, tracks, vectors)
    return Folder(whole, rate, channels, " ".join([*notes, *remarks, *found]))


def read_files(
    files: Files, options: AudioOptions, where: str, bad: Bad | None = None
) -> tuple[Takes, int, int, list[str]]:
    """Files as recordings without labels, their rate and channels, and remarks."""
    bad = bad or Bad()
    given = [(str(file) if isinstance(file, Path) else name, name, file) for name, file in files]
    found = [(each, header) for each in given if (header := bad.attempt(read_header, each[2], each[0]))]
    if not found:
        bad.finish(len(given), "recordings")
    shown, headers = [each[0] for each, _ in found], [header for _, header in found]
    rate = options.rate or _common(shown, headers, "rate", lambda header: header.rate, "Hz")
    channels = {"mono": 1, "stereo": 2}.get(options.channels) or _common(
        shown, headers, "channels", lambda header: header.channels, "channels"
    )
    if channels > 2:
        raise UserError(
            f"{shown[0]}: {channels} channels, but --audio.channels keep takes one or two: give --audio.channels mono"
        )
    form, report = options.form(rate, channels), Report()
    check_room(sum(header.room(form) for header in headers), where)
    tried = [(name, bad.attempt(read_samples, file, at, form, report)) for (at, name, file), _ in found]
    left_out = bad.finish(len(files), "recordings")
    read = [(name, x) for name, x in tried if x is not None]
    full = [(name, x) for name, x in read if len(x)]
    if not full:
        raise UserError(f"{where}: all {len(read)} recordings are empty: give others")
    notes = [*([left_out] if left_out else []), *report.sentences(len(files))]
    if empty := len(read) - len(full):
        notes.append(f"{empty} of {len(files)} recordings are empty and left out.")
    return Takes([x for _, x in full], {}, [name for name, _ in full]), rate, channels, notes


def _files(path: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    if not path.is_dir():
        return [(path.name, path)], []
    files, others = files_in(path, AUDIO_ENDINGS)
    kinds = listed(others)
    if not files:
        there = f"only other files ({kinds})" if kinds else "no files"
        wanted = ", ".join("*" + ending for ending in AUDIO_ENDINGS)
        raise UserError(f"{path}: {there}; expected {wanted}: give a folder with recordings")
    return files, [f"Left out: {kinds}."] if kinds else []


def _common(
    shown: Sequence[str], headers: Sequence[Header], option: str, of: Callable[[Header], int], unit: str
) -> int:
    first = of(headers[0])
    for at, header in zip(shown, headers, strict=True):
        if of(header) != first:
            example = "16000" if option == "rate" else "mono"
            raise UserError(
                f"{at}: {of(header)} {unit}, but {shown[0]} has {first}: give one value for all, "
                f"e.g. --audio.{option} {example}"
            )
    return first
