"""`open_corpus`: the user's own text in whatever form it lies, or a named data set."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from seriatim.data import named, scratch, split
from seriatim.data.corpus import BLOCK, Corpus, Document, TextOptions, content, fingerprint, paired
from seriatim.data.folder import files_in, listed
from seriatim.data.loaders import KAGGLE_RECIPES
from seriatim.data.pairs import empty, line_pairs, numbered, table_pairs
from seriatim.data.records import json_lines, json_list
from seriatim.data.text import bare_suffix, file_document, split_file
from seriatim.errors import UserError, nearest

TABLE = ".tsv"
"""What is read as pairs with a tab between them."""

TEXT_ENDINGS = (".txt", ".md", ".text")
"""What is text in a folder; a file given by itself may have any other ending."""

_RECORDS: dict[str, Callable[[Path, TextOptions, str], Iterator[Document]]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_list,
}

_KINDS = (TEXT_ENDINGS, (TABLE,), (".jsonl", ".ndjson"), (".json",))
"""What is read together in a folder."""


def open_corpus(spec: str | Path, options: TextOptions | None = None) -> Corpus:
    """The documents of a path, of standard input ("-") or of a named data set, in splits.

    A path is a text file, a .jsonl/.ndjson file of objects, a .json list of objects, a .tsv file of pairs, or a folder
    of one of these kinds; files may be compressed (.gz, .bz2, .xz). A path that exists wins over a name. All of it is
    read once here, so what is wrong with it is found now, in a `UserError`.
    """
    options = options or TextOptions()
    if spec == "-":
        return _own("standard input", _standard_input(options), options)
    path = Path(spec)
    try:
        exists = spec != "" and path.exists()  # Path("") would be the current folder
    except OSError as error:
        raise UserError(f"{spec}: cannot be looked at ({error.strerror}): check the path and its permissions") from None
    if exists:
        return _open_path(path, options)
    if str(spec) in named.names():
        return named.open_named(str(spec), options)
    if path.suffix or len(path.parts) > 1:
        raise UserError(f"{str(spec)!r}: there is no such file or folder: check the path")
    raise UserError(f"{str(spec)!r} is no file, folder or named data set: {nearest(str(spec), named.names())}")


def _open_path(path: Path, options: TextOptions) -> Corpus:
    name = path.name or path.resolve().name
    if path.is_dir():
        documents, note = _folder(path, options)
        return _own(name, documents, options, note)
    if path.name == KAGGLE_RECIPES:
        return named.open_named("recipes", options, files=[path])
    if path.is_fifo():  # such as <(command): it can be read once only
        path = scratch.keep(_chunks(path), name)
    if not path.is_file():
        raise UserError(f"{path}: neither a file nor a folder: give one of them, or - for standard input")
    return _own(name, _file(path, name, options), options)


def _own(name: str, documents: Iterable[Document], options: TextOptions, note: str = "") -> Corpus:
    found = list(islice(documents, options.limit))
    full = [document for document in found if not empty(document)]
    if not full:
        raise UserError(f"{name}: no text in it, only white space or nothing: give a file or folder with text")
    for key in options.given:  # a condition that no record has is a slip of the pen, not a missing value
        if all(document.given.get(key) is None for document in full):
            raise UserError(f"{name}: no record has a value for the condition {key!r}: correct --data.given")
    if left := len(found) - len(full):
        kind = "pairs have an empty side and are" if paired(found) else "documents are empty and"
        note = f"{note} {left:,} of {len(found):,} {kind} left out.".strip()
    mark = fingerprint(content(full), options.validation, options.test, options.seed)
    return Corpus(name, split.divide(full, options.validation, options.test, options.seed), mark, note)


def _file(path: Path, name: str, options: TextOptions) -> Iterator[Document]:
    read = _RECORDS.get(bare_suffix(path))
    if read is not None:
        _refuse(options.separator, "separator", f"{name} holds JSON records, each one document")
        return read(path, options, name)
    source = options.source
    if bare_suffix(path) == TABLE or (source is not None and numbered(source) and not Path(source).exists()):
        _refuse(options.given, "given", f"{name} holds pairs and no other conditions")
        _refuse(options.separator, "separator", f"{name} holds pairs, one a line")
        return table_pairs(path, options, name)
    _refuse(options.given, "given", f"{name} is plain text, which has no fields")
    if source is not None:
        _refuse(options.separator, "separator", f"{name} and {source} are read line by line")
        if not Path(source).is_file():
            raise UserError(
                f"--data.source {source!r} is no file, where one with as many lines as {name} is wanted (or the number "
                "of a column, if it has tabs): check the path"
            )
        return line_pairs(path, options, name)
    if options.separator is not None:
        return split_file(path, options.encoding, name, options.separator)
    return iter((file_document(path, options.encoding, name),))


def has_fields(path: Path) -> bool:
    """Whether a file is read by fields or columns, by its ending."""
    return bare_suffix(path) in (*_RECORDS, TABLE)


def fitting(options: TextOptions, read: str, data: str) -> TextOptions:
    """Options that some data was read with, for other data: of another kind, what names its parts is left out."""
    kinds = {suffix if suffix in (TABLE, *_RECORDS) else "" for suffix in map(bare_suffix, (Path(read), Path(data)))}
    if len(kinds) == 1 or Path(read).is_dir() or Path(data).is_dir():
        return options
    return replace(options, source=None, field=None, given=(), separator=None)


def _folder(folder: Path, options: TextOptions) -> tuple[Iterator[Document], str]:
    texts, others = _of_one_kind(folder, options)
    kinds = listed(others)
    if not texts:
        there = f"only other files ({kinds})" if kinds else "no files"
        raise UserError(
            f"{folder}: {there} where {', '.join('*' + ending for ending in TEXT_ENDINGS)} are wanted: "
            "give a folder with text, with pictures or recordings, or one file by its path"
        )
    of_a_file = options.source is not None and not numbered(options.source)
    if of_a_file and len(texts) > 1 and not has_fields(texts[0][1]):
        raise UserError(
            f"{folder}: {len(texts)} files of text, and --data.source {options.source!r} is the sources of one: give "
            "one file of targets"
        )
    documents = (document for name, path in texts for document in _file(path, name, options))
    return documents, f"Left out: {kinds}." if kinds else ""


def _of_one_kind(folder: Path, options: TextOptions) -> tuple[list[tuple[str, Path]], Counter[str]]:
    """The files of the kind of which there are most, tables and records first where sources are asked for."""
    files, others = files_in(folder, [ending for kind in _KINDS for ending in kind])
    each = [[(name, path) for name, path in files if path.suffix.lower() in kind] for kind in _KINDS]
    first = each[1:] if options.source is not None and any(each[1:]) else each
    most = max(map(len, first))
    best = [found for found in first if len(found) == most]
    if most and len(best) > 1:
        counts = listed(Counter(path.suffix.lower() for _, path in files))
        raise UserError(f"{folder}: {counts}, and which of them to read is not clear: give one file, or one kind alone")
    return best[0], others + Counter(path.suffix.lower() for found in each for _, path in found if found is not best[0])


def _standard_input(options: TextOptions) -> Iterator[Document]:
    chunks = iter(lambda: sys.stdin.buffer.read(BLOCK), b"")
    return _file(scratch.keep(chunks, "standard input"), "standard input", options)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(BLOCK), b"")


def _refuse(value: object, option: str, reason: str) -> None:
    if value:
        raise UserError(f"--data.{option} {value!r} was given, but {reason}: leave it out")
