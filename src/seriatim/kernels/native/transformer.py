"""Steps of a Transformer, and runs of steps, in one call: all layers, softmax and draw.

Shapes: B rows, L layers, W channels, H query heads and G key heads of D channels, F feed-forward channels, K symbols.
"""

# pyright: basic

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from seriatim.kernels.native.arithmetic import add_product, dot, exp, one_row, put, sigmoid
from seriatim.kernels.native.compiling import kernel, part
from seriatim.kernels.native.drawing import draw_rows


class Weights(NamedTuple):
    """Stored as (in, out); the norms' gains and the scale of queries are in the matrices that follow."""

    table: np.ndarray  # (K, W)
    qkv: np.ndarray  # (L, W, (H + 2G) · D)
    out: np.ndarray  # (L, H · D, W)
    cross_query: np.ndarray  # (L, W, W), or none
    cross_out: np.ndarray  # (L, W, W), or none
    gate_up: np.ndarray  # (L, W, 2F)
    down: np.ndarray  # (L, F, W)
    last: np.ndarray  # (W, K)


class Past(NamedTuple):
    """What is kept of the positions before; the kernel adds to it."""

    caches: np.ndarray  # (L, 2, B, G, capacity, D) keys and values
    clock: int  # positions that are filled
    cos: np.ndarray  # (capacity or more, D)
    sin: np.ndarray  # likewise, with the sign of the half-split rotation
    keys: np.ndarray  # (L, M, H, S, D) of the source's M rows, each for equally many adjacent ones of B; or none
    values: np.ndarray  # likewise
    there: np.ndarray  # (M, S) which slots are


class Room(NamedTuple):
    """Scratch memory for B rows."""

    x: np.ndarray  # (B, W)
    unit: np.ndarray  # (B, W)
    qkv: np.ndarray  # (B, (H + 2G) · D)
    query: np.ndarray  # (B, H · D)
    y: np.ndarray  # (B, H · D)
    gate_up: np.ndarray  # (B, 2F)
    hidden: np.ndarray  # (B, F)
    scores: np.ndarray  # (most positions, or slots,)
    parameters: np.ndarray  # (B, K)


