"""Layers composed of layers."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.base import Causal, through
from seriatim.context import EMPTY, Context
from seriatim.tree import State


class _Layers(Causal):
    """Layers by name, each with its own state."""

    def __init__(self, *layers: Causal, **named: Causal) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({str(i): layer for i, layer in enumerate(layers)} | named)

    def _each(self) -> list[Causal]:
        return [layer for layer in self.layers.values() if isinstance(layer, Causal)]

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """A tuple of the layers' states."""
        return tuple(layer.start(batch, context, length) for layer in self._each())


@final
class Serial(_Layers):
    """One layer after another. Its reach is the sum of theirs.

    Args:
        layers: in order; named "0", "1", …
        named: layers that follow these, under their own names in `layers`.

    Example:
        >>> from seriatim.layers import Conv, Pointwise
        >>> net = Serial(Conv(4, 4, kernel=3), Conv(4, 8, kernel=2), out=Pointwise(nn.Linear(8, 2)))
        >>> net.reach, list(net.layers)
        (3, ['0', '1', 'out'])
        >>> net(torch.zeros(1, 7, 4))[0].shape
        torch.Size([1, 7, 2])
    """

    @property
    def reach(self) -> int | None:
        """The sum of the layers' reaches."""
        total = 0
        for layer in self._each():
            if layer.reach is None:
                return None
            total += layer.reach
        return total

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """The layers' sights composed."""
        seen = torch.eye(steps, dtype=torch.bool)
        for layer in self._each():
            seen = through(layer.sight(steps), seen)
        return seen

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C') through every layer in order."""
        after: list[State] = []
        for i, layer in enumerate(self._each()):
            x, s = layer(x, context, None if state is None else state[i])
            after.append(s)
        return x, None if state is None else tuple(after)


@final
class Residual(Causal):
    """x + f(x). With the last weights of f at zero it is the identity.

    Args:
        branch: f, with as many channels out as in.

    Example:
        >>> from seriatim.layers import Conv
        >>> layer, x = Residual(Conv(4, 4)), torch.randn(1, 7, 4)
        >>> for weight in layer.branch.parameters():
        ...     _ = nn.init.zeros_(weight)
        >>> torch.equal(layer(x)[0], x)
        True
    """

    def __init__(self, branch: Causal) -> None:
        super().__init__()
        self.branch = branch

    @property
    def reach(self) -> int | None:
        """That of the branch."""
        return self.branch.reach

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """That of the branch, plus the frame itself."""
        return self.branch.sight(steps) | torch.eye(steps, dtype=torch.bool)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """The branch's state."""
        return self.branch.start(batch, context, length)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C)."""
        y, state = self.branch(x, context, state)
        return x + y, state


@final
class Parallel(_Layers):
    """Layers that read the same input; their outputs are concatenated. Its reach is the longest of theirs.

    Args:
        layers: in order; named "0", "1", …
        named: layers that follow these, under their own names in `layers`.

    Example:
        >>> from seriatim.layers import Conv, Pointwise
        >>> both = Parallel(Conv(4, 3, kernel=2), skip=Pointwise(nn.Linear(4, 1)))
        >>> both.reach, both(torch.zeros(1, 7, 4))[0].shape
        (1, torch.Size([1, 7, 4]))
    """

    @property
    def reach(self) -> int | None:
        """The longest of the layers' reaches."""
        longest = 0
        for layer in self._each():
            if layer.reach is None:
                return None
            longest = max(longest, layer.reach)
        return longest

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """What any of the layers sees."""
        seen = torch.zeros(steps, steps, dtype=torch.bool)
        for layer in self._each():
            seen = seen | layer.sight(steps)
        return seen

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, Σ C')."""
        states = [None] * len(self.layers) if state is None else state
        each = [layer(x, context, held) for layer, held in zip(self._each(), states, strict=True)]
        after = None if state is None else tuple(held for _, held in each)
        return torch.cat([y for y, _ in each], -1), after
