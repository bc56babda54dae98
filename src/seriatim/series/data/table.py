"""Tables of numbers: from a CSV, Parquet or Excel file to columns, with a message for every cell that is no number."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seriatim.data.decoding import COMPRESSED, bare_suffix, text_blocks
from seriatim.errors import UserError, nearest
from seriatim.series.data.pandas import pandas
from seriatim.series.options import SeriesOptions

LARGEST, SMALLEST = 1e30, 1e-30
"""Beyond these, float32 has no numbers or few digits."""

_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", ".", "?", "<na>", "missing"}
WHITE = r"\s+"
"""The separator of cells between which is white space."""
_HEAD = 1 << 16
_CELL = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)([eE][+-]?\d+)?|")  # of a first row that is no heading
_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_GROUPS = {",": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"), ".": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?")}
_NAMED = 6  # columns named in a message


class Frame(NamedTuple):
    """A table, and the number of the line of its first row in the file; 0 if it has no lines."""

    table: Any  # a pandas DataFrame
    where: str
    line: int

    def place(self, row: int) -> str:
        """Where a row is, for messages."""
        return f"{self.where}: line {row + self.line}" if self.line else f"{self.where}: row {row}"


def read(path: Path) -> Frame:
    """The cells of a file, as text if it is CSV.

    Raises:
        UserError: if pandas is missing, or the file is empty or no table.
    """
    pd = pandas()
    suffix = bare_suffix(path) if path.suffix.lower() in COMPRESSED else path.suffix.lower()
    try:
        if suffix == ".parquet":
            return Frame(pd.read_parquet(path), str(path), 0)
        if suffix in (".xls", ".xlsx"):
            return Frame(pd.read_excel(path), str(path), 2)
    except ImportError as error:
        raise UserError(f"{path}: pandas needs another package to read it ({error}): install it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())[:200]}): correct the file") from None
    text = "".join(text_blocks(path, "utf-8", str(path)))
    if not text.strip():
        raise UserError(f"{path}: empty; expected a table with a heading and rows of numbers: give another file")
    mark, first = separator(text), text.lstrip().splitlines()[0]
    cells = [cell.strip().strip('"') for cell in (first.split() if mark == WHITE else first.split(mark))]
    headed = not all(_CELL.fullmatch(cell) for cell in cells)
    try:
        table = pd.read_csv(io.StringIO(text), sep=mark, dtype=str, keep_default_na=False, skipinitialspace=True,
                            skip_blank_lines=False, header=0 if headed else None)  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path}: not a table ({' '.join(str(error).split())[:200]}): correct the file") from None
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first cells of such rows for names
        raise UserError(
            f"{path}: line {2 if headed else 1} has more cells than the heading; expected as many: correct the file"
        )
    names = [str(name).strip() for name in table.columns] if headed else [f"column-{i + 1}" for i in range(len(cells))]
    table.columns = names
    return Frame(table[(table != "").any(axis=1)], str(path), 2 if headed else 1)


def separator(text: str) -> str:
    """What separates the cells of a table: the mark of which the first lines have most, as many in each."""
    lines = [line for line in text[:_HEAD].splitlines()[:50] if line.strip()]
    counts = {mark: [line.count(mark) for line in lines] for mark in (";", "\t", ",", "|")}
    even = [mark for mark, found in counts.items() if min(found) > 0 and len(set(found)) == 1]
    most = max(counts, key=lambda mark: counts[mark][0])
    if even or counts[most][0]:
        return even[0] if even else most
    return WHITE


def named(frame: Frame, names: Sequence[str], option: str) -> None:
    """Refuse the name of a column that is not there.

    Raises:
        UserError: with the nearest one.
    """
    have = [str(name) for name in frame.table.columns]
    for name in names:
        if name not in have:
            raise UserError(f"{frame.where} has no column {name!r} for --series.{option}; {nearest(name, have)}")


def numbers(frame: Frame, name: str, options: SeriesOptions) -> NDArray[np.float64]:
    """A column as numbers, NaN where a cell is empty or says that it is missing.

    Raises:
        UserError: naming the line of the first cell that is no number, or none that can be used.
    """
    found, bad = parsed(frame, name, options)
    if bad is not None:
        cell = str(frame.table[name].iloc[bad])
        raise UserError(f"{_place(frame, bad)}, column {name!r}: {cell!r:.60} is not a number{_advice(cell, options)}")
    _check(frame, name, found)
    return found


def parsed(frame: Frame, name: str, options: SeriesOptions) -> tuple[NDArray[np.float64], int | None]:
    """A column as numbers, and the first row whose cell is none; None if all are."""
    pd, column = pandas(), frame.table[name]
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan), None
    text = column.astype(str).str.strip()
    missing = text.str.lower().isin(_MISSING) | column.isna()
    marks = {"space": " ", "none": ""}.get(options.thousands, options.thousands)
    if marks:
        text = text.str.replace(marks, "", regex=False).str.replace("\u00a0", "", regex=False)
    if options.decimal == ",":
        text = text.str.replace(",", ".", regex=False)
    values = pd.to_numeric(text.where(~missing), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(np.isnan(values) & ~missing.to_numpy())
    return values, int(wrong[0]) if len(wrong) else None


def _advice(cell: str, options: SeriesOptions) -> str:
    if options.thousands == "none" and _GROUPS[","].fullmatch(cell) and cell.count(",") > 1:
        return ": for thousands separators, give --series.thousands ,"
    if options.decimal == "." and _COMMA.fullmatch(cell):
        return ": for decimal commas, give --series.decimal , (for thousands separators, --series.thousands ,)"
    if options.thousands == "none" and _GROUPS["."].fullmatch(cell):
        return ": for thousands separators, give --series.thousands . (and --series.decimal ,)"
    return ": correct it, leave the cell empty, or name the columns that are values with --series.values"


def _place(frame: Frame, row: int) -> str:
    return frame.place(int(frame.table.index[row]))


def _check(frame: Frame, name: str, values: NDArray[np.float64]) -> None:
    """Refuse what no model can use."""
    size = np.abs(values)
    for row, what in (
        (np.flatnonzero(np.isinf(values)), "is infinite: replace it, or leave the cell empty"),
        (np.flatnonzero(size > LARGEST), f"is beyond {LARGEST:g}: give it in other units"),
    ):
        if len(row):
            at = int(row[0])
            raise UserError(f"{_place(frame, at)}, column {name!r}: {values[at]:g} {what}")
    known = size[~np.isnan(size)]
    if len(known) and 0 < known.max() < SMALLEST:
        raise UserError(f"{frame.where}, column {name!r}: no value is above {known.max():g}: give it in other units")


def columns_in_words(names: Sequence[str]) -> str:
    """Names of columns for messages."""
    more = ", …" if len(names) > _NAMED else ""
    return f"{', '.join(map(str, names[:_NAMED]))}{more}"
