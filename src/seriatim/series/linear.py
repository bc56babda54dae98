"""AR, ARMA, ARCH and GARCH on series: the unit that they are fitted in, and their usual orders and lags."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.data.batches import Batch
from seriatim.errors import UserError
from seriatim.series.choices import Choices
from seriatim.series.codec import SeriesCodec
from seriatim.series.data.panel import SERIES, Panel
from seriatim.series.data.splits import horizon_of
from seriatim.series.data.windows import SCALE, Cutter, Window
from seriatim.series.options import SeriesOptions
from seriatim.series.scaling import WindowScale
from seriatim.symbols import Symbols

_PAST = 4096  # steps before an origin that are read: what is further back hardly matters, and takes time
_MOST = 48  # lags that are tried
_ORDERS = ("ar", "ma", "season", "seasonal_ar", "seasonal_ma", "difference", "seasonal_difference", "constant")
_EVERY = 2**20  # steps before an origin: all
_SEASONS, _ALONE = 14, 24  # seasons that a regression looks back, and its lags without one
_RIDGE = 300.0  # of a regression: the best on the validation part of ett-1h
_SEASONAL = 31  # steps of the longest season that an ARMA gets by itself


def linear_codecs(panel: Panel, options: SeriesOptions, family: str) -> dict[str, Symbols]:
    """The values of series, and their unit: where a series is, and how far it varies.

    One series has the mean and deviation of training. Of several, each of which has coefficients of its own, a window
    has those of all that precedes it; for the fit, those of training.

    Raises:
        UserError: if there are several channels, conditions that a linear family does not take, or a constant series.
    """
    if len(panel.channels) > 1:
        raise UserError(f"{family} models one value a step, and there are {', '.join(panel.channels):.80}; choose one")
    if len(panel.items) > 1 and family != "ar":
        names = ", ".join([each.name for each in panel.items][:5])
        raise UserError(
            f"{family} models one series, and there are several ({names:.80}); choose one with --series.values, or "
            "--model ar"
        )
    for name in ("known", "labels"):
        if getattr(options, name):
            raise UserError(f"--series.{name} is given, and {family} takes no conditions; leave it out")
    if options.block > 1:
        raise UserError(f"--series.block is given, and {family} models one value at a time; leave it out")
    for each in panel.items:
        if not np.nanstd(each.values) > 0:
            raise UserError(f"series {each.name!r:.40} is constant, and {family} models how it varies; give others")
    longest = max(each.steps for each in panel.items)
    horizon = horizon_of(options, panel)
    past = options.past or max(horizon, min(_PAST, 2 * longest))
    codec = SeriesCodec(panel.channels, panel.frequency, past, horizon, season=options.season)
    if len(panel.items) > 1:
        own = Choices.train(each.name for each in panel.items)
        return {"x": codec, SCALE: WindowScale("standard", _EVERY, [0.0], [0.0]), SERIES: own}
    values = panel.items[0].values[:, 0]
    unit = [float(np.nanmean(values))], [float(np.log(np.nanstd(values)))]
    return {"x": codec, SCALE: WindowScale("none", past, *unit)}


def whole(panel: Panel, codecs: Mapping[str, Symbols], reach: int) -> Batch:
    """The training series from their first steps on, one a row, at the end of which they meet.

    Args:
        panel: the series.
        codecs: of `linear_codecs`.
        reach: steps of each that are given and do not count.
    """
    steps = max(each.steps for each in panel.items)
    cutter = Cutter(panel, codecs, past=0)
    windows = [Window(owner, each.steps - steps, steps) for owner, each in enumerate(panel.items)]
    found = cutter.batch(windows)
    mask = found.mask & (np.cumsum(~np.isnan(found.x), 1) > 0)
    for row, each in zip(mask, panel.items, strict=True):
        row[: steps - each.steps + reach] = False
    # the unit of the fit is that of all of a series, wherever its own first step is
    units = [cutter.scale(Window(owner, each.steps, 0)) for owner, each in enumerate(panel.items)]
    return replace(found, mask=mask, given={**found.given, SCALE: np.stack(units)})


def sizes(family: str, panel: Panel, season: int, chosen: Collection[str]) -> dict[str, Any]:
    """The usual orders of a linear family, or for `ar` on several series the usual lags of a regression.

    Args:
        family: its key.
        panel: the training series.
        season: steps in a season.
        chosen: the sizes that the user has set.
    """
    if family == "ar" and "lags" in chosen:
        return {}
    if len(panel.items) > 1 and (orders_given := [name for name in _ORDERS if name in chosen]):
        raise UserError(
            f"--net.{orders_given[0].replace('_', '-')} is for one series; of several, give --net.lags, e.g. 1,2,24"
        )
    if any(name.startswith("seasonal") for name in chosen):
        return {**({} if family == "ar" else {"ar": 1, "ma": 1}), "season": season}
    if family == "ar" and len(panel.items) > 1:
        most = max(1, min(each.steps for each in panel.items) // 4)
        return {"lags": regressed(season, most), "ridge": _RIDGE}
    return orders(family, panel.items[0].values[:, 0], season)


def regressed(season: int, most: int) -> tuple[int, ...]:
    """The lags of a regression: those of two seasons, and those around up to 14 whole ones.

    Example:
        >>> regressed(4, 14)
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13)
    """
    near = range(1, (2 * season if season > 1 else _ALONE) + 2)
    around = [k * season + away for k in range(1, _SEASONS + 1) for away in (-1, 0, 1)] if season > 1 else []
    return tuple(sorted({lag for lag in (*near, *around) if 1 <= lag <= most}))


def orders(family: str, values: NDArray[np.float64], season: int) -> dict[str, Any]:
    """The usual orders of a linear family.

    AR: as many lags as Akaike's criterion asks for (1973), by the Yule-Walker equations. ARMA: (1, 1), and a seasonal
    lag if the season is short. ARCH: 5 lags; GARCH: (1, 1); both with Student's t.
    """
    if family == "ar":
        return {"ar": order_of(values, max(1, min(_MOST, len(values) // 4)))}
    if family == "arma":
        seasonal = {"season": season, "seasonal_ar": 1} if 1 < season <= _SEASONAL else {}
        return {"ar": 1, "ma": 1, **seasonal}
    return {"arch": 5, "garch": 0, "tails": "student"} if family == "arch" else {"tails": "student"}


def order_of(values: NDArray[np.float64], most: int) -> int:
    """The number of lags that minimises n log σ² + 2 p, with σ² by Levinson's recursion; missing values are skipped.

    Example:
        >>> x = np.zeros(2000)
        >>> shocks = np.random.default_rng(0).normal(size=2000)
        >>> for t in range(3, 2000):
        ...     x[t] = 0.5 * x[t - 1] - 0.6 * x[t - 3] + shocks[t]
        >>> order_of(x, 20)
        3
    """
    there = ~np.isnan(values)
    away = np.where(there, values - np.nanmean(values), 0.0)
    n = int(there.sum())
    covariance = np.array([away[lag:] @ away[: len(away) - lag] / n for lag in range(most + 1)])
    best, found, variance, phi = np.inf, 1, covariance[0], np.zeros(0)
    for p in range(1, most + 1):
        partial = (covariance[p] - phi @ covariance[p - 1 : 0 : -1]) / variance
        phi = np.append(phi - partial * phi[::-1], partial)
        variance *= 1 - partial**2
        if not variance > 0:
            break
        criterion = n * np.log(variance) + 2 * p
        if criterion < best:
            best, found = criterion, p
    return found
