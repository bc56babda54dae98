"""A line of LSTM cells swept over a picture: row after row, or diagonal after diagonal.

The cells of a line are worked out together; each reads the states that `taps` neighbouring cells had a place before,
and carries its own cell state on. A line of a cell a column that moves down is the recurrence of a Row LSTM; one of a
cell a row that moves from corner to corner that of a Diagonal BiLSTM (van den Oord et al., 2016, Pixel recurrent neural
networks). The paper skews the map for that; here a diagonal is a slice, for its pixels lie equally far apart in memory.

Shapes: D sweeps side by side, B batch, N = H·W pixels, L cells of the line, n of them at work, h channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor


class Line(NamedTuple):
    """One place of the line.

    Attributes:
        first: of the cells at work.
        last: of the cells at work, exclusive.
        pixels: of each sweep, which of the N pixels they stand at.
    """

    first: int
    last: int
    pixels: tuple[slice, ...]


def rows(height: int, width: int) -> list[Line]:
    """A cell a column, moving down."""
    return [Line(0, width, (slice(i * width, (i + 1) * width),)) for i in range(height)]


def diagonals(height: int, width: int) -> list[Line]:
    """A cell a row, each one pixel behind the one above: from left to right, and from right to left."""

    def pixels(first: int, step: int, count: int) -> slice:
        return slice(first, first + step * (count - 1) + 1, max(step, 1))

    lines: list[Line] = []
    for d in range(height + width - 1):
        a, b = max(0, d - width + 1), min(height, d + 1)
        right = pixels(a * width + d - a, width - 1, b - a)
        left = pixels(a * width + width - 1 - (d - a), width + 1, b - a)
        lines.append(Line(a, b, (right, left)))
    return lines


def cell(gates: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Gates o, f, i and the candidate g side by side (…, 4h), written over, and the cell state before (…, h).

    Returns:
        The hidden state and the cell state.
    """
    h = before.shape[-1]
    gates[..., : 3 * h].sigmoid_()
    gates[..., 3 * h :].tanh_()
    o, f, i, g = gates.chunk(4, -1)
    after = (f * before).addcmul_(i, g)
    return o * after.tanh(), after


def sweep(maps: Sequence[Tensor], weight: Tensor, lines: Sequence[Line]) -> Tensor:
    """Hidden states (D, B, N, h) from what each pixel adds to the gates, D maps (B, N, 4h); states are zero at first.

    The gates are o, f, i and the candidate g, side by side.

    Args:
        maps: of each sweep.
        weight: (D, taps · h, 4h): what a cell reads of its neighbours, cell a of the cells a − taps // 2 and on.
        lines: where the line goes.
    """
    with torch.autocast(weight.device.type, enabled=False):  # errors of half precision would add up along the way
        kept = [m.to(weight.dtype) for m in maps]
        return cast(Tensor, _Sweep.apply(lines, torch.is_grad_enabled(), weight, *kept))


class _Sweep(torch.autograd.Function):
    """The sweep, and its gradient: together 1.1 to 1.3 times as fast as when autograd takes it (16 to 64 channels)."""

    @staticmethod
    def forward(ctx: Any, lines: Sequence[Line], learns: bool, weight: Tensor, *maps: Tensor) -> Tensor:
        count, taps, h = weight.shape[0], weight.shape[1] * 4 // weight.shape[2], weight.shape[2] // 4
        batch, pad, length = maps[0].shape[0], taps // 2, max(line.last for line in lines)
        states = weight.new_zeros(count, batch, length + taps - 1, h)
        cells = weight.new_zeros(count, batch, length, h)
        result = weight.new_empty(count, batch, maps[0].shape[1], h)
        saved: list[Tensor] = []
        for a, b, pixels in lines:
            gates = torch.stack([m[:, where] for m, where in zip(maps, pixels, strict=True)])
            window = torch.cat([states[:, :, a + t : b + t] for t in range(taps)], -1)
            gates.view(count, -1, 4 * h).baddbmm_(window.view(count, -1, taps * h), weight)
            before = cells[:, :, a:b]
            if learns:
                saved += [gates, window, before.clone()]
            hidden, after = cell(gates, before)
            cells[:, :, a:b], states[:, :, a + pad : b + pad] = after, hidden
            for d, where in enumerate(pixels):
                result[d, :, where] = hidden[d]
        if learns:
            ctx.save_for_backward(weight, *saved)
            ctx.lines, ctx.pixels = lines, maps[0].shape[1]
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        weight, *saved = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        count, batch, _, h = slope.shape
        taps, pad, length = weight.shape[1] // h, weight.shape[1] // h // 2, max(line.last for line in ctx.lines)
        back = weight.mT.contiguous()
        states = weight.new_zeros(count, batch, length + taps - 1, h)  # slopes of what later cells read
        cells = weight.new_zeros(count, batch, length, h)
        to_weight = torch.zeros_like(weight)
        to_maps = weight.new_empty(count, batch, ctx.pixels, 4 * h)
        for number in reversed(range(len(ctx.lines))):
            a, b, pixels = ctx.lines[number]
            gates, window, before = saved[3 * number : 3 * number + 3]
            o, f, i, g = gates.chunk(4, -1)
            up = torch.stack([slope[d, :, where] for d, where in enumerate(pixels)])
            up += states[:, :, a + pad : b + pad]
            states[:, :, a + pad : b + pad] = 0
            t = (f * before).addcmul_(i, g).tanh_()
            carried = cells[:, :, a:b].addcmul(up * o, 1 - t * t)
            cells[:, :, a:b] = carried * f
            to_gates = torch.cat([up * t, carried * before, carried * g, carried * i], -1)
            sigmoids, tanh = gates[..., : 3 * h], g
            to_gates[..., : 3 * h] *= sigmoids * (1 - sigmoids)
            to_gates[..., 3 * h :] *= 1 - tanh * tanh
            flat = to_gates.view(count, -1, 4 * h)
            to_weight.baddbmm_(window.view(count, -1, taps * h).mT, flat)
            for k, part in enumerate(torch.bmm(flat, back).view(*to_gates.shape[:3], taps * h).split(h, -1)):
                states[:, :, a + k : b + k] += part
            for d, where in enumerate(pixels):
                to_maps[d, :, where] = to_gates[d]
        return None, None, to_weight, *to_maps


def swept(inputs: Tensor, reads: Sequence[tuple[int, int]]) -> Tensor:
    """(H, W, C, N) bool: what states see, of N sub-pixels.

    Args:
        inputs: (H, W, C, N) what the map at its own pixel lets each state see; C groups of channels.
        reads: rows up and columns left of the states that one reads, all their groups.
    """
    seen = inputs.clone()
    height, width = inputs.shape[:2]
    for i in range(height):
        for j in range(width):
            for up, left in reads:
                if i >= up and 0 <= j - left < width:
                    seen[i, j] |= seen[i - up, j - left].any(0)
    return seen