def room(weights: Weights, rows: int, capacity: int) -> Room:
    """New arrays for a number of rows."""
    width, wide, inner = weights.down.shape[2], weights.gate_up.shape[2], weights.out.shape[1]
    sizes = (width, width, weights.qkv.shape[2], inner, inner, wide, wide // 2)
    shapes = [*[(rows, size) for size in sizes], (capacity,), (rows, weights.last.shape[1])]
    return Room(*[np.zeros(shape, weights.table.dtype) for shape in shapes])


@part
def _normed(x, out, floor):
    """x / √(|x|² + floor²) of every row (B, W), into `out`."""
    for r in range(x.shape[0]):
        scale = x.dtype.type(1.0 / math.sqrt(dot(x[r], x[r]) + floor * floor))
        for j in range(x.shape[1]):
            out[r, j] = x[r, j] * scale


@part
def _turn(u, cos, sin):
    """The rotation of one head's channels (D,), in place."""
    half = u.shape[0] // 2
    for j in range(half):
        a, b = u[j], u[j + half]
        u[j] = a * cos[j] + b * sin[j]
        u[j + half] = b * cos[j + half] + a * sin[j + half]


@part
def _attend(q, keys, values, scores, y):
    """y (D,) = softmax(q · keys) · values, over keys and values (T, D)."""
    count = keys.shape[0]
    for t in range(count):
        scores[t] = dot(q, keys[t])
    _mix(scores[:count], values, y)


@part
def _attend_some(q, keys, values, there, scores, y):
    """Likewise, over the slots that are there; zeros if none is."""
    count, lowest = keys.shape[0], y.dtype.type(-np.inf)
    some = False
    for t in range(count):
        scores[t] = dot(q, keys[t]) if there[t] else lowest
        some |= there[t]
    if some:
        _mix(scores[:count], values, y)
    else:
        y[:] = 0


@part
def _mix(scores, values, y):
    """softmax(scores) · values; overwrites the scores."""
    top, total = scores[0], y.dtype.type(0)
    for score in scores:
        top = max(top, score)
    for t in range(scores.shape[0]):
        scores[t] = exp(scores[t] - top) if scores[t] > -np.inf else y.dtype.type(0)
    for weight in scores:
        total += weight
    y[:] = 0
    one_row(y, scores, values)
    for j in range(y.shape[0]):
        y[j] /= total


@part
def _read(weights, i, past, floor, room):
    """Layer i's attention to the source."""
    rows, heads, channels = room.x.shape[0], past.keys.shape[2], past.keys.shape[4]
    shared = rows // past.keys.shape[1]
    _normed(room.x, room.unit, floor)
    room.query[:] = 0
    add_product(room.query, room.unit, weights.cross_query[i])
    for r in range(rows):
        for h in range(heads):
            here, m = slice(h * channels, (h + 1) * channels), r // shared
            keys, values = past.keys[i, m, h], past.values[i, m, h]
            _attend_some(room.query[r, here], keys, values, past.there[m], room.scores, room.y[r, here])
    add_product(room.x, room.y, weights.cross_out[i])


@part
def _advance(weights, prev, injected, past, clock, floor, room):
    """One position: it goes into the caches, and its parameters into `room`."""
    rows, layers = prev.shape[0], weights.qkv.shape[0]
    groups, channels = past.caches.shape[3], past.caches.shape[5]
    heads = room.y.shape[1] // channels
    each, wide = heads // groups, room.hidden.shape[1]
    for r in range(rows):
        for j in range(room.x.shape[1]):
            room.x[r, j] = weights.table[prev[r], j] + injected[r, j]
    for i in range(layers):
        _normed(room.x, room.unit, floor)
        room.qkv[:] = 0
        add_product(room.qkv, room.unit, weights.qkv[i])
        for r in range(rows):
            qkv = room.qkv[r].reshape(-1, channels)
            for h in range(heads + groups):
                _turn(qkv[h], past.cos[clock], past.sin[clock])
            for g in range(groups):
                keys, values = past.caches[i, 0, r, g], past.caches[i, 1, r, g]
                put(keys[clock], qkv[heads + g])
                put(values[clock], qkv[heads + groups + g])
                for h in range(g * each, (g + 1) * each):
                    y = room.y[r, h * channels : (h + 1) * channels]
                    _attend(qkv[h], keys[: clock + 1], values[: clock + 1], room.scores, y)
        add_product(room.x, room.y, weights.out[i])
        if past.keys.shape[0]:
            _read(weights, i, past, floor, room)
        _normed(room.x, room.unit, floor)
        room.gate_up[:] = 0
        add_product(room.gate_up, room.unit, weights.gate_up[i])
        for r in range(rows):
            gate, up, hidden = room.gate_up[r, :wide], room.gate_up[r, wide:], room.hidden[r]
            put(hidden, gate)
            sigmoid(hidden)
            for j in range(wide):
                hidden[j] *= gate[j] * up[j]
        add_product(room.x, room.hidden, weights.down[i])
    _normed(room.x, room.unit, floor)
    room.parameters[:] = 0
    add_product(room.parameters, room.unit, weights.last)


@kernel
def run(weights, prev, injected, past, floor, room, noise, heat, out):
    """As many positions as `out` (B, n) has, each drawn with noise (B, n).

    Without positions, one step and no draw: `room.parameters` (B, K) is the answer.

    Args:
        weights: folded.
        prev: (B,) symbols before.
        injected: (B, W) what the condition adds to the embedding.
        past: with room for the positions.
        floor: √(W · ε) of the norms.
        room: scratch.
        noise: uniforms.
        heat: temperature.
        out: the symbols drawn.
    """
    count, before = out.shape[1], prev.copy()
    for t in range(max(1, count)):
        _advance(weights, before, injected, past, past.clock + t, floor, room)
        if count:
            draw_rows(room.parameters, noise, t, heat, out, before)
