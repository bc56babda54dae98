"""Arrays of floats as series."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.data.panel import Panel, Series
from seriatim.series.data.table import LARGEST
from seriatim.series.options import ROWS, SeriesOptions

_FEWEST = 4


def panel_of_arrays(spec: Any, options: SeriesOptions) -> Panel:
    """An array (T,) or (T, C), or a sequence of such with as many channels each; a step is a row.

    Columns are series of their own, or channels of one with `options.joint`.

    Raises:
        UserError: for another shape or type, or values that cannot be used.
    """
    several = isinstance(spec, list | tuple)
    each = cast("list[Any]", spec) if several else [spec]
    arrays: list[NDArray[np.float64]] = []
    for i, one in enumerate(each):
        array = np.asarray(one)
        where = f"series {i}" if several else "the array"
        if array.dtype.kind not in "fiu" or array.ndim not in (1, 2) or not array.size:
            raise UserError(
                f"{where}: shape {array.shape} of {array.dtype}; expected (steps,) or (steps, channels) numbers"
            )
        values = array.astype(np.float64).reshape(len(array), -1)
        if np.isinf(values).any() or (np.abs(values) > LARGEST).any():
            raise UserError(f"{where}: values beyond {LARGEST:g}: replace them by NaN, or give other units")
        if len(values) < _FEWEST:
            raise UserError(f"{where}: {len(values)} steps; expected at least {_FEWEST}: give more")
        arrays.append(values)
    widths = {array.shape[1] for array in arrays}
    if len(widths) > 1:
        raise UserError(f"series have {min(widths)} to {max(widths)} channels; give each as many")
    (width,) = widths
    if options.joint or width == 1:
        channels = tuple(f"channel-{c + 1}" for c in range(width)) if width > 1 else ("value",)
        return Panel([Series(f"series-{i + 1}", x) for i, x in enumerate(arrays)], channels, options.frequency or ROWS)
    items = [Series(f"series-{i + 1}-{c + 1}", x[:, [c]]) for i, x in enumerate(arrays) for c in range(width)]
    return Panel(items, ("value",), options.frequency or ROWS)
