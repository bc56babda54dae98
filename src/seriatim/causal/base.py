"""The contract of a causal layer: it reads its input in chunks of any length, and the results agree.

Shapes: B batch, T time, C channels. Channels last throughout.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.context import EMPTY, Context
from seriatim.tree import State


class Causal(nn.Module, ABC):
    """A map x (B, T, C) -> y (B, T, C') in which y_t depends only on x_<=t, at the same rate in and out.

    Chunk law: f(cat(a, b), s) == (cat(ya, yb), s2) where ya, s1 = f(a, s) and yb, s2 = f(b, s1), for every cut.

    A state is *consumed* by the call that takes it: without gradients a layer may write into it in place. To continue
    from one state twice, fork it first (`seriatim.tree.fork`).

    Example:
        >>> class Delay(Causal):
        ...     reach = 1
        ...
        ...     def start(self, batch, context=EMPTY, length=None):
        ...         return torch.zeros(batch, 1, 1)
        ...
        ...     def forward(self, x, context=EMPTY, state=None):
        ...         seen = torch.cat([self.start(len(x)) if state is None else state, x], 1)
        ...         return seen[:, :-1], None if state is None else seen[:, -1:]
        >>> layer, x = Delay(), torch.arange(1.0, 5.0).view(1, 4, 1)
        >>> whole, _ = layer(x)
        >>> one, state = layer(x[:, :3], EMPTY, layer.start(1))
        >>> two, state = layer(x[:, 3:], EMPTY, state)
        >>> torch.equal(whole, torch.cat([one, two], 1))
        True
    """

    @property
    @abstractmethod
    def reach(self) -> int | None:
        """How many frames before t can affect y_t; None means all of them."""

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """[t, s]: whether y_t depends on x_s. Default: the whole reach; a layer that skips frames overrides it."""
        ones = torch.ones(steps, steps, dtype=torch.bool)
        return ones.tril() if self.reach is None else ones.tril() & ones.triu(-self.reach)

    @abstractmethod
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """The state before the first frame. `length`: how many frames will come, if known, to allocate memory once."""

    @abstractmethod
    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """Read a chunk.

        Args:
            x: (B, T, C).
            context: the conditions at x's own positions. With gradients enabled, conditions come from here; without, a
                layer may use what `start` projected once for the whole sequence.
            state: None means start from the beginning and keep no state, as in training.

        Returns:
            y (B, T, C') and the state after the chunk (None if none was given).
        """


def through(later: Bool[Tensor, "T T"], earlier: Bool[Tensor, "T T"]) -> Bool[Tensor, "T T"]:
    """Sight of one layer after another: [t, s] where t sees some frame that sees s."""
    return later.float() @ earlier.float() > 0


@final
class Pointwise(Causal):
    """Any module that treats each frame independently: a linear map, a norm over channels, dropout, an activation.

    Args:
        module: (B, T, C) -> (B, T, C').

    Example:
        >>> layer = Pointwise(nn.Linear(3, 5))
        >>> layer(torch.zeros(2, 7, 3))[0].shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    @property
    def reach(self) -> int:
        """0: a frame sees only itself."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """No state."""
        return ()

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """Apply the module to x (B, T, C)."""
        return self.module(x), state
