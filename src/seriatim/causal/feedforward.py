"""Feed-forward layers, applied to each frame independently."""

from __future__ import annotations

import math
from typing import final

import torch.nn.functional as F
from torch import Tensor, nn


def usual_hidden(width: int) -> int:
    """8/3 of the width, rounded up to a multiple of 32: as many weights as two matrices of four times the width."""
    return 32 * math.ceil(8 * width / 3 / 32)


@final
class SwiGLU(nn.Module):
    """down(silu(gate x) · up x) (Shazeer, 2020, GLU variants improve Transformer).

    Args:
        width: channels in and out.
        hidden: channels in between.

    Example:
        >>> import torch
        >>> SwiGLU(width=8, hidden=usual_hidden(8))(torch.zeros(2, 5, 8)).shape
        torch.Size([2, 5, 8])
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


def silent(last: nn.Linear) -> nn.Linear:
    """Zero the last layer of a residual branch, so that the untrained branch contributes nothing.

    Goyal et al. (2017), Accurate, large minibatch SGD, section 5.1, zero the scale of a norm in the same way.
    """
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return last
