"""Encoders of the conditions of trajectories."""

from __future__ import annotations

from typing import Any, Final

from seriatim.conditioning import ScaleEncoder
from seriatim.modality import Encoding
from seriatim.trajectory.codec import FixedScale


def _scale(codec: FixedScale, sizes: Any, config: Any) -> ScaleEncoder:  # noqa: ARG001
    return ScaleEncoder(len(codec.log_scale))


ENCODINGS: Final = {FixedScale: Encoding("scale", "scales", _scale, 0)}
"""Every condition besides labels."""
