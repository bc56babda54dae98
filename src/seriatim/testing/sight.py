"""The laws of what a position may depend on: nothing of itself and its future, and of its past what `sees` declares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from seriatim.context import Context
from seriatim.models import Model
from seriatim.models.base import ContextLike
from seriatim.models.grid import FieldModel
from seriatim.testing.base import SEEN, hold, pick
from seriatim.testing.layers import nowhere
from seriatim.testing.models import in_a_row

_OTHERS = 8  # other symbols tried at a place; of a larger alphabet some


def influence(model: Model, x: Tensor, shape: Sequence[int], levels: Sequence[int], given: ContextLike) -> Tensor:
    """(N, N) bool: [t, s] whether another symbol in any part of position s changes the parameters of position t.

    Symbols have no gradients; other symbols are tried instead (up to eight at a place), which finds what a gradient
    finds and more. Every row of x is tried, and its mirror image: a rectifier that sleeps for one is awake for another.

    Args:
        model: in float64.
        x: (B, *S) or (B, *S, P).
        shape: S.
        levels: how many symbols each part has; at most 0: it is a real number.
        given: the condition.
    """
    n, parts = math.prod(shape), len(levels)
    seen = torch.zeros(n, n, dtype=torch.bool)
    rows = x.reshape(x.shape[0], n, parts)
    opposite = torch.stack([k - 1 - rows[..., i] if k > 0 else -rows[..., i] for i, k in enumerate(levels)], -1)
    for number, symbols in [*enumerate(rows), *enumerate(opposite)]:
        changes = [
            (s, i, other) for s in range(n) for i in range(parts) for other in _others(float(symbols[s, i]), levels[i])
        ]
        tried = symbols.repeat(len(changes) + 1, 1, 1)
        for row, (s, i, other) in enumerate(changes):
            tried[row, s, i] = other
        same_row = torch.full((len(tried),), number)
        with torch.no_grad():
            y = in_a_row(model(tried.view(len(tried), *x.shape[1:]), pick(given, same_row)), shape)
        changed = ((y[:-1] - y[-1]).abs() > SEEN).any(-1)
        for (s, _, _), row in zip(changes, changed, strict=True):
            seen[:, s] |= row
    return seen


def _others(symbol: float, levels: int) -> list[float]:
    """Other symbols to try, from all over the alphabet; for a real number, one to each side."""
    if levels <= 0:
        return [symbol + 0.7, symbol - 1.3]
    count = min(_OTHERS, levels - 1)
    return [(int(symbol) + 1 + i * (levels - 1) // count) % levels for i in range(count)]


def strictness_law(seen: Tensor) -> None:
    """Strictness law: no position's parameters depend on its own symbol or on a later one.

    Args:
        seen: of `influence`.

    Raises:
        AssertionError: naming the two positions.
    """
    law = "strictness law"
    nowhere(torch.diag(seen.diagonal()), law, "the parameters of position {t} depend on position {s}, its own symbol")
    nowhere(seen.triu(1), law, "the parameters of position {t} depend on position {s}, its future")


def sight_law(model: Model, seen: Tensor, shape: Sequence[int]) -> None:
    """Sight law: each position depends on exactly those earlier ones that `sees` declares.

    Args:
        model: whose `sees` is asked.
        seen: of `influence`.
        shape: S.

    Raises:
        AssertionError: naming the two positions: a dependence that is not declared, or a blind spot.
    """
    declared = model.sees(shape)
    hold(
        declared.shape == seen.shape,
        "sight law",
        f"`sees` has shape {tuple(declared.shape)}; expected {tuple(seen.shape)}",
    )
    nowhere(seen & ~declared, "sight law", "position {t} depends on position {s}, which `sees` does not declare")
    nowhere(declared & ~seen, "sight law", "position {t} does not depend on position {s}, which `sees` declares")


def field_sight_law(model: FieldModel, x: Tensor, given: Context) -> None:
    """Field sight law: each position depends on exactly those pixels of the field that `relation` declares.

    Raises:
        AssertionError: naming the position and the pixel.
        ValueError: if the context has no field.
    """
    if given.field is None:
        raise ValueError("the field sight law is about context.field, and there is none")
    shape = x.shape[1 : 1 + len(model.canvas)]
    declared, seen = model.relation(tuple(shape))[:, math.prod(shape) :], list[Tensor]()
    field = given.field.clone().requires_grad_()
    y = in_a_row(model(x, replace(given, field=field)), shape).square().sum((0, 2))
    for one in y:
        (slope,) = torch.autograd.grad(one, field, retain_graph=True)
        seen.append(slope.abs().sum((0, 3)).flatten() > 0)
    found, law = torch.stack(seen), "field sight law"
    nowhere(found & ~declared, law, "position {t} depends on pixel {s} of the field, which is not declared")
    nowhere(declared & ~found, law, "position {t} does not depend on pixel {s} of the field, which is declared")
