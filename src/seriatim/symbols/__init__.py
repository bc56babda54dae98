"""Raw data <-> symbols: text, pictures and sound, and the labels, numbers and vectors that condition them.

Nothing here imports torch: symbols are numpy arrays, and the command line answers at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from seriatim.errors import UserError, nearest
from seriatim.symbols import reading
from seriatim.symbols.audio import Sound
from seriatim.symbols.base import Symbols
from seriatim.symbols.characters import Bytes, Characters
from seriatim.symbols.features import Energy, Feature, LogMel
from seriatim.symbols.image import Levels
from seriatim.symbols.label import Labels, Numbers
from seriatim.symbols.policy import Policy
from seriatim.symbols.rendering import TextStream
from seriatim.symbols.series import Series
from seriatim.symbols.spans import Span, Spans
from seriatim.symbols.subwords import Bpe, Unigram
from seriatim.symbols.text import Ids, Tokenizer
from seriatim.symbols.vector import Vectors
from seriatim.symbols.words import Words

__all__ = [
    "KINDS",
    "Bpe",
    "Bytes",
    "Characters",
    "Energy",
    "Feature",
    "Ids",
    "Labels",
    "Levels",
    "LogMel",
    "Numbers",
    "Policy",
    "Series",
    "Sound",
    "Span",
    "Spans",
    "Symbols",
    "TextStream",
    "Tokenizer",
    "Unigram",
    "Vectors",
    "Words",
    "from_json",
    "train_tokenizer",
]

KINDS: Final = {
    "bytes": Bytes,
    "characters": Characters,
    "words": Words,
    "bpe": Bpe,
    "unigram": Unigram,
    "labels": Labels,
    "numbers": Numbers,
    "levels": Levels,
    "vectors": Vectors,
    "sound": Sound,
    "log-mel": LogMel,
    "energy": Energy,
    "series": Series,
    "spans": Spans,
}


def from_json(document: object) -> Symbols:
    """Any codec from what its `to_json` gave; raises UserError that names the bad key."""
    fields = reading.mapping(document, "symbols")
    if "kind" not in fields:
        raise UserError("symbols: missing key 'kind'")
    kind = reading.text(fields["kind"], "kind")
    if kind not in KINDS:
        raise UserError(f"kind: {kind!r} is unknown; {nearest(kind, KINDS)}")
    return KINDS[kind].from_json(fields)


def train_tokenizer(
    kind: str, documents: Iterable[str], policy: Policy | None = None, size: int | None = None, min_count: int = 1
) -> Tokenizer:
    """Train the tokenizer of this kind; see `Tokenizer.train`."""
    known = {name: codec for name, codec in KINDS.items() if issubclass(codec, Tokenizer)}
    if kind not in known:
        raise UserError(f"tokenizer: {kind!r} is unknown; {nearest(kind, known)}")
    return known[kind].train(documents, policy, size, min_count)
