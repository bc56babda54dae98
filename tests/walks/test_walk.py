"""A walk is where a batch stands. That its values are right is in the laws of models; here is how it behaves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from registry import MODELS, ROWS
from seriatim.heads import Categorical, Dist
from seriatim.models import Model
from seriatim.walks.walk import Walk, roll
from toys import MaskedLinear, Pair, PairHead

pytestmark = pytest.mark.usefixtures("float64")


class Counted:
    """A model that counts its steps."""

    def __init__(self, model: Model) -> None:
        self.model, self.head, self.carries, self.backend = model, model.head, model.carries, "eager"
        self.steps = 0

    def start(self, *args: Any, **options: Any) -> Any:
        return self.model.start(*args, **options)

    def step(self, prev: Tensor, state: Any) -> tuple[Tensor, Any]:
        self.steps += 1
        return self.model.step(prev, state)

    def read(self, *args: Any) -> Any:
        return self.model.read(*args)


def walk(name: str = "lstm", length: int | None = 7) -> tuple[Walk, Counted, Tensor]:
    case = MODELS[name]
    stepper = Counted(case.model())
    return Walk(stepper, ROWS, stepper.model.condition(case.given(), ROWS), length), stepper, case.x()


def test_asking_twice_steps_once() -> None:
    w, stepper, x = walk()
    first = w.dist
    second = w.dist
    assert isinstance(first, Categorical)
    assert isinstance(second, Categorical)
    assert torch.equal(first.logits, second.logits)
    assert stepper.steps == 1
    w.push(x[:, 0])
    assert stepper.steps == 1
    assert w.clock == 1


def test_pushing_without_asking_takes_the_same_steps() -> None:
    asked, _, x = walk()
    told, stepper, _ = walk()
    for t in range(3):
        _ = asked.dist
        asked.push(x[:, t])
        told.push(x[:, t])
    assert stepper.steps == 3
    torch.testing.assert_close(told.dist.log_prob(x[:, 3]), asked.dist.log_prob(x[:, 3]))


def test_it_ends_where_it_was_said_to_end() -> None:
    w, _, x = walk()
    w.feed(x)
    with pytest.raises(ValueError, match="reached its length of 7 positions"):
        _ = w.dist
    with pytest.raises(ValueError, match=r"7 \+ 1 positions in a walk of 7"):
        w.feed(x[:, :1])


def test_feeding_nothing_changes_nothing() -> None:
    w, _, x = walk()
    assert w.feed(x[:, :0]).shape == (ROWS, 0, 3)
    w.push(x[:, 0])
    assert w.feed(x[:, :0]).shape == (ROWS, 0, 3)
    assert w.clock == 1


def test_a_chunk_may_follow_a_question() -> None:
    w, stepper, x = walk()
    _ = w.dist  # the parameters of position 0 are pending
    torch.testing.assert_close(w.feed(x), stepper.model(x))


def test_parts_come_one_after_the_other() -> None:
    w, stepper, x = walk("toy-pairs", None)
    parameters = stepper.model(x)
    for t in range(x.shape[1]):
        event = stepper.head(parameters[:, t])
        assert isinstance(event, Pair)
        for i in range(2):
            expected = event.given(i, x[:, t, :i])
            torch.testing.assert_close(w.dist.log_prob(x[:, t, i]), expected.log_prob(x[:, t, i]))
            if i:
                with pytest.raises(ValueError, match="a position is half finished"):
                    w.feed(x[:, t:])
            w.push(x[:, t, i])
    assert stepper.steps == x.shape[1]


def test_select_in_the_middle_of_a_position() -> None:
    w, stepper, x = walk("toy-pairs", None)
    _ = w.dist
    w.push(x[:, 0, 0])
    rows = torch.tensor([2, 2, 0, 1])
    w.select(rows)
    assert w.batch == 4
    event = stepper.head(stepper.model(x)[:, 0])
    assert isinstance(event, Pair)
    expected = event.given(1, x[:, 0, :1]).log_prob(x[:, 0, 1])
    torch.testing.assert_close(w.dist.log_prob(x[rows, 0, 1]), expected[rows])


def test_roll_yields_what_the_hand_picks() -> None:
    w, _, _ = walk()
    seen: list[int] = []

    def likeliest(i: int, dist: Dist) -> Tensor:
        seen.append(i)
        assert isinstance(dist, Categorical)
        return dist.logits.argmax(-1)

    drawn = torch.stack(list(roll(w, likeliest, 4)), 1)
    assert seen == [0, 1, 2, 3]
    assert w.clock == 4
    again, stepper, _ = walk()
    for t in range(4):
        assert torch.equal(stepper.model(drawn)[:, t].argmax(-1), drawn[:, t])
        again.push(drawn[:, t])
    torch.testing.assert_close(again.dist.log_prob(drawn[:, 0]), w.dist.log_prob(drawn[:, 0]))


def test_nothing_of_a_walk_needs_gradients() -> None:
    w, _, x = walk("gru-deep-tied-vector")
    assert not w.feed(x[:, :3]).requires_grad
    assert not w.dist.log_prob(x[:, 3]).requires_grad


class Recorded(Categorical):
    """Keeps the uniforms that it was drawn with."""

    def __init__(self, noise: int, kept: list[float]) -> None:
        super().__init__(torch.zeros(1, 3))
        self.noise, self.kept = noise, kept

    def draw(self, u: Tensor) -> Tensor:
        self.kept += u.flatten().tolist()
        return super().draw(u[..., :1])


def test_no_two_symbols_are_drawn_from_the_same_noise() -> None:
    kept: list[float] = []

    class Uneven(Pair):
        def given(self, i: int, prefix: Tensor) -> Dist:
            return Recorded(i + 1, kept)  # one uniform for the first part, two for the second

    class UnevenHead(PairHead):
        def forward(self, parameters: Tensor) -> Pair:
            return Uneven(parameters, parameters)

    MaskedLinear((3,), UnevenHead((3, 3)), 3).sample(1, length=3)
    assert len(kept) == 9
    assert len(set(kept)) == 9
