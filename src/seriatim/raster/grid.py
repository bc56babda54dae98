"""Raster convolutions: pictures read row by row and pixel by pixel, with as much as possible done once per row.

The kernel of a raster convolution covers rows above and pixels to the left. Its sum splits into two parts: `above`,
everything that depends on finished rows, is one convolution per row; `along`, the contribution of the current row, is a
small matrix product per sub-pixel. So sampling a picture costs about one forward pass, however many pixels it has.

Colours: the channels of every layer are divided into groups, one for each colour. At the kernel's own pixel the group
of a colour sees the groups before it, and its own group except in the first layer (van den Oord et al., 2016, Pixel
recurrent neural networks, section 3.4), so red is drawn first, green sees red, blue sees both.

Shapes: B batch, H rows, W columns, I and O channels in and out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal.stacks import Stack, Stacked


def groups(width: int, colours: int, copies: int = 1) -> tuple[int, ...]:
    """The colour of each of `width` channels, in order; the first groups are larger if the division leaves a remainder.

    Args:
        width: channels of one copy.
        colours: number of groups.
        copies: repeats of the whole sequence, for maps that a gate splits into halves.
    """
    sizes = [(width + colours - 1 - c) // colours for c in range(colours)]
    return tuple(c for _ in range(copies) for c, size in enumerate(sizes) for _ in range(size))


@final
class RasterConv(nn.Module, Stacked):
    """A square convolution restricted to the past: rows above, pixels to the left, and the allowed colour groups here.

    Args:
        inputs: the colour of each input channel.
        outputs: the colour of each output channel.
        kernel: n, odd; reaches n // 2 rows up and n // 2 columns to each side.
        own: whether a group sees itself at the kernel's own pixel (mask B) or not (mask A).
        rows: False leaves out the rows above: a 1 × n kernel.
    """

    def __init__(
        self, inputs: Sequence[int], outputs: Sequence[int], kernel: int = 1, own: bool = True, rows: bool = True
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.side = tuple(inputs), tuple(outputs), kernel // 2
        self.up = self.side if rows else 0
        self.weight = nn.Parameter(torch.empty(len(outputs), len(inputs), self.up + 1, kernel))
        # untrusted sizes are first built on meta, without memory, where a mask has nothing to say
        mask = self.weight.detach() if self.weight.is_meta else self._mask(own).to(self.weight)
        self.register_buffer("mask", mask, persistent=False)  # follows from the config, so not saved
        self.mask: Tensor
        self.bias = nn.Parameter(torch.zeros(len(outputs)))
        inside = 1.0 if mask.is_meta else float(mask.sum()) / len(outputs)
        bound = 1 / math.sqrt(max(1.0, inside))
        nn.init.uniform_(self.weight, -bound, bound)

    def _mask(self, own: bool) -> Tensor:
        mask = torch.ones(self.weight.shape, device="cpu")
        mask[:, :, -1, self.side + 1 :] = 0
        i, o = (torch.tensor(labels, device="cpu") for labels in (self.inputs, self.outputs))
        mask[:, :, -1, self.side] = (i <= o[:, None] if own else i < o[:, None]).float()
        return mask

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, I) -> (B, H, W, O)."""
        weight = self.weight * self.mask
        if self.side == 0:
            return F.linear(x, weight[:, :, 0, 0], self.bias)
        padded = F.pad(x, (0, 0, self.side, self.side, self.up, 0)).permute(0, 3, 1, 2)
        return F.conv2d(padded, weight, self.bias).permute(0, 2, 3, 1)

    def stacks(self, parts: int = 1) -> Mapping[str, Stack]:
        """One matrix, or `parts`, as many as there are maps concatenated in the outputs."""
        return {"weight": Stack.of(self.weight, parts, self.mask)}

    def touches(self, colours: int) -> list[Touch]:
        """Which colours see which, for each offset of the kernel."""
        to, of = (torch.eye(colours)[list(labels)] for labels in (self.outputs, self.inputs))
        seen = torch.einsum("oirk,oc,id->rkcd", self.mask.cpu().to(to), to, of) > 0
        places = [(r, k) for r in range(self.up + 1) for k in range(2 * self.side + 1)]
        return [(self.up - r, self.side - k, seen[r, k]) for r, k in places if bool(seen[r, k].any())]


Touch = tuple[int, int, Tensor]
"""Rows up, columns left, and (colours, colours) bool: which colours see which at that offset."""


def sight(touches: Sequence[Touch], height: int, width: int, colours: int) -> Tensor:
    """(N, N) bool over sub-pixels: what each sees through one pass of a kernel."""
    see = torch.zeros(height, width, colours, height, width, colours, dtype=torch.bool)
    for up, left, which in touches:
        for i in range(max(up, 0), height):
            for j in range(max(left, 0), min(width, width + left)):
                see[i, j, :, i - up, j - left, :] |= which
    n = height * width * colours
    return see.reshape(n, n)


