"""The default space between two pieces of text, which needs no symbol.

Pieces have sides: a word or sign is PLAIN; `,` and `)` CLOSE, with no space on the left; `(` and a case mark OPEN, with
no space on the right; `-`, `/` and the letters of scripts without spaces are TIGHT on both sides; straight quotes open
and close alternately, restarting on each line. There is one space between two pieces, unless one of them has none on
that side or is white space itself.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from typing import Final, final

from seriatim.text.tokenizers.casing import MARKS
from seriatim.text.tokenizers.policy import Policy
from seriatim.text.tokenizers.script import is_unspaced

JOIN: Final = ""
"""The piece without text: no space here."""

# Plain ints: they index a table for each piece of a text, and enum members are slow at that.
_EDGE, _PLAIN, _OPEN, _CLOSE, _TIGHT, _QUOTE, _DIGIT = range(7)
_SPACE_BEHIND = (_PLAIN, _CLOSE, _QUOTE, _DIGIT)
_SPACE_BEFORE = (_PLAIN, _OPEN, _QUOTE, _DIGIT)
_SPACED = tuple(
    tuple(left in _SPACE_BEHIND and right in _SPACE_BEFORE and (left, right) != (_DIGIT, _DIGIT) for right in range(7))
    for left in range(7)
)

_BY_CATEGORY = {"Ps": _OPEN, "Pi": _OPEN, "Sc": _OPEN, "Pe": _CLOSE, "Pf": _CLOSE, "Po": _CLOSE, "Pd": _TIGHT}
_BY_CHARACTER = {
    **dict.fromkeys("#¿¡'", _OPEN),  # ' inside a word is part of it: the rest are mostly as in 'tis
    **dict.fromkeys("/\\@", _TIGHT),
    **dict.fromkeys("&*", _PLAIN),
    '"': _QUOTE,
}


def _side(character: str) -> int:
    """The side of a character of prose."""
    if character in _BY_CHARACTER:
        return _BY_CHARACTER[character]
    category = unicodedata.category(character)
    if is_unspaced(character):
        return _TIGHT
    # The full-width punctuation of Chinese and Japanese includes its space.
    wide = category.startswith("P") and unicodedata.east_asian_width(character) in "WF"
    return _TIGHT if wide else _BY_CATEGORY.get(category, _PLAIN)


@final
class Sides(dict[str, int]):
    """The side of each character under a policy, computed on first use."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(dict.fromkeys(MARKS, _OPEN) if policy.casing == "mark" else {})
        self._policy = policy

    def __missing__(self, character: str) -> int:
        if character.isspace():
            side = _EDGE
        elif self._policy.digits == "split" and character.isdecimal():
            side = _DIGIT
        else:
            side = _side(character) if self._policy.punctuation == "separate" else _PLAIN
        self[character] = side
        return side


@final
class Spacing:
    """Follows the text piece by piece; shared by encoding and decoding, so that they agree."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._left = _EDGE
        self._quoted = False

    def step(self, piece: str) -> bool:
        """Whether there is a space before this piece by default; advances past it."""
        sides = self._sides
        right = sides[piece[0]]
        if right == _QUOTE:
            right = _CLOSE if self._quoted else _OPEN
            self._quoted = not self._quoted
            spaced = _SPACED[self._left][right]
            self._left = right
            return spaced
        if right == _EDGE and "\n" in piece:
            self._quoted = False
        spaced = _SPACED[self._left][right]
        self._left = sides[piece[-1]]
        return spaced


@final
class Prefix(str):
    """A piece with no space after it, whatever follows."""

    __slots__ = ()


@final
class Suffix(str):
    """A piece with no space before it."""

    __slots__ = ()


@final
class SpacedPieces:
    """Renders pieces with their spaces; a run of byte symbols is one piece."""

    def __init__(self, table: Sequence[str | bytes], sides: Sides) -> None:
        self._table = table
        self._sides = sides
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._spacing = Spacing(sides)
        self._joined = False
        self._in_run = False

    def push(self, symbol: int, /) -> str:
        """Return the piece and the space before it; the space after it belongs to the next."""
        entry = self._table[symbol]
        if isinstance(entry, bytes):
            return self._spelled(self._utf8.decode(entry))
        rest = self._end_of_run()
        if entry == JOIN:
            self._joined = True
            return rest
        self._joined |= isinstance(entry, Suffix)
        text = rest + self._placed(entry)
        self._joined = isinstance(entry, Prefix)
        return text

    def flush(self) -> str:
        """End an incomplete character and forget the previous piece."""
        rest = self._end_of_run()
        self._spacing = Spacing(self._sides)
        self._joined = False
        return rest

    def _placed(self, piece: str) -> str:
        spaced = self._spacing.step(piece) and not self._joined
        self._joined = False
        return f" {piece}" if spaced else piece

    def _spelled(self, text: str) -> str:
        if text and not self._in_run:
            self._in_run = True
            return self._placed(text[0]) + self._spelled(text[1:])
        for character in text:
            self._spacing.step(character)
        return text

    def _end_of_run(self) -> str:
        rest = self._spelled(self._utf8.decode(b"", True))
        self._in_run = False
        return rest
