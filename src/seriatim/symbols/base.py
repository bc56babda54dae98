"""The contract of every codec between raw data and symbols."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable


@runtime_checkable
class Symbols(Protocol):
    """Raw data <-> symbols: a tokenizer, the labels or numbers of a condition, a quantiser.

    Example:
        >>> from seriatim.symbols import Labels
        >>> isinstance(Labels(["cat", "dog"]), Symbols)
        True
    """

    kind: ClassVar[str]
    """The codec's name in `to_json`, by which `from_json` finds the class."""

    @property
    def size(self) -> int:
        """Number of symbols; 1 for a real number."""
        ...

    def encode(self, raw: Any, /) -> Any:
        """Raw data -> symbols; raises UserError for data that cannot be encoded."""
        ...

    def decode(self, x: Any, /) -> Any:
        """Symbols -> raw data."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs, as plain JSON with finite numbers."""
        ...
