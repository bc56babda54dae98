"""A categorical condition: a genre, a speaker, a class."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seriatim.context import Context


@final
class LabelEncoder(nn.Module):
    """A row of a table per label, and one more for "not said" (the null row, index −1).

    Example:
        >>> encoder = LabelEncoder(size=3, width=4)
        >>> encoder(torch.tensor([0, 2])).vector.shape
        torch.Size([2, 4])
        >>> torch.equal(encoder(encoder.missing(1)).vector, encoder(torch.tensor([-1])).vector)
        True
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size, self.width = size, width
        self.table = nn.Embedding(size + 1, width)
        # small: Adam moves the map behind a row by the row's size each step, and large ones drown the rest
        nn.init.normal_(self.table.weight, std=0.02)

    def missing(self, batch: int) -> Int[Tensor, "B"]:
        """What stands for an unknown label."""
        return torch.full((batch,), -1, device=self.table.weight.device)

    def forward(self, value: Int[Tensor, "B"]) -> Context:
        """Labels (B,), −1 where not said -> vector (B, width)."""
        vector: Float[Tensor, "B V"] = self.table(torch.where(value < 0, self.size, value))
        return Context(vector=vector)
