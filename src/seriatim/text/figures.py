"""Likelihood figures of text, in the usual units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from seriatim.symbols.lacking import Lacking, given_key
from seriatim.text.tokenizers import Tokenizer


class Scored(NamedTuple):
    """A symbol of a text and what the model makes of it.

    Attributes:
        symbol: its printable name: `the`, `<end>`, `<0xC3>`.
        text: what it adds to the text; "" for `<end>`, and while a character is incomplete.
        log_prob: log p given all symbols before it, in nats.

    Example:
        >>> each = Scored("<space>", " ", -0.25)
        >>> each.text, each.log_prob
        (' ', -0.25)
    """

    symbol: str
    text: str
    log_prob: float


def scored(tokenizer: Tokenizer, ids: NDArray[np.int64], log_probs: NDArray[np.float64]) -> list[Scored]:
    """The symbols of a document with their log-probabilities; the texts joined are the document's."""
    stream, rows = tokenizer.stream(), zip(ids.tolist(), log_probs.tolist(), strict=True)
    return [Scored(tokenizer.symbol(i), stream.push(i), log_prob) for i, log_prob in rows]


@final
@dataclass(frozen=True)
class TextFigures:
    """The exact likelihood of some text.

    Attributes:
        nats: total −log p, including the `<end>` of each document.
        tokens: number of symbols, including each `<end>`.
        characters: number of characters of the text.
        bytes: number of bytes of the text in UTF-8.
        documents: number of documents.
        relative_error: standard error of the mean divided by its value, over independent blocks of 256 symbols.
        given: the model's conditions: then these are figures of p(text | conditions).
        lacking: documents that lack one of them, by condition.

    Example:
        >>> figures = TextFigures(nats=100.0, tokens=50, characters=49, bytes=49, documents=1, relative_error=0.1)
        >>> figures.nats_per_token, round(figures.perplexity, 2), round(figures.bits_per_char, 2)
        (2.0, 7.39, 2.94)
    """

    nats: float
    tokens: int
    characters: int
    bytes: int
    documents: int
    relative_error: float
    given: tuple[str, ...] = ()
    lacking: tuple[Lacking, ...] = ()

    @property
    def nats_per_token(self) -> float:
        """Mean surprise per symbol."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """exp of the mean surprise per symbol."""
        return math.exp(min(self.nats_per_token, 700))

    @property
    def bits_per_char(self) -> float:
        """Bits per character, comparable between tokenizers."""
        return self.nats / math.log(2) / max(self.characters, 1)

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte, which a perfect coder would need: 8 is no compression."""
        return self.nats / math.log(2) / max(self.bytes, 1)

    def to_json(self) -> dict[str, Any]:
        """All figures, with the unit in each key, and which documents lack a condition."""
        given = given_key(self.given)
        return {
            f"nats_per_token{given}": self.nats_per_token,
            f"nats_per_token{given}_standard_error": self.nats_per_token * self.relative_error,
            f"perplexity{given}": self.perplexity,
            f"bits_per_char{given}": self.bits_per_char,
            f"bits_per_char{given}_standard_error": self.bits_per_char * self.relative_error,
            f"bits_per_byte{given}": self.bits_per_byte,
            f"bits_per_byte{given}_standard_error": self.bits_per_byte * self.relative_error,
            "nats": self.nats,
            "tokens": self.tokens,
            "characters": self.characters,
            "bytes": self.bytes,
            "documents": self.documents,
            **({"conditions": {each.name: each.to_json() for each in self.lacking}} if self.lacking else {}),
        }
