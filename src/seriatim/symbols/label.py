"""Conditions that are one value: a label or a number.

A missing value is no business of theirs: the encoder of the condition has a null row for it, and None is refused here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, final

from seriatim.errors import UserError, nearest
from seriatim.symbols import reading


@final
class Labels:
    """The labels of the training data, sorted. A whole number is the label of its digits: `3` is `"3"`.

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
            raise UserError("labels: there is none to learn from")
        self.values = tuple(values)
        self._index = {value: i for i, value in enumerate(self.values)}

    @classmethod
    def train(cls, values: Iterable[str | int]) -> Self:
        """Collect the distinct values."""
        return cls(sorted({_label(value) for value in values}))

    @property
    def size(self) -> int:
        """How many labels there are."""
        return len(self.values)

    def encode(self, raw: str | int, /) -> int:
        """The number of a label, from 0."""
        label = _label(raw)
        if label not in self._index:
            raise UserError(f"label {label!r} is unknown; {nearest(label, self.values)}")
        return self._index[label]

    def decode(self, x: int, /) -> str:
        """The label of a number."""
        if not 0 <= x < self.size:
            raise UserError(f"label number {x}: wanted 0 to {self.size - 1}")
        return self.values[x]

    def to_json(self) -> dict[str, Any]:
        """The values."""
        return {"kind": self.kind, "values": list(self.values)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The reverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("values",))
        return cls(reading.strings(fields["values"], "values"))


@final
class Numbers:
    """A number in units of the training data's standard deviation, from their mean.

    Example:
        >>> numbers = Numbers.train([1990, 2000, 2010])
        >>> round(numbers.encode("2010"), 3), round(numbers.decode(-1.0), 1)
        (1.225, 1991.8)
    """

    kind: ClassVar = "numbers"

    def __init__(self, mean: float, std: float) -> None:
        if std <= 0:
            raise UserError(f"std: wanted a positive number, got {std}")
        self.mean = mean
        self.std = std

    @classmethod
    def train(cls, values: Iterable[str | float]) -> Self:
        """Take the mean and the standard deviation, in one pass (Welford's)."""
        count, mean, squares = 0, 0.0, 0.0
        for value in values:
            number = _number(value)
            count += 1
            step = number - mean
            mean += step / count
            squares += step * (number - mean)
        if not count:
            raise UserError("numbers: there is none to learn from")
        if not squares:
            raise UserError(f"numbers: all are {mean}; a condition that never varies tells nothing, leave it out")
        if not math.isfinite(squares):
            raise UserError("numbers: too large to take their standard deviation")
        return cls(mean, math.sqrt(squares / count))

    @property
    def size(self) -> int:
        """1: a number is no choice among symbols."""
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
        """The reverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("mean", "std"))
        return cls(reading.number(fields["mean"], "mean"), reading.number(fields["std"], "std"))


def _label(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UserError(f"label: wanted text or a whole number, got {value!r}")
    if value == "":
        raise UserError("label: wanted text or a whole number, got an empty string")
    return str(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(f"number: wanted a number or the text of one, got {value!r}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise UserError(f"number: {value!r} is none") from None
    if not math.isfinite(number):
        raise UserError(f"number: {value!r} is not finite")
    return number
