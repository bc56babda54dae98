"""Figures of series: likelihoods, and how far forecasts are from what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 10))
"""The quantiles that quantile losses are averaged over."""


@final
@dataclass(frozen=True)
class SeriesFigures:
    """The exact likelihood of some series, in the user's units.

    Attributes:
        nats: total −log p.
        values: how many values count.
        series: of how many series.
        given: steps before each window that are given and do not count.
        horizon: steps of a window that count.
        relative_error: standard error of nats per value divided by its value, over windows.

    Example:
        >>> SeriesFigures(300.0, 200, 2, given=56, horizon=7, relative_error=0.1).nats_per_value
        1.5
    """

    nats: float
    values: int
    series: int
    given: int
    horizon: int
    relative_error: float

    @property
    def nats_per_value(self) -> float:
        """Nats per value; densities may be above 1, and this below 0."""
        return self.nats / max(self.values, 1)

    def to_json(self) -> dict[str, Any]:
        """All figures, with the unit in each key."""
        return {
            "nats_per_value": self.nats_per_value,
            "nats_per_value_standard_error": abs(self.nats_per_value) * self.relative_error,
            "nats": self.nats,
            "values": self.values,
            "series": self.series,
            "given_steps": self.given,
            "window_steps": self.horizon,
        }


def crps(paths: Floats, truth: Floats) -> Floats:
    """The continuous ranked probability score of an empirical distribution: E|X − y| − E|X − X′| / 2, exactly.

    Args:
        paths: (N, ...) samples.
        truth: (...) what came.

    Returns:
        (...), in the unit of the values; the absolute error if N = 1.

    Example:
        >>> crps(np.array([[0.0], [2.0]]), np.array([1.0])).tolist()  # 1 − ½ · ½ · 2
        [0.5]
    """
    n = len(paths)
    ordered = np.sort(paths, 0)
    weight = (2 * np.arange(1, n + 1) - n - 1).reshape(-1, *[1] * truth.ndim)
    return np.abs(paths - truth).mean(0) - (weight * ordered).sum(0) / n**2


def quantile_loss(quantiles: Floats, truth: Floats, levels: tuple[float, ...] = LEVELS) -> Floats:
    """2 · max((y − q) τ, (q − y)(1 − τ)), averaged over the levels τ.

    Args:
        quantiles: (L, ...).
        truth: (...).
        levels: L of them.

    Example:
        >>> quantile_loss(np.array([[1.0]]), np.array([3.0]), (0.5,)).tolist()  # at 0.5 the absolute error
        [2.0]
    """
    tau = np.array(levels).reshape(-1, *[1] * truth.ndim)
    return (2 * np.maximum((truth - quantiles) * tau, (quantiles - truth) * (1 - tau))).mean(0)


def naive_scale(past: Floats, season: int) -> Floats:
    """(C,): mean |y_t − y_(t − season)| over the past (T, C): what MASE and SQL divide by; NaN if there is none.

    Example:
        >>> naive_scale(np.array([[1.0], [2.0], [4.0]]), 1).tolist()
        [1.5]
    """
    if len(past) <= season:
        return np.full(past.shape[1], np.nan)
    away = np.abs(past[season:] - past[:-season])
    there = ~np.isnan(away)
    total = np.where(there, away, 0.0).sum(0) / np.maximum(there.sum(0), 1)
    return np.where(there.any(0) & (total > 0), total, np.nan)
