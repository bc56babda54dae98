"""Tracks: conditions that run along a sequence at a lower rate, such as melodies, spectra or timed labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seriatim.config import bounded, divides
from seriatim.context import Context

FOR_EVER = 2**20 * 3**6 * 5**4 * 7**2
"""The hop of the single column of a missing field: a multiple of any usual hop."""
MARGIN = 4
"""Maximum number of frames after an excerpt that its field depends on: two through the convolutions and, for each
upsampling layer, one at its rate, fewer than two in all."""


@final
@dataclass(frozen=True)
class TrackConfig:
    """Sizes of a track encoder.

    Attributes:
        filters: channels of the encoder and of the field.
        up: upsampling factors, such as 4,4. Default: none; frames are repeated as they are.

    Example:
        >>> math.prod(TrackConfig(filters=16, up=(4, 4)).up)
        16
    """

    filters: int = 32
    up: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        bounded("track.filters", self.filters, 1, 2**12)
        bounded("the number of factors in track.up", len(self.up), 0, 8)
        for factor in self.up:
            bounded("track.up", factor, 2, 64)


@final
class _Frames(nn.Module):
    """Frames (B, N, D) -> field, through bidirectional convolutions and upsampling layers.

    Frames after a row's end must not matter, whatever longer rows have there: they are zeroed before every convolution.
    """

    def __init__(self, channels: int, hop: int, config: TrackConfig) -> None:
        super().__init__()
        times = math.prod(config.up)
        divides("the product of --track.up", times, "the samples of a column", hop)
        self.hop, f = hop // times, config.filters
        widths = pairwise([channels, f, f])
        self.before = nn.ModuleList(nn.Conv1d(i, o, 3, padding=1) for i, o in widths)
        half = [(factor + 1) // 2 for factor in config.up]  # a kernel of two frames, and exactly `factor` columns each
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(f, f, s + 2 * p, stride=s, padding=p) for s, p in zip(config.up, half, strict=True)
        )
        self.factors = config.up
        self.null = nn.Parameter(0.02 * torch.randn(f))

    def nothing(self, batch: int) -> Context:
        """The field of a missing track, of any length."""
        return Context(field=self.null.expand(batch, 1, -1), hop=FOR_EVER)

    def forward(self, frames: Float[Tensor, "B N D"], there: Bool[Tensor, "B N"]) -> Context:
        y, real = frames.transpose(1, 2), there[:, None].to(frames.dtype)
        for layer in self.before:
            y = F.elu(layer(y * real))
        for layer, factor in zip(self.up, self.factors, strict=True):
            y = F.elu(layer(y * real))
            real = real.repeat_interleave(factor, 2)
        field = torch.where(real.transpose(1, 2) > 0, y.transpose(1, 2), self.null)
        return Context(field=field, hop=self.hop)


@final
class TrackEncoder(nn.Module):
    """Encodes frames of numbers, one per `hop` positions, into a field, upsampled by transposed convolutions.

    It is bidirectional: the whole track is a condition, its future included. At the ends of an excerpt the field
    therefore differs slightly from that of the whole track: frame t depends on frames t − 2 to t + 2, plus one on each
    side for each upsampling layer.

    Reference: van den Oord et al. (2016), WaveNet, section 2.5.

    Args:
        channels: D, numbers per frame.
        hop: positions per frame.
        config: sizes.

    Raises:
        UserError: if the upsampling factors do not divide a frame.

    Example:
        >>> encoder = TrackEncoder(channels=80, hop=256, config=TrackConfig(filters=6, up=(4, 4)))
        >>> context = encoder(torch.zeros(2, 5, 80))
        >>> context.field.shape, context.hop
        (torch.Size([2, 80, 6]), 16)
    """

    def __init__(self, channels: int, hop: int, config: TrackConfig) -> None:
        super().__init__()
        self.channels, self.config = channels, config
        self.frames = _Frames(channels, hop, config)

    def missing(self, batch: int) -> Float[Tensor, "B 1 D"]:
        """The value that stands for a missing track, of any length."""
        return self.frames.null.new_full((batch, 1, self.channels), math.nan)

    def forward(self, value: Float[Tensor, "B N D"]) -> Context:
        """Frames (B, N, D), NaN after a row's end and all NaN where missing -> field (B, N · Π up, filters)."""
        value = value.to(self.frames.null.dtype)
        there = ~value.isnan().any(2)
        if not bool(there.any()):
            return self.frames.nothing(len(value))
        return self.frames(value.nan_to_num(0.0), there)


@final
class SpanEncoder(nn.Module):
    """Encodes timed labels, one column per `hop` positions, into a field.

    A label has two embeddings, for its beginning and its end; a column interpolates between them by how much of its
    span has passed. The rest is as in `TrackEncoder`.

    Args:
        size: number of labels.
        hop: positions per column.
        config: sizes.

    Example:
        >>> encoder = SpanEncoder(size=3, hop=100, config=TrackConfig(filters=6))
        >>> labels = torch.tensor([[[0.0, 0.25], [0.0, 0.75], [2.0, 0.5]]])  # label and share, column by column
        >>> encoder(labels).field.shape
        torch.Size([1, 3, 6])
    """

    def __init__(self, size: int, hop: int, config: TrackConfig) -> None:
        super().__init__()
        self.size, self.config = size, config
        self.begins, self.ends = (nn.Embedding(size + 1, config.filters) for _ in range(2))
        self.frames = _Frames(config.filters, hop, config)

    def missing(self, batch: int) -> Float[Tensor, "B 1 2"]:
        """The value that stands for missing labels, of any length."""
        return self.frames.null.new_full((batch, 1, 2), math.nan)

    def forward(self, value: Float[Tensor, "B N 2"]) -> Context:
        """Label and share of its span passed (B, N, 2) -> field. Label −1 means none; NaN as in `TrackEncoder`."""
        value = value.to(self.frames.null.dtype)
        there = ~value.isnan().any(2)
        if not bool(there.any()):
            return self.frames.nothing(len(value))
        label, share = value.nan_to_num(0.0).unbind(2)
        number = torch.where(label < 0, self.size, label).long()
        return self.frames(torch.lerp(self.begins(number), self.ends(number), share[..., None]), there)
