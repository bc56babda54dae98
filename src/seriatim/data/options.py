"""Options for dividing data of any kind. No torch here: `--help` reads this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from seriatim.config import Options
from seriatim.errors import UserError


@final
@dataclass(frozen=True)
class DataOptions(Options):
    """How much data is used, and how it is divided into training, validation and test splits.

    Example:
        >>> DataOptions(validation=0.25, test=0).shares
        {'train': 0.75, 'validation': 0.25}
    """

    validation: float = 0.1
    """Fraction held out for validation; 0 for none."""
    test: float = 0.1
    """Fraction held out for testing; 0 for none."""
    seed: int = 0
    """Seed of the split, of the items that `limit` keeps, and of other random choices while reading."""
    limit: int | None = None
    """Use n items only: the first n documents, or n random images or recordings; n per split of a named set."""

    skip_bad: bool = False
    """Leave out files and records that cannot be read, and say so. Default: they are refused, together."""

    def __post_init__(self) -> None:
        for name, share in (("validation", self.validation), ("test", self.test)):
            if not 0 <= share < 1:
                raise UserError(f"--data.{name} is {share}; expected a fraction from 0 to below 1: give e.g. 0.1")
        if self.validation + self.test >= 1:
            raise UserError(
                f"--data.validation {self.validation} and --data.test {self.test} leave nothing to train on: "
                "give fractions whose sum is below 1"
            )
        if self.seed < 0:
            raise UserError(f"--data.seed is {self.seed}; expected 0 or more: give e.g. 0")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--data.limit is {self.limit}; expected 1 or more: give e.g. 1000")

    @property
    def shares(self) -> dict[str, float]:
        """{split: its fraction}, without empty splits."""
        every = {"train": 1 - self.validation - self.test, "validation": self.validation, "test": self.test}
        return {split: share for split, share in every.items() if share}


WHOLE = DataOptions(validation=0.0, test=0.0)
"""Everything in one split, `train`: data that is read but not divided."""
