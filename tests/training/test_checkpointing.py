"""Gradient checkpointing: the same gradients, dropout included, from less memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from checkpoints import TINY, make
from seriatim.errors import UserError
from seriatim.models import GridModel, Model, Transformer, TransformerConfig
from seriatim.runs import files
from seriatim.training import checkpointing
from seriatim.training.run import Means, start
from tiny_text import plan, text_file

ABLE = [
    "rnn",
    "lstm",
    "gru",
    "transformer",
    "bytenet",
    "pixelcnn",
    "gated-pixelcnn",
    "multiscale",
    "pixelcnn++",
    "pixelsnail",
    "vpn",
]


def gradients(model: Model) -> tuple[list[Tensor], int]:
    """Of a step in training mode, and the bytes that its forward pass keeps."""
    torch.manual_seed(3)
    shape = model.canvas if isinstance(model, GridModel) else (9,)
    x = torch.randint(2, (2, *shape, *([model.head.parts] if model.head.parts > 1 else [])))
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    model.train()
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = -model.log_probs(x).mean()
    return list(torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)), sum(kept.values())


@pytest.mark.parametrize("family", ABLE)
def test_gradients_are_the_same(family: str) -> None:
    plain, again = make(family, dtype=torch.float64), make(family, dtype=torch.float64)
    torch.manual_seed(0)
    checkpointing.enable(again)
    for one, other in zip(gradients(plain)[0], gradients(again)[0], strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    checkpointing.disable(again)
    assert all("forward" not in vars(stage) for stage in again.recomputable_modules())


def test_every_family_is_able_or_refused() -> None:
    assert {family for family in TINY if make(family).recomputable_modules()} == set(ABLE)
    with pytest.raises(UserError, match=r"--train\.checkpointing is for models of blocks"):
        checkpointing.enable(make("wavenet"))


def test_less_is_kept_and_dropout_is_the_same() -> None:
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(symbols=20, width=32, layers=6, heads=2, context=16, dropout=0.3))
    plain, much = gradients(model)
    checkpointing.enable(model)
    again, little = gradients(model)
    assert little < much / 2
    for one, other in zip(plain, again, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_a_run_learns_the_same_with_and_without(tmp_path: Path) -> None:
    text = text_file(tmp_path)
    for name, on in (("a", False), ("b", True)):
        start(plan(text, "transformer", steps=4, checkpointing=on), tmp_path / name, Means(quiet=True))
    one, other = (files.load_tensors(next((tmp_path / name).glob("model-*.safetensors"))) for name in "ab")
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-6)
