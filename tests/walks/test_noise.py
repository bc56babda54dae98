"""Noise from a counter: uniform, without correlation, and a function of seed, lane and index alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from seriatim.errors import UserError
from seriatim.walks import noise
from seriatim.walks.noise import Noise, offspring, own_seeds, row_seeds, uniform

SURPRISE = 1e-5


def streams() -> dict[str, Tensor]:
    """50,000 numbers each, got in ways that must not show."""
    n = 50_000
    one = torch.tensor([0])
    return {
        "along-the-index": uniform(torch.tensor([1]), 0, n)[0],
        "along-the-seed": uniform(torch.arange(n), 0, 1)[:, 0],
        "along-the-seed-high-bits": uniform(torch.arange(n) << 40, 7, 1)[:, 0],
        "along-the-lane": torch.cat([uniform(one, 5, 1, lane)[0] for lane in range(5_000)]),
        "along-the-row": uniform(row_seeds(3, n), 0, 1)[:, 0],
        "along-the-seed-of-the-batch": torch.cat([uniform(row_seeds(s, 10), 0, 1)[:, 0] for s in range(2_000)]),
        "far-away": uniform(torch.tensor([-(2**63)]), 2**40, n)[0],
    }


STREAMS = streams()
EACH = pytest.mark.parametrize("u", STREAMS.values(), ids=STREAMS)


@EACH
def test_it_is_uniform(u: Tensor) -> None:
    assert stats.kstest(u.numpy(), "uniform").pvalue > SURPRISE
    counts = torch.bincount((u * 256).long(), minlength=256)
    assert stats.chisquare(counts.numpy()).pvalue > SURPRISE
    low = (u * 2**52).long() % 256  # the bits at the other end are as good
    assert stats.chisquare(torch.bincount(low, minlength=256).numpy()).pvalue > SURPRISE


@EACH
@pytest.mark.parametrize("lag", [1, 2, 3, 64, 256])
def test_neighbours_do_not_know_of_each_other(u: Tensor, lag: int) -> None:
    a, b = u[:-lag], u[lag:]
    assert abs(float(stats.pearsonr(a.numpy(), b.numpy()).statistic)) < 4.5 / len(a) ** 0.5
    cells = (a * 8).long() * 8 + (b * 8).long()
    assert stats.chisquare(torch.bincount(cells, minlength=64).numpy()).pvalue > SURPRISE


def test_rows_lanes_and_seeds_do_not_share_numbers() -> None:
    n = 2_000
    rows = {
        f"{kind}-{i}": uniform(seeds, 0, n, lane)[0]
        for i in range(6)
        for kind, seeds, lane in (
            ("seed", torch.tensor([i]), 0),
            ("lane", torch.tensor([0]), i + 1),
            ("negative", torch.tensor([-i - 1]), 0),
            ("both", torch.tensor([i]), i + 1),
            ("row", row_seeds(9, 6)[i : i + 1], 0),
        )
    }
    del rows["both-0"]  # seed 0 in lane 1, which is lane-0
    for (name, a), (other, b) in itertools.combinations(rows.items(), 2):
        assert len(set(a.tolist()) & set(b.tolist())) <= 1, f"{name} shares numbers with {other}"
        r = abs(float(stats.pearsonr(a.numpy(), b.numpy()).statistic))
        assert r < 5 / n**0.5, f"{name} is correlated with {other}"


@pytest.mark.parametrize(("bits", "expected"), [(0, 2.0**-53), (-1, 1 - 2.0**-53)])
def test_the_interval_is_open(monkeypatch: pytest.MonkeyPatch, bits: int, expected: float) -> None:
    calls = itertools.count(1)  # the last of four mixings gives the bits
    monkeypatch.setattr(noise, "_mix", lambda x: torch.full_like(x, bits if next(calls) == 4 else 0))
    u = uniform(torch.tensor([0]), 0, 3)
    assert u.tolist() == [[expected] * 3]
    assert bool(torch.special.ndtri(u).isfinite().all())


@given(
    start=st.integers(0, 2**40), n=st.integers(1, 300), cut=st.integers(0, 300), seed=st.integers(-(2**63), 2**63 - 1)
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_part_of_a_stream_is_that_part(start: int, n: int, cut: int, seed: int) -> None:
    seeds = torch.tensor([seed, 5])
    whole = uniform(seeds, start, n)
    cut = min(cut, n)
    assert torch.equal(torch.cat([uniform(seeds, start, cut), uniform(seeds, start + cut, n - cut)], 1), whole)
    assert torch.equal(uniform(seeds[:1], start, n), whole[:1])
    assert whole.dtype == torch.float64


@pytest.mark.parametrize("block", [1, 2, 7, 256, 1000])
def test_blocks_do_not_show(block: int) -> None:
    seeds = torch.tensor([1, -2, 3])
    source = Noise(seeds, block)
    for index, n in ((0, 1), (1, 1), (2, 3), (305, 1), (4, 2), (900, 1), (0, 3), (901, 1)):
        lanes = [uniform(seeds, index, 1, lane) for lane in range(n)]
        assert torch.equal(source(index, n), torch.cat(lanes, 1))


def test_rows_that_leave_do_not_change_the_others() -> None:
    seeds = torch.tensor([1, 2, 3])
    source = Noise(seeds, 8)
    _ = source(0)
    rows = torch.tensor([2, 0])
    source.select(rows)
    for start in (1, 7, 8, 100):
        assert torch.equal(source(start), uniform(seeds[rows], start, 1))


def test_a_row_has_its_seed_whatever_the_batch() -> None:
    assert torch.equal(row_seeds(3, 10)[:4], row_seeds(3, 4))
    assert len(set(row_seeds(3, 1000).tolist()) | set(row_seeds(4, 1000).tolist())) == 2000
    assert row_seeds([5, 6], 2).tolist() == [5, 6]
    with pytest.raises(UserError, match="2 seeds for 3 rows"):
        row_seeds([5, 6], 3)


def test_a_seed_alone_is_the_first_rows_own() -> None:
    for seed in (0, 5, 2**63 - 1):
        first, *others = own_seeds(seed, 40)
        assert first == seed == own_seeds(seed, 1)[0] == own_seeds([seed], 1)[0]
        assert len({first, *others}) == 40
        assert all(0 <= other < 2**52 for other in others)


SAME = {
    "numpy": np.int64(5),
    "no-axes": np.array(5),
    "array": np.array([5], np.uint8),
    "tensor": torch.tensor([5]),
    "tuple": (5,),
    "range": range(5, 6),
}


@pytest.mark.parametrize("seed", SAME.values(), ids=SAME)
def test_numpys_numbers_and_arrays_are_seeds(seed: Any) -> None:
    assert own_seeds(seed, 1) == [5]


def test_an_array_is_a_seed_per_row() -> None:
    assert row_seeds(np.arange(2), 2).tolist() == own_seeds(torch.arange(2), 2) == [0, 1]


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5, "5", None, [1, -1], np.zeros((1, 2)), np.array([0.5])], ids=repr)
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(UserError, match=r"seed.*(expected whole numbers from 0|give one, or one per row)"):
        own_seeds(seed, 2 if isinstance(seed, list) else 1)


def test_offspring_of_one_seed_are_no_rows_of_another_and_lanes_are_apart() -> None:
    rows = own_seeds(3, 100)
    particles = [each for seed in rows[:20] for each in offspring(seed, 50, lane=1)]
    assert len({*rows, *particles}) == 100 + 1000


def test_it_does_not_touch_the_global_generator() -> None:
    before = torch.get_rng_state()
    uniform(torch.tensor([1]), 0, 10)
    row_seeds(1, 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_it_stays_what_it_was() -> None:
    """Samples in papers and bug reports are named by their seeds: these numbers must not change."""
    assert uniform(torch.tensor([0, 1]), 0, 3).tolist() == PINNED


PINNED = [
    [0.9995385979782202, 0.811460187285797, 0.5716414088053509],
    [0.25247809221298756, 0.6444846045474194, 0.8907514399024853],
]
