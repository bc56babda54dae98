"""Conditions of one value: a label or a number.

Missing values are not handled here: None is refused, and the condition's encoder has a null row for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, cast, final

import numpy as np

from seriatim.errors import UserError, nearest
from seriatim.symbols import reading
from seriatim.symbols.scale import Scale


@final
class Labels:
    """The labels of the training split, sorted. Whole numbers count as their digits: `3` is `"3"`.

    Args:
        values: distinct labels.

    Raises:
        UserError: if there are none.

    Example:
        >>> labels = Labels.train(["dog", "cat", "dog", 3])
        >>> labels.values, labels.encode("dog"), labels.decode(0)
        (('3', 'cat', 'dog'), 2, '3')
        >>> labels.encode("dgo")
        Traceback (most recent call last):
            ...
        seriatim.errors.UserError: label 'dgo' is unknown; did you mean 'dog'?
    """

    kind: ClassVar = "labels"

    def __init__(self, values: Sequence[str]) -> None:
        if not values:
            raise UserError("labels: empty; expected at least one")
        self.values = tuple(values)
        self._index = {value: i for i, value in enumerate(self.values)}

    @classmethod
    def train(cls, values: Iterable[str | int]) -> Self:
        """Collect the distinct values."""
        return cls(sorted({_label(value) for value in values}))

    @property
    def size(self) -> int:
        """Number of labels."""
        return len(self.values)

    def encode(self, raw: str | int, /) -> int:
        """The index of a label, from 0."""
        label = _label(raw)
        if label not in self._index:
            raise UserError(f"label {label!r} is unknown; {nearest(label, self.values)}")
        return self._index[label]

    def decode(self, x: int, /) -> str:
        """The label at an index."""
        if not 0 <= x < self.size:
            raise UserError(f"label number {x}: expected 0 to {self.size - 1}")
        return self.values[x]

    def to_json(self) -> dict[str, Any]:
        """The values."""
        return {"kind": self.kind, "values": list(self.values)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("values",))
        return cls(reading.strings(fields["values"], "values"))


@final
class Numbers:
    """A number, standardised with the training split's mean and standard deviation.

    Args:
        mean: of the training split.
        std: of the training split, > 0.

    Raises:
        UserError: if `std` is not positive.

    Example:
        >>> numbers = Numbers.train([1990, 2000, 2010])
        >>> round(numbers.encode("2010"), 3), round(numbers.decode(-1.0), 1)
        (1.225, 1991.8)
    """

    kind: ClassVar = "numbers"

    def __init__(self, mean: float, std: float) -> None:
        self.scale = Scale([mean], [std], "numbers")

    @classmethod
    def train(cls, values: Iterable[str | float]) -> Self:
        """Compute mean and standard deviation."""
        numbers = np.fromiter(map(_number, values), np.float64)
        if len(numbers) and (numbers == numbers[0]).all():
            raise UserError(
                f"numbers: all are {numbers[0]:g}; a constant condition carries no information, leave it out"
            )
        scale = Scale.of([numbers[:, None]], "numbers")
        return cls(scale.mean.item(), scale.std.item())

    @property
    def size(self) -> int:
        """1: a number is not a choice among symbols."""
        return 1

    def encode(self, raw: str | float, /) -> float:
        """The number, or the text of one, standardised."""
        with np.errstate(over="ignore"):
            standardised = self.scale.apply([_number(raw)]).item()
        if not math.isfinite(standardised):
            mean, std = self.scale.mean.item(), self.scale.std.item()
            raise UserError(f"number {raw!r} is too far from the training data's {mean} ± {std}")
        return standardised

    def decode(self, x: float, /) -> float:
        """The number in its own units."""
        return self.scale.undo([x]).item()

    def to_json(self) -> dict[str, Any]:
        """Mean and standard deviation."""
        return {"kind": self.kind, "mean": self.scale.mean.item(), "std": self.scale.std.item()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("mean", "std"))
        return cls(reading.number(fields["mean"], "mean"), reading.number(fields["std"], "std"))


def label_of(value: object) -> str | None:
    """A label of data in memory: anything as text; None if it is missing."""
    return None if is_missing(value) or str(value) == "" else str(value)


def is_missing(value: object) -> bool:
    """Whether a value of data in memory stands for none: None, and NaN, NaT and NA of data frames.

    Raises:
        UserError: if it is several values.
    """
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas' NA is neither equal to itself nor not
        return True
    except ValueError:
        shape = np.shape(cast(Any, value))
        raise UserError(f"a condition's value is an array of shape {shape}; expected one value") from None


def _label(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UserError(f"label: expected text or a whole number, got {value!r}")
    if value == "":
        raise UserError("label: expected text or a whole number, got an empty string")
    return str(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(f"number: expected a number or the text of one, got {value!r}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise UserError(f"number: {value!r} is not a number") from None
    if not math.isfinite(number):
        raise UserError(f"number: {value!r} is not finite")
    return number
