"""An Elman network or a GRU over a whole chunk on the CPU, with hand-written gradients.

The cells are PyTorch's: h becomes tanh(W x + b + U h + b') in an Elman network; in a GRU (Cho et al., 2014)
r, z = σ(W x + b + U h + b'), q = U h + b', n = tanh(W x + b + r q), and h becomes (1 − z) n + z h.

They are hand-written because PyTorch has no fused kernel for them on the CPU: the profiler shows `nn.LSTM` as one call
of oneDNN per layer and pass, but `nn.GRU` as ten small operations per position, each with its node in autograd's graph,
and a product for the gradient of U at every position. Here a position of a GRU takes one product and four small
operations forwards, one product and two of them backwards: the derivatives of the gates are computed for many positions
at once, and so are the products by inputs and for the gradients of the weights.

Shapes: T time, B batch, C input channels, D units, N = T · B. Time comes first, so that a position is contiguous.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_ROWS = 256  # of a block, T · B: with fewer, its products are slower; with more, it leaves the cache


def fits(x: Tensor) -> bool:
    """Whether the kernels take an input: not empty, on the CPU, in full precision, and not while being compiled."""
    full = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    return x.numel() > 0 and x.device.type == "cpu" and full and not torch.compiler.is_compiling()


def run_rnn(x: Tensor, start: Tensor, into: Tensor, back: Tensor, bias: Tensor) -> Tensor:
    """A chunk through an Elman network.

    Args:
        x: (T, B, C).
        start: the state before it (B, D).
        into: W (D, C).
        back: U (D, D).
        bias: b + b' (D,).

    Returns:
        The states (T + 1, B, D), the first of them `start`.
    """
    return cast(Tensor, _Rnn.apply(x, start, into, back, bias))


def run_gru(x: Tensor, start: Tensor, into: Tensor, back: Tensor, bias: Tensor, bias_q: Tensor) -> Tensor:
    """A chunk through a GRU, its gates in the order r, z, n.

    Args:
        x: (T, B, C).
        start: the state before it (B, D).
        into: W (3D, C).
        back: U (3D, D).
        bias: (3D,), b + b' for r and z, b for n.
        bias_q: b' for q (D,).

    Returns:
        The states (T + 1, B, D), the first of them `start`.
    """
    return cast(Tensor, _Gru.apply(torch.is_grad_enabled(), x, start, into, back, bias, bias_q))


class _Rnn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, start: Tensor, into: Tensor, back: Tensor, bias: Tensor) -> Tensor:
        length, batch, channels = x.shape
        h = x.new_empty(length + 1, batch, len(back))
        h[0] = start
        torch.addmm(bias, x.reshape(-1, channels), into.t(), out=h[1:].flatten(0, 1))
        columns = back.t().contiguous()  # twice as fast at small widths
        for before, after in pairwise(h.unbind()):
            after.addmm_(before, columns).tanh_()
        ctx.save_for_backward(x, into, back, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor, ...]:
        x, into, back, h = ctx.saved_tensors
        to_h = grad.clone(memory_format=torch.contiguous_format)
        to_u = torch.addcmul(h.new_ones(()), h[1:], h[1:], value=-1)
        for (here, before), slope in zip(pairwise(to_h.unbind()[::-1]), to_u.unbind()[::-1], strict=True):
            before.addmm_(slope.mul_(here), back)
        to_u = to_u.flatten(0, 1)
        to_into = torch.mm(to_u.t(), x.reshape(len(to_u), -1))
        to_back = torch.mm(to_u.t(), h[:-1].flatten(0, 1))
        return torch.mm(to_u, into).view(x.shape), to_h[0], to_into, to_back, to_u.sum(0)


class _Gru(torch.autograd.Function):
    """Gates are stored side by side in the order q, r, z, n: U h is the first three, W x the last three.

    At small widths, making the views of a position takes half as long as its operations, so the loops run in a buffer
    for a block of positions, whose views are made once. Inference mode saves another sixth of the operations' time.
    """

    @staticmethod
    def forward(
        ctx: Any,
        learning: bool,
        x: Tensor,
        start: Tensor,
        into: Tensor,
        back: Tensor,
        bias: Tensor,
        bias_q: Tensor,
    ) -> Tensor:
        length, batch, channels = x.shape
        d, rows = len(bias_q), x.reshape(-1, channels)
        h, gates = x.new_empty(length + 1, batch, d), x.new_empty(len(rows) if learning else 0, 4 * d)
        h[0] = start
        flat = h.view(-1, d)
        with torch.inference_mode():
            columns = back.roll(d, 0).t().contiguous()
            block = _positions(length, batch) * batch
            u, states = x.new_empty(block, 4 * d), x.new_empty(batch + block, d)
            parts = (u[:, : 3 * d], u[:, d : 3 * d], *u.chunk(4, 1))
            steps = list(zip(pairwise(_each(states, batch)), *[_each(part, batch) for part in parts], strict=True))
            for i in range(0, len(rows), block):
                at = slice(i, min(i + block, len(rows)))
                size = at.stop - i
                states[:batch] = flat[i : i + batch]
                u[:, :d] = bias_q
                torch.addmm(bias, rows[at], into.t(), out=u[:size, d:])
                for (before, after), qrz, rz, q, r, z, n in steps[: size // batch]:
                    qrz.addmm_(before, columns)
                    rz.sigmoid_()
                    n.addcmul_(r, q).tanh_()
                    torch.lerp(n, before, z, out=after)
                flat[i + batch : at.stop + batch] = states[batch : batch + size]
                if learning:
                    gates[at] = u[:size]
        ctx.save_for_backward(x, into, back, gates, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        x, into, back, gates, h = ctx.saved_tensors
        length, batch, channels = x.shape
        d, rows = h.shape[2], x.reshape(-1, channels)
        flat, grad = h.view(-1, d), grad.reshape(-1, d)
        to_x, to_start = torch.empty_like(rows), grad[-batch:].clone()
        to_into, to_back, to_bias = torch.zeros_like(into), torch.zeros_like(back), into.new_zeros(4 * d)
        with torch.inference_mode():
            recurrent = back.roll(d, 0)
            block = _positions(length, batch) * batch
            to_h, to_u, keep = x.new_empty(block + batch, d), x.new_empty(block, 4 * d), x.new_empty(block, d)
            parts = (to_h[batch:, None], to_u.view(-1, 4, d), to_u[:, : 3 * d], keep)
            steps = list(zip(pairwise(_each(to_h, batch)), *[_each(part, batch) for part in parts], strict=True))
            for i in reversed(range(0, len(rows), block)):
                at = slice(i, min(i + block, len(rows)))
                size = at.stop - i
                to_h[:size] = grad[at]
                to_h[size : size + batch] = to_start
                keep[:size] = gates[at, 2 * d : 3 * d]
                _slopes(gates[at], flat[at], to_u[:size])
                for (before, here), wide, slopes, qrz, z in reversed(steps[: size // batch]):
                    slopes.mul_(wide)
                    before.addcmul_(here, z).addmm_(qrz, recurrent)
                to_start.copy_(to_h[:batch])
                torch.mm(to_u[:size, d:], into, out=to_x[at])
                to_into.addmm_(to_u[:size, d:].t(), rows[at])
                to_back.addmm_(to_u[:size, : 3 * d].t(), flat[at])
                to_bias += to_u[:size].sum(0)
        return None, to_x.view(x.shape), to_start, to_into, to_back.roll(-d, 0), to_bias[d:], to_bias[:d]


def _positions(length: int, batch: int) -> int:
    """Positions of a block."""
    return min(length, max(8, _ROWS // batch))


def _each(x: Tensor, batch: int) -> tuple[Tensor, ...]:
    """(T · B, ...) -> T views (B, ...)."""
    return x.unflatten(0, (-1, batch)).unbind()


def _slopes(gates: Tensor, past: Tensor, out: Tensor) -> None:
    """Derivatives of the next state by what is summed to each gate, (N, 4D), from the gates and the state before."""
    q, r, z, n = gates.chunk(4, 1)
    d = z.shape[1]
    to_q, to_r, to_z, to_n = out.chunk(4, 1)
    torch.ops.aten.tanh_backward.grad_input(1 - z, n, grad_input=to_n)
    torch.mul(to_n, r, out=to_q)
    torch.mul(to_n, q, out=to_r)
    torch.sub(past, n, out=to_z)
    to_rz = out[:, d : 3 * d]
    torch.ops.aten.sigmoid_backward.grad_input(to_rz, gates[:, d : 3 * d], grad_input=to_rz)
