"""How the tests execute annotations: beartype, where it can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep673Exception

_CONF = BeartypeConf(is_pep484_tower=True)  # an int is a float, as everywhere else


def checked(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` with its arguments and result checked at every call.

    The import hook decorates methods one by one, and beartype cannot tell there whose `Self` is meant: those stay as
    they are.
    """
    try:
        return beartype(f, conf=_CONF)
    except BeartypeDecorHintPep673Exception:
        return f
