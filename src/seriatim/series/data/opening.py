"""`open_series`: the user's own tables, arrays and data frames, or a named data set.

Importing this imports neither numpy nor pandas, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from seriatim.data import named as names
from seriatim.data.digest import digest, fingerprint
from seriatim.data.folder import no_pipe
from seriatim.data.holding import existing
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.series.data.panel import Divided, Panel, Series
from seriatim.series.data.sets import SeriesSet
from seriatim.series.holding import NAMES
from seriatim.series.options import SeriesOptions


def open_series(spec: object, options: SeriesOptions | None = None, division: DataOptions | None = None) -> Divided:
    """Read series and divide them by time.

    Args:
        spec: a CSV, TSV, Parquet or Excel file; the name of a data set; an array (T,) or (T, C) of floats, or a list of
            such; a pandas DataFrame or Series.
        options: how they are read.
        division: how they are divided.

    Raises:
        UserError: if anything is wrong with them.
    """
    options, division = options or SeriesOptions(), division or DataOptions()
    path = existing(spec)
    if path is None and isinstance(spec, str | Path):
        return open_set(str(spec), options, division)
    panel, note, where = read_panel(spec, options)
    return divided(panel, options, division, Path(where).name, note)


def read_panel(spec: object, options: SeriesOptions) -> tuple[Panel, str, str]:
    """The series of a file or a Python object, undivided; remarks; and what to call it.

    Raises:
        UserError: if anything is wrong with them.
    """
    path = existing(spec)
    if path is not None:
        from seriatim.series.data.reading import panel_of
        from seriatim.series.data.table import read

        no_pipe(path)
        if path.is_dir():
            raise UserError(f"{path} is a folder; expected a table: give one file, with a column that names the series")
        return *panel_of(read(path), options), str(path)
    if isinstance(spec, str | Path):
        raise names.unknown(str(spec), "table of numbers", NAMES)
    if isinstance(spec, Panel):
        return spec, "", "the panel"
    if hasattr(spec, "columns") or hasattr(spec, "to_frame"):
        from seriatim.series.data.frames import panel_of_frame

        return *panel_of_frame(spec, options), "the data frame"
    from seriatim.series.data.arrays import panel_of_arrays

    return panel_of_arrays(spec, options), "", "the arrays"


def open_set(name: str, options: SeriesOptions, division: DataOptions) -> Divided:
    """Open a named data set, even if a path of that name exists."""
    from seriatim.series.data.loaders import LAYOUTS

    if name not in names.names():
        raise names.unknown(name, "table of numbers", NAMES)
    known = cast(SeriesSet, names.of_kind(name, modality("series")))
    panel, note = LAYOUTS[known.layout](names.fetch(name), options)
    return divided(panel, options, division, name, known.terms(note))


def divided(panel: Panel, options: SeriesOptions, division: DataOptions, name: str, note: str) -> Divided:
    """Splits, and their fingerprint."""
    from seriatim.series.data.splits import divide

    if division.limit is not None:
        panel = replace(panel, items=panel.items[: division.limit])
    splits = divide(panel, options, division, name)
    return Divided(name, splits, mark_of(panel, [(side, split) for side, split in splits.items()]), note)


def mark_of(panel: Panel, splits: Sequence[tuple[str, Panel]]) -> str:
    """sha256 of what is read and how it is divided."""

    def content(each: Series) -> tuple[Any, ...]:
        along = [None if x is None else digest(x) for x in (each.known, _numbers(each.times))]
        return each.name, each.first, digest(each.values), sorted(each.labels.items()), *along

    parts = ((side, [content(each) for each in part.items]) for side, part in splits)
    return fingerprint(panel.channels, panel.frequency, panel.known, *parts)


def _numbers(times: Any) -> Any:
    return None if times is None else times.astype("int64")


def fold(found: Divided, k: int) -> list[Divided]:
    """k times the series for cross-validation over time: train and validation are pooled, the test is kept."""
    from seriatim.series.data.splits import folds

    sides = [found.splits[side] for side in ("train", "validation") if side in found.splits]
    pool = replace(sides[-1], items=[replace(each, first=0) for each in sides[-1].items])
    test = {"test": found.splits["test"]} if "test" in found.splits else {}
    parts: list[Divided] = []
    for i, (before, after) in enumerate(folds(pool, k, found.name)):
        name = f"{found.name} (fold {i + 1} of {k})"
        splits = {"train": before, "validation": after, **test}
        parts.append(Divided(name, splits, fingerprint(found.fingerprint, "fold", i, k), found.note))
    return parts
