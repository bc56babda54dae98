"""Drawing a symbol from a head's parameters, as the distributions of `seriatim.heads` do, from the same uniforms.

Shapes: V levels, M mixture components, C channels.
"""

# pyright: basic

from __future__ import annotations

import math

import numpy as np

from seriatim.kernels.native.arithmetic import exp
from seriatim.kernels.native.compiling import part

_LEAST, _COLDEST = 2.0**-53, 1e-30
# Wichura (1988), algorithm AS 241: for each of three ranges, numerator and denominator, highest power first
_MIDDLE = (
    *(2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457),
    *(13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    *(5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867),
    *(5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)
_OUTER = (
    *(7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258),
    *(3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    *(1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459),
    *(0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)
_TAIL = (
    *(2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093),
    *(0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    *(2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4),
    *(0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)


@part
def _ratio(r, coefficients):
    """Of two polynomials of degree 7."""
    above, below = 0.0, 0.0
    for i in range(8):
        above = above * r + coefficients[i]
        below = below * r + coefficients[8 + i]
    return above / below


@part
def draw_category(logits, u, heat):
    """The inverse cdf of softmax(logits / heat) (V,) at u; heat 0: the most probable, the first of equals.

    Overwrites `logits`.
    """
    n, best = logits.shape[0], 0
    for j in range(1, n):
        if logits[j] > logits[best]:
            best = j
    if heat == 0.0:
        return best
    top, cool = logits[best], logits.dtype.type(1.0 / max(heat, _COLDEST))
    for j in range(n):
        logits[j] = exp((logits[j] - top) * cool)
    total = 0.0
    for j in range(n):
        total += logits[j]
    place, passed = u * total, 0.0
    for j in range(n):
        passed += logits[j]
        if passed > place:
            return j
    return n - 1


@part
def draw_rows(parameters, noise, t, heat, out, before):
    """Position t of every row, by `draw_category`, into out (B, n) and before (B,); overwrites parameters (B, V)."""
    for r in range(out.shape[0]):
        out[r, t] = draw_category(parameters[r], noise[r, t], heat)
        before[r] = out[r, t]


@part
def quantile(u, normal):
    """Of the standard logistic, or of the standard normal (to 16 digits)."""
    if not normal:
        return math.log(u) - math.log1p(-u)
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _ratio(r, _MIDDLE)
    r = math.sqrt(-math.log(u if q < 0 else 1.0 - u))
    found = _ratio(r - 1.6, _OUTER) if r <= 5.0 else _ratio(r - 5.0, _TAIL)
    return -found if q < 0 else found


@part
def draw_mixture(parameters, u, out, mixture):
    """All C channels of one position, from uniforms u (C,), into out (C,).

    Args:
        parameters: (M · (1 + 2C + C(C − 1)/2),) as `MixtureHead` takes them.
        u: the first picks the component and the place in it of channel 0.
        out: (C,) levels.
        mixture: levels, M, 1 or 0 for normals, spread, the least and the greatest log-scale.
    """
    levels, m, normal, spread, floor, widest = mixture
    channels, half = out.shape[0], 0.5 * (levels - 1)
    top = parameters[0]
    for j in range(1, m):
        top = max(top, parameters[j])
    total = 0.0
    for j in range(m):
        total += math.exp(parameters[j] - top)
    at, before, weight = m - 1, 0.0, 0.0
    for j in range(m):
        weight = math.exp(parameters[j] - top) / total
        if before + weight >= u[0]:
            at = j
            break
        if j < m - 1:
            before += weight
    from_top = (before + weight - u[0]) / weight
    shift, pair = math.log(spread), (1 + 2 * channels) * m
    for c in range(channels):
        mean = parameters[(1 + c) * m + at] * parameters.dtype.type(spread)
        scale = parameters[(1 + channels + c) * m + at] + parameters.dtype.type(shift)
        place = np.float64((mean + parameters.dtype.type(1)) * parameters.dtype.type(half))
        inverse = math.exp(-min(max(np.float64(scale), floor), widest)) / half
        if c > 0:
            from_top = 1.0 - u[c]
        from_top = min(max(from_top, _LEAST), 1.0 - _LEAST)
        place -= quantile(from_top, normal) / inverse
        for b in range(c):
            place += math.tanh(parameters[pair + at]) * (out[b] - half)
            pair += m
        out[c] = int(min(max(np.rint(place), 0.0), levels - 1.0))
