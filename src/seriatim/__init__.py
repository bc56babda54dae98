"""Seriatim: deep autoregressive models p(x | c) = ∏ p(x_t | x_<t, c), one way of working for all of them.

A *model* gives exact likelihoods and parameters position by position; a *walk* is where a batch of sequences stands.
Everything here is imported when it is first asked for, so that `import seriatim` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seriatim.api import load as load
    from seriatim.api import train as train
    from seriatim.data.gallery import ImageOptions as ImageOptions
    from seriatim.errors import UserError as UserError
    from seriatim.image import ImageModel as ImageModel
    from seriatim.steer import Steer as Steer
    from seriatim.text import Sample as Sample
    from seriatim.text import TextModel as TextModel
    from seriatim.walk import Walk as Walk
    from seriatim.walk import roll as roll

_HOMES = {
    "ImageModel": "seriatim.image",
    "ImageOptions": "seriatim.data.gallery",
    "UserError": "seriatim.errors",
    "Steer": "seriatim.steer",
    "Sample": "seriatim.text",
    "TextModel": "seriatim.text",
    "Walk": "seriatim.walk",
    "roll": "seriatim.walk",
    "load": "seriatim.api",
    "train": "seriatim.api",
}
__all__ = ["ImageModel", "ImageOptions", "Sample", "Steer", "TextModel", "UserError", "Walk", "load", "roll", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seriatim' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
