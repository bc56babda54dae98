"""The laws of `Causal`, one function each.

They take a layer as it is, in float64 and with weights that are not zero: `exact(layer)` gives such a copy and
`isolated()` makes new tensors float64. `layer_laws` does both and calls all of them.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from seriatim import tree
from seriatim.causal import Causal, Residual
from seriatim.context import EMPTY, Context
from seriatim.testing.base import SEEN, hold, random_like, same, same_slopes, slopes

AXES = ("row", "frame", "channel")
_FAR = 512  # frames; of a reach beyond, only what the input shows is checked


def usual_cuts(steps: int) -> dict[str, list[int]]:
    """{name: where to cut an input of `steps` frames}: whole, frame by frame, unevenly, with chunks of no frames."""
    middle = steps // 2
    return {
        "none": [],
        "ones": list(range(1, steps)),
        "one-then-rest": [1],
        "rest-then-one": [steps - 1],
        "uneven": sorted({2, 3, middle, steps - 1} & set(range(steps + 1))),
        "empty-chunks": [0, 0, middle, middle, middle + 1, steps, steps],
    }


def cut(x: Tensor, cuts: Iterable[int]) -> list[tuple[int, int]]:
    """The chunks between the cuts, empty ones included."""
    edges = [0, *cuts, x.shape[1]]
    return list(itertools.pairwise(edges))


def chunk_law(layer: Causal, x: Tensor, context: Context, cuts: Iterable[int], length: int | None = None) -> None:
    """Chunk law: f(cat(a, b), s) == (cat(ya, yb), s2), at these cuts, with gradients and without.

    Without gradients conditions may come from what `start` has projected, so chunks are given no context at all.

    Args:
        layer: in float64.
        x: (B, T, C).
        context: of x.
        cuts: where chunks end; equal ones give a chunk of no frames.
        length: what `start` is told.

    Raises:
        AssertionError: naming the frame.
    """
    cuts = list(cuts)
    whole, nothing = layer(x, context)
    hold(nothing is None, "chunk law", "without a state to go on from, a state was returned")
    for gradients in (True, False):
        when = f" (cuts at {cuts}, {'with' if gradients else 'without'} gradients)"
        with torch.set_grad_enabled(gradients):
            state = layer.start(x.shape[0], context, length)
            chunks: list[Tensor] = []
            for a, b in cut(x, cuts):
                y, state = layer(x[:, a:b], context.window(a, b) if gradients else EMPTY, state)
                hold(y.shape[1] == b - a, "chunk law", f"{b - a} frames in, {y.shape[1]} out{when}")
                chunks.append(y)
        same(torch.cat(chunks, 1), whole, law="chunk law", axes=AXES, when=when)


def chunk_gradient_law(layer: Causal, x: Tensor, context: Context, cuts: Iterable[int]) -> None:
    """Chunk gradient law: gradients through the carried state are those of the whole, to 1e-9.

    So with gradients on, nothing that backpropagation needs is overwritten in place.

    Raises:
        AssertionError: naming the parameter.
    """
    named = {name: p for name, p in layer.named_parameters() if p.requires_grad}
    if not named:
        return
    whole = layer(x, context)[0]
    weights = random_like(whole)
    state, chunks = layer.start(x.shape[0], context), list[Tensor]()
    for a, b in cut(x, cuts):
        y, state = layer(x[:, a:b], context.window(a, b), state)
        chunks.append(y)
    pairs = [slopes((weights * y).sum(), list(named.values())) for y in (torch.cat(chunks, 1), whole)]
    for name, a, b in zip(named, *pairs, strict=True):
        same_slopes(name, a, b, "chunk gradient law")


def sight_law(layer: Causal, x: Tensor, context: Context) -> None:
    """Sight law: ∂y_t/∂x_s ≠ 0, in some channel, exactly where `sight` says so; `reach` is as far as it goes.

    Every row of x is tried, its opposite, and where something declared is not seen up to 16 times other frames: a
    rectifier that sleeps for one is awake for another.

    Args:
        layer: in float64.
        x: (B, T, C), frames.
        context: of x.

    Raises:
        AssertionError: naming the frames t and s.
    """
    steps, law = x.shape[1], "sight law"
    declared, seen = layer.sight(steps), _gradients(layer, x, context) | _gradients(layer, -x, context)
    for seed in range(16):
        if not bool((declared & ~seen).any()):
            break
        seen |= _gradients(layer, random_like(x, seed), context)
    nowhere(seen.triu(1), law, "frame {t} depends on frame {s}, its future")
    nowhere(seen & ~declared, law, "frame {t} depends on frame {s}, which `sight` does not declare")
    nowhere(declared & ~seen, law, "frame {t} does not depend on frame {s}, which `sight` declares")
    reach = layer.reach
    if reach is None:
        hold(
            layer.sight(max(steps, _FAR))[-1, 0], law, "`reach` is all of the past, and `sight` does not go back to it"
        )
        return
    nowhere(declared.tril(-reach - 1), law, f"frame {{t}} sees frame {{s}}, further back than `reach`, {reach}")
    if reach <= _FAR:  # what looks back by blocks reaches its furthest at some frames only
        hold(
            layer.sight(2 * reach + 2).diagonal(-reach).any(), law, f"`sight` goes back less far than `reach`, {reach}"
        )


def _gradients(layer: Causal, x: Tensor, context: Context) -> Tensor:
    """(T, T) bool: [t, s] whether y_t has a gradient in x_s, in some row."""
    x = x.clone().requires_grad_()
    y, _ = layer(x, context)
    weights, steps = random_like(y), x.shape[1]
    seen = torch.zeros(steps, steps, dtype=torch.bool)
    for t in range(steps):
        (slope,) = slopes((y[:, t] * weights[:, t]).sum(), [x], retain=True)
        if slope is not None:
            seen[t] = (slope.abs().flatten(2).amax(-1) > SEEN).any(0)
    return seen


def nowhere(wrong: Tensor, law: str, fault: str) -> None:
    """Check that a relation (N, N) is empty; `fault` may use {t} and {s}, the first place where it is not."""
    places = wrong.nonzero()
    if len(places):
        t, s = places[0].tolist()
        hold(False, law, fault.format(t=t, s=s))


def row_law(layer: Causal, x: Tensor, context: Context) -> None:
    """Row law: a row comes out the same alone, among others, and after `tree.select` in the middle.

    Raises:
        AssertionError: naming the row.
    """
    whole, _ = layer(x, context)
    for i in range(x.shape[0]):
        row = torch.tensor([i])
        alone = layer(x[row], context.select(row))[0]
        same(alone, whole[row], law="row law", axes=AXES, when=f" (row {i} alone)")
    order, middle = torch.tensor([x.shape[0] - 1, 0, 0]), x.shape[1] // 2
    with torch.no_grad():
        _, state = layer(x[:, :middle], context.window(0, middle), layer.start(x.shape[0], context))
        rest, _ = layer(x[order, middle:], EMPTY, tree.select(state, order))
    same(rest, whole[order, middle:], law="row law", axes=AXES, when=f" (rows {order.tolist()} of a state selected)")


def fork_law(layer: Causal, x: Tensor, context: Context) -> None:
    """Fork law: of two branches from one state (`tree.fork`), each goes on as if the other were not there.

    Raises:
        AssertionError: naming the frame.
    """
    other = x.flip(1)
    middle = x.shape[1] // 2
    with torch.no_grad():
        _, state = layer(x[:, :middle], EMPTY, layer.start(x.shape[0], context))
        branch = tree.fork(state)
        ya, yb = list[Tensor](), list[Tensor]()
        for t in range(middle, x.shape[1]):  # by turns, a frame at a time: that is where states are written in place
            a, state = layer(x[:, t : t + 1], EMPTY, state)
            b, branch = layer(other[:, t : t + 1], EMPTY, branch)
            ya.append(a)
            yb.append(b)
    same(torch.cat(ya, 1), layer(x, context)[0][:, middle:], law="fork law", axes=AXES, when=" (after the fork)")
    joined = torch.cat([x[:, :middle], other[:, middle:]], 1)
    same(torch.cat(yb, 1), layer(joined, context)[0][:, middle:], law="fork law", axes=AXES, when=" (of the branch)")


def zero_branch_law(residual: Residual, x: Tensor, context: Context) -> None:
    """Zero branch law: a residual branch whose parameters are all zero adds nothing: y == x to the last bit.

    Raises:
        AssertionError: if it adds something.
    """
    silent = copy.deepcopy(residual)
    with torch.no_grad():
        for parameter in silent.branch.parameters():
            parameter.zero_()
    y, _ = silent(x, context)
    same(y, x, 0.0, "zero branch law", AXES)


def field_law(layer: Causal, x: Tensor, context: Context) -> None:
    """Field law: a column of the field changes what comes from its own positions on, and nothing before.

    That holds for a layer that does not look ahead in the field.

    Raises:
        AssertionError: naming the column.
        ValueError: if the context has no field.
    """
    if context.field is None:
        raise ValueError("the field law is about context.field, and there is none")
    before, _ = layer(x, context)
    for column in range(context.field.shape[1]):
        field = context.field.clone()
        field[:, column] += 1
        after, _ = layer(x, replace(context, field=field))
        changed = ((after - before).abs() > SEEN).flatten(2).any(-1).any(0)
        begin, end = (max(0, min(x.shape[1], (column + i) * context.hop - context.offset)) for i in (0, 1))
        hold(not changed[:begin].any(), "field law", f"column {column} changes a frame before frame {begin}, its first")
        hold(
            changed[begin:end].all(),
            "field law",
            f"column {column} changes not all of its frames, {begin} to {end - 1}",
        )
