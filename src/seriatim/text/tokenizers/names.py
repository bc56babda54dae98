"""Printable and distinct names of symbols, for tables of next symbols and the command line."""

from __future__ import annotations

import re

from seriatim.text.tokenizers.casing import CAP, ESCAPE, UPPER

_NAMED = {"": "<join>", " ": "<space>", CAP: "<cap>", UPPER: "<upper>", ESCAPE: "<escape>"}
_LIKE_A_NAME = re.compile(r"<[a-z]+>|(<0x[0-9A-F]{2}>)+")


def of_bytes(spelling: bytes) -> str:
    """`<0xC3>` for each byte."""
    return "".join(f"<0x{byte:02X}>" for byte in spelling)


def of_text(piece: str) -> str:
    r"""The piece itself, `\n` for a newline, with a backslash if it looks like the name of another symbol."""
    if piece in _NAMED:
        return _NAMED[piece]
    escaped = "".join(map(_printable, piece))
    return f"\\{escaped}" if _LIKE_A_NAME.fullmatch(escaped) else escaped


def of_entry(entry: str | bytes) -> str:
    """The name of a piece, or of the text that bytes spell, if they are valid."""
    if isinstance(entry, str):
        return of_text(entry)
    try:
        return of_text(entry.decode())
    except UnicodeDecodeError:
        return of_bytes(entry)


def _printable(character: str) -> str:
    if character == "\\" or not character.isprintable():
        return character.encode("unicode_escape").decode()
    return character
