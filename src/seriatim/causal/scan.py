"""Linear recurrences with a constant matrix, in about log2 T products instead of T steps."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_scan(move: Tensor, x: Tensor, start: Tensor) -> Tensor:
    """h_t = M h_(t−1) + x_t for t = 1 … T.

    Doubling (Hillis and Steele, 1986): after k rounds every h_t has its last 2^k terms.

    Args:
        move: M (r, r).
        x: (B, T, r).
        start: h_0 (B, r).

    Returns:
        h_1 … h_T (B, T, r).

    Example:
        >>> linear_scan(torch.tensor([[0.5]]), torch.ones(1, 4, 1), torch.zeros(1, 1)).flatten().tolist()
        [1.0, 1.5, 1.75, 1.875]
    """
    if not x.shape[1]:
        return x
    h, power, width = torch.cat([x[:, :1] + (start @ move.T)[:, None], x[:, 1:]], 1), move, 1
    while width < x.shape[1]:
        h = torch.cat([h[:, :width], h[:, width:] + h[:, :-width] @ power.T], 1)
        power, width = power @ power, 2 * width
    return h
