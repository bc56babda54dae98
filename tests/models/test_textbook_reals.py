"""Every net over real values against a plain loop: lags, conditions, the net, the linear map, the density."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from registry import MODELS, ROWS
from seriatim.context import Context
from textbook import Named, cell, dilated, layer_norm, named, rms_norm, self_attention, sigmoid

Core = Callable[[Named, Any, list[Tensor]], list[Tensor]]


def gelu(x: Tensor) -> Tensor:
    """x Φ(x) (Hendrycks and Gimpel, 2016)."""
    return torch.tensor([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x.flatten().tolist()]).reshape(x.shape)


def softplus(v: float) -> float:
    return math.log1p(math.exp(v))


def recurrent(kind: str) -> Core:
    def core(w: Named, config: Any, frames: list[Tensor]) -> list[Tensor]:
        hs = [torch.zeros(config.width) for _ in range(config.layers)]
        cs, out = [h.clone() for h in hs], list[Tensor]()
        for frame in frames:
            y = frame
            for i in range(config.layers):
                y, cs[i] = cell(kind, w.of(f"recurrent_{i}.core"), y, hs[i], cs[i])
                hs[i] = y
            out.append(y)
        return out

    return core


def forward(w: Named, config: Any, frames: list[Tensor]) -> list[Tensor]:
    for i in range(config.layers - 1):
        frames = [x + w.affine(f"hidden_{i}.branch.module.1", gelu(x)) for x in frames]
    return [gelu(x) for x in frames]


def transformer(w: Named, config: Any, xs: list[Tensor]) -> list[Tensor]:
    for i in range(config.layers):
        branch = w.of(f"attention_{i}.branch.layers")
        before = [rms_norm(branch["0.module.weight"], x) for x in xs]
        ys = self_attention(branch.of("1"), before, config.heads, config.heads, 10000.0)
        xs = [x + y for x, y in zip(xs, ys, strict=True)]
        branch = w.of(f"forward_{i}.branch.layers")
        for t, x in enumerate(xs):
            y = rms_norm(branch["0.module.weight"], x)
            gate = branch.affine("1.module.gate", y)
            xs[t] = x + branch.affine("1.module.down", gate * sigmoid(gate) * branch.affine("1.module.up", y))
    return [rms_norm(w["norm.module.weight"], x) for x in xs]


def wavenet(w: Named, config: Any, xs: list[Tensor]) -> list[Tensor]:
    stack, width = w.of("stack"), config.width
    skips = [stack["skip_bias"].clone() for _ in xs]
    for i, dilation in enumerate(config.each):
        bias = stack["bias"][2 * width * i : 2 * width * (i + 1)]
        gated: list[Tensor] = []
        for t in range(len(xs)):
            z = bias.clone()
            for tap in range(2):  # the first one is the present
                at = t - tap * dilation
                z = z + (xs[at] @ stack["taps"][i, tap] if at >= 0 else 0)
            gated.append(torch.tanh(z[:width]) * sigmoid(z[width:]))
            skips[t] = skips[t] + gated[t] @ stack["skip"][width * i : width * (i + 1)]
        if i + 1 < len(config.each):
            xs = [x + y @ stack["residual"][i] for x, y in zip(xs, gated, strict=True)]
    return [gelu(skip) for skip in skips]


def bytenet(w: Named, config: Any, xs: list[Tensor]) -> list[Tensor]:
    for i, dilation in enumerate(config.each):
        block = w.of(f"block_{i}.branch.layers")
        into, back, conv = block.of("0.module"), block.of("2.module"), block.of("1.conv")
        hs = [layer_norm(into.of("0"), x).clamp_min(0) for x in xs]
        hs = [layer_norm(into.of("3"), into.affine("2", h)).clamp_min(0) for h in hs]
        ys = [dilated(conv["weight"], conv["bias"], hs, t, dilation) for t in range(len(xs))]
        xs = [x + back.affine("2", layer_norm(back.of("0"), y).clamp_min(0)) for x, y in zip(xs, ys, strict=True)]
    return [gelu(x) for x in xs]


CORES: dict[str, Core] = {
    "real-rnn": recurrent("rnn"),
    "real-lstm": recurrent("lstm"),
    "real-lstm-counts": recurrent("lstm"),
    "real-gru": recurrent("gru"),
    "real-transformer": transformer,
    "real-wavenet": wavenet,
    "real-bytenet": bytenet,
    "mlp": forward,
    "mlp-block": forward,
}


def test_every_net_over_reals_has_a_loop() -> None:
    made = {name: case.model() for name, case in MODELS.items()}
    nets = {name for name, net in made.items() if type(net).__module__ == "seriatim.models.real"}
    ended = {name for name in nets if hasattr(made[name].config, "marks")}  # tests/trajectory has their loops
    assert nets - ended == set(CORES)


def log_density(kind: str, p: list[float], z: float, mixtures: int) -> float:
    """log p(z) of a value in standard units, from the raw parameters."""
    scale = [softplus(v) + 1e-3 for v in p]
    if kind == "normal":
        return -0.5 * ((z - p[0]) / scale[1]) ** 2 - math.log(scale[1] * math.sqrt(2 * math.pi))
    if kind == "laplace":
        return -abs(z - p[0]) / scale[1] - math.log(2 * scale[1])
    if kind == "student":
        nu, location, width = 2 + scale[0], p[1], scale[2]
        constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi) - math.log(width)
        return constant - (nu + 1) / 2 * math.log1p(((z - location) / width) ** 2 / nu)
    weights = [math.exp(v) for v in p[:mixtures]]
    total = 0.0
    for m in range(mixtures):
        width = scale[2 * mixtures + m]
        v = (z - p[mixtures + m]) / width
        bell = (
            math.exp(-v * v / 2) / math.sqrt(2 * math.pi) if kind == "mixture" else 1 / (2 + math.exp(v) + math.exp(-v))
        )
        total += weights[m] / sum(weights) * bell / width
    return math.log(total)


def log_count(p: list[float], x: float, log_scale: float) -> float:
    """log p(x) of the negative binomial with mean μ and variance μ + α μ² (Salinas et al., 2020)."""
    mean = (softplus(p[0]) + 1e-6) * math.exp(log_scale)
    alpha = (softplus(p[1]) + 1e-6) * math.exp(-0.5 * log_scale)
    r = 1 / alpha
    ways = math.lgamma(x + r) - math.lgamma(x + 1) - math.lgamma(r)
    return ways + r * math.log(1 / (1 + alpha * mean)) + x * math.log(alpha * mean / (1 + alpha * mean))


def terms(w: Named, config: Any, core: Core, x: Tensor, context: Context) -> list[float]:
    """log p of each position of one row x (T, P)."""
    counted = config.head == "negative-binomial"
    assert context.scale is not None
    place, log_scale = context.scale[0].double().T
    frames = [torch.cat([(row - place) / log_scale.exp(), torch.zeros(config.parts)]) for row in x]
    nothing = torch.cat([torch.zeros(config.parts), torch.ones(config.parts)])
    net = (
        w.of("net.layers.net.layers.deep.layers")
        if "net.layers.net.layers.deep" in w
        else w.of("net.layers.net.layers")
    )
    linear = w.of("net.layers.net.layers.linear.layers") if "net.layers.net.layers.linear" in w else None

    def put_in(part: Named, read: Tensor, t: int) -> Tensor:
        y = part.affine("into.module", read)
        if context.vector is not None:
            y = y + part.affine("inject.vector", context.vector[0].double())
        if context.field is not None:
            y = y + part.affine("inject.field", context.field[0, t].double())
        return y

    reads = [torch.cat([frames[t - lag] if t >= lag else nothing for lag in config.lags]) for t in range(len(x))]
    said = [net.affine("out.module", y) for y in core(net, config, [put_in(net, r, t) for t, r in enumerate(reads)])]
    found: list[float] = []
    for t, out in enumerate(said):
        shift = torch.zeros(config.parts) if linear is None else put_in(linear, reads[t], t)
        z = (x[t] - place) / log_scale.exp() - shift
        if counted:
            found.append(log_count(out.tolist(), float(x[t, 0]), float(log_scale[0])))
            continue
        total = -float(log_scale.sum())
        for k in range(config.parts):
            p = out
            if config.parts > 1:
                head = w.of("head.inner")
                hidden = head.affine("into", out).reshape(config.parts, config.chain)[k]
                for j in range(k):
                    hidden = hidden + z[j] * head["before"][j, k]
                p = gelu(hidden) @ head["weight"][k] + head["bias"][k]
            total += log_density(config.head, p.tolist(), float(z[k]), config.mixtures)
        found.append(total)
    return found


@pytest.mark.parametrize("name", CORES)
def test_a_net_over_reals_is_its_textbook_s(name: str) -> None:
    case = MODELS[name]
    model: Any = case.model().double().eval()
    given: Any = case.given()
    x = case.x().double()
    context = Context(
        vector=None if given.vector is None else given.vector.double(),
        field=None if given.field is None else given.field.double(),
        scale=given.scale.double(),
    )
    with torch.no_grad():
        own = model.log_probs(x, context)
    wide = x if model.head.parts > 1 else x[..., None]
    with torch.no_grad():
        torch.set_default_dtype(torch.float64)
        try:
            loop = [
                terms(named(model), model.config, CORES[name], wide[i], context.select(torch.tensor([i])))
                for i in range(ROWS)
            ]
        finally:
            torch.set_default_dtype(torch.float32)
    assert torch.allclose(own, torch.tensor(loop, dtype=torch.float64), rtol=1e-9, atol=1e-9)
