"""How likely data is trajectories. No reader is imported: every command checks this."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, cast

from seriatim.data.decoding import bare_suffix, read_bytes
from seriatim.data.folder import files_in
from seriatim.data.holding import existing, minority, named
from seriatim.errors import UserError
from seriatim.modality import NOT_MINE, Certainty, Verdict

NAMES = ("kanji", "omniglot", "kanji-omniglot", "japanese-vowels")
"""The named data sets of trajectories: the keys of `trajectory.data.sets.SETS`."""

DRAWINGS = (".ndjson", ".svg")
"""Suffixes of drawings, whatever they hold."""
STROKES = ".npz"
LABELLED = ".ts"
TABLES = (".csv", ".tsv")
COMPRESSED = (".gz", ".bz2", ".xz")
ENDINGS = (*DRAWINGS, STROKES, LABELLED, *TABLES, *COMPRESSED)
"""Suffixes of files in a folder that may be read."""

STROKE = ("stroke", "stroke_id", "path")
"""Columns that number the strokes of a drawing."""
PEN_UP = ("pen", "lift", "pen_up")
"""Columns that are 1 where the pen is lifted after the point, else 0."""
TS_KEYS = {"problemname", "timestamps", "missing", "univariate", "dimensions", "dimension", "equallength",
          "serieslength", "classlabel", "targetlabel", "data"}  # fmt: skip
"""What the lines of the .ts format may say."""

_HEAD = 1 << 12
_SIDES = {"train.npy", "valid.npy", "validation.npy", "test.npy"}


def holds(data: object) -> Verdict:
    """How likely a path, name or object is trajectories."""
    path = existing(data)
    if path is not None:
        return _folder(path) if path.is_dir() else _file(path)
    if isinstance(data, str | Path):
        return named(data, NAMES, "trajectories")
    return _object(data)


def kind_of_file(path: Path) -> str:
    """The format of a file of trajectories: ndjson, svg, npz, ts or points; empty if it is none."""
    suffix = bare_suffix(path)
    if not path.is_file():
        return ""
    if suffix == ".svg" and path.suffix.lower() == ".svg":
        return "svg"
    if suffix == STROKES:
        return "npz" if _is_stroke3(path) else ""
    if suffix not in (".ndjson", LABELLED, *TABLES):
        return ""
    try:
        head = b"".join(read_bytes(path, str(path), 0, _HEAD))
    except (UserError, OSError):
        return ""
    if suffix == LABELLED:
        return "ts" if is_ts(head) else ""
    if suffix == ".ndjson":
        return "ndjson" if b'"drawing"' in head else ""
    return "points" if is_points(head) else ""


def is_ts(head: bytes) -> bool:
    """Whether a file that starts with these bytes is in this format.

    Example:
        >>> is_ts(b"# made by hand\\n@problemName Vowels\\n"), is_ts(b"@relation vowels\\n")
        (True, False)
    """
    for line in head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            words = line.split()[0]
            return words.startswith("@") and words[1:].lower() in TS_KEYS
    return False


def is_points(head: bytes) -> bool:
    """Whether a file that starts with these bytes has the columns of points and of strokes.

    Example:
        >>> is_points(b"drawing,stroke,X,Y\\n1,1,0,0\\n"), is_points(b"x,y\\n0,0\\n")
        (True, False)
    """
    lines = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").lstrip().splitlines()
    try:
        names = next(csv.reader(lines[:1], delimiter=mark_of(lines[0]))) if lines else []
    except csv.Error:
        return False
    return {"x", "y"} <= (held := {name.strip().lower() for name in names}) and bool(held & {*STROKE, *PEN_UP})


def mark_of(heading: str) -> str:
    """What separates the cells of a heading.

    Example:
        >>> mark_of("x;y"), mark_of("x,y")
        (';', ',')
    """
    return next((mark for mark in "\t;" if mark in heading), ",")


def _is_stroke3(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(set(archive.namelist()) & _SIDES)
    except (OSError, zipfile.BadZipFile):
        return False


_WORDS = {
    "ndjson": "drawings (NDJSON)",
    "svg": "a drawing (SVG)",
    "npz": "drawings (stroke-3)",
    "ts": "labelled series (.ts)",
    "points": "drawings (a table of points)",
}


def _file(path: Path) -> Verdict:
    kind = "" if path.is_fifo() else kind_of_file(path)
    return Verdict(Certainty.SURE, _WORDS[kind], 1, path.stat().st_size) if kind else NOT_MINE


def _folder(path: Path) -> Verdict:
    files, others = files_in(path, ENDINGS)
    kinds = Counter[str]()
    size = 0
    for _, file in files:
        kind = kind_of_file(file)
        kinds[kind] += 1
        size += file.stat().st_size if kind else 0
    others["other"] += kinds.pop("", 0)
    found = kinds.total()
    if not found:
        return NOT_MINE
    sure = Certainty.YES if found > others.total() else Certainty.MAYBE
    words = f"{found:,} file{'s' * (found > 1)} of drawings or labelled series"
    return Verdict(sure, words, found, size, minority(found, others))


def _object(data: object) -> Verdict:
    if not isinstance(data, dict) or "x" not in data:
        return NOT_MINE
    x: Any = cast("dict[str, Any]", data)["x"]
    if not isinstance(x, list | tuple) or not x:
        return NOT_MINE
    each = cast("list[Any]", x)
    if all(getattr(one, "ndim", 0) == 2 and getattr(one, "dtype", None) is not None for one in each) and all(
        one.dtype.kind in "fiu" and not (one.dtype.name == "int16" and one.shape[1] == 2) for one in each
    ):
        return Verdict(Certainty.YES, f"{len(each):,} arrays of points", len(each))
    return NOT_MINE
