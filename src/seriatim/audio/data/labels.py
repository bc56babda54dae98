"""Labels of recordings: from subfolders, or from a table with a column per condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seriatim.audio.data.recordings import LABEL
from seriatim.audio.holding import AUDIO_ENDINGS
from seriatim.audio.options import AudioOptions
from seriatim.data.labels import of_folders
from seriatim.data.table import cells_of
from seriatim.errors import UserError, nearest

Labels = Mapping[str, Mapping[str, str | None]]
"""{condition: {recording: its label, None if missing}}."""


def labels_of(path: Path, names: Sequence[str], options: AudioOptions) -> tuple[Labels, str]:
    """The labels of a folder's recordings, and a remark if there are none."""
    if not options.given:
        return {}, ""
    if options.labels is not None:
        found, remark = _from_table(Path(options.labels), path, names), ""
    else:
        own, remark = of_folders(path, names, "audio", "recordings")
        found = {} if own is None else {LABEL: own}
    return {name: found[name] for name in chosen(list(found), options, str(path))}, remark


def chosen(known: Sequence[str], options: AudioOptions, where: str) -> list[str]:
    """The requested ones of the available conditions."""
    if not options.given:
        return []
    for name in options.conditions:
        if name not in known:
            raise UserError(f"--audio.conditions names {name!r}, but {where} has no such label: {nearest(name, known)}")
    return [name for name in known if name in options.conditions or not options.conditions]


def _from_table(table: Path, folder: Path, names: Sequence[str]) -> Labels:
    rows = cells_of(table, "--audio.labels")
    place, first = next(rows, ("", []))
    if not first:
        raise UserError(f"{table}: empty; --audio.labels needs a CSV file: add a row per recording")
    if first[0].lower().endswith(AUDIO_ENDINGS):
        if len(first) != 2:
            raise UserError(
                f"{place}: {len(first)} columns without a header that names the conditions: add one, e.g. "
                "path,speaker,word"
            )
        conditions, pending = [LABEL], [(place, first)]
    else:
        conditions, pending = _heading(place, first), []
    known = set(names)
    found: dict[str, list[str]] = {}
    for place, cells in (*pending, *rows):
        name, values = cells[0].removeprefix("./"), cells[1:]
        if not folder.is_dir():  # a single recording, whose table may be that of its folder
            name = name.split("/")[-1]
            if name not in known:
                continue
        if len(values) != len(conditions):
            raise UserError(
                f"{place}: {len(cells)} columns; expected {1 + len(conditions)} (path, "
                f"{', '.join(conditions)}): correct it"
            )
        if name not in known:
            raise UserError(f"{place}: {name!r} is not in {folder}: correct or remove the row")
        if found.setdefault(name, values) != values:
            raise UserError(f"{place}: {name!r} is {values!r} here and {found[name]!r} above: remove one of the rows")
    missing = [name for name in names if name not in found]
    if missing:
        raise UserError(
            f"{table}: no labels for {len(missing)} of {len(names)} recordings in {folder}, such as {missing[0]!r}: "
            "add a row for each, or move them elsewhere"
        )
    labels = {c: {name: found[name][i] or None for name in names} for i, c in enumerate(conditions)}
    for condition, values in labels.items():
        if not any(values.values()):
            raise UserError(f"{table}: no recording has a label for {condition!r}: remove the column")
    return labels


def _heading(place: str, cells: Sequence[str]) -> list[str]:
    names = list(cells[1:])
    if not names or not all(names) or len(set(names)) < len(names) or "x" in names:
        raise UserError(
            f"{place}: the header is {','.join(cells)!r:.80}; expected a name for the path and distinct ones for "
            "the conditions (other than x): correct it, e.g. path,speaker,word"
        )
    return names
