"""Dividing documents among train, validation and test without overlap.

Many documents (20 distinct texts or more) are assigned whole, with copies of a text in the same split, also those that
differ in Unicode form, case or white space only. Fewer are each cut by position, at line ends: the first part trains,
the next validates, the last tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise

from seriatim.data.deal import _order, deal
from seriatim.data.digest import fingerprint
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE, Corpus, Document, folded, paired

_FEW_SOURCES = 10  # too few to hold some out

MANY = 20
"""The number of distinct texts from which documents are assigned whole."""


Splits = dict[str, list[Document]]


def divide(documents: Sequence[Document], validation: float, test: float, seed: int = 0) -> Splits:
    """Split by document if there are many, else by position within each."""
    if whole(documents):
        return by_document(documents, validation, test, seed)
    return by_position(documents, validation, test)


def whole(documents: Sequence[Document]) -> bool:
    """Whether documents are assigned whole: pairs, and 20 distinct texts or more."""
    return paired(documents) or len(set(_keys(documents))) >= MANY


def by_document(documents: Sequence[Document], validation: float, test: float, seed: int = 0) -> Splits:
    """Assign whole documents at random by `seed`; fractions count distinct texts, with copies in the same split."""
    sides = deal(_keys(documents), validation, test, seed, paired(documents))
    return _collected(list(zip(sides, documents, strict=True)), validation, test)


def by_position(documents: Sequence[Document], validation: float, test: float) -> Splits:
    """Cut each document: its first part trains, the next validates, the last tests."""
    sides = [("train", 1 - validation - test), ("validation", validation), ("test", test)]
    sides = [(side, share) for side, share in sides if share > 0]
    parts = [
        (side, part)
        for document in documents
        for (side, _), part in zip(sides, _cut(document, [share for _, share in sides]), strict=True)
        if part is not None
    ]
    return _collected(parts, validation, test)


def folds(corpus: Corpus, k: int) -> list[Corpus]:
    """k corpora for cross-validation: train and validation are pooled, fold i validates part i, the test is kept.

    Each document, or each of k contiguous blocks of every document if there are few, validates exactly once.
    """
    if k < 2:
        raise UserError(f"{k} folds are too few: give 2 or more")
    pool = [*corpus.splits.get("train", ()), *corpus.splits.get("validation", ())]
    keys = _keys(pool)
    if paired(pool) and len(set(keys)) < k:
        raise UserError(f"{corpus.name}: {len(set(keys))} groups of pairs are too few for {k} folds: give fewer folds")
    order = _order(keys, seed=0)
    fold = (
        _folds_of_documents(pool, keys, order, k)
        if paired(pool) or len(order) >= max(MANY, k)
        else _folds_of_blocks(pool, k)
    )
    return [_fold(corpus, i, k, fold(i)) for i in range(k)]


def _fold(corpus: Corpus, i: int, k: int, splits: Splits) -> Corpus:
    for side in ("train", "validation"):
        if all(document.measure.blank for document in splits[side]):
            raise UserError(f"{corpus.name}: fold {i + 1} of {k} leaves nothing for {side}: give fewer folds")
    test = {"test": corpus.splits["test"]} if "test" in corpus.splits else {}
    mark = fingerprint(corpus.fingerprint, "fold", i, k)
    return Corpus(f"{corpus.name} (fold {i + 1} of {k})", {**splits, **test}, mark, corpus.note)


def _folds_of_documents(
    pool: Sequence[Document], keys: Sequence[str], order: Sequence[str], k: int
) -> Callable[[int], Splits]:
    fold_of = {digest: place % k for place, digest in enumerate(order)}

    def fold(i: int) -> Splits:
        held = [document for document, key in zip(pool, keys, strict=True) if fold_of[key] == i]
        rest = [document for document, key in zip(pool, keys, strict=True) if fold_of[key] != i]
        return {"train": rest, "validation": held}

    return fold


def _folds_of_blocks(pool: Sequence[Document], k: int) -> Callable[[int], Splits]:
    cuts = [(document, _edges(document, [1 / k] * k)) for document in pool]

    def fold(i: int) -> Splits:
        # The training text on either side of the held-out block stays in one piece.
        held = [_part(document, edges[i], edges[i + 1]) for document, edges in cuts]
        rest = [_part(d, a, b) for d, edges in cuts for a, b in ((0, edges[i]), (edges[i + 1], edges[-1]))]
        return {"train": [d for d in rest if d], "validation": [d for d in held if d]}

    return fold


def _keys(documents: Sequence[Document]) -> list[str]:
    """Keys of texts: a digest, of copies the least. Pairs that share a side, even indirectly, have the same key.

    If that connects a tenth of all pairs, as with targets "yes" and "no", only a shared source counts.
    """
    texts = _firsts((document.measure.key, document.measure.digest) for document in documents)
    if not paired(documents):
        return texts
    written = [str(document.given.get(SOURCE)) for document in documents]
    sources = _firsts((folded(source), f"source {source}") for source in written)
    above: dict[str, str] = {}

    def top(key: str) -> str:
        while (upper := above.setdefault(key, key)) != key:
            above[key] = key = above[upper]
        return key

    for source, text in zip(sources, texts, strict=True):
        above[top(source)] = top(text)
    keys = [top(text) for text in texts]
    return keys if max(Counter(keys).values()) * 10 <= len(keys) else sources


def _firsts(copies: Iterable[tuple[str, str]]) -> list[str]:
    """For each (key, value) the least value with this key: a set without copies is divided by its values."""
    pairs, least = list(copies), dict[str, str]()
    for key, value in pairs:
        least[key] = min(value, least.get(key, value))
    return [least[key] for key, _ in pairs]


def _collected(sided: Sequence[tuple[str, Document]], validation: float, test: float) -> Splits:
    splits: Splits = {}
    for side, share in (("train", 1.0), ("validation", validation), ("test", test)):
        if not share:
            continue
        splits[side] = [document for at, document in sided if at == side]
        if all(document.measure.blank for document in splits[side]):
            sources = {str(document.given[SOURCE]) for _, document in sided if SOURCE in document.given}
            if 0 < len(sources) < _FEW_SOURCES:
                raise UserError(
                    f"the {len(sided):,} pairs have {len(sources)} different sources, and each stays on one side: too "
                    "few for validation and test; for a label use --text.given"
                )
            raise UserError(
                f"too little text for {side} with --data.validation {validation} and --data.test {test}: "
                "give more text, or set one of them to 0"
            )
    return splits


def _cut(document: Document, shares: Sequence[float]) -> list[Document | None]:
    return [_part(document, start, stop) for start, stop in pairwise(_edges(document, shares))]


def _part(document: Document, start: int, stop: int) -> Document | None:
    if start == 0 and stop == document.measure.characters:
        return document
    return document.section(start, stop) if stop > start else None


def _edges(document: Document, shares: Sequence[float]) -> list[int]:
    """Where to cut a document into `shares`: at the nearest line end, if it is at most half a part away."""
    size = document.measure.characters
    targets = [0, *(round(size * share) for share in accumulate(shares[:-1])), size]
    before, after = [-1] * len(targets), [-1] * len(targets)  # the line ends around each target, -1 for none yet
    position = 0
    for block in document.blocks():
        for i, target in enumerate(targets):
            if (newline := block.rfind("\n", 0, max(target - position, 0))) >= 0:
                before[i] = position + newline + 1
            if after[i] < 0 and (newline := block.find("\n", max(target - position, 0))) >= 0:
                after[i] = position + newline + 1
        position += len(block)
    edges = [0]
    for i in range(1, len(targets) - 1):
        low = (targets[i - 1] + targets[i]) // 2  # half a part on either side: edges stay in order and no part is empty
        high = (targets[i] + targets[i + 1]) // 2
        near = [edge for edge in (before[i], after[i]) if low < edge <= high]
        edges.append(min(near, key=lambda edge, target=targets[i]: abs(edge - target), default=targets[i]))
    return [*edges, size]
