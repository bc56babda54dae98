"""Which symbols a step sees. They are numbered by their position here, so that each is known wherever it comes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seriatim.data.batches import Batch, Batches
from seriatim.errors import UserError
from seriatim.text.data.crops import Crops, Streams
from seriatim.text.data.tokens import Tokens

EXAMPLES = settings(max_examples=120, deadline=None, derandomize=True)
SIZES = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def numbered(sizes: Sequence[int], conditions: bool = False) -> Tokens:
    """Documents of these sizes whose symbols are 1, 2, 3 …, through all documents."""
    total, count = sum(sizes), len(sizes)
    return Tokens(
        np.arange(1, total + 1, dtype=np.uint32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        {"genre": np.arange(count), "year": np.linspace(0, 1, count)} if conditions else {},
        np.array(sizes, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
        [f"document {i}" for i in range(count)],
    )


def counted(batch: Batch) -> list[int]:
    """The positions that a batch learns from."""
    return (batch.x[batch.mask] - 1).tolist()


def epoch(batches: Batches, number: int = 0) -> list[Batch]:
    return [batches.batch(number * batches.per_epoch + i) for i in range(batches.per_epoch)]


def check_rows(batch: Batch, tokens: Tokens, length: int) -> None:
    """Every row is a stretch of one document; what does not count is its context or lies behind its end."""
    for row, mask, i in zip(batch.x, batch.mask, range(len(batch.x)), strict=True):
        at = np.flatnonzero(mask)
        assert 1 <= len(at) <= length
        first, last = at[0], at[-1]
        positions = row[: last + 1] - 1
        assert np.array_equal(positions, np.arange(positions[0], positions[0] + last + 1)), "not a stretch of the text"
        assert mask[first : last + 1].all()
        assert not row[last + 1 :].any(), "padding is 0"
        document = int(np.searchsorted(tokens.bounds, positions[-1], side="right")) - 1
        begin, end = tokens.bounds[document : document + 2]
        assert begin <= positions[0] <= positions[-1] < end, "crosses documents"
        if positions[0] == begin and first == 0:
            continue
        assert first == 1, "the one symbol before a piece is looked back at, and not counted"
        for name, values in tokens.given.items():
            assert batch.given[name][i] == values[document]


@given(sizes=SIZES, length=st.integers(1, 9), size=st.integers(1, 4), seed=st.integers(0, 9), world=st.integers(1, 3))
@EXAMPLES
def test_crops_count_each_symbol_once_an_epoch(sizes: list[int], length: int, size: int, seed: int, world: int) -> None:
    assume(sum(sizes))
    tokens = numbered(sizes, conditions=True)
    ranks = [Crops(tokens, length, size, seed, rank, world) for rank in range(world)]
    assert len({batches.per_epoch for batches in ranks}) == 1
    pieces = len(ranks[0].pieces.cuts(0))
    for number in (0, 1, 5):
        assert len(ranks[0].pieces.cuts(number)) == pieces, "the number of steps must not depend on the epoch"
        together = [batch for batches in ranks for batch in epoch(batches, number)]
        for batch in together:
            assert batch.fresh
            assert len(batch.x) == size
            check_rows(batch, tokens, length)
        seen = [position for batch in together for position in counted(batch)]
        if pieces < size * world:
            continue  # too little text for one step: pieces come more than once, so that the batch is full
        assert len(seen) == len(set(seen)), "a symbol counts twice"
        dropped = pieces - ranks[0].per_epoch * size * world
        assert 0 <= dropped < size * world
        assert sum(sizes) - len(seen) <= dropped * length
        if not dropped:
            assert len(seen) == sum(sizes), "a symbol is lost"


@given(n=st.integers(1, 60), length=st.integers(1, 9), seed=st.integers(0, 200))
@EXAMPLES
def test_cuts_divide_a_document(n: int, length: int, seed: int) -> None:
    crops = Crops(numbered([n]), length, 1, seed)
    for number in range(3):
        cuts = crops.pieces.cuts(number)
        assert np.array_equal(cuts[:, 0], np.concatenate([[0], cuts[:-1, 1]]))
        assert cuts[-1, 1] == n
        lengths = cuts[:, 1] - cuts[:, 0]
        assert lengths.min() >= 1
        assert lengths.max() <= length


def test_cuts_move_from_epoch_to_epoch() -> None:
    crops = Crops(numbered([1000]), 10, 4, 0)
    assert len({tuple(crops.pieces.cuts(number)[:, 0]) for number in range(20)}) > 5


def test_the_dropped_tail_is_another_one_each_epoch() -> None:
    """Short documents of many lengths, a few too many for whole batches: all must be learnt from sometime."""
    tokens = numbered(list(range(1, 12)))
    crops = Crops(tokens, 100, 4, 0)
    missed = []
    for number in range(30):
        seen = {position for batch in epoch(crops, number) for position in counted(batch)}
        missed.append(set(range(len(tokens.symbols))) - seen)
    assert all(missed)
    assert not set.intersection(*missed)
    often = np.bincount([p for m in missed for p in m], minlength=len(tokens.symbols)) / len(missed)
    assert often.max() < 0.7, "some text is hardly ever seen"


@pytest.mark.parametrize("step", [0, 3, 50, 1000])
def test_a_batch_is_a_function_of_seed_step_and_rank(step: int) -> None:
    tokens = numbered([30, 7, 100, 1, 12])
    worn = Crops(tokens, 8, 3, 5, 1, 2)
    for other in (0, 77, 12):
        worn.batch(other)
    fresh = Crops(tokens, 8, 3, 5, 1, 2)
    a, b = worn.batch(step), fresh.batch(step)
    assert np.array_equal(a.x, b.x)
    assert np.array_equal(a.mask, b.mask)
    assert a.origin == b.origin
    other_seed, other_rank = Crops(tokens, 8, 3, 6, 1, 2).batch(step), Crops(tokens, 8, 3, 5, 0, 2).batch(step)
    assert sorted(counted(a)) != sorted(counted(other_seed))
    assert not set(counted(a)) & set(counted(other_rank))


def test_pieces_of_like_length_come_together_but_batches_in_any_order() -> None:
    sizes = np.random.default_rng(0).integers(1, 60, 400).tolist()
    batches = epoch(Crops(numbered(sizes), 100, 10, 0))
    wasted = 1 - sum(b.mask.sum() for b in batches) / sum(b.mask.size for b in batches)
    assert wasted < 0.1
    widths = [b.x.shape[1] for b in batches]
    assert widths not in (sorted(widths), sorted(widths, reverse=True))


def test_there_must_be_something_to_train_on() -> None:
    with pytest.raises(UserError, match="nothing to train on"):
        Crops(numbered([0, 0]), 5, 2, 0)
    with pytest.raises(UserError, match="are too few for 9 streams"):
        Streams(numbered([5, 5]), 5, 9)
    with pytest.raises(UserError, match="crosses documents"):
        Streams(numbered([50, 5], conditions=True), 5, 2)


@given(sizes=SIZES, length=st.integers(1, 9), size=st.integers(1, 4), world=st.integers(1, 3))
@EXAMPLES
def test_streams_are_contiguous_and_disjoint(sizes: list[int], length: int, size: int, world: int) -> None:
    assume(sum(sizes) >= 2 * size * world)
    tokens = numbered(sizes)
    seen: list[int] = []
    read: list[int] = []
    for rank in range(world):
        batches = Streams(tokens, length, size, rank, world)
        steps = epoch(batches)
        assert [batch.fresh for batch in steps] == [True] + [False] * (len(steps) - 1)
        rows = np.concatenate([batch.x for batch in steps], 1) - 1
        assert rows.shape == (size, batches.each)
        assert (np.diff(rows, axis=1) == 1).all(), "a stream is not contiguous"
        for batch in steps:
            assert batch.x.shape[1] <= length
        uncounted = np.concatenate([~batch.mask for batch in steps], 1)
        for row, off in zip(rows, uncounted, strict=True):
            starts_a_document = row[0] in tokens.bounds
            assert off.tolist() == [not starts_a_document] + [False] * (len(row) - 1)
        seen += [position for batch in steps for position in counted(batch)]
        read += rows.flatten().tolist()
        again = batches.batch(batches.per_epoch)
        assert np.array_equal(again.x, steps[0].x)
        assert again.fresh
    assert len(seen) == len(set(seen))
    assert sorted(read) == list(range(len(read))), "the streams of all ranks are the text"
    assert sum(sizes) - len(read) < size * world


def test_the_number_of_steps_is_what_the_text_has() -> None:
    assert Streams(numbered([100]), 10, 4).per_epoch == math.ceil(25 / 10)
    assert Crops(numbered([5] * 40), 10, 4, 0).per_epoch == 10
