"""What stands between the attentions of a Transformer, frame by frame."""

from __future__ import annotations

from typing import final

import torch.nn.functional as F
from torch import Tensor, nn


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
