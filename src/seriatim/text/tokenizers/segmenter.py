"""Segmenting text into given subwords, on the bytes of UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
import tokenizers
from tokenizers import models, pre_tokenizers

from seriatim.text.tokenizers import casing
from seriatim.text.tokenizers.base import Ids
from seriatim.text.tokenizers.policy import Policy

# Encoding a text block by block needs less memory and is faster. A block may end after a lone newline before text,
# where the pre-tokenizer cuts in any case.
_BLOCK = 1 << 16
_CUT = re.compile(r"\S\n(?=\S)")


def _alphabet() -> dict[int, str]:
    """The character for each byte: itself if printable, else one from U+0100 on, in order."""
    printing = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printing)
    return {byte: chr(byte) for byte in printing} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}


BYTE_OF = {character: byte for byte, character in sorted(_alphabet().items())}
"""The byte of each character of GPT-2's alphabet, in the order of the bytes."""
ALPHABET = list(BYTE_OF)
"""The characters for the bytes 0 to 255."""


def pipeline(policy: Policy, model: models.Model) -> tokenizers.Tokenizer:
    """The model after GPT-2's pre-tokenizer into words, numbers, punctuation and white space, each with its space."""
    cuts: list[pre_tokenizers.PreTokenizer] = []
    if policy.casing == "mark":  # a mark has a symbol of its own and is not part of pieces
        cuts.append(pre_tokenizers.Split(tokenizers.Regex(f"[{''.join(casing.MARKS)}]"), "removed"))
    if policy.digits == "split":
        cuts.append(pre_tokenizers.Digits(individual_digits=True))
    built = tokenizers.Tokenizer(model)
    built.pre_tokenizer = pre_tokenizers.Sequence([*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return built


def marks(policy: Policy) -> tuple[str, ...]:
    """The case marks of the policy, which are the last symbols."""
    return casing.MARKS if policy.casing == "mark" else ()


@final
class Segmenter:
    """Pieces in the byte alphabet, the case marks, and the model that finds the pieces in text.

    The model's number i is symbol i + 1.
    """

    def __init__(self, policy: Policy, pieces: Sequence[str], model: models.Model) -> None:
        spelled = (bytes(BYTE_OF[character] for character in piece) for piece in pieces)
        self.table: tuple[str | bytes, ...] = (b"", *spelled, *marks(policy))
        """The piece of each symbol."""
        self._pipeline = pipeline(policy, model)
        self._pipeline.add_tokens([tokenizers.AddedToken(mark, normalized=False) for mark in marks(policy)])

    def encode(self, text: str) -> Ids:
        """The symbols of a text."""
        ids: list[int] = []
        for block in _blocks(text):
            ids += self._pipeline.encode(block, add_special_tokens=False).ids
        return np.array(ids, np.int64) + 1


def _blocks(text: str) -> Iterator[str]:
    start = 0
    while cut := _CUT.search(text, start + _BLOCK):
        yield text[start : cut.end()]
        start = cut.end()
    yield text[start:]
