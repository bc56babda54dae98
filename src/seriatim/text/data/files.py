"""Text files as documents."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from seriatim.data import scratch
from seriatim.data.decoding import COMPRESSED, _encoding, decode, read_bytes, rejoin, text_blocks
from seriatim.errors import UserError
from seriatim.text.data.corpus import Document
from seriatim.text.options import unescape


def part_blocks(path: Path, name: str, start: int, stop: int) -> Iterator[str]:
    """The text in a range of bytes of a plain UTF-8 file."""
    return rejoin(decode(read_bytes(path, name, start, stop), "utf-8", name, start))


def plain(path: Path, encoding: str, name: str) -> Path:
    """The same text as a file of uncompressed UTF-8 without a mark, to read byte ranges in any order.

    The file itself if possible, else a temporary copy.
    """
    head = next(read_bytes(path, name, 0, 64), b"")
    if path.suffix.lower() not in COMPRESSED and codecs.lookup(_encoding(head, encoding, name)).name == "utf-8":
        return path
    return scratch.keep((block.encode() for block in text_blocks(path, encoding, name)), name)


def file_document(path: Path, encoding: str, name: str) -> Document:
    """A file as one document."""
    return Document(name, partial(text_blocks, path, encoding, name))


def split_file(path: Path, encoding: str, name: str, separator: str) -> Iterator[Document]:
    """A file as the documents between separators; blank ones are left out."""
    path = plain(path, encoding, name)
    mark = unescape(separator).encode()
    spans = list(_spans(path, name, mark))
    if len(spans) == 1:
        raise UserError(
            f"{name}: --text.separator {_shown(separator)} does not occur: leave it out to read the file as one "
            f"document, or {_advice(path, name, separator)}"
        )
    for number, (start, stop) in enumerate(spans, start=1):
        document = Document(f"{name}#{number}", partial(part_blocks, path, name, start, stop))
        if not document.measure.blank:
            yield document


def line_end(text: str) -> str:
    """What the lines of a text end with."""
    return "\r\n" if "\r\n" in text else "\r" if "\r" in text and "\n" not in text else "\n"


def _shown(separator: str) -> str:
    """A separator as it is typed."""
    return "'" + separator.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t") + "'"


def _advice(path: Path, name: str, separator: str) -> str:
    """What to give instead, by how the file's lines end."""
    end, typed = line_end(next(read_bytes(path, name), b"").decode("latin-1")), unescape(separator)
    if end != "\n" and "\n" in typed and "\r" not in typed:
        return f"give {_shown(typed.replace(chr(10), end))}, as its lines end in {_shown(end)[1:-1]}"
    return "give the one that the file has"


def _spans(path: Path, name: str, mark: bytes) -> Iterator[tuple[int, int]]:
    start = 0  # of the current piece, in the file
    base, held = 0, b""  # bytes not yet searched for the separator, and their offset
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
