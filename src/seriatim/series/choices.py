"""Series by name, each of which has coefficients of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, final

from seriatim.symbols import Labels, reading


@final
class Choices:
    """Names of series, as `Labels`, for a model that keeps coefficients for each of them.

    Args:
        values: distinct names.

    Example:
        >>> Choices.train(["b", "a"]).encode("b")
        1
    """

    kind: ClassVar = "choices"

    def __init__(self, values: Sequence[str]) -> None:
        self.labels = Labels(values)
        self.values = self.labels.values

    @classmethod
    def train(cls, values: Iterable[str]) -> Self:
        """Collect the distinct names."""
        return cls(Labels.train(values).values)

    @property
    def size(self) -> int:
        """Number of names."""
        return self.labels.size

    def encode(self, raw: str, /) -> int:
        """The index of a name, from 0."""
        return self.labels.encode(raw)

    def decode(self, x: int, /) -> str:
        """The name at an index."""
        return self.labels.decode(x)

    def to_json(self) -> dict[str, Any]:
        """The names."""
        return {"kind": self.kind, "values": list(self.values)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("values",))
        return cls(reading.strings(fields["values"], "values"))
