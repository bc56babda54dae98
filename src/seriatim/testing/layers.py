"""The laws of `Causal`: what every layer promises, as functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from laws import SEEN, same
from seriatim import tree
from seriatim.causal import Causal, Residual
from seriatim.context import EMPTY, Context


def cut(x: Tensor, cuts: Iterable[int]) -> list[tuple[int, int]]:
    """The chunks between the cuts, empty ones included."""
    edges = [0, *cuts, x.shape[1]]
    return list(itertools.pairwise(edges))


def chunk_law(layer: Causal, x: Tensor, context: Context, cuts: Iterable[int], length: int | None = None) -> None:
    """f(cat(a, b), s) == (cat(ya, yb), s2), at any cuts, with gradients and without, whatever `start` was told.

    Without gradients conditions may come from what `start` has projected, so chunks are given no context at all.
    """
    whole, nothing = layer(x, context)
    assert nothing is None
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            state = layer.start(x.shape[0], context, length)
            chunks = []
            for a, b in cut(x, cuts):
                y, state = layer(x[:, a:b], context.window(a, b) if gradients else EMPTY, state)
                assert y.shape[1] == b - a
                chunks.append(y)
        same(torch.cat(chunks, 1), whole)


def chunk_gradient_law(layer: Causal, x: Tensor, context: Context, cuts: Iterable[int]) -> None:
    """Backpropagation through the carried state is that of the whole: nothing that gradients need is overwritten."""
    weights = torch.randn_like(layer(x, context)[0])
    state, chunks = layer.start(x.shape[0], context), []
    for a, b in cut(x, cuts):
        y, state = layer(x[:, a:b], context.window(a, b), state)
        chunks.append(y)
    parameters = [p for p in layer.parameters() if p.requires_grad]
    if not parameters:
        return
    of = lambda y: torch.autograd.grad((weights * y).sum(), parameters)
    for a, b in zip(of(torch.cat(chunks, 1)), of(layer(x, context)[0]), strict=True):
        same(a, b, 1e-9)


def sight_law(layer: Causal, x: Tensor, context: Context) -> None:
    """∂y_t/∂x_s ≠ 0, in some channel, exactly where `sight` says so; and `reach` is as far as it goes."""
    steps = x.shape[1]
    x = x[:1].clone().requires_grad_()
    y, _ = layer(x, context.select(torch.tensor([0])))
    seen = torch.zeros(steps, steps, dtype=torch.bool)
    for t in range(steps):
        weights = torch.randn(y.shape[2])
        (slope,) = torch.autograd.grad((y[0, t] * weights).sum(), x, retain_graph=True, allow_unused=True)
        if slope is not None:
            seen[t] = slope[0].abs().amax(-1) > SEEN
    declared = layer.sight(steps)
    assert not seen.triu(1).any(), "sees the future"
    assert not (seen & ~declared).any(), "sees more than it declares"
    assert not (declared & ~seen).any(), "does not see all that it declares"
    furthest = layer.sight(steps if layer.reach is None else layer.reach + 1)
    assert bool(furthest[-1, 0]), "does not look back as far as its reach"
    if layer.reach is not None and layer.reach + 1 < steps:
        assert not declared.tril(-layer.reach - 1).any(), "looks further back than its reach"


def layer_rows_independent(layer: Causal, x: Tensor, context: Context) -> None:
    """A row comes out the same alone, among others, and behind `tree.select` in the middle."""
    whole, _ = layer(x, context)
    for i in range(x.shape[0]):
        row = torch.tensor([i])
        same(layer(x[row], context.select(row))[0], whole[row])
    order, middle = torch.tensor([x.shape[0] - 1, 0, 0]), x.shape[1] // 2
    with torch.no_grad():
        _, state = layer(x[:, :middle], context.window(0, middle), layer.start(x.shape[0], context))
        rest, _ = layer(x[order, middle:], EMPTY, tree.select(state, order))
    same(rest, whole[order, middle:])


def layer_fork_does_not_alias(layer: Causal, x: Tensor, context: Context) -> None:
    """Of two branches from one state, each goes on as if the other were not there."""
    other = x.flip(1)
    middle = x.shape[1] // 2
    with torch.no_grad():
        _, state = layer(x[:, :middle], EMPTY, layer.start(x.shape[0], context))
        branch = tree.fork(state)
        ya, yb = [], []
        for t in range(middle, x.shape[1]):  # by turns, a frame at a time: that is where states are written in place
            a, state = layer(x[:, t : t + 1], EMPTY, state)
            b, branch = layer(other[:, t : t + 1], EMPTY, branch)
            ya.append(a)
            yb.append(b)
    same(torch.cat(ya, 1), layer(x, context)[0][:, middle:])
    joined = torch.cat([x[:, :middle], other[:, middle:]], 1)
    same(torch.cat(yb, 1), layer(joined, context)[0][:, middle:])


def zero_branch_is_identity(residual: Residual, x: Tensor, context: Context) -> None:
    """A residual branch whose parameters are all zero adds nothing, once: y == x to the last bit."""
    with torch.no_grad():
        for parameter in residual.branch.parameters():
            parameter.zero_()
    y, _ = residual(x, context)
    assert torch.equal(y, x)


def field_from_its_position_on(layer: Causal, x: Tensor, context: Context) -> None:
    """A column of a look-ahead-free field changes what comes from its own positions on, and nothing before."""
    assert context.field is not None
    before, _ = layer(x, context)
    for column in range(context.field.shape[1]):
        field = context.field.clone()
        field[:, column] += 1
        after, _ = layer(x, replace(context, field=field))
        changed = ((after - before).abs() > SEEN).flatten(2).any(-1).any(0)
        begin, end = (max(0, min(x.shape[1], (column + i) * context.hop - context.offset)) for i in (0, 1))
        assert not changed[:begin].any(), f"column {column} is seen before its time"
        assert changed[begin:end].all(), f"column {column} is not seen at its own positions"