def inputs(height: int, width: int, colours: int) -> Tensor:
    """(N, N + H · W) bool: what sub-pixels see before any layer: themselves, and nothing of a field."""
    n = height * width * colours
    return torch.eye(n, n + height * width, dtype=torch.bool)


def looks(height: int, width: int, colours: int, field: int) -> Tensor:
    """(N, N + H · W) bool: what a layer sees of a field at its own pixel; nothing if the field has 0 channels."""
    n = height * width * colours
    own = torch.eye(height * width, dtype=torch.bool).repeat_interleave(colours, 0)
    return torch.cat([torch.zeros(n, n, dtype=torch.bool), own & (field > 0)], 1)


def through(*steps: Tensor) -> Tensor:
    """Sight through several layers, the first one first: the product of their relations."""
    result = steps[0]
    for step in steps[1:]:
        result = (step.float() @ result.float()) > 0
    return result


class Memory(NamedTuple):
    """State of a raster convolution.

    Attributes:
        past: (B, up, W, I) the finished rows in reach, latest last.
        row: (B, side + W, I) the current row, preceded by zeros; for a 1 × 1 kernel only the current pixel.
        base: (B, W, O) what finished rows, conditions and the bias contribute to each pixel of the current row;
            (B, 1, O) if it is the same for all of them.
    """

    past: Tensor
    row: Tensor
    base: Tensor


@final
class Lane:
    """A raster convolution prepared for stepping; its masked weights are copied.

    Outputs are grouped by colour: `along(…, c)` returns those of colour c, in their original order.

    Args:
        conv: the convolution, its inputs sorted by colour.
    """

    def __init__(self, conv: RasterConv) -> None:
        weight = (conv.weight * conv.mask).detach()
        self.order = sorted(range(len(conv.outputs)), key=lambda k: conv.outputs[k])
        weight, self.bias = weight[self.order], conv.bias.detach()[self.order]
        self.up, self.side, self.inputs = conv.up, conv.side, len(conv.inputs)
        colours = 1 + max(conv.outputs)
        self.out, self.into = _bounds(conv.outputs, colours), _bounds(conv.inputs, colours)
        self.top = weight[:, :, : self.up].contiguous()
        taps = weight[:, :, self.up, : self.side + 1].permute(2, 1, 0)  # (taps, I, O)
        self.taps = [taps[:, :, a:b].reshape(-1, b - a).contiguous() for a, b in self.out]
        self.alone = self.side == 0 and colours == 1  # no state needed

    def start(self, batch: int, width: int, look: Tensor | None = None) -> Memory:
        """Before the first row; `look` (B, W or 1, O): added by conditions, in the convolution's channel order."""
        new = self.bias.new_zeros
        row = new(batch, self.side + (width if self.side else 1), self.inputs)
        base = self.bias.expand(batch, width if self.up else 1, -1).contiguous()
        return Memory(new(batch, self.up, width, self.inputs), row, self._with(base, look))

    def above(self, memory: Memory, look: Tensor | None = None) -> Memory:
        """Begin a row; the current one is finished."""
        past, row, base = memory
        if self.up:
            past = torch.cat([past[:, 1:], row[:, None, self.side :]], 1)
            padded = F.pad(past, (0, 0, self.side, self.side)).permute(0, 3, 1, 2)
            base = F.conv2d(padded, self.top, self.bias)[:, :, 0].transpose(1, 2)
        elif look is not None:
            base = self.bias.expand(row.shape[0], 1, -1)
        return Memory(past, row, self._with(base, look))

    def put(self, x: Tensor, memory: Memory, column: int, colour: int) -> None:
        """Store the inputs x (B, I_c) of a colour at a pixel, in place."""
        first, last = self.into[colour]
        memory.row[:, self.side + (column if self.side else 0), first:last] = x

    def read(self, memory: Memory, column: int, colour: int) -> Tensor:
        """The outputs (B, O_c) of a colour at a pixel, from the inputs stored so far."""
        place = column if self.side else 0
        window = memory.row[:, place : place + self.side + 1].flatten(1)
        return torch.addmm(self._base(memory, column, colour), window, self.taps[colour])

    def along(self, x: Tensor, memory: Memory, column: int, colour: int) -> Tensor:
        """Store the inputs x (B, I_c) of a colour at a pixel, and read its outputs (B, O_c)."""
        if self.alone:
            return torch.addmm(self._base(memory, column, 0), x, self.taps[0])
        self.put(x, memory, column, colour)
        return self.read(memory, column, colour)

    def _base(self, memory: Memory, column: int, colour: int) -> Tensor:
        a, b = self.out[colour]
        return memory.base[:, column if memory.base.shape[1] > 1 else 0, a:b]

    def _with(self, base: Tensor, look: Tensor | None) -> Tensor:
        return base if look is None else base + look[..., self.order]


def _bounds(labels: Sequence[int], colours: int) -> list[tuple[int, int]]:
    """Start and end of each colour once the channels are sorted by colour."""
    ends = [sum(label <= c for label in labels) for c in range(colours)]
    return list(zip([0, *ends[:-1]], ends, strict=True))
