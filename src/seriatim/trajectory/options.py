"""Options for trajectories. No torch here: `--help` reads these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from seriatim.config import Options, bounded, filled
from seriatim.errors import UserError


@final
@dataclass(frozen=True)
class TrajectoryOptions(Options):
    """How drawings and labelled series are read, and what a model sees of them.

    Example:
        >>> TrajectoryOptions(id="gesture", values=("x", "y", "z")).values
        ('x', 'y', 'z')
    """

    id: str | None = None
    """Of a table with a row per point: the column that says which trajectory a row is of. Default: id."""
    label: str | None = None
    """Of such a table: the column with the label of each trajectory. Default: label, class or word, if there is one."""
    values: tuple[str, ...] = ()
    """Of such a table: the columns with the values. Default: all other columns of numbers."""
    given: bool = True
    """Condition on the labels."""
    size: float = 255.0
    """Drawings in units of their own (SVG, tables of points): the longer side of each drawing."""
    simplify: float | None = None
    """Leave out points of drawings closer to the line than this. Default: 2 of SVG and tables of points, else 0."""
    longest: int | None = None
    """Leave out trajectories of more points. Default: none."""
    grid: float | None = None
    """Values are whole multiples of this: uniform noise of that width is added. Default: 1 if all are whole, else 0."""
    stretch: float = 0.1
    """In training, make each drawing wider and higher, or narrower and lower, at random by up to this share."""
    jitter: float = 0.0
    """In training, add normal noise to series that are no drawings: its deviation in units of each channel's own."""

    def __post_init__(self) -> None:
        for name in ("id", "label"):
            filled(f"--trajectory.{name}", getattr(self, name))
        bounded("--trajectory.size", self.size, 1, 2**20)
        bounded("--trajectory.stretch", self.stretch, 0, 0.9)
        bounded("--trajectory.jitter", self.jitter, 0, 10)
        for name, high in (("simplify", 2**20), ("grid", 2**20)):
            value = getattr(self, name)
            if value is not None:
                bounded(f"--trajectory.{name}", value, 0, high)
        if self.longest is not None:
            bounded("--trajectory.longest", self.longest, 1, 2**20)
        roles = [name for name in (self.id, self.label, *self.values) if name is not None]
        if len(set(roles)) < len(roles):
            again = next(name for name in roles if roles.count(name) > 1)
            raise UserError(f"column {again!r} is given twice among --trajectory.id, label and values; give it once")
