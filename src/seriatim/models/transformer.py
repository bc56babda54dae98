"""The decoder-only Transformer, in its present-day form.

The idea: each position attends to all positions before it, so the past need not fit into a state of fixed size; the
price is a memory that grows with the sequence. With a source (`memory`), each layer also attends to the encoded source,
as in the paper's decoder.

Deviations from Vaswani et al. (2017): RMSNorm before each branch instead of LayerNorm after it, rotary positions,
SwiGLU, grouped queries, no biases. This is Llama's architecture; exporting is renaming (`seriatim export --format hf`).

References: Vaswani et al. (2017), Attention is all you need. Zhang and Sennrich (2019), RMSNorm. Shazeer (2020), GLU
variants improve Transformer. Su et al. (2021), RoFormer. Ainslie et al. (2023), GQA. Touvron et al. (2023), LLaMA.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal import Attention, Causal, CrossAttention, Embedding, Inject, Pointwise, Serial, SwiGLU
from seriatim.causal.attention import Cache, extend, rotary_table
from seriatim.causal.feedforward import usual_hidden
from seriatim.config import bounded, divides
from seriatim.context import EMPTY, Context, spread
from seriatim.heads import CategoricalHead
from seriatim.models.base import quiet
from seriatim.models.sequence import Folded, Position, SequenceModel, columns
from seriatim.tree import State
from seriatim.walks.walk import Stepper

_SYMBOLS = 0.05  # σ of what tells symbols apart in the embedding
_CONSTANT = 0.125  # of the channels that are alike for all


@final
@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a Transformer.

    Attributes:
        symbols: number of symbols.
        width: channels.
        layers: number of blocks.
        heads: query heads, a divisor of `width` with an even quotient.
        key_heads: key and value heads, a divisor of `heads`. Default: `heads`.
        hidden: channels of the feed-forward layers. Default: 8/3 of `width`, rounded up to a multiple of 32.
        dropout: dropout rate.
        tied: whether the output shares the embedding's weights.
        rotary: base of the rotary frequencies.
        epsilon: added to the mean square in the norms.
        vector: channels of the global condition.
        memory: channels of the memory attended to, such as a source sentence; 0 for none.
        start: the symbol before the first position.
        context: number of positions it is trained on, and its horizon.

    Example:
        >>> TransformerConfig(symbols=256, width=192, heads=6, key_heads=2).feed_forward
        512
    """

    symbols: int
    width: int = 128
    layers: int = 4
    heads: int = 4
    key_heads: int | None = None
    hidden: int | None = None
    dropout: float = 0.0
    tied: bool = False
    rotary: float = 10000.0
    epsilon: float = 1e-6
    vector: int = 0
    memory: int = 0
    start: int = 0
    context: int = 128

    def __post_init__(self) -> None:
        bounded("symbols", self.symbols, 2, 2**22)
        bounded("width", self.width, 2, 2**16)
        bounded("layers", self.layers, 1, 1024)
        bounded("hidden", self.feed_forward, 1, 2**18)
        bounded("dropout", self.dropout, 0, 0.99)
        bounded("rotary", self.rotary, 1, 1e9)
        bounded("epsilon", self.epsilon, 1e-12, 1)
        bounded("vector", self.vector, 0, 2**16)
        bounded("memory", self.memory, 0, 2**16)
        bounded("start", self.start, 0, self.symbols - 1)
        bounded("context", self.context, 2, 2**20)
        divides("heads", self.heads, "width", self.width)
        divides("two channels a head", 2 * self.heads, "width", self.width)
        divides("key_heads", self.groups, "heads", self.heads)

    @property
    def groups(self) -> int:
        """Key and value heads."""
        return self.heads if self.key_heads is None else self.key_heads

    @property
    def feed_forward(self) -> int:
        """Channels of the feed-forward layers."""
        return usual_hidden(self.width) if self.hidden is None else self.hidden

    @property
    def horizon(self) -> int | None:
        """Positions it looks back over; None (all) with a source, since windows would get out of step with it."""
        return None if self.memory else self.context


class _Held(NamedTuple):
    """A block's state."""

    attention: Cache
    memory: State


