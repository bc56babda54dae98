"""The order of time and the order in which a model visits samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.models import Model
from seriatim.models.schedule import Schedule

Kind = TypeVar("Kind", bound=np.generic)


@final
class Arrangement:
    """Rows of samples in the order of time <-> in that of a model's positions.

    Args:
        schedule: the model's order.
        none: the symbol that fills rows up. A model that looks ahead must know where a row has ended; others do not
            see what comes after it.

    Example:
        >>> from seriatim.models.schedule import Schedule
        >>> arrangement = Arrangement(Schedule(2, 1), none=9)
        >>> x = arrangement.rows([np.array([0, 1, 2, 3, 4]), np.array([5, 6])])
        >>> x.tolist()
        [[0, 2, 1, 4, 3], [5, 9, 6, 9, 9]]
        >>> [row.tolist() for row in arrangement.in_time(list(x), [5, 2])]
        [[0, 1, 2, 3, 4], [5, 6]]
    """

    def __init__(self, schedule: Schedule | None = None, none: int = 0) -> None:
        self.schedule, self.none = schedule or Schedule(), none

    @classmethod
    def of(cls, model: Model) -> Arrangement:
        """That of a model of audio: the order of time, unless it has a schedule."""
        inner = model.bare
        schedule = getattr(inner, "schedule", None)
        return cls() if schedule is None else cls(cast(Schedule, schedule), int(cast(Any, model.head).none))

    @property
    def ahead(self) -> int:
        """How many samples after one may come before it."""
        return self.schedule.ahead

    def arranged(self, x: NDArray[Kind]) -> NDArray[Kind]:
        """(B, T, …) from the order of time to the model's."""
        return x if self.schedule.factor == 1 else x[:, self.schedule.order(x.shape[1])]

    def rows(self, each: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Samples (T_i[, P]) of several rows, filled up and arranged: (B, T[, P])."""
        x = np.full((len(each), max(map(len, each)), *each[0].shape[1:]), self.none, np.int64)
        for place, row in zip(x, each, strict=True):
            place[: len(row)] = row
        return self.arranged(x)

    def in_time(self, each: Sequence[NDArray[Kind]], lengths: Sequence[int]) -> list[NDArray[Kind]]:
        """Rows (T, …) back in the order of time, without what fills them up."""
        back = {size: self.schedule.order(size).argsort() for size in {len(row) for row in each}}
        return [row[back[len(row)]][:length] for row, length in zip(each, lengths, strict=True)]
