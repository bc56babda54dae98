"""PixelSNAIL: convolutions for nearby pixels, attention for distant ones.

The idea: a position is a pixel, as in PixelCNN++. Gated residual blocks of 2 × 2 convolutions look at the
neighbourhood; between them every pixel attends to all earlier ones, so that nothing has to be carried through many
layers. Keys and values are computed from the picture, the map and the pixel's place, queries from the map and the
place.

A key contains its own pixel, so attention is strict: a pixel attends to earlier ones only; the first one gets zeros.

Deviations from the paper: the head's mass is exact at every level, as in our PixelCNN++; conditions enter every gate;
attention may have several heads.

Reference: Chen, Mishra, Rohaninejad, Abbeel (2018), PixelSNAIL: an improved autoregressive generative model.

Shapes: B batch, H rows, W columns, N = H · W pixels, C colours, F filters, D channels per head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.config import bounded, divides
from seriatim.context import EMPTY, Context
from seriatim.heads import Head, MixtureHead
from seriatim.models.grid import FieldConfig, GridStepper, PixelModel, kept, row_of, scaled
from seriatim.models.grid import given as looked
from seriatim.raster.shifted import Block, Reach, Shifted, Signed, both, first_map
from seriatim.raster.shifted_lanes import CornerBlockLane, CornerMemory, FirstLane, PixelBlockLane, matrix
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class PixelSNAILConfig(FieldConfig):
    """Sizes of a PixelSNAIL.

    Attributes:
        filters: channels of the map (paper: 256).
        blocks: number of stages, each of convolutions and attention (paper: 12).
        resnets: gated residual blocks before each attention (paper: 4).
        heads: attention heads (paper: 1).
        keys: channels of a key, per head.
        values: channels of a value, in all heads together (paper: 128).
        mixtures: components of the head.
        kind: "logistic" or "normal" components.
        dropout: dropout rate in every block.

    Example:
        >>> PixelSNAILConfig(filters=256, blocks=12, resnets=4, values=128).keys  # the paper's sizes
        16
    """

    height: int = 32
    width: int = 32
    channels: int = 3
    filters: int = 32
    blocks: int = 2
    resnets: int = 2
    heads: int = 1
    keys: int = 16
    values: int = 32
    mixtures: int = 10
    kind: Literal["logistic", "normal"] = "logistic"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("height × width", self.height * self.width, 1, 2**16)  # each pixel attends to all before it
        bounded("filters", self.filters, 1, 2**14)
        bounded("blocks", self.blocks, 1, 256)
        bounded("resnets", self.resnets, 1, 256)
        bounded("blocks × resnets", self.blocks * self.resnets, 1, 1024)
        bounded("keys", self.keys, 1, 1024)
        bounded("values", self.values, 1, 2**14)
        divides("heads", self.heads, "values", self.values)
        bounded("mixtures", self.mixtures, 1, 256)
        bounded("dropout", self.dropout, 0, 0.99)


def _attended(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Strictly causal attention: the query q (B, N, ·) of a pixel reads earlier pixels; the first pixel gets zeros."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    own, channels = k.shape[-1], v.shape[-1]
    wide = max(own, channels)  # the fused kernel needs equal widths: three times as fast, and no N × N matrix
    q, k, v = (F.pad(x, (0, wide - x.shape[-1])) for x in (q[:, :, 1:], k[:, :, :-1], v[:, :, :-1]))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=own**-0.5)[..., :channels]
    return F.pad(y, (0, 0, 1, 0)).transpose(1, 2).flatten(2)


@final
class _Stage(nn.Module):
    """Residual blocks, then attention, which enters the map as the shortcut of one more block."""

    def __init__(self, config: PixelSNAILConfig) -> None:
        super().__init__()
        f, n = config.filters, config.channels

        def block(channels: int, reach: Reach, shortcut: int = 0) -> Block:
            return Block(channels, reach, shortcut, config.dropout, config.vector, config.field)

        self.near = nn.ModuleList(block(f, "corner") for _ in range(config.resnets))
        self.heads, self.keys = config.heads, config.heads * config.keys
        self.content = block(n + f + 2, "pixel")
        self.content_out = Shifted(n + f + 2, self.keys + config.values)
        self.query = block(f + 2, "pixel")
        self.query_out = Shifted(f + 2, self.keys)
        self.join = block(f, "pixel", config.values)

    def forward(self, m: Signed, x: Tensor, background: Tensor, context: Context) -> Signed:
        """The map m (B, H, W, F), the picture x (B, H, W, C) and the pixels' places (B, H, W, 2) -> the new map."""
        for block in self.near:
            m = block(m, context)
        content, query = torch.cat([x, m.plain, background], -1), torch.cat([m.plain, background], -1)
        content = self.content_out(self.content(Signed.of(content), context).plain)
        query = self.query_out(self.query(Signed.of(query), context).plain)
        k, v = content.flatten(1, 2).tensor_split([self.keys], -1)
        y = _attended(query.flatten(1, 2), k, v, self.heads)
        return self.join(m, context, [Signed.of(y.unflatten(1, m.plain.shape[1:3]))])

    def around(self) -> list[Block]:
        """The blocks that read only the pixel itself."""
        return [self.content, self.query, self.join]


