"""What a run learns from its training series before the first step: its codecs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.calendar import Calendar
from seriatim.series.codec import SeriesCodec
from seriatim.series.data.panel import SERIES, Panel
from seriatim.series.data.splits import horizon_of, past_of
from seriatim.series.data.windows import CALENDAR, KNOWN, SCALE, Cutter, Window, first_of
from seriatim.series.frequency import unit
from seriatim.series.known import Known
from seriatim.series.options import SeriesOptions
from seriatim.series.scaling import Running, WindowScale
from seriatim.symbols import Labels, Symbols

_TRIED = 4000  # windows that tell how the values of a block vary
_STILL = 1e-6
_TAKEN = ("x", SCALE, CALENDAR, KNOWN)


def codecs(panel: Panel, options: SeriesOptions, mode: str) -> dict[str, Symbols]:
    """The codecs of values and conditions.

    Args:
        panel: the training split.
        options: how series are read.
        mode: how windows are scaled.

    Raises:
        UserError: if a label has the name of another condition.
    """
    past, horizon = past_of(options, panel), horizon_of(options, panel)
    x = SeriesCodec(panel.channels, panel.frequency, past, horizon, options.block, options.rotation, options.season)
    found: dict[str, Symbols] = {"x": x}
    if mode != "none" or options.block > 1:
        found[SCALE] = _scale(panel, x, mode)
    cycles = unit(panel.frequency)[0].cycles
    if options.calendar and cycles and panel.items[0].times is not None:
        found[CALENDAR] = Calendar(cycles)
    if panel.known:
        values = [each.known[: each.steps] for each in panel.items if each.known is not None]
        found[KNOWN] = Known.train(panel.known, values, options.block)
    if len(panel.items) > 1:
        found[SERIES] = Labels.train(each.name for each in panel.items)
    for name in options.labels:
        if name in (*_TAKEN, SERIES):
            raise UserError(f"--series.labels {name}: this is the name of another condition; rename the column")
        values = [each.labels.get(name) for each in panel.items]
        if not any(values):
            raise UserError(f"--series.labels {name}: no series has one; leave it out")
        found[name] = Labels.train(value for value in values if value)
    return found


def _scale(panel: Panel, codec: SeriesCodec, mode: str) -> WindowScale:
    """How windows are scaled; of blocks, also how each of their values varies in units of the window."""
    parts, zeros = codec.parts, [0.0] * codec.parts
    plain = WindowScale(mode, codec.past, zeros, zeros, codec.block)
    if codec.block == 1:
        return plain
    cutter = Cutter(panel, {"x": codec}, past=0)
    windows = _some(panel, codec)
    parts_of: list[NDArray[Any]] = []
    for owner, starts in windows.items():
        running = Running(panel.items[owner].values, mode)
        for at in starts:
            unit_of = plain.of(running.scale(at, codec.past), codec.matrix)
            block = cutter.batch([Window(owner, at, codec.block)]).x[0, 0]
            parts_of.append((block - unit_of[:, 0]) / np.exp(unit_of[:, 1]))
    found = np.array([each for each in parts_of if not np.isnan(each).any()]).reshape(-1, parts)
    if len(found) < 2:
        raise UserError(
            f"no two whole blocks of {codec.block} steps follow a past of {codec.past}; give longer series, or a "
            "smaller --series.block or --series.past"
        )
    deviation = np.maximum(found.std(0), _STILL)
    return WindowScale(mode, codec.past, found.mean(0).tolist(), np.log(deviation).tolist(), codec.block)


def _some(panel: Panel, codec: SeriesCodec) -> dict[int, list[int]]:
    """{series: where windows begin}, spread over the panel."""
    rooms = {
        owner: (first_of(each, codec.past), each.steps - codec.block + 1) for owner, each in enumerate(panel.items)
    }
    rooms = {owner: (first, stop) for owner, (first, stop) in rooms.items() if stop > first}
    each = max(2, _TRIED // max(1, len(rooms)))
    return {
        owner: sorted(set(np.linspace(first, stop - 1, each).astype(int).tolist()))
        for owner, (first, stop) in rooms.items()
    }
