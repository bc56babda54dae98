"""Compiled steps go on from states that were selected, forked, read in chunks, or share a source among beams."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from registry import MODELS
from seriatim.heads import Discrete
from seriatim.walks.draws import Draws
from seriatim.walks.walk import Walk

pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("float64")
EACH = pytest.mark.parametrize(
    "name",
    [
        *("transformer", "transformer-memory-deep-vector", "bytenet", "bytenet-kernel-2-relu", "gru-deep-tied-vector"),
        *("wavenet-kernel-3-first", "wavenet-stack", "gated-pixelcnn", "pixelcnn", "multiplicative-pixelcnn"),
    ],
)


@EACH
def test_after_selections_forks_questions_and_chunks(name: str) -> None:
    case = MODELS[name]
    model, x = case.model(), case.x()
    length = None if model.carries else math.prod(case.shape)
    order, found = torch.tensor([1, 0, 1]), list[list[torch.Tensor]]()
    for stepper in (model.packed(), model.prepare("native")):
        walk = model.walk(len(x), model.condition(case.given(), len(x)), length, stepper=stepper)
        draws = Draws(walk, model.head, torch.arange(len(x)))
        rows = [draws.run(3)]
        draws.select(order)
        rows.append(draws.run(4))
        other = walk.fork()
        rows.append(table(walk))
        rows.append(draws.run(5))  # the first of them has been asked for
        if model.carries:
            walk.feed(x[order][:, :3])
        rows.append(draws.run(2))
        rows.append(table(other))  # as it was before the walk went on
        found.append(rows)
    for eager, native in zip(*found, strict=True):
        torch.testing.assert_close(native, eager, rtol=1e-9, atol=1e-9)


def table(walk: Walk) -> torch.Tensor:
    assert isinstance(walk.dist, Discrete)
    return walk.dist.log_table()


def test_beams_share_their_source() -> None:
    case = MODELS["transformer-memory-deep-vector"]
    model: Any = case.model()
    x, given = case.x(), model.condition(case.given(), len(case.x())).select(torch.arange(2))
    rows = torch.tensor([0, 0, 0, 1, 1, 1])  # three beams of each of two sources
    found = list[torch.Tensor]()
    for stepper in (model.packed(), model.prepare("native")):
        walk = Walk(stepper, 2, given, 12)
        walk.feed(x[:2, :2])
        walk.select(rows, fixed=False)
        tables = list[torch.Tensor]()
        for t in range(5):
            tables.append(table(walk))
            walk.push((torch.arange(6) + t) % 2)
        found.append(torch.stack(tables))
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-9)
    assert not torch.allclose(found[0][:, 0], found[0][:, 3]), "the sources are alike"


@pytest.mark.parametrize("rows", [3, 1])
def test_conditions_of_other_rows_are_refused(rows: int) -> None:
    for name in (
        "transformer-memory-deep-vector",
        "pixelcnn-rgb-conditions",
        "lstm-vector",
        "wavenet-stereo-stack-vector-field",
    ):
        case = MODELS[name]
        model = case.model()
        context = model.condition(case.given(), len(case.x())).select(torch.arange(2))
        with pytest.raises((ValueError, RuntimeError)):
            model.sample(rows, context, length=4, backend="native")


@pytest.mark.parametrize(
    "name", ["transformer", "bytenet", "gru", "wavenet", "pixelcnn", "gated-pixelcnn", "multiplicative-pixelcnn"]
)
def test_auto_takes_what_is_there(name: str) -> None:
    model = MODELS[name].model()
    assert model.prepare("auto", positions=1 << 20).backend == "native"
    assert model.prepare("auto", positions=1 << 20, rows=2, together=False).backend == "eager"


def test_threads_share_the_rotations_of_a_transformer() -> None:
    model = MODELS["transformer"].model()
    stepper, lengths = model.prepare("native"), [300, 40, 600, 280]
    wanted = [model.sample(length=n, seed=n) for n in lengths]

    def draw(n: int) -> torch.Tensor:
        return Draws(model.walk(1, model.condition({}, 1), stepper=stepper), model.head, torch.tensor([n])).run(n)

    draw(2)  # compiled once
    with ThreadPoolExecutor(4) as pool:
        assert all(map(torch.equal, pool.map(draw, lengths), wanted))
