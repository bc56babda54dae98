"""Multi-scale models: every second pixel of every second row first, then all the others, and so on.

The idea: what a picture shows is visible in few pixels. A small model draws those unconditionally; a large one, which
sees all of them through an upsampling network, fills in the pixels between. Scales can be chained.

The small picture's pixels are pixels of the large one and are counted once: the large model skips them, and log p of
the whole chain is exact, log p(small) + Σ log p(x_t | x_<t, small) over the other pixels. (If the small picture were an
average instead, the sum would only be a bound.) Positions are sub-pixels in drawing order, S = (H · W · C,).

Deviation from the paper: there the large model predicts the small picture's pixels again.

Reference: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, section 3.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.heads import Head
from seriatim.models.grid import FieldConfig, GridModel, GridStepper, SubpixelModel, scaled
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Stepper

Scale = Literal["pixelcnn", "row-lstm", "diagonal-bilstm", "gated-pixelcnn"]


@final
@dataclass(frozen=True)
class MultiscaleConfig(FieldConfig):
    """Sizes of a multi-scale model.

    Attributes:
        scales: number of scales, the whole picture included.
        factor: ratio between the sides of successive scales.
        smallest: family of the smallest scale.
        larger: family of the others.
        filters: `filters` of every scale.
        layers: `layers` of every scale (`blocks` of a PixelCNN).
        up: channels of the field computed from the scale below.

    Example:
        >>> MultiscaleConfig(height=32, width=32, scales=3, larger="pixelcnn").factor
        2
    """

    scales: int = 2
    factor: int = 2
    smallest: Scale = "gated-pixelcnn"
    larger: Scale = "gated-pixelcnn"
    filters: int = 48
    layers: int = 6
    up: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("scales", self.scales, 2, 8)
        bounded("factor", self.factor, 2, 16)
        bounded("filters", self.filters, self.channels, 2**14)
        bounded("layers", self.layers, 1, 1024)
        bounded("up", self.up, 1, 2**14)
        bounded("height × width × channels", self.height * self.width * self.channels, 1, 2**22)  # size of the order
        bounded("scales × layers", self.scales * self.layers, 1, 1024)
        if max(self.height, self.width) <= self.factor ** (self.scales - 2):
            raise UserError(
                f"{self.scales} scales, each {self.factor} times smaller, do not fit a picture of "
                f"{self.height} × {self.width}; choose fewer"
            )


@final
class Enlarge(nn.Module):
    """Upsamples a small picture to a field of the large one by three unmasked convolutions, the second transposed.

    Args:
        channels: colours of the small picture.
        outputs: channels of the field.
        factor: of enlargement.
    """

    def __init__(self, channels: int, outputs: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.before = nn.Conv2d(channels, outputs, 3, padding=1)
        self.up = nn.ConvTranspose2d(outputs, outputs, factor, stride=factor)
        self.after = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """(B, h, w, C) -> (B, height, width, outputs)."""
        y = F.elu(self.up(F.elu(self.before(x.permute(0, 3, 1, 2)))))
        return self.after(y[:, :, :height, :width]).permute(0, 2, 3, 1)

    def relation(self, height: int, width: int) -> Tensor:
        """(H · W, h · w) bool: which small pixels each pixel of the field sees."""

        def axis(length: int) -> Tensor:
            at = torch.arange(length)
            near = (at[:, None] - at).abs() <= 1  # the last convolution
            cells = torch.arange(-(-length // self.factor))
            under = (at[:, None] // self.factor - cells).abs() <= 1  # the transposed and the first one
            return (near.float() @ under.float()) > 0

        return torch.kron(axis(height).float(), axis(width).float()) > 0


@final
class Cascade(GridModel):
    """Two models of one picture: `small` for every `factor`-th pixel in both directions, `large` for the others.

    Args:
        config: of the whole.
        small: for pictures of ceil(H / factor) × ceil(W / factor); may itself be a `Cascade`.
        large: for whole pictures, with a field of `config.up + config.field` channels and a head like that of `small`.

    Raises:
        ValueError: if the heads differ, or `small` has another size.

    Example:
        >>> from seriatim.models import multiscale
        >>> model = multiscale(MultiscaleConfig(height=4, width=4, levels=8, filters=6, layers=1, up=4))
        >>> model.order.tolist()
        [0, 2, 8, 10, 1, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 15]
        >>> model.log_prob(torch.randint(8, (2, 16))).shape, model.sample(n=2, length=16).shape
        (torch.Size([2]), torch.Size([2, 16]))
    """

    def __init__(self, config: MultiscaleConfig, small: GridModel, large: SubpixelModel) -> None:
        super().__init__()
        self.config, self.small, self.large = config, small, large
        if type(small.head) is not type(large.head) or small.head.width != large.head.width:
            raise ValueError("small and large have different heads; expected equal ones")
        self.head: Head = large.head
        self.enlarge = Enlarge(config.channels, config.up, config.factor)
        height, width, colours = config.height, config.width, config.channels
        cells = torch.arange(height * width * colours, device="cpu").view(height, width, colours)
        below = cells[:: config.factor, :: config.factor]
        if (small.config.height, small.config.width) != below.shape[:2]:
            size = small.config.height, small.config.width
            raise ValueError(f"small is for pictures of {size}; expected {tuple(below.shape[:2])}")
        inner = _order(small)
        others = torch.ones(cells.numel(), dtype=torch.bool, device="cpu")
        others[below.flatten()] = False
        self.first, self.rest = below.flatten()[inner], cells.flatten()[others]
        self.visited = torch.cat([self.first, self.rest])
        self.raster = self.visited.argsort()

    @property
    def canvas(self) -> tuple[int]:
        """(height · width · channels,): sub-pixels in drawing order."""
        return (len(self.visited),)

    @property
    def order(self) -> Tensor:
        """The small picture's sub-pixels, then the others row by row."""
        return self.visited

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, N) levels in drawing order -> the head's parameters (B, N, ·)."""
        c = self.config
        below = x[:, : len(self.first)].reshape(-1, *self.small.canvas)
        lower = self.small(below, self.of_small(context))
        whole = x[:, self.raster.to(x.device)].view(-1, c.height, c.width, c.channels)
        upper = self.large(whole, self.of_large(context, whole))
        return torch.cat([lower.reshape(len(x), -1, self.head.width), self._others(upper)], 1)

    def _others(self, upper: Tensor) -> Tensor:
        """(B, H, W, C, ·) -> (B, N − n, ·)."""
        return upper.flatten(1, 3)[:, self.rest.to(upper.device)]

    def of_small(self, context: Context) -> Context:
        """The small picture's conditions."""
        if context.field is None:
            return context
        f = self.config.factor
        return replace(context, field=context.field[:, ::f, ::f])

    def of_large(self, context: Context, picture: Tensor) -> Context:
        """The large picture's conditions, with the small one read from its pixels in the picture (B, H, W, C)."""
        c = self.config
        below = scaled(picture[:, :: c.factor, :: c.factor], c.levels, self.enlarge.up.weight.dtype)
        field = self.enlarge(below, c.height, c.width)
        return replace(context, field=field if context.field is None else torch.cat([field, context.field], -1))

    def outputs(self) -> list[nn.Module]:
        """Those of both models."""
        return [*self.small.outputs(), *self.large.outputs()]

    def packed(self) -> Stepper:
        """Both models packed."""
        return _Packed(self)

    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """What each scale sees, including the scale below it through the upsampling network.

        Raises:
            ValueError: for any size but the model's own.
        """
        if tuple(shape) != self.canvas:
            raise ValueError(f"positions {tuple(shape)}; this multi-scale model has {self.canvas}")
        c, n = self.config, len(self.first)
        relation = self.large.relation((c.height, c.width, c.channels))[self.rest]
        result = torch.zeros(2 * self.canvas, dtype=torch.bool)
        result[:n, :n] = self.small.sees(self.small.canvas)
        result[n:] = relation[:, self.visited]
        field = relation[:, len(self.visited) :].float() @ self.enlarge.relation(c.height, c.width).float()
        result[n:, :n] |= (field > 0).repeat_interleave(c.channels, 1)[:, _order(self.small)]
        return result


