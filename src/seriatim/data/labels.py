"""One label for each item of a folder: from its subfolder, or from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seriatim.data.table import check_all, rows
from seriatim.errors import UserError

SPLITS = frozenset({"train", "training", "validation", "valid", "val", "test"})
"""Names of subfolders that are hardly labels."""


def of_folders(path: Path, names: Sequence[str], group: str, items: str) -> tuple[Mapping[str, str] | None, str]:
    """The subfolder of each item, and a remark; None if they are not all in subfolders, one level deep.

    Args:
        path: the folder.
        names: of the items, as paths within it.
        group: of the options, for messages: "image".
        items: what they are called: "pictures".

    Raises:
        UserError: if the subfolders are named as splits.
    """
    above = [name.split("/")[:-1] for name in names]
    if len({tuple(folders) for folders in above}) == 1:
        return None, ""
    if {folders[0].lower() for folders in above if folders} <= SPLITS:
        raise UserError(
            f"{path}: its subfolders look like splits, not labels: give one of them as the data, "
            f"or give --{group}.given=false to split all {items} anew"
        )
    if any(len(folders) != 1 for folders in above):
        return None, f"No labels: not all {items} are in subfolders, one level deep."
    return {name: folders[0] for name, folders in zip(names, above, strict=True)}, ""


def of_table(
    table: Path, folder: Path, names: Sequence[str], group: str, item: str, endings: Sequence[str]
) -> Mapping[str, str]:
    """The label of each item from a CSV file with a path within the folder and its label in each row.

    Args:
        table: the file.
        folder: of the items.
        names: of the items.
        group: of the options: "image".
        item: what one is called: "picture".
        endings: suffixes of the names; a first row without one is a header.

    Raises:
        UserError: if the table does not fit the folder.
    """
    labels: dict[str, str] = {}
    known = set(names)
    for place, name, cells in rows(table, f"--{group}.labels", item, "its label", endings):
        if len(cells) != 1:
            raise UserError(f"{place}: {[name, *cells]!r:.80}; expected a {item}'s path and its label: correct it")
        label = cells[0]
        if name not in known:
            raise UserError(f"{place}: {name!r} is not in {folder}: correct or remove the row")
        if labels.setdefault(name, label) != label:
            raise UserError(f"{place}: {name!r} is {label!r} here and {labels[name]!r} above: remove one of the rows")
    check_all(table, labels, names, str(folder), item, "label")
    return labels
