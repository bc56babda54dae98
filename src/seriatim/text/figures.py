"""How surprising held-out data is to a model, in the units that people compare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class TextFigures:
    """The exact likelihood of some text.

    Attributes:
        nats: −log p of all of it, the `<end>` of each document included.
        tokens: how many symbols, each `<end>` included.
        characters: of the text itself.
        bytes: of the text in UTF-8.
        documents: how many.
        relative_error: standard error of the mean over its value, from blocks of 256 symbols taken as independent.
    """

    nats: float
    tokens: int
    characters: int
    bytes: int
    documents: int
    relative_error: float

    @property
    def nats_per_token(self) -> float:
        """Mean surprise of a symbol."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """exp of the mean surprise of a symbol."""
        return math.exp(min(self.nats_per_token, 700))

    @property
    def bits_per_char(self) -> float:
        """Comparable between tokenizers."""
        return self.nats / math.log(2) / max(self.characters, 1)

    @property
    def bits_per_byte(self) -> float:
        """What a perfect coder would need: 8 is no compression."""
        return self.nats / math.log(2) / max(self.bytes, 1)

    def to_json(self) -> dict[str, float | int]:
        """Everything, the unit in each key."""
        return {
            "nats_per_token": self.nats_per_token,
            "nats_per_token_standard_error": self.nats_per_token * self.relative_error,
            "perplexity": self.perplexity,
            "bits_per_char": self.bits_per_char,
            "bits_per_char_standard_error": self.bits_per_char * self.relative_error,
            "bits_per_byte": self.bits_per_byte,
            "bits_per_byte_standard_error": self.bits_per_byte * self.relative_error,
            "nats": self.nats,
            "tokens": self.tokens,
            "characters": self.characters,
            "bytes": self.bytes,
            "documents": self.documents,
        }
