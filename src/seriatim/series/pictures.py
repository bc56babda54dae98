"""Pictures of forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seriatim.drawing.fan import save_fans, save_surprises
from seriatim.series.data.panel import Panel
from seriatim.series.data.windows import times_between
from seriatim.series.forecast import Forecasts


def save_forecasts(found: Forecasts, panel: Panel, origins: Sequence[int], picture: Path) -> bool:
    """Draw a fan chart of each series, over time where there are times. False without matplotlib."""
    times = None
    if panel.items[0].times is not None:
        ends = [at + each.paths.shape[1] for at, each in zip(origins, found, strict=True)]
        times = [
            times_between(item, panel.frequency, 0, max(end, item.steps))
            for item, end in zip(panel.items, ends, strict=True)
        ]
    return save_fans(list(found), panel.items, origins, picture, times)


def save_scores(panel: Panel, log_probs: Sequence[NDArray[np.float64]], block: int, picture: Path) -> bool:
    """Draw the values of each series, and below how surprising each is. False without matplotlib."""
    surprises = [np.repeat(-terms, block)[: item.steps] for terms, item in zip(log_probs, panel.items, strict=True)]
    times = [None if item.times is None else item.times[: item.steps] for item in panel.items]
    names = [item.name for item in panel.items]
    return save_surprises(names, [item.values for item in panel.items], surprises, times, picture)
