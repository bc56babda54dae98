"""`open_trajectories`: the user's own drawings and labelled series, or a named data set.

Importing this imports neither numpy nor a reader, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from seriatim.data import deal
from seriatim.data import named as names
from seriatim.data.digest import digest, fingerprint
from seriatim.data.holding import existing
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.trajectory.data.sets import TrajectoryNamedSet
from seriatim.trajectory.data.trajectories import Trajectories, TrajectorySet, together
from seriatim.trajectory.holding import NAMES
from seriatim.trajectory.options import TrajectoryOptions


def open_trajectories(
    spec: object, options: TrajectoryOptions | None = None, division: DataOptions | None = None
) -> TrajectorySet:
    """Read drawings or labelled series in splits.

    Args:
        spec: a file (.ndjson, .svg, stroke-3 .npz, .ts, a table), a folder of such, whose subfolders are labels, the
            name of a data set, a list of arrays (T, C), or {"x": arrays, "label": a label each}.
        options: how they are read.
        division: how they are divided, unless they are divided already.

    Raises:
        UserError: if anything is wrong with them.
    """
    options, division = options or TrajectoryOptions(), division or DataOptions()
    path = existing(spec)
    if path is None and isinstance(spec, str | Path):
        return open_set(str(spec), options, division)
    if path is not None:
        from seriatim.trajectory.data.reading import read_path

        channels, splits, note = read_path(path, options, division)
        return finished(path.name, channels, splits, options, division, note)
    from seriatim.trajectory.data.arrays import read_arrays

    found, channels = read_arrays(spec)
    return finished("the arrays", channels, {"": found}, options, division, "")


def open_set(name: str, options: TrajectoryOptions, division: DataOptions) -> TrajectorySet:
    """Open a named data set, even if a path of that name exists."""
    from seriatim.trajectory.data.loaders import LAYOUTS

    if name not in names.names():
        raise names.unknown(name, "file of drawings or labelled series", NAMES)
    known = cast(TrajectoryNamedSet, names.of_kind(name, modality("trajectory")))
    for given, option in ((options.id, "id"), (options.label, "label"), (options.values, "values")):
        if given:
            raise UserError(f"--trajectory.{option} is for tables, and {name} has its own columns; leave it out")
    if division.test != DataOptions().test:
        raise UserError(f"--data.test was given, but {name} has its own split: leave it out")
    channels, splits = LAYOUTS[known.layout](names.fetch(name))
    return finished(name, channels, splits, options, division, known.terms(""))


def finished(
    name: str,
    channels: tuple[str, ...],
    splits: Mapping[str, Trajectories],
    options: TrajectoryOptions,
    division: DataOptions,
    note: str,
) -> TrajectorySet:
    """Leave out what is too long, divide what is not divided yet, and take a fingerprint.

    Args:
        name: for messages.
        channels: their names.
        splits: the splits; under "" what is to be divided. Of training data without validation, a share is held out.
        options: how they are read.
        division: how they are divided.
        note: of the data.
    """
    notes = [note] if note else []
    found: dict[str, Trajectories] = {}
    for side, each in splits.items():
        rows = [i for i, x in enumerate(each.x) if options.longest is None or len(x) <= options.longest]
        if left := len(each.x) - len(rows):
            whose = f" of {side}" if side else ""
            notes.append(f"{left:,} of {len(each.x):,}{whose} have more than {options.longest:,} points: left out.")
        if not rows:
            raise UserError(f"{name}: nothing is left of {side or 'it'}; give a larger --trajectory.longest")
        part = each.taken(rows)
        part = part if division.limit is None else part.spread(division.limit)
        found[side] = part if options.given else Trajectories(part.x, part.names)
    if "" in found:
        dealt = _dealt(found.pop(""), division.validation, division.test, division.seed, name)
        sides = [side for side in deal.SIDES if side in dealt or side in found]
        parts = {side: [each[side] for each in (found, dealt) if side in each] for side in sides}
        found = {side: together(some) for side, some in parts.items()}
    elif "train" in found and "validation" not in found and division.validation:
        dealt = _dealt(found["train"], division.validation, 0.0, division.seed, name)
        found = {**dealt, **{side: part for side, part in found.items() if side != "train"}}
    mark = mark_of(found, channels)
    return TrajectorySet(name, channels, found, mark, " ".join(notes))


def _dealt(whole: Trajectories, validation: float, test: float, seed: int, name: str) -> dict[str, Trajectories]:
    """Splits at random, copies together.

    Raises:
        UserError: if one would be empty.
    """
    sides = deal.deal([digest(x) for x in whole.x], validation, test, seed)
    found = {side: whole.taken([i for i, at in enumerate(sides) if at == side]) for side in deal.SIDES}
    for side, share in (("train", 1.0), ("validation", validation), ("test", test)):
        if share and not found[side].x:
            raise UserError(
                f"{name}: {len(whole.x):,} distinct trajectories are too few for a {side} split; give more, or set "
                "--data.validation and --data.test to 0"
            )
    return {side: part for side, part in found.items() if part.x}


def mark_of(splits: Mapping[str, Trajectories], channels: Sequence[str]) -> str:
    """sha256 of the points, labels and splits."""
    parts = (
        (side, [digest(x) for x in part.x], None if part.labels is None else list(part.labels))
        for side, part in splits.items()
    )
    return fingerprint(tuple(channels), *parts)


def fold(found: TrajectorySet, k: int) -> list[TrajectorySet]:
    """k sets for cross-validation: training and validation are pooled and dealt anew, the test is kept."""
    sides = [found.splits[side] for side in ("train", "validation") if side in found.splits]
    pool = together(sides)
    at = deal.folds([digest(x) for x in pool.x], k, found.name)
    test = {"test": found.splits["test"]} if "test" in found.splits else {}
    parts: list[TrajectorySet] = []
    for i in range(k):
        rows = {
            "train": [row for row, place in enumerate(at) if place != i],
            "validation": [row for row, place in enumerate(at) if place == i],
        }
        splits = {**{side: pool.taken(chosen) for side, chosen in rows.items()}, **test}
        name = f"{found.name} (fold {i + 1} of {k})"
        parts.append(TrajectorySet(name, found.channels, splits, mark_of(splits, found.channels), found.note))
    return parts
