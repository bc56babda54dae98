"""Options for series. No torch here: `--help` reads these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from seriatim.config import Options, bounded, filled
from seriatim.errors import UserError

ROWS = "rows"
"""The frequency of a table without times: a row is a step."""


@final
@dataclass(frozen=True)
class SeriesOptions(Options):
    """How a table of numbers is read as series, and what a model sees of them.

    Example:
        >>> SeriesOptions(horizon=24, origins=7).held
        168
    """

    time: str | None = None
    """Column with the times. Default: the first column of dates, or of increasing years."""
    id: str | None = None
    """Column that says which series a row is of (a long table). Default: a column of words, if times repeat."""
    values: tuple[str, ...] = ()
    """Columns with the values. Default: all other columns of numbers."""
    joint: bool = False
    """Model the columns together, one position with a value of each; else each column is a series of its own."""
    known: tuple[str, ...] = ()
    """Columns known ahead, such as prices: conditions, not values. In a forecast they go on after the last value."""
    labels: tuple[str, ...] = ()
    """Columns that describe a series and do not change, such as a region: conditions."""
    frequency: str | None = None
    """Time between rows: h, D, W, MS, … as in pandas, or rows to count rows instead. Default: what is most common."""
    decimal: Literal[".", ","] = "."
    """Decimal mark."""
    thousands: Literal["none", ",", ".", "space"] = "none"
    """Thousands separator."""
    season: int | None = None
    """Steps in a season. Default: by the frequency: 24 of h, 7 of D, 12 of MS, …"""
    calendar: bool = True
    """Condition on hour, weekday, month, …, as far as the frequency has them."""
    past: int | None = None
    """Steps before an origin that scale a window and that the net reads first. Default: by the frequency, 336 of h."""
    horizon: int | None = None
    """Steps to forecast, and of a training window that count. Default: one season, or as many as there are for few."""
    origins: int | None = None
    """Hold out the last horizon × origins steps to test. Default: --data.test of each series."""
    scale: Literal["standard", "mean", "none"] = "standard"
    """Unit of a window: mean and standard deviation of its past, the mean of the absolute values alone, or none."""
    block: int = 1
    """Steps at one position, such as the 24 hours of a day, each modelled given those before it."""
    rotation: Literal["none", "dct", "haar"] = "none"
    """Turn a block by a cosine transform or Haar's wavelets, exact in likelihood: its mean first, then finer."""

    def __post_init__(self) -> None:
        for name in ("time", "id", "frequency"):
            filled(f"--series.{name}", getattr(self, name))
        for name, low, high in (
            ("season", 1, 2**20),
            ("past", 1, 2**20),
            ("horizon", 1, 2**20),
            ("origins", 1, 2**20),
            ("block", 1, 2**10),
        ):
            value = getattr(self, name)
            if value is not None:
                bounded(f"--series.{name}", value, low, high)
        roles = [("time", self.time), ("id", self.id)]
        roles += [(role, name) for role in ("values", "known", "labels") for name in getattr(self, role)]
        seen: dict[str, str] = {}
        for role, name in roles:
            if name is not None and seen.setdefault(name, role) != role:
                raise UserError(f"column {name!r} is given as --series.{seen[name]} and --series.{role}; give it once")
        if self.joint and self.block > 1:
            raise UserError("--series.block is for one value a step, and --series.joint for several; leave out one")
        if self.rotation != "none" and self.block == 1:
            raise UserError("--series.rotation turns a block of several steps; give --series.block, e.g. 24")
        if self.decimal == self.thousands:
            raise UserError(f"--series.decimal and --series.thousands are both {self.decimal!r}; change one of them")
        for name in ("past", "horizon"):
            value = getattr(self, name)
            if value is not None and value % self.block:
                raise UserError(f"--series.{name} is {value}, no multiple of --series.block {self.block}; change one")

    @property
    def held(self) -> int | None:
        """Steps at the end of each series to test on; None if a share of it is."""
        return None if self.origins is None or self.horizon is None else self.origins * self.horizon
