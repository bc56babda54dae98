"""Every filter against a slow and obvious one, the order in which they act, and what cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from registry import MODELS
from seriatim.errors import UserError
from seriatim.heads import Categorical, Discrete
from seriatim.walks.steer import Steer

pytestmark = pytest.mark.usefixtures("float64")
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
LOGITS = st.lists(st.floats(-6, 6, width=16), min_size=1, max_size=9)


def kept(logits: list[float], steer: Steer) -> list[int]:
    """The symbols that may be drawn."""
    p = probabilities(torch.tensor([logits]), steer)[0]
    return [i for i, value in enumerate(p.tolist()) if value > 0]


def probabilities(logits: Tensor, steer: Steer, occurred: Tensor | None = None) -> Tensor:
    return steer.apply(Categorical(logits.double()), occurred).log_table().exp()


def softmax(logits: list[float]) -> list[float]:
    top = max(logits)
    weights = [math.exp(value - top) for value in logits]
    return [weight / sum(weights) for weight in weights]


def by_likelihood(logits: list[float]) -> list[int]:
    return sorted(range(len(logits)), key=lambda i: -logits[i])


def slow_top_k(logits: list[float], k: int) -> set[int]:
    return set(by_likelihood(logits)[: k or None])


def smallest_set(order: list[int], p: list[float], mass: float) -> set[int]:
    total, chosen = 0.0, set()
    for i in order:
        if total >= mass:
            break
        chosen.add(i)
        total += p[i]
    return chosen


def slow_top_p(logits: list[float], mass: float) -> set[int]:
    return smallest_set(by_likelihood(logits), softmax(logits), mass)


def slow_min_p(logits: list[float], share: float) -> set[int]:
    p = softmax(logits)
    return {i for i in range(len(p)) if p[i] >= share * max(p)}


def slow_typical(logits: list[float], mass: float) -> set[int]:
    p = softmax(logits)
    entropy = -sum(q * math.log(q) for q in p)
    return smallest_set(sorted(range(len(p)), key=lambda i: abs(-math.log(p[i]) - entropy)), p, mass)


def agree(logits: list[float], steer: Steer, slow: Callable[[], set[int]], near: float) -> None:
    """The same symbols are kept; `near` a border, where rounding decides, only as many of the same likelihood."""
    left, wanted = kept(logits, steer), slow()
    p = softmax(logits)
    lost = sum(p[i] for i in wanted) - sum(p[i] for i in left)
    assert left, "a filter leaves at least one symbol"
    assert set(left) == wanted or abs(lost) < near or len(set(p)) < len(p)
    given_p = probabilities(torch.tensor([logits]), steer)[0]
    total = sum(p[i] for i in left)
    torch.testing.assert_close(given_p[left], torch.tensor([p[i] / total for i in left]))


@given(logits=LOGITS, k=st.integers(0, 10))
@EXAMPLES
def test_top_k_keeps_exactly_k_the_first_of_equals(logits: list[float], k: int) -> None:
    assert set(kept(logits, Steer(top_k=k))) == slow_top_k(logits, k)


@given(logits=LOGITS, mass=st.floats(0.01, 1))
@EXAMPLES
def test_top_p(logits: list[float], mass: float) -> None:
    agree(logits, Steer(top_p=mass), lambda: slow_top_p(logits, mass), 1e-9)
    left = kept(logits, Steer(top_p=mass))
    p = softmax(logits)
    assert sum(p[i] for i in left) >= mass - 1e-9
    assert sum(p[i] for i in left) - min(p[i] for i in left) < mass + 1e-9


@given(logits=LOGITS, share=st.floats(0, 1))
@EXAMPLES
def test_min_p(logits: list[float], share: float) -> None:
    agree(logits, Steer(min_p=share), lambda: slow_min_p(logits, share), 1e-9)


@given(logits=LOGITS, mass=st.floats(0.01, 1))
@EXAMPLES
def test_typical(logits: list[float], mass: float) -> None:
    agree(logits, Steer(typical=mass), lambda: slow_typical(logits, mass), 1e-9)


def test_a_nucleus_wider_than_the_first_look_is_whole() -> None:
    torch.manual_seed(0)
    for scale in (0.0, 0.1, 3.0):
        logits = (scale * torch.randn(3000)).tolist()
        for mass in (0.05, 0.5, 0.97):
            assert len(kept(logits, Steer(top_p=mass))) == len(slow_top_p(logits, mass))


def test_rows_are_filtered_one_by_one() -> None:
    torch.manual_seed(0)
    logits = 3 * torch.randn(6, 40)
    for steer in (Steer(top_k=3), Steer(top_p=0.7), Steer(min_p=0.1), Steer(typical=0.6), Steer(temperature=0)):
        rows = torch.cat([probabilities(row[None], steer) for row in logits])
        torch.testing.assert_close(probabilities(logits, steer), rows)


def test_ties_are_broken_by_the_number_of_the_symbol() -> None:
    flat = [0.5] * 6
    assert kept(flat, Steer(top_k=2)) == [0, 1]
    assert kept(flat, Steer(temperature=0)) == [0]
    assert len(kept(flat, Steer(top_p=0.4))) == 3
    assert kept(flat, Steer(min_p=1)) == list(range(6))
    assert kept([1.0, 2.0, 2.0, 0.0, 2.0], Steer(top_k=2)) == [1, 2]


def test_the_order_is_bias_penalties_temperature_top_k_top_p_min_p_typical() -> None:
    torch.manual_seed(1)
    logits = 2 * torch.randn(4, 30)
    occurred = torch.randint(3, (4, 30))
    together = Steer(
        temperature=1.7, top_k=20, top_p=0.9, min_p=0.05, typical=0.8,
        repetition=1.3, presence=0.2, frequency=0.1, bias={3: 1.5}, forbid=frozenset({5}),
    )  # fmt: skip
    one_by_one = [
        Steer(bias={3: 1.5}, forbid=frozenset({5})), Steer(repetition=1.3), Steer(presence=0.2, frequency=0.1),
        Steer(temperature=1.7), Steer(top_k=20), Steer(top_p=0.9), Steer(min_p=0.05), Steer(typical=0.8),
    ]  # fmt: skip
    dist: Discrete = Categorical(logits)
    for steer in one_by_one:
        dist = steer.apply(dist, occurred if steer.counts else None)
    torch.testing.assert_close(together.apply(Categorical(logits), occurred).log_table().exp(), dist.log_table().exp())
    other_way = Categorical(logits)
    for steer in reversed(one_by_one):
        other_way = steer.apply(other_way, occurred if steer.counts else None)
    assert not torch.allclose(other_way.log_table().exp(), dist.log_table().exp())


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 3.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    logits = torch.randn(2, 7)
    torch.testing.assert_close(
        probabilities(logits, Steer(temperature=temperature)), (logits / temperature).softmax(-1)
    )


@pytest.mark.parametrize("temperature", [0.0, 1e-30, 1e-320])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_no_temperature_is_the_likeliest_symbol(temperature: float, dtype: torch.dtype) -> None:
    logits = torch.tensor([[1e4, 5.0, -1e4], [-3e4, -2e4, -math.inf], [2.0, 7.5, 7.0]], dtype=dtype)
    p = Steer(temperature=temperature).apply(Categorical(logits)).log_table().exp()
    assert p.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


def test_penalties() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0, -1.0]])
    occurred = torch.tensor([[1, 3, 0, 0]])
    log_odds = lambda steer: probabilities(logits, steer, occurred).log()[0]  # noqa: E731
    total = math.log(math.exp(2) + math.exp(-2) + math.exp(1) + math.exp(-1))  # log p of the first is 2 - total, …
    twice = [2 * (2.0 - total), 2 * (-2.0 - total), 1.0 - total, -1.0 - total]
    expected = {
        "repetition": (twice, Steer(repetition=2.0)),
        "presence": ([1.5, -2.5, 1.0, -1.0], Steer(presence=0.5)),
        "frequency": ([1.75, -2.75, 1.0, -1.0], Steer(frequency=0.25)),
        "all": (
            [twice[0] - 0.5 - 0.25, twice[1] - 0.5 - 0.75, *twice[2:]],
            Steer(repetition=2.0, presence=0.5, frequency=0.25),
        ),
    }
    for wanted, steer in expected.values():
        assert steer.counts
        torch.testing.assert_close(log_odds(steer), torch.tensor(wanted).log_softmax(-1))
    with pytest.raises(ValueError, match="occurred"):
        Steer(presence=0.5).apply(Categorical(logits))


def test_the_repetition_penalty_does_not_know_what_is_added_to_all_logits() -> None:
    logits, occurred = torch.tensor([[2.0, -2.0, 1.0]]), torch.tensor([[1, 0, 2]])
    alone = probabilities(logits, Steer(repetition=1.5), occurred)
    for shift in (-7.0, 3.0):
        torch.testing.assert_close(probabilities(logits + shift, Steer(repetition=1.5), occurred), alone)


def test_bias_and_forbid() -> None:
    logits = torch.zeros(2, 3)
    torch.testing.assert_close(
        probabilities(logits, Steer(bias={0: math.log(2), 2: -math.inf}))[0], torch.tensor([2 / 3, 1 / 3, 0])
    )
    assert kept([1.0, 2.0, 3.0], Steer(forbid=frozenset({0, 2}))) == [1]
    assert torch.equal(logits, torch.zeros(2, 3)), "the caller's logits were written to"


def test_what_is_neutral_is_the_model_itself() -> None:
    dist = Categorical(torch.randn(2, 3))
    assert Steer().neutral
    assert Steer().apply(dist) is dist
    assert not any(steer.neutral for steer in (Steer(top_k=1), Steer(temperature=0.9), Steer(forbid=frozenset({0}))))


IMPOSSIBLE = {
    "temperature": [-0.1, math.inf, math.nan, 1e39],
    "top_k": [-1],
    "top_p": [0.0, 1.1, math.nan, -1.0],
    "min_p": [-0.1, 1.1, math.nan],
    "typical": [0.0, 1.1, math.nan],
    "repetition": [0.0, -1.0, math.inf, math.nan, 1e39, 1e-320],
    "presence": [math.inf, math.nan, 1e39],
    "frequency": [-math.inf, math.nan, -1e39],
    "bias": [{0: math.inf}, {0: math.nan}, {0: 1e39}, {0: -1e39}],
}


@pytest.mark.parametrize(
    ("option", "value"), [(name, value) for name, values in IMPOSSIBLE.items() for value in values]
)
def test_impossible_options_are_user_errors(option: str, value: object) -> None:
    with pytest.raises(UserError, match=option.replace("_", "-")):
        Steer(**{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "steer", [Steer(forbid=frozenset({3})), Steer(bias={-1: 1.0}), Steer(forbid=frozenset({0, 1, 2}))], ids=str
)
def test_impossible_symbols_are_user_errors(steer: Steer) -> None:
    with pytest.raises(UserError, match="symbol"):
        steer.apply(Categorical(torch.zeros(1, 3)))


def test_the_likelihood_of_a_head_that_is_no_categorical_is_steered_too() -> None:
    class Slow(Discrete):
        levels = 3
        batch_shape = torch.Size((1,))
        device = torch.device("cpu")

        def log_mass(self, x: Tensor) -> Tensor:
            return torch.tensor([0.2, 0.5, 0.3]).log()[x]

        def draw(self, u: Tensor) -> Tensor:
            return super().draw(u)

    assert Steer(top_k=2).apply(Slow()).log_table().exp()[0].tolist() == pytest.approx([0, 0.625, 0.375])


def test_penalties_know_what_a_model_has_said_prompt_included() -> None:
    model = MODELS["lstm"].model()
    steer, prompt = Steer(presence=1e6), torch.tensor([[1], [2]])
    x = model.sample(2, length=model.head.width, steer=steer, prompt=prompt)
    assert all(sorted(row) == list(range(model.head.width)) for row in x.tolist())


def test_penalties_are_for_one_softmax() -> None:
    pair = next(case for case in MODELS.values() if len(case.levels) > 1 and min(case.levels) > 0).model()
    with pytest.raises(ValueError, match="symbols of a softmax"):  # mixtures have none
        pair.sample(1, length=2, steer=Steer(presence=1.0))
