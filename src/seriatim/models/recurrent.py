"""Recurrent language models: Elman RNN, LSTM, GRU.

The idea: a state of fixed size is the only memory of the past, so sequences may have any length, training may carry the
state from chunk to chunk (truncated backpropagation), and a step costs the same at any position.

With a source (`memory`), the first layer's output attends to the encoded source, and the further layers read both:
attention as in Bahdanau et al. (2015), by scaled dot products (Luong et al., 2015), but not fed back into the first
layer, so that training takes one pass per layer. The queries are normalised, like the encoder's memory: an untrained
state is so small that all scores would be alike, and learning where to look would take several times as long.

Deviations: no peepholes; the forget gate's bias starts at 1 (Jozefowicz et al., 2015); dropout is between layers and
before the output, never inside the recurrence (Zaremba et al., 2014); two bias vectors per layer, as in cuDNN.

A stable RNN (`stable`) has state matrices of norm below one: two states that read the same come together, so it forgets
like a feed-forward model of some length, to which Miller and Hardt (2019, Stable recurrent models) prove it equal.

References: Elman (1990), Finding structure in time. Hochreiter and Schmidhuber (1997), Long short-term memory. Cho et
al. (2014), Learning phrase representations using RNN encoder-decoder. Bahdanau et al. (2015), Neural machine
translation by jointly learning to align and translate. Press and Wolf (2017), tied embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seriatim.causal import Causal, CrossAttention, Embedding, Inject, Pointwise, Recurrent, Residual, Serial
from seriatim.causal.inject import Injected
from seriatim.causal.recurrent import Cell, Memory, advance, advance_lstm
from seriatim.config import bounded, divides
from seriatim.context import EMPTY, spread
from seriatim.errors import UserError
from seriatim.heads import CategoricalHead
from seriatim.models.compiled import Compiled, array, check_rows
from seriatim.models.sequence import Affine, Folded, Position, SequenceModel, columns
from seriatim.tree import State
from seriatim.walks.backend import Uncovered
from seriatim.walks.walk import Stepper

_TABLE = 2**25  # maximum size of the folded input table (128 MiB in float32)


@final
@dataclass(frozen=True)
class RecurrentConfig:
    """Sizes of a recurrent model.

    Attributes:
        symbols: number of symbols.
        width: units per layer.
        layers: number of layers.
        embedding: channels of a symbol. Default: `width`.
        dropout: dropout rate between layers and before the output.
        tied: whether the output shares the embedding's weights (`embedding` must equal `width`).
        vector: channels of the global condition.
        memory: channels of the memory attended to, such as a source sentence; 0 for none.
        heads: heads of that attention, a divisor of `width`.
        start: the symbol before the first position.
        context: symbols in a training crop. The state can continue for any length.
        stable: of an RNN: what the spectral norm of its state matrices may be at most, below 1, so that the past is
            forgotten at least so fast; 0 for no bound.

    Example:
        >>> RecurrentConfig(symbols=100, width=64, layers=2, tied=True).channels
        64
    """

    symbols: int
    width: int = 256
    layers: int = 2
    embedding: int | None = None
    dropout: float = 0.0
    tied: bool = False
    vector: int = 0
    memory: int = 0
    heads: int = 1
    start: int = 0
    context: int = 128
    stable: float = 0.0

    def __post_init__(self) -> None:
        bounded("symbols", self.symbols, 2, 2**22)
        bounded("width", self.width, 1, 2**16)
        bounded("layers", self.layers, 1, 256)
        bounded("embedding", self.channels, 1, 2**16)
        bounded("dropout", self.dropout, 0, 0.99)
        bounded("vector", self.vector, 0, 2**16)
        bounded("memory", self.memory, 0, 2**16)
        bounded("start", self.start, 0, self.symbols - 1)
        bounded("context", self.context, 1, 2**20)
        bounded("stable", self.stable, 0, 0.9999)
        if self.memory:
            divides("heads", self.heads, "width", self.width)
        if self.tied and self.channels != self.width:
            raise UserError(f"tied needs embedding = width, but they are {self.channels} and {self.width}; drop one")

    @property
    def channels(self) -> int:
        """Channels of a symbol."""
        return self.width if self.embedding is None else self.embedding

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return


class _Recurrent(SequenceModel):
    """What the three families share."""

    cell: ClassVar[Cell]
    kernels = "recurrent"

    def __init__(self, config: RecurrentConfig) -> None:
        # σ = 1, so that an untrained gate tells symbols apart; a tied table is also the output, which must be quiet
        embedding = Embedding(config.symbols, config.channels, scale=0.1 if config.tied else 1.0)
        inputs = [config.channels] + [config.width] * (config.layers - 1)
        parts: dict[str, Causal] = {}
        if config.vector:
            parts["inject"] = Inject(config.channels, vector=config.vector)
        for i, channels in enumerate(inputs):
            parts[f"recurrent_{i}"] = Recurrent(self.cell, channels, config.width, config.stable)
            if config.dropout:
                parts[f"dropout_{i}"] = Pointwise(nn.Dropout(config.dropout))
            if i == 0 and config.memory:
                attention = CrossAttention(config.width, config.memory, config.heads)
                parts["attention"] = Residual(Serial(Pointwise(nn.RMSNorm(config.width, eps=1e-6)), attention))
        out = nn.Linear(config.width, config.symbols)
        if config.tied:
            out.weight = embedding.table.weight
        parts["out"] = Pointwise(out)
        super().__init__(embedding, Serial(**parts), CategoricalHead(config.symbols), start=config.start)
        self.config = config

    @final
    def packed(self) -> Stepper:
        """The embedding multiplied into the first layer; the two matrices of each further layer in one."""
        return _Packed(self)

    @final
    def native(self) -> Stepper:
        """The whole loop compiled: all layers, softmax and draw."""
        return _Native(self)


@final
class RNN(_Recurrent):
    """Elman network: h_t = tanh(W x_t + U h_(t−1) + b).

    Example:
        >>> model = RNN(RecurrentConfig(symbols=10, width=8, layers=1))
        >>> model.log_prob(torch.tensor([[3, 1, 4, 1, 5]])).shape, model.sample(n=2, length=6).shape
        (torch.Size([1]), torch.Size([2, 6]))
    """

    cell = "rnn"


@final
class LSTM(_Recurrent):
    """Long short-term memory: a cell with gates for write, keep and read.

    Example:
        >>> model = LSTM(RecurrentConfig(symbols=10, width=8, layers=2, tied=True))
        >>> model.log_prob(torch.tensor([[3, 1, 4, 1, 5]])).shape, model.sample(n=2, length=6).shape
        (torch.Size([1]), torch.Size([2, 6]))
    """

    cell = "lstm"


@final
class GRU(_Recurrent):
    """Gated recurrent unit: two gates, no separate cell.

    Example:
        >>> model = GRU(RecurrentConfig(symbols=10, width=8))
        >>> model.log_prob(torch.tensor([[3, 1, 4, 1, 5]])).shape, model.sample(n=2, length=6).shape
        (torch.Size([1]), torch.Size([2, 6]))
    """

    cell = "gru"


class _Packed(Folded):
    """Steps of a recurrent model with folded weights; states are the model's own."""

    def __init__(self, model: _Recurrent) -> None:
        super().__init__(model)
        self.cell: Cell = model.cell
        parts = cast(Serial, model.net).layers
        names, layers = list(parts), [f"recurrent_{i}" for i in range(model.config.layers)]
        self.places = [names.index(name) for name in layers]  # the net's state has a part for each name
        self.inject = names.index("inject") if "inject" in parts else None
        self.attention = (names.index("attention"), parts["attention"]) if "attention" in parts else None
        weights = [cast(Recurrent, parts[name]).weights() for name in layers]
        out = cast(nn.Linear, cast(Pointwise, parts["out"]).module)
        with torch.no_grad():
            self.recurrent = [Affine(w.bias_back.clone(), columns(w.back)) for w in weights]
            self.inputs = [Affine(w.bias_in.clone(), columns(w.into)) for w in weights]
            self.joint = [
                Affine(a.bias + b.bias, torch.cat([a.weight, b.weight]))
                for a, b in zip(self.inputs, self.recurrent, strict=True)
            ]
            self.out = Affine(out.bias.clone(), columns(out.weight))
            self.symbols = cast(Embedding, model.embedding).table.weight.clone()
            self.table: Tensor | None = None
            if self.symbols.shape[0] * len(weights[0].bias_in) <= _TABLE:
                self.table = self.inputs[0](self.symbols)

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        if state.clock == 0:
            prev = torch.full_like(prev, self.first)
        states, injected = list(state.net), None
        if self.inject is not None:
            held: Injected = states[self.inject]
            injected = held.fixed.nest[0]
            states[self.inject] = held._replace(clock=held.clock + 1)
        x = prev
        for layer, place in enumerate(self.places):
            memory: Memory = states[place]
            states[place] = self._first(x, memory, injected) if layer == 0 else self._further(layer, x, memory)
            x = states[place].h
            if layer == 0 and self.attention is not None:
                at, attend = self.attention
                x = attend(x[:, None], EMPTY, states[at])[0][:, 0]
        return self.out(x), Position(state.clock + 1, tuple(states))

    def _first(self, prev: Tensor, memory: Memory, injected: Tensor | None) -> Memory:
        inputs = self.inputs[0](self.symbols[prev]) if self.table is None else self.table[prev]
        if injected is not None:
            inputs = inputs + torch.mm(spread(injected, len(inputs)), self.inputs[0].weight)
        return advance(self.cell, inputs, self.recurrent[0](memory.h), memory)

    def _further(self, layer: int, x: Tensor, memory: Memory) -> Memory:
        if self.cell == "gru":  # its candidate needs the two sums separately
            inputs = self.inputs[layer](x)
            return advance(self.cell, inputs, self.recurrent[layer](memory.h), memory)
        gates = self.joint[layer](torch.cat([x, memory.h], 1))
        return advance_lstm(gates, memory) if self.cell == "lstm" else Memory(torch.tanh(gates), None)


