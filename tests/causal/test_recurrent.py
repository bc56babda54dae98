"""The hand-written Elman network and GRU against PyTorch's, whose gradients are autograd's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seriatim.causal import Recurrent
from seriatim.causal.recurrent import Cell, Memory
from seriatim.context import EMPTY
from seriatim.kernels.recurrent import run_gru, run_rnn
from seriatim.testing import same, wake

pytestmark = pytest.mark.usefixtures("float64")
CELLS = pytest.mark.parametrize("cell", ["rnn", "gru"])


def made(cell: Cell, channels: int = 3, width: int = 4) -> Recurrent:
    layer = wake(Recurrent(cell, channels, width))
    assert isinstance(layer, Recurrent)
    return layer


def answers(layer: Recurrent, x: Tensor, start: Tensor | None) -> tuple[list[Tensor], list[Tensor]]:
    """y of our kernel and of PyTorch's; given a state, also the last states."""
    y, after = layer(x, EMPTY, None if start is None else Memory(start, None))
    theirs, last = layer.core(x, None if start is None else start[None])
    return ([y], [theirs]) if start is None else ([y, after.h], [theirs, last[0]])


@CELLS
@pytest.mark.parametrize("given", [False, True], ids=["from-zeros", "from-a-state"])
@pytest.mark.parametrize(("batch", "length"), [(1, 1), (3, 1), (1, 2), (3, 2), (1, 17), (3, 17), (1, 300), (40, 19)])
def test_it_is_pytorch_s_and_so_are_its_gradients(cell: Cell, batch: int, length: int, given: bool) -> None:
    layer, x = made(cell), torch.randn(batch, length, 3, requires_grad=True)
    start = torch.randn(batch, 4, requires_grad=True) if given else None
    ours, theirs = answers(layer, x, start)
    wanted = [x, *layer.parameters(), *([] if start is None else [start])]
    weights = [torch.randn_like(each) for each in ours]
    slopes = [torch.autograd.grad(each, wanted, weights) for each in (ours, theirs)]
    for a, b in zip([*ours, *slopes[0]], [*theirs, *slopes[1]], strict=True):
        same(a, b, 1e-10)
    with torch.no_grad():  # which keeps less
        for a, b in zip(answers(layer, x, start)[0], theirs, strict=True):
            same(a, b, 1e-10)


@CELLS
def test_the_kernel_is_what_runs(cell: Cell) -> None:
    layer = made(cell)
    layer.core.forward = None  # pyright: ignore[reportAttributeAccessIssue]
    for state in (None, layer.start(2)):
        assert layer(torch.randn(2, 5, 3), EMPTY, state)[0].shape == (2, 5, 4)


def test_the_gradients_are_finite_differences() -> None:
    shapes = {run_rnn: [(2, 1), (2, 2), (2,)], run_gru: [(6, 1), (6, 2), (6,), (2,)]}
    for run, weights in shapes.items():
        tensors = [torch.randn(shape, requires_grad=True) for shape in [(3, 2, 1), (2, 2), *weights]]
        assert torch.autograd.gradcheck(run, tensors)


@CELLS
def test_gradients_may_be_asked_for_twice_and_added_up(cell: Cell) -> None:
    layer = made(cell)
    loss = layer(torch.randn(2, 5, 3))[0].square().sum()
    loss.backward(retain_graph=True)
    once = [each.grad.clone() for each in layer.parameters() if each.grad is not None]
    loss.backward()
    for each, before in zip(layer.parameters(), once, strict=True):
        assert each.grad is not None
        same(each.grad, 2 * before)


@CELLS
def test_in_half_precision_and_without_rows_it_is_pytorch_s(cell: Cell) -> None:
    layer, x = made(cell).float(), torch.randn(2, 14, 3).float()
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = layer(x)
    torch.testing.assert_close(half.float(), layer(x)[0], rtol=0.05, atol=0.05)
    half.float().sum().backward()
    low = layer.to(torch.bfloat16)(x.to(torch.bfloat16))[0]
    assert low.dtype == torch.bfloat16
    assert layer(low.new_zeros(0, 5, 3))[0].shape == (0, 5, 4)


@CELLS
def test_a_state_of_other_rows_is_an_error(cell: Cell) -> None:
    layer = made(cell)
    with pytest.raises(ValueError, match="the state has 1 rows and the input 2"):
        layer(torch.randn(2, 5, 3), EMPTY, layer.start(1))
