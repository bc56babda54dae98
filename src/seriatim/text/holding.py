"""How likely data is text. No reader is imported: every command checks this."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any, cast

from seriatim.data.decoding import COMPRESSED, bare_suffix
from seriatim.data.folder import files_in
from seriatim.data.holding import existing, minority, named
from seriatim.data.numeric import HEAD, table_of_numbers
from seriatim.modality import FOREIGN, NOT_MINE, Certainty, Verdict
from seriatim.text.options import CSV, RECORDS, TABLE

NAMES = (
    *("tinyshakespeare", "recipes", "recipes-public-domain", "wikitext-2", "enwiki", "multi30k-en-de"),
    *("multi30k-de-en", "tatoeba-de-en", "tatoeba-en-de", "pronunciation", "pydoc"),
)
"""The named data sets of text: the keys of `text.data.sets.SETS`."""

ENDINGS = (".txt", ".md", ".text")
"""Suffixes of text in a folder; a single file may have any other suffix."""

_NAMED = 8  # columns named in a message
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def holds(data: object) -> Verdict:
    """Text: a path, "-" for standard input, a name, strings in a sequence, a data frame, a mapping with the key x."""
    if not isinstance(data, str | Path):
        return _object(data)
    if data == "-":
        return Verdict(Certainty.YES, "standard input")
    path = existing(data)
    if path is None:
        return named(data, NAMES, "text")
    if path.is_dir():
        return _folder(path)
    if bare_suffix(path) in (TABLE, *RECORDS) or path.is_fifo():
        return Verdict(Certainty.YES, "a text file", 1, path.stat().st_size)
    return _file(path)


def texts_in(data: object) -> bool:
    """Whether a Python object is several texts."""
    if isinstance(data, list | tuple):
        values = cast("list[Any]", data)
        return bool(values) and all(isinstance(value, str) for value in values)
    values = getattr(data, "tolist", None)  # a pandas Series of strings, without importing pandas
    kind: Any = getattr(data, "dtype", None)
    return values is not None and getattr(data, "ndim", 0) == 1 and getattr(kind, "kind", "") in ("O", "U", "T")


def _object(data: object) -> Verdict:
    if hasattr(data, "columns") and hasattr(data, "itertuples"):
        kinds = {str(kind) for kind in cast(Any, data).dtypes}
        words = any(kind in ("object", "str", "string") or kind.startswith("string") for kind in kinds)
        sure = Certainty.YES if "text" in cast(Any, data).columns else Certainty.MAYBE if words else Certainty.NO
        return Verdict(sure, "a data frame with texts")
    x: Any = cast("dict[str, Any]", data).get("x") if isinstance(data, dict) else data
    return Verdict(Certainty.YES, "texts", len(x)) if texts_in(x) else NOT_MINE


def _folder(path: Path) -> Verdict:
    found, others = files_in(path, (*ENDINGS, TABLE, *RECORDS))
    if not found:
        return NOT_MINE
    sure = Certainty.YES if len(found) > others.total() else Certainty.MAYBE
    words, size = f"{len(found):,} file{'s' * (len(found) > 1)} of text", sum(file.stat().st_size for _, file in found)
    return Verdict(sure, words, len(found), size, minority(len(found), others))


def _file(path: Path) -> Verdict:
    """A file with a suffix of text, or with another one: text if it looks like text."""
    if bare_suffix(path) in FOREIGN:
        return NOT_MINE
    if path.suffix.lower() in COMPRESSED:
        sure = Certainty.YES if bare_suffix(path) in ENDINGS else Certainty.MAYBE
        return Verdict(sure, "a compressed file", 1, path.stat().st_size)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:  # the reader reports why
        return Verdict(Certainty.MAYBE, "a file", 1)
    heading = head.split(b"\n")[0].decode("utf-8", "replace")
    columns = [name.strip() for name in re.split(r"[,;\t]", heading.replace('"', ""))]
    if bare_suffix(path) == CSV and "text" in columns:
        return Verdict(Certainty.YES, "a table with the column text", 1, path.stat().st_size)
    if table_of_numbers(head, len(head) < HEAD):
        return Verdict(Certainty.MAYBE, "a table of numbers", 1, path.stat().st_size, ask=True)
    if path.suffix.lower() in ENDINGS:
        return Verdict(Certainty.YES, "a text file", 1, path.stat().st_size)
    if b"\0" in head and not head.startswith(_MARKS):
        return NOT_MINE
    if bare_suffix(path) == CSV:
        words = f"a table read as plain text; --text.field NAME reads a column: {', '.join(columns[:_NAMED])}"
        return Verdict(Certainty.MAYBE, words, 1, path.stat().st_size)
    if path.suffix:
        return Verdict(Certainty.MAYBE, f"a {path.suffix} file, read as one text", 1, path.stat().st_size)
    return Verdict(Certainty.YES, "a text file", 1, path.stat().st_size)
