"""Encoders of pictures as conditions: maps, or codes of the picture itself."""

from __future__ import annotations

from typing import Any, Final

from torch import nn

from seriatim.conditioning import CodeConfig, CodeEncoder, MapConfig, MapEncoder
from seriatim.modality import Encoding
from seriatim.models import LSTM, Model, RecurrentConfig
from seriatim.symbols.levels import Levels

CODE = "code"
"""The condition of an auto-encoder: a few numbers that encode the picture itself."""

_PRIOR = 64  # units of the prior over an auto-encoder's codes


def _make(codec: Levels, sizes: CodeConfig | MapConfig, config: Any) -> nn.Module:
    if isinstance(sizes, CodeConfig):
        return CodeEncoder(codec.shape, codec.levels, sizes)
    return MapEncoder(codec.shape, codec.levels, (config.height, config.width), sizes)


def _prior(encoder: nn.Module) -> Model | None:
    if not isinstance(encoder, CodeEncoder):
        return None
    sizes = encoder.config
    return LSTM(RecurrentConfig(sizes.levels, width=_PRIOR, context=sizes.width))


ENCODINGS: Final = {
    Levels: Encoding(
        part="field",
        words="pictures",
        make=_make,
        width="filters",
        sizes={"map": MapConfig, "code": CodeConfig},
        special=CODE,
        prior=_prior,
    )
}
