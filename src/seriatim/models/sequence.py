"""Sequence models: one causal net, with its input shifted by one."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal import Causal, Pointwise, Serial
from seriatim.context import EMPTY, Context
from seriatim.heads import Head
from seriatim.models.base import ContextLike, Model
from seriatim.tree import State
from seriatim.walks.walk import Carry, Stepper

_STRIP = 64


class Position(NamedTuple):
    """A sequence model's state: positions passed, and its net's state."""

    clock: int
    net: State


class SequenceModel(Model):
    """A model of sequences: an embedding from symbols to frames, a causal net from frames to parameters, and a head.

    Strictness is one shift of the input, here and nowhere else: position t reads the symbol of position t − 1, and
    position 0 reads the symbol `start`. For text that is `<end>`: a document begins where another has ended.

    Args:
        embedding: symbols (B, T), or (B, T, P) if the head draws P of them per position -> frames (B, T, C).
        net: frames -> parameters.
        head: parameters -> a distribution.
        start: the symbol before the first position (P times if the head draws P), which the embedding must accept; for
            real numbers NaN, which says that there is none.

    Example:
        >>> from seriatim.heads import CategoricalHead
        >>> from seriatim.layers import Conv, Embedding, Pointwise, Serial
        >>> net = Serial(Conv(8, 8, kernel=3), Pointwise(nn.ReLU()), Pointwise(nn.Linear(8, 5)))
        >>> model = SequenceModel(Embedding(5, 8), net, CategoricalHead(5), start=0)
        >>> model.log_prob(torch.tensor([[1, 2, 3, 4], [4, 3, 2, 1]])).shape
        torch.Size([2])
        >>> model.sample(n=2, length=6).shape
        torch.Size([2, 6])
    """

    carries = True

    def __init__(self, embedding: Causal, net: Causal, head: Head, start: float) -> None:
        super().__init__()
        self.embedding, self.net, self.head, self.first = embedding, net, head, start

    @property
    def past(self) -> int | None:
        """How many positions before one its distribution depends on: the config's word, or the net's reach."""
        if hasattr(self.config, "past"):
            return self.config.past
        return None if self.net.reach is None else self.net.reach + 1

    @final
    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Carry | None = None) -> Any:
        """x (B, T[, P]) -> parameters (B, T, width); with a carry, also the carry after x."""
        context = self.condition(context, x.shape[0])
        clock = 0 if carry is None else carry.state.clock
        first = x.new_full((x.shape[0], 1, *x.shape[2:]), self.first)
        before = first if carry is None or clock == 0 else carry.prev[:, None]
        frames, _ = self.embedding(torch.cat([before, x], 1)[:, : x.shape[1]], context)
        parameters, net = self.net(frames, context, None if carry is None else carry.state.net)
        if carry is None:
            return parameters
        if x.shape[1] == 0:
            return parameters, carry
        return parameters, Carry(x[:, -1], Position(clock + x.shape[1], net))

    @final
    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """The net's state at clock 0."""
        return Position(0, self.net.start(batch, self.condition(context, batch), length))

    @final
    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """One frame through the net."""
        if state.clock == 0:
            prev = torch.full_like(prev, self.first)
        frames, _ = self.embedding(prev[:, None])
        parameters, net = self.net(frames, EMPTY, state.net)
        return parameters[:, 0], Position(state.clock + 1, net)

    def outputs(self) -> list[nn.Module]:
        """The last linear map of the net, if that is what the net ends with."""
        last: object = self.net
        while isinstance(last, Serial | Pointwise | nn.Sequential | nn.ModuleDict):
            last = last.module if isinstance(last, Pointwise) else next(reversed([*last.children()]), None)
        return [last] if isinstance(last, nn.Linear) else []

    @final
    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """The net's sight; position t reads symbol t − 1."""
        (n,) = shape
        return F.pad(self.net.sight(n)[:, 1:], (0, 1))


class Affine(NamedTuple):
    """x -> b + x W, with the weight stored as (in, out)."""

    bias: Tensor
    weight: Tensor

    @classmethod
    def of(cls, layer: nn.Linear) -> Affine:
        """A copy of a linear map."""
        return cls(layer.bias.clone(), columns(layer.weight))

    def __call__(self, x: Tensor) -> Tensor:
        """(B, in) -> (B, out)."""
        return torch.addmm(self.bias, x, self.weight)


class Folded(Stepper, ABC):
    """A sequence model with its weights folded for sampling; states and chunk reading are the model's own."""

    carries, backend = True, "eager"

    def __init__(self, model: SequenceModel) -> None:
        self.whole, self.head, self.first = model, model.head, model.first

    @final
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """As the model's."""
        return self.whole.start(batch, context, length)

    @final
    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:
        """As the model's."""
        return self.whole.read(x, context, carry)


def columns(weight: Tensor) -> Tensor:
    """A copy of a linear map's weight (out, in) as (in, out), for `torch.mm(x, columns(weight))`.

    For one row of x, the product runs at memory speed (22 GB/s on one core) if the longer axis is contiguous, and at
    half of it otherwise.
    """
    held = weight.detach()
    outputs, inputs = held.shape
    if outputs <= inputs:  # dot products of x with rows of (out, in)
        return held.clone().t()
    turned = held.new_empty(inputs, outputs)  # weighted sums of rows of (in, out)
    for first in range(0, outputs, _STRIP):  # in strips that fit the cache: 3.5 times as fast
        turned[:, first : first + _STRIP] = held[first : first + _STRIP].t()
    return turned
