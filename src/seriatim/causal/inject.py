"""Where conditions enter a stack of layers."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context, spread
from seriatim.tree import Fixed, State


class Injected(NamedTuple):
    """The projected conditions, read-only, and the number of positions passed."""

    fixed: Fixed
    clock: int


@final
class Inject(Causal):
    """x_t + V · vector + F · field_t: a global and a local condition, either of which may be unused (width 0).

    Args:
        width: channels of x.
        vector: channels of `context.vector`; 0 if it is not used.
        field: channels of `context.field`; 0 if it is not used.

    Example:
        >>> layer = Inject(width=4, vector=2, field=3)
        >>> context = Context(vector=torch.ones(1, 2), field=torch.ones(1, 2, 3), hop=5)
        >>> layer(torch.zeros(1, 10, 4), context)[0].shape
        torch.Size([1, 10, 4])
    """

    def __init__(self, width: int, vector: int = 0, field: int = 0) -> None:
        super().__init__()
        self.vector = nn.Linear(vector, width, bias=False) if vector else None
        self.field = nn.Linear(field, width, bias=False) if field else None

    @property
    def reach(self) -> int:
        """0: no other frame."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """The vector and the field projected once, the field at its own slow rate."""
        field = None
        if self.field is not None:
            if context.field is None:
                raise ValueError("this model reads context.field, but there is none")
            field = self.field(context.field)
        return Injected(Fixed((self._vector(context), field, context.hop, context.offset)), 0)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C)."""
        length = x.shape[1]
        after = None if state is None else Injected(state.fixed, state.clock + length)
        if state is not None and not torch.is_grad_enabled():
            vector, field, hop, offset = state.fixed.nest
            if field is not None:
                # projecting columns is exact: projection and repetition commute
                columns = Context(field=field, hop=hop, offset=offset).window(state.clock, state.clock + length)
                field = columns.columns(length)
        else:
            vector = self._vector(context)
            field = None if self.field is None else self.field(context.columns(length))
        if vector is not None:
            x = x + spread(vector, x.shape[0])[:, None]
        return (x if field is None else x + spread(field, x.shape[0])), after

    def _vector(self, context: Context) -> Tensor | None:
        if self.vector is None:
            return None
        if context.vector is None:
            raise ValueError("this model reads context.vector, but there is none")
        return self.vector(context.vector)