@final
class _Native(Compiled, _Packed):
    """The whole step in one compiled call, and runs of steps with their draws.

    Raises:
        Uncovered: for attention to a memory, and for more symbols than a table holds.
    """

    def __init__(self, model: _Recurrent) -> None:
        super().__init__(model)
        if self.attention is not None:
            raise Uncovered(f"{type(model).__name__} with attention to a source has no native steps")
        if self.table is None:
            raise Uncovered(f"{type(model).__name__} with {len(self.symbols):,} symbols has no native steps")
        from seriatim.kernels.native import recurrent  # imports numba

        self._kernels, joint = recurrent, self.recurrent[0].weight
        into = torch.stack([joint, *[each.weight for each in self.inputs[1:]]])[1:]  # the first layer's is in the table
        bias_in = torch.stack([self.recurrent[0].bias, *[each.bias for each in self.inputs[1:]]])[1:]
        self._weights = recurrent.Weights(
            table=array(self.table),
            into=array(into),
            bias_in=array(bias_in),
            back=array(torch.stack([each.weight for each in self.recurrent])),
            bias_back=array(torch.stack([each.bias for each in self.recurrent])),
            out=array(self.out.weight),
            out_bias=array(self.out.bias),
        )

    def draw(
        self, prev: NDArray[Any], state: Position, noise: NDArray[Any], heat: float, out: NDArray[Any]
    ) -> tuple[Any, Position]:
        """As many positions as `out` (B, n) has, at least one, and the state after them."""
        rows, count, states = len(prev), max(1, out.shape[1]), list(state.net)
        room = self._kernels.room(self._weights, rows)
        for i, place in enumerate(self.places):
            memory: Memory = states[place]
            room.h[i] = memory.h.numpy()
            if memory.c is not None:
                room.c[i] = memory.c.numpy()
        added = self.out.bias.new_zeros(rows, self.recurrent[0].weight.shape[1])
        if self.inject is not None:
            held: Injected = states[self.inject]
            added = torch.mm(spread(held.fixed.nest[0], rows), self.inputs[0].weight)
            states[self.inject] = held._replace(clock=held.clock + count)
        check_rows(rows, len(added))
        self._kernels.run(self._weights, prev, array(added), room, noise, heat, out)
        for i, place in enumerate(self.places):
            h, c = torch.from_numpy(room.h[i]), torch.from_numpy(room.c[i])
            states[place] = Memory(h, c if self.cell == "lstm" else None)
        return room, Position(state.clock + count, tuple(states))
