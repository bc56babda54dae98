"""From the bytes of a file to blocks of text, with a message for every failure."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from seriatim.errors import UserError

BLOCK = 1 << 20
"""Characters (or bytes) read at a time."""


def rejoin(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in blocks of about 1 MiB that end after a newline if possible, else before a space."""
    rest = ""
    for piece in pieces:
        rest += piece
        start = 0
        while len(rest) - start >= BLOCK:
            stop = _cut(rest, start, start + BLOCK)
            yield rest[start:stop]
            start = stop
        rest = rest[start:]
    if rest:
        yield rest


def _cut(text: str, start: int, stop: int) -> int:
    """The last place up to `stop` where the text may be cut: what is prepared in two parts is prepared as a whole."""
    if (newline := text.rfind("\n", start, stop)) >= 0:
        return newline + 1
    space = text.rfind(" ", start, stop)
    while space > start and text[space - 1].isspace():
        space -= 1
    if space > start:
        return space
    # one word: not before an accent, nor inside CR LF (there may be more text later)
    while stop > start + 1 and (stop >= len(text) or unicodedata.combining(text[stop]) or text[stop - 1] == "\r"):
        stop -= 1
    return stop


COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

# UTF-32 first: its little-endian mark starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_NOT_IN_CP1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


_ARCHIVE = "unpack it first"


_COMPRESSED = "restore its suffix ({})"


_OTHER = "give a text file"


_MAGIC = (
    (b"\x89PNG\r\n", "a PNG image", _OTHER),
    (b"\xff\xd8\xff", "a JPEG image", _OTHER),
    (b"GIF87a", "a GIF image", _OTHER),
    (b"GIF89a", "a GIF image", _OTHER),
    (b"OggS\0", "Ogg audio", _OTHER),
    (b"fLaC\0", "FLAC audio", _OTHER),
    (b"ID3\x03", "MP3 audio", _OTHER),
    (b"ID3\x04", "MP3 audio", _OTHER),
    (b"\xff\xfb", "MP3 audio", _OTHER),
    (b"\xff\xf3", "MP3 audio", _OTHER),
    (b"%PDF-", "a PDF document", "save its text as .txt first"),
    (b"PK\x03\x04", "a zip archive (or an office document)", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", "zstandard data", _ARCHIVE),
    (b"\x1f\x8b\x08", "gzip data", _COMPRESSED.format(".gz")),
    (b"BZh91AY&SY", "bzip2 data", _COMPRESSED.format(".bz2")),
    (b"\xfd7zXZ\0", "xz data", _COMPRESSED.format(".xz")),
)


def bare_suffix(path: Path) -> str:
    """The suffix without that of a compression: ".jsonl" for "poems.jsonl.gz"."""
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
        raise UserError(f"{name}: permission denied: change its permissions or give another file") from None
    except FileNotFoundError:
        raise UserError(f"{name}: no longer exists: restore it or give another file") from None
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        broken = f"damaged {path.suffix[1:]} data" if path.suffix.lower() in COMPRESSED else "cannot be read"
        raise UserError(f"{name}: {broken} ({error}): replace the file") from None


def decode(chunks: Iterable[bytes], encoding: str, name: str, offset: int = 0) -> Iterator[str]:
    """The text of `chunks`, which start `offset` bytes into `name`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    characters = 0
    for chunk in chain(chunks, (b"",)):
        offset += len(chunk)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            if (
                not isinstance(error, UnicodeDecodeError) or "BOM" in error.reason
            ):  # of the whole: UTF-16 without a mark
                ends = codecs.lookup(encoding).name in ("utf-16", "utf-32")
                advice = f"give its byte order, {encoding}-le or {encoding}-be" if ends else "give another encoding"
                raise UserError(f"{name}: not {encoding} text ({error}): {advice}") from None
            # error.object is the remainder of the chunks before plus this chunk: it ends at `offset`.
            place = offset - len(error.object) + error.start
            if sum(byte in _CONTROLS for byte in error.object[:4096]) > len(error.object[:4096]) // 20:
                raise UserError(f"{name}: no text, but a binary file; expected text: give another file") from None
            raise UserError(
                f"{name}: byte {place} is not {encoding.removesuffix('-sig')} text ({error.reason}): "
                "save it as UTF-8, or give the encoding of training text, e.g. --text.encoding "
                f"{likely_encoding(encoding, error.object[error.start])}"
            ) from None
        if (nul := text.find("\0")) >= 0:
            # of most texts in two bytes a character, the high byte is 0
            order = "be" if (characters + nul) % 2 == 0 else "le"
            raise UserError(
                f"{name}: binary data (a NUL after {characters + nul} characters); expected text: "
                f"give a text file, or its encoding, e.g. --text.encoding utf-16-{order}"
            )
        characters += len(text)
        if text:
            yield text


_CONTROLS = frozenset({*range(9), *range(14, 32)})  # bytes that texts do without


def likely_encoding(encoding: str, byte: int) -> str:
    """The encoding to try next, where a byte cannot be read in `encoding`."""
    if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
        return "utf-8"
    return "latin-1" if byte in _NOT_IN_CP1252 else "cp1252"


def text_blocks(path: Path, encoding: str, name: str) -> Iterator[str]:
    """The text of a file, without its byte order mark, in blocks that end after a newline if possible."""
    chunks = read_bytes(path, name)
    head = next(chunks, b"")
    return rejoin(decode(chain((head,), chunks), _encoding(head, encoding, name), name))


def _open(path: Path) -> BinaryIO:
    return COMPRESSED.get(path.suffix.lower(), open)(path, "rb")  # pyright: ignore[reportReturnType]


def _encoding(head: bytes, encoding: str, name: str) -> str:
    """The encoding of a file's byte order mark, else the given one; refuse a file that is not text."""
    for magic, kind, advice in _MAGIC:
        if head.startswith(magic):
            raise UserError(f"{name}: {kind}; expected text: {advice}")
    if head.startswith(b"RIFF") and head[8:12] in (b"WAVE", b"AVI ", b"WEBP"):
        raise UserError(f"{name}: {head[8:12].decode().strip()} data; expected text: {_OTHER}")
    return next((marked for mark, marked in _MARKS if head.startswith(mark)), encoding)
