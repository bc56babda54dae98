"""What the blocks of a GIF say, without decoding it and without a library: every command asks whether one moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MOST = 1 << 22  # bytes that are looked at to find a second picture
_IMAGE, _EXTENSION, _END = b",", b"!", b";"
_APPLICATION = 0xFF
_LOOP = b"NETSCAPE2.0"  # the extension that repeats an animation


def animated(path: Path) -> bool:
    """Whether a file is a GIF of two or more frames.

    It is told by a second picture within the first 4 MiB, or, if the first one is larger than that, by the extension
    that repeats an animation.
    """
    pictures, loops = 0, False
    try:
        for kind, data in _blocks(path, _MOST):
            pictures += kind == _IMAGE
            loops |= kind == _EXTENSION and data == _LOOP
            if pictures > 1:
                return True
            if kind == b"":
                return loops
    except OSError:  # the reader says what is wrong with it
        return False
    return False


def grey(path: Path) -> bool:
    """Whether every colour table of a GIF is grey. False if there is none."""
    tables = [data for kind, data in _blocks(path, None) if kind == b"table"]
    return bool(tables) and all(data[0::3] == data[1::3] == data[2::3] for data in tables)


def complete(path: Path) -> bool:
    """Whether a GIF ends with its end mark."""
    return any(kind == _END for kind, _ in _blocks(path, None))


def _blocks(path: Path, most: int | None) -> Iterator[tuple[bytes, bytes]]:
    """The kind of each block with some of its content; kind b"" and no more if `most` bytes do not suffice.

    Kinds: b"table" with a colour table, b"," a picture, b"!" an extension with an application's name, b";" the end.
    """
    with path.open("rb") as file:
        head = file.read(13)
        if len(head) < 13 or head[:6] not in (b"GIF87a", b"GIF89a"):
            return
        if table := _table(file, head[10]):
            yield b"table", table
        while kind := file.read(1):
            name = b""
            if kind == _IMAGE:
                place = file.read(9)
                if len(place) < 9:
                    return
                if table := _table(file, place[8]):
                    yield b"table", table
                file.seek(1, 1)  # the width of the codes
            elif kind == _EXTENSION:
                label = file.read(1)
                if label == bytes([_APPLICATION]):
                    name = file.read((file.read(1) or b"\0")[0])
            elif kind == _END:
                yield kind, b""
                return
            else:
                return
            yield kind, name
            while size := file.read(1):
                if size == b"\0":
                    break
                file.seek(size[0], 1)
                if most is not None and file.tell() > most:
                    yield b"", b""
                    return


def _table(file: BinaryIO, flags: int) -> bytes:
    """The colour table that follows, if the flags say that there is one."""
    return file.read(3 << ((flags & 7) + 1)) if flags & 0x80 else b""
