"""Sub-pixels of a row of a picture, and their draws, in one call, for stacks of raster convolutions.

What a sub-pixel goes through is a program: a few registers, and one line for each operation. The convolutions are those
of `seriatim.raster.grid.Lane`: what finished rows add is there already, the current row is read and written here.

Shapes: B pictures, W columns, C colours, N convolutions; registers hold (B, ·) one after another.
"""

# pyright: basic

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seriatim.kernels.native.arithmetic import add_product, put, sigmoid, tanh, unit
from seriatim.kernels.native.compiling import kernel, part
from seriatim.kernels.native.drawing import draw_category, draw_mixture

PUT, READ, GATE, UNIT, RELU, ADD = range(6)
"""Operations, each with a convolution (or 0) and the registers that it reads and writes.

PUT: register -> the convolution's row. READ: the convolution's outputs at this sub-pixel -> register. GATE: tanh of the
first half times σ of the second. UNIT: the multiplicative unit of the register written and four times as many that are
read. RELU. ADD: onto the register written.
"""


class Weights(NamedTuple):
    """A program and the weights of its convolutions."""

    program: np.ndarray  # (lines, 4): operation, convolution, from, to
    taps: np.ndarray  # all matrices (taps · I, O of a colour) one after another
    at: np.ndarray  # (N, C) where the matrix of a convolution and a colour begins
    sides: np.ndarray  # (N,) pixels to the left that it reads
    into: np.ndarray  # (N, C + 1) where the input channels of each colour begin
    out: np.ndarray  # (N, C + 1) likewise of the outputs


class Past(NamedTuple):
    """What is kept of the row and of the rows above it, for each convolution from where `of_rows`, `of_bases` say."""

    rows: np.ndarray  # (B, side + W, I), or (B, 1, I) without a side
    of_rows: np.ndarray  # (N,)
    bases: np.ndarray  # (B, W or 1, O)
    of_bases: np.ndarray  # (N,)
    columns: np.ndarray  # (N,) W or 1
    width: int  # W


class Room(NamedTuple):
    """Scratch memory."""

    registers: np.ndarray  # (3, B · widest)
    window: np.ndarray  # (B · longest window,)


@part
def _store(weights, past, n, column, colour, values):
    """Values (B, I of the colour) into a convolution's row."""
    side, inputs = weights.sides[n], weights.into[n, -1]
    first, length = weights.into[n, colour], values.shape[1]
    row = side + past.width if side else 1
    for r in range(values.shape[0]):
        place = past.of_rows[n] + (r * row + (side + column if side else 0)) * inputs + first
        put(past.rows[place : place + length], values[r])


@part
def _apply(weights, past, n, column, colour, pictures, window, register):
    """The outputs of a convolution at a sub-pixel into a register; returns how many."""
    side, inputs, outputs = weights.sides[n], weights.into[n, -1], weights.out[n, -1]
    first, count = weights.out[n, colour], weights.out[n, colour + 1] - weights.out[n, colour]
    length, row = (side + 1) * inputs, side + past.width if side else 1
    x, y = window[: pictures * length].reshape(pictures, length), register[: pictures * count].reshape(pictures, count)
    for r in range(pictures):
        place = past.of_rows[n] + (r * row + (column if side else 0)) * inputs
        put(x[r], past.rows[place : place + length])
        place = past.of_bases[n] + (r * past.columns[n] + (column if past.columns[n] > 1 else 0)) * outputs + first
        put(y[r], past.bases[place : place + count])
    begin = weights.at[n, colour]
    add_product(y, x, weights.taps[begin : begin + length * count].reshape(length, count))
    return count


@part
def _gate(x, y):
    """tanh of the first half of x (2n) times σ of the second, into y (n); overwrites x."""
    n = y.shape[0]
    tanh(x[:n])
    sigmoid(x[n:])
    for j in range(n):
        y[j] = x[j] * x[n + j]


@part
def _advance(weights, past, column, colour, pictures, room):
    """One sub-pixel; its parameters are left in the first register, whose width is returned."""
    registers, widths = room.registers, np.zeros(3, np.int64)
    for line in range(weights.program.shape[0]):
        operation, n = weights.program[line, 0], weights.program[line, 1]
        a, b = weights.program[line, 2], weights.program[line, 3]
        size = pictures * widths[a]
        x, y = registers[a], registers[b]
        if operation == PUT:
            _store(weights, past, n, column, colour, x[:size].reshape(pictures, widths[a]))
        elif operation == READ:
            widths[b] = _apply(weights, past, n, column, colour, pictures, room.window, y)
        elif operation == GATE:
            widths[b] = widths[a] // 2
            for r in range(pictures):
                _gate(x[r * widths[a] : (r + 1) * widths[a]], y[r * widths[b] : (r + 1) * widths[b]])
        elif operation == UNIT:
            for r in range(pictures):
                h, four = y[r * widths[b] : (r + 1) * widths[b]], x[r * widths[a] : (r + 1) * widths[a]]
                unit(h, four)
                put(h, four)
        elif operation == ADD:
            for j in range(size):
                y[j] += x[j]
        else:
            widths[b], zero = widths[a], x.dtype.type(0)
            for j in range(size):
                y[j] = max(x[j], zero)
    return widths[0]


@kernel
def run(weights, past, start, levels, room, noise, heat, mixture, out):
    """As many sub-pixels as `out` (B, n) has, from number `start` of the row on, each drawn with noise (B, n).

    Without sub-pixels, one step and no draw: the head's parameters are left in the first register.

    Args:
        weights: program and matrices.
        past: its rows are written on.
        start: column · C + colour.
        levels: of a sub-pixel; level v enters as 2v / (levels − 1) − 1.
        room: scratch.
        noise: uniforms.
        heat: temperature of a softmax.
        mixture: as for `draw_mixture`, with M = 0 for a softmax.
        out: the levels drawn. The last is not in the row yet.
    """
    pictures, count = out.shape
    colours = weights.at.shape[1]
    real = room.registers.dtype.type
    values = np.zeros((pictures, 1), room.registers.dtype)
    for t in range(max(1, count)):
        column, colour = (start + t) // colours, (start + t) % colours
        width = _advance(weights, past, column, colour, pictures, room)
        for r in range(pictures if count else 0):
            parameters = room.registers[0, r * width : (r + 1) * width]
            if mixture[1]:
                draw_mixture(parameters, noise[r, t : t + 1], out[r, t : t + 1], mixture)
            else:
                out[r, t] = draw_category(parameters, noise[r, t], heat)
            values[r, 0] = real(out[r, t]) * real(2 / (levels - 1)) - real(1)
        if t + 1 < count:
            _store(weights, past, 0, column, colour, values)
    return width
