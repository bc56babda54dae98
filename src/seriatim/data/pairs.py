"""Pairs of texts: a source, and the target that is written for it. A document is the target; its source is a condition.

- a TSV file: the source in the first column, the target in the second, or in columns that are named or numbered;
- two text files, line by line: the data holds the targets, `--data.source` the file of their sources;
- JSON and JSONL (`records`): two fields of each object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from seriatim.data.corpus import SOURCE, Document, TextOptions
from seriatim.data.text import text_blocks
from seriatim.errors import UserError

HEADING = ("source", "target")
"""Names of the columns that are known without being told."""


def table_pairs(path: Path, options: TextOptions, name: str) -> Iterator[Document]:
    """A pair for each line of a TSV file that is not blank; more columns than two are not looked at."""
    columns: tuple[int, int] | None = None
    for number, line in enumerate(lines(path, options.encoding, name), start=1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if columns is None:
            columns, heading = _columns(cells, options, f"{name}:{number}")
            if heading:
                continue
        if len(cells) <= max(columns):
            raise UserError(
                f"{name}:{number}: {len(cells)} columns, where {max(columns) + 1} with tabs between them are wanted: "
                "correct the line, or say which columns with --data.source and --data.field"
            )
        source, target = (cells[column].strip() for column in columns)
        yield Document.of(f"{name}:{number}", target, {SOURCE: source})


def _columns(first: Sequence[str], options: TextOptions, place: str) -> tuple[tuple[int, int], bool]:
    """The columns of source and target, and whether the first line is a heading."""
    names = [cell.strip().lower() for cell in first]
    said = [options.source or "1", "2" if options.field == TextOptions.field else options.field]
    if all(word.isdigit() and int(word) > 0 for word in said):
        if options.source is None and tuple(names[:2]) == HEADING:
            return (0, 1), True
        return (int(said[0]) - 1, int(said[1]) - 1), False
    for option, word in zip(("source", "field"), said, strict=True):
        if word.lower() not in names:
            raise UserError(
                f"{place}: no column {word!r} in the heading, which has {', '.join(first)}: name them, or number them "
                f"from 1, with --data.{option}"
            )
    return (names.index(said[0].lower()), names.index(said[1].lower())), True


def line_pairs(path: Path, options: TextOptions, name: str) -> Iterator[Document]:
    """A pair for each line of two text files; they have as many lines."""
    other = Path(options.source or "")
    both = zip_longest(lines(path, options.encoding, name), lines(other, options.encoding, str(other)))
    for number, (target, source) in enumerate(both, start=1):
        if target is None or source is None:
            counts = [sum(1 for _ in lines(file, options.encoding, str(file))) for file in (path, other)]
            raise UserError(
                f"{name} has {counts[0]:,} lines and {other} {counts[1]:,}, where line n of one belongs to line n of "
                "the other: make them equal"
            )
        yield Document.of(f"{name}:{number}", target.strip(), {SOURCE: source.strip()})


def lines(path: Path, encoding: str, name: str) -> Iterator[str]:
    """The lines of a text file, without their ends."""
    rest = ""
    for block in text_blocks(path, encoding, name):
        *whole, rest = (rest + block).split("\n")
        yield from (line.removesuffix("\r") for line in whole)
    if rest:
        yield rest


def empty(document: Document) -> bool:
    """Whether the target, or the source of a pair, is nothing but white space."""
    source = document.given.get(SOURCE, "-")
    return document.measure.blank or (isinstance(source, str) and not source.strip())
