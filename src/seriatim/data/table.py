"""CSV files: plain rows, and tables of pictures or recordings with a path in the first cell of each row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seriatim.data.decoding import text_blocks
from seriatim.errors import UserError


def cells_of(table: Path, option: str = "") -> Iterator[tuple[str, list[str]]]:
    """The place and the stripped cells of each non-empty row.

    Args:
        table: the file.
        option: the option that gives it, for the message if it is missing.

    Raises:
        UserError: if it is missing, not text, or malformed.
    """
    if not table.is_file():
        needs = f"; {option} needs a CSV file" if option else ""
        raise UserError(f"{table}: no such file{needs}: check the path")
    lines = "".join(text_blocks(table, "utf-8", str(table))).splitlines()
    try:
        for number, cells in enumerate(csv.reader(lines, strict=True), start=1):
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield f"{table}:{number}", stripped
    except csv.Error as error:
        raise UserError(f"{table}: malformed CSV ({error}): correct the file") from None


def rows(
    table: Path, option: str, whole: str, what: str, endings: Sequence[str]
) -> Iterator[tuple[str, str, list[str]]]:
    """The place, file and further cells of each row except a header.

    Args:
        table: the file.
        option: the option that gives it, for messages.
        whole: word for what a row describes: picture, recording.
        what: words for the further cells, for messages.
        endings: suffixes of the files; a first row without one is a header.

    Raises:
        UserError: naming a row that lacks a cell.
    """
    for place, cells in cells_of(table, option):
        if place.endswith(":1") and not cells[0].lower().endswith(tuple(endings)):
            continue
        if len(cells) < 2 or not all(cells):
            raise UserError(f"{place}: {cells!r:.80}; expected a {whole}'s path and {what}: correct it")
        yield place, cells[0].removeprefix("./"), cells[1:]


def check_all(
    table: Path, found: Mapping[str, object], names: Sequence[str], where: str, whole: str, what: str
) -> None:
    """Refuse a table that lacks some of the pictures or recordings.

    Raises:
        UserError: naming one of them.
    """
    missing = [name for name in names if name not in found]
    if missing:
        raise UserError(
            f"{table}: no {what} for {len(missing)} of {len(names)} {whole}s in {where}, such as {missing[0]!r}: "
            "add a row for each, or move them elsewhere"
        )
