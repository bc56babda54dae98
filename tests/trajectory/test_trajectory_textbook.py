"""Models of trajectories against plain loops over positions in NumPy, with SciPy's densities.

Nothing but the weights, by their names, comes from the library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seriatim.context import Context
from seriatim.models import (
    RealGRU,
    RealLSTM,
    RealMLP,
    TrajectoryConfig,
    TrajectoryForwardConfig,
)

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")

Floats = NDArray[np.float64]
Weights = Mapping[str, Floats]
Core = Callable[[Weights, Any, list[Floats]], list[Floats]]

DEEP, LINEAR = "net.layers.net.layers.deep.layers.", "net.layers.net.layers.linear.layers."
FLOOR = 1e-3  # of a scale
MOST = 0.999  # of a correlation


def affine(w: Weights, name: str, x: Floats) -> Floats:
    return w[f"{name}.weight"] @ x + w.get(f"{name}.bias", 0.0)


def gelu(x: Floats) -> Floats:
    """x Φ(x) (Hendrycks and Gimpel, 2016)."""
    return x * special.ndtr(x)


def softplus(x: Floats) -> Floats:
    return np.log1p(np.exp(x))


def lstm(w: Weights, config: Any, frames: list[Floats]) -> list[Floats]:
    """Gers et al. (2000), layer after layer; PyTorch's order: input, forget, cell, output."""
    for i in range(config.layers):
        core = f"{DEEP}recurrent_{i}.core."
        h, c, said = np.zeros(config.width), np.zeros(config.width), list[Floats]()
        for x in frames:
            z = w[f"{core}weight_ih_l0"] @ x + w[f"{core}bias_ih_l0"] + w[f"{core}weight_hh_l0"] @ h
            write, keep, new, show = np.split(z + w[f"{core}bias_hh_l0"], 4)
            c = special.expit(keep) * c + special.expit(write) * np.tanh(new)
            h = special.expit(show) * np.tanh(c)
            said.append(h)
        frames = said
    return frames


def gru(w: Weights, config: Any, frames: list[Floats]) -> list[Floats]:
    """Cho et al. (2014), the reset gate after the product; PyTorch's order: reset, update, candidate."""
    for i in range(config.layers):
        core = f"{DEEP}recurrent_{i}.core."
        h, said = np.zeros(config.width), list[Floats]()
        for x in frames:
            into = np.split(w[f"{core}weight_ih_l0"] @ x + w[f"{core}bias_ih_l0"], 3)
            back = np.split(w[f"{core}weight_hh_l0"] @ h + w[f"{core}bias_hh_l0"], 3)
            reset, update = special.expit(into[0] + back[0]), special.expit(into[1] + back[1])
            h = (1 - update) * np.tanh(into[2] + reset * back[2]) + update * h
            said.append(h)
        frames = said
    return frames


def forward(w: Weights, config: Any, frames: list[Floats]) -> list[Floats]:
    """Each frame alone, in residual layers."""
    for i in range(config.layers - 1):
        frames = [x + affine(w, f"{DEEP}hidden_{i}.branch.module.1", gelu(x)) for x in frames]
    return [gelu(x) for x in frames]


def bivariate(p: Floats, z: Floats, mixtures: int) -> float:
    """Graves (2013), section 4.1, from raw parameters: of each component the density of x, and that of y given x."""
    logits, across, down, wide, high, tilt = p.reshape(6, mixtures)
    terms: list[float] = []
    for m in range(mixtures):
        sx, sy, rho = softplus(wide[m]) + FLOOR, softplus(high[m]) + FLOOR, MOST * np.tanh(tilt[m])
        given_x = down[m] + rho * sy / sx * (z[0] - across[m]), sy * math.sqrt(1 - rho * rho)
        first, second = stats.norm.logpdf(z[0], across[m], sx), stats.norm.logpdf(z[1], *given_x)
        terms.append(float(logits[m] + first + second))
    return float(special.logsumexp(terms) - special.logsumexp(logits))


