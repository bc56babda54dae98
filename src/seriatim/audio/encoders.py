"""Encoders of time-aligned conditions: labels with times, tracks of numbers, features of the audio itself."""

from __future__ import annotations

from typing import Any, Final

from seriatim.audio.features import Feature
from seriatim.audio.spans import Spans
from seriatim.audio.tracks import Track
from seriatim.conditioning import SpanEncoder, TrackConfig, TrackEncoder
from seriatim.modality import Encoding

AlignedCodec = Spans | Track | Feature
"""The codecs of time-aligned conditions: a frame per `hop` samples."""


def _spans(codec: Spans, sizes: TrackConfig, config: Any) -> SpanEncoder:  # noqa: ARG001
    return SpanEncoder(codec.size, codec.hop, sizes)


def _track(codec: Track | Feature, sizes: TrackConfig, config: Any) -> TrackEncoder:  # noqa: ARG001
    return TrackEncoder(codec.size, codec.hop, sizes)


_WORDS, _SIZES = "time-aligned values", {"track": TrackConfig}

ENCODINGS: Final = {
    Spans: Encoding("field", _WORDS, _spans, "filters", _SIZES),
    Track: Encoding("field", _WORDS, _track, "filters", _SIZES),
    Feature: Encoding("field", _WORDS, _track, "filters", _SIZES),
}
