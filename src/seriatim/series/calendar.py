"""The calendar as a condition along time: where in the day, the week and the year a step is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading

CYCLES = ("day", "week", "year")
_MOST = 32  # harmonics of a cycle


@final
class Calendar:
    """Sines and cosines of the phase in the day, the week and the year.

    Args:
        cycles: {cycle: how many harmonics of it}.

    Raises:
        UserError: for an unknown cycle, or none or too many harmonics.

    Example:
        >>> calendar = Calendar({"day": 1})
        >>> calendar.encode(np.array(["2026-01-01T06:00"], "datetime64[ns]")).round(3).tolist()  # a quarter of the day
        [[1.0, 0.0]]
    """

    kind: ClassVar = "calendar"

    def __init__(self, cycles: Mapping[str, int]) -> None:
        for name, count in cycles.items():
            if name not in CYCLES or not 1 <= count <= _MOST:
                raise UserError(
                    f"calendar: {count} harmonics of {name!r:.40}; expected 1 to {_MOST} of day, week, year"
                )
        if not cycles:
            raise UserError("calendar: no cycle; expected day, week or year")
        self.cycles = dict(cycles)

    @property
    def size(self) -> int:
        """Numbers for each time."""
        return 2 * sum(self.cycles.values())

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.float32]:
        """Times (T,) -> (T, size)."""
        times = np.asarray(raw, "datetime64[ns]")
        days = times.astype("datetime64[D]")
        within = (times - days) / np.timedelta64(1, "D")
        years = times.astype("datetime64[Y]")
        span = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")) / np.timedelta64(1, "D")
        phases = {
            "day": within,
            "week": ((days.astype(np.int64) + 3) % 7 + within) / 7,  # from Monday
            "year": ((days - years.astype("datetime64[D]")) / np.timedelta64(1, "D") + within) / span,
        }
        angles = [2 * np.pi * k * phases[name] for name, count in self.cycles.items() for k in range(1, count + 1)]
        return np.stack([f(angle) for angle in angles for f in (np.sin, np.cos)], -1).astype(np.float32)

    def decode(self, x: Any, /) -> Any:  # noqa: ARG002
        """Times cannot be told from their phases."""
        raise UserError("calendar: times cannot be read back from their phases")

    def to_json(self) -> dict[str, Any]:
        """The cycles."""
        return {"kind": self.kind, "cycles": self.cycles}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("cycles",))
        cycles = reading.mapping(fields["cycles"], "cycles")
        return cls({name: reading.whole(count, name, 1, _MOST) for name, count in cycles.items()})
