"""PixelCNN++: whole pixels, a mixture of discretised logistics, and a U-net of two causal streams.

The idea: a position is a pixel whose colours the head couples, so nothing is masked by colour. One stream reads the
rows above, the other what is above and to the left; both go down to a quarter of the size and up again, with shortcuts
across. The head knows that levels 201 and 202 are neighbours.

Deviations from the paper: the head's mass is exact at every level (no density where it is small), its edge bins are the
first and the last level by index, and samples are drawn from exactly that distribution. Sizes need not be divisible by
4. There may be a local condition (`field`), which the paper's model does not have; smaller sizes use its mean.

Reference: Salimans, Karpathy, Chen, Kingma (2017), PixelCNN++.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.heads import Head, MixtureHead
from seriatim.models.grid import FieldConfig, GridStepper, PixelModel, kept, row_of, scaled
from seriatim.models.grid import given as looked
from seriatim.raster.shifted import Block, Pair, Reach, Shifted, Signed, down, first_map, sight_between
from seriatim.raster.shifted_lanes import BlockLanes, CornerLane, CornerMemory, FirstLane, RowLane, matrix
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class PixelCNNppConfig(FieldConfig):
    """Sizes of a PixelCNN++.

    Attributes:
        filters: channels of both streams (paper: 160).
        resnets: blocks at each size on the way down (paper: 5); one more on the way up, except at the smallest.
        sizes: number of sizes, each half of the one before (paper: 3).
        mixtures: components of the head.
        kind: "logistic" or "normal" components.
        dropout: dropout rate in every block.

    Example:
        >>> PixelCNNppConfig(filters=160, resnets=5).mixtures  # the paper's sizes
        10
    """

    height: int = 32
    width: int = 32
    channels: int = 3
    filters: int = 40
    resnets: int = 2
    sizes: int = 3
    mixtures: int = 10
    kind: Literal["logistic", "normal"] = "logistic"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("filters", self.filters, 1, 2**14)
        bounded("resnets", self.resnets, 1, 256)
        bounded("sizes", self.sizes, 1, 8)
        bounded("mixtures", self.mixtures, 1, 256)
        bounded("dropout", self.dropout, 0, 0.99)

    @staticmethod
    def suited(follows: Mapping[str, float], small: bool) -> dict[str, int]:  # noqa: ARG004
        """Sizes for pictures of this height and width: at most 3, and the smallest has two rows and columns."""
        side = min(int(follows["height"]), int(follows["width"]))
        return {"sizes": max(1, min(3, math.ceil(math.log2(side))))}


@final
class PixelCNNpp(PixelModel):
    """Two streams of gated residual blocks over pixels, with a mixture of discretised logistics per pixel.

    Example:
        >>> model = PixelCNNpp(PixelCNNppConfig(height=4, width=4, filters=6, resnets=1, sizes=2, mixtures=2))
        >>> x = torch.randint(256, (2, 4, 4, 3))
        >>> model.initialise(x)
        >>> model.log_prob(x).shape
        torch.Size([2])
        >>> model.sample(n=2, length=4 * 4).view(2, *model.canvas, 3).shape
        torch.Size([2, 4, 4, 3])
    """

    def __init__(self, config: PixelCNNppConfig) -> None:
        super().__init__()
        self.config, f, n = config, config.filters, config.channels + 1
        self.head = MixtureHead(config.levels, config.channels, config.mixtures, config.kind)
        self.rows = Shifted(n, f, 2, 3)
        self.above, self.left = Shifted(n, f, 1, 3), Shifted(n, f, 2, 1)

        def block(reach: Reach, shortcut: int) -> Block:
            return Block(f, reach, shortcut, config.dropout, config.vector, config.field)

        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for size in range(config.sizes):
            blocks = [Pair(block("rows", 0), block("corner", f)) for _ in range(config.resnets)]
            self.downs.append(nn.ModuleList(blocks))
            count = config.resnets + (size < config.sizes - 1)
            ups = [Pair(block("rows", f), block("corner", 2 * f)) for _ in range(count)]
            self.ups.append(nn.ModuleList(ups))
            if size < config.sizes - 1:
                self.shrink.append(Pair(Shifted(f, f, 2, 3, stride=2), Shifted(f, f, 2, 2, corner=True, stride=2)))
                self.grow.append(Pair(Shifted(f, f, 2, 3, up=True), Shifted(f, f, 2, 2, corner=True, up=True)))
        self.out = Shifted(f, self.head.width)

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, H, W, C) levels, or (B, H, W) if C = 1 -> parameters (B, H, W, width), for any height and width."""
        x = self.values(x)
        x = F.pad(x, (0, 1), value=1.0)  # a channel of ones marks the inside of the picture
        u, ul = Signed.of(down(self.rows(x))), Signed.of(first_map(self.above, self.left, x))
        us, uls, contexts = [u], [ul], self.pooled(context)
        for size in range(self.config.sizes):
            for pair in _pairs(self.downs[size]):
                u = pair.rows(u, contexts[size])
                ul = pair.corner(ul, contexts[size], [u])
                us.append(u)
                uls.append(ul)
            if size < self.config.sizes - 1:
                pair = cast(Pair, self.shrink[size])
                u, ul = Signed.of(pair.rows(u.plain)), Signed.of(pair.corner(ul.plain))
                us.append(u)
                uls.append(ul)
        u, ul = us.pop(), uls.pop()
        for size in reversed(range(self.config.sizes)):
            for pair in _pairs(self.ups[size]):
                u = pair.rows(u, contexts[size], [us.pop()])
                ul = pair.corner(ul, contexts[size], [u, uls.pop()])
            if size:
                pair = cast(Pair, self.grow[size - 1])
                height, width = us[-1].plain.shape[1:3]
                grown = pair.rows(u.plain), pair.corner(ul.plain)
                u, ul = (Signed.of(stream[:, :height, :width]) for stream in grown)
        return self.out(F.elu(ul.plain))

    def pooled(self, context: Context) -> list[Context]:
        """The condition at each size: smaller ones use the mean of two by two pixels of the field."""
        contexts = [context if self.config.field else replace(context, field=None)]
        for _ in range(self.config.sizes - 1):
            field = contexts[-1].field
            if field is not None:
                field = F.avg_pool2d(field.permute(0, 3, 1, 2), 2, ceil_mode=True).permute(0, 2, 3, 1)
            contexts.append(replace(contexts[-1], field=field))
        return contexts

    def outputs(self) -> list[nn.Module]:
        """The last 1 × 1 convolution."""
        return [self.out]

    def packed(self) -> Stepper:
        """One stream once per row, the other by matrix products; smaller sizes advance every second row and column."""
        return _Packed(self)

    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """Everything earlier within the reach of the streams, and what of the field their blocks see on the way."""
        sizes = [(shape[0], shape[1])]
        for _ in range(self.config.sizes - 1):
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        n = shape[0] * shape[1]
        looks = [torch.eye(2 * n)[n:].float() * (self.config.field > 0)]
        for of, to in itertools.pairwise(sizes):
            looks.append(_halves(of, to) @ looks[-1])

        def through(layer: nn.Module, seen: Tensor, of: int, to: int) -> Tensor:
            return (sight_between(cast(Shifted, layer), sizes[of], sizes[to]).float() @ seen.float()) > 0

        def block(module: nn.Module, seen: Tensor, size: int, *across: Tensor) -> Tensor:
            held = cast(Block, module)
            first = through(held.first, seen, size, size)
            for other in across:
                first = first | other
            return seen | through(held.second, first, size, size) | (looks[size] > 0)

        here = torch.eye(n, 2 * n, dtype=torch.bool)
        lower, further = torch.zeros(n, n, dtype=torch.bool), torch.zeros(n, n, dtype=torch.bool)
        rows, columns = torch.arange(n) // shape[1], torch.arange(n) % shape[1]
        lower[rows > 0] = here[: -shape[1], :n] if n > shape[1] else lower[:0]
        further[columns > 0] = here[:-1, :n][columns[1:] > 0]
        u = (lower.float() @ through(self.rows, here, 0, 0).float()) > 0
        ul = (lower.float() @ through(self.above, here, 0, 0).float()) > 0
        ul = ul | ((further.float() @ through(self.left, here, 0, 0).float()) > 0)
        us, uls = [u], [ul]
        for size in range(self.config.sizes):
            for pair in _pairs(self.downs[size]):
                u = block(pair.rows, u, size)
                ul = block(pair.corner, ul, size, u)
                us.append(u)
                uls.append(ul)
            if size < self.config.sizes - 1:
                pair = cast(Pair, self.shrink[size])
                u, ul = through(pair.rows, u, size, size + 1), through(pair.corner, ul, size, size + 1)
                us.append(u)
                uls.append(ul)
        u, ul = us.pop(), uls.pop()
        for size in reversed(range(self.config.sizes)):
            for pair in _pairs(self.ups[size]):
                u = block(pair.rows, u, size, us.pop())
                ul = block(pair.corner, ul, size, u, uls.pop())
            if size:
                pair = cast(Pair, self.grow[size - 1])
                u, ul = through(pair.rows, u, size, size - 1), through(pair.corner, ul, size, size - 1)
        return ul


