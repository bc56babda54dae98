"""pandas, which reads tables and knows calendars; an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from seriatim.errors import UserError


def pandas() -> Any:
    """The module, untyped: its stubs give a union of a dozen types for a cell.

    Raises:
        UserError: if it is not installed.
    """
    try:
        return import_module("pandas")
    except ImportError:
        raise UserError(
            "tables, times and data frames need pandas, which is not installed: pip install 'seriatim[series]'"
        ) from None
