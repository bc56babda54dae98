"""The laws of `Model` and `Stepper` that compare: parallel with stepped, whole with chunks, one condition with another.

They take a model as it is, in float64 and with weights that are not zero: `exact(model)` gives such a copy and
`isolated()` makes new tensors float64. `laws` does both and calls all of them. S is the positions' shape, of N in all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from seriatim.context import EMPTY, Context
from seriatim.heads import Discrete
from seriatim.models import Conditional, Model
from seriatim.models.base import ContextLike
from seriatim.testing.base import SEEN, hold, pick, random_like, same, same_slopes, slopes
from seriatim.testing.heads import counts_law
from seriatim.walks.backend import Runner
from seriatim.walks.draws import Draws
from seriatim.walks.walk import Carry, Stepper, Walk

AXES = ("row", "position", "parameter")


def in_a_row(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """(B, *S, …) -> (B, N, …): positions in the order of visiting."""
    return tensor.reshape(tensor.shape[0], math.prod(shape), *tensor.shape[1 + len(shape) :])


def shape_law(model: Model, x: Tensor, shape: Sequence[int], given: ContextLike) -> None:
    """Shape law: `forward` gives finite parameters (B, *S, head.width), `log_prob` finite numbers (B,).

    Raises:
        AssertionError: naming the shape.
    """
    found, wanted = model(x, given), (x.shape[0], *shape, model.head.width)
    hold(found.shape == wanted, "shape law", f"parameters have shape {tuple(found.shape)}; expected {wanted}")
    hold(found.isfinite().all(), "shape law", "parameters are not finite")
    log_p = model.log_prob(x, given)
    hold(log_p.shape == wanted[:1], "shape law", f"log_prob has shape {tuple(log_p.shape)}; expected {wanted[:1]}")
    hold(log_p.isfinite().all(), "shape law", "log_prob is not finite")


def step_law(
    stepper: Stepper,
    model: Model,
    x: Tensor,
    shape: Sequence[int],
    given: ContextLike,
    length: int | None,
    law: str = "step law",
) -> None:
    """Step law: the parameters that `step` yields, one position after the other, equal those of `forward`.

    The symbol handed to the first step does not matter. Called with `model.packed()` it is the packed law.

    Args:
        stepper: the model, or what its `packed()` gave.
        model: of which `forward` is called.
        x: (B, *S) or (B, *S, P).
        shape: S.
        given: the condition.
        length: what `start` is told.
        law: for the message.

    Raises:
        AssertionError: naming the position.
    """
    symbols, rows = in_a_row(x, shape), list[Tensor]()
    context = model.condition(given, x.shape[0])
    state = stepper.start(x.shape[0], context, length)
    prev = torch.ones_like(symbols[:, 0])
    for t in range(math.prod(shape)):
        parameters, state = stepper.step(prev, state)
        hold(not parameters.requires_grad, law, "`step` tracks gradients; it is for sampling")
        rows.append(parameters)
        prev = symbols[:, t]
    same(torch.stack(rows, 1), in_a_row(model(x, given), shape), law=law, axes=AXES, when=" (step against forward)")


def packed_law(model: Model, x: Tensor, shape: Sequence[int], given: ContextLike, length: int | None) -> None:
    """Packed law: the steps of `model.packed()` equal `model.forward`.

    Raises:
        AssertionError: naming the position.
    """
    step_law(model.packed(), model, x, shape, given, length, "packed law")


def native_law(native: Stepper, model: Model, x: Tensor, shape: Sequence[int], given: ContextLike) -> None:
    """Native law: native steps equal `model.forward`, and what they draw in one call is what the eager ones draw.

    Args:
        native: what `model.native()` gave.
        model: in float64, in which a draw hangs on the last digit once in 10^13 symbols.
        x: (B, *S) or (B, *S, P).
        shape: S.
        given: the condition.

    Raises:
        AssertionError: naming the position.
    """
    length = math.prod(shape)
    step_law(native, model, x, shape, given, length, "native law")
    if not isinstance(native, Runner):
        return
    context, steppers = model.condition(given, len(x)), (model.packed(), native)
    seeds = torch.arange(len(x))
    draws = [Draws(Walk(each, len(x), context, length), model.head, seeds) for each in steppers]
    eager, drawn = draws[0].run(length), torch.cat([draws[1].run(1), draws[1].run(length - 1)], 1)
    hold(torch.equal(drawn, eager), "native law", f"symbols drawn in one call differ: {(drawn != eager).sum()} of them")


def carry_law(model: Model, x: Tensor, given: ContextLike, cuts: Iterable[int]) -> None:
    """Carry law: read in chunks with a carry, a sequence has the parameters that it has as a whole, and the gradients.

    Raises:
        AssertionError: naming the position or the parameter.
    """
    cuts = list(cuts)
    context = model.condition(given, x.shape[0])
    carry = Carry(torch.ones_like(x[:, 0]), model.start(x.shape[0], context, x.shape[1] if model.ends else None))
    chunks: list[Tensor] = []
    for a, b in itertools.pairwise([0, *cuts, x.shape[1]]):
        parameters, carry = model(x[:, a:b], context.window(a, b), carry)
        chunks.append(parameters)
    together, whole = torch.cat(chunks, 1), model(x, given)
    same(together, whole, law="carry law", axes=AXES, when=f" (cuts at {cuts})")
    weights = random_like(whole)
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not learned:
        return
    pairs = [slopes((y * weights).sum(), list(learned.values())) for y in (together, whole)]
    for name, a, b in zip(learned, *pairs, strict=True):
        same_slopes(name, a, b, "carry law", f" (cuts at {cuts})")


def feed_law(stepper: Stepper, model: Model, x: Tensor, given: ContextLike, fed: int) -> None:
    """Feed law: a walk that reads a prompt as one chunk, goes on by symbols, then by a chunk again, equals `forward`.

    Args:
        stepper: the model, or what its `packed()` gave.
        model: of which `forward` is called.
        x: (B, T) or (B, T, P).
        given: the condition.
        fed: positions of the prompt.

    Raises:
        AssertionError: naming the position.
    """
    context = model.condition(given, x.shape[0])
    walk, parts = Walk(stepper, x.shape[0], context, x.shape[1]), stepper.head.parts
    rows = [walk.feed(x[:, :fed])]
    middle = (fed + x.shape[1]) // 2
    for t in range(fed, middle):
        rows.append(pending(walk)[:, None])
        for symbol in x[:, t].unbind(-1) if parts > 1 else [x[:, t]]:
            walk.push(symbol)
    rows.append(walk.feed(x[:, middle:]))
    same(torch.cat(rows, 1), model(x, context), law="feed law", axes=AXES, when=f" (a prompt of {fed} positions)")


def pending(walk: Walk) -> Tensor:
    """The parameters of the position under way."""
    _ = walk.dist  # takes the step, once
    assert walk._parameters is not None
    return walk._parameters


def walk_law(stepper: Stepper, model: Model, x: Tensor, shape: Sequence[int], given: ContextLike) -> None:
    """Walk law: a walk that selects rows midway, with parameters pending, has theirs; a fork goes its own way.

    Raises:
        AssertionError: naming the row.
    """
    symbols, middle = in_a_row(x, shape), math.prod(shape) // 2
    expected = in_a_row(model(x, given), shape)
    walk = Walk(stepper, x.shape[0], model.condition(given, x.shape[0]), math.prod(shape))
    parts = stepper.head.parts

    def take(walk: Walk, position: Tensor) -> None:
        for part in position.unbind(-1) if parts > 1 else [position]:
            walk.push(part)

    for t in range(middle):
        take(walk, symbols[:, t])
    order = torch.tensor([x.shape[0] - 1, 0, 0])
    pending(walk)  # the step has been taken, its answer waits
    walk.select(order)
    fork = walk.fork()
    other = symbols[order].clone()
    other[:, middle] = (other[:, middle] + 1) % 2
    changed = in_a_row(model(other.view(3, *x.shape[1:]), pick(given, order)), shape)
    branches = ((walk, symbols[order], expected[order], "the walk"), (fork, other, changed, "its fork"))
    for t in range(middle, math.prod(shape)):
        for branch, read, wanted, name in branches:
            when = f" ({name}, at position {t} after `select` and `fork` at {middle})"
            same(pending(branch), wanted[:, t], law="walk law", axes=("row", "parameter"), when=when)
            take(branch, read[:, t])


def changes_of(given: ContextLike) -> dict[str, ContextLike]:
    """{condition: the same with another value of it in the first row}."""
    changes: dict[str, ContextLike] = {}
    if isinstance(given, Context):
        for name in ("vector", "field", "memory", "scale"):
            value = getattr(given, name)
            if value is not None:
                changes[name] = replace(given, **{name: torch.cat([value[:1] + 1, value[1:]])})
    else:
        for name, value in given.items():
            first = value[:1].nan_to_num(0.0) + 1 if value.is_floating_point() else _another(value)
            changes[name] = {**given, name: torch.cat([first, value[1:]])}
    return changes


def _another(value: Tensor) -> Tensor:
    """(1, …) another row's labels or symbols, which the encoder is sure to know; without one, the next label."""
    others = [row for row in value.split(1) if not torch.equal(row, value[:1])]
    return others[0] if others else value[:1] + 1


