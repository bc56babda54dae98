"""The characters of words: Python's `\\w` and the combining marks.

`\\w` excludes combining marks, such as the vowel signs of the Indic scripts and the accents of decomposed (NFD) text:
words would be split at each of them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import chain

# Where Unicode has combining marks: planes 0 and 1, and the variation selectors far beyond. Checking only these takes
# 10 ms, all of Unicode ten times as long.
_PLACES = (range(0x300, 0x1F000), range(0xE0100, 0xE01F0))


@cache
def combining() -> str:
    """All combining marks as ranges, for use between the brackets of a character class."""
    ranges: list[list[int]] = []
    for code in chain(*_PLACES):
        if unicodedata.category(chr(code)).startswith("M"):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


# Scripts that put no spaces between words: Thai, Lao, Myanmar, Khmer, Hiragana (and 々, 〇), Han.
_UNSPACED = (
    *(range(0xE01, 0xE60), range(0xE81, 0xEE0), range(0x1000, 0x10A0), range(0x1780, 0x1800)),
    *(range(0x3005, 0x3008), range(0x3041, 0x30A0), range(0x3400, 0x4DC0), range(0x4E00, 0xA000)),
    *(range(0xA9E0, 0xAA00), range(0xAA60, 0xAA80), range(0xF900, 0xFB00), range(0x20000, 0x323B0)),
)


@cache
def unspaced() -> str:
    """The letters of scripts without spaces between words, as ranges for a character class."""
    ranges: list[list[int]] = []
    for places in _UNSPACED:
        if len(places) > 1000:  # ideographs throughout
            ranges.append([places[0], places[-1]])
            continue
        for code in places:
            if unicodedata.category(chr(code)) in ("Lo", "Lm", "Nl"):
                if ranges and ranges[-1][1] == code - 1:
                    ranges[-1][1] = code
                else:
                    ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


@cache
def _unspaced_character() -> re.Pattern[str]:
    return re.compile(f"[{unspaced()}]")


def is_unspaced(character: str) -> bool:
    """Whether the character is a letter of a script without spaces between words."""
    return _unspaced_character().match(character) is not None


@cache
def _word_character() -> re.Pattern[str]:
    return re.compile(rf"[\w{combining()}]")


def is_word(character: str) -> bool:
    """Whether the character can be part of a word."""
    return _word_character().match(character) is not None
