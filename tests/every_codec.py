"""Every codec that the package has, whatever its kind of data."""

from __future__ import annotations

from typing import Any

from seriatim import symbols
from seriatim.modality import modalities

KINDS: dict[str, type[Any]] = {**symbols.COMMON}
for record in modalities():
    KINDS |= dict(record.codecs())


def from_json(document: object) -> Any:
    """A codec from what its `to_json` gave."""
    return symbols.from_json(document, KINDS)
