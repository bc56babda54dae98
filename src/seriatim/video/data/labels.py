"""Labels of films, from subfolders or a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seriatim.data.table import check_all, rows
from seriatim.errors import UserError
from seriatim.video.options import VideoOptions

_SPLITS = {"train", "training", "validation", "valid", "val", "test"}


def labels_of(
    path: Path, names: Sequence[str], endings: Sequence[str], options: VideoOptions
) -> tuple[Mapping[str, str] | None, str]:
    """The label of each film, and a remark; None without labels or if they are off.

    Args:
        path: the file or folder.
        names: of the films, as paths within the folder.
        endings: suffixes of these names; a first row of the table without one is a header.
        options: how films are read.

    Raises:
        UserError: if a table does not fit, or if subfolders are named as splits.
    """
    if options.labels is not None:
        if names == [path.name]:
            raise UserError(f"--video.labels was given, but {path} is a single film: leave it out")
        return _from_csv(Path(options.labels), path, names, endings), ""
    above = [name.split("/")[:-1] for name in names]
    if not options.given or len({tuple(folders) for folders in above}) == 1:
        return None, ""
    if {folders[0].lower() for folders in above if folders} <= _SPLITS:
        raise UserError(
            f"{path}: its subfolders look like splits, not labels: give one of them as the data, "
            "or give --video.given=false to split all films anew"
        )
    if any(len(folders) != 1 for folders in above):
        return None, "No labels: not all films are in subfolders, one level deep."
    return {name: folders[0] for name, folders in zip(names, above, strict=True)}, ""


def _from_csv(table: Path, folder: Path, names: Sequence[str], endings: Sequence[str]) -> Mapping[str, str]:
    labels: dict[str, str] = {}
    known = set(names)
    for place, name, cells in rows(table, "--video.labels", "film", "its label", endings):
        if len(cells) != 1:
            raise UserError(f"{place}: {[name, *cells]!r:.80}; expected a film's path and its label: correct it")
        label = cells[0]
        if name not in known:
            raise UserError(f"{place}: {name!r} is not in {folder}: correct or remove the row")
        if labels.setdefault(name, label) != label:
            raise UserError(f"{place}: {name!r} is {label!r} here and {labels[name]!r} above: remove one of the rows")
    check_all(table, labels, names, str(folder), "film", "label")
    return labels
