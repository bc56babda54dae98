"""Encoders of text: they look both ways, and no row depends on how long its neighbours are. ByteNet's reach."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.errors import UserError
from seriatim.models import FAMILIES, family
from seriatim.testing import wake
from textbook import Named, attend, cell, layer_norm, named, rms_norm, sigmoid, turned

pytestmark = pytest.mark.usefixtures("float64")

KINDS: list[Any] = ["lstm", "gru", "transformer", "bytenet"]
LAYERS, HEADS, STRETCH, OFFSET = 2, 2, 1.4, 0.5


def encoder(kind: Any, **sizes: Any) -> TextEncoder:
    torch.manual_seed(0)
    made = wake(TextEncoder(7, TextConfig(kind, 8, heads=HEADS, **sizes)))
    assert isinstance(made, TextEncoder)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_as_it_is_alone(kind: str) -> None:
    read = encoder(kind, layers=2, stretch=1.4, offset=0.5)
    rows = [[1, 4, 2, 6, 0, 3, 3], [5], [2, 2, 6], []]
    padded = torch.tensor([row + [-1] * (9 - len(row)) for row in rows])
    together = read(padded)
    for i, row in enumerate(rows[:3]):
        alone = read(torch.tensor([row]))
        slots = alone.memory.shape[1]
        torch.testing.assert_close(together.memory[i, :slots], alone.memory[0], rtol=1e-10, atol=1e-12)
        assert together.mask[i].tolist() == [j < slots for j in range(together.mask.shape[1])]
    assert not together.mask[3].any()
    assert together.memory.isfinite().all()


def recurrent(kind: str, w: Named, xs: list[Tensor]) -> list[Tensor]:
    """Schuster and Paliwal (1997): states from both sides, then a norm."""
    for n in range(LAYERS):
        sides: list[list[Tensor]] = []
        for name, order in ((f"l{n}", xs), (f"l{n}_reverse", xs[::-1])):
            h, c, states = torch.zeros(len(xs[0]) // 2), torch.zeros(len(xs[0]) // 2), list[Tensor]()
            for x in order:
                h, c = cell(kind, w.of("core"), x, h, c, name)
                states.append(h)
            sides.append(states)
        xs = [torch.cat(both) for both in zip(sides[0], sides[1][::-1], strict=True)]
    return [rms_norm(w["norm.weight"], x) for x in xs]


def transformer(w: Named, xs: list[Tensor]) -> list[Tensor]:
    """Vaswani et al. (2017) with norms first, every slot to every slot."""
    for n in range(LAYERS):
        parts = [w.affine(f"attentions.{n}.qkv", rms_norm(w[f"norms.{2 * n}.weight"], x)).chunk(3) for x in xs]
        queries, keys, values = ([each[i].chunk(HEADS) for each in parts] for i in range(3))
        for t in range(len(xs)):
            answers: list[Tensor] = []
            for h in range(HEADS):
                ks = [turned(k[h], s, 10000.0) for s, k in enumerate(keys)]
                answers.append(attend(turned(queries[t][h], t, 10000.0), ks, [v[h] for v in values]))
            xs[t] = xs[t] + w.affine(f"attentions.{n}.out", torch.cat(answers))
        f = w.of(f"forwards.{n}")
        for t, x in enumerate(xs):
            y = rms_norm(w[f"norms.{2 * n + 1}.weight"], x)
            gate = f.affine("gate", y)
            xs[t] = x + f.affine("down", gate * sigmoid(gate) * f.affine("up", y))
    return [rms_norm(w[f"norms.{2 * LAYERS}.weight"], x) for x in xs]


def bytenet(w: Named, xs: list[Tensor]) -> list[Tensor]:
    """Kalchbrenner et al. (2016): the source, extended by zeros, through blocks that look both ways."""
    slots = math.ceil(STRETCH * len(xs) + OFFSET)
    xs = xs + [torch.zeros(len(xs[0]))] * (slots - len(xs))
    count = sum(name.endswith("conv.weight") for name in w.tensors) // LAYERS
    for n, dilation in enumerate([2**i for i in range(count)] * LAYERS):
        block = w.of(f"blocks.{n}")
        hs = [layer_norm(block.of("into.0"), x).clamp_min(0) for x in xs]
        hs = [layer_norm(block.of("into.3"), block.affine("into.2", h)).clamp_min(0) for h in hs]
        weight = block["conv.weight"]
        for t in range(slots):
            y = block["conv.bias"]
            for k in range(weight.shape[2]):
                at = t + (k - weight.shape[2] // 2) * dilation
                y = y + weight[:, :, k] @ hs[at] if 0 <= at < slots else y
            xs[t] = xs[t] + block.affine("back.2", layer_norm(block.of("back.0"), y).clamp_min(0))
    return xs


LOOPS: dict[str, Callable[[Named, list[Tensor]], list[Tensor]]] = {
    "lstm": partial(recurrent, "lstm"),
    "gru": partial(recurrent, "gru"),
    "transformer": transformer,
    "bytenet": bytenet,
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_textbook_s(kind: str) -> None:
    read = encoder(kind, layers=LAYERS, stretch=STRETCH, offset=OFFSET)
    rows, w = [[1, 4, 2, 6, 0, 3, 3], [5], [2, 2, 6]], named(read)
    with torch.no_grad():
        found = read(torch.tensor([row + [-1] * (8 - len(row)) for row in rows])).memory
        assert found is not None
        for i, row in enumerate(rows):
            expected = LOOPS[kind](w.of("body"), [w["table.weight"][x] for x in row])
            torch.testing.assert_close(found[i, : len(expected)], torch.stack(expected), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_every_slot_sees_both_ways(kind: str) -> None:
    read = encoder(kind, layers=2)
    x = torch.tensor([[1, 4, 2, 6, 0, 3]])
    before = read(x).memory
    for place in (0, 5):
        changed = x.clone()
        changed[0, place] = 5
        moved = (read(changed).memory - before).abs().amax(-1)[0] > 1e-9
        assert bool(moved.all()), "a source is there as a whole"


def test_a_bytenets_columns_are_as_many_as_the_target_is_expected_to_have() -> None:
    read = encoder("bytenet", stretch=1.5, offset=2.0)
    context = read(torch.tensor([[1, 2, 3, 4], [1, 2, -1, -1], [-1] * 4]))
    assert context.mask.sum(1).tolist() == [8, 5, 0]
    assert encoder("bytenet", stretch=0.2)(torch.tensor([[1, 2, 3]])).mask.sum() == 3, "no symbol is cut off"


@pytest.mark.parametrize(("sets", "kernel", "dilations"), [(6, 3, 5), (2, 2, 3), (1, 3, 2)])
def test_bytenets_receptive_field_is_what_the_formula_says(
    monkeypatch: pytest.MonkeyPatch, sets: int, kernel: int, dilations: int
) -> None:
    config = FAMILIES["bytenet"].config(symbols=3, width=2, sets=sets, kernel=kernel, dilations=dilations)
    past = 1 + (kernel - 1) * (2**dilations - 1) * sets
    assert config.past == past
    if sets == 6:
        assert past == 373
    model: Any = FAMILIES["bytenet"].model(config)
    wake(model, scale=0.3)
    # a dead ReLU hides what is seen, and a norm over two channels has no gradient
    monkeypatch.setattr(torch.Tensor, "relu", lambda x: x)
    for module in list(model.modules()):
        for name, part in module.named_children():
            if isinstance(part, nn.LayerNorm):
                setattr(module, name, nn.Identity())
    frames = torch.randn(1, past + 20, 4, requires_grad=True)
    model.net(frames)[0][0, -1].sum().backward()
    assert frames.grad is not None
    seen = frames.grad[0].abs().sum(1).nonzero()[:, 0]
    assert past + 20 - int(seen.min()) == past, "the last frame is symbol t − 1, so the first is t − past"


@pytest.mark.parametrize("name", ["bilstm", "bi-gru", "BERT"])
def test_a_decoder_that_sees_the_future_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"both ways.*--source.encoder"):
        family(name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"encoder": "lstm", "width": 7}, "even number"),
        ({"encoder": "transformer", "width": 10, "heads": 4}, "heads is 4"),
        ({"encoder": "gru", "layers": 0}, "layers is 0"),
        ({"encoder": "bytenet", "stretch": math.inf}, "stretch"),
    ],
)
def test_impossible_sizes_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        TextConfig(**fields)
