"""A CSV file that says something of each picture or recording: its path in the first cell of a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seriatim.data.gallery import PICTURE_ENDINGS
from seriatim.data.recordings import SOUND_ENDINGS
from seriatim.data.text import text_blocks
from seriatim.errors import UserError

_ENDINGS = (*PICTURE_ENDINGS, *SOUND_ENDINGS)


def rows(table: Path, option: str, whole: str, what: str) -> Iterator[tuple[str, str, list[str]]]:
    """Place, file (of a picture or recording, as `whole` says) and what stands behind it, of each row but a heading."""
    if not table.is_file():
        raise UserError(f"{table}: no such file, where {option} wants a CSV file: check the path")
    lines = "".join(text_blocks(table, "utf-8", str(table))).splitlines()
    try:
        for number, cells in enumerate(csv.reader(lines, strict=True), start=1):
            place = f"{table}:{number}"
            if not cells or (number == 1 and not cells[0].strip().lower().endswith(_ENDINGS)):
                continue
            if len(cells) < 2 or not all(cell.strip() for cell in cells):
                raise UserError(f"{place}: {cells!r:.80}, where a {whole}'s path and {what} are wanted: correct it")
            yield place, cells[0].strip().removeprefix("./"), [cell.strip() for cell in cells[1:]]
    except csv.Error as error:
        raise UserError(f"{table}: malformed CSV ({error}): correct the file") from None


def check_all(
    table: Path, found: Mapping[str, object], names: Sequence[str], where: str, whole: str, what: str
) -> None:
    """Refuse a table that says nothing of some of the pictures or recordings.

    Raises:
        UserError: naming one of them.
    """
    missing = [name for name in names if name not in found]
    if missing:
        raise UserError(
            f"{table}: no {what} for {len(missing)} of {len(names)} {whole}s in {where}, such as {missing[0]!r}: "
            "add a row for each, or move them elsewhere"
        )
