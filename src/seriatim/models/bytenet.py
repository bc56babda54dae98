"""ByteNet: a sequence through dilated causal convolutions, alone or stacked on an encoder of a source.

The idea: no attention and no recurrence. Residual blocks whose taps lie 1, 2, 4, 8, 16 symbols apart, again and again,
pass each symbol on over short paths; work and memory grow linearly with the sequence, training is parallel, and a step
of sampling costs the same at any position. With a source, the decoder stands on top of the encoder's columns and both
unfold in step (`causal/unfold`): column t of the source, stretched to the length that the target is expected to have,
enters where symbol t is written, until the decoder itself ends the sequence.

Deviations: LayerNorm is over channels only, as in the paper's later version (sub-batch statistics over time would leak
the future). Before the first symbol stands `<end>`, which the embedding knows. Every block begins as the identity, its
last weights at zero (Goyal et al., 2017): else ten blocks' noise lies over an untrained embedding.

Reference: Kalchbrenner, Espeholt, Simonyan, van den Oord, Graves and Kavukcuoglu (2016), Neural machine translation in
linear time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, final

import torch
from torch import Tensor, nn

from seriatim.causal import Causal, Conv, Embedding, Inject, Multiplicative, Pointwise, Residual, Serial, Unfold
from seriatim.causal.feedforward import silent
from seriatim.causal.multiplicative import unit
from seriatim.config import bounded
from seriatim.context import EMPTY
from seriatim.heads import CategoricalHead
from seriatim.models.sequence import Affine, Folded, Position, SequenceModel
from seriatim.tree import State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class ByteNetConfig:
    """Sizes of a ByteNet.

    Attributes:
        symbols: how many symbols there are.
        width: channels inside a block, d; between blocks there are 2d.
        sets: how often the dilations are gone through.
        dilations: blocks of a set, whose taps are 1, 2, 4, … symbols apart.
        kernel: taps of a block.
        unit: what is in the middle of a block: a convolution behind a ReLU, a multiplicative unit, or (auto) the first
            with a source and the second without, as in the paper.
        dropout: share of channels silenced in training, in the blocks and before the output.
        tied: whether the output uses the embedding's table.
        vector: channels of the global condition.
        memory: channels of the source's columns; 0: no source.
        start: the symbol that stands before the first.
        context: how many symbols a training crop has.
    """

    symbols: int
    width: int = 128
    sets: int = 3
    dilations: int = 5
    kernel: int = 3
    unit: Literal["auto", "relu", "multiplicative"] = "auto"
    dropout: float = 0.0
    tied: bool = False
    vector: int = 0
    memory: int = 0
    start: int = 0
    context: int = 400

    def __post_init__(self) -> None:
        bounded("symbols", self.symbols, 2, 2**22)
        bounded("width", self.width, 1, 2**14)
        bounded("sets", self.sets, 1, 256)
        bounded("dilations", self.dilations, 1, 16)
        bounded("kernel", self.kernel, 2, 64)
        bounded("dropout", self.dropout, 0, 0.99)
        bounded("vector", self.vector, 0, 2**16)
        bounded("memory", self.memory, 0, 2**16)
        bounded("start", self.start, 0, self.symbols - 1)
        bounded("context", self.context, 1, 2**20)
        bounded("past, the symbols that it looks back over,", self.past, 1, 2**24)

    @property
    def horizon(self) -> None:
        """No limit to how far a sequence goes on."""
        return

    @property
    def past(self) -> int:
        """The receptive field: how many symbols before t p(x_t) depends on."""
        return 1 + (self.kernel - 1) * (2**self.dilations - 1) * self.sets

    @property
    def multiplicative(self) -> bool:
        """Whether blocks have multiplicative units."""
        return self.unit == "multiplicative" or (self.unit == "auto" and not self.memory)


@final
class ByteNet(SequenceModel):
    """Residual blocks of dilated causal convolutions over symbols."""

    def __init__(self, config: ByteNetConfig) -> None:
        c, wide = config, 2 * config.width
        layers: list[Causal] = []
        if c.memory:
            layers.append(Unfold(wide, c.memory))
        if c.vector:
            layers.append(Inject(wide, vector=c.vector))
        for dilation in [2**i for i in range(c.dilations)] * c.sets:
            layers.append(Residual(_block(c, dilation)))
        before, out = [nn.LayerNorm(wide), nn.ReLU(), nn.Dropout(c.dropout)], nn.Linear(wide, c.symbols)
        last = nn.Sequential(*before, nn.Linear(wide, wide), nn.ReLU(), out)
        embedding = Embedding(c.symbols, wide, scale=0.1)
        if c.tied:
            out.weight = embedding.table.weight
        super().__init__(embedding, Serial(*layers, Pointwise(last)), CategoricalHead(c.symbols), c.start)
        self.config = config

    def packed(self) -> Stepper:
        """Each block's taps, the past ones and the present one, in one product."""
        return _Packed(self)