@final
class PixelSNAIL(PixelModel):
    """Gated residual blocks and strictly causal attention over pixels, with a mixture of logistics per pixel.

    Example:
        >>> config = PixelSNAILConfig(height=4, width=4, filters=6, blocks=1, resnets=1, keys=4, values=4, mixtures=2)
        >>> model, x = PixelSNAIL(config), torch.randint(256, (2, 4, 4, 3))
        >>> model.initialise(x)
        >>> model.log_prob(x).shape
        torch.Size([2])
        >>> model.sample(n=2, length=4 * 4).view(2, *model.canvas, 3).shape
        torch.Size([2, 4, 4, 3])
    """

    def __init__(self, config: PixelSNAILConfig) -> None:
        super().__init__()
        self.config, f, n = config, config.filters, config.channels
        self.head = MixtureHead(config.levels, n, config.mixtures, config.kind)
        self.above, self.left = Shifted(n + 1, f, 1, 3), Shifted(n + 1, f, 2, 1)
        self.stages = nn.ModuleList(_Stage(config) for _ in range(config.blocks))
        self.out = Shifted(f, self.head.width)

    def background(self, height: int, width: int) -> Tensor:
        """(H, W, 2): each pixel's row and column, as fractions of the config's canvas, starting at −½."""
        like, size = self.out.bias, (height, width)
        row, column = (torch.arange(n, device=like.device, dtype=like.dtype) for n in size)
        row, column = row / self.config.height - 0.5, column / self.config.width - 0.5
        return torch.stack([row[:, None].expand(size), column.expand(size)], -1)

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, H, W, C) levels, or (B, H, W) if C = 1 -> parameters (B, H, W, width), for any height and width."""
        x = self.values(x)
        background = self.background(*x.shape[1:3]).expand(len(x), -1, -1, -1)
        x_1 = F.pad(x, (0, 1), value=1.0)  # a channel of ones marks the inside of the picture
        m = Signed.of(first_map(self.above, self.left, x_1))
        for stage in self.stages:
            m = stage(m, x, background, context)
        return self.out(F.elu(m.plain))

    def outputs(self) -> list[nn.Module]:
        """The last 1 × 1 convolution."""
        return [self.out]

    def packed(self) -> Stepper:
        """Convolutions of the rows above once per row, the rest by matrix products; keys and values are cached."""
        return _Packed(self)

    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """Everything earlier, through the first attention; of the field also the pixel itself."""
        n = shape[0] * shape[1]
        every = torch.ones(n, n, dtype=torch.bool)
        return torch.cat([every.tril(-1), every.tril() & (self.config.field > 0)], 1)


class _Memory(NamedTuple):
    """State of a stage.

    Attributes:
        corners: states of the convolutions of its residual blocks.
        keys: (B, heads, N, D) of the pixels attended to; the first `clock` are filled.
        values: (B, heads, N, D).
        plain: (B, F) the map that attention read at the previous pixel, whose colours come with the next step.
        both: (B, 2F) its `both`.
    """

    corners: tuple[CornerMemory, ...]
    keys: Tensor
    values: Tensor
    plain: Tensor
    both: Tensor


class _Position(NamedTuple):
    """A batch of pictures in progress.

    Attributes:
        clock: pixels drawn.
        row: (B, W, C + 1) the current row of the picture.
        first: (B, W, F) what the row above adds to the first map.
        stages: the stages' states.
        looks: what conditions add to each block, stage by stage.
    """

    clock: int
    row: Tensor
    first: Tensor
    stages: tuple[_Memory, ...]
    looks: Fixed


@final
class _StageLane:
    """A stage prepared for stepping."""

    def __init__(self, stage: _Stage, background: Tensor, config: PixelSNAILConfig) -> None:
        f, n = config.filters, config.channels
        self.stage, self.config, self.background = stage, config, background
        self.near = [CornerBlockLane(cast(Block, block)) for block in stage.near]
        self.content = PixelBlockLane(stage.content, [n, f], background)
        self.content_out, self.content_bias = matrix(stage.content_out)
        self.query = PixelBlockLane(stage.query, [f], background)
        self.query_out, self.query_bias = (x * config.keys**-0.5 for x in matrix(stage.query_out))
        self.join = PixelBlockLane(stage.join, [f])

    def start(self, batch: int) -> _Memory:
        """Before the first pixel."""
        c, new = self.config, self.content_bias.new_zeros
        corners = [memory for lane in self.near for memory in lane.start(batch, c.width)]
        shape = batch, c.heads, c.height * c.width
        keys, values = new(*shape, c.keys), new(*shape, c.values // c.heads)
        return _Memory(tuple(corners), keys, values, new(batch, c.filters), new(batch, 2 * c.filters))

    def above(self, memory: _Memory, looks: State, row: int) -> _Memory:
        """Begin a row."""
        corners: list[CornerMemory] = []
        for number, lane in enumerate(self.near):
            corners += lane.above(memory.corners[2 * number : 2 * number + 2], row_of(looked(looks[number]), row))
        return memory._replace(corners=tuple(corners))

    def note(self, value: Tensor, signed: Tensor, memory: _Memory, look: Tensor | None, at: int) -> None:
        """Store key and value of pixel `at`, whose colours `value` (B, C) are now known; `signed`: their `both`."""
        place = self.background[at].expand(len(value), 2)
        x = torch.cat([value, memory.plain, place], 1)
        x = self.content.along(x, torch.cat([signed, memory.both], 1), look, at)
        content = torch.addmm(self.content_bias, x, self.content_out)
        heads, keys = self.config.heads, self.stage.keys
        memory.keys[:, :, at] = content[:, :keys].unflatten(1, (heads, -1))
        memory.values[:, :, at] = content[:, keys:].unflatten(1, (heads, -1))

    def attend(self, x: Signed, memory: _Memory, look: Tensor | None, at: int) -> Tensor:
        """(B, values): what pixel `at` reads from those before it."""
        if at == 0:
            return x.plain.new_zeros(len(x.plain), self.config.values)
        place = self.background[at].expand(len(x.plain), 2)
        q = self.query.along(torch.cat([x.plain, place], 1), x.both, look, at)
        q = torch.addmm(self.query_bias, q, self.query_out).view(-1, 1, self.config.keys)
        keys, values = (held.flatten(0, 1).narrow(1, 0, at) for held in (memory.keys, memory.values))
        return torch.bmm(torch.bmm(q, keys.transpose(1, 2)).softmax(-1), values).view(len(x.plain), -1)


@final
class _Packed(GridStepper):
    """Pixel by pixel."""

    def __init__(self, model: PixelSNAIL) -> None:
        self.head: Head = model.head
        self.config = model.config
        background = model.background(*model.canvas).flatten(0, 1)
        self.stages = [_StageLane(cast(_Stage, stage), background, model.config) for stage in model.stages]
        self.first = FirstLane(model.above, model.left)
        self.out, self.bias = matrix(model.out)

    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """An empty picture, and what its conditions add to each block."""
        c, new = self.config, self.bias.new_zeros
        looks = tuple(
            tuple(kept(cast(Block, block).look(context)) for block in [*lane.stage.near, *lane.stage.around()])
            for lane in self.stages
        )
        row, first = new(batch, c.width, c.channels + 1), new(batch, c.width, c.filters)
        stages = tuple(lane.start(batch) for lane in self.stages)
        return self._begin(_Position(0, row, first, stages, Fixed(looks)), 0)

    def _begin(self, state: _Position, row: int) -> _Position:
        """Begin a row: everything that depends on finished ones."""
        held = zip(self.stages, state.stages, state.looks.nest, strict=True)
        stages = [lane.above(memory, looks, row) for lane, memory, looks in held]
        return state._replace(first=self.first.row(state.row, row), stages=tuple(stages))

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B, C), or (B,) of one channel -> parameters (B, width)."""
        clock, width, count = state.clock, self.config.width, self.config.resnets
        row, column = divmod(clock, width)
        if clock:
            value = scaled(prev if self.config.channels > 1 else prev[:, None], self.config.levels, self.bias.dtype)
            state.row[:, column - 1] = F.pad(value, (0, 1), value=1.0)  # column − 1 = −1 is the end of the row above
            signed = both(value)
            for lane, memory, looks in zip(self.stages, state.stages, state.looks.nest, strict=True):
                lane.note(value, signed, memory, _look(looks[count], clock - 1, width), clock - 1)
            if column == 0:
                state = self._begin(state, row)
        x = Signed.of(self.first.along(state.first, state.row, column))
        stages: list[_Memory] = []
        for lane, memory, looks in zip(self.stages, state.stages, state.looks.nest, strict=True):
            for number, block in enumerate(lane.near):
                x = block.along(x, memory.corners[2 * number : 2 * number + 2], column)
            stages.append(memory._replace(plain=x.plain, both=x.both))
            found = lane.attend(x, memory, _look(looks[count + 1], clock, width), clock)
            y = lane.join.along(x.plain, torch.cat([x.both, both(found)], 1), _look(looks[count + 2], clock, width))
            x = Signed.of(y)
        y = torch.addmm(self.bias, F.elu(x.plain), self.out)
        return y, state._replace(clock=clock + 1, stages=tuple(stages))


def _look(nest: State, at: int, width: int) -> Tensor | None:
    """(B, O): what conditions add at a pixel."""
    look = row_of(looked(nest), at // width)
    return None if look is None else look[:, at % width if look.shape[1] > 1 else 0]
