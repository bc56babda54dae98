"""WaveNet's gated layers over a whole chunk, with hand-written gradients.

A layer is z = tanh(u_f) · σ(u_g), u = b + Σ_j W_j h_(t − j·d) + F · field, and h becomes h + R z; the output is the sum
of S z over the layers. It is hand-written because it is most of a training step: a tap is one matrix product over
shifted rows, channels last, added in place; nothing is padded or gathered; all skips are one product; and both gates
are one sigmoid, tanh(u) being 2σ(2u) − 1, which takes a third of the time of tanh.

Shapes: B batch, T time, L layers, R residual channels, G gate channels, S skip channels, k taps, F channels of the
field.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class Weights(NamedTuple):
    """Of all layers. Of 2G outputs the first G are the filter's, the rest the gate's."""

    taps: Tensor  # (L, k, R, 2G), tap j reads j dilations back
    bias: Tensor  # (B or 1, L, 2G), including the vector's contribution
    field: Tensor | None  # (L, F, 2G)
    residual: Tensor  # (L − 1, G, R)
    skip: Tensor  # (L · G, S)

    def to(self, dtype: torch.dtype) -> Weights:
        """Convert to another precision."""
        return Weights(*[cast(Any, each) if each is None else each.to(dtype) for each in self])


class Sizes(NamedTuple):
    """Everything about the layers but their weights."""

    dilations: tuple[int, ...]
    hop: int  # positions per column of the field
    offset: int  # positions of its first column that are past
    learning: bool  # whether to save what gradients need


def halves(weight: Tensor, filters: float, gates: float) -> Tensor:
    """(..., 2G) with each half scaled."""
    g = weight.shape[-1] // 2
    return weight * F.pad(weight.new_full((g,), filters), (0, g), value=gates)


def gate(s: Tensor, out: Tensor) -> Tensor:
    """−tanh · σ from σ(2 u_f) and σ(u_g), concatenated (..., 2G): one operation, written to `out` (..., G)."""
    filters, gates = s.chunk(2, -1)
    return torch.addcmul(gates, filters, gates, value=-2, out=out)


def run(
    x: Tensor, past: tuple[Tensor, ...], field: Tensor | None, weights: Weights, sizes: Sizes
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A chunk through all layers.

    Args:
        x: (B, T, R).
        past: for each layer the frames before (B, (k − 1) · d, R), oldest first; () at the start, for zeros.
        field: (B, N, F) at its own rate.
        weights: of the layers.
        sizes: dilations, and the rate of the field.

    Returns:
        Σ S z (B, T, S), and `past` after the chunk.
    """
    y, *after = cast("tuple[Tensor, ...]", _Layers.apply(sizes, x, field, *weights, *past))
    return y, tuple(after)


