"""Charts of trajectories: each channel over the points."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_COLUMNS, _MOST = 4, 40
_LEGEND = 12  # channels that are named


def save_tracks(
    tracks: Sequence[NDArray[np.float64]],
    picture: Path,
    channels: Sequence[str],
    names: Sequence[str] = (),
    known: Sequence[int] = (),
) -> bool:
    """Draw a chart of each trajectory (T, C), all with the same axes.

    Args:
        tracks: the trajectories; the first 40 are drawn.
        picture: the file to write.
        channels: names of the channels.
        names: of the trajectories.
        known: how many points of each were given: a line is drawn after them.

    Returns:
        False without matplotlib.
    """
    if importlib.util.find_spec("matplotlib") is None or not tracks:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = tracks[:_MOST]
    columns = min(_COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(3.2 * columns, 2.2 * rows), dpi=100)
    FigureCanvasAgg(figure)
    first: Any = None
    for i, x in enumerate(shown):
        axes: Any = figure.add_subplot(rows, columns, i + 1, sharex=first, sharey=first)
        first = axes if first is None else first
        for channel, name in enumerate(channels):
            axes.plot(x[:, channel], linewidth=1, marker="." if len(x) == 1 else None, label=name)
        if i < len(known):
            axes.axvline(known[i] - 0.5, color="grey", linestyle=":")
        if i < len(names):
            axes.set_title(names[i], fontsize="small")
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize="x-small")
    if 1 < len(channels) <= _LEGEND:
        first.legend(fontsize="xx-small", ncols=2)
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture)
    return True
