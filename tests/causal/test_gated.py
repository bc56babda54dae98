"""The gated stack against a textbook's WaveNet in `conv1d`, whose gradients are autograd's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.causal import GatedStack, Pointwise, Slow
from seriatim.context import EMPTY, Context, joined
from seriatim.testing import same, wake

pytestmark = pytest.mark.usefixtures("float64")


def textbook(stack: GatedStack, x: Tensor, context: Context) -> Tensor:
    """(B, T, R) -> (B, T, S), one convolution a layer, the field repeated."""
    h, layers = x.transpose(1, 2), len(stack.dilations)
    skips = stack.skip.unflatten(0, (layers, -1))
    y = stack.skip_bias[:, None].expand(x.shape[0], -1, x.shape[1])
    for i, dilation in enumerate(stack.dilations):
        kernel = stack.taps[i].flip(0).permute(2, 1, 0)
        padded = F.pad(h, ((stack.kernel - 1) * dilation, 0))
        u = F.conv1d(padded, kernel, stack.bias.view(layers, -1)[i], dilation=dilation)
        if stack.vector is not None and context.vector is not None:
            u = u + (context.vector @ stack.vector).view(x.shape[0], layers, -1)[:, i, :, None]
        if stack.field is not None:
            u = u + (context.columns(x.shape[1]) @ stack.field[i]).transpose(1, 2)
        f, g = u.chunk(2, 1)
        z = f.tanh() * g.sigmoid()
        y = y + torch.einsum("gs,bgt->bst", skips[i], z)
        if i < layers - 1:
            h = h + torch.einsum("gr,bgt->brt", stack.residual[i], z)
    return y.transpose(1, 2)


def stack(kernel: int, **conditions: int) -> GatedStack:
    made = wake(GatedStack(3, 4, 5, (1, 2, 4, 30), kernel, **conditions))
    assert isinstance(made, GatedStack)
    return made


CONTEXTS = {
    "none": EMPTY,
    "vector": Context(vector=torch.linspace(-1, 1, 4).view(2, 2).double()),
    "field": Context(field=torch.linspace(-1, 2, 84).sin().view(2, 14, 3).double()),
    "slow-field": Context(field=torch.linspace(-1, 2, 24).sin().view(2, 4, 3).double(), hop=4, offset=2),
}


@pytest.mark.parametrize("name", CONTEXTS)
@pytest.mark.parametrize("kernel", [2, 3])
def test_it_is_the_textbook_s_and_so_are_its_gradients(kernel: int, name: str) -> None:
    context = CONTEXTS[name]
    layer = stack(kernel, vector=2 * (context.vector is not None), field=3 * (context.field is not None))
    x = torch.randn(2, 14, 3, requires_grad=True)
    field = None if context.field is None else context.field.requires_grad_()
    wanted = [x, *layer.parameters(), *([] if field is None else [field])]
    (ours, _), theirs = layer(x, context), textbook(layer, x, context)
    same(ours, theirs)
    weights = torch.randn_like(ours)
    slopes = [torch.autograd.grad((y * weights).sum(), wanted) for y in (ours, theirs)]
    for a, b in zip(*slopes, strict=True):
        same(a, b)
    with torch.no_grad():  # which keeps less, and adds the skips one by one
        same(layer(x, context)[0], theirs)


def test_in_half_precision_it_is_the_same_but_for_rounding() -> None:
    layer, x = stack(2).float(), torch.randn(2, 14, 3).float()
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = layer(x)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), layer(x)[0], rtol=0.05, atol=0.05)


def test_what_is_held_is_zero_during_the_first_block_and_the_last_block_s_answer_then() -> None:
    pool = Pointwise(torch.nn.Linear(6, 1, bias=False))
    layer, x = Slow(pool, 3, 2, 1), torch.randn(1, 8, 2)
    y, _ = layer(x)
    answers = pool(x[:, :6].reshape(1, 2, 6))[0]
    same(y[0, :, 0], torch.cat([torch.zeros(3), answers[0, :1, 0].expand(3), answers[0, 1:, 0].expand(2)]))


@pytest.mark.parametrize(("hops", "offsets", "wanted"), [((6, 4), (1, 3), 2), ((4, 4), (1, 1), 4), ((4, 2), (3, 0), 1)])
def test_fields_of_several_rates_stand_side_by_side(
    hops: tuple[int, ...], offsets: tuple[int, ...], wanted: int
) -> None:
    contexts = [
        Context(field=torch.randn(2, 9, 3), hop=hop, offset=offset) for hop, offset in zip(hops, offsets, strict=True)
    ]
    together = joined(contexts, 13)
    assert together.hop == wanted
    same(together.columns(13), torch.cat([each.columns(13) for each in contexts], -1))
