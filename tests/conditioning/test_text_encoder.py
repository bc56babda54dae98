"""Encoders of text: they look both ways, and no row depends on how long its neighbours are. ByteNet's reach."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.errors import UserError
from seriatim.models import FAMILIES, family
from seriatim.testing import wake

pytestmark = pytest.mark.usefixtures("float64")

KINDS: list[Any] = ["lstm", "gru", "transformer", "bytenet"]


def encoder(kind: Any, **sizes: Any) -> TextEncoder:
    torch.manual_seed(0)
    made = wake(TextEncoder(7, TextConfig(kind, 8, heads=2, **sizes)))
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
