"""How pictures enter a model as conditions: as maps of its places, or as codes of the picture itself."""

from __future__ import annotations

from typing import Any, Final

from torch import nn

from seriatim.conditioning import CodeConfig, CodeEncoder, MapConfig, MapEncoder
from seriatim.image.levels import Levels
from seriatim.modality import Encoding
from seriatim.models import LSTM, Model, RecurrentConfig

CODE = "code"
"""The condition that is the picture itself, as a few numbers: an auto-encoder's."""

_PRIOR = 64  # units of what learns the codes of an auto-encoder


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
