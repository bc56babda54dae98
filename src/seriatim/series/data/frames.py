"""Data frames as series."""

from __future__ import annotations

from typing import Any

from seriatim.series.data.pandas import pandas
from seriatim.series.data.panel import Panel
from seriatim.series.data.reading import panel_of
from seriatim.series.data.table import Frame
from seriatim.series.options import SeriesOptions


def panel_of_frame(data: Any, options: SeriesOptions) -> tuple[Panel, str]:
    """A pandas DataFrame or Series, wide or long; times may be its index.

    Raises:
        UserError: naming what is wrong, and the row.
    """
    pd = pandas()
    table: Any = data if hasattr(data, "columns") else data.to_frame(name=data.name or "value")
    named = any(name is not None for name in table.index.names)
    if named or isinstance(table.index, pd.DatetimeIndex | pd.PeriodIndex):
        if isinstance(table.index, pd.PeriodIndex):
            table = table.set_axis(table.index.to_timestamp(), axis=0)
        table = table.rename_axis("time" if table.index.name is None else table.index.name, axis=0).reset_index()
    else:
        table = table.reset_index(drop=True)
    table.columns = [str(name) for name in table.columns]
    return panel_of(Frame(table, "the data frame", 0), options)
