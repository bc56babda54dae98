"""What stands between the attentions of a Transformer, frame by frame."""

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
    """down(silu(gate x) · up x) (Shazeer, 2020, GLU variants improve Transformer)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return self.down(F.silu(self.gate(x)) * self.up(x))
