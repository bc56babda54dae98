"""What runs beside a sequence, slower than it: a melody, spectral frames, linguistic features, labels with times."""

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

_FOR_EVER = 2**20 * 3**6 * 5**4 * 7**2  # positions of a column that says nothing: a multiple of any usual hop
MARGIN = 4
"""Frames behind a piece that its field depends on, at most: two by the convolutions, and for each multiplication of the
rate one at that rate, fewer than two in all."""


@final
@dataclass(frozen=True)
class TrackConfig:
    """Sizes of what reads a series.

    Attributes:
        filters: channels of the encoder and of the field.
        up: how often its rate is multiplied, and by what, such as 4,4; none: its frames are repeated as they are.

    Example:
        >>> math.prod(TrackConfig(filters=16, up=(4, 4)).up)
        16
    """

    filters: int = 32
    up: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        bounded("series.filters", self.filters, 1, 2**12)
        bounded("series.up, how often", len(self.up), 0, 8)
        for factor in self.up:
            bounded("up", factor, 2, 64)


@final
class _Frames(nn.Module):
    """Frames (B, N, D) -> field, through convolutions that look both ways, its rate multiplied if wanted.

    Behind a row's last frame stands nothing, whatever the longer rows beside it have there: so what is there is set to
    zero before every convolution.
    """

    def __init__(self, channels: int, hop: int, config: TrackConfig) -> None:
        super().__init__()
        times = math.prod(config.up)
        divides("what --track.up comes to", times, "the samples of a column", hop)
        self.hop, f = hop // times, config.filters
        widths = pairwise([channels, f, f])
        self.before = nn.ModuleList(nn.Conv1d(i, o, 3, padding=1) for i, o in widths)
        half = [(factor + 1) // 2 for factor in config.up]  # a kernel of two frames and as many columns as wanted
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(f, f, s + 2 * p, stride=s, padding=p) for s, p in zip(config.up, half, strict=True)
        )
        self.factors = config.up
        self.null = nn.Parameter(0.02 * torch.randn(f))

    def nothing(self, batch: int) -> Context:
        """A field that says nothing, of whatever length."""
        return Context(field=self.null.expand(batch, 1, -1), hop=_FOR_EVER)

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
    """Frames of numbers, one for every `hop` positions -> a field, its rate multiplied by transposed convolutions.

    It looks both ways: the whole series is a condition, its future too. So at the ends of a piece that is cut out of
    a series, the field is not quite the whole's: frame t depends on the frames from t − 2 to t + 2, and on one more to
    each side for each multiplication.

    Reference: van den Oord et al. (2016), WaveNet, section 2.5.

    Args:
        channels: numbers of a frame.
        hop: positions that a frame lasts.
        config: sizes.

    Raises:
        UserError: if the rate cannot be multiplied so often within a frame.

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
        """What stands for no series, of whatever length."""
        return self.frames.null.new_full((batch, 1, self.channels), math.nan)

    def forward(self, value: Float[Tensor, "B N D"]) -> Context:
        """Frames (B, N, D), NaN behind a row's last one, and all NaN where not said -> field (B, N · Π up, filters)."""
        value = value.to(self.frames.null.dtype)
        there = ~value.isnan().any(2)
        if not bool(there.any()):
            return self.frames.nothing(len(value))
        return self.frames(value.nan_to_num(0.0), there)


@final
class SpanEncoder(nn.Module):
    """Labels with times, a column for every `hop` positions -> a field.

    A label has two rows, of how it begins and of how it ends; a column lies between them, as far as its span has come.
    What follows is as in `TrackEncoder`.

    Args:
        size: labels.
        hop: positions that a column lasts.
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
        """What stands for no labels at all, for whatever length."""
        return self.frames.null.new_full((batch, 1, 2), math.nan)

    def forward(self, value: Float[Tensor, "B N 2"]) -> Context:
        """Label and share passed (B, N, 2), label −1 where there is none; NaN as in `TrackEncoder` -> field."""
        value = value.to(self.frames.null.dtype)
        there = ~value.isnan().any(2)
        if not bool(there.any()):
            return self.frames.nothing(len(value))
        label, share = value.nan_to_num(0.0).unbind(2)
        number = torch.where(label < 0, self.size, label).long()
        return self.frames(torch.lerp(self.begins(number), self.ends(number), share[..., None]), there)
