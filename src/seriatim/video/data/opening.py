"""`open_reel`: the user's own films, or a named data set.

Importing this imports neither numpy nor a reader, to keep the command line fast.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from seriatim.data import deal as dealing
from seriatim.data import fetch, named
from seriatim.data.digest import digest, fingerprint
from seriatim.data.holding import existing
from seriatim.data.mnist import VALIDATION
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.video.data.films import Films, Reel
from seriatim.video.data.sets import SETS
from seriatim.video.holding import NAMES
from seriatim.video.options import VideoOptions


def open_reel(spec: object, options: VideoOptions | None = None, division: DataOptions | None = None) -> Reel:
    """Read films in splits. A film is never in two; copies of a film are in the same one.

    Args:
        spec: a film; a folder of films, whose subfolders are labels unless a CSV file gives them; a folder of pictures,
            the frames of one film; a folder of such folders, a film each, which may be in subfolders for labels; the
            name of a data set; 8-bit arrays (N, T, H, W[, C]) or a list of (T, H, W[, C]); or a mapping {"x": arrays,
            "label": a label each, "action": (T, A) each}. An existing path takes precedence over a name.
        options: how they are read. Films with fewer frames than a clip are left out.
        division: how they are divided.

    Raises:
        UserError: if anything is wrong with them: all are read into memory here.
    """
    options, division = options or VideoOptions(), division or DataOptions()
    if not isinstance(spec, str | Path):
        from seriatim.video.data.arrays import read_arrays

        return _divided("arrays", read_arrays(spec, options, division), options, division, "", "the arrays")
    path = existing(spec)
    if path is None:
        return open_set(str(spec), options, division)
    from seriatim.video.data.folder import read_path

    films, note = read_path(path, options, division)
    return _divided(path.name or path.resolve().name, films, options, division, note, str(path))


def read_film(path: Path, shape: tuple[int, int, int], options: VideoOptions | None = None) -> Films:
    """Read one film, or a folder of its frames, as (T, height, width, channels): to score or to complete it.

    Args:
        path: the film.
        shape: (height, width, channels); channels are 1 or 3.
        options: how it is read; its size and colour are those of `shape`, and it may be shorter than a clip.

    Raises:
        UserError: if anything is wrong with it.
    """
    from seriatim.data.fitting import WIDEST
    from seriatim.video.data.folder import items_of, read_path

    height, width, channels = shape
    if channels not in (1, 3) or not (1 <= height <= WIDEST and 1 <= width <= WIDEST):
        raise UserError(f"{path}: films cannot be read as {height} × {width} × {channels}: give 1 or 3 channels")
    colour = "grey" if channels == 1 else "rgb"
    options = replace(options or VideoOptions(), size=(height, width), colour=colour, labels=None)
    if len(items := items_of(path, options)[0]) != 1:
        raise UserError(f"{path}: {len(items):,} films; expected one: give a file, or a folder of its frames")
    return read_path(path, options, DataOptions())[0]


def open_set(name: str, options: VideoOptions, division: DataOptions) -> Reel:
    """Open a named data set, even if a path of that name exists."""
    known = SETS.get(name)
    if known is None:
        if name in named.names():
            named.of_kind(name, modality("video"))  # says which kind it is
        raise named.unknown(name, "film, folder of films", NAMES)
    usual = DataOptions()
    given = [f"--video.{key}" for key in ("labels", "actions", "rate") if getattr(options, key)]
    given += [f"--data.{key}" for key in ("validation", "test") if getattr(division, key) != getattr(usual, key)]
    if given:
        raise UserError(f"{given[0]} was given, but {name} is made with splits and without it: leave it out")
    from seriatim.data.idx import read_idx
    from seriatim.video.data.bouncing import SIDE, Bouncing

    height, width = options.sides or (SIDE, SIDE)
    if height != width or height < 8:
        raise UserError(f"{name}: its frames are square, of 8 or more pixels a side: give e.g. --video.size 32")
    train, test = (read_idx(fetch.get(file, known.by_hand)) for file in known.files)
    held = len(train) - VALIDATION
    channels = 3 if options.colour == "rgb" else 1
    frames = max(known.shortest, options.frames)
    splits: dict[str, Films] = {}
    digits = (train[:held], train[held:], test)
    for side, pictures, most in zip(dealing.SIDES, digits, known.counts, strict=True):
        count = most if division.limit is None else min(most, division.limit)
        films = Bouncing(pictures, division.seed, side, count, frames, height, channels, options.fitting)
        names = [f"{side}:{i}" for i in range(count)]
        splits[side] = Films(films, [frames] * count, names, given_frames=options.given_frames)
    made = (name, division.seed, frames, height, channels, tuple(options.fitting), digest(train), digest(test))
    mark = fingerprint(*made, [len(films.lengths) for films in splits.values()])
    return Reel(name, splits, (height, width, channels), mark, known.terms(""))


def _divided(name: str, films: Films, options: VideoOptions, division: DataOptions, note: str, where: str) -> Reel:
    """Leave out what is too short, and divide the others."""
    rows = [i for i, length in enumerate(films.lengths) if length >= options.frames]
    if not rows:
        longest = max(films.lengths)
        raise UserError(
            f"{where}: a clip has {options.frames} frames, and the longest of {len(films.lengths):,} films only "
            f"{longest}: give fewer --video.frames"
        )
    if short := len(films.lengths) - len(rows):
        said = f"{short:,} of {len(films.lengths):,} films have fewer than {options.frames} frames: left out."
        note = f"{note} {said}" if note else said
        films = films.taken(rows)
    marks = [digest(x) for x in films.x]
    sides = dealing.deal(marks, division.validation, division.test, division.seed)
    placed = {side: [i for i, at in enumerate(sides) if at == side] for side in dealing.SIDES}
    lacking = [side for side in division.shares if not placed[side]]
    if lacking:
        raise UserError(
            f"{where}: too few distinct films (of {len(rows)}) for a {lacking[0]} split: give more, or set "
            "--data.validation and --data.test to 0"
        )
    placed = {side: chosen for side, chosen in placed.items() if chosen}
    splits = {side: films.taken(chosen) for side, chosen in placed.items()}
    content = [(side, [marks[i] for i in chosen], _content(splits[side])) for side, chosen in placed.items()]
    height, width, channels = films.x[0].shape[1:]
    return Reel(name, splits, (height, width, channels), fingerprint(*content), note)


def _content(films: Films) -> tuple[Any, ...]:
    """What identifies films besides their frames."""
    actions = None if films.actions is None else tuple(digest(each) for each in films.actions)
    return films.labels, tuple(films.names), actions
