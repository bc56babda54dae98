"""Text as words."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, final

import numpy as np

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.text.tokenizers import casing
from seriatim.text.tokenizers.base import Ids, Tokenizer
from seriatim.text.tokenizers.policy import LANGUAGES, Policy
from seriatim.text.tokenizers.rendering import Renderer
from seriatim.text.tokenizers.script import combining, unspaced
from seriatim.text.tokenizers.spacing import JOIN, Sides, SpacedPieces, Spacing
from seriatim.text.tokenizers.vocabulary import UNKNOWN, Vocabulary, choose

AFFIX = "+"
"""Marks the entry of an affix, "un+" and "+ing", which is no piece of text: there + is a piece by itself."""

_RESERVED = (JOIN, " ", "\n", "\t")

Item = tuple[str, str, str]
"""A gap, nothing or one space, a piece, and its entry in the vocabulary: the piece, or for affixes the marked piece.

Other white space is a piece of its own, without a gap.
"""


class WordPieces(Tokenizer):
    """Shared by words and stems: pieces of text with predicted spaces."""

    contents: ClassVar = ("pieces",)

    def __init__(self, policy: Policy, vocabulary: Vocabulary) -> None:
        self.policy = self._checked(policy)
        self._vocabulary = vocabulary
        self._index = vocabulary.index
        self._pattern = _pattern(policy)
        self._sides = Sides(policy)

    @staticmethod
    @abstractmethod
    def _parts(policy: Policy, gap: str, piece: str) -> tuple[Item, ...]:
        """The items that a piece of text is cut into."""

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
        pattern = _pattern(policy)
        for text in texts:
            counts.update(key for gap, piece in pattern.findall(text) for _, _, key in cls._parts(policy, gap, piece))
        return cls(policy, choose(counts, policy, _RESERVED, size, min_count))

    def _encoded(self, prepared: str) -> Ids:
        return self._encoder()(prepared)

    def _encoder(self) -> Callable[[str], Ids]:
        index, spell = self._index, self._vocabulary.spell
        join, space = index[JOIN], index[" "]
        spacing = Spacing(self._sides)
        spelling = False  # whether the last symbol is a byte: the next byte would be part of the same piece
        begun = False  # whether the last symbol is a prefix, after which there is no space

        def encode(prepared: str) -> Ids:
            nonlocal spelling, begun
            ids: list[int] = []
            for gap, piece, key in self._items(prepared):
                expected, begun = spacing.step(piece) and not begun, False
                symbol = index.get(key)
                if symbol is not None and key != piece:  # an affix: a prefix has a space before it as words do
                    begun = not key.startswith(AFFIX)
                    expected = expected if begun else bool(gap)
                elif symbol is None and key != piece:
                    symbol = index.get(piece)
                if symbol is not None:
                    if expected != bool(gap):
                        ids.append(space if gap else join)
                    ids.append(symbol)
                    spelling = False
                    continue
                if gap if spelling else expected != bool(gap):
                    ids.append(space if gap else join)
                ids += spell(piece)
                spelling = True
            return np.array(ids, np.int64)

        return encode

    def _known(self, prepared: str) -> str:
        return "".join(gap + piece for gap, piece, _ in self._items(prepared))

    def _unseen(self, prepared: str) -> int:
        return sum(key not in self._index for _, _, key in self._pieces(prepared))

    def _items(self, prepared: str) -> Iterable[Item]:
        """The pieces of the text, with unknown ones replaced according to the policy."""
        index = self._index
        items = self._pieces(prepared)
        match self.policy.unknown:
            case "bytes":
                return items
            case "unk":
                return (item if item[2] in index else (item[0], UNKNOWN, UNKNOWN) for item in items)
            case "drop":
                return self._without_unknown(items)
            case "error":
                return self._refusing(items)

    def _pieces(self, prepared: str) -> Iterator[Item]:
        for gap, piece in self._pattern.findall(prepared):
            if piece in self._index or not piece.isspace():
                yield from self._parts(self.policy, gap, piece)
            else:
                yield from (("", character, character) for character in piece)

    def _without_unknown(self, items: Iterable[Item]) -> list[Item]:
        """Leave out each unknown piece, its case mark, and one of the spaces around it."""
        kept: list[Item] = []
        narrowest = " "
        for gap, piece, key in items:
            gap = min(gap, narrowest)
            if key in self._index:
                kept.append((gap, piece, key))
                narrowest = " "
            else:
                marked = self.policy.casing == "mark" and kept and kept[-1][1] in casing.MARKS
                narrowest = kept.pop()[0] if marked else gap
        return kept

    def _refusing(self, items: Iterable[Item]) -> Iterator[Item]:
        before = ""
        for gap, piece, key in items:
            before += gap
            if key not in self._index:
                position = len(self.policy.restore(before))
                word = self.policy.restore(before + piece)[position:]
                raise UserError(f"text: word {word!r} at position {position} was not in the training text")
            before += piece
            yield gap, piece, key

    def _renderer(self) -> Renderer:
        return SpacedPieces(self._vocabulary.table, self._sides)

    def _names(self) -> Iterable[str]:
        return self._vocabulary.names()

    def _contents(self) -> dict[str, Any]:
        return {"pieces": [*self._vocabulary.learned]}

    @classmethod
    def _read(cls, policy: Policy, document: Mapping[str, Any]) -> Self:
        return cls(policy, Vocabulary(policy, _RESERVED, reading.strings(document["pieces"], "pieces")))


@final
class Words(WordPieces):
    r"""The words of the training text, most frequent first. Default: all of them.

    `punctuation="keep"`: pieces are separated by white space, by default one space (for the classical corpora, already
    cut into words). `punctuation="separate"`: a piece is a word with its inner apostrophes
    (`didn’t`, `rock'n'roll`), an abbreviation of single letters (`U.S.A.`, `e.g.`), or one other character; a compound
    with hyphens is several words, and the hyphens between them need no symbol for spacing. In scripts without spaces
    between words (Chinese, Japanese, Thai) every character is a piece. `Spacing` predicts where there is a space.
    `<join>` marks a missing one, `<space>` an unexpected one. A run of other white space is one piece
    (`\n\n`, ` \n `), or its characters if that is unknown.

    The text `<unk>` is the unknown symbol if the policy has one.

    Example:
        >>> from seriatim.text.tokenizers import Policy
        >>> tokenizer = Words.train(["Wait, don't go!"], Policy(punctuation="separate"))
        >>> [tokenizer.symbol(i) for i in tokenizer.encode("Wait, don't!")]
        ['Wait', ',', "don't", '!']
    """

    kind: ClassVar = "words"
    refuses: ClassVar = {"language": LANGUAGES}

    @staticmethod
    def _parts(policy: Policy, gap: str, piece: str) -> tuple[Item, ...]:
        del policy
        return ((gap, piece, piece),)


def _pattern(policy: Policy) -> re.Pattern[str]:
    """A pattern for the pairs of gap and piece, which together are the whole text."""
    marks = "".join(casing.MARKS) if policy.casing == "mark" else ""
    alternatives = [r"\s+"]
    if marks:
        alternatives.append(f"[{marks}]")
    if policy.digits == "split":
        alternatives.append(r"\d")
    if policy.punctuation == "separate":
        letter = rf"[^\W\d_{unspaced()}][{combining()}]*"
        # Without digits if each is a piece of its own. Possessive: the two classes are disjoint, so nothing is retried.
        digits = r"\d" if policy.digits == "split" else ""
        word = rf"(?:[^\W{digits}{unspaced()}]++|[{combining()}]++)++"
        alternatives.append(rf"[{unspaced()}][{combining()}]*")
        if policy.unknown == "unk":
            alternatives.append(re.escape(UNKNOWN))
        alternatives += [rf"(?:{letter}\.){{2,}}(?![\w{combining()}])", rf"{word}(?:['’]{word})*", r"\S"]
    else:
        digits = r"\d" if policy.digits == "split" else ""
        alternatives.append(rf"[^\s{digits}{marks}]+")
    return re.compile(rf"((?: (?=\S))?)({'|'.join(alternatives)})")
