"""Cross-validation of films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, final, overload

from seriatim.data import deal
from seriatim.data.digest import digest, fingerprint
from seriatim.data.pixels import Pixels
from seriatim.video.data.films import Films, Reel


def folds(reel: Reel, k: int) -> list[Reel]:
    """k reels: train and validation are pooled, fold i validates part i, the test is kept.

    Copies of a film are in one part. Films that are made when they are asked for stay so.

    Raises:
        UserError: if there are fewer distinct films than folds.
    """
    pool = joined([reel.splits[side] for side in ("train", "validation") if side in reel.splits])
    place = deal.folds([digest(x) for x in pool.x], k, reel.name)
    test = {"test": reel.splits["test"]} if "test" in reel.splits else {}
    found: list[Reel] = []
    for i in range(k):
        validation = [row for row, at in enumerate(place) if at == i]
        train = [row for row, at in enumerate(place) if at != i]
        splits = {"train": _taken(pool, train), "validation": _taken(pool, validation), **test}
        name, mark = f"{reel.name} (fold {i + 1} of {k})", fingerprint(reel.fingerprint, "fold", i, k)
        found.append(replace(reel, name=name, splits=splits, fingerprint=mark))
    return found


def joined(parts: Sequence[Films]) -> Films:
    """Splits as one."""

    def all_of(name: str) -> Any:
        each = [getattr(part, name) for part in parts]
        return None if any(value is None for value in each) else [value for values in each for value in values]

    x = Rows([(part.x, row) for part in parts for row in range(len(part.lengths))])
    labels, rates = all_of("labels"), all_of("rates")
    return Films(
        x,
        all_of("lengths"),
        all_of("names"),
        None if labels is None else tuple(labels),
        all_of("actions"),
        rates if len(rates) == len(x) else (),
        parts[0].given_frames,
    )


def _taken(films: Films, rows: Sequence[int]) -> Films:
    """Some of joined films, none of which is made here."""
    first = films.x
    assert isinstance(first, Rows)
    hollow: list[Any] = [None] * len(first)
    return replace(replace(films, x=hollow).taken(rows), x=Rows([first.rows[row] for row in rows]))


@final
class Rows(Sequence[Pixels]):
    """Films that are rows of other sequences.

    Args:
        rows: the sequence of each, and its place there.
    """

    def __init__(self, rows: Sequence[tuple[Sequence[Pixels], int]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pixels]: ...
    def __getitem__(self, index: Any) -> Any:
        """(T, H, W, C) of a film, or a list of those of a slice."""
        if isinstance(index, slice):
            return [films[row] for films, row in self.rows[index]]
        films, row = self.rows[index]
        return films[row]
