"""Text as a condition: the sentence to translate, the word to pronounce, the question to answer.

The encoder may be bidirectional, since the whole text is available before the first symbol is generated. It returns a
memory with a slot for each symbol, and a mask of the real slots. Texts of a batch differ in length; positions after a
row's end are −1, and no row's memory depends on how long the others are.

- `lstm`, `gru`: several bidirectional layers (Schuster and Paliwal, 1997).
- `transformer`: self-attention with rotary positions, the decoder's layers without the causal mask (Vaswani et al.,
  2017).
- `bytenet`: dilated convolutions without a mask; slot t is for target position t (Kalchbrenner et al., 2016). The text
  is extended to the expected length of the target, |t̂| = stretch · |s| + offset (at least |s|), by zeros, which the
  convolutions fill. Padding beyond that is zeroed before *every* convolution.

Shapes: B batch, M slots, D channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seriatim.causal import SwiGLU
from seriatim.causal.attention import rotary_table, rotate
from seriatim.causal.feedforward import silent, usual_hidden
from seriatim.causal.stacks import Stack, Stacked
from seriatim.config import bounded, divides
from seriatim.context import Context
from seriatim.errors import UserError

Kind = Literal["lstm", "gru", "transformer", "bytenet"]

_DILATIONS = 5  # blocks in a set of a ByteNet
_KERNEL = 3


@final
@dataclass(frozen=True)
class TextConfig:
    """Sizes of a text encoder.

    Attributes:
        encoder: "lstm", "gru", "transformer" or "bytenet".
        width: channels of the memory, D.
        layers: number of layers; for a bytenet, of sets of five blocks.
        heads: attention heads of a transformer.
        dropout: dropout rate.
        stretch: for a bytenet, target symbols per source symbol.
        offset: for a bytenet, target symbols in addition to that.
        longest: maximum number of source symbols, `<end>` included.
        hidden: share of training examples in which the source is hidden; at 0 the model cannot do without a source.

    Example:
        >>> TextConfig("transformer", width=64, layers=2).heads
        4
    """

    encoder: Kind
    width: int = 128
    layers: int = 1
    heads: int = 4
    dropout: float = 0.0
    stretch: float = 1.0
    offset: float = 0.0
    longest: int = 2**20
    hidden: float = 0.0

    def __post_init__(self) -> None:
        bounded("width", self.width, 2, 2**16)
        bounded("layers", self.layers, 1, 256)
        bounded("dropout", self.dropout, 0, 0.99)
        bounded("stretch", self.stretch, 0, 1000)
        bounded("offset", self.offset, -(2**20), 2**20)
        bounded("longest", self.longest, 1, 2**24)
        bounded("hidden", self.hidden, 0, 1)
        if self.encoder == "transformer":
            divides("heads", self.heads, "width", self.width)
            divides("two channels a head", 2 * self.heads, "width", self.width)
        elif self.width % 2:
            raise UserError(f"width is {self.width}, and a text encoder has two halves; give an even number")


@final
class TextEncoder(nn.Module):
    """Encodes symbols into a memory, to attend to or to read in step.

    Args:
        symbols: number of symbols.
        config: kind and sizes.

    Example:
        >>> encoder = TextEncoder(symbols=10, config=TextConfig("lstm", width=8))
        >>> context = encoder(torch.tensor([[3, 1, 4], [2, 0, -1]]))
        >>> context.memory.shape, context.mask.tolist()
        (torch.Size([2, 3, 8]), [[True, True, True], [True, True, False]])
    """

    def __init__(self, symbols: int, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(symbols, config.width)
        nn.init.normal_(self.table.weight, std=0.02 if config.encoder == "transformer" else 0.1)
        body = {"lstm": _Recurrent, "gru": _Recurrent, "transformer": _Attentive, "bytenet": _Convolutional}
        self.body: nn.Module = body[config.encoder](config)

    @property
    def drop(self) -> float:
        """How often the source is hidden in training."""
        return self.config.hidden

    def missing(self, batch: int) -> Int[Tensor, "B 1"]:
        """The value that stands for a missing text."""
        return torch.full((batch, 1), -1, device=self.table.weight.device)

    def forward(self, value: Int[Tensor, "B M"]) -> Context:
        """Symbols (B, M), −1 after a row's end -> memory (B, M', D) and mask (B, M'); M' = M except for a bytenet."""
        real = value >= 0
        x = self.table(torch.where(real, value, 0)) * real[..., None]
        memory, mask = cast("tuple[Tensor, Tensor]", self.body(x, real))
        return Context(memory=memory, mask=mask)


@final
class _Recurrent(nn.Module):
    """A bidirectional LSTM or GRU over rows of different lengths."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        kind = nn.LSTM if config.encoder == "lstm" else nn.GRU
        between = config.dropout if config.layers > 1 else 0.0
        self.core = kind(
            config.width, config.width // 2, config.layers, batch_first=True, bidirectional=True, dropout=between
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.RMSNorm(config.width, eps=1e-6)

    def forward(self, x: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        lengths = real.sum(1).clamp_min(1).cpu()
        packed = pack_padded_sequence(self.dropout(x), lengths, batch_first=True, enforce_sorted=False)
        # cuDNN passes nothing back in evaluation mode
        with torch.backends.cudnn.flags(enabled=self.training or not torch.is_grad_enabled()):
            read = self.core(packed)[0]
        y, _ = pad_packed_sequence(read, batch_first=True, total_length=x.shape[1])
        return self.dropout(self.norm(y)), real


@final
class _Attentive(nn.Module):
    """Layers of self-attention and feed-forward, norms first."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        width = config.width
        self.dropout = nn.Dropout(config.dropout)
        self.norms = nn.ModuleList(nn.RMSNorm(width, eps=1e-6) for _ in range(2 * config.layers + 1))
        self.attentions = nn.ModuleList(_Attention(width, config.heads, config.dropout) for _ in range(config.layers))
        self.forwards = nn.ModuleList(SwiGLU(width, usual_hidden(width)) for _ in range(config.layers))
        small = 0.02 / math.sqrt(2 * config.layers)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                nn.init.normal_(weight, std=small if name.endswith(("out.weight", "down.weight")) else 0.02)

    def forward(self, x: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        x = self.dropout(x)
        for i, (attention, forward) in enumerate(zip(self.attentions, self.forwards, strict=True)):
            x = x + self.dropout(attention(self.norms[2 * i](x), real))
            x = x + self.dropout(forward(self.norms[2 * i + 1](x)))
        return self.norms[-1](x), real


@final
class _Attention(nn.Module, Stacked):
    """Every slot attends to every real slot."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def stacks(self) -> Mapping[str, Stack]:
        """Queries, keys and values."""
        return {"qkv.weight": Stack.of(self.qkv.weight, 3)}

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        batch, slots, width = x.shape
        q, k, v = self.qkv(x).view(batch, slots, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        cos, sin = rotary_table(0, slots, width // self.heads, 10000.0, q)
        mask = (real | ~real.any(1, keepdim=True))[:, None, None]  # softmax over an empty set is NaN
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, mask, dropout)
        return self.out(y.transpose(1, 2).reshape(batch, slots, width))


@final
class _Convolutional(nn.Module):
    """ByteNet's encoder: one column per position of a target of the expected length."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.stretch, self.offset = config.stretch, config.offset
        dilations = [2**i for i in range(_DILATIONS)] * config.layers
        self.blocks = nn.ModuleList(_Block(config.width, d, config.dropout) for d in dilations)

    def forward(self, x: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        lengths = real.sum(1)
        expected = torch.ceil(self.stretch * lengths.double() + self.offset).long()
        lasting = torch.where(lengths > 0, torch.maximum(lengths, expected), 0)
        slots = max(1, int(lasting.max()))
        mask = torch.arange(slots, device=x.device) < lasting[:, None]
        x = F.pad(x, (0, 0, 0, max(0, slots - x.shape[1])))[:, :slots]
        for block in self.blocks:
            x = x + block(x, mask)
        return x * mask[..., None], mask


@final
class _Block(nn.Module):
    """LN, ReLU, D → D/2; LN, ReLU, a bidirectional dilated convolution; LN, ReLU, D/2 → D."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        half = width // 2
        self.into = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, half), nn.LayerNorm(half), nn.ReLU())
        self.conv = nn.Conv1d(half, half, _KERNEL, padding=dilation * (_KERNEL // 2), dilation=dilation)
        last = silent(nn.Linear(half, width))
        self.back = nn.Sequential(nn.LayerNorm(half), nn.ReLU(), last, nn.Dropout(dropout))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        h = self.into(x) * mask[..., None]
        return self.back(self.conv(h.transpose(1, 2)).transpose(1, 2))
