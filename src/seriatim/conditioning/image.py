"""Pictures as conditions: as a code of a few numbers, which makes an auto-encoder, or as a map over positions.

Both become a field, a condition for each pixel. A code is expanded by transposed convolutions (the spatial map s = m(h)
of van den Oord et al., 2016, Conditional image generation with PixelCNN decoders, section 2.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from seriatim.config import bounded
from seriatim.context import Context

_SMALLEST = 8  # pixels per side at which halving stops
_PACE = 8.0  # a code has thousands of inputs: unscaled, one step of Adam would move it from end to end
_SPREAD = 0.5  # initial standard deviation of codes


@final
@dataclass(frozen=True)
class CodeConfig:
    """Sizes of a code.

    Attributes:
        width: numbers in a code.
        levels: values that each number can take between −1 and 1; a prior over codes counts them.
        filters: channels of the encoder and of the field.

    Example:
        >>> config = CodeConfig(width=10, levels=16)
        >>> config.width * math.log2(config.levels)  # bits of a code
        40.0
    """

    width: int = 10
    levels: int = 16
    filters: int = 32

    def __post_init__(self) -> None:
        bounded("code.width", self.width, 1, 2**12)
        bounded("code.levels", self.levels, 2, 2**12)
        bounded("code.filters", self.filters, 1, 2**12)


@final
@dataclass(frozen=True)
class MapConfig:
    """Sizes of a map.

    Attributes:
        filters: channels of the encoder and of the field.

    Example:
        >>> MapConfig(filters=16)
        MapConfig(filters=16)
    """

    filters: int = 32

    def __post_init__(self) -> None:
        bounded("map.filters", self.filters, 1, 2**12)


def _halved(height: int, width: int) -> tuple[int, int, int]:
    """How often a picture is halved, and its size afterwards."""
    times = 0
    while max(height, width) > _SMALLEST:
        height, width, times = -(-height // 2), -(-width // 2), times + 1
    return times, height, width


@final
class Spread(nn.Module):
    """Expands a code to a field: a linear map to a small picture, doubled by transposed convolutions to full size."""

    def __init__(self, width: int, filters: int, size: tuple[int, int]) -> None:
        super().__init__()
        times, self.height, self.width = _halved(*size)
        self.size, self.filters = size, filters
        self.first = nn.Linear(width, filters * self.height * self.width)
        self.up = nn.ModuleList(nn.ConvTranspose2d(filters, filters, 4, stride=2, padding=1) for _ in range(times))
        self.last = nn.Conv2d(filters, filters, 3, padding=1)

    def forward(self, code: Float[Tensor, "B D"]) -> Float[Tensor, "B H W F"]:
        """(B, width) -> (B, H, W, filters)."""
        y = F.elu(self.first(code)).view(-1, self.filters, self.height, self.width)
        for layer in self.up:
            y = F.elu(layer(y))
        return self.last(y[:, :, : self.size[0], : self.size[1]]).permute(0, 2, 3, 1)


class _Clip(torch.autograd.Function):
    """Clip to −1 … 1; at an end, only gradients that would push further out are stopped.

    tanh passes no gradient at its ends, and an encoder driven there would never come back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        outwards = ((x >= 1) & (grad < 0)) | ((x <= -1) & (grad > 0))
        return grad.masked_fill(outwards, 0)


