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


@cache
def _word_character() -> re.Pattern[str]:
    return re.compile(rf"[\w{combining()}]")


def is_word(character: str) -> bool:
    """Whether the character can be part of a word."""
    return _word_character().match(character) is not None
