"""A series that runs beside the sequence, slower than it: a melody, spectral frames, linguistic features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seriatim.config import bounded, divides
from seriatim.context import Context

_FOR_EVER = 2**20 * 3**6 * 5**4 * 7**2  # positions of a column that says nothing: a multiple of any usual hop


@final
@dataclass(frozen=True)
class SeriesConfig:
    """Sizes of what reads a series.

    Attributes:
        filters: channels of the encoder and of the field.
        up: how often its rate is multiplied, and by what, such as 4,4; none: its frames are repeated as they are.
    """

    filters: int = 32
    up: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        bounded("series.filters", self.filters, 1, 2**12)
        bounded("series.up, how often", len(self.up), 0, 8)
        for factor in self.up:
            bounded("series.up", factor, 2, 64)


@final
class SeriesEncoder(nn.Module):
    """Frames, one for every `hop` positions -> a field, its rate multiplied by transposed convolutions if wanted.

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
    """

    def __init__(self, channels: int, hop: int, config: SeriesConfig) -> None:
        super().__init__()
        times = math.prod(config.up)
        divides("what series.up comes to", times, "the positions of a frame", hop)
        self.channels, self.hop, self.config = channels, hop // times, config
        f = config.filters
        widths = pairwise([channels, f, f])
        self.before = nn.ModuleList(nn.Conv1d(i, o, 3, padding=1) for i, o in widths)
        half = [(factor + 1) // 2 for factor in config.up]  # a kernel of two frames and as many columns as wanted
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(f, f, s + 2 * p, stride=s, padding=p) for s, p in zip(config.up, half, strict=True)
        )
        self.null = nn.Parameter(0.02 * torch.randn(f))

    def missing(self, batch: int) -> Float[Tensor, "B 1 D"]:
        """What stands for no series, of whatever length."""
        return self.null.new_full((batch, 1, self.channels), math.nan)

    def forward(self, value: Float[Tensor, "B N D"]) -> Context:
        """Frames (B, N, D), NaN where not said (a row as a whole) -> field (B, N · Π up, filters)."""
        value = value.to(self.null.dtype)
        unsaid = value.isnan().flatten(1).any(1)
        if bool(unsaid.all()):
            return Context(field=self.null.expand(len(value), 1, -1), hop=_FOR_EVER)
        y = value.nan_to_num(0.0).transpose(1, 2)
        for layer in self.before:
            y = F.elu(layer(y))
        for layer in self.up:
            y = F.elu(layer(y))
        return Context(field=torch.where(unsaid[:, None, None], self.null, y.transpose(1, 2)), hop=self.hop)
