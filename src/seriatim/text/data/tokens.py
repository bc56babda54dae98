"""Documents as one long sequence of symbols, in memory or memory-mapped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers
from seriatim.symbols.given import encode_given
from seriatim.text.data.corpus import Document
from seriatim.text.tokenizers import Tokenizer

_IN_MEMORY = 2**26  # symbols; more are kept in a file


@final
@dataclass(frozen=True)
class Tokens:
    """A tokenised split.

    Attributes:
        symbols: (N,) all documents, each followed by `<end>`; uint16 or uint32, possibly memory-mapped.
        bounds: (D + 1,) document d is symbols[bounds[d] : bounds[d + 1]].
        given: {condition: (D,) encoded values, −1 or NaN if missing; `Ragged` for texts}.
        characters: (D,) lengths of the (truncated) texts.
        bytes: (D,) lengths of the (truncated) texts in UTF-8.
        names: names of the documents, for messages.
    """

    symbols: NDArray[Any]
    bounds: NDArray[np.int64]
    given: Mapping[str, NDArray[Any] | Ragged]
    characters: NDArray[np.int64]
    bytes: NDArray[np.int64]
    names: Sequence[str]

    @property
    def documents(self) -> int:
        """Number of documents."""
        return len(self.bounds) - 1

    def document(self, d: int) -> NDArray[np.int64]:
        """The symbols of one document."""
        return np.asarray(self.symbols[self.bounds[d] : self.bounds[d + 1]], dtype=np.int64)


def encode_text(value: str | float | None, codec: Tokenizer) -> NDArray[np.int64]:
    """Encode a condition that is a text, with `<end>`; empty if missing."""
    return np.zeros(0, np.int64) if value is None else np.append(codec.encode(str(value)), codec.end)


def tokenize(
    documents: Iterable[Document],
    tokenizer: Tokenizer,
    conditions: Mapping[str, Labels | Numbers | Tokenizer] | None = None,
    *,
    truncate: int | None = None,
    folder: Path | None = None,
    strict_given: bool = True,
) -> Tokens:
    """Encode documents, each followed by `<end>`.

    Args:
        documents: read block by block.
        tokenizer: the tokenizer.
        conditions: codecs of the conditions.
        truncate: keep the first n symbols of each document; a truncated one has no `<end>`, since its end is not seen.
        folder: where to keep symbols that exceed memory.
        strict_given: whether an unknown value is an error; otherwise it is missing.

    Raises:
        UserError: if there is nothing to encode.
    """
    kind = np.uint16 if tokenizer.size <= 2**16 else np.uint32
    bounds, characters, sizes, names = [0], [], [], []
    given: dict[str, list[Any]] = {name: [] for name in conditions or {}}
    with _Row(kind, folder) as row:
        for document in documents:
            count, chars, size = _append(row, document, tokenizer, truncate)
            bounds.append(bounds[-1] + count)
            characters.append(chars)
            sizes.append(size)
            names.append(document.name)
            for name, codec in (conditions or {}).items():
                given[name].append(_condition(document, name, codec, strict_given))
        if not names:
            raise UserError("there are no documents; give some text")
    return Tokens(
        row.symbols(),
        np.array(bounds, dtype=np.int64),
        {name: _column(values, (conditions or {})[name]) for name, values in given.items()},
        np.array(characters, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
        names,
    )


class _Row:
    """A growing sequence of symbols, in memory, or in a file once it is long."""

    def __init__(self, kind: type[Any], folder: Path | None) -> None:
        self.kind, self.folder = kind, folder
        self._parts: list[NDArray[Any]] = []
        self._held = 0
        self._sink: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._sink is not None:
            if self._parts:
                np.concatenate(self._parts).tofile(self._sink)
            self._sink.close()

    def add(self, ids: NDArray[Any], name: str) -> None:
        """Append symbols of the document `name`."""
        self._parts.append(ids.astype(self.kind))
        self._held += len(ids)
        if self._held > _IN_MEMORY and self.folder is not None:
            if self._sink is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                path = self.folder / f"tokens-{hashlib.sha256(name.encode()).hexdigest()[:12]}.bin"
                self._sink = path.open("wb")
            np.concatenate(self._parts).tofile(self._sink)
            self._held, self._parts = 0, []

    def symbols(self) -> NDArray[Any]:
        """All symbols, once complete."""
        if self._sink is None:
            return np.concatenate(self._parts)
        return np.memmap(self._sink.name, dtype=self.kind, mode="r")


def _append(row: _Row, document: Document, tokenizer: Tokenizer, truncate: int | None) -> tuple[int, int, int]:
    """Encode a document; returns the number of its symbols, characters and bytes."""
    count, chars, size = 0, 0, 0
    for block, ids in tokenizer.encode_blocks(document.blocks()):
        if truncate is not None and count >= truncate:
            break
        if truncate is not None and len(ids) > truncate - count:
            ids = ids[: truncate - count]
            block = tokenizer.decode(ids)  # the rest of it
        chars += len(block)
        size += len(block.encode())
        row.add(ids, document.name)
        count += len(ids)
    if truncate is None or count < truncate:
        row.add(np.array([tokenizer.end]), document.name)
        count += 1
    return count, chars, size


def _condition(document: Document, name: str, codec: Labels | Numbers | Tokenizer, strict: bool) -> Any:
    """Encode a condition of a document; an unknown value is an error, or missing."""
    value = document.given.get(name)
    if isinstance(codec, Tokenizer):
        return encode_text(value, codec)
    try:
        return encode_given(value, codec, document.name)
    except UserError:
        if strict:
            raise
        return encode_given(None, codec, document.name)


def _column(values: list[Any], codec: Labels | Numbers | Tokenizer) -> NDArray[Any] | Ragged:
    if isinstance(codec, Tokenizer):
        return Ragged(values)
    return np.array(values, dtype=np.int64 if isinstance(codec, Labels) else np.float64)
