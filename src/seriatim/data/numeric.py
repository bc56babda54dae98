"""Whether the beginning of a file is a table of numbers, without a reader of tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

HEAD = 1 << 12
"""Bytes that are looked at."""

_NUMBER = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)([eE][+-]?\d+)?%?")
_TIME = re.compile(
    r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?|\d{1,2}:\d{2}"
)
_MISSING = re.compile(r"|nan|na|n/a|null|none|-?inf|-|\.|\?", re.IGNORECASE)
_MARKS = (",", ";", "\t", "|")
_LONGEST = 40  # characters of a name in a column of names
_NAMES, _ALONE = 0.5, 0.34  # of the columns, at most, are names: with times, and without


def table_of_numbers(head: bytes, whole: bool) -> str:
    """What a table of numbers is, as a phrase; empty if the file is none.

    Rows of as many cells each, perhaps under a heading: at least one column of numbers, and otherwise times and short
    names, which are no more than half of the columns.

    Args:
        head: the first bytes of a file.
        whole: whether that is all of it.

    Example:
        >>> table_of_numbers(b"day,sold\\n2026-01-01,3\\n2026-01-02,5\\n", whole=True)
        'a table of numbers: 1 column of numbers, with times'
        >>> table_of_numbers(b"name,age\\nAnna Maria,31\\nOtto,42\\n", whole=True)
        ''
    """
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    lines = head.decode("utf-8-sig", "replace").splitlines()
    lines = [line for line in (lines if whole else lines[:-1]) if line.strip()]
    rows = _rows(lines) if len(lines) > 1 else [[]]
    body = rows[1:]
    if not body or not rows[0]:
        return ""
    kinds = [_kind([row[column] for row in body]) for column in range(len(body[0]))]
    numbers, times, names = (kinds.count(kind) for kind in ("number", "time", "name"))
    if "text" in kinds or not numbers:
        return ""
    # names and numbers alone are as likely texts with labels
    if names > (_NAMES if times else _ALONE) * len(kinds) or (len(kinds) == 1 and not _all_numbers(body)):
        return ""
    said = f"a table of numbers: {numbers} column{'s' * (numbers > 1)} of numbers"
    return f"{said}, with times" if times else said


def _rows(lines: Sequence[str]) -> list[list[str]]:
    """Cells of lines, by the mark that gives as many in each; else by white space."""
    for mark in _MARKS:
        cells = [_split(line, mark) for line in lines]
        if len(cells[0]) > 1 and len({len(row) for row in cells}) == 1:
            return cells
    spaced = [line.split() for line in lines]
    return spaced if spaced and len({len(row) for row in spaced}) == 1 else [[]]


def _split(line: str, mark: str) -> list[str]:
    """Cells, none of which is quoted around a mark: such a file is of texts."""
    return [cell.strip().strip('"').strip() for cell in line.split(mark)]


def _kind(cells: Sequence[str]) -> str:
    """What a column holds."""
    there = [cell for cell in cells if not _MISSING.fullmatch(cell)]
    if not there:
        return "number"
    share = sum(_NUMBER.fullmatch(cell) is not None for cell in there) / len(there)
    timed = sum(_TIME.fullmatch(cell) is not None for cell in there) / len(there)
    if timed > 0.5 and timed >= share:
        return "time"
    if share > 0.5:
        return "number"
    return "name" if all(len(cell) <= _LONGEST for cell in there) else "text"


def _all_numbers(body: Sequence[Sequence[str]]) -> bool:
    return all(_NUMBER.fullmatch(cell) for row in body for cell in row if not _MISSING.fullmatch(cell))
