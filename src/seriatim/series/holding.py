"""How likely data is series. No reader is imported: every command checks this."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from seriatim.data.decoding import bare_suffix, read_bytes
from seriatim.data.holding import existing, named
from seriatim.data.numeric import HEAD, table_of_numbers
from seriatim.errors import UserError
from seriatim.modality import NOT_MINE, Certainty, Verdict

NAMES = (
    *("etth1", "etth2", "ett-1h", "sunspots", "nile", "co2", "elnino", "macro"),
    *("sp500", "nasdaq", "ecg"),
)
"""The named data sets of series: the keys of `series.data.sets.SETS`."""

TABLES = (".csv", ".tsv", ".txt", ".dat", ".tab", "")
BINARY = (".parquet", ".xls", ".xlsx")
"""Suffixes of tables that are no text."""


def holds(data: object) -> Verdict:
    """Series: a table of numbers, a name, arrays of floats, a data frame with numbers and no texts."""
    path = existing(data)
    if path is not None:
        return _file(path)
    if isinstance(data, str | Path):
        return named(data, NAMES, "series")
    return _object(data)


def _file(path: Path) -> Verdict:
    if path.is_dir() or path.is_fifo():
        return NOT_MINE
    suffix = bare_suffix(path)
    if suffix in BINARY:
        return Verdict(Certainty.MAYBE, f"a table ({suffix})", 1, path.stat().st_size)
    if suffix not in TABLES:
        return NOT_MINE
    try:
        head = b"".join(read_bytes(path, str(path), 0, HEAD))
    except (UserError, OSError):
        return NOT_MINE
    found = table_of_numbers(head, len(head) < HEAD)
    if not found:
        return NOT_MINE
    return Verdict(Certainty.YES, found, 1, path.stat().st_size)


def _object(data: object) -> Verdict:
    if hasattr(data, "columns") and hasattr(data, "itertuples"):
        kinds = [str(kind) for kind in cast(Any, data).dtypes]
        numeric = [kind for kind in kinds if kind.lower().startswith(("float", "int", "uint"))]
        timed = any(kind.startswith("datetime") for kind in [*kinds, str(getattr(cast(Any, data).index, "dtype", ""))])
        if numeric and (timed or len(numeric) == len(kinds)):
            return Verdict(Certainty.YES, "a data frame of numbers", len(cast(Any, data)))
        return NOT_MINE
    each: list[Any] = cast("list[Any]", data) if isinstance(data, list | tuple) else [data]
    kinds = [getattr(getattr(one, "dtype", None), "kind", "") for one in each]
    if each and all(kind == "f" for kind in kinds) and all(one.ndim in (1, 2) for one in each):
        return Verdict(Certainty.YES, "arrays of numbers", len(each))
    return NOT_MINE
