"""Text files a line at a time, and the numbers in their cells, with a message for every fault."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from seriatim.data.decoding import text_blocks
from seriatim.errors import UserError
from seriatim.trajectory.holding import mark_of

LONGEST = 1 << 24
"""Characters of a line at most."""
MOST = 200_000_000
"""Numbers of a file at most: 1.6 GB in memory."""
LARGEST = 1e30
"""Numbers beyond it are refused: float32 has few larger ones."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "<na>"}


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The number and the text of each line of a file, which may be compressed.

    Raises:
        UserError: if it is missing or not text, or a line is too long.
    """
    if not path.is_file():  # reading a pipe would block
        raise UserError(f"{path}: no such file; expected a text file: check the path")
    number, rest = 1, ""
    for block in text_blocks(path, "utf-8", str(path)):
        *whole, rest = (rest + block).split("\n")
        for line in whole:
            yield number, line.removesuffix("\r")
            number += 1
        if len(rest) > LONGEST:
            raise UserError(f"{path}: line {number}: over {LONGEST:,} characters; expected shorter lines: split it")
    if rest:
        yield number, rest.removesuffix("\r")


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line and the stripped cells of each row that is not empty, the heading first.

    Cells are separated by tabs or semicolons if the heading has one, else by commas.

    Raises:
        UserError: if the file is empty or malformed, or a row has more or fewer cells than the heading.
    """
    lines = lines_of(path)
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        raise UserError(f"{path}: empty; expected a heading and rows: give another file")

    def texts() -> Iterator[str]:
        yield first[1] + "\n"
        for _, line in lines:
            yield line + "\n"

    reader, width = csv.reader(texts(), delimiter=mark_of(first[1]), strict=True), 0
    try:
        for cells in reader:
            stripped, line = [cell.strip() for cell in cells], reader.line_num + first[0] - 1
            if not any(stripped):
                continue
            width = width or len(stripped)
            if len(stripped) != width:
                raise UserError(
                    f"{path}: line {line}: {len(stripped)} cells; expected {width}, as in the heading: correct it"
                )
            yield line, stripped
    except csv.Error as error:
        at = reader.line_num + first[0] - 1
        raise UserError(f"{path}: line {at}: malformed CSV ({error}); expected plain cells: correct it") from None


def column(heading: Sequence[str], names: Sequence[str], path: Path) -> int | None:
    """Where in a heading one of some names is, if any is.

    Raises:
        UserError: if there are several.
    """
    found = [i for i, name in enumerate(heading) if name in names]
    if len(found) > 1:
        both = " and ".join(repr(heading[i]) for i in found[:2])
        raise UserError(f"{path}: columns {both}; expected one of them: remove or rename the other")
    return found[0] if found else None


def number_of(cell: str) -> float | None:
    """The number in a cell, None if there is none, or none that can be used.

    Example:
        >>> number_of("-1.5e3"), number_of("1_000"), number_of("nan")
        (-1500.0, None, None)
    """
    if not _NUMBER.fullmatch(cell):
        return None
    value = float(cell)
    return value if abs(value) <= LARGEST else None


def fault(cell: str, where: str) -> UserError:
    """What is wrong with a cell that `number_of` gives no number for."""
    if cell.lower() in _MISSING:
        return UserError(f"{where}: a missing value; expected a number: fill it in, or leave the series out")
    if _NUMBER.fullmatch(cell) or _INFINITE.fullmatch(cell):
        return UserError(f"{where}: {cell!r:.40} is infinite or beyond {LARGEST:g}; expected less: give other units")
    return UserError(f"{where}: {cell!r:.40} is not a number; expected one: correct it")


def check_most(count: int, path: Path) -> None:
    """Refuse a file of too many numbers.

    Raises:
        UserError: if there are more than `MOST`.
    """
    if count > MOST:
        raise UserError(f"{path}: over {MOST:,} numbers; expected fewer: split the file, or give --data.limit")
