"""WaveNet's whole step, and runs of steps, in one call: network, head and draw.

Shapes: B rows, L layers, R residual channels, G gate channels, S skip channels, V outputs, k taps, C channels of sound.
"""

# pyright: basic

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from seriatim.kernels.native.arithmetic import add_product, put, put_rows, rectify, sigmoid
from seriatim.kernels.native.compiling import kernel, part
from seriatim.kernels.native.drawing import draw_category, draw_mixture

MU = 255


class Weights(NamedTuple):
    """The filters' share of `taps` is doubled, and residual and skip maps are negated: see `kernels.gates`."""

    table: np.ndarray  # (levels + 1, R) frames of symbols; (0, R) where they enter by their value
    values: np.ndarray  # (2C + 1, R) maps of the value, of its μ-law curve, and of the mark before the first
    offset: np.ndarray  # (R,)
    first: np.ndarray  # (taps, R, R) of the convolution before the layers, the present one first; (0, R, R) for none
    first_bias: np.ndarray  # (R,)
    past: np.ndarray  # (k − 1, L, R, 2G)
    present: np.ndarray  # (L, R, 2G)
    residual: np.ndarray  # (L − 1, G, R)
    skip: np.ndarray  # (L, G, S)
    skip_bias: np.ndarray  # (S,)
    hidden: np.ndarray  # (S, S)
    hidden_bias: np.ndarray
    out: np.ndarray  # (S, V)
    out_bias: np.ndarray


class Past(NamedTuple):
    """What was read before."""

    frames: np.ndarray  # (slots, B, R) of all layers
    recent: np.ndarray  # (taps − 1, B, R) frames before the convolution before the layers
    clock: int  # positions passed
    phase: int  # the slot of `recent` that holds its oldest frame


class Room(NamedTuple):
    """Scratch memory for B rows."""

    x: np.ndarray  # (B, R)
    h: np.ndarray  # (B, R)
    u: np.ndarray  # (B, 2G)
    z: np.ndarray  # (B, G)
    y: np.ndarray  # (B, S)
    hidden: np.ndarray  # (B, S)
    parameters: np.ndarray  # (B, V)


def room(weights: Weights, rows: int) -> Room:
    """New arrays for a number of rows."""
    like = weights.present
    _, width, gates = like.shape
    sizes = (width, width, gates, gates // 2, *[len(weights.skip_bias)] * 2, len(weights.out_bias))
    return Room(*[np.zeros((rows, size), like.dtype) for size in sizes])


@part
def _frame(weights, prev, levels, h):
    """The frame of one row's last symbols (C,)."""
    if weights.table.shape[0]:
        put(h, weights.table[prev[0]])
        return
    put(h, weights.offset)
    channels, one = prev.shape[0], h.dtype.type(1)
    for c in range(channels):
        if prev[c] == levels:
            if c == 0:
                for j in range(h.shape[0]):
                    h[j] += weights.values[2 * channels, j]
            continue
        value = h.dtype.type(prev[c]) * h.dtype.type(2.0 / (levels - 1)) - one
        curved = h.dtype.type(math.copysign(math.log1p(MU * abs(value)) / math.log1p(MU), value))
        if value == 0:
            curved = value
        for j in range(h.shape[0]):
            h[j] += value * weights.values[c, j] + curved * weights.values[channels + c, j]


@part
def _begin(weights, prev, levels, past, t, room):
    """The frames that the layers read, into `room.h`."""
    taps = weights.first.shape[0]
    for r in range(prev.shape[0]):
        _frame(weights, prev[r], levels, room.x[r] if taps else room.h[r])
    if taps:
        put_rows(room.h, weights.first_bias)
        add_product(room.h, room.x, weights.first[0])
        for j in range(1, taps):
            add_product(room.h, past.recent[(past.phase + t - j) % (taps - 1)], weights.first[j])
        for r in range(prev.shape[0]):
            put(past.recent[(past.phase + t) % (taps - 1), r], room.x[r])


@part
def _advance(weights, layers, prev, levels, past, t, bias, room):
    """One position: frames of the past are read and the present one written; parameters into `room`."""
    rows, count, gates = prev.shape[0], layers.shape[0], weights.residual.shape[1]
    frames, clock = past.frames, past.clock + t
    _begin(weights, prev, levels, past, t, room)
    one, two = room.u.dtype.type(1), room.u.dtype.type(2)
    put_rows(room.y, weights.skip_bias)
    for i in range(count):
        dilation, first, size = layers[i]
        for r in range(rows):
            put(room.u[r], bias[i, r])
        oldest = first + clock % size
        for j in range(weights.past.shape[0]):
            slot = first + (clock - (j + 1) * dilation) % size
            add_product(room.u, frames[slot], weights.past[j, i])
        add_product(room.u, room.h, weights.present[i])
        for r in range(rows):
            put(frames[oldest, r], room.h[r])
            u, z = room.u[r], room.z[r]
            sigmoid(u)
            for j in range(gates):
                z[j] = u[gates + j] * (one - two * u[j])
        if i < count - 1:
            add_product(room.h, room.z, weights.residual[i])
        add_product(room.y, room.z, weights.skip[i])
    put_rows(room.hidden, weights.hidden_bias)
    put_rows(room.parameters, weights.out_bias)
    for r in range(rows):
        rectify(room.y[r])
    add_product(room.hidden, room.y, weights.hidden)
    for r in range(rows):
        rectify(room.hidden[r])
    add_product(room.parameters, room.hidden, weights.out)


@kernel
def run(weights, layers, prev, levels, past, bias, room, noise, heat, mixture, out):
    """As many positions as `out` (B, n, C) has, each drawn with noise (B, n, C).

    Without positions, one step and no draw: `room.parameters` (B, V) is the answer. They are one kernel, as compiling
    takes long.

    Args:
        weights: folded.
        layers: (L, 3) the dilation of each layer, its first slot in `frames`, and the number of its slots.
        prev: (B, C) symbols before.
        levels: of a sample; that number itself is the symbol before the first.
        past: what was read before; its frames are overwritten.
        bias: (L, B, 2G) with what the conditions add.
        room: scratch.
        noise: uniforms.
        heat: temperature of a softmax.
        mixture: as for `draw_mixture`, with M = 0 for a softmax.
        out: the symbols drawn.
    """
    rows, count, channels = out.shape
    before = prev.copy()
    for t in range(max(1, count)):
        _advance(weights, layers, before, levels, past, t, bias, room)
        for r in range(rows if count else 0):
            if mixture[1]:
                draw_mixture(room.parameters[r], noise[r, t], out[r, t], mixture)
            else:
                out[r, t, 0] = draw_category(room.parameters[r], noise[r, t, 0], heat)
            for c in range(channels):
                before[r, c] = out[r, t, c]
