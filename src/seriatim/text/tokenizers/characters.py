"""Text as bytes, and text as characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, final

import numpy as np

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.text.tokenizers import names
from seriatim.text.tokenizers.base import Ids, Tokenizer
from seriatim.text.tokenizers.policy import LANGUAGES, Policy
from seriatim.text.tokenizers.rendering import Renderer, Spelling
from seriatim.text.tokenizers.vocabulary import UNKNOWN, Vocabulary, choose


@final
class Bytes(Tokenizer):
    """The bytes of UTF-8: 256 symbols and `<end>`, nothing to learn. Byte b is symbol b + 1.

    Example:
        >>> from seriatim.text.tokenizers import Policy
        >>> tokenizer = Bytes(Policy())
        >>> tokenizer.encode("né").tolist(), tokenizer.decode([111, 196, 170])
        ([111, 196, 170], 'né')
    """

    kind: ClassVar = "bytes"
    contents: ClassVar = ()
    refuses: ClassVar = {
        "unknown": ("unk", "drop", "error"),
        "punctuation": ("separate",),
        "digits": ("split",),
        "language": LANGUAGES,
    }
    _table = (b"", *(bytes([byte]) for byte in range(256)))

    def __init__(self, policy: Policy) -> None:
        self.policy = self._checked(policy)

    @property
    def size(self) -> int:
        """257."""
        return len(self._table)

    @property
    def unknown(self) -> None:
        """None: bytes can spell any text."""

    @classmethod
    def _learn(cls, texts: Iterator[str], policy: Policy, size: int | None, min_count: int) -> Self:
        del texts  # nothing to learn
        if size not in (None, 257) or min_count != 1:
            raise UserError("size, min_count: bytes always have 257 symbols; leave both out")
        return cls(policy)

    def _encoded(self, prepared: str) -> Ids:
        return np.frombuffer(prepared.encode(), np.uint8).astype(np.int64) + 1

    def _known(self, prepared: str) -> str:
        return prepared

    def _renderer(self) -> Renderer:
        return Spelling(self._table)

    def _names(self) -> Iterable[str]:
        return map(names.of_entry, self._table[1:])

    def _contents(self) -> dict[str, Any]:
        return {}

    @classmethod
    def _read(cls, policy: Policy, document: Mapping[str, Any]) -> Self:
        del document  # the policy is all there is
        return cls(policy)


@final
class Characters(Tokenizer):
    """The characters of the training text, most frequent first. Default: all of them.

    Example:
        >>> from seriatim.text.tokenizers import Policy
        >>> tokenizer = Characters.train(["to be"], Policy(unknown="unk"))
        >>> [tokenizer.symbol(i) for i in tokenizer.encode("toy")]
        ['t', 'o', '<unk>']
    """

    kind: ClassVar = "characters"
    contents: ClassVar = ("pieces",)
    refuses: ClassVar = {"punctuation": ("separate",), "digits": ("split",), "language": LANGUAGES}

    def __init__(self, policy: Policy, vocabulary: Vocabulary) -> None:
        self.policy = self._checked(policy)
        self._vocabulary = vocabulary
        singles = {ord(piece): i for piece, i in vocabulary.index.items() if len(piece) == 1}
        # One entry more than the code points in use, shared by all beyond.
        self._symbol_of = np.full(max(singles, default=0) + 2, -1, np.int64)
        self._symbol_of[list(singles)] = list(singles.values())

    @property
    def size(self) -> int:
        """Number of symbols, including `<end>`."""
        return len(self._vocabulary.table)

    @property
    def unknown(self) -> int | None:
        """The symbol `<unk>`, if the policy has one."""
        return self._vocabulary.unknown

    @classmethod
    def _learn(cls, texts: Iterator[str], policy: Policy, size: int | None, min_count: int) -> Self:
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        return cls(policy, choose(counts, policy, (), size, min_count))

    def _found(self, prepared: str) -> Ids:
        """The symbol of each character, -1 if there is none."""
        codes = np.frombuffer(prepared.encode("utf-32-le"), np.uint32)
        return self._symbol_of[np.minimum(codes, len(self._symbol_of) - 1)]

    def _unseen(self, prepared: str) -> int:
        return int((self._found(prepared) < 0).sum())

    def _lookup(self, prepared: str) -> Ids:
        """The same, but an unknown character is an error under the policy "error"."""
        found = self._found(prepared)
        if self.policy.unknown == "error" and (found < 0).any():
            raise UserError(self._unknown_at(prepared, int(np.argmax(found < 0))))
        return found

    def _unknown_at(self, prepared: str, place: int) -> str:
        position = len(self.policy.restore(prepared[:place]))
        character = self.policy.restore(prepared[: place + 1])[position:]
        name = f"{character!r} (U+{ord(character):04X})"
        return f"text: character {name} at position {position} was not in the training text"

    def _encoded(self, prepared: str) -> Ids:
        found = self._lookup(prepared)
        holes = np.flatnonzero(found < 0)
        if not holes.size:
            return found
        if self.policy.unknown == "drop":
            return found[found >= 0]
        if self.unknown is not None:
            return np.where(found < 0, self.unknown, found)
        parts: list[Ids] = []
        start = 0
        for hole in holes.tolist():
            parts += [found[start:hole], np.array(self._vocabulary.spell(prepared[hole]), np.int64)]
            start = hole + 1
        return np.concatenate([*parts, found[start:]])

    def _known(self, prepared: str) -> str:
        if self.policy.unknown == "bytes":
            return prepared
        instead = UNKNOWN if self.policy.unknown == "unk" else ""
        known = (self._lookup(prepared) >= 0).tolist()
        return "".join(c if there else instead for c, there in zip(prepared, known, strict=True))

    def _renderer(self) -> Renderer:
        return Spelling(self._vocabulary.table)

    def _names(self) -> Iterable[str]:
        return self._vocabulary.names()

    def _contents(self) -> dict[str, Any]:
        return {"pieces": [*self._vocabulary.learned]}

    @classmethod
    def _read(cls, policy: Policy, document: Mapping[str, Any]) -> Self:
        pieces = reading.strings(document["pieces"], "pieces")
        for place, piece in enumerate(pieces):
            if len(piece) != 1:
                raise UserError(f"pieces[{place}]: expected one character, got {piece!r}")
        return cls(policy, Vocabulary(policy, (), pieces))