@final
class CodeEncoder(nn.Module):
    """Encodes the picture itself into a code and the code into a field: with a model of the picture, an auto-encoder.

    The condition then depends on x, so log p(x | code(x)) is not a likelihood of x.

    Deviation from the paper: the numbers of a code are rounded to levels, with straight-through gradients.

    Args:
        shape: (height, width, channels) of pictures.
        levels: values of a colour.
        config: sizes of the code.

    Example:
        >>> encoder = CodeEncoder(shape=(8, 8, 1), levels=4, config=CodeConfig(width=3, levels=5, filters=6))
        >>> code = encoder.encode(torch.randint(4, (2, 8, 8, 1)))
        >>> encoder(code).field.shape
        torch.Size([2, 8, 8, 6])
        >>> torch.allclose(encoder.values(encoder.symbols(code)), code, atol=1e-6)
        True
    """

    def __init__(self, shape: tuple[int, int, int], levels: int, config: CodeConfig) -> None:
        super().__init__()
        self.config, self.levels, self.shape = config, levels, shape
        times, height, width = _halved(*shape[:2])
        inputs, stride = [shape[2], *[config.filters] * max(times, 1)], 2 if times else 1
        self.down = nn.ModuleList(nn.Conv2d(i, config.filters, 3, stride, padding=1) for i in inputs[:-1])
        count = inputs[-1] * height * width
        self.norm, self.narrow = nn.LayerNorm(count), nn.Linear(count, config.width)
        self.scale = min(1.0, _PACE / count)
        nn.init.normal_(self.narrow.weight, std=_SPREAD / (self.scale * math.sqrt(count)))
        nn.init.zeros_(self.narrow.bias)
        self.null = nn.Parameter(torch.zeros(config.width))
        self.spread = Spread(config.width, config.filters, shape[:2])

    def missing(self, batch: int) -> Float[Tensor, "B D"]:
        """The value that stands for a missing code."""
        return self.null.new_full((batch, self.config.width), math.nan)

    def encode(self, x: Int[Tensor, "B H W C"]) -> Float[Tensor, "B D"]:
        """Levels (B, H, W, C) -> codes (B, width) between −1 and 1."""
        y = x.to(self.null.dtype).permute(0, 3, 1, 2) * (2 / (self.levels - 1)) - 1
        for layer in self.down:
            y = F.elu(layer(y))
        wide = self.narrow(self.norm(y.flatten(1))).to(self.null.dtype)  # half precision cannot represent the levels
        code = cast(Tensor, _Clip.apply(wide * self.scale))
        steps = (self.config.levels - 1) / 2
        return code + (((code + 1) * steps).round() / steps - 1 - code).detach()

    def symbols(self, code: Float[Tensor, "B D"]) -> Int[Tensor, "B D"]:
        """Codes -> the level of each number."""
        return ((code + 1) * (self.config.levels - 1) / 2).round().long().clamp(0, self.config.levels - 1)

    def values(self, symbols: Int[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """The inverse of `symbols`."""
        return symbols.to(self.null.dtype) * (2 / (self.config.levels - 1)) - 1

    def forward(self, value: Tensor) -> Context:
        """Pictures (B, H, W, C) or codes (B, width) -> field (B, H, W, filters). −1 or NaN marks a missing one."""
        if value.is_floating_point():
            missing, code = value.isnan().any(1), value.to(self.null.dtype).nan_to_num(0.0)
        else:
            missing, code = value.flatten(1)[:, 0] < 0, self.encode(value.clamp_min(0))
        return Context(field=self.spread(torch.where(missing[:, None], self.null, code)))


@final
class MapEncoder(nn.Module):
    """Encodes another picture of the same scene into a field, such as a sketch, a grey picture or a smaller one.

    Args:
        shape: (height, width, channels) of the condition; its rows and columns are repeated up to `size`.
        levels: values of a colour.
        size: (height, width) of the model's pictures.
        config: sizes of the network.

    Example:
        >>> encoder = MapEncoder(shape=(4, 4, 1), levels=2, size=(8, 8), config=MapConfig(filters=6))
        >>> encoder(torch.randint(2, (2, 4, 4, 1))).field.shape
        torch.Size([2, 8, 8, 6])
    """

    def __init__(self, shape: tuple[int, int, int], levels: int, size: tuple[int, int], config: MapConfig) -> None:
        super().__init__()
        self.config, self.levels, self.shape, self.size = config, levels, shape, size
        f = config.filters
        self.before = nn.Conv2d(shape[2], f, 3, padding=1)
        self.after = nn.ModuleList(nn.Conv2d(f, f, 3, padding=1) for _ in range(2))
        self.null = nn.Parameter(torch.zeros(f))

    def missing(self, batch: int) -> Int[Tensor, "B H W C"]:
        """The value that stands for a missing picture."""
        return torch.full((batch, *self.shape), -1, device=self.null.device)

    def forward(self, value: Int[Tensor, "B H W C"]) -> Context:
        """Levels (B, H, W, C) -> field (B, H', W', filters). −1 marks a missing picture."""
        missing = value[:, 0, 0, 0] < 0
        x = value.to(self.null.dtype).permute(0, 3, 1, 2) * (2 / (self.levels - 1)) - 1
        y = F.interpolate(F.elu(self.before(x)), self.size, mode="nearest")
        for layer in self.after:
            y = F.elu(layer(y))
        return Context(field=torch.where(missing[:, None, None, None], self.null, y.permute(0, 2, 3, 1)))
