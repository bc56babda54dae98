"""A line of LSTM cells swept over a picture: row after row, or diagonal after diagonal.

The cells of a line are computed together; each reads the hidden states of `taps` neighbouring cells at the previous
place and carries its own cell state. A line with one cell per column that moves down is the recurrence of a Row LSTM; a
line with one cell per row that moves from corner to corner that of a Diagonal BiLSTM (van den Oord et al., 2016, Pixel
recurrent neural networks). The paper skews the map for this; here a diagonal is a slice, since its pixels are equally
spaced in memory.

Shapes: D simultaneous sweeps, B batch, N = H·W pixels, L cells of the line, n of them active, h channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor


class Line(NamedTuple):
    """One place of the line.

    Attributes:
        first: first active cell.
        last: last active cell, exclusive.
        pixels: for each sweep, which of the N pixels the active cells are at.
    """

    first: int
    last: int
    pixels: tuple[slice, ...]


def rows(height: int, width: int) -> list[Line]:
    """One cell per column, moving down."""
    return [Line(0, width, (slice(i * width, (i + 1) * width),)) for i in range(height)]


def diagonals(height: int, width: int) -> list[Line]:
    """One cell per row, each one pixel behind the one above: from left to right, and from right to left."""

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
    """One LSTM step.

    Args:
        gates: o, f, i and the candidate g, concatenated (…, 4h); overwritten.
        before: the cell state (…, h).

    Returns:
        The new hidden state and cell state.
    """
    h = before.shape[-1]
    gates[..., : 3 * h].sigmoid_()
    gates[..., 3 * h :].tanh_()
    o, f, i, g = gates.chunk(4, -1)
    after = (f * before).addcmul_(i, g)
    return o * after.tanh(), after


def sweep(maps: Sequence[Tensor], weight: Tensor, lines: Sequence[Line]) -> Tensor:
    """Hidden states (D, B, N, h) of D sweeps, given what each pixel adds to the gates (B, N, 4h); states start at 0.

    The gates are o, f, i and the candidate g, concatenated.

    Args:
        maps: one for each sweep.
        weight: (D, taps · h, 4h): recurrent weights; cell a reads the cells from a − taps // 2 on.
        lines: the places of the line, in order.
    """
    with torch.autocast(weight.device.type, enabled=False):  # errors of half precision would accumulate
        kept = [m.to(weight.dtype) for m in maps]
        return cast(Tensor, _Sweep.apply(lines, torch.is_grad_enabled(), weight, *kept))


class _Sweep(torch.autograd.Function):
    """The sweep and its gradient: together 1.1 to 1.3 times as fast as autograd's (16 to 64 channels)."""

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
        states = weight.new_zeros(count, batch, length + taps - 1, h)  # gradients from the cells that read them
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
    """(H, W, C, N) bool: what states see of N sub-pixels.

    Args:
        inputs: (H, W, C, N) what each state sees through the map at its own pixel; C groups of channels.
        reads: rows up and columns left of the states that each one reads, all their groups.
    """
    seen = inputs.clone()
    height, width = inputs.shape[:2]
    for i in range(height):
        for j in range(width):
            for up, left in reads:
                if i >= up and 0 <= j - left < width:
                    seen[i, j] |= seen[i - up, j - left].any(0)
    return seen