def chained(w: Weights, config: Any, said: Floats, z: Floats) -> float:
    """A normal density of each part, whose hidden layer has seen the features and the parts before it."""
    hidden = affine(w, "head.inner.inner.into", said).reshape(config.parts, config.chain)
    total = 0.0
    for k in range(config.parts):
        seen = hidden[k] + sum(z[j] * w["head.inner.inner.before"][j, k] for j in range(k))
        mean, raw = gelu(seen) @ w["head.inner.inner.weight"][k] + w["head.inner.inner.bias"][k]
        total += float(stats.norm.logpdf(z[k], mean, softplus(raw) + FLOOR))
    return total


def loop(w: Weights, config: Any, core: Core, x: Floats, scale: Floats, vector: Floats) -> list[float]:
    """log p of each position of a trajectory x (T + 1, 1 + P), the category first and the end last."""
    location, unit = scale[:, 0], np.exp(scale[:, 1])
    nothing = np.concatenate([np.zeros(1 + config.parts), np.ones(1 + config.parts)])
    seen = [np.concatenate([(row - location) / unit, np.zeros(1 + config.parts)]) for row in x]
    reads = [np.concatenate([seen[t - k] if t >= k else nothing for k in config.lags]) for t in range(len(x))]

    def entered(net: str, read: Floats) -> Floats:
        return affine(w, f"{net}into.module", read) + affine(w, f"{net}inject.vector", vector)

    frames = core(w, config, [entered(DEEP, read) for read in reads])
    found: list[float] = []
    for row, read, frame in zip(x, reads, frames, strict=True):
        out = affine(w, f"{DEEP}out.module", frame)
        logits, rest = out[: config.marks], out[config.marks :]
        total = logits[int(row[0])] - special.logsumexp(logits)
        if row[0] < config.marks - 1:  # the values after an end cost nothing
            z = ((row - location) / unit)[1:] - entered(LINEAR, read)
            total -= scale[1:, 1].sum()
            if config.head == "bivariate":
                total += bivariate(rest, z, config.mixtures)
            else:
                total += chained(w, config, rest, z)
        found.append(float(total))
    return found


SIZES: dict[str, dict[str, Any]] = {
    "pen": {"parts": 2, "head": "bivariate", "marks": 3, "mixtures": 3},
    "channels": {"parts": 3, "head": "normal", "marks": 2, "chain": 4},
}
NETS: dict[str, tuple[Any, Any, Core]] = {
    "lstm": (RealLSTM, TrajectoryConfig, lstm),
    "gru": (RealGRU, TrajectoryConfig, gru),
    "mlp": (RealMLP, TrajectoryForwardConfig, forward),
}
LENGTHS = (5, 1, 3)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("net", NETS)
def test_a_trajectory_s_likelihood_is_that_of_a_plain_loop(net: str, sizes: str) -> None:
    family, kind, core = NETS[net]
    config = kind(**SIZES[sizes], lags=(1, 3), width=8, layers=2, vector=2)
    random = np.random.default_rng(3)
    model = family(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # all of them: the linear map, too, which begins as zero
            parameter.copy_(torch.tensor(random.normal(size=tuple(parameter.shape)) * 0.4))
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    scale = np.concatenate([np.zeros((3, 1, 2)), random.normal(size=(3, config.parts, 2))], 1)
    vector = random.normal(size=(3, 2))
    x = np.zeros((3, 1 + max(LENGTHS), 1 + config.parts))
    for row, length in zip(x, LENGTHS, strict=True):
        row[:length, 0] = random.integers(config.marks - 1, size=length)
        row[:length, 1:] = 2 * random.normal(size=(length, config.parts))
        row[length, 0] = config.marks - 1
    context = Context(vector=torch.tensor(vector), scale=torch.tensor(scale))
    with torch.no_grad():
        own = model.log_probs(torch.tensor(x), context).numpy()
        whole = model.log_prob(torch.tensor(x[:1]), context.select(torch.tensor([0])))
    for i, length in enumerate(LENGTHS):
        expected = loop(weights, config, core, x[i, : length + 1], scale[i], vector[i])
        assert np.allclose(own[i, : length + 1], expected, rtol=1e-9, atol=1e-9)
        assert math.isclose(own[i, : length + 1].sum(), sum(expected), rel_tol=1e-9, abs_tol=1e-9)
        if not i:  # the longest, which is not padded
            assert math.isclose(float(whole), sum(expected), rel_tol=1e-9, abs_tol=1e-9)
