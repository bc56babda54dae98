"""Forecasts: sample paths, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final, overload

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.data.pandas import pandas

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Forecast:
    """What may follow the last value of a series.

    Attributes:
        name: of the series.
        paths: (N, H, C) sample paths: N of them, H steps, C channels.
        times: (H,) the time of each step; None where rows are counted.
        channels: what each value of a step is.

    Example:
        >>> forecast = Forecast("sales", np.array([[[1.0]], [[2.0]], [[6.0]]]), None, ("value",))
        >>> forecast.median.tolist(), forecast.mean.tolist(), forecast.quantile(0.25).tolist()
        ([[2.0]], [[3.0]], [[1.5]])
    """

    name: str
    paths: Floats
    times: NDArray[Any] | None
    channels: tuple[str, ...]

    def quantile(self, level: float) -> Floats:
        """(H, C): the value below which a share of the paths is at each step.

        Raises:
            UserError: if the level is not between 0 and 1.
        """
        if not 0 <= level <= 1:
            raise UserError(f"a quantile at {level} was asked for; give levels from 0 to 1")
        return np.quantile(self.paths, level, axis=0)

    def interval(self, share: float) -> tuple[Floats, Floats]:
        """(H, C) twice: between which this share of the paths is at each step, as many below as above."""
        return self.quantile(0.5 - share / 2), self.quantile(0.5 + share / 2)

    @property
    def median(self) -> Floats:
        """(H, C)."""
        return self.quantile(0.5)

    @property
    def mean(self) -> Floats:
        """(H, C)."""
        return self.paths.mean(0)


@final
class Forecasts(Sequence[Forecast]):
    """The forecasts of several series, in their order, also by name.

    Example:
        >>> one = Forecast("a", np.zeros((5, 2, 1)), None, ("value",))
        >>> several = Forecasts([one])
        >>> len(several), several["a"] is one, several.paths.shape
        (1, True, (1, 5, 2, 1))
    """

    def __init__(self, items: Sequence[Forecast]) -> None:
        self.items = list(items)

    @overload
    def __getitem__(self, at: int | str) -> Forecast: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Forecast]: ...
    def __getitem__(self, at: int | str | slice) -> Forecast | Sequence[Forecast]:
        """By place or by name."""
        if isinstance(at, str):
            found = next((each for each in self.items if each.name == at), None)
            if found is None:
                raise KeyError(at)
            return found
        return self.items[at]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Forecast]:
        return iter(self.items)

    @property
    def paths(self) -> Floats:
        """(S, N, H, C): the paths of all series."""
        return np.stack([each.paths for each in self.items])

    def to_frame(self, quantiles: Sequence[float] = (0.1, 0.5, 0.9), paths: bool = False) -> pd.DataFrame:
        """A long pandas DataFrame: series, time or step, channel, mean and quantiles; or a row a value of each path.

        Raises:
            UserError: if pandas is not installed, or a level is not between 0 and 1.
        """
        return pandas().DataFrame(self.columns(quantiles, paths))

    def columns(self, quantiles: Sequence[float] = (0.1, 0.5, 0.9), paths: bool = False) -> dict[str, list[Any]]:
        """The columns of `to_frame`, as lists."""
        found: dict[str, list[Any]] = {}

        def add(**cells: Any) -> None:
            for name, value in cells.items():
                found.setdefault(name, []).append(value)

        for each in self.items:
            mean, levels = each.mean, {f"q{level:g}": each.quantile(level) for level in quantiles}
            several = len(each.channels) > 1
            for t in range(each.paths.shape[1]):
                when = {"step": t + 1} if each.times is None else {"time": each.times[t]}
                for c, channel in enumerate(each.channels):
                    which = {"series": each.name, **when, **({"channel": channel} if several else {})}
                    if paths:
                        for i, path in enumerate(each.paths):
                            add(**which, path=i + 1, value=float(path[t, c]))
                    else:
                        add(**which, mean=float(mean[t, c]), **{k: float(v[t, c]) for k, v in levels.items()})
        return found
