"""Conditions of one value: a label or a number.

Missing values are not handled here: None is refused, and the condition's encoder has a null row for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, final

from seriatim.errors import UserError, nearest
from seriatim.symbols import reading


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
        if std <= 0:
            raise UserError(f"std: expected a positive number, got {std}")
        self.mean = mean
        self.std = std

    @classmethod
    def train(cls, values: Iterable[str | float]) -> Self:
        """Compute mean and standard deviation in one pass (Welford's algorithm)."""
        count, mean, squares = 0, 0.0, 0.0
        for value in values:
            number = _number(value)
            count += 1
            step = number - mean
            mean += step / count
            squares += step * (number - mean)
        if not count:
            raise UserError("numbers: empty; expected at least one")
        if not squares:
            raise UserError(f"numbers: all are {mean}; a constant condition carries no information, leave it out")
        if not math.isfinite(squares):
            raise UserError("numbers: too large for a standard deviation")
        return cls(mean, math.sqrt(squares / count))

    @property
    def size(self) -> int:
        """1: a number is not a choice among symbols."""
        return 1

    def encode(self, raw: str | float, /) -> float:
        """The number, or the text of one, standardised."""
        standardised = (_number(raw) - self.mean) / self.std
        if not math.isfinite(standardised):
            raise UserError(f"number {raw!r} is too far from the training data's {self.mean} ± {self.std}")
        return standardised

    def decode(self, x: float, /) -> float:
        """The number in its own units."""
        return x * self.std + self.mean

    def to_json(self) -> dict[str, Any]:
        """Mean and standard deviation."""
        return {"kind": self.kind, "mean": self.mean, "std": self.std}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("mean", "std"))
        return cls(reading.number(fields["mean"], "mean"), reading.number(fields["std"], "std"))


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
