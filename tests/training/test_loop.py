"""What happens within a step, each thing against arithmetic of its own: rates, clipping, modes, conditions, states."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seriatim.data.batches import Batch, Batches
from seriatim.runs import files
from seriatim.symbols import Labels, Numbers
from seriatim.text.data.crops import Streams
from seriatim.text.data.tokens import Tokens
from seriatim.training.loop import Hooks, Loop
from seriatim.training.options import TrainOptions
from seriatim.training.run import Means, Session, start
from tiny_pictures import folder_of
from tiny_pictures import plan as picture_plan
from tiny_text import text_model

NOTHING = Hooks(None, lambda about: None, lambda step: None)


class Dealt(Batches):
    """Given batches, in turn."""

    def __init__(self, batches: Sequence[NDArray[np.int64]], given: Mapping[str, NDArray[Any]] | None = None) -> None:
        self.batches, self.given, self.per_epoch = batches, given or {}, len(batches)

    def batch(self, step: int) -> Batch:
        x = self.batches[step % self.per_epoch]
        return Batch(x, np.ones(x.shape, np.bool_), self.given, True, "here")


def adamw(
    start: Sequence[Tensor], gradients: Sequence[Sequence[Tensor]], rates: Sequence[float], clip: float, decay: float
) -> list[Tensor]:
    """Loshchilov and Hutter (2019), algorithm 2, of gradients whose joint norm is at most `clip`."""
    values = [each.clone() for each in start]
    first, second = ([torch.zeros_like(each) for each in values] for _ in range(2))
    for t, (slopes, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        norm = math.sqrt(sum(float(g.square().sum()) for g in slopes))
        for value, m, v, slope in zip(values, first, second, slopes, strict=True):
            g = slope * min(1.0, clip / norm)
            m.mul_(0.9).add_(0.1 * g)
            v.mul_(0.99).add_(0.01 * g * g)
            up = (m / (1 - 0.9**t)) / ((v / (1 - 0.99**t)).sqrt() + 1e-8)
            value -= rate * (up + (decay * value if value.dim() >= 2 else 0.0))
    return values


def test_a_step_is_adamw_of_clipped_gradients_at_the_rate_in_the_metrics(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = [random.integers(1, 8, (2, 5)), np.ones((2, 5), np.int64), random.integers(1, 8, (2, 5))]
    model = text_model("gru").model.double()
    before = [each.detach().clone() for each in model.parameters()]
    options = TrainOptions(steps=3, lr=0.03, warmup=3, clip=0.5, weight_decay=0.2, evaluate_every=1, spike=0)
    loop, slopes, norms = Loop(model, Dealt(x), options, tmp_path, NOTHING, quiet=True), [], []
    forward = loop.module.forward

    def seen(x: Tensor, mask: Tensor, given: Any, carry: Any, first: int) -> Any:
        own = torch.autograd.grad(-model.log_probs(x).mean(), list(model.parameters()), materialize_grads=True)
        slopes.append([each.clone() for each in own])
        norms.append(math.sqrt(sum(float(each.square().sum()) for each in own)))
        return forward(x, mask, given, carry, first)

    loop.module.forward = seen
    loop.run()
    assert min(norms) > 0.5  # each is clipped,
    assert max(norms) > 1.2 * min(norms)  # not all by the same
    rates = [0.01, 0.02, 0.03]
    for found, value in zip(model.parameters(), adamw(before, slopes, rates, 0.5, 0.2), strict=True):
        torch.testing.assert_close(found.detach(), value, rtol=0, atol=1e-6)  # clipping adds 1e-6 to the norm
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["lr"] for row in rows if "lr" in row] == pytest.approx(rates)


def test_the_rate_in_the_metrics_is_the_one_that_the_optimiser_used(tmp_path: Path) -> None:
    loop = Loop(text_model("gru").model, Dealt([np.ones((1, 3), np.int64)]), TrainOptions(steps=7), tmp_path, NOTHING)
    used: list[float] = []
    step = loop.optimiser.step

    def seen() -> None:
        used.append(loop.optimiser.groups[0]["lr"])
        step()

    loop.optimiser.step = seen
    loop.quiet = True
    loop.run()
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["lr"] for row in rows if "lr" in row] == used
    assert used == sorted(used, reverse=True)
    assert len(set(used)) == 7


def test_every_step_is_taken_in_training_mode_and_every_evaluation_is_not(tmp_path: Path) -> None:
    model, modes = text_model("gru", dropout=0.5).model, list[tuple[str, set[bool]]]()

    def mode(what: str) -> None:
        modes.append((what, {module.training for module in model.modules()}))

    def validate() -> float:
        mode("evaluation")
        return 1.0

    hooks = Hooks(validate, lambda about: None, lambda step: mode("samples"))
    options = TrainOptions(steps=4, evaluate_every=2, lr=1e-12)
    x = np.random.default_rng(0).integers(1, 8, (8, 12))
    loop = Loop(model, Dealt([x]), options, tmp_path, hooks, quiet=True)
    model.register_forward_pre_hook(lambda *_: mode("step"))
    losses: list[float] = []
    advance = loop._advance

    def seen() -> int:
        before = loop.row_sums[0]
        symbols = advance()
        losses.append((loop.row_sums[0] - before) / symbols)
        return symbols

    loop._advance = seen
    loop.run()
    pause, step = [("evaluation", {False}), ("samples", {False})], ("step", {True})
    assert modes == [pause[0], step, step, *pause, step, step, *pause]
    assert len(set(losses)) == 4  # the weights do not move and x is the same: only dropout makes them differ


class Kept(nn.Module):
    """The loss, and what it was given."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.given, self.nats = inner, list[dict[str, Tensor]](), list[float]()

    def forward(self, x: Tensor, mask: Tensor, given: Any, carry: Any, first: int) -> Any:
        loss, nats, after = self.inner(x, mask, given, carry, first)
        self.given.append(dict(given))
        self.nats.append(float(nats))
        return loss, nats, after


