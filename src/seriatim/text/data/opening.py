"""`open_corpus`: the user's own text in any form, or a named data set."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

from seriatim.data import named, scratch
from seriatim.data.bad import Bad
from seriatim.data.decoding import BLOCK, bare_suffix, text_blocks
from seriatim.data.digest import fingerprint
from seriatim.data.folder import files_in, listed
from seriatim.data.holding import existing
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.text.data import split
from seriatim.text.data.corpus import Corpus, Document, content, paired
from seriatim.text.data.files import file_document, line_end, split_file
from seriatim.text.data.lines import itemised, remark
from seriatim.text.data.loaders import KAGGLE_RECIPES
from seriatim.text.data.memory import in_memory
from seriatim.text.data.pairs import empty, line_pairs, numbered, table_pairs
from seriatim.text.data.records import json_lines, json_list
from seriatim.text.data.sets import TextSet
from seriatim.text.data.tables import csv_rows, has_texts, parquet_rows
from seriatim.text.holding import ENDINGS
from seriatim.text.options import CSV, TABLE, TextOptions, has_fields

_RECORDS: dict[str, Callable[[Path, TextOptions, str, Bad], Iterator[Document]]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_list,
    ".parquet": parquet_rows,
}

_KINDS = (ENDINGS, (TABLE,), (".jsonl", ".ndjson"), (".json",), (".parquet",))
"""Suffixes that are read together in a folder."""


def open_corpus(spec: object, options: TextOptions | None = None, division: DataOptions | None = None) -> Corpus:
    """Read documents in splits.

    Args:
        spec: a path, "-" for standard input, the name of a data set, or texts in memory: a sequence of strings, a data
            frame, or a mapping {"x": texts, condition: [a value each]}. A path is a text file, a .jsonl/.ndjson file of
            objects, a .json list of objects, a .tsv file of pairs, or a folder of one of these kinds; files may be
            compressed (.gz, .bz2, .xz). An existing path takes precedence over a name.
        options: how they are read.
        division: how they are divided.

    Raises:
        UserError: if anything is wrong with them: all are read once here.
    """
    options, division = options or TextOptions(), division or DataOptions()
    if not isinstance(spec, str | Path):
        return _own("texts", in_memory(spec, options), options, division, Bad())
    if spec == "-":
        bad = Bad(division.skip_bad)
        return _own("standard input", _standard_input(options, bad), options, division, bad)
    path = existing(spec)
    if path is not None:
        return _open_path(path, options, division)
    if str(spec) in named.names():
        return open_set(str(spec), options, division)
    raise named.unknown(str(spec), "file, folder", named.names())


def open_set(name: str, options: TextOptions, division: DataOptions, files: Sequence[Path] | None = None) -> Corpus:
    """Open a named data set, even if a path of that name exists; from its own files, or from `files` in its layout."""
    known = cast(TextSet, named.of_kind(name, modality("text")))
    usual, shares = TextOptions(), DataOptions(limit=division.limit)
    changed = [f"--text.{key}" for key, value in vars(usual).items() if getattr(options, key) != value]
    changed += [f"--data.{key}" for key, value in vars(shares).items() if getattr(division, key) != value]
    if changed:
        raise UserError(f"{changed[0]} was given, but {name} has its own format and split: leave it out")
    splits, found = known.load(named.fetch(name) if files is None else files)
    limited = {side: documents[: division.limit] for side, documents in splits.items()}
    mark = fingerprint(*((side, content(documents)) for side, documents in limited.items()))
    return Corpus(name, limited, mark, known.terms(found))


def _open_path(path: Path, options: TextOptions, division: DataOptions) -> Corpus:
    name = path.name or path.resolve().name
    bad = Bad(division.skip_bad)
    if path.is_dir():
        documents, note = _folder(path, options, bad)
        return _own(name, documents, options, division, bad, note)
    if path.name == KAGGLE_RECIPES:
        return open_set("recipes", options, division, files=[path])
    if path.is_fifo():  # e.g. <(command): it can be read only once
        path = scratch.keep(_chunks(path), name)
    if not path.is_file():
        raise UserError(f"{path}: neither a file nor a folder: give one, or - for standard input")
    note = ""
    if _plain(path, name, options) and itemised(file_document(path, options.encoding, name)):
        options = replace(options, separator=line_end(next(text_blocks(path, options.encoding, name))))
        note = (
            "It is a list, so each line is a document; --text.separator '\\n\\n' would cut it at empty lines instead."
        )
    return _own(name, _file(path, name, options, bad), options, division, bad, note)


def _plain(path: Path, name: str, options: TextOptions) -> bool:
    """Whether a file would be read as one text."""
    suffix = bare_suffix(path)
    if suffix in (TABLE, *_RECORDS) or options.separator is not None or options.source is not None:
        return False
    return not (options.given or options.field) and (suffix != CSV or not has_texts(path, options, name))


def _own(
    name: str, documents: Iterable[Document], options: TextOptions, division: DataOptions, bad: Bad, note: str = ""
) -> Corpus:
    read = ((document, bad.attempt(empty, document)) for document in documents)
    tried = list(islice(((document, blank) for document, blank in read if blank is not None), division.limit))
    found, full = [document for document, _ in tried], [document for document, blank in tried if not blank]
    note = f"{note} {bad.finish(bad.count + len(found), 'files or records')}".strip()
    if not full:
        raise UserError(f"{name}: contains no text: give a file or folder with text")
    for key in options.given:  # a condition that no record has is a typo, not a missing value
        if all(document.given.get(key) is None for document in full):
            raise UserError(f"{name}: no record has a value for the condition {key!r}: correct --text.given")
    if left := len(found) - len(full):
        kind = "pairs have an empty side and are" if paired(found) else "documents are empty and"
        note = f"{note} {left:,} of {len(found):,} {kind} left out.".strip()
    mark = fingerprint(content(full), division.validation, division.test, division.seed)
    splits = split.divide(full, division.validation, division.test, division.seed)
    if len(splits) > 1 and not split.whole(full):
        note = f"{note} {remark(splits)}".strip()
    return Corpus(name, splits, mark, note)


def _file(path: Path, name: str, options: TextOptions, bad: Bad) -> Iterator[Document]:
    read = _RECORDS.get(bare_suffix(path))
    if read is not None:
        _refuse(options.separator, "separator", f"{name} contains records, each one document")
        return read(path, options, name, bad)
    if bare_suffix(path) == CSV and options.separator is None and has_texts(path, options, name):
        return csv_rows(path, options, name, bad)
    source = options.source
    if bare_suffix(path) == TABLE or (source is not None and numbered(source) and not Path(source).exists()):
        _refuse(options.given, "given", f"{name} contains pairs without other conditions")
        _refuse(options.separator, "separator", f"{name} contains pairs, one per line")
        return table_pairs(path, options, name, bad)
    _refuse(options.given, "given", f"{name} is plain text without fields")
    _refuse(options.field, "field", f"{name} is plain text without fields")
    if source is not None:
        _refuse(options.separator, "separator", f"{name} and {source} are read line by line")
        if not Path(source).is_file():
            raise UserError(
                f"--text.source {source!r} is not a file; expected one with as many lines as {name} (or a column "
                "number, if it has tabs): check the path"
            )
        return line_pairs(path, options, name)
    if options.separator is not None:
        return split_file(path, options.encoding, name, options.separator)
    return iter((file_document(path, options.encoding, name),))


def _each(path: Path, name: str, options: TextOptions, bad: Bad) -> Iterator[Document]:
    """The documents of a file of a folder, up to what cannot be read."""
    documents = bad.attempt(_file, path, name, options, bad)
    while documents is not None and (document := bad.attempt(next, documents, None)) is not None:
        yield document


def fitting(options: TextOptions, read: str, data: str) -> TextOptions:
    """The options that some data was read with, applied to other data: names of fields it cannot have are left out."""
    kinds = {
        suffix if suffix in (TABLE, CSV, *_RECORDS) else "" for suffix in map(bare_suffix, (Path(read), Path(data)))
    }
    if len(kinds) == 1 or Path(read).is_dir() or Path(data).is_dir():
        return options
    return replace(options, source=None, field=None, given=(), separator=None)


def _folder(folder: Path, options: TextOptions, bad: Bad) -> tuple[Iterator[Document], str]:
    texts, others = _of_one_kind(folder, options)
    kinds = listed(others)
    if not texts:
        there = f"only other files ({kinds})" if kinds else "no files"
        raise UserError(
            f"{folder}: {there}; expected {', '.join('*' + ending for ending in ENDINGS)}: "
            "give a folder with text, pictures or recordings, or a single file"
        )
    of_a_file = options.source is not None and not numbered(options.source)
    if of_a_file and len(texts) > 1 and not has_fields(texts[0][1]):
        raise UserError(
            f"{folder}: {len(texts)} files of text, but --text.source {options.source!r} is parallel to one: give one "
            "file of targets"
        )
    documents = (document for name, path in texts for document in _each(path, name, options, bad))
    return documents, f"Left out: {kinds}." if kinds else ""


def _of_one_kind(folder: Path, options: TextOptions) -> tuple[list[tuple[str, Path]], Counter[str]]:
    """The files of the most frequent kind; tables and records take precedence if sources are requested."""
    files, others = files_in(folder, [ending for kind in _KINDS for ending in kind])
    each = [[(name, path) for name, path in files if path.suffix.lower() in kind] for kind in _KINDS]
    first = each[1:] if options.source is not None and any(each[1:]) else each
    most = max(map(len, first))
    best = [found for found in first if len(found) == most]
    if most and len(best) > 1:
        counts = listed(Counter(path.suffix.lower() for _, path in files))
        raise UserError(f"{folder}: {counts}: it is not clear which to read: give one file, or one kind only")
    return best[0], others + Counter(path.suffix.lower() for found in each for _, path in found if found is not best[0])


def _standard_input(options: TextOptions, bad: Bad) -> Iterator[Document]:
    chunks = iter(lambda: sys.stdin.buffer.read(BLOCK), b"")
    return _file(scratch.keep(chunks, "standard input"), "standard input", options, bad)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(BLOCK), b"")


def _refuse(value: object, option: str, reason: str) -> None:
    if value:
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else repr(value)
        raise UserError(f"--text.{option} {shown} was given, but {reason}: leave it out")
