"""Guidance: the distribution that is promised, row by row, for pictures and for text, and no likelihood of it."""

from __future__ import annotations

import pytest
import torch

from registry import MODELS, ROWS
from seriatim.errors import UserError
from seriatim.heads import Categorical
from seriatim.symbols import Labels
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Guided, Walk
from tiny_text import text_model

pytestmark = pytest.mark.usefixtures("float64")
CONDITIONAL = ("conditional", "auto-encoder", "conditional-map")


@pytest.mark.parametrize("name", CONDITIONAL)
def test_every_step_has_the_distribution_that_is_promised(name: str) -> None:
    case = MODELS[name]
    model, x = case.model(), case.x().flatten(1)
    context, none = model.condition(case.given(), ROWS), model.null(ROWS)
    walk = model.walk(ROWS, context, x.shape[1], guidance=2.5)
    assert isinstance(walk, Guided)
    said, missing = (Walk(model.packed(), ROWS, c, x.shape[1]) for c in (context, none))
    differs = 0.0
    for t in range(x.shape[1]):
        found = walk.dist
        assert isinstance(found, Categorical)
        a, b = (w.dist.log_table() for w in (said, missing))  # pyright: ignore[reportAttributeAccessIssue]
        expected = (a + 1.5 * (a - b)).log_softmax(-1)
        torch.testing.assert_close(found.log_table(), expected)
        differs = max(differs, float((expected - a).abs().max()))
        for each in (walk, said, missing):
            each.push(x[:, t])
    assert differs > 0.001


@pytest.mark.parametrize("name", CONDITIONAL)
def test_what_is_given_first_is_gone_on_from(name: str) -> None:
    case = MODELS[name]
    model, length = case.model(), case.x()[0].numel()
    steer, seeds = Steer(guidance=2.0), list(range(ROWS))
    whole = model.sample(ROWS, case.given(), length=length, seed=seeds, steer=steer)
    begun = model.sample(ROWS, case.given(), length=length, seed=seeds, steer=steer, prompt=whole[:, :2])
    assert torch.equal(begun, whole)


def test_a_row_is_its_own_also_when_guided() -> None:
    case = MODELS["conditional"]
    model, steer = case.model(), Steer(guidance=3)
    given = case.given()
    assert isinstance(given, dict)
    whole = model.sample(ROWS, given, length=7, seed=list(range(ROWS)), steer=steer)
    last = {name: value[2:] for name, value in given.items()}
    assert torch.equal(model.sample(1, last, length=7, seed=[2], steer=steer), whole[2:])
    begun = model.sample(ROWS, given, length=7, seed=list(range(ROWS)), steer=steer, prompt=whole[:, :3])
    assert torch.equal(begun, whole)
    walk = model.walk(ROWS, model.condition(given, ROWS), 7, guidance=3)
    walk.feed(whole[:, :3])
    walk.select(torch.tensor([2, 0]))
    apart = model.walk(1, model.condition(last, 1), 7, guidance=3)
    apart.feed(whole[2:, :3])
    found, expected = walk.dist, apart.dist
    assert isinstance(found, Categorical)
    assert isinstance(expected, Categorical)
    torch.testing.assert_close(found.log_table()[:1], expected.log_table())


def test_a_fork_is_guided_too_and_whole_positions_are_not() -> None:
    model = MODELS["conditional"].model()
    walk = model.walk(ROWS, model.condition(MODELS["conditional"].given(), ROWS), 3, guidance=3)
    fork = walk.fork()
    one, two = walk.dist, fork.dist
    assert isinstance(one, Categorical)
    assert isinstance(two, Categorical)
    torch.testing.assert_close(one.log_table(), two.log_table())
    with pytest.raises(ValueError, match="symbol by symbol"):
        _ = walk.whole
    with pytest.raises(ValueError, match="symbol by symbol"):
        walk.take(torch.zeros(ROWS, dtype=torch.long))


def test_nothing_said_is_nothing_to_be_guided_by() -> None:
    model = MODELS["gru"].model()
    with pytest.raises(UserError, match="no conditions"):
        model.sample(1, length=3, steer=Steer(guidance=2))
    with pytest.raises(UserError, match="guidance"):
        Steer(guidance=-1)


def test_what_is_impossible_stays_so() -> None:
    said = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.0, 0.8]]).log()
    model = MODELS["conditional"].model()
    walk = model.walk(1, model.null(1), 3, guidance=4.0)
    walk._parameters = said  # of the row as conditioned, and as not
    found = walk.dist
    assert isinstance(found, Categorical)
    p = found.log_table().exp()
    assert bool(p.isfinite().all())
    assert float(p[0, 2]) == 0
    assert float(p[0, 1]) > 0.99  # impossible without the condition, possible with it


def test_text_is_guided_too_and_has_no_likelihood_then() -> None:
    model = text_model(conditions={"genre": Labels(["ode", "sonnet"])})
    plain = model.sample("a", given={"genre": "ode"}, seed=1, max_length=30)
    guided = model.sample("a", given={"genre": "ode"}, seed=1, max_length=30, guidance=8.0)
    assert str(plain[0]) != str(guided[0])
    again = model.sample(["a", "abc"], given={"genre": "ode"}, seed=1, max_length=30, guidance=8.0)
    assert str(again[0]) == str(guided[0])
    with pytest.raises(UserError, match="no likelihood"):
        model.sample("a", given={"genre": "ode"}, max_length=3, guidance=8.0, log_probs=True)
    with pytest.raises(UserError, match="no conditions"):
        text_model().sample("a", max_length=3, guidance=2.0)
