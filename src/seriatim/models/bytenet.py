"""ByteNet: dilated causal convolutions over a sequence, alone or on top of an encoder of a source.

The idea: no attention and no recurrence. Residual blocks whose taps are 1, 2, 4, 8, 16 symbols apart, repeated, connect
distant symbols by short paths; work and memory grow linearly with the sequence, training is parallel, and a sampling
step costs the same at any position. With a source, the decoder is stacked on the encoder's columns and both unfold in
step (`causal/unfold`): column t of the source, extended to the expected length of the target, enters where symbol t is
predicted, until the decoder itself ends the sequence.

Deviations: LayerNorm is over channels only, as in the paper's later version (sub-batch statistics over time would leak
the future). The symbol before the first is `<end>`, which has an embedding. Every block starts as the identity, its
last weights at zero (Goyal et al., 2017); otherwise the noise of ten blocks covers an untrained embedding.

Reference: Kalchbrenner, Espeholt, Simonyan, van den Oord, Graves and Kavukcuoglu (2016), Neural machine translation in
linear time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, final

from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal import Causal, Conv, Embedding, Inject, Multiplicative, Pointwise, Serial, Unfold
from seriatim.causal.feedforward import silent
from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.heads import CategoricalHead
from seriatim.models.bytenet_steps import Native, Packed
from seriatim.models.sequence import SequenceModel
from seriatim.tree import State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class ByteNetConfig:
    """Sizes of a ByteNet.

    Attributes:
        symbols: number of symbols.
        width: channels inside a block, d; between blocks there are 2d.
        sets: repetitions of the sequence of dilations.
        dilations: blocks per set, with taps 1, 2, 4, … symbols apart.
        kernel: taps of a block.
        unit: the middle of a block: "relu", a convolution after a ReLU; "multiplicative", a multiplicative unit;
            "auto", the first with a source and the second without, as in the paper.
        dropout: dropout rate, in the blocks and before the output.
        tied: whether the output shares the embedding's weights.
        vector: channels of the global condition.
        memory: channels of the source's columns; 0 for no source.
        start: the symbol before the first position.
        context: symbols in a training crop.

    Example:
        >>> ByteNetConfig(symbols=256, sets=6).past
        373
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
        bounded("past, the receptive field in symbols,", self.past, 1, 2**24)

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return

    @property
    def past(self) -> int:
        """The receptive field: how many symbols before t can affect p(x_t)."""
        return 1 + (self.kernel - 1) * (2**self.dilations - 1) * self.sets

    @property
    def multiplicative(self) -> bool:
        """Whether blocks have multiplicative units."""
        return self.unit == "multiplicative" or (self.unit == "auto" and not self.memory)


@final
class Block(Causal):
    """x plus: LN, ReLU, 2d → d; LN, ReLU, the middle; LN, ReLU, d → 2d."""

    recomputable = True

    def __init__(self, config: ByteNetConfig, dilation: int) -> None:
        super().__init__()
        width, wide, kernel = config.width, 2 * config.width, config.kernel
        self.before, self.inside, self.after = nn.LayerNorm(wide), nn.LayerNorm(width), nn.LayerNorm(width)
        self.middle: Causal = (
            Multiplicative(width, kernel, dilation) if config.multiplicative else Conv(width, width, kernel, dilation)
        )
        self.into, self.back = nn.Linear(wide, width), silent(nn.Linear(width, wide))
        self.dropout = nn.Dropout(config.dropout)

    @property
    def reach(self) -> int | None:
        """That of the middle."""
        return self.middle.reach

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """That of the middle, which includes the frame itself."""
        return self.middle.sight(steps)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """The middle's ring."""
        return self.middle.start(batch, context, length)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, 2d) -> (B, T, 2d)."""
        h = self.inside(self.into(self.before(x).relu())).relu()
        y, state = self.middle(h, context, state)
        return x + self.dropout(self.back(self.after(y).relu())), state


@final
class _Out(nn.Module):
    """LN, ReLU, 2d → 2d, ReLU, 2d → logits."""

    def __init__(self, config: ByteNetConfig) -> None:
        super().__init__()
        wide = 2 * config.width
        self.norm, self.dropout = nn.LayerNorm(wide), nn.Dropout(config.dropout)
        self.out, self.hidden = nn.Linear(wide, config.symbols), nn.Linear(wide, wide)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(self.dropout(self.norm(x).relu())).relu())


@final
class ByteNet(SequenceModel):
    """Residual blocks of dilated causal convolutions over symbols.

    Example:
        >>> import torch
        >>> model = ByteNet(ByteNetConfig(symbols=10, width=8, sets=1, dilations=3))
        >>> model.log_prob(torch.tensor([[3, 1, 4, 1, 5]])).shape, model.sample(n=2, length=6).shape
        (torch.Size([1]), torch.Size([2, 6]))
    """

    kernels = "bytenet"

    def __init__(self, config: ByteNetConfig) -> None:
        c, wide = config, 2 * config.width
        parts: dict[str, Causal] = {}
        if c.memory:
            parts["unfold"] = Unfold(wide, c.memory)
        if c.vector:
            parts["inject"] = Inject(wide, vector=c.vector)
        parts["blocks"] = Serial(*[Block(c, d) for d in [2**i for i in range(c.dilations)] * c.sets])
        out = _Out(c)
        parts["out"] = Pointwise(out)
        embedding = Embedding(c.symbols, wide, scale=0.05 if c.tied else 0.1)
        if c.tied:
            out.out.weight = embedding.table.weight
        super().__init__(embedding, Serial(**parts), CategoricalHead(c.symbols), c.start)
        self.config = config

    def outputs(self) -> list[nn.Module]:
        """The last of the two layers at the end."""
        return [cast(_Out, cast(Pointwise, cast(Serial, self.net).layers["out"]).module).out]

    def packed(self) -> Stepper:
        """All taps of a block, past and present, in one product."""
        return Packed(self)

    def native(self) -> Stepper:
        """The whole loop compiled: all blocks, softmax and draw."""
        return Native(self)
