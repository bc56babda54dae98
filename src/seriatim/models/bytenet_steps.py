"""Steps of a ByteNet: with folded weights, and compiled.

Shapes: B rows, L blocks, D channels inside a block and W = 2D between blocks, K symbols.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seriatim.causal import Causal, Conv, Embedding, Multiplicative, Pointwise, Serial
from seriatim.causal.conv import Ring
from seriatim.context import EMPTY
from seriatim.kernels.multiplicative import unit
from seriatim.models.compiled import Compiled, array, check_rows, flat
from seriatim.models.sequence import Affine, Folded, Position, SequenceModel
from seriatim.tree import State


class _Norm(NamedTuple):
    """LayerNorm followed by ReLU."""

    weight: Tensor
    bias: Tensor
    epsilon: float

    @classmethod
    def of(cls, layer: nn.LayerNorm) -> _Norm:
        """A copy of a norm."""
        return cls(layer.weight.clone(), layer.bias.clone(), layer.eps)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, x.shape[1:], self.weight, self.bias, self.epsilon).relu_()


class _Weights(NamedTuple):
    """Folded weights of a block; `middle` takes all taps concatenated, oldest first."""

    before: _Norm
    into: Affine
    inside: _Norm
    middle: Affine
    after: _Norm
    back: Affine
    dilation: int


class Packed(Folded):
    """Steps of a ByteNet: all taps of a block in one product, from ring buffers; states are the model's own."""

    def __init__(self, model: SequenceModel) -> None:
        super().__init__(model)
        self.config = model.config
        parts = cast(Serial, model.net).layers
        names = list(parts)  # the net's state has a part for each
        self.conditions = [
            (names.index(name), cast(Causal, parts[name])) for name in ("unfold", "inject") if name in parts
        ]
        self.place = names.index("blocks")
        out: Any = cast(Pointwise, parts["out"]).module
        with torch.no_grad():
            self.blocks = [_fold(block) for block in cast(Serial, parts["blocks"]).layers.values()]
            self.norm, self.hidden, self.out = _Norm.of(out.norm), Affine.of(out.hidden), Affine.of(out.out)
            self.symbols = cast(Embedding, model.embedding).table.weight.clone()

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        if state.clock == 0:
            prev = torch.full_like(prev, self.first)
        states, x = list(state.net), self.symbols[prev]
        for i, layer in self.conditions:
            y, states[i] = layer(x[:, None], EMPTY, states[i])
            x = y[:, 0]
        rings: list[Ring] = list(states[self.place])
        for i, block in enumerate(self.blocks):
            frames, clock = rings[i]
            h = block.inside(block.into(block.before(x)))
            size = frames.shape[1]
            lags = range((self.config.kernel - 1) * block.dilation, 0, -block.dilation)
            y = block.middle(torch.cat([*[frames[:, (clock - lag) % size] for lag in lags], h], 1))
            frames[:, clock] = h
            if self.config.multiplicative:
                y = unit(h, y)
            x = x + block.back(block.after(y))
            rings[i] = Ring(frames, (clock + 1) % size)
        states[self.place] = tuple(rings)
        y = self.out(self.hidden(self.norm(x)).relu_())
        return y, Position(state.clock + 1, tuple(states))


def _fold(block: Any) -> _Weights:
    conv = cast(Conv, block.middle.conv if isinstance(block.middle, Multiplicative) else block.middle)
    weight = conv.conv.weight.permute(2, 1, 0).reshape(-1, conv.conv.out_channels).contiguous()
    return _Weights(
        before=_Norm.of(block.before),
        into=Affine.of(block.into),
        inside=_Norm.of(block.inside),
        middle=Affine(cast(Tensor, conv.conv.bias).clone(), weight.clone()),
        after=_Norm.of(block.after),
        back=Affine.of(block.back),
        dilation=conv.dilation,
    )


@final
class Native(Compiled, Packed):
    """The whole step in one compiled call, and runs of steps with their draws.

    The rings of all blocks lie in one array, of which the state's tensors are views; where they are not, after a prompt
    or a selection of rows, they are copied into a new one once.
    """

    def __init__(self, model: SequenceModel) -> None:
        super().__init__(model)
        from seriatim.kernels.native import bytenet  # imports numba

        self._kernels, blocks, kernel = bytenet, self.blocks, self.config.kernel
        self._sizes = np.array([(kernel - 1) * each.dilation for each in blocks])
        self._weights = bytenet.Weights(
            table=array(self.symbols),
            before=_norms([each.before for each in blocks]),
            into=_stacked([each.into.weight for each in blocks]),
            into_bias=_stacked([each.into.bias for each in blocks]),
            inside=_norms([each.inside for each in blocks]),
            middle=_stacked([each.middle.weight.unflatten(0, (kernel, -1)) for each in blocks]),
            middle_bias=_stacked([each.middle.bias for each in blocks]),
            after=_norms([each.after for each in blocks]),
            back=_stacked([each.back.weight for each in blocks]),
            back_bias=_stacked([each.back.bias for each in blocks]),
            norm=_norms([self.norm]),
            hidden=array(self.hidden.weight),
            hidden_bias=array(self.hidden.bias),
            out=array(self.out.weight),
            out_bias=array(self.out.bias),
        )
        self.blocks = []  # what is in the arrays is not kept twice

    def draw(
        self, prev: NDArray[Any], state: Position, noise: NDArray[Any], heat: float, out: NDArray[Any]
    ) -> tuple[Any, Position]:
        """As many positions as `out` (B, n) has, at least one, and the state after them."""
        rows, count, states = len(prev), max(1, out.shape[1]), list(state.net)
        added = self.symbols.new_zeros(rows, count, self.symbols.shape[1])
        for i, layer in self.conditions:
            added, states[i] = layer(added, EMPTY, states[i])
        check_rows(rows, len(added))
        old: tuple[Ring, ...] = states[self.place]
        rings, clocks = flat([each.frames for each in old]), np.array([each.clock for each in old])
        room = self._kernels.room(self._weights, rows)
        self._kernels.run(
            *(self._weights, prev, array(added), rings.detach().numpy(), self._sizes, clocks),
            *(self.norm.epsilon, room, noise, heat, out),
        )
        parts = rings.split([each.frames.numel() for each in old])
        states[self.place] = tuple(
            Ring(part.view_as(each.frames), int(clock)) for part, each, clock in zip(parts, old, clocks, strict=True)
        )
        return room, Position(state.clock + count, tuple(states))


def _stacked(tensors: list[Tensor]) -> NDArray[Any]:
    return array(torch.stack(tensors))


def _norms(norms: list[_Norm]) -> NDArray[Any]:
    return _stacked([torch.stack([each.weight, each.bias]) for each in norms])
