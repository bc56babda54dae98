"""Encoders of the conditions of series: the window's scale, the calendar, what is known ahead."""

from __future__ import annotations

from typing import Any, Final

from seriatim.conditioning import ChoiceEncoder, FieldEncoder, ScaleEncoder
from seriatim.modality import Encoding
from seriatim.series.calendar import Calendar
from seriatim.series.choices import Choices
from seriatim.series.known import Known
from seriatim.series.scaling import WindowScale


def _scale(codec: WindowScale, sizes: Any, config: Any) -> ScaleEncoder:  # noqa: ARG001
    return ScaleEncoder(len(codec.location))


def _field(codec: Calendar | Known, sizes: Any, config: Any) -> FieldEncoder:  # noqa: ARG001
    return FieldEncoder(codec.size)


def _choice(codec: Choices, sizes: Any, config: Any) -> ChoiceEncoder:  # noqa: ARG001
    return ChoiceEncoder(codec.size)


ENCODINGS: Final = {
    Choices: Encoding("vector", "series with coefficients of their own", _choice, None),
    WindowScale: Encoding("scale", "scales of windows", _scale, 0),
    Calendar: Encoding("field", "calendars", _field, None),
    Known: Encoding("field", "columns known ahead", _field, None),
}
"""Every condition besides labels."""