@pytest.mark.parametrize(("asked", "share"), [(0.3, 0.3), (None, 0.1), (0.0, 0.0), (1.0, 1.0)])
def test_conditions_are_hidden_row_by_row_as_often_as_is_asked(
    asked: float | None, share: float, tmp_path: Path
) -> None:
    rows, steps = 400, 5
    model = text_model("gru", conditions={"genre": Labels(["a", "b"]), "year": Numbers(0.0, 1.0)}).model
    given = {"genre": np.arange(rows) % 2, "year": np.arange(rows, dtype=np.float32)}
    options = TrainOptions(steps=steps, drop_given=asked, lr=1e-12)
    loop = Loop(model, Dealt([np.ones((rows, 1), np.int64)], given), options, tmp_path, NOTHING, quiet=True)
    loop.module = kept = Kept(loop.module)
    loop.run()
    genre = torch.stack([each["genre"] for each in kept.given])
    year = torch.stack([each["year"] for each in kept.given])
    hidden = genre < 0, year.isnan()
    deviation = math.sqrt(rows * share * (1 - share))
    for each in hidden:
        assert each.shape == (steps, rows)
        assert all(abs(int(step.sum()) - rows * share) <= 5 * deviation for step in each)
    both = int((hidden[0] & hidden[1]).sum())  # each on its own
    assert abs(both - steps * rows * share**2) <= 5 * math.sqrt(steps * rows) * share
    if 0 < share < 1:
        assert not torch.equal(hidden[0][0], hidden[0][1])  # others at each step
    shown = genre[~hidden[0]], year[~hidden[1]]
    assert torch.equal(shown[0], torch.from_numpy(given["genre"]).expand(steps, -1)[~hidden[0]])
    assert torch.equal(shown[1], torch.from_numpy(given["year"]).expand(steps, -1)[~hidden[1]])


def test_a_source_is_hidden_as_a_whole(tmp_path: Path) -> None:
    loop = Loop(text_model("gru").model, Dealt([np.ones((1, 1), np.int64)]), TrainOptions(), tmp_path, NOTHING)
    tracks = torch.ones(200, 3, 2)
    hidden = loop._hide(tracks, 0.5).isnan().flatten(1)
    assert torch.equal(hidden.any(1), hidden.all(1))
    assert 50 < int(hidden.any(1).sum()) < 150


def test_a_carried_state_goes_on_within_an_epoch_and_begins_anew_with_the_next(tmp_path: Path) -> None:
    random, model = np.random.default_rng(0), text_model("lstm").model.double().eval()
    symbols = random.integers(1, 8, 2 * 11)  # two streams of 11: pieces of 4, 4 and 3
    tokens = Tokens(symbols, np.array([0, 11, 22]), {}, np.array([11, 11]), np.array([11, 11]), ["a", "b"])
    options = TrainOptions(steps=7, carry=True, lr=1e-15, weight_decay=0.0)
    loop = Loop(model, Streams(tokens, 4, 2), options, tmp_path, NOTHING, quiet=True)
    loop.module = kept = Kept(loop.module)
    loop.run()
    with torch.no_grad():
        whole = -model.log_probs(torch.from_numpy(symbols.reshape(2, 11)))
    epoch = [float(piece.mean()) for piece in whole.split([4, 4, 3], 1)]
    assert kept.nats == pytest.approx([*epoch, *epoch, epoch[0]], abs=1e-9)


def test_what_is_begun_from_is_not_calibrated_again(tmp_path: Path) -> None:
    data = folder_of(tmp_path)
    start(picture_plan(data, "pixelcnn++", steps=2, batch=8, samples=0), tmp_path / "one", Means(quiet=True))
    again = picture_plan(data, "pixelcnn++", steps=2, batch=5, seed=3)
    session = Session(dataclasses.replace(again, net={}, begin=str(tmp_path / "one")), tmp_path / "two")
    session.prepare(resume=False)
    held = files.load_tensors(files.open_pair(tmp_path / "one", "model")[1])
    own = files.tensors_of(session.task.model)
    assert held.keys() == own.keys()
    assert all(torch.equal(held[name], own[name]) for name in held)
