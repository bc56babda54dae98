"""Raw data <-> symbols: the contract of a codec, and the codecs that are not specific to one kind of data.

Nothing here imports torch: symbols are numpy arrays, and the command line starts fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seriatim.errors import UserError, nearest
from seriatim.symbols import reading
from seriatim.symbols.base import Symbols
from seriatim.symbols.given import Given, each, encode_given
from seriatim.symbols.label import Labels, Numbers
from seriatim.symbols.vector import Vectors

__all__ = ["COMMON", "Given", "Labels", "Numbers", "Symbols", "Vectors", "each", "encode_given", "from_json"]

COMMON: Final[Mapping[str, type[Any]]] = {"labels": Labels, "numbers": Numbers, "vectors": Vectors}
"""{kind: codec} of the codecs that are not specific to one kind of data."""


def from_json(document: object, known: Mapping[str, type[Any]] = COMMON) -> Symbols:
    """Rebuild a codec from the result of its `to_json`.

    Args:
        document: parsed JSON.
        known: {kind: codec} to choose from.

    Raises:
        UserError: naming the bad key.
    """
    fields = reading.mapping(document, "symbols")
    if "kind" not in fields:
        raise UserError("symbols: missing key 'kind'")
    kind = reading.text(fields["kind"], "kind")
    if kind not in known:
        raise UserError(f"kind: {kind!r} is unknown; {nearest(kind, known)}")
    return known[kind].from_json(fields)
