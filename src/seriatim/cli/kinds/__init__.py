"""The commands for each kind of data: one module each, with the same functions.

`sample(model, request)`, `evaluate(model, request)`, `score(model, request)`, `facts(model)` and `lines(model)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

KINDS = {
    "text": "seriatim.cli.kinds.text",
    "image": "seriatim.cli.kinds.image",
    "audio": "seriatim.cli.kinds.audio",
    "series": "seriatim.cli.kinds.series",
    "trajectory": "seriatim.cli.kinds.trajectory",
    "video": "seriatim.cli.kinds.video",
}


def commands(kind: str) -> Any:
    """The module of a kind of data."""
    return import_module(KINDS[kind])
