"""The laws of a model's probabilities and samples: they add up, they agree, and a row's are its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from seriatim.heads import Event
from seriatim.models import Model
from seriatim.models.base import ContextLike
from seriatim.testing.base import hold, pick, same
from seriatim.testing.models import AXES
from seriatim.testing.statistics import chi_square
from seriatim.walks.noise import row_seeds, uniform
from seriatim.walks.walk import Walk


def strings(shape: Sequence[int], levels: Sequence[int]) -> Tensor:
    """(K^N, N·P): every string of the alphabet, positions × parts in a row."""
    n = math.prod(shape) * len(levels)
    return torch.cartesian_prod(*[torch.arange(k) for _ in range(math.prod(shape)) for k in levels]).reshape(-1, n)


def probability_law(
    model: Model, shape: Sequence[int], levels: Sequence[int], given: ContextLike, end: int | None = None
) -> None:
    """Probability law: Σ over all x of exp log p(x) = 1; given `end`, over ended strings and those that have not ended.

    Args:
        model: in float64.
        shape: S, so small that all strings fit into a batch.
        levels: how many symbols each part has.
        given: the condition, of which the first row is used.
        end: a symbol that ends a string.

    Raises:
        AssertionError: giving the sum.
    """
    every = strings(shape, levels)
    n = every.shape[1]
    parts = [] if len(levels) == 1 else [len(levels)]
    mask = None
    if end is not None:  # of strings that go on after <end>, one stands for all
        over = (every == end).long().cumsum(1) - (every == end).long() > 0
        every = torch.where(over, 0, every)
        every = torch.unique(torch.cat([every, over.long()], 1), dim=0)
        every, mask = every[:, :n], every[:, n:] == 0
    rows = torch.zeros(len(every), dtype=torch.long)
    with torch.no_grad():
        total = model.log_prob(every.view(-1, *shape, *parts), pick(given, rows), mask).exp().sum()
    same(total, torch.ones_like(total), law="probability law", when=f" (the sum over {len(every):,} strings)")


def _alike(a: Tensor, b: Tensor) -> bool:
    """Equal symbols, or real numbers equal up to rounding."""
    if a.is_floating_point():
        return a.shape == b.shape and torch.allclose(a, b, rtol=1e-9, atol=1e-9)
    return torch.equal(a, b)


def row_law(model: Model, x: Tensor, given: ContextLike, length: int) -> None:
    """Row law: values and draws of a row depend neither on the batch around it nor on its place in it.

    Raises:
        AssertionError: naming the row.
    """
    whole, batch = model(x, given), x.shape[0]
    draws = model.sample(batch, given, length=length, seed=list(range(batch)))
    for i in range(batch):
        row = torch.tensor([i])
        same(model(x[row], pick(given, row)), whole[row], law="row law", axes=AXES, when=f" (row {i} alone)")
        alone = model.sample(1, pick(given, row), length=length, seed=[i])
        hold(_alike(alone, draws[row]), "row law", f"row {i} is drawn otherwise alone than in a batch of {batch}")
    order = torch.arange(batch).flip(0)
    turned = model.sample(batch, pick(given, order), length=length, seed=order.tolist())
    hold(_alike(turned, draws[order]), "row law", "with the batch in reverse order its rows are drawn otherwise")


def seed_law(model: Model, given: ContextLike, shape: Sequence[int], n: int) -> None:
    """Seed law: a row's sample follows from its seed, whatever the batch, the blocks and the prompt it is resumed from.

    Args:
        model: in float64.
        given: the condition, n rows.
        shape: S.
        n: rows.

    Raises:
        AssertionError: naming what made a difference.
    """
    length, law = math.prod(shape), "seed law"
    with torch.no_grad():
        whole = model.sample(n, given, length=length, seed=5)
        again = model.sample(n, given, length=length, seed=5)
        hold(_alike(again, whole), law, "the same seed draws another sample the second time")
        few = model.sample(n - 1, pick(given, torch.arange(n - 1)), length=length, seed=5)
        hold(_alike(few, whole[: n - 1]), law, f"a batch of {n - 1} rows is drawn otherwise than one of {n}")
        for done in (1, length // 2, length):
            again = model.sample(n, given, length=length, seed=5, prompt=whole[:, :done])
            hold(_alike(again, whole), law, f"resumed after {done} positions, a sample goes on otherwise")
        by_hand = _by_hand(model, given, length, n).view(whole.shape)
        hold(_alike(by_hand, whole), law, "stepped one by one from the model, not packed, a sample is another")
        others = (model.sample(n, given, length=length, seed=seed) for seed in range(6, 26))
        hold(any(not _alike(other, whole) for other in others), law, "twenty other seeds draw the same sample")


def _by_hand(model: Model, given: ContextLike, length: int, n: int) -> Tensor:
    """A sample without blocks of noise and without packing."""
    walk, drawn, seeds, parts = (
        Walk(model, n, model.condition(given, n), length),
        list[Tensor](),
        row_seeds(5, n),
        model.head.parts,
    )
    together = parts > 1 and cast(Event, walk.whole).noise == 1
    for i in range(0, length * parts, parts if together else 1):
        if together:
            u = torch.cat([uniform(seeds, i + part, 1) for part in range(parts)], 1)
            drawn.append(cast(Event, walk.whole).draw(u))
            walk.take(drawn[-1])
        else:
            dist = walk.dist
            u = torch.cat([uniform(seeds, i, 1, lane) for lane in range(dist.noise)], 1)
            drawn.append(dist.draw(u))
            walk.push(drawn[-1])
    return torch.stack(drawn, 1)


def sample_law(model: Model, shape: Sequence[int], levels: Sequence[int], given: ContextLike, n: int) -> None:
    """Sample law: of n samples whole strings come as often as their likelihood says (χ²).

    Args:
        model: in float64.
        shape: S, so small that all strings fit into a batch.
        levels: how many symbols each part has.
        given: the condition, of which the first row is used.
        n: samples.

    Raises:
        AssertionError: if they do not, at a p-value of 1e-4.
        ImportError: without SciPy.
    """
    one = torch.zeros(n, dtype=torch.long)
    drawn = model.sample(n, pick(given, one), length=math.prod(shape), seed=11).reshape(n, -1)
    every = strings(shape, levels)
    parts = [] if len(levels) == 1 else [len(levels)]
    rows = torch.zeros(len(every), dtype=torch.long)
    with torch.no_grad():
        log_p = model.log_prob(every.view(-1, *shape, *parts), pick(given, rows))
    radix = torch.tensor([math.prod((list(levels) * math.prod(shape))[i + 1 :]) for i in range(drawn.shape[1])])
    chi_square(torch.bincount((drawn * radix).sum(1), minlength=len(every)), log_p.exp(), "sample law")
