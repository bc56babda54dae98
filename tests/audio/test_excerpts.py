"""Which samples a step sees. Each says in 16 bits which it is, so that it is known wherever it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seriatim.audio.data.excerpts import Excerpts, Stretches
from seriatim.audio.data.recordings import Aligned, Takes
from seriatim.audio.quantiser import Quantiser
from seriatim.audio.spans import Spans
from seriatim.causal import Conv, Embedding, Pointwise, Serial
from seriatim.conditioning import MARGIN
from seriatim.data.batches import Batch
from seriatim.errors import UserError
from seriatim.heads import CategoricalHead
from seriatim.models.sequence import SequenceModel
from seriatim.symbols import Labels

EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True)
PCM = {"x": Quantiser(8000, 1, "pcm16")}


def numbered(sizes: Sequence[int], hops: Sequence[int] = ()) -> Takes:
    """Recordings whose samples are 1, 2, 3 … through all, and tracks that say which column of which is meant."""
    ends = np.cumsum(sizes)
    x = [np.arange(end - size, end).astype(np.int16) + np.int16(1) for size, end in zip(sizes, ends, strict=True)]
    names = [f"recording {i}" for i in range(len(sizes))]
    tracks = {
        f"every {hop}": Aligned([1000.0 * i + np.arange(-(-size // hop)) for i, size in enumerate(sizes)], hop)
        for hop in hops
    }
    return Takes(x, {"who": tuple("ab"[i % 2] for i in range(len(sizes)))}, names, tracks)


def positions(batch: Batch) -> Any:
    return batch.x - 32768 - 1


def epoch(batches: Excerpts, number: int) -> list[Batch]:
    return [batches.batch(number * batches.per_epoch + i) for i in range(batches.per_epoch)]


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    length=st.integers(1, 20),
    past=st.integers(0, 12),
    size=st.integers(1, 4),
    seed=st.integers(0, 9),
    world=st.integers(1, 3),
    hops=st.lists(st.integers(1, 5), max_size=2, unique=True),
)
@EXAMPLES
def test_every_sample_counts_once_an_epoch_behind_its_past(
    sizes: list[int], length: int, past: int, size: int, seed: int, world: int, hops: list[int]
) -> None:
    takes = numbered(sizes, hops)
    codecs = {**PCM, "who": Labels(["a", "b"])} | {name: Labels(["-"]) for name in takes.tracks}
    ranks = [Excerpts(takes, codecs, length, past, size, seed, rank, world) for rank in range(world)]
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    step = np.lcm.reduce(np.array([1, *hops]))
    for number in (0, 3):
        together = [batch for batches in ranks for batch in epoch(batches, number)]
        seen: list[int] = []
        for batch in together:
            assert batch.x.shape == batch.mask.shape == (size, batch.x.shape[1])
            for i, (row, mask) in enumerate(zip(positions(batch), batch.mask, strict=True)):
                at = np.flatnonzero(mask)
                assert 1 <= len(at) <= length
                assert mask[at[0] : at[-1] + 1].all()
                assert np.array_equal(row[: at[-1] + 1], np.arange(row[0], row[0] + at[-1] + 1)), "a stretch"
                assert not batch.x[i, at[-1] + 1 :].any(), "padding is 0"
                owner = int(np.searchsorted(bounds, row[0], side="right")) - 1
                begin, start, stop = row[0] - bounds[owner], row[at[0]] - bounds[owner], row[at[-1]] + 1 - bounds[owner]
                assert stop <= sizes[owner], "crosses recordings"
                assert begin % step == 0
                assert min(start, past) <= start - begin < min(start, past) + step
                assert batch.given["who"][i] == owner % 2
                for hop in hops:
                    columns = batch.given[f"every {hop}"][i]
                    for t in range(stop - begin):
                        assert columns[t // hop] == 1000 * owner + (begin + t) // hop, "not of its own sample"
                    there = np.flatnonzero(~np.isnan(columns))[-1] + 1
                    last = -(-(stop - begin) // hop)
                    assert there == min(last + MARGIN, -(-sizes[owner] // hop) - begin // hop), "what comes after"
                    assert columns[last:there].tolist() == [columns[last - 1] + 1 + k for k in range(there - last)]
            seen += positions(batch)[batch.mask].tolist()
        pieces = len(ranks[0].pieces.cuts(number))
        if pieces < size * world:
            continue  # too little for one step: pieces come more than once, so that the batch is full
        assert len(seen) == len(set(seen)), "a sample counts twice"
        dropped = pieces - ranks[0].per_epoch * size * world
        assert 0 <= dropped < size * world
        assert sum(sizes) - len(seen) <= dropped * length
        if not dropped:
            assert len(seen) == sum(sizes), "a sample is lost"


def test_over_many_epochs_all_samples_count_alike() -> None:
    batches = Excerpts(numbered([7, 50, 200, 33]), PCM, 16, 5, 4, 0)
    counts = np.zeros(290)
    for number in range(200):
        for batch in epoch(batches, number):
            np.add.at(counts, positions(batch)[batch.mask], 1)
    assert counts.max() <= 200
    assert counts.min() > 0.7 * counts.mean()
    assert counts[:7].mean() > 0.85 * counts.mean()  # the shortest recording is no rarer


@pytest.mark.parametrize("step", [0, 5, 1000])
def test_a_batch_is_a_function_of_seed_and_step(step: int) -> None:
    takes = numbered([30, 70, 100, 1, 12])
    worn = Excerpts(takes, PCM, 8, 3, 3, 5)
    for other in (0, 77, 12):
        worn.batch(other)
    a, b = worn.batch(step), Excerpts(takes, PCM, 8, 3, 3, 5).batch(step)
    assert np.array_equal(a.x, b.x)
    assert np.array_equal(a.mask, b.mask)
    assert a.origin == b.origin
    other_seed = Excerpts(takes, PCM, 8, 3, 3, 6).batch(step)
    assert a.x.shape != other_seed.x.shape or not np.array_equal(a.x, other_seed.x)


def test_left_and_right() -> None:
    raw = np.arange(-20, 20).astype(np.int16).reshape(20, 2)
    batch = Excerpts(Takes([raw], {}, ["x"]), {"x": Quantiser(8000, 2, "pcm16")}, 6, 4, 2, 0).batch(1)
    assert batch.x.shape == (*batch.mask.shape, 2)
    for row, mask in zip(batch.x - 32768, batch.mask, strict=True):
        stop = np.flatnonzero(mask)[-1] + 1
        assert np.array_equal(row[:stop, 1], row[:stop, 0] + 1)


def column(labels: list[int]) -> Any:
    return np.stack([np.array(labels, np.float32), np.full(len(labels), 0.5, np.float32)], 1)


def test_labels_and_labelled_tracks() -> None:
    takes = Takes(
        [np.zeros(10, np.int16), np.zeros(7, np.int16)],
        {"who": ("zoe", None), "unused": ("x", "y")},
        ["0", "1"],
        {"word": Aligned([column([1, 0, 1, 1, 0]), column([0, 1, -1, 1])], 2, ("silence", "hello"))},
    )
    word = Spans(["hello", "silence"], 8000, 2, [1, 1])
    batch = Excerpts(takes, {"x": Quantiser(8000), "who": Labels(["ann", "zoe"]), "word": word}, 20, 0, 2, 0).batch(0)
    assert set(batch.given) == {"who", "word"}
    assert batch.given["word"].shape == (2, 5 + MARGIN, 2)
    found = {}
    for who, columns in zip(batch.given["who"].tolist(), batch.given["word"], strict=True):
        there = ~np.isnan(columns).any(1)
        found[who] = columns[there, 0].tolist()
        assert there.argmin() == there.sum() == len(found[who]), "nothing behind a row's last column"
        assert (columns[there, 1] == 0.5).all()
    assert found == {1: [0, 1, 0, 0, 1], -1: [1, 0, -1, 0]}
    with pytest.raises(UserError, match="who: label 'zoe' is unknown"):
        Excerpts(takes, {"x": Quantiser(8000), "who": Labels(["ann"])}, 20, 0, 2, 0)


def test_there_must_be_something_to_train_on() -> None:
    with pytest.raises(UserError, match="nothing to train on"):
        Excerpts(Takes([], {}, []), PCM, 5, 2, 1, 0)
    for length, past in ((0, 2), (5, -1)):
        with pytest.raises(UserError, match=r"length is .* and past .*; give 1 or more"):
            Excerpts(numbered([3]), PCM, length, past, 1, 0)


class TwoConvolutions(SequenceModel):
    """Sees the last 6 samples."""

    def __init__(self) -> None:
        net = Serial(Conv(4, 4, 2, 1), Conv(4, 4, 3, 2), Pointwise(nn.Linear(4, 16)))
        super().__init__(Embedding(16, 4, 1.0), net, CategoricalHead(16), 0)


@pytest.mark.parametrize("past", [0, 5, 6, 9])
def test_behind_its_past_a_sample_is_predicted_as_in_the_whole_recording(past: int, float64: None) -> None:
    torch.manual_seed(0)
    model = TwoConvolutions()
    assert model.net.reach == 5
    raw = np.random.default_rng(0).uniform(-1, 1, 90)
    codec = Quantiser(8000, 1, "mulaw", 16)
    x = np.round(raw * 32767).astype(np.int16)
    whole = model.log_probs(torch.from_numpy(codec.encode(x))[None])[0]
    batches = Excerpts(Takes([x], {}, ["x"]), {"x": codec}, 13, past, 3, 0)
    alike = True
    for batch in epoch(batches, 0):
        terms = model.log_probs(torch.from_numpy(batch.x))
        for row, mask, found in zip(batch.x, batch.mask, terms, strict=True):
            stop = np.flatnonzero(mask)[-1] + 1
            places = [p for p in range(91 - stop) if np.array_equal(codec.encode(x[p : p + stop]), row[:stop])]
            assert len(places) == 1
            wanted = whole[places[0] : places[0] + stop][torch.from_numpy(mask[:stop])]
            alike &= torch.allclose(found[torch.from_numpy(mask)], wanted, atol=1e-12)
    assert alike == (past >= 6), "reach + 1 samples are what is needed, and all that is needed"


def test_whole_recordings_of_any_length() -> None:
    takes = numbered([7, 12, 3], [5])
    batch = Stretches(takes, {**PCM, "who": Labels(["a", "b"]), "every 5": Labels(["-"])}).whole([2, 1])
    assert batch.mask.tolist() == [[True] * 3 + [False] * 9, [True] * 12]
    assert positions(batch)[batch.mask].tolist() == [*range(19, 22), *range(7, 19)]
    assert batch.given["who"].tolist() == [0, 1]
    columns = batch.given["every 5"]
    assert columns.shape == (2, 3 + MARGIN)
    assert [row[~np.isnan(row)].tolist() for row in columns] == [[2000], [1000, 1001, 1002]]
