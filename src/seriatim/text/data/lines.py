"""What the lines of a text say about how it should be divided: a list that is cut by position tests on other items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from seriatim.text.data.corpus import Document, folded

_LEAST = 50  # lines from which anything is said
_MOST = 200_000  # lines of a split that are read
_IN_ORDER = 0.98  # share of neighbours in order that makes a list sorted
_WORDS = 3  # most words of an item
_LONGEST = 40  # most characters of one
_DISTINCT = 0.5  # least share of different lines of a list
_ITEMS = 0.95  # share of lines that are such short ones
_SHARED = 0.2  # share of held-out lines that training has, from which it is said
_SHOWN = 24  # characters of a line shown


def itemised(document: Document) -> bool:
    """Whether a text is a list of words or names, one on each line, without empty lines.

    Example:
        >>> names = [f"{name} {other}" for name in ("Ada", "Alan", "Grace", "Kurt", "John") for other in "ABCDEFGHIJ"]
        >>> itemised(Document.of("names", "\\n".join(names)))
        True
    """
    lines = list(_lines((document,)))
    return len(lines) >= _LEAST and _short_ones(lines)


def _short_ones(lines: Sequence[str]) -> bool:
    """Whether nearly all are short and hold a letter, none is empty, and most are there once."""
    short = sum(len(line.split()) <= _WORDS and len(line) <= _LONGEST and any(map(str.isalpha, line)) for line in lines)
    return short >= _ITEMS * len(lines) and all(lines) and len(set(lines)) >= _DISTINCT * len(lines)


def remark(splits: Mapping[str, Sequence[Document]]) -> str:
    """What to tell of documents that were cut by position; empty if their lines look like prose.

    Sorted lists, lists of short items, and held-out lines that are also in training are told, with the option that
    divides by line.
    """
    train = list(_lines(splits.get("train", ())))
    if len(train) < _LEAST:
        return ""
    full = [line for line in train if line]
    found: list[str] = []
    for side in ("test", "validation"):
        held = [folded(line) for line in _lines(splits.get(side, ())) if line]
        known = set(map(folded, full)) if held else set[str]()
        shared = sum(line in known for line in held)
        if held and shared >= _SHARED * len(held):
            found.append(f"{shared:,} of {len(held):,} lines of the {side} split are also in training")
    items = _short_ones(train)
    keys = [folded(line) for line in full]
    if items and sum(a <= b for a, b in pairwise(keys)) >= _IN_ORDER * (len(keys) - 1) and len(set(keys)) > 1:
        found.insert(0, f"the lines are sorted, so training ends at {_short(full[-1])} and the rest comes after it")
    elif items:
        found.insert(0, "it looks like a list of short lines, cut here by position")
    if not found:
        return ""
    said = "; ".join(found)
    return f"{said[0].upper()}{said[1:]}: to hold out whole lines at random, give --text.separator '\\n'."


def _lines(documents: Iterable[Document]) -> Iterator[str]:
    """The lines of the documents, stripped; blank ones are empty. `_MOST` at most."""
    count = 0
    for document in documents:
        held = ""
        for block in document.blocks():
            *whole, held = (held + block).split("\n")
            for line in whole:
                yield line.strip()
                count += 1
                if count == _MOST:
                    return
        if held.strip():
            yield held.strip()


def _short(line: str) -> str:
    return repr(line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…")
