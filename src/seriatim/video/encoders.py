"""Encoders of the conditions of films."""

from __future__ import annotations

from typing import Any, Final

from seriatim.conditioning import FieldEncoder
from seriatim.modality import Encoding
from seriatim.video.actions import Actions


def _actions(codec: Actions, sizes: Any, config: Any) -> FieldEncoder:  # noqa: ARG001
    return FieldEncoder(codec.size, config.per_frame)


ENCODINGS: Final = {Actions: Encoding("field", "actions", _actions, None)}
"""Every condition besides labels."""
