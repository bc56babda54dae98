"""Steps of a ByteNet, and runs of steps, in one call: all blocks, softmax and draw.

Shapes: B rows, L blocks, D channels inside a block and W = 2D between them, k taps that make Z · D channels, K symbols.
"""

# pyright: basic

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from seriatim.kernels.native.arithmetic import add_product, moments, put, put_rows, rectify, unit
from seriatim.kernels.native.compiling import kernel, part
from seriatim.kernels.native.drawing import draw_rows


class Weights(NamedTuple):
    """Stored as (in, out); `middle` takes the taps from the oldest to the present. Z = 4: multiplicative units."""

    table: np.ndarray  # (K, W)
    before: np.ndarray  # (L, 2, W) gain and bias of the first norm
    into: np.ndarray  # (L, W, D)
    into_bias: np.ndarray  # (L, D)
    inside: np.ndarray  # (L, 2, D)
    middle: np.ndarray  # (L, k, D, Z · D)
    middle_bias: np.ndarray  # (L, Z · D)
    after: np.ndarray  # (L, 2, D)
    back: np.ndarray  # (L, D, W)
    back_bias: np.ndarray  # (L, W)
    norm: np.ndarray  # (1, 2, W) of the end
    hidden: np.ndarray  # (W, W)
    hidden_bias: np.ndarray  # (W,)
    out: np.ndarray  # (W, K)
    out_bias: np.ndarray  # (K,)


class Room(NamedTuple):
    """Scratch memory for B rows."""

    x: np.ndarray  # (B, W)
    wide: np.ndarray  # (B, W)
    h: np.ndarray  # (B, D)
    tap: np.ndarray  # (B, D)
    y: np.ndarray  # (B, Z · D)
    parameters: np.ndarray  # (B, K)


def room(weights: Weights, rows: int) -> Room:
    """New arrays for a number of rows."""
    wide, width = weights.into.shape[1:]
    sizes = (wide, wide, width, width, weights.middle.shape[3], len(weights.out_bias))
    return Room(*[np.zeros((rows, size), weights.table.dtype) for size in sizes])


@part
def _norm(x, gains, epsilon, out):
    """ReLU(LayerNorm(x)) of every row (B, C), into `out`."""
    real = x.dtype.type
    for r in range(x.shape[0]):
        mean, variance = moments(x[r])
        scale = real(1.0 / math.sqrt(variance + epsilon))
        for j in range(x.shape[1]):
            out[r, j] = max((x[r, j] - mean) * scale * gains[0, j] + gains[1, j], real(0))


@part
def _advance(weights, rings, sizes, clocks, epsilon, room):
    """One position from its frame in `room.x`: into the rings, and its parameters into `room`."""
    rows, (blocks, taps, width) = room.x.shape[0], weights.middle.shape[:3]
    begin = 0
    for i in range(blocks):
        size = sizes[i]
        ring = rings[begin : begin + rows * size * width].reshape(rows, size, width)
        begin += rows * size * width
        _norm(room.x, weights.before[i], epsilon, room.wide)
        put_rows(room.h, weights.into_bias[i])
        add_product(room.h, room.wide, weights.into[i])
        _norm(room.h, weights.inside[i], epsilon, room.h)
        put_rows(room.y, weights.middle_bias[i])
        for k in range(taps - 1):  # the oldest is a whole ring ago
            for r in range(rows):
                put(room.tap[r], ring[r, (clocks[i] + k * (size // (taps - 1))) % size])
            add_product(room.y, room.tap, weights.middle[i, k])
        add_product(room.y, room.h, weights.middle[i, taps - 1])
        for r in range(rows):
            put(ring[r, clocks[i]], room.h[r])
            if room.y.shape[1] != width:
                unit(room.h[r], room.y[r])
            put(room.tap[r], room.y[r])
        clocks[i] = (clocks[i] + 1) % size
        _norm(room.tap, weights.after[i], epsilon, room.h)
        for r in range(rows):
            for j in range(room.x.shape[1]):
                room.x[r, j] += weights.back_bias[i, j]
        add_product(room.x, room.h, weights.back[i])
    _norm(room.x, weights.norm[0], epsilon, room.wide)
    put_rows(room.x, weights.hidden_bias)
    add_product(room.x, room.wide, weights.hidden)
    put_rows(room.parameters, weights.out_bias)
    for r in range(rows):
        rectify(room.x[r])
    add_product(room.parameters, room.x, weights.out)


@kernel
def run(weights, prev, added, rings, sizes, clocks, epsilon, room, noise, heat, out):
    """As many positions as `out` (B, n) has, each drawn with noise (B, n).

    Without positions, one step and no draw: `room.parameters` (B, K) is the answer.

    Args:
        weights: folded.
        prev: (B,) symbols before.
        added: (B, n, W) what the conditions add to the embedding.
        rings: of all blocks one after another, each (B, size, D); overwritten.
        sizes: (L,) frames of each.
        clocks: (L,) slot of the oldest frame of each; overwritten.
        epsilon: of the norms.
        room: scratch.
        noise: uniforms.
        heat: temperature.
        out: the symbols drawn.
    """
    rows, count = out.shape
    before = prev.copy()
    for t in range(max(1, count)):
        for r in range(rows):
            for j in range(room.x.shape[1]):
                room.x[r, j] = weights.table[before[r], j] + added[r, t, j]
        _advance(weights, rings, sizes, clocks, epsilon, room)
        if count:
            draw_rows(room.parameters, noise, t, heat, out, before)