def _order(model: GridModel) -> Tensor:
    """The sub-pixels of a model's pictures in visiting order."""
    c = model.config
    return torch.arange(c.height * c.width * c.channels, device="cpu") if model.order is None else model.order


class _Position(NamedTuple):
    """A batch of pictures in progress.

    Attributes:
        clock: sub-pixels drawn.
        picture: (B, N) the sub-pixels drawn so far, row by row.
        small: the small model's state.
        large: the large model's state; empty until the small picture is finished.
        context: the conditions.
    """

    clock: int
    picture: Tensor
    small: State
    large: State
    context: Fixed


@final
class _Packed(GridStepper):
    """The small model's steps, then the large one's, which is stepped past the known pixels."""

    def __init__(self, model: Cascade) -> None:
        self.head, self.model = model.head, model
        self.small, self.large = model.small.packed(), model.large.packed()
        self.visited = cast("list[int]", model.visited.tolist())

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """An empty picture; `length` is that of the whole."""
        picture = torch.zeros(batch, len(self.visited), dtype=torch.long, device=self.model.device)
        small = self.small.start(batch, self.model.of_small(context), length)
        return _Position(0, picture, small, (), context.fixed)

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> the head's parameters (B, ·)."""
        clock, n = state.clock, len(self.model.first)
        if clock:
            state.picture[:, self.visited[clock - 1]] = prev
        if clock < n:
            parameters, small = self.small.step(prev, state.small)
            return parameters, state._replace(clock=clock + 1, small=small)
        large, at = state.large, self.visited[clock - 1] if clock > n else -1
        if clock == n:
            large = self._begin(state)
        parameters = prev
        for place in range(at + 1, self.visited[clock] + 1):
            parameters, large = self.large.step(state.picture[:, max(place - 1, 0)], large)
        return parameters, state._replace(clock=clock + 1, small=(), large=large)

    def _begin(self, state: _Position) -> State:
        """The large model's initial state, now that the small picture is complete."""
        c = self.model.config
        picture = state.picture.view(-1, c.height, c.width, c.channels)
        return self.large.start(len(picture), self.model.of_large(Context.of(state.context), picture))
