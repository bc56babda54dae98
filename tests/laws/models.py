"""The laws of `Model` and `Stepper`: parallel and stepped, sight, probability, rows, seeds, conditions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from laws import SEEN, same
from laws.heads import chi_square, counts_law
from seriatim.context import EMPTY, Context
from seriatim.heads import Discrete, Event
from seriatim.models import Conditional, Model
from seriatim.models.base import ContextLike as Given
from seriatim.models.grid import SubpixelModel
from seriatim.walks.noise import row_seeds, uniform
from seriatim.walks.walk import Carry, Stepper, Walk


def in_a_row(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """(B, *S, …) -> (B, N, …): positions in the order of visiting."""
    return tensor.reshape(tensor.shape[0], math.prod(shape), *tensor.shape[1 + len(shape) :])


def pick(given: Given, rows: Tensor) -> Given:
    """The condition of some rows."""
    return given.select(rows) if isinstance(given, Context) else {name: value[rows] for name, value in given.items()}


def step_law(stepper: Stepper, model: Model, x: Tensor, shape: Sequence[int], given: Given, length: int | None) -> None:
    """The parameters that `step` yields, one position after the other, equal those of `forward`.

    Called with `model.packed()` it is the law of packing. The symbol handed to the first step does not matter.
    """
    symbols, rows = in_a_row(x, shape), []
    context = model.condition(given, x.shape[0])
    state = stepper.start(x.shape[0], context, length)
    prev = torch.ones_like(symbols[:, 0])
    for t in range(math.prod(shape)):
        parameters, state = stepper.step(prev, state)
        assert not parameters.requires_grad
        rows.append(parameters)
        prev = symbols[:, t]
    same(torch.stack(rows, 1), in_a_row(model(x, given), shape))


def carry_law(model: Model, x: Tensor, given: Given, cuts: Iterable[int]) -> None:
    """Read in chunks with a carry, a sequence has the parameters that it has as a whole, and the same gradients."""
    context = model.condition(given, x.shape[0])
    carry = Carry(torch.ones_like(x[:, 0]), model.start(x.shape[0], context))
    chunks = []
    for a, b in itertools.pairwise([0, *cuts, x.shape[1]]):
        parameters, carry = model(x[:, a:b], context.window(a, b), carry)
        chunks.append(parameters)
    together, whole = torch.cat(chunks, 1), model(x, given)
    same(together, whole)
    weights = torch.randn_like(whole)
    learned = [p for p in model.parameters() if p.requires_grad]
    slopes = [torch.autograd.grad((y * weights).sum(), learned, allow_unused=True) for y in (together, whole)]
    for a, b in zip(*slopes, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            same(a, b, 1e-9)


def feed_law(stepper: Stepper, model: Model, x: Tensor, given: Given, fed: int) -> None:
    """A walk that reads a prompt as one chunk, goes on by symbols, then by a chunk again, is the parallel pass."""
    context = model.condition(given, x.shape[0])
    walk, parts = Walk(stepper, x.shape[0], context, x.shape[1]), stepper.head.parts
    rows = [walk.feed(x[:, :fed])]
    middle = (fed + x.shape[1]) // 2
    for t in range(fed, middle):
        assert walk.dist is not None
        assert walk._parameters is not None
        rows.append(walk._parameters[:, None])
        for symbol in x[:, t].unbind(-1) if parts > 1 else [x[:, t]]:
            walk.push(symbol)
    rows.append(walk.feed(x[:, middle:]))
    same(torch.cat(rows, 1), model(x, context))


def influence(model: Model, x: Tensor, shape: Sequence[int], levels: Sequence[int], given: Given) -> Tensor:
    """(N, N) bool: [t, s] whether any other symbol in any part of position s changes the parameters of position t.

    Symbols have no gradients; every other symbol is tried instead, which finds what a gradient finds and more. Every
    row of x is tried: a rectifier that sleeps for one of them is awake for another.
    """
    n, parts = math.prod(shape), len(levels)
    seen = torch.zeros(n, n, dtype=torch.bool)
    opposite = torch.tensor(levels) - 1 - x.reshape(x.shape[0], n, parts)
    for number, symbols in [*enumerate(x.reshape(x.shape[0], n, parts)), *enumerate(opposite)]:
        changes = [(s, i, k) for s in range(n) for i in range(parts) for k in range(levels[i]) if k != symbols[s, i]]
        tried = symbols.repeat(len(changes) + 1, 1, 1)
        for row, (s, i, k) in enumerate(changes):
            tried[row, s, i] = k
        rows = torch.full((len(tried),), number)
        y = in_a_row(model(tried.view(len(tried), *x.shape[1:]), pick(given, rows)), shape)
        changed = ((y[:-1] - y[-1]).abs() > SEEN).any(-1)
        for (s, _, _), row in zip(changes, changed, strict=True):
            seen[:, s] |= row
    return seen


def strictness_and_sight(model: Model, x: Tensor, shape: Sequence[int], levels: Sequence[int], given: Given) -> None:
    """No position sees itself or what comes later, and each sees exactly the earlier ones that `sees` declares."""
    seen, declared = influence(model, x, shape, levels, given), model.sees(shape)
    assert declared.shape == seen.shape
    assert not seen.triu().any(), "a position sees itself or its future"
    assert not (seen & ~declared).any(), "sees more than it declares"
    assert not (declared & ~seen).any(), "a blind spot that it does not declare"


def field_sight(model: SubpixelModel, x: Tensor, given: Context) -> None:
    """Each position sees exactly those pixels of the field that `relation` declares."""
    height, width, colours = x.shape[1:]
    assert given.field is not None
    declared, seen = model.relation((height, width, colours))[:, x[0].numel() :], []
    field = given.field.clone().requires_grad_()
    y = model(x, replace(given, field=field)).flatten(1, 3).square().sum((0, 2))
    for one in y:
        (slope,) = torch.autograd.grad(one, field, retain_graph=True)
        seen.append(slope.abs().sum((0, 3)).flatten() > 0)
    assert torch.equal(torch.stack(seen), declared)


def total_probability(
    model: Model, shape: Sequence[int], levels: Sequence[int], given: Given, end: int | None = None
) -> None:
    """Σ over all x of exp log p(x) = 1. With `end`: over all strings that have ended, and those that have not yet."""
    n = math.prod(shape) * len(levels)
    every = torch.cartesian_prod(*[torch.arange(k) for _ in range(math.prod(shape)) for k in levels]).reshape(-1, n)
    parts = [] if len(levels) == 1 else [len(levels)]
    rows = torch.zeros(len(every), dtype=torch.long)
    mask = None
    if end is not None:  # of strings that go on behind <end>, one stands for all
        over = (every == end).long().cumsum(1) - (every == end).long() > 0
        every = torch.where(over, 0, every)
        every, index = torch.unique(torch.cat([every, over.long()], 1), dim=0, return_inverse=True)
        assert len(index) == len(rows)
        every, mask = every[:, :n], every[:, n:] == 0
        rows = rows[: len(every)]
    with torch.no_grad():
        log_p = model.log_prob(every.view(-1, *shape, *parts), pick(given, rows), mask)
    same(log_p.exp().sum(), torch.tensor(1.0))


def rows_independent(model: Model, x: Tensor, given: Given, length: int) -> None:
    """Values and draws of a row do not depend on the batch around it, nor on its place in it."""
    whole = model(x, given)
    draws = model.sample(x.shape[0], given, length=length, seed=list(range(x.shape[0])))
    for i in range(x.shape[0]):
        row = torch.tensor([i])
        same(model(x[row], pick(given, row)), whole[row])
        assert torch.equal(model.sample(1, pick(given, row), length=length, seed=[i]), draws[row])
    order = torch.arange(x.shape[0]).flip(0)
    assert torch.equal(model.sample(len(order), pick(given, order), length=length, seed=order.tolist()), draws[order])


def walk_select_and_fork(stepper: Stepper, model: Model, x: Tensor, shape: Sequence[int], given: Given) -> None:
    """A walk that changes its rows midway, with parameters pending, has theirs; a fork goes its own way."""
    symbols, middle = in_a_row(x, shape), math.prod(shape) // 2
    expected = in_a_row(model(x, given), shape)
    walk = Walk(stepper, x.shape[0], model.condition(given, x.shape[0]), math.prod(shape))
    parts = stepper.head.parts
    take = lambda w, s: [w.push(part) for part in (s.unbind(-1) if parts > 1 else [s])]
    for t in range(middle):
        take(walk, symbols[:, t])
    order = torch.tensor([x.shape[0] - 1, 0, 0])
    assert walk.dist is not None  # the step has been taken, its answer is pending
    walk.select(order)
    fork = walk.fork()
    other = symbols[order].clone()
    other[:, middle] = (other[:, middle] + 1) % 2
    changed = in_a_row(model(other.view(3, *x.shape[1:]), pick(given, order)), shape)
    for t in range(middle, math.prod(shape)):
        for w, s, e in ((walk, symbols[order], expected[order]), (fork, other, changed)):
            assert w.dist is not None
            assert w._parameters is not None
            same(w._parameters, e[:, t])
            take(w, s[:, t])


def same_seed_same_sample(model: Model, given: Given, shape: Sequence[int], n: int) -> None:
    """A row's sample is a function of its seed: whatever the batch, the prompt it is resumed from, packed or not."""
    length, parts = math.prod(shape), model.head.parts
    with torch.no_grad():
        whole = model.sample(n, given, length=length, seed=5)
        few = torch.arange(n - 1)
        assert torch.equal(model.sample(n - 1, pick(given, few), length=length, seed=5), whole[: n - 1])
        for done in (1, length // 2, length):
            again = model.sample(n, given, length=length, seed=5, prompt=whole[:, :done])
            assert torch.equal(again, whole)
        walk, drawn, seeds = Walk(model, n, model.condition(given, n), length), [], row_seeds(5, n)
        together = parts > 1 and cast(Event, walk.whole).noise == 1
        for i in range(0, length * parts, parts if together else 1):  # by hand: no blocks of noise, no packing
            if together:
                u = torch.cat([uniform(seeds, i + part, 1) for part in range(parts)], 1)
                drawn.append(cast(Event, walk.whole).draw(u))
                walk.take(drawn[-1])
            else:
                drawn.append(walk.dist.draw(uniform(seeds, i, 1)))
                walk.push(drawn[-1])
        assert torch.equal(torch.stack(drawn, 1).view(whole.shape), whole)
    assert not torch.equal(model.sample(n, given, length=length, seed=6), whole)


def sample_equals_density(model: Model, shape: Sequence[int], levels: Sequence[int], given: Given, n: int) -> None:
    """χ²: whole samples come as often as their likelihood says."""
    one = torch.zeros(n, dtype=torch.long)
    drawn = model.sample(n, pick(given, one), length=math.prod(shape), seed=11).reshape(n, -1)
    every = torch.cartesian_prod(*[torch.arange(k) for _ in range(math.prod(shape)) for k in levels])
    every = every.reshape(-1, drawn.shape[1])
    parts = [] if len(levels) == 1 else [len(levels)]
    rows = torch.zeros(len(every), dtype=torch.long)
    with torch.no_grad():
        log_p = model.log_prob(every.view(-1, *shape, *parts), pick(given, rows))
    radix = torch.tensor([math.prod((list(levels) * math.prod(shape))[i + 1 :]) for i in range(drawn.shape[1])])
    chi_square(torch.bincount((drawn * radix).sum(1), minlength=len(every)), log_p.exp())


def every_condition_matters(model: Model, x: Tensor, given: Given) -> None:
    """Every condition changes the parameters of every row whose condition changed, and of no other."""
    before = model(x, given)
    changes: list[Given] = []
    if isinstance(given, Context):
        for name in ("vector", "field", "memory"):
            value = getattr(given, name)
            if value is not None:
                changes.append(replace(given, **{name: torch.cat([value[:1] + 1, value[1:]])}))
    else:
        for name, value in given.items():
            first = (value[:1] + 1) if not value.is_floating_point() else value[:1].nan_to_num(0.0) + 1
            changes.append({**given, name: torch.cat([first, value[1:]])})
    assert changes
    for change in changes:
        moved = ((model(x, change) - before).abs() > SEEN).flatten(1)
        assert bool(moved[0].any())
        assert not moved[1:].any()


def unknown_condition(model: Model, x: Tensor, given: Mapping[str, Tensor]) -> None:
    """A condition that is left out counts as not said."""
    assert isinstance(model, Conditional)
    encoders: dict[str, Any] = dict(zip(model.names, model.encoders.values(), strict=True))
    missing = {name: encoders[name].missing(x.shape[0]) for name in given}
    same(model(x, {}), model(x, missing))
    same(model(x, EMPTY), model(x, missing))


def counts_of(model: Model, x: Tensor, given: Given, bits: int) -> None:
    """The head's integer counts cover every position."""
    dist = model.head(model(x, given).detach())
    assert isinstance(dist, Discrete)
    counts_law(dist, bits)
