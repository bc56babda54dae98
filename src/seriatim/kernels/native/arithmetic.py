"""Exponentials and products, in loops that the compiler turns into vector instructions.

exp is 2^n · e^r with |r| <= ½ ln 2 and a polynomial for e^r: within 2 units in the last place in float32 (Cephes'
coefficients, S. Moshier), and 1e-15 in float64 (the series to r^13).
"""

# pyright: basic

from __future__ import annotations

import math

import numpy as np
from numba import float32, float64, types
from numba.extending import overload

from seriatim.kernels.native.compiling import part, summing

_LOG2E = 1 / math.log(2)
_SERIES = tuple(1 / math.factorial(i) for i in range(14))


def exp(x: float) -> float:
    """e^x, for use inside kernels."""
    return math.exp(x)


@part
def _exp_single(x: float) -> float:
    held = min(max(x, float32(-87.0)), float32(88.0))
    n = np.floor(held * float32(_LOG2E) + float32(0.5))
    r = held - n * float32(0.693359375)  # ln 2 in two parts
    r = r - n * float32(-2.12194440e-4)
    p = float32(1.9875691500e-4)
    p = p * r + float32(1.3981999507e-3)
    p = p * r + float32(8.3334519073e-3)
    p = p * r + float32(4.1665795894e-2)
    p = p * r + float32(1.6666665459e-1)
    p = p * r + float32(5.0000001201e-1)
    p = p * (r * r) + r + float32(1.0)
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@part
def _exp_double(x: float) -> float:
    x = min(max(x, -708.0), 709.0)
    n = np.floor(x * _LOG2E + 0.5)
    r = x - n * 6.93145751953125e-1
    r = r - n * 1.42860682030941723212e-6
    p = _SERIES[13]
    p = p * r + _SERIES[12]
    p = p * r + _SERIES[11]
    p = p * r + _SERIES[10]
    p = p * r + _SERIES[9]
    p = p * r + _SERIES[8]
    p = p * r + _SERIES[7]
    p = p * r + _SERIES[6]
    p = p * r + _SERIES[5]
    p = p * r + _SERIES[4]
    p = p * r + _SERIES[3]
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * np.int64((np.int64(n) + np.int64(1023)) << np.int64(52)).view(np.float64)


@overload(exp, inline="always")
def _(x):
    if x == types.float32:
        return lambda x: _exp_single(x)
    return lambda x: _exp_double(float64(x))


@part
def put(y, x):
    """y (n) = x (n). `y[:] = x` is the same and takes seconds to compile, for the message about unequal lengths."""
    for j in range(y.shape[0]):
        y[j] = x[j]


@part
def put_rows(y, x):
    """Every row of y (B, n) = x (n)."""
    for r in range(y.shape[0]):
        put(y[r], x)


@part
def one_row(y, x, w):
    """y (n) += x (k) @ w (k, n): eight rows of w at a time, so that y is read and written k/8 times."""
    k, n = w.shape
    i = 0
    while i + 8 <= k:
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        e, f, g, h = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        for j in range(n):
            y[j] += ((a * w[i, j] + b * w[i + 1, j]) + (c * w[i + 2, j] + d * w[i + 3, j])) + (
                (e * w[i + 4, j] + f * w[i + 5, j]) + (g * w[i + 6, j] + h * w[i + 7, j])
            )
        i += 8
    while i < k:
        a = x[i]
        for j in range(n):
            y[j] += a * w[i, j]
        i += 1


@part
def four_rows(y, x, w, r):
    """Rows r … r + 3 of y (B, n) += x (B, k) @ w (k, n): an element of w is loaded once for all four."""
    k, n = w.shape
    y0, y1, y2, y3 = y[r], y[r + 1], y[r + 2], y[r + 3]
    i = 0
    while i + 2 <= k:
        a0, a1 = x[r, i], x[r, i + 1]
        b0, b1 = x[r + 1, i], x[r + 1, i + 1]
        c0, c1 = x[r + 2, i], x[r + 2, i + 1]
        d0, d1 = x[r + 3, i], x[r + 3, i + 1]
        for j in range(n):
            p, q = w[i, j], w[i + 1, j]
            y0[j] += a0 * p + a1 * q
            y1[j] += b0 * p + b1 * q
            y2[j] += c0 * p + c1 * q
            y3[j] += d0 * p + d1 * q
        i += 2
    if i < k:
        a0, b0, c0, d0 = x[r, i], x[r + 1, i], x[r + 2, i], x[r + 3, i]
        for j in range(n):
            p = w[i, j]
            y0[j] += a0 * p
            y1[j] += b0 * p
            y2[j] += c0 * p
            y3[j] += d0 * p


@part
def add_product(y, x, w):
    """y (B, n) += x (B, k) @ w (k, n)."""
    rows = y.shape[0]
    fours = rows - rows % 4
    for r in range(0, fours, 4):
        four_rows(y, x, w, r)
    for r in range(fours, rows):
        one_row(y[r], x[r], w)


@summing
def dot(x, y):
    """x · y (n)."""
    found = x.dtype.type(0)
    for i in range(x.shape[0]):
        found += x[i] * y[i]
    return found


@summing
def moments(x):
    """Mean and variance of x (n)."""
    total, n = x.dtype.type(0), x.shape[0]
    for i in range(n):
        total += x[i]
    mean, squares = x.dtype.type(total / n), x.dtype.type(0)
    for i in range(n):
        squares += (x[i] - mean) * (x[i] - mean)
    return mean, squares / n


@part
def sigmoid(u):
    """u (n) -> σ(u), in place."""
    one = u.dtype.type(1)
    for j in range(u.shape[0]):
        u[j] = one / (one + exp(-u[j]))


@part
def tanh(u):
    """u (n) -> tanh(u), in place: 1 − 2/(1 + e^2u), with an absolute error of one unit in the last place of 1."""
    one, two = u.dtype.type(1), u.dtype.type(2)
    for j in range(u.shape[0]):
        u[j] = one - two / (one + exp(two * u[j]))


@part
def rectify(u):
    """u (n) -> max(0, u), in place."""
    for j in range(u.shape[0]):
        u[j] = max(u[j], u.dtype.type(0))


@part
def unit(h, y):
    """The multiplicative unit of h (C,) and y (4C,), into the first C of y."""
    c = h.shape[0]
    sigmoid(y[: 3 * c])
    tanh(y[3 * c :])
    for j in range(c):
        y[3 * c + j] = y[c + j] * h[j] + y[2 * c + j] * y[3 * c + j]
    tanh(y[3 * c :])
    for j in range(c):
        y[j] *= y[3 * c + j]
