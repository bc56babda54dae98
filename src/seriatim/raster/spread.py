"""Which pixels a stack of ordinary convolutions sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor


def spread(height: int, width: int, taps: Sequence[tuple[int, int]]) -> Bool[Tensor, "N N"]:
    """[t, s]: whether pixel t of the last map sees pixel s of the first, pixels counted row by row.

    Args:
        height: rows.
        width: pixels per row.
        taps: kernel size and dilation of each convolution, padded with zeros.

    Example:
        >>> spread(1, 5, [(3, 2)]).int()[0].tolist()
        [1, 0, 1, 0, 0]
    """

    def axis(length: int) -> Tensor:
        apart = torch.arange(length)[:, None] - torch.arange(length)
        seen = torch.eye(length, dtype=torch.float32)
        for kernel, dilation in taps:
            near = (apart % dilation == 0) & (apart.abs() <= kernel // 2 * dilation)
            seen = ((near.float() @ seen) > 0).float()
        return seen

    return torch.kron(axis(height), axis(width)) > 0
