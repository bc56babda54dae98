"""Loaders of the named data sets: from files to series."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seriatim.data.decoding import read_bytes
from seriatim.series.data.pandas import pandas
from seriatim.series.data.panel import Panel, Series
from seriatim.series.data.reading import panel_of
from seriatim.series.data.table import Frame, read
from seriatim.series.options import ROWS, SeriesOptions

_ZERO, _GAIN = 1024, 200.0  # units of the electrocardiogram: at 0 mV, and for each mV


def _table(files: Sequence[Path], options: SeriesOptions) -> tuple[Panel, str]:
    return panel_of(read(files[0]), options)


def _tables(files: Sequence[Path], options: SeriesOptions) -> tuple[Panel, str]:
    """Several wide tables of the same times: each column is a series named FILE/COLUMN."""
    panels = [panel_of(read(file), options)[0] for file in files]
    items = [
        dataclasses.replace(each, name=f"{file.stem.removesuffix('.csv')}/{each.name}")
        for file, panel in zip(files, panels, strict=True)
        for each in panel.items
    ]
    return dataclasses.replace(panels[0], items=items), ""


def _months(files: Sequence[Path], options: SeriesOptions) -> tuple[Panel, str]:
    """A row for each year and a column for each month."""
    pd = pandas()
    wide: Any = read(files[0]).table.set_index("YEAR")
    long = pd.DataFrame(
        {
            "month": pd.date_range(f"{wide.index[0]}-01-01", periods=wide.size, freq="MS"),
            "temperature": wide.to_numpy().ravel(),
        }
    )
    return panel_of(Frame(long, str(files[0]), 0), options)


def _quarters(files: Sequence[Path], options: SeriesOptions) -> tuple[Panel, str]:
    """Columns of a year and a quarter, and figures."""
    pd = pandas()
    table: Any = read(files[0]).table
    months = 3 * table["quarter"].astype(float).astype(int) - 2
    times = pd.to_datetime(table["year"].astype(float).astype(int).astype(str) + "-" + months.astype(str) + "-01")
    figures = table.drop(columns=["year", "quarter"])
    figures.insert(0, "time", times)
    return panel_of(Frame(figures, str(files[0]), 0), options)


def _returns(files: Sequence[Path], options: SeriesOptions) -> tuple[Panel, str]:
    """Changes of the adjusted close, in percent; a row is a trading day."""
    pd = pandas()
    close = pd.to_numeric(read(files[0]).table["Adj Close"]).to_numpy(np.float64)
    returns = 100 * np.diff(close) / close[:-1]
    return Panel([Series("return", returns[:, None])], ("return",), options.frequency or ROWS), ""


def _ecg(files: Sequence[Path], options: SeriesOptions) -> tuple[Panel, str]:
    """Two signals of 12 bits in three bytes (format 212 of PhysioNet)."""
    raw = np.frombuffer(b"".join(read_bytes(files[0], str(files[0]))), np.uint8).reshape(-1, 3).astype(np.int64)
    values = np.stack([raw[:, 0] | (raw[:, 1] & 0x0F) << 8, raw[:, 2] | (raw[:, 1] & 0xF0) << 4], 1)
    volts = (np.where(values >= 2048, values - 4096, values) - _ZERO) / _GAIN
    names = ("MLII", "V5")
    if options.joint:
        return Panel([Series("100", volts)], names, options.frequency or ROWS), ""
    items = [Series(name, volts[:, [i]]) for i, name in enumerate(names)]
    return Panel(items, ("value",), options.frequency or ROWS), ""


LAYOUTS: Mapping[str, Callable[[Sequence[Path], SeriesOptions], tuple[Panel, str]]] = {
    "table": _table,
    "tables": _tables,
    "months": _months,
    "quarters": _quarters,
    "returns": _returns,
    "ecg": _ecg,
}
"""{layout: reader}."""
