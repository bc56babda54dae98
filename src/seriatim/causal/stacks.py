"""Which matrices a parameter holds, for an optimiser that treats a matrix as a whole (`seriatim.training.muon`).

A layer often stores several matrices in one tensor: an LSTM its gates, `GatedStack` all its layers. As one matrix they
would be orthogonalised together, though they act separately.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn


class Stack(NamedTuple):
    """How a tensor is N matrices (N, rows, columns), with the outputs of a map as its rows.

    Attributes:
        split: the shape that the tensor is viewed in.
        order: the order of those axes: first those that count matrices, then the rows, then those of the columns.
        lead: number of axes that count matrices.
        mask: of the tensor's shape, 0 where an entry is not used; None if all are.

    Example:
        >>> import torch
        >>> stack = Stack((5, 3, 2), (1, 2, 0))  # (5, 3 · 2): five inputs, three maps to two outputs
        >>> stack.shape
        (3, 2, 5)
        >>> x = torch.randn(5, 6)
        >>> torch.equal(stack.tensor(stack.matrices(x), x.shape), x)
        True
    """

    split: tuple[int, ...]
    order: tuple[int, ...]
    lead: int = 1
    mask: Tensor | None = None

    @classmethod
    def of(cls, weight: Tensor, parts: int = 1, mask: Tensor | None = None) -> Stack:
        """That of `parts` maps whose outputs are concatenated in a weight (parts · O, I, …)."""
        return cls((parts, weight.shape[0] // parts, math.prod(weight.shape[1:])), (0, 1, 2), mask=mask)

    @property
    def shape(self) -> tuple[int, int, int]:
        """N, rows, columns."""
        sizes = self._sizes()
        return math.prod(sizes[: self.lead]), sizes[self.lead], math.prod(sizes[self.lead + 1 :])

    def matrices(self, x: Tensor) -> Tensor:
        """The tensor as (N, rows, columns)."""
        return x.reshape(self.split).permute(self.order).reshape(self.shape)

    def tensor(self, matrices: Tensor, shape: tuple[int, ...]) -> Tensor:
        """(N, rows, columns) as a tensor of that shape: the inverse of `matrices`."""
        back = sorted(range(len(self.order)), key=self.order.__getitem__)
        return matrices.reshape(self._sizes()).permute(back).reshape(shape)

    def _sizes(self) -> list[int]:
        return [self.split[axis] for axis in self.order]


class Stacked(ABC):
    """A module that says which matrices its parameters hold, or those of modules inside it.

    Example:
        >>> import torch
        >>> class Four(nn.Module, Stacked):  # four maps from 3 channels to 5
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.maps = nn.Parameter(torch.randn(4, 3, 5))
        ...
        ...     def stacks(self):
        ...         return {"maps": Stack((4, 3, 5), (0, 2, 1))}
        >>> [stack.shape for stack in stacks_of(Four()).values()]
        [(4, 5, 3)]
    """

    @abstractmethod
    def stacks(self) -> Mapping[str, Stack]:
        """{name of a parameter, as in `named_parameters`: its stack}. It overrules what modules inside say."""


def under(name: str, stacks: Mapping[str, Stack]) -> dict[str, Stack]:
    """The stacks of the module of that name, with names as seen from the module around it."""
    return {f"{name}.{inner}": stack for inner, stack in stacks.items()}


def stacks_of(module: nn.Module) -> dict[nn.Parameter, Stack]:
    """All parameters that hold matrices: what `Stacked` modules say, and those of PyTorch's linear layers.

    A tensor of which nothing is known, such as a table of embeddings, is not among them.
    """
    found: dict[nn.Parameter, Stack] = {}
    for each in module.modules():  # outer modules first
        said = each.stacks() if isinstance(each, Stacked) else _usual(each)
        for name, stack in said.items():
            found.setdefault(each.get_parameter(name), stack)
    return found


def _usual(module: nn.Module) -> dict[str, Stack]:
    """What is known of a PyTorch layer."""
    own = {name: p for name, p in module.named_parameters(recurse=False) if p.dim() >= 2}
    if isinstance(module, nn.Linear):
        return {name: Stack.of(p) for name, p in own.items()}
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return {name: Stack.of(p, module.groups) for name, p in own.items()}
    if isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        i, o, g = module.in_channels, module.out_channels, module.groups
        return {name: Stack((g, i // g, o // g, math.prod(p.shape[2:])), (0, 2, 1, 3)) for name, p in own.items()}
    if isinstance(module, nn.RNNBase):
        gates = {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
        return {name: Stack.of(p, 1 if name.startswith("weight_hr") else gates) for name, p in own.items()}
    return {}
