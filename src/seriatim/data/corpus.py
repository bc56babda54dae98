"""What the package trains text models on: documents, read block by block, in named splits."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from seriatim.errors import UserError

SOURCE = "source"
"""The condition that is itself a text, which the text is written for: a sentence to translate, a word to pronounce."""

BLOCK = 1 << 20
"""Characters (or bytes) that are read at a time."""


@dataclass(frozen=True)
class TextOptions:
    """How own text is read and divided."""

    field: str | None = None
    """The field of a JSON or JSONL record, or the column of a TSV, that holds the text; none: text, or the second
    column."""
    given: tuple[str, ...] = ()
    """Fields of a JSON or JSONL record that the text is conditioned on."""
    source: str | None = None
    """What each text is written for: a field of a record, a column of a TSV, or a file of as many lines as the data."""
    encoding: str = "utf-8"
    """The encoding of the files; a byte order mark in a file wins over it."""
    validation: float = 0.1
    """The share held out for validation; 0 for none."""
    test: float = 0.1
    """The share held out for the test; 0 for none."""
    seed: int = 0
    """Which documents fall in which split."""
    separator: str | None = None
    r"""Divides a text file into documents, such as "\n\n" or "\n***\n"; \n, \t, \r and \\ are understood."""
    limit: int | None = None
    """Use the first so many documents only (of a named data set: of each of its splits)."""

    def __post_init__(self) -> None:
        for name, share in (("validation", self.validation), ("test", self.test)):
            if not 0 <= share < 1:
                raise UserError(f"--data.{name} is {share}, but a share from 0 to below 1 is wanted: give e.g. 0.1")
        if self.validation + self.test >= 1:
            raise UserError(
                f"--data.validation {self.validation} and --data.test {self.test} leave nothing to train on: "
                "give shares whose sum is below 1"
            )
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--data.limit is {self.limit}, but a number of documents is wanted: give 1 or more")
        if self.separator == "":
            raise UserError(r"--data.separator is empty, but a text between documents is wanted: give e.g. '\n\n'")
        try:
            "".encode(self.encoding)
            codecs.getincrementaldecoder(self.encoding)
        except LookupError:
            raise UserError(
                f"--data.encoding is {self.encoding!r}, but a text encoding that Python knows is wanted: "
                "give e.g. utf-8, latin-1 or utf-16"
            ) from None


@dataclass(frozen=True)
class Measure:
    """What one pass over a text finds."""

    characters: int
    digest: str
    """sha256 of the text in UTF-8: equal texts have equal digests."""
    blank: bool
    """Nothing but white space."""

    @classmethod
    def of(cls, blocks: Iterable[str]) -> Measure:
        """Measure a text, read to its end."""
        characters, blank, digest = 0, True, hashlib.sha256()
        for block in blocks:
            characters += len(block)
            blank = blank and not block.strip()
            digest.update(block.encode())
        return cls(characters, digest.hexdigest(), blank)


@dataclass(frozen=True, eq=False)
class Document:
    """One text, read block by block, so that a file larger than memory is never in memory."""

    name: str
    """Where it came from, for messages: "poems.jsonl:17", "novel.txt"."""
    blocks: Callable[[], Iterator[str]]
    """Reads the text from its start: blocks of about 1 MiB, cut after a newline where there is one."""
    given: Mapping[str, str | float | None] = field(default_factory=dict[str, str | float | None])
    """The fields asked for as conditions; None where the record lacks the field."""
    known: Measure | None = field(default=None, repr=False)
    """The measure, if whoever made the document has already read the text."""

    def text(self) -> str:
        """The whole text in memory."""
        return "".join(self.blocks())

    @cached_property
    def measure(self) -> Measure:
        """Length, digest and blankness: read once, which also finds what is wrong with the file."""
        return self.known or Measure.of(self.blocks())

    @classmethod
    def of(cls, name: str, text: str, given: Mapping[str, str | float | None] | None = None) -> Document:
        """A document held in memory."""
        return cls(name, partial(rejoin, (text,)), given or {}, Measure.of((text,)))

    def section(self, start: int, stop: int) -> Document:
        """The characters from `start` to before `stop`, still read block by block."""
        return Document(f"{self.name}[{start}:{stop}]", partial(_section, self, start, stop), self.given)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents in splits, and what a later run must know about them."""

    name: str
    splits: Mapping[str, Sequence[Document]]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 over the documents and how they were divided: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution and caveats, in sentences."""

    @property
    def paired(self) -> bool:
        """Whether its texts have sources."""
        return paired(self.splits.get("train", ()))


def paired(documents: Iterable[Document]) -> bool:
    """Whether any of them has a source."""
    return any(SOURCE in document.given for document in documents)


def sources_of(documents: Iterable[Document]) -> Iterator[str]:
    """What documents are written for, of those that have it."""
    found = (document.given.get(SOURCE) for document in documents)
    return (str(source) for source in found if source is not None)


def fingerprint(*parts: object) -> str:
    """sha256 over the representations of `parts`: plain values and tuples of them."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def content(documents: Iterable[Document]) -> tuple[object, ...]:
    """What a fingerprint takes from documents: names, texts and conditions."""
    return tuple((d.name, d.measure.digest, tuple(sorted(d.given.items()))) for d in documents)


def rejoin(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in blocks of about 1 MiB that end after a newline where there is one.

    A line longer than a block is cut inside: the block ends where the memory set aside for it does.
    """
    rest = ""
    for piece in pieces:
        rest += piece
        start = 0
        while len(rest) - start >= BLOCK:
            newline = rest.rfind("\n", start, start + BLOCK)
            stop = newline + 1 if newline >= 0 else start + BLOCK
            yield rest[start:stop]
            start = stop
        rest = rest[start:]
    if rest:
        yield rest


def _section(document: Document, start: int, stop: int) -> Iterator[str]:
    position = 0
    for block in document.blocks():
        if position >= stop:
            return
        piece = block[max(start - position, 0) : stop - position]
        if piece:
            yield piece
        position += len(block)
