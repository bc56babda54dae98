"""Recurrent layers: Elman (1990), LSTM (Hochreiter and Schmidhuber, 1997), GRU (Cho et al., 2014).

A chunk goes through PyTorch's fused LSTM; through our kernels (`seriatim.kernels.recurrent`) for the other cells on the
CPU, where PyTorch has none: a training step of `nn.GRU` takes three times as long. A single frame goes through
hand-written code: stepping `nn.LSTM` one frame at a time takes 2.5 times as long.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.kernels.recurrent import fits, run_gru, run_rnn
from seriatim.tree import State

Cell = Literal["rnn", "lstm", "gru"]


class Memory(NamedTuple):
    """Hidden state h (B, D) and, for an LSTM, cell state c (B, D)."""

    h: Tensor
    c: Tensor | None


class Weights(NamedTuple):
    """Input weights (gates · D, C), recurrent weights (gates · D, D) and their biases (gates · D,)."""

    into: Tensor
    back: Tensor
    bias_in: Tensor
    bias_back: Tensor


def advance(cell: Cell, inputs: Tensor, recurrent: Tensor, memory: Memory) -> Memory:
    """One step of a cell from its two pre-activations W x + b and U h + b', each (B, gates · D)."""
    if cell == "rnn":
        return Memory(torch.tanh(inputs + recurrent), None)
    if cell == "gru":
        r, z, n = inputs.chunk(3, 1)
        r_h, z_h, n_h = recurrent.chunk(3, 1)
        update = torch.sigmoid(z + z_h)
        new = torch.tanh(n + torch.sigmoid(r + r_h) * n_h)
        return Memory(torch.lerp(new, memory.h, update), None)
    return advance_lstm(inputs + recurrent, memory)


def advance_lstm(gates: Tensor, memory: Memory) -> Memory:
    """One LSTM step from the sum of its pre-activations (B, 4 D), in PyTorch's order i, f, g, o."""
    if memory.c is None:
        raise ValueError("the state has no cell; an LSTM needs one")
    i, f, g, o = gates.chunk(4, 1)
    c = torch.addcmul(torch.sigmoid(f) * memory.c, torch.sigmoid(i), torch.tanh(g))
    return Memory(torch.sigmoid(o) * torch.tanh(c), c)


@final
class Recurrent(Causal):
    """One recurrent layer.

    Args:
        cell: "rnn", "lstm" or "gru".
        in_channels: C.
        width: units D.
        stable: of an Elman network: what the spectral norm of its state matrix may be at most; 0 for no bound. It
            begins orthogonal with that norm, and has no more after each `keep_bounds`.

    Raises:
        UserError: for a bound on another cell, whose norm alone bounds nothing.

    Example:
        >>> layer = Recurrent("lstm", in_channels=3, width=4)
        >>> y, memory = layer(torch.zeros(2, 7, 3), EMPTY, layer.start(2))
        >>> y.shape, memory.c.shape
        (torch.Size([2, 7, 4]), torch.Size([2, 4]))
    """

    recomputable = True
    bounded = True  # the model brings its state matrix back after every step

    def __init__(self, cell: Cell, in_channels: int, width: int, stable: float = 0.0) -> None:
        super().__init__()
        if stable and cell != "rnn":
            raise UserError(f"stable is for rnn, whose state matrix bounds what it keeps, not for {cell}; leave it out")
        module = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.core: nn.RNN | nn.LSTM | nn.GRU = module(in_channels, width, batch_first=True)
        self.cell: Cell = cell
        self.width, self.stable = width, stable
        with torch.no_grad():
            if stable:  # no decomposition here: where a file will overwrite the weights, they are any numbers
                nn.init.orthogonal_(self.weights().back).mul_(stable)
            if cell == "lstm":  # forget gate open at first: remember by default (Jozefowicz et al., 2015)
                self.weights().bias_in[width : 2 * width].fill_(1.0)
            if cell == "gru":  # 0.01 nats after 400 steps; an LSTM does not gain
                for gate in self.weights().back.split(width):
                    nn.init.orthogonal_(gate)

    def weights(self) -> Weights:
        """The layer's parameters themselves, not copies."""
        get = self.core.get_parameter
        return Weights(get("weight_ih_l0"), get("weight_hh_l0"), get("bias_ih_l0"), get("bias_hh_l0"))

    @torch.no_grad()
    def keep_bounds(self) -> None:
        """Bring the state matrix back to the nearest one of the norm that is allowed; nothing without a bound.

        Singular values above the bound are cut off, as by Miller and Hardt (2019), Stable recurrent models.
        """
        back = self.weights().back
        if not self.stable:
            return
        if torch.linalg.matrix_norm(back, 2) > self.stable:
            u, s, v = torch.linalg.svd(back)
            back.copy_(u @ (s.clamp(max=self.stable)[:, None] * v))

    @property
    def reach(self) -> None:
        """All of the past."""
        return

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """Zeros."""
        h = self.weights().back.new_zeros(batch, self.width)
        return Memory(h, torch.zeros_like(h) if self.cell == "lstm" else None)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T, C) -> (B, T, D)."""
        if x.shape[1] == 0:
            return x.new_zeros(x.shape[0], 0, self.width), state
        if x.shape[1] == 1 and state is not None and not torch.is_grad_enabled():
            w = self.weights()
            inputs = F.linear(x[:, 0], w.into, w.bias_in)
            recurrent = F.linear(state.h, w.back, w.bias_back)
            after = advance(self.cell, inputs, recurrent, state)
            return after.h[:, None], after
        if self.cell != "lstm" and fits(x):
            h = self._chunk(x, None if state is None else state.h)
            return h[:, 1:], None if state is None else Memory(h[:, -1].clone(), None)
        if state is None:
            return self._core(x)[0], None
        h = state.h[None].contiguous()
        if self.cell == "lstm":
            y, (h, c) = self._core(x, (h, state.c[None].contiguous()))
            return y, Memory(h[0], c[0])
        y, h = self._core(x, h)
        return y, Memory(h[0], None)

    def _core(self, x: Tensor, start: Any = None) -> tuple[Tensor, Any]:
        """PyTorch's own layer. cuDNN passes nothing back in evaluation mode, so there it is left out."""
        if self.training or not x.is_cuda or not torch.is_grad_enabled():
            return self.core(x, start)
        with torch.backends.cudnn.flags(enabled=False):
            return self.core(x, start)

    def _chunk(self, x: Tensor, start: Tensor | None) -> Tensor:
        """The states (B, 1 + T, D) of an Elman network or a GRU from a first one. Default: zeros."""
        w, x = self.weights(), x.transpose(0, 1)
        start = x.new_zeros(x.shape[1], self.width) if start is None else start
        if start.shape[0] != x.shape[1]:
            raise ValueError(f"the state has {start.shape[0]} rows and the input {x.shape[1]}; give as many of both")
        if self.cell == "rnn":
            return run_rnn(x, start, w.into, w.back, w.bias_in + w.bias_back).transpose(0, 1)
        bias_rz, bias_q = w.bias_back.split([2 * self.width, self.width])
        bias = w.bias_in + F.pad(bias_rz, (0, self.width))
        return run_gru(x, start, w.into, w.back, bias, bias_q).transpose(0, 1)
