"""From the bytes of a file to blocks of text, with every way that can fail named."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from seriatim.data import scratch
from seriatim.data.decoding import COMPRESSED, _encoding, decode, read_bytes, rejoin, text_blocks
from seriatim.errors import UserError
from seriatim.text.data.corpus import Document


def part_blocks(path: Path, name: str, start: int, stop: int) -> Iterator[str]:
    """The text in a stretch of bytes of a plain UTF-8 file."""
    return rejoin(decode(read_bytes(path, name, start, stop), "utf-8", name, start))


def plain(path: Path, encoding: str, name: str) -> Path:
    """A file with the same text as uncompressed UTF-8 without a mark: byte ranges of it can be read in any order.

    The file itself where it is one already, else a temporary copy.
    """
    head = next(read_bytes(path, name, 0, 64), b"")
    if path.suffix.lower() not in COMPRESSED and codecs.lookup(_encoding(head, encoding, name)).name == "utf-8":
        return path
    return scratch.keep((block.encode() for block in text_blocks(path, encoding, name)), name)


def file_document(path: Path, encoding: str, name: str) -> Document:
    """One file as one document."""
    return Document(name, partial(text_blocks, path, encoding, name))


def split_file(path: Path, encoding: str, name: str, separator: str) -> Iterator[Document]:
    """One file as the documents between separators; those with nothing but white space are left out."""
    path = plain(path, encoding, name)
    mark = _unescape(separator).encode()
    spans = list(_spans(path, name, mark))
    if len(spans) == 1:
        raise UserError(
            f"{name}: --text.separator {separator!r} does not occur in it: leave it out to read the file as one "
            "document, or look at how the file divides its texts (lines may end in \\r\\n)"
        )
    for number, (start, stop) in enumerate(spans, start=1):
        document = Document(f"{name}#{number}", partial(part_blocks, path, name, start, stop))
        if not document.measure.blank:
            yield document


def _spans(path: Path, name: str, mark: bytes) -> Iterator[tuple[int, int]]:
    start = 0  # of the piece in hand, in the file
    base, held = 0, b""  # bytes not yet searched for the whole mark, and where they begin
    for chunk in read_bytes(path, name):
        held += chunk
        seen = 0
        while (found := held.find(mark, seen)) >= 0:
            yield start, base + found
            seen = found + len(mark)
            start = base + seen
        drop = max(seen, len(held) - len(mark) + 1)
        base, held = base + drop, held[drop:]
    yield start, base + len(held)


def _unescape(separator: str) -> str:
    halves = separator.split("\\\\")
    return "\\".join(h.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r") for h in halves)
