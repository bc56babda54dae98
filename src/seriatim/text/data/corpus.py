"""Training data for models of text: documents, read block by block, in named splits."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from seriatim.data.decoding import rejoin

SOURCE = "source"
"""The condition that is itself a text: a sentence to translate, a word to pronounce."""


_WORD = 2**12  # characters of the longest word


@dataclass(frozen=True)
class Measure:
    """The results of one pass over a text."""

    characters: int
    digest: str
    """sha256 of the text in UTF-8."""
    blank: bool
    """Whether the text is only white space."""
    key: str
    """sha256 of the text but for Unicode form, case and white space: texts with the same key are copies."""

    @classmethod
    def of(cls, blocks: Iterable[str]) -> Measure:
        """Measure a text by reading all of it."""
        characters, blank, digest, key = 0, True, hashlib.sha256(), hashlib.sha256()
        held = ""  # the last word of a block may go on in the next
        for block in blocks:
            characters += len(block)
            blank = blank and not block.strip()
            digest.update(block.encode())
            held += block
            if held[-1:].isspace():
                key.update(_spaced(held))
                held = ""
            elif " " in held[-_WORD:] or "\n" in held[-_WORD:]:
                *whole, held = held.rsplit(None, 1)
                key.update(_spaced("".join(whole)))
            elif len(held) > _WORD:  # a script without spaces
                key.update(_spaced(held)[:-1])
                held = ""
        key.update(_spaced(held))
        return cls(characters, digest.hexdigest(), blank, key.hexdigest())


def folded(text: str) -> str:
    """A text without what copies differ in: Unicode form, case, line ends and other runs of white space."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


def _spaced(text: str) -> bytes:
    """Folded, with a space after every word, so that blocks can be joined."""
    plain = folded(text)
    return f"{plain} ".encode() if plain else b""


@dataclass(frozen=True, eq=False)
class Document:
    """One text, read block by block, so that a large file is never in memory as a whole."""

    name: str
    """Name for messages: "poems.jsonl:17", "novel.txt"."""
    blocks: Callable[[], Iterator[str]]
    """Reads the text from its start in blocks of about 1 MiB, cut after a newline if possible."""
    given: Mapping[str, str | float | None] = field(default_factory=dict[str, str | float | None])
    """The conditions by name; None if the record lacks the field."""
    known: Measure | None = field(default=None, repr=False)
    """The measure, if the text has already been read."""

    def text(self) -> str:
        """The whole text in memory."""
        return "".join(self.blocks())

    @cached_property
    def measure(self) -> Measure:
        """Length, digest and blankness; reading the text once also finds errors in the file."""
        return self.known or Measure.of(self.blocks())

    @classmethod
    def of(cls, name: str, text: str, given: Mapping[str, str | float | None] | None = None) -> Document:
        """A document in memory."""
        return cls(name, partial(rejoin, (text,)), given or {}, Measure.of((text,)))

    def section(self, start: int, stop: int) -> Document:
        """The characters `start` to `stop` − 1, still read block by block."""
        return Document(f"{self.name}[{start}:{stop}]", partial(_section, self, start, stop), self.given)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents in splits, with a fingerprint and a note."""

    name: str
    splits: Mapping[str, Sequence[Document]]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 of the documents and their division: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution and caveats, in sentences."""

    @property
    def paired(self) -> bool:
        """Whether the texts have sources."""
        return paired(self.splits.get("train", ()))


def paired(documents: Iterable[Document]) -> bool:
    """Whether any of them has a source."""
    return any(SOURCE in document.given for document in documents)


def sources_of(documents: Iterable[Document]) -> Iterator[str]:
    """The sources of the documents that have one."""
    found = (document.given.get(SOURCE) for document in documents)
    return (str(source) for source in found if source is not None)


def content(documents: Iterable[Document]) -> tuple[object, ...]:
    """The parts of documents in a fingerprint: names, texts and conditions."""
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
