"""Several rows per result: particles for completing a sequence around known symbols.

Known symbols that all come first are simply pushed: what is drawn after them has the true conditional distribution.
Known symbols that come later are pushed in their turn, but what was drawn before did not depend on them. Particles
correct this (sequential Monte Carlo; Gordon, Salmond and Smith, 1993): each of many candidates is weighted by the
probability it gives to the known symbols as they are passed, and candidates with small weights are replaced by copies
of those with large ones. The more particles, the closer to the true conditional distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from seriatim.walks.noise import Noise, offspring, uniform
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Walk, drawing


@drawing
def fill_in(
    walk: Walk,
    known: Shaped[Tensor, "N"],
    mask: Bool[Tensor, "N"],
    seeds: Int[Tensor, "B"],
    particles: int = 1,
    steer: Steer | None = None,
    watch: Callable[[float], object] | None = None,
) -> Shaped[Tensor, "R N"]:
    """Draw the symbols that are not known.

    Args:
        walk: of B = R · particles rows; those of one result are adjacent. It may have read what comes before.
        known: every symbol of the walk; values where `mask` is False are ignored.
        mask: True where a symbol is known.
        seeds: one per row.
        particles: candidates per result.
        steer: how candidates are drawn; their weights are the model's own.
        watch: called after each known symbol with the effective number of particles of the worst result.

    Returns:
        R rows, with the known symbols unchanged.

    Raises:
        ValueError: if the rows do not divide into groups of `particles`.
    """
    if particles < 1 or walk.batch % particles:
        raise ValueError(f"{walk.batch} rows do not divide into groups of {particles} particles")
    results, count = walk.batch // particles, len(mask)
    noise, leaders = Noise(seeds), seeds.view(results, particles)[:, 0]
    drawn = torch.zeros(walk.batch, count, dtype=known.dtype, device=seeds.device)
    if steer is not None:
        steer.check(walk.stepper.head)
    weights = torch.zeros(results, particles, dtype=torch.float64, device=seeds.device)
    for i, given in enumerate(mask.tolist()):
        if given:
            x = known[i].expand(walk.batch)
            if particles > 1:
                dist = walk.dist
                weights += dist.log_prob(dist.typed(x)).double().view_as(weights)
                if watch is not None:
                    watch(float(_effective(weights).min()))
        else:
            if particles > 1 and bool((_effective(weights) < particles / 2).any()):
                rows = _resample(weights, uniform(leaders.cpu(), i, 1, lane=7).to(weights))
                walk.select(rows)
                drawn, weights = drawn[rows], torch.zeros_like(weights)
            dist = walk.dist
            if steer is not None:
                dist = steer.of(dist)
            x = dist.draw(noise(i, dist.noise))
        walk.push(x)
        drawn[:, i] = x
    if particles == 1:
        return drawn
    sums = _share(weights).cumsum(1)
    u = uniform(leaders.cpu(), count, 1, lane=7).to(sums)
    chosen = torch.searchsorted(sums, u * sums[:, -1:]).clamp_max(particles - 1)[:, 0]
    return drawn.view(results, particles, count)[torch.arange(results, device=chosen.device), chosen]


def candidates(seeds: Sequence[int], particles: int) -> list[int]:
    """A seed for each candidate of every result; those of one result are adjacent, and the first has its own seed.

    They are in a lane of their own: otherwise the particles of the first result would be the other results'.

    Example:
        >>> candidates([5, 6], 2)[::2]
        [5, 6]
    """
    return [seed for first in seeds for seed in (first, *offspring(first, particles, lane=1)[1:])]


def _share(weights: Float[Tensor, "R P"]) -> Float[Tensor, "R P"]:
    """Log-weights normalised to shares; uniform if every candidate is impossible."""
    best = weights.max(1, keepdim=True).values
    lost = best == -math.inf
    return torch.where(lost, torch.zeros_like(weights), weights - torch.where(lost, 0.0, best)).softmax(1)


def _effective(weights: Float[Tensor, "R P"]) -> Float[Tensor, "R"]:
    """Effective sample size: the number of equally weighted particles these are worth."""
    return 1 / _share(weights).square().sum(1)


def _resample(weights: Float[Tensor, "R P"], u: Float[Tensor, "R 1"]) -> Int[Tensor, "B"]:
    """Rows to continue with: systematic resampling of each group's particles by their shares."""
    results, particles = weights.shape
    sums = _share(weights).cumsum(1)
    at = (torch.arange(particles, device=u.device) + u) / particles * sums[:, -1:]
    inside = torch.searchsorted(sums, at).clamp_max(particles - 1)
    return (inside + particles * torch.arange(results, device=u.device)[:, None]).flatten()
