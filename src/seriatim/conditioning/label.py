"""Categorical conditions: a genre, a speaker, a class."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seriatim.context import Context


@final
class LabelEncoder(nn.Module):
    """A table with one row per label, and a null row for a missing one (index −1).

    Args:
        size: number of labels.
        width: channels of the vector.

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
        # small: each Adam step moves the next layer in proportion to the row, and large rows would dominate it
        nn.init.normal_(self.table.weight, std=0.02)

    def missing(self, batch: int) -> Int[Tensor, "B"]:
        """The value that stands for a missing label."""
        return torch.full((batch,), -1, device=self.table.weight.device)

    def forward(self, value: Int[Tensor, "B"]) -> Context:
        """Labels (B,), −1 where missing -> vector (B, width)."""
        vector: Float[Tensor, "B V"] = self.table(torch.where(value < 0, self.size, value))
        return Context(vector=vector)


@final
class ChoiceEncoder(nn.Module):
    """A label as a vector with a 1 in its place, for coefficients of its own; a missing one (index −1) is a bit of all.

    Args:
        size: number of labels.

    Example:
        >>> ChoiceEncoder(size=2)(torch.tensor([1, -1])).vector.tolist()
        [[0.0, 1.0], [0.5, 0.5]]
    """

    drop = 0.0  # never hidden in training

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.table: Tensor
        every = torch.cat([torch.eye(size), torch.full((1, size), 1 / size)])
        self.register_buffer("table", every, persistent=False)

    def missing(self, batch: int) -> Int[Tensor, "B"]:
        """The value that stands for a missing label."""
        return torch.full((batch,), -1, device=self.table.device)

    def forward(self, value: Int[Tensor, "B"]) -> Context:
        """Labels (B,), −1 where missing -> vector (B, size)."""
        return Context(vector=self.table[value])
