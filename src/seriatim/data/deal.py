"""Assigning items to train, validation and test, with copies of an item in the same split."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from seriatim.errors import UserError

SIDES = ("train", "validation", "test")


def deal(digests: Sequence[str], validation: float, test: float, seed: int = 0, each: bool = False) -> list[str]:
    """The split of each item, given its digest; fractions count distinct digests, at least one per split.

    With `each`, fractions count items: a split takes digests until it has its fraction.
    """
    order = _order(digests, seed)
    if each:
        return _dealt(digests, order, validation, test)
    # A requested fraction is never rounded down to nothing.
    tested = max(1, round(test * len(order))) if test else 0
    validated = max(1, round(validation * len(order))) if validation else 0
    rank = {digest: place for place, digest in enumerate(order)}

    def side(digest: str) -> str:
        place = rank[digest]
        return "test" if place < tested else "validation" if place < tested + validated else "train"

    return [side(digest) for digest in digests]


def _dealt(digests: Sequence[str], order: Sequence[str], validation: float, test: float) -> list[str]:
    sizes, sides, left = Counter(digests), dict[str, str](), iter(order)
    for side, share in (("test", test), ("validation", validation)):
        held = 0
        while held < share * len(digests) and (digest := next(left, None)) is not None:
            sides[digest] = side
            held += sizes[digest]
    return [sides.get(digest, "train") for digest in digests]


def _order(digests: Sequence[str], seed: int) -> list[str]:
    """The distinct digests ordered by a seeded hash, which depends on neither file order nor library."""
    return sorted(set(digests), key=lambda digest: hashlib.sha256(f"{seed}:{digest}".encode()).digest())


def folds(digests: Sequence[str], k: int, name: str) -> list[int]:
    """The fold of each item, from 0: distinct digests are dealt out evenly, copies together.

    Raises:
        UserError: if there are fewer distinct items than folds.
    """
    order = _order(digests, seed=0)
    if k < 2:
        raise UserError(f"{k} folds are too few: give 2 or more")
    if len(order) < k:
        raise UserError(f"{name}: {len(order)} distinct items are too few for {k} folds: give fewer folds")
    place = {digest: i % k for i, digest in enumerate(order)}
    return [place[digest] for digest in digests]
