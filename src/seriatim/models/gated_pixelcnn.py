"""Gated PixelCNN: two stacks without a blind spot, gates, and conditions in every gate.

The idea: one stack of convolutions reads all rows above, the other the pixels to the left in its own row and the first
stack's output. Every earlier pixel is seen, and with its gates, tanh · σ, the model matches PixelRNN. A condition (a
label, a vector, another network's embedding, a map) enters every gate.

Deviations from the paper: colours are masked by groups of channels as in PixelCNN, which the paper mentions without
details; the condition has separate weights in the two stacks; a discretised mixture may replace the softmax.

Reference: van den Oord et al. (2016), Conditional image generation with PixelCNN decoders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.stacks import Stack, Stacked, under
from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.heads import CategoricalHead, Head, MixtureHead
from seriatim.models.grid import (
    FieldConfig,
    SubpixelModel,
    check_kernel,
    given,
    kept,
    row_of,
)
from seriatim.models.pixel_steps import Chain, CompiledRows, Line, RowStepper, convolve
from seriatim.raster.grid import Lane, Memory, RasterConv, Touch, groups, inputs, looks, sight, through
from seriatim.raster.look import Look
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Stepper

_LARGE = 4096  # sub-pixels above which the usual model is a smaller one
_MANY = 64  # levels from which a mixture pays


@final
@dataclass(frozen=True)
class GatedPixelCNNConfig(FieldConfig):
    """Sizes of a Gated PixelCNN.

    Attributes:
        filters: p, channels of both stacks.
        layers: number of gated layers.
        kernel: kernel size of the layers after the first, odd.
        first: kernel size of the first layer, odd.
        head: channels of the 1 × 1 layer before the softmax. Default: `filters`.
        mixtures: components of a discretised mixture for each sub-pixel; 0 for a softmax.
        kind: "logistic" or "normal" components.

    Example:
        >>> GatedPixelCNNConfig(filters=64).outer
        64
    """

    filters: int = 64
    layers: int = 8
    kernel: int = 3
    first: int = 7
    head: int | None = None
    mixtures: int = 0
    kind: Literal["logistic", "normal"] = "logistic"

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("filters", self.filters, self.channels, 2**14)
        bounded("layers", self.layers, 1, 1024)
        check_kernel("kernel", self.kernel)
        check_kernel("first", self.first)
        bounded("head", self.outer, self.channels, 2**14)
        bounded("mixtures", self.mixtures, 0, 256)

    @property
    def outer(self) -> int:
        """Channels of the layer before the softmax."""
        return self.filters if self.head is None else self.head

    @staticmethod
    def suited(follows: Mapping[str, float], small: bool) -> dict[str, int]:
        """Sizes for pictures of this height, width and number of colours: fewer for large ones.

        Large pictures and small sets get a mixture: it knows that levels are neighbours, and a softmax has to learn it.
        """
        large = follows["height"] * follows["width"] * follows["channels"] > _LARGE
        mixture = {"mixtures": 10} if follows["levels"] >= _MANY and (large or small) else {}
        return {"filters": 32, "layers": 6, **mixture} if large else mixture


def _gate(x: Tensor) -> Tensor:
    """tanh of the first half times σ of the second."""
    a, b = x.chunk(2, -1)
    return a.tanh() * b.sigmoid()


@final
class _Layer(nn.Module, Stacked):
    """One layer of both stacks."""

    recomputable = True

    def __init__(self, config: GatedPixelCNNConfig, number: int) -> None:
        super().__init__()
        first = number == 0
        p, colours = config.filters, config.channels
        kernel = config.first if first else config.kernel
        self.side = kernel // 2
        inputs = colours if first else p
        self.rows = nn.Conv2d(inputs, 2 * p, (self.side + 1, kernel))
        last = number == config.layers - 1  # its vertical stack ends at the link
        self.rows_look = None if last else Look(2 * p, config.vector, config.field)
        self.link = nn.Linear(2 * p, 2 * p)
        self.along = RasterConv(groups(inputs, colours), groups(p, colours, 2), kernel, own=not first, rows=False)
        self.look = Look(2 * p, config.vector, config.field)
        self.out = RasterConv(groups(p, colours), groups(p, colours))
        self.first = first

    def above(self, v: Tensor) -> Tensor:
        """v (B, side + H, W, I), `side` past rows first -> (B, H, W, 2p): each row's output, from rows up to it."""
        padded = F.pad(v, (0, 0, self.side, self.side)).permute(0, 3, 1, 2)
        return self.rows(padded).permute(0, 2, 3, 1)

    def forward(self, v: Tensor, h: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        above = self.above(F.pad(v, (0, 0, 0, 0, self.side, 0)))
        shifted = F.pad(above[:, :-1], (0, 0, 0, 0, 1, 0))  # a row must not see itself
        beside = _plus(self.along(h) + self.link(shifted), self.look(context))
        y = self.out(_gate(beside))
        return self.further(above, context), y if self.first else h + y

    def further(self, above: Tensor, context: Context) -> Tensor:
        """What the vertical stack passes to the next layer; the last layer passes nothing new."""
        return above if self.rows_look is None else _gate(_plus(above, self.rows_look(context)))

    def stacks(self) -> Mapping[str, Stack]:
        """The two halves of all that enters a gate."""
        looks = {} if self.rows_look is None else under("rows_look", self.rows_look.stacks(2))
        looks |= {**under("look", self.look.stacks(2)), **under("along", self.along.stacks(2))}
        return {**looks, "rows.weight": Stack.of(self.rows.weight, 2), "link.weight": Stack.of(self.link.weight, 2)}


def _plus(x: Tensor, look: Tensor | None) -> Tensor:
    return x if look is None else x + look


@final
class GatedPixelCNN(SubpixelModel):
    """A vertical and a horizontal stack of gated convolutions over the sub-pixels of pictures.

    Example:
        >>> model = GatedPixelCNN(GatedPixelCNNConfig(height=4, width=4, levels=8, filters=6, layers=2))
        >>> model.log_prob(torch.randint(8, (2, 4, 4, 1))).shape
        torch.Size([2])
        >>> model.sample(n=2, length=4 * 4).view(2, *model.canvas).shape
        torch.Size([2, 4, 4, 1])
    """

    kernels = "pixels"

    def __init__(self, config: GatedPixelCNNConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(_Layer(config, i) for i in range(config.layers))
        inner, outer = groups(config.filters, config.channels), groups(config.outer, config.channels)
        self.head: Head = CategoricalHead(config.levels)
        if config.mixtures:
            self.head = MixtureHead(config.levels, mixtures=config.mixtures, kind=config.kind)
        parameters = groups(config.channels * self.head.width, config.channels)
        self.last = nn.ModuleList([RasterConv(inner, outer), RasterConv(outer, parameters)])

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, H, W, C) levels -> the head's parameters (B, H, W, C, ·), for pictures of any height and width."""
        v = h = self.scaled(x)
        for layer in self.layers:
            v, h = layer(v, h, context)
        for layer in self.last:
            h = layer(h.relu())
        return h.unflatten(-1, (x.shape[-1], self.head.width))

    def outputs(self) -> list[nn.Module]:
        """The last 1 × 1 convolution."""
        return [self.last[-1]]

    def packed(self) -> Stepper:
        """The vertical stack once per row, the horizontal one by a matrix product per layer and sub-pixel."""
        return _Packed(self)

    def native(self) -> Stepper:
        """The vertical stack once per row, the sub-pixels of a row in one compiled call."""
        return _Native(self)

    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """Everything earlier in the kernels' reach, with no blind spot; of the field all but what is below or right."""
        height, width, colours = shape
        every = torch.ones(colours, colours, dtype=torch.bool)

        def of(touches: Sequence[Touch]) -> Tensor:
            return sight(touches, height, width, colours)

        down, look = of([(1, 0, every)]), looks(height, width, colours, self.config.field)
        v = h = inputs(height, width, colours)
        for layer in cast("list[_Layer]", self.layers):
            n = layer.side
            above = through(v, of([(up, left, every) for up in range(n + 1) for left in range(-n, n + 1)]))
            beside = through(h, of(layer.along.touches(colours))) | through(above, down) | look
            y = through(beside, of(layer.out.touches(colours)))
            v, h = above | look, y if layer.first else h | y
        return through(h, *[of(cast(RasterConv, layer).touches(colours)) for layer in self.last])


class _Position(NamedTuple):
    """A batch of pictures in progress.

    Attributes:
        clock: sub-pixels drawn.
        row: (B, W, C) the current row.
        past: for each layer (B, side, W, I), the rows that the vertical stack still reads.
        memories: states of the horizontal convolutions.
        looks: what conditions add to the vertical and to the horizontal stack, layer by layer.
    """

    clock: int
    row: Tensor
    past: tuple[Tensor, ...]
    memories: tuple[Memory, ...]
    looks: Fixed


class _Packed(RowStepper):
    """Rows by convolution, sub-pixels by matrix products."""

    def __init__(self, model: GatedPixelCNN) -> None:
        self.head: Head = model.head
        self.config = model.config
        self.layers = cast("list[_Layer]", list(model.layers))
        self.lanes = [Lane(conv) for layer in self.layers for conv in (layer.along, layer.out)]
        self.last = [Lane(cast(RasterConv, conv)) for conv in model.last]
        self.dtype = self.layers[0].rows.weight.dtype

    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """An empty picture, and what its conditions add to each layer."""
        width, new = self.config.width, self.layers[0].rows.weight.new_zeros
        looks = tuple(
            (kept(None if layer.rows_look is None else layer.rows_look(context)), kept(layer.look(context)))
            for layer in self.layers
        )
        past = tuple(new(batch, layer.side, width, layer.rows.in_channels) for layer in self.layers)
        memories: list[Memory] = []
        for number, layer in enumerate(self.layers):
            nothing = layer.link(new(batch, width, 2 * self.config.filters))
            beside = _plus(nothing, row_of(given(looks[number][1]), 0))
            memories.append(self.lanes[2 * number].start(batch, width, beside))
            memories.append(self.lanes[2 * number + 1].start(batch, width))
        memories += [lane.start(batch, width) for lane in self.last]
        return _Position(0, new(batch, width, self.config.channels), past, tuple(memories), Fixed(looks))

    def next_row(self, state: _Position, row: int) -> _Position:
        """Send the finished row through the vertical stack; its outputs apply to the next row."""
        v, past, memories = state.row, list(state.past), list(state.memories)
        for number, layer in enumerate(self.layers):
            rows_look, look = map(given, state.looks.nest[number])
            seen = torch.cat([past[number], v[:, None]], 1)
            past[number] = seen[:, 1:]
            above = layer.above(seen)[:, 0]
            beside = _plus(layer.link(above), row_of(look, row))
            memories[2 * number] = self.lanes[2 * number].above(memories[2 * number], beside)
            v = _gate(_plus(above, row_of(rows_look, row - 1)))
        return _Position(state.clock, state.row, tuple(past), tuple(memories), state.looks)

    def keep(self, state: _Position, start: int, values: Tensor) -> None:
        """The vertical stack reads them when the row is finished."""
        state.row.flatten(1)[:, start : start + values.shape[1]] = values

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> the head's parameters (B, ·)."""
        at, state = self.enter(prev, state)
        memories = state.memories
        h = None
        for number in range(len(self.layers)):
            along, out = self.lanes[2 * number : 2 * number + 2]
            if h is None:
                beside = along.read(memories[0], at.column, at.colour)
            else:
                beside = along.along(h, memories[2 * number], at.column, at.colour)
            y = out.along(_gate(beside), memories[2 * number + 1], at.column, at.colour)
            h = y if h is None else h + y
        assert h is not None
        for lane, memory in zip(self.last, memories[-2:], strict=True):
            h = lane.along(h.relu(), memory, at.column, at.colour)
        return h, state._replace(clock=state.clock + 1)


@final
class _Native(CompiledRows, _Packed):
    """Rows by convolution, the sub-pixels of a row with their draws in one compiled call."""

    def __init__(self, model: GatedPixelCNN) -> None:
        super().__init__(model)
        program: list[Line] = [("READ", 0, 0, 1), ("GATE", 0, 1, 2), *convolve(1, 2, 0)]
        for lane in range(2, len(self.lanes), 2):
            program += [*convolve(lane, 0, 1), ("GATE", 0, 1, 2), *convolve(lane + 1, 2, 1), ("ADD", 0, 1, 0)]
        for lane in range(len(self.lanes), len(self.lanes) + 2):
            program += [("RELU", 0, 0, 1), *convolve(lane, 1, 0)]
        c = self.config
        self.chain = Chain([*self.lanes, *self.last], program, self.head, c.levels, c.width)
