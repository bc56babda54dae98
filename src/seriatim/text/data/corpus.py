"""What the package trains text models on: documents, read block by block, in named splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from seriatim.data.decoding import rejoin

SOURCE = "source"
"""The condition that is itself a text, which the text is written for: a sentence to translate, a word to pronounce."""


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


def content(documents: Iterable[Document]) -> tuple[object, ...]:
    """What a fingerprint takes from documents: names, texts and conditions."""
    return tuple((d.name, d.measure.digest, tuple(sorted(d.given.items()))) for d in documents)


def _section(document: Document, start: int, stop: int) -> Iterator[str]:
    position = 0
    for block in document.blocks():
        if position >= stop:
            return
        piece = block[max(start - position, 0) : stop - position]
        if piece:
            yield piece
        position += len(block)
