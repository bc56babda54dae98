"""Likelihoods of trajectories in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from seriatim.symbols.lacking import Lacking, given_key


@final
@dataclass(frozen=True)
class TrajectoryFigures:
    """The exact likelihood of trajectories, in the user's units.

    Attributes:
        nats: −log p of all of them.
        trajectories: their number.
        steps: points and ends, each of which is a step.
        relative_error: standard error of the mean over trajectories, as a share of it.
        grid: the step of the grid that values are on; with one, −log p is that of values with uniform noise of this
            width: with the step 1, an upper bound of what the grid's cells cost. 0: none.
        given: the conditions.
        lacking: how many lack one of them.

    Example:
        >>> TrajectoryFigures(nats=60.0, trajectories=2, steps=20, relative_error=0.1).nats_per_step
        3.0
    """

    nats: float
    trajectories: int
    steps: int
    relative_error: float
    grid: float = 0.0
    given: Sequence[str] = ()
    lacking: Sequence[Lacking] = ()

    @property
    def nats_per_step(self) -> float:
        """Nats per point or end."""
        return self.nats / self.steps

    @property
    def nats_per_trajectory(self) -> float:
        """Nats per trajectory."""
        return self.nats / self.trajectories

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        end = given_key(self.given)
        return {
            f"nats_per_step{end}": self.nats_per_step,
            f"nats_per_trajectory{end}": self.nats_per_trajectory,
            "relative_error": self.relative_error,
            "trajectories": self.trajectories,
            "steps": self.steps,
            "grid": self.grid,
            **({"conditions": {each.name: each.to_json() for each in self.lacking}} if self.lacking else {}),
        }
