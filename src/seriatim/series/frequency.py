"""How far apart the steps of a series are, and what follows from it: seasons, calendars, what a window holds."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from seriatim.errors import UserError
from seriatim.series.options import ROWS


class Unit(NamedTuple):
    """What steps of a unit of time suggest.

    Attributes:
        words: the unit, in the singular.
        season: steps in a season.
        past: steps that a window reads first.
        cycles: {cycle of the calendar: harmonics}.
    """

    words: str
    season: int
    past: int
    cycles: dict[str, int]


UNITS: dict[str, Unit] = {
    "s": Unit("second", 60, 600, {"day": 2}),
    "min": Unit("minute", 1440, 2880, {"day": 4, "week": 2}),
    "h": Unit("hour", 24, 336, {"day": 2, "week": 2}),
    "D": Unit("day", 7, 56, {"week": 3, "year": 2}),
    "B": Unit("working day", 5, 60, {"week": 2, "year": 2}),
    "W": Unit("week", 52, 104, {"year": 3}),
    "M": Unit("month", 12, 36, {"year": 6}),
    "Q": Unit("quarter", 4, 16, {"year": 2}),
    "Y": Unit("year", 1, 24, {}),
    ROWS: Unit("row", 1, 64, {}),
}
"""By the unit of a frequency."""

_FORM = re.compile(r"(\d*)([A-Za-z]+)(-[A-Za-z]+)?")
_FAMILY = {"MS": "M", "ME": "M", "QS": "Q", "QE": "Q", "YS": "Y", "YE": "Y", "BMS": "M", "BME": "M"}


def unit(frequency: str) -> tuple[Unit, int]:
    """The unit of a frequency such as "15min", and how many of it a step lasts.

    Raises:
        UserError: if it is none that is known.

    Example:
        >>> unit("15min")[0].words, unit("15min")[1], unit("MS")[0].season
        ('minute', 15, 12)
    """
    found = _FORM.fullmatch(frequency)
    name = "" if found is None else _FAMILY.get(found[2], found[2])
    if found is None or name not in UNITS:
        raise UserError(
            f"--series.frequency is {frequency!r}; expected e.g. h, 15min, D, B, W, MS, QS or YS as in pandas, or rows"
        )
    return UNITS[name], int(found[1] or 1)


def usual_season(frequency: str) -> int:
    """Steps in a season.

    Example:
        >>> usual_season("h"), usual_season("15min"), usual_season("D"), usual_season("rows")
        (24, 96, 7, 1)
    """
    found, count = unit(frequency)
    return max(1, found.season // count)


def usual_past(frequency: str) -> int:
    """Steps that a window reads first.

    Example:
        >>> usual_past("h"), usual_past("2h")
        (336, 168)
    """
    found, count = unit(frequency)
    return max(8, found.past // count)


def in_words(frequency: str, count: int) -> str:
    """So many steps, for people.

    Example:
        >>> in_words("h", 24), in_words("15min", 1), in_words("MS", 2)
        ('24 hours', '1 step of 15 minutes', '2 months')
    """
    found, each = unit(frequency)
    if each == 1:
        return f"{count:,} {found.words}{'s' * (count != 1)}"
    return f"{count:,} step{'s' * (count != 1)} of {each} {found.words}s"


def usual_lags(season: int, past: int) -> tuple[int, ...]:
    """Steps back that a net reads: the last few, and those around one, two, … seasons before.

    Example:
        >>> usual_lags(7, 56)
        (1, 2, 3, 4, 6, 7, 8, 13, 14, 15, 20, 21, 22, 28, 35, 42, 49)
    """
    near = range(1, min(4, past) + 1)
    whole = [k * season for k in range(1, past // season + 1)] if season > 1 else []
    around = [lag for each in whole[:3] for lag in (each - 1, each, each + 1)]
    kept = whole[: max(7, math.isqrt(past))]
    return tuple(sorted({lag for lag in (*near, *around, *kept) if 1 <= lag <= past}))