@final
class Block(Causal):
    """Self-attention, cross-attention to the memory if there is one, feed-forward: residual branches, norms first."""

    recomputable = True

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        c = config
        self.attention_norm = nn.RMSNorm(c.width, eps=c.epsilon)
        self.attention = Attention(c.width, c.heads, c.groups, c.rotary, c.dropout)
        self.memory_norm = nn.RMSNorm(c.width, eps=c.epsilon) if c.memory else None
        self.memory = CrossAttention(c.width, c.memory, c.heads, c.dropout) if c.memory else None
        self.feed_forward_norm = nn.RMSNorm(c.width, eps=c.epsilon)
        self.feed_forward = SwiGLU(c.width, c.feed_forward)
        self.dropout = nn.Dropout(c.dropout)

    @property
    def reach(self) -> None:
        """All of the past."""
        return

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """An empty cache, and the projected memory."""
        memory = None if self.memory is None else self.memory.start(batch, context, length)
        return _Held(self.attention.start(batch, context, length), memory)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C)."""
        cache, memory = (None, None) if state is None else state
        y, cache = self.attention(self.attention_norm(x), context, cache)
        x = x + self.dropout(y)
        if self.memory is not None and self.memory_norm is not None:
            y, memory = self.memory(self.memory_norm(x), context, memory)
            x = x + self.dropout(y)
        x = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return x, None if state is None else _Held(cache, memory)


@final
class Transformer(SequenceModel):
    """Decoder-only Transformer over symbols.

    Example:
        >>> model = Transformer(TransformerConfig(symbols=10, width=16, layers=2, heads=4, key_heads=2))
        >>> model.log_prob(torch.tensor([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]])).shape
        torch.Size([2])
        >>> model.sample(n=2, length=8, prompt=torch.tensor([[3, 1], [2, 7]]))[:, :2].tolist()
        [[3, 1], [2, 7]]
    """

    def __init__(self, config: TransformerConfig) -> None:
        parts: dict[str, Causal] = {"dropout": Pointwise(nn.Dropout(config.dropout))}
        if config.vector:
            parts["inject"] = Inject(config.width, vector=config.vector)
        parts["blocks"] = Serial(*[Block(config) for _ in range(config.layers)])
        parts["norm"] = Pointwise(nn.RMSNorm(config.width, eps=config.epsilon))
        out = nn.Linear(config.width, config.symbols, bias=False)
        parts["out"] = Pointwise(out)
        embedding = Embedding(config.symbols, config.width, scale=0.02 if config.tied else _SYMBOLS)
        super().__init__(embedding, Serial(**parts), CategoricalHead(config.symbols), start=config.start)
        self.config = config
        self._initialise_weights(out)
        if config.tied:
            out.weight = embedding.table.weight

    def _initialise_weights(self, out: nn.Linear) -> None:
        """Normal with σ = 0.5/√inputs: the usual 0.02 (Radford et al., 2019) at 768 channels, more in a small model.

        Outputs of branches begin at zero, so that an untrained block changes nothing. So does what a condition adds:
        it would enter the constant channels, and rescale the marginal.
        """
        endings = ("attention.out.weight", "memory.out.weight", "down.weight", "inject.vector.weight")
        for name, weight in self.net.named_parameters():
            if weight.dim() == 2:
                silent = name.endswith(endings)
                nn.init.normal_(weight, std=0.0 if silent else 0.5 / math.sqrt(weight.shape[1]))
        nn.init.normal_(out.weight, std=0.02)

    def begin_from(self, constant: Tensor, surprise: Callable[[], float]) -> None:
        """Let the untrained model predict the marginal, in a layout that has no biases.

        The first eighth of the embedding's channels begins as a constant, and the output reads the marginal from it.
        All of it is trained on. Tied weights begin as they are, at about a uniform distribution: one table cannot be
        both.
        """
        if self.config.tied:
            return
        still = max(1, self.config.width // 8)
        weight, norm = self._out().weight, cast(Pointwise, cast(Serial, self.net).layers["norm"]).module
        seen = list[float]()
        handle = norm.register_forward_hook(lambda _module, _inputs, y: seen.append(float(y[..., :still].mean())))
        cast(Embedding, self.embedding).table.weight[:, :still] = _CONSTANT
        try:
            surprise()
        finally:
            handle.remove()
        # a shift of all logits changes nothing: those of the symbols that occur begin around zero
        logits = constant - (constant.softmax(0) * constant).sum()
        weight[:, :still] = logits[:, None] / (still * seen[0])
        quiet([weight[:, still:]], surprise)

    def _out(self) -> nn.Linear:
        return cast(nn.Linear, cast(Pointwise, cast(Serial, self.net).layers["out"]).module)

    def packed(self) -> Stepper:
        """Queries, keys and values in one matrix, gate and up in one, norms folded into the matrices that follow."""
        return _Packed(self)


class _Cross(NamedTuple):
    """Folded weights of a cross-attention layer."""

    layer: CrossAttention
    query: Tensor
    out: Tensor


class _Layer(NamedTuple):
    """Folded weights of a block."""

    qkv: Tensor
    out: Tensor
    cross: _Cross | None
    gate_up: Tensor
    down: Tensor


@final
class _Packed(Folded):
    """Steps of a Transformer with folded weights: 14 small operations per layer and one pass over the weights."""

    def __init__(self, model: Transformer) -> None:
        config = model.config
        super().__init__(model)
        self.config = config
        self.channels = config.width // config.heads
        parts = cast(Serial, model.net).layers
        names = list(parts)  # the net's state has a part for each
        self.inject = names.index("inject") if config.vector else None
        self.blocks = names.index("blocks")
        with torch.no_grad():
            self.layers = [self._fold(cast(Block, block)) for block in cast(Serial, parts["blocks"]).layers.values()]
            norm = cast(nn.RMSNorm, cast(Pointwise, parts["norm"]).module)
            out = cast(nn.Linear, cast(Pointwise, parts["out"]).module)
            gain = math.sqrt(config.width)
            self.out = columns(out.weight * norm.weight * gain)
            self.floor = out.weight.new_tensor(math.sqrt(config.width * config.epsilon))
            self.symbols = cast(Embedding, model.embedding).table.weight.clone()
        self._turns: tuple[Tensor, Tensor] = (self.symbols.new_zeros(0, 0), self.symbols.new_zeros(0, 0))

    def _fold(self, block: Block) -> _Layer:
        a, c, f = block.attention, block.memory, block.feed_forward
        query = a.query.weight / math.sqrt(self.channels)
        gain = math.sqrt(self.config.width)
        qkv = torch.cat([query, a.key.weight, a.value.weight]) * (block.attention_norm.weight * gain)
        gate_up = torch.cat([f.gate.weight, f.up.weight]) * (block.feed_forward_norm.weight * gain)
        cross = None
        if c is not None and block.memory_norm is not None:
            query = c.query.weight * (block.memory_norm.weight * gain)
            cross = _Cross(c, columns(query), columns(c.out.weight))
        return _Layer(columns(qkv), columns(a.out.weight), cross, columns(gate_up), columns(f.down.weight))

    def _unit(self, x: Tensor) -> Tensor:
        """x / √(|x|² + width · ε): a norm without its gain and √width, which are folded into the matrices."""
        return x / torch.hypot(torch.linalg.vector_norm(x, dim=1, keepdim=True), self.floor)

    def _table(self, stop: int) -> tuple[Tensor, Tensor]:
        """cos, and sin with the sign of the half-split rotation, for positions up to `stop`."""
        if self._turns[0].shape[0] < stop:
            cos, sin = rotary_table(0, max(2 * stop, 256), self.channels, self.config.rotary, self.symbols)
            half = self.channels // 2
            self._turns = cos, torch.cat([-sin[:, :half], sin[:, half:]], 1)
        return self._turns

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        if state.clock == 0:
            prev = torch.full_like(prev, self.first)
        c = self.config
        batch, heads, groups, channels = prev.shape[0], c.heads, c.groups, self.channels
        states = list(state.net)
        x = self.symbols[prev]
        if self.inject is not None:
            injected = states[self.inject]
            x = x + spread(injected.fixed.nest[0], batch)
            states[self.inject] = injected._replace(clock=injected.clock + 1)
        held: list[_Held] = list(states[self.blocks])
        clock = held[0].attention.clock
        cos_all, sin_all = self._table(clock + 1)
        cos, sin = cos_all[clock], sin_all[clock]
        for i, layer in enumerate(self.layers):
            cache, memory = held[i]
            qkv = torch.mm(self._unit(x), layer.qkv).view(batch, heads + 2 * groups, channels)
            qk = qkv[:, : heads + groups]
            qk = torch.addcmul(qk * cos, qk.roll(channels // 2, -1), sin)
            cache = extend(cache, qk[:, heads:, None], qkv[:, heads + groups :, None])
            k, v = cache.k.narrow(2, 0, clock + 1), cache.v.narrow(2, 0, clock + 1)
            # a group's heads take the place of positions: each sees the whole cache, and queries are already scaled
            q = qk[:, :heads].reshape(batch, groups, heads // groups, channels)
            y = F.scaled_dot_product_attention(q, k, v, scale=1.0).reshape(batch, heads * channels)
            x = torch.addmm(x, y, layer.out)
            if layer.cross is not None:
                q = torch.mm(self._unit(x), layer.cross.query)
                y = layer.cross.layer.attend(q[:, None], *memory.nest)
                x = torch.addmm(x, y[:, 0], layer.cross.out)
            gate, up = torch.mm(self._unit(x), layer.gate_up).chunk(2, 1)
            x = torch.addmm(x, F.silu(gate).mul_(up), layer.down)
            held[i] = _Held(cache, memory)
        states[self.blocks] = tuple(held)
        return torch.mm(self._unit(x), self.out), Position(state.clock + 1, tuple(states))