def _halves(of: tuple[int, int], to: tuple[int, int]) -> Tensor:
    """(n, N): which pixels of one size the mean at each pixel of the next smaller size is taken over."""
    rows, columns = (torch.arange(a)[None] // 2 == torch.arange(b)[:, None] for a, b in zip(of, to, strict=True))
    return torch.kron(rows.float(), columns.float())


def _pairs(modules: nn.Module) -> list[Pair]:
    return cast("list[Pair]", list(cast(nn.ModuleList, modules)))


class _Position(NamedTuple):
    """A batch of pictures in progress.

    Attributes:
        clock: pixels drawn.
        row: (B, W, C + 1) the current row of the picture.
        before: for each convolution of the stream of rows, the last rows it has read.
        corners: states of the convolutions of the other stream.
        first: (B, W, F) what the row above adds to that stream's first map.
        grown: for each size but the smallest, (B, 2, W, F) twice: two rows upsampled from the next smaller size.
        looks: what conditions add to each block.
    """

    clock: int
    row: Tensor
    before: tuple[Tensor, ...]
    corners: tuple[CornerMemory, ...]
    first: Tensor
    grown: tuple[tuple[Tensor, Tensor], ...]
    looks: Fixed


@final
class _Packed(GridStepper):
    """Row by row and pixel by pixel; a size advances where its own rows and columns begin."""

    def __init__(self, model: PixelCNNpp) -> None:
        self.head: Head = model.head
        self.config, self.pooled = model.config, model.pooled
        f, sizes = model.config.filters, range(model.config.sizes)
        at = iter(range(0, 10**6, 2))
        self.downs = [[BlockLanes(pair, next(at), f) for pair in _pairs(model.downs[size])] for size in sizes]
        self.ups = [[BlockLanes(pair, next(at), f) for pair in _pairs(model.ups[size])] for size in sizes]
        pairs = [cast(Pair, pair) for pair in model.shrink]
        self.shrink = [(RowLane(cast(Shifted, p.rows)), CornerLane(cast(Shifted, p.corner))) for p in pairs]
        self.grow = [cast(Pair, pair) for pair in model.grow]
        corners = [cast(Shifted, pair.corner) for pair in self.grow]
        self.grow_corner = [layer.weight().detach().permute(0, 2, 3, 1).flatten(1).contiguous() for layer in corners]
        self.grow_bias = [layer.bias.detach() for layer in corners]
        self.rows, self.first = RowLane(model.rows), FirstLane(model.above, model.left)
        self.out = matrix(model.out)
        self.widths = [model.config.width]
        for _ in self.shrink:
            self.widths.append(-(-self.widths[-1] // 2))

    def _lanes(self) -> list[tuple[int, BlockLanes]]:
        return [(size, lane) for blocks in (self.downs, self.ups) for size, row in enumerate(blocks) for lane in row]

    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """An empty picture."""
        c, new = self.config, self.out[1].new_zeros
        lanes, contexts = self._lanes(), self.pooled(context)
        looks = tuple(kept(block.look(contexts[size])) for size, lane in lanes for block in lane.blocks)
        before = [lane.start(batch, self.widths[size]) for size, pair in lanes for lane in pair.rows]
        corners = [memory for size, pair in lanes for memory in pair.corner.start(batch, self.widths[size])]
        for size, (rows, corner) in enumerate(self.shrink):
            before.append(rows.start(batch, self.widths[size]))
            corners.append(corner.start(batch, self.widths[size]))
        before.append(self.rows.start(batch, c.width))
        grown = tuple((new(batch, 2, w, c.filters), new(batch, 2, w, c.filters)) for w in self.widths[:-1])
        row, first = new(batch, c.width, c.channels + 1), new(batch, c.width, c.filters)
        return self._begin(_Position(0, row, tuple(before), tuple(corners), first, grown, Fixed(looks)), 0)

    def _begin(self, state: _Position, row: int) -> _Position:
        """Begin a row: everything that depends on finished ones."""
        before, corners = state.before, list(state.corners)
        x = state.row.clone()  # the current row will be overwritten
        u = x.new_zeros(1).expand(*x.shape[:2], self.config.filters)
        if row:
            self.rows.put(x, before[-1])
            u = self.rows.row(before[-1])
        looks: list[Tensor | None] = []
        for size, lane in self._lanes():
            looks += [row_of(looked(look), row >> size) for look in state.looks.nest[lane.at : lane.at + 2]]
        u = Signed.of(u)
        us, active = [u], 0
        for size, lanes in enumerate(self.downs):
            active = size
            for lane in lanes:
                u = lane.down_row(u, None, looks[lane.at], before)
                lane.above(u, looks[lane.at + 1], corners)
                us.append(u)
            if size == len(self.shrink):
                break
            at, (rows, corner) = len(before) - 1 - len(self.shrink) + size, self.shrink[size]
            rows.put(u.plain, before[at])
            if (row >> size) % 2:
                break
            corners[at] = corner.above(corners[at])
            u = Signed.of(rows.row(before[at]))
            us.append(u)
        for size in reversed(range(active + 1)):
            u = us.pop() if size == len(self.shrink) else Signed.of(state.grown[size][0][:, (row >> size) % 2])
            for lane in self.ups[size]:
                u = lane.down_row(u, us.pop(), looks[lane.at], before)
                lane.above(u, looks[lane.at + 1], corners)
            if size:
                grown = cast(Shifted, self.grow[size - 1].rows)(u.plain[:, None])
                state.grown[size - 1][0].copy_(grown[:, :, : self.widths[size - 1]])
        return state._replace(corners=tuple(corners), first=self.first.row(x, row))

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B, C), or (B,) of one channel -> parameters (B, width)."""
        row, column = divmod(state.clock, self.config.width)
        if state.clock:
            value = scaled(prev if self.config.channels > 1 else prev[:, None], self.config.levels, self.out[1].dtype)
            state.row[:, column - 1] = F.pad(value, (0, 1), value=1.0)  # column − 1 = −1 is the end of the row above
            if column == 0:
                state = self._begin(state, row)
        x = Signed.of(self.first.along(state.first, state.row, column))
        held, active = [x], 0
        for size, lanes in enumerate(self.downs):
            active = size
            for lane in lanes:
                x = lane.along(x, None, state.corners, column >> size)
                held.append(x)
            if size == len(self.shrink):
                break
            memory, corner = state.corners[len(state.corners) - len(self.shrink) + size], self.shrink[size][1]
            if (row >> size) % 2 or (column >> size) % 2:
                corner.put(x.plain, memory, column >> size)
                break
            x = Signed.of(corner.along(x.plain, memory, column >> size))
            held.append(x)
        for size in reversed(range(active + 1)):
            at, smallest = column >> size, size == len(self.shrink)
            x = held.pop() if smallest else Signed.of(state.grown[size][1][:, (row >> size) % 2, at])
            for lane in self.ups[size]:
                x = lane.along(x, held.pop(), state.corners, at)
            if size:
                grown = (x.plain @ self.grow_corner[size - 1]).view(len(x.plain), 2, 2, -1) + self.grow_bias[size - 1]
                place = state.grown[size - 1][1][:, :, 2 * at : 2 * at + 2]
                place.copy_(grown[:, :, : place.shape[2]])
        return torch.addmm(self.out[1], F.elu(x.plain), self.out[0]), state._replace(clock=state.clock + 1)
