"""minGRU: a gated recurrence whose gate and candidate see the input alone, so that all positions are computed at once.

h_t = (1 − z_t) h_{t−1} + z_t h̃_t, with z_t = σ(W_z x_t) and h̃_t = W_h x_t. In training the recurrence is a scan by
doubling, log2 T steps over all positions; in sampling it is the recurrence itself.

Deviations from the paper: the scan works on the numbers themselves and not on their logarithms, so the candidate needs
no positive activation; no convolution and no feed-forward layer between the recurrences.

Reference: Feng et al. (2024), Were RNNs all we needed?
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seriatim import register
from seriatim.context import EMPTY, Context
from seriatim.heads import CategoricalHead
from seriatim.layers import Causal, Embedding, Pointwise, Residual, Serial
from seriatim.models import SequenceModel

__all__ = ["MinGRU", "MinGRUConfig", "MinGRULayer"]


def scan(keep: Tensor, add: Tensor, before: Tensor) -> Tensor:
    """h_t = keep_t h_{t−1} + add_t for all t at once.

    Args:
        keep: (B, T, C).
        add: (B, T, C).
        before: (B, C) the state before the first position.

    Returns:
        (B, T, C) the states.
    """
    distance = 1
    while distance < keep.shape[1]:  # after each turn a position stands for the last 2 · distance
        near, far = keep[:, distance:], keep[:, :-distance]
        add = torch.cat([add[:, :distance], add[:, distance:] + near * add[:, :-distance]], 1)
        keep = torch.cat([keep[:, :distance], near * far], 1)
        distance *= 2
    return add + keep * before[:, None]


class MinGRULayer(Causal):
    """The recurrence: frames (B, T, channels) -> states (B, T, width). The carried state is h (B, width).

    Args:
        channels: of a frame.
        width: of the state.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.gate, self.candidate = nn.Linear(channels, width), nn.Linear(channels, width)

    @property
    def reach(self) -> None:
        """All past frames matter."""
        return

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> Tensor:  # noqa: ARG002
        """The state before the first frame: zeros."""
        return self.gate.bias.new_zeros(batch, self.gate.out_features)

    def forward(
        self,
        x: Tensor,
        context: Context = EMPTY,  # noqa: ARG002
        state: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """All frames at once, going on from a state."""
        z = self.gate(x).sigmoid()
        before = self.start(len(x)) if state is None else state
        h = scan(1 - z, z * self.candidate(x), before)
        after = h[:, -1] if x.shape[1] else before
        return h, None if state is None else after


@dataclass(frozen=True)
class MinGRUConfig:
    """Sizes of a minGRU.

    Attributes:
        symbols: number of symbols; follows from the data.
        width: channels of a layer.
        layers: recurrences, one on the other.
        start: the symbol before the first; follows from the data.
    """

    symbols: int
    width: int = 256
    layers: int = 2
    start: int = 0


@register("mingru", config=MinGRUConfig, data="text", paper="Feng et al., Were RNNs all we needed?", year=2024)
class MinGRU(SequenceModel):
    """A language model of minGRU layers, each normalised and residual."""

    def __init__(self, config: MinGRUConfig) -> None:
        width = config.width
        blocks = [
            Residual(
                Serial(Pointwise(nn.RMSNorm(width)), MinGRULayer(width, width), Pointwise(nn.Linear(width, width)))
            )
            for _ in range(config.layers)
        ]
        out = Serial(Pointwise(nn.RMSNorm(width)), Pointwise(nn.Linear(width, config.symbols)))
        super().__init__(
            Embedding(config.symbols, width), Serial(*blocks, out), CategoricalHead(config.symbols), start=config.start
        )
        self.config = config

    @staticmethod
    def _branch(width: int) -> Serial:
        return Serial(Pointwise(nn.RMSNorm(width)), MinGRULayer(width, width), Pointwise(nn.Linear(width, width)))
