"""How the tests execute annotations: beartype, where it can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beartype import beartype
from beartype.roar import BeartypeDecorHintPep673Exception


def checked(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` with its arguments and result checked at every call.

    The import hook decorates methods one by one, and beartype cannot tell there whose `Self` is meant: those stay as
    they are.
    """
    try:
        return beartype(f)
    except BeartypeDecorHintPep673Exception:
        return f
