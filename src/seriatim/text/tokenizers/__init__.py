"""Tokenizers: text <-> symbols. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from seriatim.errors import UserError, nearest
from seriatim.text.tokenizers.base import Ids, Tokenizer
from seriatim.text.tokenizers.characters import Bytes, Characters
from seriatim.text.tokenizers.policy import Policy
from seriatim.text.tokenizers.rendering import TextStream
from seriatim.text.tokenizers.stems import Stems
from seriatim.text.tokenizers.subwords import Bpe, Unigram
from seriatim.text.tokenizers.words import Words

__all__ = [
    "TOKENIZERS",
    "Bpe",
    "Bytes",
    "Characters",
    "Ids",
    "Policy",
    "Stems",
    "TextStream",
    "Tokenizer",
    "Unigram",
    "Words",
    "train_tokenizer",
]

TOKENIZERS: Final[dict[str, type[Tokenizer]]] = {
    "bytes": Bytes,
    "characters": Characters,
    "words": Words,
    "stems": Stems,
    "bpe": Bpe,
    "unigram": Unigram,
}
"""{kind: tokenizer}."""


def train_tokenizer(
    kind: str, documents: Iterable[str], policy: Policy | None = None, size: int | None = None, min_count: int = 1
) -> Tokenizer:
    """Train the tokenizer of this kind; see `Tokenizer.train`.

    Raises:
        UserError: if there is no such kind.
    """
    if kind not in TOKENIZERS:
        raise UserError(f"tokenizer: {kind!r} is unknown; {nearest(kind, TOKENIZERS)}")
    return TOKENIZERS[kind].train(documents, policy, size, min_count)
