"""Documents from tables with named columns: CSV files, and Parquet with the extra `parquet`."""

from __future__ import annotations

import csv
import importlib.util
import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seriatim.data.bad import Bad
from seriatim.data.decoding import text_blocks
from seriatim.errors import UserError
from seriatim.text.data.corpus import Document
from seriatim.text.data.records import text_and_given
from seriatim.text.options import TextOptions

_CELL = 2**30  # characters of the longest cell
_SNIFFED = 4096  # characters from which the separator of columns is told


def columns(path: Path, encoding: str, name: str) -> list[str]:
    """The heading of a CSV file."""
    return next(_csv(path, encoding, name), [])


def has_texts(path: Path, options: TextOptions, name: str) -> bool:
    """Whether a CSV file is read by columns: one is chosen, or one is called `text`, or as the source is."""
    if options.field is not None or options.given:
        return True
    return not {"text", options.source}.isdisjoint(columns(path, options.encoding, name))


def csv_rows(path: Path, options: TextOptions, name: str, bad: Bad) -> Iterator[Document]:
    """One document per row of a CSV file with a heading."""
    rows = _csv(path, options.encoding, name)
    heading = next(rows, [])
    for number, cells in enumerate(rows, start=2):
        if not any(cells):
            continue
        place = f"{name}:{number}"
        found = bad.attempt(_row, heading, cells, options, place)
        if found is not None:
            yield Document.of(place, *found)


def _row(
    heading: list[str], cells: list[str], options: TextOptions, place: str
) -> tuple[str, dict[str, str | float | None]]:
    if len(cells) != len(heading):
        raise UserError(f"{place}: {len(cells)} cells under {len(heading)} headings: correct the row")
    record: dict[str, object] = dict(zip(heading, cells, strict=True))
    return text_and_given(
        {**record, **{key: _value(record[key]) for key in options.given if key in record}}, options, place
    )


def _value(cell: object) -> object:
    """A cell as a condition: missing, a number or a label."""
    text = str(cell).strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def _csv(path: Path, encoding: str, name: str) -> Iterator[list[str]]:
    blocks = text_blocks(path, encoding, name)
    first = next(blocks, "")
    head = first[:_SNIFFED].split("\n")[0]
    delimiter = max(",;\t", key=head.count)

    def lines() -> Iterator[str]:
        held = ""
        for block in (first, *blocks):
            *whole, held = (held + block).split("\n")
            yield from (f"{line}\n" for line in whole)
        if held:
            yield held

    rows = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        try:
            with _long_cells():
                row = next(rows, None)
        except csv.Error as error:
            raise UserError(f"{name}: not CSV ({error}): correct the file, or save it as .jsonl") from None
        if row is None:
            return
        yield row


@contextmanager
def _long_cells() -> Generator[None]:
    """Read cells of any length; the limit is the whole program's, and is put back."""
    before = csv.field_size_limit(_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def parquet_rows(path: Path, options: TextOptions, name: str, bad: Bad) -> Iterator[Document]:
    """One document per row of a Parquet file.

    Raises:
        UserError: if it is none, or the extra is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(f"{name}: Parquet needs pyarrow: pip install 'seriatim[parquet]', or save the table as .csv")
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            wanted = {options.field or "text", *options.given, *([options.source] if options.source else [])}
            kept = [column for column in file.schema_arrow.names if column in wanted]
            for batch in file.iter_batches(columns=kept or None):
                for record in batch.to_pylist():
                    number += 1
                    found = bad.attempt(_record, record, options, f"{name}:{number}")
                    if found is not None:
                        yield Document.of(f"{name}:{number}", *found)
    except (arrow.ArrowException, OSError) as error:
        raise UserError(f"{name}: not a Parquet file ({str(error)[:100]}): check the file") from None


def _record(record: Mapping[str, Any], options: TextOptions, place: str) -> tuple[str, dict[str, str | float | None]]:
    return text_and_given(dict(record), options, place)