class _Layers(torch.autograd.Function):
    """Internally z is −z (see `gate`)."""

    @staticmethod
    def forward(
        ctx: Any,
        sizes: Sizes,
        x: Tensor,
        field: Tensor | None,
        taps: Tensor,
        bias: Tensor,
        along: Tensor | None,
        residual: Tensor,
        skip: Tensor,
        *past: Tensor,
    ) -> tuple[Tensor, ...]:
        batch, length, width = x.shape
        layers, kernel, _, outputs = taps.shape
        half = outputs // 2
        ctx.own_bias = bias.shape[0] > 1
        twice, bias = halves(taps, 2, 1), halves(bias, 2, 1)
        z = x.new_empty(batch * length, layers * half if sizes.learning else half)
        y = x.new_zeros(0 if sizes.learning else batch * length, skip.shape[1])
        frames: list[Tensor] = []  # each layer's input, its past first
        gates: list[Tensor] = []
        after: list[Tensor] = []
        h = x
        for i, dilation in enumerate(sizes.dilations):
            seen, reach = h, (kernel - 1) * dilation
            if past:
                seen = torch.cat([past[i], h], 1)
                after.append(seen[:, seen.shape[1] - reach :].clone())
            flat, base = h.reshape(-1, width), bias[:, i : i + 1]
            if field is not None and along is not None:
                columns = torch.matmul(field, halves(along[i], 2, 1)) + base
                u = columns.index_select(1, _columns(sizes, length, x.device))
                u.view(-1, outputs).addmm_(flat, twice[i, 0])
            elif ctx.own_bias:
                u = torch.baddbmm(base, h, twice[i, 0].expand(batch, -1, -1))
            else:
                u = torch.addmm(base[0], flat, twice[i, 0]).view(batch, length, outputs)
            for j, out, source in _shifts(kernel, dilation, seen.shape[1] - length, length):
                u[:, out].baddbmm_(seen[:, source], twice[i, j].expand(batch, -1, -1))
            s = u.sigmoid_().view(-1, outputs)
            if sizes.learning:
                here = gate(s, z[:, i * half : (i + 1) * half])
                frames.append(seen)
                gates.append(s)
            else:  # slower than all skips in one product, but frees each z at once
                here = gate(s, z)
                y.addmm_(here, skip[i * half : (i + 1) * half], alpha=-1)
            if i < layers - 1:
                h = torch.addmm(flat, here, residual[i], alpha=-1).view(batch, length, width)
        if sizes.learning:
            ctx.sizes, ctx.pasts = sizes, len(past)
            ctx.save_for_backward(field, taps, along, residual, skip, z, *frames, *gates)
            y = torch.mm(z, skip).neg_()
        return y.view(batch, length, -1), *after

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        field: Tensor | None
        along: Tensor | None
        taps: Tensor
        field, taps, along, residual, skip, z, *rest = ctx.saved_tensors
        sizes: Sizes = ctx.sizes
        grad_y, *grad_after = grads
        layers, kernel, width, outputs = taps.shape
        frames, gates = rest[:layers], rest[layers:]
        batch, length = grad_y.shape[:2]
        half, rows = outputs // 2, batch * length
        grad_y = grad_y.reshape(rows, -1)
        to_skip = torch.mm(z.t(), grad_y).neg_()
        to_z = torch.mm(grad_y, skip.t())
        # the constant factors of the gates' gradients, 4 for u_f and −1 for u_g, are applied to the weights
        back, to_taps, to_residual = halves(taps, 4, -1), torch.zeros_like(taps), torch.empty_like(residual)
        to_bias = taps.new_empty(batch if ctx.own_bias else 1, layers, outputs)
        to_field = None if field is None else torch.zeros_like(field)
        to_along = None if along is None else torch.zeros_like(along)
        to_past: list[Tensor] = []
        slope = taps.new_empty(rows, outputs)  # gradients of the sigmoids
        to_h: Tensor | None = None
        for i in reversed(range(layers)):
            seen, s = frames[i], gates[i]
            to_here = to_z[:, i * half : (i + 1) * half]
            if to_h is not None:
                flat = to_h.view(rows, width)
                torch.mm(z[:, i * half : (i + 1) * half].t(), flat, out=to_residual[i])
                to_here.addmm_(flat, residual[i].t())
            torch.mul(to_here, s[:, half:], out=slope[:, :half])
            torch.addcmul(to_here, to_here, s[:, :half], value=-2, out=slope[:, half:])
            to_u = torch.ops.aten.sigmoid_backward(slope, s).view(batch, length, outputs)
            flat = to_u.view(rows, outputs)
            to_bias[:, i] = to_u.sum(1 if ctx.own_bias else (0, 1))
            if field is not None and along is not None and to_field is not None and to_along is not None:
                of_columns = _per_column(to_u, sizes, field.shape[1])
                torch.mm(field.reshape(-1, field.shape[2]).t(), of_columns.view(-1, outputs), out=to_along[i])
                to_field += torch.matmul(of_columns, halves(along[i], 4, -1).t())
            before = seen.shape[1] - length
            torch.mm(seen[:, before:].reshape(rows, width).t(), flat, out=to_taps[i, 0])
            if to_h is None:
                to_h = torch.mm(flat, back[i, 0].t()).view(batch, length, width)
            else:
                to_h.view(rows, width).addmm_(flat, back[i, 0].t())
            to_seen = F.pad(to_h, (0, 0, before, 0)) if before else to_h
            for j, out, source in _shifts(kernel, sizes.dilations[i], before, length):
                to_taps[i, j] = torch.bmm(seen[:, source].transpose(1, 2), to_u[:, out]).sum(0)
                to_seen[:, source].baddbmm_(to_u[:, out], back[i, j].t().expand(batch, -1, -1))
            if ctx.pasts:
                to_seen[:, to_seen.shape[1] - grad_after[i].shape[1] :] += grad_after[i]
                to_past.append(to_seen[:, :before])
                to_h = to_seen[:, before:].contiguous()
        to_past.reverse()
        to_taps, to_bias = halves(to_taps, 4, -1), halves(to_bias, 4, -1)
        to_along = None if to_along is None else halves(to_along, 4, -1)
        return None, to_h, to_field, to_taps, to_bias, to_along, to_residual.neg_(), to_skip, *to_past


def _shifts(kernel: int, dilation: int, before: int, length: int) -> list[tuple[int, slice, slice]]:
    """For each past tap that reaches any frame: its index, the positions it adds to, the frames it reads.

    Args:
        kernel: k.
        dilation: d.
        before: frames of past; none at the start, where zeros need no product.
        length: T.
    """
    lags = [(j, j * dilation) for j in range(1, kernel)]
    return [
        (j, slice(max(0, lag - before), length), slice(max(0, before - lag), before + length - lag))
        for j, lag in lags
        if lag - before < length
    ]


def _columns(sizes: Sizes, length: int, device: torch.device) -> Tensor:
    """(T,) index of the field's column at each position."""
    return torch.arange(sizes.offset, sizes.offset + length, device=device) // sizes.hop


def _per_column(x: Tensor, sizes: Sizes, columns: int) -> Tensor:
    """(B, T, C) -> (B, N, C): sums over the positions of each column; some columns have none."""
    last = sizes.offset + x.shape[1]
    used = -(-last // sizes.hop)
    if used == 1:  # the hop of a missing condition's single column is practically infinite
        x = x.sum(1, keepdim=True)
    elif sizes.hop > 1:
        x = F.pad(x, (0, 0, sizes.offset, used * sizes.hop - last))
        x = x.view(x.shape[0], used, sizes.hop, -1).sum(2)
    return F.pad(x, (0, 0, 0, columns - used)) if used < columns else x
