"""Text as subwords: byte pair encoding and the unigram language model.

Both run on the bytes of UTF-8, written in GPT-2's alphabet of 256 printable characters, so that nothing is unknown or
lost. The package `tokenizers` counts and segments; its input is built here, from the merges or pieces only.

References: Sennrich, Haddow, Birch 2016, arXiv:1508.07909 (BPE); Kudo 2018, arXiv:1804.10959 (unigram); Radford et al.
2019 (bytes).
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np
from tokenizers import decoders, models, trainers

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.text.tokenizers import casing, names
from seriatim.text.tokenizers.base import Ids, Tokenizer
from seriatim.text.tokenizers.policy import LANGUAGES, Policy
from seriatim.text.tokenizers.rendering import END, Renderer, Spelling
from seriatim.text.tokenizers.segmenter import ALPHABET, BYTE_OF, Segmenter, marks, pipeline

DEFAULT_SIZE = 4096
"""Enough for a megabyte of English, with about three bytes per subword."""

HF_END = "<end of text>"
"""The name of `<end>` in a `tokenizer.json`: with a space, which no piece has in the byte alphabet."""

_BYTE = re.compile("<0x[0-9A-F]{2}>")


class Subwords(Tokenizer):
    """Shared by BPE and unigram: everything except training and the model."""

    refuses: ClassVar = {"unknown": ("unk", "drop", "error"), "punctuation": ("separate",), "language": LANGUAGES}
    _segmenter: Segmenter

    @staticmethod
    @abstractmethod
    def _trainable(pieces: int, min_count: int) -> tuple[models.Model, trainers.Trainer]:
        """An empty model, and its trainer for `pieces` pieces."""

    @classmethod
    @abstractmethod
    def _from_model(cls, policy: Policy, model: Mapping[str, Any]) -> Self:
        """Convert a trained model from the JSON of `tokenizers`."""

    @property
    @final
    def size(self) -> int:
        """Number of symbols, including `<end>`."""
        return len(self._segmenter.table)

    @property
    @final
    def unknown(self) -> None:
        """None: bytes can spell any text."""

    @classmethod
    @final
    def _learn(cls, texts: Iterator[str], policy: Policy, size: int | None, min_count: int) -> Self:
        wanted = DEFAULT_SIZE if size is None else size
        reserved = 1 + len(marks(policy))
        if wanted < reserved + 256:
            raise UserError(f"size: expected {reserved + 256} or more, for <end>, marks and bytes; got {wanted}")
        model, trainer = cls._trainable(wanted - reserved, min_count)
        training = pipeline(policy, model)
        training.train_from_iterator((_shared(policy, text) for text in texts), trainer)
        return cls._from_model(policy, json.loads(training.to_str())["model"])

    @final
    def _encoded(self, prepared: str) -> Ids:
        return self._segmenter.encode(_shared(self.policy, prepared))

    @final
    def _known(self, prepared: str) -> str:
        return prepared

    @final
    def _unseen(self, prepared: str) -> int:
        """Bytes of characters that are in no piece."""
        return int(np.isin(self._encoded(prepared), self._lone).sum())

    @cached_property
    def _lone(self) -> Ids:
        return np.array([i for i, name in enumerate(self._all_names) if _BYTE.fullmatch(name)], np.int64)

    @final
    def _renderer(self) -> Renderer:
        return Spelling(self._segmenter.table)

    @final
    def _names(self) -> Iterable[str]:
        return map(names.of_entry, self._segmenter.table[1:])


@final
class Bpe(Subwords):
    """Byte pair encoding: the 256 bytes in order, then the result of each merge of two pieces.

    Example:
        >>> from seriatim.text.tokenizers import Policy
        >>> tokenizer = Bpe.train(["to be or not to be"], Policy(), size=259)
        >>> [tokenizer.symbol(i) for i in tokenizer.encode("to be")]
        ['to', '<space>', 'be']
    """

    kind: ClassVar = "bpe"
    contents: ClassVar = ("merges",)

    def __init__(self, policy: Policy, merges: Sequence[tuple[str, str]]) -> None:
        self.policy = self._checked(policy)
        self._merges = tuple(merges)
        numbers = {character: byte for byte, character in enumerate(ALPHABET)}
        seen: set[tuple[str, str]] = set()
        for place, pair in enumerate(merges):
            if pair in seen or not numbers.keys() >= set(pair):
                fault = "occurs twice" if pair in seen else "uses a piece that no earlier merge produces"
                raise UserError(f"merges[{place}]: {pair!r} {fault}")
            seen.add(pair)
            numbers.setdefault("".join(pair), len(numbers))
        self._segmenter = Segmenter(policy, list(numbers), models.BPE(vocab=numbers, merges=list(merges)))

    @staticmethod
    def _trainable(pieces: int, min_count: int) -> tuple[models.Model, trainers.Trainer]:
        return models.BPE(), trainers.BpeTrainer(
            vocab_size=pieces, min_frequency=min_count, initial_alphabet=ALPHABET, show_progress=False
        )

    @classmethod
    def _from_model(cls, policy: Policy, model: Mapping[str, Any]) -> Self:
        return cls(policy, [(left, right) for left, right in model["merges"]])

    def to_hf(self) -> dict[str, Any]:
        """The same segmentation as a `tokenizer.json` of Hugging Face, for a policy that keeps the text as it is.

        `HF_END` is an entry of the vocabulary and no special token: those are found in text that contains their names.
        """
        vocabulary = {HF_END: END}
        for piece in (*ALPHABET, *("".join(pair) for pair in self._merges)):
            vocabulary.setdefault(piece, len(vocabulary))
        built = pipeline(self.policy, models.BPE(vocab=vocabulary, merges=list(self._merges)))
        built.decoder = decoders.ByteLevel()
        return json.loads(built.to_str())

    def _contents(self) -> dict[str, Any]:
        return {"merges": [[left, right] for left, right in self._merges]}

    @classmethod
    def _read(cls, policy: Policy, document: Mapping[str, Any]) -> Self:
        merges: list[tuple[str, str]] = []
        for place, pair in enumerate(reading.sequence(document["merges"], "merges")):
            key = f"merges[{place}]"
            parts = [reading.text(part, key) for part in reading.sequence(pair, key)]
            if len(parts) != 2:
                raise UserError(f"{key}: expected two pieces, got {len(parts)}")
            merges.append((parts[0], parts[1]))
        return cls(policy, merges)


@final
class Unigram(Subwords):
    """The unigram language model: pieces with log-probabilities; a text is segmented to maximise their product.

    Example:
        >>> from seriatim.text.tokenizers import Policy
        >>> tokenizer = Unigram.train(["to be or not to be"], Policy(), size=260)
        >>> tokenizer.decode(tokenizer.encode("not to be"))
        'not to be'
    """

    kind: ClassVar = "unigram"
    contents: ClassVar = ("pieces", "scores")

    def __init__(self, policy: Policy, scores: Mapping[str, float]) -> None:
        self.policy = self._checked(policy)
        self._scores = dict(scores)
        for place, piece in enumerate(scores):
            if not BYTE_OF.keys() >= set(piece):
                raise UserError(f"pieces[{place}]: {piece!r} has characters that are not in the byte alphabet")
        missing = [character for character in ALPHABET if character not in scores]
        if missing:
            raise UserError(f"pieces: {missing[0]!r}, the byte {BYTE_OF[missing[0]]}, is missing")
        self._segmenter = Segmenter(policy, list(scores), models.Unigram([*scores.items()], None, byte_fallback=False))

    @staticmethod
    def _trainable(pieces: int, min_count: int) -> tuple[models.Model, trainers.Trainer]:
        if min_count != 1:
            raise UserError("min_count: does not apply to unigram, which weighs pieces by probability; leave it out")
        return models.Unigram(), trainers.UnigramTrainer(
            vocab_size=pieces, initial_alphabet=ALPHABET, show_progress=False
        )

    @classmethod
    def _from_model(cls, policy: Policy, model: Mapping[str, Any]) -> Self:
        # `tokenizers` sums in the order of a hash map, which differs between processes, and also assigns the scores of
        # added bytes in that order, from the lowest upward in steps of 0.0001. Rounding, one score for these bytes
        # and our own order make the same text give the same tokenizer.
        found = {piece: round(float(score), 6) for piece, score in model["vocab"]}
        lowest = min(found.values())
        found |= {byte: lowest - 1 for byte in ALPHABET if found[byte] < lowest + 256 * 0.0001}
        return cls(policy, dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))))

    def _contents(self) -> dict[str, Any]:
        return {"pieces": list(self._scores), "scores": list(self._scores.values())}

    @classmethod
    def _read(cls, policy: Policy, document: Mapping[str, Any]) -> Self:
        pieces = reading.strings(document["pieces"], "pieces")
        scores = [
            reading.number(s, f"scores[{i}]") for i, s in enumerate(reading.sequence(document["scores"], "scores"))
        ]
        if len(pieces) != len(scores):
            raise UserError(f"scores: expected {len(pieces)}, one for each piece, got {len(scores)}")
        return cls(policy, dict(zip(pieces, scores, strict=True)))


def _shared(policy: Policy, prepared: str) -> str:
    """The text in the form in which ` he` is one piece, whatever its case."""
    return casing.before_space(prepared) if policy.casing == "mark" else prepared