def condition_law(model: Model, x: Tensor, given: ContextLike) -> None:
    """Condition law: every condition changes the parameters of the row whose condition changed, and of no other.

    Raises:
        AssertionError: naming the condition.
        ValueError: if there is none.
    """
    before, changes = model(x, given), changes_of(given)
    if not changes:
        raise ValueError("the condition law is about conditions, and there are none")
    for name, change in changes.items():
        moved = ((model(x, change) - before).abs() > SEEN).flatten(1)
        hold(moved[0].any(), "condition law", f"{name} changes nothing")
        hold(not moved[1:].any(), "condition law", f"{name} of row 0 changes another row")


def missing_law(model: Conditional, x: Tensor, given: Mapping[str, Tensor]) -> None:
    """Missing law: a condition that is left out counts as not given, as the encoders' `missing` says.

    Raises:
        AssertionError: naming the position.
    """
    encoders: dict[str, Any] = dict(zip(model.names, model.encoders.values(), strict=True))
    missing = {name: encoders[name].missing(x.shape[0]) for name in given}
    same(model(x, {}), model(x, missing), law="missing law", axes=AXES)
    same(model(x, EMPTY), model(x, missing), law="missing law", axes=AXES)


def model_counts_law(model: Model, x: Tensor, given: ContextLike, bits: int) -> None:
    """Counts law, at every position of a model whose head has one discrete symbol.

    Raises:
        AssertionError: naming what is wrong with the counts.
        TypeError: for another head.
    """
    dist = model.head(model(x, given).detach())
    if not isinstance(dist, Discrete):
        raise TypeError(f"{type(dist).__name__} has no counts; expected a Discrete")
    counts_law(dist, bits)
