"""AR, ARMA, ARCH and GARCH on a series: the unit that they are fitted in, and their usual orders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.codec import SeriesCodec
from seriatim.series.data.panel import Panel
from seriatim.series.data.splits import horizon_of
from seriatim.series.data.windows import SCALE
from seriatim.series.options import SeriesOptions
from seriatim.series.scaling import WindowScale
from seriatim.symbols import Symbols

_PAST = 4096  # steps before an origin that are read: what is further back hardly matters, and takes time
_MOST = 48  # lags that are tried
_SEASONAL = 31  # steps of the longest season that an ARMA gets by itself


def linear_codecs(panel: Panel, options: SeriesOptions, family: str) -> dict[str, Symbols]:
    """The values of one series, and the mean and standard deviation of all of it as its unit.

    Raises:
        UserError: if there are several series or channels, or conditions that a linear family does not take.
    """
    if len(panel.items) > 1 or len(panel.channels) > 1:
        names = (
            ", ".join([each.name for each in panel.items][:5]) if len(panel.items) > 1 else ", ".join(panel.channels)
        )
        raise UserError(
            f"{family} models one series, and there are several ({names:.80}); choose one with --series.values"
        )
    for name in ("known", "labels"):
        if getattr(options, name):
            raise UserError(f"--series.{name} is given, and {family} takes no conditions; leave it out")
    if options.block > 1:
        raise UserError(f"--series.block is given, and {family} models one value at a time; leave it out")
    values = panel.items[0].values[:, 0]
    mean, deviation = float(np.nanmean(values)), float(np.nanstd(values))
    if not deviation > 0:
        raise UserError(
            f"series {panel.items[0].name!r:.40} is constant, and {family} models how it varies; give another"
        )
    horizon = horizon_of(options, panel)
    past = options.past or max(horizon, min(_PAST, 2 * len(values)))
    codec = SeriesCodec(panel.channels, panel.frequency, past, horizon, season=options.season)
    return {"x": codec, SCALE: WindowScale("none", past, [mean], [float(np.log(deviation))])}


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
