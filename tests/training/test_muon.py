"""Muon against PyTorch's and against its textbook loop; which parameters it gets, and as which matrices."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from registry import LAYERS, MODELS
from seriatim.causal import GatedStack, Multiplicative
from seriatim.causal.stacks import Stack, Stacked, stacks_of
from seriatim.cli import main
from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.errors import Interrupted, UserError
from seriatim.raster.grid import RasterConv, groups
from seriatim.runs import files
from seriatim.training import muon
from seriatim.training.loop import Loop
from seriatim.training.muon import Muon, orthogonalised
from seriatim.training.optim import hidden, learning_rate, optimiser_of
from seriatim.training.options import TrainOptions
from seriatim.training.run import Means, plan_of, resume, start
from tiny_text import metrics, plan, records_file, tensors, text_model

MUON = TrainOptions(optimiser="muon")


def slopes(parameters: list[nn.Parameter], step: int) -> None:
    """Random gradients."""
    random = torch.Generator().manual_seed(step)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=random, dtype=torch.float64).to(parameter.dtype)


# ------------------------------------------------------------------ the formulas


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch has Muon since 2.9")
def test_it_is_pytorchs() -> None:
    torch.manual_seed(0)
    ours = nn.ModuleList(nn.Linear(i, o, bias=False) for i, o in ((24, 24), (48, 24), (24, 96), (25, 24)))
    theirs = [nn.Parameter(each.weight.detach().clone()) for each in ours]
    before = [each.detach().clone() for each in theirs]
    parameters = list(ours.parameters())
    mine, other = Muon(stacks_of(ours)), torch.optim.Muon(theirs, lr=0.02)
    for step in range(5):
        slopes(parameters, step)
        slopes(theirs, step)
        mine.step()
        other.step()
    for a, b, old in zip(parameters, theirs, before, strict=True):
        way = b - old
        assert (a - b).norm() < 0.02 * way.norm()  # PyTorch's computes in bfloat16, always


def textbook(
    w: Tensor, gradients: list[Tensor], lr: float = 0.02, decay: float = 0.1, momentum: float = 0.95
) -> Tensor:
    """Muon as written down, of one matrix."""
    mean = torch.zeros_like(w)
    for g in gradients:
        mean = momentum * mean + (1 - momentum) * g
        x = momentum * mean + (1 - momentum) * g
        x = x / x.norm()
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        w = (1 - lr * decay) * w - lr * math.sqrt(max(1, w.shape[0] / w.shape[1])) * x
    return w


Parts = Callable[[Tensor], list[Tensor]]
"""Of the indices of a tensor, those of each of its matrices."""

L, K, R, G, S = 3, 2, 4, 5, 6


class Case(NamedTuple):
    """A module and, written by hand, the matrices of its parameters."""

    make: Callable[[], nn.Module]
    parts: dict[str, Parts]


def gated() -> GatedStack:
    return GatedStack(R, G, S, [1, 2, 4], K, vector=2, field=3)


def halves(n: Tensor) -> list[Tensor]:
    """(…, 2G) -> two of (…, G)."""
    return [n[..., :G], n[..., G:]]


CASES: dict[str, Case] = {
    "linear": Case(lambda: nn.Linear(3, 7), {"weight": lambda n: [n]}),
    "lstm": Case(
        lambda: nn.LSTM(3, 4),
        dict.fromkeys(("weight_ih_l0", "weight_hh_l0"), lambda n: [n[:4], n[4:8], n[8:12], n[12:]]),
    ),
    "gru": Case(
        lambda: nn.GRU(3, 4, 2, bidirectional=True), {"weight_ih_l1_reverse": lambda n: [n[:4], n[4:8], n[8:]]}
    ),
    "rnn": Case(lambda: nn.RNN(3, 4), {"weight_hh_l0": lambda n: [n]}),
    "conv": Case(lambda: nn.Conv2d(3, 5, (2, 3)), {"weight": lambda n: [n.reshape(5, 18)]}),
    "conv-groups": Case(
        lambda: nn.Conv1d(4, 6, 3, groups=2), {"weight": lambda n: [n[:3].reshape(3, 6), n[3:].reshape(3, 6)]}
    ),
    "conv-transposed": Case(
        lambda: nn.ConvTranspose1d(4, 3, 5),
        {"weight": lambda n: [torch.stack([n[:, o].reshape(20) for o in range(3)])]},
    ),
    "gated": Case(
        gated,
        {
            "taps": lambda n: [torch.cat([h[0].T, h[1].T], 1) for each in n for h in halves(each)],
            "residual": lambda n: [each.T for each in n],
            "skip": lambda n: [n[i * G : (i + 1) * G].T for i in range(L)],
            "vector": lambda n: [n[:, i * G : (i + 1) * G].T for i in range(2 * L)],
            "field": lambda n: [h.T for each in n for h in halves(each)],
        },
    ),
    "multiplicative": Case(
        lambda: Multiplicative(3, 2),
        {"conv.conv.weight": lambda n: [n[i : i + 3].reshape(3, 6) for i in (0, 3, 6, 9)]},
    ),
    "raster": Case(lambda: RasterConv(groups(6, 1), groups(5, 1), 3), {"weight": lambda n: [n.reshape(5, 36)]}),
    "attention": Case(
        lambda: TextEncoder(5, TextConfig("transformer", 8, heads=2)),
        {"body.attentions.0.qkv.weight": lambda n: [n[:8], n[8:16], n[16:]]},
    ),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", CASES)
def test_each_matrix_moves_as_in_the_textbook(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "working_dtype", lambda _, dtype: dtype)
    torch.manual_seed(0)
    case = CASES[name]
    module = case.make().to(dtype)
    stacks = stacks_of(module)
    before = {key: module.get_parameter(key).detach().clone().double() for key in case.parts}
    optimiser = Muon(stacks)
    gradients: dict[str, list[Tensor]] = {key: [] for key in case.parts}
    for step in range(3):
        slopes(list(stacks), step)
        for parameter, stack in stacks.items():
            if stack.mask is not None and parameter.grad is not None:
                parameter.grad *= stack.mask
        optimiser.step()
        for key, each in gradients.items():
            slope = module.get_parameter(key).grad
            assert slope is not None
            each.append(slope.double())
    for key, parts in case.parts.items():
        after = module.get_parameter(key).detach().double()
        places = parts(torch.arange(after.numel()).view(after.shape))
        assert sorted(torch.cat([each.flatten() for each in places]).tolist()) == list(range(after.numel()))
        for each in places:
            slow = textbook(before[key].flatten()[each], [g.flatten()[each] for g in gradients[key]])
            assert torch.allclose(after.flatten()[each], slow, rtol=0, atol=1e-12 if dtype == torch.float64 else 1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(24, 28), (24, 80), (1, 9)])
def test_every_direction_gets_about_the_same(shape: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, *shape) * torch.tensor([1e-4, 1.0, 1e4])[:, None, None]
    values = torch.linalg.svdvals(orthogonalised(x, dtype).float())
    assert 0.6 < values.min() < values.max() < 1.3


def test_no_gradient_is_no_direction() -> None:
    assert not orthogonalised(torch.zeros(2, 3, 8)).any()
    assert orthogonalised(torch.zeros(0, 3, 8)).shape == (0, 3, 8)


def test_masked_entries_only_decay() -> None:
    torch.manual_seed(0)
    layer = RasterConv(groups(6, 3), groups(6, 3), 3)
    before, away = layer.weight.detach().clone(), layer.mask == 0
    optimiser = Muon(stacks_of(layer), weight_decay=0.5)
    for step in range(2):
        layer.zero_grad()
        torch.manual_seed(step)
        layer(torch.randn(2, 4, 4, 6)).square().sum().backward()
        optimiser.step()
    assert torch.allclose(layer.weight[away], before[away] * 0.99**2)
    assert not torch.isclose(layer.weight[~away], before[~away] * 0.99**2).any()


def test_what_has_no_gradient_stays() -> None:
    layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
    before = layers[1].weight.detach().clone()
    optimiser = Muon(stacks_of(layers))
    layers[0](torch.ones(1, 3)).sum().backward()
    optimiser.step()
    assert torch.equal(layers[1].weight, before)
    assert list(optimiser.state) == [layers[0].weight]


# ------------------------------------------------------------------ who gets what


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_has_one_place(name: str) -> None:
    model = MODELS[name].model()
    if (
        not hidden(model) or "pixelcnn++" in name or MODELS[name].family == "pixelsnail" or name == "toy-grid"
    ):  # raw weights
        with pytest.raises(UserError, match="most of this model's weights are none"):
            optimiser_of(model, MUON)
        return
    optimiser = optimiser_of(model, MUON)
    placed = [p for group in optimiser.groups for p in group["params"]]
    assert len(placed) == len(set(placed))
    assert set(placed) == set(model.parameters())
    (turned,) = [part for part in optimiser.parts if isinstance(part, Muon)]
    inside = set(turned.param_groups[0]["params"])
    outer = {p for each in (*model.outputs(), model.head) for p in each.parameters()}
    outer |= {p for each in model.modules() if isinstance(each, nn.Embedding) for p in each.parameters()}
    for key, parameter in model.named_parameters() if not name.startswith("toy") else ():
        plain = parameter.dim() < 2 or parameter in outer or key.endswith("direction")
        assert (parameter in inside) != plain, key


def stacked() -> dict[str, tuple[Stacked, str]]:
    """One module of each class that declares stacks, for each of its parameters."""
    found: dict[str, tuple[Stacked, str]] = {}
    nets = [*(case.layer() for case in LAYERS.values()), *(case.model() for case in MODELS.values())]
    for module in (module for net in nets for module in net.modules()):
        if isinstance(module, Stacked):
            found.update({f"{type(module).__name__}.{name}": (module, name) for name in module.stacks()})
    return found


STACKED = stacked()


def test_these_layers_declare_stacks() -> None:
    names = {name.partition(".")[0] for name in STACKED}
    assert names >= {"GatedStack", "Multiplicative", "RasterConv", "Look", "Block", "_Attention", "Gates", "_Layer"}


@pytest.mark.parametrize("name", STACKED)
def test_to_matrices_and_back_is_the_identity(name: str) -> None:
    module, key = STACKED[name]
    assert isinstance(module, nn.Module)
    parameter, stack = module.get_parameter(key), module.stacks()[key]
    x = torch.randn(parameter.shape)
    matrices = stack.matrices(x)
    assert matrices.shape == stack.shape
    assert torch.equal(stack.tensor(matrices, x.shape), x)
    assert stack.mask is None or stack.mask.shape == parameter.shape


def test_a_module_around_overrules_what_is_inside() -> None:
    class Two(nn.Module, Stacked):
        def __init__(self) -> None:
            super().__init__()
            self.inside = nn.Linear(3, 4)

        def stacks(self) -> dict[str, Stack]:
            return {"inside.weight": Stack.of(self.inside.weight, 2)}

    net = nn.Sequential(nn.Linear(2, 3), Two())
    assert [stack.shape for stack in stacks_of(net).values()] == [(1, 3, 2), (2, 2, 3)]


def test_a_weight_shared_with_an_embedding_is_left_to_adamw() -> None:
    model = MODELS["transformer-grouped-tied-vector"].model()
    (table,) = [each.weight for each in model.modules() if isinstance(each, nn.Embedding)]
    assert table not in hidden(model)


def test_both_have_their_own_peak_and_one_schedule() -> None:
    options = TrainOptions(optimiser="muon", lr=0.003, muon_lr=0.05, weight_decay=0.2, warmup=4)
    matrices, vectors, muons = optimiser_of(text_model().model, options).groups
    assert [group["peak"] for group in (matrices, vectors, muons)] == [0.003, 0.003, 0.05]
    assert [group["weight_decay"] for group in (matrices, vectors, muons)] == [0.2, 0.0, 0.2]
    assert learning_rate(1, 100, options, 0.05) == 0.025
    for step in (0, 3, 50, 99):
        ratio = learning_rate(step, 100, options, 0.05) / learning_rate(step, 100, options)
        assert ratio == pytest.approx(0.05 / 0.003)


# ------------------------------------------------------------------ runs


def test_the_state_of_another_optimiser_is_refused() -> None:
    model = text_model().model
    optimiser = optimiser_of(model, MUON)
    parameter = next(iter(hidden(model)))
    with pytest.raises(KeyError):
        optimiser.restore(parameter, {"exp_avg": torch.zeros_like(parameter)})


@pytest.mark.parametrize("family", ["transformer", "lstm"])
def test_resuming_is_bit_for_bit(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = records_file(tmp_path)
    options: dict[str, Any] = {"net": {"dropout": 0.2}, "ema": 0.9, "steps": 9, "evaluate_every": 4}
    chosen = plan(data, family, optimiser="muon", **options)
    start(chosen, tmp_path / "whole", Means(quiet=True))
    advance = Loop._advance

    def stopping(self: Loop) -> int:
        if self.step == 5:
            self._halt(2)
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_advance", stopping)
        with pytest.raises(Interrupted):
            start(chosen, tmp_path / "cut", Means(quiet=True))
    kept = tensors(tmp_path / "cut" / "train", "state")
    assert any(key.startswith("optimiser.") and key.endswith(".momentum") for key in kept)
    assert any(key.startswith("optimiser.") and key.endswith(".exp_avg") for key in kept)
    resume(tmp_path / "cut", *plan_of(tmp_path / "cut"), Means(quiet=True))
    for place, name in ((".", "model"), ("train", "state")):
        a, b = tensors(tmp_path / "whole" / place, name), tensors(tmp_path / "cut" / place, name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)
        assert (
            files.open_pair(tmp_path / "whole" / place, name)[0] == files.open_pair(tmp_path / "cut" / place, name)[0]
        )
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "cut")


def test_a_learning_rate_for_muon_without_muon_is_refused() -> None:
    model = MODELS["gru"].model()
    with pytest.raises(UserError, match=r"--train\.muon-lr 0\.1 is for --train\.optimiser muon"):
        optimiser_of(model, TrainOptions(muon_lr=0.1))
    rates = [group["peak"] for group in optimiser_of(model, TrainOptions(optimiser="muon", muon_lr=0.1)).groups]
    assert rates[-1] == 0.1


def test_typed_options_come_before_a_familys_and_a_presets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def optimiser(*arguments: str) -> object:
        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        text = tmp_path / "a.txt"
        text.write_text("the cat sat. " * 40)
        command = ["train", str(text), "--out", str(folder), "--train.steps", "1", "--train.samples", "0", "--quiet"]
        assert main([*command, *arguments]) == 0
        capsys.readouterr()
        return plan_of(folder)[0].train.optimiser, plan_of(folder)[0].train.muon_lr

    small = ["--net.width", "8", "--net.context", "8"]
    assert optimiser("--model", "lstm", *small) == ("adamw", 0.02)
    assert optimiser("--model", "bytenet", *small) == ("muon", 0.02)
    assert optimiser("--model", "bytenet", "--train.muon-lr", "0.1", *small) == ("muon", 0.1)
    assert optimiser("--model", "bytenet", "--train.optimiser", "adamw", *small) == ("adamw", 0.02)
    assert optimiser("--preset", "book-lstm", *small) == ("adamw", 0.02)
