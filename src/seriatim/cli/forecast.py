"""seriatim forecast."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seriatim.cli.common import Data, Machine, only, opened
from seriatim.cli.groups import FLAT, Conditions
from seriatim.cli.requests import Judging
from seriatim.errors import UserError, tell
from seriatim.series.options import SeriesOptions

if TYPE_CHECKING:
    from seriatim.series.data.panel import Series


def forecast(
    run: Path,
    data: Data | None = None,
    /,
    *,
    horizon: int | None = None,
    paths: int = 200,
    quantiles: Annotated[str, Parameter(allow_leading_hyphen=True)] = "0.1,0.5,0.9",
    origin: str | None = None,
    every_path: bool = False,
    temperature: float = 1.0,
    seed: int = 0,
    output: Annotated[Path, Parameter(name=["-o", "--output"])] = Path("forecast.csv"),
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008 (frozen)
    series: Annotated[SeriesOptions | None, Parameter(name="--series")] = None,
) -> None:
    """Forecast series: a table of quantiles, and a fan chart of the same name as PNG.

    Sample paths are drawn from the model; quantiles are theirs at each step.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    data
        A table to go on from, read as in training. Columns known ahead go on after the last value. Default: the run's
        own data.
    horizon
        Steps to forecast. Default: --series.horizon of training.
    paths
        Sample paths of each series.
    quantiles
        Levels between 0 and 1, separated by commas.
    origin
        Forecast what follows this time, or this number of steps, and look at nothing later. Default: all there is.
    every_path
        Write every path instead of quantiles.
    temperature
        Below 1 for paths that vary less, above 1 for more.
    seed
        The same seed gives the same paths, whatever else is forecast with them.
    output
        Output table.
    """
    only(
        "forecast",
        ("horizon", "paths", "quantiles", "origin", "every-path", "temperature", "seed", "output", "device", "threads",
         "series"),
    )  # fmt: skip
    from seriatim.cli.kinds.series import forecast as draw
    from seriatim.cli.kinds.series import own_of, panel_of

    try:
        levels = [float(word) for word in quantiles.split(",") if word.strip()]
    except ValueError:
        raise UserError(f"--quantiles is {quantiles!r}; give levels such as 0.1,0.5,0.9") from None
    model = opened(run, machine, "series", threads=1)
    if data is None:
        name, panel = own_of(run)
        tell(f"what follows the end of {name}")
    else:
        panel, _ = panel_of(model, Judging(run, (data,), Conditions(), False, series=series))
    if origin is not None:
        panel = dataclasses.replace(panel, items=[_until(each, origin) for each in panel.items])
    how = {"paths": paths, "seed": seed, "temperature": temperature}
    draw(model, panel, output, how, levels, every_path, horizon)


def _until(item: Series, origin: str) -> Series:
    """A series up to an origin: a number of steps, or a time.

    Raises:
        UserError: if it is neither, or nothing precedes it.
    """
    import numpy as np

    if (origin.isdecimal() and len(origin) < 4) or item.times is None:
        if not origin.isdecimal():
            raise UserError(f"--origin is {origin!r}, and the series have no times; give a number of steps")
        at = int(origin)
    else:
        try:
            time = np.datetime64(origin.strip().replace(" ", "T"))
        except ValueError:
            raise UserError(
                f"--origin is {origin!r}, which is no time; give e.g. 2026-01-31 or 2026-01-31T12:00"
            ) from None
        at = int(np.searchsorted(item.times[: item.steps], time.astype("datetime64[ns]")))
    if not 2 <= at <= item.steps:
        raise UserError(
            f"--origin is {origin}, before which series {item.name!r:.40} has {min(at, item.steps):,} of "
            f"{item.steps:,} steps; give one after at least two values and not beyond the last"
        )
    return dataclasses.replace(item, values=item.values[:at])
