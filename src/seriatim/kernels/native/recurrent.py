"""Steps of recurrent networks, and runs of steps, in one call: all layers, softmax and draw.

Shapes: B rows, L layers, D units, G gates (1 RNN, 4 LSTM, 3 GRU), K symbols.
"""

# pyright: basic

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seriatim.kernels.native.arithmetic import add_product, put, put_rows, sigmoid, tanh
from seriatim.kernels.native.compiling import kernel, part
from seriatim.kernels.native.drawing import draw_rows


class Weights(NamedTuple):
    """Stored as (in, out); G = 4 is an LSTM, 3 a GRU, 1 an Elman network."""

    table: np.ndarray  # (K, G · D): embedding and input map of the first layer, with its bias
    into: np.ndarray  # (L − 1, D, G · D) of the further layers
    bias_in: np.ndarray  # (L − 1, G · D)
    back: np.ndarray  # (L, D, G · D)
    bias_back: np.ndarray  # (L, G · D)
    out: np.ndarray  # (D, K)
    out_bias: np.ndarray  # (K,)


class Room(NamedTuple):
    """The state, and scratch memory for B rows."""

    h: np.ndarray  # (L, B, D)
    c: np.ndarray  # (L, B, D), of an LSTM
    inputs: np.ndarray  # (B, G · D)
    back: np.ndarray  # (B, G · D)
    parameters: np.ndarray  # (B, K)


def room(weights: Weights, rows: int) -> Room:
    """New arrays for a number of rows."""
    count, units, gates = weights.back.shape
    shapes = [(count, rows, units)] * 2 + [(rows, gates)] * 2 + [(rows, len(weights.out_bias))]
    return Room(*[np.zeros(shape, weights.back.dtype) for shape in shapes])


@part
def _cell(u, v, h, c):
    """One row's new h and c (D,) from its two sums (G · D,), which are overwritten."""
    d = h.shape[0]
    gates = u.shape[0] // d
    if gates == 3:  # r, z, n
        for j in range(2 * d):
            u[j] += v[j]
        sigmoid(u[: 2 * d])
        for j in range(d):
            u[2 * d + j] += u[j] * v[2 * d + j]
        tanh(u[2 * d :])
        for j in range(d):
            h[j] = u[2 * d + j] + u[d + j] * (h[j] - u[2 * d + j])
        return
    for j in range(gates * d):
        u[j] += v[j]
    if gates == 1:
        tanh(u)
        put(h, u)
        return
    sigmoid(u[: 2 * d])  # i, f, g, o
    tanh(u[2 * d : 3 * d])
    sigmoid(u[3 * d :])
    for j in range(d):
        c[j] = u[d + j] * c[j] + u[j] * u[2 * d + j]
        h[j] = c[j]
    tanh(h)
    for j in range(d):
        h[j] *= u[3 * d + j]


@part
def _advance(weights, prev, injected, room):
    """One position: the state goes on, parameters into `room`."""
    rows, count = prev.shape[0], weights.back.shape[0]
    for i in range(count):
        if i == 0:
            for r in range(rows):
                for j in range(injected.shape[1]):
                    room.inputs[r, j] = weights.table[prev[r], j] + injected[r, j]
        else:
            put_rows(room.inputs, weights.bias_in[i - 1])
            add_product(room.inputs, room.h[i - 1], weights.into[i - 1])
        put_rows(room.back, weights.bias_back[i])
        add_product(room.back, room.h[i], weights.back[i])
        for r in range(rows):
            _cell(room.inputs[r], room.back[r], room.h[i, r], room.c[i, r])
    put_rows(room.parameters, weights.out_bias)
    add_product(room.parameters, room.h[count - 1], weights.out)


@kernel
def run(weights, prev, injected, room, noise, heat, out):
    """As many positions as `out` (B, n) has, each drawn with noise (B, n).

    Without positions, one step and no draw: `room.parameters` (B, K) is the answer.

    Args:
        weights: folded.
        prev: (B,) symbols before.
        injected: (B, G · D) what the condition adds to the first layer.
        room: state and scratch.
        noise: uniforms.
        heat: temperature.
        out: the symbols drawn.
    """
    count, before = out.shape[1], prev.copy()
    for t in range(max(1, count)):
        _advance(weights, before, injected, room)
        if count:
            draw_rows(room.parameters, noise, t, heat, out, before)
