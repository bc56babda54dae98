"""Fan charts: what came before, what is expected, and what came."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

_SHARES = (0.9, 0.5)
_BEFORE = 3  # horizons of the past that are drawn
_MOST = 12  # charts in a picture


@runtime_checkable
class Fan(Protocol):
    """A forecast of a series."""

    @property
    def name(self) -> str:
        """Of the series."""
        ...

    @property
    def paths(self) -> NDArray[np.float64]:
        """(N, H, C)."""
        ...


@runtime_checkable
class Past(Protocol):
    """A series."""

    @property
    def values(self) -> NDArray[np.float64]:
        """(T, C)."""
        ...


def save_fans(
    fans: Sequence[Fan],
    pasts: Iterable[Past],
    origins: Sequence[int],
    picture: Path,
    times: Sequence[Any] | None = None,
) -> bool:
    """Draw a chart of each forecast: its median, and between what half and nine tenths of the paths are.

    Args:
        fans: the forecasts.
        pasts: their series; what came after an origin is drawn too.
        origins: the step that each forecast begins at.
        picture: the file to write.
        times: of each series' steps, those of the forecast included. Default: steps are counted.

    Returns:
        False without matplotlib.
    """
    if importlib.util.find_spec("matplotlib") is None or not fans:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [(fan, past, at) for fan, past, at in zip(fans, pasts, origins, strict=False)][:_MOST]
    columns = 1 if len(shown) == 1 else 2
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(8.0 if columns == 1 else 12.0, 3.4 * rows), dpi=100)
    FigureCanvasAgg(figure)
    for i, (fan, past, at) in enumerate(shown):
        axes: Any = figure.add_subplot(rows, columns, i + 1)
        _chart(axes, fan, past.values, at, None if times is None else times[i])
        if i == 0:
            axes.legend(loc="upper left", fontsize="small")
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture)
    return True


def _chart(axes: Any, fan: Fan, values: NDArray[np.float64], at: int, times: Any) -> None:
    """One chart; of several channels, the first."""
    paths = fan.paths[:, :, 0]
    horizon = paths.shape[1]
    begin = max(0, at - _BEFORE * horizon)
    steps: Any = np.arange(len(values) + horizon) if times is None else times
    ahead = steps[at : at + horizon]
    came = values[begin : at + horizon, 0]
    axes.plot(steps[begin : begin + len(came)], came, color="black", linewidth=1, label="values")
    for share in _SHARES:
        low, high = np.quantile(paths, [0.5 - share / 2, 0.5 + share / 2], axis=0)
        axes.fill_between(ahead, low, high, color="tab:blue", alpha=0.25, linewidth=0, label=f"{share:.0%} of paths")
    axes.plot(ahead, np.median(paths, 0), color="tab:blue", linewidth=1.5, label="median")
    axes.set_title(fan.name, fontsize="medium")
    axes.grid(alpha=0.3)
    axes.tick_params(axis="x", labelrotation=20 if times is not None else 0, labelsize="small")


def save_surprises(
    names: Sequence[str],
    values: Sequence[NDArray[np.float64]],
    surprises: Sequence[NDArray[np.float64]],
    times: Sequence[Any],
    picture: Path,
) -> bool:
    """Draw series, and below each how surprising every value is, in nats.

    Returns:
        False without matplotlib.
    """
    if importlib.util.find_spec("matplotlib") is None or not names:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = min(len(names), _MOST // 2)
    figure = Figure(figsize=(10.0, 3.6 * count), dpi=100)
    FigureCanvasAgg(figure)
    for i in range(count):
        steps: Any = np.arange(len(values[i])) if times[i] is None else times[i]
        above: Any = figure.add_subplot(2 * count, 1, 2 * i + 1)
        above.plot(steps, values[i], linewidth=0.8)
        above.set_title(names[i], fontsize="medium")
        below: Any = figure.add_subplot(2 * count, 1, 2 * i + 2, sharex=above)
        below.plot(steps, surprises[i], linewidth=0.8, color="tab:red")
        below.set_ylabel("nats", fontsize="small")
        for axes in (above, below):
            axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture)
    return True
