"""Rolling origins: forecasts from several times of the past, beside seasonal naives, against what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.data.panel import Panel
from seriatim.series.data.windows import Window
from seriatim.series.figures import LEVELS, crps, naive_scale, quantile_loss

Floats = NDArray[np.float64]

_SEASONS = 28  # whose values are the quantiles of a naive forecast
_DRAWS = 1000  # of the bootstrap
MODEL, NAIVE = "model", "seasonal naive"


@final
@dataclass(frozen=True, eq=False)
class Rolling:
    """Figures of forecasts from rolling origins.

    Attributes:
        rows: {forecaster: {figure: mean over series, windows and steps}}.
        differences: {forecaster: (mean, standard error)} of its scaled quantile loss less the model's, by paired
            bootstrap over windows.
        windows: origins.
        series: how many.
        horizon: steps.
        paths: of the model.

    """

    rows: Mapping[str, Mapping[str, float]]
    differences: Mapping[str, tuple[float, float]]
    windows: int
    series: int
    horizon: int
    paths: int

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {
            "forecasts": {name: dict(row) for name, row in self.rows.items()},
            "sql_less_the_models": {
                name: {"mean": mean, "standard_error": error} for name, (mean, error) in self.differences.items()
            },
            "windows": self.windows,
            "series": self.series,
            "horizon_steps": self.horizon,
            "paths": self.paths,
        }


def origins_of(panel: Panel, horizon: int, origins: int) -> list[Window]:
    """Windows of the last horizon · origins steps of each series, one after another.

    Raises:
        UserError: if no series is so long.
    """
    found = [
        Window(owner, each.steps - horizon * k, horizon)
        for owner, each in enumerate(panel.items)
        for k in range(origins, 0, -1)
        if each.steps - horizon * k >= 2
    ]
    if not found:
        longest = max(each.steps for each in panel.items)
        raise UserError(
            f"{origins} origins of {horizon} steps are asked for, and the longest series has {longest:,}; give fewer"
        )
    return found


def naive(past: Floats, horizon: int, season: int, seasons: int = _SEASONS) -> Floats:
    """(L, H): quantiles of a naive forecast: at each step, of the values of the last seasons at that place in them.

    A missing value does not count. Without a season, of the last values.

    Args:
        past: (T,) values before the origin.
        horizon: H.
        season: steps in a season.
        seasons: how many of them.

    Example:
        >>> naive(np.array([1.0, 10.0, 3.0, 30.0]), 2, season=2)[4].tolist()  # the medians of 1, 3 and of 10, 30
        [2.0, 20.0]
    """
    count = min(seasons, len(past) // season)
    if count < 1:
        return np.full((len(LEVELS), horizon), float(np.nanmedian(past)))
    table = past[len(past) - count * season :].reshape(count, season)
    with np.errstate(all="ignore"):
        each = np.nanquantile(table, LEVELS, axis=0)
    return each[:, np.arange(horizon) % season]


def repeated(past: Floats, horizon: int, season: int) -> Floats:
    """(H,): the last season over and over; a missing value is the one of the season before."""
    found = np.full(season, np.nan)
    for k in range(1, len(past) // season + 1):
        part = past[len(past) - k * season : len(past) - (k - 1) * season]
        found = np.where(np.isnan(found), part, found)
        if not np.isnan(found).any():
            break
    rest = np.nanmedian(past) if np.isnan(found).any() else 0.0
    return np.where(np.isnan(found), rest, found)[np.arange(horizon) % season]


def rolling(
    draw: Callable[[list[Window]], list[Floats]],
    panel: Panel,
    horizon: int,
    origins: int,
    season: int,
) -> Rolling:
    """Forecast from rolling origins, and compare with what came.

    Args:
        draw: windows -> (N, H, C) paths of each, drawn from what precedes it.
        panel: series whose last horizon · origins steps are forecast, each window from all that precedes it.
        horizon: steps of a window.
        origins: windows of each series.
        season: steps in a season.

    Raises:
        UserError: if the series are too short.
    """
    windows = origins_of(panel, horizon, origins)
    drawn = draw(windows)
    each: dict[str, list[dict[str, float]]] = {MODEL: [], NAIVE: []}
    for window, found in zip(windows, drawn, strict=True):
        item = panel.items[window.owner]
        past, truth = item.values[: window.at], item.values[window.at : window.at + horizon]
        scale = naive_scale(past, season)
        for c in range(truth.shape[1]):
            there = ~np.isnan(truth[:, c])
            if not there.any() or np.isnan(scale[c]):
                continue
            y, own = truth[there, c], found[:, there, c]
            levels = np.quantile(own, LEVELS, axis=0)
            each[MODEL].append(_row(levels, np.median(own, 0), y, scale[c], crps(own, y)))
            levels = naive(past[:, c], horizon, season)[:, there]
            each[NAIVE].append(_row(levels, repeated(past[:, c], horizon, season)[there], y, scale[c], None))
    if not each[MODEL]:
        raise UserError("no window has values to compare with, and a season before it; give longer series")
    rows = {name: {key: float(np.mean([row[key] for row in some])) for key in some[0]} for name, some in each.items()}
    return Rolling(
        rows,
        {NAIVE: _paired([row["sql"] for row in each[NAIVE]], [row["sql"] for row in each[MODEL]])},
        origins,
        len({window.owner for window in windows}),
        horizon,
        len(drawn[0]),
    )


def _row(levels: Floats, point: Floats, truth: Floats, scale: float, score: Floats | None) -> dict[str, float]:
    """The figures of one window of one channel."""
    row = {
        "sql": float(quantile_loss(levels, truth).mean() / scale),
        "mase": float(np.abs(truth - point).mean() / scale),
        "coverage_80": float(((truth >= levels[0]) & (truth <= levels[-1])).mean()),
    }
    return row if score is None else {**row, "scaled_crps": float(score.mean() / scale)}


def _paired(one: Sequence[float], two: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error of the difference, by drawing windows with replacement."""
    away = np.array(one) - np.array(two)
    random = np.random.default_rng(0)
    means = [away[random.integers(0, len(away), len(away))].mean() for _ in range(_DRAWS)]
    return float(away.mean()), float(np.std(means))
