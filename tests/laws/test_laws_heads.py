"""Every head obeys the laws of distributions."""

from __future__ import annotations

import math

import pytest
import torch

from registry import HEADS, HeadCase
from seriatim.heads import Categorical, Discrete, Event
from seriatim.testing import gradient_law, heads

pytestmark = pytest.mark.usefixtures("float64")
EACH = pytest.mark.parametrize("case", HEADS.values(), ids=HEADS)
EVENTS = {name: case for name, case in HEADS.items() if len(case.levels) > 1}
DENSITIES = {name: case for name, case in HEADS.items() if case.levels in {(0,), (heads.COUNTS,)}}
DISCRETE = {name: case for name, case in HEADS.items() if len(case.levels) == 1 and case.levels[0] > 0}
TABLES = DISCRETE | {name: case for name, case in EVENTS.items() if min(case.levels) > 0}
DISCRETES = pytest.mark.parametrize("case", DISCRETE.values(), ids=DISCRETE)


@DISCRETES
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=str)
def test_tables_sum_to_one(case: HeadCase, shape: tuple[int, ...]) -> None:
    dist = case.make()(case.parameters(*shape))
    assert isinstance(dist, Discrete)
    assert dist.batch_shape == shape
    heads.table_law(dist)


@pytest.mark.parametrize("case", DENSITIES.values(), ids=DENSITIES)
def test_densities_integrate_to_one(case: HeadCase) -> None:
    heads.density_law(case.make()(case.parameters(3)))


@pytest.mark.parametrize("case", EVENTS.values(), ids=EVENTS)
def test_events_sum_to_one(case: HeadCase) -> None:
    event = case.make()(case.parameters(2))
    assert isinstance(event, Event)
    heads.event_law(event, case.levels)


@pytest.mark.parametrize("case", TABLES.values(), ids=TABLES)
def test_what_is_written_by_hand_equals_the_default(case: HeadCase) -> None:
    dist = case.make()(case.parameters(4, 3))
    assert isinstance(dist, Discrete | Event)
    noise = dist.noise if isinstance(dist, Discrete) else len(case.levels)
    parts = [torch.randint(k, (4, 3)) for k in case.levels]
    x = parts[0] if len(parts) == 1 else torch.stack(parts, -1)
    heads.handwritten_law(dist, x, heads.uniforms(torch.Size((4, 3, noise)), 0), case.inverse)


def test_the_law_finds_what_categorical_writes_by_hand() -> None:
    dist = Categorical(torch.randn(3, 5))
    x, u = torch.tensor([0, 4, 2]), torch.tensor([[0.1], [0.5], [0.9]])
    assert heads.handwritten_law(dist, x, u) == ["cdf", "draw", "log_prob", "log_table"]


@EACH
def test_draws_have_the_density_that_is_scored(case: HeadCase) -> None:
    n = 6000
    dist = case.make()(case.parameters(1).expand(n, -1))
    heads.draw_law(dist)


@DISCRETES
@pytest.mark.parametrize("bits", [16, 24, 48])
def test_counts_law(case: HeadCase, bits: int) -> None:
    dist = case.make()(case.parameters(4))
    assert isinstance(dist, Discrete)
    heads.counts_law(dist, bits)


EXTREME = {
    "one-certain": [1e4, 0.0, 0.0, 0.0],
    "one-impossible": [0.0, -1e4, 0.0, 0.0],
    "both": [1e4, -1e4, 1e4, -1e4],
    "first-forbidden": [-math.inf, 0.0, 1.0, 2.0],
    "last-forbidden": [0.0, 1.0, 2.0, -math.inf],
    "all-but-one-forbidden": [-math.inf, -math.inf, 3.0, -math.inf],
    "tiny": [0.0, -700.0, -30.0, -40.0],
}


@pytest.mark.parametrize("logits", EXTREME.values(), ids=EXTREME)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_extreme_logits(logits: list[float], dtype: torch.dtype) -> None:
    dist = Categorical(torch.tensor([logits, logits], dtype=dtype))
    for bits in (4, 16, 48):
        heads.counts_law(dist, bits)
    draws = torch.stack([dist.draw(torch.full((2, 1), u)) for u in (2.0**-53, 0.25, 0.5, 0.75, 1 - 2.0**-53)])
    p = dist.log_table()[0].double().exp()
    assert (p[draws] > 0).all(), "a symbol without probability was drawn"
    assert draws.min() == (p > 2.0**-53).nonzero().min()


@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 1.0), (torch.float64, 100.0)], ids=str)
def test_counts_of_very_many_symbols(dtype: torch.dtype, scale: float) -> None:
    torch.manual_seed(0)
    one = Categorical((scale * torch.randn(1, 50_000)).to(dtype))
    each = Categorical(one.logits.expand(50_001, -1))
    each.__dict__["_cumulative"] = one._cumulative.expand(50_001, -1)  # the same sums, not 50,001 copies of them
    counts = each.count(torch.arange(-1, 50_000), 24)
    assert int(counts[0]) == 0
    assert bool((counts.diff() >= 1).all())
    assert int(counts[-1]) == 2**24


@pytest.mark.parametrize("bits", [3, 49])
def test_too_few_or_too_many_bits_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="bits for 4 symbols"):
        Categorical(torch.zeros(4)).count(torch.tensor(0), bits)


@DISCRETES
def test_cdf_is_the_running_sum(case: HeadCase) -> None:
    dist = case.make()(case.parameters(3))
    assert isinstance(dist, Discrete)
    sums = torch.stack([dist.cdf(x) for x in heads.symbols(dist)])
    assert sums.dtype == torch.float64
    torch.testing.assert_close(sums, dist.log_table().exp().T.cumsum(0))
    assert bool((dist.cdf(torch.full((3,), -1)) == 0).all())
    assert bool((sums[-1] == 1).all())


@EACH
def test_sample_is_a_function_of_its_generator(case: HeadCase) -> None:
    dist = case.make()(case.parameters(50))
    if isinstance(dist, Event):
        return
    one, two = (dist.sample(torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, dist.sample(torch.Generator().manual_seed(4)))


@EACH
def test_gradients_reach_the_parameters(case: HeadCase) -> None:
    parameters = case.parameters(40).requires_grad_()
    parts = [torch.randint(max(k, 2), (40,)) for k in case.levels]
    x = parts[0] if len(parts) == 1 else torch.stack(parts, -1)
    x = x if case.levels[0] else x.double()
    gradient_law(lambda: case.make()(parameters).log_prob(x).sum(), [("parameters", parameters)])


def test_half_precision_logits_are_summed_in_float32() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 30_000).bfloat16()
    exact = Categorical(logits.double()).log_prob(torch.tensor([7]))
    given = Categorical(logits).log_prob(torch.tensor([7]))
    assert given.dtype == torch.float32
    torch.testing.assert_close(given.double(), exact, rtol=1e-5, atol=1e-5)
