"""What the decoders of a Video Pixel Network share: the head over a sub-pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seriatim.config import bounded
from seriatim.errors import UserError
from seriatim.heads import BernoulliHead, CategoricalHead, Head, MixtureHead
from seriatim.models.grid import FieldConfig

SubpixelHead = Literal["softmax", "logistic", "normal", "bernoulli"]


@dataclass(frozen=True)
class SubpixelConfig(FieldConfig):
    """Sizes of a family over sub-pixels with one of several heads.

    Attributes:
        head: distribution of a sub-pixel: "softmax" over the levels; a mixture of discretised "logistic" or "normal"
            components; or "bernoulli", white or black, whose figures for grey pixels are cross-entropies.
        mixtures: components of a mixture.
    """

    head: SubpixelHead = "softmax"
    mixtures: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("mixtures", self.mixtures, 1, 256)
        if self.head == "bernoulli" and self.channels > 1:
            raise UserError(f"head is bernoulli, for grey pixels, not {self.channels} channels; choose another")


def subpixel_head(config: SubpixelConfig) -> Head:
    """The head that a config names."""
    if config.head == "softmax":
        return CategoricalHead(config.levels)
    if config.head == "bernoulli":
        return BernoulliHead(config.levels)
    return MixtureHead(config.levels, mixtures=config.mixtures, kind=config.head)
