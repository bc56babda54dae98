"""From the bytes of a file to blocks of text, with every way that can fail named."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from seriatim.data import scratch
from seriatim.data.corpus import BLOCK, Document, rejoin
from seriatim.errors import UserError

COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ARCHIVE = "unpack it first"
_COMPRESSED = "give it its ending back ({})"
_OTHER = "give a text file"
_MAGIC = (
    (b"\x89PNG\r\n", "a PNG image", _OTHER),
    (b"\xff\xd8\xff", "a JPEG image", _OTHER),
    (b"GIF87a", "a GIF image", _OTHER),
    (b"GIF89a", "a GIF image", _OTHER),
    (b"OggS\0", "Ogg audio", _OTHER),
    (b"fLaC\0", "FLAC audio", _OTHER),
    (b"ID3\x03", "MP3 audio", "convert it to WAV or FLAC first"),
    (b"ID3\x04", "MP3 audio", "convert it to WAV or FLAC first"),
    (b"\xff\xfb", "MP3 audio", "convert it to WAV or FLAC first"),
    (b"\xff\xf3", "MP3 audio", "convert it to WAV or FLAC first"),
    (b"%PDF-", "a PDF document", "save its text as .txt first"),
    (b"PK\x03\x04", "a zip archive (or an office document)", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", "zstandard data", _ARCHIVE),
    (b"\x1f\x8b\x08", "gzip data", _COMPRESSED.format(".gz")),
    (b"BZh91AY&SY", "bzip2 data", _COMPRESSED.format(".bz2")),
    (b"\xfd7zXZ\0", "xz data", _COMPRESSED.format(".xz")),
)


def bare_suffix(path: Path) -> str:
    """The ending that tells the kind, below that of a compression: ".jsonl" for "poems.jsonl.gz"."""
    inner = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return inner.suffix.lower()


def read_bytes(path: Path, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """The (decompressed) bytes of a file from `start` to before `stop`, a block at a time."""
    try:
        with _open(path) as file:
            file.seek(start)
            left = BLOCK if stop is None else stop - start
            while chunk := file.read(min(BLOCK, left)):
                yield chunk
                left -= 0 if stop is None else len(chunk)
    except PermissionError:
        raise UserError(f"{name}: not readable by you: change its permissions or give another file") from None
    except FileNotFoundError:
        raise UserError(f"{name}: no such file any more: put it back or start again with another") from None
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        broken = f"damaged {path.suffix[1:]} data" if path.suffix.lower() in COMPRESSED else "cannot be read"
        raise UserError(f"{name}: {broken} ({error}): get the file anew") from None


def decode(chunks: Iterable[bytes], encoding: str, name: str, offset: int = 0) -> Iterator[str]:
    """The text of `chunks`, which begin `offset` bytes into `name`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    characters = 0
    for chunk in chain(chunks, (b"",)):
        offset += len(chunk)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # error.object is what was left over from the chunks before, and this chunk: it ends at `offset`.
            place = offset - len(error.object) + error.start
            other = "latin-1" if encoding.startswith("utf-8") else "utf-8"
            raise UserError(
                f"{name}: byte {place} is not {encoding.removesuffix('-sig')} text ({error.reason}): "
                f"save it as UTF-8, or of text to train on name the encoding, e.g. --data.encoding {other}"
            ) from None
        if (nul := text.find("\0")) >= 0:
            raise UserError(
                f"{name}: binary data where text is wanted (a NUL after {characters + nul} characters): "
                "give a text file, or name its encoding, e.g. --data.encoding utf-16-le"
            )
        characters += len(text)
        if text:
            yield text


def text_blocks(path: Path, encoding: str, name: str) -> Iterator[str]:
    """The text of a whole file, without its byte order mark, in blocks that end after a newline where there is one."""
    chunks = read_bytes(path, name)
    head = next(chunks, b"")
    return rejoin(decode(chain((head,), chunks), _encoding(head, encoding, name), name))


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
            f"{name}: --data.separator {separator!r} does not occur in it: leave it out to read the file as one "
            "document, or look at how the file divides its texts (lines may end in \\r\\n)"
        )
    for number, (start, stop) in enumerate(spans, start=1):
        document = Document(f"{name}#{number}", partial(part_blocks, path, name, start, stop))
        if not document.measure.blank:
            yield document


def _open(path: Path) -> BinaryIO:
    return COMPRESSED.get(path.suffix.lower(), open)(path, "rb")  # pyright: ignore[reportReturnType]


def _encoding(head: bytes, encoding: str, name: str) -> str:
    """The encoding that a file's mark names, else the one asked for; refuse a file that is no text."""
    for magic, kind, advice in _MAGIC:
        if head.startswith(magic):
            raise UserError(f"{name}: {kind} where text is wanted: {advice}")
    if head.startswith(b"RIFF") and head[8:12] in (b"WAVE", b"AVI ", b"WEBP"):
        raise UserError(f"{name}: {head[8:12].decode().strip()} data where text is wanted: {_OTHER}")
    return next((marked for mark, marked in _MARKS if head.startswith(mark)), encoding)


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
