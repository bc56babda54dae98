"""Sampling by rerunning the whole network at every step: exact, slow, and no extra work for a family."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from seriatim.context import EMPTY, Context
from seriatim.models.base import ContextLike, Model
from seriatim.tree import Fixed, State


class Replayed(NamedTuple):
    """All symbols so far, and how many there are."""

    x: Tensor
    context: Fixed
    clock: int


class ReplayModel(Model):
    """A model whose `step` is `forward` on the prefix: exact and slow, so that a new family can sample at once.

    A family gives `forward` and `sees`; grids also give `canvas`.

    Example:
        >>> from seriatim.heads import CategoricalHead
        >>> class Markov(ReplayModel):
        ...     def __init__(self, symbols):
        ...         super().__init__()
        ...         self.head, self.table = CategoricalHead(symbols), torch.nn.Embedding(symbols, symbols)
        ...
        ...     def forward(self, x, context=EMPTY, carry=None):
        ...         return self.table(torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1))
        ...
        ...     def sees(self, shape):
        ...         return torch.ones(*shape, *shape, dtype=torch.bool).tril(-1).triu(-1)
        >>> Markov(4).sample(n=2, length=5).shape
        torch.Size([2, 5])
    """

    def canvas(self, length: int | None) -> tuple[int, ...]:
        """The shape S of the positions. Default: a sequence of `length`."""
        if length is None:
            raise ValueError("length is None; this model needs the length of the sequence")
        return (length,)

    @final
    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """An empty canvas."""
        parts = () if self.head.parts == 1 else (self.head.parts,)
        shape = (batch, *self.canvas(length), *parts)
        c = self.condition(context, batch)
        return Replayed(self.blank(*shape), c.fixed, 0)

    @final
    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """Store the last symbol and rerun the whole network."""
        positions = state.x.shape[1:] if self.head.parts == 1 else state.x.shape[1:-1]
        if state.clock:
            flat = state.x.view(state.x.shape[0], positions.numel(), *state.x.shape[1 + len(positions) :])
            flat[:, state.clock - 1] = prev
        parameters = self(state.x, Context.of(state.context))
        flat = parameters.view(parameters.shape[0], positions.numel(), -1)
        return flat[:, state.clock], Replayed(state.x, state.context, state.clock + 1)
