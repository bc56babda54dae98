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
from typing import cast, final

from torch import Tensor, nn

from seriatim.causal import Attention, Causal, CrossAttention, Embedding, Inject, Pointwise, Serial, SwiGLU
from seriatim.causal.feedforward import usual_hidden
from seriatim.config import bounded, divides
from seriatim.context import EMPTY, Context
from seriatim.heads import CategoricalHead
from seriatim.models.base import quiet
from seriatim.models.sequence import SequenceModel
from seriatim.models.transformer_steps import Held, Native, Packed
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
        return Held(self.attention.start(batch, context, length), memory)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C)."""
        cache, memory = (None, None) if state is None else state
        y, cache = self.attention(self.attention_norm(x), context, cache)
        x = x + self.dropout(y)
        if self.memory is not None and self.memory_norm is not None:
            y, memory = self.memory(self.memory_norm(x), context, memory)
            x = x + self.dropout(y)
        x = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return x, None if state is None else Held(cache, memory)


@final
class Transformer(SequenceModel):
    """Decoder-only Transformer over symbols.

    Example:
        >>> import torch
        >>> model = Transformer(TransformerConfig(symbols=10, width=16, layers=2, heads=4, key_heads=2))
        >>> model.log_prob(torch.tensor([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]])).shape
        torch.Size([2])
        >>> model.sample(n=2, length=8, prompt=torch.tensor([[3, 1], [2, 7]]))[:, :2].tolist()
        [[3, 1], [2, 7]]
    """

    kernels = "transformer"

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
        return Packed(self)

    def native(self) -> Stepper:
        """The whole loop compiled: all layers, softmax and draw."""
        return Native(self)
