"""Case as marks: `HE` becomes an upper mark and `he`, `Dr` a cap mark and `dr`.

A reversible stage from string to string, the same for every kind of tokenizer: `He`, `HE` and `he` share their
symbols. A run is made of words linked by single apostrophes or dots (`didn’t`, `U.S.A`); it is marked as a whole, and
only where undoing the mark gives back the very same characters. Anything else stays as it is: `JavaScript`; and `ß`,
`İ`, `ǅ` and a final `ς` keep their form, because no single character is their exact other case. In text that contains
the mark characters themselves, each is preceded by an escape.

A mark applies to the run right after it, or after one space: `before_space` uses the second form.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import cache, lru_cache
from typing import final

from seriatim.text.tokenizers.script import combining, is_word

# Private-use characters: no standard gives them a meaning, and text that has them is escaped.
CAP = "\ue000"
UPPER = "\ue001"
ESCAPE = "\ue002"
MARKS = (CAP, UPPER, ESCAPE)

_LINKS = ".'’"
_ANY_MARK = re.compile(f"[{''.join(MARKS)}]")
_MARK_AFTER_SPACE = re.compile(f" ([{CAP}{UPPER}])")


def mark(text: str) -> str:
    """Lower the case reversibly, with marks: `Restorer` undoes it exactly, for any text."""
    return _runs().sub(_marked, text)


def before_space(marked: str) -> str:
    """Move each mark before the space in front of it, so that ` he` is the same piece whatever its case was."""
    return _MARK_AFTER_SPACE.sub(r"\1 ", marked)


@cache
def _runs() -> re.Pattern[str]:
    word = rf"[\w{combining()}]+"
    return re.compile(rf"{_ANY_MARK.pattern}|{word}(?:[{_LINKS}]{word})*")


def _marked(match: re.Match[str]) -> str:
    return _marked_run(match[0])


@lru_cache(maxsize=1 << 16)
def _marked_run(run: str) -> str:
    if run in MARKS:
        return ESCAPE + run
    lowered = "".join(map(_lower, run))
    if lowered == run:
        return run
    if _upper(lowered[0]) + lowered[1:] == run:
        return CAP + lowered
    if "".join(map(_upper, lowered)) == run:
        return UPPER + lowered
    return run


@lru_cache(maxsize=4096)
def _lower(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 and lower.upper() == character else character


@lru_cache(maxsize=4096)
def _upper(character: str) -> str:
    upper = character.upper()
    return upper if len(upper) == 1 and upper.lower() == character else character


class _Place(Enum):
    """The state of the restorer."""

    PLAIN = auto()
    ESCAPED = auto()  # the next character is itself
    MARKED = auto()  # after a mark, before its run
    SPACED = auto()  # … and one space
    RUN = auto()  # within a run in upper case
    LINKED = auto()  # … after an apostrophe or dot, which links only to a word


@final
class Restorer:
    """Undoes `mark`, piece by piece. Any text is accepted: a mark without a run has no effect."""

    def __init__(self) -> None:
        self._place = _Place.PLAIN
        self._mark = CAP

    def push(self, marked: str) -> str:
        """Take the next characters and return the text that is now final."""
        if self._place is _Place.PLAIN and _ANY_MARK.search(marked) is None:
            return marked
        return "".join(map(self._restored, marked))

    def reset(self) -> None:
        """Return to the start of a text."""
        self._place = _Place.PLAIN

    def _restored(self, character: str) -> str:
        place, self._place = self._place, _Place.PLAIN
        if place is _Place.PLAIN and character not in MARKS:
            return character
        if place is _Place.ESCAPED:
            return character
        if character in MARKS:
            self._place = _Place.ESCAPED if character == ESCAPE else _Place.MARKED
            self._mark = character
            return ""
        if is_word(character):
            if self._mark == UPPER:
                self._place = _Place.RUN
            return _upper(character)
        if character == " " and place is _Place.MARKED:
            self._place = _Place.SPACED
        elif character in _LINKS and place is _Place.RUN:
            self._place = _Place.LINKED
        return character
