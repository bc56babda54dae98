"""Options as tests write them: how data is divided and how it is read, in one dictionary."""

from __future__ import annotations

import dataclasses
from typing import Any

from seriatim.data.options import DataOptions

_FIELDS = {field.name for field in dataclasses.fields(DataOptions)}


def divided(options: dict[str, Any], **usual: Any) -> tuple[dict[str, Any], DataOptions]:
    """The options of a kind of data, and how it is divided."""
    own = {name: value for name, value in options.items() if name not in _FIELDS}
    return own, DataOptions(**{**usual, **{name: value for name, value in options.items() if name in _FIELDS}})
