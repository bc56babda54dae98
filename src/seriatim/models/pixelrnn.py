"""PixelRNN: what Row LSTM and Diagonal BiLSTM share.

Both read a picture's sub-pixels by a masked 7 × 7 convolution, then by residual LSTM layers, then by two 1 × 1 layers
before the softmax. What a layer's input map contributes to the gates is computed for all pixels at once; states are
passed from pixel to pixel, in a way that the family defines.

Deviations from the paper: states before the first row and column are zeros, not learned; the forget gate's bias starts
at 1; conditions enter as the paper's upsampled image does, a linear map of each added to every layer's gates; levels
enter as numbers in [−1, 1].

Reference: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, sections 3.1 to 3.6.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.stacks import Stack, Stacked, under
from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.heads import CategoricalHead, Head
from seriatim.models.grid import (
    FieldConfig,
    GridStepper,
    Place,
    SubpixelModel,
    check_kernel,
    given,
    kept,
    place,
    row_of,
    scaled,
)
from seriatim.raster.grid import Lane, Memory, RasterConv, groups, inputs, looks, sight, through
from seriatim.raster.look import Look
from seriatim.tree import Fixed, State


@dataclass(frozen=True)
class PixelRNNConfig(FieldConfig):
    """Sizes of a PixelRNN.

    Attributes:
        filters: h, channels of a layer's state; between layers there are 2h.
        layers: number of LSTM layers.
        first: kernel size of the first convolution, odd.
        head: channels of the two 1 × 1 layers before the softmax. Default: 2h.

    Example:
        >>> PixelRNNConfig(filters=32).outer
        64
    """

    filters: int = 32
    layers: int = 4
    first: int = 7
    head: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("filters", self.filters, self.channels, 2**14)
        bounded("layers", self.layers, 1, 1024)
        check_kernel("first", self.first)
        bounded("head", self.outer, self.channels, 2**14)

    @property
    def outer(self) -> int:
        """Channels of the two layers before the softmax."""
        return 2 * self.filters if self.head is None else self.head


@final
class Gates(nn.Module, Stacked):
    """Input to the gates o, f, i and the candidate g: the layer's map, conditions, and `taps` neighbouring states."""

    def __init__(self, config: PixelRNNConfig, kernel: int, taps: int) -> None:
        super().__init__()
        h, colours = config.filters, config.channels
        self.input = RasterConv(groups(2 * h, colours), groups(h, colours, 4), kernel, rows=False)
        nn.init.ones_(self.input.bias[h : 2 * h])  # forget gate open at first
        self.look = Look(4 * h, config.vector, config.field)
        bound = 1 / math.sqrt(taps * h)
        self.state = nn.Parameter(torch.empty(taps * h, 4 * h).uniform_(-bound, bound))

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, H, W, 2h) -> (B, H·W, 4h): everything except the states' contribution."""
        y, look = self.input(x), self.look(context)
        return (y if look is None else y + look).flatten(1, 2)

    def stacks(self) -> Mapping[str, Stack]:
        """Gate by gate."""
        h = self.state.shape[1] // 4
        state = Stack((len(self.state), 4, h), (1, 2, 0))
        return {**under("input", self.input.stacks(4)), **under("look", self.look.stacks(4)), "state": state}


class PixelRNN(SubpixelModel):
    """LSTM layers over the sub-pixels of pictures.

    Args:
        config: sizes.
        directions: number of directions in which a layer passes states.
        kernel: kernel size of the convolution along a row from a layer's map to its gates.
        taps: number of states that a state reads.
    """

    def __init__(self, config: PixelRNNConfig, directions: int, kernel: int, taps: int) -> None:
        super().__init__()
        self.config, c = config, config.channels
        narrow, wide, outer = (groups(n, c) for n in (config.filters, 2 * config.filters, config.outer))
        self.first = RasterConv(range(c), wide, config.first, own=False)
        self.gates = nn.ModuleList(
            nn.ModuleList(Gates(config, kernel, taps) for _ in range(directions)) for _ in range(config.layers)
        )
        self.expand = nn.ModuleList(RasterConv(narrow, wide) for _ in range(config.layers))
        logits = groups(c * config.levels, c)
        self.last = nn.ModuleList([RasterConv(wide, outer), RasterConv(outer, outer), RasterConv(outer, logits)])
        self.head = CategoricalHead(config.levels)

    @property
    @final
    def directions(self) -> list[list[Gates]]:
        """The gates, layer by layer and direction by direction."""
        return [list(cast("Iterable[Gates]", gates)) for gates in self.gates]

    @final
    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, H, W, C) levels -> logits (B, H, W, C, K), for pictures of any height and width."""
        h = self.first(self.scaled(x))
        for gates, expand in zip(self.directions, self.expand, strict=True):
            h = h + expand(self.states(gates, h, context))
        for layer in self.last:
            h = layer(h.relu())
        return h.unflatten(-1, (x.shape[-1], self.config.levels))

    def outputs(self) -> list[nn.Module]:
        """The last 1 × 1 convolution."""
        return [self.last[-1]]

    @final
    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """What the first kernel sees, and what states pass on from there."""
        height, width, colours = shape

        def of(conv: nn.Module) -> Tensor:
            return sight(cast(RasterConv, conv).touches(colours), height, width, colours)

        look = looks(height, width, colours, self.config.field)
        result = through(inputs(height, width, colours), of(self.first))
        for gates, expand in zip(self.directions, self.expand, strict=True):
            seen = through(result, of(gates[0].input)) | look  # all directions have the same mask
            seen = self.handed_on(seen.view(height, width, colours, -1)).flatten(0, 2)
            result = result | through(seen, of(expand))
        return through(result, *[of(layer) for layer in self.last])

    @abstractmethod
    def states(self, gates: Sequence[Gates], x: Tensor, context: Context) -> Tensor:
        """(B, H, W, 2h) -> (B, H, W, h): a layer's hidden states, from its map."""

    @abstractmethod
    def handed_on(self, seen: Tensor) -> Tensor:
        """(H, W, C, N) bool: what states see, given what the maps at their own pixels let them see."""


