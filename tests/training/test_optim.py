"""The optimiser's groups, learning rates and the moving average, each against its formula."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from seriatim.errors import UserError
from seriatim.training.optim import Average, adamw, learning_rate
from seriatim.training.options import TrainOptions
from tiny_text import text_model


def test_matrices_decay_and_vectors_do_not() -> None:
    model = text_model("lstm").model
    matrices, vectors = adamw(model, TrainOptions(weight_decay=0.3, beta1=0.8, beta2=0.95)).param_groups
    assert matrices["weight_decay"] == 0.3
    assert vectors["weight_decay"] == 0
    assert matrices["betas"] == (0.8, 0.95)
    assert all(p.dim() >= 2 for p in matrices["params"])
    assert all(p.dim() < 2 for p in vectors["params"])
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(model.parameters()))


def test_a_model_without_vectors_has_one_group() -> None:
    assert len(adamw(nn.Linear(2, 2, bias=False), TrainOptions()).param_groups) == 1


def test_the_warm_up_is_a_line() -> None:
    options = TrainOptions(lr=1.0, warmup=4)
    assert [learning_rate(step, 100, options) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert learning_rate(0, 100, TrainOptions(lr=1.0)) == 1 / 5  # a twentieth of all
    assert learning_rate(0, 10**6, TrainOptions(lr=1.0)) == 1 / 100
    assert learning_rate(0, 100, TrainOptions(lr=1.0, warmup=0)) == 1.0


def test_the_cosine_ends_at_its_share() -> None:
    options = TrainOptions(lr=2.0, warmup=10, final=0.1)
    assert learning_rate(10, 110, options) == pytest.approx(2.0)
    assert learning_rate(60, 110, options) == pytest.approx(2.0 * (0.1 + 0.9 / 2))
    assert learning_rate(110, 110, options) == learning_rate(500, 110, options) == pytest.approx(0.2)
    rates = [learning_rate(step, 110, options) for step in range(10, 111)]
    assert rates == sorted(rates, reverse=True)
    quarter = 2.0 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 4)))
    assert learning_rate(35, 110, options) == pytest.approx(quarter)


def test_constant_and_decay() -> None:
    assert learning_rate(70, 100, TrainOptions(lr=1.0, schedule="constant")) == 1.0
    decayed = TrainOptions(lr=1.0, schedule="decay", decay=0.9, warmup=2)
    assert learning_rate(7, 100, decayed) == pytest.approx(0.9**5)


def test_the_average_is_the_slow_computation() -> None:
    random = torch.Generator().manual_seed(0)
    values = [torch.randn(3, generator=random) for _ in range(200)]
    x = values[0].clone()
    average = Average({"x": x}, 0.95)
    slow = values[0].double()
    for n, value in enumerate(values[1:], start=1):
        x.copy_(value)
        average.update({"x": x})
        decay = min(0.95, (1 + n) / (10 + n))
        slow = decay * slow + (1 - decay) * value.double()
    assert torch.allclose(average.values["x"].double(), slow, atol=1e-6)
    assert average.updates == 199


def test_the_average_is_a_copy() -> None:
    x = torch.zeros(2)
    average = Average({"x": x}, 0.5)
    x.fill_(7.0)
    assert torch.equal(average.values["x"], torch.zeros(2))


def test_how_many_steps() -> None:
    assert TrainOptions(steps=7).total(1000) == 7
    assert TrainOptions(epochs=2.5).total(10) == 25
    assert TrainOptions(epochs=0.001).total(10) == 1
    assert TrainOptions().total(1) == 200
    assert TrainOptions().total(10**6) == 5000
    assert TrainOptions().total(60) == 600


@pytest.mark.parametrize(
    "options",
    [
        {"lr": 1e30}, {"lr": -1.0}, {"lr": float("nan")}, {"batch": 0}, {"steps": 0}, {"ema": 1.0},
        {"smoothing": 1.0}, {"steps": 5, "epochs": 1.0}, {"warmup": -1}, {"seed": -1}, {"truncate": 0},
    ],
)  # fmt: skip
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="--train"):
        TrainOptions(**options)  # pyright: ignore[reportArgumentType]
