"""Reading a film, a folder of films, or folders of frames, with labels and actions, into memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seriatim.data import pixels
from seriatim.data.bad import Bad
from seriatim.data.fitting import fitted, usual_sides
from seriatim.data.folder import drawn, files_in, listed
from seriatim.data.holding import IMAGE_ENDINGS
from seriatim.data.labels import of_folders, of_table
from seriatim.data.npy import ENDING
from seriatim.data.options import DataOptions
from seriatim.data.partners import Pairing, partners_of
from seriatim.errors import UserError
from seriatim.video.data.actions import one_width, read_actions
from seriatim.video.data.container import LONGEST, Header, read_header
from seriatim.video.data.decoding import Footage, Look, read_frames
from seriatim.video.data.films import Films
from seriatim.video.data.frames import frames_header, natural, read_pictures
from seriatim.video.holding import FILM_ENDINGS, GIF
from seriatim.video.options import VideoOptions

SIDE = 32
"""Pixels of the longer side up to which frames keep their size."""

FRAME_ENDINGS = tuple(ending for ending in IMAGE_ENDINGS if ending != GIF)
"""Suffixes of the frames of a film that is a folder of pictures."""

_ACTIONS = Pairing("--video.actions", (ENDING, ".csv"), "action file", "film", FILM_ENDINGS)
_NAMED = 10  # films that a note names


class Item(NamedTuple):
    """Where a film is."""

    name: str
    """Its path within the folder."""
    files: tuple[Path, ...]
    """The film, or its frames in order."""
    frames: bool
    """Whether they are its frames."""


def read_path(path: Path, options: VideoOptions, division: DataOptions) -> tuple[Films, str]:
    """Read all films of a folder, or one film, in one size and colour; with a note.

    Raises:
        UserError: if anything is wrong with them.
    """
    items, notes = items_of(path, options)
    names = [item.name for item in items]
    endings = [name.lower() for name in names] if items[0].frames else FILM_ENDINGS
    labels, remark = _labels(path, names, endings, options)
    notes += [remark] if remark else []
    if division.limit is not None and division.limit < len(items):
        kept = {
            name for name, _ in drawn([(item.name, item.files[0]) for item in items], division.limit, division.seed)
        }
        items = [item for item in items if item.name in kept]
    bad = Bad(division.skip_bad)
    headers = {item: header for item in items if (header := bad.attempt(_header, item, options.rate))}
    if not headers:
        bad.finish(len(items), "films")
    sides, remark = _sides([*headers.values()], options)
    look = Look(sides, _channels([*headers.values()], options), options.fitting)
    _check_room(path, [*headers.values()], look)
    found: dict[Item, Footage] = {}
    size = math.prod(sides) * look.channels
    for item in headers:
        most = (pixels.MOST - size * sum(len(film.x) for film in found.values())) // size
        if film := bad.attempt(read_item, item, look, options.rate, min(LONGEST, most)):
            found[item] = film
    notes += [said] if (said := bad.finish(len(items), "films")) else []
    notes += _remarks([*found.items()], remark)
    films = Films(
        [film.x for film in found.values()],
        [len(film.x) for film in found.values()],
        [item.name for item in found],
        None if labels is None else tuple(labels[item.name] for item in found),
        rates=_rates([*found.values()]),
        given_frames=options.given_frames,
    )
    if options.actions is None:
        return films, " ".join(notes)
    actions, remark = _actions(films, names, Path(options.actions), frames=items[0].frames)
    notes += [remark] if remark else []
    return replace(films, actions=actions), " ".join(notes)


def items_of(path: Path, options: VideoOptions) -> tuple[list[Item], list[str]]:
    """The films at a path, and notes on what is left out. Films take precedence over pictures, which are frames.

    Raises:
        UserError: if there are none.
    """
    if not path.is_dir():
        return [Item(path.name, (path,), False)], []
    files, others = files_in(path, FILM_ENDINGS)
    kinds = listed(others)
    if files:
        return [Item(name, (file,), False) for name, file in files], [f"Left out: {kinds}."] if kinds else []
    pictures, rest = files_in(path, FRAME_ENDINGS)
    if not pictures:
        there = f"only other files ({kinds})" if kinds else "no files"
        wanted = ", ".join("*" + ending for ending in FILM_ENDINGS[:5])
        raise UserError(f"{path}: {there}; expected {wanted} …, or pictures as frames: give a folder with films")
    if options.rate:
        raise UserError(f"{path}: --video.rate was given, but pictures have no times: leave it out")
    groups: dict[str, dict[str, Path]] = {}
    for name, file in pictures:
        groups.setdefault(name.rpartition("/")[0], {})[name] = file
    items = [
        Item(folder or path.resolve().name, tuple(group[name] for name in sorted(group, key=natural)), True)
        for folder, group in sorted(groups.items())
    ]
    notes = [f"{'Each folder' if len(items) > 1 else 'The folder'} of pictures is a film, in the order of their names."]
    return items, [*notes, f"Left out: {listed(rest)}."] if rest else notes


def _header(item: Item, rate: float) -> Header:
    return frames_header(item.files, item.name) if item.frames else read_header(*_one(item), rate)


def read_item(item: Item, look: Look, rate: float, most: int = LONGEST) -> Footage:
    """Decode a film."""
    return read_pictures(item.files, look) if item.frames else read_frames(*_one(item), look, rate, most)


def _one(item: Item) -> tuple[Path, str]:
    return item.files[0], str(item.files[0])


def _channels(headers: Sequence[Header], options: VideoOptions) -> int:
    return {"grey": 1, "rgb": 3}.get(options.colour) or max(header.channels for header in headers)


def _sides(headers: Sequence[Header], options: VideoOptions) -> tuple[tuple[int, int], str]:
    """Height and width of the frames, and what is done to films for it."""
    sizes = [(header.height, header.width) for header in headers]
    if options.sides is None:
        return usual_sides(sizes, SIDE, "video")
    return options.sides, fitted(sizes, options.sides, options.fitting)


def _labels(
    path: Path, names: Sequence[str], endings: Sequence[str], options: VideoOptions
) -> tuple[Mapping[str, str] | None, str]:
    """The label of each film, and a remark; None without labels or if they are off."""
    if options.labels is None:
        return of_folders(path, names, "video", "films") if options.given else (None, "")
    if names == [path.name]:
        raise UserError(f"--video.labels was given, but {path} is a single film: leave it out")
    return of_table(Path(options.labels), path, names, "video", "film", endings), ""


def _check_room(path: Path, headers: Sequence[Header], look: Look) -> None:
    """Refuse films that would not fit into memory, before allocating it."""
    frames, (height, width) = sum(header.frames for header in headers), look.sides
    if (size := frames * height * width * look.channels) > pixels.MOST:
        raise UserError(
            f"{path}: {frames:,} frames of {height} × {width} × {look.channels} take {size / 2**30:.1f} GiB of memory, "
            f"more than the limit of {pixels.MOST / 2**30:g}: give a smaller --video.size, --video.rate or --data.limit"
        )


def _remarks(found: Sequence[tuple[Item, Footage]], fitted: str) -> list[str]:
    """What was done to the films, in sentences."""
    total = len(found)
    counts: Counter[str] = Counter(remark for _, film in found for remark in film.remarks)
    notes = [f"{total} of {total} films {fitted}."] if fitted else []
    notes += [f"{count} of {total} films {remark}." for remark, count in sorted(counts.items())]
    cut = [f"{item.name} {film.cut}." for item, film in found if film.cut]
    return notes + cut[:_NAMED] + ([f"So are {len(cut) - _NAMED:,} more films."] if len(cut) > _NAMED else [])


def _rates(films: Sequence[Footage]) -> list[float]:
    rates = [film.rate for film in films]
    return rates if all(rates) else []


def _actions(films: Films, names: Sequence[str], place: Path, frames: bool) -> tuple[list[NDArray[np.float32]], str]:
    """The actions of the films that are left, and a remark; `names` are of all films."""
    stems = Counter(Path(name).with_suffix("") for name in names)
    if frames and max(stems.values()) > 1:
        twice = next(str(stem) for stem, count in stems.items() if count > 1)
        raise UserError(f"{place}: {twice}{ENDING} would belong to {stems[Path(twice)]} films: rename their folders")
    partners, remark = partners_of(names, place, _ACTIONS)
    bad = Bad()
    read = [
        bad.attempt(read_actions, partners[name], name, length)
        for name, length in zip(films.names, films.lengths, strict=True)
    ]
    bad.finish(len(read), "action files")
    actions = [each for each in read if each is not None]
    one_width(actions, films.names)
    return actions, remark