class Position(NamedTuple):
    """A batch of pictures in progress; L layers.

    Attributes:
        clock: sub-pixels drawn.
        memories: states of the convolutions: the first, two per layer, the last three.
        hidden: (B, L, W, h) hidden states of the current row; to the right of the current pixel, of the previous row.
        cells: (B, L, W, h) cell states; (B, L, 1, h) if they are passed along the row.
        more: state specific to the family.
        looks: what conditions add to the gates, by layer and direction.
    """

    clock: int
    memories: tuple[Memory, ...]
    hidden: Tensor
    cells: Tensor
    more: State
    looks: Fixed


class PixelRNNStepper(GridStepper):
    """One sub-pixel at a time: a few matrix products per layer."""

    def __init__(self, model: PixelRNN) -> None:
        self.head: Head = model.head
        self.config = model.config
        self.gates = model.directions
        layers = [c for gates, expand in zip(self.gates, model.expand, strict=True) for c in (gates[0].input, expand)]
        self.lanes = [Lane(cast(RasterConv, conv)) for conv in (model.first, *layers, *model.last)]
        self.maps, self.states = self.lanes[1].into, self.lanes[2].into  # start and end of each colour

    @abstractmethod
    def begin(self, state: Position, row: int) -> Position:
        """Begin a row: what the finished row above adds to the gates. The first row has none above it."""

    @abstractmethod
    def state(self, number: int, x: Tensor, state: Position, at: Place) -> Tensor:
        """A layer's map x (B, 2h_c) at a sub-pixel -> its hidden states (B, h_c)."""

    @abstractmethod
    def empty(self, batch: int) -> tuple[int, State]:
        """The number of cell states per row, and the family's own state, before the first row."""

    @final
    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """An empty picture, and what its conditions add to the gates."""
        c, new = self.config, self.lanes[0].bias.new_zeros
        adds = tuple(tuple(kept(g.look(context)) for g in gates) for gates in self.gates)
        memories = tuple(lane.start(batch, c.width) for lane in self.lanes)
        columns, more = self.empty(batch)
        hidden, cells = (new(batch, c.layers, n, c.filters) for n in (c.width, columns))
        return self.begin(Position(0, memories, hidden, cells, more, Fixed(adds)), 0)

    @final
    def enter(self, state: Position, row: int, adds: Tensor) -> tuple[Memory, ...]:
        """The convolutions' states at the start of a row, given what the row above adds to the gates (L, B, W, 4h)."""
        memories = list(state.memories)
        if row:
            memories[0] = self.lanes[0].above(memories[0])
        for number, add in enumerate(adds):
            look = row_of(given(state.looks.nest[number][0]), row)
            at = 1 + 2 * number
            memories[at] = self.lanes[at].above(memories[at], add if look is None else add + look)
        return tuple(memories)

    @final
    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        width, colours = self.config.width, self.config.channels
        at = place(state.clock, width, colours)
        if state.clock:
            last = place(state.clock - 1, width, colours)
            value = scaled(prev, self.config.levels, self.lanes[0].bias.dtype)[:, None]
            self.lanes[0].put(value, state.memories[0], last.column, last.colour)
        if at.begins:
            state = self.begin(state, at.row)
        memories = state.memories
        h = self.lanes[0].read(memories[0], at.column, at.colour)
        for number in range(self.config.layers):
            y = self.state(number, h, state, at)
            h = h + self.lanes[2 + 2 * number].along(y, memories[2 + 2 * number], at.column, at.colour)
        for lane, memory in zip(self.lanes[-3:], memories[-3:], strict=True):
            h = lane.along(h.relu(), memory, at.column, at.colour)
        return h, state._replace(clock=state.clock + 1)