def _block(c: ByteNetConfig, dilation: int) -> Serial:
    """LN, ReLU, 2d → d; LN, ReLU, the middle; LN, ReLU, d → 2d."""
    wide, width = 2 * c.width, c.width
    middle = Multiplicative(width, c.kernel, dilation) if c.multiplicative else Conv(width, width, c.kernel, dilation)
    into = nn.Sequential(nn.LayerNorm(wide), nn.ReLU(), nn.Linear(wide, width), nn.LayerNorm(width), nn.ReLU())
    last = silent(nn.Linear(width, wide))
    back = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), last, nn.Dropout(c.dropout))
    return Serial(Pointwise(into), middle, Pointwise(back))


class _Norm(NamedTuple):
    """LayerNorm and the ReLU behind it."""

    weight: Tensor
    bias: Tensor
    epsilon: float

    @classmethod
    def of(cls, layer: nn.LayerNorm) -> _Norm:
        """A copy of a norm."""
        return cls(layer.weight.clone(), layer.bias.clone(), layer.eps)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, x.shape[1:], self.weight, self.bias, self.epsilon).relu_()


class _Block(NamedTuple):
    """Folded weights of a block; `middle` takes all taps side by side, the oldest first."""

    before: _Norm
    into: Affine
    inside: _Norm
    middle: Affine
    after: _Norm
    back: Affine
    dilation: int


@final
class _Packed(Folded):
    """Steps of a ByteNet: each block's taps in one product, from rings; the states are the model's own."""

    def __init__(self, model: ByteNet) -> None:
        super().__init__(model)
        self.config = model.config
        layers = list(cast(Serial, model.net).layers)
        self.places = [i for i, layer in enumerate(layers) if isinstance(layer, Residual)]
        self.beside = [cast(Causal, layer) for layer in layers[: self.places[0]]]
        out = list(cast(Any, layers[-1]).module)
        with torch.no_grad():
            self.blocks = [self._fold(cast(Any, layers[i]).branch.layers) for i in self.places]
            self.norm, self.hidden, self.out = _Norm.of(out[0]), Affine.of(out[3]), Affine.of(out[5])
            self.symbols = cast(Embedding, model.embedding).table.weight.clone()

    def _fold(self, parts: Any) -> _Block:
        into, back = parts[0].module, parts[2].module
        conv: Conv = parts[1].conv if self.config.multiplicative else parts[1]
        weight = conv.conv.weight.permute(2, 1, 0).reshape(-1, conv.conv.out_channels).contiguous()
        middle = Affine(cast(Tensor, conv.conv.bias).clone(), weight.clone())
        return _Block(
            _Norm.of(into[0]), Affine.of(into[2]), _Norm.of(into[3]), middle, _Norm.of(back[0]), Affine.of(back[2]),
            conv.dilation,
        )  # fmt: skip

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        if state.clock == 0:
            prev = torch.full_like(prev, self.first)
        states, x = list(state.net), self.symbols[prev]
        for i, layer in enumerate(self.beside):
            y, states[i] = layer(x[:, None], EMPTY, states[i])
            x = y[:, 0]
        for place, block in zip(self.places, self.blocks, strict=True):
            nothing, ring, rest = states[place]
            h = block.inside(block.into(block.before(x)))
            frames, clock = ring.frames, ring.clock
            size = frames.shape[1]
            lags = range((self.config.kernel - 1) * block.dilation, 0, -block.dilation)
            y = block.middle(torch.cat([*[frames[:, (clock - lag) % size] for lag in lags], h], 1))
            frames[:, clock] = h
            if self.config.multiplicative:
                y = unit(h, y)
            x = x + block.back(block.after(y))
            states[place] = (nothing, ring._replace(clock=(clock + 1) % size), rest)
        y = self.out(self.hidden(self.norm(x)).relu_())
        return y, Position(state.clock + 1, tuple(states))
