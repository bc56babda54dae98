"""Pairs of texts: a source and a target. A document is the target; its source is a condition.

- a TSV file: the source in the first column, the target in the second, or in columns given by name or number;
- two parallel text files: the data are the targets, `--text.source` is the file of sources;
- JSON and JSONL (`records`): two fields of each object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path

from seriatim.data.bad import Bad
from seriatim.data.decoding import text_blocks
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE, Document
from seriatim.text.options import TextOptions

_PEEKED, _FEW = 20, 3  # lines looked at to tell a header, and fewest of them
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")

HEADING = ("source", "target")
"""Default names of the columns."""


def table_pairs(path: Path, options: TextOptions, name: str, bad: Bad) -> Iterator[Document]:
    """A pair per non-blank line of a TSV file; further columns are ignored."""
    columns: tuple[int, int] | None = None
    numbered_lines = enumerate(lines(path, options.encoding, name), start=1)
    every = ((number, line.split("\t")) for number, line in numbered_lines if line.strip(" "))
    first = list(islice(every, 1 + _PEEKED))
    for number, cells in chain(first, every):
        if columns is None:
            columns, heading = _columns(cells, [row for _, row in first[1:]], options, f"{name}:{number}")
            if heading:
                continue
        pair = bad.attempt(_pair, cells, columns, f"{name}:{number}")
        if pair is not None:
            yield Document.of(f"{name}:{number}", pair[1], {SOURCE: pair[0]})


def _pair(cells: Sequence[str], columns: tuple[int, int], place: str) -> tuple[str, str]:
    if len(cells) <= max(columns):
        raise UserError(
            f"{place}: {len(cells)} columns; expected {max(columns) + 1} separated by tabs: "
            "correct the line, or choose columns with --text.source and --text.field"
        )
    return cells[columns[0]].strip(), cells[columns[1]].strip()


def _columns(
    first: Sequence[str], others: Sequence[Sequence[str]], options: TextOptions, place: str
) -> tuple[tuple[int, int], bool]:
    """The columns of source and target, and whether the first line is a header; `others`: the next lines.

    It is one if it has both default names, in any order, or if a column is chosen by name. If it is one by its look, or
    a column of three or more counts the lines, the columns must be chosen.
    """
    names = [cell.strip().lower() for cell in first]
    asked = (("source", options.source), ("field", options.field))
    heading = set(HEADING) <= set(names) or any(word is not None and not numbered(word) for _, word in asked)
    at = [_column(names, word, option, place) for option, word in asked]
    for i, usual in enumerate((HEADING[:1], (*HEADING[1:], "text"))):  # unless chosen, it has its default name,
        other = at[1 - i]
        if at[i] is None:  # or is the other of two, or the first or the second
            known = [names.index(name) for name in usual if name in names] if heading else []
            left = [1 - other] if len(names) == 2 and other in (0, 1) else []
            at[i] = next(iter([*known, *left, *([] if heading else [i])]), None)
    source, target = at
    doubtful = not heading and asked == (("source", None), ("field", None)) and _doubtful(first, others)
    if source is None or target is None or source == target or doubtful:
        raise UserError(
            f"{place}: it is not clear which of the columns {', '.join(first)} are source and target: give names, "
            "or numbers from 1, with --text.source and --text.field"
        )
    return (source, target), heading


def _doubtful(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether the first line looks like a header, or the first of three columns or more is a number for each line."""
    whole = [row for row in others if len(row) == len(first)]
    if len(whole) < _FEW:
        return False

    def numeric(column: int) -> bool:
        return all(_NUMBER.fullmatch(row[column].strip()) for row in whole)

    if any(numeric(i) and not _NUMBER.fullmatch(cell.strip()) for i, cell in enumerate(first)):
        return True
    return len(first) > 2 and numeric(0) and len({row[0] for row in whole}) == len(whole)


def numbered(word: str) -> bool:
    """Whether a word is a column number, from 1."""
    return word.isdecimal() and word.isascii() and int(word) > 0


def _column(names: Sequence[str], word: str | None, option: str, place: str) -> int | None:
    if word is None or numbered(word):
        return None if word is None else int(word) - 1
    if word.lower() not in names:
        raise UserError(
            f"{place}: no column {word!r} in the header, which has {', '.join(names)}: give a name, or a number "
            f"from 1, with --text.{option}"
        )
    return names.index(word.lower())


def line_pairs(path: Path, options: TextOptions, name: str) -> Iterator[Document]:
    """A pair per line of two text files with the same number of lines."""
    other = Path(options.source or "")
    both = zip_longest(lines(path, options.encoding, name), lines(other, options.encoding, str(other)))
    for number, (target, source) in enumerate(both, start=1):
        if target is None or source is None:
            counts = [sum(1 for _ in lines(file, options.encoding, str(file))) for file in (path, other)]
            raise UserError(
                f"{name} has {counts[0]:,} lines but {other} has {counts[1]:,}: line n of one must correspond to line "
                "n of the other"
            )
        yield Document.of(f"{name}:{number}", target.strip(), {SOURCE: source.strip()})


def lines(path: Path, encoding: str, name: str) -> Iterator[str]:
    """The lines of a text file, without line breaks."""
    rest = ""
    for block in text_blocks(path, encoding, name):
        *whole, rest = (rest + block).split("\n")
        yield from (line.removesuffix("\r") for line in whole)
    if rest:
        yield rest


def empty(document: Document) -> bool:
    """Whether the target, or the source of a pair, is blank."""
    source = document.given.get(SOURCE, "-")
    return document.measure.blank or (isinstance(source, str) and not source.strip())
