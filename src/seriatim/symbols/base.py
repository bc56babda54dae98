"""What every codec between raw data and symbols promises."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable


@runtime_checkable
class Symbols(Protocol):
    """Raw data <-> symbols: a tokenizer of text, the labels or the numbers of a condition, a quantizer.

    Example:
        >>> from seriatim.symbols import Labels
        >>> isinstance(Labels(["cat", "dog"]), Symbols)
        True
    """

    kind: ClassVar[str]
    """The name that stands in `to_json` and resolves through `KINDS`."""

    @property
    def size(self) -> int:
        """How many symbols there are; 1 for a real number."""
        ...

    def encode(self, raw: Any, /) -> Any:
        """Turn raw data into symbols; raises UserError on data that has none."""
        ...

    def decode(self, x: Any, /) -> Any:
        """Turn symbols back into raw data."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs, as plain JSON with finite numbers."""
        ...
