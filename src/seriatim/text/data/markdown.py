"""A recipe page in Markdown with Hugo front matter, as readable plain text."""

from __future__ import annotations

import re

_TITLE = re.compile(r"^title:\s*(.+?)\s*$", re.MULTILINE)
_PLAIN = (
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),  # pictures
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),  # links keep their text
    (re.compile(r"<[a-z/][^>\n]*>|&nbsp;"), " "),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),  # bold
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+)(?<=\S)\*(?!\w)"), r"\1"),  # italics
    (re.compile(r"(?<!\w)_(?=\S)([^_\n]+)(?<=\S)_(?!\w)"), r"\1"),
    (re.compile(r"^#{3,}\s*(.+?)[ #:]*$", re.MULTILINE), r"\1:"),  # headings within a section
    (re.compile(r"^(\s*)[*+] ", re.MULTILINE), r"\1- "),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!-])"), r"\1"),
    (re.compile(r"^Originally published at .*$", re.MULTILINE), ""),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
    (re.compile(r"\n{3,}"), "\n\n"),
)


def recipe(page: str) -> str | None:
    """Title, ingredients and directions, without markup, pictures, links and other sections; None if one is missing."""
    _, front, body = re.split(r"^---[ ]*$", page.replace("\r\n", "\n"), maxsplit=2, flags=re.MULTILINE)
    title = _TITLE.search(front)
    sections = re.split(r"^##(?!#)\s*(.+?)\s*$", body, flags=re.MULTILINE)
    named = dict(zip(map(str.lower, sections[1::2]), map(_plain, sections[2::2]), strict=True))
    ingredients, directions = named.get("ingredients"), named.get("directions")
    if title is None or not ingredients or not directions:
        return None
    return f"{title[1].strip(chr(34) + chr(39))}\n\nIngredients\n\n{ingredients}\n\nDirections\n\n{directions}\n"


def _plain(text: str) -> str:
    for pattern, plain in _PLAIN:
        text = pattern.sub(plain, text)
    return text.strip()
