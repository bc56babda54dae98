"""A discretised mixture fitted to a data set's symbols, for the beginning of training.

Shapes: C channels, K levels, M components, N distinct symbols.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

_STEPS = 100  # of L-BFGS: about a second for 256 levels
_LEAST = 1e-9  # between two equal quantiles there is neither mass nor width


def quantiles(p: Tensor, q: Tensor) -> Tensor:
    """The quantiles q (M,) of levels with frequencies p (K,), in levels; a level's mass is spread evenly over its bin.

    Example:
        >>> quantiles(torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.0, 0.25, 0.5, 1.0])).tolist()
        [-0.5, 0.0, 0.5, 2.5]
    """
    below = torch.cat([p.new_zeros(1), p.cumsum(0)])
    level = (torch.searchsorted(below, q.to(p.dtype), right=True) - 1).clamp(0, len(p) - 1)
    return level + (q - below[level]) / p[level] - 0.5


class Components(NamedTuple):
    """Log-weights, locations and scales (M,), the latter in levels."""

    logits: Tensor
    centres: Tensor
    scales: Tensor


def side_by_side(p: Tensor, mixtures: int) -> Components:
    """M components next to each other under the frequencies p (K,), at the quantiles of √p.

    At the quantiles of p itself, all but one or two would lie on a level that has most of the mass, such as the black
    around a digit.
    """
    flat = p.sqrt() / p.sqrt().sum()
    steps = torch.arange(2 * mixtures + 1, dtype=p.dtype, device=p.device) / (2 * mixtures)
    at = quantiles(flat, steps)
    edges, centres = at[::2], at[1::2]
    below = torch.cat([p.new_zeros(1), p.cumsum(0)])
    level = (edges + 0.5).floor().clamp(0, len(p) - 1).long()
    mass = (below[level] + (edges + 0.5 - level) * p[level]).diff()
    return Components(mass.clamp_min(_LEAST).log(), centres, (0.5 * edges.diff()).clamp_min(_LEAST))


def thinned(counts: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The levels that occur and their counts (K,); neighbours are counted as one if there are more than `most`.

    The most frequent of them stands for all, so that a spike stays where it is.

    Example:
        >>> [each.tolist() for each in thinned(torch.tensor([5, 0, 1, 2, 3]), most=2)]
        [[0, 4], [6, 5]]
    """
    levels = counts.nonzero()[:, 0]
    found, most = counts[levels], min(most, len(levels))
    groups = torch.arange(len(levels), device=counts.device) * most // max(1, len(levels))
    order = (groups * (found.sum() + 1) + found).argsort()  # within a group the most frequent is last
    last = torch.bincount(groups, minlength=most).cumsum(0) - 1
    return levels[order[last]], found.new_zeros(most).index_add_(0, groups, found)


@torch.enable_grad()
def fitted(parameters: Tensor, surprise: Callable[[Tensor], Tensor]) -> Tensor:
    """Parameters with a lower surprise: L-BFGS from the given ones, which are returned if it fails.

    Args:
        parameters: where to start.
        surprise: parameters -> nats, a number.
    """
    found = parameters.detach().clone().requires_grad_()
    optimiser = torch.optim.LBFGS([found], max_iter=_STEPS, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        nats = surprise(found)
        nats.backward()
        return nats.detach()

    before = float(closure())
    optimiser.step(closure)
    after = float(surprise(found.detach()))
    return found.detach() if after < before else parameters
